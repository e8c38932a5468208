/**
 * Pipes: bytes in a ring between two ends. A reader waits until there are some, a writer until there is room.
 */
import { type Done, EPIPE } from "../abi/errno.ts";
import type { Bridge } from "../bridge/bridge.ts";
import { copyBytes } from "./bytes.ts";
import { Device, Signal } from "./devices.ts";
import type { INode } from "./node.ts";

/** Writes of up to this many bytes arrive in one piece, as POSIX wants. */
const ATOMIC = 4096;

/** What counts how often it has become readable and writable, for an `epoll_wait` that reports each time once. */
export interface Counting {
	readonly arrivals: number;
	readonly rooms: number;
}

/** The bytes between the two ends, in a ring. */
export class Ring {
	readonly capacity: number;
	start = 0;
	held = 0;
	readerGone = false;
	writerGone = false;
	/** How often bytes have come, and how often there was room again for a writer that had found too little. */
	arrivals = 0;
	rooms = 0;
	refused = false;
	readonly arrived: Signal;
	readonly drained: Signal;
	#made: Uint8Array | null = null;

	constructor(bridge: Bridge, capacity: number) {
		this.capacity = capacity;
		this.arrived = new Signal(bridge);
		this.drained = new Signal(bridge);
	}

	get room(): number {
		return this.capacity - this.held;
	}

	/** Of a pipe with two ways one is rarely used. */
	get #bytes(): Uint8Array {
		this.#made ??= new Uint8Array(this.capacity);
		return this.#made;
	}

	put(from: Uint8Array, at: number, count: number): void {
		const bytes = this.#bytes;
		const start = (this.start + this.held) % bytes.length;
		const straight = Math.min(count, bytes.length - start);
		copyBytes(from, at, bytes, start, straight);
		copyBytes(from, at + straight, bytes, 0, count - straight);
		this.held += count;
		this.arrivals += 1;
		this.arrived.raise();
	}

	take(into: Uint8Array, at: number, count: number): void {
		this.peek(into, at, count, 0);
		this.start = (this.start + count) % this.capacity;
		this.held -= count;
		if (this.refused) this.rooms += 1;
		this.refused = false;
		this.drained.raise();
	}

	/** Copies `count` of the bytes behind the first `skip`, and leaves them there. */
	peek(into: Uint8Array, at: number, count: number, skip: number): void {
		const bytes = this.#bytes;
		const start = (this.start + skip) % bytes.length;
		const straight = Math.min(count, bytes.length - start);
		copyBytes(bytes, start, into, at, straight);
		copyBytes(bytes, 0, into, at + straight, count - straight);
	}
}

/** Copies what is there; 0 at the end, or PENDING. */
export function readFrom(ring: Ring, into: Uint8Array, at: number, length: number): number {
	if (length === 0) return 0;
	if (ring.held === 0) return ring.writerGone ? 0 : ring.arrived.wait();
	const count = Math.min(length, ring.held);
	ring.take(into, at, count);
	return count;
}

/** How much a read would give; 0 at the end, or PENDING. */
export function readableOf(ring: Ring): number {
	return ring.held > 0 || ring.writerGone ? ring.held : ring.arrived.wait();
}

/** Takes what there is room for; PENDING, or EPIPE once the readers have gone. */
export function writeTo(ring: Ring, from: Uint8Array, at: number, length: number): number {
	if (ring.readerGone) return EPIPE;
	if (length === 0) return 0;
	const { room } = ring;
	ring.refused ||= room < length;
	if (room === 0 || (length <= ATOMIC && length <= ring.capacity && room < length)) {
		return ring.drained.wait();
	}
	const count = Math.min(length, room);
	ring.put(from, at, count);
	return count;
}

/** How much a write would take; PENDING, or EPIPE. */
export function writableOf(ring: Ring): number {
	if (ring.readerGone) return EPIPE;
	const enough = Math.min(ATOMIC, ring.capacity);
	return ring.room >= enough ? ring.room : ring.drained.wait();
}

/** The end that is read has gone. */
export function noReader(ring: Ring): void {
	ring.readerGone = true;
	ring.drained.raise();
}

/** The end that is written has gone. */
export function noWriter(ring: Ring): void {
	ring.writerGone = true;
	ring.arrived.raise();
}

/** The end that is read: at its end once the pipe is empty and the writers have gone. */
class PipeReader extends Device implements Counting {
	readonly #ring: Ring;
	readonly rooms = 0;

	constructor(ring: Ring) {
		super("pipe");
		this.#ring = ring;
	}

	get arrivals(): number {
		return this.#ring.arrivals;
	}

	override read(into: Uint8Array, at: number, length: number, _position: number): number {
		return readFrom(this.#ring, into, at, length);
	}

	override readable(): number {
		return readableOf(this.#ring);
	}

	override closed(): Done {
		noReader(this.#ring);
		return 0;
	}
}

/** The end that is written: EPIPE once the readers have gone. */
class PipeWriter extends Device implements Counting {
	readonly #ring: Ring;
	readonly arrivals = 0;

	constructor(ring: Ring) {
		super("pipe");
		this.#ring = ring;
	}

	get rooms(): number {
		return this.#ring.rooms;
	}

	override write(from: Uint8Array, at: number, length: number, _position: number): number {
		return writeTo(this.#ring, from, at, length);
	}

	override writable(): number {
		return writableOf(this.#ring);
	}

	override closed(): Done {
		noWriter(this.#ring);
		return 0;
	}
}

/** An end that is read and written: of two pipes, one each way. */
class DuplexEnd extends Device implements Counting {
	readonly #in: Ring;
	readonly #out: Ring;

	constructor(incoming: Ring, outgoing: Ring) {
		super("pipe");
		this.#in = incoming;
		this.#out = outgoing;
	}

	get arrivals(): number {
		return this.#in.arrivals;
	}

	get rooms(): number {
		return this.#out.rooms;
	}

	override read(into: Uint8Array, at: number, length: number, _position: number): number {
		return readFrom(this.#in, into, at, length);
	}

	override readable(): number {
		return readableOf(this.#in);
	}

	override write(from: Uint8Array, at: number, length: number, _position: number): number {
		return writeTo(this.#out, from, at, length);
	}

	override writable(): number {
		return writableOf(this.#out);
	}

	override closed(): Done {
		noReader(this.#in);
		noWriter(this.#out);
		return 0;
	}
}

/** A pipe. Each end is a node; an end is closed when `closed` is called on it. */
export function pipe(bridge: Bridge, capacity = 65536): { reader: INode; writer: INode } {
	const ring = new Ring(bridge, capacity);
	return { reader: new PipeReader(ring), writer: new PipeWriter(ring) };
}

/** Two ends, each of which reads what is written to the other. */
export function duplex(bridge: Bridge, capacity = 65536): [INode, INode] {
	const there = new Ring(bridge, capacity);
	const back = new Ring(bridge, capacity);
	return [new DuplexEnd(there, back), new DuplexEnd(back, there)];
}

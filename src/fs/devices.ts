/**
 * Nodes that hold no bytes of their own: null, zero, full, random, the standard streams, and
 * what stands at the two ends of a process.
 *
 * Whatever has to wait opens a ticket and is PENDING: a reader until there are bytes, a writer until
 * there is room. The ticket is answered by the other end.
 */
import { type Done, EIO, ENOENT, ENOSPC, type Errno } from "../abi/errno.ts";
import type { Bridge, OpenTicket } from "../bridge/bridge.ts";
import { copyBytes, zeroBytes } from "./bytes.ts";
import { type Entry, type INode, Node, nextDev, type Stat } from "./node.ts";

const DEV = nextDev();
/** Times are never 0, which some programs take for "none": one second after the epoch. */
const LONG_AGO = 1_000_000_000n;
/** What a node that never fills says it takes at once. */
const AT_ONCE = 65536;

/** What devices, pipes and streams share: times, and no size. */
export abstract class Device extends Node {
	#accessed = LONG_AGO;
	#modified = LONG_AGO;

	constructor(type: "device" | "pipe" | "directory" = "device") {
		super(DEV, type);
	}

	override stat(out: Stat): Done {
		out.dev = this.dev;
		out.ino = this.ino;
		out.type = this.type;
		out.size = 0;
		out.links = 1;
		out.accessed = this.#accessed;
		out.modified = this.#modified;
		out.changed = this.#modified;
		return 0;
	}

	override setTimes(accessed: bigint | null, modified: bigint | null): Done {
		if (accessed !== null) this.#accessed = accessed;
		if (modified !== null) this.#modified = modified;
		return 0;
	}

	override writable(): number {
		return AT_ONCE;
	}
}

/** `/dev/null`: always at its end, and takes everything. */
export class NullDevice extends Device {
	override read(_into: Uint8Array, _at: number, _length: number, _position: number): number {
		return 0;
	}

	override write(_from: Uint8Array, _at: number, length: number, _position: number): number {
		return length;
	}
}

/** `/dev/zero`. */
export class ZeroDevice extends NullDevice {
	override read(into: Uint8Array, at: number, length: number, _position: number): number {
		zeroBytes(into, at, length);
		return length;
	}

	override readable(): number {
		return AT_ONCE;
	}
}

/** `/dev/full`: reads zeros, and every write finds the disk full. */
export class FullDevice extends ZeroDevice {
	override write(_from: Uint8Array, _at: number, _length: number, _position: number): number {
		return ENOSPC;
	}
}

/** `/dev/random`, `/dev/urandom`. What is written is swallowed. */
export class RandomDevice extends NullDevice {
	readonly #fill: (bytes: Uint8Array) => void;

	/** `fill` fills up to 65,536 bytes. */
	constructor(fill: (bytes: Uint8Array) => void) {
		super();
		this.#fill = fill;
	}

	override read(into: Uint8Array, at: number, length: number, _position: number): number {
		for (let done = 0; done < length; done += AT_ONCE) {
			const part = Math.min(AT_ONCE, length - done);
			this.#fill(into.subarray(at + done, at + done + part));
		}
		return length;
	}

	override readable(): number {
		return AT_ONCE;
	}
}

/** `/dev/stdin`, `/dev/fd/7`: opening it yields the process's own descriptor. */
export class DescriptorDevice extends NullDevice {
	override readonly descriptor: number;

	constructor(descriptor: number) {
		super();
		this.descriptor = descriptor;
	}
}

/** `/dev/tty`: opening it yields the process's terminal; without one it is a null device. */
export class TtyDevice extends NullDevice {}

/** `/dev/fd`: one device per open descriptor of whoever looks. */
export class DescriptorDirectory extends Device {
	readonly #open: () => Iterable<number>;
	readonly #devices = new Map<number, DescriptorDevice>();

	/** `open` lists the descriptors of the process that is running. */
	constructor(open: () => Iterable<number>) {
		super("directory");
		this.#open = open;
	}

	override lookup(name: string): INode | Errno {
		for (const descriptor of this.#open()) {
			if (String(descriptor) === name) return this.#device(descriptor);
		}
		return ENOENT;
	}

	override readdir(cursor: number, out: Entry): number {
		let next = Number.POSITIVE_INFINITY;
		for (const descriptor of this.#open()) {
			if (descriptor >= cursor && descriptor < next) next = descriptor;
		}
		if (next === Number.POSITIVE_INFINITY) return 0;
		out.name = String(next);
		out.ino = this.#device(next).ino;
		out.type = "device";
		return next + 1;
	}

	#device(descriptor: number): DescriptorDevice {
		let device = this.#devices.get(descriptor);
		if (device === undefined) {
			device = new DescriptorDevice(descriptor);
			this.#devices.set(descriptor, device);
		}
		return device;
	}
}

/** A ticket that several may wait for, and that is new after each answer. */
export class Signal {
	readonly #bridge: Bridge;
	#ticket: OpenTicket<void> | null = null;

	constructor(bridge: Bridge) {
		this.#bridge = bridge;
	}

	/** PENDING until `raise` is called. */
	wait(): Errno {
		this.#ticket ??= this.#bridge.ticket<void>();
		return this.#bridge.pending(this.#ticket);
	}

	raise(): void {
		const ticket = this.#ticket;
		this.#ticket = null;
		ticket?.answer();
	}
}

/** What a process reads and the host feeds: bytes ahead of time, or as they come. */
export class Input extends Device {
	readonly #arrived: Signal;
	readonly #onRead: (() => void) | undefined;
	readonly #queue: Uint8Array[] = [];
	/** How much of the first of the queue has been read. */
	#taken = 0;
	#held = 0;
	#ended = false;
	#failed = false;

	/** `onRead` is called after bytes have been taken, and before a reader waits: time to feed. */
	constructor(bridge: Bridge, type: "device" | "pipe" = "pipe", onRead?: () => void) {
		super(type);
		this.#arrived = new Signal(bridge);
		this.#onRead = onRead;
	}

	/** Bytes that have been fed and not read. */
	get held(): number {
		return this.#held;
	}

	/** Appends bytes, which nobody may change afterwards. */
	feed(bytes: Uint8Array): void {
		if (bytes.length === 0 || this.#ended) return;
		this.#queue.push(bytes);
		this.#held += bytes.length;
		this.#arrived.raise();
	}

	/** After what has been fed comes the end; where it failed, one EIO before it. */
	end(failed = false): void {
		this.#ended = true;
		this.#failed = failed;
		this.#arrived.raise();
	}

	override read(into: Uint8Array, at: number, length: number, _position: number): number {
		if (length === 0) return 0;
		if (this.#held === 0) {
			if (!this.#failed) return this.#wait();
			this.#failed = false;
			return EIO;
		}
		let done = 0;
		while (done < length && this.#held > 0) done += this.#some(into, at + done, length - done);
		this.#onRead?.();
		return done;
	}

	override readable(): number {
		return this.#held > 0 ? this.#held : this.#wait();
	}

	/** No reader is left: what has been fed is dropped, and so is what comes. */
	override closed(): Done {
		this.end();
		this.#queue.length = 0;
		this.#taken = 0;
		this.#held = 0;
		this.#onRead?.();
		return 0;
	}

	/** 0 at the end. The ticket is opened first, because `onRead` may feed at once. */
	#wait(): number {
		if (this.#ended) return 0;
		const pending = this.#arrived.wait();
		this.#onRead?.();
		return pending;
	}

	#some(into: Uint8Array, at: number, length: number): number {
		const first = this.#queue[0] as Uint8Array;
		const count = Math.min(length, first.length - this.#taken);
		copyBytes(first, this.#taken, into, at, count);
		this.#taken += count;
		this.#held -= count;
		if (this.#taken === first.length) {
			this.#queue.shift();
			this.#taken = 0;
		}
		return count;
	}
}

/** Takes bytes from a process: how many of them, PENDING, or an Errno such as EPIPE. */
export type Sink = (from: Uint8Array, at: number, length: number) => number;

/** What a process writes and the host receives. */
export class Output extends Device {
	readonly #sink: Sink;
	readonly #room: (() => number) | undefined;
	readonly #onClosed: (() => void) | undefined;

	/** `room` tells how many bytes the sink takes at once, or is PENDING. */
	constructor(
		sink: Sink,
		options: { type?: "device" | "pipe"; room?: () => number; closed?: () => void } = {},
	) {
		super(options.type ?? "pipe");
		this.#sink = sink;
		this.#room = options.room;
		this.#onClosed = options.closed;
	}

	override read(_into: Uint8Array, _at: number, _length: number, _position: number): number {
		return EIO;
	}

	override write(from: Uint8Array, at: number, length: number, _position: number): number {
		return this.#sink(from, at, length);
	}

	override writable(): number {
		return this.#room === undefined ? AT_ONCE : this.#room();
	}

	override closed(): Done {
		this.#onClosed?.();
		return 0;
	}
}

/**
 * Stream sockets: one that listens, and connections of two pipes, one each way.
 *
 *     connect ──> listener: [ connection, connection … ] ──> accept
 *                             ring ──>
 *                             <── ring
 *
 * A connection is whole as soon as it is in the line of its listener: what is sent before `accept` waits in the ring.
 * A call that would wait is PENDING, and where a program does not want to wait its caller makes that EAGAIN.
 */
import {
	type Done,
	ECONNREFUSED,
	ECONNRESET,
	EINVAL,
	EISCONN,
	ENETUNREACH,
	ENOBUFS,
	ENOTCONN,
	EPIPE,
	type Errno,
} from "../abi/errno.ts";
import type { Ticket } from "../bridge/bridge.ts";
import { Signal } from "../fs/devices.ts";
import {
	type Counting,
	noReader,
	noWriter,
	Ring,
	readableOf,
	readFrom,
	writableOf,
	writeTo,
} from "../fs/pipe.ts";
import {
	type Address,
	anyHost,
	type Family,
	INET4,
	INET6,
	isAny,
	isIpv4,
	isLoopback,
	loopback,
} from "./address.ts";
import type { Network } from "./network.ts";
import { READING, Socket, WRITING } from "./socket.ts";

/** Bytes on the way in one direction. */
export const CAPACITY = 65536;
const MOST_WAITING = 1024;

export class StreamSocket extends Socket implements Counting {
	readonly isStream = true;
	#in: Ring | null = null;
	#out: Ring | null = null;
	#other: StreamSocket | null = null;
	/** Connections that have not been accepted; null for one that does not listen. */
	#line: StreamSocket[] | null = null;
	#most = 0;
	/** The line has become longer, or shorter. */
	readonly #moved: Signal;
	#readsNoMore = false;
	/** What the page's provider answers. */
	#opening: Ticket<void> | null = null;
	/** Connections that have come. */
	#came = 0;

	constructor(network: Network, family: Family) {
		super(network, family, "pipe");
		this.#moved = new Signal(network.bridge);
	}

	get listens(): boolean {
		return this.#line !== null;
	}

	get isConnected(): boolean {
		return this.#in !== null;
	}

	get arrivals(): number {
		return this.#in?.arrivals ?? this.#came;
	}

	get rooms(): number {
		return this.#out?.rooms ?? 0;
	}

	/** Bytes that can be read without waiting. */
	get held(): number {
		return this.#in?.held ?? 0;
	}

	/** PENDING while fewer than `length` bytes have come, or than a ring holds, and more may come. */
	awaitAll(length: number): Done {
		const ring = this.#in;
		if (ring === null || ring.writerGone || this.#readsNoMore || this.failure !== 0) return 0;
		return ring.held < Math.min(length, CAPACITY) ? ring.arrived.wait() : 0;
	}

	/** Waits for connections, as many as `most` at once. Errors: EINVAL for one that is connected; EADDRINUSE. */
	listen(most: number): Done {
		if (this.isConnected) return EINVAL;
		const done =
			this.local === null
				? this.network.bind(this, { family: this.family, host: anyHost(this.family), port: 0 })
				: 0;
		if (done !== 0) return done;
		this.#line ??= [];
		this.#most = Math.min(Math.max(most, 1), MOST_WAITING);
		return 0;
	}

	/** The connection that has waited longest, which stays in the line; PENDING, or EINVAL for one that does not listen. */
	first(): StreamSocket | Errno {
		if (this.#line === null) return EINVAL;
		return this.#line[0] ?? this.#moved.wait();
	}

	/** The first has been accepted. */
	shift(): void {
		this.#line?.shift();
		this.#moved.raise();
	}

	/** PENDING while the line of the listener is full. Errors: ECONNREFUSED, ENETUNREACH, EISCONN, ENOBUFS. */
	override connect({ host: to, port }: Address): Done {
		if (this.#opening !== null) return this.#connectBeyond(to, port);
		if (this.isConnected || this.listens) return EISCONN;
		const host = isAny(to) ? loopback(isIpv4(to) ? INET4 : INET6) : to;
		if (!isLoopback(host)) return this.#connectBeyond(host, port);
		const found = this.network.at("stream", host, port);
		const listener = found.find((socket) => (socket as StreamSocket).listens) as
			| StreamSocket
			| undefined;
		if (listener === undefined) return ECONNREFUSED;
		if (this.network.isFull) return ENOBUFS;
		const line = listener.#line as StreamSocket[];
		if (line.length >= listener.#most) return listener.#moved.wait();
		const done = this.network.bindFor(this, host);
		if (done !== 0) return done;
		const accepted = new StreamSocket(this.network, listener.family);
		StreamSocket.join(this, accepted);
		const local = this.local as Address;
		this.peer = { family: this.family, host, port };
		accepted.peer = { ...local, family: listener.family };
		accepted.local = { family: listener.family, host, port };
		line.push(accepted);
		listener.#came += 1;
		listener.#moved.raise();
		return 0;
	}

	/** PENDING until the page's provider has connected it. */
	#connectBeyond(host: string, port: number): Done {
		const { network, family } = this;
		const { beyond, bridge } = network;
		if (beyond === null) return ENETUNREACH;
		if (this.#opening === null) {
			if (network.isFull) return ENOBUFS;
			const done = this.local ? 0 : network.bind(this, { family, host: anyHost(family), port: 0 });
			if (done !== 0) return done;
			this.#opening = beyond.connect(this, host, port);
			this.peer = { family, host, port };
		}
		const { done, error } = this.#opening;
		if (!done) return bridge.pending(this.#opening);
		this.#opening = null;
		if (error !== 0) this.peer = null;
		return error;
	}

	/** Whether the provider has yet to answer. One that has failed says why when it is next used. */
	get opens(): boolean {
		const opening = this.#opening;
		if (opening === null || !opening.done) return opening !== null;
		this.#opening = null;
		this.failure = opening.error;
		return false;
	}

	/** It may be the first to ask what became of a connection. */
	override takeFailure(): Done {
		return this.opens ? 0 : super.takeFailure();
	}

	/** Connects two sockets with each other. */
	static join(one: StreamSocket, other: StreamSocket): void {
		const { bridge } = one.network;
		one.#in = other.#out = new Ring(bridge, CAPACITY);
		one.#out = other.#in = new Ring(bridge, CAPACITY);
		one.#other = other;
		other.#other = one;
	}

	override read(into: Uint8Array, at: number, length: number, _position: number): number {
		if (this.#in === null) return ENOTCONN;
		if (this.#in.held === 0 && this.failure !== 0) return this.takeFailure();
		return this.#readsNoMore ? 0 : readFrom(this.#in, into, at, length);
	}

	/** As `read`, without taking; `skip` bytes are left out. */
	peek(into: Uint8Array, at: number, length: number, skip: number): number {
		const left = this.held - skip;
		if (this.#in === null || this.#readsNoMore || left <= 0)
			return skip > 0 ? 0 : this.read(into, at, length, 0);
		const count = Math.min(length, left);
		this.#in.peek(into, at, count, skip);
		return count;
	}

	override write(from: Uint8Array, at: number, length: number, _position: number): number {
		if (this.#out === null) return ENOTCONN;
		if (this.failure !== 0) return this.takeFailure();
		return this.#out.writerGone ? EPIPE : writeTo(this.#out, from, at, length);
	}

	override readable(): number {
		if (this.#line !== null) return this.#line.length > 0 ? this.#line.length : this.#moved.wait();
		if (this.opens) return this.network.bridge.pending(this.#opening as Ticket<void>);
		if (this.#in === null) return this.failure || ENOTCONN;
		if (this.#in.held === 0 && this.failure !== 0) return this.failure;
		return this.#readsNoMore ? 0 : readableOf(this.#in);
	}

	override writable(): number {
		if (this.opens) return this.network.bridge.pending(this.#opening as Ticket<void>);
		if (this.#out === null) return this.failure || ENOTCONN;
		if (this.failure !== 0) return this.failure;
		return this.#out.writerGone ? EPIPE : writableOf(this.#out);
	}

	/** PENDING while something that is written may be read. */
	gone(): number {
		const ring = this.#out;
		const isOver = ring === null || ring.readerGone || ring.writerGone || this.failure !== 0;
		return isOver ? 1 : ring.drained.wait();
	}

	override shutdown(how: number): Done {
		if (this.#in === null || this.#out === null) return ENOTCONN;
		if ((how & WRITING) !== 0) {
			noWriter(this.#out);
			// It waits for room that it does not need any more.
			this.#out.drained.raise();
		}
		if ((how & READING) !== 0) {
			this.#readsNoMore = true;
			noReader(this.#in);
			this.#in.arrived.raise();
		}
		return 0;
	}

	/** What the other has sent and nothing has read is lost, which the other is told. */
	override closed(): Done {
		super.closed();
		for (const waiting of this.#line ?? []) waiting.reset();
		this.#line = null;
		this.#moved.raise();
		if (this.held > 0 && !this.#readsNoMore) this.#other?.break();
		this.shutdown(READING | WRITING);
		return 0;
	}

	/** Closes it, and tells the other that what it has sent is lost. */
	reset(): void {
		this.#other?.break();
		this.closed();
	}

	/** The other end has closed the connection without reading all. */
	break(): void {
		this.failure = ECONNRESET;
		this.#in?.arrived.raise();
		this.#out?.drained.raise();
	}
}

/**
 * Datagram sockets: each piece that is sent arrives whole, or not at all where the receiver has no room.
 */
import {
	type Done,
	ECONNREFUSED,
	EDESTADDRREQ,
	EMSGSIZE,
	ENETUNREACH,
	ENOTCONN,
	EPIPE,
	type Errno,
} from "../abi/errno.ts";
import { copyBytes } from "../fs/bytes.ts";
import { Signal } from "../fs/devices.ts";
import type { Counting } from "../fs/pipe.ts";
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

/** The largest that UDP has. */
export const MOST_DATAGRAM = 65507;
/** What one receiver holds. */
const MOST_BYTES = 65536;
const MOST_PIECES = 256;

export interface Datagram {
	readonly from: Address | null;
	readonly bytes: Uint8Array;
}

/** A device, so that a read of several buffers takes one datagram. */
export class DatagramSocket extends Socket implements Counting {
	readonly isStream = false;
	readonly #queue: Datagram[] = [];
	#held = 0;
	/** Datagrams that have come, and were taken. */
	arrivals = 0;
	rooms = 0;
	/** A datagram has come, or was taken. */
	readonly #moved: Signal;
	/** The other of a pair, which has no address. */
	#other: DatagramSocket | null = null;
	#isPair = false;
	#readsNoMore = false;
	#writesNoMore = false;

	constructor(network: Network, family: Family) {
		super(network, family, "device");
		this.#moved = new Signal(network.bridge);
	}

	/** Makes two sockets the ends of a pair. */
	static join(one: DatagramSocket, other: DatagramSocket): void {
		one.#other = other;
		other.#other = one;
		one.#isPair = other.#isPair = true;
	}

	/** From now on it sends there, and takes only what comes from there. Errors: ENETUNREACH, EADDRINUSE. */
	override connect({ host: to, port }: Address): Done {
		const host = isAny(to) ? loopback(isIpv4(to) ? INET4 : INET6) : to;
		if (!isLoopback(host)) return ENETUNREACH;
		const done = this.network.bindFor(this, host);
		if (done === 0) this.peer = { family: this.family, host, port };
		return done;
	}

	/** The datagram that came first; PENDING where there is none, null where no more are wanted. */
	first(): Datagram | Errno | null {
		if (this.failure !== 0) return this.takeFailure() as Errno;
		if (this.#queue.length > 0) return this.#queue[0] as Datagram;
		if (this.#readsNoMore || (this.#isPair && this.#other === null)) return null;
		return this.#moved.wait();
	}

	shift(): void {
		this.#held -= this.#queue.shift()?.bytes.length ?? 0;
		if (this.#other === null) return;
		this.#other.rooms += 1;
		this.#moved.raise();
	}

	/** Sends bytes, which nothing may change afterwards. A pair loses nothing: PENDING while its other end is full.
	 *  Errors: EMSGSIZE, EPIPE, EDESTADDRREQ, ENETUNREACH, ECONNREFUSED where it is connected to none. */
	send(bytes: Uint8Array, to: Address | null): number {
		if (bytes.length > MOST_DATAGRAM) return EMSGSIZE;
		if (this.#writesNoMore) return EPIPE;
		if (this.#isPair) {
			if (this.#other === null) return ECONNREFUSED;
			if (!this.#other.#hasRoom(bytes.length)) return this.#other.#moved.wait();
			this.#other.#take({ from: null, bytes });
			return bytes.length;
		}
		const goal = to ?? this.peer;
		if (goal === null) return EDESTADDRREQ;
		const host = isAny(goal.host) ? loopback(isIpv4(goal.host) ? INET4 : INET6) : goal.host;
		if (!isLoopback(host)) return ENETUNREACH;
		const { network, family } = this;
		if (this.local === null) {
			const done = network.bind(this, { family, host: anyHost(family), port: 0 });
			if (done !== 0) return done;
		}
		const local = this.local as unknown as Address;
		const own = isAny(local.host) ? host : local.host;
		const from = { ...local, host: own };
		const [receiver] = network
			.at("datagram", host, goal.port)
			.filter((socket) => (socket as DatagramSocket).#wants(from)) as DatagramSocket[];
		if (receiver === undefined) return to === null ? ECONNREFUSED : bytes.length;
		receiver.#take({ from: { ...from, family: receiver.family }, bytes });
		return bytes.length;
	}

	override read(into: Uint8Array, at: number, length: number, _position: number): number {
		const found = this.first();
		if (found === null) return 0;
		if (typeof found === "number") return found;
		const count = Math.min(length, found.bytes.length);
		copyBytes(found.bytes, 0, into, at, count);
		this.shift();
		return count;
	}

	override write(from: Uint8Array, at: number, length: number, _position: number): number {
		if (length > MOST_DATAGRAM) return EMSGSIZE;
		return this.send(from.slice(at, at + length), null);
	}

	/** An empty datagram is no end. */
	override readable(): number {
		const [first] = this.#queue;
		if (first !== undefined) return Math.max(first.bytes.length, 1);
		if (this.failure !== 0) return this.failure;
		const isAtEnd = this.#readsNoMore || (this.#isPair && this.#other === null);
		return isAtEnd ? 0 : this.#moved.wait();
	}

	override writable(): number {
		const other = this.#other;
		return other === null || other.#hasRoom(0) ? MOST_DATAGRAM : other.#moved.wait();
	}

	override shutdown(how: number): Done {
		if (this.peer === null && !this.#isPair) return ENOTCONN;
		if ((how & WRITING) !== 0) this.#writesNoMore = true;
		if ((how & READING) !== 0) {
			this.#readsNoMore = true;
			this.#moved.raise();
		}
		return 0;
	}

	override closed(): Done {
		super.closed();
		this.#queue.length = 0;
		this.#readsNoMore = true;
		this.#moved.raise();
		const other = this.#other;
		this.#other = null;
		if (other !== null) {
			other.#other = null;
			other.#moved.raise();
		}
		return 0;
	}

	#wants(from: Address): boolean {
		const { peer } = this;
		return peer === null || (peer.host === from.host && peer.port === from.port);
	}

	#hasRoom(length: number): boolean {
		if (this.#readsNoMore || this.#queue.length === 0) return true;
		return this.#queue.length < MOST_PIECES && this.#held + length <= MOST_BYTES;
	}

	/** What does not fit is lost. */
	#take(datagram: Datagram): void {
		const { length } = datagram.bytes;
		if (!this.#hasRoom(length) || this.#readsNoMore) return;
		this.#queue.push(datagram);
		this.arrivals += 1;
		this.#held += length;
		this.#moved.raise();
	}
}

/**
 * The network of a sandbox: its programs, and its page, reach each other by ports. There is one machine in it, with the
 * addresses 127.0.0.0/8 and ::1.
 *
 *     connect 127.0.0.1:80 ─> the socket that listens at 127.0.0.1:80, 0.0.0.0:80 or [::]:80
 */
import { type Done, EADDRINUSE, EADDRNOTAVAIL } from "../abi/errno.ts";
import type { Bridge, Ticket } from "../bridge/bridge.ts";
import { type Address, anyHost, INET4, isAny, isIpv4, isLoopback, loopback } from "./address.ts";
import type { Socket } from "./socket.ts";
import type { StreamSocket } from "./stream.ts";

/** What is asked for addresses and names that are not of this machine. Tickets that fail say why. */
export interface Beyond {
	/** Done when the socket has been joined with its peer. */
	connect(socket: StreamSocket, host: string, port: number): Ticket<void>;
	/** Addresses as texts; nothing has checked them. */
	resolve(name: string): Ticket<unknown>;
}

/** Sockets that may be open at once in a sandbox: each may hold 64 KiB. */
const MOST_SOCKETS = 4096;
/** Where ports begin that nothing asked for by number. */
const FIRST_FREE = 49152;
const LAST_PORT = 65535;

export class Network {
	readonly bridge: Bridge;
	/** Null where nothing lies beyond. */
	beyond: Beyond | null = null;
	/** Sockets that are open. */
	open = 0;
	/** Sockets with a port, by kind and port: what streams and datagrams use are apart. */
	readonly #bound = {
		stream: new Map<number, Set<Socket>>(),
		datagram: new Map<number, Set<Socket>>(),
	};
	#next = FIRST_FREE;

	constructor(bridge: Bridge) {
		this.bridge = bridge;
	}

	get isFull(): boolean {
		return this.open >= MOST_SOCKETS;
	}

	/** Gives a socket an address, and a free port for 0. Errors: EADDRINUSE; EADDRNOTAVAIL for one that is not of this
	 *  machine. */
	bind(socket: Socket, { host, port: wanted }: Address): Done {
		if (!isAny(host) && !isLoopback(host)) return EADDRNOTAVAIL;
		const port = wanted === 0 ? this.#freePort(socket, host) : wanted;
		if (port === 0 || this.#isTaken(socket, host, port)) return EADDRINUSE;
		const ports = this.#ports(socket);
		const there = ports.get(port) ?? new Set();
		there.add(socket);
		ports.set(port, there);
		socket.local = { family: socket.family, host, port };
		return 0;
	}

	/** Gives a socket that has no address the one from which it reaches `host`. Errors: EADDRINUSE. */
	bindFor(socket: Socket, host: string): Done {
		if (socket.local === null) {
			const own = isIpv4(host) ? "127.0.0.1" : loopback(socket.family);
			return this.bind(socket, { family: socket.family, host: own, port: 0 });
		}
		// What has all addresses answers from the one that it was reached at.
		if (isAny(socket.local.host)) socket.local = { ...socket.local, host };
		return 0;
	}

	/** A socket is closed. */
	release(socket: Socket): void {
		const { local } = socket;
		if (local === null) return;
		const ports = this.#ports(socket);
		const there = ports.get(local.port);
		there?.delete(socket);
		if (there?.size === 0) ports.delete(local.port);
	}

	/** The sockets of a kind that are reached at an address, the one that names it before those that mean all. */
	at(kind: "stream" | "datagram", host: string, port: number): Socket[] {
		const there = [...(this.#bound[kind].get(port) ?? [])];
		const reached = there.filter((socket) => reaches(socket, host));
		return reached.sort((a, b) => Number(a.local?.host !== host) - Number(b.local?.host !== host));
	}

	#ports({ isStream }: Socket): Map<number, Set<Socket>> {
		return this.#bound[isStream ? "stream" : "datagram"];
	}

	#isTaken(socket: Socket, host: string, port: number): boolean {
		for (const other of this.#ports(socket).get(port) ?? []) {
			if (socket.sharesPort && other.sharesPort) continue;
			if (meets(other, socket, host)) return true;
		}
		return false;
	}

	/** A port that nothing uses; 0 where there is none. */
	#freePort(socket: Socket, host: string): number {
		for (let tried = FIRST_FREE; tried <= LAST_PORT; tried++) {
			const port = this.#next;
			this.#next = port === LAST_PORT ? FIRST_FREE : port + 1;
			if (!this.#isTaken(socket, host, port)) return port;
		}
		return 0;
	}
}

/** Whether what is sent to `host` comes to a socket. */
function reaches({ local, onlyIpv6 }: Socket, host: string): boolean {
	if (local === null) return false;
	if (local.host === host) return true;
	if (!isAny(local.host)) return false;
	return isIpv4(host) ? local.host !== "::" || !onlyIpv6 : local.host === "::";
}

/** Whether two sockets would be reached at the same address. */
function meets(other: Socket, socket: Socket, host: string): boolean {
	if (other.local === null) return false;
	const there = other.local.host;
	if (reaches(other, host) || there === host) return true;
	if (!isAny(host)) return false;
	const takesIpv4 = host === anyHost(INET4) || !socket.onlyIpv6;
	return isIpv4(there) ? takesIpv4 : host === "::";
}

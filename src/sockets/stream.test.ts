import { expect, test } from "vitest";
import {
	EADDRINUSE,
	EADDRNOTAVAIL,
	ECONNREFUSED,
	ECONNRESET,
	EINVAL,
	EISCONN,
	ENETUNREACH,
	ENOBUFS,
	ENOTCONN,
	EPIPE,
	PENDING,
} from "../abi/errno.ts";
import { dice, seeds, withSeed } from "../abi/random.testkit.ts";
import { HandBridge } from "../bridge/manual-bridge.testkit.ts";
import { type Address, INET4, INET6 } from "./address.ts";
import { Network } from "./network.ts";
import { ONLY_IPV6, REUSE_PORT } from "./socket.ts";
import { CAPACITY, StreamSocket } from "./stream.ts";

const bridge = new HandBridge();

function socket(network: Network, family: typeof INET4 | typeof INET6 = INET4) {
	return new StreamSocket(network, family);
}

const at = (host: string, port: number): Address => ({ family: INET4, host, port });

function listening(network: Network, host: string, port: number, most = 8): StreamSocket {
	const made = socket(network, host.includes(":") ? INET6 : INET4);
	expect(network.bind(made, at(host, port))).toBe(0);
	expect(made.listen(most)).toBe(0);
	return made;
}

function accepted(listener: StreamSocket): StreamSocket {
	const first = listener.first();
	if (typeof first === "number") throw new Error(`nothing waits: ${first}`);
	listener.shift();
	return first;
}

function connected(network = new Network(bridge)) {
	const listener = listening(network, "127.0.0.1", 7000);
	const client = socket(network);
	expect(client.connect(at("127.0.0.1", 7000))).toBe(0);
	return { network, listener, client, server: accepted(listener) };
}

const put = (to: StreamSocket, text: string) => {
	const bytes = new TextEncoder().encode(text);
	return to.write(bytes, 0, bytes.length, 0);
};

function got(from: StreamSocket, length = 100): string | number {
	const bytes = new Uint8Array(length);
	const n = from.read(bytes, 0, length, 0);
	return n < 0 ? n : new TextDecoder().decode(bytes.subarray(0, n));
}

test("a listener is reached at the addresses that it has", () => {
	const reached: readonly (readonly [listener: string, to: string, is: boolean])[] = [
		["127.0.0.1", "127.0.0.1", true],
		["127.0.0.1", "127.0.0.2", false],
		["127.0.0.1", "0.0.0.0", true],
		["127.0.0.1", "::1", false],
		["0.0.0.0", "127.0.0.9", true],
		["0.0.0.0", "::1", false],
		["::", "::1", true],
		["::", "127.0.0.1", true],
		["::1", "::1", true],
		["::1", "::", true],
		["::1", "127.0.0.1", false],
	];
	for (const [host, to, is] of reached) {
		const network = new Network(bridge);
		listening(network, host, 80);
		const done = socket(network, INET6).connect(at(to, 80));
		expect(done, `${host} from ${to}`).toBe(is ? 0 : ECONNREFUSED);
	}
	const network = new Network(bridge);
	const only = socket(network, INET6);
	only.options.set(ONLY_IPV6, 1);
	expect([network.bind(only, at("::", 80)), only.listen(1)]).toEqual([0, 0]);
	expect(socket(network).connect(at("127.0.0.1", 80))).toBe(ECONNREFUSED);
});

test("both ends know the addresses of both", () => {
	const { client, server } = connected();
	expect(client.peer).toMatchObject({ host: "127.0.0.1", port: 7000 });
	expect(server.local).toEqual(client.peer);
	expect(server.peer).toEqual(client.local);
	expect(client.local?.port).toBeGreaterThanOrEqual(49152);
});

test("an address is used by one at a time, unless all say that they share it", () => {
	const network = new Network(bridge);
	const first = listening(network, "127.0.0.1", 80);
	for (const host of ["127.0.0.1", "0.0.0.0", "::"]) {
		expect(network.bind(socket(network, INET6), at(host, 80)), host).toBe(EADDRINUSE);
	}
	expect(network.bind(socket(network), at("127.0.0.2", 80))).toBe(0);
	expect(network.bind(socket(network, INET6), at("::1", 80))).toBe(0);
	expect(network.bind(socket(network), at("192.0.2.1", 80))).toBe(EADDRNOTAVAIL);
	first.closed();
	expect(network.bind(socket(network), at("127.0.0.1", 80))).toBe(0);
	const sharing = [socket(network), socket(network)];
	for (const one of sharing) {
		one.options.set(REUSE_PORT, 1);
		expect(network.bind(one, at("127.0.0.1", 81))).toBe(0);
	}
});

test("port 0 is a free one", () => {
	const network = new Network(bridge);
	const [one, other] = [socket(network), socket(network)];
	expect([one, other].map((of) => network.bind(of, at("0.0.0.0", 0)))).toEqual([0, 0]);
	expect(one.local?.port).not.toBe(other.local?.port);
});

test("a full line makes connecting wait, and a listener that closes refuses and resets", () => {
	const network = new Network(bridge);
	const listener = listening(network, "127.0.0.1", 80, 2);
	const clients = [socket(network), socket(network), socket(network)] as const;
	const connect = (of: StreamSocket) => of.connect(at("127.0.0.1", 80));
	expect(clients.map(connect)).toEqual([0, 0, PENDING]);
	const [ticket] = bridge.notes.splice(0);
	const server = accepted(listener);
	expect(ticket?.done).toBe(true);
	expect(connect(clients[2])).toBe(0);
	listener.closed();
	expect(connect(socket(network))).toBe(ECONNREFUSED);
	expect(got(clients[1])).toBe(ECONNRESET);
	expect([got(clients[1]), put(clients[1], "x")]).toEqual(["", EPIPE]);
	// What was accepted goes on.
	expect([put(clients[0], "still"), got(server)]).toEqual([5, "still"]);
});

test("what is sent before the end is read before the end", () => {
	const { client, server } = connected();
	put(client, "last words");
	expect(client.shutdown(2)).toBe(0);
	expect([got(server, 5), got(server), got(server)]).toEqual(["last ", "words", ""]);
	expect(put(client, "more")).toBe(EPIPE);
	// The other direction is open.
	put(server, "answer");
	expect(got(client)).toBe("answer");
	server.closed();
	expect(got(client)).toBe("");
});

test("an end that closes with bytes unread tells the other, once", () => {
	const { client, server } = connected();
	put(client, "never read");
	put(server, "read");
	server.closed();
	expect([got(client), got(client), got(client)]).toEqual(["read", ECONNRESET, ""]);
	expect(put(client, "x")).toBe(EPIPE);
});

test("an end that reads no more breaks the pipe of the other", () => {
	const { client, server } = connected();
	server.shutdown(1);
	expect([put(client, "x"), got(server)]).toEqual([EPIPE, ""]);
	expect([put(server, "y"), got(client)]).toEqual([1, "y"]);
});

test("what waits wakes: a reader by bytes and by the end, a writer by room and by a close", () => {
	const { client, server } = connected();
	const note = (n: string | number) => {
		expect(n).toBe(PENDING);
		return bridge.notes.splice(0)[0];
	};
	let waits = note(got(server));
	put(client, "x");
	expect([waits?.done, got(server)]).toEqual([true, "x"]);
	const full = new Uint8Array(CAPACITY);
	expect(client.write(full, 0, CAPACITY, 0)).toBe(CAPACITY);
	waits = note(client.write(full, 0, 1, 0));
	expect(client.writable()).toBe(PENDING);
	bridge.dropNotes();
	server.read(full, 0, CAPACITY, 0);
	expect([waits?.done, client.write(full, 0, 1, 0)]).toEqual([true, 1]);
	client.write(full, 0, CAPACITY - 1, 0);
	waits = note(client.write(full, 0, 1, 0));
	server.closed();
	expect([waits?.done, client.write(full, 0, 1, 0)]).toEqual([true, ECONNRESET]);
});

test("calls that make no sense are refused", () => {
	const { network, client, listener } = connected();
	const idle = socket(network);
	expect([got(idle), put(idle, "x"), idle.shutdown(3), idle.first()]).toEqual([
		ENOTCONN,
		ENOTCONN,
		ENOTCONN,
		EINVAL,
	]);
	expect(client.connect(at("127.0.0.1", 7000))).toBe(EISCONN);
	expect(listener.connect(at("127.0.0.1", 7000))).toBe(EISCONN);
	expect(client.listen(1)).toBe(EINVAL);
	expect(idle.connect(at("192.0.2.1", 80))).toBe(ENETUNREACH);
});

test("a network holds so many sockets, and those that are closed leave nothing", () => {
	const network = new Network(bridge);
	const listener = listening(network, "127.0.0.1", 80, 4096);
	let last: number = 0;
	const clients: StreamSocket[] = [];
	while (last === 0 && clients.length < 10_000) {
		const client = socket(network);
		clients.push(client);
		last = client.connect(at("127.0.0.1", 80));
	}
	// The line has an end before the network has.
	expect([last, clients.length]).toEqual([PENDING, 1025]);
	bridge.dropNotes();
	while (!network.isFull) clients.push(socket(network));
	accepted(listener).closed();
	clients.push(socket(network));
	expect(clients.at(-1)?.connect(at("127.0.0.1", 80))).toBe(ENOBUFS);
	for (const client of clients) client.closed();
	listener.closed();
	expect(network.open).toBe(0);
	expect(network.at("stream", "127.0.0.1", 80)).toEqual([]);
});

/** A connection as two lists of bytes. */
class Model {
	sent = Buffer.alloc(0);
	ended = false;
	stopped = false;
}

test("random calls give what a plain model gives", () => {
	for (const seed of seeds(40)) {
		const d = dice(seed);
		const { client, server } = connected();
		const ends = [
			{ socket: client, out: new Model() },
			{ socket: server, out: new Model() },
		] as const;
		try {
			for (let step = 0; step < 300; step++) {
				const me = ends[d(2)] as (typeof ends)[number];
				const other = me === ends[0] ? ends[1] : ends[0];
				const incoming = other.out;
				const bytes = new Uint8Array([1, 100, 5000, 70_000][d(4)] as number);
				const action = d(100);
				if (action < 45) {
					bytes.fill(d(256));
					bytes[d(bytes.length)] = d(256);
					const n = me.socket.write(bytes, 0, bytes.length, 0);
					const room = CAPACITY - me.out.sent.length;
					const isWhole = bytes.length <= 4096;
					if (me.out.ended || me.out.stopped) expect(n).toBe(EPIPE);
					else if (room === 0 || (isWhole && room < bytes.length)) expect(n).toBe(PENDING);
					else expect(n).toBe(Math.min(room, bytes.length));
					if (n > 0) me.out.sent = Buffer.concat([me.out.sent, bytes.subarray(0, n)]);
				} else if (action < 96) {
					const isPeek = action > 85;
					const n = isPeek
						? me.socket.peek(bytes, 0, bytes.length, 0)
						: me.socket.read(bytes, 0, bytes.length, 0);
					const held = incoming.sent.length;
					if (incoming.stopped) expect(n).toBe(0);
					else if (held === 0) expect(n).toBe(incoming.ended ? 0 : PENDING);
					else {
						expect(n).toBe(Math.min(held, bytes.length));
						expect(Buffer.compare(bytes.subarray(0, n), incoming.sent.subarray(0, n))).toBe(0);
						if (!isPeek) incoming.sent = incoming.sent.subarray(n);
					}
				} else if (action < 98) {
					me.socket.shutdown(2);
					me.out.ended = true;
				} else if (step > 200) {
					me.socket.shutdown(1);
					incoming.stopped = true;
				}
				bridge.dropNotes();
			}
		} catch (error) {
			throw withSeed(seed, error);
		}
	}
});

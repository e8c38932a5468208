/**
 * Calls on sockets, as a program makes them: numbers in its memory in, numbers out.
 */
import { afterAll, beforeAll, expect, test } from "vitest";
import {
	EACCES,
	EADDRINUSE,
	EAFNOSUPPORT,
	EAGAIN,
	EBADF,
	ECONNREFUSED,
	EFAULT,
	EINPROGRESS,
	EINVAL,
	EMFILE,
	ENETUNREACH,
	ENOPROTOOPT,
	ENOTCONN,
	ENOTSOCK,
	ENOTSUP,
	EPIPE,
	EPROTONOSUPPORT,
	ETIMEDOUT,
	PENDING,
} from "../abi/errno.ts";
import { WASIX } from "../abi/wasix.ts";
import type { PlainCall } from "../bridge/adapter.ts";
import type { OpenTicket } from "../bridge/bridge.ts";
import { Network } from "../sockets/network.ts";
import { CAPACITY, StreamSocket } from "../sockets/stream.ts";
import { wasixCalls } from "./calls.ts";
import { newThread, withoutSuspending } from "./thread.testkit.ts";

let restore = () => {};
beforeAll(() => {
	restore = withoutSuspending();
});
afterAll(() => restore());

const [INET4, INET6, UNIX] = [1, 2, 3];
const [STREAM, DATAGRAM] = [1, 2];
const NONBLOCK = 4;
/** Where things are in the memory of the program. */
const [RESULT, MORE, ADDRESS, VECTORS, BYTES, NAME] = [64, 72, 128, 256, 1024, 512];
/** One end of memory that is not there. */
const BAD = -8;

type Name = `sock_${string}` | `fd_${string}` | "resolve" | "poll_oneoff" | `epoll_${string}`;

function program(network?: Network | null) {
	const { thread, bridge, listening } = newThread(network);
	const { memory } = thread;
	memory.has(0, 65536);
	const calls = wasixCalls(thread) as Record<string, PlainCall>;
	const call = (name: Name, ...args: number[]) => (calls[name] as PlainCall)(...args);
	/** A call that writes a number; that number, or the errno. */
	const value = (name: Name, ...args: number[]) => {
		const done = call(name, ...args);
		return done === 0 ? memory.u32(RESULT) : done;
	};
	const address = (port: number, bytes = [127, 0, 0, 1]) => {
		memory.u8.fill(0, ADDRESS, ADDRESS + 20);
		memory.u8[ADDRESS] = bytes.length === 4 ? INET4 : INET6;
		memory.setU16(ADDRESS + 2, port);
		memory.u8.set(bytes, ADDRESS + 4);
		return ADDRESS;
	};
	const vectors = (...lengths: number[]) => {
		let at = BYTES;
		lengths.forEach((length, index) => {
			memory.setU32(VECTORS + index * 8, at);
			memory.setU32(VECTORS + index * 8 + 4, length);
			at += length;
		});
		return [VECTORS, lengths.length] as const;
	};
	const text = (string: string) => {
		memory.u8.set(new TextEncoder().encode(string), BYTES);
		return vectors(string.length);
	};
	const open = (type = STREAM, family = INET4) => value("sock_open", family, type, 0, RESULT);
	const listen = (port: number) => {
		const fd = open();
		expect(call("sock_bind", fd, address(port, [0, 0, 0, 0]))).toBe(0);
		expect(call("sock_listen", fd, 8)).toBe(0);
		return fd;
	};
	const send = (fd: number, string: string, flags = 0) =>
		value("sock_send", fd, ...text(string), flags, RESULT);
	const receive = (fd: number, length = 100, flags = 0) => {
		const n = value("sock_recv", fd, ...vectors(length), flags, RESULT, MORE);
		return n < 0 ? n : new TextDecoder().decode(memory.u8.subarray(BYTES, BYTES + n));
	};
	const accept = (fd: number, flags = 0) => value("sock_accept_v2", fd, flags, RESULT, ADDRESS);
	/** A listener at 80, and both ends of a connection to it. */
	const connected = () => {
		const listener = listen(80);
		const client = open();
		expect(call("sock_connect", client, address(80))).toBe(0);
		return { listener, client, server: accept(listener) };
	};
	return {
		thread,
		bridge,
		listening,
		memory,
		call,
		value,
		address,
		vectors,
		text,
		open,
		listen,
		send,
		receive,
		accept,
		connected,
	};
}

type Program = ReturnType<typeof program>;

test("a server and a client of two processes", () => {
	const network = new Network(program().bridge);
	const server = program(network);
	const client = program(network);
	const listener = server.listen(80);
	expect(server.listening).toEqual([80]);
	expect(server.call("sock_listen", listener, 8)).toBe(0);
	expect(server.listening).toEqual([80]);
	const fd = client.open();
	expect(client.call("sock_connect", fd, client.address(80))).toBe(0);
	expect(client.send(fd, "ping")).toBe(4);
	const accepted = server.accept(listener, NONBLOCK);
	expect([...server.memory.u8.subarray(ADDRESS, ADDRESS + 8)]).toEqual([
		INET4,
		0,
		server.memory.u8[ADDRESS + 2],
		server.memory.u8[ADDRESS + 3],
		...[127, 0, 0, 1],
	]);
	const port = server.memory.u16(ADDRESS + 2);
	expect(client.call("sock_addr_local", fd, ADDRESS)).toBe(0);
	expect(client.memory.u16(ADDRESS + 2)).toBe(port);
	expect(client.call("sock_addr_peer", fd, ADDRESS)).toBe(0);
	expect(client.memory.u16(ADDRESS + 2)).toBe(80);
	expect([server.receive(accepted), server.receive(accepted)]).toEqual(["ping", EAGAIN]);
	expect(server.call("sock_shutdown", accepted, 2)).toBe(0);
	expect(client.receive(fd)).toBe("");
	// A process that ends lets go of its sockets.
	server.thread.process.descriptors.closeAll();
	expect(client.send(fd, "x")).toBe(EPIPE);
	client.thread.process.descriptors.closeAll();
	expect(network.open).toBe(0);
});

test("what waits is PENDING, or EAGAIN for one that is not to wait", () => {
	const { listener, client, server, ...of } = withConnection();
	expect([of.receive(server), of.accept(listener)]).toEqual([PENDING, PENDING]);
	of.bridge.dropNotes();
	expect(of.receive(server, 10, 8)).toBe(EAGAIN);
	for (const fd of [listener, server]) expect(of.call("fd_fdstat_set_flags", fd, NONBLOCK)).toBe(0);
	expect([of.receive(server), of.accept(listener)]).toEqual([EAGAIN, EAGAIN]);
	while (of.send(client, "x".repeat(4096), 1) > 0);
	expect(of.send(client, "x".repeat(4096), 1)).toBe(EAGAIN);
	expect(of.send(client, "x".repeat(4096))).toBe(PENDING);
	of.bridge.close();
});

function withConnection(): Program & ReturnType<Program["connected"]> {
	const of = program();
	return { ...of, ...of.connected() };
}

test("a wait has an end where the program set one", async () => {
	const { server, ...of } = withConnection();
	of.memory.u8.fill(0, RESULT, RESULT + 16);
	of.memory.u8[RESULT] = 1;
	of.memory.setU64(RESULT + 8, 1_000_000);
	expect(of.call("sock_set_opt_time", server, 19, RESULT)).toBe(0);
	of.memory.u8.fill(255, RESULT, RESULT + 16);
	expect(of.call("sock_get_opt_time", server, 19, RESULT)).toBe(0);
	expect([of.memory.u8[RESULT], of.memory.u64(RESULT + 8)]).toEqual([1, 1_000_000]);
	expect(of.receive(server)).toBe(PENDING);
	await of.bridge.anyNoted();
	expect(of.receive(server)).toBe(EAGAIN);
	// The next one waits anew.
	expect(of.receive(server)).toBe(PENDING);
	of.bridge.close();
});

test("peeking leaves what is there, and WAITALL waits for all of it", () => {
	const { client, server, ...of } = withConnection();
	of.send(client, "abcdef");
	expect([of.receive(server, 3, 1), of.receive(server, 100, 1)]).toEqual(["abc", "abcdef"]);
	const peeked = of.value("sock_recv", server, ...of.vectors(2, 0, 3), 1, RESULT, MORE);
	expect([peeked, of.memory.string(BYTES, 5)]).toEqual([5, "abcde"]);
	expect(of.receive(server, 8, 2)).toBe(PENDING);
	of.bridge.dropNotes();
	of.send(client, "gh");
	expect(of.receive(server, 8, 2)).toBe("abcdefgh");
	of.send(client, "end");
	of.call("sock_shutdown", client, 2);
	expect([of.receive(server, 8, 2), of.receive(server, 8, 2)]).toEqual(["end", ""]);
	of.bridge.close();
});

test("reading and writing are as good as receiving and sending, and polling knows sockets", () => {
	const { listener, client, server, ...of } = withConnection();
	expect(of.value("fd_write", client, ...of.text("written"), RESULT)).toBe(7);
	const poll = (fd: number, type: number) => {
		of.memory.u8.fill(0, 2048, 2048 + 48);
		of.memory.u8[2048 + 8] = type;
		of.memory.setU32(2048 + 16, fd);
		const done = of.call("poll_oneoff", 2048, 4096, 1, RESULT);
		if (done !== 0) of.bridge.dropNotes();
		return done === 0 ? [of.memory.u16(4096 + 8), of.memory.u64(4096 + 16)] : done;
	};
	expect([poll(server, 1), poll(client, 1), poll(listener, 1)]).toEqual([[0, 7], PENDING, PENDING]);
	expect(poll(server, 2)).toEqual([0, CAPACITY]);
	expect(of.value("fd_read", server, ...of.vectors(100), RESULT)).toBe(7);
	of.call("sock_connect", of.open(), of.address(80));
	expect(poll(listener, 1)).toEqual([0, 1]);
	// As an edge: told once, and once more when more comes.
	const set = of.value("epoll_create", RESULT);
	of.memory.u8.fill(0, ADDRESS, ADDRESS + 32);
	of.memory.setU32(ADDRESS, 1 | 64);
	expect(of.call("epoll_ctl", set, 0, server, ADDRESS)).toBe(0);
	const happened = () => of.value("epoll_wait", set, 4096, 4, 0, 0, RESULT);
	expect(happened()).toBe(0);
	of.send(client, "more");
	expect([happened(), happened()]).toEqual([1, 0]);
	of.receive(server);
	of.send(client, "next");
	expect([happened(), happened()]).toEqual([1, 0]);
	// Room is an edge too, also where it was full and has room again in between.
	of.memory.setU32(ADDRESS, 2 | 64);
	expect(of.call("epoll_ctl", set, 0, client, ADDRESS)).toBe(0);
	expect([happened(), happened()]).toEqual([1, 0]);
	while (of.send(client, "x".repeat(4096), 1) > 0);
	for (let n = 0; n < 15; n++) of.receive(server, 4096);
	expect([happened(), happened()]).toEqual([2, 0]);
	of.bridge.close();
});

test("sockets say what they are", () => {
	const of = program();
	const [stream, datagram] = [of.open(), of.open(DATAGRAM)];
	expect(of.call("fd_fdstat_get", stream, RESULT)).toBe(0);
	expect(of.memory.u8[RESULT]).toBe(6);
	expect(of.call("fd_filestat_get", datagram, RESULT)).toBe(0);
	expect(of.memory.u8[RESULT + 16]).toBe(5);
	const size = (fd: number, option: number) => {
		const done = of.call("sock_get_opt_size", fd, option, RESULT);
		return done === 0 ? of.memory.u64(RESULT) : done;
	};
	expect([size(stream, 25), size(datagram, 25), size(stream, 26)]).toEqual([1, 2, 6]);
	expect([size(stream, 15), size(stream, 99)]).toEqual([CAPACITY, ENOPROTOOPT]);
	expect(of.call("sock_set_opt_size", stream, 23, 17, 0)).toBe(0);
	expect(size(stream, 23)).toBe(17);
	expect(of.call("sock_set_opt_flag", stream, 3, 1)).toBe(0);
	of.call("sock_get_opt_flag", stream, 3, RESULT);
	expect(of.memory.u8[RESULT]).toBe(1);
	expect(of.call("sock_set_opt_flag", stream, 13, 1)).toBe(ENOPROTOOPT);
	const status = (fd: number) => {
		of.call("sock_status", fd, RESULT);
		return of.memory.u8[RESULT];
	};
	expect([status(stream), status(of.listen(1))]).toEqual([0, 1]);
	of.bridge.close();
});

test("datagrams, with their addresses", () => {
	const of = program();
	const [one, other] = [of.open(DATAGRAM), of.open(DATAGRAM)];
	expect(of.call("sock_bind", one, of.address(53))).toBe(0);
	const to = of.address(53);
	expect(of.value("sock_send_to", other, ...of.text("question"), 0, to, RESULT)).toBe(8);
	const receive = (flags: number, ...lengths: number[]) =>
		of.value("sock_recv_from", one, ...of.vectors(...lengths), flags, RESULT, MORE, ADDRESS);
	expect([receive(1, 3, 2), of.memory.u16(MORE)]).toEqual([5, 1]);
	expect([receive(4 | 1, 3), of.memory.string(BYTES, 3)]).toEqual([8, "que"]);
	expect([receive(0, 3, 20), of.memory.u16(MORE)]).toEqual([8, 0]);
	expect(of.memory.string(BYTES, 8)).toBe("question");
	expect(of.memory.u8[ADDRESS]).toBe(INET4);
	expect(receive(0, 1)).toBe(PENDING);
	of.bridge.close();
});

test("pairs are connected, and have no addresses", () => {
	const of = program();
	const cases: readonly (readonly [family: number, type: number])[] = [
		[UNIX, STREAM],
		[INET4, STREAM],
		[UNIX, DATAGRAM],
	];
	for (const [family, type] of cases) {
		expect(of.call("sock_pair", family, type, 0, RESULT, MORE)).toBe(0);
		const [one, other] = [of.memory.u32(RESULT), of.memory.u32(MORE)];
		expect([of.send(one, "there"), of.receive(other)]).toEqual([5, "there"]);
		expect([of.send(other, "back"), of.receive(one)]).toEqual([4, "back"]);
		of.call("fd_close", one);
		expect(of.receive(other)).toBe("");
	}
	expect(of.call("sock_pair", 9, STREAM, 0, RESULT, MORE)).toBe(EAFNOSUPPORT);
	of.bridge.close();
});

test("what there is not is said", () => {
	const of = program();
	const open = (family: number, type: number, protocol = 0) =>
		of.call("sock_open", family, type, protocol, RESULT);
	expect(open(UNIX, STREAM)).toBe(ENOTSUP);
	expect([open(0, STREAM), open(7, STREAM)]).toEqual([EAFNOSUPPORT, EAFNOSUPPORT]);
	expect([open(INET4, 3), open(INET4, STREAM, 17)]).toEqual([EPROTONOSUPPORT, EPROTONOSUPPORT]);
	expect([open(INET4, STREAM, 6), open(INET6, DATAGRAM, 17)]).toEqual([0, 0]);
	const fd = of.open();
	expect(of.call("sock_connect", fd, of.address(80))).toBe(ECONNREFUSED);
	expect(of.call("sock_connect", fd, of.address(80, [192, 0, 2, 1]))).toBe(ENETUNREACH);
	of.listen(80);
	expect(of.call("sock_bind", fd, of.address(80))).toBe(EADDRINUSE);
	expect([of.send(fd, "x"), of.receive(fd)]).toEqual([ENOTCONN, ENOTCONN]);
	expect(of.call("sock_shutdown", fd, 4)).toBe(EINVAL);
	expect(of.call("sock_listen", of.open(DATAGRAM), 1)).toBe(ENOTSUP);
	expect(of.call("sock_join_multicast_v4", fd, ADDRESS, ADDRESS)).toBe(ENOTSUP);
	expect([of.send(98, "x"), of.send(99, "x")]).toEqual([EBADF, EBADF]);
	of.call("fd_event", 0, 0, 0, RESULT);
	expect(of.send(of.memory.u32(RESULT), "x")).toBe(ENOTSOCK);
	of.bridge.close();
});

test("names of this machine", () => {
	const of = program();
	const resolve = (name: string, room = 4) => {
		of.memory.u8.set(new TextEncoder().encode(name), NAME);
		const done = of.call("resolve", NAME, name.length, 0, 2048, room, RESULT);
		if (done !== 0) return done;
		return Array.from({ length: of.memory.u32(RESULT) }, (_, n) => [
			...of.memory.u8.subarray(2048 + 18 * n, 2048 + 18 * n + 6),
		]);
	};
	expect(resolve("LOCALHOST")).toEqual([
		[INET4, 0, 127, 0, 0, 1],
		[INET6, 0, 0, 0, 0, 0],
	]);
	expect(resolve("localhost", 1)).toHaveLength(1);
	expect(resolve("a.localhost")).toHaveLength(2);
	expect(resolve("10.1.2.3")).toEqual([[INET4, 0, 10, 1, 2, 3]]);
	expect(resolve("example.com")).toBe(ENETUNREACH);
	of.bridge.close();
});

test("what lies beyond is the provider's: waited for, under way, or failed", () => {
	const of = program();
	const network = of.thread.owner.tree.kernel.network as Network;
	const asked: [host: string, port: number][] = [];
	const tickets: OpenTicket<void>[] = [];
	const names = of.bridge.ticket<unknown>();
	network.beyond = {
		connect(_socket, host, port) {
			asked.push([host, port]);
			const ticket = of.bridge.ticket<void>();
			tickets.push(ticket);
			return ticket;
		},
		resolve: () => names,
	};
	const far = () => of.address(80, [192, 0, 2, 1]);
	const waits = of.open();
	expect(of.call("sock_connect", waits, far())).toBe(PENDING);
	const other = new StreamSocket(network, 1);
	StreamSocket.join(of.thread.owner.descriptors.file(waits)?.node as StreamSocket, other);
	tickets[0]?.answer();
	expect(of.call("sock_connect", waits, far())).toBe(0);
	expect([of.send(waits, "there"), other.held]).toEqual([5, 5]);
	expect(of.call("sock_addr_peer", waits, ADDRESS)).toBe(0);
	expect([...of.memory.u8.subarray(ADDRESS + 4, ADDRESS + 8)]).toEqual([192, 0, 2, 1]);
	const hurries = of.open();
	of.call("fd_fdstat_set_flags", hurries, NONBLOCK);
	expect(of.call("sock_connect", hurries, far())).toBe(EINPROGRESS);
	tickets[1]?.fail(ETIMEDOUT);
	of.call("sock_get_opt_size", hurries, 11, RESULT);
	expect(of.memory.u32(RESULT)).toBe(-ETIMEDOUT);
	expect(of.call("sock_connect", hurries, far())).toBe(EINPROGRESS);
	expect(asked).toEqual(Array(3).fill(["192.0.2.1", 80]));
	const resolve = () => of.call("resolve", NAME, 1, 0, 2048, 4, RESULT);
	of.memory.u8[NAME] = 120;
	expect(resolve()).toBe(PENDING);
	names.answer(["10.0.0.1", "::2"]);
	expect([resolve(), of.memory.u32(RESULT)]).toEqual([0, 2]);
	of.bridge.close();
});

test("without a network there are no sockets", () => {
	const of = program(null);
	expect([of.open(), of.open(DATAGRAM)]).toEqual([EACCES, EACCES]);
	expect(of.call("sock_pair", INET4, STREAM, 0, RESULT, MORE)).toBe(EACCES);
	expect(of.call("resolve", NAME, 0, 0, 2048, 1, RESULT)).toBe(EACCES);
	of.bridge.close();
});

test("a program without room for a descriptor leaves the connection in the line, and no socket behind", () => {
	const of = program();
	const listener = of.listen(80);
	const { network } = of.thread.owner.tree.kernel;
	const client = of.open();
	of.call("sock_connect", client, of.address(80));
	while (of.value("fd_dup", client, RESULT) >= 0);
	const before = network?.open;
	expect([of.accept(listener), of.open()]).toEqual([EMFILE, EMFILE]);
	expect(of.call("sock_pair", INET4, STREAM, 0, RESULT, MORE)).toBe(EMFILE);
	expect(network?.open).toBe(before);
	of.call("fd_close", 60_000);
	expect(of.accept(listener)).toBe(60_000);
	of.bridge.close();
});

/** The parameters of each call that are pointers, by their places; `0` stands for the descriptor. */
const POINTERS: Readonly<Record<string, readonly number[]>> = {
	sock_open: [3],
	sock_pair: [3, 4],
	sock_bind: [1],
	sock_accept: [2],
	sock_accept_v2: [2, 3],
	sock_connect: [1],
	sock_recv: [1, 4, 5],
	sock_recv_from: [1, 4, 5, 6],
	sock_recv_msg: [1, 4, 5, 7, 8, 9],
	sock_send: [1, 4],
	sock_send_to: [1, 4, 5],
	sock_send_file: [6],
	sock_status: [1],
	sock_addr_local: [1],
	sock_addr_peer: [1],
	sock_get_opt_flag: [2],
	sock_set_opt_time: [2],
	sock_get_opt_time: [2],
	sock_get_opt_size: [2],
	resolve: [0, 3, 5],
};

test("a pointer beyond the memory is EFAULT in every call, wherever it stands", () => {
	const pointed = [...WASIX].filter(([name]) => name.startsWith("sock_") || name === "resolve");
	for (const [name] of pointed) {
		if (/multicast|set_opt_(flag|size)|sock_listen/.test(name)) continue;
		expect(POINTERS[name], name).toBeDefined();
	}
	for (const [name, places] of Object.entries(POINTERS)) {
		for (const place of places) {
			const { client, server, listener, ...of } = withConnection();
			const fd = /accept/.test(name) ? listener : server;
			const right: Record<string, number[]> = {
				sock_open: [INET4, STREAM, 0, RESULT],
				sock_pair: [INET4, STREAM, 0, RESULT, MORE],
				sock_bind: [of.open(), ADDRESS],
				sock_accept: [fd, 0, RESULT],
				sock_accept_v2: [fd, 0, RESULT, ADDRESS],
				sock_connect: [of.open(), ADDRESS],
				sock_recv: [fd, VECTORS, 1, 0, RESULT, MORE],
				sock_recv_from: [fd, VECTORS, 1, 0, RESULT, MORE, ADDRESS],
				sock_recv_msg: [fd, VECTORS, 1, 0, ADDRESS, BYTES, 8, RESULT, MORE, RESULT],
				sock_send: [fd, VECTORS, 1, 0, RESULT],
				sock_send_to: [fd, VECTORS, 1, 0, ADDRESS, RESULT],
				sock_send_file: [fd, client, 0, 0, 1, 0, RESULT],
				sock_get_opt_flag: [fd, 3, RESULT],
				sock_set_opt_time: [fd, 19, RESULT],
				sock_get_opt_time: [fd, 19, RESULT],
				sock_get_opt_size: [fd, 15, RESULT],
				resolve: [NAME, 1, 0, 2048, 1, RESULT],
			};
			of.send(client, "there");
			of.call("sock_connect", of.open(), of.address(80));
			of.address(81);
			of.vectors(4);
			const args = [...(right[name] ?? [fd, RESULT])];
			args[place] = BAD;
			expect(of.call(name as Name, ...args), `${name} ${place}`).toBe(EFAULT);
			// Nothing was taken, accepted or opened.
			of.memory.setU32(VECTORS, BAD >>> 0);
			if (name === "sock_recv") expect(of.call(name, ...(right[name] as number[]))).toBe(EFAULT);
			expect(of.receive(server)).toBe("there");
			expect(of.accept(listener)).toBeGreaterThan(0);
			of.bridge.close();
		}
	}
});

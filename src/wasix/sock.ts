/**
 * Sockets. A call decodes, asks the socket, encodes; what the sockets do is `sockets/`.
 *
 *     0        2      4                8         20
 *     | family | port | IPv4 address   |         |      an address with a port: IPv4 takes 8 bytes
 *     |        |      | IPv6 address             |      and IPv6 20; newer C libraries have room for more
 *
 * Numbers are little-endian, ports too; the bytes of an address are in the order of the network.
 *
 * Source: wasix-runner.md 6.3, 6.4; socket(7), tcp(7), udp(7), recv(2), send(2).
 */
import {
	FDFLAG_NONBLOCK,
	FDFLAGS_ALL,
	FILETYPE_SOCKET_DGRAM,
	FILETYPE_SOCKET_STREAM,
	RIGHTS_SOCKET,
} from "../abi/constants.ts";
import {
	type Done,
	EACCES,
	EAFNOSUPPORT,
	EAGAIN,
	EBADF,
	EFAULT,
	EINPROGRESS,
	EINVAL,
	EIO,
	EMSGSIZE,
	ENETUNREACH,
	ENOBUFS,
	ENOPROTOOPT,
	ENOTCONN,
	ENOTSOCK,
	ENOTSUP,
	EPROTONOSUPPORT,
	type Errno,
	ESPIPE,
	PENDING,
} from "../abi/errno.ts";
import { FDSTAT, FILESTAT, IOVEC_SIZE } from "../abi/layout.ts";
import { signed, unsigned } from "../abi/memory.ts";
import type { PlainCall } from "../bridge/adapter.ts";
import type { Ticket } from "../bridge/bridge.ts";
import { OpenFile } from "../process/descriptors.ts";
import {
	type Address,
	anyHost,
	bytesFor,
	bytesOf,
	type Family,
	hostOf,
	INET4,
	INET6,
} from "../sockets/address.ts";
import { DatagramSocket, MOST_DATAGRAM } from "../sockets/datagram.ts";
import { namesHere } from "../sockets/names.ts";
import type { Network } from "../sockets/network.ts";
import { ONLY_IPV6, REUSE_PORT, Socket } from "../sockets/socket.ts";
import { CAPACITY, StreamSocket } from "../sockets/stream.ts";
import { putFile } from "./descriptor.ts";
import { textAt } from "./text.ts";
import type { WasixThread } from "./thread.ts";

const ADDRESS_SIZE = 20;
const ADDRESS_IPV4_SIZE = 8;
const PORT_AT = 2;
const BYTES_AT = 4;
/** An address without a port: its family, and the bytes at 2. */
const NAMED_SIZE = 18;
const NAMED_AT = 2;
const MOST_NAMED = 1024;
/** A time that may be none: whether it is one, and nanoseconds at 8. */
const TIME_SIZE = 16;
const TIME_AT = 8;
const NS_PER_MS = 1e6;
const MOST_VECTORS = 1024;

const UNIX = 3;
const STREAM = 1;
const DATAGRAM = 2;
/** Bits of a socket's type that are flags of its descriptor. */
const TYPE_NONBLOCK = 0x4000;
const TYPE_CLOSE_ON_EXEC = 0x2000;
const TCP = 6;
const UDP = 17;

const PEEK = 1;
const WAIT_ALL = 2;
/** The answer is a datagram's whole length; among the flags that come back: it was longer than the buffers. */
const WHOLE_LENGTH = 4;
const TRUNCATED = 1;
const RECEIVE_DONT_WAIT = 8;
const SEND_DONT_WAIT = 1;

const LISTENING = 10;
const LAST_ERROR = 11;
const BUFFERS = [15, 16];
const RECEIVE_TIMEOUT = 19;
const SEND_TIMEOUT = 20;
const ACCEPT_TIMEOUT = 22;
const TYPE = 25;
const PROTOCOL = 26;
/** Options that are kept, and have no effect but those named above. */
const FLAGS = new Set([REUSE_PORT, 2, 3, 4, ONLY_IPV6, 6, 7, 8, 9, 12, 14]);
const SIZES = new Set([...BUFFERS, 17, 18, 23, 24, 27, 28, 29]);
const TIMES = new Set([13, RECEIVE_TIMEOUT, SEND_TIMEOUT, 21, ACCEPT_TIMEOUT]);

const OPENING = 0;
const OPENED = 1;
const FAILED = 3;

/** Where files are read that are sent: no call is interrupted, so one will do for all. */
let piece: Uint8Array | undefined;

export function sockCalls(
	thread: WasixThread,
	base: Readonly<Record<string, PlainCall>>,
): Record<string, PlainCall> {
	const { memory, owner, bridge } = thread;
	const { descriptors, tree } = owner;
	const { kernel } = tree;
	const { used } = thread.process;
	const { fd_fdstat_get: fdstat, fd_filestat_get: filestat } = base as Record<
		"fd_fdstat_get" | "fd_filestat_get",
		PlainCall
	>;

	/** The descriptor of a socket. Errors: EBADF, ENOTSOCK. */
	function fileOf(fd: number): OpenFile | Errno {
		const file = descriptors.file(fd >>> 0);
		if (file === undefined) return EBADF;
		return file.node instanceof Socket ? file : ENOTSOCK;
	}

	/** A call on a socket. Errors: EBADF, ENOTSOCK. */
	const on =
		(call: (socket: Socket, a: number, b: number, c: number) => number): PlainCall =>
		(fd, a, b, c) => {
			const file = fileOf(fd);
			return typeof file === "number" ? file : call(file.node as Socket, a, b, c);
		};

	/** A call on a socket that writes `size` bytes, or reads them, by its last parameter. Errors: EBADF, ENOTSOCK,
	 *  EFAULT. */
	const at = (size: number, call: (socket: Socket, at: number, option: number) => number) =>
		on((socket, first, second) => {
			const pointer = (second ?? first) >>> 0;
			return memory.has(pointer, size) ? call(socket, pointer, first) : EFAULT;
		});

	/** What a call answers that has found `n`: where it would wait, EAGAIN if it is not to, or once its time is over. */
	function settle(file: OpenFile, n: number, option: number, dontWait = false): number {
		if (n !== PENDING) {
			thread.kept = undefined;
			return n;
		}
		const time = (file.node as Socket).options.get(option) ?? 0;
		const alarm = thread.kept as Ticket<void> | undefined;
		if (dontWait || (file.flags & FDFLAG_NONBLOCK) !== 0 || alarm?.done) {
			thread.kept = undefined;
			bridge.dropNotes();
			return EAGAIN;
		}
		if (time === 0) return n;
		thread.kept ??= bridge.alarm(performance.now() + time / NS_PER_MS);
		return bridge.pending(thread.kept as Ticket<void>);
	}

	/** Bytes that the vectors have in all. Errors: EINVAL, EFAULT. */
	function lengthOf(vectors: number, count: number): number {
		if (count >>> 0 > MOST_VECTORS) return EINVAL;
		if (!memory.has(vectors, count * IOVEC_SIZE)) return EFAULT;
		let total = 0;
		for (let i = 0; i < count; i++) {
			const length = memory.u32(vectors + i * IOVEC_SIZE + 4);
			if (!memory.has(memory.u32(vectors + i * IOVEC_SIZE), length)) return EFAULT;
			total += length;
		}
		return total;
	}

	/** Has each vector served by `move`, until one is not filled. */
	function serve(
		vectors: number,
		count: number,
		move: (at: number, length: number, done: number) => number,
	): number {
		let done = 0;
		for (let i = 0; i < count; i++) {
			const length = memory.u32(vectors + i * IOVEC_SIZE + 4);
			if (length === 0) continue;
			const n = move(memory.u32(vectors + i * IOVEC_SIZE), length, done);
			if (n < 0) {
				if (done === 0) return n;
				bridge.dropNotes();
				return done;
			}
			done += n;
			if (n < length) break;
		}
		return done;
	}

	function fromStream(
		socket: StreamSocket,
		vectors: number,
		count: number,
		total: number,
		flags: number,
		dontWait: boolean,
	): number {
		if (!socket.isConnected) return ENOTCONN;
		if ((flags & WAIT_ALL) !== 0 && !dontWait && socket.awaitAll(total) !== 0) return PENDING;
		const isPeek = (flags & PEEK) !== 0;
		return serve(vectors, count, (at, length, done) =>
			isPeek ? socket.peek(memory.u8, at, length, done) : socket.read(memory.u8, at, length, 0),
		);
	}

	/** Takes one datagram; writes where it came from, and whether it was cut off. */
	function fromQueue(
		socket: DatagramSocket,
		vectors: number,
		count: number,
		flags: number,
		moreFlags: number,
		address: number,
	): number {
		const found = socket.first();
		if (typeof found === "number") return found;
		const bytes = found?.bytes ?? new Uint8Array(0);
		const copied = serve(vectors, count, (at, length, done) =>
			memory.setBytes(at, length, bytes.subarray(done)),
		);
		memory.setU16(moreFlags, copied < bytes.length ? TRUNCATED : 0);
		if (address !== 0) putAddress(address, found?.from ?? null);
		if ((flags & PEEK) === 0) socket.shift();
		return (flags & WHOLE_LENGTH) !== 0 ? bytes.length : copied;
	}

	function receive(
		fd: number,
		vectors: number,
		count: number,
		flags: number,
		result: number,
		moreFlags: number,
		address: number,
	): number {
		const file = fileOf(fd);
		if (typeof file === "number") return file;
		const total = lengthOf(vectors, count);
		if (total < 0) return total;
		if (!memory.has(result, 4) || !memory.has(moreFlags, 2)) return EFAULT;
		if (address !== 0 && !memory.has(address, ADDRESS_SIZE)) return EFAULT;
		const socket = file.node as Socket;
		const dontWait = (flags & RECEIVE_DONT_WAIT) !== 0;
		const waitsNot = dontWait || (file.flags & FDFLAG_NONBLOCK) !== 0;
		let n: number;
		if (socket instanceof StreamSocket) {
			n = fromStream(socket, vectors, count, total, flags, waitsNot);
			if (n >= 0) {
				memory.setU16(moreFlags, 0);
				if (address !== 0) putAddress(address, socket.peer);
			}
		} else {
			const queue = socket as DatagramSocket;
			n = fromQueue(queue, vectors, count, flags, moreFlags, address);
		}
		n = settle(file, n, RECEIVE_TIMEOUT, dontWait);
		if (n < 0) return n;
		used.read += n;
		memory.setU32(result, n);
		return 0;
	}

	/** Sends what the vectors hold. No signal comes of it: `write` is what ends a program that no one hears. */
	function send(
		fd: number,
		vectors: number,
		count: number,
		flags: number,
		to: Address | null,
		result: number,
	): number {
		const file = fileOf(fd);
		if (typeof file === "number") return file;
		const total = lengthOf(vectors, count);
		if (total < 0) return total;
		if (!memory.has(result, 4)) return EFAULT;
		const socket = file.node as Socket;
		let n: number;
		if (socket instanceof StreamSocket) {
			n = socket.isConnected
				? serve(vectors, count, (at, length) => socket.write(memory.u8, at, length, 0))
				: ENOTCONN;
		} else n = sendPiece(socket as DatagramSocket, vectors, count, total, to);
		n = settle(file, n, SEND_TIMEOUT, (flags & SEND_DONT_WAIT) !== 0);
		if (n < 0) return n;
		used.written += n;
		memory.setU32(result, n);
		return 0;
	}

	function sendPiece(
		socket: DatagramSocket,
		vectors: number,
		count: number,
		total: number,
		to: Address | null,
	): number {
		if (total > MOST_DATAGRAM) return EMSGSIZE;
		const bytes = new Uint8Array(total);
		serve(vectors, count, (at, length, done) => {
			bytes.set(memory.u8.subarray(at, at + length), done);
			return length;
		});
		return socket.send(bytes, to);
	}

	/** An address with a port. Errors: EFAULT; ENOTSUP for one that is a path; EAFNOSUPPORT. */
	function addressAt(at: number): Address | Errno {
		if (!memory.has(at, ADDRESS_IPV4_SIZE)) return EFAULT;
		const family = memory.u8[at] as number;
		if (family === UNIX) return ENOTSUP;
		if (family !== INET4 && family !== INET6) return EAFNOSUPPORT;
		const size = family === INET4 ? 4 : 16;
		if (!memory.has(at + BYTES_AT, size)) return EFAULT;
		const host = hostOf(memory.u8.slice(at + BYTES_AT, at + BYTES_AT + size));
		return { family, host, port: memory.u16(at + PORT_AT) };
	}

	/** Writes an address with a port, or that there is none. */
	function putAddress(to: number, address: Address | null): 0 {
		memory.u8.fill(0, to, to + ADDRESS_SIZE);
		if (address === null) return 0;
		memory.u8[to] = address.family;
		memory.setU16(to + PORT_AT, address.port);
		memory.u8.set(bytesFor(address.family, address.host), to + BYTES_AT);
		return 0;
	}

	/** Opens a descriptor for a socket; one that cannot have one is closed. */
	function put(socket: Socket, type: number, result: number): Done {
		const flags = (type & TYPE_NONBLOCK) !== 0 ? FDFLAG_NONBLOCK : 0;
		const file = new OpenFile(socket, flags, RIGHTS_SOCKET, 0);
		const done = putFile(thread, file, result, 0, (type & TYPE_CLOSE_ON_EXEC) !== 0);
		if (done !== 0) socket.closed();
		return done;
	}

	/** A new socket. Errors: EACCES, ENOBUFS, EPROTONOSUPPORT. */
	function make(family: number, type: number, protocol: number): Socket | Errno {
		const { network } = kernel;
		if (network === null) return EACCES;
		if (network.isFull) return ENOBUFS;
		const kind = type & 0xff;
		if (kind !== STREAM && kind !== DATAGRAM) return EPROTONOSUPPORT;
		const usual = kind === STREAM ? TCP : UDP;
		if (protocol !== 0 && protocol !== usual) return EPROTONOSUPPORT;
		const of: Family = family === INET6 ? INET6 : INET4;
		return kind === STREAM ? new StreamSocket(network, of) : new DatagramSocket(network, of);
	}

	function accept(fd: number, flags: number, result: number, address: number): number {
		const file = fileOf(fd);
		if (typeof file === "number") return file;
		const { node: socket } = file;
		if (!(socket instanceof StreamSocket)) return ENOTSUP;
		if ((flags & ~FDFLAGS_ALL) !== 0) return EINVAL;
		if (!memory.has(result >>> 0, 4)) return EFAULT;
		if (address !== 0 && !memory.has(address, ADDRESS_SIZE)) return EFAULT;
		const found = socket.first();
		if (typeof found === "number") return settle(file, found, ACCEPT_TIMEOUT);
		thread.kept = undefined;
		const done = putFile(thread, new OpenFile(found, flags, RIGHTS_SOCKET, 0), result);
		// Without a descriptor it stays in the line.
		if (done !== 0) return done;
		socket.shift();
		if (address !== 0) putAddress(address, found.peer);
		return 0;
	}

	/** Sends a piece of a file. Errors: ESPIPE for what is no file. */
	function sendFile(to: OpenFile, from: OpenFile, offset: number, count: number): number {
		const { node } = from;
		if (node.type !== "file") return ESPIPE;
		piece ??= new Uint8Array(CAPACITY);
		const n = node.read(piece, 0, Math.min(count, CAPACITY), offset);
		if (n <= 0) return n;
		const socket = to.node;
		return socket instanceof StreamSocket
			? settle(to, socket.write(piece, 0, n, 0), SEND_TIMEOUT)
			: ENOTSUP;
	}

	/** Marks what `stat` has written for a socket. */
	function mark(done: number, fd: number, at: number): number {
		const node = done === 0 && descriptors.file(fd >>> 0)?.node;
		if (node instanceof Socket) {
			memory.u8[at] = node.isStream ? FILETYPE_SOCKET_STREAM : FILETYPE_SOCKET_DGRAM;
		}
		return done;
	}

	/** What the page's provider says of a name. Errors: its own; ENETUNREACH; EIO for an answer that is none. */
	function namesBeyond(host: string): Uint8Array[] | Errno {
		const { beyond } = kernel.network as Network;
		if (beyond === null) return ENETUNREACH;
		thread.kept ??= beyond.resolve(host);
		const asked = thread.kept as Ticket<unknown>;
		if (!asked.done) return bridge.pending(asked);
		thread.kept = undefined;
		if (asked.error !== 0) return asked.error;
		if (!Array.isArray(asked.value)) return EIO;
		const texts: unknown[] = asked.value.slice(0, MOST_NAMED);
		const found = texts.map((text) => (typeof text === "string" ? bytesOf(text) : null));
		return found.every((bytes) => bytes !== null) ? found : EIO;
	}

	return {
		fd_fdstat_get: (fd, result) =>
			mark(fdstat(fd, result), fd as number, ((result as number) >>> 0) + FDSTAT.type),

		fd_filestat_get: (fd, result) =>
			mark(filestat(fd, result), fd as number, ((result as number) >>> 0) + FILESTAT.type),

		sock_open(family, type, protocol, result): Done {
			if (family === UNIX) return ENOTSUP;
			if (family !== INET4 && family !== INET6) return EAFNOSUPPORT;
			if (!memory.has(result >>> 0, 4)) return EFAULT;
			const socket = make(family, type, protocol);
			return typeof socket === "number" ? socket : put(socket, type, result);
		},

		sock_pair(family, type, protocol, first, second): Done {
			if (family < INET4 || family > UNIX) return EAFNOSUPPORT;
			if (!memory.has(first >>> 0, 4) || !memory.has(second >>> 0, 4)) return EFAULT;
			const one = make(family, type, protocol);
			if (typeof one === "number") return one;
			const other = make(family, type, protocol);
			if (typeof other === "number") {
				one.closed();
				return other;
			}
			if (one instanceof StreamSocket) StreamSocket.join(one, other as StreamSocket);
			else DatagramSocket.join(one as DatagramSocket, other as DatagramSocket);
			const done = put(one, type, first);
			if (done !== 0) {
				other.closed();
				return done;
			}
			const also = put(other, type, second);
			if (also !== 0) descriptors.close(memory.u32(first >>> 0));
			return also;
		},

		sock_bind: on((socket, from) => {
			const address = addressAt(from >>> 0);
			if (typeof address === "number") return address;
			return socket.local === null ? socket.network.bind(socket, address) : EINVAL;
		}),

		sock_listen: on((socket, backlog) => {
			if (!(socket instanceof StreamSocket)) return ENOTSUP;
			const isNew = !socket.listens;
			const done = socket.listen(backlog >>> 0);
			if (done === 0 && isNew) kernel.listens(socket.local?.port ?? 0);
			return done;
		}),

		sock_accept: (fd, flags, result) => accept(fd, flags, result, 0),

		sock_accept_v2: (fd, flags, result, address) => accept(fd, flags, result, address >>> 0),

		sock_connect(fd, at): number {
			const file = fileOf(fd);
			if (typeof file === "number") return file;
			const address = addressAt(at >>> 0);
			if (typeof address === "number") return address;
			const socket = file.node as Socket;
			if (socket.failure !== 0 && socket.peer !== null) return socket.takeFailure();
			const done = settle(file, socket.connect(address), SEND_TIMEOUT);
			const isUnderWay = done === EAGAIN && socket instanceof StreamSocket && socket.opens;
			return isUnderWay ? EINPROGRESS : done;
		},

		sock_recv: (fd, vectors, count, flags, result, moreFlags) =>
			receive(fd, vectors >>> 0, count, flags, result >>> 0, moreFlags >>> 0, 0),

		sock_recv_from: (fd, vectors, count, flags, result, moreFlags, address) =>
			receive(fd, vectors >>> 0, count, flags, result >>> 0, moreFlags >>> 0, address >>> 0),

		/** There is nothing to receive besides. */
		sock_recv_msg(
			fd,
			vectors,
			count,
			flags,
			address,
			control,
			room,
			result,
			moreFlags,
			controlLength,
		): number {
			if (!memory.has(control >>> 0, room >>> 0)) return EFAULT;
			if (!memory.has(controlLength >>> 0, 4)) return EFAULT;
			memory.setU32(controlLength >>> 0, 0);
			const [at, to] = [vectors >>> 0, address >>> 0];
			return receive(fd, at, count, flags, result >>> 0, moreFlags >>> 0, to);
		},

		sock_send: (fd, vectors, count, flags, result) =>
			send(fd, vectors >>> 0, count, flags, null, result >>> 0),

		sock_send_to(fd, vectors, count, flags, at, result): number {
			const address = at === 0 ? null : addressAt(at >>> 0);
			if (typeof address === "number") return address;
			return send(fd, vectors >>> 0, count, flags, address, result >>> 0);
		},

		sock_send_file(fd, source, low, high, countLow, countHigh, result): number {
			const to = fileOf(fd);
			if (typeof to === "number") return to;
			const from = descriptors.file(source >>> 0);
			if (from === undefined) return EBADF;
			const [offset, count] = [signed(low, high), unsigned(countLow, countHigh)];
			if (offset < 0) return EINVAL;
			if (!memory.has(result >>> 0, 8)) return EFAULT;
			const n = sendFile(to, from, offset, count);
			if (n < 0) return n;
			used.written += n;
			memory.setU64(result >>> 0, n);
			return 0;
		},

		sock_shutdown: on((socket, how) => (how < 1 || how > 3 ? EINVAL : socket.shutdown(how))),

		sock_status: at(1, (socket, to) => {
			const isUsed = socket.local !== null || socket.peer !== null;
			memory.u8[to] = socket.failure !== 0 ? FAILED : isUsed ? OPENED : OPENING;
			return 0;
		}),

		sock_addr_local: at(ADDRESS_SIZE, ({ family, local }, to) =>
			putAddress(to, local ?? { family, host: anyHost(family), port: 0 }),
		),

		sock_addr_peer: at(ADDRESS_SIZE, (socket, to) => {
			const isPair = socket instanceof StreamSocket && socket.isConnected;
			return socket.peer === null && !isPair ? ENOTCONN : putAddress(to, socket.peer);
		}),

		sock_set_opt_flag: on(({ options }, option, value) => {
			if (!FLAGS.has(option)) return ENOPROTOOPT;
			options.set(option, value === 0 ? 0 : 1);
			return 0;
		}),

		sock_get_opt_flag: at(1, (socket, to, option) => {
			if (option !== LISTENING && !FLAGS.has(option)) return ENOPROTOOPT;
			const listens = socket instanceof StreamSocket && socket.listens;
			memory.u8[to] = option === LISTENING ? Number(listens) : (socket.options.get(option) ?? 0);
			return 0;
		}),

		/** Sizes of buffers are as they are, which is no error: a system may round them. */
		sock_set_opt_size: on(({ options }, option, low, high) => {
			if (!SIZES.has(option)) return ENOPROTOOPT;
			if (!BUFFERS.includes(option)) options.set(option, unsigned(low, high));
			return 0;
		}),

		sock_get_opt_size: at(8, (socket, to, option) => {
			const { isStream, options } = socket;
			let size = options.get(option) ?? 0;
			if (option === LAST_ERROR) size = -socket.takeFailure();
			else if (option === TYPE) size = isStream ? STREAM : DATAGRAM;
			else if (option === PROTOCOL) size = isStream ? TCP : UDP;
			else if (BUFFERS.includes(option)) size = CAPACITY;
			else if (!SIZES.has(option)) return ENOPROTOOPT;
			memory.setU64(to, size);
			return 0;
		}),

		sock_set_opt_time: at(TIME_SIZE, ({ options }, from, option) => {
			if (!TIMES.has(option)) return ENOPROTOOPT;
			if (memory.u8[from] === 0) options.delete(option);
			else options.set(option, memory.u64(from + TIME_AT));
			return 0;
		}),

		sock_get_opt_time: at(TIME_SIZE, ({ options }, to, option) => {
			if (!TIMES.has(option)) return ENOPROTOOPT;
			const time = options.get(option);
			memory.u8.fill(0, to, to + TIME_SIZE);
			memory.u8[to] = time === undefined ? 0 : 1;
			memory.setU64(to + TIME_AT, time ?? 0);
			return 0;
		}),

		/** The addresses of a name, as many as there is room for. The port means nothing to a name. */
		resolve(name, size, _port, result, most, count): Done {
			if (kernel.network === null) return EACCES;
			const [at, room] = [result >>> 0, Math.min(most >>> 0, MOST_NAMED)];
			const host = textAt(memory, name, size);
			if (typeof host === "number") return host;
			if (!memory.has(at, room * NAMED_SIZE) || !memory.has(count >>> 0, 4)) return EFAULT;
			const found = namesHere(host) ?? namesBeyond(host);
			if (typeof found === "number") return found;
			const given = found.slice(0, room);
			given.forEach((bytes, index) => {
				const to = at + index * NAMED_SIZE;
				memory.u8.fill(0, to, to + NAMED_SIZE);
				memory.u8[to] = bytes.length === 4 ? INET4 : INET6;
				memory.u8.set(bytes, to + NAMED_AT);
			});
			memory.setU32(count >>> 0, given.length);
			return 0;
		},
	} as Record<string, PlainCall>;
}

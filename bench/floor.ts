/**
 * The floor: what the calls of a program cost when nothing is done that the program does not need.
 *
 * Plain imports; typed arrays over the guest's memory, one flat buffer per file, one Map per
 * directory, paths through a TextDecoder: as one writes an import object by hand. No rights, no
 * bounds, no links, no mounts, no times, nothing that waits. A program that misbehaves gets nonsense.
 * How far ours is above the floor is the price of everything else that ours does; where it is below,
 * ours does by care what the floor does in the obvious way.
 *
 * Numbers of the ABI are written where they are used, as such an import object would be written.
 */
const ENOENT = 44;
const EEXIST = 20;
const EISDIR = 31;
const ENOTDIR = 54;
const EINVAL = 28;
const EBADF = 8;
const ENOSYS = 52;
const TWO_32 = 4294967296;
const POOL = 16384;

/** A file's bytes lie in one buffer that is doubled when it is full. */
class FloorFile {
	readonly ino = nextIno++;
	bytes: Uint8Array;
	size: number;

	constructor(bytes: Uint8Array) {
		this.bytes = bytes;
		this.size = bytes.length;
	}

	grow(needed: number): void {
		let length = Math.max(64, this.bytes.length * 2);
		while (length < needed) length *= 2;
		const bytes = new Uint8Array(length);
		bytes.set(this.bytes);
		this.bytes = bytes;
	}
}

class FloorDirectory extends Map<string, FloorFile | FloorDirectory> {
	readonly ino = nextIno++;
	/** The names as one listing found them, so that the next part of it need not look again. */
	listed: [string, FloorFile | FloorDirectory][] = [];
}

const EMPTY = new Uint8Array(0);
let nextIno = 1;

type Node = FloorFile | FloorDirectory;

interface Open {
	readonly node: Node | null;
	position: number;
	readonly append: boolean;
}

export interface FloorOptions {
	readonly args: readonly string[];
	readonly files: ReadonlyMap<string, Uint8Array>;
	/** Takes what is printed; the bytes are the guest's and must be copied. */
	readonly print: (bytes: Uint8Array) => void;
}

class Exit extends Error {
	readonly code: number;
	constructor(code: number) {
		super("exit");
		this.code = code;
	}
}

/** Runs a module on the floor and returns its exit code. */
export function prepareFloor(module: WebAssembly.Module, options: FloorOptions): () => number {
	let memory: WebAssembly.Memory;
	let u8 = EMPTY;
	let view = new DataView(u8.buffer);
	const root = new FloorDirectory();
	for (const [path, bytes] of options.files) put(root, path, bytes);
	const fds: (Open | undefined)[] = [null, null, null, root].map((node) => opened(node, false));
	const decoder = new TextDecoder();
	const encoder = new TextEncoder();
	const pool = new Uint8Array(POOL);
	let pooled = 0;

	/** Growing the memory empties the views. */
	function look(): void {
		if (u8.length !== 0) return;
		u8 = new Uint8Array(memory.buffer);
		view = new DataView(memory.buffer);
	}

	function text(at: number, length: number): string {
		return decoder.decode(u8.subarray(at, at + length));
	}

	/** The directory in which the last component of a path lies; the component is left in `last`. */
	let last = "";
	function parent(fd: number, path: string): FloorDirectory | null {
		let at = fds[fd]?.node ?? null;
		let start = 0;
		for (;;) {
			const end = path.indexOf("/", start);
			if (end < 0) break;
			if (end > start) at = step(at, path.slice(start, end));
			start = end + 1;
		}
		last = path.slice(start);
		return at instanceof FloorDirectory ? at : null;
	}

	function step(from: Node | null, name: string): Node | null {
		if (!(from instanceof FloorDirectory)) return null;
		return name === "." ? from : (from.get(name) ?? null);
	}

	function find(fd: number, at: number, length: number): Node | null {
		const directory = parent(fd, text(at, length));
		if (directory === null) return null;
		return last === "" || last === "." ? directory : (directory.get(last) ?? null);
	}

	function add(open: Open): number {
		let fd = 4;
		while (fds[fd] !== undefined) fd++;
		fds[fd] = open;
		return fd;
	}

	function readAt(file: FloorFile, vectors: number, count: number, position: number): number {
		let total = 0;
		for (let i = 0; i < count; i++) {
			const at = view.getUint32(vectors + i * 8, true);
			const from = position + total;
			const n = Math.min(view.getUint32(vectors + i * 8 + 4, true), file.size - from);
			if (n <= 0) break;
			if (n <= 16) for (let j = 0; j < n; j++) u8[at + j] = file.bytes[from + j] as number;
			else u8.set(file.bytes.subarray(from, from + n), at);
			total += n;
		}
		return total;
	}

	function writeAt(file: FloorFile, vectors: number, count: number, position: number): number {
		let total = 0;
		for (let i = 0; i < count; i++) {
			const at = view.getUint32(vectors + i * 8, true);
			const n = view.getUint32(vectors + i * 8 + 4, true);
			const to = position + total;
			if (to + n > file.bytes.length) file.grow(to + n);
			if (n <= 16) for (let j = 0; j < n; j++) file.bytes[to + j] = u8[at + j] as number;
			else file.bytes.set(u8.subarray(at, at + n), to);
			total += n;
			if (to + n > file.size) file.size = to + n;
		}
		return total;
	}

	function print(vectors: number, count: number): number {
		let total = 0;
		for (let i = 0; i < count; i++) {
			const at = view.getUint32(vectors + i * 8, true);
			const n = view.getUint32(vectors + i * 8 + 4, true);
			options.print(u8.subarray(at, at + n));
			total += n;
		}
		return total;
	}

	/** Snapshot 0 packs type and link count into one word. */
	function filestat0(node: Node, at: number): number {
		u8.fill(0, at, at + 56);
		view.setUint32(at, 1, true);
		view.setUint32(at + 8, node.ino, true);
		view.setUint32(at + 16, node instanceof FloorFile ? 4 : 3, true);
		view.setUint32(at + 20, 1, true);
		view.setBigUint64(at + 24, BigInt(node instanceof FloorFile ? node.size : 0), true);
		return 0;
	}

	function filestat(node: Node, at: number): number {
		const isFile = node instanceof FloorFile;
		view.setUint32(at, 1, true);
		view.setUint32(at + 4, 0, true);
		view.setUint32(at + 8, node.ino, true);
		view.setUint32(at + 12, 0, true);
		view.setUint32(at + 16, isFile ? 4 : 3, true);
		view.setUint32(at + 20, 0, true);
		view.setUint32(at + 24, 1, true);
		view.setUint32(at + 28, 0, true);
		const size = isFile ? node.size : 0;
		view.setUint32(at + 32, size, true);
		view.setUint32(at + 36, size / TWO_32, true);
		view.setBigUint64(at + 40, TIME, true);
		view.setBigUint64(at + 48, TIME, true);
		view.setBigUint64(at + 56, TIME, true);
		return 0;
	}

	/** Writes what fits of a name and returns its whole length. */
	function putName(name: string, at: number, room: number): number {
		if (name.length * 3 <= room) {
			return encoder.encodeInto(name, u8.subarray(at, at + room)).written;
		}
		const bytes = encoder.encode(name);
		u8.set(bytes.subarray(0, room), at);
		return bytes.length;
	}

	function strings(list: readonly string[], pointers: number, buffer: number): number {
		look();
		let at = buffer;
		list.forEach((value, i) => {
			view.setUint32(pointers + i * 4, at, true);
			const bytes = encoder.encode(`${value}\0`);
			u8.set(bytes, at);
			at += bytes.length;
		});
		return 0;
	}

	function sizes(list: readonly string[], count: number, bytes: number): number {
		look();
		view.setUint32(count, list.length, true);
		view.setUint32(bytes, encoder.encode(list.join("\0")).length + 1, true);
		return 0;
	}

	const calls: Record<string, (...args: never[]) => number> = {
		args_get: (pointers: number, buffer: number) => strings(options.args, pointers, buffer),
		args_sizes_get: (count: number, bytes: number) => sizes(options.args, count, bytes),
		environ_get: () => 0,
		environ_sizes_get: (count: number, bytes: number) => {
			look();
			view.setUint32(count, 0, true);
			view.setUint32(bytes, 0, true);
			return 0;
		},
		clock_res_get: (_id: number, result: number) => {
			look();
			view.setBigUint64(result, 1000n, true);
			return 0;
		},
		clock_time_get: (id: number, _precision: bigint, result: number) => {
			look();
			const ms = id === 0 ? performance.timeOrigin + performance.now() : performance.now();
			view.setBigUint64(result, BigInt(Math.round(ms * 1e6)), true);
			return 0;
		},
		fd_advise: () => 0,
		fd_close: (fd: number) => {
			fds[fd] = undefined;
			return 0;
		},
		fd_datasync: () => 0,
		fd_sync: () => 0,
		fd_fdstat_get: (fd: number, result: number) => {
			const open = fds[fd];
			if (open === undefined) return EBADF;
			look();
			const { node } = open;
			view.setUint16(result, node === null ? 2 : node instanceof FloorFile ? 4 : 3, true);
			view.setUint16(result + 2, open.append ? 1 : 0, true);
			view.setUint32(result + 8, 0x1fffffff, true);
			view.setUint32(result + 12, 0, true);
			view.setUint32(result + 16, 0x1fffffff, true);
			view.setUint32(result + 20, 0, true);
			return 0;
		},
		fd_fdstat_set_flags: () => 0,
		fd_filestat_get: (fd: number, result: number) => {
			const node = fds[fd]?.node;
			if (node === undefined) return EBADF;
			look();
			if (node !== null) return filestat(node, result);
			u8.fill(0, result, result + 64);
			u8[result + 16] = 2;
			return 0;
		},
		fd_filestat_set_size: (fd: number, size: bigint) => {
			const file = fds[fd]?.node as FloorFile;
			const wanted = Number(size);
			if (wanted > file.bytes.length) file.grow(wanted);
			else if (wanted < file.size) file.bytes.fill(0, wanted, file.size);
			file.size = wanted;
			return 0;
		},
		fd_filestat_set_times: () => 0,
		fd_pread: (fd: number, vectors: number, count: number, offset: bigint, result: number) => {
			const file = fds[fd]?.node;
			if (!(file instanceof FloorFile)) return EBADF;
			look();
			view.setUint32(result, readAt(file, vectors, count, Number(offset)), true);
			return 0;
		},
		fd_pwrite: (fd: number, vectors: number, count: number, offset: bigint, result: number) => {
			const file = fds[fd]?.node;
			if (!(file instanceof FloorFile)) return EBADF;
			look();
			view.setUint32(result, writeAt(file, vectors, count, Number(offset)), true);
			return 0;
		},
		fd_read: (fd: number, vectors: number, count: number, result: number) => {
			const open = fds[fd];
			if (open === undefined) return EBADF;
			look();
			const n =
				open.node instanceof FloorFile ? readAt(open.node, vectors, count, open.position) : 0;
			open.position += n;
			view.setUint32(result, n, true);
			return 0;
		},
		fd_write: (fd: number, vectors: number, count: number, result: number) => {
			const open = fds[fd];
			if (open === undefined) return EBADF;
			look();
			const file = open.node;
			if (file instanceof FloorFile) {
				const at = open.append ? file.size : open.position;
				const n = writeAt(file, vectors, count, at);
				open.position = at + n;
				view.setUint32(result, n, true);
			} else {
				view.setUint32(result, print(vectors, count), true);
			}
			return 0;
		},
		fd_seek: (fd: number, offset: bigint, whence: number, result: number) => {
			const open = fds[fd];
			if (open === undefined) return EBADF;
			look();
			const base = whence === 0 ? 0 : whence === 1 ? open.position : (open.node as FloorFile).size;
			open.position = base + Number(offset);
			view.setUint32(result, open.position, true);
			view.setUint32(result + 4, open.position / TWO_32, true);
			return 0;
		},
		fd_tell: (fd: number, result: number) => {
			look();
			view.setBigUint64(result, BigInt(fds[fd]?.position ?? 0), true);
			return 0;
		},
		fd_prestat_get: (fd: number, result: number) => {
			if (fd !== 3) return EBADF;
			look();
			view.setUint32(result, 0, true);
			view.setUint32(result + 4, 1, true);
			return 0;
		},
		fd_prestat_dir_name: (_fd: number, buffer: number) => {
			look();
			u8[buffer] = 47;
			return 0;
		},
		fd_readdir: (fd: number, buffer: number, size: number, cookie: bigint, result: number) => {
			const node = fds[fd]?.node;
			if (!(node instanceof FloorDirectory)) return ENOTDIR;
			look();
			let next = Number(cookie);
			if (next === 0) node.listed = [...node];
			let at = buffer;
			const end = buffer + size;
			for (; next < node.listed.length && at < end; next++) {
				const [name, child] = node.listed[next] as [string, Node];
				const room = end - at - 24;
				if (room < 0) {
					at = end;
					break;
				}
				const length = putName(name, at + 24, room);
				view.setUint32(at, next + 1, true);
				view.setUint32(at + 4, 0, true);
				view.setUint32(at + 8, child.ino, true);
				view.setUint32(at + 12, 0, true);
				view.setUint32(at + 16, length, true);
				view.setUint32(at + 20, child instanceof FloorFile ? 4 : 3, true);
				at += 24 + Math.min(length, room);
			}
			view.setUint32(result, at - buffer, true);
			return 0;
		},
		path_open: (
			fd: number,
			_follow: number,
			path: number,
			length: number,
			oflags: number,
			_rights: bigint,
			_inheriting: bigint,
			fdflags: number,
			result: number,
		) => {
			look();
			const directory = parent(fd, text(path, length));
			if (directory === null) return ENOENT;
			let node: Node | undefined = last === "" || last === "." ? directory : directory.get(last);
			if (node === undefined) {
				if ((oflags & 1) === 0) return ENOENT;
				node = new FloorFile(EMPTY);
				directory.set(last, node);
			} else if ((oflags & 4) !== 0) return EEXIST;
			else if ((oflags & 2) !== 0 && node instanceof FloorFile) return ENOTDIR;
			else if ((oflags & 8) !== 0 && node instanceof FloorFile) node.size = 0;
			view.setUint32(result, add(opened(node, (fdflags & 1) !== 0)), true);
			return 0;
		},
		path_filestat_get: (
			fd: number,
			_follow: number,
			path: number,
			length: number,
			result: number,
		) => {
			look();
			const node = find(fd, path, length);
			return node === null ? ENOENT : filestat(node, result);
		},
		path_create_directory: (fd: number, path: number, length: number) => {
			look();
			const directory = parent(fd, text(path, length));
			if (directory === null) return ENOENT;
			if (directory.has(last)) return EEXIST;
			directory.set(last, new FloorDirectory());
			return 0;
		},
		path_readlink: (fd: number, path: number, length: number) => {
			look();
			return find(fd, path, length) === null ? ENOENT : EINVAL;
		},
		path_remove_directory: (fd: number, path: number, length: number) => remove(fd, path, length),
		path_unlink_file: (fd: number, path: number, length: number) => remove(fd, path, length),
		path_rename: (
			fd: number,
			path: number,
			length: number,
			newFd: number,
			newPath: number,
			newLength: number,
		) => {
			look();
			const directory = parent(fd, text(path, length));
			const node = directory?.get(last);
			if (!directory || node === undefined) return ENOENT;
			const name = last;
			const to = parent(newFd, text(newPath, newLength));
			if (to === null) return ENOENT;
			directory.delete(name);
			to.set(last, node);
			return 0;
		},
		path_filestat_set_times: () => 0,
		poll_oneoff: () => ENOSYS,
		proc_exit: (code: number) => {
			throw new Exit(code);
		},
		random_get: (buffer: number, size: number) => {
			look();
			if (size > POOL) crypto.getRandomValues(u8.subarray(buffer, buffer + size));
			else {
				if (pooled < size) {
					crypto.getRandomValues(pool);
					pooled = POOL;
				}
				for (let i = 0; i < size; i++) u8[buffer + i] = pool[--pooled] as number;
			}
			return 0;
		},
		sched_yield: () => 0,
	};

	function remove(fd: number, path: number, length: number): number {
		look();
		const directory = parent(fd, text(path, length));
		if (directory === null) return ENOENT;
		if (last === "") return EISDIR;
		return directory.delete(last) ? 0 : ENOENT;
	}

	/** What differs in snapshot 0: the numbers of `whence`, and the filestat. */
	const calls0: typeof calls = {
		fd_seek: (fd: number, offset: bigint, whence: number, result: number) =>
			(calls.fd_seek as (...args: unknown[]) => number)(fd, offset, (whence + 1) % 3, result),
		fd_filestat_get: (fd: number, result: number) => {
			look();
			const node = fds[fd]?.node;
			return node instanceof FloorFile ? filestat0(node, result) : EBADF;
		},
		path_filestat_get: (
			fd: number,
			_follow: number,
			path: number,
			length: number,
			result: number,
		) => {
			look();
			const node = find(fd, path, length);
			return node === null ? ENOENT : filestat0(node, result);
		},
	};
	const imports: Record<string, Record<string, WebAssembly.ImportValue>> = {};
	for (const { module: from, name } of WebAssembly.Module.imports(module)) {
		imports[from] ??= {};
		imports[from][name] =
			(from === "wasi_unstable" ? calls0[name] : undefined) ?? calls[name] ?? (() => ENOSYS);
	}
	const instance = new WebAssembly.Instance(module, imports);
	memory = instance.exports.memory as WebAssembly.Memory;
	return () => {
		try {
			(instance.exports._start as () => void)();
		} catch (error) {
			if (error instanceof Exit) return error.code;
			throw error;
		}
		return 0;
	};
}

/** The same moment for every file: the floor keeps no times. */
const TIME = 1_700_000_000_000_000_000n;

function opened(node: Node | null, append: boolean): Open {
	return { node, position: 0, append };
}

function put(root: FloorDirectory, path: string, bytes: Uint8Array): void {
	let at = root;
	const names = path.split("/").filter((name) => name !== "");
	const last = names.pop() ?? "";
	for (const name of names) {
		const known = at.get(name);
		const next = known instanceof FloorDirectory ? known : new FloorDirectory();
		at.set(name, next);
		at = next;
	}
	at.set(last, new FloorFile(bytes));
}

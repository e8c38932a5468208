/**
 * Calls on descriptors. Each decodes, asks the node, encodes.
 *
 * Reads and writes walk the guest's vectors and hand each to the node in place: bytes go between
 * guest memory and file once, and nothing is allocated. Once a vector has been served the call has
 * acted, so what comes after is a short answer and never PENDING; but a read of a file, which is short at
 * its end only, notes how far it has come and goes on from there. Only what a stream is given in short
 * pieces is joined first: a line and its newline are two vectors, and would be two messages to the page.
 *
 * One group of calls is one file, however many calls the group has.
 */
import {
	FDFLAG_APPEND,
	FDFLAG_NONBLOCK,
	FDFLAGS_ALL,
	PREOPENTYPE_DIR,
	RIGHT_FD_ADVISE,
	RIGHT_FD_ALLOCATE,
	RIGHT_FD_DATASYNC,
	RIGHT_FD_FDSTAT_SET_FLAGS,
	RIGHT_FD_FILESTAT_GET,
	RIGHT_FD_FILESTAT_SET_SIZE,
	RIGHT_FD_FILESTAT_SET_TIMES,
	RIGHT_FD_READ,
	RIGHT_FD_READDIR,
	RIGHT_FD_SEEK,
	RIGHT_FD_SYNC,
	RIGHT_FD_TELL,
	RIGHT_FD_WRITE,
	WHENCE_CUR,
	WHENCE_END,
	WHENCE_SET,
} from "../abi/constants.ts";
import {
	type Done,
	EAGAIN,
	EBADF,
	EFAULT,
	EFBIG,
	EINVAL,
	EISDIR,
	ENAMETOOLONG,
	ENOTCAPABLE,
	ENOTDIR,
	type Errno,
	ESPIPE,
	PENDING,
} from "../abi/errno.ts";
import { DIRENT, FDSTAT, FILESTAT, IOVEC_SIZE, PRESTAT } from "../abi/layout.ts";
import { signed, unsigned, utf8 } from "../abi/memory.ts";
import { copyBytes } from "../fs/bytes.ts";
import { emptyEntry, type OpenNode, type SyncRequest } from "../fs/node.ts";
import type { OpenFile } from "../process/descriptors.ts";
import type { Thread } from "../process/thread.ts";
import { filetype, found, newTimes, writeFilestat } from "./stat.ts";

const MOST_VECTORS = 1024;
const LAST_ADVICE = 5;
/** Where short vectors are joined: no call is interrupted, so one will do for all guests. */
const joined = new Uint8Array(4096);

/** The file behind `fd` if it has `right`; else why not. */
export function openWith(thread: Thread, fd: number, right: number): OpenFile | Errno {
	const file = thread.process.descriptors.get(fd >>> 0);
	if (file === undefined) return EBADF;
	return (file.rights & right) === right ? file : ENOTCAPABLE;
}

/** Whether a file's position means something: pipes and consoles have none. */
function seekable(node: OpenNode): boolean {
	return node.type === "file" || node.type === "directory";
}

export function fdCalls(thread: Thread) {
	const { memory, bridge } = thread;
	const { descriptors, used } = thread.process;
	const entry = emptyEntry();
	let syncing: SyncRequest | undefined;
	/** How many bytes a read has served that was PENDING then: it is the next call that is made. */
	let resumed = 0;

	/** PENDING becomes EAGAIN where the guest asked not to wait. A disk is always waited for. */
	function answer(file: OpenFile, n: number): number {
		if (n !== PENDING || (file.flags & FDFLAG_NONBLOCK) === 0 || seekable(file.node)) return n;
		bridge.dropNotes();
		return EAGAIN;
	}

	/** What was written goes out when a descriptor is closed, also where another is open on the file. */
	function closed(done: Done): Done {
		const { unsent } = bridge;
		if (unsent !== undefined && unsent.size > 0) for (const one of unsent) one.sendAll();
		return done;
	}

	/** A sync waits for what was written before its first run, also where others go on writing. */
	function sync(file: OpenFile): Done {
		syncing ??= {};
		const done = file.node.sync(syncing);
		if (done !== PENDING) syncing = undefined;
		return done;
	}

	/** Puts all that the vectors hold into one piece, and answers how much; -1 for more than fits. */
	function join(vectors: number, count: number): number {
		let total = 0;
		for (let i = 0; i < count; i++) {
			const at = memory.u32(vectors + i * IOVEC_SIZE);
			const length = memory.u32(vectors + i * IOVEC_SIZE + 4);
			if (!memory.has(at, length) || total + length > joined.length) return -1;
			copyBytes(memory.u8, at, joined, total, length);
			total += length;
		}
		return total;
	}

	/** As `serve`, and counts. */
	function transfer(
		file: OpenFile,
		vectors: number,
		count: number,
		position: number,
		writing: boolean,
	): number {
		const n = serve(file, vectors, count, position, writing);
		if (n > 0) used[writing ? "written" : "read"] += n;
		return n;
	}

	/** Serves the vectors at `vectors` from `position`; a count of bytes, or why not even one. */
	function serve(
		file: OpenFile,
		vectors: number,
		count: number,
		position: number,
		writing: boolean,
	): number {
		if (count > MOST_VECTORS) return EINVAL;
		if (!memory.has(vectors, count * IOVEC_SIZE)) return EFAULT;
		const node = file.node;
		if (writing && count > 1 && node.type === "device") {
			const length = join(vectors, count);
			if (length > 0) return answer(file, node.write(joined, 0, length, position));
		}
		let total = 0;
		let skip = resumed;
		resumed = 0;
		for (let i = 0; i < count; i++) {
			const at = memory.u32(vectors + i * IOVEC_SIZE);
			const length = memory.u32(vectors + i * IOVEC_SIZE + 4);
			if (!memory.has(at, length)) return total > 0 ? total : EFAULT;
			if (length === 0 && i + 1 < count) continue;
			let moved = Math.min(skip, length);
			skip -= moved;
			total += moved;
			while (moved < length || length === 0) {
				const n = writing
					? node.write(memory.u8, at + moved, length - moved, position + total)
					: node.read(memory.u8, at + moved, length - moved, position + total);
				if (n < 0) return total === 0 ? answer(file, n) : interrupted(n, total, node, writing);
				total += n;
				moved += n;
				// A terminal gives a line at a time; the next vector would take the end of file behind it.
				if (!writing && node.type === "device") return total;
				if (moved === length) break;
				if (n === 0 || writing || node.type !== "file") return total;
			}
		}
		return total;
	}

	/** A file gives less than is wanted at its end only: the call goes on behind what it has read by now
	 *  once there is more. All else is content with the part that was served. */
	function interrupted(n: number, total: number, node: OpenNode, writing: boolean): number {
		if (n === PENDING && !writing && node.type === "file") {
			resumed = total;
			return PENDING;
		}
		bridge.dropNotes();
		return total;
	}

	function readable(fd: number): OpenFile | Errno {
		const file = descriptors.get(fd >>> 0);
		if (file === undefined) return EBADF;
		if ((file.rights & RIGHT_FD_READ) !== 0) return file;
		return file.node.type === "directory" ? EISDIR : EBADF;
	}

	function writable(fd: number): OpenFile | Errno {
		const file = descriptors.get(fd >>> 0);
		if (file === undefined) return EBADF;
		if ((file.rights & RIGHT_FD_WRITE) !== 0) return file;
		return file.node.type === "directory" ? EISDIR : EBADF;
	}

	/** Where the next write goes: the end, for a file opened to append. */
	function writePosition(file: OpenFile): number {
		return (file.flags & FDFLAG_APPEND) !== 0 && file.node.type === "file"
			? file.node.size()
			: file.position;
	}

	return {
		fd_advise(
			fd: number,
			offsetLow: number,
			offsetHigh: number,
			lengthLow: number,
			lengthHigh: number,
			advice: number,
		): Done {
			const file = openWith(thread, fd, RIGHT_FD_ADVISE);
			if (typeof file === "number") return file === ENOTCAPABLE ? ESPIPE : file;
			if (advice >>> 0 > LAST_ADVICE) return EINVAL;
			if (signed(offsetLow, offsetHigh) < 0 || signed(lengthLow, lengthHigh) < 0) return EINVAL;
			return file.node.type === "directory" ? EBADF : 0;
		},

		fd_allocate(
			fd: number,
			offsetLow: number,
			offsetHigh: number,
			lengthLow: number,
			lengthHigh: number,
		): Done {
			const file = openWith(thread, fd, RIGHT_FD_ALLOCATE | RIGHT_FD_WRITE);
			if (typeof file === "number") return file === ENOTCAPABLE ? EBADF : file;
			const offset = signed(offsetLow, offsetHigh);
			const length = signed(lengthLow, lengthHigh);
			if (offset < 0 || length <= 0) return EINVAL;
			if (offset + length > Number.MAX_SAFE_INTEGER) return EFBIG;
			const size = file.node.size();
			if (size < 0) return size as Errno;
			return size >= offset + length ? 0 : file.node.truncate(offset + length);
		},

		fd_close: (fd: number): Done => closed(descriptors.close(fd >>> 0)),

		fd_datasync(fd: number): Done {
			const file = openWith(thread, fd, RIGHT_FD_DATASYNC);
			return typeof file === "number" ? file : sync(file);
		},

		fd_sync(fd: number): Done {
			const file = openWith(thread, fd, RIGHT_FD_SYNC);
			return typeof file === "number" ? file : sync(file);
		},

		fd_fdstat_get(fd: number, result: number): Done {
			const file = descriptors.get(fd >>> 0);
			if (file === undefined) return EBADF;
			const at = result >>> 0;
			if (!memory.has(at, FDSTAT.size)) return EFAULT;
			memory.setU32(at + FDSTAT.type, filetype(file.node.type) | (file.flags << 16));
			memory.setU32(at + 4, 0);
			memory.setU32(at + FDSTAT.rights, file.rights);
			memory.setU32(at + FDSTAT.rights + 4, 0);
			// A C library asks this of the number under which it knows a directory, whatever a shell has put there since.
			const { inheriting } = descriptors.directory(fd >>> 0) ?? file;
			memory.setU32(at + FDSTAT.inheriting, inheriting);
			memory.setU32(at + FDSTAT.inheriting + 4, 0);
			return 0;
		},

		fd_fdstat_set_flags(fd: number, flags: number): Done {
			const file = openWith(thread, fd, RIGHT_FD_FDSTAT_SET_FLAGS);
			if (typeof file === "number") return file;
			if ((flags & ~FDFLAGS_ALL) !== 0) return EINVAL;
			file.flags = flags;
			return 0;
		},

		fd_filestat_get: (fd: number, result: number): Done => filestatGet(thread, fd, result),

		fd_filestat_set_size(fd: number, low: number, high: number): Done {
			const file = openWith(thread, fd, RIGHT_FD_FILESTAT_SET_SIZE);
			if (typeof file === "number") return file;
			const size = signed(low, high);
			if (size < 0) return EINVAL;
			return size > Number.MAX_SAFE_INTEGER ? EFBIG : file.node.truncate(size);
		},

		fd_filestat_set_times(
			fd: number,
			accessLow: number,
			accessHigh: number,
			modifyLow: number,
			modifyHigh: number,
			flags: number,
		): Done {
			const file = openWith(thread, fd, RIGHT_FD_FILESTAT_SET_TIMES);
			if (typeof file === "number") return file;
			const times = newTimes(thread, accessLow, accessHigh, modifyLow, modifyHigh, flags);
			return typeof times === "number" ? times : file.node.setTimes(times.accessed, times.modified);
		},

		fd_prestat_get(fd: number, result: number): Done {
			const file = descriptors.get(fd >>> 0);
			if (file === undefined || file.preopen === null) return EBADF;
			const at = result >>> 0;
			if (!memory.has(at, PRESTAT.size)) return EFAULT;
			memory.setU32(at + PRESTAT.tag, PREOPENTYPE_DIR);
			memory.setU32(at + PRESTAT.length, utf8(file.preopen).length);
			return 0;
		},

		fd_prestat_dir_name(fd: number, buffer: number, size: number): Done {
			const file = descriptors.get(fd >>> 0);
			if (file === undefined || file.preopen === null) return EBADF;
			const name = utf8(file.preopen);
			const at = buffer >>> 0;
			if (size >>> 0 < name.length) return ENAMETOOLONG;
			if (!memory.has(at, name.length)) return EFAULT;
			memory.setBytes(at, name.length, name);
			return 0;
		},

		// These two stand side by side in full: through one function for both, each costs twice as much.
		fd_pread(
			fd: number,
			vectors: number,
			count: number,
			offsetLow: number,
			offsetHigh: number,
			result: number,
		): number {
			const file = readable(fd);
			if (typeof file === "number") return file;
			if (!seekable(file.node)) return ESPIPE;
			const at = result >>> 0;
			if (!memory.has(at, 4)) return EFAULT;
			if (offsetHigh < 0) return EINVAL;
			const n = transfer(file, vectors >>> 0, count >>> 0, unsigned(offsetLow, offsetHigh), false);
			if (n < 0) return n;
			memory.setU32(at, n);
			return 0;
		},

		fd_pwrite(
			fd: number,
			vectors: number,
			count: number,
			offsetLow: number,
			offsetHigh: number,
			result: number,
		): number {
			const file = writable(fd);
			if (typeof file === "number") return file;
			if (!seekable(file.node)) return ESPIPE;
			const at = result >>> 0;
			if (!memory.has(at, 4)) return EFAULT;
			if (offsetHigh < 0) return EINVAL;
			const n = transfer(file, vectors >>> 0, count >>> 0, unsigned(offsetLow, offsetHigh), true);
			if (n < 0) return n;
			memory.setU32(at, n);
			return 0;
		},

		fd_read(fd: number, vectors: number, count: number, result: number): number {
			const file = readable(fd);
			if (typeof file === "number") return file;
			const at = result >>> 0;
			if (!memory.has(at, 4)) return EFAULT;
			const n = transfer(file, vectors >>> 0, count >>> 0, file.position, false);
			if (n < 0) return n;
			file.position += n;
			memory.setU32(at, n);
			return 0;
		},

		fd_write(fd: number, vectors: number, count: number, result: number): number {
			const file = writable(fd);
			if (typeof file === "number") return file;
			const at = result >>> 0;
			if (!memory.has(at, 4)) return EFAULT;
			const position = writePosition(file);
			if (position < 0) return position;
			const n = transfer(file, vectors >>> 0, count >>> 0, position, true);
			if (n < 0) return n;
			file.position = position + n;
			memory.setU32(at, n);
			return 0;
		},

		fd_readdir(
			fd: number,
			buffer: number,
			size: number,
			cookieLow: number,
			cookieHigh: number,
			result: number,
		): number {
			const file = openWith(thread, fd, RIGHT_FD_READDIR);
			if (typeof file === "number") return file === ENOTCAPABLE ? ENOTDIR : file;
			const node = file.node;
			if (node.type !== "directory") return ENOTDIR;
			const start = buffer >>> 0;
			const end = start + (size >>> 0);
			if (!memory.has(start, size >>> 0) || !memory.has(result >>> 0, 4)) return EFAULT;
			// Cookies 0 and 1 stand before `.` and `..`; after them come the node's own cursors.
			let cookie = unsigned(cookieLow, cookieHigh);
			if (cookie === 0 || file.listing === 0) {
				const began = node.listing();
				if (began < 0) return began;
				file.listing = began;
			}
			let at = start;
			while (at < end) {
				let next = cookie + 1;
				if (cookie < 2) {
					entry.name = cookie === 0 ? "." : "..";
					entry.ino = node.ino;
					entry.type = "directory";
				} else {
					const cursor = node.readdir(cookie - 2, entry, file.listing);
					if (cursor < 0) return cursor;
					if (cursor === 0) break;
					next = cursor + 2;
				}
				at += direntBytes(at, end, next);
				cookie = next;
			}
			memory.setU32(result >>> 0, at - start);
			return 0;
		},

		fd_renumber: (from: number, to: number): Done =>
			closed(descriptors.renumber(from >>> 0, to >>> 0)),

		fd_seek: (fd: number, low: number, high: number, whence: number, result: number): Done =>
			seek(thread, fd, signed(low, high), whence >>> 0, result >>> 0),

		fd_tell(fd: number, result: number): Done {
			const file = descriptors.get(fd >>> 0);
			if (file === undefined) return EBADF;
			// Whoever may move the position may also know it.
			if ((file.rights & (RIGHT_FD_TELL | RIGHT_FD_SEEK)) === 0) return notSeekable(thread, fd);
			if (!memory.has(result >>> 0, 8)) return EFAULT;
			memory.setU64(result >>> 0, file.position);
			return 0;
		},
	};

	/** Writes `entry`, cut off at `end`, and returns how many bytes it took. */
	function direntBytes(at: number, end: number, next: number): number {
		const room = end - at - DIRENT.size;
		if (room < 0) {
			// Not even the head fits. What is written is not looked at; that the room is used up is.
			memory.u8.fill(0, at, end);
			return end - at;
		}
		memory.setU64(at + DIRENT.next, next);
		memory.setU64(at + DIRENT.ino, entry.ino);
		const length = memory.setString(at + DIRENT.size, room, entry.name);
		memory.setU32(at + DIRENT.length, length);
		memory.setU32(at + DIRENT.type, filetype(entry.type));
		return DIRENT.size + Math.min(room, length);
	}
}

/** Why a descriptor without a position has none. */
function notSeekable(thread: Thread, fd: number): Errno {
	const node = thread.process.descriptors.get(fd >>> 0)?.node;
	if (node === undefined || node.type === "directory") return EBADF;
	return seekable(node) ? ENOTCAPABLE : ESPIPE;
}

/** `whence` in the numbers of preview1. Errors: ESPIPE, EINVAL before the start. */
export function seek(
	thread: Thread,
	fd: number,
	offset: number,
	whence: number,
	result: number,
): Done {
	const { memory } = thread;
	const file = thread.process.descriptors.get(fd >>> 0);
	if (file === undefined) return EBADF;
	const telling = offset === 0 && whence === WHENCE_CUR;
	const needed = telling ? RIGHT_FD_TELL | RIGHT_FD_SEEK : RIGHT_FD_SEEK;
	if ((file.rights & needed) === 0) return notSeekable(thread, fd);
	if (!memory.has(result, 8)) return EFAULT;
	let base = 0;
	if (whence === WHENCE_CUR) base = file.position;
	else if (whence === WHENCE_END) base = file.node.size();
	else if (whence !== WHENCE_SET) return EINVAL;
	if (base < 0) return base as Errno;
	const position = base + offset;
	if (position < 0) return EINVAL;
	if (position > Number.MAX_SAFE_INTEGER) return EINVAL;
	file.position = position;
	memory.setU64(result, position);
	return 0;
}

function filestatGet(thread: Thread, fd: number, result: number): Done {
	const file = openWith(thread, fd, RIGHT_FD_FILESTAT_GET);
	if (typeof file === "number") return file;
	return writeFilestat(thread, file.node.stat(found), result >>> 0, FILESTAT);
}

/**
 * Calls on paths. Each reads its paths out of guest memory, asks the tree, and encodes the answer;
 * what a path means is decided in `fs/operations.ts`.
 */
import {
	FDFLAG_APPEND,
	FDFLAGS_ALL,
	LOOKUP_SYMLINK_FOLLOW,
	OFLAG_CREAT,
	OFLAG_TRUNC,
	OFLAGS_ALL,
	RIGHT_FD_ALLOCATE,
	RIGHT_FD_FILESTAT_SET_SIZE,
	RIGHT_FD_WRITE,
	RIGHT_PATH_CREATE_DIRECTORY,
	RIGHT_PATH_CREATE_FILE,
	RIGHT_PATH_FILESTAT_GET,
	RIGHT_PATH_FILESTAT_SET_SIZE,
	RIGHT_PATH_FILESTAT_SET_TIMES,
	RIGHT_PATH_LINK_SOURCE,
	RIGHT_PATH_LINK_TARGET,
	RIGHT_PATH_OPEN,
	RIGHT_PATH_READLINK,
	RIGHT_PATH_REMOVE_DIRECTORY,
	RIGHT_PATH_RENAME_SOURCE,
	RIGHT_PATH_RENAME_TARGET,
	RIGHT_PATH_SYMLINK,
	RIGHT_PATH_UNLINK_FILE,
	RIGHTS_DIRECTORY,
	RIGHTS_FILE,
	RIGHTS_STREAM,
} from "../abi/constants.ts";
import {
	type Done,
	EBADF,
	EFAULT,
	EILSEQ,
	EINVAL,
	ENOENT,
	ENOTCAPABLE,
	ENOTDIR,
	EPERM,
	type Errno,
	PENDING,
} from "../abi/errno.ts";
import { FILESTAT, type FilestatLayout } from "../abi/layout.ts";
import { utf8 } from "../abi/memory.ts";
import { TtyDevice } from "../fs/devices.ts";
import type { OpenNode } from "../fs/node.ts";
import { OpenFile } from "../process/descriptors.ts";
import type { Thread } from "../process/thread.ts";
import { found, newTimes, writeFilestat } from "./stat.ts";

/** Bytes of the longest path that is decoded at all; the walk allows less. */
const MOST_PATH = 1 << 16;
const SLASH = 47;
const WRITING = RIGHT_FD_WRITE | RIGHT_FD_ALLOCATE | RIGHT_FD_FILESTAT_SET_SIZE;

/** The directory behind `fd`, if it has `right`. Errors: EBADF, ENOTDIR, ENOTCAPABLE. */
function base(thread: Thread, fd: number, right: number): OpenFile | Errno {
	const file = thread.process.descriptors.directory(fd >>> 0);
	if (file === undefined) return EBADF;
	if (file.node.type !== "directory") return ENOTDIR;
	return (file.rights & right) === right ? file : ENOTCAPABLE;
}

/** The path at `at`. Errors: EFAULT, EILSEQ; EINVAL for one of absurd length. */
function text(thread: Thread, at: number, size: number): string | Errno {
	const length = size >>> 0;
	if (!thread.memory.has(at >>> 0, length)) return EFAULT;
	if (length > MOST_PATH) return EINVAL;
	return thread.memory.string(at >>> 0, length) ?? EILSEQ;
}

/**
 * Where `path` begins, for a call on `file`. A C library strips the slash of an absolute path before
 * it chooses between the directories `/` and `.`, and takes the latter for both; so a path that
 * cannot begin in the working directory begins in the root, if it can there. A single name that is to
 * be made (`makes`) is made in the working directory, with a slash behind it or without.
 * Errors: PENDING.
 */
function start(thread: Thread, file: OpenFile, path: string, makes: boolean): OpenNode | Errno {
	if (file.beyond === null) return file.node;
	const first = firstOf(path);
	if (first === "" || first === "." || first === ".." || (makes && isBare(path))) return file.node;
	const { tree, operations } = thread.process;
	const here = operations.exists(tree, file.node, first, false);
	if (here === PENDING) return PENDING;
	if (here !== ENOENT) return file.node;
	const there = operations.exists(tree, file.beyond, first, false);
	if (there === PENDING) return PENDING;
	return there === 0 ? file.beyond : file.node;
}

/** The first component of a path; `""` for one that begins with a slash. */
function firstOf(path: string): string {
	const end = path.indexOf("/");
	return end < 0 ? path : path.slice(0, end);
}

/** Whether a path is a single name, perhaps with slashes behind it. */
function isBare(path: string): boolean {
	let end = path.length;
	while (end > 0 && path.charCodeAt(end - 1) === SLASH) end -= 1;
	return path.lastIndexOf("/", end - 1) < 0;
}

/**
 * Tells of a change to what a bare name was guessed to mean: something in the root, as the working
 * directory has nothing of that name. A program that meant its working directory has damaged something
 * else, and nothing in its own answer says so.
 */
function tellGuess(
	thread: Thread,
	file: OpenFile,
	from: OpenNode,
	path: string,
	done: number,
): void {
	if (from !== file.beyond || done === PENDING || done === ENOENT || !isBare(path)) return;
	thread.process.guessed(firstOf(path));
}

const LINK_RIGHTS = [RIGHT_PATH_LINK_SOURCE, RIGHT_PATH_LINK_TARGET] as const;
const RENAME_RIGHTS = [RIGHT_PATH_RENAME_SOURCE, RIGHT_PATH_RENAME_TARGET] as const;

export function pathFilestatGet(
	thread: Thread,
	fd: number,
	lookup: number,
	path: number,
	size: number,
	result: number,
	layout: FilestatLayout,
): Done {
	const directory = base(thread, fd, RIGHT_PATH_FILESTAT_GET);
	if (typeof directory === "number") return directory;
	const name = text(thread, path, size);
	if (typeof name === "number") return name;
	const follow = (lookup & LOOKUP_SYMLINK_FOLLOW) !== 0;
	const from = start(thread, directory, name, false);
	if (typeof from === "number") return from;
	const looked = thread.process.operations.stat(thread.process.tree, from, name, follow, found);
	return writeFilestat(thread, looked, result >>> 0, layout);
}

export function pathCalls(thread: Thread) {
	const { memory } = thread;
	const { descriptors, tree, operations } = thread.process;

	/** Runs `operation` on the directory behind `fd` and the path at `at`. It makes a name, or changes
	 *  what has one. */
	function at(
		fd: number,
		right: number,
		path: number,
		size: number,
		operation: (from: OpenNode, name: string) => Done,
		makes = false,
	): Done {
		const directory = base(thread, fd, right);
		if (typeof directory === "number") return directory;
		const name = text(thread, path, size);
		if (typeof name === "number") return name;
		const from = start(thread, directory, name, makes);
		if (typeof from === "number") return from;
		const done = operation(from, name);
		tellGuess(thread, directory, from, name, done);
		return done;
	}

	/** Runs `operation` on the directory behind `fd` with a path, and on another with a new one. */
	function between(
		[fromRight, toRight]: readonly [number, number],
		fd: number,
		path: number,
		size: number,
		newFd: number,
		newPath: number,
		newSize: number,
		operation: (from: OpenNode, name: string, to: OpenNode, newName: string) => Done,
	): Done {
		const from = base(thread, fd, fromRight);
		if (typeof from === "number") return from;
		const to = base(thread, newFd, toRight);
		if (typeof to === "number") return to;
		const name = text(thread, path, size);
		if (typeof name === "number") return name;
		const newName = text(thread, newPath, newSize);
		if (typeof newName === "number") return newName;
		const source = start(thread, from, name, false);
		if (typeof source === "number") return source;
		const target = start(thread, to, newName, true);
		if (typeof target === "number") return target;
		const done = operation(source, name, target, newName);
		// A link leaves what it leads to as it is.
		if (fromRight === RIGHT_PATH_RENAME_SOURCE) tellGuess(thread, from, source, name, done);
		return done;
	}

	const mkdir = (from: OpenNode, name: string) => operations.mkdir(tree, from, name);
	const rmdir = (from: OpenNode, name: string) => operations.rmdir(tree, from, name);
	const unlink = (from: OpenNode, name: string) => operations.unlink(tree, from, name);
	const rename = (from: OpenNode, name: string, to: OpenNode, newName: string) =>
		operations.rename(tree, from, name, to, newName);
	const link = (from: OpenNode, name: string, to: OpenNode, newName: string) =>
		operations.link(tree, from, name, false, to, newName);
	const linkTarget = (from: OpenNode, name: string, to: OpenNode, newName: string) =>
		operations.link(tree, from, name, true, to, newName);

	/** The rights of a new descriptor: what was asked for, what the directory grants, what the node
	 *  can do. */
	function granted(node: OpenNode, asked: number): number {
		if (node.type === "directory") return asked & RIGHTS_DIRECTORY;
		return asked & (node.type === "file" ? RIGHTS_FILE : RIGHTS_STREAM);
	}

	/** A descriptor on `node`; a device such as `/dev/stdin` yields the process's own open file. */
	function enter(node: OpenNode, flags: number, rights: number, inheriting: number): number {
		if (node.descriptor >= 0) {
			const own = descriptors.get(node.descriptor);
			return own === undefined ? EBADF : descriptors.add(own);
		}
		const opened = node instanceof TtyDevice ? (thread.process.terminal ?? node) : node;
		const added = descriptors.add(new OpenFile(opened, flags, rights, inheriting));
		if (added < 0 && opened.handles === 0) opened.closed();
		return added;
	}

	return {
		path_create_directory: (fd: number, path: number, size: number): Done =>
			at(fd, RIGHT_PATH_CREATE_DIRECTORY, path, size, mkdir, true),

		path_remove_directory: (fd: number, path: number, size: number): Done =>
			at(fd, RIGHT_PATH_REMOVE_DIRECTORY, path, size, rmdir),

		path_unlink_file: (fd: number, path: number, size: number): Done =>
			at(fd, RIGHT_PATH_UNLINK_FILE, path, size, unlink),

		path_filestat_get: (
			fd: number,
			lookup: number,
			path: number,
			size: number,
			result: number,
		): Done => pathFilestatGet(thread, fd, lookup, path, size, result, FILESTAT),

		path_filestat_set_times(
			fd: number,
			lookup: number,
			path: number,
			size: number,
			accessLow: number,
			accessHigh: number,
			modifyLow: number,
			modifyHigh: number,
			flags: number,
		): Done {
			const times = newTimes(thread, accessLow, accessHigh, modifyLow, modifyHigh, flags);
			if (typeof times === "number") return times;
			const follow = (lookup & LOOKUP_SYMLINK_FOLLOW) !== 0;
			const { accessed, modified } = times;
			return at(fd, RIGHT_PATH_FILESTAT_SET_TIMES, path, size, (from, name) =>
				operations.setTimes(tree, from, name, follow, accessed, modified),
			);
		},

		path_link(
			fd: number,
			lookup: number,
			path: number,
			size: number,
			newFd: number,
			newPath: number,
			newSize: number,
		): Done {
			const follow = (lookup & LOOKUP_SYMLINK_FOLLOW) !== 0;
			const make = follow ? linkTarget : link;
			return between(LINK_RIGHTS, fd, path, size, newFd, newPath, newSize, make);
		},

		path_open(
			fd: number,
			lookup: number,
			path: number,
			size: number,
			oflags: number,
			rightsLow: number,
			_rightsHigh: number,
			inheritingLow: number,
			_inheritingHigh: number,
			fdflags: number,
			result: number,
		): number {
			const creating = (oflags & OFLAG_CREAT) !== 0 ? RIGHT_PATH_CREATE_FILE : 0;
			const directory = base(thread, fd, RIGHT_PATH_OPEN | creating);
			if (typeof directory === "number") return directory;
			const mayEmpty = (directory.rights & RIGHT_PATH_FILESTAT_SET_SIZE) !== 0;
			if ((oflags & OFLAG_TRUNC) !== 0 && !mayEmpty) return EPERM;
			const name = text(thread, path, size);
			if (typeof name === "number") return name;
			if (!memory.has(result >>> 0, 4)) return EFAULT;
			if ((fdflags & ~FDFLAGS_ALL) !== 0 || (oflags & ~OFLAGS_ALL) !== 0) return EINVAL;
			const rights = rightsLow & directory.inheriting;
			const writes = (rights & WRITING) !== 0 || (fdflags & FDFLAG_APPEND) !== 0;
			const follow = (lookup & LOOKUP_SYMLINK_FOLLOW) !== 0;
			const from = start(thread, directory, name, creating !== 0);
			if (typeof from === "number") return from;
			const node = operations.open(tree, from, name, follow, oflags, writes);
			if (typeof node === "number") return node;
			const inheriting = inheritingLow & directory.inheriting;
			const opened = enter(node, fdflags, granted(node, rights), inheriting);
			if (opened < 0) return opened;
			if (writes || (oflags & OFLAG_TRUNC) !== 0) tellGuess(thread, directory, from, name, 0);
			memory.setU32(result >>> 0, opened);
			return 0;
		},

		path_readlink(
			fd: number,
			path: number,
			size: number,
			buffer: number,
			bufferSize: number,
			result: number,
		): Done {
			const directory = base(thread, fd, RIGHT_PATH_READLINK);
			if (typeof directory === "number") return directory;
			const name = text(thread, path, size);
			if (typeof name === "number") return name;
			const into = buffer >>> 0;
			const room = bufferSize >>> 0;
			if (!memory.has(into, room) || !memory.has(result >>> 0, 4)) return EFAULT;
			const from = start(thread, directory, name, false);
			if (typeof from === "number") return from;
			const target = operations.readlink(tree, from, name);
			if (typeof target === "number") return target;
			memory.setU32(result >>> 0, memory.setBytes(into, room, utf8(target)));
			return 0;
		},

		path_rename(
			fd: number,
			path: number,
			size: number,
			newFd: number,
			newPath: number,
			newSize: number,
		): Done {
			return between(RENAME_RIGHTS, fd, path, size, newFd, newPath, newSize, rename);
		},

		path_symlink(target: number, targetSize: number, fd: number, path: number, size: number): Done {
			const to = text(thread, target, targetSize);
			if (typeof to === "number") return to;
			// Preview1 has no absolute paths, so a link that holds one is refused when it is made.
			if (to.startsWith("/") && !tree.absolute) return EPERM;
			return at(
				fd,
				RIGHT_PATH_SYMLINK,
				path,
				size,
				(from, name) => operations.symlink(tree, to, from, name),
				true,
			);
		},
	};
}

/**
 * Calls on descriptors and on the working directory that preview1 does not have, and those that mean something else
 * in WASIX.
 *
 * Source: wasix-runner.md 0.1, 3.3, 6.3; dup(2), fcntl(2), pipe(2), getcwd(3).
 */
import { PREOPENTYPE_DIR, RIGHTS_STREAM } from "../abi/constants.ts";
import {
	type Done,
	EBADF,
	EFAULT,
	EINVAL,
	ENAMETOOLONG,
	EPERM,
	EPIPE,
	ERANGE,
	type Errno,
} from "../abi/errno.ts";
import { PRESTAT } from "../abi/layout.ts";
import { utf8 } from "../abi/memory.ts";
import type { PlainCall } from "../bridge/adapter.ts";
import { Namespace } from "../fs/namespace.ts";
import type { INode } from "../fs/node.ts";
import { DIRECTORY } from "../fs/operations.ts";
import { duplex } from "../fs/pipe.ts";
import { OpenFile } from "../process/descriptors.ts";
import { SIGPIPE } from "./process.ts";
import { absolutePath, textAt } from "./text.ts";
import type { WasixThread } from "./thread.ts";

/** The number under which path calls know the working directory. */
const HERE = 4;
const CLOSE_ON_EXEC = 1;

/** Makes the directory at an absolute or relative path the working one. Errors: those of a walk, ENOTDIR. */
export function changeDirectory(owner: WasixThread["owner"], path: string): Done {
	const { tree, operations } = owner.process;
	const absolute = absolutePath(owner.cwd, path);
	const node = operations.open(tree, tree.root, absolute.slice(1) || ".", true, DIRECTORY, false);
	if (typeof node === "number") return node;
	const isHere = tree instanceof Namespace;
	if (isHere) tree.enter(node as INode);
	owner.cwd = absolute;
	const here = owner.descriptors.begins.get(HERE);
	if (here !== undefined) {
		const { flags, rights, inheriting, preopen, beyond } = here;
		const moved = new OpenFile(node, flags, rights, inheriting, preopen);
		moved.beyond = node === tree.root ? null : (beyond ?? tree.root);
		// A tree in another thread closes what is not held.
		if (!isHere) {
			moved.hold();
			here.release();
		}
		owner.descriptors.begins.set(HERE, moved);
	}
	return 0;
}

/** Opens `file` at the lowest free number from `least` on, and writes that number to `result`. Errors: EFAULT, EMFILE, EINVAL. */
export function putFile(
	{ memory, owner }: WasixThread,
	file: OpenFile,
	result: number,
	least = 0,
	closeOnExec = false,
): Done {
	const at = result >>> 0;
	if (!memory.has(at, 4)) return EFAULT;
	const fd = owner.descriptors.addFrom(file, least >>> 0, closeOnExec);
	if (fd < 0) return fd as Errno;
	memory.setU32(at, fd);
	return 0;
}

export function descriptorCalls(
	thread: WasixThread,
	base: Readonly<Record<string, PlainCall>>,
): Record<string, PlainCall> {
	const { memory, owner, bridge } = thread;
	const { descriptors } = owner;
	const { fd_write: write, path_open: open } = base as Record<"fd_write" | "path_open", PlainCall>;

	const put = (file: OpenFile, result: number, least?: number, closeOnExec?: boolean): Done =>
		putFile(thread, file, result, least, closeOnExec);

	function dup(fd: number, least: number, closeOnExec: boolean, result: number): Done {
		const file = descriptors.file(fd >>> 0);
		return file === undefined ? EBADF : put(file, result, least, closeOnExec);
	}

	/** The name of a directory that path calls begin in; null where `fd` is none. */
	function beginOf(fd: number): Uint8Array | null {
		const name = descriptors.begins.get(fd >>> 0)?.preopen;
		return name == null ? null : utf8(name);
	}

	return {
		/** A write to a pipe without a reader is a signal besides. */
		fd_write(fd, vectors, count, result) {
			const n = write(fd, vectors, count, result);
			if (n === EPIPE) owner.signal(SIGPIPE);
			return n;
		},

		fd_prestat_get(fd, result): Done {
			const name = beginOf(fd);
			const at = result >>> 0;
			if (name === null) return EBADF;
			if (!memory.has(at, PRESTAT.size)) return EFAULT;
			memory.setU32(at + PRESTAT.tag, PREOPENTYPE_DIR);
			memory.setU32(at + PRESTAT.length, name.length);
			return 0;
		},

		fd_prestat_dir_name(fd, buffer, size): Done {
			const name = beginOf(fd);
			if (name === null) return EBADF;
			if (size >>> 0 < name.length) return ENAMETOOLONG;
			if (!memory.has(buffer >>> 0, name.length)) return EFAULT;
			memory.setBytes(buffer >>> 0, name.length, name);
			return 0;
		},

		fd_dup: (fd, result): Done => dup(fd, 0, false, result),

		fd_dup2: (fd, least, closeOnExec, result): Done => dup(fd, least, closeOnExec !== 0, result),

		fd_pipe(first, second): Done {
			if (!memory.has(first >>> 0, 4) || !memory.has(second >>> 0, 4)) return EFAULT;
			const [one, other] = duplex(bridge);
			const done = put(new OpenFile(one, 0, RIGHTS_STREAM, 0), first);
			if (done !== 0) return done;
			const also = put(new OpenFile(other, 0, RIGHTS_STREAM, 0), second);
			if (also !== 0) descriptors.close(memory.u32(first >>> 0));
			return also;
		},

		fd_fdflags_get(fd, result): Done {
			if (descriptors.file(fd >>> 0) === undefined) return EBADF;
			if (!memory.has(result >>> 0, 2)) return EFAULT;
			memory.setU16(result >>> 0, descriptors.isClosedOnExec(fd >>> 0) ? CLOSE_ON_EXEC : 0);
			return 0;
		},

		fd_fdflags_set(fd, flags): Done {
			if (descriptors.file(fd >>> 0) === undefined) return EBADF;
			if ((flags & ~CLOSE_ON_EXEC) !== 0) return EINVAL;
			descriptors.setCloseOnExec(fd >>> 0, flags !== 0);
			return 0;
		},

		path_open2(
			fd,
			lookup,
			path,
			size,
			oflags,
			rights,
			rightsHigh,
			inherit,
			inheritHigh,
			flags,
			more,
			result,
		) {
			const done = open(
				fd,
				lookup,
				path,
				size,
				oflags,
				rights,
				rightsHigh,
				inherit,
				inheritHigh,
				flags,
				result,
			);
			if (done === 0 && (more & CLOSE_ON_EXEC) !== 0) {
				descriptors.setCloseOnExec(memory.u32(result >>> 0), true);
			}
			return done;
		},

		/** The room must hold the path and the NUL behind it. */
		getcwd(buffer, length): Done {
			const to = length >>> 0;
			if (!memory.has(to, 4)) return EFAULT;
			const room = memory.u32(to);
			const path = utf8(owner.cwd);
			memory.setU32(to, path.length);
			if (room < path.length) return ERANGE;
			if (!memory.has(buffer >>> 0, path.length)) return EFAULT;
			memory.setBytes(buffer >>> 0, path.length, path);
			return 0;
		},

		chdir(path, size): Done {
			const text = textAt(memory, path, size);
			return typeof text === "number" ? text : changeDirectory(owner, text);
		},

		/** The clocks are the browser's. */
		clock_time_set: (): Done => EPERM,
	} as Record<string, PlainCall>;
}

/**
 * What `proc_spawn2` and `proc_spawn3` do to the descriptors and the directory of a child before it starts, in order.
 *
 *     0       4    8        12     16            20          24       32       40           48        50
 *     | what  | fd | source | path | path length | directory | oflags | rights | inheriting | fdflags | more |
 *
 * Source: wasix-runner.md 3.7, 6.4; posix_spawn_file_actions_addopen(3) and its neighbours.
 */
import {
	FDFLAGS_ALL,
	LOOKUP_SYMLINK_FOLLOW,
	OFLAGS_ALL,
	RIGHT_FD_WRITE,
	RIGHTS_ALL,
	RIGHTS_DIRECTORY,
	RIGHTS_FILE,
	RIGHTS_STREAM,
} from "../abi/constants.ts";
import { type Done, EBADF, EFAULT, EINVAL, ENOTDIR, type Errno } from "../abi/errno.ts";
import { TtyDevice } from "../fs/devices.ts";
import type { Namespace } from "../fs/namespace.ts";
import type { INode } from "../fs/node.ts";
import * as fs from "../fs/operations.ts";
import { OpenFile } from "../process/descriptors.ts";
import { changeDirectory } from "./descriptor.ts";
import type { WasixProcess } from "./process.ts";
import { absolutePath, textAt } from "./text.ts";
import type { WasixThread } from "./thread.ts";

const ACTION_SIZE = 56;
const MOST_ACTIONS = 1024;
const CLOSE = 0;
const DUP2 = 1;
const OPEN = 2;
const CHDIR = 3;
const FCHDIR = 4;

/** Does the actions at `at`. Errors: those of each. */
export function actions(thread: WasixThread, child: WasixProcess, at: number, count: number): Done {
	if (count > MOST_ACTIONS) return EINVAL;
	if (!thread.memory.has(at, count * ACTION_SIZE)) return EFAULT;
	for (let i = 0; i < count; i++) {
		const done = act(thread, child, at + i * ACTION_SIZE);
		if (done !== 0) return done;
	}
	return 0;
}

function act(thread: WasixThread, child: WasixProcess, at: number): Done {
	const { memory } = thread;
	const { descriptors } = child;
	const fd = memory.u32(at + 4);
	switch (memory.u8[at]) {
		case CLOSE:
			// What is closed already is as it should be; and directories that paths begin in stay.
			descriptors.close(fd);
			return 0;
		case DUP2: {
			const source = memory.u32(at + 8);
			if (source === fd) descriptors.setCloseOnExec(fd, false);
			return descriptors.renumber(source, fd);
		}
		case OPEN: {
			const path = textAt(memory, memory.u32(at + 12), memory.u32(at + 16));
			return typeof path === "number" ? path : open(thread, child, at, fd, path);
		}
		case CHDIR: {
			const path = textAt(memory, memory.u32(at + 12), memory.u32(at + 16));
			return typeof path === "number" ? path : changeDirectory(child, path);
		}
		case FCHDIR: {
			const directory = descriptors.directory(fd);
			if (directory === undefined) return EBADF;
			if (directory.node.type !== "directory") return ENOTDIR;
			(child.process.tree as Namespace).enter(directory.node as INode);
			return 0;
		}
		default:
			return EINVAL;
	}
}

function open(
	{ memory }: WasixThread,
	child: WasixProcess,
	at: number,
	fd: number,
	path: string,
): Done {
	const oflags = memory.u16(at + 24);
	const flags = memory.u16(at + 48);
	const rights = memory.u32(at + 32) & RIGHTS_ALL;
	if ((oflags & ~OFLAGS_ALL) !== 0 || (flags & ~FDFLAGS_ALL) !== 0) return EINVAL;
	const follow = (memory.u32(at + 20) & LOOKUP_SYMLINK_FOLLOW) !== 0;
	const tree = child.process.tree as Namespace;
	const writes = (rights & RIGHT_FD_WRITE) !== 0;
	const from = absolutePath(child.cwd, path).slice(1) || ".";
	const node = fs.open(tree, tree.root, from, follow, oflags, writes);
	if (typeof node === "number") return node as Errno;
	if (node.descriptor >= 0) {
		const own = child.descriptors.file(node.descriptor);
		return own === undefined ? EBADF : child.descriptors.addAt(fd, own);
	}
	const opened = node instanceof TtyDevice ? (child.process.terminal ?? node) : node;
	const kinds = { file: RIGHTS_FILE, directory: RIGHTS_DIRECTORY };
	const able =
		opened.type === "file" || opened.type === "directory" ? kinds[opened.type] : RIGHTS_STREAM;
	return child.descriptors.addAt(fd, new OpenFile(opened, flags, rights & able, RIGHTS_ALL));
}

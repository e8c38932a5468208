/**
 * What differs in `wasi_unstable` (snapshot 0): the layouts of `filestat` and `subscription`, and
 * the numbers of `whence`. All else is preview1.
 */
import { RIGHT_FD_FILESTAT_GET, WHENCE_CUR, WHENCE_END, WHENCE_SET } from "../abi/constants.ts";
import { EINVAL } from "../abi/errno.ts";
import type { FilestatLayout, SubscriptionLayout } from "../abi/layout.ts";
import { signed } from "../abi/memory.ts";
import type { Thread } from "../process/thread.ts";
import { openWith, seek } from "./fd.ts";
import { pathFilestatGet } from "./path.ts";
import { pollCalls } from "./poll.ts";
import { found, writeFilestat } from "./stat.ts";

/** Snapshot 0 counts: current, end, set. */
const WHENCE = [WHENCE_CUR, WHENCE_END, WHENCE_SET];

/**
 *     0     8     16     20      24     32     40     48     56
 *     | dev | ino | type | nlink | size | atim | mtim | ctim |
 */
const FILESTAT: FilestatLayout = {
	size: 56,
	dev: 0,
	ino: 8,
	type: 16,
	nlink: 20,
	nlinkSize: 4,
	length: 24,
	accessed: 32,
	modified: 40,
	changed: 48,
};

/** With an identifier of 8 bytes before the clock. */
const SUBSCRIPTION: SubscriptionLayout = {
	size: 56,
	userdata: 0,
	tag: 8,
	clock: 24,
	timeout: 32,
	precision: 40,
	flags: 48,
	fd: 16,
};

export function snapshot0Calls(thread: Thread) {
	return {
		...pollCalls(thread, SUBSCRIPTION),

		fd_filestat_get(fd: number, result: number): number {
			const file = openWith(thread, fd, RIGHT_FD_FILESTAT_GET);
			if (typeof file === "number") return file;
			return writeFilestat(thread, file.node.stat(found), result >>> 0, FILESTAT);
		},

		fd_seek(fd: number, low: number, high: number, whence: number, result: number): number {
			const translated = WHENCE[whence >>> 0];
			if (translated === undefined) return EINVAL;
			return seek(thread, fd, signed(low, high), translated, result >>> 0);
		},

		path_filestat_get: (fd: number, lookup: number, path: number, size: number, at: number) =>
			pathFilestatGet(thread, fd, lookup, path, size, at, FILESTAT),
	};
}

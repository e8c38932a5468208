/**
 * What a guest in a worker of its own can ask of its tree: the calls of messages (`guestworker/message.ts`),
 * and what their numbers mean. The first number of an answer is the call's own answer, an Errno if it
 * is below 0. Times that are set stand in numbers 8 and 9 as bigints, and number 7 says which there are:
 * 1 for the first, 2 for the second, 3 for both.
 *
 *     call                       question (numbers 1 …)                    answer (numbers 1 …)
 *     stat                       node                                      dev, ino, type, size, links; times in 6 … 8
 *     setTimes                   node; times                               –
 *     sync, close, size,
 *     readable, writable         node                                      –
 *     truncate                   node, size                                –
 *     read                       node, position, how many                  body: the bytes
 *     write                      node, position; body: the bytes           –
 *     readdir                    node, cursor, when it began or -1         when it began; body: entries, see below
 *     statAt                     node, follow; path                        as `stat`
 *     exists                     node, follow; path                        –
 *     open                       node, follow, flags, writes; path         ino, dev, type, descriptor
 *     setTimesAt                 node, follow; times; path                 –
 *     mkdir, unlink, rmdir       node; path                                –
 *     rename                     node, to, bytes of the path; both paths   –
 *     link                       node, follow, to, bytes; both paths       –
 *     symlink                    node, bytes of the target; target, path   –
 *     readlink                   node; path                                body: the target
 *     tty                        node                                      columns, rows, flags: 1 echo, 2 lines, 4 feeds
 *     setTty                     node, columns, rows, flags                –
 *
 * A node is the number under which the kernel has it open for this guest. The answer of `open` is such
 * a number. `readdir` answers with a count of entries, each:
 *
 *     0        8      16     17         21
 *     | cursor | ino  | type | length   | name |
 */
import type { FileType } from "../fs/node.ts";
import type { TtyState } from "../tty/terminal.ts";

export const CALL = {
	stat: 1,
	setTimes: 2,
	sync: 3,
	close: 4,
	size: 5,
	readable: 6,
	writable: 7,
	truncate: 8,
	read: 9,
	write: 10,
	readdir: 11,
	statAt: 12,
	exists: 13,
	open: 14,
	setTimesAt: 15,
	mkdir: 16,
	unlink: 17,
	rmdir: 18,
	rename: 19,
	link: 20,
	symlink: 21,
	readlink: 22,
	tty: 23,
	setTty: 24,
} as const;

/** Types of nodes, by the number that stands for them. */
export const TYPES: readonly FileType[] = ["file", "directory", "symlink", "device", "pipe"];

/** Where the times that a guest sets stand. */
export const ACCESSED = 8;
export const MODIFIED = 9;
export const GIVEN = 7;

/** Bytes of an entry before its name. */
export const ENTRY_HEAD = 21;
/** Bytes of entries that are sent at once. */
export const ENTRIES = 32 * 1024;

/** What a guest must know of a node that is open from the start. */
export interface FarFacts {
	readonly handle: number;
	readonly ino: number;
	readonly dev: number;
	readonly type: FileType;
}

type TtyFlags = Pick<TtyState, "echo" | "lineBuffered" | "lineFeeds">;

/** How a terminal treats what is typed and shown, as one number. */
export function numberOf({ echo, lineBuffered, lineFeeds }: TtyFlags): number {
	return Number(echo) + 2 * Number(lineBuffered) + 4 * Number(lineFeeds);
}

export function ttyFlags(number: number): TtyFlags {
	return {
		echo: (number & 1) !== 0,
		lineBuffered: (number & 2) !== 0,
		lineFeeds: (number & 4) !== 0,
	};
}

/**
 * What is measured on mounts, and who takes part: the messages between the driver and its page.
 */

/**
 * Ours; the store's own API without any file system; a tree in memory that is written to IndexedDB as
 * a whole, as Emscripten's IDBFS does it; ZenFS, and ZenFS made to sync.
 */
export type MountContestant = "ours" | "raw" | "whole-tree" | "zenfs" | "zenfs-strict";

export type MountTask =
	/** One file of `count` MiB, written in pieces of 64 KiB, then synced. */
	| "sequential"
	/** `count` files of 100 bytes, then synced. */
	| "files"
	/** SQLite: `count` transactions of one row each. */
	| "transactions"
	/** A read of 4 KiB that the cache can answer: nanoseconds, for a mount and for memory. */
	| "warm";

export interface MountJob {
	readonly task: MountTask;
	readonly store: "IndexedDB" | "OPFS";
	readonly count: number;
}

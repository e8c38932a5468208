/**
 * The structs that cross between guest and host, laid out once. Offsets and sizes are bytes.
 *
 * Snapshot 0 (`wasi_unstable`) lays out two of them differently (`wasi/snapshot0.ts`); a call is written once
 * and told which layout to use.
 * Source: preview1 and snapshot-0 witx.
 */

/** `{ buf: u32, len: u32 }` */
export const IOVEC_SIZE = 8;

/**
 *     0      2       4            8                16           24
 *     | type | flags |            | rights         | inheriting |
 */
export const FDSTAT = { size: 24, type: 0, flags: 2, rights: 8, inheriting: 16 } as const;

export interface FilestatLayout {
	readonly size: number;
	readonly dev: number;
	readonly ino: number;
	readonly type: number;
	readonly nlink: number;
	/** Bytes of the link count: 8, or 4 in snapshot 0. */
	readonly nlinkSize: 4 | 8;
	readonly length: number;
	readonly accessed: number;
	readonly modified: number;
	readonly changed: number;
}

/**
 *     0     8     16     24      32     40     48     56     64
 *     | dev | ino | type | nlink | size | atim | mtim | ctim |
 */
export const FILESTAT: FilestatLayout = {
	size: 64,
	dev: 0,
	ino: 8,
	type: 16,
	nlink: 24,
	nlinkSize: 8,
	length: 32,
	accessed: 40,
	modified: 48,
	changed: 56,
};

/** `{ next: u64, ino: u64, namlen: u32, type: u8 }`, then the name. */
export const DIRENT = { size: 24, next: 0, ino: 8, length: 16, type: 20 } as const;

/** `{ tag: u8, length: u32 }` */
export const PRESTAT = { size: 8, tag: 0, length: 4 } as const;

export interface SubscriptionLayout {
	readonly size: number;
	readonly userdata: number;
	readonly tag: number;
	readonly clock: number;
	readonly timeout: number;
	readonly precision: number;
	readonly flags: number;
	readonly fd: number;
}

/**
 *     0          8     16      24        32          40      48
 *     | userdata | tag | clock | timeout | precision | flags |
 *                      | fd    |
 */
export const SUBSCRIPTION: SubscriptionLayout = {
	size: 48,
	userdata: 0,
	tag: 8,
	clock: 16,
	timeout: 24,
	precision: 32,
	flags: 40,
	fd: 16,
};

/** `{ userdata: u64, error: u16, type: u8, nbytes: u64, flags: u16 }` */
export const EVENT = { size: 32, userdata: 0, error: 8, type: 10, nbytes: 16, flags: 24 } as const;

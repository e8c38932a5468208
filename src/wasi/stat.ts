/**
 * What a file is like: `filestat` structs, file types, and the times a guest sets.
 */
import {
	FILETYPE_CHARACTER_DEVICE,
	FILETYPE_DIRECTORY,
	FILETYPE_REGULAR_FILE,
	FILETYPE_SYMBOLIC_LINK,
	FILETYPE_UNKNOWN,
	FSTFLAG_ATIM,
	FSTFLAG_ATIM_NOW,
	FSTFLAG_MTIM,
	FSTFLAG_MTIM_NOW,
} from "../abi/constants.ts";
import { type Done, EFAULT, EINVAL, type Errno } from "../abi/errno.ts";
import type { FilestatLayout } from "../abi/layout.ts";
import { emptyStat, type FileType } from "../fs/node.ts";
import type { Thread } from "../process/thread.ts";

/** What the running call has found out about a node. */
export const found = emptyStat();

export function filetype(type: FileType): number {
	switch (type) {
		case "file":
			return FILETYPE_REGULAR_FILE;
		case "directory":
			return FILETYPE_DIRECTORY;
		case "symlink":
			return FILETYPE_SYMBOLIC_LINK;
		case "device":
			return FILETYPE_CHARACTER_DEVICE;
		default:
			// The ABI has no type for a pipe.
			return FILETYPE_UNKNOWN;
	}
}

/** Writes at `at` what has been `found`, unless looking has failed. */
export function writeFilestat(
	thread: Thread,
	looked: Done,
	at: number,
	layout: FilestatLayout,
): Done {
	const { memory } = thread;
	if (looked !== 0) return looked;
	if (!memory.has(at, layout.size)) return EFAULT;
	memory.setU64(at + layout.dev, found.dev);
	memory.setU64(at + layout.ino, found.ino);
	if (layout.nlinkSize === 4) {
		// Snapshot 0 packs type and link count into one word each.
		memory.setU32(at + layout.type, filetype(found.type));
		memory.setU32(at + layout.nlink, found.links);
	} else {
		memory.setU64(at + layout.type, filetype(found.type));
		memory.setU64(at + layout.nlink, found.links);
	}
	memory.setU64(at + layout.length, found.size);
	memory.setBig(at + layout.accessed, found.accessed);
	memory.setBig(at + layout.modified, found.modified);
	memory.setBig(at + layout.changed, found.changed);
	return 0;
}

interface Times {
	accessed: bigint | null;
	modified: bigint | null;
}

/** The times that a `set_times` call asks for. Errors: EINVAL for a time both given and "now". */
export function newTimes(
	thread: Thread,
	accessLow: number,
	accessHigh: number,
	modifyLow: number,
	modifyHigh: number,
	flags: number,
): Times | Errno {
	const access = flags & (FSTFLAG_ATIM | FSTFLAG_ATIM_NOW);
	const modify = flags & (FSTFLAG_MTIM | FSTFLAG_MTIM_NOW);
	if (access === (FSTFLAG_ATIM | FSTFLAG_ATIM_NOW)) return EINVAL;
	if (modify === (FSTFLAG_MTIM | FSTFLAG_MTIM_NOW)) return EINVAL;
	if ((flags & ~15) !== 0) return EINVAL;
	const now = BigInt(Math.floor(thread.process.clock.realtime() * 1000)) * 1000n;
	const given = (low: number, high: number) => (BigInt(high >>> 0) << 32n) | BigInt(low >>> 0);
	return {
		accessed: access === 0 ? null : access === FSTFLAG_ATIM ? given(accessLow, accessHigh) : now,
		modified: modify === 0 ? null : modify === FSTFLAG_MTIM ? given(modifyLow, modifyHigh) : now,
	};
}

/**
 * What a store's `list` says of one name, held against what a listing can be.
 *
 *     { name: "a", type: "file", size: 5, … }      a node
 *     { name: "b", type: "file", size: -5, … }     a name that is EIO for every call that needs its node
 *     { name: "x/y", … }, 7, null                  cannot be shown at all
 *
 * A store is a stranger's code. Without this check a size of NaN would read as an empty file, and a program
 * that copies it would lose the contents without an error. So nonsense is EIO and not a value of our own
 * choice, and a number that could be a size but is beyond what numbers count exactly is EFBIG, as a file
 * beyond `off_t` is on Linux. The page hears of each by a `mounterror`, because only its author can mend the
 * store.
 */
import { EFBIG, EIO, type Errno } from "../abi/errno.ts";
import { isName } from "../abi/name.ts";
import { isFileId } from "../store/file-id.ts";
import type { Listing, Times } from "../store/store.ts";

const MILLISECOND = 1_000_000n;
/** Milliseconds from 1970 to the last moment that a Date can be. */
const LAST = 8.64e15;
/** 2^64: nanoseconds are counted in 64 bits. */
const TIMES_END = 1n << 64n;
const TYPES: ReadonlySet<unknown> = new Set(["file", "directory", "symlink"]);

/** Why a name cannot be used. */
export interface ListingFault {
	readonly error: Errno;
	readonly why: string;
}

/** The name of one element of a listing; null where no program could ask for it. */
export function nameIn(value: unknown): string | null {
	if (typeof value !== "object" || value === null) return null;
	const { name } = value as { name: unknown };
	return isName(name) ? name : null;
}

/** What is wrong with an element that has a name; null where it is a Listing. */
export function faultIn(value: object): ListingFault | null {
	const { type, size, modified, times, id, file, links, target } = value as Record<string, unknown>;
	if (!TYPES.has(type)) return nonsense("type", type);
	if (type === "file") {
		if (typeof size !== "number" || !(size >= 0)) return nonsense("size", size);
		if (size > Number.MAX_SAFE_INTEGER) return fault(EFBIG, "size", size);
		if (!Number.isInteger(size)) return nonsense("size", size);
	}
	if (typeof modified !== "number" || !(Math.abs(modified) <= LAST)) {
		return nonsense("time", modified);
	}
	if (times !== undefined && !areTimes(times)) return nonsense("`times`", times);
	if (id !== undefined && !isFileId(id)) return nonsense("`id`", id);
	if (type === "directory") return null;
	if (file !== undefined && !Number.isSafeInteger(file)) return nonsense("`file`", file);
	if (file !== undefined && links !== undefined && !isCount(links))
		return nonsense("`links`", links);
	if (type === "symlink" && target !== undefined && typeof target !== "string") {
		return nonsense("`target`", target);
	}
	return null;
}

/** What stands in for a listing that makes no sense, so that its name has a node. */
export function standIn(name: string, value: object): Listing {
	const { type } = value as { type: unknown };
	return { name, type: TYPES.has(type) ? (type as Listing["type"]) : "file", size: 0, modified: 0 };
}

/** The times that a listing tells. A second after 1970 where it tells an earlier one, which a guest's clock
 *  cannot express. */
export function timesOf({ modified, times }: Listing): Times {
	return times ?? roughly(BigInt(Math.max(1000, Math.floor(modified))) * MILLISECOND);
}

function roughly(time: bigint): Times {
	const modified = time < TIMES_END ? time : TIMES_END - 1n;
	return { accessed: modified, modified };
}

function areTimes(value: unknown): boolean {
	if (typeof value !== "object" || value === null) return false;
	const { accessed, modified } = value as Record<string, unknown>;
	return isTime(accessed) && isTime(modified);
}

function isTime(value: unknown): boolean {
	return typeof value === "bigint" && value >= 0n && value < TIMES_END;
}

function isCount(value: unknown): boolean {
	return Number.isSafeInteger(value) && (value as number) >= 1;
}

function nonsense(what: string, value: unknown): ListingFault {
	return fault(EIO, what, value);
}

function fault(error: Errno, what: string, value: unknown): ListingFault {
	const why = `the store listed it with the ${what} ${shown(value)}`;
	return { error, why: `${why}; no program can use it until the store lists it right` };
}

/** A value of a stranger, without calling any code of it. */
function shown(value: unknown): string {
	if (typeof value === "string") return JSON.stringify(value.slice(0, 40));
	const plain = typeof value === "number" || typeof value === "bigint" || value == null;
	return plain ? String(value) : typeof value;
}

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
import { type Done, EFBIG, EIO, type Errno } from "../abi/errno.ts";
import { isName } from "../abi/name.ts";
import type { FileId, Listing, Times } from "../store/store.ts";

const MILLISECOND = 1_000_000n;
/** Milliseconds from 1970 to the last moment that a Date can be. */
const LAST = 8.64e15;
/** 2^64: nanoseconds are counted in 64 bits. */
const TIMES_END = 1n << 64n;
const TYPES: readonly unknown[] = ["file", "directory", "symlink"];

/** What one element of a listing has come to. */
export interface Checked {
	/** What the store said; a stand-in where `fault` is not 0, and its name is `""` where it has none. */
	readonly listing: Listing;
	/** Why no program can use it. */
	readonly fault: Done;
	readonly why: string;
}

export function checked(value: unknown): Checked {
	// As far as it is a Listing.
	const said = Object(value) as Listing;
	const field = wrongField(said);
	if (field === null) return { listing: said, fault: 0, why: "" };
	const type = TYPES.includes(said.type) ? said.type : "file";
	const name = field === "name" ? "" : said.name;
	return {
		listing: { name, type, size: 0, modified: 0 },
		fault: field === "size" && said.size > 0 ? tooLarge(said.size) : EIO,
		why: `the store listed it with the ${field} ${shown(said[field])}`,
	};
}

/** The first field that makes no sense. */
function wrongField(said: Listing): keyof Listing | null {
	const { name, type, size, modified, times, id, file, links, target } = said;
	if (!isName(name)) return "name";
	if (!TYPES.includes(type)) return "type";
	if (type === "file" && !isCount(size)) return "size";
	if (typeof modified !== "number" || !(Math.abs(modified) <= LAST)) return "modified";
	if (times !== undefined && !(isTime(times?.accessed) && isTime(times.modified))) return "times";
	if (id !== undefined && !isFileId(id)) return "id";
	if (file !== undefined && !isCount(file)) return "file";
	if (links !== undefined && !isCount(links)) return "links";
	return target === undefined || typeof target === "string" ? null : "target";
}

function tooLarge(size: number): Errno {
	return Number.isInteger(size) ? EFBIG : EIO;
}

/** The times that a listing tells. A second after 1970 where it tells an earlier one, which a guest's clock
 *  cannot express. */
export function timesOf({ modified, times }: Listing): Times {
	if (times !== undefined) return times;
	const time = BigInt(Math.max(1000, Math.floor(modified))) * MILLISECOND;
	const only = time < TIMES_END ? time : TIMES_END - 1n;
	return { accessed: only, modified: only };
}

/** Whether a store's word for a file can be one. NaN is not itself: no file would ever be the one that is
 *  meant. */
export function isFileId(value: unknown): value is FileId {
	return typeof value === "string" || (typeof value === "number" && !Number.isNaN(value));
}

function isCount(value: unknown): boolean {
	return Number.isSafeInteger(value) && Number(value) >= 0;
}

function isTime(value: unknown): boolean {
	return typeof value === "bigint" && value >= 0n && value < TIMES_END;
}

/** A value of a stranger, without calling any code of it. */
function shown(value: unknown): string {
	return Object(value) === value ? "{…}" : String(value).slice(0, 40);
}

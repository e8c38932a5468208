/**
 * Handles by name: the way to a file or directory, the names that can be held, and the errors.
 *
 * A browser reports with the names of its errors what a file system reports with codes. And a browser takes
 * names that would come back as others: half a surrogate pair becomes a question mark. Such a name is refused
 * before that can happen.
 */
import { PortholeError } from "../abi/error.ts";
import { isTooLong } from "../store/paths.ts";
import type { NameRules } from "../store/store.ts";

export type Directory = FileSystemDirectoryHandle;
export type Handle = FileSystemFileHandle | Directory;

/** A directory, and its path in the store. */
export interface Folder {
	readonly directory: Directory;
	readonly key: string;
}

/** A directory and a name in it. */
export interface Place extends Folder {
	readonly name: string;
}

/** The file of notes on links and times (sidecar.ts). */
export const SIDECAR = ".porthole";
/** The first sidecar of a directory until it is whole. */
export const DRAFT = ".porthole-new";
/** The change of several steps that is being made (intent-log.ts). */
export const INTENT = ".porthole-intent";
/** A file that is made to find out what the browser can do, and removed. */
export const PROBE = ".porthole-probe";

const encoder = new TextEncoder();

/** Files that go with the directory that they are in. */
export const NOTES: ReadonlySet<string> = new Set([SIDECAR, DRAFT]);
const OURS: ReadonlySet<string> = new Set([...NOTES, INTENT, PROBE]);

/** Names that the browsers' private file systems cannot hold; their names are at most as long as elsewhere. */
export const OPFS_NAMES: NameRules = { refused: /\\|^\.porthole(-new|-intent|-probe)?$/ };
/** Names that browsers refuse on the user's disk, on every system: those that some system misreads. A name
 *  must also leave room for `.crswap`, which the browser appends for the draft beside a file. */
export const DISK_NAMES: NameRules = {
	longest: 248,
	refused: new RegExp(
		[
			OPFS_NAMES.refused?.source,
			'["*/:<>?|\\p{Cc}\\p{Cf}\\p{Noncharacter_Code_Point}]',
			"^[\\s~]|[\\s.~]$",
			"^(con|prn|aux|nul|com\\d|lpt\\d)(\\.|$)|^(desktop\\.ini|thumbs\\.db)$",
			"\\.(lnk|scf|url)$",
		].join("|"),
		"iu",
	),
};

/** The longest ending of a name, from its dot, that the name of a copy keeps. */
const LONGEST_ENDING = 32;

/** The name of the copy of a file that another program has replaced: its name, the time, and a number if
 *  there are several. A long name is cut, so that the disk can hold the result. */
export function conflictName(name: string, time: Date, count: number): string {
	const dot = name.lastIndexOf(".");
	const ends = dot > 0 && name.length - dot <= LONGEST_ENDING;
	const [stem, ending] = ends ? [name.slice(0, dot), name.slice(dot)] : [name, ""];
	const when = time.toISOString().slice(0, 19).replaceAll(":", "-");
	const added = `.conflict-${when}${count === 1 ? "" : `-${count}`}${ending}`;
	return cut(stem, (DISK_NAMES.longest ?? 0) - encoder.encode(added).length) + added;
}

/** The longest start of a text with at most `bytes` bytes in UTF-8, and no half of a character. */
function cut(text: string, bytes: number): string {
	return text.slice(0, encoder.encodeInto(text, new Uint8Array(bytes)).read);
}

/** Bytes of the largest file: more than browsers grant to an origin, and than disks hold in one file. */
export const OPFS_LARGEST = 2 ** 40 - 1;
export const DISK_LARGEST = 2 ** 44 - 1;

/** Whether a name is one of Porthole's own files, which listings leave out. */
export function isOurs(name: string): boolean {
	return OURS.has(name);
}

/** The key of a child. */
export function keyIn({ key }: Folder, name: string): string {
	return key === "" ? name : `${key}/${name}`;
}

/** Errors: EINVAL for a name of Porthole's own files, or one that would come back as another. */
export function checkName(name: string): void {
	if (isOurs(name))
		throw new PortholeError("EINVAL", `the name ${name} is reserved for Porthole's own files`);
	if (/\p{Surrogate}|\0/u.test(name)) {
		throw new PortholeError(
			"EINVAL",
			"half a surrogate pair, or a NUL, would be another name here",
		);
	}
}

/** Errors: ENAMETOOLONG for a name that could not be copied to the user's disk. */
export function checkNewName(name: string): void {
	if (isTooLong(name)) throw new PortholeError("ENAMETOOLONG", "a name has at most 255 bytes");
}

/** The file or directory of that name; null if there is none. */
export async function child(directory: Directory, name: string): Promise<Handle | null> {
	try {
		return await directory.getFileHandle(name);
	} catch (error) {
		if (isCalled(error, "TypeMismatchError")) return await directory.getDirectoryHandle(name);
		if (isCalled(error, "NotFoundError")) return null;
		throw error;
	}
}

// --- failures ---

/** The names of the browser's errors → errnos. */
const CODES: ReadonlyMap<string, string> = new Map([
	["NotFoundError", "ENOENT"],
	["TypeMismatchError", "ENOTDIR"],
	["InvalidModificationError", "ENOTEMPTY"],
	["NoModificationAllowedError", "EBUSY"],
	["NotAllowedError", "EACCES"],
	["SecurityError", "EACCES"],
	["QuotaExceededError", "ENOSPC"],
	["TypeError", "EINVAL"],
]);

/** What the user can do, where the browser's message does not say. */
const HINTS: ReadonlyMap<string, string> = new Map([
	["TypeError", "this place cannot hold such a name: "],
	["NotAllowedError", "ask with `requestPermission()`, from a click: "],
]);

export function isCalled(error: unknown, name: string): boolean {
	return error instanceof Error && error.name === name;
}

export function codeOf(error: unknown): string {
	if (error instanceof PortholeError) return error.code;
	return CODES.get((error as Error | null)?.name ?? "") ?? "EIO";
}

/** Runs `work`; its errors get the errno, the call and the path. */
export async function named<T>(call: string, path: string, work: () => Promise<T>): Promise<T> {
	try {
		return await work();
	} catch (cause) {
		const code = codeOf(cause);
		const said = cause instanceof Error ? cause.message : String(cause);
		const why = `${HINTS.get((cause as Error | null)?.name ?? "") ?? ""}${said}`;
		throw new PortholeError(code, `${code}: ${call} ${path} (${why})`, { cause });
	}
}

/**
 * What a directory handle cannot hold, in a file beside: `.porthole`, the *sidecar* of its directory.
 *
 * Each directory has its own sidecar, which goes along when a program moves the directory, and is there only
 * if a guest has made a symlink or set a time. It is JSON, for people to read:
 *
 *     { "format": 1, "notes": { "latest": { "target": "notes.txt", "seen": "1700000000000 9" },
 *                               "notes.txt": { "times": ["1700…", "1700…"], "seen": "1700000000001 5" } } }
 *
 * A symlink is a file that holds its target as text, and a note that it is one. A note counts only as long as
 * the file has the time and size that the note has *seen*: a program that changes the file by other means gets
 * a plain file with a time of its own. The store's own writes remove the note, because not every private
 * file system changes the time with each of them.
 *
 * If a sidecar is damaged, by a program that synchronises folders or by hand, the store puts it aside under the
 * name `.porthole.damaged` and tells the page. The files of the directory are read and written as before:
 * links are plain files then, and times are those of the disk.
 */
import { PortholeError } from "../abi/error.ts";
import type { Times } from "../store/store.ts";
import {
	type Directory,
	DRAFT,
	type Folder,
	type Handle,
	isCalled,
	NOTES,
	SIDECAR,
} from "./names.ts";
import { fileIn, moveFile, replaceFile, setAside } from "./whole-file.ts";

export interface Note {
	/** Of a symlink. */
	readonly target?: string;
	readonly times?: Times;
	/** Time and size of the file when the note was written; empty for a directory, which has neither. */
	readonly seen: string;
}

export type Notes = Map<string, Note>;

const FORMAT = 1;
/** More than the notes of any directory. */
const MOST_BYTES = 1 << 26;

/** How many directories' notes are kept in memory. */
const MOST_KEPT = 256;
/** How often a sidecar is read again that changes while it is read. */
const TRIES = 3;

/** Called for a damaged sidecar: the key of its directory, and what the store has done with it. */
export type OnDamaged = (key: string, message: string) => void;

/** The sidecars of all directories of a store. */
export class Sidecars {
	readonly #keeps: boolean;
	readonly #onDamaged: OnDamaged;
	/** Notes that were read, by the key of the directory. */
	readonly #kept = new Map<string, Notes>();
	/** Notes that `flush` will write: a program that sets the times of a thousand files writes once. */
	readonly #pending = new Map<string, { readonly folder: Folder; readonly notes: Notes }>();
	/** Directories whose damaged sidecar could not be put aside, and must not be overwritten. */
	readonly #stuck = new Map<string, unknown>();

	/** `keeps`: no other program changes the sidecars before `forget` is called. */
	constructor(keeps: boolean, onDamaged: OnDamaged) {
		this.#keeps = keeps;
		this.#onDamaged = onDamaged;
	}

	/** The notes of a directory; none if it has no sidecar, or a damaged one. */
	async of(folder: Folder): Promise<Notes> {
		const { key } = folder;
		const kept = this.#pending.get(key)?.notes ?? this.#kept.get(key);
		if (kept !== undefined) return kept;
		const notes = await this.#read(folder);
		if (this.#kept.size >= MOST_KEPT) this.#kept.clear();
		if (this.#keeps) this.#kept.set(key, notes);
		return notes;
	}

	async #read({ directory, key }: Folder): Promise<Notes> {
		const notes = await readNotes(directory);
		if (notes instanceof Map) {
			this.#stuck.delete(key);
			return notes;
		}
		try {
			if (notes === "directory") throw new TypeError("a directory is called so");
			const kept = await setAside(directory, SIDECAR);
			this.#onDamaged(key, `${SIDECAR} was damaged and is kept as ${kept}; ${LOST}`);
		} catch (error) {
			// Another tab has put it aside.
			if (!isCalled(error, "NotFoundError")) this.#markStuck(key, error);
		}
		return new Map();
	}

	#markStuck(key: string, error: unknown): void {
		if (this.#stuck.size >= MOST_KEPT) this.#stuck.clear();
		const known = this.#stuck.has(key);
		this.#stuck.set(key, error);
		if (known) return;
		this.#onDamaged(key, `${SIDECAR} is damaged and cannot be put aside (${error}); ${LOST}`);
	}

	/** Replaces the note on a name; null removes it. The change is on the disk after `flush`. */
	async set(folder: Folder, name: string, note: Note | null): Promise<void> {
		const { key } = folder;
		const known = await this.of(folder);
		if (note === null && !known.has(name)) return;
		this.#refuseStuck(key);
		const notes = this.#pending.get(key)?.notes ?? new Map(known);
		if (note === null) notes.delete(name);
		else notes.set(name, note);
		this.#pending.set(key, { folder, notes });
	}

	/** Writes the changes of `set`. */
	async flush(): Promise<void> {
		const failures: unknown[] = [];
		for (const { folder, notes } of [...this.#pending.values()]) {
			await this.write(folder, notes).catch((error: unknown) => failures.push(error));
		}
		if (failures.length > 0) throw failures[0];
	}

	/** Errors: EIO if a damaged sidecar is in the way. */
	async write({ directory, key }: Folder, notes: Notes): Promise<void> {
		this.#pending.delete(key);
		this.#refuseStuck(key);
		this.#kept.delete(key);
		if (notes.size === 0) await removeNotes(directory, SIDECAR);
		else await writeNotes(directory, notes);
		if (this.#keeps) this.#kept.set(key, notes);
	}

	/** Removes the sidecar of a directory that is about to be removed, whatever is in it; `names`: the files of
	 *  notes that are there. */
	async clear({ directory, key }: Folder, names: Iterable<string> = NOTES): Promise<void> {
		this.#pending.delete(key);
		this.#kept.delete(key);
		this.#stuck.delete(key);
		for (const name of names) await removeNotes(directory, name);
	}

	#refuseStuck(key: string): void {
		const cause = this.#stuck.get(key);
		if (cause === undefined) return;
		const why = `nothing can be noted in ${SIDECAR}, which is damaged or a directory`;
		throw new PortholeError("EIO", why, { cause });
	}

	/** Forgets all notes: other tabs may change the sidecars from now on. */
	forget(): void {
		this.#kept.clear();
	}
}

const LOST = "links in this directory are plain files now, and times that were set are lost";

/** The `seen` of a note on this file or directory. */
export async function stampOf(handle: Handle): Promise<string> {
	return handle.kind === "directory" ? "" : stamp(await handle.getFile());
}

export function stamp({ lastModified, size }: File): string {
	return `${lastModified} ${size}`;
}

async function readNotes(directory: Directory): Promise<Notes | "damaged" | "directory"> {
	for (let tries = 1; ; tries++) {
		try {
			const file = await (await fileIn(directory, SIDECAR))?.getFile();
			if (file === undefined) return new Map();
			return (file.size > MOST_BYTES ? null : parse(await file.text())) ?? "damaged";
		} catch (error) {
			if (isCalled(error, "TypeMismatchError")) return "directory";
			// The file has changed since `getFile`.
			if (!isCalled(error, "NotReadableError") || tries >= TRIES) throw error;
		}
	}
}

/** Replaces an existing sidecar at once. The first one is written under another name, so that a tab that is
 *  killed meanwhile leaves none rather than an empty one. */
async function writeNotes(directory: Directory, notes: Notes): Promise<void> {
	const named = [...notes].map(([name, note]) => [name, noteToJson(note)] as const);
	const text = JSON.stringify({ format: FORMAT, notes: Object.fromEntries(named) });
	const there = await fileIn(directory, SIDECAR);
	if (there !== null) return replaceFile(there, text);
	const draft = await directory.getFileHandle(DRAFT, { create: true });
	await replaceFile(draft, text);
	if (await moveFile(draft, { directory, name: SIDECAR })) return;
	await replaceFile(await directory.getFileHandle(SIDECAR, { create: true }), text);
	await directory.removeEntry(DRAFT);
}

async function removeNotes(directory: Directory, name: string): Promise<void> {
	try {
		await directory.removeEntry(name);
	} catch (error) {
		// A directory of that name that is not empty belongs to another program.
		const fine = isCalled(error, "NotFoundError") || isCalled(error, "InvalidModificationError");
		if (!fine) throw error;
	}
}

/** A note as it is written. */
export function noteToJson({ target, times, seen }: Note): unknown {
	const both = times && { times: [String(times.accessed), String(times.modified)] };
	return { ...(target !== undefined && { target }), ...both, seen };
}

// --- parsing, without trust ---

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
	return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** Null for text that is no sidecar. */
function parse(text: string): Notes | null {
	let whole: unknown;
	try {
		whole = JSON.parse(text);
	} catch {
		return null;
	}
	if (!isRecord(whole) || whole.format !== FORMAT || !isRecord(whole.notes)) return null;
	const notes: Notes = new Map();
	for (const [name, value] of Object.entries(whole.notes)) {
		const note = parseNote(value);
		if (note === null) return null;
		notes.set(name, note);
	}
	return notes;
}

export function parseNote(value: unknown): Note | null {
	if (!isRecord(value) || typeof value.seen !== "string") return null;
	const { target, times, seen } = value;
	if (target !== undefined && typeof target !== "string") return null;
	const both = times === undefined ? undefined : parseTimes(times);
	if (both === null) return null;
	return { ...(target !== undefined && { target }), ...(both && { times: both }), seen };
}

function parseTimes(value: unknown): Times | null {
	if (!Array.isArray(value) || value.length !== 2) return null;
	const [accessed, modified] = value as unknown[];
	if (!isTime(accessed) || !isTime(modified)) return null;
	return { accessed: BigInt(accessed), modified: BigInt(modified) };
}

function isTime(value: unknown): value is string {
	return typeof value === "string" && /^\d{1,20}$/.test(value);
}

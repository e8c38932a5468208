/**
 * What a directory handle cannot hold, kept in a file beside it: `.porthole`.
 *
 * Each directory has its own, so it goes along when somebody moves the directory, and is there only
 * where a guest has made a symlink or set a time. It is JSON, for people may want to read it:
 *
 *     { "format": 1, "notes": { "latest": { "target": "notes.txt", "seen": "1700000000000 9" },
 *                               "notes.txt": { "times": ["1700…", "1700…"], "seen": "1700000000001 5" } } }
 *
 * A symlink is a file that holds its target as text, and a note that it is one. A note on a file
 * counts only as long as the file is as the note has *seen* it, its time and size: whoever changes it
 * by other means gets a plain file with a time of its own. Our own writes take the note away, because
 * not every private file system tells a new time after each of them.
 *
 * A sidecar that is damaged, by a program that synchronises folders or by hand, is put aside under the name
 * `.porthole.damaged`, and the page is told. The files of the directory are read and written as before:
 * links in it are plain files then, and times are those of the disk.
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
	/** When the file had last been modified, and its size; empty for a directory, which does not tell. */
	readonly seen: string;
}

export type Notes = Map<string, Note>;

const FORMAT = 1;
/** No directory has so much to note. */
const MOST_BYTES = 1 << 26;

/** How many directories' notes are kept in memory. */
const MOST_KEPT = 256;
/** How often a sidecar is read that changes while it is read. */
const TRIES = 3;

/** Told of what is damaged: the key of the directory, and what has become of it. */
export type Damaged = (key: string, message: string) => void;

/** The notes of all directories of a store. */
export class Notebook {
	readonly #keeps: boolean;
	readonly #damaged: Damaged;
	/** What was read, by the key of the directory. */
	readonly #kept = new Map<string, Notes>();
	/** What is yet to be written: a program that sets the times of a thousand files writes once. */
	readonly #pending = new Map<string, { readonly folder: Folder; readonly notes: Notes }>();
	/** Directories whose damaged sidecar could not be put aside, and must not be written over. */
	readonly #stuck = new Map<string, unknown>();

	/** `keeps`: nobody else changes the sidecars before `forget` is called. */
	constructor(keeps: boolean, damaged: Damaged) {
		this.#keeps = keeps;
		this.#damaged = damaged;
	}

	/** The notes of a directory; none where it has no sidecar, or a damaged one. */
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
			this.#damaged(key, `${SIDECAR} was damaged and is kept as ${kept}; ${LOST}`);
		} catch (error) {
			// Another tab has put it aside.
			if (!isCalled(error, "NotFoundError")) this.#stick(key, error);
		}
		return new Map();
	}

	#stick(key: string, error: unknown): void {
		if (this.#stuck.size >= MOST_KEPT) this.#stuck.clear();
		const known = this.#stuck.has(key);
		this.#stuck.set(key, error);
		if (known) return;
		this.#damaged(key, `${SIDECAR} is damaged and cannot be put aside (${error}); ${LOST}`);
	}

	/** Replaces what is noted on a name; null takes the note away. It is on the disk after `flush`. */
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

	/** Writes what `set` has changed. */
	async flush(): Promise<void> {
		const failures: unknown[] = [];
		for (const { folder, notes } of [...this.#pending.values()]) {
			await this.write(folder, notes).catch((error: unknown) => failures.push(error));
		}
		if (failures.length > 0) throw failures[0];
	}

	/** Errors: EIO where a damaged sidecar is in the way. */
	async write({ directory, key }: Folder, notes: Notes): Promise<void> {
		this.#pending.delete(key);
		this.#refuseStuck(key);
		this.#kept.delete(key);
		if (notes.size === 0) await removeNotes(directory, SIDECAR);
		else await writeNotes(directory, notes);
		if (this.#keeps) this.#kept.set(key, notes);
	}

	/** Takes away all notes of a directory that is about to go, whatever is in them; `names`: those of the
	 *  files that are there. */
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

	/** The sidecars may be others from now on. */
	forget(): void {
		this.#kept.clear();
	}
}

const LOST = "links in this directory are plain files now, and times that were set are lost";

/** What a note on it would have to have seen. */
export async function seen(handle: Handle): Promise<string> {
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
			// It has changed since `getFile`.
			if (!isCalled(error, "NotReadableError") || tries >= TRIES) throw error;
		}
	}
}

/** A sidecar that is there is replaced at once. The first one is written under another name: a tab that
 *  ends meanwhile leaves none rather than an empty one. */
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
		// A directory that is called so, and not empty, is somebody's.
		const fine = isCalled(error, "NotFoundError") || isCalled(error, "InvalidModificationError");
		if (!fine) throw error;
	}
}

/** A note as it is written. */
export function noteToJson({ target, times, seen }: Note): unknown {
	const both = times && { times: [String(times.accessed), String(times.modified)] };
	return { ...(target !== undefined && { target }), ...both, seen };
}

// --- what was read, and is not trusted ---

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
	return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** Null for what is no sidecar. */
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

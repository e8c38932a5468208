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
 */
import { PortholeError } from "../abi/error.ts";
import type { Times } from "../bridge/store.ts";
import { type Directory, type Folder, type Handle, isCalled, SIDECAR } from "./names.ts";

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

/** The notes of all directories of a store. */
export class Notebook {
	readonly #keeps: boolean;
	/** What was read, by the key of the directory. */
	readonly #kept = new Map<string, Notes>();

	/** `keeps`: nobody else changes the sidecars before `forget` is called. */
	constructor(keeps: boolean) {
		this.#keeps = keeps;
	}

	/** The notes of a directory; none where it has no sidecar. Errors: EIO for one that is damaged. */
	async of({ directory, key }: Folder): Promise<Notes> {
		const kept = this.#kept.get(key);
		if (kept !== undefined) return kept;
		const notes = await readNotes(directory);
		if (this.#kept.size >= MOST_KEPT) this.#kept.clear();
		if (this.#keeps) this.#kept.set(key, notes);
		return notes;
	}

	/** Replaces what is noted on a name; null takes the note away. */
	async set(folder: Folder, name: string, note: Note | null): Promise<void> {
		const notes = new Map(await this.of(folder));
		if (note === null && !notes.delete(name)) return;
		if (note !== null) notes.set(name, note);
		await this.write(folder, notes);
	}

	async write({ directory, key }: Folder, notes: Notes): Promise<void> {
		this.#kept.delete(key);
		if (notes.size === 0) await removeNotes(directory);
		else await writeNotes(directory, notes);
		if (this.#keeps) this.#kept.set(key, notes);
	}

	/** The sidecars may be others from now on. */
	forget(): void {
		this.#kept.clear();
	}
}

/** What a note on it would have to have seen. */
export async function seen(handle: Handle): Promise<string> {
	return handle.kind === "directory" ? "" : stamp(await handle.getFile());
}

export function stamp({ lastModified, size }: File): string {
	return `${lastModified} ${size}`;
}

async function readNotes(directory: Directory): Promise<Notes> {
	let file: File;
	try {
		file = await (await directory.getFileHandle(SIDECAR)).getFile();
	} catch (error) {
		if (isCalled(error, "NotFoundError")) return new Map();
		throw error;
	}
	if (file.size > MOST_BYTES) throw damaged(directory);
	const notes = parse(await file.text());
	if (notes === null) throw damaged(directory);
	return notes;
}

async function writeNotes(directory: Directory, notes: Notes): Promise<void> {
	const named = [...notes].map(([name, note]) => [name, noteToJson(note)] as const);
	const file = await directory.getFileHandle(SIDECAR, { create: true });
	const writable = await file.createWritable();
	await writable.write(JSON.stringify({ format: FORMAT, notes: Object.fromEntries(named) }));
	await writable.close();
}

async function removeNotes(directory: Directory): Promise<void> {
	try {
		await directory.removeEntry(SIDECAR);
	} catch (error) {
		if (!isCalled(error, "NotFoundError")) throw error;
	}
}

function damaged(directory: Directory): PortholeError {
	const where = directory.name === "" ? "the root" : directory.name;
	return new PortholeError("EIO", `${SIDECAR} in ${where} is damaged; without it, links are files`);
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

/**
 * A store over a directory handle of the browser: the private one of this origin (OPFS), or one on
 * the user's disk that the user has picked.
 *
 * Both hold names, bytes and one time. Symlinks and times that are set are noted in a file beside
 * (sidecar.ts). What cannot be held is refused: a name that the browser does not take is EINVAL and
 * named in the message, and there is no `link`.
 *
 * A handle writes to a copy of the file, which takes the file's place when it is closed. So a write
 * happens whole or not at all, and costs the length of the file. A file is renamed by the browser
 * where it can; a directory is copied and then removed, which takes time and is not one step: if the
 * page is closed in between, the old directory is still whole.
 */
import { PortholeError } from "../abi/error.ts";
import type { Listing, Store } from "../bridge/store.ts";
import {
	type Note,
	type Notes,
	readNotes,
	removeNotes,
	SIDECAR,
	setNote,
	writeNotes,
} from "./sidecar.ts";

type Directory = FileSystemDirectoryHandle;

/** What Chromium and Firefox can do with a file, and the types do not know yet. */
interface Movable {
	move?(directory: Directory, name: string): Promise<void>;
}

/** A directory and a name in it. */
interface Place {
	readonly directory: Directory;
	readonly name: string;
}

export class HandleStore implements Store {
	readonly #root: Directory;

	constructor(root: Directory) {
		this.#root = root;
	}

	list(path: string): Promise<Listing[]> {
		return named("list", path, async () => {
			const directory = await this.#directory(split(path));
			const notes = await readNotes(directory);
			const listings: Listing[] = [];
			for await (const handle of directory.values()) {
				if (handle.name === SIDECAR) continue;
				const listing = await listingOf(handle, notes.get(handle.name));
				if (listing !== null) listings.push(listing);
			}
			return listings;
		});
	}

	read(path: string, offset: number, length: number): Promise<Uint8Array> {
		return named("read", path, async () => {
			const file = await (await this.#file(path)).file.getFile();
			return new Uint8Array(await file.slice(offset, offset + length).arrayBuffer());
		});
	}

	write(path: string, offset: number, bytes: Uint8Array): Promise<void> {
		// No handle takes shared memory.
		const data = bytes.slice();
		return named("write", path, async () => {
			const { file, directory } = await this.#file(path);
			await change(file, (writable) => writable.write({ type: "write", position: offset, data }));
			await setNote(directory, file.name, null);
		});
	}

	resize(path: string, size: number): Promise<void> {
		return named("resize", path, async () => {
			const { file, directory } = await this.#file(path);
			await change(file, (writable) => writable.truncate(size));
			await setNote(directory, file.name, null);
		});
	}

	make(path: string, type: "file" | "directory"): Promise<void> {
		return named("make", path, async () => {
			const { directory, name } = await this.#free(path);
			if (type === "file") await directory.getFileHandle(name, { create: true });
			else await directory.getDirectoryHandle(name, { create: true });
		});
	}

	remove(path: string): Promise<void> {
		return named("remove", path, async () => {
			const { directory, name } = await this.#place(path);
			const found = await child(directory, name);
			if (found?.kind === "directory" && (await isBare(found))) await removeNotes(found);
			await directory.removeEntry(name);
			await setNote(directory, name, null);
		});
	}

	symlink(path: string, target: string): Promise<void> {
		return named("symlink", path, async () => {
			const { directory, name } = await this.#free(path);
			const file = await directory.getFileHandle(name, { create: true });
			await change(file, (writable) => writable.write(target));
			await setNote(directory, name, { target, seen: await seen(file) });
		});
	}

	utimes(path: string, accessed: bigint, modified: bigint): Promise<void> {
		return named("utimes", path, async () => {
			// Nothing lists the root, so nobody would read a note on it.
			if (split(path).length === 0) return;
			const { directory, name } = await this.#place(path);
			const found = await child(directory, name);
			if (found === null) throw failure("ENOENT", "utimes", path);
			const times = { accessed, modified };
			const now = await seen(found);
			const note = (await readNotes(directory)).get(name);
			const target = note?.seen === now ? note.target : undefined;
			await setNote(directory, name, { ...(target !== undefined && { target }), times, seen: now });
		});
	}

	rename(from: string, to: string): Promise<void> {
		return named("rename", from, async () => {
			const source = await this.#place(from);
			const moved = await child(source.directory, source.name);
			if (moved === null) throw failure("ENOENT", "rename", from);
			const target = await this.#place(to);
			const old = await child(target.directory, target.name);
			if (old !== null && (await old.isSameEntry(moved))) return;
			if (isWithin(to, from)) throw failure("EINVAL", "rename", to);
			if (old !== null && old.kind !== moved.kind) {
				throw failure(old.kind === "directory" ? "EISDIR" : "ENOTDIR", "rename", to);
			}
			// An empty directory goes; one that is not empty refuses.
			if (old?.kind === "directory") await this.remove(to);
			const note = (await readNotes(source.directory)).get(source.name);
			const counts = note?.seen === (await seen(moved));
			await move(moved, source, target);
			await setNote(source.directory, source.name, null);
			const now = await child(target.directory, target.name);
			const kept = note !== undefined && counts && now !== null;
			const renewed = kept ? { ...note, seen: await seen(now) } : null;
			await setNote(target.directory, target.name, renewed);
		});
	}

	async #directory(names: readonly string[]): Promise<Directory> {
		let at = this.#root;
		for (const name of names) at = await at.getDirectoryHandle(name);
		return at;
	}

	async #place(path: string): Promise<Place> {
		const names = split(path);
		const name = names.pop();
		if (name === undefined) throw new PortholeError("EBUSY", "the root has no name");
		if (name === SIDECAR) throw new PortholeError("EINVAL", `${SIDECAR} holds what is noted here`);
		return { directory: await this.#directory(names), name };
	}

	async #free(path: string): Promise<Place> {
		const place = await this.#place(path);
		const found = await child(place.directory, place.name);
		if (found !== null) throw new PortholeError("EEXIST", "something is there");
		return place;
	}

	async #file(path: string): Promise<{ file: FileSystemFileHandle; directory: Directory }> {
		if (split(path).length === 0) throw new PortholeError("EISDIR", "the root is no file");
		const { directory, name } = await this.#place(path);
		const found = await child(directory, name);
		if (found?.kind === "directory") throw new PortholeError("EISDIR", `${name} is a directory`);
		if (found === null) throw new PortholeError("ENOENT", `there is no ${name}`);
		// Its kind says so.
		return { file: found as FileSystemFileHandle, directory };
	}
}

/** The store in a directory of this origin's private file system, which is made if it is missing. */
export async function privateStore(path: string): Promise<HandleStore> {
	const { storage } = navigator;
	// Not on pages without a secure context.
	if (storage?.getDirectory === undefined) {
		throw new PortholeError("not-supported", "this page has no private file system (OPFS)");
	}
	return named("open", path, async () => {
		let at = await storage.getDirectory();
		for (const name of split(path)) at = await at.getDirectoryHandle(name, { create: true });
		return new HandleStore(at);
	});
}

/** Null for what went while it was looked at. */
async function listingOf(
	handle: FileSystemFileHandle | Directory,
	note: Note | undefined,
): Promise<Listing | null> {
	const { name } = handle;
	const directory: Listing = { name, type: "directory", size: 0, modified: 0 };
	if (handle.kind === "directory") return noted(directory, note);
	try {
		const { size, lastModified } = await handle.getFile();
		const file: Listing = { name, type: "file", size, modified: lastModified };
		return note?.seen === `${lastModified} ${size}` ? noted(file, note) : file;
	} catch (error) {
		if (isCalled(error, "NotFoundError")) return null;
		throw error;
	}
}

/** A listing together with what is noted. */
function noted(listing: Listing, note: Note | undefined): Listing {
	const { target, times } = note ?? {};
	return {
		...listing,
		...(target !== undefined && { type: "symlink", target }),
		...(times !== undefined && { times, modified: Number(times.modified) / 1e6 }),
	};
}

/** What a note on it would have to have seen. */
async function seen(handle: FileSystemFileHandle | Directory): Promise<string> {
	if (handle.kind === "directory") return "";
	const { lastModified, size } = await handle.getFile();
	return `${lastModified} ${size}`;
}

/** Whether there is nothing in a directory but notes. */
async function isBare(directory: Directory): Promise<boolean> {
	for await (const name of directory.keys()) if (name !== SIDECAR) return false;
	return true;
}

/** What is called so in a directory; null where nothing is. */
async function child(
	directory: Directory,
	name: string,
): Promise<FileSystemFileHandle | Directory | null> {
	try {
		return await directory.getFileHandle(name);
	} catch (error) {
		if (isCalled(error, "TypeMismatchError")) return await directory.getDirectoryHandle(name);
		if (isCalled(error, "NotFoundError")) return null;
		throw error;
	}
}

async function change(
	file: FileSystemFileHandle,
	work: (writable: FileSystemWritableFileStream) => Promise<void>,
): Promise<void> {
	const writable = await file.createWritable({ keepExistingData: true });
	try {
		await work(writable);
	} catch (error) {
		await writable.abort().catch(() => {});
		throw error;
	}
	await writable.close();
}

async function move(
	moved: FileSystemFileHandle | Directory,
	source: Place,
	target: Place,
): Promise<void> {
	if (moved.kind === "file" && (await movedByBrowser(moved, target))) return;
	await copy(moved, target);
	await source.directory.removeEntry(source.name, { recursive: true });
}

/** Not every browser can, nor everywhere. */
async function movedByBrowser(
	file: FileSystemFileHandle & Movable,
	{ directory, name }: Place,
): Promise<boolean> {
	try {
		if (file.move === undefined) return false;
		await file.move(directory, name);
		return true;
	} catch {
		return false;
	}
}

async function copy(from: FileSystemFileHandle | Directory, to: Place): Promise<void> {
	if (from.kind === "file") {
		const file = await to.directory.getFileHandle(to.name, { create: true });
		const writable = await file.createWritable();
		await (await from.getFile()).stream().pipeTo(writable);
		return;
	}
	const directory = await to.directory.getDirectoryHandle(to.name, { create: true });
	const [notes, renewed]: [Notes, Notes] = [await readNotes(from), new Map()];
	for await (const handle of from.values()) {
		const { name } = handle;
		if (name === SIDECAR) continue;
		await copy(handle, { directory, name });
		const note = notes.get(name);
		const copied = note?.seen === (await seen(handle)) ? await child(directory, name) : null;
		if (note !== undefined && copied !== null)
			renewed.set(name, { ...note, seen: await seen(copied) });
	}
	await writeNotes(directory, renewed);
}

function isWithin(path: string, directory: string): boolean {
	return `${split(path).join("/")}/`.startsWith(`${split(directory).join("/")}/`);
}

function split(path: string): string[] {
	return path.split("/").filter((part) => part !== "");
}

// --- failures ---

/** The names of what browsers throw, and of what a file system says. */
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

function isCalled(error: unknown, name: string): boolean {
	return error instanceof Error && error.name === name;
}

/** Runs `work`; what it throws says which call failed on which path. */
async function named<T>(call: string, path: string, work: () => Promise<T>): Promise<T> {
	try {
		return await work();
	} catch (cause) {
		const known = cause instanceof PortholeError;
		const code = known ? cause.code : (CODES.get((cause as Error | null)?.name ?? "") ?? "EIO");
		const why = code === "EINVAL" ? "this place cannot hold such a name: " : "";
		const said = cause instanceof Error ? cause.message : String(cause);
		throw new PortholeError(code, `${code}: ${call} ${path} (${why}${said})`, { cause });
	}
}

function failure(code: string, call: string, path: string): PortholeError {
	return new PortholeError(code, `${code}: ${call} ${path}`);
}

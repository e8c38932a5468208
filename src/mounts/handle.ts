/**
 * A store over a directory handle of the browser: the private one of this origin (OPFS), or one on
 * the user's disk that the user has picked.
 *
 * Both hold names, bytes and one time. What they cannot hold is refused: a name that the browser
 * does not take is EINVAL and named in the message, and there are no `symlink`, `link` and `utimes`.
 *
 * A handle writes to a copy of the file, which takes the file's place when it is closed. So a write
 * happens whole or not at all, and costs the length of the file. A file is renamed by the browser
 * where it can; a directory is copied and then removed, which takes time and is not one step: if the
 * page is closed in between, the old directory is still whole.
 */
import { PortholeError } from "../abi/error.ts";
import type { Listing, Store } from "../bridge/store.ts";

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
			const listings: Listing[] = [];
			for await (const handle of directory.values()) {
				const listing = await listingOf(handle);
				if (listing !== null) listings.push(listing);
			}
			return listings;
		});
	}

	read(path: string, offset: number, length: number): Promise<Uint8Array> {
		return named("read", path, async () => {
			const file = await (await this.#file(path)).getFile();
			return new Uint8Array(await file.slice(offset, offset + length).arrayBuffer());
		});
	}

	write(path: string, offset: number, bytes: Uint8Array): Promise<void> {
		// No handle takes shared memory.
		const data = bytes.slice();
		return named("write", path, async () => {
			await change(await this.#file(path), async (writable) => {
				await writable.write({ type: "write", position: offset, data });
			});
		});
	}

	resize(path: string, size: number): Promise<void> {
		return named("resize", path, async () => {
			await change(await this.#file(path), (writable) => writable.truncate(size));
		});
	}

	make(path: string, type: "file" | "directory"): Promise<void> {
		return named("make", path, async () => {
			const { directory, name } = await this.#place(path);
			if ((await child(directory, name)) !== null) throw failure("EEXIST", "make", path);
			if (type === "file") await directory.getFileHandle(name, { create: true });
			else await directory.getDirectoryHandle(name, { create: true });
		});
	}

	remove(path: string): Promise<void> {
		return named("remove", path, async () => {
			const { directory, name } = await this.#place(path);
			await directory.removeEntry(name);
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
			await move(moved, source, target);
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
		return { directory: await this.#directory(names), name };
	}

	async #file(path: string): Promise<FileSystemFileHandle> {
		if (split(path).length === 0) throw new PortholeError("EISDIR", "the root is no file");
		const { directory, name } = await this.#place(path);
		const found = await child(directory, name);
		if (found?.kind === "directory") throw new PortholeError("EISDIR", `${name} is a directory`);
		if (found === null) throw new PortholeError("ENOENT", `there is no ${name}`);
		// Its kind says so.
		return found as FileSystemFileHandle;
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
async function listingOf(handle: FileSystemHandle | FileSystemFileHandle): Promise<Listing | null> {
	const { name } = handle;
	if (!("getFile" in handle)) return { name, type: "directory", size: 0, modified: 0 };
	try {
		const { size, lastModified } = await handle.getFile();
		return { name, type: "file", size, modified: lastModified };
	} catch (error) {
		if (isCalled(error, "NotFoundError")) return null;
		throw error;
	}
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
	for await (const handle of from.values()) await copy(handle, { directory, name: handle.name });
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

/**
 * Files behind a directory handle of the browser: the private one of this origin (OPFS), or one on the
 * user's disk that the user has picked.
 *
 * Both hold names, bytes and one time. Symlinks and times that are set are noted in a file beside
 * (sidecar.ts). What cannot be held is refused: a name that the browser does not take is EINVAL, and
 * there are no hard links. Bytes are changed by pens (writers.ts).
 *
 * Each call here is made when the one before is over, and nobody else changes the directory meanwhile
 * if that can be helped: both is seen to by the store (store.ts). A call of several steps writes
 * down first what it is about to do (intent-log.ts).
 */
import { PortholeError } from "../abi/error.ts";
import { toWire } from "../bridge/far.ts";
import { checkSize, isWithin, keyOf, split } from "../store/paths.ts";
import type { Listing, StoreChange } from "../store/store.ts";
import { type Intent, readIntent, removeIntent, writeIntent } from "./intent-log.ts";
import { move } from "./move.ts";
import {
	checkName,
	checkNewName,
	child,
	codeOf,
	DISK_LARGEST,
	type Directory,
	type Folder,
	type Handle,
	INTENT,
	isCalled,
	isOurs,
	NOTES,
	type Place,
} from "./names.ts";
import { type Damaged, type Note, Notebook, seen, stamp } from "./sidecar.ts";
import { copyFile, moveFile, replaceFile, setAside } from "./whole-file.ts";
import type { Pens } from "./writers.ts";

/** How many directories are remembered by path, and files. */
const MOST_REMEMBERED = 1024;
/** How many names are looked up at once. */
const AT_ONCE = 64;
/** Errors for which what was begun can never be finished; others may pass. */
const HOPELESS: ReadonlySet<string> = new Set(
	"ENOENT ENOTDIR EISDIR EINVAL EEXIST ENOTEMPTY ENAMETOOLONG EPERM".split(" "),
);

export class HandleFiles {
	readonly #root: Directory;
	readonly #pens: Pens;
	readonly #notes: Notebook;
	readonly #remembers: boolean;
	readonly #damaged: Damaged;
	readonly #directories = new Map<string, Directory>();
	/** What the list that is being made will make, and is not there. */
	readonly #missing = new Set<string>();
	/** Files that have been made here, null for what has been removed: journals come and go. */
	readonly #own = new Map<string, FileSystemFileHandle | null>();

	/** `remembers`: nobody else changes what is here before `forget` is called. */
	constructor(root: Directory, pens: Pens, remembers: boolean, damaged: Damaged) {
		this.#root = root;
		this.#pens = pens;
		this.#notes = new Notebook(remembers, damaged);
		this.#remembers = remembers;
		this.#damaged = damaged;
	}

	/** What is remembered may be otherwise from now on. */
	forget(): void {
		this.#directories.clear();
		this.#own.clear();
		this.#notes.forget();
	}

	list(path: string): Promise<Listing[]> {
		return this.#list(path, false);
	}

	async #list(path: string, finished: boolean): Promise<Listing[]> {
		const folder = await this.#folder(split(path));
		await this.#pens.settle(folder.key);
		const notes = await this.#notes.of(folder);
		const found: Promise<Listing | null>[] = [];
		for await (const handle of folder.directory.values()) {
			// It was mounted by itself, and what was begun then did not come to its end.
			const begun = handle.name === INTENT && handle.kind === "file" && folder.key !== "";
			if (begun && !finished) {
				await this.#finishIn(folder);
				return this.#list(path, true);
			}
			if (!isOurs(handle.name)) found.push(listingOf(handle, notes.get(handle.name)));
		}
		return (await Promise.all(found)).filter((listing) => listing !== null);
	}

	async read(path: string, offset: number, length: number): Promise<Uint8Array> {
		const held = await this.#pens.read(keyOf(path), offset, length);
		if (held !== null) return held;
		const file = await (await this.#file(path)).getFile();
		return new Uint8Array(await file.slice(offset, offset + length).arrayBuffer());
	}

	async write(path: string, offset: number, bytes: Uint8Array): Promise<void> {
		checkSize(offset + bytes.length, DISK_LARGEST, "write", path);
		const find = () => this.#file(path);
		const fresh = await this.#pens.write(keyOf(path), find, offset, bytes);
		if (fresh) await this.#unnote(path);
	}

	async resize(path: string, size: number): Promise<void> {
		checkSize(size, DISK_LARGEST, "resize", path);
		const fresh = await this.#pens.resize(keyOf(path), () => this.#file(path), size);
		if (fresh) await this.#unnote(path);
	}

	async make(path: string, type: "file" | "directory"): Promise<void> {
		const place = await this.#free(path);
		const { directory, name } = place;
		this.#own.delete(keyOf(path));
		if (type === "directory") {
			const made = await directory.getDirectoryHandle(name, { create: true });
			this.#rememberDirectory(keyOf(path), made);
		} else this.#remember(path, await directory.getFileHandle(name, { create: true }));
		// One may be left of something that is gone.
		await this.#notes.set(place, name, null);
	}

	async remove(path: string): Promise<void> {
		const place = await this.#place(path);
		const { directory, name } = place;
		const found = await this.#child(place, path);
		if (found?.kind === "directory" && !(await this.#clear(found, keyOf(path)))) {
			throw new PortholeError("ENOTEMPTY", "something is in it");
		}
		await this.#pens.discard(keyOf(path));
		this.#own.delete(keyOf(path));
		await directory.removeEntry(name);
		this.#directories.delete(keyOf(path));
		if (found?.kind === "file") this.#remember(path, null);
		await this.#notes.set(place, name, null);
	}

	async symlink(path: string, target: string): Promise<void> {
		await this.#free(path);
		this.#own.clear();
		await this.#carryOut({ kind: "symlink", path, target });
	}

	/** What `list` would tell of it; null where nothing is. */
	async look(path: string): Promise<Listing | null> {
		const place = await this.#place(path);
		const found = await child(place.directory, place.name);
		return found && listingOf(found, (await this.#notes.of(place)).get(place.name));
	}

	/** Copies a file to a place where nothing is. */
	async copy(path: string, to: string): Promise<void> {
		this.#own.clear();
		await copyFile(await this.#file(path), await this.#free(to));
	}

	async utimes(path: string, accessed: bigint, modified: bigint): Promise<void> {
		// Nothing lists the root, so nobody would read a note on it.
		if (split(path).length === 0) return;
		const place = await this.#place(path);
		// What is still written would be newer than what is noted.
		await this.#pens.putDown(keyOf(path));
		const found = await child(place.directory, place.name);
		if (found === null) throw new PortholeError("ENOENT", "nothing is there");
		const note = await this.#noteOn(place, found);
		const times = { accessed, modified };
		await this.#notes.set(place, place.name, { ...note, times, seen: await seen(found) });
	}

	async rename(from: string, to: string): Promise<void> {
		this.#own.clear();
		const [source, target] = [await this.#place(from), await this.#place(to)];
		const moved = await child(source.directory, source.name);
		if (moved === null) throw new PortholeError("ENOENT", `there is no ${from}`);
		const old = await child(target.directory, target.name);
		if (old !== null && (await old.isSameEntry(moved))) return;
		checkNewName(target.name);
		if (isWithin(to, from)) throw new PortholeError("EINVAL", "into itself");
		if (old !== null && old.kind !== moved.kind) {
			throw new PortholeError(old.kind === "directory" ? "EISDIR" : "ENOTDIR", `${to} is there`);
		}
		if (old?.kind === "directory" && !(await this.#clear(old, keyOf(to)))) {
			throw new PortholeError("ENOTEMPTY", `${to} is not empty`);
		}
		// What is yet to be noted is for directories where they are now.
		if (moved.kind === "directory") await this.#notes.flush();
		await this.#pens.putDown(keyOf(from));
		await this.#pens.discard(keyOf(to));
		const note = await this.#noteOn(source, moved);
		const plain = note === null && !(await this.#notes.of(target)).has(target.name);
		if (moved.kind === "file" && plain && (await moveFile(moved, target))) return;
		await this.#carryOut({ kind: "rename", from, to, note });
		this.forget();
	}

	/** Writes what the calls before have noted. */
	note(): Promise<void> {
		return this.#notes.flush();
	}

	/** Looks up at once which of the files that a list makes are not there yet: one by one, each would wait
	 *  for an answer from another process. */
	async ahead(changes: readonly StoreChange[]): Promise<void> {
		this.#missing.clear();
		if (!this.#remembers) return;
		const paths = firstMade(changes);
		for (let at = 0; at < paths.length && paths.length > 1; at += AT_ONCE) {
			const some = paths.slice(at, at + AT_ONCE);
			await Promise.all(some.map((path) => this.#lookAhead(path).catch(() => {})));
		}
	}

	/** What cannot be looked up now fails when its turn comes. */
	async #lookAhead(path: string): Promise<void> {
		const { directory, name } = await this.#place(path);
		if ((await child(directory, name)) === null) this.#missing.add(keyOf(path));
	}

	/** Does to the end what was begun before the page, or the browser, came to its own. */
	async finish(): Promise<void> {
		const intent = await readIntent(this.#root);
		if (intent === null) return;
		const why = typeof intent === "string" ? intent : await this.#tried(intent);
		if (why === null || why === "empty") await removeIntent(this.#root);
		else {
			const kept = await setAside(this.#root, INTENT);
			this.#damaged(
				"",
				`a change of several steps that a closed tab had begun was not finished (${why}), and may be ` +
					`half done; what it was is kept as ${kept}`,
			);
		}
		this.forget();
	}

	/** Null once an intent is done; else why it can never be. Errors: those that may pass. */
	async #tried(intent: Intent): Promise<string | null> {
		try {
			await this.#steps(intent);
			await this.#notes.flush();
			return null;
		} catch (error) {
			if (!HOPELESS.has(codeOf(error))) throw error;
			return toWire(error).message;
		}
	}

	async #finishIn({ directory, key }: Folder): Promise<void> {
		await this.#pens.putDown(key);
		const damaged: Damaged = (below, why) => this.#damaged(`${key}/${below}`, why);
		await new HandleFiles(directory, this.#pens, false, damaged).finish();
		this.forget();
	}

	async #carryOut(intent: Intent): Promise<void> {
		await writeIntent(this.#root, intent);
		await this.#steps(intent);
		await this.#notes.flush();
		await removeIntent(this.#root);
	}

	/** What an intent consists of. All of it may be done twice. */
	async #steps(intent: Intent): Promise<void> {
		if (intent.kind === "rename") await this.#renameSteps(intent.from, intent.to, intent.note);
		else await this.#symlinkSteps(intent.path, intent.target);
	}

	async #symlinkSteps(path: string, target: string): Promise<void> {
		const place = await this.#place(path);
		const file = await place.directory.getFileHandle(place.name, { create: true });
		await replaceFile(file, target);
		await this.#notes.set(place, place.name, { target, seen: await seen(file) });
	}

	async #renameSteps(from: string, to: string, note: Note | null): Promise<void> {
		const [source, target] = [await this.#place(from), await this.#place(to)];
		const moved = await child(source.directory, source.name);
		if (moved !== null) await move(moved, source, target, this.#notes);
		const there = await child(target.directory, target.name);
		const renewed = note !== null && there !== null ? { ...note, seen: await seen(there) } : null;
		await this.#notes.set(target, target.name, renewed);
		await this.#notes.set(source, source.name, null);
	}

	/** What is noted on a place and still true. */
	async #noteOn(place: Place, handle: Handle): Promise<Note | null> {
		const note = (await this.#notes.of(place)).get(place.name);
		return note !== undefined && note.seen === (await seen(handle)) ? note : null;
	}

	/** Whether a directory is empty; one that holds nothing but notes becomes so. */
	async #clear(directory: Directory, key: string): Promise<boolean> {
		const notes: string[] = [];
		for await (const name of directory.keys()) {
			if (!NOTES.has(name)) return false;
			notes.push(name);
		}
		await this.#notes.clear({ directory, key }, notes);
		return true;
	}

	async #folder(names: readonly string[]): Promise<Folder> {
		const key = names.join("/");
		let [directory, depth, at] = [this.#root, names.length, key];
		// The nearest that is known: a directory ten thousand deep is not walked to from the root.
		for (; depth > 0; depth--, at = at.slice(0, Math.max(0, at.lastIndexOf("/")))) {
			const known = this.#directories.get(at);
			if (known === undefined) continue;
			directory = known;
			break;
		}
		for (const name of names.slice(depth)) {
			checkName(name);
			directory = await directory.getDirectoryHandle(name);
			at = at === "" ? name : `${at}/${name}`;
			this.#rememberDirectory(at, directory);
		}
		return { directory, key };
	}

	#rememberDirectory(key: string, directory: Directory): void {
		if (!this.#remembers) return;
		this.#directories.set(key, directory);
		for (const oldest of this.#directories.keys()) {
			if (this.#directories.size <= MOST_REMEMBERED) return;
			this.#directories.delete(oldest);
		}
	}

	async #place(path: string): Promise<Place> {
		const names = split(path);
		const name = names.pop();
		if (name === undefined) throw new PortholeError("EBUSY", "the root has no name");
		checkName(name);
		return { ...(await this.#folder(names)), name };
	}

	async #free(path: string): Promise<Place> {
		const place = await this.#place(path);
		checkNewName(place.name);
		const missing = this.#missing.delete(keyOf(path));
		const found = missing ? null : await this.#child(place, path);
		if (found !== null) throw new PortholeError("EEXIST", "something is there");
		return place;
	}

	async #file(path: string): Promise<FileSystemFileHandle> {
		if (split(path).length === 0) throw new PortholeError("EISDIR", "the root is no file");
		const place = await this.#place(path);
		const { name } = place;
		const found = await this.#child(place, path);
		if (found?.kind === "directory") throw new PortholeError("EISDIR", `${name} is a directory`);
		if (found === null) throw new PortholeError("ENOENT", `there is no ${name}`);
		// Its kind says so.
		return found as FileSystemFileHandle;
	}

	/** What is at a path: known already where we have made or removed it. */
	async #child({ directory, name }: Place, path: string): Promise<Handle | null> {
		const own = this.#own.get(keyOf(path));
		return own === undefined ? child(directory, name) : own;
	}

	#remember(path: string, file: FileSystemFileHandle | null): void {
		if (!this.#remembers) return;
		if (this.#own.size >= MOST_REMEMBERED) this.#own.clear();
		this.#own.set(keyOf(path), file);
	}

	/** Nothing that is noted on a file is true of it once it is written. */
	async #unnote(path: string): Promise<void> {
		const place = await this.#place(path);
		await this.#notes.set(place, place.name, null);
	}
}

/** The paths that a list makes before it does anything else with them, or with what lies above. */
function firstMade(changes: readonly StoreChange[]): string[] {
	const made: string[] = [];
	const used = new Set<string>();
	for (const { call, path } of changes) {
		if (call === "remove" || call === "rename" || call === "symlink" || call === "link") break;
		if (call === "make" && !used.has(path)) made.push(path);
		used.add(path);
	}
	return made;
}

/** Null for what went while it was looked at. */
async function listingOf(handle: Handle, note: Note | undefined): Promise<Listing | null> {
	const { name } = handle;
	const directory: Listing = { name, type: "directory", size: 0, modified: 0 };
	if (handle.kind === "directory") return noted(directory, note);
	try {
		const found = await handle.getFile();
		const { size, lastModified: modified } = found;
		const file: Listing = { name, type: "file", size, modified };
		return note?.seen === stamp(found) ? noted(file, note) : file;
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

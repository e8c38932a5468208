/**
 * Files behind a directory handle of the browser: the private file system of this origin (OPFS), or a
 * directory of the user's disk that the user has picked.
 *
 * Both hold names, bytes and one time. Symlinks and times that a program sets are noted in a file beside
 * (sidecar.ts). What cannot be held is refused: a name that the browser does not take is EINVAL, and
 * there are no hard links. Bytes are changed by writers (writers.ts).
 *
 * The store (store.ts) makes each call here after the one before is over, and keeps other tabs from changing
 * the directory meanwhile, where it can. A call of several steps first writes down what it is about to do
 * (intent-log.ts).
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
import { type Note, type OnDamaged, Sidecars, stamp, stampOf } from "./sidecar.ts";
import { copyFile, moveFile, replaceFile, setAside } from "./whole-file.ts";
import type { FileAhead, Writers } from "./writers.ts";

/** How many directories are remembered by path, and how many files. */
const MOST_REMEMBERED = 1024;
/** How many files are prepared at once. */
const MOST_AHEAD = 16;
/** Calls that move or remove what later calls may name. */
const NAME_CALLS: ReadonlySet<string> = new Set("remove rename symlink link".split(" "));
/** Errors after which an intent can never be finished; other errors may pass. */
const PERMANENT: ReadonlySet<string> = new Set(
	"ENOENT ENOTDIR EISDIR EINVAL EEXIST ENOTEMPTY ENAMETOOLONG EPERM".split(" "),
);

export class HandleFiles {
	readonly #root: Directory;
	readonly #writers: Writers;
	readonly #notes: Sidecars;
	readonly #remembers: boolean;
	readonly #onDamaged: OnDamaged;
	readonly #directories = new Map<string, Directory>();
	/** Paths that the current list of changes will make and that are free: the new file, null for a directory. */
	readonly #ahead = new Map<string, FileSystemFileHandle | null>();
	/** How many changes of the current list are prepared. */
	#prepared = 0;
	/** Files that this store has made, null for those that it has removed: journals come and go. */
	readonly #files = new Map<string, FileSystemFileHandle | null>();

	/** `remembers`: no other program changes the directory before `forget` is called. */
	constructor(root: Directory, writers: Writers, remembers: boolean, onDamaged: OnDamaged) {
		this.#root = root;
		this.#writers = writers;
		this.#notes = new Sidecars(remembers, onDamaged);
		this.#remembers = remembers;
		this.#onDamaged = onDamaged;
	}

	/** Forgets what is remembered: other tabs may change it from now on. */
	forget(): void {
		this.#directories.clear();
		this.#files.clear();
		this.#ahead.clear();
		this.#notes.forget();
	}

	list(path: string): Promise<Listing[]> {
		return this.#list(path, false);
	}

	async #list(path: string, finished: boolean): Promise<Listing[]> {
		const folder = await this.#folder(split(path));
		await this.#writers.closeForListing(folder.key);
		const notes = await this.#notes.of(folder);
		const found: Promise<Listing | null>[] = [];
		for await (const handle of folder.directory.values()) {
			// This directory was mounted by itself, and a killed tab has left an intent in it.
			const begun = handle.name === INTENT && handle.kind === "file" && folder.key !== "";
			if (begun && !finished) {
				await this.#finishIntentIn(folder);
				return this.#list(path, true);
			}
			if (!isOurs(handle.name)) found.push(listingOf(handle, notes.get(handle.name)));
		}
		return (await Promise.all(found)).filter((listing) => listing !== null);
	}

	async read(path: string, offset: number, length: number): Promise<Uint8Array> {
		const held = await this.#writers.read(keyOf(path), offset, length);
		if (held !== null) return held;
		const file = await (await this.#file(path)).getFile();
		return new Uint8Array(await file.slice(offset, offset + length).arrayBuffer());
	}

	async write(path: string, offset: number, bytes: Uint8Array): Promise<void> {
		checkSize(offset + bytes.length, DISK_LARGEST, "write", path);
		const find = () => this.#file(path);
		const untouched = await this.#writers.write(keyOf(path), find, offset, bytes);
		if (untouched) await this.#removeNote(path);
	}

	async resize(path: string, size: number): Promise<void> {
		checkSize(size, DISK_LARGEST, "resize", path);
		const untouched = await this.#writers.resize(keyOf(path), () => this.#file(path), size);
		if (untouched) await this.#removeNote(path);
	}

	async make(path: string, type: "file" | "directory"): Promise<void> {
		const ahead = this.#ahead.get(keyOf(path));
		const place = await this.#freePlace(path);
		const { directory, name } = place;
		this.#files.delete(keyOf(path));
		if (type === "directory") {
			const made = await directory.getDirectoryHandle(name, { create: true });
			this.#rememberDirectory(keyOf(path), made);
		} else {
			this.#remember(path, ahead ?? (await directory.getFileHandle(name, { create: true })));
		}
		// A note on an earlier file of this name may be left.
		await this.#notes.set(place, name, null);
	}

	async remove(path: string): Promise<void> {
		const place = await this.#place(path);
		const { directory, name } = place;
		const found = await this.#child(place, path);
		if (found?.kind === "directory" && !(await this.#clearIfOnlyNotes(found, keyOf(path)))) {
			throw new PortholeError("ENOTEMPTY", "something is in it");
		}
		await this.#writers.discard(keyOf(path));
		this.#files.delete(keyOf(path));
		await directory.removeEntry(name);
		this.#directories.delete(keyOf(path));
		if (found?.kind === "file") this.#remember(path, null);
		await this.#notes.set(place, name, null);
	}

	async symlink(path: string, target: string): Promise<void> {
		await this.#freePlace(path);
		this.#files.clear();
		await this.#carryOut({ kind: "symlink", path, target });
	}

	/** The listing of one path; null if nothing is there. */
	async stat(path: string): Promise<Listing | null> {
		const place = await this.#place(path);
		const found = await child(place.directory, place.name);
		return found && listingOf(found, (await this.#notes.of(place)).get(place.name));
	}

	/** Copies a file to a free path. */
	async copy(path: string, to: string): Promise<void> {
		this.#files.clear();
		await copyFile(await this.#file(path), await this.#freePlace(to));
	}

	async utimes(path: string, accessed: bigint, modified: bigint): Promise<void> {
		// No listing shows the root, so a note on it would never be read.
		if (split(path).length === 0) return;
		const place = await this.#place(path);
		// A writer that is closed later would change the time again.
		await this.#writers.close(keyOf(path));
		const found = await child(place.directory, place.name);
		if (found === null) throw new PortholeError("ENOENT", "nothing is there");
		const note = await this.#noteOn(place, found);
		const times = { accessed, modified };
		await this.#notes.set(place, place.name, { ...note, times, seen: await stampOf(found) });
	}

	async rename(from: string, to: string): Promise<void> {
		this.#files.clear();
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
		if (old?.kind === "directory" && !(await this.#clearIfOnlyNotes(old, keyOf(to)))) {
			throw new PortholeError("ENOTEMPTY", `${to} is not empty`);
		}
		// Notes that are not yet written belong to the directories where they are now.
		if (moved.kind === "directory") await this.#notes.flush();
		await this.#writers.close(keyOf(from));
		await this.#writers.discard(keyOf(to));
		const note = await this.#noteOn(source, moved);
		const plain = note === null && !(await this.#notes.of(target)).has(target.name);
		if (moved.kind === "file" && plain && (await moveFile(moved, target))) return;
		await this.#carryOut({ kind: "rename", from, to, note });
		this.forget();
	}

	/** Writes the notes of the calls before. */
	flushNotes(): Promise<void> {
		return this.#notes.flush();
	}

	/**
	 * Prepares the changes of a list from number `at` on, side by side: looks up which files are there, makes those
	 * that the list makes, and opens those that it writes. One by one, each step would wait for an answer of the
	 * browser's process.
	 *
	 * So when a tab is killed, files of the list may be there, empty, before their turn came. No other tab sees
	 * that, for each change still takes its turn under the lease.
	 */
	async prepare(changes: readonly StoreChange[], at: number): Promise<void> {
		if (at === 0) {
			this.#prepared = 0;
			this.#ahead.clear();
		}
		if (!this.#remembers || at < this.#prepared) return;
		const { uses, end } = usesFrom(changes, at);
		this.#prepared = end;
		if (uses.size < 2) return;
		const written = new Map<string, FileAhead>();
		const prepare = async ([path, use]: [string, Use]) => {
			const found = await this.#prepareOne(path, use);
			if (found !== null && use.writes) written.set(keyOf(path), found);
		};
		// What fails here fails again, and is reported, when its turn comes.
		await Promise.all(Array.from(uses, (one) => prepare(one).catch(() => {})));
		await this.#writers.openAhead(written);
	}

	/** The file that the changes of a path are about; null if there is none yet, or one that is not theirs. */
	async #prepareOne(path: string, { makes }: Use): Promise<FileAhead | null> {
		const place = await this.#place(path);
		const found = await this.#child(place, path);
		if (makes === null) {
			if (found?.kind !== "file") return null;
			this.#remember(path, found);
			return { file: found, isNew: false };
		}
		if (found !== null) return null;
		checkNewName(place.name);
		const file =
			makes === "file" ? await place.directory.getFileHandle(place.name, { create: true }) : null;
		this.#ahead.set(keyOf(path), file);
		return file && { file, isNew: true };
	}

	/** Finishes the intent that a killed tab has left. */
	async finishIntent(): Promise<void> {
		const intent = await readIntent(this.#root);
		if (intent === null) return;
		const why = typeof intent === "string" ? intent : await this.#tryIntent(intent);
		if (why === null || why === "empty") await removeIntent(this.#root);
		else {
			const kept = await setAside(this.#root, INTENT);
			this.#onDamaged(
				"",
				`a change of several steps that a closed tab had begun was not finished (${why}), and may be ` +
					`half done; what it was is kept as ${kept}`,
			);
		}
		this.forget();
	}

	/** Answers null once an intent is done, else why it can never be. Errors: those that may pass. */
	async #tryIntent(intent: Intent): Promise<string | null> {
		try {
			await this.#steps(intent);
			await this.#notes.flush();
			return null;
		} catch (error) {
			if (!PERMANENT.has(codeOf(error))) throw error;
			return toWire(error).message;
		}
	}

	async #finishIntentIn({ directory, key }: Folder): Promise<void> {
		await this.#writers.close(key);
		const onDamaged: OnDamaged = (below, why) => this.#onDamaged(`${key}/${below}`, why);
		await new HandleFiles(directory, this.#writers, false, onDamaged).finishIntent();
		this.forget();
	}

	async #carryOut(intent: Intent): Promise<void> {
		await writeIntent(this.#root, intent);
		await this.#steps(intent);
		await this.#notes.flush();
		await removeIntent(this.#root);
	}

	/** The steps of an intent. All of them can be done twice. */
	async #steps(intent: Intent): Promise<void> {
		if (intent.kind === "rename") await this.#renameSteps(intent.from, intent.to, intent.note);
		else await this.#symlinkSteps(intent.path, intent.target);
	}

	async #symlinkSteps(path: string, target: string): Promise<void> {
		const place = await this.#place(path);
		const file = await place.directory.getFileHandle(place.name, { create: true });
		await replaceFile(file, target);
		await this.#notes.set(place, place.name, { target, seen: await stampOf(file) });
	}

	async #renameSteps(from: string, to: string, note: Note | null): Promise<void> {
		const [source, target] = [await this.#place(from), await this.#place(to)];
		const moved = await child(source.directory, source.name);
		if (moved !== null) await move(moved, source, target, this.#notes);
		const there = await child(target.directory, target.name);
		const renewed =
			note !== null && there !== null ? { ...note, seen: await stampOf(there) } : null;
		await this.#notes.set(target, target.name, renewed);
		await this.#notes.set(source, source.name, null);
	}

	/** The note on a file, if the file has not changed since. */
	async #noteOn(place: Place, handle: Handle): Promise<Note | null> {
		const note = (await this.#notes.of(place)).get(place.name);
		return note !== undefined && note.seen === (await stampOf(handle)) ? note : null;
	}

	/** Whether a directory is empty; from one that holds only notes they are removed. */
	async #clearIfOnlyNotes(directory: Directory, key: string): Promise<boolean> {
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
		// Starts at the nearest remembered one: a directory ten thousand deep is not walked to from the root.
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

	async #freePlace(path: string): Promise<Place> {
		const place = await this.#place(path);
		checkNewName(place.name);
		const isAhead = this.#ahead.delete(keyOf(path));
		const found = isAhead ? null : await this.#child(place, path);
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
		// The kind was checked above.
		return found as FileSystemFileHandle;
	}

	/** The handle at a path, without asking the browser if this store has made or removed it. */
	async #child({ directory, name }: Place, path: string): Promise<Handle | null> {
		const own = this.#files.get(keyOf(path));
		return own === undefined ? child(directory, name) : own;
	}

	#remember(path: string, file: FileSystemFileHandle | null): void {
		if (!this.#remembers) return;
		if (this.#files.size >= MOST_REMEMBERED) this.#files.clear();
		this.#files.set(keyOf(path), file);
	}

	/** Removes the note on a file: it is not true any more once the file is written. */
	async #removeNote(path: string): Promise<void> {
		const place = await this.#place(path);
		await this.#notes.set(place, place.name, null);
	}
}

/** What the next changes of a list do with a path. */
interface Use {
	/** What they make there first; null if they change what is there. */
	readonly makes: "file" | "directory" | null;
	writes: boolean;
}

/** What the changes from number `at` on do with each path, up to the first one that has to wait for its turn: one
 *  that moves or removes names, or one below or above a path that is yet to be made. */
function usesFrom(changes: readonly StoreChange[], at: number) {
	const uses = new Map<string, Use>();
	let end = at;
	for (; end < changes.length; end++) {
		const change = changes[end] as StoreChange;
		const { call, path } = change;
		if (NAME_CALLS.has(call)) break;
		const above = path.slice(0, Math.max(0, path.lastIndexOf("/")));
		if (uses.get(above)?.makes === "directory") break;
		let use = uses.get(path);
		if (use === undefined && uses.size === MOST_AHEAD) break;
		const isAbove = [...uses.keys()].some((used) => used !== path && isWithin(used, path));
		if (call === "make" && isAbove) break;
		if (use === undefined) {
			use = { makes: change.call === "make" ? change.type : null, writes: false };
			uses.set(path, use);
		}
		if (call === "write" || call === "resize") use.writes = true;
	}
	return { uses, end: Math.max(end, at + 1) };
}

/** Null for a file that was removed meanwhile. */
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

/** A listing with the target and times of its note. */
function noted(listing: Listing, note: Note | undefined): Listing {
	const { target, times } = note ?? {};
	return {
		...listing,
		...(target !== undefined && { type: "symlink", target }),
		...(times !== undefined && { times, modified: Number(times.modified) / 1e6 }),
	};
}

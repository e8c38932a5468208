/**
 * The store of a directory on the user's disk, which other programs may change at any time.
 *
 * The store finds such changes by comparing with what it has last seen (last-seen.ts): when the browser
 * reports one, where it can, else once a second in the directories that were listed. A file that another
 * program has replaced is copied beside before it is overwritten.
 */
import { PortholeError } from "../abi/error.ts";
import { keyOf } from "../store/paths.ts";
import type { Listing } from "../store/store.ts";
import { DraftWriters } from "./draft-writers.ts";
import { HandleFiles } from "./files.ts";
import { LastSeen } from "./last-seen.ts";
import { conflictName, type Directory, isOurs, named } from "./names.ts";
import { HandleStore, type Mutex, pathsOf } from "./store.ts";

/** A FileSystemObserver, which browsers have and the types do not know yet. */
interface Observer {
	observe(handle: Directory, options: { recursive: boolean }): Promise<void>;
	disconnect(): void;
}

interface ChangeRecord {
	readonly type: string;
	readonly relativePathComponents: readonly string[];
	readonly relativePathMovedFrom?: readonly string[] | null;
}

type ObserverClass = new (seen: (records: readonly ChangeRecord[]) => void) => Observer;
type OnChanged = (paths: readonly string[]) => void;
type OnConflict = (path: string, kept: string) => void;
type OnDamaged = (path: string, error: Error) => void;

/** Milliseconds between two scans of the directories, and how many of them are scanned. */
const PERIOD = 1000;
const MOST_LISTED = 256;
/** Milliseconds for which reports of the browser are gathered. */
const DEBOUNCE = 50;

export class UserFolderStore extends HandleStore {
	readonly #root: Directory;
	readonly #files: HandleFiles;
	readonly #writers: DraftWriters;
	readonly #mutex: Mutex;
	readonly #lastSeen: LastSeen;
	readonly #mode: "read" | "readwrite";
	/** Directories that were listed, the one listed longest ago first. */
	readonly #listed = new Set<string>();
	readonly #onConflict: Set<OnConflict>;
	readonly #onDamaged: Set<OnDamaged>;

	constructor(root: Directory, mode: "read" | "readwrite") {
		const lastSeen = new LastSeen();
		const onConflict = new Set<OnConflict>();
		const mutex = makeMutex(() => files.finishIntent());
		const writers = new DraftWriters((work) => mutex.run(work), {
			async beforeReplace(key) {
				const kept = await keepCopy(files, `/${key}`);
				for (const emit of onConflict) emit(`/${key}`, kept);
			},
			afterReplace: (key) => note(key),
		});
		const onDamaged = new Set<OnDamaged>();
		const files: HandleFiles = new HandleFiles(root, writers, false, (key, message) => {
			const error = new PortholeError("EIO", message);
			for (const emit of onDamaged) emit(`/${keyOf(key)}`, error);
		});
		const note = async (path: string) => lastSeen.record(path, await files.stat(path), true);
		super(files, writers, mutex, {
			async before() {},
			async after(change) {
				// A write is recorded when the draft replaces the file.
				if (change.call === "write" || change.call === "resize") return;
				for (const path of pathsOf(change)) {
					lastSeen.forget(path);
					await note(path);
				}
			},
		});
		this.#root = root;
		this.#files = files;
		this.#writers = writers;
		this.#mutex = mutex;
		this.#lastSeen = lastSeen;
		this.#mode = mode;
		this.#onConflict = onConflict;
		this.#onDamaged = onDamaged;
	}

	override async list(path: string): Promise<Listing[]> {
		const listings = await super.list(path);
		for (const listing of listings)
			this.#lastSeen.record(`${path}/${listing.name}`, listing, false);
		this.#listed.delete(keyOf(path));
		this.#listed.add(keyOf(path));
		for (const oldest of this.#listed) {
			if (this.#listed.size <= MOST_LISTED) break;
			this.#listed.delete(oldest);
		}
		return listings;
	}

	preserve(path: string, size: number, modified: number): Promise<string | null> {
		return named("preserve", path, () =>
			this.#mutex.run(async () => {
				const now = await this.#files.stat(path);
				if (now === null || now.type !== "file" || this.#lastSeen.isOurs(path, now)) return null;
				if (now.size === size && now.modified === modified) return null;
				const kept = await keepCopy(this.#files, path);
				await this.#writers.rebase(keyOf(path));
				return kept;
			}),
		);
	}

	queryPermission(): Promise<PermissionState> {
		return this.#root.queryPermission({ mode: this.#mode });
	}

	requestPermission(): Promise<PermissionState> {
		return this.#root.requestPermission({ mode: this.#mode });
	}

	async remember(name: string): Promise<void> {
		const { remember } = await import("./remembered.ts");
		await remember(name, { handle: this.#root, mode: this.#mode });
	}

	watch(onChanged: OnChanged, onConflict?: OnConflict, onDamaged?: OnDamaged): () => void {
		if (onConflict !== undefined) this.#onConflict.add(onConflict);
		if (onDamaged !== undefined) this.#onDamaged.add(onDamaged);
		const stop =
			"FileSystemObserver" in globalThis ? this.#observe(onChanged) : this.#poll(onChanged);
		return () => {
			if (onConflict !== undefined) this.#onConflict.delete(onConflict);
			if (onDamaged !== undefined) this.#onDamaged.delete(onDamaged);
			stop();
		};
	}

	#observe(onChanged: OnChanged): () => void {
		// `watch` has checked that it is there.
		const Observer = Reflect.get(globalThis, "FileSystemObserver") as ObserverClass;
		const gathered = new Set<string>();
		let over = false;
		let poll: (() => void) | undefined;
		let timer: ReturnType<typeof setTimeout> | undefined;
		// A scan may end after the watch does.
		const emit: OnChanged = (paths) => {
			if (!over) onChanged(paths);
		};
		// For a directory that the browser cannot observe, or not any more. It says so late, and several times.
		const pollInstead = () => {
			if (!over) poll ??= this.#poll(onChanged);
		};
		const flush = () => {
			timer = undefined;
			const paths = [...gathered];
			gathered.clear();
			// If the directory cannot be read, the next call reports it.
			this.#emitChanged(paths, emit).catch(() => {});
		};
		const observer = new Observer((records) => {
			if (over) return;
			for (const record of records) {
				// Too much has happened, or the browser cannot observe it any more.
				const all = record.type === "unknown" || record.type === "errored";
				for (const names of [record.relativePathComponents, record.relativePathMovedFrom ?? []]) {
					if (all) gathered.add("");
					else if (names.length > 0 && !names.some(isHidden)) gathered.add(names.join("/"));
				}
				if (record.type === "errored") pollInstead();
			}
			timer ??= setTimeout(flush, DEBOUNCE);
		});
		observer
			.observe(this.#root, { recursive: true })
			// Finds what has changed before the observer started.
			.then(() => this.#scan(emit), pollInstead);
		return () => {
			over = true;
			clearTimeout(timer);
			observer.disconnect();
			poll?.();
		};
	}

	#poll(onChanged: OnChanged): () => void {
		let [over, timer] = [false, undefined as ReturnType<typeof setTimeout> | undefined];
		const look = async () => {
			await this.#scan((paths) => {
				if (!over) onChanged(paths);
			});
			if (!over) timer = setTimeout(look, PERIOD);
		};
		timer = setTimeout(look, PERIOD);
		return () => {
			over = true;
			clearTimeout(timer);
		};
	}

	/** Compares all directories that were listed with what was last seen. */
	async #scan(onChanged: OnChanged): Promise<void> {
		for (const directory of [...this.#listed]) {
			const changed = await this.#changedIn(directory).catch(() => []);
			if (changed.length > 0) onChanged(changed);
		}
	}

	/** The children of a directory that differ from what was last seen, or are gone. */
	async #changedIn(directory: string): Promise<string[]> {
		const now = new Map<string, Listing>();
		for (const listing of await super.list(directory)) {
			now.set(keyOf(`${directory}/${listing.name}`), listing);
		}
		const all = new Set([...now.keys(), ...this.#lastSeen.childrenOf(directory)]);
		return [...all]
			.filter((key) => this.#isChanged(key, now.get(key) ?? null))
			.map((key) => `/${key}`);
	}

	/** Reports those of the paths that differ from what was last seen. */
	async #emitChanged(keys: readonly string[], onChanged: OnChanged): Promise<void> {
		const changed = await this.#mutex.run(async () => {
			const found: string[] = [];
			for (const key of keys) {
				// The browser names the root when it cannot say more.
				const now = key === "" ? null : await this.#files.stat(key).catch(() => null);
				if (key === "" || this.#isChanged(key, now)) found.push(`/${key}`);
			}
			return found;
		});
		if (changed.length > 0) onChanged(changed);
	}

	/** Whether a path differs from what was last seen. Records what is there now. */
	#isChanged(key: string, now: Listing | null): boolean {
		if (this.#lastSeen.knows(key, now)) return false;
		this.#lastSeen.record(key, now, false);
		return true;
	}
}

/** Copies a file beside itself, and answers with the path of the copy. A copy that fails is removed. */
async function keepCopy(files: HandleFiles, path: string): Promise<string> {
	const slash = path.lastIndexOf("/") + 1;
	const time = new Date();
	for (let count = 1; ; count++) {
		const kept = path.slice(0, slash) + conflictName(path.slice(slash), time, count);
		if ((await files.stat(kept)) !== null) continue;
		try {
			await files.copy(path, kept);
		} catch (error) {
			await files.remove(kept).catch(() => {});
			throw error;
		}
		return kept;
	}
}

/** Whether a name is one of Porthole's own files, or a draft of the browser's. */
function isHidden(name: string): boolean {
	return isOurs(name) || name.endsWith(".crswap");
}

/** Runs calls one after another, `first` before them all. */
function makeMutex(first: () => Promise<void>): Mutex {
	let [last, begun]: [Promise<unknown>, boolean] = [Promise.resolve(), false];
	const begin = async () => {
		if (!begun) await first();
		begun = true;
	};
	return {
		run(work) {
			const answer = last.then(begin).then(work);
			last = answer.catch(() => {});
			return answer;
		},
	};
}

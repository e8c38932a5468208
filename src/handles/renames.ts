/**
 * The names that tabs have changed in the private file system: paths that lead to another file now, or to
 * none.
 *
 * A channel is too slow for this: a message may come after the lease (lease.ts), and a tab that reads a file
 * under its lease must know by then. So each tab writes it down in the database `porthole.opfs` of IndexedDB,
 * one record for each time that it has held its lease and changed names:
 *
 *     1 → { by: "a tab", root: "/notes", paths: ["/notes/a", "/notes/b"] }
 *     2 → { by: "another", root: "/notes", paths: ["/notes/sub"] }
 *
 * A tab writes its record before the first change, with the directory of the change, and again when a further
 * change is outside of that directory; before it releases the lease it replaces the directory by the paths. A
 * tab that was killed in between leaves the directory: then any file in there may be another, and files
 * elsewhere are not affected. A tab that has just taken the lease reads the records since its last time. Some
 * hundred records are kept; a tab that has not read for longer treats every file as another.
 */
import { createStore, promisifyRequest, type UseStore } from "idb-keyval";
import { isWithin } from "../store/paths.ts";

/** What one tab has changed while it held its lease. Paths are those of the private file system. */
interface Renamed {
	readonly by: string;
	readonly root: string;
	/** Each stands for all below it too. */
	readonly paths: readonly string[];
}

/** Records that are kept, and paths that a record names one by one. */
const KEPT = 500;
const MOST_PATHS = 1000;

export class Renames {
	readonly #use: UseStore;
	readonly #root: string;
	readonly #by: string;
	/** The last record that this tab has read; null before the first. */
	#seen: number | null = null;
	/** The record of the current lease, and the paths that it will name. */
	#record: number | null = null;
	readonly #paths = new Set<string>();
	/** The directory that the record names until then: all its paths are in there. */
	#within = "";
	/** Whether the database works; if not, no file can be told from another. */
	works = true;

	/** For the files below `root`; `by` is the sender. */
	constructor(root: string, by: string, use: UseStore = createStore("porthole.opfs", "renames")) {
		this.#root = root;
		this.#by = by;
		this.#use = use;
	}

	/** The paths that other tabs have changed since the last time; the root if it may be any path, as the first
	 *  time. To be called when the lease was taken. */
	async read(): Promise<readonly string[]> {
		const seen = this.#seen;
		try {
			const [keys, values] = await this.#use("readonly", (store) => {
				const range = seen === null ? null : IDBKeyRange.lowerBound(seen, true);
				const keys = promisifyRequest(store.getAllKeys(range));
				return Promise.all([keys, promisifyRequest<unknown[]>(store.getAll(range))]);
			});
			this.#seen = Number(keys.at(-1) ?? seen ?? 0);
			this.works = true;
			if (seen === null) return [this.#root];
			// The records in between have been deleted.
			const all = keys.length > 0 && Number(keys[0]) !== seen + 1;
			return all ? [this.#root] : values.flatMap((value) => this.#pathsIn(value));
		} catch {
			return this.#fail();
		}
	}

	/** Adds paths that are about to be changed. */
	async note(paths: readonly string[]): Promise<void> {
		if (paths.length === 0 || !this.works) return;
		if (this.#paths.size < MOST_PATHS) for (const path of paths) this.#paths.add(path);
		const within = paths.reduce(
			shared,
			this.#record === null ? parent(paths[0] ?? "") : this.#within,
		);
		if (this.#record !== null && within === this.#within) return;
		this.#within = within;
		try {
			this.#record = await this.#use("readwrite", async (store) => {
				const last = await promisifyRequest(store.openKeyCursor(null, "prev"));
				const next = this.#record ?? Number(last?.key ?? 0) + 1;
				store.delete(IDBKeyRange.upperBound(next - KEPT));
				store.put(this.#renamed([within]), next);
				// Awaited: a tab that is killed after its change has left its record.
				await promisifyRequest(store.transaction);
				return next;
			});
		} catch {
			this.#fail();
		}
	}

	/** To be called before the lease is released. */
	async write(): Promise<void> {
		const record = this.#record;
		if (record === null) return;
		const paths = this.#paths.size < MOST_PATHS ? [...this.#paths] : [this.#root];
		this.#record = null;
		this.#paths.clear();
		// If this fails, the record still names the directory, and any file in there may have changed.
		const put = (store: IDBObjectStore) =>
			promisifyRequest(store.put(this.#renamed(paths), record));
		await this.#use("readwrite", put).catch(() => {});
	}

	#renamed(paths: readonly string[]): Renamed {
		return { by: this.#by, root: this.#root, paths };
	}

	#fail(): readonly string[] {
		this.works = false;
		this.#seen = null;
		return [this.#root];
	}

	/** The paths of a record. Other code of this origin may have put anything there. */
	#pathsIn(value: unknown): readonly string[] {
		if (typeof value !== "object" || value === null) return [this.#root];
		const { by, root, paths } = value as Readonly<Record<string, unknown>>;
		if (by === this.#by) return [];
		const told = Array.isArray(paths) ? paths : [root];
		return told.every((path) => typeof path === "string") ? told : [this.#root];
	}
}

function parent(path: string): string {
	return path.slice(0, Math.max(0, path.lastIndexOf("/")));
}

/** `directory`, or the nearest one above it that contains `path`. */
function shared(directory: string, path: string): string {
	let at = directory;
	while (at !== "" && !isWithin(parent(path), at)) at = parent(at);
	return at;
}

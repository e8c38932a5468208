/**
 * What tabs tell each other of the names that they have changed in the private file system: which paths
 * lead to another file now, or to none.
 *
 * They do not say it on a channel, for what is said there may come after the lease (lease.ts), and a tab
 * that reads a file under its lease has to know by then. So it is written down, in the database
 * `porthole.opfs` of IndexedDB, a record for each time that a tab has held its lease and changed names:
 *
 *     1 → { by: "a tab", root: "/notes", paths: ["/notes/a", "/notes/b"] }
 *     2 → { by: "another", root: "/notes", paths: ["/notes/sub"] }
 *
 * A tab writes it before the first change, with the directory of what it changes, and again where a further
 * change lies outside of that; before it lets go of the lease it puts the paths in. One that was killed
 * meanwhile leaves the directory: then anything in there may be another, and what lies elsewhere is not. A tab that has just got the lease reads the records that have come since it last did. Some
 * hundred are kept; to a tab that has not looked for so long, anything may have changed.
 */
import { createStore, promisifyRequest, type UseStore } from "idb-keyval";
import { isWithin } from "../store/paths.ts";

/** What one tab has changed while it held its lease. Paths are those of the private file system. */
interface Renamed {
	readonly by: string;
	readonly root: string;
	/** Each stands for all that is below it too. */
	readonly paths: readonly string[];
}

/** Records that are kept, and paths that are told of one by one. */
const KEPT = 500;
const MOST_PATHS = 1000;

export class Renames {
	readonly #use: UseStore;
	readonly #root: string;
	readonly #by: string;
	/** The last record that was read; null before the first time. */
	#seen: number | null = null;
	/** The record of this time, and what it will say. */
	#record: number | null = null;
	readonly #paths = new Set<string>();
	/** The directory that the record tells of until then: all paths are in it. */
	#within = "";
	/** Whether the tabs can tell each other; where not, no file can be told from another. */
	works = true;

	/** Of the files below `root`, by a tab that is called `by`. */
	constructor(root: string, by: string, use: UseStore = createStore("porthole.opfs", "renames")) {
		this.#root = root;
		this.#by = by;
		this.#use = use;
	}

	/** The paths that others have changed since the last time; that of the root where it may be any, as it may
	 *  the first time. To be called when the lease has come. */
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
			// Those between have been removed.
			const all = keys.length > 0 && Number(keys[0]) !== seen + 1;
			return all ? [this.#root] : values.flatMap((value) => this.#pathsIn(value));
		} catch {
			return this.#fail();
		}
	}

	/** Notes what is about to be changed. */
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
				// A tab that is killed after its change cannot have forgotten to tell.
				await promisifyRequest(store.transaction);
				return next;
			});
		} catch {
			this.#fail();
		}
	}

	/** To be called before the lease goes. */
	async write(): Promise<void> {
		const record = this.#record;
		if (record === null) return;
		const paths = this.#paths.size < MOST_PATHS ? [...this.#paths] : [this.#root];
		this.#record = null;
		this.#paths.clear();
		// Where it fails, what stands there is that anything in their directory may have changed.
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

	/** Other code of this origin may have put anything there. */
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

/** The directory, or the nearest above it, that `path` lies in. */
function shared(directory: string, path: string): string {
	let at = directory;
	while (at !== "" && !isWithin(parent(path), at)) at = parent(at);
	return at;
}

/**
 * The store of a directory on the user's disk, where other programs work too and nobody can be locked
 * out.
 *
 * What others change is found by comparing with what was seen (last-seen.ts): told by the browser where it
 * can, else looked for once a second in the directories that somebody has listed. A file that others
 * have replaced is kept beside before it is written over.
 */
import { PortholeError } from "../abi/error.ts";
import { keyOf } from "../store/paths.ts";
import type { Listing } from "../store/store.ts";
import { GatheringPens } from "./draft-writers.ts";
import { HandleFiles } from "./files.ts";
import { Sight } from "./last-seen.ts";
import { conflictName, type Directory, isOurs, named } from "./names.ts";
import { HandleStore, pathsOf, type Turns } from "./store.ts";

/** What browsers have, and the types do not know yet. */
interface Observer {
	observe(handle: Directory, options: { recursive: boolean }): Promise<void>;
	disconnect(): void;
}

interface Sighting {
	readonly type: string;
	readonly relativePathComponents: readonly string[];
	readonly relativePathMovedFrom?: readonly string[] | null;
}

type ObserverClass = new (seen: (records: readonly Sighting[]) => void) => Observer;
type Heard = (paths: readonly string[]) => void;
type Conflicted = (path: string, kept: string) => void;
type Damaged = (path: string, error: Error) => void;

/** Milliseconds between two looks at the directories, and how many of them are looked at. */
const PERIOD = 1000;
const MOST_LISTED = 256;
/** Milliseconds that what the browser tells is gathered. */
const GATHER = 50;

export class PickedStore extends HandleStore {
	readonly #root: Directory;
	readonly #files: HandleFiles;
	readonly #pens: GatheringPens;
	readonly #turns: Turns;
	readonly #sight: Sight;
	readonly #mode: "read" | "readwrite";
	/** Directories that somebody has listed, the one longest ago first. */
	readonly #listed = new Set<string>();
	readonly #conflicted: Set<Conflicted>;
	readonly #damaged: Set<Damaged>;

	constructor(root: Directory, mode: "read" | "readwrite") {
		const sight = new Sight();
		const conflicted = new Set<Conflicted>();
		const turns = inTurn(() => files.finish());
		const pens = new GatheringPens((work) => turns.run(work), {
			async replacing(key) {
				const kept = await keep(files, `/${key}`);
				for (const tell of conflicted) tell(`/${key}`, kept);
			},
			replaced: (key) => note(key),
		});
		const damaged = new Set<Damaged>();
		const files: HandleFiles = new HandleFiles(root, pens, false, (key, message) => {
			const error = new PortholeError("EIO", message);
			for (const tell of damaged) tell(`/${keyOf(key)}`, error);
		});
		const note = async (path: string) => sight.note(path, await files.look(path), true);
		super(files, pens, turns, {
			async before() {},
			async after(change) {
				// What is written is noted when it takes the file's place.
				if (change.call === "write" || change.call === "resize") return;
				for (const path of pathsOf(change)) {
					sight.forget(path);
					await note(path);
				}
			},
		});
		this.#root = root;
		this.#files = files;
		this.#pens = pens;
		this.#turns = turns;
		this.#sight = sight;
		this.#mode = mode;
		this.#conflicted = conflicted;
		this.#damaged = damaged;
	}

	override async list(path: string): Promise<Listing[]> {
		const listings = await super.list(path);
		for (const listing of listings) this.#sight.note(`${path}/${listing.name}`, listing, false);
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
			this.#turns.run(async () => {
				const now = await this.#files.look(path);
				if (now === null || now.type !== "file" || this.#sight.isOurs(path, now)) return null;
				if (now.size === size && now.modified === modified) return null;
				const kept = await keep(this.#files, path);
				await this.#pens.rebase(keyOf(path));
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

	watch(heard: Heard, conflicted?: Conflicted, damaged?: Damaged): () => void {
		if (conflicted !== undefined) this.#conflicted.add(conflicted);
		if (damaged !== undefined) this.#damaged.add(damaged);
		const stop = "FileSystemObserver" in globalThis ? this.#observe(heard) : this.#poll(heard);
		return () => {
			if (conflicted !== undefined) this.#conflicted.delete(conflicted);
			if (damaged !== undefined) this.#damaged.delete(damaged);
			stop();
		};
	}

	#observe(heard: Heard): () => void {
		// The line above has looked whether it is there.
		const Observer = Reflect.get(globalThis, "FileSystemObserver") as ObserverClass;
		const gathered = new Set<string>();
		let over = false;
		let poll: (() => void) | undefined;
		let timer: ReturnType<typeof setTimeout> | undefined;
		// A look at the directories may end after the watch does.
		const tell: Heard = (paths) => {
			if (!over) heard(paths);
		};
		// Where the browser cannot tell of this directory, or no longer. It says so late, and several times.
		const pollInstead = () => {
			if (!over) poll ??= this.#poll(heard);
		};
		const flush = () => {
			timer = undefined;
			const paths = [...gathered];
			gathered.clear();
			// Where the directory cannot be read, the next call says so.
			this.#tellStrange(paths, tell).catch(() => {});
		};
		const observer = new Observer((records) => {
			if (over) return;
			for (const record of records) {
				// Too much has happened, or it cannot see any more.
				const all = record.type === "unknown" || record.type === "errored";
				for (const names of [record.relativePathComponents, record.relativePathMovedFrom ?? []]) {
					if (all) gathered.add("");
					else if (names.length > 0 && !names.some(isHidden)) gathered.add(names.join("/"));
				}
				if (record.type === "errored") pollInstead();
			}
			timer ??= setTimeout(flush, GATHER);
		});
		observer
			.observe(this.#root, { recursive: true })
			// What has changed before it began to look.
			.then(() => this.#lookAround(tell), pollInstead);
		return () => {
			over = true;
			clearTimeout(timer);
			observer.disconnect();
			poll?.();
		};
	}

	#poll(heard: Heard): () => void {
		let [over, timer] = [false, undefined as ReturnType<typeof setTimeout> | undefined];
		const look = async () => {
			await this.#lookAround((paths) => {
				if (!over) heard(paths);
			});
			if (!over) timer = setTimeout(look, PERIOD);
		};
		timer = setTimeout(look, PERIOD);
		return () => {
			over = true;
			clearTimeout(timer);
		};
	}

	/** Looks at all directories that somebody has listed. */
	async #lookAround(heard: Heard): Promise<void> {
		for (const directory of [...this.#listed]) {
			const strange = await this.#strangeIn(directory).catch(() => []);
			if (strange.length > 0) heard(strange);
		}
	}

	/** The children of a directory that look otherwise than we know them, or are gone. */
	async #strangeIn(directory: string): Promise<string[]> {
		const now = new Map<string, Listing>();
		for (const listing of await super.list(directory)) {
			now.set(keyOf(`${directory}/${listing.name}`), listing);
		}
		const all = new Set([...now.keys(), ...this.#sight.childrenOf(directory)]);
		return [...all]
			.filter((key) => this.#isStrange(key, now.get(key) ?? null))
			.map((key) => `/${key}`);
	}

	/** Tells those of the paths that look otherwise than we know them. */
	async #tellStrange(keys: readonly string[], heard: Heard): Promise<void> {
		const strange = await this.#turns.run(async () => {
			const found: string[] = [];
			for (const key of keys) {
				// Of the root itself the browser tells when it cannot say more.
				const now = key === "" ? null : await this.#files.look(key).catch(() => null);
				if (key === "" || this.#isStrange(key, now)) found.push(`/${key}`);
			}
			return found;
		});
		if (strange.length > 0) heard(strange);
	}

	/** Whether a path looks otherwise than we know it. From now on we know it so. */
	#isStrange(key: string, now: Listing | null): boolean {
		if (this.#sight.knows(key, now)) return false;
		this.#sight.note(key, now, false);
		return true;
	}
}

/** Copies a file beside itself, and answers where. Where it cannot, nothing of the copy is left. */
async function keep(files: HandleFiles, path: string): Promise<string> {
	const slash = path.lastIndexOf("/") + 1;
	const time = new Date();
	for (let count = 1; ; count++) {
		const kept = path.slice(0, slash) + conflictName(path.slice(slash), time, count);
		if ((await files.look(kept)) !== null) continue;
		try {
			await files.copy(path, kept);
		} catch (error) {
			await files.remove(kept).catch(() => {});
			throw error;
		}
		return kept;
	}
}

/** The names of ours, and those of the browser's drafts. */
function isHidden(name: string): boolean {
	return isOurs(name) || name.endsWith(".crswap");
}

/** Makes calls one after another, `first` before them all. */
function inTurn(first: () => Promise<void>): Turns {
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

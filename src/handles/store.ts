/**
 * A store over a directory handle: the files of files.ts, one call after another.
 *
 * Who else may change them, and what is to be done about it, differs: in the private file system of
 * this origin it is tabs that run Porthole too (opfs-store.ts), on the user's disk anybody (user-folder.ts).
 */
import { PortholeError } from "../abi/error.ts";
import { type Answer, ChangingStore } from "../store/apply.ts";
import type { Identities } from "../store/identities.ts";
import type { FileId, Listing, Made, Store, StoreChange } from "../store/store.ts";
import type { HandleFiles } from "./files.ts";
import { codeOf, named } from "./names.ts";
import type { Pens } from "./writers.ts";

/** What makes calls one after another. */
export interface Turns {
	run<T>(work: () => Promise<T>): Promise<T>;
}

/** Hears what this store itself changes. */
export interface Witness {
	/** These are about to be made. */
	before(changes: readonly StoreChange[]): Promise<void>;
	/** This has been made. */
	after(change: StoreChange): Promise<void>;
}

/** Changes after which another file may be at a path. */
const OF_NAMES: ReadonlySet<StoreChange["call"]> = new Set(["make", "remove", "rename", "symlink"]);

export class HandleStore extends ChangingStore implements Store {
	readonly #files: HandleFiles;
	readonly #pens: Pens;
	readonly #turns: Turns;
	readonly #witness: Witness;
	readonly #identities: () => Identities | null;

	/** `identities` are null while the store has not told which file is which. */
	constructor(
		files: HandleFiles,
		pens: Pens,
		turns: Turns,
		witness: Witness,
		identities: () => Identities | null = () => null,
	) {
		super();
		this.#identities = identities;
		this.#files = files;
		this.#pens = pens;
		this.#turns = turns;
		this.#witness = witness;
	}

	list(path: string): Promise<Listing[]> {
		return this.#run("list", path, async () => {
			const listings = await this.#files.list(path);
			const identities = this.#identities();
			if (identities === null) return listings;
			for (const listing of listings) {
				if (listing.type === "file") listing.id = identities.assign(`${path}/${listing.name}`);
			}
			return listings;
		});
	}

	read(path: string, offset: number, length: number, id?: FileId): Promise<Uint8Array> {
		return this.#run("read", path, async () => {
			await this.#check(path, id);
			return this.#files.read(path, offset, length);
		});
	}

	apply(changes: readonly StoreChange[], durable = false): Promise<readonly Answer[]> {
		return this.#turns.run(async () => {
			await this.#witness.before(changes);
			await this.#files.ahead(changes);
			const answers: Answer[] = [];
			for (const change of changes) {
				answers.push(await this.#told(change).then((made) => made ?? null, codeOf));
			}
			const noted = await this.#files.note().then(() => null, codeOf);
			for (const [i, { call }] of changes.entries()) if (call === "utimes") answers[i] ??= noted;
			if (durable) await this.#pens.sync();
			return answers;
		});
	}

	sync(): Promise<void> {
		return this.#run("sync", "/", () => this.#pens.sync());
	}

	protected change(change: StoreChange): Promise<Made | undefined> {
		return this.#run(change.call, change.path, async () => {
			await this.#witness.before([change]);
			try {
				return await this.#told(change);
			} finally {
				// Without space, what is noted on a file that has gone stays, and is true of no other.
				const noted = this.#files.note();
				await (change.call === "utimes" ? noted : noted.catch(() => {}));
			}
		});
	}

	async #told(change: StoreChange): Promise<Made | undefined> {
		await this.#make(change).catch((error: unknown) => {
			// What the browser has not done to its end, the next lease may. A file that could not be written, for
			// want of space, is the same file as before.
			if (!(error instanceof PortholeError) && OF_NAMES.has(change.call)) {
				for (const path of pathsOf(change)) this.#identities()?.forget(path);
			}
			throw error;
		});
		const made = this.#note(change);
		await this.#witness.after(change);
		return made;
	}

	/** Which files are where after a change. */
	#note(change: StoreChange): Made | undefined {
		const { call, path } = change;
		const identities = this.#identities();
		if (identities === null) return undefined;
		if (call === "rename") identities.move(path, change.to);
		if (call === "remove" || call === "make" || call === "symlink") identities.forget(path);
		return call === "make" && change.type === "file" ? { id: identities.assign(path) } : undefined;
	}

	/** Errors: ESTALE where another file is at a path than the one that is meant, ENOENT where none is. */
	async #check(path: string, id: FileId | undefined): Promise<void> {
		const identities = this.#identities();
		if (id === undefined || identities === null || identities.has(path, id)) return;
		const found = await this.#files.look(path);
		if (found === null) throw new PortholeError("ENOENT", "nothing is there");
		throw new PortholeError("ESTALE", "another file has come to this path");
	}

	async #make(change: StoreChange): Promise<void> {
		const files = this.#files;
		const { path } = change;
		if ("id" in change) await this.#check(path, change.id);
		if (change.call === "write") await files.write(path, change.offset, change.bytes);
		else if (change.call === "resize") await files.resize(path, change.size);
		else if (change.call === "make") await files.make(path, change.type);
		else if (change.call === "remove") await files.remove(path);
		else if (change.call === "rename") await files.rename(path, change.to);
		else if (change.call === "symlink") await files.symlink(path, change.target);
		else if (change.call === "utimes") await files.utimes(path, change.accessed, change.modified);
		// No handle has hard links.
		else throw new PortholeError("EPERM", "there are no hard links here");
	}

	#run<T>(call: string, path: string, work: () => Promise<T>): Promise<T> {
		return named(call, path, () => this.#turns.run(work));
	}
}

/** The paths that a change concerns. */
export function pathsOf(change: StoreChange): string[] {
	return "to" in change ? [change.path, change.to] : [change.path];
}

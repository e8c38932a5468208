/**
 * A store over a directory handle: the files of handle.ts, one call after another.
 *
 * Who else may change them, and what is to be done about it, differs: in the private file system of
 * this origin it is tabs that run Porthole too (private.ts), on the user's disk anybody (picked.ts).
 */
import { PortholeError } from "../abi/error.ts";
import type { Listing, Store, StoreChange } from "../bridge/store.ts";
import { ChangingStore } from "./changes.ts";
import type { HandleFiles } from "./handle.ts";
import { codeOf, named } from "./names.ts";
import type { Pens } from "./pens.ts";

/** What makes calls one after another. */
export interface Turns {
	run<T>(work: () => Promise<T>): Promise<T>;
}

/** Hears what this store itself changes. */
export interface Witness {
	/** These are about to be made. */
	before(changes: readonly StoreChange[]): void;
	/** This has been made. */
	after(change: StoreChange): Promise<void>;
}

export class HandleStore extends ChangingStore implements Store {
	readonly #files: HandleFiles;
	readonly #pens: Pens;
	readonly #turns: Turns;
	readonly #witness: Witness;

	constructor(files: HandleFiles, pens: Pens, turns: Turns, witness: Witness) {
		super();
		this.#files = files;
		this.#pens = pens;
		this.#turns = turns;
		this.#witness = witness;
	}

	list(path: string): Promise<Listing[]> {
		return this.#run("list", path, () => this.#files.list(path));
	}

	read(path: string, offset: number, length: number): Promise<Uint8Array> {
		return this.#run("read", path, () => this.#files.read(path, offset, length));
	}

	apply(changes: readonly StoreChange[], durable = false): Promise<readonly (string | null)[]> {
		return this.#turns.run(async () => {
			this.#witness.before(changes);
			await this.#files.ahead(changes);
			const answers: (string | null)[] = [];
			for (const change of changes) {
				answers.push(await this.#told(change).then(() => null, codeOf));
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

	protected async change(change: StoreChange): Promise<undefined> {
		await this.#run(change.call, change.path, () => {
			this.#witness.before([change]);
			return this.#told(change).finally(() => this.#files.note());
		});
	}

	async #told(change: StoreChange): Promise<void> {
		await this.#make(change);
		await this.#witness.after(change);
	}

	async #make(change: StoreChange): Promise<void> {
		const files = this.#files;
		const { path } = change;
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

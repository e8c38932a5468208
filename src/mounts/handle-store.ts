/**
 * A store over a directory handle: the files of handle.ts, in order, and with others in mind.
 *
 * In the private file system of this origin others are tabs that run Porthole too, so there is a lease
 * (lease.ts). What they hear of each other's changes goes over the same channel.
 */
import { PortholeError } from "../abi/error.ts";
import type { Listing, Store, StoreChange } from "../bridge/store.ts";
import { CopyingPens } from "./copying.ts";
import { HandleFiles } from "./handle.ts";
import { codeOf, type Directory, named } from "./names.ts";
import type { Pens } from "./pens.ts";
import { Notebook } from "./sidecar.ts";

/** What makes calls one after another. */
interface Turns {
	run<T>(work: () => Promise<T>): Promise<T>;
}

export class HandleStore implements Store {
	readonly #files: HandleFiles;
	readonly #pens: Pens;
	readonly #turns: Turns;

	constructor(files: HandleFiles, pens: Pens, turns: Turns) {
		this.#files = files;
		this.#pens = pens;
		this.#turns = turns;
	}

	list(path: string): Promise<Listing[]> {
		return this.#run("list", path, () => this.#files.list(path));
	}

	read(path: string, offset: number, length: number): Promise<Uint8Array> {
		return this.#run("read", path, () => this.#files.read(path, offset, length));
	}

	write(path: string, offset: number, bytes: Uint8Array): Promise<void> {
		return this.#change({ call: "write", path, offset, bytes });
	}

	resize(path: string, size: number): Promise<void> {
		return this.#change({ call: "resize", path, size });
	}

	make(path: string, type: "file" | "directory"): Promise<void> {
		return this.#change({ call: "make", path, type });
	}

	remove(path: string): Promise<void> {
		return this.#change({ call: "remove", path });
	}

	rename(path: string, to: string): Promise<void> {
		return this.#change({ call: "rename", path, to });
	}

	symlink(path: string, target: string): Promise<void> {
		return this.#change({ call: "symlink", path, target });
	}

	utimes(path: string, accessed: bigint, modified: bigint): Promise<void> {
		return this.#change({ call: "utimes", path, accessed, modified });
	}

	apply(changes: readonly StoreChange[]): Promise<readonly (string | null)[]> {
		return this.#turns.run(async () => {
			const answers: (string | null)[] = [];
			for (const change of changes) {
				answers.push(await this.#make(change).then(() => null, codeOf));
			}
			return answers;
		});
	}

	sync(): Promise<void> {
		return this.#run("sync", "/", () => this.#pens.sync());
	}

	#change(change: StoreChange): Promise<void> {
		return this.#run(change.call, change.path, () => this.#make(change));
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

/** The store of a directory on the user's disk. */
export function pickedStore(root: Directory): HandleStore {
	const pens = new CopyingPens();
	const files = new HandleFiles(root, pens, new Notebook(false), false);
	let [last, begun] = [Promise.resolve() as Promise<unknown>, false];
	const begin = async () => {
		if (!begun) await files.finish();
		begun = true;
	};
	return new HandleStore(files, pens, {
		run(work) {
			const answer = last.then(begin).then(work);
			last = answer.catch(() => {});
			return answer;
		},
	});
}

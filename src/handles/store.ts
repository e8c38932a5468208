/**
 * A store over a directory handle: the files of files.ts, one call after another.
 *
 * Which other programs may change the files, and what the store does about it, differs: in the private file
 * system of this origin other tabs that run Porthole may (opfs-store.ts), on the user's disk any program
 * (user-folder.ts).
 */
import { PortholeError } from "../abi/error.ts";
import { type Answer, ChangingStore } from "../store/apply.ts";
import type { Identities } from "../store/identities.ts";
import { MadeFiles } from "../store/made-files.ts";
import type { FileId, Listing, Made, Store, StoreChange } from "../store/store.ts";
import type { HandleFiles } from "./files.ts";
import { codeOf, named } from "./names.ts";
import type { Writers } from "./writers.ts";

/** Runs calls one after another. */
export interface Mutex {
	run<T>(work: () => Promise<T>): Promise<T>;
}

/** Called for the changes that this store itself makes. */
export interface ChangeHooks {
	/** Before the changes are made. */
	before(changes: readonly StoreChange[]): Promise<void>;
	/** After a change was made. */
	after(change: StoreChange): Promise<void>;
}

/** Changes after which another file may be at a path. */
const NAME_CALLS: ReadonlySet<StoreChange["call"]> = new Set([
	"make",
	"remove",
	"rename",
	"symlink",
]);

export class HandleStore extends ChangingStore implements Store {
	readonly #files: HandleFiles;
	readonly #writers: Writers;
	readonly #mutex: Mutex;
	readonly #hooks: ChangeHooks;
	readonly #identities: () => Identities | null;

	/** `identities` answers null while the store cannot tell one file from another. */
	constructor(
		files: HandleFiles,
		writers: Writers,
		mutex: Mutex,
		hooks: ChangeHooks,
		identities: () => Identities | null = () => null,
	) {
		super();
		this.#identities = identities;
		this.#files = files;
		this.#writers = writers;
		this.#mutex = mutex;
		this.#hooks = hooks;
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
		return this.#mutex.run(async () => {
			await this.#hooks.before(changes);
			const answers: Answer[] = [];
			const files = new MadeFiles();
			for (const [i, change] of changes.entries()) {
				await this.#files.prepare(changes, i);
				const answer =
					files.refusal(change) ??
					(await this.#makeAndTrack(change).then((made) => made ?? null, codeOf));
				files.note(change, answer);
				answers.push(answer);
			}
			const noted = await this.#files.flushNotes().then(() => null, codeOf);
			for (const [i, { call }] of changes.entries()) if (call === "utimes") answers[i] ??= noted;
			if (durable) await this.#writers.sync();
			return answers;
		});
	}

	sync(): Promise<void> {
		return this.#run("sync", "/", () => this.#writers.sync());
	}

	protected change(change: StoreChange): Promise<Made | undefined> {
		return this.#run(change.call, change.path, async () => {
			await this.#hooks.before([change]);
			await this.#files.prepare([change], 0);
			try {
				return await this.#makeAndTrack(change);
			} finally {
				// If there is no space to write the notes, a note on a removed file stays; it fits no other file.
				const noted = this.#files.flushNotes();
				await (change.call === "utimes" ? noted : noted.catch(() => {}));
			}
		});
	}

	async #makeAndTrack(change: StoreChange): Promise<Made | undefined> {
		await this.#make(change).catch((error: unknown) => {
			// The next lease may finish a change of names that failed in the middle, so the identity is unknown. A
			// file that could not be written, for want of space, is the same file as before.
			if (!(error instanceof PortholeError) && NAME_CALLS.has(change.call)) {
				for (const path of pathsOf(change)) this.#identities()?.forget(path);
			}
			throw error;
		});
		const made = this.#trackIdentity(change);
		await this.#hooks.after(change);
		return made;
	}

	/** Updates which file is at which path after a change. */
	#trackIdentity(change: StoreChange): Made | undefined {
		const { call, path } = change;
		const identities = this.#identities();
		if (identities === null) return undefined;
		if (call === "rename") identities.move(path, change.to);
		if (call === "remove" || call === "make" || call === "symlink") identities.forget(path);
		return call === "make" && change.type === "file" ? { id: identities.assign(path) } : undefined;
	}

	/** Errors: ESTALE if another file is at the path than the one that the caller means, ENOENT if none is. */
	async #check(path: string, id: FileId | undefined): Promise<void> {
		const identities = this.#identities();
		if (id === undefined || identities === null || identities.has(path, id)) return;
		const found = await this.#files.stat(path);
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
		// Directory handles have no hard links.
		else throw new PortholeError("EPERM", "there are no hard links here");
	}

	#run<T>(call: string, path: string, work: () => Promise<T>): Promise<T> {
		return named(call, path, () => this.#mutex.run(work));
	}
}

/** The paths that a change concerns. */
export function pathsOf(change: StoreChange): string[] {
	return "to" in change ? [change.path, change.to] : [change.path];
}

/**
 * A store in IndexedDB: one database, one object store, opened through idb-keyval.
 *
 * Every change is one transaction, or shares one with others: it happens whole or not at all, also
 * when the page is closed in the middle or another tab has the same directory mounted. What lies
 * where is told in records.ts and log.ts, how names change in transaction.ts, how bytes do in file-data.ts.
 *
 * Transactions are *relaxed*: when they are answered the browser has handed them to the operating
 * system, so they survive the browser. `sync` makes one that is *strict*, which is on the disk when it
 * is answered, with all before it.
 *
 * The browser may close the connection, and another tab may want to delete the database: then it is
 * opened again for the next call. A record that makes no sense is EIO, by path, and no other suffers.
 */
import { createStore } from "idb-keyval";
import { PortholeError } from "../abi/error.ts";
import { type Answer, ChangingStore } from "../store/apply.ts";
import { persistence } from "../store/persist.ts";
import type { FileId, Listing, Made, Store, StoreChange } from "../store/store.ts";
import { answered } from "./file-data.ts";
import { Log, type View } from "./log.ts";
import { Damaged, decodeEntry, decodeNode, FORMAT, isNode, type Node, seedOf } from "./records.ts";
import { countSpare, dropSpare, keepSpare } from "./reserve.ts";
import { Others } from "./tabs.ts";
import { Batch } from "./transaction.ts";

export interface IndexedDBOptions {
	/** `"strict"`: a change is on the disk when it is answered, whatever happens to the machine.
	 *  `"relaxed"`, the default: it survives the browser when it is answered, and the machine when it
	 *  is synced. */
	readonly durability?: "strict" | "relaxed";
	/** Asks the browser never to delete the files of this origin by itself; true unless told
	 *  otherwise. */
	readonly persist?: boolean;
	/** As for a mount: milliseconds of silence. */
	readonly timeout?: number | undefined;
}

/** What came of a change: what was made, or why it was not. */
type Outcome = Made | PortholeError | null;

const FILES = "files";
/** Entries of a directory that are read at once. */
const PAGE = 2000;
/** Milliseconds after which the log is folded when nothing has come, and until it is folded further. */
const IDLE = 1000;
const PAUSE = 50;

export class IndexedDBStore extends ChangingStore implements Store {
	readonly #name: string;
	readonly #durability: "strict" | "relaxed";
	readonly #others: Others;
	readonly #log: Log;
	/** For folding it. */
	#timer: ReturnType<typeof setTimeout> | undefined;
	readonly #persisted: Promise<boolean>;
	readonly #underway = new Set<Promise<unknown>>();
	#connection: Promise<IDBDatabase> | undefined;
	/** That of the database, once it is known. */
	#format: number | undefined;
	/** There are changes that a crash of the machine could undo, and no sync has taken them on. */
	#unsynced = false;
	#syncing: Promise<void> | undefined;

	constructor(name: string, options: IndexedDBOptions = {}, log: Log = new Log()) {
		super();
		// Before a channel is opened, which would keep Node running.
		if (globalThis.indexedDB === undefined) {
			throw new PortholeError("not-supported", "there is no IndexedDB here");
		}
		this.#log = log;
		this.#name = `porthole-${name}`;
		this.#durability = options.durability ?? "relaxed";
		this.#persisted = persistence(options.persist ?? true);
		const quiet = () => Promise.allSettled(this.#underway);
		this.#others = new Others(this.#name, quiet, () => this.#readStamp());
	}

	list(path: string): Promise<Listing[]> {
		return this.#look("list", path, async (view) => {
			const { id } = await new Batch(view).need("list", path, "directory");
			const entries = await view.entries(id, PAGE);
			return Promise.all(Array.from(entries, ([name, value]) => listed(view, id, name, value)));
		});
	}

	read(path: string, offset: number, length: number, id?: FileId): Promise<Uint8Array> {
		return this.#look("read", path, async (view) => {
			const batch = new Batch(view);
			return batch.contents.read(await batch.need("read", path, "file", id), offset, length);
		});
	}

	async link(path: string, to: string): Promise<void> {
		await this.change({ call: "link", path, to });
	}

	/** Changes in one transaction. Where there is no space for all, those are made that fit. */
	async apply(changes: readonly StoreChange[], durable = false): Promise<readonly Answer[]> {
		try {
			const outcomes = await this.#commit(changes, durable ? "strict" : this.#durability);
			return outcomes.map((outcome) => (isError(outcome) ? outcome.code : outcome));
		} catch (error) {
			if (!isFull(error)) throw error;
			if (changes.length === 1) return ["ENOSPC"];
			const half = changes.length >> 1;
			const first = await this.apply(changes.slice(0, half), durable);
			return [...first, ...(await this.apply(changes.slice(half), durable))];
		}
	}

	sync(): Promise<void> {
		// What a sync before this one has taken on is on the disk when that is answered, not before.
		if (!this.#unsynced) return this.#syncing ?? Promise.resolve();
		const syncing = this.#sync().finally(() => {
			if (this.#syncing === syncing) this.#syncing = undefined;
		});
		this.#syncing = syncing;
		return syncing;
	}

	/** Whether the browser has promised to keep the files. */
	async persisted(): Promise<boolean> {
		// It may have promised since it was asked.
		return (await this.#persisted) || persistence(false);
	}

	watch(heard: (paths: readonly string[]) => void): () => void {
		return this.#others.watch(heard);
	}

	protected async change(change: StoreChange): Promise<Made | undefined> {
		const [outcome] = await this.#commit([change]);
		if (isError(outcome)) throw outcome;
		return outcome ?? undefined;
	}

	async #sync(): Promise<void> {
		this.#unsynced = false;
		const strict = (work: (store: IDBObjectStore) => void) =>
			this.#run("sync", "/", "readwrite", async (store) => work(store), "strict");
		try {
			await strict((store) => store.put(Date.now(), "synced")).catch((error) => {
				if (!isFull(error)) throw error;
				return strict((store) => store.delete("synced"));
			});
		} catch (error) {
			this.#unsynced = true;
			throw error;
		}
	}

	/** Makes changes, and answers for each with what came of it. */
	async #commit(
		changes: readonly StoreChange[],
		durability = this.#durability,
	): Promise<Outcome[]> {
		try {
			return await this.#commitAll(changes, durability, false);
		} catch (error) {
			if (!isFull(error)) throw error;
			await this.#makeRoom();
			return this.#commitAll(changes, durability, true);
		}
	}

	/** What the log holds may be of files that have gone since. And while it holds something, nothing can be
	 *  removed without writing. Once it holds nothing the space in reserve is anybody's. */
	async #makeRoom(): Promise<void> {
		const fold = () => this.#fold(true);
		const give = () => this.#run("sync", "/", "readwrite", async (store) => dropSpare(store));
		await fold()
			.then(give, () => give().then(fold))
			.catch(() => {});
	}

	/** `full`: nothing is put that could be done without. */
	async #commitAll(
		changes: readonly StoreChange[],
		durability: "strict" | "relaxed",
		full: boolean,
	): Promise<Outcome[]> {
		const { call, path } = changes[0] ?? { call: "apply", path: "/" };
		const log = this.#log;
		let formatted = false;
		const work = async (store: IDBObjectStore) => {
			const [spare, [{ batch, outcomes }, view]] = await Promise.all([
				countSpare(store),
				log.read(store, (view) => this.#make(view, changes)),
			]);
			if (batch.changed.size === 0) {
				if (durability === "strict") store.put(Date.now(), "synced");
				return outcomes;
			}
			// The log may have been folded in vain, or another tab has written to it since.
			const beneath = full && view.isFolded;
			// Where there is no space at all, removing must do without writing.
			const bare = beneath && changes.every(({ call }) => call === "remove");
			await batch.flush(bare);
			const version = beneath ? log.writeBeneath(store, view) : log.write(store, view);
			this.#others.tell(batch.changed, version);
			if (!full) keepSpare(store, spare, log.bytes);
			formatted = !bare;
			if (formatted && this.#format !== FORMAT) store.put(FORMAT, "format");
			return outcomes;
		};
		const outcomes = await this.#run(call, path, "readwrite", work, durability);
		this.#unsynced = durability === "relaxed";
		if (formatted && this.#format !== undefined) this.#format = FORMAT;
		this.#foldLater();
		return outcomes;
	}

	async #make(view: View, changes: readonly StoreChange[]) {
		const batch = new Batch(view);
		const outcomes: Outcome[] = [];
		await batch.look(changes);
		for (const change of changes) {
			const failed = (error: unknown) => this.#refusal(error, change);
			const made = (id: number | null) => (id === null ? null : { id });
			outcomes.push(await batch.make(change).then(made, failed));
		}
		return { batch, outcomes };
	}

	/** Puts what the log says into its places: at once where it is long, else when nothing has come
	 *  for a while. */
	#foldLater(wait = IDLE): void {
		clearTimeout(this.#timer);
		// Where it fails there is no space, or no database any more. The log stays as it is.
		const fold = () => this.#fold(false).then(() => this.#foldLater(PAUSE));
		if (this.#log.isLong) fold().catch(() => {});
		else if (!this.#log.isEmpty) this.#timer = setTimeout(() => fold().catch(() => {}), wait);
	}

	#fold(all: boolean): Promise<void> {
		return this.#run("sync", "/", "readwrite", (store) => this.#log.fold(store, all));
	}

	/** Why one change is not made; throws where the whole transaction has failed. */
	#refusal(error: unknown, { call, path }: StoreChange): PortholeError {
		if (error instanceof PortholeError || error instanceof Damaged) {
			return explained(error, call, path, this.#name);
		}
		throw error;
	}

	// --- transactions ---

	#look<T>(call: string, path: string, work: (view: View) => Promise<T>): Promise<T> {
		return this.#run(call, path, "readonly", async (store) => {
			const [answer] = await this.#log.read(store, work);
			return answer;
		});
	}

	/** Runs `work` in one transaction: all of it happens, or nothing. */
	#run<T>(
		call: string,
		path: string,
		mode: IDBTransactionMode,
		work: (store: IDBObjectStore) => Promise<T>,
		durability = this.#durability,
	): Promise<T> {
		const answer = this.#transact(mode, durability, work).catch((cause: unknown) => {
			throw explained(cause, call, path, this.#name);
		});
		this.#underway.add(answer);
		const over = () => this.#underway.delete(answer);
		answer.then(over, over);
		return answer;
	}

	async #transact<T>(
		mode: IDBTransactionMode,
		durability: "strict" | "relaxed",
		work: (store: IDBObjectStore) => Promise<T>,
	): Promise<T> {
		const tx = await this.#begin(mode, durability);
		const done = committed(tx);
		try {
			const store = tx.objectStore(FILES);
			if (this.#format === undefined) this.#format = await readFormat(store);
			// A tab of a later version may have given it another one since.
			const format = mode === "readwrite" ? readFormat(store) : null;
			const [answer] = await Promise.all([work(store), format]);
			tx.commit();
			await done;
			return answer;
		} catch (error) {
			if (mode === "readwrite") this.#log.doubt();
			done.catch(() => {});
			if (tx.error === null) abort(tx);
			throw tx.error ?? error;
		}
	}

	async #begin(
		mode: IDBTransactionMode,
		durability: "strict" | "relaxed",
	): Promise<IDBTransaction> {
		for (let again = false; ; again = true) {
			const connection = this.#connect();
			try {
				return (await connection).transaction(FILES, mode, { durability });
			} catch (error) {
				this.#disconnect(connection);
				// It was closed behind our back.
				if (again || !isDOMException(error, "InvalidStateError")) throw error;
			}
		}
	}

	#connect(): Promise<IDBDatabase> {
		if (this.#connection !== undefined) return this.#connection;
		const use = createStore(this.#name, FILES);
		const connection = use("readonly", ({ transaction: { db } }) => {
			db.addEventListener("close", () => this.#disconnect(connection));
			db.addEventListener("versionchange", () => {
				// Another tab wants to delete it, and would wait for us.
				db.close();
				this.#disconnect(connection);
				this.#others.tellOurselves();
			});
			return db;
		});
		this.#connection = connection;
		return connection;
	}

	#disconnect(connection: Promise<IDBDatabase>): void {
		if (this.#connection !== connection) return;
		this.#connection = undefined;
		this.#format = undefined;
		this.#log.doubt();
	}

	#readStamp(): Promise<number> {
		return this.#run("watch", "/", "readonly", async (store) => {
			const [, view] = await this.#log.read(store, async () => {});
			return view.version;
		});
	}
}

/** Makes sure that the database is of a format that we know. */
async function readFormat(store: IDBObjectStore): Promise<number> {
	const format: unknown = (await answered(store.get("format"))) ?? 0;
	if (format === 0 || format === 1 || format === 2 || format === FORMAT) return format;
	throw new Damaged(`it has the format ${String(format)}, of a later version`);
}

function committed(tx: IDBTransaction): Promise<void> {
	return new Promise((resolve, reject) => {
		tx.oncomplete = () => resolve();
		tx.onabort = () => reject(tx.error);
	});
}

function abort(tx: IDBTransaction): void {
	try {
		tx.abort();
	} catch {
		// It was over already.
	}
}

/** What is told of a name, whose record has this value. */
async function listed(
	view: View,
	directory: number,
	name: unknown,
	value: unknown,
): Promise<Listing> {
	if (typeof name !== "string") throw new Damaged("a name in it is no text");
	try {
		const entry = decodeEntry(value, seedOf(directory, name));
		if (isNode(entry)) return listing(name, entry);
		return listing(name, decodeNode(await view.get(["node", entry.id]), entry));
	} catch (error) {
		if (!(error instanceof Damaged)) throw error;
		// It is there, can be removed, and whoever reads its one byte is told.
		return { name, type: "file", size: 1, modified: 0 };
	}
}

function listing(name: string, node: Node): Listing {
	const { type, size, links, accessed, modified, target, id } = node;
	const times = { accessed, modified };
	const [file, whole] = [id, Number(modified) / 1e6];
	return { name, type, size, modified: whole, times, target, file, links, id };
}

function isError(outcome: Outcome | undefined): outcome is PortholeError {
	return outcome instanceof PortholeError;
}

// --- failures ---

function isDOMException(error: unknown, name: string): boolean {
	return error instanceof Error && error.name === name;
}

function isFull(error: unknown): boolean {
	return error instanceof PortholeError && error.code === "ENOSPC";
}

/** What went wrong, in the words of a file system. */
function explained(cause: unknown, call: string, path: string, database: string): PortholeError {
	if (cause instanceof PortholeError) return cause;
	if (isDOMException(cause, "SecurityError")) {
		return new PortholeError(
			"EACCES",
			`EACCES: ${call} ${path} (the browser refuses this page its storage: it is in a frame without an ` +
				"origin, or the user has blocked what sites keep)",
			{ cause },
		);
	}
	const code = isDOMException(cause, "QuotaExceededError") ? "ENOSPC" : "EIO";
	const strange = isDOMException(cause, "NotFoundError");
	const said = cause instanceof Error ? cause.message : String(cause);
	const full = "the browser grants this origin no more space; what is removed makes room";
	const why = strange ? "it is none of Porthole's" : said || full;
	return new PortholeError(code, `${code}: ${call} ${path} (database ${database}: ${why})`, {
		cause,
	});
}

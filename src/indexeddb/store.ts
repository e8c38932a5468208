/**
 * A store in IndexedDB: one database, one object store, opened through idb-keyval.
 *
 * Each list of changes is one transaction, so it happens whole or not at all, also when the page is closed in
 * the middle or another tab has mounted the same directory. records.ts and log.ts say what is stored where,
 * transaction.ts how names change, file-data.ts how bytes do.
 *
 * What is promised at each step:
 *
 * - An answered change survives the end of the page and of the browser: Chromium answers a *relaxed*
 *   transaction when the bytes are with the operating system. A crash of the machine may undo it.
 * - An answered `sync` survives the machine: it makes one *strict* transaction, which flushes the database
 *   with all transactions before it. With `durability: "strict"` each change is such a transaction.
 * - A change that was not answered has happened whole or not at all.
 *
 * What can fail, and what the store does then:
 *
 * - QuotaExceededError: the browser grants no more space. The store makes a checkpoint, gives up the space in
 *   reserve (reserve.ts) and tries once more; then it splits the list in two, so that the changes that fit
 *   are made; a single change that does not fit is ENOSPC.
 * - InvalidStateError when a transaction begins: the browser has closed the connection (site data cleared,
 *   another tab deletes the database). The store opens the database again, once.
 * - A record that does not match its checksum: EIO for the path that it belongs to, and for no other.
 * - A format of a later version, or an object store that is missing: EIO for every call; nothing is written.
 */
import { createStore } from "idb-keyval";
import { PortholeError } from "../abi/error.ts";
import { type Answer, ChangingStore } from "../store/apply.ts";
import { MadeFiles } from "../store/made-files.ts";
import { failure } from "../store/paths.ts";
import { persistence } from "../store/persist.ts";
import type { FileId, Listing, Made, Store, StoreChange } from "../store/store.ts";
import { answered } from "./file-data.ts";
import { Log, type View } from "./log.ts";
import { Damaged, decodeEntry, decodeNode, FORMAT, isNode, type Node, seedOf } from "./records.ts";
import { countReserve, dropReserve, fillReserve } from "./reserve.ts";
import { OtherTabs } from "./tabs.ts";
import { Transaction } from "./transaction.ts";

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

/** The outcome of a change: what it made, or its error. */
type Outcome = Made | PortholeError | null;

const FILES = "files";
/** Entries of a directory that are read at once. */
const PAGE = 2000;
/** Milliseconds from the last change to a checkpoint, and between two steps of one. */
const IDLE = 1000;
const PAUSE = 50;

export class IndexedDBStore extends ChangingStore implements Store {
	readonly #name: string;
	readonly #durability: "strict" | "relaxed";
	readonly #tabs: OtherTabs;
	readonly #log: Log;
	/** Of the next checkpoint. */
	#timer: ReturnType<typeof setTimeout> | undefined;
	readonly #persisted: Promise<boolean>;
	readonly #running = new Set<Promise<unknown>>();
	#connection: Promise<IDBDatabase> | undefined;
	/** The format of the database, once it is known. */
	#format: number | undefined;
	/** Whether there are changes that a crash of the machine could undo and that no running sync covers. */
	#unsynced = false;
	#syncing: Promise<void> | undefined;

	constructor(name: string, options: IndexedDBOptions = {}, log: Log = new Log()) {
		super();
		// Checked before a channel is opened, which would keep Node running.
		if (globalThis.indexedDB === undefined) {
			throw new PortholeError("not-supported", "there is no IndexedDB here");
		}
		this.#log = log;
		this.#name = `porthole-${name}`;
		this.#durability = options.durability ?? "relaxed";
		this.#persisted = persistence(options.persist ?? true);
		const idle = () => Promise.allSettled(this.#running);
		this.#tabs = new OtherTabs(this.#name, idle, () => this.#readStamp());
	}

	list(path: string): Promise<Listing[]> {
		return this.#inReadTransaction("list", path, async (view) => {
			const { id } = await new Transaction(view).nodeAt("list", path, "directory");
			const entries = await view.entries(id, PAGE);
			return Promise.all(Array.from(entries, ([name, value]) => listed(view, id, name, value)));
		});
	}

	read(path: string, offset: number, length: number, id?: FileId): Promise<Uint8Array> {
		return this.#inReadTransaction("read", path, async (view) => {
			const transaction = new Transaction(view);
			return transaction.fileData.read(
				await transaction.nodeAt("read", path, "file", id),
				offset,
				length,
			);
		});
	}

	async link(path: string, to: string): Promise<void> {
		await this.change({ call: "link", path, to });
	}

	/** Makes all changes in one transaction. If there is no space for all, the changes that fit are made. */
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
		// The changes that a running sync covers are on the disk when that sync is answered, not before.
		if (!this.#unsynced) return this.#syncing ?? Promise.resolve();
		const syncing = this.#sync().finally(() => {
			if (this.#syncing === syncing) this.#syncing = undefined;
		});
		this.#syncing = syncing;
		return syncing;
	}

	/** Whether the browser has promised to keep the files. */
	async persisted(): Promise<boolean> {
		// The browser may have promised it since.
		return (await this.#persisted) || persistence(false);
	}

	watch(onChanged: (paths: readonly string[]) => void): () => void {
		return this.#tabs.watch(onChanged);
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

	/** Makes changes, and answers with the outcome of each. */
	async #commit(
		changes: readonly StoreChange[],
		durability = this.#durability,
	): Promise<Outcome[]> {
		try {
			return await this.#commitAll(changes, durability, false);
		} catch (error) {
			if (!isFull(error)) throw error;
			await this.#freeSpace();
			return this.#commitAll(changes, durability, true);
		}
	}

	/** Makes space: a checkpoint drops what the log holds of files that are gone, and while the log holds
	 *  anything, no file can be removed without a put. Once the log is empty, the reserve can be used up. */
	async #freeSpace(): Promise<void> {
		const checkpoint = () => this.#checkpoint(true);
		const give = () => this.#run("sync", "/", "readwrite", async (store) => dropReserve(store));
		await checkpoint()
			.then(give, () => give().then(checkpoint))
			.catch(() => {});
	}

	/** `full`: the disk is full, so nothing is put that the change can do without. */
	async #commitAll(
		changes: readonly StoreChange[],
		durability: "strict" | "relaxed",
		full: boolean,
	): Promise<Outcome[]> {
		const { call, path } = changes[0] ?? { call: "apply", path: "/" };
		const log = this.#log;
		let formatted = false;
		const work = async (store: IDBObjectStore) => {
			const [reserve, [{ transaction, outcomes }, view]] = await Promise.all([
				countReserve(store),
				log.read(store, (view) => this.#make(view, changes)),
			]);
			if (transaction.changed.size === 0) {
				if (durability === "strict") store.put(Date.now(), "synced");
				return outcomes;
			}
			// The checkpoint may have failed, or another tab has appended to the log since.
			const writesThrough = full && view.isLogEmpty;
			// Without any space, a removal must do without a put.
			const withoutTimes = writesThrough && changes.every(({ call }) => call === "remove");
			await transaction.flush(withoutTimes);
			const version = writesThrough ? log.writeThrough(store, view) : log.append(store, view);
			this.#tabs.announce(transaction.changed, version);
			if (!full) fillReserve(store, reserve, log.bytes);
			formatted = !withoutTimes;
			if (formatted && this.#format !== FORMAT) store.put(FORMAT, "format");
			return outcomes;
		};
		const outcomes = await this.#run(call, path, "readwrite", work, durability);
		this.#unsynced = durability === "relaxed";
		if (formatted && this.#format !== undefined) this.#format = FORMAT;
		this.#scheduleCheckpoint();
		return outcomes;
	}

	async #make(view: View, changes: readonly StoreChange[]) {
		const transaction = new Transaction(view);
		const outcomes: Outcome[] = [];
		await transaction.prefetch(changes);
		const files = new MadeFiles();
		for (const change of changes) {
			const { call, path } = change;
			const failed = (error: unknown) => this.#refusal(error, change);
			const made = (id: number | null) => (id === null ? null : { id });
			const refusal = files.refusal(change);
			const outcome = refusal
				? failure(refusal, call, path)
				: await transaction.make(change).then(made, failed);
			files.note(change, isError(outcome) ? outcome.code : outcome);
			outcomes.push(outcome);
		}
		return { transaction, outcomes };
	}

	/** Makes a checkpoint: at once if the log is long, else when no change has come for a while. */
	#scheduleCheckpoint(wait = IDLE): void {
		clearTimeout(this.#timer);
		// If it fails, there is no space or no database any more. The log stays as it is.
		const checkpoint = () => this.#checkpoint(false).then(() => this.#scheduleCheckpoint(PAUSE));
		if (this.#log.isLong) checkpoint().catch(() => {});
		else if (!this.#log.isEmpty) this.#timer = setTimeout(() => checkpoint().catch(() => {}), wait);
	}

	#checkpoint(all: boolean): Promise<void> {
		return this.#run("sync", "/", "readwrite", (store) => this.#log.checkpoint(store, all));
	}

	/** The error of one change; throws if the whole transaction has failed. */
	#refusal(error: unknown, { call, path }: StoreChange): PortholeError {
		if (error instanceof PortholeError || error instanceof Damaged) {
			return asStoreError(error, call, path, this.#name);
		}
		throw error;
	}

	// --- transactions ---

	#inReadTransaction<T>(call: string, path: string, work: (view: View) => Promise<T>): Promise<T> {
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
			throw asStoreError(cause, call, path, this.#name);
		});
		this.#running.add(answer);
		const over = () => this.#running.delete(answer);
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
			// A tab of a later version may have changed the format since.
			const format = mode === "readwrite" ? readFormat(store) : null;
			const [answer] = await Promise.all([work(store), format]);
			tx.commit();
			// A transaction that only reads has nothing that a failure could undo.
			if (mode === "readwrite") await done;
			else done.catch(() => {});
			return answer;
		} catch (error) {
			if (mode === "readwrite") this.#log.invalidate();
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
				// The browser has closed the connection.
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
				// Another tab wants to delete the database, and waits for this connection to close.
				db.close();
				this.#disconnect(connection);
				this.#tabs.emitAll();
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
		this.#log.invalidate();
	}

	#readStamp(): Promise<number> {
		return this.#run("watch", "/", "readonly", async (store) => {
			const [, view] = await this.#log.read(store, async () => {});
			return view.version;
		});
	}
}

/** Reads the format. Errors: Damaged for one that this version does not know. */
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
		// The transaction was over already.
	}
}

/** The listing of a name whose record has this value. */
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
		// The name can be listed and removed; a program that reads its one byte gets EIO.
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

/** An error of the browser as an error of a file system. */
function asStoreError(cause: unknown, call: string, path: string, database: string): PortholeError {
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
	const isForeign = isDOMException(cause, "NotFoundError");
	const said = cause instanceof Error ? cause.message : String(cause);
	const full = "the browser grants this origin no more space; remove files to make space";
	const why = isForeign ? "the database was not created by Porthole" : said || full;
	return new PortholeError(code, `${code}: ${call} ${path} (database ${database}: ${why})`, {
		cause,
	});
}

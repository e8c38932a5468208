/**
 * A store in IndexedDB: one database, one object store, reached through idb-keyval.
 *
 *     ["entry", directory, name] → { id, type }       a name leads to a number …
 *     ["node", id]               → { size, links, accessed, modified, target }
 *     ["block", id, index]       → Uint8Array         … and the number to the bytes
 *
 * Because names lead to numbers, a renamed directory is one entry that moves, however much lies in
 * it, and a hard link is a second entry. Every change is one transaction: it happens whole or not at
 * all, also when the page is closed in the middle or another tab has the same directory mounted.
 *
 * Blocks that are all hole are not stored. A block stays below 64 KiB, for Chromium puts larger
 * values into files of their own, which is slow.
 *
 * What is read is not trusted: a record of the wrong shape, left by something else or by a damaged
 * disk, is EIO and names the database.
 *
 * Inside a transaction nothing may be awaited but requests to it, or it is over. That is why all of
 * it is one file: whoever adds a call must see what it may wait for.
 */
import { createStore, promisifyRequest, type UseStore } from "idb-keyval";
import { PortholeError } from "../abi/error.ts";
import type { Listing, Store, Times } from "../bridge/store.ts";

export interface IndexedDBOptions {
	/** `"strict"`: a change is on the disk when it is answered, whatever happens to the machine.
	 *  `"relaxed"`, the default: the operating system has it, so it survives the browser. */
	readonly durability?: "strict" | "relaxed";
}

type Type = Listing["type"];

interface Entry {
	readonly id: number;
	readonly type: Type;
}

interface Meta extends Times {
	readonly size: number;
	readonly links: number;
	/** Of a symlink. */
	readonly target: string;
}

/** Where a path leads: its directory, its last name, and what is there. */
interface Place {
	readonly directory: number;
	readonly name: string;
	readonly entry: Entry | undefined;
}

const BLOCK = 32768;
const FORMAT = 1;
const ROOT: Entry = { id: 0, type: "directory" };

export class IndexedDBStore implements Store {
	readonly #name: string;
	readonly #durability: "strict" | "relaxed";
	readonly #use: UseStore;
	#checked = false;

	constructor(name: string, options: IndexedDBOptions = {}) {
		this.#name = `porthole-${name}`;
		this.#durability = options.durability ?? "relaxed";
		this.#use = createStore(this.#name, "files");
	}

	list(path: string): Promise<Listing[]> {
		return this.#run("list", path, "readonly", async (tx) => {
			const { id } = await tx.need(path, "directory");
			const entries = await tx.entries(id);
			const metas = await Promise.all(entries.map(([, entry]) => tx.meta(entry)));
			return entries.map(([name, entry], i) => listing(name, entry, metas[i] as Meta));
		});
	}

	read(path: string, offset: number, length: number): Promise<Uint8Array> {
		return this.#run("read", path, "readonly", async (tx) => {
			const file = await tx.need(path, "file");
			const { size } = await tx.meta(file);
			const bytes = new Uint8Array(Math.max(0, Math.min(length, size - offset)));
			if (bytes.length === 0) return bytes;
			const first = Math.floor(offset / BLOCK);
			const last = Math.floor((offset + bytes.length - 1) / BLOCK);
			for (const [index, block] of await tx.blocks(file.id, first, last)) {
				copy(block, index * BLOCK, bytes, offset);
			}
			return bytes;
		});
	}

	write(path: string, offset: number, bytes: Uint8Array): Promise<void> {
		return this.#run("write", path, "readwrite", async (tx) => {
			const file = await tx.need(path, "file");
			const meta = await tx.meta(file);
			const end = offset + bytes.length;
			if (!Number.isSafeInteger(end)) throw failure("EFBIG", "write", path);
			const first = Math.floor(offset / BLOCK);
			const last = Math.ceil(end / BLOCK) - 1;
			const old = new Map(await tx.edges(file.id, offset, end));
			for (let index = first; index <= last; index++) {
				const block = new Uint8Array(Math.min(BLOCK, Math.max(end, meta.size) - index * BLOCK));
				copy(old.get(index) ?? new Uint8Array(0), 0, block, 0);
				copy(bytes, offset, block, index * BLOCK);
				tx.putBlock(file.id, index, block);
			}
			tx.putMeta(file.id, { ...meta, size: Math.max(meta.size, end), modified: now() });
		});
	}

	resize(path: string, size: number): Promise<void> {
		return this.#run("resize", path, "readwrite", async (tx) => {
			const file = await tx.need(path, "file");
			const meta = await tx.meta(file);
			if (size < meta.size) {
				const index = Math.floor(size / BLOCK);
				const [edge] = size % BLOCK === 0 ? [] : await tx.blocks(file.id, index, index);
				tx.deleteBlocks(file.id, Math.ceil(size / BLOCK));
				if (edge !== undefined) tx.putBlock(file.id, index, edge[1].slice(0, size % BLOCK));
			}
			tx.putMeta(file.id, { ...meta, size, modified: now() });
		});
	}

	make(path: string, type: "file" | "directory"): Promise<void> {
		return this.#run("make", path, "readwrite", (tx) => this.#make(tx, path, type, ""));
	}

	symlink(path: string, target: string): Promise<void> {
		return this.#run("symlink", path, "readwrite", (tx) => this.#make(tx, path, "symlink", target));
	}

	link(path: string, newPath: string): Promise<void> {
		return this.#run("link", path, "readwrite", async (tx) => {
			const file = await tx.need(path);
			if (file.type === "directory") throw failure("EPERM", "link", path);
			const place = await tx.free(newPath);
			const meta = await tx.meta(file);
			tx.putMeta(file.id, { ...meta, links: meta.links + 1 });
			tx.putEntry(place, file);
			await tx.touch(place.directory);
		});
	}

	utimes(path: string, accessed: bigint, modified: bigint): Promise<void> {
		return this.#run("utimes", path, "readwrite", async (tx) => {
			const entry = await tx.need(path);
			tx.putMeta(entry.id, { ...(await tx.meta(entry)), accessed, modified });
		});
	}

	remove(path: string): Promise<void> {
		return this.#run("remove", path, "readwrite", async (tx) => {
			const place = await tx.find(path);
			if (place.entry === undefined) throw failure("ENOENT", "remove", path);
			await tx.drop(place.entry, path);
			tx.deleteEntry(place);
			await tx.touch(place.directory);
		});
	}

	rename(from: string, to: string): Promise<void> {
		return this.#run("rename", from, "readwrite", async (tx) => {
			const source = await tx.find(from);
			const { entry } = source;
			if (entry === undefined) throw failure("ENOENT", "rename", from);
			const target = await tx.find(to);
			const old = target.entry;
			if (old?.id === entry.id) return;
			if (isWithin(to, from)) throw failure("EINVAL", "rename", to);
			if (old !== undefined) {
				const [was, is] = [old.type === "directory", entry.type === "directory"];
				if (was !== is) throw failure(was ? "EISDIR" : "ENOTDIR", "rename", to);
				await tx.drop(old, to);
			}
			tx.deleteEntry(source);
			tx.putEntry(target, entry);
			await tx.touch(source.directory);
			await tx.touch(target.directory);
		});
	}

	async #make(tx: Transaction, path: string, type: Type, target: string): Promise<void> {
		const place = await tx.free(path);
		const id = await tx.newId();
		const time = now();
		tx.putEntry(place, { id, type });
		tx.putMeta(id, { size: 0, links: 1, accessed: time, modified: time, target });
		await tx.touch(place.directory);
	}

	/** Runs `work` in one transaction: all of it happens, or nothing. */
	async #run<T>(
		call: string,
		path: string,
		mode: IDBTransactionMode,
		work: (tx: Transaction) => Promise<T>,
	): Promise<T> {
		try {
			if (!this.#checked) await this.#check();
			return await this.#transact(mode, (store) => work(new Transaction(store, call)));
		} catch (cause) {
			throw explained(cause, call, path, this.#name);
		}
	}

	/** Makes sure that the database is ours and of a format that we know. */
	async #check(): Promise<void> {
		await this.#transact("readwrite", async (store) => {
			const format: unknown = await promisifyRequest(store.get("format"));
			if (format === undefined) store.put(FORMAT, "format");
			else if (format !== FORMAT) throw new Damaged(`it has the format ${String(format)}`);
		});
		this.#checked = true;
	}

	#transact<T>(mode: IDBTransactionMode, work: (store: IDBObjectStore) => Promise<T>): Promise<T> {
		return this.#use("readonly", async ({ name, transaction: { db } }) => {
			// idb-keyval cannot be told how durable a transaction is to be.
			const tx = db.transaction(name, mode, { durability: this.#durability });
			const done = promisifyRequest(tx);
			try {
				const answer = await work(tx.objectStore(name));
				await done;
				return answer;
			} catch (error) {
				done.catch(() => {});
				if (tx.error === null) abort(tx);
				throw tx.error ?? error;
			}
		});
	}
}

function abort(tx: IDBTransaction): void {
	try {
		tx.abort();
	} catch {
		// It was over already.
	}
}

/** The records, as one transaction sees them. */
class Transaction {
	readonly #store: IDBObjectStore;
	readonly #call: string;

	constructor(store: IDBObjectStore, call: string) {
		this.#store = store;
		this.#call = call;
	}

	/** Errors: ENOENT and ENOTDIR on the way; EBUSY for the root, which has no name. */
	async find(path: string): Promise<Place> {
		const names = split(path);
		const name = names.pop();
		if (name === undefined) throw failure("EBUSY", this.#call, path);
		let at = ROOT;
		for (const step of names) {
			if (at.type !== "directory") throw failure("ENOTDIR", this.#call, path);
			const next = await this.#entry(at.id, step);
			if (next === undefined) throw failure("ENOENT", this.#call, path);
			at = next;
		}
		if (at.type !== "directory") throw failure("ENOTDIR", this.#call, path);
		return { directory: at.id, name, entry: await this.#entry(at.id, name) };
	}

	/** What is at `path`, and of this type. */
	async need(path: string, type?: "file" | "directory"): Promise<Entry> {
		const entry = split(path).length === 0 ? ROOT : (await this.find(path)).entry;
		if (entry === undefined) throw failure("ENOENT", this.#call, path);
		if (type !== undefined && entry.type !== type) {
			throw failure(type === "file" ? "EISDIR" : "ENOTDIR", this.#call, path);
		}
		return entry;
	}

	/** A place where nothing is. */
	async free(path: string): Promise<Place> {
		const place = await this.find(path);
		if (place.entry !== undefined) throw failure("EEXIST", this.#call, path);
		return place;
	}

	async entries(directory: number): Promise<[string, Entry][]> {
		const range = under("entry", directory);
		const [keys, values] = await Promise.all([
			promisifyRequest(this.#store.getAllKeys(range)),
			promisifyRequest<unknown[]>(this.#store.getAll(range)),
		]);
		return keys.map((key, i) => [nameOf(key), checkEntry(values[i])]);
	}

	async meta({ id, type }: Entry): Promise<Meta> {
		const value: unknown = await promisifyRequest(this.#store.get(["node", id]));
		if (id === 0 && value === undefined) return { size: 0, links: 1, ...BIRTH, target: "" };
		return checkMeta(value, type);
	}

	putMeta(id: number, meta: Meta): void {
		this.#store.put(meta, ["node", id]);
	}

	putEntry({ directory, name }: Place, entry: Entry): void {
		this.#store.put(entry, ["entry", directory, name]);
	}

	deleteEntry({ directory, name }: Place): void {
		this.#store.delete(["entry", directory, name]);
	}

	/** The contents of a directory have changed. */
	async touch(directory: number): Promise<void> {
		const meta = await this.meta({ id: directory, type: "directory" });
		this.putMeta(directory, { ...meta, modified: now() });
	}

	/** One name of a node goes, and with the last one the node. Errors: ENOTEMPTY. */
	async drop(entry: Entry, path: string): Promise<void> {
		const { id, type } = entry;
		if (type === "directory") {
			const child = await promisifyRequest(this.#store.getKey(under("entry", id)));
			if (child !== undefined) throw failure("ENOTEMPTY", this.#call, path);
		}
		const meta = await this.meta(entry);
		if (meta.links > 1) {
			this.putMeta(id, { ...meta, links: meta.links - 1 });
			return;
		}
		this.#store.delete(["node", id]);
		if (type === "file") this.deleteBlocks(id, 0);
	}

	async newId(): Promise<number> {
		const last: unknown = (await promisifyRequest(this.#store.get("last"))) ?? 0;
		if (!isCount(last)) throw new Damaged("the counter of its files is no number");
		this.#store.put(last + 1, "last");
		return last + 1;
	}

	/** The blocks that are stored, from one index to another. */
	async blocks(id: number, first: number, last: number): Promise<[number, Uint8Array][]> {
		const range = IDBKeyRange.bound(["block", id, first], ["block", id, last]);
		const [keys, values] = await Promise.all([
			promisifyRequest(this.#store.getAllKeys(range)),
			promisifyRequest<unknown[]>(this.#store.getAll(range)),
		]);
		return keys.map((key, i) => [indexOf(key), checkBlock(values[i])]);
	}

	/** The stored blocks that a write from `offset` to `end` covers in part. */
	async edges(id: number, offset: number, end: number): Promise<[number, Uint8Array][]> {
		const first = Math.floor(offset / BLOCK);
		const last = Math.ceil(end / BLOCK) - 1;
		const head = await this.blocks(id, first, first);
		return last > first ? [...head, ...(await this.blocks(id, last, last))] : head;
	}

	putBlock(id: number, index: number, block: Uint8Array): void {
		this.#store.put(block, ["block", id, index]);
	}

	/** Deletes the blocks from an index on. */
	deleteBlocks(id: number, first: number): void {
		this.#store.delete(IDBKeyRange.bound(["block", id, first], ["block", id, []]));
	}

	async #entry(directory: number, name: string): Promise<Entry | undefined> {
		const value: unknown = await promisifyRequest(this.#store.get(["entry", directory, name]));
		return value === undefined ? undefined : checkEntry(value);
	}
}

const BIRTH: Times = { accessed: 1_000_000_000n, modified: 1_000_000_000n };

/** All keys that begin so: an array sorts after every string and number. */
function under(kind: string, id: number): IDBKeyRange {
	return IDBKeyRange.bound([kind, id], [kind, id, []]);
}

/** Copies what of `from`, which lies at `start`, falls into `to`, which lies at `at`. */
function copy(from: Uint8Array, start: number, to: Uint8Array, at: number): void {
	const first = Math.max(start, at);
	const last = Math.min(start + from.length, at + to.length);
	if (last > first) to.set(from.subarray(first - start, last - start), first - at);
}

function listing(name: string, { id, type }: Entry, meta: Meta): Listing {
	const { size, links, accessed, modified, target } = meta;
	const times = { accessed, modified };
	return { name, type, size, modified: Number(modified) / 1e6, times, target, file: id, links };
}

function isWithin(path: string, directory: string): boolean {
	return `${split(path).join("/")}/`.startsWith(`${split(directory).join("/")}/`);
}

function split(path: string): string[] {
	return path.split("/").filter((part) => part !== "");
}

function now(): bigint {
	return BigInt(Date.now()) * 1_000_000n;
}

// --- what was read, and is not trusted ---

class Damaged extends Error {}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
	return typeof value === "object" && value !== null;
}

function isCount(value: unknown): value is number {
	return Number.isSafeInteger(value) && (value as number) >= 0;
}

function nameOf(key: IDBValidKey): string {
	const name: unknown = Array.isArray(key) ? key[2] : undefined;
	if (typeof name !== "string") throw new Damaged("a name in it is no text");
	return name;
}

function indexOf(key: IDBValidKey): number {
	const index: unknown = Array.isArray(key) ? key[2] : undefined;
	if (!isCount(index)) throw new Damaged("a block in it has no number");
	return index;
}

function checkEntry(value: unknown): Entry {
	if (!isRecord(value) || !isCount(value.id)) throw new Damaged("a name in it leads nowhere");
	const { id, type } = value;
	if (type !== "file" && type !== "directory" && type !== "symlink") {
		throw new Damaged("it has a node of no type");
	}
	return { id, type };
}

function checkMeta(value: unknown, type: Type): Meta {
	if (!isRecord(value)) throw new Damaged(`a ${type} in it is missing`);
	const { size, links, accessed, modified, target } = value;
	const fine =
		isCount(size) &&
		isCount(links) &&
		typeof accessed === "bigint" &&
		typeof modified === "bigint" &&
		typeof target === "string";
	if (!fine) throw new Damaged(`a ${type} in it is damaged`);
	return { size, links, accessed, modified, target };
}

function checkBlock(value: unknown): Uint8Array {
	if (!(value instanceof Uint8Array) || value.length > BLOCK) {
		throw new Damaged("a block in it is damaged");
	}
	return value;
}

// --- failures ---

function failure(code: string, call: string, path: string): PortholeError {
	return new PortholeError(code, `${code}: ${call} ${path}`);
}

/** What went wrong, in the words of a file system. */
function explained(cause: unknown, call: string, path: string, database: string): PortholeError {
	if (cause instanceof PortholeError) return cause;
	const full = cause instanceof DOMException && cause.name === "QuotaExceededError";
	const code = full ? "ENOSPC" : "EIO";
	const why = cause instanceof Error ? cause.message : String(cause);
	return new PortholeError(code, `${code}: ${call} ${path} (database ${database}: ${why})`, {
		cause,
	});
}

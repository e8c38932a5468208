/**
 * The write-ahead log of a database: the last changes, one record for each transaction.
 *
 *     ["log", 41]   the changes of a transaction …
 *     ["log", 42]   … and of the next; the number of a record is the version of the database after it
 *
 * A transaction costs more by the record than by the byte, and a program that syncs waits for it. So a
 * transaction appends one record, and a *checkpoint* puts the changes into the records where they belong
 * (the *stored* records) later: when no call has come for a while, or when the log is long. By then most of
 * them have been changed again: the journal of a database comes and goes without a stored record of its own.
 * Only a file that gets many bytes is *written through*: its bytes go to their stored records at once, in the
 * same transaction.
 *
 * What a tab knows of the log is its LogState: the changes in the log as a memtable over the stored records,
 * and a cache of stored records. A LogState is true of one version.
 *
 * What is promised, and how:
 *
 * - *A transaction happens whole or not at all.* The record is put in the transaction of the changes that are
 *   written through; IndexedDB commits both or neither.
 * - *A tab never answers from an old version.* Each transaction asks for the numbers from its own version on
 *   while it works. If another tab has appended since, the tab reads the new records and does the work again;
 *   if its own version is gone from the log, it loads the whole log.
 * - *A checkpoint never undoes a newer change.* Another tab may have made a checkpoint of what this memtable
 *   holds. Reads cannot be wrong then, for memtable and stored records agree. A second checkpoint of an old
 *   change could overwrite a newer one, so a checkpoint first asks whether each of its records is still there,
 *   and loads the log anew if one is not.
 * - *A failed transaction leaves no trace.* Changes are applied to the LogState before they are committed. When
 *   a transaction fails, the LogState is invalidated, and a transaction that began with it starts again. Its
 *   number may then be used twice, with other changes: inside a tab a state is told apart by object, not by
 *   number. Between tabs a number grows by a random step, so that no two commits have the same.
 *
 * What can fail: a record of the log that does not decode (the disk damaged it) makes the database read-only,
 * because the changes after it would be lost by a checkpoint; reads go on with what was whole. On a full disk
 * the browser refuses every transaction that puts anything; see reserve.ts for how space is made.
 *
 * The last record stays after a checkpoint, without its changes, for its number.
 */
import { answered } from "./file-data.ts";
import { decodeLog, encodeLog } from "./log-record.ts";
import { type Key, Memtable, type Op } from "./memtable.ts";
import { Damaged, NOTHING, partOf, under } from "./records.ts";
import { isCount } from "./records-v1.ts";

/** The log is long when it has so many records or bytes. */
const MOST_RECORDS = 256;
const MOST_BYTES = 4 << 20;
/** A file that gets so many bytes in one transaction is written through. */
const WRITE_THROUGH = 65536;
/** Stored records that are cached, and log records that are read at once. */
const MOST_CACHED = 4096;
const MOST_READ = 64;
/** The version of a database without a log. Nothing is cached for it. */
const NONE = 0;
/** How far apart two numbers are at most, and the highest of the first. */
const STEP = 2 ** 20;
const FIRST = 2 ** 50;

/** How much came with a record. */
interface Size {
	readonly version: number;
	readonly ops: number;
	readonly bytes: number;
}

/** Some bytes of a file: where, and what is stored there. */
type Part = readonly [segment: number, part: number, value: unknown];

/** What this tab knows of a database. */
class LogState {
	/** The version that everything here is true of. */
	version = NONE;
	readonly memtable = new Memtable();
	/** Log records that still hold changes, by their numbers. */
	sizes: Size[] = [];
	/** Why nothing may be changed. */
	damage: Damaged | null = null;
	/** Nodes with higher numbers have no stored records, unless their bytes were written through. */
	lastStored: number;
	readonly writtenThrough = new Set<number>();
	/** The cache of stored records; undefined where there is none. */
	readonly #read = new Map<string, unknown>();

	/** `last` is the highest number of a stored node. */
	constructor(last: unknown) {
		// A counter that is no number is reported to the call that needs a new one.
		this.lastStored = isCount(last) ? last : Number.POSITIVE_INFINITY;
	}

	/** Whether there may be stored records of a directory's entries, or of a file's bytes. */
	mayHaveStored(id: number): boolean {
		return id <= this.lastStored || this.writtenThrough.has(id);
	}

	/** A stored record. */
	async stored(store: IDBObjectStore, key: Key | readonly ["last"]): Promise<unknown> {
		const name = `${key}`;
		if (this.#read.has(name)) return this.#read.get(name);
		const { version } = this;
		const place = key[0] === "last" ? "last" : storedKey(key);
		const value: unknown = await answered(store.get(place));
		if (key[0] === "data" || version === NONE || version !== this.version) return value;
		if (this.#read.size >= MOST_CACHED) this.#read.clear();
		this.#read.set(name, value);
		return value;
	}

	/** Applies the records of the log that come after `version`. */
	replay(records: readonly LogRecord[]): void {
		this.#read.clear();
		for (const [version, value] of records) {
			// Another read transaction may have replayed them at the same time.
			if (version <= this.version) continue;
			const bytes = value instanceof Uint8Array ? value : NOTHING;
			const { ops, whole } = decodeLog(bytes, version);
			if (!whole || bytes !== value) this.damage ??= new Damaged("its log is damaged");
			this.apply(ops, version, bytes.length);
		}
		if (this.version === NONE) this.lastStored = Number.POSITIVE_INFINITY;
	}

	apply(ops: readonly Op[], version: number, bytes: number): void {
		for (const op of ops) {
			this.memtable.apply(op, version);
			if (op.kind === "stored") this.writtenThrough.add(op.id);
		}
		if (bytes > 0) this.sizes.push({ version, ops: ops.length, bytes });
		this.version = version;
	}

	/** Drops what came with the records up to `limit`: a checkpoint has stored it. */
	dropUpTo(limit: number): void {
		this.memtable.dropUpTo(limit);
		this.sizes = this.sizes.filter(({ version }) => version > limit);
		this.lastStored = this.memtable.last ?? this.lastStored;
		this.writtenThrough.clear();
		this.#read.clear();
	}
}

type LogRecord = readonly [version: number, value: unknown];

export class Log {
	/** Null before the first transaction, and after one has failed. */
	#state: LogState | null = null;
	readonly #checkpointOps: number;

	/** `checkpointOps`: so many changes are stored in one transaction of a checkpoint, for others wait for it. */
	constructor(checkpointOps = 500) {
		this.#checkpointOps = checkpointOps;
	}

	/** Whether the log holds nothing for a checkpoint, as far as this tab knows. */
	get isEmpty(): boolean {
		return this.#state?.sizes.length === 0;
	}

	get isLong(): boolean {
		const count = this.#state?.sizes.length ?? 0;
		return count > MOST_RECORDS || this.bytes > MOST_BYTES;
	}

	/** Bytes that a checkpoint has to store, as far as this tab knows. */
	get bytes(): number {
		return this.#state?.sizes.reduce((sum, { bytes }) => sum + bytes, 0) ?? 0;
	}

	/** Does `work` on what the database holds now: once if the state of this tab is still true, else again.
	 *  `work` changes nothing but the view. */
	async read<T>(store: IDBObjectStore, work: (view: View) => Promise<T>): Promise<[T, View]> {
		const state = this.#state;
		if (state === null) return onView(store, await this.#load(store), work);
		const { version } = state;
		// If the state turns out to be old, the outcome is dropped.
		const early = outcomeOf(onView(store, state, work));
		const found = await versionsFrom(store, version);
		const outcome = await early;
		const latest = found.at(-1) ?? NONE;
		const reaches = latest === state.version || found.includes(state.version);
		if (state !== this.#state || !reaches) {
			return onView(store, await this.#loadUnlessAt(store, latest), work);
		}
		if (version === latest && version === state.version) return outcome();
		state.replay(await recordsAfter(store, state.version));
		return onView(store, state, work);
	}

	/** Appends the changes of a transaction. Returns a number that no other change of the database has.
	 *  Errors: Damaged. */
	append(store: IDBObjectStore, { changes, state }: View): number {
		if (state.damage !== null) throw state.damage;
		const ops: Op[] = [];
		const through = filesWrittenThrough(changes, state);
		for (const op of changes.ops()) if (!through.has(fileOf(op))) ops.push(op);
		for (const id of through) {
			for (const op of state.memtable.dataOps(id)) putStored(store, op);
			for (const op of changes.dataOps(id)) putStored(store, op);
			ops.push({ kind: "stored", id });
		}
		const version = numberAfter(state.version);
		const record = encodeLog(ops, version);
		store.put(record, ["log", version]);
		state.apply(ops, version, record.length);
		return version;
	}

	/** Stores the changes of a transaction without the log, for which there is no space. The log must be
	 *  empty. */
	writeThrough(store: IDBObjectStore, { changes, state }: View): number {
		for (const op of changes.ops()) putStored(store, op);
		store.delete(["log", state.version]);
		this.invalidate();
		return numberAfter(NONE);
	}

	/** Stores the changes of the oldest records of the log, or of `all`, and deletes these records.
	 *  Errors: Damaged. */
	async checkpoint(store: IDBObjectStore, all: boolean): Promise<void> {
		const [, view] = await this.read(store, async () => {});
		const state = (await hasAll(store, view.state)) ? view.state : await this.#load(store);
		if (state.damage !== null) throw state.damage;
		if (state.sizes.length === 0) return;
		const limit = all ? state.version : checkpointLimit(state.sizes, this.#checkpointOps);
		// The highest number of a node is always among them: the stored counter never falls behind the nodes.
		for (const op of state.memtable.ops(limit)) putStored(store, op);
		const last = limit === state.version;
		store.delete(IDBKeyRange.bound(["log", 0], ["log", limit], false, last));
		if (last) store.put(NOTHING, ["log", limit]);
		state.dropUpTo(limit);
	}

	/** To be called when a transaction has failed: its changes may be in the state of this tab. */
	invalidate(): void {
		this.#state = null;
	}

	// --- reading the log ---

	/** Reads the whole log. */
	async #load(store: IDBObjectStore): Promise<LogState> {
		const [last, records] = await Promise.all([
			answered<unknown>(store.get("last")),
			recordsAfter(store, NONE - 1),
		]);
		const state = new LogState(last);
		state.replay(records);
		this.#state = state;
		return state;
	}

	/** Another transaction may have loaded it meanwhile. */
	async #loadUnlessAt(store: IDBObjectStore, latest: number): Promise<LogState> {
		const state = this.#state;
		return state?.version === latest ? state : this.#load(store);
	}
}

async function onView<T>(
	store: IDBObjectStore,
	state: LogState,
	work: (view: View) => Promise<T>,
): Promise<[T, View]> {
	const view = new View(store, state);
	return [await work(view), view];
}

/** The files that are written through: those with many bytes, and those that free space. */
function filesWrittenThrough(changes: Memtable, state: LogState): Set<number> {
	const files = new Map<number, number>();
	for (const op of changes.ops()) {
		const id = fileOf(op);
		if (id < 0) continue;
		const frees =
			op.kind === "clear" && op.to === Number.POSITIVE_INFINITY && state.mayHaveStored(id);
		const bytes = op.kind === "put" ? op.value.length : frees ? WRITE_THROUGH : 0;
		files.set(id, (files.get(id) ?? 0) + bytes);
	}
	return new Set([...files].filter(([, bytes]) => bytes >= WRITE_THROUGH).map(([id]) => id));
}

/** The last record of the longest run of oldest records with at most `most` changes; at least one record. */
function checkpointLimit(sizes: readonly Size[], most: number): number {
	let count = 0;
	let limit = NONE;
	for (const { version, ops } of sizes) {
		if (limit > NONE && count + ops > most) break;
		count += ops;
		limit = version;
	}
	return limit;
}

/** Whether the log still has each record of this state: another tab may have made a checkpoint. */
async function hasAll(store: IDBObjectStore, { sizes }: LogState): Promise<boolean> {
	const last = sizes.at(-1)?.version ?? NONE;
	const [versions, value] = await Promise.all([
		versionsFrom(store, NONE),
		answered<unknown>(store.get(["log", last])),
	]);
	const there = new Set(versions);
	// The last record stays for its number after a checkpoint, empty.
	const isStored = value instanceof Uint8Array && value.length === 0;
	return !isStored && sizes.every(({ version }) => there.has(version));
}

/** The records of the log after a number. */
async function recordsAfter(store: IDBObjectStore, version: number): Promise<LogRecord[]> {
	const found: LogRecord[] = [];
	for (let after = version; ; ) {
		const range = IDBKeyRange.bound(["log", after], ["log", []], true);
		const [keys, values] = await Promise.all([
			answered(store.getAllKeys(range, MOST_READ)),
			answered<unknown[]>(store.getAll(range, MOST_READ)),
		]);
		for (const [i, key] of keys.entries()) found.push([versionOf(key), values[i]]);
		if (keys.length < MOST_READ) return found;
		after = found.at(-1)?.[0] ?? after;
	}
}

function numberAfter(version: number): number {
	return version + 1 + Math.floor(Math.random() * (version === NONE ? FIRST : STEP));
}

/** What one transaction sees: its own changes, over the memtable of the log, over the stored records. */
export class View {
	/** What this transaction changes. */
	readonly changes = new Memtable();
	readonly state: LogState;
	readonly #store: IDBObjectStore;

	constructor(store: IDBObjectStore, state: LogState) {
		this.#store = store;
		this.state = state;
	}

	/** A number that differs after each change of the database. */
	get version(): number {
		return this.state.version;
	}

	/** Whether everything is in its stored record. */
	get isLogEmpty(): boolean {
		return this.state.sizes.length === 0;
	}

	change(op: Op): void {
		this.changes.apply(op, 0);
	}

	put(key: Key, value: Uint8Array): void {
		this.change({ kind: "put", key, value });
	}

	delete(key: Key): void {
		this.change({ kind: "delete", key });
	}

	/** Nothing is left of some segments of a file. */
	clear(id: number, from: number, to: number): void {
		this.change({ kind: "clear", id, from, to });
	}

	/** Undefined where there is none. In the first format, it may be an object. */
	async get(key: Key): Promise<unknown> {
		const value = this.#inMemtables(key);
		if (value !== undefined) return value ?? undefined;
		if (key[0] !== "node" && !this.state.mayHaveStored(key[1])) return undefined;
		return this.state.stored(this.#store, key);
	}

	async last(): Promise<unknown> {
		return (
			this.changes.last ?? this.state.memtable.last ?? this.state.stored(this.#store, ["last"])
		);
	}

	/** Which of these names, in their order, a directory may have; all where there is much else. */
	async mayHave(directory: number, names: readonly string[]): Promise<readonly string[]> {
		const state = (name: string) => this.#inMemtables(["entry", directory, name]);
		const unknown = names.filter((name) => state(name) === undefined);
		const most = 2 * unknown.length;
		let found: IDBValidKey[] = [];
		if (most > 0 && this.state.mayHaveStored(directory)) {
			const [first = "", last = ""] = [unknown[0], unknown.at(-1)];
			const range = IDBKeyRange.bound(["entry", directory, first], ["entry", directory, last]);
			found = await answered(this.#store.getAllKeys(range, most));
			if (found.length === most) return names;
		}
		const stored = new Set(found.map((key) => (key as unknown[])[2]));
		return names.filter((name) => state(name) || stored.has(name));
	}

	/** Whether a directory has a name that is not one of these. */
	async hasOther(directory: number, names: ReadonlySet<string>): Promise<boolean> {
		const gone = new Set(names);
		for (const layer of [this.changes, this.state.memtable]) {
			for (const { key, value } of layer.of("entry", directory)) {
				const name = key[2] as string;
				if (gone.has(name)) continue;
				if (value !== null) return true;
				gone.add(name);
			}
		}
		if (!this.state.mayHaveStored(directory)) return false;
		const keys = await answered(this.#store.getAllKeys(under("entry", directory), gone.size + 1));
		return keys.some((key) => !gone.has((key as string[])[2] as string));
	}

	/** All entries of a directory, by their names; `page` are read at once. */
	async entries(directory: number, page: number): Promise<Map<unknown, unknown>> {
		const found = new Map<unknown, unknown>();
		for (let range = under("entry", directory); this.state.mayHaveStored(directory); ) {
			const [keys, values] = await Promise.all([
				answered(this.#store.getAllKeys(range, page)),
				answered<unknown[]>(this.#store.getAll(range, page)),
			]);
			for (const [i, key] of keys.entries()) found.set((key as unknown[])[2], values[i]);
			const last = keys[page - 1];
			if (last === undefined) break;
			range = IDBKeyRange.bound(last, ["entry", directory, []], true);
		}
		for (const layer of [this.state.memtable, this.changes]) {
			for (const { key, value } of layer.of("entry", directory)) {
				if (value === null) found.delete(key[2]);
				else found.set(key[2], value);
			}
		}
		return found;
	}

	/** The bytes of some segments of a file; in each, what lies above comes later. */
	async parts(id: number, first: number, last: number): Promise<Part[]> {
		const layers = [this.changes, this.state.memtable];
		const found: Part[] = [];
		for (const [i, layer] of layers.entries()) {
			for (const { key, value } of layer.of("data", id)) {
				const [, , segment, part] = key as Extract<Key, readonly ["data", ...unknown[]]>;
				const here = segment >= first && segment <= last && value !== null;
				if (here && (i === 0 || this.changes.get(key) === undefined)) {
					found.push([segment, part, value]);
				}
			}
		}
		if (!this.state.mayHaveStored(id)) return found.sort(inOrder);
		const range = IDBKeyRange.bound(["data", id, first], ["data", id, last, []]);
		const [keys, values] = await Promise.all([
			answered(this.#store.getAllKeys(range)),
			answered<unknown[]>(this.#store.getAll(range)),
		]);
		for (const [i, key] of keys.entries()) {
			const [segment, part] = partOf(key);
			if (this.#inMemtables(["data", id, segment, part]) === undefined) {
				found.push([segment, part, values[i]]);
			}
		}
		return found.sort(inOrder);
	}

	/** Bytes of a file in the first format. */
	async blocks(id: number, first: number, last: number): Promise<[IDBValidKey, unknown][]> {
		const range = IDBKeyRange.bound(["block", id, first], ["block", id, last]);
		const [keys, values] = await Promise.all([
			answered(this.#store.getAllKeys(range)),
			answered<unknown[]>(this.#store.getAll(range)),
		]);
		return keys.map((key, i) => [key, values[i]]);
	}

	blockKeys(id: number): Promise<IDBValidKey[]> {
		return answered(this.#store.getAllKeys(under("block", id)));
	}

	/** What the memtables say: null where the record is gone, undefined where only the stored record tells. */
	#inMemtables(key: Key): Uint8Array | null | undefined {
		const own = this.changes.get(key);
		return own === undefined ? this.state.memtable.get(key) : own;
	}
}

/** The file whose bytes a change concerns; -1 for a change of something else. */
function fileOf(op: Op): number {
	if (op.kind === "clear") return op.id;
	return "key" in op && op.key[0] === "data" ? op.key[1] : -1;
}

function putStored(store: IDBObjectStore, op: Op): void {
	if (op.kind === "put") store.put(compact(op.value), storedKey(op.key));
	else if (op.kind === "last") store.put(op.id, "last");
	else if (op.kind === "clear") {
		const to = op.to === Number.POSITIVE_INFINITY ? [] : op.to;
		store.delete(IDBKeyRange.bound(["data", op.id, op.from], ["data", op.id, to, []]));
	} else if (op.kind === "delete") {
		store.delete(op.key[0] === "block" ? under(...op.key) : storedKey(op.key));
	}
}

function storedKey(key: Key): IDBValidKey {
	return [...key];
}

/** A copy without the rest of its buffer, which structured clone would store too. */
function compact(bytes: Uint8Array): Uint8Array {
	return bytes.length === bytes.buffer.byteLength ? bytes : bytes.slice();
}

/** The numbers of the log from `from` on: that one alone, if no other tab has appended since. */
async function versionsFrom(store: IDBObjectStore, from: number): Promise<number[]> {
	const keys = await answered(store.getAllKeys(IDBKeyRange.bound(["log", from], ["log", []])));
	return keys.map(versionOf);
}

function versionOf(key: IDBValidKey): number {
	const version: unknown = Array.isArray(key) ? key[1] : undefined;
	if (!isCount(version)) throw new Damaged("its log is damaged");
	return version;
}

/** By segment and part, so that pieces come after the whole segment that they overwrite. */
function inOrder(a: Part, b: Part): number {
	return a[0] - b[0] || a[1] - b[1];
}

/** Keeps the outcome for later, so that a rejection counts as handled. */
function outcomeOf<T>(promise: Promise<T>): Promise<() => T> {
	return promise.then(
		(value) => () => value,
		(error: unknown) => () => {
			throw error;
		},
	);
}

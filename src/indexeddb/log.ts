/**
 * The log of a database: the last changes, each transaction's as one record.
 *
 *     ["log", 41]   the changes of a transaction …
 *     ["log", 42]   … and of the next; its number is the version of the database
 *
 * A transaction costs by the record more than by the byte, and whoever syncs waits for it. So what it
 * changes is put as one record, and into its places later (*folding*), when nobody waits or the log has
 * become long. By then most of it has been changed again: the journal of a database comes and goes
 * without having had a record of its own. Many bytes of one file go to their places at once, in the
 * same transaction.
 *
 * What the log says is kept here as a layer over the records beneath, with some of those that were
 * read. All of that is true of one version. Each transaction asks for the last number while it works,
 * and when another tab has written since, it reads what that has logged and does its work again.
 *
 * Another tab may also have folded what the layer holds. That harms no look, for the layer says the
 * same as the records beneath. But a fold that made an old change once more would undo a newer one, so
 * it first asks whether the log still has each record.
 *
 * What a transaction changes here, it changes before it is committed. So when one fails, all that is
 * known is dropped, and a transaction that began with it begins anew. Its number may come again, with
 * other changes: what is known is told by the object that holds it, not by its number. For other tabs,
 * a number is so much higher than the last one, at random, that none comes twice.
 *
 * The last record stays when it is folded, without its changes, for its number.
 */
import { answered } from "./file-data.ts";
import { decodeLog, encodeLog } from "./log-record.ts";
import { type Key, Layer, type Op } from "./memtable.ts";
import { Damaged, NOTHING, partOf, under } from "./records.ts";
import { isCount } from "./records-v1.ts";

/** The log is long when it has so many records or bytes. */
const MOST_RECORDS = 256;
const MOST_BYTES = 4 << 20;
/** So many bytes of a file go to their places at once. */
const DIRECT = 65536;
/** How many records beneath are remembered, and read at once from the log. */
const MOST_SEEN = 4096;
const MOST_READ = 64;
/** The version of a database without a log. Nothing is remembered of it. */
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

/** What is known of a database. */
class Known {
	/** What everything here is true of. */
	version = NONE;
	readonly layer = new Layer();
	/** Of the records that hold something, by their numbers. */
	sizes: Size[] = [];
	/** Why nothing may be changed. */
	damage: Damaged | null = null;
	/** Nodes with higher numbers have no records beneath, unless their bytes went there at once. */
	born: number;
	readonly direct = new Set<number>();
	/** Records that lie beneath, undefined where there is none. */
	readonly #seen = new Map<string, unknown>();

	/** `last` is the highest number of a node beneath. */
	constructor(last: unknown) {
		// One that is no number is told to those who want it.
		this.born = isCount(last) ? last : Number.POSITIVE_INFINITY;
	}

	/** Whether there may be records beneath of a directory's entries, or of a file's bytes. */
	mayHave(id: number): boolean {
		return id <= this.born || this.direct.has(id);
	}

	/** A record beneath. */
	async beneath(store: IDBObjectStore, key: Key | readonly ["last"]): Promise<unknown> {
		const name = `${key}`;
		if (this.#seen.has(name)) return this.#seen.get(name);
		const { version } = this;
		const place = key[0] === "last" ? "last" : placeOf(key);
		const value: unknown = await answered(store.get(place));
		if (key[0] === "data" || version === NONE || version !== this.version) return value;
		if (this.#seen.size >= MOST_SEEN) this.#seen.clear();
		this.#seen.set(name, value);
		return value;
	}

	/** Takes records of the log that come after `version`. */
	receive(records: readonly LogRecord[]): void {
		this.#seen.clear();
		for (const [version, value] of records) {
			// Another look may have read them at the same time.
			if (version <= this.version) continue;
			const bytes = value instanceof Uint8Array ? value : NOTHING;
			const { ops, whole } = decodeLog(bytes, version);
			if (!whole || bytes !== value) this.damage ??= new Damaged("its log is damaged");
			this.take(ops, version, bytes.length);
		}
		if (this.version === NONE) this.born = Number.POSITIVE_INFINITY;
	}

	take(ops: readonly Op[], version: number, bytes: number): void {
		for (const op of ops) {
			this.layer.apply(op, version);
			if (op.kind === "settle") this.direct.add(op.id);
		}
		if (bytes > 0) this.sizes.push({ version, ops: ops.length, bytes });
		this.version = version;
	}

	/** What came with the records up to `limit` lies beneath. */
	forget(limit: number): void {
		this.layer.forget(limit);
		this.sizes = this.sizes.filter(({ version }) => version > limit);
		this.born = this.layer.last ?? this.born;
		this.direct.clear();
		this.#seen.clear();
	}
}

type LogRecord = readonly [version: number, value: unknown];

export class Log {
	/** Null where nothing is. */
	#known: Known | null = null;
	readonly #folded: number;

	/** `folded`: so many changes are folded in one transaction, for others wait for it. */
	constructor(folded = 500) {
		this.#folded = folded;
	}

	/** Whether nothing is to be folded; that may be untrue where another tab has written. */
	get isEmpty(): boolean {
		return this.#known?.sizes.length === 0;
	}

	get isLong(): boolean {
		const count = this.#known?.sizes.length ?? 0;
		return count > MOST_RECORDS || this.bytes > MOST_BYTES;
	}

	/** How much is to be folded, as far as is known. */
	get bytes(): number {
		return this.#known?.sizes.reduce((sum, { bytes }) => sum + bytes, 0) ?? 0;
	}

	/** Does `work` on what the database holds now: once where what is known here is still true. It
	 *  changes nothing but the view. */
	async read<T>(store: IDBObjectStore, work: (view: View) => Promise<T>): Promise<[T, View]> {
		const known = this.#known;
		if (known === null) return onView(store, await this.#load(store), work);
		const { version } = known;
		// What it finds in what is no longer true is not heard.
		const early = settled(onView(store, known, work));
		const found = await versionsFrom(store, version);
		const outcome = await early;
		const latest = found.at(-1) ?? NONE;
		const reaches = latest === known.version || found.includes(known.version);
		if (known !== this.#known || !reaches) {
			return onView(store, await this.#loadUnlessAt(store, latest), work);
		}
		if (version === latest && version === known.version) return outcome();
		known.receive(await recordsAfter(store, known.version));
		return onView(store, known, work);
	}

	/** Puts what a transaction has changed. Returns a number that no other change of the database has.
	 *  Errors: Damaged. */
	write(store: IDBObjectStore, { layer, known }: View): number {
		if (known.damage !== null) throw known.damage;
		const ops: Op[] = [];
		const direct = directIn(layer, known);
		for (const op of layer.ops()) if (!direct.has(fileOf(op))) ops.push(op);
		for (const id of direct) {
			for (const op of known.layer.dataOps(id)) putBeneath(store, op);
			for (const op of layer.dataOps(id)) putBeneath(store, op);
			ops.push({ kind: "settle", id });
		}
		const version = numberAfter(known.version);
		const record = encodeLog(ops, version);
		store.put(record, ["log", version]);
		known.take(ops, version, record.length);
		return version;
	}

	/** Puts what a transaction has changed into its places, for there is no space for a log. That must
	 *  be empty. */
	writeBeneath(store: IDBObjectStore, { layer, known }: View): number {
		for (const op of layer.ops()) putBeneath(store, op);
		store.delete(["log", known.version]);
		this.doubt();
		return numberAfter(NONE);
	}

	/** Puts what the oldest records of the log say, or `all`, into its places. Errors: Damaged. */
	async fold(store: IDBObjectStore, all: boolean): Promise<void> {
		const [, view] = await this.read(store, async () => {});
		const known = (await hasAll(store, view.known)) ? view.known : await this.#load(store);
		if (known.damage !== null) throw known.damage;
		if (known.sizes.length === 0) return;
		const limit = all ? known.version : foldable(known.sizes, this.#folded);
		// The highest number of a node is among it in any case: it is never behind what lies there.
		for (const op of known.layer.ops(limit)) putBeneath(store, op);
		const last = limit === known.version;
		store.delete(IDBKeyRange.bound(["log", 0], ["log", limit], false, last));
		if (last) store.put(NOTHING, ["log", limit]);
		known.forget(limit);
	}

	/** A transaction that was to change the database has not: nothing that is known here is sure. */
	doubt(): void {
		this.#known = null;
	}

	// --- reading the log ---

	/** Reads the whole log. */
	async #load(store: IDBObjectStore): Promise<Known> {
		const [last, records] = await Promise.all([
			answered<unknown>(store.get("last")),
			recordsAfter(store, NONE - 1),
		]);
		const known = new Known(last);
		known.receive(records);
		this.#known = known;
		return known;
	}

	/** Another look may have read it meanwhile. */
	async #loadUnlessAt(store: IDBObjectStore, latest: number): Promise<Known> {
		const known = this.#known;
		return known?.version === latest ? known : this.#load(store);
	}
}

async function onView<T>(
	store: IDBObjectStore,
	known: Known,
	work: (view: View) => Promise<T>,
): Promise<[T, View]> {
	const view = new View(store, known);
	return [await work(view), view];
}

/** The files whose bytes go to their places at once: where they are many, or make room. */
function directIn(layer: Layer, known: Known): Set<number> {
	const files = new Map<number, number>();
	for (const op of layer.ops()) {
		const id = fileOf(op);
		if (id < 0) continue;
		const frees = op.kind === "clear" && op.to === Number.POSITIVE_INFINITY && known.mayHave(id);
		const bytes = op.kind === "put" ? op.value.length : frees ? DIRECT : 0;
		files.set(id, (files.get(id) ?? 0) + bytes);
	}
	return new Set([...files].filter(([, bytes]) => bytes >= DIRECT).map(([id]) => id));
}

/** The last of the records that make at most so many changes, and of one in any case. */
function foldable(sizes: readonly Size[], most: number): number {
	let count = 0;
	let limit = NONE;
	for (const { version, ops } of sizes) {
		if (limit > NONE && count + ops > most) break;
		count += ops;
		limit = version;
	}
	return limit;
}

/** Whether the log has each record that is known to hold something: another tab may have folded it. */
async function hasAll(store: IDBObjectStore, { sizes }: Known): Promise<boolean> {
	const last = sizes.at(-1)?.version ?? NONE;
	const [versions, value] = await Promise.all([
		versionsFrom(store, NONE),
		answered<unknown>(store.get(["log", last])),
	]);
	const there = new Set(versions);
	// The last of all stays for its number when it is folded.
	const isFolded = value instanceof Uint8Array && value.length === 0;
	return !isFolded && sizes.every(({ version }) => there.has(version));
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

/** What one transaction sees, and changes: the records of the database under the log, under its own. */
export class View {
	/** What it changes. */
	readonly layer = new Layer();
	readonly known: Known;
	readonly #store: IDBObjectStore;

	constructor(store: IDBObjectStore, known: Known) {
		this.#store = store;
		this.known = known;
	}

	/** A number that is another after each change of the database. */
	get version(): number {
		return this.known.version;
	}

	/** Whether everything lies in its place. */
	get isFolded(): boolean {
		return this.known.sizes.length === 0;
	}

	change(op: Op): void {
		this.layer.apply(op, 0);
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
		const value = this.#above(key);
		if (value !== undefined) return value ?? undefined;
		if (key[0] !== "node" && !this.known.mayHave(key[1])) return undefined;
		return this.known.beneath(this.#store, key);
	}

	async last(): Promise<unknown> {
		return this.layer.last ?? this.known.layer.last ?? this.known.beneath(this.#store, ["last"]);
	}

	/** Which of these names, in their order, a directory may have; all where there is much else. */
	async mayHave(directory: number, names: readonly string[]): Promise<readonly string[]> {
		const known = (name: string) => this.#above(["entry", directory, name]);
		const unknown = names.filter((name) => known(name) === undefined);
		const most = 2 * unknown.length;
		let found: IDBValidKey[] = [];
		if (most > 0 && this.known.mayHave(directory)) {
			const [first = "", last = ""] = [unknown[0], unknown.at(-1)];
			const range = IDBKeyRange.bound(["entry", directory, first], ["entry", directory, last]);
			found = await answered(this.#store.getAllKeys(range, most));
			if (found.length === most) return names;
		}
		const stored = new Set(found.map((key) => (key as unknown[])[2]));
		return names.filter((name) => known(name) || stored.has(name));
	}

	/** Whether a directory has a name that is not one of these. */
	async hasOther(directory: number, names: ReadonlySet<string>): Promise<boolean> {
		const gone = new Set(names);
		for (const layer of [this.layer, this.known.layer]) {
			for (const { key, value } of layer.of("entry", directory)) {
				const name = key[2] as string;
				if (gone.has(name)) continue;
				if (value !== null) return true;
				gone.add(name);
			}
		}
		if (!this.known.mayHave(directory)) return false;
		const keys = await answered(this.#store.getAllKeys(under("entry", directory), gone.size + 1));
		return keys.some((key) => !gone.has((key as string[])[2] as string));
	}

	/** All entries of a directory, by their names; `page` are read at once. */
	async entries(directory: number, page: number): Promise<Map<unknown, unknown>> {
		const found = new Map<unknown, unknown>();
		for (let range = under("entry", directory); this.known.mayHave(directory); ) {
			const [keys, values] = await Promise.all([
				answered(this.#store.getAllKeys(range, page)),
				answered<unknown[]>(this.#store.getAll(range, page)),
			]);
			for (const [i, key] of keys.entries()) found.set((key as unknown[])[2], values[i]);
			const last = keys[page - 1];
			if (last === undefined) break;
			range = IDBKeyRange.bound(last, ["entry", directory, []], true);
		}
		for (const layer of [this.known.layer, this.layer]) {
			for (const { key, value } of layer.of("entry", directory)) {
				if (value === null) found.delete(key[2]);
				else found.set(key[2], value);
			}
		}
		return found;
	}

	/** The bytes of some segments of a file; in each, what lies above comes later. */
	async parts(id: number, first: number, last: number): Promise<Part[]> {
		const layers = [this.layer, this.known.layer];
		const found: Part[] = [];
		for (const [i, layer] of layers.entries()) {
			for (const { key, value } of layer.of("data", id)) {
				const [, , segment, part] = key as Extract<Key, readonly ["data", ...unknown[]]>;
				const here = segment >= first && segment <= last && value !== null;
				if (here && (i === 0 || this.layer.get(key) === undefined)) {
					found.push([segment, part, value]);
				}
			}
		}
		if (!this.known.mayHave(id)) return found.sort(inOrder);
		const range = IDBKeyRange.bound(["data", id, first], ["data", id, last, []]);
		const [keys, values] = await Promise.all([
			answered(this.#store.getAllKeys(range)),
			answered<unknown[]>(this.#store.getAll(range)),
		]);
		for (const [i, key] of keys.entries()) {
			const [segment, part] = partOf(key);
			if (this.#above(["data", id, segment, part]) === undefined) {
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

	/** What the layers say: null where it is gone, undefined where one has to look beneath. */
	#above(key: Key): Uint8Array | null | undefined {
		const own = this.layer.get(key);
		return own === undefined ? this.known.layer.get(key) : own;
	}
}

/** Whose bytes a change concerns; -1 where it is none of bytes. */
function fileOf(op: Op): number {
	if (op.kind === "clear") return op.id;
	return "key" in op && op.key[0] === "data" ? op.key[1] : -1;
}

function putBeneath(store: IDBObjectStore, op: Op): void {
	if (op.kind === "put") store.put(alone(op.value), placeOf(op.key));
	else if (op.kind === "last") store.put(op.id, "last");
	else if (op.kind === "clear") {
		const to = op.to === Number.POSITIVE_INFINITY ? [] : op.to;
		store.delete(IDBKeyRange.bound(["data", op.id, op.from], ["data", op.id, to, []]));
	} else if (op.kind === "delete") {
		store.delete(op.key[0] === "block" ? under(...op.key) : placeOf(op.key));
	}
}

function placeOf(key: Key): IDBValidKey {
	return [...key];
}

/** Bytes without those around them, which would be stored too. */
function alone(bytes: Uint8Array): Uint8Array {
	return bytes.length === bytes.buffer.byteLength ? bytes : bytes.slice();
}

/** The numbers of the log from one on: that one alone, where nobody has gone beyond it. */
async function versionsFrom(store: IDBObjectStore, from: number): Promise<number[]> {
	const keys = await answered(store.getAllKeys(IDBKeyRange.bound(["log", from], ["log", []])));
	return keys.map(versionOf);
}

function versionOf(key: IDBValidKey): number {
	const version: unknown = Array.isArray(key) ? key[1] : undefined;
	if (!isCount(version)) throw new Damaged("its log is damaged");
	return version;
}

/** What lies above comes later. */
function inOrder(a: Part, b: Part): number {
	return a[0] - b[0] || a[1] - b[1];
}

/** The outcome, whichever it is, to be looked at later. */
function settled<T>(promise: Promise<T>): Promise<() => T> {
	return promise.then(
		(value) => () => value,
		(error: unknown) => () => {
			throw error;
		},
	);
}

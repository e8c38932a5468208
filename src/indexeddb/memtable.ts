/**
 * Records that the log has changed, as a table in memory over the stored ones.
 *
 *     memtable    [ entry 0 "a" ]  [ node 5: gone ]  [ data 9: gone from segment 2 on ]
 *     stored      [ entry 0 "a" ]  [ node 5 ]        [ data 9 2 0 ]   [ data 9 3 0 ] …
 *
 * What the memtable says of a record counts; where it says nothing, the stored record does. Each change
 * carries the number of its log record (log.ts), so that a checkpoint can store the changes of the oldest
 * records, and only those.
 */

/** The key of a record that may be in a memtable. */
export type Key =
	| readonly ["entry", directory: number, name: string]
	| readonly ["node", id: number]
	| readonly ["data", id: number, segment: number, part: number]
	/** All bytes of a file in format 1; they can only be deleted. */
	| readonly ["block", id: number];

export type Op =
	| { readonly kind: "put"; readonly key: Key; readonly value: Uint8Array }
	| { readonly kind: "delete"; readonly key: Key }
	/** Deletes these segments of a file. */
	| { readonly kind: "clear"; readonly id: number; readonly from: number; readonly to: number }
	/** The bytes of a file were written through: the stored records are all there is. */
	| { readonly kind: "stored"; readonly id: number }
	/** The highest number that a node has had. */
	| { readonly kind: "last"; readonly id: number };

export interface Entry {
	readonly key: Key;
	/** Null for a record that was deleted. */
	readonly value: Uint8Array | null;
	readonly since: number;
}

interface Cleared {
	readonly from: number;
	readonly to: number;
	readonly since: number;
}

interface Group {
	readonly entries: Map<string, Entry>;
	cleared: Cleared[];
}

const NONE: Group = { entries: new Map(), cleared: [] };

export class Memtable {
	/** By kind and number: a directory's entries, a file's bytes. */
	readonly #groups = new Map<string, Group>();
	/** The highest number that a node has had; null if no change here set it. */
	last: number | null = null;

	/** Applies a change that came with the log record `since`. */
	apply(op: Op, since: number): void {
		if (op.kind === "put") this.#set(op.key, op.value, since);
		else if (op.kind === "delete") this.#set(op.key, null, since);
		else if (op.kind === "clear") this.#clear(op.id, op.from, op.to, since);
		else if (op.kind === "stored") this.#groups.delete(groupOf("data", op.id));
		else this.last = op.id;
	}

	/** The record; null where it was deleted, undefined where the memtable does not have it. */
	get(key: Key): Uint8Array | null | undefined {
		const group = this.#groups.get(groupOf(key[0], key[1]));
		const entry = group?.entries.get(nameIn(key));
		if (entry !== undefined) return entry.value;
		if (group === undefined || key[0] !== "data") return undefined;
		return isCleared(group, key[2]) ? null : undefined;
	}

	/** The changes of one directory's entries, or of one file's bytes. */
	of(kind: Key[0], id: number): Iterable<Entry> {
		return (this.#groups.get(groupOf(kind, id)) ?? NONE).entries.values();
	}

	/** All changes of log records up to `limit`, in an order in which they can be stored. */
	*ops(limit = Number.POSITIVE_INFINITY): Iterable<Op> {
		for (const name of this.#groups.keys()) yield* this.#opsOf(name, limit);
		if (this.last !== null) yield { kind: "last", id: this.last };
	}

	/** The same of the bytes of one file. */
	dataOps(id: number): Iterable<Op> {
		return this.#opsOf(groupOf("data", id), Number.POSITIVE_INFINITY);
	}

	/** Drops the changes of log records up to `limit`. */
	dropUpTo(limit: number): void {
		for (const [name, group] of this.#groups) {
			for (const [at, { since }] of group.entries) if (since <= limit) group.entries.delete(at);
			group.cleared = group.cleared.filter(({ since }) => since > limit);
			if (group.entries.size + group.cleared.length === 0) this.#groups.delete(name);
		}
	}

	*#opsOf(name: string, limit: number): Iterable<Op> {
		const { entries, cleared } = this.#groups.get(name) ?? NONE;
		const id = Number(name.slice(name.indexOf(" ")));
		for (const { from, to, since } of cleared) {
			if (since <= limit) yield { kind: "clear", id, from, to };
		}
		for (const { key, value, since } of entries.values()) {
			if (since > limit) continue;
			yield value === null ? { kind: "delete", key } : { kind: "put", key, value };
		}
	}

	#set(key: Key, value: Uint8Array | null, since: number): void {
		const { entries } = this.#group(groupOf(key[0], key[1]));
		entries.set(nameIn(key), { key, value, since });
	}

	#clear(id: number, from: number, to: number, since: number): void {
		const group = this.#group(groupOf("data", id));
		group.cleared = group.cleared.filter((old) => old.from < from || old.to > to);
		group.cleared.push({ from, to, since });
		for (const [at, { key }] of group.entries) {
			if (key[0] === "data" && key[2] >= from && key[2] <= to) group.entries.delete(at);
		}
	}

	#group(name: string): Group {
		let group = this.#groups.get(name);
		if (group === undefined) {
			group = { entries: new Map(), cleared: [] };
			this.#groups.set(name, group);
		}
		return group;
	}
}

function groupOf(kind: Key[0], id: number): string {
	return `${kind} ${id}`;
}

function nameIn(key: Key): string {
	if (key[0] === "entry") return key[2];
	return key[0] === "data" ? `${key[2]} ${key[3]}` : "";
}

function isCleared({ cleared }: Group, segment: number): boolean {
	return cleared.some(({ from, to }) => segment >= from && segment <= to);
}

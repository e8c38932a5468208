/**
 * Space that is kept in reserve, in records of a database that hold nothing:
 *
 *     ["spare", 0] … ["spare", 2]   → random bytes, which a browser cannot store in less
 *
 * A browser that grants no more space makes no transaction that puts something, whatever that deletes. So
 * while the log holds something (log.ts), which must be put into its places first, nothing could be removed
 * for ever. Then the spare goes, by a transaction that only deletes, and the log has room to be folded; from
 * then on removing does without writing. There is more to spare than the log holds, or the log is not
 * written.
 */
import { answered } from "./file-data.ts";

/** Bytes of a record: of so many the browser makes a file, whose space is free as soon as it is deleted. */
const SIZE = 1 << 18;
/** Records beyond those that the log needs: the browser's own files may grow first. */
const MORE = 1;
/** How much more than the log its changes need in their places. */
const FACTOR = 1.25;
/** `getRandomValues` gives no more at once. */
const AT_ONCE = 65536;

let filling: Uint8Array | null = null;

/** How many records there are. */
export function countSpare(store: IDBObjectStore): Promise<number> {
	return answered(store.count(all()));
}

/** Sees to it that there is enough to spare for a log of so many bytes, where there are `count` records. */
export function keepSpare(store: IDBObjectStore, count: number, bytes: number): void {
	const wanted = MORE + Math.ceil((FACTOR * bytes) / SIZE);
	for (let i = count; i < wanted; i++) {
		filling ??= noise();
		store.put(filling, ["spare", i]);
	}
}

export function dropSpare(store: IDBObjectStore): void {
	store.delete(all());
}

function all(): IDBKeyRange {
	return IDBKeyRange.bound(["spare"], ["spare", []]);
}

function noise(): Uint8Array {
	const bytes = new Uint8Array(SIZE);
	for (let at = 0; at < SIZE; at += AT_ONCE) {
		crypto.getRandomValues(bytes.subarray(at, at + AT_ONCE));
	}
	return bytes;
}

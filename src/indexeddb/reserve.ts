/**
 * Space in reserve, in records of a database that hold nothing of use:
 *
 *     ["spare", 0] … ["spare", 2]   → random bytes, which a browser cannot compress
 *
 * On a full disk Chromium aborts every transaction that puts anything, whatever the transaction deletes. So
 * while the log holds changes (log.ts), which a checkpoint has to put first, no file could ever be removed
 * again. The store then deletes the reserve, in a transaction that only deletes, and the checkpoint has
 * space; from then on a removal deletes without a put. A transaction that appends to the log also refills
 * the reserve, so that there is always more of it than the log needs; if there is no space for both, the
 * transaction fails and the log is not appended to.
 */
import { answered } from "./file-data.ts";

/** Bytes of a record: Chromium keeps a value of this size in a file of its own, whose space is free as soon as it
 *  is deleted. */
const SIZE = 1 << 18;
/** Records beyond those that the log needs: the browser's own files may grow first. */
const MORE = 1;
/** How much more space than the log its changes need as stored records. */
const FACTOR = 1.25;
/** `getRandomValues` gives no more at once. */
const AT_ONCE = 65536;

let filling: Uint8Array | null = null;

/** How many records there are. */
export function countReserve(store: IDBObjectStore): Promise<number> {
	return answered(store.count(all()));
}

/** Adds to the `count` records of the reserve what a log of so many bytes needs. */
export function fillReserve(store: IDBObjectStore, count: number, bytes: number): void {
	const wanted = MORE + Math.ceil((FACTOR * bytes) / SIZE);
	for (let i = count; i < wanted; i++) {
		filling ??= noise();
		store.put(filling, ["spare", i]);
	}
}

export function dropReserve(store: IDBObjectStore): void {
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

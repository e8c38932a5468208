/**
 * The bytes of files, as one transaction reads and changes them.
 *
 *     segment   [ whole: as it was last written in one          ]
 *     pieces             [p1]         [p7][p8]                     written since, over it
 *
 * A program that writes much writes whole segments; a program that changes a page of a database here and
 * there stores that page and nothing around it. What neither covers is a hole and reads as zeros. No record
 * reaches beyond the size of its file, so a file that grows again grows by zeros.
 *
 * Changes are gathered and put at the end of the transaction: many small changes of one segment are stored
 * once. A change first loads the records that it covers in part, and only then modifies anything: when a
 * damaged record stops it, nothing has changed.
 *
 * An IndexedDB transaction ends when the thread returns to the event loop without an open request. So code
 * here awaits requests of the transaction and nothing else.
 */
import type { View } from "./log.ts";
import {
	Damaged,
	INLINE,
	isInline,
	NOTHING,
	type Node,
	PIECE,
	SEGMENT,
	seal,
	seedOfData,
	unseal,
	withSpaceForSum,
} from "./records.ts";
import { OLD_BLOCK, parseOldBlock } from "./records-v1.ts";

/** A write of so much of a segment, or so many pieces, makes it whole. */
const LARGE = 65536;
const MANY = LARGE / PIECE;

/** A segment that this transaction changes. */
interface Segment {
	/** All of it; then there are no pieces. */
	whole: Uint8Array | null;
	readonly pieces: Map<number, Uint8Array>;
	/** The database has no record of it. */
	readonly fresh: boolean;
}

interface Changes {
	readonly segments: Map<number, Segment>;
	/** How much of the file the database has. */
	readonly stored: number;
	/** The first segment whose records are to be deleted. */
	cut: number;
}

/** The part of a write that falls into one segment; `from` and `to` count from the start of the segment. */
interface Part {
	readonly index: number;
	readonly from: number;
	readonly to: number;
}

/** The answer to a request. */
export function answered<T>(request: IDBRequest<T>): Promise<T> {
	return new Promise((resolve, reject) => {
		request.onsuccess = () => resolve(request.result);
		request.onerror = () => reject(request.error);
	});
}

export class FileData {
	readonly #view: View;
	readonly #files = new Map<number, Changes>();

	constructor(view: View) {
		this.#view = view;
	}

	/** Reads what is stored: for transactions that change nothing. */
	async read(node: Node, offset: number, length: number): Promise<Uint8Array> {
		const bytes = new Uint8Array(Math.max(0, Math.min(length, node.size - offset)));
		if (bytes.length === 0) return bytes;
		if (isInline(node)) bytes.set(node.content.subarray(offset, offset + bytes.length));
		else if (node.old) await this.#readOld(node.id, bytes, offset);
		else await this.#readParts(node.id, bytes, offset);
		return bytes;
	}

	async write(node: Node, offset: number, bytes: Uint8Array): Promise<void> {
		const end = offset + bytes.length;
		if (node.old) await this.#renew(node);
		if (isInline(node) && end <= INLINE) {
			node.content = resized(node.content, Math.max(node.size, end));
			node.content.set(bytes, offset);
			return;
		}
		this.#spill(node);
		const parts = partsOf(offset, end);
		for (const part of parts) await this.#prepare(node, part);
		for (const part of parts) {
			const at = part.index * SEGMENT + part.from - offset;
			this.#patch(node, part, bytes.subarray(at, at + part.to - part.from));
		}
	}

	async resize(node: Node, size: number): Promise<void> {
		if (node.old) await this.#renew(node);
		if (size === 0) {
			this.drop(node);
			node.content = NOTHING;
		} else if (isInline(node)) {
			if (size <= INLINE) node.content = resized(node.content, size);
			else this.#spill(node);
		} else if (size < node.size) await this.#cut(node, size);
	}

	/** Deletes all bytes of a file. */
	drop(node: Node): void {
		if (node.old) this.#view.delete(["block", node.id]);
		node.old = false;
		const changes = this.#changesOf(node);
		changes.segments.clear();
		changes.cut = 0;
	}

	/** Puts the gathered changes. */
	async flush(): Promise<void> {
		for (const [id, { segments, stored, cut }] of this.#files) {
			if (cut * SEGMENT < stored) {
				this.#view.clear(id, cut, Number.POSITIVE_INFINITY);
			}
			for (const [index, segment] of segments) await this.#put(id, index, segment);
		}
	}

	async #put(id: number, index: number, segment: Segment): Promise<void> {
		if (segment.pieces.size >= MANY) await this.#makeWhole(id, index, segment);
		const { whole, pieces, fresh } = segment;
		if (whole !== null) {
			if (!fresh) this.#view.clear(id, index, index);
			if (whole.length > 0) this.#putPart(id, index, 0, whole);
		}
		for (const [piece, bytes] of pieces) this.#putPart(id, index, piece + 1, bytes);
	}

	#putPart(id: number, index: number, part: number, bytes: Uint8Array): void {
		this.#view.put(["data", id, index, part], seal(bytes, seedOfData(id, index, part)));
	}

	// --- changing ---

	/** Moves a small file out of its node, because it is about to become larger. */
	#spill(node: Node): void {
		if (node.content.length === 0 || !isInline(node)) return;
		// The content may belong to a cached record, and the segment will be written into.
		this.#segment(node, 0).whole = node.content.slice();
		node.content = NOTHING;
	}

	/** Loads what a write covers in part. */
	async #prepare(node: Node, { index, from, to }: Part): Promise<void> {
		const segment = this.#segment(node, index);
		const length = lengthOf(node, index);
		if (segment.whole !== null || replaces(from, to, length)) return;
		if (to - from >= LARGE) return this.#makeWhole(node.id, index, segment);
		for (const piece of [Math.floor(from / PIECE), Math.floor((to - 1) / PIECE)]) {
			const start = piece * PIECE;
			const covered = from <= start && to >= Math.min(start + PIECE, length);
			if (covered || start >= length || segment.pieces.has(piece)) continue;
			segment.pieces.set(piece, await this.#loadPiece(node.id, index, piece, segment));
		}
	}

	/** Writes into a segment that has been prepared. */
	#patch(node: Node, { index, from, to }: Part, bytes: Uint8Array): void {
		const segment = this.#segment(node, index);
		if (segment.whole === null && !replaces(from, to, lengthOf(node, index))) {
			this.#patchPieces(segment, from, to, bytes);
			return;
		}
		segment.pieces.clear();
		const old = segment.whole ?? NOTHING;
		if (replaces(from, to, old.length)) segment.whole = withSpaceForSum(bytes);
		else {
			segment.whole = old.length >= to ? old : resized(old, to);
			segment.whole.set(bytes, from);
		}
	}

	#patchPieces({ pieces }: Segment, from: number, to: number, bytes: Uint8Array): void {
		for (let at = from; at < to; ) {
			const piece = Math.floor(at / PIECE);
			const start = piece * PIECE;
			const end = Math.min(start + PIECE, to);
			const old = pieces.get(piece) ?? NOTHING;
			const patched = resized(old, Math.max(old.length, end - start));
			patched.set(bytes.subarray(at - from, end - from), at - start);
			pieces.set(piece, patched);
			at = end;
		}
	}

	async #cut(node: Node, size: number): Promise<void> {
		const index = Math.floor(size / SEGMENT);
		const edge = this.#segment(node, index);
		const kept = size % SEGMENT;
		if (kept > 0) {
			await this.#makeWhole(node.id, index, edge);
			edge.whole = (edge.whole ?? NOTHING).slice(0, kept);
		}
		const changes = this.#changesOf(node);
		const first = kept > 0 ? index + 1 : index;
		changes.cut = Math.min(changes.cut, first);
		for (const later of changes.segments.keys()) {
			if (later >= first) changes.segments.delete(later);
		}
	}

	#changesOf(node: Node): Changes {
		let changes = this.#files.get(node.id);
		if (changes === undefined) {
			const stored = isInline(node) ? 0 : node.size;
			changes = { segments: new Map(), stored, cut: Number.POSITIVE_INFINITY };
			this.#files.set(node.id, changes);
		}
		return changes;
	}

	#segment(node: Node, index: number): Segment {
		const { segments, stored, cut } = this.#changesOf(node);
		let segment = segments.get(index);
		if (segment === undefined) {
			const fresh = index >= cut || index * SEGMENT >= stored;
			segment = { whole: null, pieces: new Map(), fresh };
			segments.set(index, segment);
		}
		return segment;
	}

	// --- what is stored ---

	async #makeWhole(id: number, index: number, segment: Segment): Promise<void> {
		if (segment.whole !== null) return;
		const parts = segment.fresh ? [] : await this.#parts(id, index, index);
		for (const [piece, bytes] of segment.pieces) {
			parts.push({ position: index * SEGMENT + piece * PIECE, bytes });
		}
		const start = index * SEGMENT;
		const ends = parts.map(({ position, bytes }) => position - start + bytes.length);
		segment.whole = new Uint8Array(Math.min(SEGMENT, Math.max(0, ...ends)));
		for (const { position, bytes } of parts) copy(bytes, position, segment.whole, start);
		segment.pieces.clear();
	}

	async #loadPiece(id: number, index: number, piece: number, { fresh }: Segment) {
		if (fresh) return NOTHING;
		const [own, whole] = await Promise.all([
			this.#view.get(["data", id, index, piece + 1]),
			this.#view.get(["data", id, index, 0]),
		]);
		if (own !== undefined) return unseal(own, seedOfData(id, index, piece + 1), PIECE);
		if (whole === undefined) return NOTHING;
		const bytes = unseal(whole, seedOfData(id, index, 0), SEGMENT);
		return bytes.slice(piece * PIECE, (piece + 1) * PIECE);
	}

	/** The records of some segments, pieces after the whole that they overwrite. */
	async #parts(id: number, first: number, last: number): Promise<Stored[]> {
		const parts = await this.#view.parts(id, first, last);
		return parts.map(([index, part, value]) => {
			const bytes = unseal(value, seedOfData(id, index, part), part === 0 ? SEGMENT : PIECE);
			return { position: index * SEGMENT + Math.max(0, part - 1) * PIECE, bytes };
		});
	}

	async #readParts(id: number, into: Uint8Array, offset: number): Promise<void> {
		const first = Math.floor(offset / SEGMENT);
		const last = Math.floor((offset + into.length - 1) / SEGMENT);
		for (const { position, bytes } of await this.#parts(id, first, last)) {
			copy(bytes, position, into, offset);
		}
	}

	// --- files whose bytes are in format 1 ---

	async #readOld(id: number, into: Uint8Array, offset: number): Promise<void> {
		const first = Math.floor(offset / OLD_BLOCK);
		const last = Math.floor((offset + into.length - 1) / OLD_BLOCK);
		for (const [key, value] of await this.#view.blocks(id, first, last)) {
			const parsed = parseOldBlock(key, value);
			if (parsed === undefined) throw new Damaged("a block in it is damaged");
			copy(parsed[1], parsed[0] * OLD_BLOCK, into, offset);
		}
	}

	/** Writes the bytes of a file in today's format: they stay the same. */
	async #renew(node: Node): Promise<void> {
		const segments = new Set<number>();
		for (const key of await this.#view.blockKeys(node.id)) {
			const [block] = parseOldBlock(key, NOTHING) ?? [0];
			segments.add(Math.floor((block * OLD_BLOCK) / SEGMENT));
		}
		for (const index of segments) {
			const bytes = new Uint8Array(lengthOf(node, index));
			if (bytes.length === 0) continue;
			await this.#readOld(node.id, bytes, index * SEGMENT);
			this.#putPart(node.id, index, 0, bytes);
		}
		this.#view.delete(["block", node.id]);
		node.old = false;
	}
}

/** Bytes and where in the file they lie. */
interface Stored {
	readonly position: number;
	readonly bytes: Uint8Array;
}

function partsOf(offset: number, end: number): Part[] {
	const parts: Part[] = [];
	for (let at = offset; at < end; ) {
		const index = Math.floor(at / SEGMENT);
		const start = index * SEGMENT;
		const to = Math.min(end, start + SEGMENT);
		parts.push({ index, from: at - start, to: to - start });
		at = to;
	}
	return parts;
}

/** How much of a segment the file reaches into. */
function lengthOf(node: Node, index: number): number {
	return Math.max(0, Math.min(SEGMENT, node.size - index * SEGMENT));
}

/** Whether a write covers all that was there. */
function replaces(from: number, to: number, length: number): boolean {
	return from === 0 && to >= length;
}

/** A copy of so many bytes; what is beyond the old end is zeros. */
function resized(bytes: Uint8Array, size: number): Uint8Array {
	const copied = new Uint8Array(size);
	copied.set(bytes.subarray(0, size));
	return copied;
}

/** Copies what of `from`, which lies at `start`, falls into `to`, which lies at `at`. */
function copy(from: Uint8Array, start: number, to: Uint8Array, at: number): void {
	const first = Math.max(start, at);
	const last = Math.min(start + from.length, at + to.length);
	if (last > first) to.set(from.subarray(first - start, last - start), first - at);
}

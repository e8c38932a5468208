/**
 * What is to change, as a list; the module is written once the list is whole.
 *
 *     original   ....|cut|........|........|cut|.....
 *     edits          ^ put        ^ put    ^ put
 *     rewritten  ....|put|........|put|....|put|.....
 *
 * Each edit says: at this byte of the original leave out so many bytes, and put these there. Edits come in
 * the order of their places. What is put lies in one pool of bytes, in which edits may share: the checks of
 * a thousand loops are a thousand edits with the same twenty bytes. The list makes three things easy:
 *
 * - A size is written before what it counts. Its edit is reserved, and filled when the size is known.
 * - The result's size is known before it is allocated.
 * - An offset of the result leads back to the original by walking along the list.
 */
import { grown, numbers, Writer } from "./writer.ts";

/** Of an edit: where, how much is left out, where in the pool lies what is put, and how much. */
const AT = 0;
const CUT = 1;
const FROM = 2;
const PUT = 3;
const FIELDS = 4;

export class Edits {
	/** Write here what is to be put. */
	readonly pool = new Writer();
	/** How much longer than the original the result is, by the edits so far. */
	growth = 0;
	#rows = numbers(FIELDS * 256);
	#end = 0;

	/** Leaves out `cut` bytes, and puts bytes of the pool: all since `from`, unless told otherwise. */
	add(at: number, cut: number, from: number, length?: number): void {
		this.fill(this.reserve(at, cut), from, length);
	}

	/** An edit that puts nothing until it is filled. */
	reserve(at: number, cut: number): number {
		if (this.#end === this.#rows.length) this.#rows = grown(this.#rows);
		const edit = this.#end;
		this.#rows[edit + AT] = at;
		this.#rows[edit + CUT] = cut;
		this.#end += FIELDS;
		this.growth -= cut;
		return edit;
	}

	fill(edit: number, from: number, length = this.pool.length - from): void {
		this.#rows[edit + FROM] = from;
		this.#rows[edit + PUT] = length;
		this.growth += length;
	}

	apply(original: Uint8Array): Uint8Array<ArrayBuffer> {
		const result = new Uint8Array(original.length + this.growth);
		const pool = this.pool.bytes;
		const rows = this.#rows;
		let read = 0;
		let written = 0;
		for (let edit = 0; edit < this.#end; edit += FIELDS) {
			const at = rows[edit + AT] as number;
			const from = rows[edit + FROM] as number;
			const put = rows[edit + PUT] as number;
			written = copy(result, written, original, read, at);
			written = copy(result, written, pool, from, from + put);
			read = at + (rows[edit + CUT] as number);
		}
		copy(result, written, original, read, original.length);
		return result;
	}

	/** Where in the original the byte at `offset` of the result comes from. What was put comes from the place where it
	 *  was put. */
	original(offset: number): number {
		const rows = this.#rows;
		let read = 0;
		let written = 0;
		for (let edit = 0; edit < this.#end; edit += FIELDS) {
			const at = rows[edit + AT] as number;
			if (offset < written + at - read) break;
			written += at - read + (rows[edit + PUT] as number);
			read = at;
			if (offset < written) return at;
			read += rows[edit + CUT] as number;
		}
		return read + offset - written;
	}
}

/** Copies `from[start, end)` to `to[at]` and answers where it ends there. A call of `set` costs more than
 *  copying a few bytes. */
function copy(to: Uint8Array, at: number, from: Uint8Array, start: number, end: number): number {
	const length = end - start;
	if (length > 64) to.set(from.subarray(start, end), at);
	else for (let i = 0; i < length; i++) to[at + i] = from[start + i] as number;
	return at + length;
}

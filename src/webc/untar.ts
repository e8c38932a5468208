/**
 * Tar, as the common tools read it. The decoder is strict: it wants two blocks of zeros at the end, and
 * nothing but zeros behind them. Many archives have neither, and are whole all the same:
 *
 *     | header | file | header | file |               no end: the last file is whole, so it is one
 *     | header | file | zeros | something else |      an end, and what follows does not count
 *
 * So the end is put in its place before the decoder sees it. A file that is cut short stays an error.
 */
import { createTarDecoder, type ParsedTarEntry } from "modern-tar";

const BLOCK = 512;

/** The entries of a tar. The body of each has to be read to its end before the next one is. */
export function untar(stream: ReadableStream<Uint8Array>): ReadableStream<ParsedTarEntry> {
	const tidy = new TransformStream(new Tidy());
	return stream.pipeThrough(tidy).pipeThrough(createTarDecoder({ strict: true }));
}

/** Whether these are the first bytes of a tar: a header whose sum is right, or its end. */
export function isTar(start: Uint8Array): boolean {
	if (start.length < BLOCK) return false;
	const block = start.subarray(0, BLOCK);
	return isZero(block) || numberAt(block, 148, 8) === sumOf(block);
}

class Tidy implements Transformer<Uint8Array, Uint8Array<ArrayBuffer>> {
	#header = new Uint8Array(BLOCK);
	#filled = 0;
	/** Bytes of a file, and of what fills up its last block, that are still to come. */
	#left = 0;
	#ended = false;

	transform(chunk: Uint8Array, controller: TransformStreamDefaultController): void {
		for (let at = 0; at < chunk.length && !this.#ended; ) {
			const wanted = this.#left > 0 ? this.#left : BLOCK - this.#filled;
			const piece = chunk.subarray(at, at + wanted);
			at += piece.length;
			if (this.#left > 0) {
				this.#left -= piece.length;
				controller.enqueue(piece);
				continue;
			}
			this.#header.set(piece, this.#filled);
			this.#filled += piece.length;
			if (this.#filled === BLOCK) this.#next(controller);
		}
	}

	flush(controller: TransformStreamDefaultController): void {
		if (this.#ended || this.#left > 0) return;
		// A part of a header is for the decoder to refuse.
		if (this.#filled > 0) controller.enqueue(this.#header.slice(0, this.#filled));
		else controller.enqueue(new Uint8Array(2 * BLOCK));
	}

	#next(controller: TransformStreamDefaultController): void {
		if (isZero(this.#header)) {
			this.#ended = true;
			controller.enqueue(new Uint8Array(2 * BLOCK));
			return;
		}
		controller.enqueue(this.#header.slice());
		this.#filled = 0;
		// Links, devices and directories have no bytes, whatever length they name.
		const type = String.fromCharCode(this.#header[156] ?? 0);
		const size = "123456".includes(type) ? 0 : numberAt(this.#header, 124, 12);
		this.#left = Math.ceil(size / BLOCK) * BLOCK;
	}
}

/** A number as a header has it: octal, or binary where its first bit says so. */
function numberAt(header: Uint8Array, at: number, length: number): number {
	const field = header.subarray(at, at + length);
	if ((field[0] ?? 0) & 0x80) {
		return field.reduce((sum, byte, i) => sum * 256 + (i === 0 ? byte & 0x7f : byte), 0);
	}
	const digits = /^[ \0]*([0-7]*)/.exec(String.fromCharCode(...field))?.[1] ?? "";
	return Number.parseInt(digits, 8) || 0;
}

/** The sum of a header, in which its own field counts as spaces. */
function sumOf(header: Uint8Array): number {
	return header.reduce((sum, byte, i) => sum + (i >= 148 && i < 156 ? 32 : byte), 0);
}

function isZero(block: Uint8Array): boolean {
	return block.every((byte) => byte === 0);
}

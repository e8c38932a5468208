/**
 * The contents of a file in memory: a growing, possibly sparse sequence of bytes.
 *
 *     position   0          256 KiB      512 KiB     768 KiB
 *                |  chunk 0  |  chunk 1  |  (none)   |  chunk 3 ...
 *                             ^^^^^^^^^^^ the window
 *
 * The bytes lie in chunks, so that a large file is never copied in order to grow and a gap costs
 * nothing. The first chunk grows by doubling, so that a small file stays small. Whatever no chunk
 * covers reads as zeros; bytes of a chunk beyond the size *are* zeros, so that growing the size is
 * an assignment.
 *
 * Nearly every call falls into the chunk that the last one used. That chunk is the *window*: a call
 * which lies inside costs a few comparisons and the copy.
 */
import { type Done, EFBIG, EINVAL, ENOSPC } from "../abi/errno.ts";
import { copyBytes, zeroBytes } from "./bytes.ts";

/** Where chunks take their memory from: an account that can be exhausted. */
export interface Account {
	used: number;
	readonly limit: number;
}

const CHUNK = 256 * 1024;
const SMALLEST = 64;
const NOTHING = new Uint8Array(0);

export class Chunks {
	size = 0;
	#window: Uint8Array = NOTHING;
	/** The position of the window's first byte. */
	#base = 0;
	#first: Uint8Array = NOTHING;
	/** Chunk number → chunk, for all but the first. */
	#rest: Map<number, Uint8Array> | null = null;
	/** The bytes this file has taken from the account. */
	#taken = 0;
	#account: Account;

	constructor(account: Account) {
		this.#account = account;
	}

	read(into: Uint8Array, at: number, length: number, position: number): number {
		const rest = this.size - position;
		const count = Math.min(length, rest);
		if (count <= 0) return 0;
		const start = position - this.#base;
		if (start >= 0 && start + count <= this.#window.length) {
			copyBytes(this.#window, start, into, at, count);
			return count;
		}
		return this.#readAcross(into, at, count, position);
	}

	/** Writes all, or as much as there is memory for. Errors: ENOSPC, EFBIG. */
	write(from: Uint8Array, at: number, length: number, position: number): number {
		if (length <= 0) return 0;
		const start = position - this.#base;
		if (start >= 0 && start + length <= this.#window.length) {
			copyBytes(from, at, this.#window, start, length);
			if (position + length > this.size) this.size = position + length;
			return length;
		}
		return this.#writeAcross(from, at, length, position);
	}

	truncate(size: number): Done {
		if (size < 0) return EINVAL;
		if (size > Number.MAX_SAFE_INTEGER) return EFBIG;
		if (size < this.size) this.#shrink(size);
		this.size = size;
		return 0;
	}

	/** Takes over a buffer as the contents, without a copy; nobody else may write to it again. */
	adopt(bytes: Uint8Array): Done {
		const { limit, used } = this.#account;
		if (used - this.#taken + bytes.length > limit) return ENOSPC;
		this.truncate(0);
		this.#take(bytes.length);
		this.#first = bytes.subarray(0, CHUNK);
		if (bytes.length > CHUNK) this.#rest = new Map();
		for (let number = 1; number * CHUNK < bytes.length; number++) {
			this.#rest?.set(number, bytes.subarray(number * CHUNK, (number + 1) * CHUNK));
		}
		this.size = bytes.length;
		this.#look(this.#first, 0);
		return 0;
	}

	/** The first position from `position` on that lies in a chunk; beyond all sizes where none does. */
	next(position: number): number {
		const number = Math.floor(position / CHUNK);
		if (this.#chunk(number).length > 0) return position;
		let next = Number.POSITIVE_INFINITY;
		for (const other of this.#rest?.keys() ?? []) {
			if (other > number) next = Math.min(next, other * CHUNK);
		}
		return next;
	}

	/** Forgets the contents of each chunk that `spare` names by where it begins and ends: they read as
	 *  zeros. */
	drop(spare: (from: number, to: number) => boolean): void {
		if (this.#first.length > 0 && spare(0, CHUNK)) {
			this.#take(-this.#first.length);
			this.#first = NOTHING;
		}
		for (const [number, chunk] of this.#rest ?? []) {
			if (!spare(number * CHUNK, (number + 1) * CHUNK)) continue;
			this.#rest?.delete(number);
			this.#take(-chunk.length);
		}
		this.#look(this.#first, 0);
	}

	/** The file has no name and no descriptor left: the account gets its bytes back. The contents
	 *  stay for whoever still holds the node. */
	release(): void {
		this.#account.used -= this.#taken;
		this.#taken = 0;
		this.#account = { used: 0, limit: Number.POSITIVE_INFINITY };
	}

	#readAcross(into: Uint8Array, at: number, count: number, position: number): number {
		let done = 0;
		while (done < count) {
			const number = Math.floor((position + done) / CHUNK);
			const base = number * CHUNK;
			const start = position + done - base;
			const part = Math.min(count - done, CHUNK - start);
			const chunk = this.#chunk(number);
			const held = Math.max(0, Math.min(part, chunk.length - start));
			copyBytes(chunk, start, into, at + done, held);
			zeroBytes(into, at + done + held, part - held);
			if (chunk.length > 0) this.#look(chunk, base);
			done += part;
		}
		return count;
	}

	#writeAcross(from: Uint8Array, at: number, length: number, position: number): number {
		if (position + length > Number.MAX_SAFE_INTEGER) return EFBIG;
		let done = 0;
		while (done < length) {
			const number = Math.floor((position + done) / CHUNK);
			const start = position + done - number * CHUNK;
			const part = Math.min(length - done, CHUNK - start);
			const chunk = this.#room(number, start + part);
			if (chunk === null) return done > 0 ? done : ENOSPC;
			copyBytes(from, at + done, chunk, start, part);
			this.#look(chunk, number * CHUNK);
			done += part;
			if (position + done > this.size) this.size = position + done;
		}
		return length;
	}

	#chunk(number: number): Uint8Array {
		return (number === 0 ? this.#first : this.#rest?.get(number)) ?? NOTHING;
	}

	/** The chunk with room for its first `needed` bytes; null where there is no memory for it. */
	#room(number: number, needed: number): Uint8Array | null {
		const old = this.#chunk(number);
		if (old.length >= needed) return old;
		const length = number === 0 ? firstLength(old.length, needed) : CHUNK;
		if (this.#account.used + length - old.length > this.#account.limit) return null;
		const chunk = allocate(length);
		if (chunk === null) return null;
		if (old.length > 0) chunk.set(old);
		this.#take(length - old.length);
		if (number === 0) this.#first = chunk;
		else {
			this.#rest ??= new Map();
			this.#rest.set(number, chunk);
		}
		return chunk;
	}

	#shrink(size: number): void {
		const number = Math.floor(size / CHUNK);
		if (this.#rest !== null) {
			for (const [other, chunk] of this.#rest) {
				if (other * CHUNK < size) continue;
				this.#rest.delete(other);
				this.#take(-chunk.length);
			}
		}
		if (size === 0) {
			this.#take(-this.#first.length);
			this.#first = NOTHING;
		} else {
			this.#chunk(number).fill(0, size - number * CHUNK);
		}
		this.#look(this.#first, 0);
	}

	#look(chunk: Uint8Array, base: number): void {
		this.#window = chunk;
		this.#base = base;
	}

	#take(bytes: number): void {
		this.#taken += bytes;
		this.#account.used += bytes;
	}
}

function firstLength(old: number, needed: number): number {
	let length = Math.max(SMALLEST, old * 2);
	while (length < needed) length *= 2;
	return Math.min(length, CHUNK);
}

/** Null when the browser has no memory to give; it says so by throwing. */
function allocate(length: number): Uint8Array | null {
	try {
		return new Uint8Array(length);
	} catch {
		return null;
	}
}

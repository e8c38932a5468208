/**
 * Reads a module's bytes, and refuses to read beyond an end.
 *
 * Numbers are LEB128: seven bits in a byte, the lowest first, and the top bit of a byte says "more
 * follows". Linkers write sizes padded to five bytes (`83 80 80 80 00` is 3), so the length of a number says
 * nothing about its value.
 */
import { UnknownModule } from "./unknown.ts";

/** In the alignment of an access to memory: the index of a memory follows. */
export const HAS_MEMORY = 0x40;
/** i32, i64, f32, f64, v128; funcref, externref, exnref, and the null of exnref. Those of GC are not known. */
const VALUE_TYPES = [0x7f, 0x7e, 0x7d, 0x7c, 0x7b, 0x70, 0x6f, 0x69, 0x74];
/** References with a heap type. */
const REF_NULL = 0x63;
const REF = 0x64;

/** Of a name so many bytes are read: more than any of ours has. */
const MOST_OF_NAME = 64;

export class Reader {
	readonly bytes: Uint8Array;
	at = 0;
	/** Nothing is read from here on. */
	end: number;

	constructor(bytes: Uint8Array) {
		this.bytes = bytes;
		this.end = bytes.length;
	}

	byte(): number {
		if (this.at >= this.end) this.refuse();
		return this.bytes[this.at++] as number;
	}

	u32(): number {
		return this.below(2 ** 32);
	}

	/** A number below a limit, such as an index or a form of which so many are known. Exact up to 2^53: the pages of a
	 *  memory are fewer. */
	below(limit: number): number {
		let byte = this.byte();
		let value = byte & 0x7f;
		for (let unit = 128; byte >= 0x80; unit *= 128) {
			byte = this.byte();
			value += (byte & 0x7f) * unit;
		}
		// After very many bytes it is no number, which is not below anything.
		if (!(value < limit)) this.refuse(`number ${value}`);
		return value;
	}

	/** A count of things that take at least `least` bytes each: a false one is refused before anything is allocated. */
	count(least = 1): number {
		const count = this.u32();
		if (count * least > this.end - this.at) this.refuse();
		return count;
	}

	skip(length: number): void {
		if (length > this.end - this.at) this.refuse();
		this.at += length;
	}

	/** Skips a number of any length. It may go beyond the end, but not far: what lies beyond the array does not say "more
	 *  follows". */
	leb(): void {
		while ((this.bytes[this.at++] as number) >= 0x80);
	}

	/** Skips alignment, perhaps a memory, and offset. */
	access(): void {
		const alignment = this.bytes[this.at] as number;
		this.leb();
		if ((alignment & HAS_MEMORY) !== 0) this.leb();
		this.leb();
	}

	/** The beginning of a name, with a letter for each byte: enough to compare with ours. */
	name(): string {
		const length = this.count();
		const start = this.at;
		this.skip(length);
		const known = this.bytes.subarray(start, start + Math.min(length, MOST_OF_NAME));
		return String.fromCharCode(...known);
	}

	/** The type of a value: its first byte. */
	type(): number {
		const type = this.byte();
		if (type === REF || type === REF_NULL) this.u32();
		else if (!VALUE_TYPES.includes(type)) this.refuse(`type ${type}`);
		return type;
	}

	refuse(what = "something malformed"): never {
		throw new UnknownModule(what, this.at);
	}
}

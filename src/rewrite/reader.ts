/**
 * Reads a module's bytes outside of function bodies, and refuses to read beyond an end.
 *
 * Numbers are LEB128: seven bits in a byte, the lowest first, the top bit of a byte says "more
 * follows". Linkers write sizes padded to five bytes (`0x83 0x80 0x80 0x80 0x00` is 3), so the length of
 * a number says nothing about its value.
 */
import { UnknownModule } from "./unknown.ts";

/** The position after the LEB at `at`. Beyond the array's end no byte says "more follows". */
export function skipLeb(bytes: Uint8Array, at: number): number {
	let p = at;
	while ((bytes[p++] as number) >= 0x80);
	return p;
}

const MOST_OF_NAME = 64;

export class Reader {
	readonly bytes: Uint8Array;
	at: number;
	/** Nothing is read from here on. */
	end: number;

	constructor(bytes: Uint8Array, at: number, end: number) {
		this.bytes = bytes;
		this.at = at;
		this.end = end;
	}

	byte(): number {
		if (this.at >= this.end) this.refuse("an end that comes too early");
		return this.bytes[this.at++] as number;
	}

	u32(): number {
		const start = this.at;
		const value = this.u64();
		if (value > 0xffffffff || this.at - start > 5) this.refuse("a number over 32 bits");
		return value;
	}

	/** Beyond 2^53 an approximation, good enough to compare. */
	u64(): number {
		let value = 0;
		let unit = 1;
		for (let n = 0; n < 10; n++) {
			const byte = this.byte();
			value += (byte & 0x7f) * unit;
			if (byte < 0x80) return value;
			unit *= 128;
		}
		return this.refuse("a number over 64 bits");
	}

	/** A count of things that take at least `least` bytes each, so a false one cannot make us allocate. */
	count(least = 1): number {
		const count = this.u32();
		if (count * least > this.end - this.at) this.refuse("a count of more than there is");
		return count;
	}

	skip(length: number): void {
		if (length > this.end - this.at) this.refuse("a length of more than there is");
		this.at += length;
	}

	/** The beginning of a name, each byte a letter: enough to compare with ours, which are ASCII and shorter. */
	name(): string {
		const length = this.count();
		const start = this.at;
		this.skip(length);
		return String.fromCharCode(
			...this.bytes.subarray(start, start + Math.min(length, MOST_OF_NAME)),
		);
	}

	refuse(what: string): never {
		throw new UnknownModule(what, this.at);
	}
}

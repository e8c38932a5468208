/**
 * Bytes that grow at their end.
 *
 * Nearly all that is written are LEBs. Below 128 a LEB is the byte itself, so opcodes and types are written
 * as LEBs, too.
 */
export class Writer {
	/** What was written ends at `length`. */
	bytes = new Uint8Array(1024);
	length = 0;

	byte(value: number): void {
		if (this.length === this.bytes.length) {
			const larger = new Uint8Array(2 * this.length);
			larger.set(this.bytes);
			this.bytes = larger;
		}
		this.bytes[this.length++] = value;
	}

	/** Unsigned, up to 2^53. */
	leb(value: number): void {
		let rest = value;
		for (; rest > 0x7f; rest = Math.floor(rest / 128)) this.byte((rest % 128) | 0x80);
		this.byte(rest);
	}

	/** Answers with where they begin. */
	lebs(values: Iterable<number>): number {
		const from = this.length;
		for (const value of values) this.leb(value);
		return from;
	}

	/** A signed LEB of 32 bits. */
	signed(value: number): void {
		let rest = value | 0;
		for (; rest > 63 || rest < -64; rest >>= 7) this.byte((rest & 0x7f) | 0x80);
		this.byte(rest & 0x7f);
	}
}

/** How many bytes the LEBs of these values take. */
export function lebsLength(values: readonly number[]): number {
	let length = 0;
	for (const value of values) {
		length++;
		for (let rest = value; rest > 0x7f; rest = Math.floor(rest / 128)) length++;
	}
	return length;
}

/** A name of ASCII letters after its length, as LEBs. */
export function nameLebs(name: string): number[] {
	return [name.length, ...[...name].map((letter) => letter.charCodeAt(0))];
}

/** So many numbers of 32 bits, all 0. */
export function numbers(length: number): Int32Array<ArrayBuffer> {
	return new Int32Array(length);
}

/** The same, twice as long. */
export function grown(array: Int32Array<ArrayBuffer>): Int32Array<ArrayBuffer> {
	const larger = numbers(2 * array.length);
	larger.set(array);
	return larger;
}

/** Bytes that grow at their end. */
export class Writer {
	bytes = new Uint8Array(1024);
	length = 0;

	byte(value: number): void {
		this.#room(1);
		this.bytes[this.length++] = value;
	}

	/** Each a byte. */
	put(...values: readonly number[]): void {
		for (const value of values) this.byte(value);
	}

	/** An unsigned LEB. */
	u32(value: number): void {
		let rest = value >>> 0;
		for (; rest > 0x7f; rest >>>= 7) this.byte((rest & 0x7f) | 0x80);
		this.byte(rest);
	}

	/** A signed LEB, as `i32.const` takes it. */
	s32(value: number): void {
		let rest = value | 0;
		for (; rest > 63 || rest < -64; rest >>= 7) this.byte((rest & 0x7f) | 0x80);
		this.byte(rest & 0x7f);
	}

	/** A LEB of five bytes, signed and unsigned alike below 2^31. */
	padded(value: number): void {
		const start = this.length;
		this.put(0, 0, 0, 0, 0);
		this.padAt(start, value);
	}

	/** Overwrites a padded number. */
	padAt(at: number, value: number): void {
		for (let i = 0; i < 4; i++) this.bytes[at + i] = ((value >> (7 * i)) & 0x7f) | 0x80;
		this.bytes[at + 4] = (value >> 28) & 0x7f;
	}

	copy(from: Uint8Array, start = 0, end = from.length): void {
		this.#room(end - start);
		this.bytes.set(from.subarray(start, end), this.length);
		this.length += end - start;
	}

	/** A name of ASCII letters, after its length. */
	name(text: string): void {
		this.u32(text.length);
		for (let i = 0; i < text.length; i++) this.byte(text.charCodeAt(i));
	}

	/** What was written; valid until more is. */
	view(): Uint8Array {
		return this.bytes.subarray(0, this.length);
	}

	#room(length: number): void {
		if (this.length + length <= this.bytes.length) return;
		const larger = new Uint8Array((this.length + length) * 2);
		larger.set(this.view());
		this.bytes = larger;
	}
}

/** How many bytes the LEB of a value takes. */
export function lebLength(value: number): number {
	let length = 1;
	for (let rest = value >>> 7; rest > 0; rest >>>= 7) length++;
	return length;
}

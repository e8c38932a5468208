/**
 * Guest memory: bounds, numbers, strings.
 *
 * The views are made once and again only after the memory has grown. Growing an ordinary memory
 * detaches its buffer and makes every view empty; growing a shared one leaves the old views short.
 * Either way a bounds check against the view's length fails first, so `has` is the one place that
 * looks for new memory, and each call asks it before it touches anything.
 *
 * Pointers and lengths arrive from wasm as signed 32-bit numbers: callers pass them through
 * `>>> 0`. 64-bit values are two words and never BigInts, which cost ten times as much and garbage.
 */
const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
const encoder = new TextEncoder();
const TWO_32 = 4294967296;
/** Bytes of a string that is worth a try as ASCII. */
const SHORT = 128;

export class Memory {
	u8 = new Uint8Array(0);
	#u32 = new Uint32Array(0);
	#view = new DataView(new ArrayBuffer(0));
	#memory: WebAssembly.Memory | null = null;

	attach(memory: WebAssembly.Memory): void {
		this.#memory = memory;
		this.#renew();
	}

	#renew(): void {
		if (this.#memory === null) return;
		const buffer = this.#memory.buffer;
		this.u8 = new Uint8Array(buffer);
		this.#u32 = new Uint32Array(buffer);
		this.#view = new DataView(buffer);
	}

	/** Bytes that it has now. */
	get size(): number {
		return this.#memory?.buffer.byteLength ?? 0;
	}

	/** Whether `length` bytes at `at` lie within the memory. Both are unsigned. */
	has(at: number, length: number): boolean {
		if (at + length <= this.u8.length) return true;
		this.#renew();
		return at + length <= this.u8.length;
	}

	u32(at: number): number {
		if ((at & 3) === 0) return this.#u32[at >>> 2] as number;
		return this.#view.getUint32(at, true);
	}

	setU32(at: number, value: number): void {
		if ((at & 3) === 0) this.#u32[at >>> 2] = value;
		else this.#view.setUint32(at, value, true);
	}

	u16(at: number): number {
		return (this.u8[at] as number) | ((this.u8[at + 1] as number) << 8);
	}

	setU16(at: number, value: number): void {
		this.u8[at] = value;
		this.u8[at + 1] = value >>> 8;
	}

	/** A 64-bit value as a number; exact up to 2^53, and close enough above to be refused. */
	u64(at: number): number {
		return this.u32(at) + this.u32(at + 4) * TWO_32;
	}

	/** A number up to 2^64, whole, as 64 bits. */
	setU64(at: number, value: number): void {
		this.setU32(at, value);
		this.setU32(at + 4, value / TWO_32);
	}

	big(at: number): bigint {
		return this.#view.getBigUint64(at, true);
	}

	setBig(at: number, value: bigint): void {
		this.#view.setBigUint64(at, value, true);
	}

	/** The UTF-8 string at `at`; null where it is not UTF-8. The range has been checked. */
	string(at: number, length: number): string | null {
		if (length <= SHORT) {
			const text = this.#ascii(at, length);
			if (text !== null) return text;
		}
		try {
			// A decoder takes no shared memory; a path is short, so a copy costs little.
			const shared = this.u8.buffer instanceof ArrayBuffer === false;
			const bytes = this.u8.subarray(at, at + length);
			return decoder.decode(shared ? bytes.slice() : bytes);
		} catch {
			return null;
		}
	}

	/**
	 * A short path, which is nearly always ASCII: a quarter of what a decoder takes. All bytes become
	 * characters at once, because a string that is put together one by one is a chain that whoever
	 * looks a name up has to flatten first.
	 */
	#ascii(at: number, length: number): string | null {
		const codes = new Array<number>(length);
		let bits = 0;
		for (let i = 0; i < length; i++) {
			const byte = this.u8[at + i] as number;
			codes[i] = byte;
			bits |= byte;
		}
		return bits < 128 ? String.fromCharCode.apply(null, codes) : null;
	}

	/** Writes as much of `text` as fits into `length` and returns how many bytes all of it takes. */
	setString(at: number, length: number, text: string): number {
		if (text.length <= length && text.length <= SHORT) {
			let i = 0;
			for (; i < text.length; i++) {
				const code = text.charCodeAt(i);
				if (code > 127) break;
				this.u8[at + i] = code;
			}
			if (i === text.length) return i;
		}
		const bytes = utf8(text);
		this.setBytes(at, length, bytes);
		return bytes.length;
	}

	/** Writes as much of `bytes` as fits into `length` and returns how much. */
	setBytes(at: number, length: number, bytes: Uint8Array): number {
		const count = Math.min(length, bytes.length);
		this.u8.set(count === bytes.length ? bytes : bytes.subarray(0, count), at);
		return count;
	}
}

/** The UTF-8 bytes of `text`. */
export function utf8(text: string): Uint8Array {
	return encoder.encode(text);
}

/** The number that two words of a 64-bit argument make, read as unsigned. */
export function unsigned(low: number, high: number): number {
	return (low >>> 0) + (high >>> 0) * TWO_32;
}

/** The same, read as two's complement. */
export function signed(low: number, high: number): number {
	return (low >>> 0) + (high | 0) * TWO_32;
}

/**
 * CBOR, read strictly (RFC 8949): what manifests and indices are written in.
 *
 *     first byte   3 bits type · 5 bits length, or how many bytes of length follow
 *     types        0 natural · 1 negative · 2 bytes · 3 text · 4 list · 5 map · 6 tag · 7 the rest
 *
 * The writer uses cborg; the reader does not, though it did. cborg replaces broken UTF-8, drops byte
 * order marks, takes a break for a value, nests until the stack ends and refuses chunks and tags. The
 * guard around it had grown as long as this file, and a sixth of the core's budget went to cborg. The
 * tests hold this decoder against it.
 *
 * Nothing is allocated for a length: a list grows as its items come, and each takes a byte at least.
 */
import { decodeText } from "./byte-reader.ts";
import { concat } from "./bytes.ts";
import { WebcError, type Where } from "./error.ts";

/** A decoded map: null-prototype, so that no key can mean more than itself. */
export interface Table {
	readonly [key: string]: unknown;
}

const [natural, negative, byteString, textString, list, map, tag] = [0, 1, 2, 3, 4, 5, 6];

/** The length in the first byte of what ends with a break, and of the break. */
const indefinite = 31;
const breakByte = 0xff;

/** The map that `bytes` begins with, and how many bytes it takes. */
export function decodeMap(bytes: Uint8Array, depth: number, where: Where): [Table, number] {
	const decoder = new Decoder(bytes, depth, where);
	const value = decoder.value(0);
	if (!isTable(value)) throw decoder.error("it is not a map");
	return [value, decoder.at];
}

/** A map of the manifest or index. */
export function isTable(value: unknown): value is Table {
	return typeof value === "object" && value !== null && Object.getPrototypeOf(value) === null;
}

class Decoder {
	at = 0;
	readonly #bytes: Uint8Array;
	readonly #view: DataView;
	readonly #depth: number;
	readonly #where: Where;

	constructor(bytes: Uint8Array, depth: number, where: Where) {
		this.#bytes = bytes;
		this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
		this.#depth = depth;
		this.#where = where;
	}

	error(what: string): WebcError {
		const offset = (this.#where.offset ?? 0) + this.at;
		return new WebcError("bad-cbor", `The CBOR is broken: ${what}`, { ...this.#where, offset });
	}

	value(depth: number): unknown {
		if (depth > this.#depth) throw this.error(`it nests more than ${this.#depth} levels deep`);
		const first = this.#byte();
		const type = first >> 5;
		const short = first & 31;
		switch (type) {
			case natural:
				return this.#length(short);
			case negative:
				return this.#negative(this.#length(short));
			case byteString:
				return this.#string(type, short);
			case textString:
				return this.#text(this.#string(type, short));
			case list:
				return this.#list(short, depth);
			case map:
				return this.#map(short, depth);
			case tag:
				// What a tag adds means nothing in a manifest; what it holds does.
				this.#length(short);
				return this.value(depth + 1);
			default:
				return this.#simple(short);
		}
	}

	#byte(): number {
		const [byte] = this.#take(1);
		return byte ?? 0;
	}

	#take(length: number | bigint): Uint8Array {
		const left = this.#bytes.length - this.at;
		if (length > left) throw this.error(`${length} bytes should follow, but ${left} are left`);
		this.at += Number(length);
		return this.#bytes.subarray(this.at - Number(length), this.at);
	}

	/** What the first byte says, or the bytes behind it; a bigint above 2^53. */
	#length(short: number): number | bigint {
		if (short < 24) return short;
		if (short > 27) throw this.error("a length is of a kind that there is not");
		const at = this.at;
		const size = this.#take(2 ** (short - 24)).length;
		if (size === 1) return this.#view.getUint8(at);
		if (size === 2) return this.#view.getUint16(at);
		if (size === 4) return this.#view.getUint32(at);
		const value = this.#view.getBigUint64(at);
		return value > Number.MAX_SAFE_INTEGER ? value : Number(value);
	}

	#negative(value: number | bigint): number | bigint {
		const result = -1n - BigInt(value);
		return result < Number.MIN_SAFE_INTEGER ? result : Number(result);
	}

	/** Whether the items of an indefinite length are over; passes over the break. */
	#ended(): boolean {
		if (this.#bytes[this.at] !== breakByte) return false;
		this.at += 1;
		return true;
	}

	/** Bytes, or the bytes of a text, in one piece or in chunks of the same type. */
	#string(type: number, short: number): Uint8Array {
		if (short !== indefinite) return this.#take(this.#length(short));
		const chunks: Uint8Array[] = [];
		while (!this.#ended()) {
			const first = this.#byte();
			if (first >> 5 !== type) throw this.error("a chunk is of another type");
			const chunk = this.#take(this.#length(first & 31));
			if (type === textString) this.#text(chunk); // Each for itself is text.
			chunks.push(chunk);
		}
		return concat(chunks);
	}

	#text(bytes: Uint8Array): string {
		const text = decodeText(bytes);
		if (text === undefined) throw this.error("a text is not UTF-8");
		return text;
	}

	#list(short: number, depth: number): unknown[] {
		const result: unknown[] = [];
		const length = short === indefinite ? Infinity : this.#length(short);
		while (result.length < length && !(length === Infinity && this.#ended())) {
			result.push(this.value(depth + 1));
		}
		return result;
	}

	#map(short: number, depth: number): Table {
		const result: Record<string, unknown> = Object.create(null);
		const length = short === indefinite ? Infinity : this.#length(short);
		for (let i = 0; i < length && !(length === Infinity && this.#ended()); i++) {
			const key = this.value(depth + 1);
			if (typeof key !== "string") throw this.error("a key is not text");
			if (key in result) throw this.error(`the key ${JSON.stringify(key)} is there twice`);
			result[key] = this.value(depth + 1);
		}
		return result;
	}

	#simple(short: number): unknown {
		const at = this.at;
		switch (short) {
			case 20:
				return false;
			case 21:
				return true;
			case 22:
				return null;
			case 23:
				return undefined;
			case 25:
				return half(this.#take(2));
			case 26:
				this.#take(4);
				return this.#view.getFloat32(at);
			case 27:
				this.#take(8);
				return this.#view.getFloat64(at);
			default:
				throw this.error("there is no such value");
		}
	}
}

/** A float of 16 bits: sign, 5 bits of exponent, 10 of fraction. */
function half([high = 0, low = 0]: Uint8Array): number {
	const exponent = (high >> 2) & 31;
	const fraction = ((high & 3) << 8) + low;
	const sign = high > 127 ? -1 : 1;
	if (exponent === 31) return fraction === 0 ? sign * Infinity : Number.NaN;
	return sign * (exponent === 0 ? fraction * 2 ** -24 : (1024 + fraction) * 2 ** (exponent - 25));
}

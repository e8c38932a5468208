/**
 * CBOR, read strictly: cborg decodes, and a guard between its tokens and its tree refuses the rest.
 *
 * Left to itself cborg replaces broken UTF-8, drops a byte order mark, takes a break for a value,
 * nests until the stack ends and refuses tags and chunked text, which are well-formed. The guard
 * sees each token first: it counts depth, wants text for keys, decodes text again without mercy,
 * joins chunks, and skips tags, whose content is all that a manifest can mean.
 */
import { decodeFirst, encode, Token, Tokenizer, Type } from "cborg";
import { concat } from "./bytes.ts";
import { decodeText } from "./cursor.ts";
import { WebcError, type Where } from "./error.ts";

/** A decoded map: null-prototype, so that no key can mean more than itself. */
export interface Table {
	readonly [key: string]: unknown;
}

const options = {
	useMaps: true,
	rejectDuplicateMapKeys: true,
	allowIndefinite: true,
	allowBigInt: true,
};

/** An array or map that is being read. `left` counts the tokens that it still wants. */
interface Open {
	map: boolean;
	left: number;
	read: number;
}

class Guard extends Tokenizer {
	readonly #bytes: Uint8Array;
	readonly #depth: number;
	readonly #open: Open[] = [];
	/** The next byte. The tokenizer's own position lags behind where cborg would refuse a chunk. */
	#at = 0;

	constructor(bytes: Uint8Array, depth: number) {
		super(bytes, options);
		this.#bytes = bytes;
		this.#depth = depth;
	}

	override pos(): number {
		return this.#at;
	}

	override done(): boolean {
		return this.#at >= this.#bytes.length;
	}

	override next(): Token {
		let token = this.#token();
		for (let tags = 0; token.type === Type.tag; tags++) {
			if (tags >= this.#depth) throw new Error("too many tags on one value");
			if (this.done()) throw new Error("a tag without content");
			token = this.#token();
		}
		this.#place(token);
		return token;
	}

	#token(): Token {
		const start = this.#at;
		const first = this.#bytes[start];
		if (first === 0x5f || first === 0x7f) return this.#chunks(first === 0x7f);
		this._pos = start;
		const token = super.next();
		this.#at = this._pos;
		if (token.type === Type.string) token.value = text(this.#body(start, token));
		return token;
	}

	/** The content of the byte or text string at `start`: what follows its head. */
	#body(start: number, token: Token): Uint8Array {
		const minor = (this.#bytes[start] ?? 0) & 31;
		const head = minor < 24 ? 1 : 1 + 2 ** (minor - 24);
		return this.#bytes.subarray(start + head, start + (token.encodedLength ?? 0));
	}

	#chunks(isText: boolean): Token {
		const type = isText ? Type.string : Type.bytes;
		const parts: Uint8Array[] = [];
		this.#at += 1;
		while (this.#bytes[this.#at] !== 0xff) {
			const start = this.#at;
			const first = this.#bytes[start];
			if (first === undefined || first === 0x5f || first === 0x7f)
				throw new Error("a broken chunk");
			const chunk = this.#token();
			if (chunk.type !== type) throw new Error("a chunk of another type");
			parts.push(this.#body(start, chunk));
		}
		this.#at += 1;
		const bytes = concat(parts);
		return new Token(type, isText ? text(bytes) : bytes, 0);
	}

	/** Notes where in the tree the token stands, and refuses it where it must not stand. */
	#place(token: Token): void {
		const parent = this.#open.at(-1);
		if (token.type === Type.break) {
			if (parent?.left !== Infinity || (parent.map && parent.read % 2 === 1)) {
				throw new Error("a break where a value should be");
			}
			this.#open.pop();
			this.#close();
			return;
		}
		if (parent?.map && parent.read % 2 === 0 && token.type !== Type.string) {
			throw new Error("a key that is not text");
		}
		if (parent) {
			parent.left -= 1;
			parent.read += 1;
		}
		const map = token.type === Type.map;
		if (map || token.type === Type.array) {
			if (this.#open.length >= this.#depth) throw new Error(`more than ${this.#depth} levels`);
			this.#open.push({ map, left: token.value * (map ? 2 : 1), read: 0 });
		}
		this.#close();
	}

	#close(): void {
		while (this.#open.at(-1)?.left === 0) this.#open.pop();
	}
}

/** The map that `bytes` begins with, and how many bytes it takes. */
export function decodeMap(bytes: Uint8Array, depth: number, where: Where): [Table, number] {
	const guard = new Guard(bytes, depth);
	const fault = (what: string, cause?: unknown) =>
		new WebcError(
			"bad-cbor",
			`The CBOR is broken: ${what}`,
			{ ...where, offset: (where.offset ?? 0) + guard.pos() },
			cause,
		);
	let value: unknown;
	try {
		[value] = decodeFirst(bytes, { ...options, tokenizer: guard });
	} catch (error) {
		throw fault(error instanceof Error ? error.message : String(error), error);
	}
	if (!(value instanceof Map)) throw fault("it is not a map");
	return [plainMap(value), guard.pos()];
}

/** In the order given: no sorting. Shortest forms and definite lengths, as all known packers write. */
export function encodeMap(map: unknown): Uint8Array {
	return encode(map, { mapSorter: () => 0 });
}

/** A map of the manifest or index. */
export function isTable(value: unknown): value is Table {
	return typeof value === "object" && value !== null && Object.getPrototypeOf(value) === null;
}

function text(bytes: Uint8Array): string {
	const decoded = decodeText(bytes);
	if (decoded === undefined) throw new Error("text that is not UTF-8");
	return decoded;
}

/** A Map and all Maps in it as tables. */
export function plainMap(map: ReadonlyMap<unknown, unknown>): Table {
	const result: Record<string, unknown> = Object.create(null);
	for (const [key, value] of map) result[String(key)] = plain(value);
	return result;
}

function plain(value: unknown): unknown {
	if (value instanceof Map) return plainMap(value);
	return Array.isArray(value) ? value.map(plain) : value;
}

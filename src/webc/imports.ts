/**
 * What a WebAssembly module imports, from its bytes: without compiling it, which takes seconds for a
 * large one, and on runtimes that could not compile it.
 *
 *     magic, version | id, length, content | id, length, content | …       2 is the section of imports
 */
import { WebcError } from "./error.ts";

export interface ModuleImport {
	readonly module: string;
	readonly name: string;
	readonly kind: "function" | "table" | "memory" | "global" | "tag";
}

const IMPORTS = 2;
const KINDS = ["function", "table", "memory", "global", "tag"] as const;
const decoder = new TextDecoder("utf-8", { fatal: true });

/** The imports of a module, in its order. Errors: `"bad-module"`. */
export function moduleImports(bytes: Uint8Array): ModuleImport[] {
	try {
		return importsOf(new Reader(bytes));
	} catch (cause) {
		throw new WebcError("bad-module", "The imports of the module cannot be read", {}, cause);
	}
}

function importsOf(reader: Reader): ModuleImport[] {
	if (reader.text(4) !== "\0asm") throw new RangeError("no module");
	reader.skip(4);
	while (!reader.done) {
		const id = reader.byte();
		const length = reader.number();
		if (id === IMPORTS) return listOf(reader);
		reader.skip(length);
	}
	return [];
}

function listOf(reader: Reader): ModuleImport[] {
	const imports: ModuleImport[] = [];
	for (let left = reader.number(); left > 0; left--) {
		const module = reader.text(reader.number());
		const name = reader.text(reader.number());
		const kind = KINDS[reader.byte()];
		if (kind === undefined) throw new RangeError("no kind of import");
		skipType(reader, kind);
		imports.push({ module, name, kind });
	}
	return imports;
}

function skipType(reader: Reader, kind: ModuleImport["kind"]): void {
	if (kind === "tag") reader.skip(1);
	if (kind === "function" || kind === "tag") reader.number();
	if (kind === "global" || kind === "table") skipValueType(reader);
	if (kind === "global") reader.skip(1);
	if (kind === "memory" || kind === "table") {
		const flags = reader.byte();
		reader.long();
		if (flags & 1) reader.long();
		if (flags & 8) reader.number();
	}
}

/** One byte, or two where a reference names the type that it leads to. */
function skipValueType(reader: Reader): void {
	const type = reader.byte();
	if (type === 0x63 || type === 0x64) reader.long();
}

class Reader {
	readonly #bytes: Uint8Array;
	#at = 0;

	constructor(bytes: Uint8Array) {
		this.#bytes = bytes;
	}

	get done(): boolean {
		return this.#at === this.#bytes.length;
	}

	byte(): number {
		const byte = this.#bytes[this.#at++];
		if (byte === undefined) throw new RangeError("it ends too early");
		return byte;
	}

	skip(length: number): void {
		if (length > this.#bytes.length - this.#at) throw new RangeError("it ends too early");
		this.#at += length;
	}

	text(length: number): string {
		const start = this.#at;
		this.skip(length);
		return decoder.decode(this.#bytes.subarray(start, this.#at));
	}

	/** A number of up to 32 bits, seven in a byte. */
	number(): number {
		let value = 0;
		for (let shift = 0; shift < 35; shift += 7) {
			const byte = this.byte();
			value += (byte & 0x7f) * 2 ** shift;
			if (byte < 0x80) return value;
		}
		throw new RangeError("a number is too long");
	}

	/** Passes a number of up to 64 bits. */
	long(): void {
		for (let bytes = 0; bytes < 10; bytes++) if (this.byte() < 0x80) return;
		throw new RangeError("a number is too long");
	}
}

/**
 * Facts of a module that `WebAssembly.Module` does not tell: the type of each imported function and the limits of
 * each imported memory. They stand in the module's first sections, so little is read.
 *
 *     magic, version │ custom* │ 1 types │ 2 imports │ …
 *
 * Functions are told apart by their types because programs import one name in several forms: `proc_join` with
 * two parameters in older programs and three in newer ones. Source: WebAssembly core specification 5.4, 5.5.
 */

/** The type of an imported function: a letter for each parameter and result, `i` for i32, `I` for i64, `f` and `F` for the
 *  floats, and `?` for all else. */
export interface FunctionShape {
	readonly params: string;
	readonly results: string;
}

export interface ImportFacts {
	readonly module: string;
	readonly name: string;
	/** For a function; undefined where its type is one that is not known here. */
	readonly shape?: FunctionShape | undefined;
	/** For a memory. */
	readonly memory?: MemoryFacts;
}

export interface MemoryFacts {
	/** In pages of 64 KiB. */
	readonly minimum: number;
	readonly maximum: number | undefined;
	readonly shared: boolean;
	/** Whether addresses have 64 bits. */
	readonly wide: boolean;
}

const TYPES = 1;
const IMPORTS = 2;
const FUNCTION_FORM = 0x60;
const LETTERS: ReadonlyMap<number, string> = new Map([
	[0x7f, "i"],
	[0x7e, "I"],
	[0x7d, "f"],
	[0x7c, "F"],
]);
/** References that name a heap type. */
const HEAP_TYPED = [0x63, 0x64];
const HAS_MAXIMUM = 1;
const SHARED = 2;
const WIDE = 4;
/** A memory whose pages have another size says so with this flag; it is not known here. */
const CUSTOM_PAGES = 8;

/** What a module imports, in order; null for what is no module, or is cut off within its imports. */
export function importFacts(bytes: Uint8Array): ImportFacts[] | null {
	try {
		return new Head(bytes).imports();
	} catch (error) {
		if (error instanceof RangeError) return null;
		throw error;
	}
}

/** Reads a module's first sections. Errors: RangeError for what is cut off or not known. */
class Head {
	readonly #bytes: Uint8Array;
	#at = 8;
	#end: number;

	constructor(bytes: Uint8Array) {
		this.#bytes = bytes;
		this.#end = bytes.length;
	}

	imports(): ImportFacts[] {
		let shapes: (FunctionShape | undefined)[] = [];
		while (this.#at < this.#bytes.length) {
			this.#end = this.#bytes.length;
			const id = this.#byte();
			const size = this.#number();
			const end = this.#at + size;
			if (end > this.#bytes.length) throw new RangeError("cut off");
			this.#end = end;
			if (id === TYPES) shapes = this.#types();
			if (id === IMPORTS) return this.#list(shapes);
			// Imports come second, if there are any.
			if (id > IMPORTS) return [];
			this.#at = end;
		}
		return [];
	}

	/** Up to the first type of a form that is not known. */
	#types(): (FunctionShape | undefined)[] {
		const count = this.#count();
		const shapes: (FunctionShape | undefined)[] = [];
		while (shapes.length < count && this.#byte() === FUNCTION_FORM) {
			shapes.push({ params: this.#letters(), results: this.#letters() });
		}
		return shapes;
	}

	#letters(): string {
		let letters = "";
		for (let left = this.#count(); left > 0; left--) {
			const type = this.#byte();
			if (HEAP_TYPED.includes(type)) this.#number();
			letters += LETTERS.get(type) ?? "?";
		}
		return letters;
	}

	#list(shapes: readonly (FunctionShape | undefined)[]): ImportFacts[] {
		const list: ImportFacts[] = [];
		for (let left = this.#count(); left > 0; left--) {
			const names = { module: this.#name(), name: this.#name() };
			list.push({ ...names, ...this.#kind(shapes) });
		}
		return list;
	}

	#kind(shapes: readonly (FunctionShape | undefined)[]): Partial<ImportFacts> {
		switch (this.#byte()) {
			case 0:
				return { shape: shapes[this.#number()] };
			case 1:
				if (HEAP_TYPED.includes(this.#byte())) this.#number();
				this.#memory();
				return {};
			case 2:
				return { memory: this.#memory() };
			case 3:
				if (HEAP_TYPED.includes(this.#byte())) this.#number();
				this.#byte();
				return {};
			case 4:
				this.#byte();
				this.#number();
				return {};
			default:
				throw new RangeError("an import of a kind that is not known");
		}
	}

	/** Limits, which tables have as well. */
	#memory(): MemoryFacts {
		const flags = this.#byte();
		if ((flags & CUSTOM_PAGES) !== 0) throw new RangeError("pages of another size");
		const minimum = this.#number();
		const maximum = (flags & HAS_MAXIMUM) !== 0 ? this.#number() : undefined;
		return { minimum, maximum, shared: (flags & SHARED) !== 0, wide: (flags & WIDE) !== 0 };
	}

	#name(): string {
		const length = this.#count();
		const start = this.#at;
		this.#at += length;
		return new TextDecoder().decode(this.#bytes.slice(start, this.#at));
	}

	/** A count of things of which each takes a byte at least. */
	#count(): number {
		const count = this.#number();
		if (count > this.#end - this.#at) throw new RangeError("cut off");
		return count;
	}

	/** A LEB128 number. */
	#number(): number {
		let value = 0;
		for (let unit = 1; ; unit *= 128) {
			const byte = this.#byte();
			value += (byte & 0x7f) * unit;
			if (byte < 0x80) return value;
			if (unit > 2 ** 56) throw new RangeError("a number that is too long");
		}
	}

	#byte(): number {
		if (this.#at >= this.#end) throw new RangeError("cut off");
		return this.#bytes[this.#at++] as number;
	}
}

/**
 * Modules by hand: sections of bytes, a host that answers for fuel, and a plain decoder that shares nothing with
 * the pass.
 */

export const I32 = 0x7f;
export const I64 = 0x7e;
export const F32 = 0x7d;
export const F64 = 0x7c;
export const V128 = 0x7b;
export const FUNCREF = 0x70;
export const EXTERNREF = 0x6f;
export const END = 0x0b;

/** An unsigned LEB, of at least so many bytes: linkers pad to five. */
export function leb(value: number, least = 1): number[] {
	const out: number[] = [];
	let rest = value >>> 0;
	do {
		const more = rest > 0x7f || out.length + 1 < least;
		out.push((rest & 0x7f) | (more ? 0x80 : 0));
		rest >>>= 7;
	} while (rest > 0 || out.length < least);
	return out;
}

export const text = (name: string) => [...leb(name.length), ...new TextEncoder().encode(name)];
export const section = (id: number, payload: number[]) => [id, ...leb(payload.length), ...payload];
const list = (items: number[][]) => [...leb(items.length), ...items.flat()];
export const fn = (params: number[], results: number[]) => [
	0x60,
	...leb(params.length),
	...params,
	...leb(results.length),
	...results,
];

export function body(code: number[], locals: number[][] = [], padTo = 1): number[] {
	const bytes = [...leb(locals.length, padTo), ...locals.flat(), ...code, END];
	return [...leb(bytes.length, padTo), ...bytes];
}

export interface Parts {
	types?: number[][];
	imports?: number[][];
	functions?: number[];
	tables?: number[][];
	memories?: number[][];
	tags?: number[][];
	globals?: number[][];
	exports?: number[][];
	start?: number;
	elements?: number[][];
	dataCount?: number;
	bodies?: number[][];
	data?: number[][];
	/** Between any two sections. */
	between?: number[];
}

/** A module of lists of items; what is left out is no section. */
export function wasm(parts: Parts): Uint8Array<ArrayBuffer> {
	const sections: number[][] = [];
	const add = (id: number, items: number[][] | undefined) => {
		if (items) sections.push(section(id, list(items)));
	};
	add(1, parts.types);
	add(2, parts.imports);
	add(
		3,
		parts.functions?.map((type) => leb(type)),
	);
	add(4, parts.tables);
	add(5, parts.memories);
	add(13, parts.tags);
	add(6, parts.globals);
	add(7, parts.exports);
	if (parts.start !== undefined) sections.push(section(8, leb(parts.start)));
	add(9, parts.elements);
	if (parts.dataCount !== undefined) sections.push(section(12, leb(parts.dataCount)));
	add(10, parts.bodies);
	add(11, parts.data);
	const between = parts.between ?? [];
	return Uint8Array.from([
		...[0, 0x61, 0x73, 0x6d, 1, 0, 0, 0, ...between],
		...sections.flatMap((bytes) => [...bytes, ...between]),
	]);
}

export const exported = (name: string, index = 0, kind = 0) => [...text(name), kind, ...leb(index)];

/** A module with one function, called `f`. */
export function single(
	params: number[],
	results: number[],
	code: number[],
	more: Parts & { locals?: number[][] } = {},
): Uint8Array<ArrayBuffer> {
	const { locals = [], types = [], functions = [], bodies = [], exports = [], ...parts } = more;
	return wasm({
		types: [fn(params, results), ...types],
		functions: [0, ...functions],
		exports: [exported("f", parts.imports?.length ?? 0), ...exports],
		bodies: [body(code, locals), ...bodies],
		...parts,
	});
}

/** A wasm function of the type `() -> i32`, or of the hooks: a table takes no others. */
export function wasmFunction(
	params: number[],
	call: (...args: never[]) => number,
): WebAssembly.ExportValue {
	const module = wasm({
		types: [fn(params, [I32])],
		imports: [[...text("h"), ...text("f"), 0, 0]],
		exports: [exported("f")],
	});
	return exportsOf(module, { h: { f: call } }).f as WebAssembly.ExportValue;
}

export type Exports = Record<string, WebAssembly.ExportValue>;

export function exportsOf(module: Uint8Array<ArrayBuffer>, imports = {}): Exports {
	return new WebAssembly.Instance(new WebAssembly.Module(module), imports).exports;
}

/** Fills the table of a metered instance, and grants `fuel` at the start and whenever asked. Answers with the
 *  number of asks so far. */
export function feed(exports: Exports, fuel: number, answer = () => fuel): () => number {
	let asks = 0;
	const table = exports["porthole:breathe"];
	if (!(table instanceof WebAssembly.Table)) return () => asks;
	const breathe = wasmFunction([], () => {
		asks++;
		return answer();
	});
	table.set(0, breathe);
	call(exports, "porthole:fuel", fuel);
	return () => asks;
}

/** Calls an export; a trap is answered by its message. */
export function call(exports: Exports, name: string, ...args: unknown[]): unknown {
	const found = exports[name];
	if (typeof found !== "function") throw new Error(`no function ${name}`);
	try {
		return found(...args);
	} catch (error) {
		return `${error}`;
	}
}

export interface Decoded {
	id: number;
	start: number;
	end: number;
}

/** The sections of a module, by a decoder of its own. */
export function sectionsOf(bytes: Uint8Array): Decoded[] {
	const sections: Decoded[] = [];
	for (let at = 8; at < bytes.length; ) {
		const id = bytes[at] as number;
		const [size, start] = readLeb(bytes, at + 1);
		sections.push({ id, start, end: start + size });
		at = start + size;
	}
	return sections;
}

export function readLeb(bytes: Uint8Array, at: number): [value: number, next: number] {
	let value = 0;
	for (let shift = 0, p = at; ; shift += 7) {
		const byte = bytes[p++] as number;
		value += (byte & 0x7f) * 2 ** shift;
		if (byte < 0x80) return [value, p];
	}
}

/** The bodies in the code section: where each begins and ends. */
export function bodiesOf(bytes: Uint8Array): { start: number; end: number }[] {
	const code = sectionsOf(bytes).find(({ id }) => id === 10);
	if (!code) return [];
	let [left, at] = readLeb(bytes, code.start);
	const bodies: { start: number; end: number }[] = [];
	for (; left > 0; left--) {
		const [size, start] = readLeb(bytes, at);
		at = start + size;
		bodies.push({ start, end: at });
	}
	return bodies;
}

/** The custom section of a name: where its payload begins and ends. */
export function customOf(bytes: Uint8Array, name: string): Decoded | undefined {
	for (const { id, start, end } of sectionsOf(bytes)) {
		if (id !== 0) continue;
		const [length, at] = readLeb(bytes, start);
		const found = new TextDecoder().decode(bytes.subarray(at, at + length));
		if (found === name) return { id, start: at + length, end };
	}
	return undefined;
}

/** The hints: of each function, by index, the offsets in its body. */
export function hintsOf(bytes: Uint8Array): Map<number, number[]> {
	const hints = new Map<number, number[]>();
	const found = customOf(bytes, "metadata.code.branch_hint");
	if (!found) return hints;
	let at = found.start;
	const next = () => {
		const [value, end] = readLeb(bytes, at);
		at = end;
		return value;
	};
	for (let functions = next(); functions > 0; functions--) {
		const offsets: number[] = [];
		hints.set(next(), offsets);
		for (let count = next(); count > 0; count--) {
			offsets.push(next());
			if (next() !== 1 || next() !== 0) throw new Error("a hint that is none");
		}
	}
	if (at !== found.end) throw new Error("hints that do not end where they say");
	return hints;
}

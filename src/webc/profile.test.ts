/**
 * Access profiles: what is one, and what is not.
 */
import { expect, test } from "vitest";
import { readProfile } from "./index.ts";

const sha256 = "0123456789abcdef".repeat(4);
const good = {
	format: 1,
	size: 1000,
	spans: [
		[900, 100],
		[0, 1],
	],
	atoms: { [sha256]: "a.wasm" },
};

test("a profile is what it was", () => {
	expect(readProfile(JSON.parse(JSON.stringify(good)))).toEqual(good);
	expect(readProfile({ format: 1, size: 0, spans: [] })).toMatchObject({ spans: [] });
});

test.each([
	["null", null],
	["a list", []],
	["text", "profile"],
	["another format", { ...good, format: 2 }],
	["no size", { ...good, size: undefined }],
	["a negative size", { ...good, size: -1 }],
	["no spans", { ...good, spans: undefined }],
	["spans that are none", { ...good, spans: { length: 1 } }],
	["a span of text", { ...good, spans: [["0", "1"]] }],
	["a span of one number", { ...good, spans: [[1]] }],
	["a span beyond the end", { ...good, spans: [[900, 101]] }],
	[
		"a span that overflows",
		{ ...good, spans: [[Number.MAX_SAFE_INTEGER, Number.MAX_SAFE_INTEGER]] },
	],
	["an empty span", { ...good, spans: [[0, 0]] }],
	["half a byte", { ...good, spans: [[0.5, 1]] }],
	["a million spans", { ...good, spans: new Array(1_000_000).fill([0, 1]) }],
	["an atom that is no digest", { ...good, atoms: { __proto__: null, constructor: "x" } }],
	["an atom at a number", { ...good, atoms: { [sha256]: 5 } }],
	["an atom at a long address", { ...good, atoms: { [sha256]: "x".repeat(3000) } }],
	["atoms that are a list", { ...good, atoms: [] }],
])("%s is refused", (_, value) => {
	expect(() => readProfile(value)).toThrow(expect.objectContaining({ code: "bad-profile" }));
});

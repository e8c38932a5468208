import { expect, test } from "vitest";
import { evictions } from "./eviction.ts";

const held = [
	{ name: "new", bytes: 40, used: 30, past: false },
	{ name: "old", bytes: 30, used: 10, past: false },
	{ name: "replaced", bytes: 20, used: 40, past: true },
	{ name: "middle", bytes: 10, used: 20, past: false },
];

const names = (needed: number, limit: number) =>
	evictions(held, needed, limit)?.map(({ name }) => name) ?? null;

test("nothing goes while there is room", () => {
	expect(names(0, 100)).toEqual([]);
	expect(names(50, 150)).toEqual([]);
});

test("what was replaced goes first, then what was used longest ago, and no more than is needed", () => {
	expect(names(1, 100)).toEqual(["replaced"]);
	expect(names(21, 100)).toEqual(["replaced", "old"]);
	expect(names(51, 100)).toEqual(["replaced", "old", "middle"]);
	expect(names(100, 100)).toEqual(["replaced", "old", "middle", "new"]);
});

test("what will never fit throws nothing out", () => {
	expect(names(101, 100)).toBeNull();
});

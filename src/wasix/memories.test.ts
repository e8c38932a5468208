import { expect, test } from "vitest";
import { giveMemory, takeMemory } from "./memories.ts";

const PAGE = 65_536;

test("a memory is used again: larger than asked for, grown where it is smaller, and empty", () => {
	const first = takeMemory(2, 10);
	first.grow(1);
	new Uint8Array(first.buffer).fill(7);
	giveMemory(first, 10);
	expect(takeMemory(2, 11)).not.toBe(first);
	const again = takeMemory(2, 10);
	expect(again).toBe(first);
	expect(new Uint8Array(again.buffer)).toEqual(new Uint8Array(3 * PAGE));

	new Uint8Array(again.buffer).fill(7);
	giveMemory(again, 10);
	const grown = takeMemory(5, 10, 100);
	expect(grown).toBe(first);
	const bytes = new Uint8Array(grown.buffer);
	expect(bytes.length).toBe(5 * PAGE);
	// What will be written over is left as it is.
	expect(bytes.indexOf(0)).toBe(100);
	expect(bytes.lastIndexOf(7)).toBe(99);
});

test("what is much larger than asked for is left, and what is huge or empty is not kept", () => {
	const large = takeMemory(200, 1000);
	giveMemory(large, 1000);
	expect(takeMemory(1, 1000)).not.toBe(large);
	expect(takeMemory(150, 1000)).toBe(large);
	const huge = takeMemory(600, 2000);
	giveMemory(huge, 2000);
	expect(takeMemory(600, 2000)).not.toBe(huge);
	const empty = takeMemory(0, undefined);
	giveMemory(empty, undefined);
	expect(takeMemory(0, undefined)).not.toBe(empty);
});

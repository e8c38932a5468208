import { describe, expect, test } from "vitest";
import { E2BIG, EFAULT, EILSEQ, ENAMETOOLONG } from "../abi/errno.ts";
import { Memory, utf8 } from "../abi/memory.ts";
import { absolutePath, arrayAt, itemOf, listAt, textAt, textOf } from "./text.ts";

function memory(): Memory {
	const made = new Memory();
	made.attach(new WebAssembly.Memory({ initial: 20 }));
	return made;
}

function put(made: Memory, at: number, text: string): number {
	return made.setBytes(at, 1 << 16, utf8(text));
}

describe("a list in one string", () => {
	test.each([
		["each item ends with a newline", "a\nb\n", ["a", "b"]],
		["older programs only join", "a\nb", ["a", "b"]],
		["an empty item in the middle", "a\n\nb\n", ["a", "", "b"]],
		["one empty item", "\n", [""]],
		["nothing", "", []],
	])("%s", (_, written, items) => {
		const made = memory();
		const list = listAt(made, 16, put(made, 16, written));
		expect(Array.isArray(list) && list.map(textOf)).toEqual(items);
	});

	test("beyond the memory, or too long", () => {
		const made = memory();
		expect(listAt(made, made.size - 1, 2)).toBe(EFAULT);
		expect(listAt(made, -1, 1)).toBe(EFAULT);
		expect(listAt(made, 0, (1 << 20) + 1)).toBe(E2BIG);
		made.u8.fill(10, 0, 70000);
		expect(listAt(made, 0, 70000)).toBe(E2BIG);
	});
});

describe("an array of pointers", () => {
	test("leads to strings, which may hold newlines and be empty", () => {
		const made = memory();
		put(made, 100, "a\nb\0\0");
		made.setU32(16, 100);
		made.setU32(20, 104);
		made.setU32(24, 0);
		const list = arrayAt(made, 16, 9);
		expect(Array.isArray(list) && list.map(textOf)).toEqual(["a\nb", ""]);
	});

	test("without an end, or to nowhere", () => {
		const made = memory();
		made.setU32(16, made.size);
		expect(arrayAt(made, 16, 1)).toBe(EFAULT);
		expect(arrayAt(made, made.size - 2, 1)).toBe(EFAULT);
		expect(arrayAt(made, 0, -1)).toBe(E2BIG);
		made.u8.fill(1);
		expect(arrayAt(made, 0, 1)).toBe(EFAULT);
		for (let at = 0; at < 8; at += 4) made.setU32(at, 64);
		made.u8[64 + (1 << 19)] = 0;
		expect(arrayAt(made, 0, 1)).toHaveLength(1);
		expect(arrayAt(made, 0, 2)).toBe(E2BIG);
	});
});

test("a name is UTF-8 of bounded length", () => {
	const made = memory();
	expect(textAt(made, 8, put(made, 8, "/bin/ä"))).toBe("/bin/ä");
	made.u8[8] = 0xff;
	expect(textAt(made, 8, 1)).toBe(EILSEQ);
	expect(textAt(made, 8, 4097)).toBe(ENAMETOOLONG);
	expect(textAt(made, made.size, 1)).toBe(EFAULT);
});

test.each([
	["/", "a", "/a"],
	["/a/b", "../c", "/a/c"],
	["/a", "/x//y/./z/..", "/x/y"],
	["/", "../..", "/"],
	["/a", ".", "/a"],
])("from %s the path %s is %s", (cwd, path, absolute) => {
	expect(absolutePath(cwd, path)).toBe(absolute);
});

test("an item ends with a NUL", () => {
	expect([...itemOf("é")]).toEqual([0xc3, 0xa9, 0]);
	expect(textOf(itemOf("é"))).toBe("é");
});

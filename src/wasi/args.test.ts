import { describe, expect, test } from "vitest";
import { Session, transcript } from "./transcript.testkit.ts";

const world = {
	args: ["program", "", "ä b", "日本"],
	env: [
		["HOME", "/home"],
		["EMPTY", ""],
		["EQUALS", "a=b"],
	],
} as const;

test("arguments and environment arrive as they were given, each ended by a zero", () => {
	transcript(
		`
		args_sizes_get = 4 21
		args_get = "program\\u0000" "\\u0000" "ä b\\u0000" "日本\\u0000"
		environ_sizes_get = 3 29
		environ_get = "HOME=/home\\u0000" "EMPTY=\\u0000" "EQUALS=a=b\\u0000"
		`,
		world,
	);
});

test("and beside every alignment", () => {
	for (const skew of [1, 2, 3]) {
		transcript(`environ_get = "HOME=/home\\u0000" "EMPTY=\\u0000" "EQUALS=a=b\\u0000"`, {
			...world,
			skew,
		});
	}
});

test("where there are none", () => {
	transcript(
		`
		args_sizes_get = 0 0
		args_get = ok
		environ_sizes_get = 0 0
		environ_get = ok
		`,
		{ args: [] },
	);
});

describe("room at the very end of memory", () => {
	const end = 65536;
	test.each([
		["fits", 0, 0, 0],
		["is a byte short for the pointers", 1, 0, 21],
		["is a byte short for the strings", 0, 1, 21],
	])("%s", (_name, pointers, strings, errno) => {
		const session = new Session(world);
		expect(session.calls.args_get?.(end - 16 + pointers, end - 16 - 21 + strings)).toBe(
			strings === 0 ? errno : 0,
		);
		expect(session.calls.args_get?.(end - 21 - 16 + pointers, end - 21 + strings)).toBe(
			pointers === 0 ? errno : 0,
		);
	});
});

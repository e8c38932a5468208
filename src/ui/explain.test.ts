import { expect, test } from "vitest";
import { PortholeError } from "../index.ts";
import { explain } from "./explain.ts";

test("missing imports are a list", () => {
	const message =
		"the program imports what Porthole does not have: elsewhere.answer (function), wasix_32v1.x (function), env.memory (memory). Pass functions of your own as `imports`";
	const { what, list } = explain(new PortholeError("missing-imports", message));
	expect(list).toEqual([
		"elsewhere.answer (function)",
		"wasix_32v1.x (function)",
		"env.memory (memory)",
	]);
	expect(what).toBe("It imports 3 things that nobody provides:");
});

test.each([
	"http-error",
	"network-error",
	"bad-magic",
	"checksum",
	"out-of-memory",
	"no-entry",
	"not-supported",
])("%s says what to do next, in the library's words and ours", (code) => {
	const { title, what, next } = explain(new PortholeError(code, "the message"));
	expect(title).not.toBe("That did not work");
	expect(what).toBe("the message");
	expect(next.length).toBeGreaterThan(0);
});

test("an error of another kind is a fault of ours", () => {
	expect(explain(new TypeError("x is undefined"))).toMatchObject({
		title: "Porthole has a fault",
		what: "x is undefined",
	});
});

import { expect, test } from "vitest";
import { readVariables } from "./variables.ts";

test("a variable on each line, and lines without text are passed over", () => {
	expect(readVariables("A=1\n\n B=two words \r\nEMPTY=\nC=x=y")).toEqual({
		variables: { A: "1", B: "two words ", EMPTY: "", C: "x=y" },
		count: 4,
	});
	expect(readVariables("  \n")).toEqual({ variables: {}, count: 0 });
});

test("a line that is none is named", () => {
	expect(readVariables("A=1\nno equals")).toEqual({ problem: "line 2 is not KEY=value" });
	expect(readVariables("=x")).toEqual({ problem: "line 1 is not KEY=value" });
});

test("names of an object's own are names like others", () => {
	const found = readVariables("__proto__=1\nconstructor=2");
	if ("problem" in found) throw new Error(found.problem);
	expect(Object.entries(found.variables)).toEqual([
		["__proto__", "1"],
		["constructor", "2"],
	]);
});

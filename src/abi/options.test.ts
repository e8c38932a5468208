import { expect, test } from "vitest";
import { checkNames, didYouMean } from "./options.ts";

const known = { packages: 0, mounts: 0, readOnly: 0, stdin: 0, stdout: 0, currentDir: 0 };

test("a name that is nearly right is told the right one", () => {
	for (const [wrong, right] of [
		["package", "packages"],
		["mount", "mounts"],
		["readonly", "readOnly"],
		["stdIn", "stdin"],
		["stdot", "stdout"],
		["currentDirectory", "currentDir"],
	] as const) {
		expect(() => checkNames("create", { [wrong]: 1 }, known)).toThrow(
			`${wrong} is no option of create; did you mean ${right}?`,
		);
	}
	expect(didYouMean("quux", Object.keys(known))).toBeUndefined();
	expect(() => checkNames("create", { quux: 1 }, { a: 0, b: 0 })).toThrow("it has a, b");
});

test("names of Object.prototype are no options", () => {
	for (const name of ["constructor", "toString", "hasOwnProperty"]) {
		expect(() => checkNames("create", { [name]: 1 }, known)).toThrow(name);
	}
	expect(() => checkNames("create", JSON.parse('{ "__proto__": 1 }'), known)).toThrow("__proto__");
});

test("what is right, or not set, passes", () => {
	checkNames("create", { packages: [], mounts: undefined, other: undefined }, known);
	checkNames("create", Object.create({ inherited: 1 }), known);
	for (const strange of [null, 7, "text"]) {
		expect(() => checkNames("create", strange as unknown as object, known)).toThrow(
			"not an object",
		);
	}
});

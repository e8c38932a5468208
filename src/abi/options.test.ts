import { expect, test } from "vitest";
import { didYouMean } from "./nearest.ts";
import { checkNames, takeNoMore } from "./options.ts";

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

test("what follows the arguments of a method is refused", async () => {
	class Tree {
		static {
			takeNoMore(Tree, "read move");
		}
		async read(path: string): Promise<string> {
			return path;
		}
		async move(from: string, to: string): Promise<string> {
			return `${from} ${to} ${await this.read("")}`;
		}
	}
	const tree = new Tree();
	await expect(tree.move("a", "b")).resolves.toBe("a b ");
	await expect(Reflect.apply(tree.read, tree, ["a", undefined])).resolves.toBe("a");
	for (const more of ["utf8", {}, 0, null]) {
		await expect(Reflect.apply(tree.read, tree, ["a", more])).rejects.toMatchObject({
			code: "invalid-option",
			message: "read takes 1 argument; leave out what follows",
		});
	}
});

import { expect, test } from "vitest";
import { fitting } from "./conformance.ts";
import { MemoryDirectory } from "./directories.ts";

for (const { name, run } of fitting(new MemoryDirectory())) {
	test(`memory: ${name}`, () => {
		const store = new MemoryDirectory();
		return run({ store, again: async () => store });
	});
}

test("files and empty directories can be there from the start", async () => {
	const bytes = Uint8Array.of(98);
	const store = new MemoryDirectory({ "a/f": "text", "/g": bytes, "a/empty/": "", "h//": "" });
	bytes[0] = 0;
	const names = async (path: string) => (await store.list(path)).map(({ name }) => name).sort();
	expect(await names("/")).toEqual(["a", "g", "h"]);
	expect(await names("/a")).toEqual(["empty", "f"]);
	expect(await names("/a/empty")).toEqual([]);
	expect(await store.read("/g", 0, 9)).toEqual(Uint8Array.of(98));
});

test.each([
	["EINVAL", { "": "x" }],
	["ENOTDIR", { a: "x", "a/b": "y" }],
	["EISDIR", { "a/b": "y", a: "x" }],
])("files that contradict each other are %s, at every call", async (code, files) => {
	const store = new MemoryDirectory(files);
	await expect(store.list("/")).rejects.toMatchObject({ code });
	await expect(store.list("/")).rejects.toMatchObject({ code });
});

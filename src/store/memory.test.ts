import { expect, test } from "vitest";
import { MemoryDirectory } from "../mounts/directories.ts";
import { fitting } from "./conformance.testkit.ts";

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

test("a file in memory is refused where it could not be one piece, and no memory is asked for", async () => {
	const store = new MemoryDirectory({ f: "text" });
	for (const size of [2 ** 31 + 1, 2 ** 33, 2 ** 40, 2 ** 53 - 1]) {
		await expect(store.resize("/f", size)).rejects.toMatchObject({ code: "EFBIG" });
		await expect(store.write("/f", size, Uint8Array.of(1))).rejects.toMatchObject({
			code: "EFBIG",
		});
	}
	expect((await store.list("/"))[0]?.size).toBe(4);
});

/**
 * The store of the private file system, on handles in memory: what every store passes, and what tabs tell
 * each other of the names that they have changed.
 */
import { expect, test } from "vitest";
import { cases } from "../store/conformance.testkit.ts";
import { Identities } from "../store/identities.ts";
import { DraftWriters } from "./draft-writers.ts";
import { openOPFSStore } from "./opfs-store.ts";
import { newOrigin } from "./origin.testkit.ts";
import { InPlaceWriters } from "./writers.ts";

const FITTING = cases.filter(({ needs = [] }) =>
	needs.every((need) => need !== "link" && need !== "watch"),
);
let tabs = 0;

const open = (path = "/", inPlace = true) => {
	tabs += 1;
	return openOPFSStore(path, `tab ${tabs}`, (exclusively) =>
		inPlace ? new InPlaceWriters() : new DraftWriters(exclusively),
	);
};
const encode = (text: string) => new TextEncoder().encode(text);
const idOf = async (store: Awaited<ReturnType<typeof open>>, name: string, path = "/") =>
	(await store.list(path)).find((one) => one.name === name)?.id;

for (const { name, run } of FITTING) {
	test(`private: ${name}`, async () => {
		newOrigin();
		const store = await open();
		await run({ store, again: () => open() });
	});
}

test("a tab that is killed has told that it would change names", async () => {
	const { locks } = newOrigin();
	const [one, two, three] = [await open(), await open(), await open()];
	for (const name of ["f", "n"]) {
		await one.make(`/${name}`, "file");
		await one.write(`/${name}`, 0, encode(name));
	}
	const id = await idOf(two, "f");
	expect(await two.read("/f", 0, 9, id)).toEqual(encode("f"));
	await one.write("/f", 0, encode("F"));
	// Killed. What it has only written is the same file.
	locks.drop();
	expect(await two.read("/f", 0, 9, id)).toEqual(encode("F"));
	await three.rename("/n", "/f");
	locks.drop();
	await expect(two.read("/f", 0, 9, id)).rejects.toMatchObject({ code: "ESTALE" });
	expect(await two.read("/f", 0, 9, await idOf(two, "f"))).toEqual(encode("n"));
});

test("a tab that is killed while it changes names leaves the files of other directories as they are", async () => {
	const { locks } = newOrigin();
	const [one, two] = [await open(), await open()];
	for (const name of ["a", "b", "b/c"]) await one.make(`/${name}`, "directory");
	for (const path of ["/a/f", "/b/g", "/b/c/h"]) {
		await one.make(path, "file");
		await one.write(path, 0, encode(path));
	}
	const [f, g] = [await idOf(two, "f", "/a"), await idOf(two, "g", "/b")];
	await one.remove("/b/c/h");
	locks.drop();
	expect(await two.read("/a/f", 0, 9, f)).toEqual(encode("/a/f"));
	expect(await two.read("/b/g", 0, 9, g)).toEqual(encode("/b/g"));
	const three = await open();
	await three.make("/b/new", "file");
	await three.rename("/b/new", "/b/g");
	locks.drop();
	expect(await two.read("/a/f", 0, 9, f)).toEqual(encode("/a/f"));
	await expect(two.read("/b/g", 0, 9, g)).rejects.toMatchObject({ code: "ESTALE" });
	// One that has gone on to another directory has told of both.
	const four = await open();
	await four.make("/b/other", "file");
	await four.rename("/b/other", "/b/g");
	await four.rename("/b/g", "/a/f");
	locks.drop();
	await expect(two.read("/a/f", 0, 9, f)).rejects.toMatchObject({ code: "ESTALE" });
});

test.each([true, false])(
	"a file that had no room is the same file when there is some (%s)",
	async (inPlace) => {
		const { disk } = newOrigin();
		const store = await open("/", inPlace);
		await store.make("/old", "file");
		await store.write("/old", 0, new Uint8Array(1000));
		const id = (await store.make("/f", "file"))?.id;
		await store.sync();
		disk.quota = 1500;
		const change = {
			call: "write",
			path: "/f",
			offset: 0,
			bytes: encode("f".repeat(900)),
			id,
		} as const;
		const full = await store.apply([change], true).catch((error) => [error.code]);
		expect(full).toEqual(["ENOSPC"]);
		await store.remove("/old");
		expect(await store.apply([change], true)).toEqual([null]);
		expect(await store.read("/f", 0, 2000, id)).toEqual(change.bytes);
	},
);

test("a file is removed although its directory's notes have no room", async () => {
	const { disk } = newOrigin();
	const store = await open();
	for (const name of ["f", "g"]) {
		await store.make(`/${name}`, "file");
		await store.utimes(`/${name}`, 1n, 2n);
	}
	disk.quota = disk.used;
	disk.onCall = (method) => {
		if (method === "createWritable") throw new DOMException("full", "QuotaExceededError");
	};
	await store.remove("/f");
	expect((await store.list("/")).map(({ name, times }) => [name, times?.modified])).toEqual([
		["g", 2n],
	]);
});

test("mounts that lie in each other tell each other, and others are left alone", async () => {
	newOrigin();
	const [top, inner, beside] = [await open("/"), await open("/a/b"), await open("/c")];
	for (const path of ["/a/b/f", "/a/b/n", "/c/f"]) await top.make(path, "file");
	const [f, n, c] = [await idOf(inner, "f"), await idOf(inner, "n"), await idOf(beside, "f")];
	await top.rename("/a/b/n", "/a/b/f");
	await expect(inner.read("/f", 0, 9, f)).rejects.toMatchObject({ code: "ESTALE" });
	await expect(inner.read("/n", 0, 9, n)).rejects.toMatchObject({ code: "ENOENT" });
	expect(await beside.read("/f", 0, 9, c)).toEqual(new Uint8Array(0));
	const again = await idOf(top, "f", "/a/b");
	await inner.remove("/f");
	await inner.make("/f", "file");
	await expect(top.read("/a/b/f", 0, 9, again)).rejects.toMatchObject({ code: "ESTALE" });
});

test("to a tab that has not looked for long anything may have changed", async () => {
	newOrigin();
	const [one, two] = [await open("/d"), await open("/d")];
	await one.make("/f", "file");
	const id = await idOf(two, "f");
	// As many tabs that each change a name and let go.
	const { Renames } = await import("./renames.ts");
	for (let i = 0; i < 520; i++) {
		const other = new Renames("/e", `other ${i}`);
		await other.note(["/e/x"]);
		await other.write();
	}
	await one.read("/f", 0, 1);
	await expect(two.read("/f", 0, 9, id)).rejects.toMatchObject({ code: "ESTALE" });
});

test("where tabs cannot tell each other, no file is told from another", async () => {
	newOrigin();
	Object.assign(indexedDB, {
		open: () => {
			throw new DOMException("not here", "SecurityError");
		},
	});
	const store = await open();
	await store.make("/f", "file");
	expect(await idOf(store, "f")).toBeUndefined();
	await store.rename("/f", "/g");
	expect(await store.read("/g", 0, 1, 7)).toEqual(new Uint8Array(0));
});

test("numbers go along with what is renamed, and no two files have had the same", () => {
	const files = new Identities();
	const f = files.assign("/d/f");
	expect(files.assign("d/f/")).toBe(f);
	files.move("/d", "/e");
	expect([files.has("/e/f", f), files.has("/d/f", f)]).toEqual([true, false]);
	expect(files.assign("/d/f")).not.toBe(f);
	files.move("/e/f", "/e/f");
	files.move("/none", "/e/g");
	expect(files.has("/e/f", f)).toBe(true);
	files.forget("/e");
	expect(files.has("/e/f", f)).toBe(false);
	const g = files.assign("/e/f");
	files.forget("/");
	expect([g === f, files.has("/e/f", g)]).toEqual([false, false]);
});

/**
 * The stores, in a browser that really has them, and what survives the page.
 *
 * The tests that every store passes are bundled as they stand and put into the page; the stores are
 * those of the built library.
 */
import { fileURLToPath } from "node:url";
import type { Page } from "@playwright/test";
import * as esbuild from "esbuild";
import type * as Porthole from "../src/index.ts";
import { expect, test } from "./library.ts";

declare global {
	var stores: {
		fitting(store: Porthole.Store): {
			name: string;
			run(subject: { store: Porthole.Store; again: () => Promise<Porthole.Store> }): Promise<void>;
		}[];
	};
}

let suite = "";

test.beforeAll(async () => {
	const source = fileURLToPath(new URL("../src/mounts/conformance.ts", import.meta.url));
	const built = await esbuild.build({
		entryPoints: [source],
		bundle: true,
		format: "iife",
		globalName: "stores",
		target: "es2023",
		write: false,
	});
	suite = built.outputFiles[0]?.text ?? "";
});

for (const kind of ["memory", "IndexedDB", "IndexedDB, strict", "OPFS", "picked"]) {
	test(`${kind}: what every store passes`, async ({ page }) => {
		await page.addScriptTag({ content: suite });
		const failures = await page.evaluate(async (kind) => {
			const { MemoryDirectory, IndexedDBDirectory, OPFSDirectory } = porthole;
			// Nobody sits there to pick one; a private directory has handles of the same kind.
			const root = await navigator.storage.getDirectory();
			const opener = async (place: string): Promise<() => Porthole.Store> => {
				if (kind === "OPFS") return () => new OPFSDirectory(`stores/${place}`);
				if (kind === "picked") {
					const handle = await root.getDirectoryHandle(place, { create: true });
					return () => new porthole.FileSystemAccessDirectory(handle);
				}
				const durability = kind.includes("strict") ? "strict" : "relaxed";
				if (kind !== "memory") return () => new IndexedDBDirectory(place, { durability });
				const store = new MemoryDirectory();
				return () => store;
			};
			const any = await opener("any");
			const failed: string[] = [];
			for (const [i, { name, run }] of stores.fitting(any()).entries()) {
				const open = await opener(`${kind} ${i}`);
				await run({ store: open(), again: async () => open() }).catch((error: Error) => {
					failed.push(`${name}: ${error.message}`);
				});
			}
			return failed;
		}, kind);
		expect(failures).toEqual([]);
	});
}

test("picking a directory hands over what the user picked", async ({ page }) => {
	const found = await page.evaluate(async () => {
		const handle = await navigator.storage.getDirectory();
		const wishes: unknown[] = [];
		const pick = async (wish: unknown) => {
			wishes.push(wish);
			return handle;
		};
		Object.assign(globalThis, { showDirectoryPicker: pick });
		const directory = await porthole.FileSystemAccessDirectory.pick({ id: "notes" });
		return { same: directory.handle === handle, wishes };
	});
	expect(found).toEqual({ same: true, wishes: [{ mode: "readwrite", id: "notes" }] });
});

/** Damages one record of a database and tells what a page is then told. */
async function damaged(page: Page, key: unknown, value: unknown) {
	return page.evaluate(
		async ({ key, value }) => {
			const place = `damaged ${Math.random()}`;
			const store = new porthole.IndexedDBDirectory(place);
			await store.make("/f", "file");
			await store.write("/f", 0, Uint8Array.of(1, 2, 3));
			await new Promise((resolve, reject) => {
				const request = indexedDB.open(`porthole-${place}`);
				request.onerror = reject;
				request.onsuccess = () => {
					const tx = request.result.transaction("files", "readwrite");
					tx.objectStore("files").put(value, key as IDBValidKey);
					tx.oncomplete = resolve;
				};
			});
			const again = new porthole.IndexedDBDirectory(place);
			// It may well be that nothing is wrong.
			const told = (call: Promise<unknown>) =>
				call.then(
					() => ({ code: "fine", message: "" }),
					(error: Porthole.PortholeError) => error,
				);
			const [listed, read] = [await told(again.list("/")), await told(again.read("/f", 0, 3))];
			return { listed: listed.code, read: read.code, message: listed.message };
		},
		{ key, value },
	);
}

test("records that make no sense are EIO and not believed", async ({ page }) => {
	const both = { listed: "EIO", read: "EIO" };
	expect(await damaged(page, "format", 99)).toMatchObject(both);
	expect(await damaged(page, ["entry", 0, "f"], { id: "1", type: "file" })).toMatchObject(both);
	expect(await damaged(page, ["entry", 0, "f"], { id: 1, type: "fifo" })).toMatchObject(both);
	expect(await damaged(page, ["node", 1], null)).toMatchObject(both);
	expect(await damaged(page, ["node", 1], { size: -1 })).toMatchObject(both);
	const named = await damaged(page, ["node", 1], { size: 1e300, links: 1 });
	expect(named.message).toMatch(/^EIO: list \/ \(database porthole-damaged 0\.\d+: a file in it/);
});

test("a damaged block is EIO", async ({ page }) => {
	const found = await damaged(page, ["block", 1, 0], "text");
	expect(found).toMatchObject({ listed: "fine", read: "EIO" });
});

test("notes beside the files: hidden, moved along, and no longer true of a file that has changed", async ({
	page,
}) => {
	const found = await page.evaluate(async () => {
		const store = new porthole.OPFSDirectory("noted");
		await store.make("/d", "directory");
		await store.symlink("/d/link", "target");
		await store.make("/d/f", "file");
		await store.utimes("/d/f", 1_000_000_001n, 2_000_000_002n);
		await store.rename("/d", "/e");
		const listed = await store.list("/e");
		const types = listed.map(({ name, type, target, times }) => [
			name,
			type,
			target,
			String(times?.modified),
		]);
		const refused = await caught(store.make("/e/.porthole", "file"));
		const root = await navigator.storage.getDirectory();
		const e = await (await root.getDirectoryHandle("noted")).getDirectoryHandle("e");
		const write = async (name: string, content: string) => {
			const writable = await (await e.getFileHandle(name)).createWritable();
			await writable.write(content);
			await writable.close();
		};
		await write("link", "a file now");
		const link = (await store.list("/e")).find(({ name }) => name === "link");
		await write(".porthole", '{ "format": 1, "notes": { "f": { "seen": 3 } } }');
		// Whoever has the directory to himself need not look again at what he has written.
		const damaged = await caught(new porthole.OPFSDirectory("noted").list("/e"));
		await e.removeEntry(".porthole");
		await store.remove("/e/f");
		await store.symlink("/e/link2", "x");
		await store.remove("/e/link2");
		await store.remove("/e/link");
		await store.remove("/e");
		const left = await store.list("/");
		return { types: types.sort(), refused, link: link?.type, damaged, left };
	});
	expect(found).toMatchObject({
		types: [
			["f", "file", undefined, "2000000002"],
			["link", "symlink", "target", "undefined"],
		],
		refused: { code: "EINVAL" },
		link: "file",
		damaged: { code: "EIO" },
		left: [],
	});
	expect(found.refused.message).toContain("/e/.porthole");
	expect(found.damaged.message).toContain(".porthole in e is damaged");
});

test.describe("what a guest has written", () => {
	test("in IndexedDB is there after the page has been loaded again", async ({ page }) => {
		await page.evaluate(async () => {
			const notes = new porthole.IndexedDBDirectory("notes");
			const sandbox = await porthole.Sandbox.create({
				packages: ["/packages/python.webc"],
				mounts: { "/home": notes },
			});
			const written = await py(
				sandbox,
				`import os
with open("/home/notes.txt", "w") as f:
    f.write("buy bread\\n" * 20000)
os.makedirs("/home/old/drafts")
with open("/home/old/drafts/one", "w") as f:
    f.write("draft")
os.rename("/home/old", "/home/new")
os.symlink("notes.txt", "/home/latest")
os.link("/home/notes.txt", "/home/new/same")
os.utime("/home/notes.txt", ns=(1_000_000_000_000_000_001, 1_700_000_000_123_456_789))
`,
			);
			if (written.code !== 0) throw new Error(written.err);
			await sandbox.close();
		});
		await page.reload();
		await page.waitForFunction(() => document.title === "ready");
		const read = await page.evaluate(async () => {
			const sandbox = await porthole.Sandbox.create({
				packages: ["/packages/python.webc"],
				mounts: { "/home": new porthole.IndexedDBDirectory("notes") },
			});
			return py(
				sandbox,
				`import os
print(len(open("/home/latest").read()), open("/home/new/drafts/one").read())
print(sorted(os.listdir("/home")), os.readlink("/home/latest"))
s, t = os.stat("/home/notes.txt"), os.stat("/home/new/same")
print(s.st_ino == t.st_ino, s.st_nlink, s.st_mtime_ns, s.st_atime_ns)
`,
			);
		});
		expect(read).toMatchObject({ code: 0, err: "" });
		expect(read.out.split("\n")).toEqual([
			"200000 draft",
			"['latest', 'new', 'notes.txt'] notes.txt",
			"True 2 1700000000123456789 1000000000000000001",
			"",
		]);
	});

	test("in OPFS is there for a sandbox of another page", async ({ page, context }) => {
		const write = await page.evaluate(async () => {
			const sandbox = await porthole.Sandbox.create({
				packages: ["/packages/python.webc"],
				mounts: { "/data": new porthole.OPFSDirectory("guest") },
			});
			const ran = await py(
				sandbox,
				`import os
os.mkdir("/data/d")
open("/data/d/f", "w").write("x" * 100000)
os.rename("/data/d", "/data/e")
os.symlink("e", "/data/s")
try:
    os.link("/data/s/f", "/data/g")
except OSError as error:
    print(error.strerror)
`,
			);
			await sandbox.close();
			return ran;
		});
		expect(write).toMatchObject({ code: 0, out: "Operation not permitted\n" });
		const other = await context.newPage();
		await other.goto("/pages/library.html");
		await other.waitForFunction(() => document.title === "ready");
		const found = await other.evaluate(async () => {
			const bytes = await new porthole.OPFSDirectory("guest").read("/e/f", 0, 1 << 20);
			return bytes.length;
		});
		expect(found).toBe(100_000);
	});
});

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
import { inFirefox } from "./firefox.ts";
import { expect, fresh as test } from "./library.ts";

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
	const source = fileURLToPath(new URL("../src/store/conformance.testkit.ts", import.meta.url));
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
			// Others see what is written to a user's file when it is synced.
			const synced = (store: Porthole.FileSystemAccessDirectory): Porthole.Store => {
				for (const method of ["write", "resize", "apply"] as const) {
					const call = Reflect.get(store, method) as (...args: unknown[]) => Promise<unknown>;
					const andSync = async (...args: unknown[]) => {
						const answer = await Reflect.apply(call, store, args);
						await store.sync();
						return answer;
					};
					Reflect.set(store, method, andSync);
				}
				return store;
			};
			const opener = async (place: string): Promise<() => Porthole.Store> => {
				if (kind === "OPFS") return () => new OPFSDirectory(`stores/${place}`);
				if (kind === "picked") {
					const handle = await root.getDirectoryHandle(place, { create: true });
					return () => synced(new porthole.FileSystemAccessDirectory(handle));
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

/** How a call ended: `"fine"`, or with which code and message. */
type Told = { readonly code: string; readonly message: string };

declare global {
	function told(call: Promise<unknown>): Promise<Told>;
	/** The object store of a directory's database, in a transaction. */
	function records(place: string): Promise<IDBObjectStore>;
	function answered<T>(request: IDBRequest<T>): Promise<T>;
	/** Resolves when the log of a directory's database has been folded. */
	function folded(place: string): Promise<void>;
}

/** Words of the tests that look into a database. */
async function teachRecords(page: Page): Promise<void> {
	await page.evaluate(() => {
		globalThis.told = (call) =>
			call.then(
				() => ({ code: "fine", message: "" }),
				({ code, message }: Porthole.PortholeError) => ({ code, message }),
			);
		globalThis.answered = (request) =>
			new Promise((resolve, reject) => {
				request.onsuccess = () => resolve(request.result);
				request.onerror = () => reject(request.error);
			});
		globalThis.records = async (place) => {
			const request = indexedDB.open(`porthole-${place}`);
			request.onupgradeneeded = () => request.result.createObjectStore("files");
			const database = await answered(request);
			// Who deletes the database shall not wait for the test.
			database.onversionchange = () => database.close();
			return database.transaction("files", "readwrite").objectStore("files");
		};
		globalThis.folded = async (place) => {
			const log = IDBKeyRange.bound(["log"], ["log", []]);
			const isEmpty = (record: Uint8Array) => record.length === 0;
			while (!(await answered((await records(place)).getAll(log))).every(isEmpty)) {
				await new Promise((resolve) => setTimeout(resolve, 50));
			}
		};
	});
}

/** Replaces one record of a database and tells what a page is then told. */
async function damaged(page: Page, key: unknown, value: unknown) {
	return page.evaluate(
		async ({ key, value }) => {
			const place = `damaged ${Math.random()}`;
			const store = new porthole.IndexedDBDirectory(place);
			await store.make("/f", "file");
			await store.write("/f", 0, Uint8Array.of(1, 2, 3));
			await folded(place);
			await answered((await records(place)).put(value, key as IDBValidKey));
			const again = new porthole.IndexedDBDirectory(place);
			const [listed, read] = [await told(again.list("/")), await told(again.read("/f", 0, 3))];
			return { listed: listed.code, read: read.code, message: read.message };
		},
		{ key, value },
	);
}

test("records that make no sense are EIO, by path, and not believed", async ({ page }) => {
	await teachRecords(page);
	const newer = await damaged(page, "format", 99);
	expect(newer).toMatchObject({ listed: "EIO", read: "EIO" });
	expect(newer.message).toContain("the format 99, of a later version");
	const both = { listed: "fine", read: "EIO" };
	const entry = ["entry", 0, "f"];
	expect(await damaged(page, entry, "text")).toMatchObject(both);
	expect(await damaged(page, entry, { id: "1", type: "file" })).toMatchObject(both);
	expect(await damaged(page, entry, { id: 1, type: "fifo" })).toMatchObject(both);
	const named = await damaged(page, entry, { id: 77, type: "file" });
	expect(named.message).toMatch(/^EIO: read \/f \(database porthole-damaged 0\.\d+: /);
});

test("a flipped bit is EIO by path, whatever it hits; the rest is readable", async ({ page }) => {
	await teachRecords(page);
	const wrong = await page.evaluate(async () => {
		const place = "flipped";
		const store = new porthole.IndexedDBDirectory(place);
		const large = Uint8Array.from({ length: 1_200_000 }, (_, i) => i * 7 + (i >> 8));
		for (const name of ["large", "small", "linked"]) await store.make(`/${name}`, "file");
		await store.write("/large", 0, large);
		await store.sync();
		await store.write("/large", 4096, new Uint8Array(10));
		await store.write("/small", 0, Uint8Array.of(1, 2, 3));
		await store.link("/linked", "/other");
		await store.make("/d", "directory");
		await store.make("/d/in", "file");
		await folded(place);
		const paths = ["/large", "/small", "/linked", "/other", "/d/in"];
		const keys = await answered((await records(place)).getAllKeys());
		const wrong: string[] = [];
		let hits = 0;
		for (const key of keys) {
			const whole: unknown = await answered((await records(place)).get(key));
			if (!(whole instanceof Uint8Array) || `${key}` === "node,0") continue;
			if (whole.length === 0) continue;
			hits++;
			const flipped = whole.slice();
			const at = Math.floor(Math.random() * whole.length);
			flipped[at] = (flipped[at] ?? 0) ^ (1 << Math.floor(Math.random() * 8));
			await answered((await records(place)).put(flipped, key));
			const codes: string[] = [];
			const again = new porthole.IndexedDBDirectory(place);
			for (const path of paths) codes.push((await told(again.read(path, 0, 2_000_000))).code);
			const listed = (await again.list("/")).map(({ name }) => name).sort();
			const [kind, id, name] = key as [string, number, string];
			const hit = kind === "entry" ? [name] : id === 1 ? ["large"] : ["linked", "other"];
			const wanted = paths.map((path) => {
				// Space in reserve holds nothing of any file.
				if (kind === "spare") return "fine";
				return hit.some((name) => path.split("/").includes(`${name}`)) ? "EIO" : "fine";
			});
			if (`${codes}` !== `${wanted}`) wrong.push(`${key} at ${at}: ${codes}, not ${wanted}`);
			if (`${listed}` !== "d,large,linked,other,small") wrong.push(`${key}: listed ${listed}`);
			await answered((await records(place)).put(whole, key));
		}
		if (hits < 9) wrong.push(`only ${hits} records were hit`);
		// What is damaged can be removed, and its name used again.
		await answered((await records(place)).put(new Uint8Array(50), ["entry", 0, "small"]));
		const again = new porthole.IndexedDBDirectory(place);
		await again.remove("/small");
		await again.make("/small", "file");
		return wrong;
	});
	expect(wrong).toEqual([]);
});

test("a log that is damaged harms no more than it must, and nothing is changed on top of it", async ({
	page,
}) => {
	await teachRecords(page);
	const found = await page.evaluate(async () => {
		const log = IDBKeyRange.bound(["log"], ["log", []]);
		/** What is told of a database whose log is spoiled. */
		const spoiled = async (place: string, spoil: (record: Uint8Array) => unknown) => {
			const store = new porthole.IndexedDBDirectory(place);
			for (const name of ["a", "b"]) {
				await store.make(`/${name}`, "file");
				await store.write(`/${name}`, 0, new Uint8Array(1000).fill(7));
			}
			await folded(place);
			await store.write("/b", 0, new Uint8Array(1000).fill(8));
			const record = (await answered<Uint8Array[]>((await records(place)).getAll(log))).at(-1);
			await folded(place);
			const key = (await answered((await records(place)).getAllKeys(log))).at(-1);
			await answered((await records(place)).put(spoil(record as Uint8Array), key));
			const again = new porthole.IndexedDBDirectory(place);
			const names = (await again.list("/")).map(({ name }) => name).sort();
			const reads = ["/a", "/b"].map(async (path) => (await told(again.read(path, 0, 9))).code);
			const changed = (await told(again.make("/new", "file"))).code;
			return `${names} ${await Promise.all(reads)} ${changed}`;
		};
		const flip = (at: number) => (record: Uint8Array) => {
			record[at] = (record[at] ?? 0) ^ 16;
			return record;
		};
		return [
			await spoiled("log 0", (record) => record),
			await spoiled("log 1", flip(1)),
			await spoiled("log 2", flip(9)),
			await spoiled("log 3", flip(5)),
			await spoiled("log 4", flip(500)),
			await spoiled("log 5", (record) => record.slice(0, 90)),
			await spoiled("log 6", () => "text"),
		];
	});
	const refused = "a,b fine,fine EIO";
	expect(found).toEqual([
		"a,b fine,fine fine",
		...[refused, refused, refused],
		"a,b fine,EIO fine",
		...[refused, refused],
	]);
});

test("a database of the second format, which had no log, is read, and changed", async ({
	page,
}) => {
	await teachRecords(page);
	const found = await page.evaluate(async () => {
		const place = "second";
		const before = new porthole.IndexedDBDirectory(place);
		await before.make("/d", "directory");
		for (const name of ["small", "large"]) await before.make(`/d/${name}`, "file");
		await before.write("/d/small", 0, Uint8Array.of(1, 2, 3));
		await before.write("/d/large", 0, new Uint8Array(700_000).fill(4));
		await folded(place);
		const store = await records(place);
		store.delete(IDBKeyRange.bound(["log"], ["log", []]));
		store.put(2, "format");
		await answered(store.put(0.5, "stamp"));
		const directory = new porthole.IndexedDBDirectory(place);
		const small = [...(await directory.read("/d/small", 0, 9))];
		await directory.write("/d/large", 600_000, Uint8Array.of(5));
		await directory.make("/d/new", "file");
		await directory.rename("/d", "/e");
		const large = await new porthole.IndexedDBDirectory(place).read("/e/large", 599_999, 3);
		const names = (await new porthole.IndexedDBDirectory(place).list("/e")).map(({ name }) => name);
		const format = await answered((await records(place)).get("format"));
		return { small, large: [...large], names: names.sort(), format };
	});
	const names = ["large", "new", "small"];
	expect(found).toEqual({ small: [1, 2, 3], large: [4, 5, 4], names, format: 3 });
});

test("a database of the first format is read, and changed", async ({ page }) => {
	await teachRecords(page);
	const found = await page.evaluate(async () => {
		const place = "old";
		const time = 1_700_000_000_123_456_789n;
		const node = (size: number, links = 1, target = "") => {
			return { size, links, accessed: time, modified: time, target };
		};
		const block = (fill: number, length = 32768) => new Uint8Array(length).fill(fill);
		const store = await records(place);
		for (const [key, value] of [
			["format", 1],
			["last", 5],
			[["node", 0], node(0)],
			[["entry", 0, "d"], { id: 1, type: "directory" }],
			[["node", 1], node(0)],
			[["entry", 1, "long"], { id: 2, type: "file" }],
			[["node", 2], node(600_000)],
			[["block", 2, 0], block(1)],
			[["block", 2, 18], block(2, 600_000 - 18 * 32768)],
			[["entry", 0, "one"], { id: 3, type: "file" }],
			[["entry", 1, "two"], { id: 3, type: "file" }],
			[["node", 3], node(4, 2)],
			[["block", 3, 0], block(3, 4)],
			[["entry", 0, "s"], { id: 4, type: "symlink" }],
			[["node", 4], node(0, 1, "d/long")],
			[["entry", 0, "gone"], { id: 5, type: "file" }],
			[["node", 5], node(5)],
			[["block", 5, 0], block(5, 5)],
		] as const) {
			store.put(value, key as IDBValidKey);
		}
		await answered(store.get("format"));
		const directory = new porthole.IndexedDBDirectory(place);
		const look = async () => {
			const long = await new porthole.IndexedDBDirectory(place).read("/d/long", 0, 1 << 20);
			const at = [0, 32767, 32768, 300_000, 589_823, 589_824, 599_999].map((i) => long[i]);
			const { type, target, times, links } = Object.assign(
				{ links: 0 },
				(await directory.list("/")).find(({ name }) => name === "s"),
			);
			return { at, size: long.length, s: [type, target, `${times?.modified}`, links].join(" ") };
		};
		const before = await look();
		// Names first, then bytes.
		await directory.rename("/d", "/e");
		await directory.rename("/e", "/d");
		const renamed = await look();
		await directory.write("/d/long", 32768, Uint8Array.of(9));
		await directory.write("/one", 4, Uint8Array.of(4));
		await directory.remove("/gone");
		const two = [...(await directory.read("/d/two", 0, 10))];
		const after = await look();
		await directory.resize("/d/long", 40_000);
		await directory.resize("/d/long", 600_000);
		const cut = await look();
		await folded(place);
		const blocks = await answered(
			(await records(place)).getAllKeys(IDBKeyRange.bound(["block"], ["block", []])),
		);
		return { before, renamed, after, cut, two, blocks };
	});
	const s = "symlink d/long 1700000000123456789 1";
	const before = { at: [1, 1, 0, 0, 0, 2, 2], size: 600_000, s };
	expect(found).toEqual({
		before,
		renamed: before,
		after: { ...before, at: [1, 1, 9, 0, 0, 2, 2] },
		cut: { ...before, at: [1, 1, 9, 0, 0, 0, 0] },
		two: [3, 3, 3, 3, 4],
		blocks: [],
	});
});

test("a database that is none of ours is EIO, says so, and is left alone", async ({ page }) => {
	const told = await page.evaluate(async () => {
		await new Promise((resolve, reject) => {
			const request = indexedDB.open("porthole-foreign", 7);
			request.onupgradeneeded = () => request.result.createObjectStore("things");
			request.onerror = reject;
			request.onsuccess = () => resolve(request.result.close());
		});
		const store = new porthole.IndexedDBDirectory("foreign");
		return [await caught(store.list("/")), await caught(store.make("/f", "file"))];
	});
	for (const { code, message } of told) {
		expect(code).toBe("EIO");
		expect(message).toContain(
			"database porthole-foreign: the database was not created by Porthole",
		);
	}
});

test("another tab may delete the database: nobody waits, it begins anew, and watchers hear of it", async ({
	page,
}) => {
	const found = await page.evaluate(async () => {
		const store = new porthole.IndexedDBDirectory("deleted");
		const heard: string[] = [];
		store.watch((paths) => heard.push(...paths));
		await store.make("/f", "file");
		await new Promise((resolve, reject) => {
			const request = indexedDB.deleteDatabase("porthole-deleted");
			request.onsuccess = resolve;
			request.onerror = request.onblocked = reject;
		});
		const left = await store.list("/");
		await store.make("/g", "file");
		return { left, heard, names: (await store.list("/")).map(({ name }) => name) };
	});
	expect(found).toEqual({ left: [], heard: ["/"], names: ["g"] });
});

test("a connection that the browser closes is opened again", async ({ page, context }) => {
	test.skip(inFirefox, "only Chromium can be told to close it");
	await page.evaluate(async () => {
		Object.assign(globalThis, { store: new porthole.IndexedDBDirectory("closed") });
		const { store } = globalThis as unknown as { store: Porthole.IndexedDBDirectory };
		await store.make("/f", "file");
	});
	const session = await context.newCDPSession(page);
	const origin = new URL(page.url()).origin;
	await session.send("Storage.clearDataForOrigin", { origin, storageTypes: "indexeddb" });
	const names = await page.evaluate(async () => {
		const { store } = globalThis as unknown as { store: Porthole.IndexedDBDirectory };
		await store.make("/g", "file");
		return (await store.list("/")).map(({ name }) => name);
	});
	expect(names).toEqual(["g"]);
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
		const other = await new porthole.OPFSDirectory("noted").list("/e");
		const damaged = other.map(({ name, type }) => `${name} ${type}`).sort();
		await store.remove("/e/.porthole.damaged");
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
		damaged: [".porthole.damaged file", "f file", "link file"],
		left: [],
	});
	expect(found.refused.message).toContain("/e/.porthole");
});

test("a size that a mount can never have is EFBIG for the program that asks for it", async ({
	page,
}) => {
	const ran = await page.evaluate(async () => {
		const sandbox = await porthole.Sandbox.create({
			packages: ["/packages/python.webc"],
			mounts: {
				"/memory": new porthole.MemoryDirectory(),
				"/idb": new porthole.IndexedDBDirectory("huge"),
				"/opfs": new porthole.OPFSDirectory("huge"),
			},
		});
		const code = `import errno, os
for mount in "memory", "idb", "opfs":
    fd = os.open(f"/{mount}/f", os.O_RDWR | os.O_CREAT)
    os.write(fd, b"text")
    seen = []
    for size in 2**40, 2**53 - 1:
        for call in (lambda: os.ftruncate(fd, size)), (lambda: os.pwrite(fd, b"x", size)):
            try:
                call()
                seen.append("ok")
            except OSError as error:
                seen.append(errno.errorcode[error.errno])
    os.fsync(fd)
    print(mount, *seen, os.fstat(fd).st_size)
try:
    os.truncate("/memory/f", 2**33)
except OSError as error:
    print(errno.errorcode[error.errno])
`;
		const ran = await py(sandbox, code);
		await sandbox.close();
		return ran;
	});
	expect(ran).toMatchObject({
		code: 0,
		out:
			"memory EFBIG EFBIG EFBIG EFBIG 4\nidb EFBIG EFBIG EFBIG EFBIG 4\n" +
			"opfs EFBIG EFBIG EFBIG EFBIG 4\nEFBIG\n",
	});
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

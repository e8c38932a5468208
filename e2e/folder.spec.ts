/**
 * A directory on the disk, as a user would drop it onto the page: what programs outside do to it, and
 * what it is like when the user takes the permission back.
 */
import {
	existsSync,
	mkdirSync,
	mkdtempSync,
	readdirSync,
	readFileSync,
	renameSync,
	rmSync,
	writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Page } from "@playwright/test";
import type * as Porthole from "../src/index.ts";
import { expect, fresh as test } from "./library.ts";
import { drop, Profile } from "./profile.ts";

declare global {
	var picked: FileSystemDirectoryHandle;
	var directory: Porthole.FileSystemAccessDirectory;
	var sandbox: Porthole.Sandbox;
	var heard: string[];
}

let profile: Profile;
let folder: string;
let page: Page;

test.beforeAll(() => {
	profile = new Profile();
});

test.beforeEach(async () => {
	folder = mkdtempSync(join(tmpdir(), "porthole-folder-"));
	mkdirSync(join(folder, "sub"));
	writeFileSync(join(folder, "notes.txt"), "from outside");
	page = await profile.visit();
	await drop(page, folder);
	await page.evaluate(async () => {
		globalThis.directory = new porthole.FileSystemAccessDirectory(picked);
	});
	const may = await page.evaluate(() => directory.queryPermission());
	test.skip(may !== "granted", "this browser lets no test change files: is it the headless shell?");
});

test.afterEach(async () => {
	// The next test has a page and a folder of its own, in the same browser.
	await page.close();
	rmSync(folder, { recursive: true, force: true });
});

test.afterAll(() => profile[Symbol.asyncDispose]());

const at = (name: string) => join(folder, name);
const outside = (name: string) => readFileSync(at(name), "utf8");

test("what a program writes is outside once it has ended, and nothing else is left there", async () => {
	const ran = await page.evaluate(async () => {
		const packages = ["/packages/python.webc"];
		const sandbox = await porthole.Sandbox.create({ packages, mounts: { "/home": directory } });
		const ran = await py(
			sandbox,
			`import os
print(open("notes.txt").read())
open("notes.txt", "a").write(", and from inside")
with open("many.txt", "w") as f:
    for i in range(100):
        f.write(str(i) + "\\n")
        f.flush()
os.makedirs("old/deep"); open("old/deep/f", "w").write("deep")
os.rename("old", "new")
open("a", "w").write("a"); open("b", "w").write("b"); os.replace("a", "b")
os.remove("sub/../b")
`,
		);
		await sandbox.close();
		return ran;
	});
	expect(ran).toMatchObject({ code: 0, out: "from outside\n", err: "" });
	expect(readdirSync(folder).sort()).toEqual(["many.txt", "new", "notes.txt", "sub"]);
	expect(outside("notes.txt")).toBe("from outside, and from inside");
	expect(outside("new/deep/f")).toBe("deep");
	expect(outside("many.txt").split("\n").length).toBe(101);
});

for (const observed of [true, false]) {
	const how = observed ? "the browser tells" : "it looks once a second";
	test(`the store hears what others change, and nothing of what it does itself: ${how}`, async () => {
		await hear(observed);
	});
}

async function hear(observed: boolean): Promise<void> {
	await page.evaluate(async (observed) => {
		if (!observed) Reflect.deleteProperty(globalThis, "FileSystemObserver");
		globalThis.heard = [];
		for (const path of ["/", "/sub"]) await directory.list(path);
		directory.watch((paths) => heard.push(...paths));
		await directory.make("/own.txt", "file");
		await directory.write("/own.txt", 0, new TextEncoder().encode("own"));
		await directory.sync();
		await directory.rename("/own.txt", "/sub/own.txt");
	}, observed);
	// The browser has begun to watch when it tells something.
	await expect
		.poll(
			async () => {
				writeFileSync(at("sub/outside.txt"), String(Math.random()));
				return page.evaluate(() => heard.includes("/sub/outside.txt"));
			},
			{ timeout: 20_000 },
		)
		.toBe(true);
	writeFileSync(at("notes.txt"), "changed outside");
	renameSync(at("sub/own.txt"), at("sub/theirs.txt"));
	await expect
		.poll(() => page.evaluate(() => [...new Set(heard)].sort()), { timeout: 10_000 })
		.toEqual(["/notes.txt", "/sub/outside.txt", "/sub/own.txt", "/sub/theirs.txt"]);
}

/** Starts a program that tells what is there, whenever it is asked. */
async function looking(): Promise<() => Promise<string>> {
	await page.evaluate(async () => {
		const packages = ["/packages/python.webc"];
		const sandbox = await porthole.Sandbox.create({ packages, mounts: { "/home": directory } });
		const program = `import os
while True:
    input()
    print(open("notes.txt").read(), sorted(os.listdir(".")), flush=True)
`;
		const python = await sandbox.command("python", ["-c", program]).spawn();
		const [next, keys] = [lines(python.stdout), python.stdin.getWriter()];
		Object.assign(globalThis, {
			look: async () => {
				await keys.write(new TextEncoder().encode("\n"));
				return (await next()).trim();
			},
		});
	});
	return () => page.evaluate(() => Reflect.get(globalThis, "look")() as Promise<string>);
}

test("a program sees what others change while it runs", async () => {
	const look = await looking();
	expect(await look()).toBe("from outside ['notes.txt', 'sub']");
	writeFileSync(at("notes.txt"), "changed");
	writeFileSync(at("new.txt"), "new");
	await expect.poll(look, { timeout: 20_000 }).toBe("changed ['new.txt', 'notes.txt', 'sub']");
	rmSync(at("sub"), { recursive: true });
	await expect.poll(look, { timeout: 20_000 }).toBe("changed ['new.txt', 'notes.txt']");
});

test("where the browser tells of no changes, a program sees them when it opens or lists something", async () => {
	await page.evaluate(() => {
		Reflect.deleteProperty(globalThis, "FileSystemObserver");
	});
	const look = await looking();
	expect(await look()).toBe("from outside ['notes.txt', 'sub']");
	for (const content of ["changed once", "and twice", "thrice"]) {
		// As long as it takes until a list is old.
		await page.waitForTimeout(150);
		writeFileSync(at("notes.txt"), content);
		writeFileSync(at(content), "");
		const names = readdirSync(folder).sort();
		expect(await look()).toBe(`${content} [${names.map((name) => `'${name}'`).join(", ")}]`);
	}
});

test("a file that others have replaced is told to the page, and both are in the sandbox", async () => {
	await page.evaluate(async () => {
		// What the browser tells must not come between: the write has to meet a file that has changed.
		Reflect.deleteProperty(globalThis, "FileSystemObserver");
		const packages = ["/packages/python.webc"];
		globalThis.sandbox = await porthole.Sandbox.create({ packages, mounts: { "/d": directory } });
		globalThis.heard = [];
		sandbox.addEventListener("conflict", ({ detail }) => heard.push(detail.path, detail.kept));
		const program = `f = open("/d/notes.txt", "r+")
print(f.read(), flush=True)
input()
f.seek(0)
f.write("FROM")
`;
		const python = await sandbox.command("python", ["-c", program]).spawn();
		const [next, keys] = [lines(python.stdout), python.stdin.getWriter()];
		await next();
		Object.assign(globalThis, {
			goOn: async () => {
				await keys.write(new TextEncoder().encode("\n"));
				return (await python.status).code;
			},
		});
	});
	writeFileSync(at("notes.txt"), "somebody else's");
	expect(await page.evaluate(() => Reflect.get(globalThis, "goOn")() as Promise<number>)).toBe(0);
	await expect.poll(() => page.evaluate(() => heard.length), { timeout: 20_000 }).toBe(2);
	const [path, kept = ""] = await page.evaluate(() => heard);
	expect(path).toBe("/d/notes.txt");
	expect(kept).toMatch(/^\/d\/notes\.conflict-/);
	expect(outside(kept.slice(3))).toBe("somebody else's");
	expect(outside("notes.txt")).toBe("FROM outside");
	const inside = await page.evaluate(async (kept) => {
		const both = [
			await sandbox.fs.readTextFile("/d/notes.txt"),
			await sandbox.fs.readTextFile(kept),
		];
		await sandbox.close();
		return both;
	}, kept);
	expect(inside).toEqual(["FROM outside", "somebody else's"]);
});

test("a file that others have replaced is kept beside before it is written over", async () => {
	const found = await page.evaluate(async () => {
		const listed = (await directory.list("/")).find(({ name }) => name === "notes.txt");
		if (listed === undefined) throw new Error("not listed");
		const same = await directory.preserve("/notes.txt", listed.size, listed.modified);
		return { listed, same };
	});
	expect(found.same).toBeNull();
	writeFileSync(at("notes.txt"), "somebody else's");
	const { kept, again } = await page.evaluate(async ({ listed }) => {
		const preserve = () => directory.preserve("/notes.txt", listed.size, listed.modified);
		const kept = await preserve();
		await directory.resize("/notes.txt", 0);
		await directory.write("/notes.txt", 0, new TextEncoder().encode("ours"));
		await directory.sync();
		return { kept, again: await preserve() };
	}, found);
	expect(kept).toMatch(/^\/notes\.conflict-\d{4}-\d\d-\d\dT\d\d-\d\d-\d\d\.txt$/);
	expect(outside(kept?.slice(1) ?? "")).toBe("somebody else's");
	expect(outside("notes.txt")).toBe("ours");
	expect(again).toBeNull();
});

test("one that is replaced between two writes is kept too, and the page is told", async () => {
	await page.evaluate(async () => {
		globalThis.heard = [];
		directory.watch(
			() => {},
			(path, kept) => heard.push(path, kept),
		);
		await directory.list("/");
		await directory.write("/notes.txt", 0, new TextEncoder().encode("FROM"));
	});
	writeFileSync(at("notes.txt"), "between");
	await page.evaluate(() => directory.sync());
	const [path, kept = ""] = await page.evaluate(() => heard);
	expect(path).toBe("/notes.txt");
	expect(outside(kept)).toBe("between");
	expect(outside("notes.txt")).toBe("FROM outside");
});

test("names that the disk cannot hold are refused by name", async () => {
	const refused = await page.evaluate(async () => {
		const names = [
			".porthole",
			".porthole-intent",
			"half \ud800",
			"x".repeat(256),
			"a\\b",
			"n\0ul",
		];
		const codes: (string | boolean)[] = [];
		for (const name of names) {
			const failure = await directory.make(`/${name}`, "file").catch((error) => error);
			codes.push(failure?.code ?? `made ${name}`, String(failure).includes(name));
		}
		await directory.make("/__proto__", "file");
		return codes;
	});
	const einval = ["EINVAL", true];
	expect(refused).toEqual([
		...[einval, einval, einval, ["ENAMETOOLONG", true], einval, einval].flat(),
	]);
	expect(readdirSync(folder).sort()).toEqual(["__proto__", "notes.txt", "sub"]);
});

test("a program is refused the names that the browser refuses, when it makes them", async () => {
	const differ = await page.evaluate(async () => {
		const names = [
			...Array.from('"*:<>?|\\\t\x01\n\x7f\u00ad\u200e\u202e\ufdd0\ufffe', (c) => `a${c}b`),
			...["con", "NUL", "com1", "lpt9.txt", "con.txt", "conx", "xcon", "aux", "prn"],
			...["a ", " a", "a.", ".a", "~a", "a~", "a~b", "...", "-", "x.lnk", "x.url", "x.scf"],
			...[
				"x.local",
				"x.exe",
				"desktop.ini",
				"Thumbs.db",
				"thumbs.dbx",
				"\u200d",
				"a\u200cb",
				"👨‍👩‍👧",
			],
			...[
				"%",
				"$",
				"#",
				";",
				"'",
				"`",
				"[",
				"ä",
				"e\u0301",
				"__proto__",
				"x".repeat(248),
				"\u3000a",
			],
		];
		const opfs = await navigator.storage.getDirectory();
		const stores = [
			[directory, picked],
			[
				new porthole.OPFSDirectory("names"),
				await opfs.getDirectoryHandle("names", { create: true }),
			],
		] as const;
		const differ: string[] = [];
		for (const [mounted, handle] of stores) {
			const sandbox = await porthole.Sandbox.create({ mounts: { "/d": mounted } });
			const other = await handle.getDirectoryHandle("by hand", { create: true });
			for (const name of names) {
				const ours = await sandbox.fs.writeFile(`/d/${name}`, "x").then(
					() => "made",
					(error) => error.code,
				);
				const theirs = await other.getFileHandle(name, { create: true }).then(
					() => "made",
					() => "EINVAL",
				);
				if (ours !== theirs)
					differ.push(`${handle.name} ${JSON.stringify(name)} ${ours} ${theirs}`);
			}
			for (const name of [".porthole", ".porthole-intent", "x".repeat(256), "half \ud800"]) {
				const failed = await caught(sandbox.fs.writeFile(`/d/${name}`, "x"));
				const wanted = name.length > 200 ? "ENAMETOOLONG" : "EINVAL";
				if (failed.code !== wanted) differ.push(`${name} ${failed.code}`);
			}
			await sandbox.close().catch((error) => differ.push(String(error)));
		}
		return differ;
	});
	expect(differ).toEqual([]);
});

test("a permission that is taken back is EACCES, and nothing is lost when it is given again", async () => {
	const found = await page.evaluate(async () => {
		let refusing = false;
		// The browser takes it back when the user says so in its own windows, where no test comes.
		const guarded = <T extends object>(handle: T): T =>
			new Proxy(handle, {
				get(target, key) {
					const value = Reflect.get(target, key);
					if (typeof value !== "function") return value;
					return (...args: unknown[]) => {
						const asks = key === "queryPermission" || key === "requestPermission";
						if (refusing && !asks) throw new DOMException("taken back", "NotAllowedError");
						const answer: unknown = value.apply(target, args);
						if (!(answer instanceof Promise)) return answer;
						return answer.then((got: unknown) =>
							got instanceof FileSystemHandle || got instanceof FileSystemWritableFileStream
								? guarded(got)
								: got,
						);
					};
				},
			});
		const guardedDirectory = new porthole.FileSystemAccessDirectory(guarded(picked));
		const sandbox = await porthole.Sandbox.create({
			packages: ["/packages/python.webc"],
			mounts: { "/d": guardedDirectory },
		});
		const told: string[] = [];
		sandbox.addEventListener("mounterror", ({ detail: { path, error } }) => {
			told.push(`${path} ${error.code}`);
		});
		const program = `import os
for path in ["/d/notes.txt", "/d/sub/f"]:
    try:
        print(open(path).read())
    except OSError as error:
        print(error.strerror)
`;
		const before = await sandbox.fs.readTextFile("/d/notes.txt");
		await sandbox.fs.writeFile("/d/late.txt", "written while nobody may");
		refusing = true;
		const refused = await caught(sandbox.sync());
		const listing = await caught(guardedDirectory.list("/"));
		// What is cached can be read, and what is not cannot.
		const during = await py(sandbox, program);
		refusing = false;
		await sandbox.sync();
		await sandbox.fs.writeFile("/d/sub/f", "granted again");
		const after = await py(sandbox, program);
		await sandbox.close();
		return { before, refused, listing, told, during, after };
	});
	expect(found.before).toBe("from outside");
	expect(found.told).toEqual(["/d/late.txt EACCES"]);
	expect(found.during.out).toBe("from outside\nPermission denied\n");
	expect(found.after.out).toBe("from outside\ngranted again\n");
	expect(found.refused).toMatchObject({ porthole: true, code: "EACCES" });
	expect(found.listing.message).toContain("requestPermission");
	expect(outside("late.txt")).toBe("written while nobody may");
});

test("a directory that is remembered is found after a reload, and the user is asked again", async () => {
	const none = await page.evaluate(async () => {
		await directory.remember("mine");
		// Of this one no user needs to be asked.
		const root = await navigator.storage.getDirectory();
		const own = await root.getDirectoryHandle("own", { create: true });
		await own.getFileHandle("kept", { create: true });
		await new porthole.FileSystemAccessDirectory(own, { mode: "read" }).remember("own");
		return porthole.FileSystemAccessDirectory.restore("other");
	});
	expect(none).toBeNull();
	await page.reload();
	await page.waitForFunction(() => document.title === "ready");
	const found = await page.evaluate(async () => {
		const { FileSystemAccessDirectory } = porthole;
		const mine = await FileSystemAccessDirectory.restore("mine");
		const own = await FileSystemAccessDirectory.restore("own");
		if (mine === null || own === null) throw new Error("forgotten");
		const may = [await mine.queryPermission(), await own.requestPermission()];
		const refused = await caught(mine.list("/"));
		const names = (await own.list("/")).map(({ name }) => name);
		await FileSystemAccessDirectory.forget("mine");
		const left = await FileSystemAccessDirectory.restore("mine");
		return { may, refused, names, name: mine.handle.name, left };
	});
	expect(found).toMatchObject({ may: ["prompt", "granted"], names: ["kept"], left: null });
	expect(found.refused).toMatchObject({ code: "EACCES" });
	expect(found.refused.message).toContain("requestPermission");
	expect(folder.endsWith(found.name)).toBe(true);
});

test("a directory that was half renamed when the browser ended is renamed when it is mounted again", async () => {
	mkdirSync(at("old/deep"), { recursive: true });
	mkdirSync(at("new"));
	writeFileSync(at("new/a"), "moved already");
	writeFileSync(at("old/b"), "not yet");
	writeFileSync(at("old/deep/c"), "deep");
	const intent = { format: 1, kind: "rename", from: "/old", to: "/new", note: null };
	writeFileSync(at(".porthole-intent"), JSON.stringify(intent));
	const names = await page.evaluate(async () => {
		const listed = await new porthole.FileSystemAccessDirectory(picked).list("/");
		return listed.map(({ name }) => name).sort();
	});
	expect(names).toEqual(["new", "notes.txt", "sub"]);
	expect([outside("new/a"), outside("new/b")]).toEqual(["moved already", "not yet"]);
	expect(outside("new/deep/c")).toBe("deep");
	expect([existsSync(at("old")), existsSync(at(".porthole-intent"))]).toEqual([false, false]);
});

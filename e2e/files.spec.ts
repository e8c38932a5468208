/**
 * `Sandbox.fs`: each method, and that a failure names its code, its call and its path.
 */
import { expect, test } from "./library.ts";

const PYTHON = { packages: ["/packages/python.webc"] };

test("files: write, append, read, text, bytes, the option", async ({ page }) => {
	const result = await page.evaluate(async () => {
		const { fs } = await porthole.Sandbox.create({
			files: { "/given/deep/text.txt": "ünï", "/given/bytes.bin": Uint8Array.of(0, 255, 7) },
		});
		await fs.writeFile("/a.txt", "long content");
		await fs.writeFile("/a.txt", "short");
		await fs.appendFile("/a.txt", " and more");
		await fs.appendFile("/new.txt", Uint8Array.of(104, 105));
		const big = Uint8Array.from({ length: 3_000_000 }, (_, index) => index % 253);
		await fs.writeFile("/big.bin", big);
		const back = await fs.readFile("/big.bin");
		await fs.writeFile("/empty", "");
		return {
			given: await fs.readTextFile("/given/deep/text.txt"),
			bytes: [...(await fs.readFile("/given/bytes.bin"))],
			a: await fs.readTextFile("/a.txt"),
			added: await fs.readTextFile("/new.txt"),
			empty: (await fs.readFile("/empty")).length,
			big: back.length === big.length && back.every((byte, index) => byte === big[index]),
			left: big.length,
		};
	});
	expect(result).toEqual({
		given: "ünï",
		bytes: [0, 255, 7],
		a: "short and more",
		added: "hi",
		empty: 0,
		big: true,
		left: 3_000_000,
	});
});

test("directories: mkdir, readdir, rm", async ({ page }) => {
	const result = await page.evaluate(async () => {
		const { fs } = await porthole.Sandbox.create();
		await fs.mkdir("/d");
		await fs.mkdir("/d/e/f/g", { recursive: true });
		await fs.mkdir("/d/e", { recursive: true });
		await fs.writeFile("/d/file.txt", "x");
		await fs.symlink("file.txt", "/d/link");
		const entries = (await fs.readdir("/d"))
			.map((entry) => [entry.name, entry.isFile(), entry.isDirectory(), entry.isSymbolicLink()])
			.sort();
		const full = await caught(fs.rm("/d"));
		await fs.rm("/d/file.txt");
		await fs.rm("/nothing", { force: true });
		await fs.rm("/d", { recursive: true });
		return { entries, full, gone: await fs.exists("/d") };
	});
	expect(result.entries).toEqual([
		["e", false, true, false],
		["file.txt", true, false, false],
		["link", false, false, true],
	]);
	expect(result.full).toMatchObject({ porthole: true });
	expect(result.full.message).toContain("recursive");
	expect(result.gone).toBe(false);
});

test("a program that makes files in the directory it reads comes to an end", async ({ page }) => {
	const result = await page.evaluate(async (options) => {
		const sandbox = await porthole.Sandbox.create({
			...options,
			mounts: { "/m": new porthole.MemoryDirectory() },
		});
		const code = [
			"import os, sys",
			"for top in ('/tmp', '/m', '/lib'):",
			"    d = top + '/d'",
			"    os.makedirs(d)",
			"    for i in range(200): open('%s/image-%04d.jpg' % (d, i), 'w').close()",
			"    names = []",
			"    for e in os.scandir(d):",
			"        names.append(e.name)",
			"        if len(names) > 1000: break",
			"        open('%s/t%d' % (d, len(names)), 'w').close()",
			"    print(len(names), len(set(names)))",
		].join("\n");
		return py(sandbox, code);
	}, PYTHON);
	expect(result).toEqual({ code: 0, out: "200 200\n".repeat(3), err: "" });
});

test("stat, lstat, utimes, links, rename, copyFile, exists", async ({ page }) => {
	const result = await page.evaluate(async () => {
		const { fs } = await porthole.Sandbox.create({ files: { "/f.txt": "12345" } });
		const before = Date.now();
		await fs.writeFile("/timed.txt", "x");
		const fresh = (await fs.stat("/timed.txt")).mtime.getTime();
		await fs.utimes("/f.txt", 1000, new Date(2000));
		await fs.symlink("/f.txt", "/link");
		await fs.symlink("nowhere", "/broken");
		const [stat, lstat] = [await fs.stat("/link"), await fs.lstat("/link")];
		const directory = await fs.stat("/");
		await fs.copyFile("/f.txt", "/copy.txt");
		await fs.appendFile("/copy.txt", "6");
		await fs.rename("/copy.txt", "/moved.txt");
		await fs.writeFile("/over.txt", "old");
		await fs.rename("/moved.txt", "/over.txt");
		return {
			fresh: Math.abs(fresh - before) < 60_000,
			stat: [stat.isFile(), stat.size, stat.mtimeMs, stat.mtime.getTime(), stat.atimeMs],
			lstat: [lstat.isSymbolicLink(), lstat.isFile(), lstat.type],
			directory: directory.isDirectory(),
			target: await fs.readlink("/link"),
			over: await fs.readTextFile("/over.txt"),
			original: await fs.readTextFile("/f.txt"),
			exists: [
				await fs.exists("/f.txt"),
				await fs.exists("/"),
				await fs.exists("/moved.txt"),
				await fs.exists("/f.txt/below"),
				await fs.exists("/broken"),
			],
		};
	});
	expect(result).toEqual({
		fresh: true,
		stat: [true, 5, 2000, 2000, 1000],
		lstat: [true, false, "symlink"],
		directory: true,
		target: "/f.txt",
		over: "123456",
		original: "12345",
		exists: [true, true, false, false, false],
	});
});

test("a failure has the POSIX name as its code, and names call and path", async ({ page }) => {
	const result = await page.evaluate(async () => {
		const { fs } = await porthole.Sandbox.create({ files: { "/f": "x", "/d/e/x": "x" } });
		await fs.symlink("loop", "/loop");
		const failures: [string, string, string, Promise<unknown>][] = [
			["ENOENT", "readFile", "/no", fs.readFile("/no")],
			["ENOENT", "readFile", "/no/t", fs.readTextFile("/no/t")],
			["EISDIR", "readFile", "/d", fs.readFile("/d")],
			["EISDIR", "writeFile", "/d", fs.writeFile("/d", "x")],
			["ENOENT", "writeFile", "/no/x", fs.writeFile("/no/x", "x")],
			["ENOTDIR", "writeFile", "/f/x", fs.writeFile("/f/x", "x")],
			["ENOENT", "appendFile", "/no/x", fs.appendFile("/no/x", "x")],
			["ENOTDIR", "readdir", "/f", fs.readdir("/f")],
			["ENOENT", "readdir", "/no", fs.readdir("/no")],
			["ENOENT", "stat", "/no", fs.stat("/no")],
			["ELOOP", "stat", "/loop", fs.stat("/loop")],
			["ENOENT", "lstat", "/no", fs.lstat("/no")],
			["EEXIST", "mkdir", "/d", fs.mkdir("/d")],
			["ENOENT", "mkdir", "/no/x", fs.mkdir("/no/x")],
			["EEXIST", "mkdir", "/f", fs.mkdir("/f", { recursive: true })],
			["ENOENT", "rm", "/no", fs.rm("/no")],
			["ENOENT", "rename", "/no", fs.rename("/no", "/x")],
			["EINVAL", "rename", "/d", fs.rename("/d", "/d/e/f")],
			[
				"ENOTEMPTY",
				"rename",
				"/d",
				(async () => {
					await fs.mkdir("/empty");
					await fs.rename("/empty", "/d");
				})(),
			],
			["ENOENT", "copyFile", "/no", fs.copyFile("/no", "/x")],
			["EEXIST", "symlink", "/f", fs.symlink("x", "/f")],
			["EINVAL", "readlink", "/f", fs.readlink("/f")],
			["ENOENT", "utimes", "/no", fs.utimes("/no", 0, 0)],
			["EINVAL", "readFile", "relative", fs.readFile("relative")],
			["EINVAL", "stat", "x\0y", fs.stat("/x\0y")],
		];
		const found = [];
		for (const [code, call, path, promise] of failures) {
			found.push({ wanted: { code, call, path }, error: await caught(promise) });
		}
		return found;
	});
	for (const { wanted, error } of result) {
		const what = `${wanted.call} ${wanted.path}`;
		expect.soft(error, what).toMatchObject({ porthole: true, code: wanted.code });
		expect.soft(error.message, what).toContain(wanted.code);
		expect.soft(error.message, what).toContain(wanted.call);
		expect.soft(error.message, what).toContain(wanted.path);
	}
});

test("the tree is the one that guests see, while they run", { tag: "@waits" }, async ({ page }) => {
	const result = await page.evaluate(async () => {
		const sandbox = await porthole.Sandbox.create({ packages: ["/packages/python.webc"] });
		const code = [
			"import sys",
			"for line in sys.stdin:",
			"  open('/shared.txt', 'a').write('guest '); print(open('/shared.txt').read(), flush=True)",
		].join("\n");
		const process = await sandbox.command("python", ["-c", code]).spawn();
		const next = lines(process.stdout);
		const writer = process.stdin.getWriter();
		await sandbox.fs.writeFile("/shared.txt", "page ");
		await writer.write(new TextEncoder().encode("go\n"));
		const first = await next();
		await sandbox.fs.appendFile("/shared.txt", "page ");
		await writer.write(new TextEncoder().encode("go\n"));
		const second = await next();
		await writer.close();
		await process.status;
		return [first, second, await sandbox.fs.readTextFile("/shared.txt")];
	});
	expect(result).toEqual(["page guest \n", "page guest page guest \n", "page guest page guest "]);
});

test("watch tells of what is made, changed and removed, until it is aborted", {
	tag: "@waits",
}, async ({ page }) => {
	const result = await page.evaluate(async () => {
		const { fs } = await porthole.Sandbox.create({ files: { "/w/old.txt": "1" } });
		const abort = new AbortController();
		const seen: string[] = [];
		const steps = [
			() => fs.writeFile("/w/new.txt", "1"),
			() => fs.writeFile("/w/old.txt", "longer"),
			() => fs.rm("/w/new.txt"),
		];
		const watching = (async () => {
			for await (const { type, path } of fs.watch("/w", { signal: abort.signal })) {
				seen.push(`${type} ${path}`);
				const step = steps.shift();
				if (step === undefined) abort.abort();
				else await step();
			}
		})();
		// The first change may come before the watch has looked, so one is made until it is seen.
		for (let n = 0; seen.length === 0; n++) {
			await fs.writeFile("/w/first.txt", "x".repeat(n));
			await new Promise((resolve) => setTimeout(resolve, 50));
		}
		await watching;
		return seen.filter((line) => !line.includes("first"));
	});
	expect(result).toEqual(["create /w/new.txt", "modify /w/old.txt", "remove /w/new.txt"]);
});

test("symlinks, directories and files of a package can be read, and written over", async ({
	page,
}) => {
	const result = await page.evaluate(async () => {
		const sandbox = await porthole.Sandbox.create({
			packages: [await packed({ name: "tests/files", files: { "p/a.txt": "a", "p/b.txt": "b" } })],
		});
		const { fs } = sandbox;
		await fs.writeFile("/p/a.txt", "changed");
		await fs.rm("/p/b.txt");
		await fs.writeFile("/p/c.txt", "c");
		return {
			a: await fs.readTextFile("/p/a.txt"),
			names: (await fs.readdir("/p")).map(({ name }) => name).sort(),
		};
	});
	expect(result).toEqual({ a: "changed", names: ["a.txt", "c.txt"] });
});

/**
 * Mounts: for a sandbox and for one process, in every spelling; what is refused; when it is durable.
 */
import type { Directory } from "../src/index.ts";
import { expect, test } from "./library.ts";

const PYTHON = { packages: ["/packages/python.webc"] };

test("a mount is one tree for the page, for guests and for the store", { tag: "@waits" }, async ({
	page,
}) => {
	const result = await page.evaluate(async (options) => {
		const directory = new porthole.MemoryDirectory({
			"in.txt": "from the page",
			"a/b.txt": "deep",
		});
		const sandbox = await porthole.Sandbox.create({ ...options, mounts: { "/data": directory } });
		const code = [
			"print(open('/data/in.txt').read(), open('/data/a/b.txt').read())",
			"open('/data/out.txt', 'w').write('from the guest')",
			"import os; os.makedirs('/data/x/y'); os.rename('/data/a/b.txt', '/data/x/y/c.txt')",
			"os.remove('/data/in.txt'); print(sorted(os.listdir('/data')))",
		].join("\n");
		const ran = await py(sandbox, code);
		// A process that has ended has synced.
		const stored = text(await directory.read("/out.txt", 0, 100));
		const names = (await directory.list("/")).map(({ name }) => name).sort();
		const seen = await sandbox.fs.readTextFile("/data/x/y/c.txt");
		await sandbox.fs.writeFile("/data/page.txt", "from the page, later");
		await sandbox.sync();
		const later = text(await directory.read("/page.txt", 0, 100));
		return { ran, stored, names, seen, later };
	}, PYTHON);
	expect(result).toEqual({
		ran: { code: 0, out: "from the page deep\n['a', 'out.txt', 'x']\n", err: "" },
		stored: "from the guest",
		names: ["a", "out.txt", "x"],
		seen: "deep",
		later: "from the page, later",
	});
});

test("paths: with dots, nested, with missing parents, over what is there", async ({ page }) => {
	const result = await page.evaluate(async (options) => {
		const of = (content: string) => new porthole.MemoryDirectory({ "f.txt": content });
		const sandbox = await porthole.Sandbox.create({
			packages: [
				...options.packages,
				await packed({ name: "tests/taken", files: { "taken/old.txt": "old" } }),
			],
			mounts: {
				"/relative": of("relative"),
				"/./dotted/../plain": of("plain"),
				"/outer": new porthole.MemoryDirectory({ "f.txt": "outer", "inner/x": "" }),
				"/outer/inner": of("inner"),
				"/no/such/parents": of("deep"),
				"/taken": of("over"),
			},
		});
		const names = ["/relative", "/plain", "/outer", "/outer/inner", "/no/such/parents", "/taken"];
		const code = `for d in ${JSON.stringify(names)}: print(open(d + '/f.txt').read())`;
		const guest = (await py(sandbox, code)).out.split("\n");
		const spelled = (await py(sandbox, "print(open('relative/f.txt').read())")).out;
		const page = [];
		for (const name of names) page.push(await sandbox.fs.readTextFile(`${name}/f.txt`));
		const hidden = await sandbox.fs.exists("/taken/old.txt");
		await sandbox.unmount("/taken");
		return { guest, spelled, page, hidden, back: await sandbox.fs.readTextFile("/taken/old.txt") };
	}, PYTHON);
	const contents = ["relative", "plain", "outer", "inner", "deep", "over"];
	expect(result).toEqual({
		guest: [...contents, ""],
		spelled: "relative\n",
		page: contents,
		hidden: false,
		back: "old",
	});
});

test("a directory at / holds what is new, and shows the package beneath", async ({ page }) => {
	const result = await page.evaluate(async () => {
		const directory = new porthole.MemoryDirectory({ "mine.txt": "mine", "etc/own.conf": "own" });
		const sandbox = await porthole.Sandbox.create({
			packages: [
				"/packages/python.webc",
				await packed({ name: "tests/base", files: { "base/file.txt": "base" } }),
			],
			mounts: { "/": directory },
		});
		const code = [
			"print(open('/mine.txt').read(), open('/base/file.txt').read(), open('/etc/own.conf').read())",
			"open('/new.txt', 'w').write('new'); open('/base/more.txt', 'w').write('more')",
			"open('/tmp/scratch', 'w').write('gone')",
			"open('/dev/null', 'w').write('x')",
		].join("\n");
		const ran = await py(sandbox, code);
		const names = (await directory.list("/")).map(({ name }) => name).sort();
		const more = text(await directory.read("/base/more.txt", 0, 10));
		return {
			ran,
			names,
			more,
			tmp: names.includes("tmp"),
			scratch: await sandbox.fs.exists("/tmp/scratch"),
		};
	});
	expect(result.ran).toEqual({ code: 0, out: "mine base own\n", err: "" });
	expect(result.names).toEqual(expect.arrayContaining(["base", "etc", "mine.txt", "new.txt"]));
	expect(result).toMatchObject({ more: "more", tmp: false, scratch: true });
});

test("read only means EROFS, for guests and for the page", async ({ page }) => {
	const result = await page.evaluate(async (options) => {
		const directory = new porthole.MemoryDirectory({ "f.txt": "kept" });
		const sandbox = await porthole.Sandbox.create({
			...options,
			mounts: { "/fixed": { directory, readOnly: true } },
		});
		const code = [
			"import os, errno",
			"def refused(call):",
			"  try: call()",
			"  except OSError as error: return errno.errorcode[error.errno]",
			"print(open('/fixed/f.txt').read(), *map(refused, [",
			"  lambda: open('/fixed/f.txt', 'w'), lambda: open('/fixed/new', 'w'),",
			"  lambda: os.mkdir('/fixed/d'), lambda: os.remove('/fixed/f.txt'),",
			"  lambda: os.rename('/fixed/f.txt', '/fixed/g.txt')]))",
		].join("\n");
		const ran = await py(sandbox, code);
		const errors = [
			await caught(sandbox.fs.writeFile("/fixed/f.txt", "x")),
			await caught(sandbox.fs.mkdir("/fixed/d")),
			await caught(sandbox.fs.rm("/fixed/f.txt")),
		];
		const later = new porthole.MemoryDirectory();
		await sandbox.mount("/later", later, { readOnly: true });
		errors.push(await caught(sandbox.fs.writeFile("/later/new", "x")));
		return { ran, errors, kept: text(await directory.read("/f.txt", 0, 10)) };
	}, PYTHON);
	expect(result.ran).toEqual({
		code: 0,
		out: `kept ${"EROFS ".repeat(5).trim()}\n`,
		err: "",
	});
	for (const error of result.errors) {
		expect(error).toMatchObject({ porthole: true, code: "EROFS" });
		expect(error.message).toMatch(/EROFS.*\/(fixed|later)\//);
	}
	expect(result.kept).toBe("kept");
});

test("a mount on /home is where programs start, and absolute paths still work", {
	tag: "@waits",
}, async ({ page }) => {
	const result = await page.evaluate(async (options) => {
		const home = new porthole.MemoryDirectory({ "note.txt": "note" });
		const sandbox = await porthole.Sandbox.create({ ...options, mounts: { "/home": home } });
		const code = [
			"import os",
			"print(open('note.txt').read(), open('/home/note.txt').read(), os.path.isdir('/tmp'))",
			"open('made.txt', 'w').write('1'); open('/home/also.txt', 'w').write('2')",
			"open('/tmp/t', 'w').write('3')",
		].join("\n");
		const ran = await py(sandbox, code);
		const names = (await home.list("/")).map(({ name }) => name).sort();
		const elsewhere = await py(sandbox, "import os; print(os.path.exists('note.txt'))", {
			currentDir: "/tmp",
		});
		return { ran, names, elsewhere: elsewhere.out, tmp: await sandbox.fs.readTextFile("/tmp/t") };
	}, PYTHON);
	expect(result).toEqual({
		ran: { code: 0, out: "note note True\n", err: "" },
		names: ["also.txt", "made.txt", "note.txt"],
		elsewhere: "False\n",
		tmp: "3",
	});
});

test("a working directory on a mount leads up, and a bare name taken from / is told", {
	tag: "@waits",
}, async ({ page }) => {
	const result = await page.evaluate(async (options) => {
		const sandbox = await porthole.Sandbox.create({
			...options,
			mounts: {
				"/project/src": new porthole.MemoryDirectory(),
				"/data": new porthole.MemoryDirectory({ "precious.csv": "1" }),
			},
			files: { "/project/up.txt": "up" },
		});
		const warnings: string[] = [];
		sandbox.addEventListener("warning", ({ detail }) => warnings.push(detail.message));
		const run = (code: string) => py(sandbox, code, { currentDir: "/project/src" });
		const up = await run(
			"import os; print(open('../up.txt').read(), os.listdir('..'), 'tmp' in os.listdir('../../../..'))",
		);
		const made = await run(
			"import os; os.mkdir('tmp/'); os.makedirs('tmp/', exist_ok=True); open('tmp/x', 'w').write('1')",
		);
		const names = async (path: string) => (await sandbox.fs.readdir(path)).map(({ name }) => name);
		const quiet = warnings.length;
		const there = [
			await names("/project/src"),
			await names("/project/src/tmp"),
			await names("/tmp"),
		];
		const clean = await run("import shutil; shutil.rmtree('data', ignore_errors=True)");
		// Why is loaded late, so the page may be told after the program's end.
		await until(() => warnings.length > 0);
		return { up, made, there, quiet, clean: clean.code, warnings };
	}, PYTHON);
	expect(result.up).toMatchObject({ code: 0, err: "" });
	expect(result.up.out).toMatch(/^up \['src', 'up.txt'\] True\n$|^up \['up.txt', 'src'\] True\n$/);
	expect(result).toMatchObject({
		made: { code: 0 },
		there: [["tmp"], ["x"], []],
		quiet: 0,
		clean: 0,
		warnings: [expect.stringContaining('"/data"')],
	});
});

test("what is unmounted is gone for a process that has mounts of its own", {
	tag: "@waits",
}, async ({ page }) => {
	const result = await page.evaluate(async (options) => {
		const sandbox = await sharedSandbox(options);
		await sandbox.mount("/data", new porthole.MemoryDirectory({ f: "x" }));
		const code = [
			"import os",
			"print(os.listdir('/data'), flush=True)",
			"input()",
			"print(os.path.exists('/data/f'))",
			"try: open('/data/new', 'w')",
			"except FileNotFoundError: print('gone')",
		].join("\n");
		const mounts = { "/own": new porthole.MemoryDirectory() };
		const process = await sandbox.command("python", ["-c", code], { mounts }).spawn();
		const next = lines(process.stdout);
		const before = await next();
		await sandbox.unmount("/data");
		const writer = process.stdin.getWriter();
		await writer.write(new TextEncoder().encode("\n"));
		await writer.close();
		const after = [await next(), await next()];
		await process.status;
		return { before, after, root: await sandbox.fs.exists("/data") };
	}, PYTHON);
	expect(result).toEqual({ before: "['f']\n", after: ["False\n", "gone\n"], root: false });
});

test("mounts of a process are its own: home, relative, '.', and /", { tag: "@waits" }, async ({
	page,
}) => {
	const result = await page.evaluate(async (options) => {
		const sandbox = await sharedSandbox(options);
		const look =
			"import os; print(*[p for p in ('f.txt', '/home/f.txt', '/mine/f.txt') if os.path.exists(p)])";
		const directory = () => new porthole.MemoryDirectory({ "f.txt": "" });
		const run = async (mounts: Record<string, ReturnType<typeof directory>>) =>
			(await py(sandbox, look, { mounts })).out;
		const kept = new porthole.MemoryDirectory();
		const write = "open('/mine/made.txt', 'w').write('made'); open('/shared.txt', 'w').write('s')";
		const wrote = await py(sandbox, write, { mounts: { "/mine": kept } });
		return {
			none: await run({}),
			home: await run({ "/home": directory() }),
			relative: await run({ mine: directory() }),
			dot: await run({ ".": directory() }),
			root: await run({ "/": directory() }),
			wrote: wrote.code,
			made: text(await kept.read("/made.txt", 0, 10)),
			shared: await sandbox.fs.readTextFile("/shared.txt"),
			unseen: await sandbox.fs.exists("/mine/made.txt"),
		};
	}, PYTHON);
	expect(result).toEqual({
		none: "\n",
		home: "f.txt /home/f.txt\n",
		relative: "/mine/f.txt\n",
		dot: "f.txt\n",
		root: "f.txt\n",
		wrote: 0,
		made: "made",
		shared: "s",
		unseen: false,
	});
});

test("mount and unmount while the sandbox runs; busy is EBUSY", { tag: "@waits" }, async ({
	page,
}) => {
	const result = await page.evaluate(async (options) => {
		const sandbox = await sharedSandbox(options);
		const directory = new porthole.MemoryDirectory({ "f.txt": "f" });
		await sandbox.mount("/late", directory);
		const twice = await caught(sandbox.mount("/late", new porthole.MemoryDirectory()));
		const holder = await sandbox
			.command("python", ["-c", "f = open('/late/f.txt'); print('open', flush=True); input()"])
			.spawn();
		await lines(holder.stdout)();
		const busy = await caught(sandbox.unmount("/late"));
		const still = await sandbox.fs.readTextFile("/late/f.txt");
		await holder.stdin.close();
		await holder.status;
		await sandbox.fs.writeFile("/late/g.txt", "g");
		await sandbox.unmount("/late");
		const stored = text(await directory.read("/g.txt", 0, 10));
		const gone = await sandbox.fs.exists("/late/f.txt");
		const nothing = await caught(sandbox.unmount("/late"));
		await sandbox.mount("/late", directory);
		const back = await sandbox.fs.readTextFile("/late/f.txt");
		await sandbox.unmount("/late");
		return { twice, busy, still, stored, gone, nothing, back };
	}, PYTHON);
	expect(result.twice).toMatchObject({ porthole: true, code: "EBUSY" });
	expect(result.busy).toMatchObject({ porthole: true, code: "EBUSY" });
	expect(result.busy.message).toContain("/late");
	expect(result.nothing).toMatchObject({ porthole: true, code: "EINVAL" });
	expect(result).toMatchObject({ still: "f", stored: "g", gone: false, back: "f" });
});

test("any object with the methods of Store can be mounted; what it fails with is told", {
	tag: "@waits",
}, async ({ page }) => {
	const result = await page.evaluate(async () => {
		const memory = new porthole.MemoryDirectory({ "f.txt": "f" });
		let full = true;
		const store = {
			list: (path: string) => memory.list(path),
			read: (path: string, offset: number, length: number) => memory.read(path, offset, length),
			async write(path: string, offset: number, bytes: Uint8Array) {
				if (full) throw Object.assign(new Error("disk full"), { code: "ENOSPC" });
				await memory.write(path, offset, bytes);
			},
			resize: (path: string, size: number) => memory.resize(path, size),
			make: (path: string, type: "file" | "directory") => memory.make(path, type),
			remove: (path: string) => memory.remove(path),
			rename: (from: string, to: string) => memory.rename(from, to),
		};
		const sandbox = await porthole.Sandbox.create({ mounts: { "/own": store } });
		const read = await sandbox.fs.readTextFile("/own/f.txt");
		const failing = async () => {
			await sandbox.fs.writeFile("/own/g.txt", "g");
			await sandbox.sync();
		};
		const error = await caught(failing());
		full = false;
		await sandbox.fs.writeFile("/own/h.txt", "h");
		await sandbox.sync();
		return { read, error, stored: text(await memory.read("/h.txt", 0, 10)) };
	});
	expect(result).toMatchObject({ read: "f", stored: "h" });
	expect(result.error).toMatchObject({ porthole: true, code: "ENOSPC" });
});

for (const how of ["a class that extends it", "on the object", "a Proxy around it"]) {
	test(`a directory may have a method of the page's own: ${how}`, async ({ page }) => {
		const result = await page.evaluate(async (how) => {
			const seen: string[] = [];
			let directory: Directory;
			if (how === "on the object") {
				const plain = new porthole.MemoryDirectory();
				const write = plain.write.bind(plain);
				plain.write = (path, ...rest) => {
					seen.push(path);
					return write(path, ...rest);
				};
				directory = plain;
			} else if (how === "a Proxy around it") {
				directory = new Proxy(new porthole.MemoryDirectory(), {
					get: (inner, key, proxy) => {
						if (key !== "write") return Reflect.get(inner, key, proxy);
						return (...args: Parameters<typeof inner.write>) => {
							seen.push(args[0]);
							return inner.write(...args);
						};
					},
				});
			} else {
				class Watched extends porthole.IndexedDBDirectory {
					override async write(path: string, offset: number, bytes: Uint8Array) {
						seen.push(path);
						await super.write(path, offset, bytes);
					}
				}
				directory = new Watched(`watched ${Math.random()}`);
			}
			const sandbox = await porthole.Sandbox.create({ mounts: { "/d": directory } });
			await sandbox.fs.writeFile("/d/f.txt", "kept");
			await sandbox.sync();
			return { seen, kept: text(await directory.read("/f.txt", 0, 10)) };
		}, how);
		expect(result).toEqual({ seen: ["/f.txt"], kept: "kept" });
	});
}

test("close makes everything durable; two sandboxes may share a directory", {
	tag: "@waits",
}, async ({ page }) => {
	const result = await page.evaluate(async () => {
		const directory = new porthole.MemoryDirectory();
		const first = await porthole.Sandbox.create({ mounts: { "/d": directory } });
		await first.fs.writeFile("/d/f.txt", "first");
		await first.close();
		const second = await porthole.Sandbox.create({ mounts: { "/d": directory } });
		return second.fs.readTextFile("/d/f.txt");
	});
	expect(result).toBe("first");
});

test("a directory that does wrong when it is mounted, or given back, is told of and harms no other", async ({
	page,
}) => {
	const found = await page.evaluate(async () => {
		const stopped: string[] = [];
		const store = (watch: (heard: (paths: string[]) => void) => unknown) =>
			Object.assign(new porthole.MemoryDirectory(), { watch });
		const mounts = {
			"/nothing": store(() => undefined),
			"/throws": store(() => () => {
				throw new Error("no");
			}),
			"/late": store(async () => () => stopped.push("late")),
			"/fine": store((heard) => {
				heard(["/"]);
				return () => stopped.push("fine");
			}),
		} as unknown as Record<string, Directory>;
		const sandbox = await porthole.Sandbox.create({ mounts });
		await sandbox.fs.writeFile("/fine/a", "text");
		await sandbox.close();
		const broken = store(() => {
			throw Object.assign(new Error("no channel"), { code: "EACCES" });
		}) as unknown as Directory;
		const error = await porthole.Sandbox.create({ mounts: { "/broken": broken } }).catch(
			(thrown: unknown) => thrown,
		);
		const { name, code, message } = error as InstanceType<typeof porthole.PortholeError>;
		return { stopped: stopped.sort(), name, code, message };
	});
	expect(found).toMatchObject({ stopped: ["fine", "late"], name: "PortholeError", code: "EACCES" });
	expect(found.message).toContain("watch /broken");
});

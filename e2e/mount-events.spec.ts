/**
 * What happens between a program and its mounts behind its back: refusals, what is on its way, others
 * that change the same directory, and a store that never answers.
 */
import { expect, fresh as test } from "./library.ts";

test("a refused change is an event and fails the next sync; it is kept, and made when it can be", async ({
	page,
}) => {
	const result = await page.evaluate(async () => {
		const directory = new porthole.MemoryDirectory();
		let full = true;
		const real = directory.apply.bind(directory);
		directory.apply = async (changes) =>
			full ? changes.map(({ call }) => (call === "write" ? "ENOSPC" : null)) : real(changes);
		const sandbox = await porthole.Sandbox.create({ mounts: { "/d": directory } });
		const told: unknown[] = [];
		const pending: number[] = [];
		sandbox.addEventListener("mounterror", ({ detail: { path, error } }) => {
			told.push([path, error instanceof porthole.PortholeError, error.code]);
		});
		sandbox.addEventListener("mountpending", ({ detail }) => pending.push(detail.bytes));
		full = false;
		await sandbox.fs.writeFile("/d/there", "x");
		await sandbox.sync();
		full = true;
		await sandbox.fs.writeFile("/d/there", "kept");
		const first = await caught(sandbox.sync());
		await until(() => sandbox.mounts[0]?.pending === 4);
		const held = sandbox.mounts;
		const seen = await sandbox.fs.readTextFile("/d/there");
		full = false;
		await sandbox.sync();
		const stored = text(await directory.read("/there", 0, 10));
		await until(() => sandbox.mounts[0]?.pending === 0);
		await sandbox.close();
		return { told, first, held, seen, stored, last: pending.at(-1) };
	});
	expect(result.told).toEqual([["/d/there", true, "ENOSPC"]]);
	expect(result.first).toMatchObject({ porthole: true, code: "ENOSPC" });
	expect(result.first.message).toContain("/d");
	expect(result.held).toEqual([{ path: "/d", readOnly: false, pending: 4 }]);
	expect(result).toMatchObject({ seen: "kept", stored: "kept", last: 0 });
});

test("what a page's own store throws is in the events and errors that come of it", async ({
	page,
}) => {
	const result = await page.evaluate(async () => {
		const files = new porthole.MemoryDirectory({ "sub/f": "x", g: "x" });
		const broken = (code?: string) =>
			Object.assign(new Error("the tape has snapped"), code === undefined ? {} : { code });
		const store: Parameters<typeof porthole.Sandbox.prototype.mount>[1] = {
			list: async (path) => {
				if (path === "/sub") throw broken("ENXIO");
				return files.list(path);
			},
			read: async () => {
				throw broken();
			},
			write: () => {
				// Not even a promise.
				throw broken("ENOSPC");
			},
			resize: (path, size) => files.resize(path, size),
			make: (path, type) => files.make(path, type),
			remove: (path) => files.remove(path),
			rename: (from, to) => files.rename(from, to),
		};
		const sandbox = await porthole.Sandbox.create({ mounts: { "/d": store } });
		const told: unknown[] = [];
		sandbox.addEventListener("mounterror", ({ detail: { path, error } }) => {
			told.push([path, error.code, error.message, String(error.cause)]);
		});
		const causes: unknown[] = [];
		for (const call of [sandbox.fs.readdir("/d/sub"), sandbox.fs.readFile("/d/g")]) {
			await call.catch((error) => causes.push([error.code, error.message, String(error.cause)]));
		}
		const missing = await caught(sandbox.fs.readFile("/d/none"));
		await sandbox.fs.writeFile("/d/h", "y");
		const synced = await caught(sandbox.sync());
		await sandbox.close().catch(() => {});
		return { told, causes, missing, synced };
	});
	const why = "Error: the tape has snapped";
	expect(result.causes).toEqual([
		["ENXIO", expect.stringContaining("/d/sub: the tape has snapped"), why],
		["EIO", expect.stringContaining("/d/g: the tape has snapped"), why],
	]);
	expect(result.told[0]).toEqual([
		"/d/h",
		"ENOSPC",
		expect.stringMatching(/\/d\/h .*: the tape has snapped$/),
		why,
	]);
	expect(result.missing.message).not.toContain("tape");
	expect(result.synced.code).toBe("ENOSPC");
});

test("what is thrown at a whole list of changes is told too", async ({ page }) => {
	const said = await page.evaluate(async () => {
		const snapped = Object.assign(new Error("the tape has snapped"), { code: "ENOSPC" });
		const directory = new porthole.MemoryDirectory();
		directory.apply = async () => {
			throw snapped;
		};
		const sandbox = await porthole.Sandbox.create({ mounts: { "/d": directory } });
		const told = new Promise<unknown[]>((resolve) => {
			sandbox.addEventListener("mounterror", ({ detail: { path, error } }) => {
				resolve([path, error.code, error.message.endsWith(": the tape has snapped")]);
			});
		});
		await sandbox.fs.writeFile("/d/f", "x");
		await caught(sandbox.sync());
		const found = await told;
		await caught(sandbox.close());
		return found;
	});
	expect(said).toEqual(["/d/f", "ENOSPC", true]);
});

test("closing a file tells a program what has become of its bytes, once", async ({ page }) => {
	const result = await page.evaluate(async () => {
		const directory = new porthole.MemoryDirectory();
		let full = true;
		const real = directory.apply.bind(directory);
		directory.apply = async (changes) =>
			full ? changes.map(({ call }) => (call === "write" ? "ENOSPC" : null)) : real(changes);
		const sandbox = await porthole.Sandbox.create({
			packages: ["/packages/python.webc"],
			mounts: { "/d": directory },
		});
		const refused = new Promise((resolve) => sandbox.addEventListener("mounterror", resolve));
		const code = `import os
f = os.open("/d/f", os.O_RDWR | os.O_CREAT)
os.write(f, b"kept")
print("written", flush=True)
input()
try:
    os.close(f)
except OSError as error:
    print(error.strerror, flush=True)
f = os.open("/d/f", os.O_RDWR)
print(os.read(f, 9), os.close(f))
`;
		full = false;
		await sandbox.fs.writeFile("/d/f", "");
		await sandbox.sync();
		full = true;
		const python = await sandbox.command("python", ["-c", code]).spawn();
		const next = lines(python.stdout);
		await next();
		// It is sent by itself, before anybody closes the file.
		await refused;
		full = false;
		const keys = python.stdin.getWriter();
		await keys.write(new TextEncoder().encode("\n"));
		const told = [await next(), await next()];
		const { code: status } = await python.status;
		await sandbox.close();
		return { told, status, stored: text(await directory.read("/f", 0, 9)) };
	});
	expect(result.told).toEqual(["No space left on device\n", "b'kept' None\n"]);
	expect(result).toMatchObject({ status: 0, stored: "kept" });
});

test("two sandboxes with one directory see what the other has changed", async ({ page }) => {
	const result = await page.evaluate(async () => {
		const directory = new porthole.MemoryDirectory({ "f.txt": "old" });
		const one = await porthole.Sandbox.create({ mounts: { "/one": directory } });
		const two = await porthole.Sandbox.create({ mounts: { "/two": directory } });
		const before = await two.fs.readTextFile("/two/f.txt");
		await one.fs.writeFile("/one/f.txt", "new, and longer");
		await one.fs.writeFile("/one/g.txt", "made");
		await one.sync();
		let after = "";
		await until(async () => {
			after = await two.fs.readTextFile("/two/f.txt");
			return after === "new, and longer" && (await two.fs.exists("/two/g.txt"));
		});
		await one.fs.rm("/one/f.txt");
		await one.sync();
		await until(async () => !(await two.fs.exists("/two/f.txt")));
		await Promise.all([one.close(), two.close()]);
		return { before, after };
	});
	expect(result).toEqual({ before: "old", after: "new, and longer" });
});

test("a store that never answers is waited for so long and no longer, and each is told", async ({
	page,
}) => {
	const result = await page.evaluate(async () => {
		const silentAt = () => {
			const directory = new porthole.MemoryDirectory();
			return Object.assign(directory, { apply: () => new Promise<never>(() => {}) });
		};
		const mounts = {
			"/d": { directory: silentAt(), timeout: 300 },
			"/own": Object.assign(silentAt(), { timeout: 300 }),
		};
		const sandbox = await porthole.Sandbox.create({ mounts });
		for (const path of ["/d/f", "/own/f"]) await sandbox.fs.writeFile(path, "lost");
		const synced = await caught(sandbox.sync());
		const unmounted = await caught(sandbox.unmount("/d"));
		const told: string[] = [];
		sandbox.addEventListener("mounterror", ({ detail: { path, error } }) => {
			told.push(`${path} ${error.code}`);
		});
		const closed = await caught(sandbox.close());
		return { all: [synced, unmounted, closed], told: told.sort() };
	});
	for (const error of result.all) {
		expect(error).toMatchObject({ porthole: true, code: "timeout" });
		expect(error.message).toContain("/d");
		expect(error.message).toContain("4 bytes");
	}
	expect(result.told).toEqual(["/d timeout", "/own timeout"]);
});

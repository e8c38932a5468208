/**
 * The private file system: in a worker and without one, in several tabs, when it is full, and after
 * something was begun and not finished.
 */
import type { Page } from "@playwright/test";
import type * as Porthole from "../src/index.ts";
import { crash } from "./killable.ts";
import { expect, fresh as test } from "./library.ts";
import { Profile } from "./profile.ts";

declare global {
	var store: Porthole.OPFSDirectory;
	var running: boolean;
	var done: string[];
	/** A directory or file of the private file system, made with all that is above it. */
	function put(path: string, content: string): Promise<void>;
}

/** Gives the words of these tests to a page. */
async function teach(page: Page): Promise<void> {
	await page.evaluate(() => {
		globalThis.put = async (path, content) => {
			const names = path.split("/");
			const name = names.pop() ?? "";
			let at = await navigator.storage.getDirectory();
			for (const step of names) at = await at.getDirectoryHandle(step, { create: true });
			const writable = await (await at.getFileHandle(name, { create: true })).createWritable();
			await writable.write(content);
			await writable.close();
		};
	});
}

async function another(page: Page): Promise<Page> {
	const other = await page.context().newPage();
	await other.goto("/pages/library.html");
	await other.waitForFunction(() => document.title === "ready");
	await teach(other);
	return other;
}

test.beforeEach(({ page }) => teach(page));

test("files are changed in place by a worker, and by copies where there is none, which is told", async ({
	page,
}) => {
	const found = await page.evaluate(async () => {
		const inPlace = new porthole.OPFSDirectory("both");
		const copies = new porthole.OPFSDirectory("both", { workerUrl: "/dist/nothing.js" });
		await inPlace.make("/f", "file");
		await inPlace.write("/f", 0, new TextEncoder().encode("in place"));
		await copies.write("/f", 3, new TextEncoder().encode("P"));
		// Nothing is synced: whoever takes over the directory sees it all the same.
		const read = async (store: Porthole.OPFSDirectory) => text(await store.read("/f", 0, 99));
		const seen = [await read(inPlace), await read(copies)];
		await inPlace.write("/f", 8, new TextEncoder().encode("!"));
		seen.push(await read(copies));
		return { how: [await inPlace.isInPlace(), await copies.isInPlace()], seen };
	});
	expect(found).toEqual({
		how: [true, false],
		seen: ["in Place", "in Place", "in Place!"],
	});
});

test("a sandbox hands its workerUrl on", async ({ page }) => {
	const found = await page.evaluate(async () => {
		const directory = new porthole.OPFSDirectory("handed");
		const workerUrl = "/dist/guest.js";
		const sandbox = await porthole.Sandbox.create({ workerUrl, mounts: { "/d": directory } });
		await sandbox.fs.writeFile("/d/f", "x");
		await sandbox.close();
		return [directory.workerUrl, await directory.isInPlace()];
	});
	expect(found).toEqual(["/dist/guest.js", true]);
});

test("names that would come back as others are refused by name", async ({ page }) => {
	const refused = await page.evaluate(async () => {
		const store = new porthole.OPFSDirectory("names");
		const names = [".porthole", ".porthole-intent", "half \ud800", "é".repeat(128), "a\\b"];
		const codes: string[] = [];
		for (const name of names) {
			const failure = await caught(store.make(`/${name}`, "file"));
			codes.push(failure.message.includes(name) ? failure.code : failure.message);
		}
		await store.make("/__proto__", "directory");
		return { codes, left: (await store.list("/")).map(({ name }) => name) };
	});
	expect(refused).toEqual({
		codes: ["EINVAL", "EINVAL", "EINVAL", "ENAMETOOLONG", "EINVAL"],
		left: ["__proto__"],
	});
});

test("what was begun and not finished is finished by whoever comes first: here, above or below", async ({
	page,
}) => {
	const found = await page.evaluate(async () => {
		const begin = async (root: string, note: unknown) => {
			await put(`${root}/old/sub/deep`, "deep");
			await put(`${root}/old/left`, "left");
			await put(`${root}/new/moved`, "moved");
			const intent = { format: 1, kind: "rename", from: "/old", to: "/new", note };
			await put(`${root}/.porthole-intent`, JSON.stringify(intent));
		};
		const tree = async (store: Porthole.OPFSDirectory, path: string): Promise<unknown> => {
			const all = await store.list(path);
			const named = all.map(async ({ name, type }) => [
				name,
				type === "directory" ? await tree(store, `${path}/${name}`) : type,
			]);
			return Object.fromEntries(await Promise.all(named));
		};
		await begin("here", null);
		const here = await tree(new porthole.OPFSDirectory("here"), "/");
		await begin("above/in", null);
		const above = await tree(new porthole.OPFSDirectory("above"), "/in");
		await begin("below", null);
		const below = await tree(new porthole.OPFSDirectory("below/new"), "/");
		const left = await tree(new porthole.OPFSDirectory("below"), "/");

		const times = ["1000000000000000001", "2000000000000000002"];
		await begin("noted", { times, seen: "" });
		const [noted] = await new porthole.OPFSDirectory("noted").list("/");

		await put("link/.porthole-intent", '{"format":1,"kind":"symlink","path":"/l","target":"t"}');
		const [link] = await new porthole.OPFSDirectory("link").list("/");

		await put("damaged/.porthole-intent", '{"format":1,"kind":"rename"}');
		const damaged = await new porthole.OPFSDirectory("damaged").list("/");
		return { here, above, below, left, modified: String(noted?.times?.modified), link, damaged };
	});
	const moved = { left: "file", moved: "file", sub: { deep: "file" } };
	expect(found).toMatchObject({
		here: { new: moved },
		above: { new: moved },
		below: moved,
		left: { new: moved },
		modified: "2000000000000000002",
		link: { name: "l", type: "symlink", target: "t" },
		damaged: [{ name: ".porthole-intent.damaged" }],
	});
});

test("notes that are damaged cost their links, which the page is told, and no file", async ({
	page,
}) => {
	const found = await page.evaluate(async () => {
		const make = () =>
			porthole.Sandbox.create({ mounts: { "/m": new porthole.OPFSDirectory("cut") } });
		const first = await make();
		await first.fs.writeFile("/m/a", "A");
		await first.fs.symlink("a", "/m/l");
		await first.sync();
		await first.close();
		await put("cut/.porthole", "");
		const sandbox = await make();
		const told = new Promise<string>((resolve) => {
			sandbox.addEventListener("mounterror", ({ detail: { path, error } }) =>
				resolve(`${path} ${error.code} ${error.message}`),
			);
		});
		const read = await sandbox.fs.readTextFile("/m/a");
		await sandbox.fs.writeFile("/m/b", "B");
		await sandbox.fs.symlink("b", "/m/n");
		await sandbox.sync();
		const message = await told;
		await sandbox.close();
		const left = await new porthole.OPFSDirectory("cut").list("/");
		return { read, message, left: left.map(({ name, type }) => `${name} ${type}`).sort() };
	});
	expect(found).toMatchObject({
		read: "A",
		left: [".porthole.damaged file", "a file", "b file", "l file", "n symlink"],
	});
	expect(found.message).toMatch(
		/^\/m EIO \.porthole was damaged and is kept as \.porthole\.damaged/,
	);
});

test("tabs hand the directory to each other, also where one has a directory inside another's", async ({
	page,
}) => {
	const other = await another(page);
	await page.evaluate(async () => {
		globalThis.store = new porthole.OPFSDirectory("shared");
		await store.make("/in", "directory");
	});
	await other.evaluate(() => {
		globalThis.store = new porthole.OPFSDirectory("shared/in");
	});
	const work = (page: Page, path: string) =>
		page.evaluate(async (path) => {
			await store.make(path, "file");
			for (let i = 0; i < 300; i++) await store.write(path, i, Uint8Array.of(i));
		}, path);
	await Promise.all([work(page, "/in/one"), work(other, "/two")]);
	const seen = await page.evaluate(async () => {
		const sums: number[] = [];
		for (const path of ["/in/one", "/in/two"]) {
			const bytes = await store.read(path, 0, 1000);
			sums.push(bytes.filter((byte, i) => byte === (i & 255)).length);
		}
		return sums;
	});
	expect(seen).toEqual([300, 300]);
});

test("a tab that keeps the directory and does not answer makes it EBUSY, which says so", async ({
	page,
}) => {
	const other = await another(page);
	await other.evaluate(async () => {
		await new Promise<void>((held) => {
			navigator.locks.request("porthole-opfs:/kept", () => {
				held();
				return new Promise(() => {});
			});
		});
	});
	const failure = await page.evaluate(() => caught(new porthole.OPFSDirectory("kept").list("/")));
	expect(failure).toMatchObject({ porthole: true, code: "EBUSY" });
	expect(failure.message).toContain("another tab");
	await other.close();
	const free = await page.evaluate(() => new porthole.OPFSDirectory("kept").list("/"));
	expect(free).toEqual([]);
});

test("three tabs write at random and one is killed: all that was synced is there", async () => {
	test.setTimeout(120_000);
	await using profile = new Profile();
	const pages = [await profile.visit(), await profile.visit(), await profile.visit()];
	for (const [tab, page] of pages.entries()) {
		await page.evaluate((tab) => {
			Object.assign(globalThis, { running: true, done: [] });
			const store = new porthole.OPFSDirectory("tabs");
			const work = async () => {
				for (let i = 0; running; i++) {
					const [path, moved] = [`/${tab}-${i}`, `/${tab}-${i}.txt`];
					await store.make(path, "file");
					await store.write(path, 0, new TextEncoder().encode(path.repeat(1 + (i % 500))));
					if (i % 3 === 0) await store.rename(path, moved);
					await store.sync();
					done.push(i % 3 === 0 ? moved : path);
				}
			};
			Object.assign(globalThis, { finished: work() });
		}, tab);
	}
	const [first, ...others] = pages as [Page, ...Page[]];
	await expect
		.poll(() => first.evaluate(() => done.length), { timeout: 30_000 })
		.toBeGreaterThan(20);
	const synced = [await first.evaluate(() => done)];
	await crash(first);
	for (const page of others) {
		const so = await page.evaluate(() => done.length);
		await expect
			.poll(() => page.evaluate(() => done.length), { timeout: 30_000 })
			.toBeGreaterThan(so + 20);
	}
	for (const page of others) {
		synced.push(
			await page.evaluate(async () => {
				running = false;
				await Reflect.get(globalThis, "finished");
				return done;
			}),
		);
	}
	const wrong = await (await profile.visit()).evaluate(async (paths) => {
		const store = new porthole.OPFSDirectory("tabs");
		const wrong: string[] = [];
		for (const path of paths) {
			const plain = path.replace(".txt", "");
			const content = plain.repeat(1 + (Number(plain.split("-")[1]) % 500));
			const found = text(await store.read(path, 0, 1 << 20).catch(() => new Uint8Array(0)));
			if (found !== content) wrong.push(`${path}: ${found.length} of ${content.length}`);
		}
		return wrong;
	}, synced.flat());
	expect(wrong).toEqual([]);
});

test("when the space is used up it is ENOSPC, nothing is lost, and what is deleted can be used", async () => {
	await using profile = new Profile();
	const page = await profile.visit();
	const devtools = await page.context().newCDPSession(page);
	const { origin } = profile;
	await devtools.send("Storage.overrideQuotaForOrigin", { origin, quotaSize: 5_000_000 });
	const found = await page.evaluate(async () => {
		const store = new porthole.OPFSDirectory("full");
		const sandbox = await porthole.Sandbox.create({
			packages: ["/packages/python.webc"],
			mounts: { "/d": store },
		});
		const first = await py(
			sandbox,
			`import os, errno
open("/d/kept", "wb").write(b"k" * 1_000_000)
def fill(path, size):
    try:
        with open(path, "wb") as f:
            f.write(os.urandom(size))
            f.flush()
            os.fsync(f.fileno())
        return "written"
    except OSError as error:
        return errno.errorcode[error.errno]
print(fill("/d/small", 500_000), fill("/d/much", 20_000_000))
os.remove("/d/much")
print(fill("/d/more", 2_000_000))
`,
		);
		await sandbox.close();
		const again = new porthole.OPFSDirectory("full");
		const listed = (await again.list("/")).map(({ name, size }) => [name, size]).sort();
		const kept = await again.read("/kept", 0, 2_000_000);
		return { first, listed, whole: kept.every((byte) => byte === 107) };
	});
	expect(found.first).toMatchObject({ out: "written ENOSPC\nwritten\n", err: "" });
	expect(found.listed).toEqual([
		["kept", 1_000_000],
		["more", 2_000_000],
		["small", 500_000],
	]);
	expect(found.whole).toBe(true);
});

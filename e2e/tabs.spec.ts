/**
 * One directory in several tabs.
 *
 * A few pages write into it at random, each into a directory of its own, as in crash.spec.ts, and all
 * into a few files that they share. Now and then one of them is killed. Afterwards nothing is damaged:
 * of each page's own files there is a state that contains all that it has synced, and each shared file
 * is whole, as it was written by somebody after whom nobody else has written and synced it.
 *
 * PORTHOLE_SECONDS says how long, PORTHOLE_TABS how many; `npm run test:all` has more of both.
 */
import { env } from "node:process";
import { setTimeout as sleep } from "node:timers/promises";
import { expect, type Page, test } from "@playwright/test";
import type * as Porthole from "../src/index.ts";
import { crash, Killable } from "./killable.ts";
import { Model, teach, work } from "./workload.ts";

const SECONDS = Number(env.PORTHOLE_SECONDS ?? 3);
const PAGES = Number(env.PORTHOLE_TABS ?? 3);
const STEPS = 20_000;
const SHARED = 5;

interface Kind {
	readonly name: string;
	/** In the page. */
	readonly open: () => Porthole.Directory;
	readonly ordered: boolean;
}

const kinds: readonly Kind[] = [
	{ name: "IndexedDB", open: () => new porthole.IndexedDBDirectory("tabs"), ordered: true },
	{ name: "OPFS", open: () => new porthole.OPFSDirectory("tabs"), ordered: false },
];

/** Somebody has written a shared file. */
interface Written {
	readonly path: string;
	readonly text: string;
	readonly begun: number;
	/** When it was synced; never, where its page was killed. */
	synced: number;
}

declare global {
	function beginShared(path: string, text: string): Promise<number>;
	function endShared(number: number): Promise<void>;
	/** The page shall finish. */
	var enough: boolean;
	var mounted: Porthole.Sandbox;
	function nextLine(): Promise<string>;
	function pressEnter(): Promise<void>;
	/** Resolves when it has. */
	var finished: Promise<void>;
}

// Other dice prove nothing.
test.describe.configure({ retries: 0 });

let browser: Killable;

test.beforeEach(async () => {
	browser = new Killable();
	await browser.start();
});

test.afterEach(() => browser.end());

for (const { name, open, ordered } of kinds) {
	test(`${name}: pages that write at the same time, and are killed, damage nothing`, async ({
		baseURL,
	}) => {
		test.setTimeout(120_000 + SECONDS * 10_000);
		const seed = Math.floor(Math.random() * 2 ** 31);
		const written: Written[] = [];
		const models = Array.from({ length: PAGES }, (_, i) => new Model(seed + i));
		const start = async (index: number): Promise<Page> => {
			const page = await browser.open(baseURL ?? "");
			const model = models[index] as Model;
			await teach(page, open, model);
			await teachShared(page, written);
			const within = `/p${index}`;
			const found = await page.evaluate((within) => treeOf(openStore(), within), within);
			expect(model.explain(found, ordered), `seed ${seed}, page ${index}`).toBeNull();
			await work(page, model.plan(found, STEPS), within);
			await shareWork(page, index);
			return page;
		};
		await prepare(await browser.open(baseURL ?? ""), open);
		const pages: Page[] = [];
		for (let index = 0; index < PAGES; index++) pages.push(await start(index));
		for (const end = Date.now() + SECONDS * 1000; Date.now() < end; ) {
			await sleep(1000 + Math.random() * 2000);
			const victim = Math.floor(Math.random() * PAGES);
			await crash(pages[victim] as Page);
			pages[victim] = await start(victim);
		}
		for (const page of pages) {
			await page.evaluate(() => {
				globalThis.enough = true;
				return finished;
			});
			await crash(page);
		}
		const last = await browser.open(baseURL ?? "");
		await teach(last, open, new Model(0));
		const all = await last.evaluate(() => treeOf(openStore(), ""));
		for (const [index, model] of models.entries()) {
			const own = Object.entries(all).filter(([path]) => path.startsWith(`/p${index}/`));
			const found = Object.fromEntries(own.map(([path, text]) => [path.slice(3), text]));
			expect(model.explain(found, ordered), `seed ${seed}, page ${index}`).toBeNull();
			expect(model.failure).toBeNull();
		}
		expect(
			written.filter(({ synced }) => synced < Number.POSITIVE_INFINITY).length,
		).toBeGreaterThan(10);
		for (let i = 0; i < SHARED; i++) {
			const [path, found] = [`/shared/${i}`, all[`/shared/${i}`] ?? ""];
			expect(lost(written, path, found, ordered), path).toBeNull();
		}
	});
}

for (const { name, open } of kinds) {
	test(`${name}: what one tab changes, programs in another see`, async ({ baseURL }) => {
		const pages: Page[] = [];
		for (let i = 0; i < 2; i++) {
			const page = await browser.open(baseURL ?? "");
			await page.evaluate(`globalThis.openStore = ${open}`);
			// One has Python, and the other changes files.
			const packages = i === 0 ? [] : ["/packages/python.webc"];
			await page.evaluate(async (packages) => {
				const mounts = { "/d": openStore() };
				globalThis.mounted = await porthole.Sandbox.create({ packages, mounts });
				await mounted.fs.readdir("/d");
			}, packages);
			pages.push(page);
		}
		const [one, other] = pages as [Page, Page];
		// A program that says what it sees whenever that has changed.
		await other.evaluate(async () => {
			const code = `import os, time
last = None
while last != "done":
    try:
        seen = open("/d/f").read()
    except FileNotFoundError:
        seen = "none, " + " ".join(sorted(os.listdir("/d")))
    if seen != last:
        print(seen, flush=True)
        last = seen
    os.stat("/d")
`;
			const watcher = await mounted.command("python", ["-c", code]).spawn();
			globalThis.nextLine = lines(watcher.stdout);
		});
		// What lies between two states may be seen too.
		const sees = (line: string) =>
			other.evaluate(async (line) => {
				const seen: string[] = [];
				while (seen.at(-1) !== line && seen.length < 10) seen.push(await nextLine());
				return seen;
			}, line);
		expect(await sees("none, \n")).toContain("none, \n");
		for (const [change, seen] of [
			[() => mounted.fs.writeFile("/d/f", "made"), "made"],
			[() => mounted.fs.writeFile("/d/f", "changed"), "changed"],
			[() => mounted.fs.rename("/d/f", "/d/g"), "none, g"],
			[() => mounted.fs.rm("/d/g"), "none, "],
			[() => mounted.fs.writeFile("/d/f", "done"), "done"],
		] as const) {
			await one.evaluate(`(${change})().then(() => mounted.sync())`);
			expect(await sees(`${seen}\n`)).toContain(`${seen}\n`);
		}
	});
}

/** Pages that have a directory mounted at `/d`, with a file in it; the last has the packages. */
async function severalPages(
	count: number,
	baseURL: string,
	open: () => Porthole.Directory,
	packages: string[],
) {
	const pages: Page[] = [];
	for (let i = 0; i < count; i++) {
		const page = await browser.open(baseURL);
		await page.evaluate(`globalThis.openStore = ${open}`);
		await page.evaluate(
			async (packages) => {
				const mounts = { "/d": openStore() };
				globalThis.mounted = await porthole.Sandbox.create({ packages, mounts });
			},
			i === count - 1 ? packages : [],
		);
		if (i === 0) {
			await page.evaluate(async () => {
				await mounted.fs.writeFile("/d/f", new Uint8Array(300_000).fill(1));
				await mounted.sync();
			});
		}
		pages.push(page);
	}
	return pages;
}

for (const { name, open } of kinds) {
	test(`${name}: a program that has a file open reads and writes no other that comes to its path`, async ({
		baseURL,
	}) => {
		const packages = ["/packages/python.webc"];
		const [one, other] = await severalPages(2, baseURL ?? "", open, packages);
		if (one === undefined || other === undefined) throw new Error("no pages");
		await other.evaluate(async () => {
			const code = `import os
def part(fd, length):
    found = set()
    try:
        while length > 0 and (read := os.read(fd, length)):
            found |= set(read)
            length -= len(read)
    except OSError as error:
        found.add(os.strerror(error.errno))
    return sorted(found, key=str)
def change(fd):
    try:
        os.pwrite(fd, bytes([9]) * 5000, 290000)
        os.fsync(fd)
        return "fine"
    except OSError as error:
        return os.strerror(error.errno)
fd = os.open("/d/f", os.O_RDWR)
print(part(fd, 65536), flush=True)
input()
print(part(fd, 300000), change(fd), flush=True)
print(part(os.open("/d/f", os.O_RDONLY), 300000), flush=True)
`;
			const program = await mounted.command("python", ["-c", code]).spawn();
			globalThis.nextLine = lines(program.stdout);
			Object.assign(globalThis, {
				pressEnter: () => program.stdin.getWriter().write(new TextEncoder().encode("\n")),
			});
		});
		expect(await other.evaluate(() => nextLine())).toBe("[1]\n");
		await one.evaluate(async () => {
			await mounted.fs.writeFile("/d/new", new Uint8Array(300_000).fill(2));
			await mounted.fs.rename("/d/new", "/d/f");
			await mounted.sync();
		});
		await other.evaluate(() => pressEnter());
		const stale = "Stale file handle";
		expect(await other.evaluate(() => nextLine())).toBe(`[1, '${stale}'] ${stale}\n`);
		expect(await other.evaluate(() => nextLine())).toBe("[2]\n");
		const found = await one.evaluate(async () => [...new Set(await mounted.fs.readFile("/d/f"))]);
		expect(found).toEqual([2]);
	});

	test(`${name}: a file that three tabs replace is always read whole`, async ({ baseURL }) => {
		test.setTimeout(60_000 + SECONDS * 1000);
		const pages = await severalPages(3, baseURL ?? "", open, []);
		const told = await Promise.all(
			pages.map((page, index) =>
				page.evaluate(
					async ({ index, SECONDS }) => {
						const wrong: string[] = [];
						let reads = 0;
						for (const end = Date.now() + SECONDS * 1000; Date.now() < end; ) {
							if (Math.random() < 0.4) {
								const letter = Math.floor(Math.random() * 250);
								const bytes = new Uint8Array(100_000 + Math.random() * 300_000).fill(letter);
								await mounted.fs.writeFile(`/d/new ${index}`, bytes);
								await mounted.fs.rename(`/d/new ${index}`, "/d/f");
								await mounted.sync();
							} else {
								const found = await mounted.fs.readFile("/d/f").catch((error) => error);
								const letters = found instanceof Error ? [] : [...new Set(found)];
								if (letters.length !== 1) wrong.push(`${found.code ?? letters}`);
								reads += 1;
							}
						}
						return { wrong, reads };
					},
					{ index, SECONDS },
				),
			),
		);
		expect(told.flatMap(({ wrong }) => wrong)).toEqual([]);
		expect(Math.min(...told.map(({ reads }) => reads))).toBeGreaterThan(0);
	});
}

async function prepare(page: Page, open: () => Porthole.Directory): Promise<void> {
	await teach(page, open, new Model(0));
	await page.evaluate(
		async ({ PAGES, SHARED }) => {
			const store = openStore();
			for (let i = 0; i < PAGES; i++) await store.make(`/p${i}`, "directory");
			await store.make("/shared", "directory");
			for (let i = 0; i < SHARED; i++) {
				await store.make(`/shared/${i}`, "file");
				await store.write(`/shared/${i}`, 0, new TextEncoder().encode("first"));
			}
		},
		{ PAGES, SHARED },
	);
	await page.close();
}

async function teachShared(page: Page, written: Written[]): Promise<void> {
	await page.exposeFunction("beginShared", (path: string, text: string) => {
		const synced = Number.POSITIVE_INFINITY;
		return written.push({ path, text, begun: performance.now(), synced }) - 1;
	});
	await page.exposeFunction("endShared", (number: number) => {
		const one = written[number];
		if (one !== undefined) one.synced = performance.now();
	});
}

/** Writes shared files, one after the other, through a sandbox of its own. */
async function shareWork(page: Page, index: number): Promise<void> {
	await page.evaluate(
		async ({ index, SHARED }) => {
			const sandbox = await porthole.Sandbox.create({ mounts: { "/d": openStore() } });
			globalThis.enough = false;
			const run = async (): Promise<void> => {
				for (let i = 0; !globalThis.enough; i++) {
					const path = `/shared/${Math.floor(Math.random() * SHARED)}`;
					const text = `${index}.${i}.${Math.random()} `.repeat(1 + Math.random() * 5000);
					const number = await beginShared(path, text);
					await sandbox.fs.writeFile(`/d${path}`, text);
					await sandbox.sync();
					await endShared(number);
				}
			};
			globalThis.finished = run();
			globalThis.finished.catch((error) => giveUp(String(error)));
		},
		{ index, SHARED },
	);
}

/** Why a shared file cannot hold what it does; null where it can. A store that does not keep the order
 *  of changes may have begun a write, not synced, when its page was killed. */
function lost(
	written: readonly Written[],
	path: string,
	text: string,
	ordered: boolean,
): string | null {
	const all = written.filter((one) => one.path === path);
	const isBegun = (one: Written) =>
		!ordered && one.synced === Number.POSITIVE_INFINITY && one.text.startsWith(text);
	const last = all.find((one) => one.text === text) ?? all.find(isBegun);
	const begin = text.slice(0, 40);
	if (last === undefined) return all.length === 0 ? null : `${begin} is of nobody, or not whole`;
	const later = all.find((one) => one.begun > last.synced && one.synced < Number.POSITIVE_INFINITY);
	return later === undefined ? null : `${begin} is older than ${later.text.slice(0, 40)}`;
}

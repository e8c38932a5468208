/**
 * `porthole/service-worker` in a real browser with a real profile: what was loaded once runs again
 * without a network, and whatever the server or the disk does, what runs is whole.
 *
 * Each test has a browser of its own, because contexts of a shared one keep nothing, and a server of
 * its own, because it changes files and goes away. A visit is a start of the browser.
 */
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { type BrowserContext, chromium, expect, type Page, test } from "@playwright/test";
import { browserArguments, requireBrowser } from "../scripts/browser.mjs";
import { OfflineServer } from "./offline-server.ts";

const PYTHON = fileURLToPath(new URL("../public/packages/python.webc", import.meta.url));
const SITE = fileURLToPath(new URL("../site", import.meta.url));
const SQLITE = fileURLToPath(new URL("../public/packages/sqlite.webc", import.meta.url));

declare global {
	/** Resolves when the service worker answers the requests of the page. */
	var started: Promise<void>;
}

test.skip(!existsSync(PYTHON), "the sample packages are not there; `npm run samples` builds them");
test.describe.configure({ timeout: 120_000 });

let server: OfflineServer;
let profile: string;
const contexts: BrowserContext[] = [];

test.beforeEach(async () => {
	server = await OfflineServer.start();
	profile = mkdtempSync(join(tmpdir(), "porthole-"));
});

test.afterEach(async () => {
	for (const context of contexts.splice(0)) await context.close();
	await server.stop();
	rmSync(profile, { recursive: true, force: true });
});

/** A start of the browser, at the page; `query` is for its service worker. */
async function visit(query = "", title = "ready"): Promise<Page> {
	const context = await chromium.launchPersistentContext(profile, {
		executablePath: requireBrowser().path,
		args: browserArguments(),
	});
	contexts.push(context);
	await context.setOffline(server.cutOff);
	const page = context.pages()[0] ?? (await context.newPage());
	await page.goto(`${server.origin}/${query}`);
	await page.waitForFunction((title) => document.title === title, title);
	return page;
}

/** The browser ends. */
async function leave(page: Page): Promise<void> {
	contexts.splice(contexts.indexOf(page.context()), 1);
	await page.context().close();
}

/** Neither the server nor the browser's network: only what is kept. */
async function cutOff(page?: Page): Promise<void> {
	server.cutOff = true;
	await page?.context().setOffline(true);
}

interface Ran {
	readonly code: number;
	readonly text: string;
	/** Milliseconds from the start of loading to the first output. */
	readonly first: number;
}

async function run(page: Page, url: string, args: string[]): Promise<Ran> {
	return page.evaluate(
		async ({ url, args }) => {
			await started;
			const begin = performance.now();
			const sandbox = await porthole.Sandbox.create();
			try {
				const loaded = await sandbox.load(url);
				const process = await sandbox.command(loaded, args).spawn();
				let [text, first] = ["", 0];
				for await (const chunk of process.stdout) {
					first ||= performance.now() - begin;
					text += new TextDecoder().decode(chunk);
				}
				return { code: (await process.status).code, text, first };
			} finally {
				await sandbox.close();
			}
		},
		{ url, args },
	);
}

/** Until nothing of a package is missing in the browser's store. */
async function completed(page: Page, size: number): Promise<void> {
	await expect.poll(() => stored(page), { timeout: 60_000 }).toBeGreaterThanOrEqual(size);
}

/** The bytes of all parts that are kept. */
async function stored(page: Page): Promise<number> {
	return page.evaluate(async () => {
		let sum = 0;
		for (const name of await caches.keys()) {
			if (!name.startsWith("porthole:part:")) continue;
			for (const { url } of await (await caches.open(name)).keys()) {
				const [, start, end] = /(\d+)-(\d+)/.exec(url) ?? [];
				sum += Number(end) - Number(start);
			}
		}
		return sum;
	});
}

/** Asks for bytes as the library does. */
async function read(page: Page, url: string, range?: string): Promise<string> {
	return page.evaluate(
		async ({ url, range }) => {
			await started;
			try {
				const response = await fetch(url, range ? { headers: { Range: `bytes=${range}` } } : {});
				const bytes = new Uint8Array(await response.arrayBuffer());
				const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));
				const hex = Array.from(digest, (byte) => byte.toString(16).padStart(2, "0")).join("");
				return `${response.status} ${bytes.length} ${hex.slice(0, 16)}`;
			} catch (error) {
				return String(error);
			}
		},
		{ url, ...(range && { range }) },
	);
}

/** Changes a byte of everything that is kept. */
async function damage(page: Page): Promise<void> {
	await page.evaluate(async () => {
		for (const name of await caches.keys()) {
			if (!name.startsWith("porthole:part:")) continue;
			const cache = await caches.open(name);
			for (const key of await cache.keys()) {
				const response = await cache.match(key);
				const bytes = new Uint8Array((await response?.arrayBuffer()) ?? new ArrayBuffer(0));
				bytes[bytes.length - 7] = 99;
				await cache.put(key, new Response(bytes, { headers: response?.headers ?? {} }));
			}
		}
	});
}

/** A package of no meaning: this many bytes, all of them `byte`. */
const bytesOf = (size: number, byte: number) => new Uint8Array(size).fill(byte);

test("a second visit without a network runs the same program", async () => {
	const bytes = readFileSync(PYTHON);
	server.hosted.set("/python.webc", { bytes, etag: '"1"' });
	const program = ["-c", "import json, this; print(json.dumps({'answer': 6 * 7}))"];
	const online = await visit();
	const first = await run(online, "/python.webc", program);
	expect(first).toMatchObject({ code: 0, text: expect.stringContaining('{"answer": 42}') });
	await completed(online, bytes.length);
	// Every byte was fetched once, but for the rims of the program, which are also parts of blocks.
	expect(server.sent).toBeLessThan(bytes.length + 2 * 128 * 1024);
	await leave(online);

	await cutOff();
	const offline = await visit();
	const second = await run(offline, "/python.webc", program);
	expect(second.text).toBe(first.text);
	test.info().annotations.push({
		type: "to first output, offline : online",
		description: (second.first / first.first).toFixed(2),
	});
});

test("what was seen in part is completed in the background, also by a later visit", async () => {
	const bytes = bytesOf(4_000_000, 1);
	server.hosted.set("/half.webc", { bytes, etag: '"1"', speed: 1000 });
	const online = await visit();
	await read(online, "/half.webc", "0-999");
	await expect.poll(() => stored(online), { timeout: 30_000 }).toBeGreaterThan(1_000_000);
	await leave(online);
	const before = server.sent;
	expect(before).toBeLessThan(bytes.length);

	const again = await visit();
	server.sent = 0;
	await read(again, "/half.webc", "0-999");
	await completed(again, bytes.length);
	expect(server.sent).toBeLessThan(bytes.length - 1_000_000);
	await cutOff(again);
	expect(await read(again, "/half.webc")).toMatch(/^200 4000000 /);
});

test("a damaged part is fetched again, and without a network refused", async () => {
	const bytes = bytesOf(2_000_000, 2);
	server.hosted.set("/damaged.webc", { bytes, etag: '"1"' });
	const page = await visit();
	const whole = await read(page, "/damaged.webc");
	await completed(page, bytes.length);
	await damage(page);
	expect(await read(page, "/damaged.webc")).toBe(whole);
	await damage(page);
	await cutOff(page);
	expect(await read(page, "/damaged.webc", "0-999")).toContain("TypeError");
});

test("a damaged program is fetched again, and without a network it does not run", async () => {
	const bytes = readFileSync(SQLITE);
	server.hosted.set("/sqlite.webc", { bytes, etag: '"1"' });
	const program = [":memory:", "select 6 * 7"];
	const page = await visit();
	await run(page, "/sqlite.webc", program);
	await completed(page, bytes.length);
	await damage(page);
	expect(await run(page, "/sqlite.webc", program)).toMatchObject({ code: 0, text: "42\n" });
	await completed(page, bytes.length);
	await damage(page);
	await cutOff(page);
	await expect(run(page, "/sqlite.webc", program)).rejects.toThrow(
		/could not be fetched|is not what/,
	);
});

test("connections that are cut cost neither the program nor what is kept", async () => {
	const bytes = readFileSync(SQLITE);
	server.hosted.set("/sqlite.webc", { bytes, etag: '"1"' });
	const program = [":memory:", "select 6 * 7"];
	const page = await visit();
	await page.evaluate(() => started);
	server.cuts = 1;
	expect(await run(page, "/sqlite.webc", program)).toMatchObject({ code: 0, text: "42\n" });
	expect(server.cuts).toBe(0);
	await completed(page, bytes.length);
	await cutOff(page);
	expect(await run(page, "/sqlite.webc", program)).toMatchObject({ code: 0, text: "42\n" });
	expect(await read(page, "/sqlite.webc")).toMatch(`200 ${bytes.length} `);
});

test("a package that changes on the server while it is loaded is read once more, whole, and never mixed", async () => {
	const bytes = readFileSync(SQLITE);
	server.hosted.set("/sqlite.webc", { bytes, etag: '"1"' });
	const page = await visit();
	await page.evaluate(() => started);
	server.onAsked = () => server.hosted.set("/sqlite.webc", { bytes, etag: '"2"' });
	const program = [":memory:", "select 6 * 7"];
	expect(await run(page, "/sqlite.webc", program)).toMatchObject({ code: 0, text: "42\n" });
	expect(await run(page, "/sqlite.webc", program)).toMatchObject({ code: 0, text: "42\n" });
	await completed(page, bytes.length);
	await cutOff(page);
	expect(await run(page, "/sqlite.webc", program)).toMatchObject({ code: 0, text: "42\n" });
});

test("a new version is fetched beside the old one, which goes on until it is there", async () => {
	server.hosted.set("/app.webc", { bytes: bytesOf(3_000_000, 1), etag: '"1"' });
	const page = await visit();
	const old = await read(page, "/app.webc", "0-99");
	await completed(page, 3_000_000);
	server.hosted.set("/app.webc", { bytes: bytesOf(3_000_000, 2), etag: '"2"' });
	await later(page);
	// The worker that knows the old time ends with the browser.
	await leave(page);
	const again = await visit();
	expect(await read(again, "/app.webc", "0-99")).toBe(old);
	await completed(again, 6_000_000);
	await cutOff(again);
	const fresh = await read(again, "/app.webc", "0-99");
	expect(fresh).toMatch(/^206 100 /);
	expect(fresh).not.toBe(old);
});

test("a full disk costs nothing but speed", async () => {
	const bytes = readFileSync(SQLITE);
	server.hosted.set("/sqlite.webc", { bytes, etag: '"1"' });
	const page = await visit();
	await page.evaluate(() => started);
	const session = await page.context().newCDPSession(page);
	await session.send("Storage.overrideQuotaForOrigin", {
		origin: server.origin,
		quotaSize: 1_500_000,
	});
	const ran = await run(page, "/sqlite.webc", [":memory:", "select 6 * 7"]);
	expect(ran).toMatchObject({ code: 0, text: "42\n" });
	expect(await read(page, "/sqlite.webc")).toMatch(`200 ${bytes.length} `);
	expect(await stored(page)).toBeLessThan(1_500_000);
});

test("the package that was used longest ago goes when there is no room for another", async () => {
	const page = await visit("?limit=5000000");
	for (const name of ["a", "b", "c"]) {
		const url = `/${name}.webc`;
		server.hosted.set(url, { bytes: bytesOf(2_000_000, name.charCodeAt(0)), etag: `"${name}"` });
		await read(page, url);
		await page.waitForTimeout(50);
	}
	await expect.poll(() => stored(page)).toBe(4_000_000);
	await cutOff(page);
	expect(await read(page, "/a.webc")).toContain("TypeError");
	expect(await read(page, "/b.webc")).toMatch(/^200 2000000 /);
	expect(await read(page, "/c.webc")).toMatch(/^200 2000000 /);
});

test("the playground runs a sample on a second visit without a network", async () => {
	await server.stop();
	server = await OfflineServer.start(SITE);
	const bytes = readFileSync(SQLITE);
	server.hosted.set("/packages/sqlite.webc", { bytes, etag: '"1"' });
	const runSample = async (page: Page) => {
		await page.waitForFunction(() => navigator.serviceWorker.controller !== null);
		await page.getByRole("button", { name: /^sqlite/ }).click();
		await expect(page.locator("#loading-text")).toContainText("is ready", { timeout: 30_000 });
		await page.getByRole("button", { name: /^Run/ }).click();
		await expect(page.locator("#status")).toHaveText("Exited with code 0", { timeout: 30_000 });
	};
	const online = await visit("", "Porthole playground");
	await runSample(online);
	await completed(online, bytes.length);
	await leave(online);
	await cutOff();
	await runSample(await visit("", "Porthole playground"));
});

/** As if the server had last been asked an hour ago. */
async function later(page: Page): Promise<void> {
	await page.evaluate(async () => {
		const index = await caches.open("porthole:index");
		for (const key of await index.keys()) {
			const record = await (await index.match(key))?.json();
			await index.put(key, new Response(JSON.stringify({ ...record, checked: 0 })));
		}
	});
}

test("what one user may have is not there for the next", async () => {
	const bytes = new TextEncoder().encode("secret of A");
	server.hosted.set("/token.webc", { bytes, etag: '"t"', secret: "A" });
	const headers = { "Cache-Control": "private" };
	server.hosted.set("/private.webc", { bytes, etag: '"p"', headers });
	const page = await visit();
	const ask = (url: string, authorization?: string) =>
		page.evaluate(
			async ({ url, authorization }) => {
				await started;
				const init = authorization === undefined ? {} : { headers: { authorization } };
				const response = await fetch(url, init).catch(() => null);
				return response === null ? "nothing" : `${response.status} ${await response.text()}`;
			},
			{ url, authorization },
		);
	expect(await ask("/token.webc", "A")).toBe("200 secret of A");
	expect(await ask("/token.webc")).toBe("401 log in");
	expect(await ask("/token.webc", "B")).toBe("401 log in");
	expect(await ask("/private.webc")).toBe("200 secret of A");
	await cutOff(page);
	expect(await ask("/token.webc")).toBe("nothing");
	expect(await ask("/private.webc")).toBe("nothing");
});

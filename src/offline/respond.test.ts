import { createHash } from "node:crypto";
import fc from "fast-check";
import { expect, test } from "vitest";
import { runs } from "../abi/random.testkit.ts";
import { BLOCK } from "./byte-ranges.ts";
import { FakeBrowser, noise } from "./fake-browser.testkit.ts";
import { PackageCache } from "./packages.ts";
import { respond } from "./respond.ts";
import { Revalidator } from "./revalidate.ts";

const URL = "https://host.example/python.webc";
const MIB = 1024 * 1024;

/** A service worker in its browser; `restart` is its next life. */
class Worker {
	readonly browser: FakeBrowser;
	readonly #limit: number | undefined;
	#cache: PackageCache;
	#revalidator: Revalidator;
	#work: Promise<unknown>[] = [];

	constructor(browser: FakeBrowser, limit?: number) {
		this.browser = browser;
		this.#limit = limit;
		this.#cache = new PackageCache(browser, "test", limit);
		this.#revalidator = new Revalidator(this.#cache);
	}

	restart(): Worker {
		return new Worker(this.browser, this.#limit);
	}

	/** The answer to a request for a range such as `0-9`, or for everything. */
	async ask(range: string | null, url = URL, more: Record<string, string> = {}): Promise<Answer> {
		const headers = { ...more, ...(range !== null && { Range: `bytes=${range}` }) };
		const request = new Request(url, { headers });
		const response = await respond(request, this.#cache, this.#revalidator, (work) => {
			this.#work.push(work);
		});
		const bytes = new Uint8Array(await response.arrayBuffer());
		return { status: response.status, headers: response.headers, bytes };
	}

	/** Until there is nothing left to do in the background. */
	async idle(): Promise<void> {
		while (this.#work.length > 0) {
			let busy = true;
			const done = Promise.all(this.#work.splice(0)).finally(() => {
				busy = false;
			});
			for (; busy; await new Promise((resolve) => setTimeout(resolve))) this.browser.pass();
			await done;
		}
	}
}

interface Answer {
	readonly status: number;
	readonly headers: Headers;
	readonly bytes: Uint8Array;
}

function start(options: { size?: number; limit?: number; etag?: string; ranges?: boolean } = {}) {
	const { size = 2 * MIB + 77, limit, etag = '"1"', ranges = true } = options;
	const browser = new FakeBrowser();
	const bytes = noise(size);
	browser.files.set(URL, { bytes, etag, ranges });
	return { browser, bytes, worker: new Worker(browser, limit) };
}

function equal(found: Uint8Array, expected: Uint8Array): boolean {
	return Buffer.compare(found, expected) === 0;
}

test("the first block is answered while it is kept, and the rest is fetched when it is quiet", async () => {
	const { browser, bytes, worker } = start();
	const first = await worker.ask(`0-${BLOCK - 1}`);
	expect(first.status).toBe(206);
	expect(first.headers.get("content-range")).toBe(`bytes 0-${BLOCK - 1}/${bytes.length}`);
	expect(first.headers.get("etag")).toBe('"1"');
	expect(equal(first.bytes, bytes.subarray(0, BLOCK))).toBe(true);
	await worker.idle();
	browser.online = false;
	const all = await worker.restart().ask(null);
	expect(all.status).toBe(200);
	expect(equal(all.bytes, bytes)).toBe(true);
	expect(browser.asked).toEqual([`bytes=0-${BLOCK - 1}`, `bytes=${BLOCK}-${bytes.length - 1}`]);
});

test("what lies between kept parts is one request, in whole blocks", async () => {
	const { browser, bytes, worker } = start();
	await worker.ask(`0-${BLOCK - 1}`);
	await worker.ask(`${3 * BLOCK}-${4 * BLOCK - 1}`);
	browser.asked.length = 0;
	const { bytes: found } = await worker.ask(`100-${4 * BLOCK - 100}`);
	expect(equal(found, bytes.subarray(100, 4 * BLOCK - 99))).toBe(true);
	expect(browser.asked).toEqual([`bytes=${BLOCK}-${3 * BLOCK - 1}`]);
});

test("a damaged part is fetched again, and without a network refused", async () => {
	const { browser, bytes, worker } = start();
	await worker.ask("0-99");
	await worker.idle();
	browser.memory.damage();
	const { bytes: found } = await worker.ask(null);
	expect(equal(found, bytes)).toBe(true);
	browser.memory.damage();
	browser.online = false;
	await expect(worker.restart().ask("0-99")).rejects.toThrow();
});

test("a new version is fetched beside the old one, and is the one that the next visit gets", async () => {
	const { browser, bytes, worker } = start();
	const { headers } = await worker.ask("0-99");
	await worker.idle();
	const pinned = `${URL}?porthole-version=${headers.get("porthole-version")}`;
	const next = noise(MIB);
	browser.files.set(URL, { bytes: next, etag: '"2"', ranges: true });

	browser.time += 10 * 60_000;
	const stale = await worker.ask("0-99");
	expect(equal(stale.bytes, bytes.subarray(0, 100))).toBe(true);
	await worker.idle();
	const fresh = await worker.ask("0-99");
	expect(fresh.headers.get("etag")).toBe('"2"');
	expect(equal(fresh.bytes, next.subarray(0, 100))).toBe(true);

	// A program that was started from the old version goes on reading it.
	browser.online = false;
	const old = await worker.ask(`${MIB}-${2 * MIB}`, pinned);
	expect(equal(old.bytes, bytes.subarray(MIB, 2 * MIB + 1))).toBe(true);
	browser.time += 2 * 60 * 60_000;
	await worker.ask("0-99");
	await worker.idle();
	await expect(worker.ask(`${MIB}-${2 * MIB}`, pinned)).rejects.toThrow();
});

test("a version that changes before it was there as a whole is gone, and its reader is told", async () => {
	const { browser, worker } = start();
	const { headers } = await worker.ask("0-99");
	const next = noise(MIB);
	browser.files.set(URL, { bytes: next, etag: '"2"', ranges: true });
	const pinned = `${URL}?porthole-version=${headers.get("porthole-version")}`;
	const told = await worker.ask(`${BLOCK}-${2 * BLOCK - 1}`, pinned);
	expect(told.headers.get("etag")).toBe('"2"');
	await worker.idle();
	browser.online = false;
	expect(equal((await worker.ask(null)).bytes, next)).toBe(true);
	expect(browser.memory.bytes).toBeLessThan(next.length + 1000);
});

test("a program is kept as one entry with the label of a module, and its blocks no longer", async () => {
	const { browser, bytes, worker } = start();
	const [from, to] = [BLOCK + 5, MIB + 9];
	const program = bytes.subarray(from, to);
	const sha256 = createHash("sha256").update(program).digest("hex");
	await worker.ask(`0-${bytes.length - 1}`);
	const { headers } = await worker.ask("0-99");
	const pinned = `${URL}?porthole-version=${headers.get("porthole-version")}&porthole-atom=${sha256}`;
	for (const visit of ["from its blocks", "from its entry"]) {
		browser.online = false;
		const found = await worker.ask(`${from}-${to - 1}`, pinned);
		expect(found.status, visit).toBe(200);
		expect(found.headers.get("content-type")).toBe("application/wasm");
		expect(found.headers.get("etag")).toBe('"1"');
		expect(equal(found.bytes, program)).toBe(true);
		await worker.idle();
	}
	expect(browser.memory.bytes).toBeLessThan(bytes.length + 2 * 512 * 1024);
	expect(equal((await worker.restart().ask(null)).bytes, bytes)).toBe(true);
});

test("a program whose digest was found wrong is asked for again, and fetched again", async () => {
	const { browser, bytes, worker } = start();
	const [from, to] = [BLOCK + 5, MIB + 9];
	const program = bytes.subarray(from, to);
	const sha256 = createHash("sha256").update(program).digest("hex");
	const { headers } = await worker.ask("0-99");
	const pinned = `${URL}?porthole-version=${headers.get("porthole-version")}&porthole-atom=${sha256}`;
	await worker.ask(`${from}-${to - 1}`, pinned);
	await worker.idle();
	browser.memory.damage();
	// Its entry is handed on untouched, so that the browser knows it; the asker looks at it.
	expect(equal((await worker.ask(`${from}-${to - 1}`, pinned)).bytes, program)).toBe(false);
	for (const address of [`${pinned}&porthole-again=1`, pinned]) {
		const found = await worker.ask(`${from}-${to - 1}`, address);
		expect(equal(found.bytes, program), address).toBe(true);
		await worker.idle();
	}
});

test("a server that ignores ranges sends everything once", async () => {
	const { browser, bytes, worker } = start({ ranges: false });
	const first = await worker.ask(`0-${BLOCK - 1}`);
	expect(first.status).toBe(200);
	expect(equal(first.bytes, bytes)).toBe(true);
	await worker.idle();
	browser.online = false;
	const second = await worker.restart().ask(`0-${BLOCK - 1}`);
	expect(second.status).toBe(206);
	expect(browser.asked).toEqual([`bytes=0-${BLOCK - 1}`]);
});

test("a file without a version is kept only as a whole", async () => {
	const { browser, bytes, worker } = start({ etag: "" });
	const first = await worker.ask("0-99");
	expect(first.headers.get("porthole-version")).toBeNull();
	expect(browser.memory.bytes).toBe(0);
	await worker.idle();
	expect(browser.asked).toEqual(["bytes=0-99", "all"]);
	browser.online = false;
	expect(equal((await worker.ask(null)).bytes, bytes)).toBe(true);
});

test("what is larger than the limit is read in parts and never completed", async () => {
	const { browser, bytes, worker } = start({ limit: MIB });
	await worker.ask(`0-${BLOCK - 1}`);
	await worker.idle();
	expect(browser.asked.length).toBe(1);
	expect(equal((await worker.ask(null)).bytes, bytes)).toBe(true);
	expect(browser.memory.bytes).toBeLessThan(MIB + 1000);
});

test("the package that was used longest ago goes whole when another needs its room", async () => {
	const { browser, worker } = start({ limit: 5 * MIB });
	for (const name of ["a", "b", "c"]) {
		browser.time += 60_000;
		const url = `https://host.example/${name}.webc`;
		browser.files.set(url, { bytes: noise(2 * MIB), etag: '"x"', ranges: true });
		await worker.ask("0-99", url);
		await worker.idle();
	}
	browser.online = false;
	const next = worker.restart();
	await expect(next.ask(null, "https://host.example/a.webc")).rejects.toThrow();
	expect((await next.ask(null, "https://host.example/b.webc")).status).toBe(200);
	expect((await next.ask(null, "https://host.example/c.webc")).status).toBe(200);
});

test("a full disk costs other packages, and then nothing but speed", async () => {
	const { browser, bytes, worker } = start();
	const other = "https://host.example/other.webc";
	browser.files.set(other, { bytes: noise(MIB), etag: '"x"', ranges: true });
	await worker.ask("0-99", other);
	await worker.idle();
	browser.memory.quota = MIB + 4096;
	const { bytes: found } = await worker.ask(null);
	expect(equal(found, bytes)).toBe(true);
	await worker.idle();
	browser.online = false;
	await expect(worker.ask("0-99", other)).rejects.toThrow();
});

test("what a worker left that died is deleted by the next", async () => {
	const { browser, bytes, worker } = start();
	await worker.ask("0-99");
	const cache = await browser.memory.open("test:part:left");
	await cache.put("https://part.invalid/0-100", new Response(noise(100)));
	await worker.restart().ask("0-99");
	expect([...browser.memory.stored.keys()]).not.toContain("test:part:left");
	expect(browser.memory.bytes).toBeLessThan(bytes.length);
});

test("whatever happens, an answer is bytes of the version that it names", async () => {
	const step = fc.oneof(
		fc.record({ do: fc.constant("read"), at: fc.nat(100), length: fc.nat(60) }),
		fc.record({ do: fc.constantFrom("pinned", "atom"), at: fc.nat(100), length: fc.nat(60) }),
		fc.record({ do: fc.constantFrom("whole", "idle", "restart", "damage", "change", "later") }),
		fc.record({ do: fc.constantFrom("offline", "online", "full", "roomy") }),
	);
	const anything = fc.array(step as fc.Arbitrary<Step>, { minLength: 5, maxLength: 30 });
	await fc.assert(
		fc.asyncProperty(anything, async (steps) => {
			await play(steps);
		}),
		{ ...runs(60), timeout: 5_000 },
	);
});

interface Step {
	readonly do: string;
	readonly at?: number;
	readonly length?: number;
}

/** Plays the steps, and compares every answer with the plain file. */
async function play(steps: readonly Step[]): Promise<void> {
	const { browser, bytes, worker: first } = start({ size: 5 * BLOCK + 4321, limit: 12 * BLOCK });
	const versions = new Map([['"1"', bytes]]);
	let worker = first;
	let pin = "";
	const read = async (step: Step, url: string): Promise<void> => {
		const from = Math.floor(((step.at ?? 0) / 100) * 5 * BLOCK);
		const to = from + 1 + (step.length ?? 0) * 5000;
		const found = await worker
			.ask(step.do === "whole" ? null : `${from}-${to - 1}`, url)
			.catch(() => {
				if (browser.online) throw new Error("an answer failed, though there is a network");
				return null;
			});
		if (found === null) return;
		if (found.status === 416) return;
		const of = versions.get(found.headers.get("etag") ?? "");
		const expected = step.do === "whole" ? of : of?.subarray(from, to);
		const right = expected !== undefined && equal(found.bytes, expected);
		if (!right && step.do === "atom" && !url.includes("again")) {
			return read(step, `${url}&porthole-again=1`);
		}
		expect(right).toBe(true);
		pin = found.headers.get("porthole-version") ?? pin;
	};
	const sha256 = (step: Step): string => {
		const from = Math.floor(((step.at ?? 0) / 100) * 5 * BLOCK);
		const program = bytes.subarray(from, from + 1 + (step.length ?? 0) * 5000);
		return createHash("sha256").update(program).digest("hex");
	};
	const moves = new Map<string, (step: Step) => unknown>([
		["read", (step) => read(step, URL)],
		["whole", (step) => read(step, URL)],
		["pinned", (step) => read(step, `${URL}?porthole-version=${pin}`)],
		["atom", (step) => read(step, `${URL}?porthole-version=${pin}&porthole-atom=${sha256(step)}`)],
		["idle", () => worker.idle()],
		["restart", () => (worker = worker.restart())],
		["damage", () => browser.memory.damage()],
		["later", () => (browser.time += 10 * 60_000)],
		["offline", () => (browser.online = false)],
		["online", () => (browser.online = true)],
		["full", () => (browser.memory.quota = 4 * BLOCK)],
		["roomy", () => (browser.memory.quota = Number.POSITIVE_INFINITY)],
		[
			"change",
			() => {
				const etag = `"${versions.size + 1}"`;
				versions.set(etag, noise(4 * BLOCK + versions.size));
				browser.files.set(URL, { bytes: versions.get(etag) ?? bytes, etag, ranges: true });
			},
		],
	]);
	for (const step of steps) await moves.get(step.do)?.(step);
}

// --- what depends on who asks ---

const text = ({ bytes }: Answer) => new TextDecoder().decode(bytes);
const secret = (who: string) => ({
	bytes: new TextEncoder().encode(`secret of ${who}`),
	etag: '"s"',
	ranges: true,
	secret: who,
});

test("what one user gets with a token is given to nobody else, whatever the server says of it", async () => {
	const { browser, worker } = start();
	browser.files.set(URL, secret("A"));
	const mine = () => worker.ask(null, URL, { Authorization: "A" });
	expect(text(await mine())).toBe("secret of A");
	expect(text(await worker.ask("0-5", URL, { Authorization: "A" }))).toBe("secret");
	await worker.idle();
	expect(browser.memory.bytes).toBe(0);
	expect((await worker.ask(null)).status).toBe(401);
	browser.files.set(URL, secret("B"));
	expect((await mine()).status).toBe(401);
	expect(text(await worker.ask(null, URL, { Authorization: "B" }))).toBe("secret of B");
	browser.online = false;
	await expect(worker.ask(null)).rejects.toThrow();
	await expect(mine()).rejects.toThrow();
});

test.each([
	{ "Cache-Control": "private, max-age=600" },
	{ "Cache-Control": "no-store" },
	{ Vary: "Cookie" },
	{ Vary: "*" },
])("an answer with %o is not kept, whole or in parts", async (headers) => {
	const { browser, bytes, worker } = start({ size: 3 * BLOCK });
	browser.files.set(URL, {
		bytes,
		etag: '"1"',
		ranges: true,
		headers: headers as Record<string, string>,
	});
	const part = await worker.ask(`0-${BLOCK - 1}`);
	expect([part.status, part.bytes.length]).toEqual([206, BLOCK]);
	expect(part.headers.get("porthole-version")).toBe(null);
	expect((await worker.ask(null)).bytes).toHaveLength(bytes.length);
	await worker.idle();
	expect(browser.memory.stored.get("test:index")?.size ?? 0).toBe(0);
	expect(browser.asked).toHaveLength(2);
	browser.online = false;
	await expect(worker.restart().ask("0-9")).rejects.toThrow();
});

test("what was kept for all goes when the server says that it is for one person, or refuses", async () => {
	for (const change of [{ headers: { "Cache-Control": "private" } }, { secret: "A" }]) {
		const { browser, bytes, worker } = start({ size: 3 * BLOCK });
		await worker.ask("0-9");
		await worker.idle();
		browser.files.set(URL, { bytes, etag: '"1"', ranges: true, ...change });
		browser.time += 10 * 60_000;
		await worker.ask("0-9");
		await worker.idle();
		browser.online = false;
		await expect(worker.restart().ask("0-9")).rejects.toThrow();
	}
});

test("parts of a version that the server gives to one person now are not mixed with what is kept", async () => {
	const { browser, bytes, worker } = start({ size: 8 * BLOCK });
	await worker.ask(`0-${BLOCK - 1}`);
	const headers = { "Cache-Control": "private" };
	browser.files.set(URL, { bytes, etag: '"1"', ranges: true, headers });
	const { headers: told, bytes: found } = await worker.ask(`0-${2 * BLOCK - 1}`);
	expect(told.get("porthole-version")).toBe(null);
	expect(equal(found, bytes.subarray(0, 2 * BLOCK))).toBe(true);
	await worker.idle();
	expect(browser.memory.stored.get("test:index")?.size ?? 0).toBe(0);
});

test("an answer that varies by a header goes to requests that have it alike, and to no other", async () => {
	const { browser, bytes, worker } = start({ size: BLOCK });
	browser.files.set(URL, { bytes, etag: '"1"', ranges: true, headers: { Vary: "X-Tenant" } });
	await worker.ask(null);
	await worker.idle();
	browser.asked.length = 0;
	await worker.ask("0-9");
	expect(browser.asked).toEqual([]);
	await worker.ask("0-9", URL, { "X-Tenant": "7" });
	expect(browser.asked).toEqual(["bytes=0-9"]);
});

test("what was kept before answers were told from each other is not used", async () => {
	const { browser, worker } = start({ size: BLOCK });
	await worker.ask(null);
	await worker.idle();
	const index = await browser.caches.open("test:index");
	const record = await (await index.match(URL))?.json();
	for (const version of record.versions) delete version.varied;
	await index.put(URL, new Response(JSON.stringify(record)));
	browser.online = false;
	await expect(worker.restart().ask("0-9")).rejects.toThrow();
	expect(browser.memory.bytes).toBe(0);
});

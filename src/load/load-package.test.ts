/**
 * Loads from servers that misbehave: what is read is right, or there is one typed error; and what is told
 * of it on the way adds up.
 */
import { gzipSync } from "node:zlib";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { PortholeError } from "../abi/error.ts";
import { hurry } from "../abi/fast-timers.testkit.ts";
import { dice, seeds, withSeed } from "../abi/random.testkit.ts";
import {
	type Asked,
	LATE,
	type Lie,
	newKernel,
	noise,
	program,
	type Reply,
	samplePackage,
	serveTo,
	type Told,
	URL_OF_PACKAGE,
} from "../kernel/lying-server.testkit.ts";
import type { WireLoadOptions, WireSource } from "../protocol/sandbox.ts";

const BLOCK = 128 * 1024;
const file = await samplePackage();
const byUrl: WireSource = { kind: "url", url: URL_OF_PACKAGE, name: "sample.webc" };

beforeEach(hurry);
afterEach(() => void vi.unstubAllGlobals());

/** Loads, reads the file that no start reads, and says how that went. */
async function load(
	lie: Lie,
	options: Omit<WireLoadOptions, "load"> = {},
	source = byUrl,
	content = file,
) {
	const asked = serveTo(content, lie);
	const { kernel, progress, warnings } = await newKernel();
	const found = await kernel.load(source, { load: 1, ...options }).catch((error) => error);
	const late = await readLate(kernel);
	return { asked, progress: progress(), warnings: warnings(), found, late };
}

async function readLate(kernel: Awaited<ReturnType<typeof newKernel>>["kernel"]) {
	const read = await kernel.files("readFile", ["/data/late.bin"]).catch((error) => error);
	return read instanceof Uint8Array ? Buffer.compare(read, LATE) === 0 : read;
}

/** `loaded` never falls and is never above `total`. */
function checkProgress(told: readonly Told[]): void {
	let before = 0;
	for (const { loaded, total } of told) {
		expect(loaded).toBeGreaterThanOrEqual(before);
		if (total !== undefined) expect(loaded).toBeLessThanOrEqual(total);
		before = loaded;
	}
}

/** Ends at exactly all of it. */
function checkReady(told: readonly Told[]): void {
	checkProgress(told);
	const last = told.at(-1);
	expect(last?.phase).toBe("ready");
	expect(last?.loaded).toBe(last?.total);
}

const later = ({ nth }: Asked) => nth > 1;
const when =
	(is: (asked: Asked) => boolean, reply: Reply): Lie =>
	(asked) =>
		is(asked) ? reply : {};

test("progress of a package that is read in parts ends at all that the start reads", async () => {
	const { progress, late, asked } = await load(() => ({}));
	checkReady(progress);
	const last = progress.at(-1);
	expect(last?.total).toBeLessThan(file.length);
	expect(last?.total).toBeGreaterThan(900_000);
	expect(progress.filter(({ phase }) => phase === "reading").length).toBeGreaterThan(5);
	expect(asked.some(({ whole }) => whole)).toBe(false);
	expect(late).toBe(true);
});

const bytes = () => file.slice();
const sources: readonly (readonly [name: string, source: () => WireSource])[] = [
	["bytes", () => ({ kind: "bytes", bytes: bytes(), name: "" })],
	["a Blob", () => ({ kind: "blob", blob: new Blob([bytes() as BlobPart]), name: "" })],
];

test.each(sources)("progress of %s ends at its size", async (_, source) => {
	const { progress, late } = await load(() => ({}), {}, source());
	checkReady(progress);
	expect(progress.at(-1)?.total).toBe(file.length);
	expect(late).toBe(true);
});

const wholes: readonly (readonly [name: string, lie: Lie])[] = [
	["a server without ranges", () => ({ status: 200 })],
	["no Content-Length", () => ({ status: 200, headers: { "Content-Length": null } })],
	[
		"a Content-Length that is too small",
		() => ({ status: 200, headers: { "Content-Length": "9" } }),
	],
	[
		"a compressed transfer, told",
		() => ({ status: 200, headers: { "Content-Encoding": "gzip", "Content-Length": "1000" } }),
	],
	[
		"a compressed transfer that another origin does not show, smaller",
		() => ({ status: 200, cors: true, headers: { "Content-Length": "1000" } }),
	],
	[
		"a compressed transfer that another origin does not show, larger",
		({ whole }) => ({
			status: 200,
			cors: true,
			headers: { "Content-Length": String(file.length + 100), ...(whole && {}) },
		}),
	],
	["a break in the midst", when(({ nth }) => nth === 1, { status: 200, cutAfter: 700_000 })],
];

test.each(wholes)("progress in one pass: %s", async (_, lie) => {
	const { progress, found, late } = await load(lie);
	expect(found).toMatchObject({ name: "tests/sample" });
	checkReady(progress);
	expect(progress.at(-1)?.total).toBe(file.length);
	expect(late).toBe(true);
});

const unfit: readonly (readonly [name: string, lie: Lie])[] = [
	[
		"an ETag for each range",
		({ start, whole }) => ({ headers: { ETag: whole ? '"w"' : `"${start}"` } }),
	],
	["an ETag for each answer", ({ nth }) => ({ headers: { ETag: `"${nth}"` } })],
	["200 for later parts", when(later, { status: 200 })],
	[
		"another total in later parts",
		({ nth, start, end, whole }) =>
			nth > 1 && !whole
				? { headers: { "Content-Range": `bytes ${start}-${end - 1}/77777777` } }
				: {},
	],
	[
		"another place in later parts",
		({ nth, whole }) =>
			nth > 1 && !whole ? { headers: { "Content-Range": `bytes 0-99/${file.length}` } } : {},
	],
	[
		"later parts that do not say which they are",
		({ nth, whole }) => (nth > 1 && !whole ? { headers: { "Content-Range": null } } : {}),
	],
	[
		"more than was asked for",
		({ start, end, whole }) => (whole ? {} : { body: file.subarray(start, end + 1000) }),
	],
	["416 for later parts", ({ nth, whole }) => (nth > 1 && !whole ? { status: 416 } : {})],
	["416 for any part", ({ whole }) => (whole ? {} : { status: 416 })],
	["a weak ETag alone", () => ({ headers: { ETag: 'W/"1"' } })],
	["no version", () => ({ headers: { ETag: null } })],
];

test.each(unfit)("what does not fit together is read in one pass: %s", async (_, lie) => {
	const { found, late, progress, asked } = await load(lie);
	expect(found).toMatchObject({ name: "tests/sample", entrypoint: "main" });
	expect(asked.at(-1)?.whole).toBe(true);
	expect(late).toBe(true);
	checkReady(progress);
});

test("parts whose ETag is weak at times, beside a Last-Modified, are of one file", async () => {
	const date = { "Last-Modified": "Sun, 01 Nov 2026 10:00:00 GMT" };
	const { found, asked, late } = await load(({ nth }) => ({
		headers: { ETag: nth % 2 ? 'W/"1"' : '"1"', ...date },
	}));
	expect(found).toMatchObject({ name: "tests/sample" });
	expect(asked.some(({ whole }) => whole)).toBe(false);
	expect(late).toBe(true);
});

const refused: readonly (readonly [name: string, code: string, message: RegExp, lie: Lie])[] = [
	["416, always", "http-error", /416.*sample\.webc/, () => ({ status: 416 })],
	["204", "http-error", /204.*sample\.webc/, () => ({ status: 204 })],
	["an empty file", "bad-magic", /sample\.webc/, () => ({ status: 200, body: new Uint8Array(0) })],
	[
		"empty parts",
		"network-error",
		/broke off after 0 of/,
		({ whole }) => (whole ? {} : { body: new Uint8Array(0) }),
	],
	[
		"no answer",
		"timeout",
		/sample\.webc has sent nothing for 60 s.*`timeout`/,
		() => ({
			stallAfter: -1,
		}),
	],
	[
		"silence in the midst",
		"timeout",
		/sample\.webc has sent nothing/,
		() => ({ stallAfter: 1000 }),
	],
	[
		"silence in the midst of one pass",
		"timeout",
		/sample\.webc has sent nothing/,
		() => ({
			status: 200,
			stallAfter: 100_000,
		}),
	],
];

test.each(refused)("%s is %s", async (_, code, message, lie) => {
	const { found, progress } = await load(lie);
	expect(found).toBeInstanceOf(PortholeError);
	expect(found).toMatchObject({ code, message: expect.stringMatching(message) });
	checkProgress(progress);
});

test("a server that falls silent once is asked for the rest", async () => {
	const { found, late } = await load(when(({ nth }) => nth === 2, { stallAfter: 300_000 }));
	expect(found).toMatchObject({ name: "tests/sample" });
	expect(late).toBe(true);
});

test("a load reads no more than it may, and waits no longer", async () => {
	const url = /sample\.webc.*`maxBytes`/;
	const tooLarge = { code: "too-large", message: expect.stringMatching(url) };
	const announced = await load(() => ({ status: 200 }), { maxBytes: 1_000_000 });
	expect(announced.found).toMatchObject(tooLarge);
	const unannounced: Lie = () => ({ status: 200, headers: { "Content-Length": null } });
	expect((await load(unannounced, { maxBytes: 1_000_000 })).found).toMatchObject(tooLarge);
	// Of what is read in parts, it is the index, and the program.
	expect((await load(() => ({}), { maxBytes: 2000 })).found).toMatchObject(tooLarge);
	expect((await load(() => ({}), { maxBytes: 500_000 })).found).toMatchObject({
		code: "too-large",
		message: expect.stringContaining("the atom main"),
	});
	expect((await load(() => ({}), { maxBytes: 1_000_000 })).found).toMatchObject({
		entrypoint: "main",
	});
	for (const [, source] of sources) {
		const { found } = await load(() => ({}), { maxBytes: 1_000_000 }, source());
		expect(found).toMatchObject({ code: "too-large" });
	}
	const { found } = await load(() => ({ stallAfter: -1 }), { timeout: 1500 });
	expect(found).toMatchObject({ code: "timeout", message: expect.stringContaining("1.5 s") });
	// More milliseconds than a timer takes.
	const patient = await load(() => ({}), { timeout: Number.POSITIVE_INFINITY });
	expect(patient.late).toBe(true);
});

test("an archive unpacks to no more than a load may read", async () => {
	const source: WireSource = { kind: "bytes", name: "", bytes: gzipSync(Buffer.alloc(5_000_000)) };
	const { found } = await load(() => ({}), { maxBytes: 100_000 }, source);
	expect(found).toMatchObject({ code: "too-large" });
});

test("a program beside its package that goes on behind its end is not taken", async () => {
	const module = program(900_000);
	const content = await samplePackage(module);
	const sha256 = Buffer.from(await crypto.subtle.digest("SHA-256", module)).toString("hex");
	const beside = "https://example.org/main.wasm";
	const profile = {
		format: 1,
		size: content.length,
		spans: [],
		atoms: { [sha256]: beside },
	} as const;
	serveTo(content, () => ({}));
	const { fetch } = globalThis;
	// The digest of the first bytes is right, and they end with a chunk.
	vi.stubGlobal("fetch", async (url: string, init: RequestInit) => {
		if (url !== beside) return fetch(url, init);
		const body = new ReadableStream({
			start(controller) {
				controller.enqueue(module);
				controller.enqueue(Uint8Array.of(0, 1, 0));
				controller.close();
			},
		});
		return new Response(body, { headers: { "Content-Type": "application/wasm" } });
	});
	const { kernel, warnings } = await newKernel();
	await kernel.load(byUrl, { load: 1, profile });
	expect(warnings()).toEqual([expect.stringMatching(/main\.wasm was of no use/)]);
});

test("a loaded package says what it can run, and what it lacks", async () => {
	const wasix = program(900_000, [
		["wasi_snapshot_preview1", "proc_exit"],
		["wasix_32v1", "proc_levitate"],
	]);
	const content = await samplePackage(wasix);
	const parts = await load(() => ({}), {}, byUrl, content);
	const whole = await load(() => ({ status: 200 }), {}, byUrl, content);
	for (const { found } of [parts, whole]) {
		expect(found).toMatchObject({ runnable: false, missing: ["wasix_32v1.proc_levitate"] });
	}
	expect((await load(() => ({}))).found).toMatchObject({ runnable: true, missing: [] });
	const bare: WireSource = { kind: "bytes", bytes: wasix, name: "" };
	expect((await load(() => ({}), {}, bare)).found).toMatchObject({ runnable: false });
});

// --- at random ---

const lies: readonly ((d: (sides: number) => number) => Lie)[] = [
	() => () => ({ status: 200 }),
	() => () => ({ status: 206 }),
	() => () => ({ status: 416 }),
	() => () => ({ status: 204 }),
	() => () => ({ status: 404 }),
	() => () => ({ status: 503 }),
	() => () => ({ fails: true }),
	() => () => ({ stallAfter: -1 }),
	(d) => () => ({ stallAfter: d(300_000) }),
	(d) => () => ({ cutAfter: d(300_000) }),
	(d) =>
		({ start, end }, all) => ({ body: all.subarray(start, Math.max(start, end - d(200_000))) }),
	(d) =>
		({ start, end }, all) => ({ body: all.subarray(start, end + d(200_000)) }),
	(d) => (_, all) => ({ body: all.subarray(d(all.length)) }),
	() => () => ({ body: new Uint8Array(0) }),
	(d) =>
		({ start, end }) => ({ body: noise(end - start, d(1000)) }),
	(d) => () => ({ status: 200, body: noise(d(2_000_000), d(1000)) }),
	(d) => () => ({ headers: { ETag: ['"2"', 'W/"1"', null][d(3)] ?? null } }),
	(d) =>
		({ start, end }, all) => ({
			headers: { "Content-Range": `bytes ${start + d(3)}-${end - 1 + d(3)}/${all.length + d(3)}` },
		}),
	() => () => ({ headers: { "Content-Range": null } }),
	(d) => (_, all) => ({
		headers: { "Content-Length": String(d(2 * all.length)) },
		cors: d(2) === 0,
	}),
	() => () => ({ headers: { "Content-Encoding": "gzip" } }),
	(d) =>
		({ start, end }, all) => {
			const body = all.slice(start, end);
			if (body.length > 0) body[d(body.length)] = d(256);
			return { body };
		},
];

test("whatever a server answers, the bytes are right, or there is a typed error", {
	timeout: Number(process.env.HUNT_SECONDS ?? 0) * 1000 + 120_000,
}, async () => {
	for (const seed of seeds(25)) {
		const d = dice(seed);
		const rarely = 1 + d(4);
		const kinds = Array.from(
			{ length: 1 + d(3) },
			() => lies[d(lies.length)] ?? (() => () => ({})),
		);
		const lie: Lie = (asked, all) => {
			if (d(rarely) > 0) return {};
			return (kinds[d(kinds.length)] ?? (() => () => ({})))(d)(asked, all);
		};
		try {
			const { found, late, progress } = await load(lie);
			if (found instanceof Error) {
				expect(found).toBeInstanceOf(PortholeError);
				checkProgress(progress);
				expect(late).toMatchObject({ code: "ENOENT" });
			} else {
				checkReady(progress);
				if (late !== true) expect(late).toMatchObject({ name: "PortholeError", code: "EIO" });
			}
		} catch (error) {
			throw withSeed(seed, error);
		}
	}
});

test("blocks are as large as this file assumes", async () => {
	const { asked } = await load(() => ({}));
	expect(asked[0]).toMatchObject({ start: 0, end: BLOCK });
});

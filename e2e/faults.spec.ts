/**
 * Packages from servers that misbehave: connections that are cut, ranges that are ignored or wrong,
 * files that change, pages instead of packages, silence. Whatever happens, the program runs and reads
 * the right bytes, or the page gets one typed error that says what happened.
 */
import { existsSync } from "node:fs";
import { gzipSync } from "node:zlib";
import { type Asked, BadServer, type Fault, right, type Wrong, whole } from "./bad-server.ts";
import { expect, test } from "./library.ts";
import { noise, type Range, samplePackage } from "./sample-package.ts";

const MIB = 1024 * 1024;
const BLOCK = 128 * 1024;
const PYTHON = new URL("../public/packages/python.webc", import.meta.url);

let file: Uint8Array;
let atom: Range;
let late: Range;
let server: BadServer;

test.beforeAll(async () => {
	({ file, atom, late } = await samplePackage());
});

test.beforeEach(async () => {
	server = await BadServer.start(file);
});

test.afterEach(async () => {
	await server.stop();
});

/** The request for the program begins where it does; nothing else does. */
const ofProgram = ({ start }: Asked) => start === atom.start;
const first = ({ nth }: Asked) => nth === 1;
const later = ({ nth }: Asked) => nth > 1;
const always = () => true;

/** A fault where `when` says so; `times` of them at most. */
function fault(when: (asked: Asked) => boolean, wrong: Wrong, times = Number.POSITIVE_INFINITY) {
	let left = times;
	return (asked: Asked): Wrong => (when(asked) && left-- > 0 ? wrong : {});
}

/** All together; the later is the stronger. */
const both =
	(...faults: Fault[]): Fault =>
	(asked) =>
		Object.assign({}, ...faults.map((one) => one(asked)));

interface Case {
	readonly name: string;
	readonly fault: () => Fault;
	readonly lazy?: boolean;
	/** The code and the message of the error; without them the program runs. */
	readonly error?: readonly [code: string, message: RegExp];
	/** What the server was asked for, beyond what the answer tells. */
	readonly asked?: (asked: readonly Asked[]) => void;
}

function inOnePass(asked: readonly Asked[]): void {
	expect(asked.at(-1)?.whole).toBe(true);
}

const html = "<!doctype html><title>Sign in</title><form>Who are you, please?</form>";
const page = { status: 200, body: html, headers: { "Content-Type": "text/html" } };

const cases: readonly Case[] = [
	{
		name: "nothing: it is read in parts",
		fault: () => right,
		asked: (asked) => expect(asked.some((one) => one.whole)).toBe(false),
	},
	{
		name: "the connection is cut in the middle of the program, once: the rest is asked for",
		fault: () => fault(ofProgram, { cutAfter: 400_000 }, 1),
		asked: (asked) => {
			const rest = asked.filter((one) => one.start > atom.start && one.end === atom.end);
			expect(rest).toHaveLength(1);
		},
	},
	{
		name: "the connection is cut in the middle of the index, once",
		fault: () => fault(first, { cutAfter: 5_000 }, 1),
	},
	{
		name: "every connection is cut, but each brings much",
		fault: () => fault(always, { cutAfter: 300_000 }),
		asked: (asked) => expect(asked.length).toBeGreaterThan(4),
	},
	{
		name: "every connection is cut after a kilobyte",
		fault: () => fault(always, { cutAfter: 1_000 }),
		error: ["network-error", /package\.webc broke off after \d+ of \d+ bytes/],
	},
	{
		name: "the program's connections are cut early, always",
		fault: () => fault(({ start }) => start >= BLOCK, { cutAfter: 10_000 }),
		error: ["network-error", /broke off after \d+ of \d+ bytes/],
	},
	{
		name: "a server that ignores ranges: one pass",
		fault: () => whole,
		asked: (asked) => expect(asked).toHaveLength(1),
	},
	{
		name: "a server that ignores ranges and cuts the connection, once: from the start",
		fault: () => both(whole, fault(first, { cutAfter: 900_000 })),
		asked: (asked) => expect(asked.length).toBeLessThanOrEqual(3),
	},
	{
		name: "a server that ignores ranges and always cuts the connection",
		fault: () => both(whole, fault(always, { cutAfter: 900_000 })),
		error: ["network-error", /broke off after \d+ of \d+ bytes/],
		asked: (asked) => expect(asked.length).toBeLessThanOrEqual(6),
	},
	{
		name: "one pass is cut, and the server answers ranges: the rest is asked for",
		lazy: false,
		fault: () => fault(first, { cutAfter: 1_500_000 }),
		asked: (asked) => {
			expect(asked).toHaveLength(2);
			expect(asked[1]?.start).toBeGreaterThan(MIB / 2);
		},
	},
	{
		name: "one pass is cut, and then the file is another: from the start",
		lazy: false,
		fault: () =>
			both(fault(later, { headers: { ETag: '"2"' } }), fault(first, { cutAfter: 1_500_000 })),
		asked: (asked) => expect(asked.at(-1)).toMatchObject({ whole: true }),
	},
	{
		name: "the file changes between two parts, and has another ETag: one pass",
		fault: () => fault(later, { headers: { ETag: '"2"' } }),
		asked: inOnePass,
	},
	{
		name: "an ETag for each range: one pass",
		fault: () => (asked) => ({ headers: { ETag: `"${asked.start}-${asked.end}"` } }),
		asked: inOnePass,
	},
	{
		name: "the file changes, and there is only Last-Modified to tell: one pass",
		fault: () =>
			both(
				fault(always, { headers: { ETag: null } }),
				fault(later, {
					headers: { ETag: null, "Last-Modified": "Sun, 22 Nov 2026 10:00:00 GMT" },
				}),
			),
		asked: inOnePass,
	},
	{
		name: "a file without a version could change unseen: one pass",
		fault: () => fault(always, { headers: { ETag: null, "Last-Modified": null } }),
		asked: (asked) => {
			expect(asked).toHaveLength(2);
			expect(asked[1]?.whole).toBe(true);
		},
	},
	{
		name: "another total in a later part: one pass",
		fault: () => (asked) =>
			later(asked)
				? {
						headers: {
							"Content-Range": `bytes ${asked.start}-${asked.end - 1}/${file.length + 9}`,
						},
					}
				: {},
		asked: inOnePass,
	},
	{
		name: "the first part is not the one that was asked for: one pass",
		fault: () =>
			fault(first, { headers: { "Content-Range": `bytes 9-${BLOCK + 8}/${file.length}` } }),
		asked: (asked) => expect(asked[1]?.whole).toBe(true),
	},
	{
		name: "a later part is not the one that was asked for: one pass",
		fault: () => fault(later, { headers: { "Content-Range": `bytes 0-99/${file.length}` } }),
		asked: inOnePass,
	},
	{
		name: "a later part does not say which it is: one pass",
		fault: () => fault(later, { headers: { "Content-Range": null } }),
		asked: inOnePass,
	},
	{
		name: "a Content-Range that is no range",
		fault: () => fault(first, { headers: { "Content-Range": "bytes 5-2/99999999999999999999" } }),
		asked: (asked) => expect(asked[1]?.whole).toBe(true),
	},
	{
		name: "a file as long as no file is",
		fault: () => (asked) => ({
			headers: { "Content-Range": `bytes ${asked.start}-${asked.end - 1}/999999999999999` },
		}),
		error: ["EIO", /late\.bin/],
	},
	{
		name: "fewer bytes than the part has, once: the rest is asked for",
		fault: () => (asked) =>
			ofProgram(asked) && asked.nth < 5
				? { body: file.subarray(asked.start, asked.end - 200_000) }
				: {},
	},
	{
		name: "more bytes than the part has: one pass",
		fault: () => (asked) =>
			ofProgram(asked) ? { body: file.subarray(asked.start, asked.end + 1000) } : {},
		asked: inOnePass,
	},
	{
		name: "other bytes than those of the program",
		fault: () => (asked) => (ofProgram(asked) ? { body: noise(asked.end - asked.start) } : {}),
		error: ["checksum", /the atom seven is not what its package says it is/],
	},
	{
		name: "a Content-Length that is too large",
		fault: () =>
			both(
				whole,
				fault(always, { headers: { "Content-Length": String(99_999_999) }, cutAfter: 99_999_999 }),
			),
		error: ["network-error", /broke off after \d+ of 99999999 bytes/],
	},
	{
		name: "a Content-Length that is too small",
		fault: () => both(whole, fault(always, { headers: { "Content-Length": "2000000" } })),
		error: ["truncated", /package\.webc/],
	},
	{
		name: "a page to sign in, with 200",
		fault: () => fault(always, page),
		error: ["bad-magic", /the server sent a web page/],
	},
	{
		name: "a page to sign in, when the program is asked for: one pass",
		fault: () => fault(ofProgram, page),
		asked: inOnePass,
	},
	{
		name: "416 for each part: one pass",
		fault: () => (asked) => (asked.whole ? {} : { status: 416, body: "" }),
		asked: inOnePass,
	},
	{
		name: "416 for everything",
		fault: () => fault(always, { status: 416, body: "" }),
		error: ["http-error", /416/],
	},
	{
		name: "404: that is not asked again",
		fault: () => fault(always, { status: 404, body: "no" }),
		error: ["http-error", /404.*check the address/],
		asked: (asked) => expect(asked).toHaveLength(1),
	},
	{
		name: "404 for the program",
		fault: () => fault(ofProgram, { status: 404, body: "no" }),
		error: ["http-error", /404/],
	},
	{
		name: "500, once: it is asked again",
		fault: () => fault(first, { status: 500, body: "oh" }),
	},
	{
		name: "500, always: it is asked three times",
		fault: () => fault(always, { status: 500, body: "oh" }),
		error: ["http-error", /500/],
		asked: (asked) => expect(asked).toHaveLength(3),
	},
	{
		name: "503 that asks to wait a second: it is given that",
		fault: () => fault(first, { status: 503, body: "busy", headers: { "Retry-After": "1" } }),
		asked: ([one, two]) => expect((two?.at ?? 0) - (one?.at ?? 0)).toBeGreaterThanOrEqual(990),
	},
	{
		name: "503 that asks to wait an hour: nobody waits for that",
		fault: () => fault(always, { status: 503, body: "busy", headers: { "Retry-After": "3600" } }),
		error: ["http-error", /503.*try again later/],
		asked: (asked) => expect(asked).toHaveLength(1),
	},
	{
		name: "too many requests, once in the midst",
		fault: () => fault(ofProgram, { status: 429, body: "wait" }, 1),
	},
	{
		name: "the first part compressed: one pass, which may be compressed, too",
		fault: () => (asked) => ({
			headers: { "Content-Encoding": "gzip" },
			body: gzipSync(asked.whole ? file : file.subarray(asked.start, asked.end)),
		}),
		asked: (asked) => expect(asked.at(-1)).toMatchObject({ whole: true }),
	},
	{
		name: "a later part compressed",
		fault: () => (asked) =>
			later(asked)
				? {
						headers: { "Content-Encoding": "gzip" },
						body: gzipSync(file.subarray(asked.start, asked.end)),
					}
				: {},
		error: ["network-error", /could not be fetched|without saying which/],
	},
	{
		name: "a slow trickle",
		fault: () => fault(({ start }) => start > 0, { trickle: 16_000 }),
	},
	{
		name: "from another origin that exposes no headers: one pass",
		fault: () =>
			fault(always, {
				headers: { "Access-Control-Expose-Headers": null, "Last-Modified": null },
			}),
		asked: (asked) => {
			expect(asked).toHaveLength(2);
			expect(asked[1]?.whole).toBe(true);
		},
	},
	{
		name: "from another origin that does not allow it",
		fault: () => fault(always, { headers: { "Access-Control-Allow-Origin": null } }),
		error: ["network-error", /Access-Control-Allow-Origin/],
	},
	{
		name: "redirects without end",
		fault: () => fault(always, { status: 302, body: "", headers: { Location: "/package.webc" } }),
		error: ["network-error", /could not be fetched/],
	},
];

test.describe("a start", () => {
	for (const { name, fault, lazy, error, asked } of cases) {
		test(name, async ({ page }) => {
			server.fault = fault();
			const result = await page.evaluate(
				async ({ url, lazy }) => {
					const sandbox = await porthole.Sandbox.create();
					const run = async () => {
						const loaded = await sandbox.load(url, { lazy });
						const { code } = await sandbox.command(loaded).output();
						const bytes = await sandbox.fs.readFile("/data/late.bin");
						const digest = await crypto.subtle.digest("SHA-256", bytes as BufferSource);
						return `${code} ${bytes.length} ${new Uint8Array(digest).join()}`;
					};
					let result: unknown;
					try {
						result = await run();
					} catch (error) {
						const { code, message } = error as { code: string; message: string };
						result = { code, message, porthole: error instanceof porthole.PortholeError };
					}
					// Whatever happened, the sandbox goes on.
					const { code } = await sandbox.command(await sandbox.load(tiny({ code: 3 }))).output();
					await sandbox.close();
					return { result, code };
				},
				{ url: server.url, lazy: lazy ?? true },
			);
			expect(result.code).toBe(3);
			if (error === undefined) expect(result.result).toBe(await expected());
			else {
				expect(result.result).toMatchObject({ code: error[0], porthole: true });
				expect((result.result as { message: string }).message).toMatch(error[1]);
			}
			asked?.(server.asked);
		});
	}

	async function expected(): Promise<string> {
		const bytes = file.slice(late.start, late.end);
		const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));
		return `7 ${bytes.length} ${digest.join()}`;
	}

	test("every request is sent on to another origin", async ({ page }) => {
		const other = await BadServer.start(file);
		try {
			server.fault = () => ({ status: 302, body: "", headers: { Location: other.url } });
			const code = await page.evaluate(async (url) => {
				const sandbox = await porthole.Sandbox.create({ packages: [url] });
				return (await sandbox.command("seven").output()).code;
			}, server.url);
			expect(code).toBe(7);
			expect(other.asked.length).toBe(server.asked.length);
			expect(other.asked.some((one) => one.whole)).toBe(false);
		} finally {
			await other.stop();
		}
	});

	for (const [name, stallAfter, lazy] of [
		["a server that never answers", -1, true],
		["a server that falls silent in the first part", 1000, true],
		["a server that falls silent in the one pass", 1_000_000, false],
	] as const) {
		test(`${name} can be given up`, async ({ page }) => {
			server.fault = fault(always, { stallAfter });
			const error = await page.evaluate(
				async ({ url, lazy }) => {
					const sandbox = await porthole.Sandbox.create();
					const abort = new AbortController();
					setTimeout(() => abort.abort(new Error("enough")), 500);
					return caught(sandbox.load(url, { signal: abort.signal, lazy }));
				},
				{ url: server.url, lazy },
			);
			expect(error.message).toBe("enough");
		});
	}

	test("a load that is given up asks for nothing more", async ({ page }) => {
		server.fault = fault(ofProgram, { stallAfter: 1000 });
		await page.evaluate(async (url) => {
			const sandbox = await porthole.Sandbox.create();
			const abort = new AbortController();
			setTimeout(() => abort.abort(new Error("enough")), 1000);
			await caught(sandbox.load(url, { signal: abort.signal }));
		}, server.url);
		const { length } = server.asked;
		await page.waitForTimeout(2000);
		expect(server.asked).toHaveLength(length);
	});
});

test.describe("a file that is read late", () => {
	/** The server works until the program is loaded; then `fault` holds, and at last it works again. */
	const read = (page: import("@playwright/test").Page, when: "ever" | "later" = "later") =>
		page.evaluate(
			async ({ url, when }) => {
				const sandbox = await porthole.Sandbox.create();
				const warnings: string[] = [];
				sandbox.addEventListener("warning", ({ detail }) => warnings.push(detail.message));
				await sandbox.load(url);
				await fetch(`${url}?loaded`).then((response) => response.body?.cancel());
				const outcome = () =>
					sandbox.fs.readFile("/data/late.bin").then(
						(bytes) => bytes.length,
						({ code, message }) => `${code} ${message}`,
					);
				const first = await outcome();
				await fetch(`${url}?mended`).then((response) => response.body?.cancel());
				const second = await outcome();
				await sandbox.close();
				return { first, second, warnings, when };
			},
			{ url: server.url, when },
		);

	/** What the page says by asking for the whole file counts as "loaded", then as "mended". */
	function meanwhile(bad: Fault): Fault {
		let phase = 0;
		return (asked) => {
			if (asked.whole) phase += 1;
			return phase === 1 && !asked.whole ? bad(asked) : {};
		};
	}

	const faults: readonly (readonly [name: string, bad: () => Fault, reason: RegExp])[] = [
		["500", () => fault(always, { status: 500, body: "oh" }), /answered 500/],
		["404", () => fault(always, { status: 404, body: "no" }), /answered 404/],
		["cut connections", () => fault(always, { cutAfter: 100 }), /broke off after \d+ of/],
		["another version", () => fault(always, { headers: { ETag: '"2"' } }), /has changed/],
		["a page to sign in", () => fault(always, page), /answers 200/],
		[
			"no permission",
			() => fault(always, { headers: { "Access-Control-Allow-Origin": null } }),
			/Allow-Origin/,
		],
		["damaged bytes", () => (asked) => ({ body: noise(asked.end - asked.start) }), /checksum/],
	];
	for (const [name, bad, reason] of faults) {
		test(`${name}: EIO, a warning that names the file, and later it is there`, async ({ page }) => {
			server.fault = meanwhile(bad());
			const { first, second, warnings } = await read(page);
			expect(first).toMatch(/^EIO .*late\.bin/);
			expect(warnings).toHaveLength(1);
			expect(warnings[0]).toMatch(/^\/data\/late\.bin could not be read: /);
			expect(warnings[0]).toMatch(reason);
			expect(second).toBe(700_000);
		});
	}

	test("500, once: nobody notices", async ({ page }) => {
		server.fault = meanwhile(fault(always, { status: 500, body: "oh" }, 1));
		const { first, warnings } = await read(page);
		expect(first).toBe(700_000);
		expect(warnings).toEqual([]);
	});

	test("a guest gets EIO and goes on", async ({ page }) => {
		test.skip(!existsSync(PYTHON), "the sample packages are not there; `npm run samples`");
		server.fault = meanwhile(fault(always, { status: 500, body: "oh" }));
		const result = await page.evaluate(async (url) => {
			const sandbox = await porthole.Sandbox.create({ packages: ["/packages/python.webc", url] });
			const warnings: string[] = [];
			sandbox.addEventListener("warning", ({ detail }) => warnings.push(detail.message));
			await fetch(`${url}?loaded`).then((response) => response.body?.cancel());
			const script = `
try:
    open("/data/late.bin", "rb").read()
except OSError as error:
    print("errno", error.errno)
print("going on")
`;
			const { out } = await py(sandbox, script);
			await sandbox.close();
			return { out, warnings };
		}, server.url);
		expect(result.out).toBe("errno 29\ngoing on\n");
		expect(result.warnings[0]).toMatch(/late\.bin could not be read: .*500/);
	});
});

test("a page that is frozen while it loads goes on when it is thawed", async ({ page }) => {
	server.fault = fault(ofProgram, { trickle: 8_000 });
	const session = await page.context().newCDPSession(page);
	await page.evaluate((url) => {
		const seen = globalThis as unknown as { code?: number; reading?: boolean };
		const onProgress = ({ loaded }: { loaded: number }) => {
			seen.reading = loaded > 400_000;
		};
		porthole.Sandbox.create({ packages: [url], onProgress }).then(async (sandbox) => {
			seen.code = (await sandbox.command("seven").output()).code;
		});
	}, server.url);
	await page.waitForFunction(() => "reading" in globalThis && Reflect.get(globalThis, "reading"));
	await session.send("Page.setWebLifecycleState", { state: "frozen" });
	await new Promise((done) => setTimeout(done, 2_000));
	await session.send("Page.setWebLifecycleState", { state: "active" });
	await page.waitForFunction(() => Reflect.get(globalThis, "code") === 7, null, {
		timeout: 30_000,
	});
});

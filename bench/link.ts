/**
 * The link's bench, `npm run bench -- link`: packages over 20 Mbit/s and 40 ms.
 *
 * The link is in the server, which all connections share: a byte leaves when those before it have, and
 * no answer begins sooner than a round trip after its question. So nothing of the browser is slowed
 * down, and the profile of the browser is a new one on the disk. What is measured is what `npm run
 * build` made. "First output" is from the start of loading to the first bytes that the program prints.
 */
import { createHash } from "node:crypto";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";
import { chromium, type Page } from "@playwright/test";
import { browserArguments, requireBrowser } from "../scripts/browser.mjs";
import type { AccessProfile, Sandbox } from "../src/index.ts";
import { readPackage } from "../src/webc/index.ts";

const ROOT = fileURLToPath(new URL("..", import.meta.url));
const PAGE = join(ROOT, "e2e/pages/offline");
/** Bytes per millisecond: 20 Mbit/s. */
const RATE = 2500;
const ROUND_TRIP = 40;
/** Bytes that leave at once: four milliseconds' worth. */
const PIECE = 10_000;

type Program = (typeof PROGRAMS)[number];
const PROGRAMS = [
	{ name: "python", args: ["-c", "print(1)"] },
	{ name: "clang", args: ["-version"] },
] as const;

interface Visit {
	readonly ms: number;
	/** Bytes of the package that had left the server by then. */
	readonly bytes: number;
}

/** A server behind a slow link; it serves the page, the library and files by their paths. */
class SlowServer {
	readonly files = new Map<string, { readonly bytes: Uint8Array; readonly type: string }>();
	/** Bytes of `files` that have left. */
	sent = 0;
	cutOff = false;
	#free = 0;
	readonly #server: Server = createServer((request, response) => {
		this.#answer(request, response).catch(() => response.destroy());
	});

	async listen(): Promise<string> {
		await new Promise<void>((done) => this.#server.listen(0, "localhost", done));
		return `http://localhost:${(this.#server.address() as AddressInfo).port}`;
	}

	close(): void {
		this.#server.closeAllConnections();
		this.#server.close();
	}

	async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
		if (this.cutOff) throw new Error("cut off");
		await sleep(ROUND_TRIP);
		const { pathname } = new URL(request.url ?? "/", "http://localhost");
		const file = this.files.get(pathname);
		if (file === undefined) {
			response.setHeader(
				"Content-Type",
				pathname.endsWith(".js") ? "text/javascript" : "text/html",
			);
			response.setHeader("Cache-Control", "no-store");
			return this.#send(response, own(pathname), 0);
		}
		const { bytes, type } = file;
		const [, first, last] = /^bytes=(\d+)-(\d*)$/.exec(request.headers.range ?? "") ?? [];
		const start = Number(first ?? 0);
		const end = last ? Math.min(bytes.length, Number(last) + 1) : bytes.length;
		const range = { "Content-Range": `bytes ${start}-${end - 1}/${bytes.length}` };
		response.writeHead(first === undefined ? 200 : 206, {
			"Content-Type": type,
			"Content-Length": end - start,
			ETag: '"1"',
			...(pathname.endsWith(".wasm") && { "Content-Encoding": "gzip" }),
			...(first !== undefined && range),
		});
		await this.#send(response, bytes.subarray(start, end), 1);
	}

	async #send(response: ServerResponse, bytes: Uint8Array | null, counted: 0 | 1): Promise<void> {
		if (bytes === null) response.writeHead(404);
		for (let at = 0; at < (bytes?.length ?? 0) && !response.destroyed; at += PIECE) {
			if (this.cutOff) throw new Error("cut off");
			const piece = bytes?.subarray(at, at + PIECE) ?? new Uint8Array();
			this.#free = Math.max(this.#free, performance.now()) + piece.length / RATE;
			await sleep(this.#free - performance.now());
			this.sent += piece.length * counted;
			response.write(piece);
		}
		response.end();
	}
}

/** The page, its service worker and the library. */
function own(pathname: string): Uint8Array | null {
	if (pathname === "/files.js") {
		const built = readdirSync(join(ROOT, "dist")).filter((name) =>
			/^(index|guest).*\.js$/.test(name),
		);
		const files = built.map((name) => `/dist/${name}`);
		return Buffer.from(`export const files = ${JSON.stringify(files)};`);
	}
	const name = pathname === "/" ? "/index.html" : pathname;
	const path = name.startsWith("/dist/") ? join(ROOT, name) : join(PAGE, name);
	return existsSync(path) ? readFileSync(path) : null;
}

function sleep(ms: number): Promise<void> {
	return ms > 0 ? new Promise((done) => setTimeout(done, ms)) : Promise.resolve();
}

export async function benchLink(): Promise<void> {
	const server = new SlowServer();
	const origin = await server.listen();
	const lines = [
		"| work | to first output | bytes by then | of the package |",
		"| --- | ---: | ---: | ---: |",
	];
	try {
		for (const program of PROGRAMS) {
			const path = join(ROOT, `public/packages/${program.name}.webc`);
			const bytes = readFileSync(path);
			server.files.set(`/${program.name}.webc`, { bytes, type: "application/webc" });
			const row = (what: string, { ms, bytes: sent }: Visit) => {
				const share = `${((100 * sent) / bytes.length).toFixed(0)} %`;
				const line = `| ${program.name}: ${what} | ${ms.toFixed(0)} ms | ${(sent / 1e6).toFixed(1)} MB | ${share} |`;
				console.log(line);
				lines.push(line);
			};
			row("downloaded, then started", await fresh(origin, server, program, "whole"));
			row("started while it arrives", await fresh(origin, server, program, "parts"));
			const profile = await alone(server, bytes);
			row("with its program compressed beside it", await fresh(origin, server, program, profile));
			const [first, second] = await twice(origin, server, program, bytes.length);
			row("first visit with a service worker", first);
			row("second visit, offline", second);
		}
	} finally {
		server.close();
	}
	console.log(`\n${lines.join("\n")}\n`);
}

/** Serves the atoms of a package by themselves; answers the profile that says so. */
async function alone(server: SlowServer, bytes: Uint8Array): Promise<AccessProfile> {
	const { atoms } = await readPackage(bytes);
	const addresses: Record<string, string> = {};
	for (const { start, length } of atoms.values()) {
		const atom = bytes.subarray(start, start + length);
		const sha256 = createHash("sha256").update(atom).digest("hex");
		server.files.set(`/${sha256}.wasm`, { bytes: gzipSync(atom), type: "application/wasm" });
		addresses[sha256] = `/${sha256}.wasm`;
	}
	return { format: 1, size: bytes.length, spans: [], atoms: addresses };
}

type How = "whole" | "parts" | AccessProfile;

/** A visit with nothing kept from before, and no service worker. */
async function fresh(
	origin: string,
	server: SlowServer,
	program: Program,
	how: How,
): Promise<Visit> {
	const profile = mkdtempSync(join(tmpdir(), "porthole-link-"));
	try {
		return await visit(profile, origin, (page) => start(page, origin, server, program, how));
	} finally {
		rmSync(profile, { recursive: true, force: true });
	}
}

/** Two visits of one profile: the second without the server. */
async function twice(
	origin: string,
	server: SlowServer,
	program: Program,
	size: number,
): Promise<[Visit, Visit]> {
	const profile = mkdtempSync(join(tmpdir(), "porthole-link-"));
	try {
		const first = await visit(profile, origin, async (page) => {
			await page.evaluate(() => globalThis.started);
			const result = await start(page, origin, server, program, "parts");
			// What was not read yet is fetched in the background.
			for (let waited = 0; (await kept(page)) < size; waited++) {
				if (waited > 240) throw new Error("the service worker did not keep all of the package");
				await sleep(500);
			}
			return result;
		});
		server.cutOff = true;
		const second = await visit(profile, origin, async (page) => {
			await page.evaluate(() => globalThis.started);
			return start(page, origin, server, program, "parts");
		});
		return [first, second];
	} finally {
		server.cutOff = false;
		rmSync(profile, { recursive: true, force: true });
	}
}

async function visit<T>(
	profile: string,
	origin: string,
	task: (page: Page) => Promise<T>,
): Promise<T> {
	const context = await chromium.launchPersistentContext(profile, {
		executablePath: requireBrowser().path,
		args: browserArguments(),
	});
	try {
		const page = context.pages()[0] ?? (await context.newPage());
		await page.goto(`${origin}/`);
		await page.waitForFunction(() => document.title === "ready");
		return await task(page);
	} finally {
		await context.close();
	}
}

async function start(
	page: Page,
	origin: string,
	server: SlowServer,
	{ name, args }: Program,
	how: How,
): Promise<Visit> {
	const before = server.sent;
	let bytes = 0;
	await page.exposeFunction("printed", () => {
		bytes = server.sent - before;
	});
	const absolute = (profile: AccessProfile): AccessProfile => ({
		...profile,
		atoms: Object.fromEntries(
			Object.entries(profile.atoms ?? {}).map(([sha256, path]) => [sha256, origin + path]),
		),
	});
	const ms = await page.evaluate(
		async ({ url, args, whole, profile }) => {
			const page = globalThis as unknown as {
				porthole: { Sandbox: typeof Sandbox };
				printed(): Promise<void>;
			};
			const begin = performance.now();
			const sandbox = await page.porthole.Sandbox.create();
			const loaded = await sandbox.load(url, { lazy: !whole, ...(profile && { profile }) });
			const process = await sandbox.command(loaded, [...args]).spawn();
			let first = 0;
			const reading = [process.stdout, process.stderr].map(async (stream) => {
				for await (const _ of stream) {
					if (first > 0) continue;
					first = performance.now() - begin;
					await page.printed();
				}
			});
			await Promise.all(reading);
			await sandbox.close();
			return first;
		},
		{
			url: `${origin}/${name}.webc`,
			args,
			whole: how === "whole",
			profile: typeof how === "object" ? absolute(how) : undefined,
		},
	);
	return { ms, bytes };
}

/** The bytes of all parts that the service worker has kept. */
function kept(page: Page): Promise<number> {
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

declare global {
	/** Resolves when the service worker answers the requests of the page. */
	var started: Promise<void>;
}

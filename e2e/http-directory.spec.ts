/**
 * HTTPDirectory in a browser, against servers of another origin: what a guest sees, what it may not,
 * and what the server must be able to do.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { createInterface } from "node:readline";
import { inFirefox } from "./firefox.ts";
import { expect, test } from "./library.ts";

const FILES: ReadonlyMap<string, Buffer> = new Map([
	["/hello.txt", Buffer.from("Hello over HTTP\n")],
	["/lib/greet.py", Buffer.from("def greet(who): return 'Dear ' + who\n")],
	["/big.bin", Buffer.from(Uint8Array.from({ length: 1_000_000 }, (_, at) => (at * 7) % 251))],
]);
const INDEX = [
	"hello.txt",
	{ path: "lib/greet.py", size: 37, modified: "2026-01-02T03:04:05Z" },
	"big.bin",
];

let server: Server;
let origin: string;
let sent = 0;

test.beforeAll(async () => {
	// Under /parts/ ranges are answered, under /whole/ they are ignored. Another origin hides all
	// headers that are not safelisted, Content-Range and ETag among them.
	server = createServer((request, response) => {
		const [, mode, path = ""] = /^\/(\w+)(\/.*)$/.exec(request.url ?? "") ?? [];
		response.setHeader("Access-Control-Allow-Origin", "*");
		response.setHeader("Cross-Origin-Resource-Policy", "cross-origin");
		if (path === "/index.json") {
			response.end(JSON.stringify(INDEX));
			return;
		}
		const file = FILES.get(path);
		if (file === undefined) {
			response.writeHead(404).end();
			return;
		}
		const range = mode === "parts" ? /^bytes=(\d+)-(\d*)$/.exec(request.headers.range ?? "") : null;
		const start = Number(range?.[1] ?? 0);
		const end = range?.[2] ? Math.min(Number(range[2]) + 1, file.length) : file.length;
		response.writeHead(range ? 206 : 200, {
			"Content-Length": end - start,
			"Last-Modified": "Fri, 02 Jan 2026 03:04:05 GMT",
			ETag: '"1"',
			...(range && { "Content-Range": `bytes ${start}-${end - 1}/${file.length}` }),
		});
		if (request.method === "HEAD") response.end();
		else {
			sent += end - start;
			response.end(file.subarray(start, end));
		}
	});
	await new Promise<void>((resolve) => server.listen(0, "localhost", resolve));
	origin = `http://localhost:${(server.address() as AddressInfo).port}`;
});

test.afterAll(() => {
	server.close();
});

for (const mode of ["parts", "whole"]) {
	test(`a guest reads a directory of a server that sends ${mode}`, async ({ page }) => {
		sent = 0;
		const ran = await page.evaluate(async (base) => {
			const directory = new porthole.HTTPDirectory(base, { index: "index.json" });
			const sandbox = await porthole.Sandbox.create({
				packages: ["/packages/python.webc"],
				mounts: { "/web": directory },
			});
			const code = `
import os, sys
sys.path.insert(0, '/web/lib')
import greet
print(sorted(os.listdir('/web')), greet.greet('reader'))
print(open('/web/hello.txt').read().strip(), os.stat('/web/lib/greet.py').st_mtime)
with open('/web/big.bin', 'rb') as file:
    print(file.seek(0, 2), file.seek(500000) and list(file.read(4)))
`;
			return await py(sandbox, code);
		}, `${origin}/${mode}`);
		const [a = 0] = [500_000];
		const four = [a, a + 1, a + 2, a + 3].map((at) => (at * 7) % 251);
		expect(ran).toEqual({
			code: 0,
			out:
				"['big.bin', 'hello.txt', 'lib'] Dear reader\n" +
				"Hello over HTTP 1767323045.0\n" +
				`1000000 [${four.join(", ")}]\n`,
			err: "",
		});
		// In parts, most of the large file is never fetched.
		if (mode === "parts") expect(sent).toBeLessThan(600_000);
	});
}

test("a change is EROFS at once, for guests and for the page", async ({ page }) => {
	const result = await page.evaluate(async (base) => {
		const directory = new porthole.HTTPDirectory(base, { index: "index.json" });
		const sandbox = await porthole.Sandbox.create({
			packages: ["/packages/python.webc"],
			mounts: { "/web": directory },
		});
		const code = `
import os
for change in (lambda: open('/web/hello.txt', 'w'), lambda: open('/web/new', 'w'),
    lambda: os.remove('/web/hello.txt'), lambda: os.mkdir('/web/d'),
    lambda: os.rename('/web/lib', '/web/other')):
    try: change(); print('changed')
    except OSError as error: print(error.strerror)
`;
		return {
			ran: await py(sandbox, code),
			page: await caught(sandbox.fs.writeFile("/web/new", "x")),
			there: await sandbox.fs.readTextFile("/web/hello.txt"),
		};
	}, `${origin}/parts`);
	expect(result.ran).toEqual({ code: 0, out: "Read-only file system\n".repeat(5), err: "" });
	expect(result.page).toMatchObject({ porthole: true, code: "EROFS" });
	expect(result.there).toBe("Hello over HTTP\n");
});

test("a relative address is taken from the page's; what is missing is said", async ({ page }) => {
	const result = await page.evaluate(async () => {
		const found = new porthole.HTTPDirectory("../packages", { index: "index.json" });
		const none = new porthole.HTTPDirectory("/pages");
		const sandbox = await porthole.Sandbox.create({ mounts: { "/none": none } });
		return {
			index: await caught(found.list("/")),
			listing: await caught(sandbox.fs.readdir("/none")),
			direct: await caught(none.list("/")),
		};
	});
	// The list of samples is a file of ours in that folder, and no index.
	expect(result.index.message).toContain("/packages/index.json");
	expect(result.listing.code).toBe("ENOENT");
	expect(result.direct.message).toMatch(/404 for http.*\/pages\//);
});

test("Python's own server, by its listings", async ({ page }) => {
	test.skip(inFirefox, "there is nobody who forwards requests in Firefox");
	const folder = test.info().outputPath("served");
	mkdirSync(`${folder}/sub dir/deeper`, { recursive: true });
	writeFileSync(`${folder}/a & b <c>.txt`, "odd name");
	writeFileSync(`${folder}/sub dir/100%.txt`, "percent");
	writeFileSync(`${folder}/.hidden`, "");
	const served = await pythonServer(folder);
	test.skip(served === null, "no python3 here");
	try {
		// It sends no CORS headers, so the page's own origin forwards.
		await page.route("**/forwarded/**", async (route) => {
			const url = new URL(route.request().url());
			const target = `http://localhost:${served?.port}${url.pathname.slice("/forwarded".length)}`;
			await route.fulfill({ response: await route.fetch({ url: target }) });
		});
		const result = await page.evaluate(async () => {
			const directory = new porthole.HTTPDirectory("/forwarded/");
			const { fs } = await porthole.Sandbox.create({ mounts: { "/web": directory } });
			const names = async (path: string) => (await fs.readdir(path)).map(({ name }) => name).sort();
			return {
				top: await names("/web"),
				sub: await names("/web/sub dir"),
				deeper: await names("/web/sub dir/deeper"),
				odd: await fs.readTextFile("/web/a & b <c>.txt"),
				percent: await fs.readTextFile("/web/sub dir/100%.txt"),
				hidden: (await fs.stat("/web/.hidden")).size,
			};
		});
		expect(result).toEqual({
			top: [".hidden", "a & b <c>.txt", "sub dir"],
			sub: ["100%.txt", "deeper"],
			deeper: [],
			odd: "odd name",
			percent: "percent",
			hidden: 0,
		});
	} finally {
		served?.process.kill();
		rmSync(folder, { recursive: true });
	}
});

async function pythonServer(
	folder: string,
): Promise<{ process: ChildProcess; port: number } | null> {
	const process = spawn("python3", ["-u", "-m", "http.server", "0", "--directory", folder], {
		stdio: ["ignore", "pipe", "ignore"],
	});
	const failed = new Promise<null>((resolve) => {
		process.once("error", () => resolve(null));
		process.once("exit", () => resolve(null));
	});
	const listening = new Promise<number>((resolve) => {
		createInterface(process.stdout).once("line", (line) =>
			resolve(Number(/port (\d+)/.exec(line)?.[1])),
		);
	});
	const port = await Promise.race([failed, listening]);
	return port === null ? null : { process, port };
}

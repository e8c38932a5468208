/**
 * The commands as a user meets them: lines on stdout and stderr, and a code.
 */
import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { get, type IncomingMessage } from "node:http";
import { type AddressInfo, connect } from "node:net";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { END, single, wasm } from "../rewrite/module.testkit.ts";
import { rewrite } from "../rewrite/rewrite.ts";
import { readPackage, writePackage } from "../webc/index.ts";
import { main } from "./main.ts";
import { startServer } from "./serve.ts";

const folder = mkdtempSync(join(tmpdir(), "porthole-"));
afterAll(() => rmSync(folder, { recursive: true }));

const at = (path: string) => join(folder, path);

function put(path: string, content: string | Uint8Array): void {
	mkdirSync(dirname(at(path)), { recursive: true });
	writeFileSync(at(path), content);
}

/** Runs `porthole …` and answers its code and its lines; the folder's name is cut out. */
async function run(...args: string[]): Promise<{ code: number; out: string[]; err: string[] }> {
	const [out, err]: [string[], string[]] = [[], []];
	const shorten = (line: string) => line.replaceAll(`${folder}/`, "");
	const code = await main(args, {
		log: (line) => out.push(shorten(line)),
		error: (line) => err.push(shorten(line)),
	});
	return { code, out, err };
}

beforeAll(() => {
	put(
		"hello/wasmer.toml",
		[
			'[package]\nname = "ns/hello"\nversion = "1.0.0"',
			'[fs]\n"/data" = "data"',
			'[[module]]\nname = "hello"\nsource = "hello.wasm"',
			'[[command]]\nname = "hi"\nmodule = "hello"\nrunner = "wasi"',
			'annotations.wasi = { main-args = ["-x"], env = ["A=1"], cwd = "/data" }',
		].join("\n"),
	);
	put("hello/hello.wasm", new Uint8Array([0, 0x61, 0x73, 0x6d, 1, 0, 0, 0]));
	put("hello/data/a.txt", "content\n");
	put("hello/data/sub/b.txt", "more\n");
	symlinkSync("a.txt", at("hello/data/link"));
});

describe("access profiles", () => {
	test("inspect writes one, with the atoms beside it, and keeps what was recorded", async () => {
		await run("pack", at("hello"), "-o", at("profiled.webc"));
		const first = await run("inspect", at("profiled.webc"), "--profile", at("profile.json"));
		expect(first).toMatchObject({ code: 0, err: [] });
		expect(first.out).toEqual([
			"profile.json: no spans, for none were recorded; 1 atom beside it, 8 B before compression",
		]);
		const profile = JSON.parse(readFileSync(at("profile.json"), "utf8"));
		const [name] = Object.values(profile.atoms) as string[];
		expect(readFileSync(at(name ?? ""))).toEqual(readFileSync(at("hello/hello.wasm")));

		put("profile.json", JSON.stringify({ ...profile, spans: [[8, 100]] }));
		const second = await run("inspect", at("profiled.webc"), "--profile", at("profile.json"));
		expect(second.out[0]).toContain("1 span;");
		expect(JSON.parse(readFileSync(at("profile.json"), "utf8")).spans).toEqual([[8, 100]]);
	});

	test.each([
		["no JSON", "spans!"],
		["a profile of another package", '{"format":1,"size":5,"spans":[]}'],
	])("%s is not written over", async (_, text) => {
		await run("pack", at("hello"), "-o", at("profiled.webc"));
		put("other.json", text);
		const { code, err } = await run("inspect", at("profiled.webc"), "--profile", at("other.json"));
		expect(code).toBe(1);
		expect(err[0]).toContain("Record the profile again");
		expect(readFileSync(at("other.json"), "utf8")).toBe(text);
	});
});

describe("pack and inspect", () => {
	test("a directory becomes a package", async () => {
		const { code, out, err } = await run("pack", at("hello"), "-o", at("out.webc"));
		expect([code, err]).toEqual([0, []]);
		expect(out).toEqual([expect.stringMatching(/^out\.webc: 2\.\d kB, format 3, 1 volume, hi$/)]);
		const found = await readPackage(new Uint8Array(readFileSync(at("out.webc"))));
		expect([...(found.volumes[0]?.tree ?? [])].map(([name]) => name)).toEqual([
			"a.txt",
			"link",
			"sub",
		]);
		expect(found.volumes[0]?.tree.get("link")).toBe("a.txt");
	});

	test("which can be looked at", async () => {
		await run("pack", at("hello"), "--output", at("out.webc"));
		const { code, out } = await run("inspect", at("out.webc"), "--files");
		expect(code).toBe(0);
		expect(out.map((line) => line.replace(/[\d.]+ kB/, "N kB"))).toEqual([
			"ns/hello 1.0.0: format 3, N kB, verified",
			"",
			"entrypoint  hi",
			"",
			"commands    hi runs hello, with -x, A=1, in /data",
			"",
			"atoms       hello, 8 B, interruptible: can be",
			"",
			"volumes     /data, 2 files, 1 directory, 1 link, 13 B",
			"            metadata, 0 files, 0 directories, 0 B",
			"",
			"mounts      /data is /data",
			"",
			"/data:",
			"       8 B  a.txt",
			"            link -> a.txt",
			"       5 B  sub/b.txt",
			"",
			"metadata:",
		]);
	});

	test("also by programs", async () => {
		await run("pack", at("hello"), "-o", at("out.webc"));
		const { out } = await run("inspect", at("out.webc"), "--json", "--files");
		expect(JSON.parse(out.join("\n"))).toMatchObject({
			format: 3,
			entrypoint: "hi",
			atoms: [{ name: "hello", length: 8, sha256: expect.stringMatching(/^93a44bbb/) }],
			volumes: [{ name: "/data", files: 2 }, { name: "metadata" }],
			mounts: [{ name: "/data", mountPath: "/data" }],
			manifest: { package: { wapm: { name: "ns/hello", version: "1.0.0" } } },
		});
	});

	test("other formats, unless something does not fit them", async () => {
		const { code, err } = await run("pack", at("hello"), "-o", at("old.webc"), "--format", "1");
		expect(code).toBe(1);
		expect(err).toEqual([
			expect.stringMatching(/^porthole pack: Version 1 has no symbolic links\. /),
		]);
	});

	test("control characters of a package do not reach the terminal", async () => {
		const name = "evil\u001b[31m\u202e";
		const volumes = new Map([["/v", new Map([[name, new Uint8Array(1)]])]]);
		put("evil.webc", await writePackage({ manifest: {}, volumes }));
		const { out } = await run("inspect", at("evil.webc"), "--files");
		expect(out).toContain("       1 B  evil\\u001b[31m\\u202e");
	});
});

describe("interruptible programs", () => {
	const spin = single([], [], [0x03, 0x40, 0x0c, 0, END]);
	const programs: Record<string, Uint8Array> = {
		gc: wasm({ types: [[0x5f, 0]] }),
		idle: wasm({}),
		old: rewrite(spin, { meter: "all" }).bytes,
		spin,
		text: new TextEncoder().encode("no module"),
	};

	beforeAll(() => {
		const modules = Object.keys(programs).map(
			(name) => `[[module]]\nname = "${name}"\nsource = "${name}.wasm"`,
		);
		const command = '[[command]]\nname = "spin"\nmodule = "spin"\nrunner = "wasi"';
		put("mixed/wasmer.toml", [...modules, command].join("\n"));
		for (const [name, bytes] of Object.entries(programs)) put(`mixed/${name}.wasm`, bytes);
	});

	test.each(["1", "2", "3"])(
		"are packed so, in format %s, and the others as they are",
		async (format) => {
			const options = ["-o", at("mixed.webc"), "--format", format, "--interruptible"];
			const { code, out, err } = await run("pack", at("mixed"), ...options);
			expect([code, err]).toEqual([0, []]);
			expect(out.slice(1)).toEqual([
				"gc stays as it is: The module cannot be rewritten: a type of GC at byte 12",
				"idle stays as it is, for it has no loops that could go on and on",
				"old is interruptible, and was before",
				"spin is interruptible: checks in 1 of 1 loop",
				expect.stringMatching(/^text stays as it is: The module cannot be rewritten: /),
			]);
			const bytes = new Uint8Array(readFileSync(at("mixed.webc")));
			const found = await readPackage(bytes, { verify: true });
			const packed = [...found.atoms].map(async ([name, span]) => {
				const atom = await found.source.read(span.start, span.length);
				const kept = Buffer.compare(atom, programs[name] ?? new Uint8Array()) === 0;
				return [name, { kept, marked: span.interruptible === true }];
			});
			expect(Object.fromEntries(await Promise.all(packed))).toEqual({
				gc: { kept: true, marked: false },
				idle: { kept: true, marked: false },
				old: { kept: true, marked: true },
				spin: { kept: false, marked: true },
				text: { kept: true, marked: false },
			});
		},
	);

	test("are told by inspect", async () => {
		await run("pack", at("mixed"), "-o", at("plain.webc"));
		await run("pack", at("mixed"), "-o", at("mixed.webc"), "--interruptible");
		const told = async (name: string) => {
			const { out } = await run("inspect", at(name), "--json");
			const { atoms } = JSON.parse(out.join("\n"));
			return Object.fromEntries(
				atoms.map((atom: { name: string; interruptible: string }) => [
					atom.name,
					atom.interruptible.replace(/: .*/, ""),
				]),
			);
		};
		const before = { gc: "no", idle: "can be", old: "made so", spin: "can be", text: "no" };
		expect(await told("plain.webc")).toEqual(before);
		expect(await told("mixed.webc")).toEqual({ ...before, spin: "made so" });
		const { out } = await run("inspect", at("mixed.webc"));
		expect(out.join("\n")).toMatch(/spin, [\d.]+ k?B, interruptible: made so/);
		expect(out.join("\n")).toContain(
			"interruptible: no: The module cannot be rewritten: a type of GC",
		);
	});
});

describe("what goes wrong is one line and a code", () => {
	const rows: [string[], number, RegExp][] = [
		[["frobnicate"], 2, /^porthole: There is no command "frobnicate" \(see porthole --help\)$/],
		[["pack"], 2, /Which directory/],
		[["pack", "a", "b"], 2, /here is another: b/],
		[["pack", ".", "--format", "9"], 2, /no format "9"/],
		[["pack", ".", "--wrong"], 2, /Unknown option '--wrong'/],
		[["pack", at("nothing")], 1, /^porthole pack: There is no wasmer\.toml\. Add the file/],
		[["inspect"], 2, /Which package/],
		[["inspect", at("nothing")], 1, /^porthole inspect: ENOENT/],
		[["inspect", at("hello/wasmer.toml")], 1, /^porthole inspect: This is no package at byte 0\. /],
		[["inspect", at("hello")], 1, /^porthole inspect: EISDIR/],
		[["serve", at("nothing")], 1, /^porthole serve: ENOENT/],
		[["serve", at("hello/wasmer.toml")], 2, /is not a directory/],
		[["serve", "--port", "http"], 2, /"http" is not a port/],
	];
	test.each(rows)("%j", async (args, code, expected) => {
		const { code: found, out, err } = await run(...args);
		expect(err).toEqual([expect.stringMatching(expected)]);
		expect([found, out]).toEqual([code, []]);
	});

	test("help is no mistake", async () => {
		for (const args of [[], ["--help"], ["help"]]) {
			const { code, out } = await run(...args);
			expect([code, out[0]]).toEqual([0, expect.stringContaining("porthole pack DIR")]);
		}
	});

	test("damage is found", async () => {
		await run("pack", at("hello"), "-o", at("out.webc"));
		const bytes = readFileSync(at("out.webc"));
		bytes[bytes.lastIndexOf("content")] = 0x43;
		put("damaged.webc", bytes);
		const { code, err } = await run("inspect", at("damaged.webc"));
		expect(code).toBe(1);
		expect(err[0]).toMatch(
			/checksum does not match in volume "\/data" at byte \d+\. .* do not run it/,
		);
	});
});

describe("serve", () => {
	let address: string;
	let close: () => void;
	let isolated: string;

	beforeAll(async () => {
		put("site/index.html", "<!doctype html>");
		put("site/sub/index.html", "sub");
		put("site/data.webc", "0123456789");
		put("site/m.wasm", "\0asm");
		put("site/empty", "");
		put("site/.env", "SECRET");
		put("site/.well-known/x", "known");
		put("site/a b/index.html", "space");
		put("outside.txt", "outside");
		symlinkSync(at("outside.txt"), at("site/out"));
		symlinkSync("data.webc", at("site/inside"));
		put("site/sub/.git/config", "SECRET");
		symlinkSync("../.env", at("site/sub/hidden"));
		symlinkSync("sub/.git", at("site/repository"));
		symlinkSync(".", at("site/itself"));
		const servers = await Promise.all([
			startServer(at("site"), 0, false),
			startServer(at("site"), 0, true),
		]);
		const [plain, other] = servers.map(
			(server) => `http://localhost:${(server.address() as AddressInfo).port}`,
		);
		address = plain ?? "";
		isolated = other ?? "";
		close = () => {
			for (const server of servers) server.close();
		};
	});
	afterAll(() => close());

	/** Without the tidying that `fetch` does to paths. */
	async function ask(
		path: string,
		headers: Record<string, string> = {},
		base = address,
		method = "GET",
	) {
		const url = new URL(base);
		const options = { host: url.hostname, port: url.port, path, headers, method };
		const response = await new Promise<IncomingMessage>((resolve, reject) => {
			const request = get({ ...options, agent: false }, resolve);
			request.on("error", reject);
		});
		let body = "";
		for await (const chunk of response) body += chunk;
		return { status: response.statusCode, headers: response.headers, body };
	}

	test("files with their types", async () => {
		expect(await ask("/")).toMatchObject({ status: 200, body: "<!doctype html>" });
		const found = await ask("/m.wasm?x=1");
		expect(found.headers).toMatchObject({
			"content-type": "application/wasm",
			"content-length": "4",
			"accept-ranges": "bytes",
		});
		expect((await ask("/empty")).body).toBe("");
		expect((await ask("/nothing")).status).toBe(404);
		expect((await ask("/a%20b/")).body).toBe("space");
		expect((await ask("/inside")).body).toBe("0123456789");
		expect((await ask("/.well-known/x")).body).toBe("known");
	});

	test("directories lead to their index", async () => {
		expect((await ask("/sub/")).body).toBe("sub");
		expect(await ask("/sub")).toMatchObject({ status: 301, headers: { location: "/sub/" } });
		expect(await ask("/a%20b")).toMatchObject({ status: 301, headers: { location: "/a%20b/" } });
		expect((await ask("//sub")).status).toBe(404);
	});

	test("parts", async () => {
		const ranges: [string, number, string, string | undefined][] = [
			["bytes=0-3", 206, "0123", "bytes 0-3/10"],
			["bytes=4-", 206, "456789", "bytes 4-9/10"],
			["bytes=-3", 206, "789", "bytes 7-9/10"],
			["bytes=8-99", 206, "89", "bytes 8-9/10"],
			["bytes=-99", 206, "0123456789", "bytes 0-9/10"],
			["bytes=10-", 416, "416\n", "bytes */10"],
			["bytes=-0", 416, "416\n", "bytes */10"],
			["bytes=5-2", 200, "0123456789", undefined],
			["bytes=0-1,4-5", 200, "0123456789", undefined],
			["lines=1-2", 200, "0123456789", undefined],
		];
		for (const [range, status, body, contentRange] of ranges) {
			const found = await ask("/data.webc", { Range: range });
			expect([found.status, found.body, found.headers["content-range"]]).toEqual([
				...[status, body, contentRange],
			]);
		}
	});

	test("of one version only", async () => {
		const { headers } = await ask("/data.webc");
		const { etag = "", "last-modified": modified = "" } = headers;
		expect((await ask("/data.webc", { "If-None-Match": `"x", ${etag}` })).status).toBe(304);
		const part = { Range: "bytes=0-1" };
		expect((await ask("/data.webc", { ...part, "If-Range": etag })).status).toBe(206);
		expect((await ask("/data.webc", { ...part, "If-Range": modified })).status).toBe(206);
		expect((await ask("/data.webc", { ...part, "If-Range": '"other"' })).status).toBe(200);
	});

	test("nothing that lies outside, and nothing hidden", async () => {
		const paths = ["/../outside.txt", "/%2e%2e/outside.txt", "/..%2foutside.txt", "/out", "/.env"];
		for (const path of [
			...paths,
			"/sub/hidden",
			"/repository/config",
			"/itself/.env",
			"/itself/sub/hidden",
			"/sub%2f.git%2fconfig",
			"/%252e%252e/outside.txt",
			"//outside.txt",
			"/data.webc/",
			"/data.webc/../../outside.txt",
			"/sub/../.env",
			"/%00",
			"/%",
			"/..\\outside.txt",
			"outside.txt",
		]) {
			expect([path, (await ask(path)).status]).toEqual([path, expect.toBeOneOf([400, 404])]);
		}
	});

	test("only to its own names", async () => {
		const { port } = new URL(address);
		for (const host of ["evil.example", `evil.example:${port}`, "localhost.evil.example", "x"]) {
			expect([host, (await ask("/", { Host: host })).status]).toEqual([host, 403]);
		}
		for (const host of ["localhost", `LOCALHOST:${port}`, `127.0.0.1:${port}`, `[::1]:${port}`]) {
			expect([host, (await ask("/", { Host: host })).status]).toEqual([host, 200]);
		}
		expect((await ask("http://evil.example/data.webc")).status).toBe(404);
	});

	test("what is no request, and what is neither a file nor a directory", async ({ skip }) => {
		const { hostname, port } = new URL(address);
		const raw = (text: string) =>
			new Promise<string>((resolve) => {
				const socket = connect(Number(port), hostname);
				let answer = "";
				socket.on("data", (chunk) => {
					answer += chunk;
				});
				socket.on("close", () => resolve(answer.split("\r\n")[0] ?? ""));
				socket.on("error", () => {});
				socket.end(text);
			});
		expect(await raw("GET / HTTP/1.1\r\n\r\n")).toContain("400");
		expect(await raw("no request at all\r\n\r\n")).toContain("400");
		expect(await raw(`GET /${"a".repeat(40_000)} HTTP/1.1\r\nHost: localhost\r\n\r\n`)).toContain(
			"431",
		);
		expect(await raw("CONNECT evil.example:80 HTTP/1.1\r\nHost: localhost\r\n\r\n")).not.toContain(
			"200",
		);
		expect((await ask("/")).status).toBe(200);
		if (spawnSync("mkfifo", [at("site/pipe")]).status !== 0) skip("no pipes here");
		expect((await ask("/pipe")).status).toBe(404);
	});

	test("only reading", async () => {
		expect(await ask("/", {}, address, "POST")).toMatchObject({
			status: 405,
			headers: { allow: "GET, HEAD" },
		});
		const head = await ask("/data.webc", {}, address, "HEAD");
		expect([head.status, head.headers["content-length"], head.body]).toEqual([200, "10", ""]);
	});

	test("isolated pages", async () => {
		expect((await ask("/")).headers).not.toHaveProperty("cross-origin-opener-policy");
		for (const path of ["/", "/nothing", "/sub"]) {
			expect((await ask(path, {}, isolated)).headers).toMatchObject({
				"cross-origin-opener-policy": "same-origin",
				"cross-origin-embedder-policy": "require-corp",
			});
		}
	});

	test("a port in use", async () => {
		const { port } = new URL(address);
		const { code, err } = await run("serve", at("site"), "--port", port);
		expect(code).toBe(1);
		expect(err).toEqual([expect.stringMatching(/^porthole serve: listen EADDRINUSE/)]);
	});
});

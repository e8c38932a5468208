import { expect, test } from "vitest";
import { HTTPDirectory } from "./directories.ts";
import type { HTTPOptions } from "./http.ts";

const BASE = "https://files.test/pub/";
const encoder = new TextEncoder();

interface Served {
	readonly body: string;
	readonly etag?: string | ((range: string) => string);
	/** No Last-Modified. */
	readonly undated?: boolean;
}

/** A server as a `fetch`: what it has by path below BASE, and how it behaves. */
function server(
	files: Record<string, string | Served>,
	{ ranges = true, heads = true, hides = false } = {},
) {
	const asked: string[] = [];
	const fetch = async (url: string, init: RequestInit = {}): Promise<Response> => {
		const headers = new Headers(init.headers);
		const range = /^bytes=(\d+)-(\d*)$/.exec(headers.get("range") ?? "");
		const path = decodeURIComponent(url.slice(BASE.length));
		asked.push([init.method ?? "GET", path, range?.[0] ?? ""].join(" ").trim());
		if (init.method === "HEAD" && !heads) return new Response(null, { status: 405 });
		const found = files[path];
		if (found === undefined) return new Response("no", { status: 404 });
		const served: Served = typeof found === "string" ? { body: found, etag: '"1"' } : found;
		const { body, undated } = served;
		const etag = typeof served.etag === "function" ? served.etag(range?.[0] ?? "") : served.etag;
		const bytes = encoder.encode(body);
		const answer = new Headers({
			...(etag && { etag }),
			...(!undated && { "last-modified": new Date(5000).toUTCString() }),
		});
		const start = Number(range?.[1]);
		if (range === null || !ranges) {
			answer.set("content-length", String(bytes.length));
			return new Response(init.method === "HEAD" ? null : bytes, { headers: answer });
		}
		if (start >= bytes.length) return new Response(null, { status: 416, headers: answer });
		const end = Math.min(bytes.length, range[2] === "" ? bytes.length : Number(range[2]) + 1);
		if (!hides) answer.set("content-range", `bytes ${start}-${end - 1}/${bytes.length}`);
		const part = bytes.slice(start, end);
		answer.set("content-length", String(part.length));
		return new Response(init.method === "HEAD" ? null : part, { status: 206, headers: answer });
	};
	const open = (options: HTTPOptions = {}) => new HTTPDirectory(BASE, { fetch, ...options });
	return { asked, open, files };
}

const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
const names = async (directory: HTTPDirectory, path: string) =>
	(await directory.list(path))
		.map(({ name, type }) => (type === "directory" ? `${name}/` : name))
		.sort();

const nginx = (...links: string[]) =>
	`<html>\r\n<head><title>Index of /pub/</title></head><body><h1>Index of /pub/</h1><hr><pre>` +
	`<a href="../">../</a>\r\n${links.map((link) => `<a href="${link}">${link}</a>  22-Nov-2026 10:00  12`).join("\r\n")}` +
	"</pre></body></html>";

test("an index in JSON tells paths, sizes and times; directories are there without being named", async () => {
	const index = JSON.stringify([
		"a.txt",
		{ path: "deep/er/b.txt", size: 4, modified: 1000 },
		{ path: "dated", size: 1, modified: "1970-01-01T00:00:02Z" },
		"empty/",
	]);
	const { open, asked } = server({
		"index.json": index,
		"a.txt": "first",
		"deep/er/b.txt": "four",
	});
	const directory = open({ index: "index.json" });
	expect(await names(directory, "/")).toEqual(["a.txt", "dated", "deep/", "empty/"]);
	expect(await directory.list("/empty")).toEqual([]);
	expect(await directory.list("/deep/er")).toEqual([
		{ name: "b.txt", type: "file", size: 4, modified: 1000 },
	]);
	const listed = await directory.list("/");
	expect(listed.find(({ name }) => name === "a.txt")).toMatchObject({ size: 5, modified: 5000 });
	expect(listed.find(({ name }) => name === "dated")).toMatchObject({ size: 1, modified: 2000 });
	expect(text(await directory.read("/deep/er/b.txt", 1, 2))).toBe("ou");
	// Only the file without a size had to be asked about.
	expect(asked).toEqual(["GET index.json", "HEAD a.txt bytes=0-", "GET deep/er/b.txt bytes=1-2"]);
});

test("an index may be a path on each line", async () => {
	const { open } = server({ list: "./a.txt\nsub dir/ü%20#?.txt\n", "sub dir/ü%20#?.txt": "odd" });
	const directory = open({ index: "list" });
	expect(text(await directory.read("/sub dir/ü%20#?.txt", 0, 99))).toBe("odd");
});

test.each([
	["EINVAL", `["../up"]`],
	["EINVAL", `["a/../../up"]`],
	["EINVAL", `["/etc/passwd"]`],
	["EINVAL", `["a//b"]`],
	["EINVAL", `["."]`],
	["EINVAL", `["nul\\u0000"]`],
	["EINVAL", `["half\\ud800"]`],
	["EINVAL", JSON.stringify(["n".repeat(256)])],
	["EINVAL", JSON.stringify(["n/".repeat(3000)])],
	["EIO", `["twice", "twice"]`],
	["EIO", `["file", "file/below"]`],
	["EIO", `["file/below", "file"]`],
	["EIO", `[7]`],
	["EIO", `[{"path":"a","size":-1}]`],
	["EIO", `[{"path":"a","modified":"no date"}]`],
	["EIO", `{"files":[]}`],
	["EIO", `[`],
	["EIO", "<html>"],
])("an index is refused with %s: %s", async (code, index) => {
	const { open } = server({ index });
	await expect(open({ index: "index" }).list("/")).rejects.toMatchObject({ code });
});

test("names that are special to JavaScript are names", async () => {
	const { open } = server({ i: `["__proto__/constructor"]`, "__proto__/constructor": "x" });
	const directory = open({ index: "i" });
	expect(await names(directory, "/")).toEqual(["__proto__/"]);
	expect(text(await directory.read("/__proto__/constructor", 0, 9))).toBe("x");
});

test("an index of more entries than a directory may have is refused", async () => {
	const { open } = server({ index: "x\n".repeat(1_000_001) });
	await expect(open({ index: "index" }).list("/")).rejects.toMatchObject({ code: "EFBIG" });
});

test("listings: nginx, its JSON, Apache, Python", async () => {
	const apache = `<!DOCTYPE HTML PUBLIC "-//W3C//DTD HTML 3.2 Final//EN">
<html><head><title>Index of /pub/apache</title></head><body><h1>Index of /pub/apache</h1><table>
<tr><th><a href="?C=N;O=D">Name</a></th><th><a href="?C=M;O=A">Last modified</a></th></tr>
<tr><td><a href="/pub/">Parent Directory</a></td></tr>
<tr><td><a href="a.txt"><img src="/icons/text.gif"></a></td><td><a href="a.txt">a.txt</a></td></tr>
<tr><td><a href="sub/">sub/</a></td></tr></table></body></html>`;
	const python = `<!DOCTYPE HTML><html lang="en"><head><meta charset="utf-8">
<title>Directory listing for /pub/python/</title></head><body><ul>
<li><a href="with%20space%20%26%20more.txt">with space &amp; more.txt</a></li>
<li><a href="a&amp;b.txt">a&amp;b.txt</a></li><li><a href="dir/">dir/</a></li></ul></body></html>`;
	const json = JSON.stringify([
		{ name: "d", type: "directory", mtime: "Sun, 22 Nov 2026 10:00:00 GMT" },
		{ name: "f", type: "file", mtime: "Thu, 01 Jan 1970 00:00:01 GMT", size: 3 },
		{ name: "s", type: "other", mtime: "Thu, 01 Jan 1970 00:00:01 GMT" },
	]);
	const { open } = server({
		"": nginx("apache/", "python/", "json/", "top.txt"),
		"top.txt": "top",
		"apache/": apache,
		"apache/a.txt": "a",
		"python/": python,
		"python/with space & more.txt": "1",
		"python/a&b.txt": "22",
		"json/": json,
		"json/f": "333",
	});
	const directory = open();
	expect(await names(directory, "/")).toEqual(["apache/", "json/", "python/", "top.txt"]);
	expect(await names(directory, "/apache")).toEqual(["a.txt", "sub/"]);
	expect(await names(directory, "/python")).toEqual(["a&b.txt", "dir/", "with space & more.txt"]);
	expect((await directory.list("/json")).find(({ name }) => name === "f")).toEqual({
		name: "f",
		type: "file",
		size: 3,
		modified: 1000,
	});
	expect(text(await directory.read("/python/a&b.txt", 0, 9))).toBe("22");
});

test("links that lead elsewhere are no entries", async () => {
	const links = [
		"https://evil.test/pub/x",
		"//evil.test/x",
		"../other/x",
		"deep/er",
		"javascript:alert(1)",
		"#top",
		"?sort",
		"%2e%2e/",
		"good",
	];
	const { open } = server({ "": nginx(...links), good: "g" });
	expect(await names(open(), "/")).toEqual(["good"]);
});

test.each([
	["EINVAL", nginx("a%2Fb")],
	["EINVAL", nginx("n%00")],
	["EIO", nginx("%ff")],
	["EIO", nginx("both", "both/")],
	["EIO", "<title>My holidays</title><a href='x'>x</a>"],
])("a listing is refused with %s: %s", async (code, page) => {
	const { open } = server({ "": page });
	await expect(open().list("/")).rejects.toMatchObject({ code });
});

test("a file that goes while its directory is listed is not listed", async () => {
	const { open } = server({ "": nginx("gone", "here"), here: "x" });
	expect(await names(open(), "/")).toEqual(["here"]);
});

test.each([
	["without ranges", { ranges: false }],
	["without HEAD", { heads: false }],
	["without both", { ranges: false, heads: false }],
	["on another origin, which hides Content-Range", { hides: true }],
])("a server %s", async (_, behaviour) => {
	const { open } = server({ i: `["f"]`, f: "0123456789" }, behaviour);
	const directory = open({ index: "i" });
	expect(await directory.list("/")).toEqual([
		{ name: "f", type: "file", size: 10, modified: 5000 },
	]);
	expect(text(await directory.read("/f", 2, 3))).toBe("234");
	expect(text(await directory.read("/f", 8, 99))).toBe("89");
	expect(await directory.read("/f", 10, 5)).toHaveLength(0);
});

test("a file that is sent whole is asked for once", async () => {
	const { open, asked } = server({ i: `["f"]`, f: "0123456789" }, { ranges: false });
	const directory = open({ index: "i" });
	for (const at of [0, 4, 2]) await directory.read("/f", at, 2);
	expect(asked.filter((line) => line.startsWith("GET f"))).toHaveLength(1);
});

test("empty files", async () => {
	const { open } = server({ i: `["f"]`, f: "" });
	const directory = open({ index: "i" });
	expect((await directory.list("/"))[0]).toMatchObject({ size: 0 });
	expect(await directory.read("/f", 0, 9)).toHaveLength(0);
});

test("another version of a file is ESTALE, and stays so", async () => {
	const { open, files } = server({ i: `["f"]`, f: { body: "old!", etag: '"1"' } });
	const directory = open({ index: "i" });
	expect(text(await directory.read("/f", 0, 2))).toBe("ol");
	files.f = { body: "new!", etag: '"2"' };
	await expect(directory.read("/f", 2, 2)).rejects.toMatchObject({ code: "ESTALE" });
	await expect(directory.read("/f", 0, 2)).rejects.toMatchObject({ code: "ESTALE" });
});

/** A tag that is another for each range, as long as the file is the same. */
const ofRange = (version: string) => (range: string) => `"${version} ${range}"`;
/** A tag that is another each time. */
const random = () => `"${Math.random()}"`;

test.each([
	["of the range", ofRange("1"), true],
	["of the range, with no date", ofRange("1"), false],
	["of the moment", random, true],
])("a file with an ETag %s is read in one pass and kept", async (_, etag, dated) => {
	for (const behaviour of [{}, { heads: false }, { ranges: false }]) {
		const f = { body: "0123456789", etag, undated: !dated };
		const { open, asked } = server({ i: `[{"path":"f","size":10}]`, f }, behaviour);
		const directory = open({ index: "i" });
		for (const at of [0, 4, 2, 7]) {
			expect(text(await directory.read("/f", at, 3))).toBe("0123456789".slice(at, at + 3));
		}
		const whole = asked.filter((line) => line === "GET f bytes=0-");
		expect(whole.length).toBeLessThanOrEqual(1);
		const before = asked.length;
		expect(text(await directory.read("/f", 5, 3))).toBe("567");
		expect(asked).toHaveLength(before);
	}
});

test.each([
	["of the range", ofRange("2"), ofRange("1")],
	["of the file", '"2"', '"1"'],
	["of the moment, with no date,", random, random],
])("another version of a file with an ETag %s is ESTALE", async (_, later, etag) => {
	const f = { body: "0123456789", etag, undated: true };
	const { open, files } = server({ i: `[{"path":"f","size":10}]`, f });
	const directory = open({ index: "i" });
	expect(text(await directory.read("/f", 0, 3))).toBe("012");
	files.f = { body: "abcdefghij", etag: later, undated: true };
	await expect(directory.read("/f", 3, 3)).rejects.toMatchObject({ code: "ESTALE" });
	await expect(directory.read("/f", 0, 4)).rejects.toMatchObject({ code: "ESTALE" });
});

test("a file that changes while it is read in one pass is ESTALE, and nothing of it is kept", async () => {
	const f = { body: "0123456789", etag: ofRange("1") };
	const { open, files } = server({ i: `[{"path":"f","size":10}]`, f });
	const directory = open({ index: "i" });
	expect(text(await directory.read("/f", 0, 3))).toBe("012");
	files.f = {
		body: "0123456789",
		etag: (range) => {
			// The first request is answered as before until the file has been sent.
			if (range === "bytes=0-") files.f = { body: "abcdefghij", etag: ofRange("2") };
			return ofRange("1")(range);
		},
	};
	await expect(directory.read("/f", 3, 3)).rejects.toMatchObject({ code: "ESTALE" });
	await expect(directory.read("/f", 3, 3)).rejects.toMatchObject({ code: "ESTALE" });
});

test("a size that the index has wrong is ESTALE", async () => {
	const { open } = server({ i: `[{"path":"f","size":9}]`, f: "four" });
	await expect(open({ index: "i" }).read("/f", 0, 9)).rejects.toMatchObject({ code: "ESTALE" });
});

test("what fails is named with the address", async () => {
	const { open } = server({ i: `["missing", "f"]`, f: "x" });
	const directory = open({ index: "i" });
	await expect(directory.read("/missing", 0, 1)).rejects.toMatchObject({ code: "ENOENT" });
	await expect(directory.read("/nothing", 0, 1)).rejects.toMatchObject({ code: "ENOENT" });
	await expect(directory.read("/f/x", 0, 1)).rejects.toMatchObject({ code: "ENOTDIR" });
	await expect(directory.list("/f")).rejects.toMatchObject({ code: "ENOTDIR" });
	await expect(directory.read("/", 0, 1)).rejects.toMatchObject({ code: "EISDIR" });
	await expect(open({ index: "none" }).list("/")).rejects.toMatchObject({
		code: "ENOENT",
		message: expect.stringContaining(`404 for ${BASE}none`),
	});
	const closed = open({ fetch: async () => new Response(null, { status: 403 }) });
	await expect(closed.list("/")).rejects.toMatchObject({ code: "EACCES" });
});

test("a server that is ill is asked again", async () => {
	let left = 2;
	const { open } = server({});
	const directory = open({
		fetch: async () => (left-- > 0 ? new Response(null, { status: 503 }) : new Response(nginx())),
	});
	expect(await directory.list("/")).toEqual([]);
});

test("more bytes than were asked for are not taken in", async () => {
	const { open } = server({});
	const directory = open({
		index: "i",
		fetch: async (url) =>
			url.endsWith("i")
				? new Response(`[{"path":"f","size":4}]`)
				: new Response("x".repeat(9), { status: 206 }),
	});
	await expect(directory.read("/f", 0, 4)).rejects.toMatchObject({ code: "EIO" });
});

test("headers and credentials go with each request; a signal ends all", async () => {
	const seen: RequestInit[] = [];
	const abort = new AbortController();
	const { open } = server({});
	const directory = open({
		request: { headers: { Authorization: "Bearer x" }, credentials: "include" },
		signal: abort.signal,
		fetch: async (_, init) => {
			seen.push(init);
			init.signal?.throwIfAborted();
			return new Response(nginx());
		},
	});
	await directory.list("/");
	expect(seen[0]?.credentials).toBe("include");
	expect(new Headers(seen[0]?.headers).get("authorization")).toBe("Bearer x");
	abort.abort(new Error("enough"));
	await expect(directory.list("/other")).rejects.toMatchObject({ code: "ENOENT" });
	const again = open({
		signal: abort.signal,
		fetch: async (_, init) => {
			init.signal?.throwIfAborted();
			return new Response(nginx());
		},
	});
	await expect(again.list("/")).rejects.toMatchObject({ code: "EIO" });
});

test("changes are EROFS", async () => {
	const { open } = server({ i: `["f"]`, f: "x" });
	const directory = open({ index: "i" });
	expect(directory.readOnly).toBe(true);
	const bytes = new Uint8Array(1);
	await expect(directory.write("/f", 0, bytes)).rejects.toMatchObject({ code: "EROFS" });
	await expect(directory.resize("/f", 0)).rejects.toMatchObject({ code: "EROFS" });
	await expect(directory.make("/g", "file")).rejects.toMatchObject({ code: "EROFS" });
	await expect(directory.remove("/f")).rejects.toMatchObject({ code: "EROFS" });
	await expect(directory.rename("/f", "/g")).rejects.toMatchObject({ code: "EROFS" });
});

test("a server that falls silent is given up, and one that sends too much", async () => {
	const never = (_: string, { signal }: RequestInit) =>
		new Promise<Response>((_resolve, reject) => {
			signal?.addEventListener("abort", () => reject(signal.reason));
		});
	const late = new HTTPDirectory(BASE, { fetch: never, timeout: 20 });
	await expect(late.list("/")).rejects.toMatchObject({
		code: "ETIMEDOUT",
		message: expect.stringContaining(BASE),
	});
	const body = () => new ReadableStream({ start: (c) => c.enqueue(encoder.encode("a")) });
	const stuck = new HTTPDirectory(BASE, { fetch: async () => new Response(body()), timeout: 20 });
	await expect(stuck.list("/")).rejects.toMatchObject({ code: "ETIMEDOUT" });

	const { open } = server({ index: '["a"]', a: "more than four" }, { ranges: false });
	const small = open({ index: "index", maxBytes: 4 });
	await expect(small.read("/a", 0, 4)).rejects.toMatchObject({
		code: "EFBIG",
		message: expect.stringContaining("maxBytes"),
	});
	expect(text(await open({ index: "index", maxBytes: 14 }).read("/a", 0, 4))).toBe("more");
});

/**
 * Archives of a tree in memory: round trips, with the system's own programs where they are, and
 * archives that mean harm.
 */
import { execFileSync, spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join as pathJoin } from "node:path";
import { gzipSync } from "node:zlib";
import { createTarPacker, type TarHeader } from "modern-tar";
import { afterAll, expect, test } from "vitest";
import { PortholeError } from "../abi/error.ts";
import { exportArchive } from "./export.ts";
import { type ArchiveSource, type ImportOptions, importArchive } from "./import.ts";
import type { ArchiveFormat, Found, Tree } from "./tree.ts";

type Thing =
	| { type: "directory"; modified: number }
	| { type: "file"; bytes: Uint8Array; modified: number }
	| { type: "symlink"; target: string; modified: number };

const encoder = new TextEncoder();
const decoder = new TextDecoder();
const MODIFIED = new Date("2026-03-04T05:06:08Z");

/** A tree in a map by path, which refuses what a sandbox would refuse. */
class Memory implements Tree {
	readonly things = new Map<string, Thing>();

	constructor(files: Record<string, string | Uint8Array | { target: string }> = {}) {
		for (const [path, what] of Object.entries(files)) {
			const names = path.split("/").slice(1, -1);
			names.forEach((_, index) => {
				this.things.set(`/${names.slice(0, index + 1).join("/")}`, directory());
			});
			const modified = MODIFIED.getTime();
			if (path.endsWith("/")) this.things.set(path.slice(0, -1), directory());
			else if (typeof what === "string")
				this.things.set(path, { type: "file", bytes: encoder.encode(what), modified });
			else if (what instanceof Uint8Array)
				this.things.set(path, { type: "file", bytes: what, modified });
			else this.things.set(path, { type: "symlink", target: what.target, modified });
		}
	}

	read = async (_: "readPart", path: string, at: number, length: number) =>
		this.#file(path).bytes.slice(at, at + length);

	async readdir(path: string) {
		if (path !== "/" && this.things.get(path)?.type !== "directory") throw fail("ENOENT", path);
		const prefix = path === "/" ? "/" : `${path}/`;
		return [...this.things.keys()]
			.filter((key) => key.startsWith(prefix) && !key.slice(prefix.length).includes("/"))
			.map((key) => ({ name: key.slice(prefix.length) }));
	}

	async lstat(path: string): Promise<Found> {
		const found = this.things.get(path);
		if (found === undefined) throw fail("ENOENT", path);
		const size = found.type === "file" ? found.bytes.length : 0;
		return { type: found.type, size, mtimeMs: found.modified };
	}

	async readlink(path: string) {
		const found = this.things.get(path);
		if (found?.type !== "symlink") throw fail("EINVAL", path);
		return found.target;
	}

	async mkdir(path: string, { recursive = false } = {}) {
		if (this.things.has(path) && !recursive) throw fail("EEXIST", path);
		this.things.set(path, directory());
	}

	async rm(path: string, { force = false } = {}) {
		if (!this.things.delete(path) && !force) throw fail("ENOENT", path);
	}

	async writeFile(path: string, data: Uint8Array) {
		const before = this.things.get(path);
		if (before !== undefined && before.type !== "file") throw fail("EISDIR", path);
		this.things.set(path, { type: "file", bytes: data, modified: 0 });
	}

	async appendFile(path: string, data: Uint8Array) {
		const file = this.#file(path);
		file.bytes = Buffer.concat([file.bytes, data]);
	}

	async copyFile(from: string, to: string) {
		await this.writeFile(to, this.#file(from).bytes.slice());
	}

	async symlink(target: string, path: string) {
		if (this.things.has(path)) throw fail("EEXIST", path);
		this.things.set(path, { type: "symlink", target, modified: 0 });
	}

	async utimes(path: string, _: Date, modified: Date) {
		const found = this.things.get(path);
		if (found === undefined) throw fail("ENOENT", path);
		found.modified = modified.getTime();
	}

	/** Everything below a directory, by its name in there. */
	below(path: string): Record<string, string> {
		const shown: Record<string, string> = {};
		for (const [key, thing] of this.things) {
			if (!key.startsWith(`${path}/`)) continue;
			const name = key.slice(path.length + 1);
			if (thing.type === "file") shown[name] = decoder.decode(thing.bytes);
			else shown[name] = thing.type === "directory" ? "/" : `-> ${thing.target}`;
		}
		return shown;
	}

	#file(path: string): Extract<Thing, { type: "file" }> {
		const found = this.things.get(path);
		if (found?.type !== "file") throw fail("ENOENT", path);
		return found;
	}
}

const directory = (): Thing => ({ type: "directory", modified: MODIFIED.getTime() });
const fail = (code: string, path: string) => new PortholeError(code, `${code}: ${path}`);

const temporary = mkdtempSync(pathJoin(tmpdir(), "porthole-archive-"));
afterAll(() => rmSync(temporary, { recursive: true }));

const LONG = `${"deep/".repeat(40)}${"n".repeat(120)}.txt`;
const FILES = {
	"/d/a.txt": "first",
	"/d/empty": "",
	"/d/nothing/": "",
	"/d/sub/ünï ☃.txt": "second",
	"/d/sub/link": { target: "../a.txt" },
	"/d/out": { target: "/elsewhere/file" },
	"/d/__proto__": "a name",
	[`/d/${LONG}`]: "far down",
};

async function packed(tree: Memory, format: ArchiveFormat, path = "/d"): Promise<Uint8Array> {
	const stream = await exportArchive(tree, tree.read, path, { format });
	return new Uint8Array(await new Response(stream).arrayBuffer());
}

async function unpacked(source: ArchiveSource, options: ImportOptions = {}): Promise<Memory> {
	const tree = new Memory();
	await importArchive(tree, source, "/to", options);
	return tree;
}

/** The error with which an import ends. */
async function refusal(source: ArchiveSource, options: ImportOptions = {}, tree = new Memory()) {
	const error = await importArchive(tree, source, "/to", options).catch((thrown) => thrown);
	expect(error).toBeInstanceOf(PortholeError);
	return { code: error.code as string, message: error.message as string, tree };
}

interface Part extends Partial<TarHeader> {
	readonly name: string;
	readonly text?: string;
}

/** A tar of these entries, as they are. */
async function tarOf(...parts: Part[]): Promise<Uint8Array> {
	const { readable, controller } = createTarPacker();
	const whole = new Response(readable).arrayBuffer();
	for (const { text = "", ...header } of parts) {
		const bytes = encoder.encode(text);
		const writer = controller.add({ type: "file", size: bytes.length, ...header }).getWriter();
		if (bytes.length > 0) await writer.write(bytes);
		await writer.close();
	}
	controller.finalize();
	return new Uint8Array(await whole);
}

for (const format of ["tar", "tar.gz", "zip"] as const) {
	test(`${format}: what is exported is imported`, async () => {
		const tree = new Memory(FILES);
		const archive = await packed(tree, format);
		const back = await unpacked(archive);
		expect(back.below("/to")).toEqual(tree.below("/d"));
		const { mtimeMs } = await back.lstat("/to/sub/ünï ☃.txt");
		expect(mtimeMs).toBe(MODIFIED.getTime());
		expect((await back.lstat("/to/nothing")).mtimeMs).toBe(MODIFIED.getTime());
	});

	test(`${format}: a stream, a Blob, a buffer and a Response are read alike`, async () => {
		const tree = new Memory({ "/d/f": "x" });
		const archive = (await packed(tree, format)).slice();
		const one = new ReadableStream<Uint8Array>({
			start(controller) {
				for (const byte of archive) controller.enqueue(Uint8Array.of(byte));
				controller.close();
			},
		});
		for (const source of [one, new Blob([archive]), archive.buffer, new Response(archive)]) {
			expect((await unpacked(source)).below("/to")).toEqual({ f: "x" });
		}
	});

	test(`${format}: an empty directory`, async () => {
		const archive = await packed(new Memory({ "/d/": "" }), format);
		expect((await unpacked(archive)).below("/to")).toEqual({});
	});

	test(`${format}: a large file passes in parts`, async () => {
		const bytes = Uint8Array.from({ length: 3_000_001 }, (_, at) => (at * 31) % 256);
		const tree = new Memory({ "/d/big": bytes });
		let longest = 0;
		const read: typeof tree.read = async (...part) => {
			longest = Math.max(longest, part[3]);
			return tree.read(...part);
		};
		const stream = await exportArchive(tree, read, "/d", { format });
		const back = await unpacked(stream);
		expect(Buffer.compare(await back.read("readPart", "/to/big", 0, 4_000_000), bytes)).toBe(0);
		expect(longest).toBeLessThan(1 << 20);
	});

	test(`${format}: an archive that is cut short is refused`, async () => {
		const archive = await packed(new Memory({ "/d/f": "x".repeat(5000) }), format);
		const { code } = await refusal(archive.slice(0, archive.length / 2));
		expect(code).toBe("bad-archive");
	});

	test(`${format}: a file that grows is exported as it was; one that shrinks ends the stream`, async () => {
		const tree = new Memory({ "/d/f": "12345678" });
		const grown: typeof tree.read = async (_, _path, at, length) =>
			encoder.encode("1234567890").slice(at, at + length);
		const stream = await exportArchive(tree, grown, "/d", { format });
		expect((await unpacked(stream)).below("/to")).toEqual({ f: "12345678" });
		const shrunk: typeof tree.read = async (_, _path, at) => encoder.encode("123").slice(at);
		const broken = await exportArchive(tree, shrunk, "/d", { format });
		await expect(new Response(broken).arrayBuffer()).rejects.toMatchObject({ code: "changed" });
	});

	// Node's CompressionStream takes in all that it is given, however slowly it is read.
	test.skipIf(format === "tar.gz")(`${format}: who stops reading stops the walk`, async () => {
		// Such as does not become smaller.
		const noise = crypto.getRandomValues(new Uint8Array(1 << 16));
		const tree = new Memory(
			Object.fromEntries(Array.from({ length: 2000 }, (_, n) => [`/d/${n}`, noise])),
		);
		let reads = 0;
		const read: typeof tree.read = (...part) => {
			reads++;
			return tree.read(...part);
		};
		const reader = (await exportArchive(tree, read, "/d", { format })).getReader();
		await reader.read();
		await reader.cancel();
		await new Promise((resolve) => setTimeout(resolve, 50));
		const before = reads;
		await new Promise((resolve) => setTimeout(resolve, 50));
		// All of it would be two thousand.
		expect(reads).toBe(before);
		expect(reads).toBeLessThan(500);
	});
}

test("export: errors come before the stream", async () => {
	const tree = new Memory(FILES);
	await expect(exportArchive(tree, tree.read, "/none", {})).rejects.toMatchObject({
		code: "ENOENT",
	});
	const rar = { format: "rar" as "tar" };
	await expect(exportArchive(tree, tree.read, "/d", rar)).rejects.toMatchObject({
		code: "invalid-option",
	});
});

test("the system's tar reads ours, and we read the system's", async () => {
	const tree = new Memory(FILES);
	for (const format of ["tar", "tar.gz"] as const) {
		const file = pathJoin(temporary, `ours.${format}`);
		writeFileSync(file, await packed(tree, format));
		const to = pathJoin(temporary, format);
		mkdirSync(to);
		execFileSync("tar", ["-xf", file, "-C", to]);
		expect(readFileSync(pathJoin(to, LONG), "utf8")).toBe("far down");
		expect(readFileSync(pathJoin(to, "sub/link"), "utf8")).toBe("first");
		for (const how of ["--format=gnu", "--format=pax"]) {
			const theirs = execFileSync("tar", [
				how,
				"-cf",
				"-",
				"-C",
				to,
				"a.txt",
				"sub",
				"deep",
				"./nothing",
			]);
			expect((await unpacked(theirs)).below("/to")).toMatchObject({
				"a.txt": "first",
				"sub/ünï ☃.txt": "second",
				"sub/link": "-> ../a.txt",
				nothing: "/",
				[LONG]: "far down",
			});
		}
	}
});

test("the system's unzip reads ours, and we read the system's zip", async ({ skip }) => {
	if (spawnSync("zip", ["-v"]).error || spawnSync("unzip", ["-v"]).error) skip("no zip here");
	const file = pathJoin(temporary, "ours.zip");
	writeFileSync(file, await packed(new Memory(FILES), "zip"));
	const to = pathJoin(temporary, "unzipped");
	mkdirSync(to);
	execFileSync("unzip", ["-q", file, "-d", to], { env: { ...process.env, LC_ALL: "C.UTF-8" } });
	expect(readFileSync(pathJoin(to, LONG), "utf8")).toBe("far down");
	expect(readFileSync(pathJoin(to, "sub/link"), "utf8")).toBe("first");
	writeFileSync(pathJoin(to, "much"), "z".repeat(100_000));
	const theirs = pathJoin(temporary, "theirs.zip");
	execFileSync("zip", ["-qry", theirs, "a.txt", "sub", "much", "nothing", "deep"], { cwd: to });
	const back = await unpacked(readFileSync(theirs));
	expect(back.below("/to")).toMatchObject({
		"a.txt": "first",
		"sub/ünï ☃.txt": "second",
		"sub/link": "-> ../a.txt",
		nothing: "/",
		much: "z".repeat(100_000),
		[LONG]: "far down",
	});
});

test("hard links of a tar become files of their own; a link to what is no file is refused", async () => {
	const archive = await tarOf(
		{ name: "a", text: "x" },
		{ name: "b", type: "link", linkname: "./a" },
	);
	expect((await unpacked(archive)).below("/to")).toEqual({ a: "x", b: "x" });
	for (const linkname of ["../a", "/etc/passwd", "nothing", "s"]) {
		const bad = await tarOf(
			{ name: "s", type: "symlink", linkname: "/etc/passwd" },
			{ name: "b", type: "link", linkname },
		);
		const { code, message } = await refusal(bad);
		expect([code, message]).toEqual(["bad-archive", expect.stringContaining('"b"')]);
	}
});

test.each(["../evil", "a/../../evil", "/evil", "a/b/../../../evil", "nul\0"])(
	"the name %j is refused",
	async (name) => {
		const { code, message, tree } = await refusal(
			await tarOf({ name: "good", text: "g" }, { name: "Q", text: "e", pax: { path: name } }),
		);
		expect(code).toBe("bad-archive");
		expect(message).toContain("evil".slice(0, name.includes("evil") ? 4 : 0));
		expect(tree.below("/to")).toEqual({ good: "g" });
		expect([...tree.things.keys()]).toEqual(["/to", "/to/good"]);
	},
);

test("nothing is written through a symlink, of the archive or from before", async () => {
	const through = await tarOf(
		{ name: "s", type: "symlink", linkname: "/outside" },
		{ name: "s/evil", text: "e" },
	);
	const first = await refusal(through, {}, new Memory({ "/outside/": "" }));
	expect([first.code, first.message]).toEqual(["ENOTDIR", expect.stringContaining('"s/evil"')]);
	expect(first.tree.below("/outside")).toEqual({});
	const second = await refusal(
		await tarOf({ name: "s/evil", text: "e" }),
		{},
		new Memory({ "/outside/": "", "/to/s": { target: "/outside" } }),
	);
	expect(second.code).toBe("ENOTDIR");
	// A symlink as the last name is replaced, not followed.
	const tree = new Memory({ "/outside/f": "kept", "/to/s": { target: "/outside/f" } });
	await importArchive(tree, await tarOf({ name: "s", text: "new" }), "/to", {});
	expect(tree.below("/outside")).toEqual({ f: "kept" });
	expect(tree.below("/to")).toEqual({ s: "new" });
});

test("what is there already: replaced, kept, or an error; never a directory", async () => {
	const archive = await tarOf({ name: "f", text: "new" }, { name: "g", text: "g" });
	const before = () => new Memory({ "/to/f": "old" });
	const replaced = before();
	expect(await importArchive(replaced, archive, "/to", {})).toEqual({
		entries: 2,
		bytes: 4,
		skipped: 0,
	});
	expect(replaced.below("/to")).toEqual({ f: "new", g: "g" });
	const kept = before();
	expect(await importArchive(kept, archive, "/to", { onConflict: "skip" })).toEqual({
		entries: 1,
		bytes: 1,
		skipped: 1,
	});
	expect(kept.below("/to")).toEqual({ f: "old", g: "g" });
	expect((await refusal(archive, { onConflict: "error" }, before())).code).toBe("EEXIST");
	expect((await refusal(archive, {}, new Memory({ "/to/f/": "" }))).code).toBe("EISDIR");
	const directories = await tarOf({ name: "f/", type: "directory" });
	expect((await refusal(directories, {}, before())).code).toBe("ENOTDIR");
});

test("devices are refused", async () => {
	const { code, message } = await refusal(await tarOf({ name: "tty", type: "character-device" }));
	expect([code, message]).toEqual(["bad-archive", expect.stringContaining('"tty"')]);
});

test.each(["tar", "tar.gz", "zip"] as const)("%s: no more comes out than may", async (format) => {
	const bomb = await packed(
		new Memory({ "/d/small": "s", "/d/zeros": new Uint8Array(5_000_000) }),
		format,
	);
	if (format !== "tar") expect(bomb.length).toBeLessThan(50_000);
	const { code, message, tree } = await refusal(bomb, { maxBytes: 1_000_000 });
	expect([code, message]).toEqual(["too-large", expect.stringContaining('"zeros"')]);
	expect(tree.below("/to")).toEqual({ small: "s" });
});

test("a zip whose files share bytes, or are not what their sums say, is refused", async () => {
	const archive = await packed(
		new Memory({ "/d/one": "1".repeat(50), "/d/two": "2".repeat(50) }),
		"zip",
	);
	const wrong = archive.slice();
	const extra = new DataView(wrong.buffer).getUint16(28, true);
	const at = 30 + "one".length + extra + 1;
	wrong[at] = (wrong[at] ?? 0) ^ 0x55;
	expect((await refusal(wrong)).code).toBe("bad-archive");
	const view = new DataView(archive.buffer);
	const entries = Buffer.from(archive);
	const first = entries.indexOf(Buffer.from([0x50, 0x4b, 1, 2]));
	const second = entries.indexOf(Buffer.from([0x50, 0x4b, 1, 2]), first + 4);
	view.setUint32(second + 42, view.getUint32(first + 42, true), true);
	expect((await refusal(archive)).code).toBe("bad-archive");
});

test("archives are read as the common tools read them", async () => {
	const tar = await tarOf({ name: "a.txt", text: "abc" }, { name: "b.txt", text: "def" });
	const zip = await packed(new Memory({ "/d/a.txt": "abc", "/d/b.txt": "def" }), "zip");
	const script = encoder.encode("#!/usr/bin/env python3\n");
	const whole = tar.length - 1024;
	const forms = {
		"a tar without its end": tar.subarray(0, whole),
		"a tar with half of its end": tar.subarray(0, whole + 512),
		"a tar with something behind its end": Buffer.concat([tar, script]),
		"a gzip of two members": Buffer.concat([
			gzipSync(tar.subarray(0, 1000)),
			gzipSync(tar.subarray(1000)),
		]),
		"a gzip with zeros behind": Buffer.concat([gzipSync(tar), Buffer.alloc(512)]),
		"a zip behind a script": Buffer.concat([script, zip]),
		"a zip behind a long script": Buffer.concat([Buffer.alloc(100_000, script), zip]),
	};
	for (const [name, bytes] of Object.entries(forms)) {
		const back = await unpacked(new Blob([bytes as BlobPart]));
		expect(back.below("/to"), name).toEqual({ "a.txt": "abc", "b.txt": "def" });
		const streamed = await unpacked(new Blob([bytes as BlobPart]).stream());
		expect(streamed.below("/to"), name).toEqual({ "a.txt": "abc", "b.txt": "def" });
	}
});

test("what is left out of a tar leaves the others whole, however it arrives", async () => {
	const parts = Array.from({ length: 20 }, (_, n) => ({
		name: `${n}`,
		text: `${n}`.repeat(n * 90),
	}));
	const archive = await tarOf(...parts);
	for (const size of [100, 512, 5000, archive.length]) {
		const tree = new Memory(Object.fromEntries(parts.map(({ name }) => [`/to/${name}`, "old"])));
		tree.things.delete("/to/19");
		const pieces = Array.from({ length: Math.ceil(archive.length / size) }, (_, n) =>
			archive.slice(n * size, (n + 1) * size),
		);
		const stream = new ReadableStream<Uint8Array>({
			start(controller) {
				for (const piece of pieces) controller.enqueue(piece);
				controller.close();
			},
		});
		const { skipped } = await importArchive(tree, stream, "/to", { onConflict: "skip" });
		expect(skipped).toBe(19);
		expect(tree.below("/to")["19"]).toBe("19".repeat(19 * 90));
	}
});

test.each([
	["bzip2", "BZh91AY&SY"],
	["xz", "\xfd7zXZ\0"],
	["zstd", "\x28\xb5\x2f\xfd"],
])("compression by %s is refused by its name", async (name, start) => {
	const bytes = Buffer.concat([Buffer.from(start, "latin1"), Buffer.alloc(2000, 7)]);
	const { code, message } = await refusal(bytes);
	expect([code, message]).toEqual(["not-supported", expect.stringContaining(name)]);
});

test("a zip whose files are compressed in another way is refused by that", async () => {
	const zip = Buffer.from(await packed(new Memory({ "/d/a.txt": "abc".repeat(100) }), "zip"));
	// The method: zstd, in both places.
	zip.writeUInt16LE(93, 8);
	zip.writeUInt16LE(93, zip.indexOf(Buffer.from([0x50, 0x4b, 1, 2])) + 10);
	expect(await refusal(zip)).toMatchObject({
		code: "not-supported",
		message: expect.stringContaining('"a.txt"'),
	});
});

test.each([
	["empty", ""],
	["text", "Dear reader, this is no archive. ".repeat(40)],
	["a zip that is none", "PK\u0003\u0004 and then nothing"],
	["a gzip that is none", "\u001f\u008b and then nothing"],
])("what is no archive is refused: %s", async (_, text) => {
	expect((await refusal(Buffer.from(text, "latin1"))).code).toBe("bad-archive");
});

test("a response that is no success, one that was read, and other things", async () => {
	expect((await refusal(new Response("x", { status: 404 }))).code).toBe("http-error");
	const used = new Response("x");
	await used.text();
	expect((await refusal(used)).code).toBe("invalid-option");
	expect((await refusal("a text" as unknown as Blob)).code).toBe("invalid-option");
});

test("a signal ends an import, and the file that was being written goes", async () => {
	const archive = await packed(
		new Memory({ "/d/a": "a", "/d/big": new Uint8Array(8_000_000) }),
		"tar",
	);
	const abort = new AbortController();
	const tree = new Memory();
	const append = tree.appendFile.bind(tree);
	tree.appendFile = async (path, data) => {
		await append(path, data);
		if (path.endsWith("big")) abort.abort(new Error("enough"));
	};
	await expect(importArchive(tree, archive, "/to", { signal: abort.signal })).rejects.toThrow(
		"enough",
	);
	expect(tree.below("/to")).toEqual({ a: "a" });
});

test("a symlink of the disk is no way in", async () => {
	const folder = pathJoin(temporary, "crafted");
	mkdirSync(folder);
	symlinkSync("/tmp", pathJoin(folder, "s"));
	const theirs = execFileSync("tar", ["-cf", "-", "-C", folder, "s"]);
	expect((await unpacked(theirs)).below("/to")).toEqual({ s: "-> /tmp" });
});

/** A stream that gives these chunks and then stays open, as a connection does; and what cancelled it. */
function openStream(...chunks: unknown[]) {
	const cancelled: unknown[] = [];
	const stream = new ReadableStream({
		start(controller) {
			for (const chunk of chunks) controller.enqueue(chunk);
		},
		cancel(reason) {
			cancelled.push(reason);
		},
	});
	return { stream: stream as ReadableStream<Uint8Array>, cancelled };
}

test.each([
	["text", ["text"]],
	["text behind bytes", [new Uint8Array(8), "text"]],
	["text behind a header", [new Uint8Array(1024).fill(1), "text"]],
	["a number", [7]],
	["nothing", [null]],
	["shared memory", [new SharedArrayBuffer(8)]],
])("a stream of %s that stays open is refused at once, and cancelled", async (_, chunks) => {
	const { stream, cancelled } = openStream(...chunks);
	await expect(importArchive(new Memory(), stream, "/to")).rejects.toMatchObject({
		code: "invalid-option",
		message: expect.stringContaining("bytes"),
	});
	expect(cancelled).toHaveLength(1);
});

test("a stream of buffers and views is read as one of bytes", async () => {
	const tree = new Memory({ "/d/f": "abc" });
	const packed = new Uint8Array(
		await new Response(await exportArchive(tree, tree.read, "/d", { format: "tar" })).arrayBuffer(),
	);
	const half = packed.length / 2;
	const stream = new ReadableStream({
		start(controller) {
			controller.enqueue(packed.slice(0, half).buffer);
			controller.enqueue(new DataView(packed.buffer, half));
			controller.close();
		},
	});
	expect((await unpacked(stream)).below("/to")).toEqual({ f: "abc" });
});

test("an import that is aborted ends although its stream stays open, and cancels it", async () => {
	for (const chunks of [[], [new Uint8Array(1024).fill(1)]]) {
		const { stream, cancelled } = openStream(...chunks);
		const abort = new AbortController();
		const importing = importArchive(new Memory(), stream, "/to", { signal: abort.signal });
		setTimeout(() => abort.abort("enough"));
		await expect(importing).rejects.toBe("enough");
		expect(cancelled).toEqual(["enough"]);
	}
});

test("a stream that something else reads is refused, and one whose archive is refused is cancelled", async () => {
	const { stream } = openStream();
	stream.getReader();
	await expect(importArchive(new Memory(), stream, "/to")).rejects.toMatchObject({
		code: "invalid-option",
	});
	const bzip = new Uint8Array(1024);
	bzip.set(encoder.encode("BZh91AY&SY"));
	const other = openStream(bzip);
	await expect(importArchive(new Memory(), other.stream, "/to")).rejects.toMatchObject({
		code: "not-supported",
	});
	expect(other.cancelled).toHaveLength(1);
});

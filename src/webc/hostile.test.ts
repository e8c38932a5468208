/**
 * The table of hostile and broken input, row by row: each test takes a good container, breaks one
 * thing, and names the refusal.
 *
 * A version 3 container is written here as a list of parts, so that each part can be replaced by a
 * wrong one while everything around it (lengths, digests, offsets) stays right. What a test does not
 * break is therefore never the reason why it passes. One file, because it is one table.
 */
import { createHash } from "node:crypto";
import { describe, expect, test } from "vitest";
import { encodeMap } from "./encode.ts";
import type { WebcErrorCode } from "./error.ts";
import {
	type DirectoryDefinition,
	type Package,
	type ReadOptions,
	readPackage,
	WebcError,
	writePackage,
} from "./index.ts";

// --- notation: bytes ---

type Part = Uint8Array | string | number;

const sha = (bytes: Uint8Array) => new Uint8Array(createHash("sha256").update(bytes).digest());

/** Texts, byte values and bytes, one after the other. */
function cat(...parts: Part[]): Uint8Array {
	return new Uint8Array(
		Buffer.concat(
			parts.map((part) => (typeof part === "number" ? Buffer.of(part) : Buffer.from(part))),
		),
	);
}

function u64(value: number | bigint): Uint8Array {
	const bytes = Buffer.alloc(8);
	bytes.writeBigUInt64LE(BigInt(value));
	return new Uint8Array(bytes);
}

function counted(bytes: Uint8Array): Uint8Array {
	return cat(u64(bytes.length), bytes);
}

// --- notation: a volume of version 3 ---

const nothing = new Uint8Array(0);
const zeros = new Uint8Array(24);
const hello = cat("hello");

interface DirectoryParts {
	hash?: Uint8Array;
	length?: number | bigint;
	modified?: bigint;
}

function dir(entries: Uint8Array[], hashes: Uint8Array[], parts: DirectoryParts = {}): Uint8Array {
	const body = cat(...entries);
	const hash = parts.hash ?? sha(cat(...hashes));
	const times = cat(u64(0), u64(parts.modified ?? 0n), u64(0));
	return cat(30, u64(parts.length ?? 56 + body.length), times, hash, body);
}

function entry(
	child: number | bigint,
	hash: Uint8Array,
	name: Part,
	nameLength?: bigint,
): Uint8Array {
	const bytes = cat(name);
	return cat(u64(child), hash, u64(nameLength ?? bytes.length), bytes);
}

function file(
	start: number | bigint,
	end: number | bigint,
	hash = sha(hello),
	modified = 0n,
): Uint8Array {
	return cat(31, u64(start), u64(end), hash, u64(0), u64(modified), u64(0));
}

/** The header of a root with one entry, whose record follows. */
function one(
	record: Uint8Array,
	name: Part = "a",
	nameLength?: bigint,
	hash = sha(hello),
): Uint8Array {
	const child = 65 + 48 + cat(name).length;
	return cat(dir([entry(child, hash, name, nameLength)], [hash]), record);
}

// --- notation: a container of version 3 ---

interface Section {
	span?: { start?: number | bigint; len?: number | bigint };
	tag?: number;
	length?: number;
	hash?: Uint8Array;
	checksum?: unknown;
	payload: Uint8Array;
}

interface Container {
	manifest?: unknown;
	manifestSection?: Partial<Section>;
	header?: Uint8Array;
	data?: Uint8Array;
	name?: Part;
	/** After the volume's data. */
	stray?: Uint8Array;
	volume?: Partial<Section>;
	indexTag?: number;
	padding?: Uint8Array;
	index?: (index: Record<string, unknown>) => unknown;
	after?: Uint8Array;
}

const mapping = { from: null, volume_name: "/v", mount_path: "/v" };
const good = { package: { wapm: {}, fs: [mapping] } };

/** A container with the volume `/v`, which holds the file `a` with the content "hello". */
function v3(parts: Container = {}): Uint8Array {
	const header = parts.header ?? one(file(0, 5));
	const empty = cat(counted(dir([], [])), counted(nothing));
	const tree = cat(counted(cat(parts.name ?? "/v")), counted(header), counted(parts.data ?? hello));
	const manifest =
		parts.manifest instanceof Uint8Array ? parts.manifest : encodeMap(parts.manifest ?? good);
	const sections: Section[] = [
		{ tag: 1, payload: manifest, ...parts.manifestSection },
		{ tag: 3, payload: empty },
		{ tag: 4, payload: cat(tree, parts.stray ?? nothing), ...parts.volume },
	];
	const room = 600;
	let at = 17 + room;
	const entries = sections.map(({ payload, span, checksum }) => {
		const own = { start: at, len: 41 + payload.length, ...span };
		at += 41 + payload.length;
		const digest = { tag: "checksum-sha256", value: sha(payload) };
		return { span: own, checksum: checksum ?? digest };
	});
	const plain: Record<string, unknown> = {
		manifest: entries[0],
		atoms: entries[1],
		volumes: { "/v": entries[2] },
		signature: { tag: "signature-none", value: nothing },
	};
	const made = parts.index?.(plain) ?? plain;
	const index = made instanceof Uint8Array ? made : encodeMap(made);
	const padding = parts.padding ?? new Uint8Array(room - index.length);
	const bodies = sections.map(({ tag = 0, payload, length, hash }) =>
		cat(tag, hash ?? sha(payload), u64(length ?? payload.length), payload),
	);
	return cat(
		"\0webc003",
		parts.indexTag ?? 2,
		u64(room),
		index,
		padding,
		...bodies,
		parts.after ?? nothing,
	);
}

// --- notation: a container of version 1 ---

function leb(value: number): Uint8Array {
	const bytes: number[] = [];
	for (let left = value; ; left = Math.floor(left / 128)) {
		bytes.push((left % 128) + (left > 127 ? 128 : 0));
		if (left <= 127) return new Uint8Array(bytes);
	}
}

const framed = (bytes: Uint8Array) => cat(leb(bytes.length), bytes);

function v1Entry(
	name: Part,
	kind: number,
	start: number | bigint,
	end: number | bigint,
): Uint8Array {
	const bytes = cat(name);
	return cat(u64(bytes.length).subarray(0, 7), kind, u64(start), u64(end), bytes);
}

interface V1 {
	kind?: string;
	checksum?: Uint8Array;
	header?: Uint8Array;
	data?: Uint8Array;
	after?: Uint8Array;
	atoms?: Uint8Array;
}

/** A container with the volume `atom`, which holds the file `a` with the content "hello". */
function v1(parts: V1 = {}): Uint8Array {
	const header = parts.header ?? counted(v1Entry("a", 1, 0, 5));
	return cat(
		"\0webc001",
		parts.kind ?? "-".repeat(16),
		parts.checksum ?? new Uint8Array(256),
		new Uint8Array(4 + 1024),
		framed(encodeMap({})),
		parts.atoms ?? cat(1, 0),
		framed(cat("atom")),
		framed(cat(framed(header), parts.data ?? hello)),
		parts.after ?? nothing,
	);
}

// --- notation: verdicts ---

async function verdict(bytes: Uint8Array, options?: ReadOptions): Promise<string> {
	try {
		await readPackage(bytes, options);
		return "accepted";
	} catch (error) {
		if (!(error instanceof WebcError)) throw error;
		expect(error.message).toMatch(/\. [A-Z]/); // What is wrong, and then what to do.
		return error.code;
	}
}

type Row = readonly [string, Uint8Array, WebcErrorCode | "accepted", ReadOptions?];

function rows(table: readonly Row[]): void {
	for (const [name, bytes, expected, options] of table) {
		test(name, async () => {
			expect(await verdict(bytes, options)).toBe(expected);
		});
	}
}

function without(object: Record<string, unknown>, key: string): Record<string, unknown> {
	return Object.fromEntries(Object.entries(object).filter(([name]) => name !== key));
}

/** The same index with another entry for the volume. */
function volumeEntry(change: (entry: { span: object; checksum: object }) => unknown) {
	return (index: Record<string, unknown>) => {
		const volumes = index.volumes as Record<string, { span: object; checksum: object }>;
		const entry = volumes["/v"];
		if (!entry) throw new Error("the container of this test has a volume");
		return { ...index, volumes: { "/v": change(entry) } };
	};
}

const long = "n".repeat(5000);
const key = (name: string) => cat(0x60 + name.length, name);

test("what the tests break is good before", async () => {
	const found = await readPackage(v3());
	expect(found.volumes[0]?.tree.get("a")).toMatchObject({ length: 5, sha256: sha(hello) });
	expect((await readPackage(v1())).volumes[0]?.tree.get("a")).toMatchObject({ length: 5 });
});

describe("detection", () => {
	rows([
		["nothing at all", nothing, "bad-magic"],
		["seven bytes of a container", cat("\0webc00"), "bad-magic"],
		["something else", cat("PK\x03\x04 a zip"), "bad-magic"],
		["version 4", cat("\0webc004", new Uint8Array(2000)), "unknown-version"],
		["a version that is no number", cat("\0webcabc", new Uint8Array(2000)), "unknown-version"],
		["a bare module", cat("\0asm", 1, 0, 0, 0), "accepted"],
		["a head alone, v1", cat("\0webc001"), "truncated"],
		["a head alone, v2", cat("\0webc002"), "truncated"],
		["a head alone, v3", cat("\0webc003"), "truncated"],
		["gzip of nothing", new Uint8Array([0x1f, 0x8b, 8, 0, 0, 0, 0, 0]), "bad-archive"],
	]);
});

describe("the file and its sections", () => {
	const whole = v3();
	rows([
		["cut short by one byte", whole.subarray(0, whole.length - 1), "truncated"],
		["cut short in the index", whole.subarray(0, 300), "truncated"],
		["bytes after the last section", v3({ after: cat("junk") }), "accepted"],
		["bytes after the last volume, v1", v1({ after: cat("junk") }), "truncated"],
		["a zero after the last volume, v1", v1({ after: cat(0) }), "truncated"],
		["span beyond the end", v3({ volume: { span: { len: 9999 } } }), "truncated"],
		["span start at 2^53 - 1", v3({ volume: { span: { start: 2 ** 53 - 1 } } }), "overflow"],
		["span length at 2^60", v3({ volume: { span: { len: 2n ** 60n } } }), "overflow"],
		["negative start", v3({ volume: { span: { start: -1 } } }), "bad-index"],
		["fractional length", v3({ volume: { span: { len: 100.5 } } }), "bad-index"],
		[
			"two entries with one span",
			v3({
				index: (index) => {
					const volumes = index.volumes as Record<string, unknown>;
					return { ...index, volumes: { ...volumes, "/w": volumes["/v"] } };
				},
			}),
			"overlap",
		],
		["a section inside the index", v3({ volume: { span: { start: 20 } } }), "overlap"],
		["a wrong tag", v3({ volume: { tag: 3 } }), "bad-tag"],
		["no index at 8", v3({ indexTag: 1 }), "bad-tag"],
		["section longer than its span", v3({ volume: { length: 999 } }), "bad-length"],
		["section shorter than its span", v3({ volume: { length: 1 } }), "bad-length"],
		["span shorter than a head", v3({ volume: { span: { len: 40 } } }), "bad-length"],
		["payload not filled", v3({ stray: cat("stray") }), "bad-length"],
		["volume of another name", v3({ name: "/w" }), "bad-name"],
		["volume name not UTF-8", v3({ name: new Uint8Array([0xff, 0xfe]) }), "bad-name"],
		["wrong section hash", v3({ volume: { hash: sha(hello) } }), "checksum"],
		[
			"wrong section hash, not verified",
			v3({ volume: { hash: sha(hello) } }),
			"checksum",
			{ verify: false },
		],
		[
			"wrong hash in section and index",
			v3({
				volume: { hash: sha(hello), checksum: { tag: "checksum-sha256", value: sha(hello) } },
			}),
			"checksum",
		],
		[
			"no checksum in the index, wrong one in the section",
			v3({
				volume: { hash: sha(hello), checksum: { tag: "checksum-none", value: nothing } },
			}),
			"checksum",
		],
		[
			"no checksum in the index",
			v3({ volume: { checksum: { tag: "checksum-none", value: nothing } } }),
			"accepted",
		],
		["checksum of 31 bytes", v3({ volume: { checksum: checksumOf(31) } }), "bad-index"],
		[
			"checksum tag as integer",
			v3({ volume: { checksum: { tag: 21, value: sha(hello) } } }),
			"bad-index",
		],
		[
			"an entry without a span",
			v3({ index: volumeEntry(({ checksum }) => ({ checksum })) }),
			"bad-index",
		],
		["no signature", v3({ index: (index) => without(index, "signature") }), "bad-index"],
		["no volumes", v3({ index: (index) => without(index, "volumes") }), "bad-index"],
		["no atoms", v3({ index: (index) => without(index, "atoms") }), "bad-index"],
		["an unknown key", v3({ index: (index) => ({ ...index, extra: 1 }) }), "accepted"],
		[
			"an unknown signature",
			v3({ index: (index) => ({ ...index, signature: { tag: "signature-pgp", value: nothing } }) }),
			"bad-index",
		],
	]);

	test("padding may be anything", async () => {
		const padded = v3();
		const index = encodeMap({}).length; // Somewhere in the padding, past the index.
		padded.fill(0xff, 17 + 580 + index, 17 + 600);
		expect(await verdict(padded)).toBe("accepted");
	});
});

function checksumOf(length: number): unknown {
	return { tag: "checksum-sha256", value: new Uint8Array(length) };
}

describe("records of a volume", () => {
	const shared = cat(
		dir([entry(163, sha(hello), "a"), entry(163, sha(hello), "b")], [sha(hello), sha(hello)]),
		file(0, 5),
	);
	const twice = cat(
		dir([entry(163, sha(hello), "a"), entry(236, sha(hello), "b")], [sha(hello), sha(hello)]),
		file(0, 5),
		file(0, 5),
	);
	const sameName = cat(
		dir([entry(163, sha(hello), "a"), entry(236, sha(hello), "a")], [sha(hello), sha(hello)]),
		file(0, 5),
		file(0, 5),
	);
	const unsorted = cat(
		dir([entry(163, sha(hello), "b"), entry(236, sha(hello), "a")], [sha(hello), sha(hello)]),
		file(0, 5),
		file(0, 5),
	);
	const link = (target: Part) => cat(32, counted(cat(target)), new Uint8Array(32), zeros);
	rows([
		[
			"a file's wrong hash",
			v3({ header: one(file(0, 5, sha(cat("x"))), "a", undefined, sha(cat("x"))) }),
			"checksum",
		],
		[
			"an entry's wrong hash",
			v3({ header: one(file(0, 5), "a", undefined, sha(cat("x"))) }),
			"checksum",
		],
		[
			"a directory's wrong hash",
			v3({ header: cat(dir([entry(114, sha(hello), "a")], [], {}), file(0, 5)) }),
			"checksum",
		],
		["a directory that is its own child", v3({ header: one(nothing).fill(0, 65, 73) }), "overlap"],
		["two entries with one record", v3({ header: shared }), "overlap"],
		[
			"two entries with one record, and room for two",
			v3({ header: cat(shared, file(0, 5)) }),
			"overlap",
		],
		["two records with one content", v3({ header: twice }), "accepted"],
		[
			"a record inside another",
			v3({ header: one(cat(file(0, 5))).map((byte, i) => (i === 65 ? 9 : byte)) }),
			"bad-tag",
		],
		[
			"child outside the header",
			v3({ header: dir([entry(9999, sha(hello), "a")], [sha(hello)]) }),
			"bad-span",
		],
		[
			"child at 2^60",
			v3({ header: dir([entry(2n ** 60n, sha(hello), "a")], [sha(hello)]) }),
			"overflow",
		],
		["file end at 2^60", v3({ header: one(file(0, 2n ** 60n)) }), "overflow"],
		["file end beyond the data", v3({ header: one(file(0, 6)) }), "bad-span"],
		["file start after its end", v3({ header: one(file(5, 4)) }), "bad-span"],
		["file record cut short", v3({ header: one(file(0, 5).subarray(0, 60)) }), "truncated"],
		["directory longer than the header", v3({ header: dir([], [], { length: 57 }) }), "bad-length"],
		["directory length 2^60", v3({ header: dir([], [], { length: 2n ** 60n }) }), "overflow"],
		["directory shorter than its head", v3({ header: dir([], [], { length: 55 }) }), "bad-length"],
		["name crosses its directory", v3({ header: one(file(0, 5), "a", 2n) }), "truncated"],
		["name of 2^40 bytes", v3({ header: one(file(0, 5), "a", 2n ** 40n) }), "too-large"],
		["entry cut short", v3({ header: dir([new Uint8Array(20)], [sha(hello)]) }), "truncated"],
		["root is a file", v3({ header: file(0, 5) }), "bad-tag"],
		["no root", v3({ header: nothing }), "bad-span"],
		["unknown record", v3({ header: one(cat(99, zeros)) }), "bad-tag"],
		["duplicate names", v3({ header: sameName }), "duplicate-name"],
		["unsorted names", v3({ header: unsorted }), "accepted"],
		[
			"a modified time of 2^64 - 1",
			v3({ header: one(file(0, 5, sha(hello), 2n ** 64n - 1n)) }),
			"accepted",
		],
		["a link", v3({ header: one(link("target"), "l") }), "accepted"],
		["a link to nowhere", v3({ header: one(link("../../.."), "l") }), "accepted"],
		["a link with a NUL", v3({ header: one(link("a\0b"), "l") }), "bad-name"],
		["a link target not UTF-8", v3({ header: one(link(new Uint8Array([0xc0])), "l") }), "bad-name"],
		["a link target of 5000 bytes", v3({ header: one(link(long), "l") }), "too-large"],
	]);

	test("a modified time beyond dates is the last date", async () => {
		const found = await readPackage(v3({ header: one(file(0, 5, sha(hello), 2n ** 64n - 1n)) }));
		expect(found.volumes[0]?.tree.get("a")).toMatchObject({ modified: 8_640_000_000_000 });
	});

	describe("names", () => {
		const named = (name: Part) => v3({ header: one(file(0, 5), name) });
		rows([
			["empty", named(""), "bad-name"],
			[".", named("."), "bad-name"],
			["..", named(".."), "bad-name"],
			["with a slash", named("a/b"), "bad-name"],
			["that is a slash", named("/"), "bad-name"],
			["with a NUL", named("a\0b"), "bad-name"],
			["not UTF-8", named(new Uint8Array([0x61, 0xff])), "bad-name"],
			["with a surrogate", named(new Uint8Array([0xed, 0xa0, 0x80])), "bad-name"],
			["with a backslash", named("a\\b"), "accepted"],
			["with a colon", named("C:"), "accepted"],
			["with a byte order mark", named("\ufeffa"), "accepted"],
			["__proto__", named("__proto__"), "accepted"],
			["of 5000 bytes", named(long), "too-large"],
		]);
	});
});

describe("version 2", () => {
	const make = async () =>
		writePackage({
			format: 2,
			manifest: {},
			volumes: new Map([["atom", new Map([["a", hello]])]]),
		});

	test("has no links", async () => {
		const bytes = await make();
		const at = bytes.lastIndexOf(31);
		expect(at).toBeGreaterThan(0);
		const volume = Buffer.from(bytes).indexOf(cat("a", 31));
		bytes[volume + 1] = 32;
		expect(await verdict(bytes, { verify: false })).toBe("bad-tag");
	});

	test("a wrong index checksum, which is the only one", async () => {
		const bytes = await make();
		const content = Buffer.from(bytes).lastIndexOf("hello");
		bytes[content] = 0x48;
		expect(await verdict(bytes)).toBe("checksum");
		expect(await verdict(bytes, { verify: false })).toBe("accepted");
	});
});

describe("version 1", () => {
	const child = counted(v1Entry("a", 1, 0, 5));
	const nested = (start: number | bigint, end: number | bigint) =>
		cat(counted(v1Entry("d", 0, start, end)), child);
	const summed = (checksum: (bytes: Uint8Array) => Uint8Array) => {
		const bytes = v1({ kind: "sha256----------" });
		bytes.set(checksum(bytes), 24);
		return bytes;
	};
	rows([
		["a directory", v1({ header: nested(33, 66) }), "accepted"],
		["a right checksum", summed(sha), "accepted"],
		["a wrong checksum", summed(() => sha(hello)), "checksum"],
		["a wrong checksum, not verified", summed(() => sha(hello)), "accepted", { verify: false }],
		["an unknown checksum kind", v1({ kind: "crc32-----------" }), "unknown-version"],
		["a directory span that is not its table", v1({ header: nested(33, 65) }), "bad-length"],
		["a directory span that ends before it starts", v1({ header: nested(33, 2) }), "bad-length"],
		["a directory span beyond the header", v1({ header: nested(9999, 10031) }), "bad-span"],
		["a directory that is its own child", v1({ header: nested(0, 33) }), "overlap"],
		[
			"a directory inside another's entry",
			v1({ header: counted(cat(v1Entry("a", 1, 0, 0), v1Entry("d", 0, 16, 24))) }),
			"overlap",
		],
		[
			"an empty directory",
			v1({ header: counted(v1Entry("d", 0, 0, 0)), data: nothing }),
			"accepted",
		],
		["a file kind of 2", v1({ header: counted(v1Entry("a", 2, 0, 5)) }), "bad-tag"],
		["an empty file at the end", v1({ header: counted(v1Entry("a", 1, 5, 5)) }), "accepted"],
		["an empty file beyond the end", v1({ header: counted(v1Entry("a", 1, 6, 6)) }), "bad-span"],
		["a file beyond the end", v1({ header: counted(v1Entry("a", 1, 0, 6)) }), "bad-span"],
		[
			"a file that ends before it starts",
			v1({ header: counted(v1Entry("a", 1, 3, 2)) }),
			"bad-span",
		],
		["a file end at 2^60", v1({ header: counted(v1Entry("a", 1, 0, 2n ** 60n)) }), "overflow"],
		["a name with a slash", v1({ header: counted(v1Entry("a/b", 1, 0, 5)) }), "bad-name"],
		["a table longer than the header", v1({ header: u64(9999) }), "truncated"],
		["a table length of 2^60", v1({ header: u64(2n ** 60n) }), "overflow"],
		["a header that is too short for a table", v1({ header: cat(1, 2, 3) }), "truncated"],
		[
			"duplicate names",
			v1({ header: counted(cat(v1Entry("a", 1, 0, 5), v1Entry("a", 1, 0, 5))) }),
			"duplicate-name",
		],
		[
			"unsorted names",
			v1({ header: counted(cat(v1Entry("b", 1, 0, 1), v1Entry("a", 1, 1, 5))) }),
			"accepted",
		],
		["two volumes of one name", v1({ after: cat(framed(cat("atom")), 1, 0) }), "duplicate-name"],
		["LEB128 of 11 bytes", v1({ atoms: cat(...Array(10).fill(0x80), 0x01) }), "overflow"],
		["LEB128 above 2^53", v1({ atoms: cat(...Array(9).fill(0xff), 0x01) }), "overflow"],
		["LEB128 that is not minimal", v1({ atoms: cat(0x81, 0x80, 0x00, 0) }), "accepted"],
		["a length beyond the file", v1({ atoms: cat(leb(99999)) }), "truncated"],
		["a header longer than its volume", v1({ atoms: cat(1, 5) }), "bad-length"],
		["an atoms volume without a header length", v1({ atoms: cat(0) }), "bad-length"],
	]);
});

describe("CBOR", () => {
	const raw = (...parts: Part[]) => v3({ manifest: cat(...parts) });
	rows([
		["not a map", raw(0x80), "bad-cbor"],
		["nothing", raw(), "bad-cbor"],
		["trailing garbage", raw(0xa0, 0x00), "bad-cbor"],
		["a duplicate key", raw(0xa2, key("x"), 1, key("x"), 2), "bad-cbor"],
		["a duplicate key below", raw(0xa1, key("x"), 0xa2, key("y"), 1, key("y"), 2), "bad-cbor"],
		["an integer as key", raw(0xa1, 1, 1), "bad-cbor"],
		["a map as key", raw(0xa1, 0xa0, 1), "bad-cbor"],
		["text that is not UTF-8", raw(0xa1, key("x"), 0x61, 0xff), "bad-cbor"],
		["a key that is not UTF-8", raw(0xa1, 0x61, 0xff, 1), "bad-cbor"],
		["text longer than the rest", raw(0xa1, key("x"), 0x7b, 0, 0, 0, 0xff, 0, 0, 0, 0), "bad-cbor"],
		["bytes of 2^64 - 1", raw(0xa1, key("x"), 0x5b, ...Array(8).fill(0xff)), "bad-cbor"],
		["an array of 2^32 - 1 items", raw(0xa1, key("x"), 0x9a, 0xff, 0xff, 0xff, 0xff), "bad-cbor"],
		["a map of 2^53 - 1 items", raw(0xbb, 0, 0x1f, ...Array(6).fill(0xff)), "bad-cbor"],
		["a break for a value", raw(0xbf, key("x"), 0xff), "bad-cbor"],
		["a break at the top", raw(0xff), "bad-cbor"],
		["a break in a counted array", raw(0xa1, key("x"), 0x82, 1, 0xff), "bad-cbor"],
		["a reserved length", raw(0xa1, key("x"), 0x1c), "bad-cbor"],
		["a tag without content", raw(0xa1, key("x"), 0xc1), "bad-cbor"],
		["a million arrays", raw(0xa1, key("x"), new Uint8Array(1_000_000).fill(0x81), 1), "bad-cbor"],
		["a million tags", raw(0xa1, key("x"), new Uint8Array(1_000_000).fill(0xc1), 1), "bad-cbor"],
		[
			"a million open chunks",
			raw(0xa1, key("x"), new Uint8Array(1_000_000).fill(0x7f)),
			"bad-cbor",
		],
		["chunks of another type", raw(0xa1, key("x"), 0x7f, 0x41, 0x61, 0xff), "bad-cbor"],
		["indefinite lengths", raw(0xbf, key("x"), 0x9f, 1, 2, 0xff, 0xff), "accepted"],
		["text in chunks", raw(0xa1, key("x"), 0x7f, key("ab"), key("c"), 0xff), "accepted"],
		["bytes in chunks", raw(0xa1, key("x"), 0x5f, 0x41, 1, 0x42, 2, 3, 0xff), "accepted"],
		["a tag", raw(0xa1, key("x"), 0xc1, 1), "accepted"],
		["an integer above 2^53", raw(0xa1, key("x"), 0x1b, ...Array(8).fill(0xff)), "accepted"],
		["floats", raw(0xa1, key("x"), 0xfb, ...Array(8).fill(0x41)), "accepted"],
		["256 levels", raw(0xa1, key("x"), new Uint8Array(255).fill(0x81), 1), "accepted"],
	]);

	test("values come out as they went in", async () => {
		const bytes = raw(
			...[
				0xa4,
				key("a"),
				0x7f,
				key("ab"),
				key("c"),
				0xff,
				key("b"),
				0x5f,
				0x41,
				1,
				0x42,
				2,
				3,
				0xff,
			],
			...[key("c"), 0x1b, ...Array(8).fill(0xff), key("d"), 0xc1, 0x63, 0xef, 0xbb, 0xbf],
		);
		expect({ ...((await readPackage(bytes)).manifest as object) }).toEqual({
			a: "abc",
			b: new Uint8Array([1, 2, 3]),
			c: 2n ** 64n - 1n,
			d: "\ufeff",
		});
	});

	test("keys of the prototype are keys like others", async () => {
		const bytes = raw(0xa2, key("__proto__"), 0xa1, key("x"), 1, key("constructor"), 2);
		const manifest = (await readPackage(bytes)).manifest as Record<string, unknown>;
		expect(Object.getPrototypeOf(manifest)).toBeNull();
		expect(Object.keys(manifest)).toEqual(["__proto__", "constructor"]);
		expect(({} as Record<string, unknown>).x).toBeUndefined();
	});
});

describe("the manifest", () => {
	const runner = "https://webc.org/runner/wasi";
	const signature = `sha256:${Buffer.from(sha(hello)).toString("base64")}`;
	const kind = "https://webc.org/kind/wasm";
	const manifest = (value: unknown) => v3({ manifest: value });
	const command = (value: unknown) => manifest({ commands: { c: value } });
	const atom = (value: unknown) => manifest({ atoms: { a: value } });
	const mapped = (value: object) => manifest({ package: { fs: [{ ...mapping, ...value }] } });
	rows([
		["empty", manifest({}), "accepted"],
		["unknown keys", manifest({ origin: "x", extra: [1] }), "accepted"],
		["a command", command({ runner, annotations: {} }), "accepted"],
		["without annotations", command({ runner }), "bad-manifest"],
		["without a runner", command({ annotations: {} }), "bad-manifest"],
		["wasi without atom", command({ runner, annotations: { wasi: {} } }), "bad-manifest"],
		["atom as text", command({ runner, annotations: { atom: "a" } }), "bad-manifest"],
		["two colons", command({ runner, annotations: { wasi: { atom: "a:b:c" } } }), "bad-manifest"],
		[
			"env as a map",
			command({ runner, annotations: { wasi: { atom: "a", env: {} } } }),
			"bad-manifest",
		],
		[
			"null where nothing is",
			command({ runner, annotations: { wasi: { atom: "a", env: null, "main-args": null } } }),
			"accepted",
		],
		[
			"an unknown runner",
			command({ runner: "https://example.com/x", annotations: {} }),
			"accepted",
		],
		["fs null", manifest({ package: { fs: null } }), "bad-manifest"],
		["fs empty", manifest({ package: { fs: [] } }), "accepted"],
		["an atom", atom({ kind, signature }), "accepted"],
		["kind not a URL", atom({ kind: "wasm", signature }), "bad-manifest"],
		["signature in hex", atom({ kind, signature: `sha256:${"00".repeat(32)}` }), "bad-manifest"],
		["signature too short", atom({ kind, signature: "sha256:AAAA" }), "bad-manifest"],
		["signature missing", atom({ kind }), "bad-manifest"],
		["a mapping to a missing volume", mapped({ volume_name: "v" }), "missing-volume"],
		["a mapping from an unknown alias", mapped({ from: "nobody" }), "unknown-alias"],
		[
			"a mapping from an alias",
			manifest({ use: { d: "n/d@1" }, package: { fs: [{ ...mapping, from: "d" }] } }),
			"accepted",
		],
		["a mount path that leaves the root", mapped({ mount_path: "/a/../.." }), "bad-mount-path"],
		["a mount path with a NUL", mapped({ mount_path: "/a\0" }), "bad-mount-path"],
		[
			"a mapping without a mount path",
			manifest({ package: { fs: [{ volume_name: "/v" }] } }),
			"bad-manifest",
		],
		["a dependency by path", manifest({ use: { d: "./d" } }), "bad-manifest"],
		["a dependency that is a number", manifest({ use: { d: 1 } }), "bad-manifest"],
		["a vendored dependency without a name", manifest({ use: { d: {} } }), "bad-manifest"],
		["commands as a list", manifest({ commands: [] }), "bad-manifest"],
	]);

	test("an atom that its signature does not fit", async () => {
		const good = { kind, signature };
		const atoms = new Map([["a", cat("other")]]);
		for (const format of [1, 2, 3] as const) {
			const bytes = await writePackage({ format, manifest: { atoms: { a: good } }, atoms });
			expect(await verdict(bytes)).toBe("checksum");
		}
	});
});

describe("limits", () => {
	const deep = async (format: 1 | 2 | 3, depth: number) => {
		let tree: DirectoryDefinition = new Map();
		for (let i = 0; i < depth; i++) tree = new Map([["d", tree]]);
		return writePackage({ format, manifest: {}, volumes: new Map([["atom", tree]]) });
	};

	test.each([1, 2, 3] as const)("directories nest 256 deep in version %i", async (format) => {
		expect(await verdict(await deep(format, 256))).toBe("accepted");
		expect(await verdict(await deep(format, 258))).toBe("too-deep");
	});

	rows([
		["index", v3(), "too-large", { caps: { index: 599 } }],
		["manifest", v3(), "too-large", { caps: { manifest: 10 } }],
		["manifest, v1", v1(), "too-large", { caps: { manifest: 0 } }],
		["header", v3(), "too-large", { caps: { header: 64 } }],
		["header, v1", v1(), "too-large", { caps: { header: 32 } }],
		["entries", v3(), "too-large", { caps: { entries: 0 } }],
		["entries, v1", v1(), "too-large", { caps: { entries: 0 } }],
		["names", v3(), "too-large", { caps: { name: 0 } }],
	]);

	test("files that overlap by half are not digested for ever", async () => {
		const data = new Uint8Array(4000);
		const names = Array.from({ length: 200 }, (_, i) => `file${i}`);
		const spans = names.map((_, i) => data.subarray(i, 4000 - i));
		const size = names.reduce((sum, name) => sum + 48 + name.length, 65);
		const header = cat(
			dir(
				names.map((name, i) => entry(size + 73 * i, sha(spans[i] ?? data), name)),
				spans.map(sha),
			),
			...spans.map((span, i) => file(i, 4000 - i, sha(span))),
		);
		expect(await verdict(v3({ header, data }))).toBe("overlap");
		expect(await verdict(v3({ header, data }), { verify: false })).toBe("accepted");
	});
});

test("an error says what, where and what to do", async () => {
	const header = one(file(0, 6));
	const error: WebcError = await readPackage(v3({ header })).then(
		(_: Package) => expect.fail("accepted"),
		(error) => error,
	);
	expect(error).toMatchObject({ code: "bad-span", section: 'volume "/v"' });
	expect(error.offset).toBeGreaterThan(600);
	expect(error.message).toMatch(/^A file ends at 6 of 5 data bytes in volume "\/v" at byte \d+\. /);
});

/**
 * Stores that answer what no store should, and names that one cannot hold.
 *
 * What makes no sense is EIO for the call that needs it, and the page hears of it; nothing that a store says may
 * end the program, take memory without bound, or pass for the contents of a file.
 */
import { describe, expect, test } from "vitest";
import { EEXIST, EFBIG, EINVAL, EIO, ENAMETOOLONG, ENOENT, type Errno } from "../abi/errno.ts";
import { text } from "../fs/conformance.testkit.ts";
import { emptyEntry, emptyStat, type INode } from "../fs/node.ts";
import type { Listing } from "../store/store.ts";
import { DelayedBridge, DelayedStore } from "./delayed-store.testkit.ts";
import { StoreFileSystem, type StoreFsOptions } from "./store-fs.ts";

/** A store that answers whatever it is told to. */
class Liar extends DelayedStore {
	listing: unknown = [];
	bytes: unknown = new Uint8Array(0);

	override list(): Listing[] | Errno {
		return this.listing as Listing[];
	}

	override read(): Uint8Array | Errno {
		return this.bytes as Uint8Array;
	}
}

function lying(listing: unknown, bytes?: unknown, options: StoreFsOptions = {}) {
	const store = new Liar();
	Object.assign(store, { listing, bytes });
	const bridge = new DelayedBridge(store);
	const told: [path: string, error: Errno, why: string][] = [];
	const nonsense = (...what: (typeof told)[number]) => told.push(what);
	const events = { refused() {}, pending() {}, nonsense };
	const fs = new StoreFileSystem(bridge, store.far, { ...options, events });
	const names = () => {
		const found: string[] = [];
		const entry = emptyEntry();
		const next = (from: number) => bridge.run(() => fs.root.readdir(from, entry));
		for (let cursor = next(0); cursor > 0; cursor = next(cursor)) found.push(entry.name);
		return found;
	};
	const find = (name: string) => bridge.run(() => fs.root.lookup(name));
	return { store, bridge, fs, names, find, told };
}

const file = (name: unknown, more: object = {}) => ({
	name,
	type: "file",
	size: 1,
	modified: 1e12,
	...more,
});

describe("listings", () => {
	test("only what a program could ask for is shown, and once; the page hears of the rest", () => {
		const wrong = [
			"",
			".",
			"..",
			"a/b",
			"/",
			"n\0ul",
			"half \ud800",
			"x".repeat(256),
			"x".repeat(4096),
		];
		const types = [undefined, null, 7, {}, ["a"], () => "a", Symbol("a"), 7n];
		const right = [
			"__proto__",
			"constructor",
			"toString",
			"a",
			"ä".repeat(127),
			"🦀",
			" ",
			"\u202e",
		];
		const all = [...wrong, ...right, "a", ...types].map((name) => file(name));
		const odd = [null, undefined, 5, "a string", []];
		const { names, find, told } = lying([...odd, ...all, file("a", { type: "directory" })]);
		expect(names()).toEqual(right);
		expect(find("a")).toMatchObject({ type: "file" });
		for (const name of ["..", "half \ud800"]) expect(find(name)).toBe(ENOENT);
		expect(told).toEqual([["/", EIO, expect.stringContaining("with the name")]]);
	});

	test.each([undefined, null, true, "names", {}, { length: 3 }])(
		"%s is no listing: EIO",
		(listing) => {
			const { fs, bridge, find } = lying(listing);
			expect(find("a")).toBe(EIO);
			expect(bridge.run(() => fs.root.readdir(0, emptyEntry()))).toBe(EIO);
			expect(bridge.run(() => fs.root.create("a", "file"))).toBe(EIO);
		},
	);

	test.each([
		...[-1, -5, Number.NaN, Number.POSITIVE_INFINITY, 1.5, "7", "10", null, undefined, 10n, {}].map(
			(size) => [size, EIO] as const,
		),
		...[2 ** 53, 2 ** 60].map((size) => [size, EFBIG] as const),
	])("a file with a size of %s is listed, and no call gets it: %s", (size, error) => {
		const { fs, bridge, names, find, told } = lying([file("f", { size }), file("g")]);
		expect(names()).toEqual(["f", "g"]);
		expect(find("f")).toBe(error);
		expect(find("g")).toMatchObject({ type: "file" });
		expect(bridge.run(() => fs.root.create("f", "file"))).toBe(EEXIST);
		expect(told).toEqual([["/f", error, expect.stringContaining("with the size")]]);
		// Nothing was lost: a program that syncs has no part in it.
		expect(bridge.run(() => fs.sync())).toBe(0);
	});

	test("a size that is too large for memory takes none", () => {
		const { bridge, find } = lying([file("f", { size: Number.MAX_SAFE_INTEGER })]);
		const node = find("f") as INode;
		expect(node.size()).toBe(Number.MAX_SAFE_INTEGER);
		expect(bridge.run(() => node.read(new Uint8Array(8), 0, 8, 2 ** 52))).toBe(EIO);
	});

	test.each([
		["type", { type: undefined }],
		["type", { type: "device" }],
		["modified", { modified: Number.NaN }],
		["modified", { modified: "1" }],
		["modified", { modified: undefined }],
		["modified", { modified: 7n }],
		["modified", { modified: 1e300 }],
		["times", { times: null }],
		["times", { times: { accessed: -1n, modified: 1n } }],
		["times", { times: { accessed: 1n, modified: 1n << 64n } }],
		["times", { times: { accessed: 1n, modified: 5 } }],
		["id", { id: null }],
		["id", { id: {} }],
		["id", { id: Number.NaN }],
		["file", { file: Number.NaN }],
		["file", { file: {} }],
		["links", { file: 1, links: -3 }],
		["links", { file: 1, links: 2 ** 60 }],
		["target", { type: "symlink", target: 7 }],
	])("a listing whose %s makes no sense is EIO, and the page hears of it", (what, more) => {
		const { names, find, told } = lying([file("f", more), file("g")]);
		expect(names()).toEqual(["f", "g"]);
		expect(find("f")).toBe(EIO);
		expect(find("g")).toMatchObject({ type: "file" });
		expect(told).toEqual([["/f", EIO, expect.stringContaining(`with the ${what} `)]]);
	});

	test("times before the first second of 1970 are that second", () => {
		const { find, told } = lying([file("f", { modified: -1 }), file("g", { modified: 0 })]);
		for (const name of ["f", "g"]) {
			const stat = emptyStat();
			(find(name) as INode).stat(stat);
			expect(stat.modified).toBe(1_000_000_000n);
		}
		expect(told).toEqual([]);
	});

	test("a store that comes to its senses, or loses them, is believed from then on", () => {
		const { fs, bridge, store, find, told } = lying([file("f", { size: -5 }), file("g")]);
		store.bytes = new TextEncoder().encode("x");
		expect(find("f")).toBe(EIO);
		const look = (listing: unknown) => {
			store.listing = listing;
			fs.changed(["/"]);
			while (bridge.turn());
		};
		look([file("f", { size: -5 }), file("g", { size: "1" })]);
		expect([find("f"), find("g")]).toEqual([EIO, EIO]);
		expect(told.map(([path]) => path)).toEqual(["/f", "/g"]);
		look([file("f"), file("g")]);
		for (const name of ["f", "g"]) expect(bridge.run(() => text(find(name) as INode))).toBe("x");
		expect(told).toHaveLength(2);
	});

	test("a symlink that says not where it leads leads nowhere", () => {
		const { find } = lying([file("s", { type: "symlink" })]);
		expect((find("s") as INode).readlink()).toBe(ENOENT);
	});

	test("a hundred thousand entries are listed by a small buffer, whatever comes and goes meanwhile", () => {
		const many = Array.from({ length: 100_000 }, (_, i) => file(`f${i}`));
		const { bridge, fs } = lying(many);
		const seen = new Set<string>();
		const entry = emptyEntry();
		let cursor = bridge.run(() => fs.root.readdir(0, entry));
		for (let i = 0; cursor > 0; i++) {
			seen.add(entry.name);
			if (i % 1000 === 0 && i < many.length) {
				expect(fs.root.remove(`f${i}`, "file")).toBe(0);
				expect(fs.root.create(`new${i}`, "file")).toMatchObject({ type: "file" });
			}
			// A program may come back with a cursor of long ago.
			if (i === 50_000) expect(fs.root.readdir(10, entry)).toBe(11);
			cursor = fs.root.readdir(cursor, entry);
		}
		expect([...seen].filter((name) => !name.startsWith("new")).length).toBe(100_000);
	});
});

describe("contents", () => {
	const hello = new TextEncoder().encode("hello");

	test.each([undefined, null, true, "hello", [[1, 2, 3, 4, 5]], new ArrayBuffer(5), {}])(
		"%s are no bytes: EIO",
		(bytes) => {
			const { bridge, find } = lying([file("f", { size: 5 })], bytes);
			expect(bridge.run(() => text(find("f") as INode))).toBe(EIO);
		},
	);

	test("fewer bytes than were listed are EIO, and not zeros; the next try may do better", () => {
		const { bridge, find, store } = lying([file("f", { size: 9 })], hello);
		const node = find("f") as INode;
		expect(bridge.run(() => text(node))).toBe(EIO);
		store.bytes = new TextEncoder().encode("all of it");
		expect(bridge.run(() => text(node))).toBe("all of it");
	});

	test("what there is of several blocks is used", () => {
		const { bridge, find } = lying([file("f", { size: 12 })], hello, { block: 4 });
		const node = find("f") as INode;
		expect(bridge.run(() => node.read(new Uint8Array(4), 0, 4, 0))).toBe(4);
		// The store gives five bytes from wherever it is asked.
		expect(bridge.run(() => node.read(new Uint8Array(4), 0, 4, 8))).toBe(4);
	});

	test("more bytes than were asked for are passed over", () => {
		const { bridge, find } = lying([file("f", { size: 5 })], new Uint8Array(1 << 20).fill(65));
		expect(bridge.run(() => text(find("f") as INode))).toBe("AAAAA");
	});
});

describe("names that cannot be", () => {
	const names = { longest: 20, refused: /^con$|[:]/i };

	test("are refused by the call that would make them", () => {
		const { fs, bridge, store } = lying([file("f")], undefined, {
			names,
			extras: ["symlink", "link"],
		});
		const f = bridge.run(() => fs.root.lookup("f")) as INode;
		const refused: [string, Errno][] = [
			["x".repeat(21), ENAMETOOLONG],
			["ä".repeat(11), ENAMETOOLONG],
			["CON", EINVAL],
			["a:b", EINVAL],
			["half \ud800", EINVAL],
			["nul\0", EINVAL],
			["..", EINVAL],
			["", EINVAL],
		];
		for (const [name, error] of refused) {
			expect(fs.root.create(name, "file"), name).toBe(error);
			expect(fs.root.create(name, "directory"), name).toBe(error);
			expect(fs.root.symlink(name, "f"), name).toBe(error);
			expect(fs.root.link(name, f), name).toBe(error);
			expect(fs.root.rename("f", fs.root, name), name).toBe(error);
		}
		expect(fs.root.create("f", "file")).toBe(EEXIST);
		expect(bridge.run(() => fs.sync())).toBe(0);
		expect([...store.items.keys()]).toEqual(["/"]);
	});

	test("what the store does not speak of is left to it", () => {
		const { fs, bridge } = lying([]);
		bridge.run(() => fs.root.lookup("x"));
		expect(fs.root.create("con", "file")).toMatchObject({ type: "file" });
		expect(fs.root.create("x".repeat(255), "file")).toMatchObject({ type: "file" });
		expect(fs.root.create("x".repeat(256), "file")).toBe(ENAMETOOLONG);
	});
});

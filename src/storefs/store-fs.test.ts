import { expect, test } from "vitest";
import { EFBIG, EIO, ENOSPC, EPERM, PENDING } from "../abi/errno.ts";
import { text } from "../fs/conformance.testkit.ts";
import { emptyStat, type INode } from "../fs/node.ts";
import { DelayedBridge, DelayedStore } from "./delayed-store.testkit.ts";
import { StoreFileSystem, type StoreFsOptions } from "./store-fs.ts";

function remote(files: Record<string, string>, options: StoreFsOptions = {}) {
	const store = new DelayedStore(files);
	const bridge = new DelayedBridge(store);
	const fs = new StoreFileSystem(bridge, store.far, { now: () => 2_000_000_000n, ...options });
	const find = (name: string) => bridge.run(() => fs.root.lookup(name)) as INode;
	const put = (node: INode, content: string, position: number) => {
		const bytes = new TextEncoder().encode(content);
		return bridge.run(() => node.write(bytes, 0, bytes.length, position));
	};
	return { store, bridge, fs, find, put };
}

function made(fs: StoreFileSystem, bridge: DelayedBridge, name: string): INode {
	return bridge.run(() => fs.root.create(name, "file")) as INode;
}

test("a guest goes on at once after a change, and sync waits for the store", () => {
	const { store, bridge, fs, find, put } = remote({ "/f": "old" });
	const f = find("f");
	bridge.run(() => text(f));
	expect(f.write(Uint8Array.of(78), 0, 1, 0)).toBe(1);
	expect(text(f)).toBe("Nld");
	expect(String.fromCharCode(...(store.items.get("/f")?.bytes ?? []))).toBe("old");
	expect(fs.sync()).toBe(PENDING);
	expect(bridge.run(() => fs.sync())).toBe(0);
	expect(String.fromCharCode(...(store.items.get("/f")?.bytes ?? []))).toBe("Nld");
	expect(put(f, "!", 3)).toBe(1);
	f.closed();
	expect(bridge.run(() => f.sync())).toBe(0);
	expect(store.items.get("/f")?.bytes?.length).toBe(4);
});

test("writes that follow each other become one, also when nobody closes the file", () => {
	const { store, bridge, fs, put } = remote({});
	const f = bridge.run(() => fs.root.create("f", "file")) as INode;
	const before = bridge.asked;
	for (let i = 0; i < 100; i++) put(f, "0123456789", i * 10);
	expect(bridge.asked).toBe(before);
	while (bridge.turn());
	expect(bridge.asked).toBe(before + 1);
	expect(store.items.get("/f")?.bytes?.length).toBe(1000);
});

/** What `apply` was asked to do, a word for each change, a string for each call. */
function applied(store: DelayedStore): string[] {
	const calls: string[] = [];
	const real = store.apply.bind(store);
	store.apply = (changes, durable) => {
		calls.push(changes.map(({ call, path }) => `${call} ${path}`).join(", "));
		return real(changes, durable);
	};
	return calls;
}

test("a sync makes what goes to the store durable on its way, and asks again only for what went before", () => {
	const { store, bridge, fs, put } = remote({}, { extras: ["apply", "sync"] });
	const hard: boolean[] = [];
	const real = store.apply.bind(store);
	let syncs = 0;
	store.apply = (changes, durable = false) => {
		hard.push(durable);
		return real(changes, durable);
	};
	const realSync = store.sync.bind(store);
	store.sync = () => {
		syncs += 1;
		return realSync();
	};
	const f = made(fs, bridge, "g");
	put(f, "one", 0);
	expect(bridge.run(() => f.sync())).toBe(0);
	// The name went at once, before anybody asked for more; the bytes went with the sync.
	expect([hard, syncs]).toEqual([[false, true], 0]);
	expect(bridge.run(() => f.sync())).toBe(0);
	expect([hard.length, syncs]).toEqual([2, 0]);
	put(f, "two", 0);
	f.closed();
	while (bridge.turn());
	expect(bridge.run(() => f.sync())).toBe(0);
	expect([hard, syncs]).toEqual([[false, true, false], 1]);
});

test("what is done while the store is busy goes to it at once", () => {
	const { store, bridge, fs, put } = remote({}, { extras: ["apply", "sync"] });
	const calls = applied(store);
	const nodes = ["a", "b", "c"].map((name) => made(fs, bridge, name));
	for (const node of nodes) put(node, "text", 0);
	expect(bridge.run(() => fs.sync())).toBe(0);
	expect(calls).toEqual(["make /a", "make /b, make /c, write /a, write /b, write /c"]);
	expect(store.synced).toBe(1);
	expect(bridge.run(() => fs.sync())).toBe(0);
	expect([calls.length, store.synced]).toEqual([2, 1]);
});

test("a name that is used again waits until the store has let it go", () => {
	const { store, bridge, fs, put } = remote({ "/a": "old" }, { extras: ["apply"] });
	const calls = applied(store);
	const b = made(fs, bridge, "b");
	expect(bridge.run(() => fs.root.remove("a", "file"))).toBe(0);
	const a = made(fs, bridge, "a");
	put(a, "new", 0);
	put(b, "b", 0);
	expect(bridge.run(() => fs.sync())).toBe(0);
	expect(calls).toEqual(["make /b", "remove /a", "make /a, write /a, write /b"]);
});

test("an empty file that is cut to nothing, and times that stay, are no change", () => {
	const { store, bridge, fs } = remote({ "/f": "" }, { extras: ["apply", "utimes"] });
	const calls = applied(store);
	const f = bridge.run(() => fs.root.lookup("f")) as INode;
	expect([f.truncate(0), f.setTimes(null, null)]).toEqual([0, 0]);
	const g = made(fs, bridge, "g");
	expect(g.truncate(0)).toBe(0);
	expect(bridge.run(() => fs.sync())).toBe(0);
	expect(calls).toEqual(["make /g"]);
});

test("what the store refuses is reported once, by the next sync of the file or of all", () => {
	const { store, bridge, fs, find, put } = remote({ "/f": "x", "/g": "y" });
	const [f, g] = [find("f"), find("g")];
	put(f, "new", 0);
	store.failNext = ENOSPC;
	expect(bridge.run(() => g.sync())).toBe(0);
	expect(bridge.run(() => f.sync())).toBe(ENOSPC);
	expect(bridge.run(() => f.sync())).toBe(0);
	put(f, "again", 0);
	store.failNext = EIO;
	expect(bridge.run(() => fs.sync())).toBe(EIO);
	expect(bridge.run(() => fs.sync())).toBe(0);
	expect(bridge.run(() => f.sync())).toBe(0);
});

test("a writer waits while too much is underway", () => {
	const { bridge, fs, put } = remote({}, { underway: 10, block: 8 });
	const f = bridge.run(() => fs.root.create("f", "file")) as INode;
	const bytes = new Uint8Array(64).fill(65);
	expect(f.write(bytes, 0, 64, 0)).toBe(10);
	expect(f.write(bytes, 0, 64, 10)).toBe(PENDING);
	expect(put(f, "z", f.size())).toBe(1);
});

test("a large file is read in blocks, ahead when it is read in order, and forgotten again", () => {
	const content = "0123456789".repeat(20);
	const { bridge, fs, find } = remote({ "/f": content }, { block: 8, cache: 32 });
	const f = find("f");
	const asked = bridge.asked;
	const bytes = new Uint8Array(content.length);
	for (let at = 0; at < bytes.length; ) at += bridge.run(() => f.read(bytes, at, 7, at));
	expect(String.fromCharCode(...bytes)).toBe(content);
	expect(bridge.asked - asked).toBeLessThanOrEqual(Math.ceil(content.length / 32) + 2);
	expect(fs.used).toBeLessThan(1024);
});

test("a failing read is an error, and asked again the next time", () => {
	const { store, bridge, find } = remote({ "/f": "text" });
	const f = find("f");
	const item = store.items.get("/f");
	store.items.delete("/f");
	expect(bridge.run(() => text(f))).toBeLessThan(0);
	if (item !== undefined) store.items.set("/f", item);
	expect(bridge.run(() => text(f))).toBe("text");
});

test("a store has no links, and its names are not trusted", () => {
	const { bridge, fs, find } = remote({ "/f": "x", "/..": "y", "/a\0": "z" });
	expect(bridge.run(() => fs.root.symlink("l", "f"))).toBe(EPERM);
	expect(fs.root.link("l", find("f"))).toBe(EPERM);
	expect(find("..")).toBeLessThan(0);
	expect(find("a\0")).toBeLessThan(0);
	const stat = emptyStat();
	find("f").stat(stat);
	expect([stat.size, stat.modified]).toEqual([1, 1_700_000_000_000_000_000n]);
});

/** A store with /a/f and /b/g, two names of one file, and a cache that knows nothing yet. */
function linked() {
	const { store, ...rest } = remote({ "/a/f": "text" }, { extras: ["symlink", "link", "utimes"] });
	store.items.set("/a", { bytes: null });
	store.items.set("/b", { bytes: null });
	store.link("/a/f", "/b/g");
	const { bridge, fs } = rest;
	const at = (directory: string, name: string) =>
		bridge.run(() => {
			const found = fs.root.lookup(directory);
			return typeof found === "number" ? found : found.lookup(name);
		}) as INode;
	return { store, at, ...rest };
}

function linksOf(node: INode): number {
	const stat = emptyStat();
	node.stat(stat);
	return stat.links;
}

test("two names of one file in the store are one node, whichever is met first", () => {
	const { bridge, at, find } = linked();
	const g = at("b", "g");
	expect(linksOf(g)).toBe(2);
	expect(at("a", "f")).toBe(g);
	expect(linksOf(g)).toBe(2);
	expect(bridge.run(() => find("a").remove("f", "file"))).toBe(0);
	expect([linksOf(g), at("b", "g") === g]).toEqual([1, true]);
});

test("an open file that loses the only name we know is found by another", () => {
	const { store, bridge, fs, at, find, put } = linked();
	const f = at("a", "f");
	f.handles += 1;
	expect(bridge.run(() => find("a").remove("f", "file"))).toBe(0);
	expect([linksOf(f), at("b", "g") === f]).toEqual([1, true]);
	put(f, "more", 4);
	expect(bridge.run(() => fs.sync())).toBe(0);
	expect(String.fromCharCode(...(store.items.get("/b/g")?.bytes ?? []))).toBe("textmore");
});

test("a closed file that loses the only name we know keeps what was written to it", () => {
	const { store, bridge, fs, at, find, put } = linked();
	const asked = () => bridge.asked;
	put(at("a", "f"), "T", 0);
	const before = asked();
	expect(find("a").remove("f", "file")).toBe(0);
	while (bridge.turn());
	// What was gathered, and the removal: nothing had to be looked for.
	expect(asked()).toBe(before + 2);
	expect(bridge.run(() => text(at("b", "g")))).toBe("Text");
	expect(bridge.run(() => fs.sync())).toBe(0);
	expect([...store.items.keys()].sort()).toEqual(["/", "/a", "/b", "/b/g"]);
});

test("a store that promises more names than it has loses no open file", () => {
	const { bridge, store, at, find } = linked();
	store.items.delete("/b/g");
	const real = store.list.bind(store);
	store.list = (path) => {
		const listings = real(path);
		return typeof listings === "number" ? listings : listings.map((one) => ({ ...one, links: 5 }));
	};
	const f = at("a", "f");
	f.handles += 1;
	expect(bridge.run(() => find("a").remove("f", "file"))).toBe(0);
	expect([bridge.run(() => text(f)), linksOf(f)]).toEqual(["text", 0]);
});

test("times that are set reach the store after what was written before", () => {
	const { store, bridge, fs, find, put } = remote({ "/f": "x" }, { extras: ["utimes"] });
	const f = find("f");
	put(f, "new", 0);
	expect(f.setTimes(5n, null)).toBe(0);
	expect(bridge.run(() => fs.sync())).toBe(0);
	const item = store.items.get("/f");
	expect(item?.times).toEqual({ accessed: 5n, modified: 2_000_000_000n });
	expect(item?.bytes?.length).toBe(3);
});

test("a writer that never stops keeps nobody from syncing what was there before", () => {
	for (const extras of [[], ["apply", "sync"]] as const) {
		const { store, bridge, fs, put } = remote({}, { block: 8, extras });
		const [f, other] = [made(fs, bridge, "f"), made(fs, bridge, "other")];
		put(f, "before", 0);
		let written = 0;
		const request = {};
		const sync = () => {
			written += put(other, "0123456789abcdef", written);
			other.closed();
			return fs.sync(request);
		};
		expect(bridge.run(sync)).toBe(0);
		expect(String.fromCharCode(...(store.items.get("/f")?.bytes ?? []))).toBe("before");
		// It did not stop, and is ahead of the store.
		expect(written).toBeGreaterThan(store.items.get("/other")?.bytes?.length ?? 0);
	}
});

test("closing tells of a failure that is known, once, and does not wait for others", () => {
	const { store, bridge, fs, put } = remote({});
	const f = made(fs, bridge, "f");
	expect(bridge.run(() => fs.sync())).toBe(0);
	put(f, "x", 0);
	store.failNext = ENOSPC;
	// Its failure is not known yet.
	expect(f.closed()).toBe(0);
	while (bridge.turn());
	expect(f.closed()).toBe(ENOSPC);
	expect(f.closed()).toBe(0);
	expect(bridge.run(() => f.sync())).toBe(0);
	expect(store.items.get("/f")?.bytes?.length).toBe(1);
	// The same where it is the file that the store would not make.
	store.failNext = ENOSPC;
	const g = made(fs, bridge, "g");
	put(g, "x", 0);
	while (bridge.turn());
	expect([g.closed(), g.closed(), g.closed()]).toEqual([ENOSPC, 0, 0]);
});

test("what is read in order is asked for in longer and longer pieces, what is not block by block", () => {
	const store = new DelayedStore();
	store.items.set("/f", { bytes: new Uint8Array(100 * 8) });
	const asked: number[] = [];
	const real = store.read.bind(store);
	store.read = (path, offset, length) => {
		asked.push(length / 8);
		return real(path, offset, length);
	};
	const bridge = new DelayedBridge(store);
	const fs = new StoreFileSystem(bridge, store.far, { block: 8 });
	const f = bridge.run(() => fs.root.lookup("f")) as INode;
	const read = (block: number) => bridge.run(() => f.read(new Uint8Array(8), 0, 8, block * 8));
	for (let block = 0; block < 60; block++) expect(read(block)).toBe(8);
	expect(asked).toEqual([4, 8, 16, 16, 16]);
	asked.length = 0;
	for (const block of [90, 70, 80]) read(block);
	expect(asked).toEqual([1, 1, 1]);
	// Somebody reads on from there.
	for (let block = 81; block < 90; block++) read(block);
	expect(asked.slice(3)).toEqual([2, 4, 3]);
});

test("a size that the store can never have is EFBIG when it is asked for, and nothing is sent", () => {
	const { store, bridge, fs, find, put } = remote({ "/f": "text" }, { largest: 1000 });
	const f = find("f");
	expect([f.truncate(1001), f.truncate(2 ** 53 - 1), put(f, "x", 1000)]).toEqual([
		EFBIG,
		EFBIG,
		EFBIG,
	]);
	expect(put(f, "x", 2 ** 53 - 2)).toBe(EFBIG);
	expect([f.size(), bridge.run(() => fs.sync()), store.items.get("/f")?.bytes?.length]).toEqual([
		4, 0, 4,
	]);
	// What fits is written, as far as it fits.
	expect([f.truncate(1000), put(f, "xyz", 998), f.size()]).toEqual([0, 2, 1000]);
	expect(bridge.run(() => fs.sync())).toBe(0);
	expect(store.items.get("/f")?.bytes?.length).toBe(1000);
});

test("a file that the store has although it is larger can be read, cut and written over", () => {
	const { fs, bridge, find, put } = remote({ "/f": "0123456789" }, { largest: 4 });
	const f = find("f");
	expect(bridge.run(() => text(f))).toBe("0123456789");
	expect([put(f, "ab", 0), put(f, "x", 6), f.truncate(11), f.truncate(10), f.truncate(7)]).toEqual([
		2,
		1,
		EFBIG,
		0,
		0,
	]);
	expect(bridge.run(() => fs.sync())).toBe(0);
});

/**
 * A file that others remove, or put another in the place of, while a program has it open. Whatever the
 * program reads is of the file that it has opened, and what it writes never comes into the other one: the
 * store is told which file is meant.
 */
import { describe, expect, test } from "vitest";
import { EACCES, EEXIST, EIO, ENOENT, ESTALE } from "../abi/errno.ts";
import { text } from "../fs/conformance.testkit.ts";
import { Namespace } from "../fs/namespace.ts";
import { emptyStat, type INode } from "../fs/node.ts";
import * as tree from "../fs/operations.ts";
import type { StoreExtra } from "../store/store.ts";
import { DelayedBridge, DelayedStore } from "./delayed-store.testkit.ts";
import { StoreFileSystem } from "./store-fs.ts";

const encode = (content: string) => new TextEncoder().encode(content);
const OLD = "a".repeat(40);
const NEW = "b".repeat(48);

/** A file system in blocks of 8 bytes, on a store that can tell its files apart. */
function shared(files: Record<string, string | null>, extras: readonly StoreExtra[] = ["apply"]) {
	const store = new DelayedStore(files);
	store.identifies = true;
	const { put } = store;
	const bridge = new DelayedBridge(store);
	const told: string[] = [];
	const reports = {
		refused: (path: string, error: number) => told.push(`${path} ${error}`),
		conflict() {},
		pending() {},
		nonsense() {},
	};
	const fs = new StoreFileSystem(bridge, store.far, { block: 8, extras, events: reports });
	const find = (path: string): INode => {
		const names = path.split("/").filter(Boolean);
		// Each look may have to wait for what others have changed, from the root on.
		return bridge.run(() => {
			let node: INode | number = fs.root;
			for (const name of names) {
				node = node.lookup(name);
				if (typeof node === "number") return node as unknown as INode;
			}
			return node;
		});
	};
	/** A descriptor on a file. */
	const open = (path: string): INode => {
		const node = find(path);
		node.handles += 1;
		return node;
	};
	/** Others replace a file, by a rename; the cache has not heard of it. */
	const replace = (path: string, content: string) => {
		put("/tmp", content);
		expect(store.rename("/tmp", path)).toBeUndefined();
	};
	const rest = () => {
		while (bridge.turn());
	};
	const hear = (...paths: string[]) => {
		fs.changed(paths);
		rest();
	};
	const read = (node: INode, at: number, length = 8) => {
		const bytes = new Uint8Array(length);
		const count = bridge.run(() => node.read(bytes, 0, length, at));
		return count < 0 ? count : String.fromCharCode(...bytes.subarray(0, count));
	};
	const write = (node: INode, content: string, at = 0) =>
		bridge.run(() => node.write(encode(content), 0, content.length, at));
	const stored = (path: string) => String.fromCharCode(...(store.items.get(path)?.bytes ?? []));
	const sync = () => bridge.run(() => fs.sync());
	const fsync = (node: INode) => bridge.run(() => node.sync());
	return {
		...{
			store,
			bridge,
			fs,
			find,
			open,
			put,
			replace,
			rest,
			hear,
			read,
			write,
			stored,
			sync,
			fsync,
		},
		told,
	};
}

for (const heard of [false, true]) {
	const when = heard ? "has been heard of" : "has not been heard of yet";

	test(`what is read of a replaced file is the old one, or stale: it ${when}`, () => {
		const { open, find, replace, hear, read, bridge } = shared({ "/f": OLD });
		const f = open("f");
		expect(read(f, 0)).toBe("aaaaaaaa");
		replace("/f", NEW);
		if (heard) hear("/f", "/tmp");
		expect([read(f, 0), read(f, 32)]).toEqual(["aaaaaaaa", ESTALE]);
		// And a program that opens it now gets the new one.
		const next = find("f");
		expect(next).not.toBe(f);
		expect(bridge.run(() => text(next))).toBe(NEW);
		expect([read(f, 0), read(f, 32)]).toEqual(["aaaaaaaa", ESTALE]);
	});

	test(`what is written through a descriptor does not come into the new file: it ${when}`, () => {
		for (const extras of [["apply"], []] as const) {
			const { open, find, replace, hear, write, read, stored, fsync, sync, rest, bridge } = shared(
				{ "/f": OLD },
				extras,
			);
			const f = open("f");
			expect(read(f, 0)).toBe("aaaaaaaa");
			replace("/f", NEW);
			if (heard) hear("/f", "/tmp");
			expect(write(f, "XXXXXXXX", 8)).toBe(heard ? ESTALE : 8);
			expect(fsync(f)).toBe(heard ? 0 : ESTALE);
			rest();
			expect(write(f, "XXXXXXXX", 8)).toBe(ESTALE);
			expect(bridge.run(() => f.truncate(3))).toBe(ESTALE);
			expect(stored("/f")).toBe(NEW);
			// It has been told: what is changed after that is none of its business.
			expect(sync()).toBe(0);
			expect(bridge.run(() => text(find("f")))).toBe(NEW);
		}
	});
}

test("what was written and not sent when a file is replaced is told by each sync of it, and once by all", () => {
	const { open, replace, hear, read, write, stored, sync, fsync, told } = shared({ "/f": OLD });
	const f = open("f");
	read(f, 0);
	write(f, "XXXXXXXX", 8);
	replace("/f", NEW);
	hear("/f", "/tmp");
	expect([read(f, 0), read(f, 8), read(f, 32)]).toEqual(["aaaaaaaa", "XXXXXXXX", ESTALE]);
	expect([sync(), sync()]).toEqual([ESTALE, 0]);
	expect([fsync(f), fsync(f)]).toEqual([ESTALE, ESTALE]);
	expect(told).toEqual([`/f ${ESTALE}`]);
	expect(stored("/f")).toBe(NEW);
});

test("a file of which nothing has been read yet is the one that is at its path when it is", () => {
	const { open, replace, read, bridge, hear, stored, write, fsync } = shared({ "/f": OLD });
	const f = open("f");
	replace("/f", NEW);
	expect(read(f, 0)).toBe("bbbbbbbb");
	expect(bridge.run(() => text(f))).toBe(NEW);
	const g = open("f");
	expect(g).toBe(f);
	expect(write(f, "c".repeat(8))).toBe(8);
	expect(fsync(f)).toBe(0);
	expect(stored("/f")).toBe("c".repeat(8) + NEW.slice(8));
	replace("/f", OLD);
	hear("/f", "/tmp");
	expect(read(f, 0)).toBe("c".repeat(8));
});

test("a file that is replaced faster than it is looked at is stale in the end", () => {
	const { open, replace, read, store } = shared({ "/f": OLD });
	const f = open("f");
	const real = store.read.bind(store);
	store.read = (...args) => {
		replace("/f", NEW);
		return real(...args);
	};
	expect(read(f, 0)).toBe(ESTALE);
});

test("a file that was made here is not mistaken for the one that others put in its place", () => {
	const { open, fs, bridge, replace, hear, write, stored, fsync, sync, rest } = shared({});
	const f = bridge.run(() => fs.root.create("f", "file")) as INode;
	f.handles += 1;
	write(f, "ours");
	expect(sync()).toBe(0);
	replace("/f", NEW);
	write(f, "OURS");
	expect(fsync(f)).toBe(ESTALE);
	rest();
	expect(stored("/f")).toBe(NEW);
	hear("/");
	expect(bridge.run(() => text(open("f")))).toBe(NEW);
	expect(bridge.run(() => text(f))).toBe("OURS");
});

test("removed and made again under its name, it is another file", () => {
	const { open, store, put, hear, read, write, fsync, stored } = shared({ "/f": OLD });
	const f = open("f");
	read(f, 0);
	store.items.delete("/f");
	put("/f", NEW);
	expect(read(f, 32)).toBe(ESTALE);
	hear("/f");
	expect([read(f, 0), read(f, 32), write(f, "x")]).toEqual(["aaaaaaaa", ESTALE, ESTALE]);
	expect([fsync(f), stored("/f")]).toEqual([0, NEW]);
});

test("what is written to a file that others removed can be read, and its sync tells that it is nowhere", () => {
	const { open, find, store, hear, read, write, fsync, sync, bridge } = shared({
		"/f": "aaaaaaaabbbbbbbbcccccccc",
	});
	const f = open("f");
	read(f, 20, 4);
	store.items.delete("/f");
	hear("/f");
	expect(find("f")).toBe(ENOENT);
	expect(fsync(f)).toBe(0);
	expect(write(f, "ZZZZZ", 1)).toBe(5);
	expect([read(f, 1, 5), read(f, 1, 20), read(f, 0), read(f, 6), read(f, 16)]).toEqual([
		"ZZZZZ",
		"ZZZZZ",
		ESTALE,
		ESTALE,
		"cccccccc",
	]);
	expect([fsync(f), fsync(f), sync()]).toEqual([ESTALE, ESTALE, 0]);
	expect(bridge.run(() => f.truncate(3))).toBe(0);
	expect(write(f, "!", 6)).toBe(1);
	expect([read(f, 1), read(f, 0)]).toEqual(["ZZ\0\0\0!", ESTALE]);
	expect(bridge.run(() => f.truncate(9))).toBe(0);
	expect(read(f, 5)).toBe("\0!\0\0");
	const stat = emptyStat();
	f.stat(stat);
	expect([stat.size, stat.links]).toEqual([9, 0]);
});

test("a directory above an open file that others move away takes the file along", () => {
	const { open, find, store, put, hear, read, write, fsync, stored, bridge } = shared({
		"/d": null,
		"/d/f": OLD,
	});
	const f = open("d/f");
	read(f, 0);
	store.rename("/d", "/e");
	put("/d", null);
	put("/d/f", NEW);
	write(f, "XXXXXXXX", 8);
	expect([fsync(f), stored("/d/f"), stored("/e/f")]).toEqual([ESTALE, NEW, OLD]);
	expect([read(f, 0), read(f, 32)]).toEqual(["aaaaaaaa", ESTALE]);
	hear("/d", "/e");
	expect([read(f, 0), read(f, 32)]).toEqual(["aaaaaaaa", ESTALE]);
	expect(bridge.run(() => text(find("d/f")))).toBe(NEW);
	expect(bridge.run(() => text(find("e/f")))).toBe(OLD);
});

test("a directory that is gone is found to be gone when a file in it is read, before anything is heard", () => {
	const { open, find, store, read } = shared({ "/d": null, "/d/e": null, "/d/e/f": OLD });
	const f = open("d/e/f");
	read(f, 0);
	store.rename("/d", "/x");
	expect([read(f, 0), read(f, 32)]).toEqual(["aaaaaaaa", ESTALE]);
	expect(find("d/e/f")).toBe(ENOENT);
	expect(find("x/e/f")).toMatchObject({ type: "file" });
});

test("what is made in a directory that others have removed, or moved into it, is told so", () => {
	const { fs, store, bridge, find, put, hear } = shared({ "/d": null, "/e": null, "/f": OLD });
	const ns = new Namespace(fs);
	find("d");
	store.items.delete("/d");
	store.items.delete("/e");
	const made = () => tree.open(ns, ns.root, "d/new", true, tree.CREATE, true);
	expect(bridge.run(made)).toBe(ENOENT);
	expect(bridge.run(() => tree.rename(ns, ns.root, "f", ns.root, "e/f"))).toBe(ENOENT);
	put("/d", null);
	hear("/d");
	expect(bridge.run(made)).toMatchObject({ type: "file" });
});

test("of two names of a file that others replace one, the other still leads to it", () => {
	const extras = ["apply", "link"] as const;
	const { open, fs, bridge, replace, hear, read, write, fsync, sync, stored, store } = shared(
		{ "/f": OLD },
		extras,
	);
	const f = open("f");
	bridge.run(() => fs.root.link("g", f));
	expect(sync()).toBe(0);
	read(f, 0);
	replace("/f", NEW);
	hear("/f", "/tmp");
	expect([read(f, 0), read(f, 32)]).toEqual(["aaaaaaaa", "aaaaaaaa"]);
	write(f, "XXXXXXXX", 8);
	expect([fsync(f), stored("/f"), stored("/g").slice(8, 16)]).toEqual([0, NEW, "XXXXXXXX"]);
	store.items.delete("/g");
	hear("/g");
	expect([read(f, 0), fsync(f)]).toEqual(["aaaaaaaa", 0]);
});

test("what this side renames is still the file that it was", () => {
	const { open, fs, bridge, write, read, fsync, stored } = shared({ "/f": OLD, "/g": NEW });
	const f = open("f");
	read(f, 0);
	expect(bridge.run(() => fs.root.rename("f", fs.root, "g"))).toBe(0);
	write(f, "XXXXXXXX", 8);
	expect([fsync(f), stored("/g")]).toEqual([0, `aaaaaaaaXXXXXXXX${OLD.slice(16)}`]);
	expect(read(f, 32)).toBe("aaaaaaaa");
});

test("what is made again, for others have removed it, is the new file", () => {
	const { open, store, hear, read, write, fsync, sync, stored } = shared({ "/f": "abc" });
	const f = open("f");
	read(f, 0);
	store.failNext = EIO;
	write(f, "xyz");
	expect(fsync(f)).toBe(EIO);
	store.items.delete("/f");
	hear("/f");
	sync();
	expect([sync(), stored("/f")]).toEqual([0, "xyz"]);
	write(f, "123");
	expect([fsync(f), stored("/f")]).toEqual([0, "123"]);
});

test("a store that tells nothing of its files goes on as ever", () => {
	const { store, open, replace, hear, read, write, fsync, stored } = shared({ "/f": OLD });
	store.identifies = false;
	const f = open("f");
	read(f, 0);
	replace("/f", NEW);
	hear("/f", "/tmp");
	expect([read(f, 0), write(f, "x"), fsync(f)]).toEqual(["bbbbbbbb", 1, 0]);
	expect(stored("/f")).toBe(`x${NEW.slice(1)}`);
});

describe("a file that is made where one is already", () => {
	test("by others meanwhile is not written into theirs, however often it is tried", () => {
		const { store, fs, bridge, put, stored, write, sync, find, told } = shared({ "/g": "g" });
		find("g");
		const f = fs.root.create("f", "file") as INode;
		put("/f", "theirs");
		write(f, "ours");
		for (let i = 0; i < 3; i++) expect([sync(), stored("/f")]).toEqual([EEXIST, "theirs"]);
		expect(told).toEqual([`/f ${EEXIST}`]);
		expect(bridge.run(() => text(f))).toBe("ours");
		store.items.delete("/f");
		sync();
		expect([sync(), stored("/f")]).toEqual([0, "ours"]);
	});

	test("by others, in a directory that could not be made at first, neither", () => {
		const { store, fs, bridge, put, stored, write, sync, find } = shared({ "/g": "g" });
		find("g");
		store.failNext = EACCES;
		const d = fs.root.create("d", "directory") as INode;
		expect(sync()).toBe(EACCES);
		const f = bridge.run(() => d.create("f", "file")) as INode;
		write(f, "ours");
		put("/d", null);
		put("/d/f", "theirs");
		for (let i = 0; i < 3; i++) sync();
		expect([sync(), stored("/d/f")]).toEqual([EEXIST, "theirs"]);
	});

	test("by an earlier try whose answer was lost is ours, and only that one is written", () => {
		const { store, fs, put, rest, stored, write, sync, find } = shared({ "/g": "g" });
		find("g");
		const { apply } = store;
		store.apply = (...of) => apply.call(store, ...of).map(() => "EIO");
		const f = fs.root.create("f", "file") as INode;
		expect(sync()).toBe(EIO);
		store.apply = apply;
		expect([sync(), stored("/f")]).toEqual([0, ""]);
		rest();
		put("/f", "theirs");
		write(f, "ours");
		expect([sync(), stored("/f")]).toEqual([ESTALE, "theirs"]);
	});
});

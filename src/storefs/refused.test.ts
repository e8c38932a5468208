/**
 * What a store has refused, while others change what lies around it, and while it is listed again. Nothing
 * that is only here goes, nothing that has been removed or renamed here comes back, and what others have
 * made is seen when it is over.
 */
import { expect, test } from "vitest";
import { EIO, ENOENT, ENOSPC } from "../abi/errno.ts";
import { list, snapshot, text } from "../fs/conformance.testkit.ts";
import type { INode } from "../fs/node.ts";
import { DelayedBridge, DelayedStore } from "./delayed-store.testkit.ts";
import { StoreFileSystem } from "./store-fs.ts";

let time = 1_000_000_000n;

/** A file system on a store with these files, all of which are in the cache. */
function mounted(files: Record<string, string | null>) {
	const store = new DelayedStore(files);
	const bridge = new DelayedBridge(store);
	const fs = new StoreFileSystem(bridge, store.far, {
		now: () => ++time,
		block: 8,
		extras: ["apply", "utimes"],
	});
	const run = <T>(call: () => T) => bridge.run(call);
	run(() => snapshot(fs.root));
	const find = (path: string) =>
		run(() => {
			let node: INode | number = fs.root;
			for (const name of path.split("/")) {
				if (typeof node !== "number") node = node.lookup(name);
			}
			return node as INode;
		});
	const sync = () => run(() => fs.sync());
	const rest = () => {
		while (bridge.turn());
	};
	const write = (node: INode, content: string) =>
		run(() => node.write(new TextEncoder().encode(content), 0, content.length, 0));
	return { store, bridge, fs, run, find, sync, rest, write };
}

test("a listing that was asked for before refused names are sent again takes none of them away", () => {
	const { store, fs, run, rest, sync, find, write } = mounted({ "/old": "1", "/gone": "2" });
	store.failNext = ENOSPC;
	const made = run(() => fs.root.create("made", "file")) as INode;
	write(made, "bytes");
	expect(sync()).toBe(ENOSPC);
	store.failNext = ENOSPC;
	expect(run(() => fs.root.rename("old", fs.root, "new"))).toBe(0);
	rest();
	store.failNext = ENOSPC;
	expect(run(() => fs.root.remove("gone", "file"))).toBe(0);
	rest();
	// Others have made something, and it is on its way while everything is sent again.
	fs.changed(["/theirs"]);
	fs.sync();
	fs.sync();
	rest();
	expect(find("made")).toBe(made);
	expect(run(() => list(fs.root))).toEqual(["new", "made"]);
	sync();
	expect(sync()).toBe(0);
	expect(store.contents).toEqual({ "/new": "1", "/made": "bytes" });
});

test("a question that is put again asks for the path that the directory has then", () => {
	const { store, fs, run, rest, find, bridge } = mounted({ "/d": null, "/d/f": "mine", "/x": "" });
	const d = find("d");
	// A removal is refused while a listing of `d` is on its way, and `d` is renamed meanwhile.
	store.failNext = EIO;
	expect(run(() => fs.root.remove("x", "file"))).toBe(0);
	fs.changed(["/d/theirs"]);
	expect(fs.root.rename("d", fs.root, "e")).toBe(0);
	const other = fs.root.create("d", "directory");
	expect(typeof other).toBe("object");
	rest();
	expect(run(() => list(d))).toEqual(["f"]);
	expect(bridge.run(() => text(find("e/f")))).toBe("mine");
});

test("a size that is sent again is not taken back by a listing that was asked for before", () => {
	const { store, fs, run, rest, sync, find } = mounted({ "/f": "plain" });
	const f = find("f");
	store.failNext = EIO;
	expect(run(() => f.truncate(12))).toBe(0);
	expect(sync()).toBe(EIO);
	fs.changed(["/theirs"]);
	fs.sync();
	rest();
	expect(run(() => text(f))).toBe(`plain${"\0".repeat(7)}`);
	expect([sync(), store.contents["/f"]?.length]).toEqual([0, 12]);
});

test("times that were refused stay, and are sent with the next sync", () => {
	for (const name of ["f", "d"]) {
		const { store, fs, run, rest, sync, find } = mounted({ "/f": "plain", "/d": null });
		store.failNext = EIO;
		expect(run(() => find(name).setTimes(5n, 6n))).toBe(0);
		rest();
		fs.changed([`/${name}`]);
		rest();
		sync();
		expect(sync()).toBe(0);
		expect(store.items.get(`/${name}`)?.times).toEqual({ accessed: 5n, modified: 6n });
	}
});

test("what others make below a name that is refused is seen once it is not any more", () => {
	const { store, fs, run, rest, sync, find, bridge } = mounted({ "/d": null, "/d/f": "old" });
	store.failNext = EIO;
	expect(run(() => fs.root.rename("d", fs.root, "e"))).toBe(0);
	rest();
	store.put("/d/theirs", "new");
	store.put("/d/f", "changed");
	fs.changed(["/d/theirs", "/d/f"]);
	rest();
	sync();
	expect(sync()).toBe(0);
	rest();
	expect(run(() => list(find("e")))).toEqual(["f", "theirs"]);
	expect(bridge.run(() => text(find("e/f")))).toBe("changed");
});

test("what others change at a path while it is renamed here is seen at the new one", () => {
	const { store, fs, run, rest, find, bridge } = mounted({ "/a": "aaaa", "/d": null });
	store.put("/a", "bbbb");
	expect(run(() => fs.root.rename("a", find("d"), "b"))).toBe(0);
	fs.changed(["/a"]);
	rest();
	expect(bridge.run(() => text(find("d/b")))).toBe("bbbb");
});

for (const content of ["", "bytes"]) {
	test(`others remove the directory of a refused file with ${content.length} bytes`, () => {
		const { store, fs, run, rest, sync, find, write } = mounted({ "/d": null, "/x": "" });
		store.failNext = ENOSPC;
		const f = run(() => find("d").create("f", "file")) as INode;
		if (content !== "") write(f, content);
		expect(sync()).toBe(ENOSPC);
		store.items.delete("/d");
		fs.changed(["/d"]);
		rest();
		for (let i = 0; i < 4; i++) sync();
		expect(sync()).toBe(0);
		expect(store.contents).toEqual(
			content === "" ? { "/x": "" } : { "/x": "", "/d": null, "/d/f": content },
		);
	});
}

test("a listing that no call has taken is asked for again where others have changed something", () => {
	const { store, fs, run, rest } = mounted({});
	store.put("/d", null);
	fs.changed(["/d"]);
	rest();
	const d = fs.root.lookup("d") as INode;
	// The call waits, and its program is ended.
	expect(d.lookup("f")).toBeLessThan(0);
	rest();
	store.put("/d/f", "new");
	fs.changed(["/d/f"]);
	expect(run(() => list(d))).toEqual(["f"]);
	expect(run(() => d.lookup("g"))).toBe(ENOENT);
});

test("a file that is found made, and whose renaming is refused, is not taken for the one it replaces", () => {
	const { store, fs, run, rest, sync, write } = mounted({ "/a": "other" });
	store.identifies = true;
	const { apply } = store;
	// Made, but the answer is lost.
	store.apply = (...of) => apply.call(store, ...of).map(() => "EIO");
	const d = run(() => fs.root.create("d", "file")) as INode;
	rest();
	store.apply = apply;
	expect(sync()).toBe(EIO);
	store.rename = () => EIO;
	expect(run(() => fs.root.rename("d", fs.root, "a"))).toBe(0);
	sync();
	sync();
	rest();
	Reflect.deleteProperty(store, "rename");
	write(d, "mine");
	sync();
	expect([sync(), store.contents]).toEqual([0, { "/a": "mine" }]);
});

test("a file that was renamed and removed here before the store could make it is not left there", () => {
	const { store, fs, run, rest, sync, find } = mounted({ "/d": "file" });
	store.failNext = EIO;
	expect(run(() => fs.root.rename("d", fs.root, "b"))).toBe(0);
	rest();
	run(() => fs.root.create("d", "directory"));
	run(() => find("d").create("a", "file"));
	expect(run(() => find("d").rename("a", fs.root, "b"))).toBe(0);
	expect(run(() => fs.root.remove("b", "file"))).toBe(0);
	const { make } = store;
	store.make = (path, type) => (path === "/d/a" ? EIO : make.call(store, path, type));
	for (let i = 0; i < 3; i++) sync();
	store.make = make;
	for (let i = 0; i < 3; i++) sync();
	expect([sync(), store.contents]).toEqual([0, { "/d": null }]);
});

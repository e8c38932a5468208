/**
 * What others change in a store while it is mounted: seen where nothing is only here, and never
 * overwritten unseen where something is.
 */
import { describe, expect, test } from "vitest";
import { EACCES, EIO, ENOENT, ENOSPC, ESTALE, PENDING } from "../abi/errno.ts";
import { list, text } from "../fs/conformance.testkit.ts";
import type { INode } from "../fs/node.ts";
import type { StoreExtra } from "../store/store.ts";
import { DelayedBridge, DelayedStore } from "./delayed-store.testkit.ts";
import { StoreFileSystem } from "./store-fs.ts";

const encode = (content: string) => new TextEncoder().encode(content);

function shared(files: Record<string, string | null>, extras: readonly StoreExtra[] = []) {
	const store = new DelayedStore(files);
	const { put } = store;
	const bridge = new DelayedBridge(store);
	const told: string[] = [];
	const reports = {
		refused: (path: string, error: number) => told.push(`${path} ${error}`),
		pending() {},
		nonsense() {},
	};
	const fs = new StoreFileSystem(bridge, store.far, { block: 8, extras, events: reports });
	bridge.conflict = (path, kept) => {
		told.push(`${path} ${kept}`);
		fs.changed([kept]);
	};
	const find = (path: string): INode => {
		let node: INode | number = fs.root;
		for (const name of path.split("/").filter(Boolean)) {
			const at = node as INode;
			node = bridge.run(() => at.lookup(name));
		}
		return node as INode;
	};
	/** Others change something, and the cache has heard of it. */
	const others = (...paths: string[]) => {
		fs.changed(paths);
		while (bridge.turn());
	};
	const read = (node: INode) => bridge.run(() => text(node));
	const write = (node: INode, content: string, at = 0) =>
		bridge.run(() => node.write(encode(content), 0, content.length, at));
	const stored = (path: string) => String.fromCharCode(...(store.items.get(path)?.bytes ?? []));
	const sync = () => bridge.run(() => fs.sync());
	return { store, bridge, fs, find, others, read, write, put, told, stored, sync };
}

test("an open file shows what others have written, and its directory what they made", () => {
	const { store, find, others, read, put, bridge } = shared({
		"/d": null,
		"/d/f": "old",
		"/g": "g",
	});
	const f = find("d/f");
	const g = find("g");
	f.handles += 1;
	expect([read(f), read(g)]).toEqual(["old", "g"]);
	put("/d/f", "longer than before");
	put("/d/new", "n");
	put("/e", null);
	put("/e/deep", "x");
	store.items.delete("/g");
	others("/d/f", "/d/new", "/e/deep", "/g");
	expect([read(f), find("d/f") === f]).toEqual(["longer than before", true]);
	expect(read(find("d/new"))).toBe("n");
	expect(read(find("e/deep"))).toBe("x");
	expect([find("g"), bridge.run(() => list(find("")))]).toEqual([ENOENT, ["d", "e"]]);
});

test("a path stands for all below it, and what nobody has looked at costs nothing", () => {
	const { find, others, read, put, bridge } = shared({ "/d": null, "/d/e": null, "/d/e/f": "1" });
	const asked = bridge.asked;
	others("/", "/d/e/f");
	expect(bridge.asked).toBe(asked);
	const f = find("d/e/f");
	expect(read(f)).toBe("1");
	put("/d/e/f", "2");
	others("");
	expect(read(f)).toBe("2");
});

test("a file that others remove goes on with what is here of it, and what is not is stale", () => {
	const content = "0123456789".repeat(10);
	const { store, find, others, read, bridge } = shared({ "/f": content, "/g": "all" });
	const f = find("f");
	const g = find("g");
	f.handles += 1;
	g.handles += 1;
	const bytes = new Uint8Array(100);
	expect(bridge.run(() => f.read(bytes, 0, 5, 0))).toBe(5);
	expect(read(g)).toBe("all");
	store.items.delete("/f");
	store.items.delete("/g");
	others("/f", "/g");
	expect(find("f")).toBe(ENOENT);
	expect(bridge.run(() => f.read(bytes, 0, 5, 0))).toBe(5);
	expect(bridge.run(() => f.read(bytes, 0, 5, 90))).toBe(ESTALE);
	expect(read(g)).toBe("all");
});

test("what is only here stays: others' version is looked at again once ours is there", () => {
	const { fs, find, others, read, write, put, stored, sync } = shared({ "/f": "0123456789" });
	const f = find("f");
	read(f);
	write(f, "OURS", 2);
	put("/f", "theirs, and longer");
	fs.changed(["/f"]);
	expect(text(f)).toBe("01OURS6789");
	expect(sync()).toBe(0);
	others();
	expect(stored("/f")).toBe("thOURS, and longer");
	expect(read(f)).toBe("thOURS, and longer");
});

test("what is only here is made again where others have removed it, with its directory", () => {
	const { store, find, others, write, stored, sync, bridge } = shared({
		"/d": null,
		"/d/f": "old",
	});
	const f = find("d/f");
	bridge.run(() => text(f));
	store.failNext = EIO;
	write(f, "new", 0);
	expect(bridge.run(() => f.sync())).toBe(EIO);
	store.items.delete("/d/f");
	store.items.delete("/d");
	others("/d");
	sync();
	expect(sync()).toBe(0);
	expect(stored("/d/f")).toBe("new");
});

test("what a program changes while a directory is looked at again is not lost", () => {
	const { bridge, fs, find, put, sync, store } = shared({ "/a": "a", "/b": "b" });
	find("a");
	put("/c", "c");
	fs.changed(["/c"]);
	// Now the store is being asked; its answer knows nothing of these.
	expect(fs.root.remove("a", "file")).toBe(0);
	expect(bridge.run(() => fs.root.create("new", "file"))).toHaveProperty("type", "file");
	while (bridge.turn());
	expect(bridge.run(() => list(fs.root))).toEqual(["b", "new", "c"]);
	expect(sync()).toBe(0);
	expect([...store.items.keys()].sort()).toEqual(["/", "/b", "/c", "/new"]);
});

test("before a file changes the store can keep what others made of it, and the page is told", () => {
	const { store, find, write, put, told, stored, sync, bridge, read } = shared({ "/f": "listed" }, [
		"preserve",
	]);
	const asked: unknown[] = [];
	Reflect.set(store, "preserve", (path: string, size: number, modified: number) => {
		asked.push([path, size, modified]);
		if (stored("/f") === "listed") return null;
		put("/f.conflict", stored("/f"));
		return "/f.conflict";
	});
	const f = find("f");
	read(f);
	write(f, "ours!!", 0);
	expect(sync()).toBe(0);
	expect([asked, told]).toEqual([[["/f", 6, 1_700_000_000_000]], []]);
	put("/f", "theirs");
	write(f, "again!", 0);
	expect(sync()).toBe(0);
	while (bridge.turn());
	expect(told).toEqual(["/f /f.conflict"]);
	expect([stored("/f"), stored("/f.conflict")]).toEqual(["again!", "theirs"]);
	expect(read(find("f.conflict"))).toBe("theirs");
});

test("of a file that was kept beside all that is here is written, so that it is no mixture", () => {
	const old = "the old one, of which much is the same";
	for (const whole of [true, false]) {
		const { store, find, write, put, stored, sync, bridge, read } = shared(
			{ "/f": old.repeat(9) },
			["preserve", ...(whole ? (["apply"] as const) : [])],
		);
		Reflect.set(store, "preserve", (path: string) => {
			if (store.items.has("/kept")) return null;
			put("/kept", stored(path));
			return "/kept";
		});
		const f = find("f");
		if (whole) read(f);
		else bridge.run(() => f.read(new Uint8Array(4), 0, 4, 0));
		put("/f", "theirs, and shorter");
		write(f, "THE", 0);
		expect(sync()).toBe(0);
		while (bridge.turn());
		expect(stored("/kept")).toBe("theirs, and shorter");
		// Where the program has not read all of it, the rest can only be theirs.
		const rest = whole ? old.repeat(9).slice(3) : "irs, and shorter";
		expect(stored("/f")).toBe(`THE${rest}`);
		expect(read(f)).toBe(`THE${rest}`);
	}
});

test("what cannot be kept beside is not written over, and is written once it can be", () => {
	for (const extras of [["preserve"], ["preserve", "apply"]] as const) {
		const { store, find, write, put, told, stored, sync, read } = shared(
			{ "/f": "mine is here", "/g": "g" },
			extras,
		);
		const answers: unknown[] = [ENOSPC, {}];
		Reflect.set(store, "preserve", (path: string) => {
			if (path === "/g" || stored("/f").startsWith("x")) return null;
			if (answers.length > 0) return answers.shift();
			put("/kept", stored(path));
			return "/kept";
		});
		const [f, g] = [find("f"), find("g")];
		read(f);
		put("/f", "THEIRS, changed outside");
		write(f, "x");
		write(g, "G");
		expect(sync()).toBe(ENOSPC);
		expect([stored("/f"), stored("/g")]).toEqual(["THEIRS, changed outside", "G"]);
		// What is neither a path nor null says nothing.
		expect(sync()).toBe(EIO);
		expect(stored("/f")).toBe("THEIRS, changed outside");
		expect(told).toEqual([`/f ${ENOSPC}`, `/f ${EIO}`]);
		expect(sync()).toBe(0);
		expect([stored("/f"), stored("/kept")]).toEqual(["xine is here", "THEIRS, changed outside"]);
		expect(told.at(-1)).toBe("/f /kept");
	}
});

/** `/f` as others have left it, a store that keeps theirs at `/kept`, and a way to take theirs away. */
const takers = ["unlink", "rename"] as const;

function taking(how: (typeof takers)[number], extras: readonly StoreExtra[]) {
	const all = shared({ "/f": "listed", "/x": "ours" }, ["preserve", ...extras]);
	const asked: unknown[] = [];
	const answers: unknown[] = [];
	Reflect.set(all.store, "preserve", (path: string, size: number) => {
		asked.push([path, size]);
		if (answers.length > 0) return answers.shift();
		if (all.stored(path) === "listed") return null;
		all.put("/kept", all.stored(path));
		return "/kept";
	});
	all.find("f");
	const { fs, bridge } = all;
	const take = () =>
		bridge.run(() =>
			how === "unlink" ? fs.root.remove("f", "file") : fs.root.rename("x", fs.root, "f"),
		);
	const left = () => (all.store.items.has("/f") ? all.stored("/f") : null);
	return { ...all, asked, answers, take, left, taken: how === "unlink" ? null : "ours" };
}

describe.each(takers)("%s of a file that others have changed", (how) => {
	test.each([[[]], [["apply" as const]]])("keeps theirs beside (%s)", (extras) => {
		const { take, left, taken, put, sync, told, asked, stored, find, bridge } = taking(how, extras);
		put("/f", "theirs, and longer");
		expect(take()).toBe(0);
		expect(sync()).toBe(0);
		while (bridge.turn());
		expect(asked).toEqual([["/f", 6]]);
		expect([left(), stored("/kept")]).toEqual([taken, "theirs, and longer"]);
		expect(told).toEqual(["/f /kept"]);
		expect(find("kept")).toMatchObject({ type: "file" });
	});

	test("which was written here as well keeps theirs once", () => {
		const { take, left, taken, put, sync, told, stored, write, find } = taking(how, ["apply"]);
		const f = find("f");
		write(f, "mine");
		put("/f", "theirs");
		expect(take()).toBe(0);
		expect([sync(), told, left(), stored("/kept")]).toEqual([0, ["/f /kept"], taken, "theirs"]);
	});

	test("asks nothing more where it is as it was listed, and nothing at all of one that is new", () => {
		const { take, left, taken, sync, told, asked, fs, bridge } = taking(how, ["apply"]);
		expect([take(), sync(), left(), told]).toEqual([0, 0, taken, []]);
		expect(asked).toEqual([["/f", 6]]);
		fs.root.create("new", "file");
		expect(sync()).toBe(0);
		expect([bridge.run(() => fs.root.remove("new", "file")), sync()]).toEqual([0, 0]);
		expect(asked).toHaveLength(1);
	});

	test("is refused where theirs cannot be kept, with all that builds on it, and made once it can be", () => {
		const { take, left, taken, put, sync, told, answers, stored, fs, bridge } = taking(how, [
			"apply",
		]);
		answers.push(ENOSPC, {});
		put("/f", "theirs");
		expect(take()).toBe(0);
		if (how === "unlink") {
			const f = fs.root.create("f", "file") as INode;
			expect(bridge.run(() => f.write(encode("new"), 0, 3, 0))).toBe(3);
		}
		expect([sync(), left()]).toEqual([ENOSPC, "theirs"]);
		// What is neither a path nor null says nothing.
		expect([sync(), left()]).toEqual([EIO, "theirs"]);
		expect(sync()).toBe(0);
		expect([left(), stored("/kept")]).toEqual([taken ?? "new", "theirs"]);
		expect(told.at(-1)).toBe("/f /kept");
	});
});

test("a sync of one file ends although another process goes on writing it", () => {
	const options: StoreExtra[][] = [[], ["apply"], ["apply", "sync"]];
	for (const [extras, named] of options.flatMap((one) => [
		[one, true] as const,
		[one, false] as const,
	])) {
		const { bridge, find, write, stored } = shared({ "/f": "12345678" }, extras);
		const f = find("f");
		write(f, "a");
		const request = named ? {} : undefined;
		let answer = f.sync(request);
		for (let i = 0; i < 100 && answer === PENDING; i++) {
			f.write(encode("b"), 0, 1, 1);
			bridge.turn();
			answer = f.sync(request);
		}
		expect(answer).toBe(0);
		expect(stored("/f")[0]).toBe("a");
	}
});

test("two syncs of one file wait for what each has found, and no longer", () => {
	const { store, bridge, find, write, stored } = shared({ "/f": "12345678" }, ["apply", "sync"]);
	const f = find("f");
	write(f, "a");
	const [one, two] = [{}, {}];
	expect(f.sync(one)).toBe(PENDING);
	// The batch of the first is on its way.
	f.write(encode("b"), 0, 1, 1);
	expect(f.sync(two)).toBe(PENDING);
	store.failNext = EACCES;
	while (f.sync(one) === PENDING) bridge.turn();
	expect(stored("/f").slice(0, 2)).not.toBe("ab");
	expect(bridge.run(() => f.sync(two))).toBe(0);
	expect(stored("/f").slice(0, 2)).toBe("ab");
});

test("a sync of one file ends although another program goes on writing it on another mount", () => {
	const extras: StoreExtra[] = ["apply", "sync"];
	const one = shared({ "/f": "12345678" }, extras);
	const bridge = new DelayedBridge(one.store);
	const fs = new StoreFileSystem(bridge, one.store.far, { block: 8, extras });
	const here = one.find("f");
	const there = bridge.run(() => fs.root.lookup("f")) as INode;
	/** What goes on meanwhile: a byte more is written on the other mount, and each hears of the other. */
	const goOn = (byte: number) => {
		bridge.run(() => there.write(Uint8Array.of(byte), 0, 1, 4));
		bridge.turn();
		one.fs.changed(["/f"]);
		one.bridge.turn();
		fs.changed(["/f"]);
	};
	one.write(here, "ab");
	goOn(1);
	const [mine, theirs] = [{}, {}];
	let rounds = 0;
	let answers = [here.sync(mine), there.sync(theirs)];
	for (; answers.includes(PENDING) && rounds < 100; rounds++) {
		goOn(2 + rounds);
		answers = [here.sync(mine), there.sync(theirs)];
	}
	expect(answers).toEqual([0, 0]);
	expect(rounds).toBeLessThan(100);
	expect(one.stored("/f").slice(0, 2)).toBe("ab");
	expect(one.stored("/f").charCodeAt(4)).toBeGreaterThan(0);
	expect(one.stored("/f").slice(5)).toBe("678");
});

test("where others change things unheard, what is opened and listed is looked at again", () => {
	let clock = 0;
	const past = () => {
		clock += 1000;
	};
	const store = new DelayedStore();
	const set = (path: string, content: string | null, modified: number) => {
		const bytes = content === null ? null : new TextEncoder().encode(content);
		store.items.set(path, {
			bytes,
			times: { accessed: 1n, modified: BigInt(modified) * 1_000_000n },
		});
	};
	const real = store.list.bind(store);
	store.list = (path) => {
		const found = real(path);
		if (typeof found === "number") return found;
		return found.map((one) => ({ ...one, modified: Number(one.times?.modified ?? 0n) / 1e6 }));
	};
	set("/d", null, 1e12);
	set("/d/f", "one", 1e12);
	const bridge = new DelayedBridge(store);
	const fs = new StoreFileSystem(bridge, store.far, { elsewhere: true, clock: () => clock });
	const inside = <T>(look: (d: INode) => T) =>
		bridge.run(() => {
			const d = fs.root.lookup("d");
			return typeof d === "number" ? d : look(d);
		});
	const open = (name: string) => inside((d) => d.lookup(name));
	const seen = () => inside(list);
	const f = open("f") as INode;
	expect(bridge.run(() => text(f))).toBe("one");
	past();
	// As long as before, but later.
	set("/d/f", "two", 2e12);
	set("/d/g", "new", 2e12);
	expect(open("f")).toBe(f);
	expect(bridge.run(() => text(f))).toBe("two");
	expect(seen()).toEqual(["f", "g"]);
	past();
	store.items.delete("/d/f");
	expect(open("f")).toBe(ENOENT);
	expect(seen()).toEqual(["g"]);
	// What has been made here is not lost to a list that is older.
	const d = bridge.run(() => fs.root.lookup("d")) as INode;
	past();
	bridge.run(() => d.create("h", "file"));
	expect(open("h")).toMatchObject({ type: "file" });
	expect(bridge.run(() => fs.sync())).toBe(0);
	past();
	expect(seen()).toEqual(["g", "h"]);
	// Many looks in a row are one question.
	const before = bridge.asked;
	for (let i = 0; i < 5; i++) open("g");
	expect(bridge.asked).toBe(before);
	past();
	for (let i = 0; i < 5; i++) open("g");
	// The root and the directory.
	expect(bridge.asked - before).toBe(2);
});

test("a store that is slower than a list is fresh is reached all the same", () => {
	let clock = 0;
	const store = new DelayedStore();
	for (const path of ["/a", "/a/b", "/a/b/c"]) store.items.set(path, { bytes: null });
	const real = store.list.bind(store);
	store.list = (path) => {
		clock += 5000;
		return real(path);
	};
	const bridge = new DelayedBridge(store);
	const fs = new StoreFileSystem(bridge, store.far, { elsewhere: true, clock: () => clock });
	const walk = () =>
		bridge.run(() => {
			let node: INode = fs.root;
			for (const name of ["a", "b", "c"]) {
				const next = node.lookup(name);
				if (typeof next === "number") return next;
				node = next;
			}
			return node;
		});
	expect(walk()).toMatchObject({ type: "directory" });
	expect(walk()).toMatchObject({ type: "directory" });
	expect(clock / 5000).toBeLessThan(30);
});

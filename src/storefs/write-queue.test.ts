/**
 * The queue of a mount whose thread gets no further turn: what was promised has been sent, in order, and
 * what builds on something that fails is not made.
 */
import { expect, test } from "vitest";
import { EACCES, ENOENT, ENOSPC, PENDING } from "../abi/errno.ts";
import { type Dice, dice, seeds, withSeed } from "../abi/random.testkit.ts";
import { snapshot } from "../fs/conformance.testkit.ts";
import { byPath, type Literal } from "../fs/model-fs.testkit.ts";
import type { INode } from "../fs/node.ts";
import type { StoreExtra } from "../store/store.ts";
import { DelayedBridge, DelayedStore } from "./delayed-store.testkit.ts";
import { StoreFileSystem } from "./store-fs.ts";

const encode = (content: string) => new TextEncoder().encode(content);

function mounted(files: Record<string, string | null> = {}, extras: readonly StoreExtra[] = []) {
	const store = new DelayedStore(files);
	const bridge = new DelayedBridge(store);
	const fs = new StoreFileSystem(bridge, store.far, { block: 8, extras });
	bridge.run(() => snapshot(fs.root));
	const root = fs.root;
	const open = (name: string): INode => {
		const found = bridge.run(() => root.lookup(name));
		return (
			typeof found === "number" ? bridge.run(() => root.create(name, "file")) : found
		) as INode;
	};
	/** Writes a file as a program does that does not wait, and closes it. */
	const save = (name: string, content: string) => {
		const file = open(name);
		file.truncate(0);
		expect(file.write(encode(content), 0, content.length, 0)).toBe(content.length);
		file.closed();
		return file;
	};
	/** The thread gets no turn any more; the store makes what it was sent. */
	const computes = () => {
		bridge.deaf = true;
		while (bridge.turn());
	};
	const stored = (path: string) => {
		const bytes = store.items.get(path)?.bytes;
		return bytes && new TextDecoder().decode(bytes);
	};
	return { store, bridge, fs, root, open, save, computes, stored };
}

test("what was closed, renamed and removed is with the store, though no answer was ever heard", () => {
	const { root, save, computes, stored, store } = mounted({ "/old": "old", "/gone": "x" });
	save("first", "1");
	save("draft", "the new one");
	expect(root.rename("draft", root, "old")).toBe(0);
	expect(root.remove("gone", "file")).toBe(0);
	// Its name was used before.
	save("gone", "is back");
	expect((root.create("d", "directory") as INode).create("in", "file")).toHaveProperty("type");
	save("last", "2");
	computes();
	expect([...store.items.keys()].sort()).toEqual(
		["/", "/d", "/d/in", "/first", "/gone", "/last", "/old"].sort(),
	);
	expect(["/first", "/old", "/gone", "/last"].map(stored)).toEqual([
		"1",
		"the new one",
		"is back",
		"2",
	]);
});

test("what is gathered goes before a guest is entered", () => {
	const { bridge, open, computes, stored } = mounted();
	for (const name of ["a", "b"]) open(name).write(encode(name), 0, 1, 0);
	expect(bridge.unsent.size).toBe(1);
	for (const sender of bridge.unsent) sender.sendAll();
	expect(bridge.unsent.size).toBe(0);
	computes();
	expect([stored("/a"), stored("/b")]).toEqual(["a", "b"]);
});

test("much of a file is sent whole when it is closed, in several batches", () => {
	const { bridge, save, computes, stored, open } = mounted();
	open("f");
	const content = "0123456789abcdef".repeat(300_000);
	const before = bridge.asked;
	save("f", content);
	expect(bridge.asked - before).toBeGreaterThan(2);
	computes();
	expect(stored("/f") === content).toBe(true);
});

test("after a removal that fails nothing is made of what was sent behind it, until it is tried again", () => {
	const { bridge, fs, root, save, store, stored } = mounted({ "/f": "precious" });
	// Something is underway.
	save("other", "o");
	store.failNext = null;
	const real = store.remove.bind(store);
	let refusals = 1;
	store.remove = (path) => {
		if (refusals === 0) return real(path);
		refusals -= 1;
		return EACCES;
	};
	expect(root.remove("f", "file")).toBe(0);
	save("f", "new");
	save("unconcerned", "u");
	while (bridge.turn());
	expect([stored("/f"), stored("/unconcerned"), stored("/other")]).toEqual(["precious", "u", "o"]);
	expect(bridge.run(() => fs.sync())).toBe(EACCES);
	expect(bridge.run(() => fs.sync())).toBe(0);
	expect(stored("/f")).toBe("new");
});

test("the bytes of files that are removed while they are on their way do not count as pending for ever", () => {
	const { bridge, fs, root, save } = mounted();
	for (let i = 0; i < 3; i++) {
		save("temporary", "a text");
		expect(root.remove("temporary", "file")).toBe(0);
	}
	expect(bridge.run(() => fs.sync({}))).toBe(0);
	expect(fs.queue.pending).toBe(0);
});

test("a sync that was asked for while batches are underway waits for what came back", () => {
	const { bridge, fs, root, save, store, stored } = mounted({ "/f": "precious" });
	save("other", "o");
	// A directory that is there already: no failure, but the store's end cannot know.
	store.items.set("/d", { bytes: null });
	const d = bridge.run(() => root.create("d", "directory")) as INode;
	const file = d.create("in", "file") as INode;
	file.write(encode("text"), 0, 4, 0);
	file.closed();
	expect(fs.sync()).toBe(PENDING);
	expect(bridge.run(() => fs.sync())).toBe(0);
	expect(stored("/d/in")).toBe("text");
});

test("a question behind a change that fails is put again", () => {
	const { bridge, fs, store } = mounted({ "/d": null, "/e": null, "/e/theirs": "t" });
	const other = new StoreFileSystem(bridge, store.far, {});
	const look = () => bridge.run(() => other.root.lookup("e"));
	expect(look()).toHaveProperty("type", "directory");
	const e = look() as INode;
	store.failNext = ENOSPC;
	expect(bridge.run(() => other.root.rename("e", other.root, "moved"))).toBe(0);
	// The store has it elsewhere than the cache: it cannot be listed by that name.
	expect(bridge.run(() => e.lookup("theirs"))).toBe(ENOSPC);
	bridge.run(() => other.sync());
	expect(bridge.run(() => other.sync())).toBe(0);
	expect(bridge.run(() => e.lookup("theirs"))).toHaveProperty("type", "file");
	expect(bridge.run(() => fs.sync())).toBe(0);
});

test("what was sent of a file that others had changed comes back whole, to the name that it has by then", () => {
	const { bridge, root, open, store, stored, fs } = mounted({ "/f": "mine, all of it" }, [
		"preserve",
	]);
	const f = open("f");
	const kept: string[] = [];
	bridge.conflict = (path) => kept.push(path);
	const changed = () => String.fromCharCode(...(store.items.get("/f")?.bytes ?? []));
	Reflect.set(store, "preserve", (path: string) => {
		if (path !== "/f" || changed() !== "THEIRS, outside") return null;
		store.put("/kept", changed());
		return "/kept";
	});
	store.put("/f", "THEIRS, outside");
	for (const [at, byte] of ["M", "I", "N", "E"].entries()) {
		f.write(encode(byte), 0, 1, at);
		f.closed();
	}
	expect(root.rename("f", root, "g")).toBe(0);
	expect(bridge.run(() => fs.sync())).toBe(0);
	expect([stored("/g"), stored("/kept"), stored("/f")]).toEqual([
		"MINE, all of it",
		"THEIRS, outside",
		undefined,
	]);
	expect(kept).toEqual(["/f"]);
});

test("a file that is written anew over another's is whole although no answer is heard", () => {
	const { bridge, save, store, stored, computes } = mounted({ "/f": "mine" }, ["preserve"]);
	const told: string[] = [];
	bridge.conflict = (path, kept) => told.push(`${path} ${kept}`);
	Reflect.set(store, "preserve", () => "/kept");
	save("f", "all of it is new");
	computes();
	expect([stored("/f"), told]).toEqual(["all of it is new", ["/f /kept"]]);
});

/** How many calls of maps, sets, lists and texts are made while `work` runs. */
function operations(work: () => void): number {
	const counted: [object, string][] = [
		...["get", "set", "has"].map((name): [object, string] => [Map.prototype, name]),
		...["has", "add"].map((name): [object, string] => [Set.prototype, name]),
		...["slice", "indexOf", "lastIndexOf"].map((name): [object, string] => [
			String.prototype,
			name,
		]),
		...["push", "splice", "findIndex"].map((name): [object, string] => [Array.prototype, name]),
		[Math, "min"],
	];
	let calls = 0;
	const originals = counted.map(([of, name]) => Reflect.get(of, name) as () => unknown);
	const put = (i: number, value: unknown) => {
		const [of, name] = counted[i] as [object, string];
		Reflect.set(of, name, value);
	};
	for (const [i, original] of originals.entries()) {
		put(i, function (this: unknown, ...args: []) {
			calls += 1;
			return Reflect.apply(original, this, args);
		});
	}
	try {
		work();
		return calls;
	} finally {
		for (const [i, original] of originals.entries()) put(i, original);
	}
}

/** A store that has no work with what it is told, so that only ours is counted. */
class Willing extends DelayedStore {
	override apply(changes: readonly unknown[]): null[] {
		return changes.map(() => null);
	}
}

/** Directories inside each other, none of which has been answered when a sync begins. */
function nest(depth: number): number {
	const store = new Willing();
	const bridge = new DelayedBridge(store);
	const { root } = new StoreFileSystem(bridge, store.far, {});
	bridge.run(() => root.lookup("d"));
	const waiting = {};
	return operations(() => {
		let at = root;
		for (let i = 0; i < depth; i++) at = at.create("d", "directory") as INode;
		(at.create("f", "file") as INode).closed();
		while (root.sync(waiting) !== 0) bridge.turn();
	});
}

test("ten times as many directories inside each other take ten times as many steps", () => {
	const one = nest(100);
	expect(nest(1000)).toBeLessThan(11 * one);
});

test("directories inside each other that fail come back, and are made at last", () => {
	const { bridge, fs, root, store } = mounted();
	let at = root;
	store.failNext = ENOSPC;
	for (let i = 0; i < 300; i++) at = at.create("d", "directory") as INode;
	expect(bridge.run(() => fs.sync())).toBe(ENOSPC);
	expect(bridge.run(() => fs.sync())).toBe(0);
	expect(store.items.size).toBe(301);
});

test("deep directories are listed, looked at again and lost", () => {
	const store = new Willing();
	const bridge = new DelayedBridge(store);
	const fs = new StoreFileSystem(bridge, store.far, {});
	let at = bridge.run(() => fs.root.create("d", "directory")) as INode;
	const first = at;
	for (let i = 1; i < 2000; i++) {
		at = at.create("d", "directory") as INode;
		while (bridge.turn());
	}
	expect(fs.listAll()).toBe(0);
	// None of them was kept: others have removed them all.
	fs.changed(["/"]);
	while (bridge.turn());
	expect(bridge.run(() => fs.root.lookup("d"))).toBe(ENOENT);
	expect([first.create("d", "file"), at.create("d", "file")]).toEqual([ENOENT, ENOENT]);
});

const NAMES = ["a", "b", "c", "d"];

/** Makes changes at random; every file is closed when it has been written. */
function change(root: INode, roll: Dice, run: <T>(call: () => T) => T): void {
	const name = () => NAMES[roll(NAMES.length)] as string;
	const inside = () => {
		const found = run(() => root.lookup(name()));
		return roll(2) > 0 || typeof found === "number" || found.type !== "directory" ? root : found;
	};
	const [at, to, one, other] = [inside(), inside(), name(), name()];
	const kind = roll(6);
	if (kind === 0) run(() => at.create(one, "directory"));
	else if (kind === 1) run(() => at.remove(one, roll(2) > 0 ? "file" : "directory"));
	else if (kind === 2) run(() => at.rename(one, to, other));
	else {
		const made = run(() => at.create(one, "file"));
		const file = typeof made === "number" ? run(() => at.lookup(one)) : made;
		if (typeof file === "number" || file.type !== "file") return;
		if (roll(3) === 0) run(() => file.truncate(roll(9)));
		const content = "xyzw"[roll(4)]?.repeat(1 + roll(20)) ?? "";
		const position = roll(30);
		run(() => file.write(encode(content), 0, content.length, position));
		file.closed();
	}
}

test("random: whenever the thread gets its last turn, the store comes to hold what programs saw", () => {
	for (const seed of seeds(150)) {
		const roll = dice(seed);
		const { store, bridge, fs, root, computes } = mounted({ "/a": "first", "/d": null });
		try {
			const run = <T>(call: () => T): T => bridge.run(call);
			for (let i = roll(60); i > 0; i--) {
				change(root, roll, run);
				for (let turns = roll(4); turns > 2; turns--) bridge.turn();
			}
			// New and empty files wait for a guest to be entered.
			for (const sender of bridge.unsent) sender.sendAll();
			const seen = bridge.run(() => snapshot(fs.root)) as Literal;
			computes();
			expect(store.contents).toEqual(byPath(seen));
		} catch (cause) {
			throw withSeed(seed, cause);
		}
	}
});

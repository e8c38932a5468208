/**
 * Copies that an overlay makes of a lower's files, where lower and upper answer late: several at a time,
 * of files that lose their names meanwhile, and under names that leave no room for a prefix.
 */
import { expect, test } from "vitest";
import { ENOENT, PENDING } from "../abi/errno.ts";
import { type Dice, dice, seeds, withSeed } from "../abi/random.testkit.ts";
import type { StoreExtra } from "../store/store.ts";
import { DelayedBridge, DelayedStore, delayedContents } from "../storefs/delayed-store.testkit.ts";
import { StoreFileSystem } from "../storefs/store-fs.ts";
import type { Span, Volume } from "../webc/package.ts";
import { list, snapshot, text } from "./conformance.testkit.ts";
import type { Literal } from "./model-fs.testkit.ts";
import type { INode } from "./node.ts";
import { Overlay } from "./overlay.ts";
import { Tmp } from "./tmp.ts";
import { VolumeFileSystem } from "./volume.ts";

const encode = (content: string) => new TextEncoder().encode(content);
const one = encode("!");
const EXTRAS: readonly StoreExtra[] = ["apply", "sync"];

/** A package's volume whose bytes come late, eight at a time. */
function lateVolume(bridge: DelayedBridge, tree: Literal): VolumeFileSystem {
	const pieces: string[] = [];
	let start = 0;
	const build = (level: Literal): Volume => {
		const entries = new Map<string, Volume | Span>();
		for (const [name, item] of Object.entries(level)) {
			if (typeof item !== "string") entries.set(name, build(item));
			else {
				entries.set(name, { start, length: item.length });
				pieces.push(item);
				start += item.length;
			}
		}
		return entries;
	};
	const root = build(tree);
	const contents = delayedContents(bridge, encode(pieces.join("")), 8);
	return new VolumeFileSystem([{ name: "v", mountPath: "/", tree: root }], contents);
}

function inMemory(tree: Literal) {
	const bridge = new DelayedBridge();
	const upper = new Tmp({ now: () => 1n });
	const overlay = new Overlay(upper, [lateVolume(bridge, tree)]);
	return { ...eyes(bridge, overlay), upper };
}

function onStore(tree: Literal) {
	const store = new DelayedStore();
	const bridge = new DelayedBridge(store);
	const lower = lateVolume(bridge, tree);
	const visit = (now?: () => bigint) => {
		const fs = new StoreFileSystem(bridge, store.far, { block: 8, extras: EXTRAS });
		return eyes(bridge, new Overlay(fs, [lower], { durable: true, ...(now && { now }) }));
	};
	return { ...visit(), store, visit };
}

function eyes(bridge: DelayedBridge, overlay: Overlay) {
	const find = (path: string): INode => {
		let node: INode | number = overlay.root;
		for (const name of path.split("/").filter(Boolean)) {
			const at = node as INode;
			node = bridge.run(() => at.lookup(name));
		}
		return node as INode;
	};
	const write = (node: INode) => bridge.run(() => node.write(one, 0, 1, 0));
	const read = (node: INode) => bridge.run(() => text(node));
	const remove = (path: string, type: "file" | "directory" = "file") => {
		const slash = path.lastIndexOf("/");
		const directory = find(path.slice(0, slash + 1));
		return bridge.run(() => directory.remove(path.slice(slash + 1), type));
	};
	return { bridge, overlay, find, write, read, remove };
}

const LONG = "a long text of forty letters, or so, yes";

test("the copy of a file without a name leaves another copy that is under way alone", () => {
	const { find, write, read, remove, bridge } = inMemory({ x: LONG, a: { x: "12345678" } });
	const [x, other] = [find("x"), find("a/x")];
	other.handles += 1;
	expect(x.write(one, 0, 1, 0)).toBe(PENDING);
	expect(remove("a/x")).toBe(0);
	expect(write(other)).toBe(1);
	expect(bridge.run(() => x.write(one, 0, 1, 0))).toBe(1);
	expect([read(x), read(other)]).toEqual([`!${LONG.slice(1)}`, "!2345678"]);
});

test("a file that loses its name while it is copied keeps its bytes, and leaves nothing behind", () => {
	for (const { find, write, read, remove, bridge, overlay } of [
		inMemory({ x: LONG, y: "" }),
		onStore({ x: LONG, y: "" }),
	]) {
		const x = find("x");
		x.handles += 1;
		for (let i = 0; i < 3; i++) {
			expect(x.write(one, 0, 1, 0)).toBe(PENDING);
			bridge.turn();
		}
		expect(remove("x")).toBe(0);
		expect(write(x)).toBe(1);
		expect(read(x)).toBe(`!${LONG.slice(1)}`);
		const held = bridge.run(() => list(overlay.upper.root)) as string[];
		expect(held.filter((name) => name.includes("copy"))).toEqual([]);
		x.handles -= 1;
		expect(x.closed()).toBe(0);
	}
});

test("what a nameless copy takes of memory is given back, also when it is not complete", () => {
	const { find, remove, bridge, upper } = inMemory({ x: LONG, y: LONG });
	for (const [name, turns] of [
		["x", 100],
		["y", 2],
	] as const) {
		const file = find(name);
		file.handles += 1;
		expect(remove(name)).toBe(0);
		for (let i = 0; i < turns && file.write(one, 0, 1, 0) === PENDING; i++) bridge.turn();
		file.handles -= 1;
		expect(file.closed()).toBe(0);
		expect(upper.used).toBe(0);
	}
});

test("a copy that a closed page has left behind is never shown, and goes after a day", () => {
	const { store, find, visit, bridge } = onStore({ x: LONG });
	const x = find("x");
	for (let i = 0; i < 3; i++) {
		expect(x.write(one, 0, 1, 0)).toBe(PENDING);
		bridge.turn();
	}
	while (bridge.turn());
	const copies = () => [...store.items.keys()].filter((path) => path.includes(".copy."));
	expect(copies()).toHaveLength(1);
	// The store lists all with one time.
	const listed = 1_700_000_000_000_000_000n;
	const hour = 3_600_000_000_000n;
	for (const [after, left] of [
		[0n, 1],
		[23n * hour, 1],
		[25n * hour, 0],
	] as const) {
		const next = visit(() => listed + after);
		expect(bridge.run(() => list(next.overlay.root))).toEqual(["x"]);
		while (bridge.turn());
		expect(copies()).toHaveLength(left);
		expect(next.read(next.find("x"))).toBe(LONG);
	}
});

test("another page's copy in the same store is left alone", () => {
	const { store, find, write, read, visit, bridge } = onStore({ x: LONG });
	const x = find("x");
	const second = visit();
	const theirs = second.find("x");
	expect(x.write(one, 0, 1, 0)).toBe(PENDING);
	bridge.turn();
	expect(second.write(theirs)).toBe(1);
	expect(bridge.run(() => second.overlay.sync())).toBe(0);
	expect(write(x)).toBe(1);
	expect(read(x)).toBe(`!${LONG.slice(1)}`);
	expect(store.items.has("/x")).toBe(true);
});

const names = {
	"of 245 bytes": "n".repeat(245),
	"of 253 bytes": "n".repeat(253),
	"of 255 bytes in two": `${"é".repeat(127)}e`,
	"like a mark": ".opaque.d",
	"like a copy": ".copy.d",
};

for (const [what, name] of Object.entries(names)) {
	test(`a file with a name ${what} can be written and removed under a mount at /`, () => {
		const tree = { [name]: "text", d: { shows: "yes" } };
		const { find, write, read, remove, bridge, overlay, visit } = onStore(tree);
		const d = find("d");
		expect(typeof bridge.run(() => d.create("new", "file"))).toBe("object");
		expect(write(find(name))).toBe(1);
		expect(read(find(name))).toBe("!ext");
		expect(remove(name)).toBe(0);
		expect(find(name)).toBe(ENOENT);
		expect(bridge.run(() => overlay.sync())).toBe(0);
		const later = visit();
		expect(later.find(name)).toBe(ENOENT);
		const left = bridge.run(() => snapshot(later.overlay.root));
		expect(left).toEqual({ d: { shows: "yes", new: "" } });
	});

	test(`a directory with a name ${what} can be removed and made again under a mount at /`, () => {
		const tree = { [name]: { f: "below" }, [`${name.slice(0, -1)}x`]: "beside" };
		const { remove, bridge, overlay, visit } = onStore(tree);
		expect(remove(`${name}/f`)).toBe(0);
		expect(remove(name, "directory")).toBe(0);
		expect(typeof bridge.run(() => overlay.root.create(name, "directory"))).toBe("object");
		expect(bridge.run(() => overlay.sync())).toBe(0);
		const expected = { [name]: {}, [`${name.slice(0, -1)}x`]: "beside" };
		const later = visit().overlay;
		expect(bridge.run(() => snapshot(later.root))).toEqual(expected);
	});
}

/** Writes, removals and pauses on a few open files of a package, checked against what each must hold. */
function play(roll: Dice): void {
	const world = roll(2) === 0 ? inMemory : onStore;
	const tree = { x: LONG, y: "12345678", a: { x: "abcdefghij", y: LONG }, b: { x: "", y: "q" } };
	const { find, read, remove, bridge } = world(tree);
	const paths = ["x", "y", "a/x", "a/y", "b/x", "b/y"];
	const files = paths.map((path) => {
		const node = find(path);
		node.handles += 1;
		return { path, node, holds: read(node) as string, named: true };
	});
	for (let step = 0; step < 60; step++) {
		const file = files[roll(files.length)];
		if (file === undefined) continue;
		const what = roll(8);
		if (what === 0 && file.named) {
			expect(remove(file.path), file.path).toBe(0);
			file.named = false;
		} else if (what < 6) {
			const at = roll(50);
			const letter = String.fromCharCode(97 + roll(26));
			if (file.node.write(encode(letter), 0, 1, at) !== 1) continue;
			const held = file.holds.padEnd(at, "\0");
			file.holds = held.slice(0, at) + letter + held.slice(at + 1);
		} else bridge.turn();
	}
	for (const { path, node, holds, named } of files) {
		expect(
			bridge.run(() => node.write(one, 0, 1, 0)),
			path,
		).toBe(1);
		expect(read(node), path).toBe(`!${holds.slice(1)}`);
		expect(find(path) === node, path).toBe(named);
	}
}

test("random writes and removals of files that are copied up late", () => {
	for (const seed of seeds(30)) {
		try {
			play(dice(seed));
		} catch (cause) {
			throw withSeed(seed, cause);
		}
	}
});

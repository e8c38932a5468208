/**
 * The suite of all file systems on a store that fails: every third change is refused, or made and
 * then reported as refused. Programs see none of it, but in `sync`. When the store has recovered, a
 * sync makes it hold what the programs see.
 */
import { expect, test } from "vitest";
import { EACCES, EIO, ENOSPC, type Errno } from "../abi/errno.ts";
import type { Dice } from "../abi/random.testkit.ts";
import { conformance, snapshot } from "../fs/conformance.testkit.ts";
import { byPath, type Literal } from "../fs/model-fs.testkit.ts";
import type { INode } from "../fs/node.ts";
import type { StoreExtra } from "../store/store.ts";
import { DelayedBridge, DelayedStore } from "./delayed-store.testkit.ts";
import type { StoreDirectory } from "./directory.ts";
import { StoreFileSystem } from "./store-fs.ts";

/** A store whose changes fail at random for as long as it is told to. */
class FailingStore extends DelayedStore {
	failing = true;
	readonly #roll: Dice;

	constructor(roll: Dice) {
		super();
		this.#roll = roll;
	}

	protected override refusal(): Errno | null {
		if (!this.failing || this.#roll(3) > 0) return super.refusal();
		return [ENOSPC, EACCES, EIO][this.#roll(3)] ?? EIO;
	}

	/** Also loses an answer now and then, after all was done. */
	override apply(changes: Parameters<DelayedStore["apply"]>[0]): ReturnType<DelayedStore["apply"]> {
		const answers = super.apply(changes);
		return this.failing && this.#roll(5) === 0 ? answers.map(() => "EIO") : answers;
	}
}

let time = 1_000_000_000n;

function failing(tree: Literal, roll: Dice, extras: readonly StoreExtra[]) {
	const store = new FailingStore(roll);
	store.identifies = roll(2) === 0;
	for (const [path, content] of Object.entries(byPath(tree))) store.put(path, content);
	const bridge = new DelayedBridge(store);
	const fs = new StoreFileSystem(bridge, store.far, { now: () => ++time, block: 8, extras });
	// What is not in the cache cannot be read where the store has not followed.
	bridge.run(() => snapshot(fs.root));
	const end = (model: Literal) => {
		store.failing = false;
		// A first one tells what has failed before.
		bridge.run(() => fs.sync());
		expect(bridge.run(() => fs.sync())).toBe(0);
		expect(store.contents).toEqual(byPath(model));
	};
	const run = <T>(call: () => T) => {
		// Which tries again what was refused, in the middle of everything.
		if (roll(10) === 0) bridge.run(() => fs.sync());
		// As when others have changed something in each of them.
		if (roll(8) === 0) for (const one of directories(fs.root)) fs.refresh(one as StoreDirectory);
		return bridge.run(call);
	};
	return { fs, run, end };
}

/** All directories below one, and itself. */
function directories(directory: INode): INode[] {
	const below = ["a", "b", "c", "d"].flatMap((name) => {
		const node = directory.lookup(name);
		return typeof node !== "number" && node.type === "directory" ? directories(node) : [];
	});
	return [directory, ...below];
}

const ALL: readonly StoreExtra[] = ["symlink", "utimes", "link"];

conformance("a store that fails", { links: true, rounds: 60 }, (tree, roll) =>
	failing(tree, roll, ALL),
);

conformance("a store that fails in batches", { links: true, rounds: 60 }, (tree, roll) =>
	failing(tree, roll, [...ALL, "apply"]),
);

test("what was refused is made, although something else has its name and is removed", () => {
	const store = new DelayedStore(byPath({ a: {}, c: { b: "other" } }));
	const bridge = new DelayedBridge(store);
	const fs = new StoreFileSystem(bridge, store.far, { now: () => ++time });
	bridge.run(() => snapshot(fs.root));
	const [a, c] = ["a", "c"].map((name) => fs.root.lookup(name) as INode) as [INode, INode];
	store.failNext = ENOSPC;
	bridge.run(() => a.create("b", "file"));
	expect(bridge.run(() => fs.sync())).toBe(ENOSPC);
	expect(bridge.run(() => fs.root.rename("a", fs.root, "z"))).toBe(0);
	expect(bridge.run(() => fs.root.rename("c", fs.root, "a"))).toBe(0);
	// It has the path of the one that was refused.
	expect(bridge.run(() => c.remove("b", "file"))).toBe(0);
	bridge.run(() => fs.sync());
	expect(bridge.run(() => fs.sync())).toBe(0);
	expect(store.contents).toEqual({ "/a": null, "/z": null, "/z/b": "" });
});

/** A mount over `store`, whose answers are lost once they have been made, until `hear` is called. */
function unheard(store: DelayedStore) {
	const bridge = new DelayedBridge(store);
	const fs = new StoreFileSystem(bridge, store.far, { now: () => ++time });
	bridge.run(() => snapshot(fs.root));
	const { apply } = store;
	store.apply = (...of) => apply.call(store, ...of).map(() => "EIO");
	const hear = () => {
		store.apply = apply;
	};
	return { bridge, fs, hear };
}

test("a file whose making was not answered for is removed, whether it was made or not", () => {
	for (const made of [true, false]) {
		const store = new DelayedStore();
		const { bridge, fs, hear } = unheard(store);
		expect(typeof bridge.run(() => fs.root.create("f", "file"))).toBe("object");
		expect(bridge.run(() => fs.sync())).toBe(EIO);
		if (!made) store.items.delete("/f");
		expect(bridge.run(() => fs.root.remove("f", "file"))).toBe(0);
		hear();
		bridge.run(() => fs.sync());
		expect([bridge.run(() => fs.sync()), store.contents]).toEqual([0, {}]);
	}
});

test("a file that was made unheard and is refused once more is renamed, and not left behind", () => {
	const store = new DelayedStore();
	const { bridge, fs, hear } = unheard(store);
	expect(typeof bridge.run(() => fs.root.create("f", "file"))).toBe("object");
	expect(bridge.run(() => fs.sync())).toBe(EIO);
	expect(bridge.run(() => fs.root.rename("f", fs.root, "g"))).toBe(0);
	hear();
	store.failNext = EACCES;
	for (let i = 0; i < 3; i++) bridge.run(() => fs.sync());
	expect([bridge.run(() => fs.sync()), store.contents]).toEqual([0, { "/g": "" }]);
});

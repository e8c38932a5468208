/**
 * A store that fails while others change it, at random. When it has recovered, and two syncs have said so, the
 * store has what the programs have made, and the programs see what the others have made.
 */
import { expect, test } from "vitest";
import { EACCES, EIO, ENOSPC, type Errno } from "../abi/errno.ts";
import { type Dice, dice, seeds, withSeed } from "../abi/random.testkit.ts";
import { snapshot } from "../fs/conformance.testkit.ts";
import { byPath, type Literal } from "../fs/model-fs.testkit.ts";
import { Namespace } from "../fs/namespace.ts";
import * as at from "../fs/operations.ts";
import { DelayedBridge, DelayedStore } from "./delayed-store.testkit.ts";
import { StoreFileSystem } from "./store-fs.ts";

class FailingStore extends DelayedStore {
	roll: Dice | null = null;

	protected override refusal(): Errno | null {
		if (this.roll === null || this.roll(3) > 0) return super.refusal();
		return [ENOSPC, EACCES, EIO][this.roll(3)] ?? EIO;
	}
}

let time = 1_000_000_000n;

function play(seed: number): void {
	const roll = dice(seed);
	const store = new FailingStore({ "/x": null, "/y": null, "/x/t0": "theirs", "/y/a": "ours" });
	store.identifies = roll(2) === 0;
	const bridge = new DelayedBridge(store);
	const fs = new StoreFileSystem(bridge, store.far, {
		now: () => ++time,
		block: 8,
		extras: roll(2) === 0 ? ["apply"] : [],
	});
	const ns = new Namespace(fs);
	const run = <T>(call: () => T) => bridge.run(call);
	run(() => snapshot(fs.root));
	store.roll = roll;
	const place = () => ["", "/x", "/y"][roll(3)] ?? "";
	const ours = () => `${place()}/${"abc"[roll(3)]}`.slice(1);
	const others = () => {
		const path = `${place()}/t${roll(3)}`;
		if (store.items.has(path) && roll(2) === 0) store.items.delete(path);
		else store.put(path, `theirs ${roll(1000)}`);
		fs.changed([path]);
	};
	/** What the programs have written, by path. */
	const written = new Map<string, string>([["y/a", "ours"]]);
	const write = (path: string) => {
		const content = `ours ${roll(1000)} ${"x".repeat(roll(20))}`;
		const node = run(() => at.open(ns, ns.root, path, false, at.CREATE | at.TRUNCATE, true));
		if (typeof node === "number") throw new Error(`open ${path}: ${node}`);
		const bytes = new TextEncoder().encode(content);
		node.handles += 1;
		for (let done = 0; done < bytes.length; ) {
			const from = done;
			const count = run(() => node.write(bytes, from, bytes.length - from, from));
			if (count <= 0) throw new Error(`write ${path}: ${count}`);
			done += count;
		}
		node.handles -= 1;
		node.closed();
		written.set(path, content);
	};
	for (let i = 0; i < 60; i++) {
		const [path, to] = [ours(), ours()];
		const kind = roll(8);
		if (kind < 3) others();
		else if (kind < 5) write(path);
		else if (kind === 5 && run(() => at.unlink(ns, ns.root, path)) === 0) written.delete(path);
		else if (
			kind === 6 &&
			run(() => at.rename(ns, ns.root, path, ns.root, to)) === 0 &&
			path !== to
		) {
			written.set(to, written.get(path) ?? "?");
			written.delete(path);
		} else if (kind === 7) run(() => fs.sync());
		for (let turns = roll(4); turns > 0; turns--) bridge.turn();
	}
	store.roll = null;
	for (let i = 0; i < 3; i++) run(() => fs.sync());
	expect(run(() => fs.sync())).toBe(0);
	while (bridge.turn());
	expect(byPath(run(() => snapshot(fs.root)) as Literal)).toEqual(store.contents);
	const kept = Object.entries(store.contents).filter(([path]) => /\/[abc]$/.test(path));
	expect(Object.fromEntries(kept.map(([path, content]) => [path.slice(1), content]))).toEqual(
		Object.fromEntries(written),
	);
}

test("a store that fails while others change it: nothing of either is lost", () => {
	for (const seed of seeds(30)) {
		try {
			play(seed);
		} catch (cause) {
			throw withSeed(seed, cause);
		}
	}
});

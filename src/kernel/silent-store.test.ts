/**
 * Calls into the tree while a store never answers: each ends with a `"timeout"` that names the mount.
 */
import { expect, test } from "vitest";
import { LoopBridge } from "../bridge/loop.ts";
import type { WireMount } from "../protocol/sandbox.ts";
import { KernelFiles } from "./file-calls.ts";
import { Tree } from "./sandbox-tree.ts";

/** Milliseconds of silence that the mounts of these tests allow. */
const TIMEOUT = 200;

const never = new Promise<unknown>(() => {});

/** A tree over stores, each with the answers of its methods, by number. */
function treeOver(...stores: Readonly<Record<string, (...args: unknown[]) => unknown>>[]) {
	const bridge = new LoopBridge(async (id, method, args) => stores[id]?.[method]?.(...args));
	const tree = new Tree(
		bridge,
		() => 0n,
		() => {},
		() => {},
	);
	const files = new KernelFiles(
		bridge,
		() => tree.namespace,
		(path, call) => tree.awaitCall(path, call),
	);
	const mount = async (path: string, id: number, timeout = TIMEOUT) =>
		(await tree.mountTable()).mount(wired(path, id, timeout));
	return { tree, files, mount };
}

function wired(path: string, id: number, timeout = TIMEOUT): WireMount {
	return {
		path,
		written: path,
		store: { id },
		extras: [],
		names: undefined,
		largest: undefined,
		unwatched: false,
		readOnly: false,
		timeout,
	};
}

/** The page answers for the store, which does nothing. */
const silent = { list: () => never, read: () => never, land: () => never, moved: () => 0 };
/** As a store whose page computes. */
const mute = { ...silent, moved: () => never };

const timeout = (path: string) => ({ code: "timeout", message: expect.stringContaining(path) });

test.each([
	["whose page answers", silent],
	["whose page does not", mute],
])("each call of the files ends where a store is silent, %s", async (_, store) => {
	const { files, mount } = treeOver(store);
	await mount("/d", 0);
	const bytes = new Uint8Array(8);
	const calls: Promise<unknown>[] = [
		files.readFile("/d/f"),
		files.readPart("/d/f", 0, 8),
		files.writeFile("/d/f", bytes, false),
		files.writeFile("/d/f", bytes, true),
		files.readdir("/d"),
		files.stat("/d/f", true),
		files.look("/d/f", false),
		files.look("/d", true),
		files.mkdir("/d/new", false),
		files.mkdir("/d/new/below", true),
		files.rm("/d/f", true, true),
		files.rename("/d/f", "/d/g"),
		files.rename("/tmp", "/d/g"),
		files.copyFile("/d/f", "/d/g"),
		files.symlink("f", "/d/link"),
		files.readlink("/d/link"),
		files.utimes("/d/f", 0, 0),
	];
	for (const call of await Promise.allSettled(calls)) {
		expect(call).toMatchObject({ status: "rejected", reason: timeout("/d") });
	}
	// What is elsewhere is not concerned.
	expect((await files.stat("/tmp", true)).type).toBe("directory");
});

test("a mount below a silent one ends, for the sandbox and for a process, and can be made later", async () => {
	let answer: unknown = never;
	const slow = { ...silent, list: () => answer };
	const { tree, files, mount } = treeOver(slow, { list: () => [] });
	await mount("/d", 0);
	await expect(mount("/d/below", 1)).rejects.toMatchObject(timeout("/d"));
	await expect(tree.forProcess([wired("/d/own", 1)])).rejects.toMatchObject(timeout("/d"));
	const nested = [wired("/own", 0), wired("/own/below", 1)];
	await expect(tree.forProcess(nested)).rejects.toMatchObject(timeout("/own"));
	answer = [];
	await expect(files.readdir("/d")).rejects.toMatchObject(timeout("/d"));
});

test("a store that works is waited for longer than its timeout", async () => {
	let steps = 0;
	const late = new Promise((resolve) => setTimeout(resolve, 5 * TIMEOUT, []));
	const { files, mount } = treeOver({ ...silent, list: () => late, moved: () => ++steps });
	await mount("/d", 0);
	expect(await files.readdir("/d")).toEqual([]);
});

test("a store that answers is not named where another one is silent", async () => {
	const { files, mount } = treeOver(silent, { list: () => [], moved: () => 0 });
	await mount("/silent", 0);
	await mount("/good", 1);
	const waiting = files.readdir("/silent");
	expect(await files.readdir("/good")).toEqual([]);
	await expect(waiting).rejects.toMatchObject(timeout("/silent"));
});

test("a symlink into a silent store ends at the store that it leads to", async () => {
	const { files, mount } = treeOver(silent);
	await mount("/silent", 0);
	await files.symlink("/silent/f", "/link");
	await expect(files.readFile("/link")).rejects.toMatchObject(timeout("/silent"));
});

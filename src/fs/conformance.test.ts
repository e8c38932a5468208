import { expect } from "vitest";
import type { StoreExtra } from "../store/store.ts";
import { DelayedBridge, DelayedStore, delayedContents } from "../storefs/delayed-store.testkit.ts";
import { StoreFileSystem } from "../storefs/store-fs.ts";
import type { Span, Volume } from "../webc/package.ts";
import { conformance, snapshot } from "./conformance.testkit.ts";
import { mkdirs, writeFile } from "./host-files.ts";
import type { Literal } from "./model-fs.testkit.ts";
import { mountIn, resolve } from "./mounting.ts";
import { Namespace } from "./namespace.ts";
import type { FileSystem } from "./node.ts";
import { Overlay } from "./overlay.ts";
import { Tmp } from "./tmp.ts";
import { type Contents, VolumeFileSystem } from "./volume.ts";

let time = 1_000_000_000n;
const now = () => ++time;
const encoder = new TextEncoder();

/** Calls `file` and `directory` for every path of a tree, directories first. */
function each(
	tree: Literal,
	directory: (path: string) => void,
	file: (path: string, bytes: Uint8Array) => void,
	path = "",
): void {
	for (const [name, item] of Object.entries(tree)) {
		const at = `${path}/${name}`;
		if (typeof item === "string") file(at, encoder.encode(item));
		else {
			directory(at);
			each(item, directory, file, at);
		}
	}
}

function tmp(tree: Literal): Tmp {
	const fs = new Tmp({ now });
	each(
		tree,
		(path) => mkdirs(fs.root, path),
		(path, bytes) => writeFile(fs.root, path, bytes),
	);
	return fs;
}

function store(tree: Literal): DelayedStore {
	const plain = new DelayedStore();
	each(
		tree,
		(path) => plain.items.set(path, { bytes: null }),
		(path, bytes) => plain.items.set(path, { bytes }),
	);
	return plain;
}

/** A tree as a package volume. */
function volume(tree: Literal, contents: (bytes: Uint8Array) => Contents): FileSystem {
	const pieces: Uint8Array[] = [];
	let length = 0;
	const build = (level: Literal): Volume => {
		const entries = new Map<string, Volume | Span | string>();
		for (const [name, item] of Object.entries(level)) {
			if (typeof item !== "string") entries.set(name, build(item));
			else {
				const bytes = encoder.encode(item);
				entries.set(name, { start: length, length: bytes.length });
				pieces.push(bytes);
				length += bytes.length;
			}
		}
		return entries;
	};
	const root = build(tree);
	const bytes = new Uint8Array(length);
	let at = 0;
	for (const piece of pieces) {
		bytes.set(piece, at);
		at += piece.length;
	}
	return new VolumeFileSystem([{ name: "v", mountPath: "/", tree: root }], contents(bytes));
}

function inMemory(bytes: Uint8Array): Contents {
	return {
		read(into, at, length, position) {
			into.set(bytes.subarray(position, position + length), at);
			return length;
		},
	};
}

conformance("tmp", { links: true }, (tree) => ({ fs: tmp(tree) }));

conformance("a mounted tmp", { links: true }, (tree) => {
	const ns = new Namespace(tmp({}));
	mountIn(ns, { path: "/deep/down", fs: tmp(tree), readOnly: false });
	const root = resolve(ns, "/deep/down");
	if (typeof root === "number") throw new Error("nothing is mounted");
	return { fs: { root, sync: () => 0 } };
});

conformance("overlay over nothing", { links: true }, (tree) => ({
	fs: new Overlay(tmp(tree), [tmp({})]),
}));

conformance("overlay over a volume", { links: true }, (tree) => {
	const lower = volume(tree, inMemory);
	return { fs: new Overlay(tmp({}), [lower, tmp(tree)]) };
});

conformance("overlay over a late volume", { links: true }, (tree) => {
	const bridge = new DelayedBridge();
	const lower = volume(tree, (bytes) => delayedContents(bridge, bytes));
	return { fs: new Overlay(tmp({}), [tmp({}), lower]), run: (call) => bridge.run(call) };
});

conformance("overlay over a late store", { links: true }, (tree) => {
	const bridge = new DelayedBridge(store(tree));
	const lower = new StoreFileSystem(bridge, { id: 1 }, { now });
	return { fs: new Overlay(tmp({}), [lower]), run: (call) => bridge.run(call) };
});

conformance("overlay with half of the tree above", { links: true }, (tree) => {
	const { a, ...rest } = tree;
	const above = typeof a === "object" ? { ...rest, a: {} } : rest;
	const below = typeof a === "object" ? { a, b: "hidden" } : {};
	return { fs: new Overlay(tmp(above), [tmp(a === undefined ? {} : below)]) };
});

function remote(tree: Literal, cache: number, block = 8, extras: readonly StoreExtra[] = []) {
	const plain = store(tree);
	const bridge = new DelayedBridge(plain);
	const fs = new StoreFileSystem(bridge, { id: 1 }, { now, cache, block, underway: 64, extras });
	const end = (model: Literal) => {
		expect(bridge.run(() => fs.sync())).toBe(0);
		const wanted = store(model);
		const paths = (of: DelayedStore) => [...of.items.keys()].sort();
		expect(paths(plain)).toEqual(paths(wanted));
		for (const [path, { bytes }] of wanted.items) {
			if (plain.items.get(path)?.target === "nowhere") continue;
			expect(plain.items.get(path)?.bytes, path).toEqual(bytes);
		}
	};
	return { fs, bridge, run: <T>(call: () => T) => bridge.run(call), end };
}

conformance("remote", { links: false }, (tree) => remote(tree, 1 << 20));

const ALL: readonly StoreExtra[] = ["symlink", "link", "utimes"];

conformance("remote with links", { links: true }, (tree) => remote(tree, 1 << 20, 8, ALL));

const GATHERED: readonly StoreExtra[] = [...ALL, "apply", "sync"];

conformance("remote in batches", { links: true }, (tree) => remote(tree, 1 << 20, 8, GATHERED));

conformance("remote in batches that forgets", { links: true }, (tree) =>
	remote(tree, 0, 8, GATHERED),
);

conformance("remote with links that forgets", { links: true }, (tree) => remote(tree, 0, 8, ALL));

conformance("overlay on a store with links", { links: true }, (tree) => {
	const { fs, run } = remote(tree, 1 << 20, 8, ALL);
	return { fs: new Overlay(fs, [tmp({})], { durable: true }), run };
});

conformance("remote that forgets", { links: false }, (tree) => remote(tree, 0));

conformance("remote in large blocks", { links: false }, (tree) => remote(tree, 1 << 20, 65536));

conformance("overlay on a store", { links: false }, (tree) => {
	const { fs, run } = remote(tree, 1 << 20);
	return { fs: new Overlay(fs, [tmp({})], { durable: true }), run };
});

conformance(
	"overlay of a store on a volume, found again",
	{ links: false, staying: true },
	(tree) => {
		const upper = remote({}, 1 << 20);
		const lower = volume(tree, inMemory);
		const fs = new Overlay(upper.fs, [lower], { durable: true });
		const end = (model: Literal) => {
			expect(upper.run(() => fs.sync())).toBe(0);
			const again = new StoreFileSystem(upper.bridge, { id: 1 }, { now });
			const found = new Overlay(again, [lower], { durable: true });
			expect(upper.run(() => snapshot(found.root))).toEqual(model);
		};
		return { fs, run: upper.run, end };
	},
);

/**
 * Three tabs, each with a store and a cache of its own, on one database, one private file system or one
 * directory in memory. They replace, move, remove and make files at random while others read them through
 * descriptors and with `readFile`: all that is read at any one time is of one version, each of which is
 * filled with a letter of its own; and each file at the end is whole.
 */
import { expect, test } from "vitest";
import { ESTALE } from "../abi/errno.ts";
import { errnoName } from "../abi/errno-names.ts";
import { type Dice, dice, seeds, withSeed } from "../abi/random.testkit.ts";
import { awaitCall } from "../bridge/await-call.ts";
import { RemoteObjects } from "../bridge/far.ts";
import { LoopBridge } from "../bridge/loop.ts";
import { Namespace } from "../fs/namespace.ts";
import type { INode } from "../fs/node.ts";
import * as tree from "../fs/operations.ts";
import { openOPFSStore, watchTabs } from "../handles/opfs-store.ts";
import { newOrigin } from "../handles/origin.testkit.ts";
import { InPlaceWriters } from "../handles/writers.ts";
import { IndexedDBStore } from "../indexeddb/store.ts";
import { MemoryStore } from "../store/memory.ts";
import type { Store, StoreExtra } from "../store/store.ts";
import { StoreFileSystem } from "../storefs/store-fs.ts";
import { KernelFiles } from "./file-calls.ts";

const EXTRAS: readonly StoreExtra[] = ["apply", "sync", "link", "symlink", "utimes"];
const BLOCK = 64;
const LONGEST = 16 * BLOCK;

interface Place {
	/** How many rounds are played by default. */
	readonly rounds: number;
	open(): Promise<{ store: Store; watch(heard: (paths: readonly string[]) => void): () => void }>;
}

type Kind = () => Place;

const kinds: Readonly<Record<string, Kind>> = {
	memory: () => {
		const store = new MemoryStore();
		return { rounds: 20, open: async () => ({ store, watch: () => () => {} }) };
	},
	IndexedDB: () => {
		newOrigin();
		return {
			rounds: 6,
			async open() {
				const store = new IndexedDBStore("replaced", { persist: false });
				return { store, watch: (heard) => store.watch(heard) };
			},
		};
	},
	OPFS: () => {
		newOrigin();
		let tabs = 0;
		return {
			rounds: 2,
			async open() {
				tabs += 1;
				const by = `tab ${tabs}`;
				const store = await openOPFSStore("/", by, () => new InPlaceWriters());
				return { store, watch: (heard) => watchTabs("/", by, heard) };
			},
		};
	},
};

/** A tab with a sandbox. */
class Tab {
	readonly files: KernelFiles;
	readonly bridge: LoopBridge;
	readonly #fs: StoreFileSystem;
	readonly #namespace: Namespace;
	readonly #stop: () => void;

	constructor(
		store: Store,
		watch: (heard: (paths: readonly string[]) => void) => () => void,
		/** Whether it hears of what others change. */
		hears: boolean,
	) {
		const objects = new RemoteObjects();
		const far = objects.lend(store);
		this.bridge = new LoopBridge((id, method, args) => objects.ask(id, method, args));
		const extras = EXTRAS.filter((name) => name in store);
		this.#fs = new StoreFileSystem(this.bridge, far, { block: BLOCK, extras });
		this.#namespace = new Namespace(this.#fs);
		this.files = new KernelFiles(this.bridge, () => this.#namespace);
		this.#stop = hears ? watch((paths) => this.#fs.changed(paths)) : () => {};
	}

	/** A descriptor, or null where nothing is. */
	async open(path: string): Promise<INode | null> {
		const ns = this.#namespace;
		const node = await awaitCall(this.bridge, () => tree.find(ns, ns.root, path.slice(1), true));
		if (typeof node === "number" || node.type !== "file") return null;
		node.handles += 1;
		return node;
	}

	close(node: INode): void {
		node.handles -= 1;
		if (node.handles === 0) node.closed();
	}

	/** Whether all could be told to the store. */
	async sync(): Promise<boolean> {
		const request = {};
		return (await awaitCall(this.bridge, () => this.#fs.sync(request))) === 0;
	}

	stop(): void {
		this.#stop();
	}
}

const PATHS = ["/f", "/g", "/d/f", "/e/f"];

/** What may well fail because another tab was faster. */
async function may(work: Promise<unknown>): Promise<void> {
	await work.catch((error: { code?: string }) => {
		if (!/^E(NOENT|STALE|EXIST|ISDIR|NOTDIR|NOTEMPTY|BUSY)$/.test(error.code ?? "")) throw error;
	});
}

class Round {
	readonly #roll: Dice;
	#version = 0;
	#temporary = 0;

	constructor(roll: Dice) {
		this.#roll = roll;
	}

	/** Contents of which every byte says which version it is. */
	#content(): Uint8Array {
		this.#version += 1;
		return new Uint8Array(BLOCK + this.#roll(LONGEST)).fill(this.#version % 251);
	}

	#path(): string {
		return PATHS[this.#roll(PATHS.length)] as string;
	}

	/** Changes a name, and sees to it that the store has it. */
	async change(tab: Tab): Promise<void> {
		const { files } = tab;
		const [path, what] = [this.#path(), this.#roll(10)];
		if (what < 5) {
			this.#temporary += 1;
			const made = `/new ${this.#temporary}`;
			await may(files.writeFile(made, this.#content(), false));
			// What is to be seen whole is in the store before it is seen.
			if (this.#roll(2) === 0) await tab.sync();
			await may(files.rename(made, path));
		} else if (what === 5) await may(files.rename(path, this.#path()));
		else if (what === 6) await may(files.rename("/d", "/e"));
		else if (what === 7) await may(files.rename("/e", "/d"));
		else if (what === 8) await may(files.mkdir(this.#roll(2) === 0 ? "/d" : "/e", false));
		else await may(files.rm(path, false, true));
		await tab.sync();
	}

	async readFile({ files }: Tab): Promise<void> {
		const path = this.#path();
		await may(files.readFile(path).then((bytes) => expectWhole(bytes, `readFile ${path}`)));
	}

	/** Reads a file in pieces, and lets time pass between them. */
	async readSlowly(tab: Tab): Promise<void> {
		const path = this.#path();
		const node = await tab.open(path);
		if (node === null) return;
		const bytes = new Uint8Array(2 * LONGEST);
		let done = 0;
		for (;;) {
			const at = done;
			const piece = 1 + this.#roll(2 * BLOCK);
			const read = await awaitCall(tab.bridge, () => node.read(bytes, at, piece, at));
			if (read === ESTALE || read === 0) break;
			if (read < 0) throw new Error(`${path}: ${errnoName(read)}`);
			done += read;
			await soon(this.#roll(4));
		}
		tab.close(node);
		expectWhole(bytes.subarray(0, done), `${path}, read in pieces`);
	}

	/** Writes through a descriptor as a program does that has read the file: in its place, with the same
	 *  letter. If that came into another file, that would be a mixture. */
	async writeSlowly(tab: Tab): Promise<void> {
		const node = await tab.open(this.#path());
		if (node === null) return;
		const first = new Uint8Array(1);
		const read = await awaitCall(tab.bridge, () => node.read(first, 0, 1, 0));
		if (read === 1) {
			await soon(this.#roll(6));
			const bytes = new Uint8Array(1 + this.#roll(BLOCK)).fill(first[0] ?? 0);
			const at = this.#roll(BLOCK);
			await awaitCall(tab.bridge, () =>
				node.write(bytes, 0, Math.min(bytes.length, BLOCK - at), at),
			);
			const request = {};
			if (this.#roll(2) === 0) await awaitCall(tab.bridge, () => node.sync(request));
		}
		tab.close(node);
	}
}

function expectWhole(bytes: Uint8Array, what: string): void {
	const found = [...new Set(bytes)];
	expect(found.length, `${what}: the versions ${found}`).toBeLessThan(2);
}

function soon(times: number): Promise<void> {
	return new Promise((resolve) => setTimeout(resolve, times));
}

async function play(place: Place, roll: Dice): Promise<void> {
	const opened = await Promise.all([place.open(), place.open(), place.open()]);
	const tabs = opened.map(({ store, watch }, i) => new Tab(store, watch, i > 0 || roll(2) === 0));
	const round = new Round(roll);
	const work = tabs.map(async (tab, i) => {
		for (let step = 0; step < 12; step++) {
			const what = roll(6);
			if (what < 2) await round.change(tab);
			else if (what < 4) await round.readFile(tab);
			else if (what === 4) await round.readSlowly(tab);
			else await round.writeSlowly(tab);
			await soon(roll(3) + i);
		}
	});
	await Promise.all(work);
	for (const tab of tabs) {
		await tab.sync();
		await tab.sync();
		tab.stop();
	}
	const { store } = await place.open();
	const left = ["/"];
	for (const directory of left) {
		for (const { name, type, size } of await store.list(directory)) {
			const path = `${directory === "/" ? "" : directory}/${name}`;
			if (type === "directory") left.push(path);
			else expectWhole(await store.read(path, 0, size), `${path} at the end`);
		}
	}
}

for (const [name, kind] of Object.entries(kinds)) {
	const rounds = kind().rounds;
	test(`${name}: whatever other tabs put in the place of a file, what is read is of one`, {
		timeout: 600_000,
	}, async () => {
		for (const seed of seeds(rounds)) {
			await play(kind(), dice(seed)).catch((cause) => {
				throw withSeed(seed, cause);
			});
		}
	});
}

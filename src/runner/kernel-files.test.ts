/**
 * What the page reads of a file that others change or replace meanwhile: one whole version.
 */
import { expect, test } from "vitest";
import { dice, seeds, withSeed } from "../abi/random.testkit.ts";
import { LateBridge, PlainStore } from "../fs/late.ts";
import { Namespace } from "../fs/namespace.ts";
import { RemoteFileSystem } from "../fs/remote.ts";
import { KernelFiles } from "./kernel-files.ts";

/** A bridge for code that is no guest: time passes while it waits, and `between` is done in it. */
class Background extends LateBridge {
	between: () => void = () => {};

	override async noted(): Promise<void> {
		this.between();
		if (!this.turn()) throw new Error("waits for what nobody answers");
	}
}

function shared(identifies = true) {
	const store = new PlainStore();
	store.identifies = identifies;
	const bridge = new Background(store);
	const fs = new RemoteFileSystem(bridge, store.far, { block: 8, extras: ["apply"] });
	const namespace = new Namespace(fs);
	const files = new KernelFiles(bridge, () => namespace);
	const put = (path: string, content: string) =>
		store.items.set(path, { bytes: new TextEncoder().encode(content) });
	/** Others replace a file by a rename. */
	const replace = (path: string, content: string) => {
		put("/tmp", content);
		store.rename("/tmp", path);
	};
	const read = async (path: string) => new TextDecoder().decode(await files.readFile(path));
	return { store, bridge, fs, files, put, replace, read };
}

test("a file that is replaced while it is read is read again", async () => {
	for (const heard of [false, true]) {
		const { bridge, put, replace, read, fs } = shared();
		put("/f", "a".repeat(100));
		let waits = 0;
		bridge.between = () => {
			waits += 1;
			if (waits !== 3) return;
			replace("/f", (heard ? "c" : "b").repeat(60));
			if (heard) fs.changed(["/f", "/tmp"]);
		};
		expect(await read("/f")).toBe((heard ? "c" : "b").repeat(60));
		expect(waits).toBeGreaterThan(3);
		while (bridge.turn());
	}
});

test("a file that is cut and written in its place while it is read is not given cut", async () => {
	const { bridge, put, store, read, fs } = shared(false);
	put("/f", "a".repeat(100));
	const clocked = store.list.bind(store);
	let modified = 1e12;
	store.list = (path) => {
		const found = clocked(path);
		return typeof found === "number" ? found : found.map((one) => ({ ...one, modified }));
	};
	let waits = 0;
	bridge.between = () => {
		waits += 1;
		if (waits !== 3) return;
		put("/f", "b".repeat(20));
		modified += 1000;
		fs.changed(["/f"]);
	};
	expect(await read("/f")).toBe("b".repeat(20));
});

test("a file that is replaced without an end is stale, and one that is removed is gone", async () => {
	const { bridge, put, replace, read, store } = shared();
	put("/f", "a".repeat(100));
	put("/g", "g".repeat(100));
	const real = store.read.bind(store);
	store.read = (...args) => {
		replace("/f", "b".repeat(100));
		return real(...args);
	};
	await expect(read("/f")).rejects.toMatchObject({ code: "ESTALE" });
	store.read = real;
	let waits = 0;
	bridge.between = () => {
		waits += 1;
		if (waits === 3) store.items.delete("/g");
	};
	await expect(read("/g")).rejects.toMatchObject({ code: "ENOENT" });
});

test("the parts of an exported file are of one file", async () => {
	const { files, put, replace, fs, bridge } = shared();
	put("/f", "a".repeat(100));
	const { ino } = await files.stat("/f", true);
	expect(await files.readPart("/f", 0, 50, ino)).toHaveLength(50);
	replace("/f", "b".repeat(100));
	fs.changed(["/f", "/tmp"]);
	while (bridge.turn());
	await expect(files.readPart("/f", 50, 50, ino)).rejects.toMatchObject({ code: "changed" });
});

test("whatever others do meanwhile, what is read is one of the versions", async () => {
	for (const seed of seeds(150)) {
		const roll = dice(seed);
		const { bridge, put, replace, read, store, fs } = shared();
		let version = 0;
		const content = () => String.fromCharCode(97 + (version++ % 26)).repeat(1 + roll(90));
		const names = ["/f", "/g"];
		for (const name of names) put(name, content());
		bridge.between = () => {
			const [name = "", other = ""] = roll(2) === 0 ? names : names.toReversed();
			const what = roll(20);
			if (what < 3) replace(name, content());
			else if (what === 3 && store.items.has(other)) store.rename(other, name);
			else if (what === 4) {
				store.items.delete(name);
				put(name, content());
			} else return;
			if (roll(2) === 0) fs.changed([name, other]);
		};
		try {
			for (let i = 0; i < 8; i++) {
				const found = await read(names[roll(2)] as string).catch((error) => {
					if (error.code === "ENOENT" || error.code === "ESTALE") return "x";
					throw error;
				});
				expect(new Set(found).size, found).toBe(1);
			}
		} catch (cause) {
			throw withSeed(seed, cause);
		}
	}
});

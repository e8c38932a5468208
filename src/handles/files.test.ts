import { expect, test } from "vitest";
import { dice, seeds, withSeed } from "../abi/random.testkit.ts";
import { fitting } from "../store/conformance.testkit.ts";
import type { StoreChange } from "../store/store.ts";
import { DraftWriters } from "./draft-writers.ts";
import { HandleFiles } from "./files.ts";
import { Disk } from "./handles.testkit.ts";
import { HandleStore } from "./store.ts";
import { InPlaceWriters, type Writers } from "./writers.ts";

/** What Chromium answers in a private window when the disk is full: -8, without its sign. */
const NO_SPACE = 4_294_967_288;

const bytes = (length: number, value = 1) => new Uint8Array(length).fill(value);

/** A store over a disk of its own, whose files are changed in place or by drafts. */
function start(how: "in place" | "by drafts" = "in place", disk = new Disk()) {
	const run = <T>(work: () => Promise<T>) => work();
	const writers: Writers = how === "in place" ? new InPlaceWriters() : new DraftWriters(run);
	const told: string[] = [];
	const files = new HandleFiles(disk.handle, writers, true, (key, message) => {
		told.push(`/${key}: ${message}`);
	});
	const witness = { async before() {}, async after() {} };
	return { disk, told, files, writers, store: new HandleStore(files, writers, { run }, witness) };
}

/** The same disk, seen by a store that remembers nothing of it. */
function again({ disk }: { readonly disk: Disk }) {
	return start("in place", disk);
}

const names = async (store: HandleStore, path = "/") =>
	(await store.list(path)).map(({ name, type }) => `${name} ${type}`).sort();

// --- what a held file answers ---

test("a count that is larger than what was given is ENOSPC, and the file is as long as before", async () => {
	const { disk, store } = start();
	await store.make("/f", "file");
	await store.write("/f", 0, bytes(1000));
	disk.lie = (method) => (method === "write" ? NO_SPACE : null);
	await expect(store.write("/f", 900, bytes(200, 2))).rejects.toMatchObject({ code: "ENOSPC" });
	const change = { call: "write", path: "/f", offset: 5000, bytes: bytes(9) } as const;
	expect(await store.apply([change], true)).toEqual(["ENOSPC"]);
	disk.lie = () => null;
	expect(await store.read("/f", 0, 9999)).toEqual(bytes(1000));
	await store.write("/f", 1000, bytes(1000));
	expect(await store.read("/f", 0, 9999)).toEqual(bytes(2000));
});

test("a write of which only a part has room is ENOSPC, and the file is as before", async () => {
	const { disk, store } = start();
	await store.make("/f", "file");
	await store.write("/f", 0, bytes(1000));
	disk.quota = 1500;
	await expect(store.write("/f", 500, bytes(1500, 2))).rejects.toMatchObject({ code: "ENOSPC" });
	expect(await store.read("/f", 0, 9999)).toEqual(bytes(1000));
});

test.each([-1, NO_SPACE, 0.5, Number.NaN])("a read that answers %d is EIO", async (answer) => {
	const { disk, store } = start();
	await store.make("/f", "file");
	await store.write("/f", 0, bytes(10));
	disk.lie = (method) => (method === "read" ? answer : null);
	await expect(store.read("/f", 0, 10)).rejects.toMatchObject({ code: "EIO" });
});

test.each([-8, Number.NaN, 2 ** 64])("a size of %d is EIO for reads and writes", async (answer) => {
	const { disk, store } = start();
	await store.make("/f", "file");
	await store.write("/f", 0, bytes(10));
	disk.lie = (method) => (method === "getSize" ? answer : null);
	await expect(store.read("/f", 0, 10)).rejects.toMatchObject({ code: "EIO" });
	await expect(store.write("/f", 10, bytes(10))).rejects.toMatchObject({ code: "EIO" });
	await expect(store.resize("/f", 5)).rejects.toMatchObject({ code: "EIO" });
	disk.lie = () => null;
	expect(await store.read("/f", 0, 99)).toEqual(bytes(10));
});

test("a new size that the browser has not made, and does not say so, is ENOSPC", async () => {
	const { disk, store } = start();
	await store.make("/f", "file");
	disk.lie = (method) => (method === "truncate" ? 0 : null);
	await expect(store.resize("/f", 5000)).rejects.toMatchObject({ code: "ENOSPC" });
});

test("a flush that fails when a writer is closed fails the next sync, once", async () => {
	const { disk, store } = start();
	await store.make("/f", "file");
	await store.write("/f", 0, bytes(10));
	disk.onCall = (method) => {
		if (method === "flush") throw new DOMException("broken", "InvalidStateError");
	};
	await store.rename("/f", "/g");
	disk.onCall = () => {};
	await expect(store.sync()).rejects.toMatchObject({ code: "EIO" });
	await store.sync();
});

test("a draft of which the browser leaves out a part is ENOSPC, and is written again", async () => {
	const { disk, store } = start("by drafts");
	await store.make("/f", "file");
	await store.write("/f", 0, bytes(10));
	disk.leavesOut = 4;
	await expect(store.sync()).rejects.toMatchObject({ code: "ENOSPC" });
	disk.leavesOut = 0;
	await store.sync();
	expect(await store.read("/f", 0, 99)).toEqual(bytes(10));
});

test("random writes on a disk that lies when it is full: what sync has answered for is there", async () => {
	for (const seed of seeds(60)) {
		const roll = dice(seed);
		const { disk, store } = start();
		disk.quota = 20_000;
		disk.lie = (method) => (method === "write" && disk.free < 2000 ? NO_SPACE : null);
		const model = new Map<string, Uint8Array>();
		for (let step = 0; step < 60; step++) {
			const path = `/${roll(4)}`;
			const old = model.get(path);
			if (old === undefined) {
				model.set(path, bytes(0));
				await store.make(path, "file");
				continue;
			}
			const offset = roll(old.length + 1);
			const written = bytes(1 + roll(3000), step);
			if (roll(5) === 0) {
				await store.remove(path);
				model.delete(path);
				continue;
			}
			const change = { call: "write", path, offset, bytes: written } as const;
			const [answer] = await store.apply([change], true);
			if (answer !== null) continue;
			const next = bytes(Math.max(old.length, offset + written.length), 0);
			next.set(old);
			next.set(written, offset);
			model.set(path, next);
		}
		for (const [path, wanted] of model) {
			const found = await store.read(path, 0, 99_999);
			if (`${found}` !== `${wanted}`) throw withSeed(seed, `${path} is not what was synced`);
		}
	}
});

// --- sidecars and intents that are damaged ---

const link = (name: string, seen: string) =>
	`{"format":1,"notes":{"${name}":{"target":"t","seen":"${seen}"}}}`;

test.each([
	["emptied", ""],
	["cut", link("l", "1 1").slice(0, -5)],
	["an array", "[]"],
	["null", "null"],
	["of another format", '{"format":2,"notes":{}}'],
	["without notes", '{"format":1}'],
	["with an array of notes", '{"format":1,"notes":[]}'],
	["with a note that is a text", '{"format":1,"notes":{"f":"x"}}'],
	["with a note that has seen a number", '{"format":1,"notes":{"f":{"seen":3}}}'],
	["with a target that is a number", '{"format":1,"notes":{"f":{"seen":"","target":3}}}'],
	["with one time", '{"format":1,"notes":{"f":{"seen":"","times":["1"]}}}'],
	["with a time that is no number", '{"format":1,"notes":{"f":{"seen":"","times":["1","x"]}}}'],
	["deep", `${"[".repeat(100_000)}`],
])(
	"a sidecar that is %s: files are read and written, and the page is told once",
	async (_, text) => {
		const first = start();
		await first.store.make("/d", "directory");
		await first.store.make("/d/f", "file");
		await first.store.write("/d/f", 0, bytes(3, 65));
		await first.store.symlink("/d/l", "f");
		await first.writers.close("");
		first.disk.put("d/.porthole", text);
		const { store, told, disk } = again(first);
		expect(await store.read("/d/f", 0, 9)).toEqual(bytes(3, 65));
		expect(await names(store, "/d")).toEqual([".porthole.damaged file", "f file", "l file"]);
		await store.write("/d/f", 3, bytes(1, 66));
		await store.make("/d/g", "file");
		await store.symlink("/d/m", "g");
		await store.utimes("/d/g", 1n, 2n);
		expect(await names(store, "/d")).toContain("m symlink");
		expect(told).toHaveLength(1);
		expect(told[0]).toMatch(/^\/d: \.porthole was damaged and is kept as \.porthole\.damaged; /);
		expect(disk.tree()["d/.porthole.damaged"]).toBe(text);
		// What was noted since is there for the next.
		const next = again(first);
		expect(await names(next.store, "/d")).toContain("m symlink");
		expect(next.told).toEqual([]);
	},
);

test("damaged sidecars that are kept do not take each other's place", async () => {
	const { disk, store, files } = start();
	for (const text of ["one", "two", "three"]) {
		disk.put(".porthole", text);
		files.forget();
		await store.list("/");
	}
	expect(disk.tree()).toEqual({
		".porthole.damaged": "one",
		".porthole.damaged-2": "two",
		".porthole.damaged-3": "three",
	});
});

test("a sidecar that is too large is put aside unread", async () => {
	const { disk, store, told } = start();
	disk.put("f", "text");
	disk.put(".porthole", "x");
	disk.large.add(".porthole");
	expect(await names(store)).toEqual([".porthole.damaged file", "f file"]);
	expect(told).toHaveLength(1);
});

test("a directory that is called .porthole stays, and files beside it are read and written", async () => {
	const { disk, store, told } = start();
	disk.put("d/f", "text");
	disk.put("d/.porthole/theirs", "theirs");
	expect(await names(store, "/d")).toEqual(["f file"]);
	await store.write("/d/f", 0, bytes(1, 65));
	await store.make("/d/g", "file");
	await store.remove("/d/g");
	const failed = store.utimes("/d/f", 1n, 2n);
	await expect(failed).rejects.toMatchObject({ code: "EIO" });
	await expect(failed).rejects.toThrow("which is damaged or a directory");
	await expect(store.remove("/d")).rejects.toMatchObject({ code: "ENOTEMPTY" });
	await store.remove("/d/f");
	await expect(store.remove("/d")).rejects.toMatchObject({ code: "ENOTEMPTY" });
	await store.rename("/d", "/e");
	expect(disk.tree()).toEqual({ "e/": "", "e/.porthole/": "", "e/.porthole/theirs": "theirs" });
	expect(told.length).toBeGreaterThan(0);
});

test("a damaged sidecar that cannot be moved is not written over", async () => {
	const { disk, store, told, files } = start();
	disk.put("f", "text");
	disk.put(".porthole", "cut");
	disk.onCall = (method, name) => {
		if (name === ".porthole" && method === "move") throw new DOMException("no", "NotAllowedError");
		if (name === ".porthole.damaged" && method === "createWritable") {
			throw new DOMException("no", "NotAllowedError");
		}
	};
	for (let times = 0; times < 3; times++) {
		files.forget();
		expect(await store.read("/f", 0, 9)).toHaveLength(4);
		await expect(store.utimes("/f", 1n, 2n)).rejects.toMatchObject({ code: "EIO" });
	}
	expect(disk.tree()[".porthole"]).toBe("cut");
	expect(told).toHaveLength(1);
});

test("names that objects have of themselves are names as any", async () => {
	const { disk, store } = start();
	for (const name of ["__proto__", "constructor", "toString"]) {
		await store.symlink(`/${name}`, "target");
	}
	const [listing] = await again({ disk }).store.list("/");
	expect(listing).toMatchObject({ name: "__proto__", type: "symlink", target: "target" });
	disk.put("f", "");
	disk.put(".porthole", '{"format":1,"notes":{"f":{"__proto__":{"target":"x"},"seen":"1 0"}}}');
	const found = (await again({ disk }).store.list("/")).find(({ name }) => name === "f");
	expect(found?.type).toBe("file");
});

test("a sidecar is there whole or not at all, wherever a tab ends", async () => {
	for (let last = 0, over = false; !over; last++) {
		const first = start();
		await first.store.make("/f", "file");
		let calls = 0;
		first.disk.onCall = () => {
			if (calls++ >= last) throw new DOMException("the tab has ended", "AbortError");
		};
		over = await first.store.utimes("/f", 1n, 2n).then(
			() => true,
			() => false,
		);
		first.disk.onCall = () => {};
		const { store, told } = again(first);
		expect(await names(store)).toEqual(["f file"]);
		expect(told).toEqual([]);
		await store.utimes("/f", 3n, 4n);
		await store.remove("/f");
		expect(await names(store)).toEqual([]);
	}
});

test.each([
	["damaged", "{"],
	["of an unknown kind", '{"format":1,"kind":"erase","path":"/f"}'],
	["about the root", '{"format":1,"kind":"rename","from":"/","to":"/x","note":null}'],
	[
		"that moves a directory into itself",
		'{"format":1,"kind":"rename","from":"/d","to":"/d/e","note":null}',
	],
	["that leads out", '{"format":1,"kind":"symlink","path":"/../x","target":"t"}'],
	[
		"about a directory that is gone",
		'{"format":1,"kind":"rename","from":"/f","to":"/gone/f","note":null}',
	],
	["that cannot be", '{"format":1,"kind":"symlink","path":"/f/g","target":"t"}'],
])("an intent %s is put aside, and told", async (_, text) => {
	const { disk, files, store, told } = start();
	disk.put("f", "text");
	disk.put("d/g", "text");
	disk.put(".porthole-intent", text);
	await files.finishIntent();
	expect(await names(store)).toEqual([".porthole-intent.damaged file", "d directory", "f file"]);
	expect(await store.read("/f", 0, 9)).toHaveLength(4);
	expect(told).toHaveLength(1);
	await files.finishIntent();
	expect(told).toHaveLength(1);
});

test("an intent that fails for now is kept for later", async () => {
	const { disk, files } = start();
	disk.put(".porthole-intent", '{"format":1,"kind":"symlink","path":"/l","target":"t"}');
	disk.onCall = (method, name) => {
		if (method === "createWritable" && name === "l") {
			throw new DOMException("full", "QuotaExceededError");
		}
	};
	await expect(files.finishIntent()).rejects.toThrow();
	disk.onCall = () => {};
	await files.finishIntent();
	expect(disk.tree()).toMatchObject({ l: "t" });
	expect(Object.keys(disk.tree())).not.toContain(".porthole-intent");
});

test.each(["", "{", "/"])(
	"listing a directory in which an intent %o was left ends",
	async (text) => {
		const { disk, store } = start();
		disk.put("d/f", "text");
		if (text === "/") disk.put("d/.porthole-intent/theirs", "theirs");
		else disk.put("d/.porthole-intent", text);
		expect(await names(store, "/d")).toContain("f file");
	},
);

test("a size that no disk can hold is EFBIG before the browser is asked", async () => {
	for (const how of ["in place", "by drafts"] as const) {
		const { disk, store } = start(how);
		await store.make("/f", "file");
		disk.onCall = (method) => expect(method).not.toMatch(/truncate|write|createWritable/);
		for (const size of [2 ** 44, 2 ** 53 - 1, 2 ** 60, Number.NaN, -1]) {
			await expect(store.resize("/f", size)).rejects.toMatchObject({ code: "EFBIG" });
		}
		await expect(store.write("/f", 2 ** 44, bytes(1))).rejects.toMatchObject({ code: "EFBIG" });
	}
});

// --- what all stores do, and what it costs ---

for (const { name, run } of fitting(start().store)) {
	test(`handles: ${name}`, async () => {
		const first = start();
		const look = async () => {
			await first.writers.close("");
			return again(first).store;
		};
		await run({ store: first.store, again: look });
	});
}

/** How often each method was called. */
function counting(disk: Disk): Map<string, number> {
	const calls = new Map<string, number>();
	disk.onCall = (method) => calls.set(method, (calls.get(method) ?? 0) + 1);
	return calls;
}

const total = (calls: Map<string, number>) => [...calls.values()].reduce((sum, n) => sum + n, 0);

test("the times of many files of a directory are written once for a list of changes", async () => {
	const { disk, store } = start();
	const paths = Array.from({ length: 300 }, (_, i) => `/${i}`);
	await store.apply(paths.map((path) => ({ call: "make", path, type: "file" }) as const));
	const calls = counting(disk);
	const times = { call: "utimes", accessed: 1n, modified: 2_000_000n } as const;
	expect(await store.apply(paths.map((path) => ({ ...times, path })))).toEqual(
		paths.map(() => null),
	);
	expect(calls.get("createWritable")).toBe(1);
	const listed = await again({ disk }).store.list("/");
	expect(listed.every(({ modified }) => modified === 2)).toBe(true);
});

test("times that could not be noted are told for each file, and noted by the next try", async () => {
	const { disk, store } = start();
	const paths = ["/a", "/b"];
	await store.apply(paths.map((path) => ({ call: "make", path, type: "file" }) as const));
	const times = { call: "utimes", accessed: 1n, modified: 2_000_000n } as const;
	const change = () => store.apply(paths.map((path) => ({ ...times, path })));
	disk.onCall = (method) => {
		if (method === "createWritable") throw new DOMException("full", "QuotaExceededError");
	};
	expect(await change()).toEqual(["ENOSPC", "ENOSPC"]);
	disk.onCall = () => {};
	expect(await change()).toEqual([null, null]);
	expect((await again({ disk }).store.list("/")).map(({ modified }) => modified)).toEqual([2, 2]);
});

test("a file costs the browser as much in a large directory as in a small one", async () => {
	const cost = async (files: number) => {
		const { disk, store } = start();
		const calls = counting(disk);
		for (let at = 0; at < files; at += 100) {
			const some = Array.from({ length: 100 }, (_, i) => `/${at + i}`);
			await store.apply(
				some.flatMap((path) => [
					{ call: "make", path, type: "file" } as const,
					{ call: "write", path, offset: 0, bytes: bytes(3) } as const,
				]),
			);
		}
		await store.sync();
		return total(calls) / files;
	};
	const few = await cost(100);
	expect(await cost(3000)).toBeLessThanOrEqual(few + 1);
});

test("a directory costs as much far below as near the root, made, listed and removed", async () => {
	const { disk, store } = start();
	const cost = async (depth: number) => {
		const path = "/d".repeat(depth);
		const calls = counting(disk);
		await store.make(path, "directory");
		await store.list(path);
		await store.make(`${path}/f`, "file");
		await store.write(`${path}/f`, 0, bytes(1));
		await store.remove(`${path}/f`);
		return total(calls);
	};
	const near = await cost(1);
	for (let depth = 2; depth <= 1200; depth++) {
		if (depth % 200 > 0) await store.make("/d".repeat(depth), "directory");
		else expect(await cost(depth)).toBeLessThanOrEqual(near + 4);
	}
});

test("a list that makes what is there, twice, or in what it removes fails where one by one would", async () => {
	const { disk, store } = start();
	disk.put("there", "text");
	disk.put("d/f", "text");
	const make = (path: string) => ({ call: "make", path, type: "file" }) as const;
	const changes = [
		make("/new"),
		make("/there"),
		make("/new"),
		make("/none/f"),
		{ call: "remove", path: "/d/f" },
		{ call: "remove", path: "/d" },
		make("/d/f"),
		{ call: "rename", path: "/new", to: "/old" },
		make("/new"),
	] as const;
	const right = [null, "EEXIST", "EEXIST", "ENOENT", null, null, "ENOENT", null, null];
	expect(await store.apply(changes)).toEqual(right);
	expect(disk.tree()).toEqual({ there: "text", old: "", new: "" });
});

test("the files that a list makes and writes are looked up, made and opened side by side", async () => {
	const { disk, store } = start();
	const most = new Map<string, number>();
	const slow = <T extends object, K extends keyof T>(of: T, method: K & string) => {
		const plain = of[method] as (...args: unknown[]) => Promise<unknown>;
		let running = 0;
		const waits = async (...args: unknown[]) => {
			most.set(method, Math.max(most.get(method) ?? 0, ++running));
			await new Promise((resolve) => setTimeout(resolve));
			running--;
			return plain.apply(of, args);
		};
		Object.assign(of, { [method]: waits });
		return waits;
	};
	const find = slow(disk.root, "getFileHandle");
	const opening = { open: (file: unknown) => Reflect.get(Object(file), "open").call(file) };
	const open = slow(opening, "open");
	disk.root.getFileHandle = async (...args) => {
		const file = (await find(...args)) as Awaited<ReturnType<typeof disk.root.getFileHandle>>;
		const plain = Object.getPrototypeOf(file).createSyncAccessHandle.bind(file);
		return Object.assign(file, {
			createSyncAccessHandle: () => open({ open: plain }),
		});
	};
	const changes = Array.from({ length: 40 }, (_, i) => [
		{ call: "make", path: `/f${i}`, type: "file" } as const,
		{ call: "write", path: `/f${i}`, offset: 0, bytes: bytes(10, i) } as const,
	]).flat();
	expect(await store.apply(changes, true)).toEqual(changes.map(() => null));
	expect(Object.fromEntries(most)).toEqual({ getFileHandle: 16, open: 16 });
	expect(await store.read("/f39", 0, 99)).toEqual(bytes(10, 39));
});

test("a file that cannot be opened or made ahead of its turn fails in its turn, and no other does", async () => {
	const { disk, store } = start();
	const failing = new Map([
		["f1", "createSyncAccessHandle"],
		["f3", "getFileHandle"],
	]);
	disk.onCall = (method, name) => {
		if (failing.get(name) === method) throw new DOMException("full", "QuotaExceededError");
	};
	const changes = Array.from({ length: 5 }, (_, i) => [
		{ call: "make", path: `/f${i}`, type: "file" } as const,
		{ call: "write", path: `/f${i}`, offset: 0, bytes: bytes(1, 65 + i) } as const,
	]).flat();
	const answers = await store.apply(changes);
	const right = [null, null, null, "ENOSPC", null, null, "ENOSPC", "ENOSPC", null, null];
	expect(answers).toEqual(right);
	failing.clear();
	expect(await store.apply(changes.slice(2))).toEqual([
		"EEXIST",
		null,
		"EEXIST",
		null,
		null,
		null,
		"EEXIST",
		null,
	]);
	expect(disk.tree()).toEqual({ f0: "A", f1: "B", f2: "C", f3: "D", f4: "E" });
});

test("random lists of changes do what the same changes do one by one", async () => {
	for (const seed of seeds(150)) {
		const roll = dice(seed);
		const [lists, singles] = [start(), start()];
		for (let round = 0; round < 4; round++) {
			const changes = Array.from({ length: 1 + roll(40) }, () => randomChange(roll));
			const each: unknown[] = [];
			for (const change of changes) each.push(...(await singles.store.apply([change])));
			try {
				expect(await lists.store.apply(changes)).toEqual(each);
				expect(await shown(lists)).toEqual(await shown(singles));
			} catch (error) {
				throw withSeed(seed, error);
			}
		}
	}
});

/** All files with their bytes, and the times that were set in the root. What is noted in a sidecar is not the same
 *  for two disks. */
async function shown({ disk, store }: ReturnType<typeof start>): Promise<unknown> {
	const isNote = (path: string) => path.endsWith(".porthole");
	const files = Object.entries(disk.tree()).filter(([path]) => !isNote(path));
	const times = (await store.list("/")).map(({ name, times }) => [name, times]);
	return { files: files.sort(), times: times.sort() };
}

function randomChange(roll: (sides: number) => number): StoreChange {
	const path = () => "/a /b /c /d /d/a /d/b /e /e/a /e/d /e/d/a".split(" ")[roll(10)] as string;
	const at = path();
	switch (roll(9)) {
		case 0:
		case 1:
			return { call: "make", path: at, type: "file" };
		case 2:
			return { call: "make", path: at, type: "directory" };
		case 3:
			return { call: "remove", path: at };
		case 4:
			return { call: "rename", path: at, to: path() };
		case 5:
			return { call: "resize", path: at, size: roll(9) };
		case 6:
			return { call: "utimes", path: at, accessed: 5n, modified: BigInt(roll(9)) };
		default:
			return { call: "write", path: at, offset: roll(9), bytes: bytes(1 + roll(9), 65 + roll(26)) };
	}
}

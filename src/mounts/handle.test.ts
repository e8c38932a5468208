import { expect, test } from "vitest";
import { dice, seeds, withSeed } from "../abi/random.testkit.ts";
import { GatheringPens } from "./gathering.ts";
import { HandleFiles } from "./handle.ts";
import { HandleStore } from "./handle-store.ts";
import { Disk } from "./handles.testkit.ts";
import { InPlacePens, type Pens } from "./pens.ts";
import { Notebook } from "./sidecar.ts";

/** What Chromium answers in a private window when the disk is full: -8, without its sign. */
const NO_SPACE = 4_294_967_288;

const bytes = (length: number, value = 1) => new Uint8Array(length).fill(value);

/** A store over a disk of its own, whose files are changed in place or by drafts. */
function start(how: "in place" | "by drafts" = "in place") {
	const disk = new Disk();
	const run = <T>(work: () => Promise<T>) => work();
	const pens: Pens = how === "in place" ? new InPlacePens() : new GatheringPens(run);
	const files = new HandleFiles(disk.handle, pens, new Notebook(true), true);
	const witness = { before() {}, async after() {} };
	return { disk, store: new HandleStore(files, pens, { run }, witness) };
}

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

test("a flush that fails when a pen is put down is told by the next sync, once", async () => {
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

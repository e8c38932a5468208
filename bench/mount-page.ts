/**
 * The page of the mounts' bench: does one job with one contestant in a new place, and says how many
 * milliseconds it took until everything was durable.
 *
 * The peers have no SQLite, so they are given what SQLite does to files in one transaction with a
 * rollback journal: the journal written and synced, its header written and synced, two pages of the
 * database written and synced, the journal removed. That is in their favour: SQLite also reads.
 *
 * Ours has everything on the disk when a sync is answered, in a transaction that is strict. ZenFS syncs
 * nothing, and its transactions are relaxed: they survive the browser, not the machine. So there is a
 * `zenfs-strict`, which ends each sync with a strict transaction on the same database. What nobody can
 * do without is `raw`: for each sync one strict transaction that puts one record.
 */
import { configureSingle, fs as zenfs } from "@zenfs/core";
import { IndexedDB, WebAccess } from "@zenfs/dom";
import { IndexedDBDirectory, OPFSDirectory, Sandbox } from "../src/index.ts";
import type { MountContestant, MountJob } from "./mount-job.ts";
import { openRaw, type RawStore } from "./mount-raw.ts";

const PIECE = 65536;
const PAGE = 4096;
const MiB = 1 << 20;

let last = 0;

/** Milliseconds; for the task `warm` nanoseconds per read of the mount and of memory. */
async function run(who: MountContestant, job: MountJob): Promise<number[]> {
	last += 1;
	const place = `bench-${last}`;
	switch (who) {
		case "ours":
			return runOurs(place, job);
		case "raw":
			return [await runRaw(place, job)];
		case "whole-tree":
			return [await runWholeTree(place, job)];
		case "zenfs":
			return [await runZenFS(place, job, false)];
		case "zenfs-strict":
			return [await runZenFS(place, job, true)];
	}
}

async function timed(work: () => Promise<void>): Promise<number> {
	const start = performance.now();
	await work();
	return performance.now() - start;
}

/** Bytes that no store can make smaller. */
function random(length: number): Uint8Array<ArrayBuffer> {
	const bytes = new Uint8Array(length);
	for (let at = 0; at < length; at += PIECE) {
		crypto.getRandomValues(bytes.subarray(at, Math.min(length, at + PIECE)));
	}
	return bytes;
}

// --- ours ---

async function runOurs(place: string, { task, store, count }: MountJob): Promise<number[]> {
	const directory = store === "OPFS" ? new OPFSDirectory(place) : new IndexedDBDirectory(place);
	const sandbox = await Sandbox.create({
		workerUrl: "/guest.js",
		packages: [task === "transactions" ? "/sqlite.webc" : "/mounting.wasm"],
		mounts: { "/home": directory },
		files: { "/script": inserts(count) },
	});
	const output = async (args: string[]) => {
		const command = task === "transactions" ? "sqlite" : "mounting";
		const found = await sandbox.command(command, args).output();
		if (!found.success) throw new Error(found.text() || new TextDecoder().decode(found.stderr));
		return found.text();
	};
	try {
		if (task === "warm") {
			const mount = await output(["warm", "/home/file", String(count)]);
			const memory = await output(["warm", "/tmp/file", String(count)]);
			return [mount, memory].map((text) => Number(text.split(" ")[1]));
		}
		if (task === "transactions") {
			await output(["-version"]);
			return [await timed(async () => void (await output(["/home/bench.db", ".read /script"])))];
		}
		await output([task, task === "files" ? "/tmp" : "/tmp/file", "1"]);
		const at = task === "files" ? "/home" : "/home/file";
		return [await timed(async () => void (await output([task, at, String(count)])))];
	} finally {
		await sandbox.close();
		if (store === "IndexedDB") await folded(`porthole-${place}`);
	}
}

/** Waits until the database has put its log into its places, which it does when nobody waits for it: it
 *  shall not be in the way of who comes next. */
async function folded(name: string): Promise<void> {
	const raw = await openRaw(name, "files");
	const log = IDBKeyRange.bound(["log"], ["log", []]);
	const isEmpty = (record: unknown) => record instanceof Uint8Array && record.length === 0;
	while (!(await raw.values(log)).every(isEmpty)) {
		await new Promise((resolve) => setTimeout(resolve, 200));
	}
	raw.close();
}

function inserts(count: number): string {
	const lines = ["CREATE TABLE t (id INTEGER PRIMARY KEY, name TEXT);"];
	for (let i = 0; i < count; i++) lines.push(`INSERT INTO t VALUES (${i}, 'number ${i}');`);
	return lines.join("\n");
}

// --- IndexedDB without a file system ---

async function runRaw(place: string, { task, count }: MountJob): Promise<number> {
	const raw = await openRaw(`raw-${place}`);
	const bytes = random(task === "sequential" ? MiB : 100);
	const ms = await timed(async () => {
		if (task === "transactions") {
			const synced = [random(8720), random(12), random(2 * PAGE)];
			for (let i = 0; i < count; i++) {
				for (const [n, bytes] of synced.entries()) await raw.put(1, () => [n, bytes]);
			}
			return;
		}
		if (task === "files") {
			for (let i = 0; i < count; i += 500) await raw.put(500, (n) => [i + n, bytes.slice()]);
			return;
		}
		await raw.put(count, (n) => {
			bytes[0] = n;
			return [n, bytes.slice()];
		});
	});
	raw.close();
	return ms;
}

/** Files in memory; what changed goes to IndexedDB whole, in one transaction, when it is synced. */
async function runWholeTree(place: string, { task, count }: MountJob): Promise<number> {
	const raw = await openRaw(`raw-${place}`);
	const tree = new Map<string, Uint8Array<ArrayBuffer>>();
	const ms = await timed(async () => {
		if (task === "sequential") {
			const file = new Uint8Array(count * MiB);
			const piece = random(PIECE);
			for (let at = 0; at < file.length; at += PIECE) file.set(piece, at);
			tree.set("/file", file);
		} else if (task === "files") {
			const bytes = random(100);
			for (let i = 0; i < count; i++) tree.set(`/file-${i}`, bytes.slice());
		}
		if (task !== "transactions") return syncTree(raw, tree);
		for (let i = 0; i < count; i++) {
			const file = new Uint8Array(2 * PAGE + Math.floor(i / 60) * PAGE);
			tree.set("/bench.db", file);
			await syncTree(raw, tree);
		}
	});
	raw.close();
	return ms;
}

/** Compares the times of all files with those that are stored, and writes what is newer. */
async function syncTree(raw: RawStore, tree: Map<string, Uint8Array<ArrayBuffer>>): Promise<void> {
	await raw.keys();
	const files = [...tree];
	await raw.put(files.length, (n) => {
		const [path, contents] = files[n] ?? ["", new Uint8Array(0)];
		return [path, { timestamp: new Date(), mode: 0o100644, contents }];
	});
}

// --- ZenFS ---

async function runZenFS(
	place: string,
	{ task, store, count }: MountJob,
	strict: boolean,
): Promise<number> {
	if (store === "IndexedDB") await configureSingle({ backend: IndexedDB, storeName: place });
	else {
		const root = await navigator.storage.getDirectory();
		const handle = await root.getDirectoryHandle(place, { create: true });
		await configureSingle({ backend: WebAccess, handle });
	}
	const { promises } = zenfs;
	const raw = strict ? await openRaw(place, place) : null;
	const sync = async (file: { sync(): Promise<void> }) => {
		await file.sync();
		await raw?.put(1, () => [-1, new Uint8Array(1)]);
	};
	return timed(async () => {
		if (task === "files") {
			const bytes = random(100);
			for (let i = 0; i < count; i++) await promises.writeFile(`/file-${i}`, bytes);
			return;
		}
		if (task === "sequential") {
			const piece = random(PIECE);
			const file = await promises.open("/file", "w");
			for (let at = 0; at < count * MiB; at += PIECE) await file.write(piece, 0, PIECE, at);
			await sync(file);
			await file.close();
			return;
		}
		const page = random(PAGE);
		const database = await promises.open("/bench.db", "w+");
		for (let i = 0; i < count; i++) {
			const journal = await promises.open("/bench.db-journal", "w");
			await journal.write(page, 0, 512, 0);
			await journal.write(page, 0, PAGE, 512);
			await sync(journal);
			await journal.write(page, 0, 12, 0);
			await sync(journal);
			await database.write(page, 0, PAGE, 0);
			await database.write(page, 0, PAGE, PAGE * (1 + Math.floor(i / 60)));
			await sync(database);
			await journal.close();
			await promises.unlink("/bench.db-journal");
		}
		await database.close();
	});
}

declare global {
	var mountBench: { run: typeof run };
}
globalThis.mountBench = { run };

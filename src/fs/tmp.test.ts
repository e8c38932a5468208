import { expect, test } from "vitest";
import { EEXIST, EINVAL, ENOENT, ENOSPC, ENOTEMPTY } from "../abi/errno.ts";
import { mkdirs, writeFile } from "./host-files.ts";
import { emptyEntry, emptyStat, type INode } from "./node.ts";
import { Tmp, TmpFile } from "./tmp.ts";

const MiB = 1024 * 1024;

function made(node: INode | number): INode {
	if (typeof node === "number") throw new Error(`no node: ${node}`);
	return node;
}

function tmp(limit?: number): Tmp {
	let time = 0n;
	const now = () => ++time;
	return new Tmp(limit === undefined ? { now } : { now, limit });
}

function names(directory: INode): string[] {
	const entry = emptyEntry();
	const found: string[] = [];
	for (let at = directory.readdir(0, entry); at > 0; at = directory.readdir(at, entry)) {
		found.push(entry.name);
	}
	return found;
}

test("a gap reads as zeros, across chunks and beyond 2 GiB", () => {
	const fs = tmp();
	const file = made(fs.root.create("sparse", "file"));
	const far = 5 * 1024 * MiB + 123;
	expect(file.write(Uint8Array.of(7, 8), 0, 2, far)).toBe(2);
	expect(file.write(Uint8Array.of(9), 0, 1, 300_000)).toBe(1);
	expect(file.size()).toBe(far + 2);
	expect(fs.used).toBeLessThan(MiB);
	const bytes = new Uint8Array(8).fill(1);
	expect(file.read(bytes, 0, 8, far - 6)).toBe(8);
	expect([...bytes]).toEqual([0, 0, 0, 0, 0, 0, 7, 8]);
	expect(file.read(bytes, 0, 3, 299_999)).toBe(3);
	expect([...bytes.subarray(0, 3)]).toEqual([0, 9, 0]);
	expect(file.read(bytes, 0, 8, far + 2)).toBe(0);
});

test("what truncating cuts off does not come back", () => {
	const file = made(tmp().root.create("f", "file"));
	file.write(new Uint8Array(600_000).fill(5), 0, 600_000, 0);
	file.truncate(300_000);
	file.truncate(600_000);
	const bytes = new Uint8Array(600_000).fill(1);
	expect(file.read(bytes, 0, 600_000, 0)).toBe(600_000);
	expect(bytes.subarray(0, 300_000).every((byte) => byte === 5)).toBe(true);
	expect(bytes.subarray(300_000).every((byte) => byte === 0)).toBe(true);
});

test("writing nothing does not grow a file", () => {
	const file = made(tmp().root.create("f", "file"));
	file.write(Uint8Array.of(1), 0, 1, 0);
	expect(file.write(Uint8Array.of(1), 0, 0, 10)).toBe(0);
	expect(file.size()).toBe(1);
});

test("the limit is ENOSPC, after a short write, and removed files give their bytes back", () => {
	const fs = tmp(MiB);
	const file = made(fs.root.create("f", "file"));
	const bytes = new Uint8Array(2 * MiB);
	expect(file.write(bytes, 0, bytes.length, 0)).toBe(MiB);
	expect(file.write(bytes, 0, bytes.length, MiB)).toBe(ENOSPC);
	expect(fs.used).toBe(MiB);
	file.handles = 1;
	fs.root.remove("f", "file");
	expect(fs.used).toBe(MiB);
	expect(file.read(bytes, 0, 10, 0)).toBe(10);
	file.handles = 0;
	file.closed();
	expect(fs.used).toBe(0);
});

test("a file adopts a buffer without copying it, and grows out of it", () => {
	const fs = tmp();
	const bytes = new Uint8Array(700_000).fill(3);
	expect(writeFile(fs.root, "/a/b/big", bytes, true)).toBe(0);
	const file = made(made(mkdirs(fs.root, "/a/b")).lookup("big"));
	expect(file).toBeInstanceOf(TmpFile);
	file.write(Uint8Array.of(9), 0, 1, 500_000);
	expect(bytes[500_000]).toBe(9);
	file.write(Uint8Array.of(4), 0, 1, 700_000);
	const tail = new Uint8Array(2);
	expect(file.read(tail, 0, 2, 699_999)).toBe(2);
	expect([...tail]).toEqual([3, 4]);
});

test("a cursor stays good while entries come and go, and a removed directory takes nothing", () => {
	const fs = tmp();
	for (let i = 0; i < 300; i++) fs.root.create(`f${i}`, "file");
	const entry = emptyEntry();
	let cursor = 0;
	for (let i = 0; i < 150; i++) cursor = fs.root.readdir(cursor, entry);
	expect(entry.name).toBe("f149");
	for (let i = 0; i < 280; i++) if (i !== 200) fs.root.remove(`f${i}`, "file");
	fs.root.create("new", "file");
	expect(fs.root.readdir(cursor, entry)).toBeGreaterThan(cursor);
	expect(entry.name).toBe("f200");
	expect(names(fs.root).slice(-2)).toEqual(["f299", "new"]);

	const gone = made(fs.root.create("gone", "directory"));
	fs.root.remove("gone", "directory");
	expect(gone.create("x", "file")).toBe(ENOENT);
});

test("renaming keeps the place in the listing, moving appends", () => {
	const { root } = tmp();
	for (const name of ["a", "b", "c"]) root.create(name, "file");
	const d = made(root.create("d", "directory"));
	d.create("x", "file");
	expect(root.rename("b", root, "B")).toBe(0);
	expect(root.rename("a", d, "a")).toBe(0);
	expect(names(root)).toEqual(["B", "c", "d"]);
	expect(names(d)).toEqual(["x", "a"]);
	expect(root.rename("d", d, "d")).toBe(EINVAL);
	const e = made(root.create("e", "directory"));
	expect(root.rename("e", root, "d")).toBe(ENOTEMPTY);
	expect(root.rename("d", e, "d")).toBe(0);
	expect(root.rename("e", d, "e")).toBe(EINVAL);
});

test("hard links share one node, and links are counted", () => {
	const { root } = tmp();
	const stat = emptyStat();
	const file = made(root.create("a", "file"));
	expect(root.link("b", file)).toBe(0);
	expect(root.link("b", file)).toBe(EEXIST);
	expect(root.lookup("b")).toBe(file);
	file.stat(stat);
	expect(stat.links).toBe(2);
	root.remove("a", "file");
	file.stat(stat);
	expect(stat.links).toBe(1);
});

test("a write marks the times, and a look settles them", () => {
	const { root } = tmp();
	const stat = emptyStat();
	const file = made(root.create("a", "file"));
	file.stat(stat);
	const before = stat.modified;
	file.write(Uint8Array.of(1), 0, 1, 0);
	file.stat(stat);
	expect(stat.modified).toBeGreaterThan(before);
	expect(stat.accessed).toBe(before);
	file.setTimes(5n, null);
	file.stat(stat);
	expect(stat.accessed).toBe(5n);
});

import { expect, test } from "vitest";
import { applyInTurn } from "./apply.ts";
import { MadeFiles } from "./made-files.ts";
import type { FileId, LinkingStore, StoreChange } from "./store.ts";

/** A store that makes files with ids, fails the changes of `broken` paths, and notes which file was meant. */
function store(broken: readonly string[] = []) {
	const meant: [path: string, id: FileId | undefined][] = [];
	const change = async (path: string) => {
		if (broken.includes(path)) throw Object.assign(new Error("no"), { code: "EACCES" });
	};
	const methods: Partial<LinkingStore> = {
		async make(path) {
			await change(path);
			return { id: `made at ${path}` };
		},
		remove: change,
		rename: change,
		symlink: change,
		link: change,
		async write(path, _offset, _bytes, id) {
			meant.push([path, id]);
		},
	};
	return { meant, store: methods as LinkingStore };
}

const make = (path: string): StoreChange => ({ call: "make", path, type: "file" });
const remove = (path: string): StoreChange => ({ call: "remove", path });
const rename = (path: string, to: string): StoreChange => ({ call: "rename", path, to });
const write = (path: string): StoreChange => ({
	call: "write",
	path,
	offset: 0,
	bytes: new Uint8Array(1),
});

test("a write behind the make of its file names the file, also where that was renamed", async () => {
	const { meant, store: one } = store();
	await applyInTurn(one, [
		write("/old"),
		make("/a"),
		write("/a"),
		rename("/a", "/b"),
		write("/b"),
		make("/d/f"),
		rename("/d", "/e"),
		write("/e/f"),
		write("/a"),
		{ ...write("/b"), id: "told" } as StoreChange,
	]);
	expect(meant).toEqual([
		["/old", undefined],
		["/a", "made at /a"],
		["/b", "made at /a"],
		["/e/f", "made at /d/f"],
		["/a", undefined],
		["/b", "told"],
	]);
});

test("what may have become another file is not named", async () => {
	const { meant, store: one } = store(["/x", "/broken"]);
	const changes = new MadeFiles().named([
		make("/a"),
		remove("/a"),
		write("/a"),
		make("/b"),
		rename("/x", "/b"),
		write("/b"),
		make("/c"),
		{ call: "symlink", path: "/c", target: "t" },
		write("/c"),
		make("/d"),
		{ call: "link", path: "/e", to: "/d" },
		write("/d"),
		make("/broken"),
		write("/broken"),
	]);
	await applyInTurn(one, changes);
	// The last is not even asked for: what is there is another's.
	expect(meant.map(([, id]) => id)).toEqual(Array(4).fill(undefined));
});

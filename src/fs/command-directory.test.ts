/** A directory of commands over another: what is seen, what can be changed, and what goes through. */
import { expect, test } from "vitest";
import { EEXIST, EROFS } from "../abi/errno.ts";
import { CommandDirectory, CommandFile, cover } from "./command-directory.ts";
import { mkdirs, writeFile } from "./host-files.ts";
import { Namespace } from "./namespace.ts";
import { emptyEntry, emptyStat, type INode } from "./node.ts";
import * as fs from "./operations.ts";
import { Overlay } from "./overlay.ts";
import { Tmp } from "./tmp.ts";

function shell() {
	const memory = new Tmp({ now: () => 2_000_000_000n });
	mkdirs(memory.root, "/bin");
	mkdirs(memory.root, "/tmp");
	const lower = new Tmp({ now: () => 2_000_000_000n });
	mkdirs(lower.root, "/bin");
	writeFile(lower.root, "/bin/cat", new Uint8Array(3));
	writeFile(lower.root, "/bin/ls", new Uint8Array(3));
	const shared = new Namespace(new Overlay(memory, [lower]));
	shared.absolute = true;
	const view = shared.view();
	const bin = directoryAt(shared, "/bin");
	const files = new Map(["up", "cat"].map((name) => [name, new CommandFile(name)]));
	cover(view, new Map([[bin, new CommandDirectory(bin, files)]]));
	return { shared, view, files };
}

function directoryAt(space: Namespace, path: string): INode {
	const node = at(space, path);
	if (typeof node === "number") throw new Error(`${path}: ${node}`);
	return node;
}

const at = (space: Namespace, path: string) => fs.find(space, space.root, path, true);

function listed(directory: INode): string[] {
	const names: string[] = [];
	const entry = emptyEntry();
	for (let cursor = directory.readdir(0, entry); cursor > 0; ) {
		names.push(entry.name);
		const stat = emptyStat();
		(directory.lookup(entry.name) as INode).stat(stat);
		expect(entry.ino).toBe(stat.ino);
		cursor = directory.readdir(cursor, entry);
	}
	return names;
}

test("a view has the commands, views of it have them too, and other views have not", () => {
	const { shared, view, files } = shell();
	expect(at(view, "/bin/up")).toBe(files.get("up"));
	expect(at(view.view().view(), "/bin/../bin/up")).toBe(files.get("up"));
	expect(at(shared, "/bin/up")).toBeLessThan(0);
	expect((at(shared, "/bin/cat") as INode).size()).toBe(3);
});

test("a command hides what has its name, and each name is listed once", () => {
	const { view, files } = shell();
	expect(at(view, "/bin/cat")).toBe(files.get("cat"));
	expect(listed(at(view, "/bin") as INode).sort()).toEqual(["cat", "ls", "up"]);
});

test("a command can be read and not be changed", () => {
	const { view } = shell();
	const { root } = view;
	const file = at(view, "/bin/up") as INode;
	const bytes = new Uint8Array(100);
	const count = file.read(bytes, 0, 100, 0);
	expect(new TextDecoder().decode(bytes.subarray(0, count))).toBe("a command of the page\n");
	expect([file.size(), file.read(bytes, 0, 100, count)]).toEqual([count, 0]);
	writeFile(root, "/tmp/x", new Uint8Array(1));
	expect([
		fs.unlink(view, root, "/bin/up"),
		fs.rename(view, root, "/bin/up", root, "/tmp/up"),
		fs.rename(view, root, "/tmp/x", root, "/bin/up"),
		fs.open(view, root, "/bin/up", true, fs.TRUNCATE, true),
		fs.open(view, root, "/bin/up", true, fs.CREATE | fs.EXCLUSIVE, true),
		fs.link(view, root, "/tmp/x", true, root, "/bin/up"),
	]).toEqual([EROFS, EROFS, EROFS, EROFS, EEXIST, EEXIST]);
});

test("all else in the directory goes through, also moves into it and out of it", () => {
	const { shared, view } = shell();
	const { root } = view;
	writeFile(root, "/tmp/x", new Uint8Array(7));
	expect(fs.rename(view, root, "/tmp/x", root, "/bin/x")).toBe(0);
	expect((at(shared, "/bin/x") as INode).size()).toBe(7);
	expect(fs.rename(view, root, "/bin/x", root, "/bin/y")).toBe(0);
	expect(fs.rename(view, root, "/bin/y", root, "/tmp/z")).toBe(0);
	expect((at(shared, "/tmp/z") as INode).size()).toBe(7);
	expect(fs.rename(view, root, "/bin/ls", root, "/tmp/ls")).toBe(0);
	expect(fs.link(view, root, "/tmp/z", true, root, "/bin/z")).toBe(0);
	expect(fs.symlink(view, "up", root, "/bin/link")).toBe(0);
	expect((at(view, "/bin/link") as CommandFile).name).toBe("up");
	expect(listed(at(view, "/bin") as INode).sort()).toEqual(["cat", "link", "up", "z"]);
	expect(fs.rmdir(view, root, "/bin")).toBeLessThan(0);
});

import { expect, test } from "vitest";
import { EEXIST, EINVAL, ENOENT, ENOTEMPTY } from "../abi/errno.ts";
import { mkdirs, writeFile } from "./host-files.ts";
import { mountIn, resolve, unmount } from "./mounting.ts";
import { Namespace } from "./namespace.ts";
import { emptyEntry, emptyStat, type INode } from "./node.ts";
import * as at from "./operations.ts";
import { Overlay } from "./overlay.ts";
import { Tmp } from "./tmp.ts";

let time = 0n;
function tree(line: string): Tmp {
	const fs = new Tmp({ now: () => ++time });
	for (const item of line.split(" ")) {
		const [path = "", text] = item.split("=");
		if (text === undefined) mkdirs(fs.root, path);
		else writeFile(fs.root, path, new TextEncoder().encode(text));
	}
	return fs;
}

function show(node: INode): string {
	const entry = emptyEntry();
	const lines: string[] = [];
	for (let c = node.readdir(0, entry); c > 0; c = node.readdir(c, entry)) {
		const child = node.lookup(entry.name) as INode;
		const stat = emptyStat();
		child.stat(stat);
		expect([child.ino, stat.ino]).toEqual([entry.ino, entry.ino]);
		const { name } = entry;
		if (child.type === "directory") lines.push(`${name}/{${show(child)}}`);
		else lines.push(`${name}=${text(child)}`);
	}
	return lines.sort().join(" ");
}

function text(node: INode): string {
	const bytes = new Uint8Array(node.size());
	node.read(bytes, 0, bytes.length, 0);
	return new TextDecoder().decode(bytes);
}

test("a merged directory moves with what lies below it, and nothing shows through again", () => {
	const upper = tree("/d/u=up");
	const lower = tree("/d/l=low /d/s/x=deep");
	const fs = new Overlay(upper, [lower]);
	const ns = new Namespace(fs);
	const d = resolve(ns, "/d");
	const x = resolve(ns, "/d/s/x");
	expect(at.rename(ns, ns.root, "d", ns.root, "e")).toBe(0);
	expect(show(fs.root)).toBe("e/{l=low s/{x=deep} u=up}");
	expect(resolve(ns, "/e")).toBe(d);
	expect(resolve(ns, "/e/s/x")).toBe(x);
	expect(at.mkdir(ns, ns.root, "d")).toBe(0);
	expect(show(fs.root)).toBe("d/{} e/{l=low s/{x=deep} u=up}");
	expect(at.rename(ns, ns.root, "e/s", ns.root, "d/s")).toBe(0);
	expect(at.rename(ns, ns.root, "e/s", ns.root, "d/s")).toBe(ENOENT);
	expect(show(fs.root)).toBe("d/{s/{x=deep}} e/{l=low u=up}");
	expect(at.rename(ns, ns.root, "e", ns.root, "d/s/e")).toBe(0);
	expect(at.rename(ns, ns.root, "d", ns.root, "d/s/e/d")).toBe(EINVAL);
	expect(show(fs.root)).toBe("d/{s/{e/{l=low u=up} x=deep}}");
	expect(at.rmdir(ns, ns.root, "d/s/e")).toBe(ENOTEMPTY);
	expect(show(lower.root)).toBe("d/{l=low s/{x=deep}}");
});

test("a lower that is added later shows up beneath directories that are in use", () => {
	const fs = new Overlay(tree("/home/a=1 /tmp"), [tree("/lib/x=1")]);
	const ns = new Namespace(fs);
	const mounted = tree("/m=mounted");
	expect(mountIn(ns, { path: "/home", fs: mounted, readOnly: false })).toBe(0);
	expect(show(resolve(ns, "/lib") as INode)).toBe("x=1");
	const lib = resolve(ns, "/lib");
	fs.addLower(tree("/lib/x=2 /lib/y=2 /home/b=2"));
	expect(show(resolve(ns, "/lib") as INode)).toBe("x=1 y=2");
	expect(resolve(ns, "/lib")).toBe(lib);
	expect(show(resolve(ns, "/home") as INode)).toBe("m=mounted");
	unmount(ns, "/home");
	expect(show(resolve(ns, "/home") as INode)).toBe("a=1 b=2");
	expect(at.rename(ns, ns.root, "lib", ns.root, "moved")).toBe(0);
	fs.addLower(tree("/lib/z=4 /moved/q=4"));
	expect(show(resolve(ns, "/moved") as INode)).toBe("x=1 y=2");
	expect(resolve(ns, "/lib")).toBe(ENOENT);
	expect(at.rename(ns, ns.root, "moved", ns.root, "lib")).toBe(0);
	expect(resolve(ns, "/lib")).toBe(lib);
});

test("a lower can be added above the others", () => {
	const fs = new Overlay(tree("/tmp"), [tree("/lib/x=1 /lib/y=2")]);
	const ns = new Namespace(fs);
	expect(show(resolve(ns, "/lib") as INode)).toBe("x=1 y=2");
	fs.addLower(tree("/lib/y=3"), 0);
	expect(show(resolve(ns, "/lib") as INode)).toBe("x=1 y=3");
});

test("identity survives copying up, links and moves into plain directories", () => {
	const fs = new Overlay(tree("/tmp"), [tree("/lib/f=low")]);
	const ns = new Namespace(fs);
	const f = resolve(ns, "/lib/f") as INode;
	expect(at.link(ns, ns.root, "lib/f", true, ns.root, "tmp/g")).toBe(0);
	expect(resolve(ns, "/tmp/g")).toBe(f);
	f.write(new TextEncoder().encode("new"), 0, 3, 0);
	expect(text(resolve(ns, "/tmp/g") as INode)).toBe("new");
	expect(at.rename(ns, ns.root, "lib/f", ns.root, "tmp/h")).toBe(0);
	expect(resolve(ns, "/tmp/h")).toBe(f);
	expect(resolve(ns, "/lib/f")).toBe(ENOENT);
	expect(at.rename(ns, ns.root, "tmp/h", ns.root, "lib/f")).toBe(0);
	expect(resolve(ns, "/lib/f")).toBe(f);
	expect(at.unlink(ns, ns.root, "tmp/g")).toBe(0);
	const stat = emptyStat();
	f.stat(stat);
	expect(stat.links).toBe(1);
});

test("a removed lower file lives on while it is open, and can be written", () => {
	const upper = tree("/tmp");
	const fs = new Overlay(upper, [tree("/lib/f=low")]);
	const ns = new Namespace(fs);
	const f = resolve(ns, "/lib/f") as INode;
	at.unlink(ns, ns.root, "lib/f");
	expect(at.rmdir(ns, ns.root, "lib")).toBe(0);
	expect(text(f)).toBe("low");
	expect(f.write(new TextEncoder().encode("L"), 0, 1, 0)).toBe(1);
	expect(text(f)).toBe("Low");
	expect(show(fs.root)).toBe("tmp/{}");
	expect(show(upper.root)).toBe(".wh.lib= tmp/{}");
});

test("reserved names are neither seen nor made", () => {
	const fs = new Overlay(tree("/a"), [tree("/f=1")]);
	fs.root.remove("f", "file");
	expect(fs.root.lookup(".wh.f")).toBe(ENOENT);
	expect(fs.root.create(".wh.x", "file")).toBe(EINVAL);
	expect(fs.root.rename("a", fs.root, ".wh.x")).toBe(EINVAL);
	expect(fs.root.create("f", "directory")).not.toBe(EEXIST);
	expect(show(fs.root)).toBe("a/{} f/{}");
});

test("cursors fit into the 31 bits that a C library keeps of them", () => {
	const { root } = new Overlay(tree("c=3 d=4"), [tree("a=1 b=2")]);
	const entry = emptyEntry();
	const seen: string[] = [];
	let cursor = root.readdir(0, entry);
	for (; cursor !== 0 && seen.length < 9; cursor = root.readdir(cursor | 0, entry)) {
		seen.push(entry.name);
	}
	expect(seen).toEqual(["a", "b", "c", "d"]);
});

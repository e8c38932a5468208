import { beforeEach, expect, test } from "vitest";
import {
	EBUSY,
	EEXIST,
	EINVAL,
	EISDIR,
	ELOOP,
	ENAMETOOLONG,
	ENOENT,
	ENOTDIR,
	ENOTEMPTY,
	EPERM,
	EROFS,
	EXDEV,
} from "../abi/errno.ts";
import { errnoName } from "../abi/errno-names.ts";
import { mkdirs, writeFile } from "./host-files.ts";
import { fork, mountIn, resolve, unmount } from "./mounting.ts";
import { Namespace } from "./namespace.ts";
import { emptyStat, type INode } from "./node.ts";
import * as at from "./operations.ts";
import { Tmp } from "./tmp.ts";

let time = 0n;
const now = () => ++time;

/** A tree from a line: `a/b/` is a directory, `a/f=text` a file, `l>target` a symlink. */
function tree(line: string): Tmp {
	const fs = new Tmp({ now });
	for (const item of line.split(" ").filter((word) => word !== "")) {
		const [, path = "", sign, rest = ""] = /^([^=>]*)([=>]?)(.*)$/.exec(item) ?? [];
		const slash = path.lastIndexOf("/");
		const directory = mkdirs(fs.root, path.slice(0, slash + 1));
		if (typeof directory === "number") throw new Error(`no directory for ${item}`);
		if (sign === ">") directory.symlink(path.slice(slash + 1), rest);
		if (sign === "=") writeFile(fs.root, path, new TextEncoder().encode(rest));
	}
	return fs;
}

function text(found: INode | number): string {
	if (typeof found === "number") return errnoName(found);
	if (found.type !== "file") return found.type;
	const bytes = new Uint8Array(found.size());
	found.read(bytes, 0, bytes.length, 0);
	return new TextDecoder().decode(bytes);
}

let ns: Namespace;
beforeEach(() => {
	ns = new Namespace(
		tree("d/n/f=deep f=flat l>d up>d/../f abs>/d/n/f loop>loop dangling>nowhere d/out>../../f e/"),
	);
});

const find = (path: string, follow = true, from = ns.root) => text(at.find(ns, from, path, follow));
const dir = (path: string) => at.find(ns, ns.root, path, true) as INode;

test.each([
	["d/n/f", "deep"],
	["d/.//n/../../d/n/../n///./f", "deep"],
	["l/n/f", "deep"],
	["up", "flat"],
	["abs", "deep"],
	["d/", "directory"],
	["l/", "directory"],
	["f/", "ENOTDIR"],
	["f/.", "ENOTDIR"],
	["f/..", "ENOTDIR"],
	["f/x", "ENOTDIR"],
	["x/y", "ENOENT"],
	["x", "ENOENT"],
	["", "ENOENT"],
	["loop", "ELOOP"],
	["dangling", "ENOENT"],
	["..", "EPERM"],
	["d/../../f", "EPERM"],
	["d/out", "EPERM"],
	["/f", "EPERM"],
	["f\0", "EINVAL"],
	["x".repeat(256), "ENAMETOOLONG"],
	["ü".repeat(128), "ENAMETOOLONG"],
	["ü".repeat(127), "ENOENT"],
	["./".repeat(3000), "ENAMETOOLONG"],
	["l", "directory"],
])("find %j: %s", (path, result) => {
	expect(find(path)).toBe(result);
});

test("without following, a symlink is found itself, but not before a slash", () => {
	expect(find("l", false)).toBe("symlink");
	expect(find("l/", false)).toBe("directory");
	expect(find("dangling", false)).toBe("symlink");
});

test("an absolute symlink is followed from the root, and elsewhere only where it is allowed", () => {
	dir("d").symlink("abs", "/f");
	expect(find("d/abs")).toBe("flat");
	expect(find("abs", true, dir("d"))).toBe("EPERM");
	ns.absoluteLinks = true;
	expect(find("abs", true, dir("d"))).toBe("flat");
});

test("absolute mode: paths from the root, `..` above a descriptor, clamped at the root", () => {
	ns.absolute = true;
	expect(find("/d/n/f")).toBe("deep");
	expect(find("/../../f")).toBe("flat");
	const n = dir("/d/n");
	expect(find("../n/f", true, n)).toBe("deep");
	expect(find("../../f", true, n)).toBe("flat");
	expect(find("../../../../f", true, n)).toBe("flat");
	at.rename(ns, ns.root, "/d/n", ns.root, "/e/n");
	expect(at.find(ns, n, "..", true)).toBe(dir("/e"));
});

test("forty hops are followed, forty-one are a loop", () => {
	let target = "f";
	for (let i = 1; i <= 41; i++) {
		ns.root.symlink(`hop${i}`, target);
		target = `hop${i}`;
	}
	expect(find("hop40")).toBe("flat");
	expect(find("hop41")).toBe("ELOOP");
});

test("a mount covers a node: it moves with its directory, and `..` leads out of it", () => {
	ns.absolute = true;
	const fs = tree("m=mounted");
	expect(mountIn(ns, { path: "/d/n", fs, readOnly: false })).toBe(0);
	expect(find("/d/n/m")).toBe("mounted");
	expect(find("/d/n/f")).toBe("ENOENT");
	expect(find("/d/n/../../f")).toBe("flat");
	expect(find("../../f", true, dir("/d/n"))).toBe("flat");
	expect(at.rename(ns, ns.root, "d", ns.root, "e/d")).toBe(0);
	expect(find("/e/d/n/m")).toBe("mounted");
	expect(at.rename(ns, ns.root, "e/d/n", ns.root, "n")).toBe(EBUSY);
	expect(at.rmdir(ns, ns.root, "e/d/n")).toBe(EBUSY);
	expect(at.rename(ns, ns.root, "f", ns.root, "e/d/n/f")).toBe(EXDEV);
	expect(at.link(ns, ns.root, "f", true, ns.root, "e/d/n/f")).toBe(EXDEV);
	expect(unmount(ns, "/e/d/n")).toBe(0);
	expect(find("/e/d/n/f")).toBe("deep");
});

test("mounts nest, stack and hide, at any path", () => {
	expect(
		mountIn(ns, { path: "/top/level", fs: tree("file=1 nested/hidden=2"), readOnly: false }),
	).toBe(0);
	expect(mountIn(ns, { path: "/top/level/nested", fs: tree("other=3"), readOnly: false })).toBe(0);
	expect(find("top/level/file")).toBe("1");
	expect(find("top/level/nested/other")).toBe("3");
	expect(find("top/level/nested/hidden")).toBe("ENOENT");
	expect(unmount(ns, "/top/level")).toBe(EBUSY);
	expect(mountIn(ns, { path: "/top/level/nested", fs: tree("third=4"), readOnly: false })).toBe(0);
	expect(find("top/level/nested/third")).toBe("4");
	expect(unmount(ns, "/top/level/nested")).toBe(0);
	expect(find("top/level/nested/other")).toBe("3");
	expect(mountIn(ns, { path: "/f/x", fs: tree(""), readOnly: false })).toBe(ENOTDIR);
	const copy = fork(ns);
	mountIn(copy, { path: "/e", fs: tree("only=here"), readOnly: false });
	expect(text(resolve(copy, "/e/only"))).toBe("here");
	expect(text(resolve(copy, "/top/level/nested/other"))).toBe("3");
	expect(find("e/only")).toBe("ENOENT");
});

test("what is unmounted is gone for every namespace, with the directories that were made for it", () => {
	const mount = { path: "/made/for/it", fs: tree("m=mounted"), readOnly: false };
	expect(mountIn(ns, mount)).toBe(0);
	const own = fork(ns);
	const other = new Namespace(tree("d/"));
	expect(mountIn(other, mount)).toBe(0);
	expect(mountIn(own, { path: "/e", fs: tree("only=here"), readOnly: false })).toBe(0);
	expect(text(at.find(own, own.root, "made/for/it/m", true))).toBe("mounted");
	expect(unmount(ns, "/made/for/it")).toBe(0);
	for (const one of [ns, own, other]) {
		expect(at.find(one, one.root, "made/for/it/m", true)).toBe(ENOENT);
		expect(one.table.mounted.map((mounted) => mounted.mount)).not.toContain(mount);
	}
	expect(at.open(own, own.root, "made/for/it/new", false, at.CREATE, true)).toBe(ENOENT);
	expect(find("made")).toBe("ENOENT");
	expect(text(resolve(own, "/e/only"))).toBe("here");
});

test("what was in the way of a mount before is there again, and so is what was put beside it", () => {
	expect(mountIn(ns, { path: "/d/n", fs: tree("m=mounted"), readOnly: false })).toBe(0);
	expect(mountIn(ns, { path: "/new/place", fs: tree("m=mounted"), readOnly: false })).toBe(0);
	expect(at.mkdir(ns, ns.root, "new/beside")).toBe(0);
	expect([unmount(ns, "/d/n"), unmount(ns, "/new/place")]).toEqual([0, 0]);
	expect([find("d/n/f"), find("new/beside"), find("new/place")]).toEqual([
		"deep",
		"directory",
		"ENOENT",
	]);
});

test("a mount over the root goes for forks as well", () => {
	expect(mountIn(ns, { path: "/", fs: tree("m=mounted"), readOnly: false })).toBe(0);
	const own = fork(ns);
	expect(text(at.find(own, own.root, "m", true))).toBe("mounted");
	expect(unmount(ns, "/")).toBe(0);
	expect(text(at.find(own, own.root, "f", true))).toBe("flat");
});

test("views share their mounts and what they know of parents, but walk by their own rules", () => {
	const view = ns.view();
	view.absolute = true;
	mountIn(view, { path: "/e", fs: tree("m=mounted"), readOnly: false });
	expect(find("e/m")).toBe("mounted");
	expect(find("/e/m")).toBe("EPERM");
	const n = at.find(view, view.root, "/d/n", true) as INode;
	at.rename(ns, ns.root, "d/n", ns.root, "n");
	expect(at.find(view, n, "..", true)).toBe(ns.root);
});

test("a read-only mount refuses every change", () => {
	mountIn(ns, { path: "/r", fs: tree("d/f=x s>d/f"), readOnly: true });
	expect(find("r/s")).toBe("x");
	expect(dir("r/d")).toBe(dir("r/d"));
	expect(at.mkdir(ns, ns.root, "r/new")).toBe(EROFS);
	expect(at.mkdir(ns, ns.root, "r/d")).toBe(EEXIST);
	expect(at.unlink(ns, ns.root, "r/d/f")).toBe(EROFS);
	expect(at.rename(ns, ns.root, "r/d", ns.root, "r/e")).toBe(EROFS);
	expect(at.open(ns, ns.root, "r/d/f", true, 0, true)).toBe(EROFS);
	expect(text(at.open(ns, ns.root, "r/d/f", true, 0, false))).toBe("x");
	expect(dir("r/d/f").write(Uint8Array.of(1), 0, 1, 0)).toBe(EROFS);
});

test("open", () => {
	const open = (path: string, flags = 0, writes = true, follow = true) =>
		text(at.open(ns, ns.root, path, follow, flags, writes));
	expect(open("new", at.CREATE)).toBe("");
	expect(open("f", at.CREATE)).toBe("flat");
	expect(open("f", at.CREATE | at.EXCLUSIVE)).toBe("EEXIST");
	expect(open("dangling", at.CREATE | at.EXCLUSIVE)).toBe("EEXIST");
	expect(open("dangling", at.CREATE)).toBe("");
	expect(find("nowhere")).toBe("");
	expect(open("new/", at.CREATE)).toBe("ENOTDIR");
	expect(open("other/", at.CREATE)).toBe("EISDIR");
	expect(open("d", at.CREATE)).toBe("EISDIR");
	expect(open("d")).toBe("EISDIR");
	expect(open("d", at.TRUNCATE, false)).toBe("EISDIR");
	expect(open("d", at.DIRECTORY, false)).toBe("directory");
	expect(open("f", at.DIRECTORY, false)).toBe("ENOTDIR");
	expect(open("d", at.DIRECTORY | at.CREATE)).toBe("EINVAL");
	expect(open("l", 0, false, false)).toBe("ELOOP");
	expect(open("l", at.DIRECTORY, false, false)).toBe("ENOTDIR");
	expect(open("f", at.TRUNCATE)).toBe("");
	expect(open("x/y", at.CREATE)).toBe("ENOENT");
});

test.each<[string, () => number, number]>([
	["mkdir new/", () => at.mkdir(ns, ns.root, "new/"), 0],
	["mkdir d/", () => at.mkdir(ns, ns.root, "d/"), EEXIST],
	["mkdir .", () => at.mkdir(ns, ns.root, "."), EEXIST],
	["mkdir dangling", () => at.mkdir(ns, ns.root, "dangling"), EEXIST],
	["mkdir x/y", () => at.mkdir(ns, ns.root, "x/y"), ENOENT],
	["mkdir f/y", () => at.mkdir(ns, ns.root, "f/y"), ENOTDIR],
	["unlink d", () => at.unlink(ns, ns.root, "d"), EISDIR],
	["unlink f/", () => at.unlink(ns, ns.root, "f/"), ENOTDIR],
	["unlink l/", () => at.unlink(ns, ns.root, "l/"), ENOTDIR],
	["unlink l", () => at.unlink(ns, ns.root, "l"), 0],
	["unlink x", () => at.unlink(ns, ns.root, "x"), ENOENT],
	["rmdir f", () => at.rmdir(ns, ns.root, "f"), ENOTDIR],
	["rmdir f/", () => at.rmdir(ns, ns.root, "f/"), ENOTDIR],
	["rmdir l/", () => at.rmdir(ns, ns.root, "l/"), ENOTDIR],
	["rmdir d", () => at.rmdir(ns, ns.root, "d"), ENOTEMPTY],
	["rmdir e///", () => at.rmdir(ns, ns.root, "e///"), 0],
	["rmdir d/.", () => at.rmdir(ns, ns.root, "d/."), EINVAL],
	["rmdir d/n/..", () => at.rmdir(ns, ns.root, "d/n/.."), ENOTEMPTY],
	["rmdir .", () => at.rmdir(ns, ns.root, "."), EBUSY],
	["rename f f2", () => at.rename(ns, ns.root, "f", ns.root, "f2"), 0],
	["rename f f", () => at.rename(ns, ns.root, "f", ns.root, "f"), 0],
	["rename f e", () => at.rename(ns, ns.root, "f", ns.root, "e"), EISDIR],
	["rename f x/", () => at.rename(ns, ns.root, "f", ns.root, "x/"), ENOTDIR],
	["rename f/ x", () => at.rename(ns, ns.root, "f/", ns.root, "x"), ENOTDIR],
	["rename d/ x/", () => at.rename(ns, ns.root, "d/", ns.root, "x/"), 0],
	["rename d e/", () => at.rename(ns, ns.root, "d", ns.root, "e/"), 0],
	["rename d f", () => at.rename(ns, ns.root, "d", ns.root, "f"), ENOTDIR],
	["rename e d", () => at.rename(ns, ns.root, "e", ns.root, "d"), ENOTEMPTY],
	["rename d d/n/x", () => at.rename(ns, ns.root, "d", ns.root, "d/n/x"), EINVAL],
	["rename . x", () => at.rename(ns, ns.root, ".", ns.root, "x"), EBUSY],
	["rename f .", () => at.rename(ns, ns.root, "f", ns.root, "."), EBUSY],
	["rename x y", () => at.rename(ns, ns.root, "x", ns.root, "y"), ENOENT],
	["rename f x/y", () => at.rename(ns, ns.root, "f", ns.root, "x/y"), ENOENT],
	["link f g", () => at.link(ns, ns.root, "f", false, ns.root, "g"), 0],
	["link f f", () => at.link(ns, ns.root, "f", false, ns.root, "f"), EEXIST],
	["link f dangling", () => at.link(ns, ns.root, "f", false, ns.root, "dangling"), EEXIST],
	["link d x", () => at.link(ns, ns.root, "d", false, ns.root, "x"), EPERM],
	["link f x/", () => at.link(ns, ns.root, "f", false, ns.root, "x/"), ENOENT],
	["link dangling x", () => at.link(ns, ns.root, "dangling", false, ns.root, "x"), 0],
	["link loop x", () => at.link(ns, ns.root, "loop", false, ns.root, "x"), 0],
	["symlink s x", () => at.symlink(ns, "s", ns.root, "x"), 0],
	["symlink s x/", () => at.symlink(ns, "s", ns.root, "x/"), ENOENT],
	["symlink s d/", () => at.symlink(ns, "s", ns.root, "d/"), EEXIST],
	["symlink s f/", () => at.symlink(ns, "s", ns.root, "f/"), ENOTDIR],
	["symlink s f", () => at.symlink(ns, "s", ns.root, "f"), EEXIST],
	["symlink '' x", () => at.symlink(ns, "", ns.root, "x"), ENOENT],
	["symlink /s x from d", () => at.symlink(ns, "/s", dir("d"), "x"), EPERM],
	["stat loop", () => at.stat(ns, ns.root, "loop", true, emptyStat()), ELOOP],
	["stat long", () => at.stat(ns, ns.root, "x".repeat(5000), true, emptyStat()), ENAMETOOLONG],
	["setTimes x", () => at.setTimes(ns, ns.root, "x", true, 1n, 1n), ENOENT],
])("%s", (_name, run, answer) => {
	expect(errnoName(run())).toBe(errnoName(answer));
});

test("readlink gives the target as it was written", () => {
	expect(at.readlink(ns, ns.root, "abs")).toBe("/d/n/f");
	expect(at.readlink(ns, ns.root, "f")).toBe(EINVAL);
});

test("times go to the file, not to its directory", () => {
	const stat = emptyStat();
	at.setTimes(ns, ns.root, "d/n/f", true, 7n, 8n);
	at.stat(ns, ns.root, "d/n/f", true, stat);
	expect([stat.accessed, stat.modified]).toEqual([7n, 8n]);
	at.stat(ns, ns.root, "d/n", true, stat);
	expect(stat.modified).not.toBe(8n);
});

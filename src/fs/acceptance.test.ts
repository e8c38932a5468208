/**
 * The acceptance cases of Wasmer's own file systems, restated, under their names. Where POSIX wants
 * something else we do that, and the title says "differs": our errno is the one POSIX gives. One long list, as there it is one list.
 */
import { describe, expect, test } from "vitest";
import { EBUSY, EEXIST, EISDIR, ENOENT, ENOSPC, ENOTDIR, ENOTEMPTY, EROFS } from "../abi/errno.ts";
import { errnoName } from "../abi/errno-names.ts";
import type { Span, Volume } from "../webc/package.ts";
import { list, text } from "./conformance.testkit.ts";
import { defaultFiles, fillRoot } from "./default-tree.ts";
import { mkdirs, writeFile } from "./host-files.ts";
import { mountIn, unmount } from "./mounting.ts";
import { Namespace } from "./namespace.ts";
import { emptyStat, type FileSystem, type INode, Node, type Stat } from "./node.ts";
import * as at from "./operations.ts";
import { Overlay } from "./overlay.ts";
import { Tmp } from "./tmp.ts";
import { VolumeFileSystem } from "./volume.ts";

let time = 1_000_000_000n;
const now = () => ++time;
const encoder = new TextEncoder();

/** A tree from its paths: `/a/b/` is a directory, `/a/f` a file that holds its own path. */
function tmp(...paths: string[]): Tmp {
	const fs = new Tmp({ now });
	for (const path of paths) {
		const [name = "", content = path] = path.split("=");
		if (name.endsWith("/")) mkdirs(fs.root, name);
		else writeFile(fs.root, name, encoder.encode(content));
	}
	return fs;
}

/** A file system as a shell would use it. Every answer is a word: an errno, "ok", or a content. */
class Shell {
	readonly ns: Namespace;

	constructor(fs: FileSystem) {
		this.ns = new Namespace(fs);
		this.ns.absolute = true;
	}

	find(path: string): INode | number {
		return at.find(this.ns, this.ns.root, path, true);
	}

	node(path: string): INode {
		const node = this.find(path);
		if (typeof node === "number") throw new Error(`${path}: ${errnoName(node)}`);
		return node;
	}

	type(path: string): string {
		const node = this.find(path);
		return typeof node === "number" ? errnoName(node) : node.type;
	}

	stat(path: string): Stat {
		const stat = emptyStat();
		expect(at.stat(this.ns, this.ns.root, path, true, stat)).toBe(0);
		return stat;
	}

	open(path: string, flags = 0, writes = true): INode | number {
		return at.open(this.ns, this.ns.root, path, true, flags, writes);
	}

	cat(path: string): string | number {
		return text(this.node(path));
	}

	ls(path: string): string[] | number {
		return list(this.node(path));
	}

	mkdir(path: string): string {
		return word(at.mkdir(this.ns, this.ns.root, path));
	}

	rmdir(path: string): string {
		return word(at.rmdir(this.ns, this.ns.root, path));
	}

	rm(path: string): string {
		return word(at.unlink(this.ns, this.ns.root, path));
	}

	mv(path: string, newPath: string): string {
		return word(at.rename(this.ns, this.ns.root, path, this.ns.root, newPath));
	}

	touch(path: string): string {
		return word(this.open(path, at.CREATE));
	}

	mount(path: string, fs: FileSystem): string {
		return word(mountIn(this.ns, { path, fs, readOnly: false }));
	}
}

/** The upper of an overlay as it is by itself: without the faces that the overlay gives it. */
class Bare extends Shell {
	override find(path: string): INode | number {
		let node: INode | number = this.ns.root;
		for (const name of path.split("/")) {
			if (typeof node === "number") return node;
			node = bare(name === "" ? node : node.lookup(name));
		}
		return node;
	}
}

function bare(node: INode | number): INode | number {
	return node instanceof Node ? node.upperNode() : node;
}

function word(answer: INode | number): string {
	return typeof answer === "number" && answer < 0 ? errnoName(answer) : "ok";
}

function write(node: INode | number, content: string, position = 0): number {
	if (typeof node === "number") throw new Error(errnoName(node));
	const bytes = encoder.encode(content);
	return node.write(bytes, 0, bytes.length, position);
}

/** An overlay, and its layers by themselves. */
function overlay(upper: string[], ...lowers: string[][]) {
	const p = tmp(...upper);
	const ls = lowers.map((paths) => tmp(...paths));
	const first = ls[0] ?? tmp();
	return { o: new Shell(new Overlay(p, ls)), p: new Bare(p), l: new Shell(first) };
}

describe("overlay", () => {
	test("remove_directory", () => {
		const { o, p, l } = overlay(["/first/", "/second/file.txt"], ["/third/"]);
		expect(o.rmdir("/first")).toBe("ok");
		expect(p.type("/first")).toBe("ENOENT");
		expect(o.rmdir("/second")).toBe("ENOTEMPTY");
		expect(o.rmdir("/third")).toBe("ok");
		expect(o.type("/third")).toBe("ENOENT");
		expect(l.type("/third")).toBe("directory");
	});

	test("open_files", () => {
		const { o, p, l } = overlay(["/file.txt=upper", "/both=upper"], ["/both=lower"]);
		expect(write(o.open("/new.txt", at.CREATE), "new")).toBe(3);
		expect(p.cat("/new.txt")).toBe("new");
		expect(l.type("/new.txt")).toBe("ENOENT");
		expect(word(o.open("/file.txt"))).toBe("ok");
		expect(o.cat("/both")).toBe("upper");
	});

	test("create_file_that_looks_like_it_is_in_a_secondary_filesystem_folder", () => {
		const { o, p, l } = overlay([], ["/path/to/"]);
		expect(o.touch("/path/to/file.txt")).toBe("ok");
		expect(p.type("/path/to/file.txt")).toBe("file");
		expect(l.ls("/path/to")).toEqual([]);
	});

	test("listed_files_appear_overlayed", () => {
		const { o } = overlay(
			["/primary/read.txt", "/primary/write.txt"],
			["/secondary/read.txt", "/secondary/write.txt"],
			["/secondary/overlayed.txt"],
		);
		const walked: string[] = [];
		const queue = ["/primary", "/secondary"];
		for (let path = queue.pop(); path !== undefined; path = queue.pop()) {
			walked.push(path);
			if (o.type(path) !== "directory") continue;
			for (const name of (o.ls(path) as string[]).sort()) queue.push(`${path}/${name}`);
		}
		expect(walked).toEqual([
			"/secondary",
			"/secondary/write.txt",
			"/secondary/read.txt",
			"/secondary/overlayed.txt",
			"/primary",
			"/primary/write.txt",
			"/primary/read.txt",
		]);
	});

	test("wasi_runner_use_case", () => {
		const python = "/lib/python3.6/collections/__init__.py";
		const upper = new Tmp({ now });
		fillRoot(upper, () => {});
		const lower = tmp(python, "/bin/python");
		const o = new Shell(new Overlay(upper, [lower], { defaults: defaultFiles(now) }));
		const [first, second] = [tmp("/file.txt=First!"), tmp()];
		expect([o.mount("/first", first), o.mount("/second", second)]).toEqual(["ok", "ok"]);
		expect([o.type("/lib"), o.type("/bin"), o.type(python)]).toEqual([
			"directory",
			"directory",
			"file",
		]);
		// Devices have a type of their own here.
		expect([o.type("/dev/stdin"), o.type("/dev/stdout")]).toEqual(["device", "device"]);
		expect(o.touch("/lib/python3.6/collections/new.py")).toBe("ok");
		expect(o.mkdir("/lib/python3.6/folder")).toBe("ok");
		expect(new Shell(lower).ls("/lib/python3.6")).toEqual(["collections"]);
		expect(o.touch("/lib/python3.6/collections/this/doesnt/exist.txt")).toBe("ENOENT");
		expect(o.cat("/first/file.txt")).toBe("First!");
		expect(write(o.open("/first/file.txt", at.TRUNCATE), "Changed")).toBe(7);
		expect(new Shell(first).cat("/file.txt")).toBe("Changed");
		writeFile(second.root, "/later.txt", encoder.encode("late"));
		expect(o.cat("/second/later.txt")).toBe("late");
	});

	test("absolute_and_relative_paths_are_passed_through", () => {
		const lower = () => tmp("/lib/a", "/lib/b", "/lib/c/", "/lib/d");
		const root = tmp();
		fillRoot(root, () => {});
		for (const fs of [
			new Overlay(lower(), [tmp()]),
			new Overlay(tmp(), [lower()]),
			new Overlay(root, [lower()]),
		]) {
			const o = new Shell(fs);
			expect(o.ls("/lib")).toEqual(["a", "b", "c", "d"]);
			expect(o.ls("lib")).toEqual(["a", "b", "c", "d"]);
		}
	});

	test("open_secondary_fs_files_in_write_mode", () => {
		const { o } = overlay([], ["/secondary/file.txt=Hello, World!"]);
		const file = o.open("/secondary/file.txt") as INode;
		expect(text(file)).toBe("Hello, World!");
		expect(file.truncate(0)).toBe(0);
		expect(write(file, "Hi")).toBe(2);
		expect(file.sync()).toBe(0);
		expect(text(file)).toBe("Hi");
		expect(o.cat("/secondary/file.txt")).toBe("Hi");
	});

	test("open_secondary_fs_files_unlink", () => {
		const { o } = overlay([], ["/secondary/file.txt"]);
		expect(o.type("/secondary/file.txt")).toBe("file");
		expect(o.rm("/secondary/file.txt")).toBe("ok");
		expect(o.type("/secondary/file.txt")).toBe("ENOENT");
	});

	test("open_secondary_fs_without_cow", () => {
		const { o, p } = overlay([], ["/secondary/file.txt=Hello, World!"]);
		const file = o.open("/secondary/file.txt", at.CREATE, false) as INode;
		expect([file.size(), text(file)]).toEqual([13, "Hello, World!"]);
		expect(p.type("/secondary")).toBe("ENOENT");
	});

	test("create_and_append_secondary_fs_with_cow", () => {
		const { o, p, l } = overlay([], ["/secondary/file.txt=Hello, World!"]);
		const file = o.open("/secondary/file.txt", at.CREATE) as INode;
		expect(file.size()).toBe(13);
		expect(write(file, "More", file.size())).toBe(4);
		expect([file.size(), text(file)]).toEqual([17, "Hello, World!More"]);
		expect(p.node("/secondary/file.txt").size()).toBe(17);
		expect(l.stat("/secondary/file.txt").size).toBe(13);
	});

	test("unlink_file_from_secondary_fs", () => {
		const { o, p, l } = overlay([], ["/secondary/file.txt"]);
		expect(o.rm("/secondary/file.txt")).toBe("ok");
		expect(o.ls("/secondary")).toEqual([]);
		expect(p.type("/secondary/.wh.file.txt")).toBe("file");
		expect(l.type("/secondary/file.txt")).toBe("file");
		const file = o.open("/secondary/file.txt", at.CREATE) as INode;
		expect(file.size()).toBe(0);
		expect(write(file, "text")).toBe(4);
		expect(file.size()).toBe(4);
		expect(p.ls("/secondary")).toEqual(["file.txt"]);
	});

	test("rmdir_from_secondary_fs", () => {
		const { o, p, l } = overlay([], ["/secondary/"]);
		expect(o.rmdir("/secondary")).toBe("ok");
		expect(o.type("/secondary")).toBe("ENOENT");
		expect(p.type("/.wh.secondary")).toBe("file");
		expect(l.type("/secondary")).toBe("directory");
		expect(o.mkdir("/secondary")).toBe("ok");
		expect(o.type("/secondary")).toBe("directory");
		expect(p.type("/secondary")).toBe("directory");
		expect(p.type("/.wh.secondary")).toBe("ENOENT");
	});

	test("rmdir_sub_from_secondary_fs", () => {
		const { o, p, l } = overlay([], ["/first/secondary/"]);
		expect(o.rmdir("/first/secondary")).toBe("ok");
		expect(o.type("/first/secondary")).toBe("ENOENT");
		expect(p.type("/first/.wh.secondary")).toBe("file");
		expect(l.type("/first/secondary")).toBe("directory");
		expect(o.mkdir("/first/secondary")).toBe("ok");
		expect(p.type("/first/.wh.secondary")).toBe("ENOENT");
	});

	test("create_new_secondary_fs_without_cow — differs: what is below exists, so EEXIST", () => {
		const { o, p } = overlay([], ["/secondary/file.txt"]);
		expect(o.open("/secondary/file.txt", at.CREATE | at.EXCLUSIVE)).toBe(EEXIST);
		expect(p.type("/secondary")).toBe("ENOENT");
	});

	test("open_secondary_fs_files_remove_dir", () => {
		const { o } = overlay([], ["/secondary/"]);
		expect(o.type("/secondary")).toBe("directory");
		expect(o.rmdir("/secondary")).toBe("ok");
		expect(o.type("/secondary")).toBe("ENOENT");
	});

	test("readonly files not copied", () => {
		const { o, p } = overlay([], ["/secondary/file.txt"]);
		const file = o.open("/secondary/file.txt") as INode;
		expect(file.sync()).toBe(0);
		file.closed();
		expect(p.ls("/")).toEqual([]);
	});

	test("what Wasmer lacks: ancestors hide, emptiness is merged, made again is empty, O_TRUNC", () => {
		const { o, p } = overlay([], ["/d/f=lower", "/e/f=lower"]);
		expect(o.rmdir("/d")).toBe("ENOTEMPTY");
		expect(p.ls("/")).toEqual([]);
		expect([o.rm("/d/f"), o.rmdir("/d")]).toEqual(["ok", "ok"]);
		expect(o.type("/d/f")).toBe("ENOENT");
		expect(o.mkdir("/d")).toBe("ok");
		expect(o.ls("/d")).toEqual([]);
		expect(o.find("/missing")).toBe(ENOENT);
		expect((o.open("/e/f", at.TRUNCATE) as INode).size()).toBe(0);
		expect(o.mv("/e", "/g")).toBe("ok");
		expect([o.type("/e"), o.cat("/g/f")]).toEqual(["ENOENT", ""]);
	});
});

function entries(items: Record<string, Volume | Span | string>): Volume {
	return new Map(Object.entries(items));
}

/** A package like Python's: `/lib` and a few files. */
function python(): Shell {
	const bytes = encoder.encode("\0asm....print");
	const library = entries({
		".DS_Store": { start: 8, length: 5 },
		Parser: entries({}),
		"python.wasm": { start: 0, length: 8, modified: 1_600_000_000 },
		"python3.6": entries({ "os.py": { start: 8, length: 5 } }),
	});
	const contents = {
		read(into: Uint8Array, to: number, length: number, position: number) {
			into.set(bytes.subarray(position, position + length), to);
			return length;
		},
	};
	const volumes = [{ name: "atom", mountPath: "/", tree: entries({ lib: library }) }];
	return new Shell(new VolumeFileSystem(volumes, contents));
}

describe("volume", () => {
	test("normalize_paths", () => {
		const v = python();
		for (const path of ["/", "/lib/..", "/lib/../../../..", "//", "/./."]) {
			expect(v.node(path)).toBe(v.ns.root);
		}
		expect(v.find("/.hidden")).toBe(ENOENT);
		expect(v.type("/lib/../../../../lib/python.wasm")).toBe("file");
	});

	test("invalid_paths — differs: only the empty path is one; `.` and `..` are resolved", () => {
		expect(python().find("")).toBe(ENOENT);
		expect(python().type(".")).toBe("directory");
	});

	test("mount_all_volumes_in_python", () => {
		expect(python().type("/lib/python3.6/")).toBe("directory");
	});

	test("read_dir", () => {
		const v = python();
		expect(v.ls("/lib")).toEqual([".DS_Store", "Parser", "python.wasm", "python3.6"]);
		const types = [".DS_Store", "Parser", "python.wasm"].map((name) => v.type(`/lib/${name}`));
		expect(types).toEqual(["file", "directory", "file"]);
		expect(v.node("/lib/.DS_Store").readdir(0, { name: "", ino: 0, type: "file" })).toBe(ENOTDIR);
	});

	test("metadata: one record for all spellings, and no time is 0", () => {
		const v = python();
		const stat = v.stat("/lib/python.wasm");
		expect(v.stat("/../../../../lib/python.wasm")).toEqual(stat);
		expect(v.stat("/lib/python3.6/../python3.6/../python.wasm")).toEqual(stat);
		expect(stat.modified).toBe(1_600_000_000_000_000_000n);
		expect(v.stat("/lib/.DS_Store").modified).toBe(1_000_000_000n);
		expect(v.stat("/lib").size).toBe(0);
		expect(v.find("/lib/missing")).toBe(ENOENT);
	});

	test("file_opener — differs: EROFS, EISDIR, and EROFS when opened for writing", () => {
		const v = python();
		expect(v.open("/file.txt", at.CREATE)).toBe(EROFS);
		expect(v.open("/lib")).toBe(EISDIR);
		expect(v.open("/missing")).toBe(ENOENT);
		expect(v.open("/lib/python.wasm")).toBe(EROFS);
		expect(v.cat("/lib/python.wasm")).toBe("\0asm....");
		expect(v.stat("/lib/python.wasm").size).toBe(8);
	});

	test("remove dir/file — differs: EROFS", () => {
		const v = python();
		expect(v.rmdir("/lib")).toBe("EROFS");
		expect(v.rm("/lib/python.wasm")).toBe("EROFS");
		expect(v.rm("/missing")).toBe("ENOENT");
		expect(v.rm("/lib")).toBe("EISDIR");
		expect(v.rmdir("/lib/python.wasm")).toBe("ENOTDIR");
	});

	test("create_dir — differs: ENOENT for a missing parent, EROFS", () => {
		const v = python();
		expect(v.mkdir("/lib")).toBe("EEXIST");
		expect(v.mkdir("/this/does/not/exist")).toBe("ENOENT");
		expect(v.mkdir("/lib/nested/")).toBe("EROFS");
	});

	test("rename — differs: EROFS", () => {
		const v = python();
		expect(v.mv("/lib", "/other")).toBe("EROFS");
		expect(v.mv("/missing", "/other")).toBe("ENOENT");
		expect(v.mv("/lib/python.wasm", "/lib/another.wasm")).toBe("EROFS");
	});

	test("mounts hide, merge and are made up; symlinks stay in their volume; commands are files", () => {
		const span = { start: 0, length: 1 };
		const main = entries({
			usr: entries({
				local: entries({ keep: span, lib: entries({ hidden: span, test: entries({ x: span }) }) }),
			}),
			bin: entries({ own: span }),
		});
		const links = entries({
			a: entries({ f: span, in: "../b", out: "../../b", abs: "/b", slash: "/a/" }),
			b: span,
		});
		const fs = new VolumeFileSystem(
			[
				{ name: "main", mountPath: "/", tree: main },
				{ name: "lib", mountPath: "/usr/local/lib/deep", tree: entries({ d: span }) },
				{ name: "links", mountPath: "/mnt/links", tree: links },
				{ name: "twice", mountPath: "/mnt/links", tree: entries({ b: entries({}), c: span }) },
				{ name: "test", mountPath: "/usr/local/lib/test", tree: entries({ y: span }) },
			],
			{ read: () => 0 },
			new Map([
				["/bin/run", span],
				["/bin/own", { start: 0, length: 9 }],
			]),
		);
		const v = new Shell(fs);
		expect(v.ls("/")).toEqual(["usr", "bin", "mnt"]);
		expect(v.ls("/usr/local/lib")).toEqual(["hidden", "test", "deep"]);
		expect(v.ls("/usr/local/lib/test")).toEqual(["y"]);
		expect(v.ls("/usr/local")).toEqual(["keep", "lib"]);
		expect(v.ls("/mnt/links")).toEqual(["a", "b", "c"]);
		expect(v.type("/mnt/links/b")).toBe("file");
		expect(v.node("/mnt/links/a/in")).toBe(v.node("/mnt/links/b"));
		expect(v.node("/mnt/links/a/abs")).toBe(v.node("/mnt/links/b"));
		expect(v.type("/mnt/links/a/slash/f")).toBe("file");
		expect(v.find("/mnt/links/a/out")).toBe(ENOENT);
		expect(at.readlink(v.ns, v.ns.root, "/mnt/links/a/abs")).toBe("/b");
		expect(v.ls("/bin")).toEqual(["own", "run"]);
		expect(v.stat("/bin/own").size).toBe(1);
	});
});

describe("union: volumes at mount paths, as mounts of a namespace", () => {
	function union(): Shell {
		const u = new Shell(tmp());
		expect(u.mount("/app/a", tmp("/data-a.txt"))).toBe("ok");
		expect(u.mount("/app/b", tmp("/data-b.txt"))).toBe("ok");
		return u;
	}

	test("nested_read_dir", () => {
		const u = union();
		expect(u.ls("/")).toEqual(["app"]);
		expect(u.ls("/app")).toEqual(["a", "b"]);
		expect(u.ls("/app/a")).toEqual(["data-a.txt"]);
		expect(u.ls("/app/b")).toEqual(["data-b.txt"]);
	});

	test("nested_metadata, nested_symlink_metadata", () => {
		const u = union();
		for (const path of ["/", "/app", "/app/a", "/app/b"]) expect(u.type(path)).toBe("directory");
		for (const path of ["/app/a/data-a.txt", "/app/b/data-b.txt"]) {
			expect(u.type(path)).toBe("file");
		}
	});

	test("new_filesystem", () => {
		const u = union();
		expect(write(u.open("/app/a/new.txt", at.CREATE | at.EXCLUSIVE), "text")).toBe(4);
		expect(u.cat("/app/a/new.txt")).toBe("text");
	});

	test("create_dir — differs: EEXIST for what is there", () => {
		const u = union();
		expect(u.mkdir("/")).toBe("EEXIST");
		expect(u.mkdir("/app/a")).toBe("EEXIST");
		expect([u.mkdir("/app/a/x"), u.mkdir("/app/a/x/y")]).toEqual(["ok", "ok"]);
		expect(u.ls("/app/a/x")).toEqual(["y"]);
	});

	test("remove_dir — differs: EBUSY for the root and for a mount point", () => {
		const u = union();
		expect(u.rmdir("/")).toBe("EBUSY");
		expect(u.rmdir("/app/a")).toBe("EBUSY");
		expect(u.rmdir("/foo")).toBe("ENOENT");
		u.mkdir("/app/a/x");
		u.mkdir("/app/a/x/y");
		expect(u.rmdir("/app/a/x")).toBe("ENOTEMPTY");
		expect([u.rmdir("/app/a/x/y"), u.rmdir("/app/a/x")]).toEqual(["ok", "ok"]);
	});

	test("rename — differs: EBUSY for the root, EXDEV across mounts", () => {
		const u = union();
		expect(u.mv("/", "/bar")).toBe("EBUSY");
		expect(u.mv("/foo", "/")).toBe("ENOENT");
		expect(u.mv("/app/a/data-a.txt", "/app/a/no/x")).toBe("ENOENT");
		for (const path of ["/app/a/foo", "/app/a/foo/qux", "/app/a/bar"]) u.mkdir(path);
		expect(u.mv("/app/a/foo", "/app/a/bar")).toBe("ok");
		expect(u.ls("/app/a/bar")).toEqual(["qux"]);
		expect(u.type("/app/a/foo")).toBe("ENOENT");
		expect(u.mv("/app/a/data-a.txt", "/app/a/bar/moved.txt")).toBe("ok");
		expect(u.mv("/app/a/bar", "/app/a/baz")).toBe("ok");
		expect(u.ls("/app/a/baz")).toEqual(["qux", "moved.txt"]);
		expect(u.mv("/app/a/baz", "/app/b/baz")).toBe("EXDEV");
	});

	test("mount_to_overlapping_directories", () => {
		const u = new Shell(tmp());
		expect(u.mount("/top-level", tmp("/file.txt"))).toBe("ok");
		expect(u.mount("/top-level/nested", tmp("/another-file.txt"))).toBe("ok");
		expect(u.type("/top-level/file.txt")).toBe("file");
		expect(u.type("/top-level/nested/another-file.txt")).toBe("file");
		expect(u.ls("/top-level")).toEqual(["file.txt", "nested"]);
	});
});

describe("mem_fs", () => {
	test("new_filesystem / create_dir", () => {
		const m = new Shell(tmp());
		expect(m.ls("/")).toEqual([]);
		expect(m.mkdir("/")).toBe("EEXIST");
		expect([m.mkdir("/foo"), m.mkdir("/foo/bar")]).toEqual(["ok", "ok"]);
		expect(m.ls("/foo")).toEqual(["bar"]);
	});

	test("remove_dir — differs: EBUSY for the root", () => {
		const m = new Shell(tmp("/foo/bar/"));
		expect(m.rmdir("/")).toBe("EBUSY");
		expect(m.rmdir("/missing")).toBe("ENOENT");
		expect(m.rmdir("/foo")).toBe("ENOTEMPTY");
		expect([m.rmdir("/foo/bar"), m.rmdir("/foo")]).toEqual(["ok", "ok"]);
		expect(m.ls("/")).toEqual([]);
	});

	test("rename — differs: EBUSY for the root", () => {
		const m = new Shell(tmp("/foo/", "/qux/", "/hello1.txt", "/hello2.txt"));
		expect(m.mv("/", "/bar")).toBe("EBUSY");
		expect(m.mv("/foo", "/")).toBe("EBUSY");
		expect(m.mv("/foo", "/bar/baz")).toBe("ENOENT");
		expect(m.mv("/hello2.txt", "/foo/world2.txt")).toBe("ok");
		expect(m.mv("/foo", "/bar")).toBe("ok");
		expect(m.ls("/")).toEqual(["bar", "qux", "hello1.txt"]);
		expect(m.mv("/bar", "/qux/baz")).toBe("ok");
		expect(m.ls("/qux/baz")).toEqual(["world2.txt"]);
		expect(m.mv("/hello1.txt", "/qux/hello1.txt")).toBe("ok");
		expect(m.ls("/qux")).toEqual(["baz", "hello1.txt"]);
	});

	test("metadata", () => {
		const m = new Shell(tmp());
		m.mkdir("/foo");
		const before = m.stat("/foo");
		expect(before.accessed).toBe(before.modified);
		expect([before.size, before.modified > 0n]).toEqual([0, true]);
		const root = m.stat("/").modified;
		expect(m.mv("/foo", "/bar")).toBe("ok");
		const after = m.stat("/bar");
		expect(after.accessed).toBe(before.accessed);
		expect(after.modified).toBeGreaterThan(before.modified);
		expect(m.stat("/").modified).toBeGreaterThan(root);
	});

	test("remove_file", () => {
		const m = new Shell(tmp());
		expect(write(m.open("/foo.txt", at.CREATE | at.EXCLUSIVE), "x")).toBe(1);
		expect([m.rm("/foo.txt"), m.rm("/foo.txt")]).toEqual(["ok", "ENOENT"]);
	});

	test("readdir: in the order of their making", () => {
		const m = new Shell(tmp("/foo/sub/", "/bar/", "/baz/", "/a.txt", "/b.txt"));
		expect(m.ls("/")).toEqual(["foo", "bar", "baz", "a.txt", "b.txt"]);
	});

	test("canonicalize — differs: `..` above the root stays at the root", () => {
		const m = new Shell(tmp("/foo/bar/hello.txt"));
		for (const path of ["/././././foo/", "/foo/bar/..", "/foo/bar/../../../foo"]) {
			expect(m.node(path)).toBe(m.node("/foo"));
		}
		expect(m.node("/foo/bar/../..")).toBe(m.ns.root);
		expect(m.node("/foo/bar/../../..")).toBe(m.ns.root);
		expect(m.node("/foo/./../foo/bar/../.././foo/bar//./hello.txt")).toBe(
			m.node("/foo/bar/hello.txt"),
		);
		expect(m.find("C:/foo/")).toBe(ENOENT);
	});

	test("merge_flat: a folder of another tree is mounted", () => {
		const other = tmp("/a/x/a.txt=a", "/a/x/b.txt", "/a/x/c.txt");
		const m = new Shell(tmp());
		const root = other.root.lookup("a") as INode;
		expect(m.mount("/", { root, sync: () => 0 })).toBe("ok");
		expect(m.cat("/x/a.txt")).toBe("a");
	});

	test("open options", () => {
		const m = new Shell(tmp("/file=text"));
		expect(m.open("/file", at.CREATE | at.EXCLUSIVE)).toBe(EEXIST);
		expect(m.open("/missing")).toBe(ENOENT);
		expect((m.open("/file", at.TRUNCATE) as INode).size()).toBe(0);
	});

	test("ops helpers: through a file ENOTDIR, over a directory fine", () => {
		const fs = tmp("/file", "/d/e/");
		expect(mkdirs(fs.root, "/file/x")).toBe(ENOTDIR);
		expect(mkdirs(fs.root, "/d/e")).toBe(new Shell(fs).node("/d/e"));
	});

	test("an open file that is removed keeps its data (issue 6360)", () => {
		const m = new Shell(tmp("/file=text"));
		const file = m.node("/file");
		m.rm("/file");
		expect(text(file)).toBe("text");
	});
});

describe("the default root", () => {
	function root(): Shell {
		const upper = new Tmp({ now });
		fillRoot(upper, (bytes) => bytes.fill(7));
		return new Shell(new Overlay(upper, [], { defaults: defaultFiles(now) }));
	}

	test("null, zero, full, random, tty", () => {
		const r = root();
		const bytes = new Uint8Array(10).fill(1);
		for (const path of ["/dev/null", "/dev/tty"]) {
			expect(write(r.open(path), "hello")).toBe(5);
			expect(r.node(path).read(bytes, 0, 10, 0)).toBe(0);
		}
		expect(r.node("/dev/zero").read(bytes, 0, 10, 0)).toBe(10);
		expect(bytes).toEqual(new Uint8Array(10));
		expect(write(r.open("/dev/full"), "x")).toBe(ENOSPC);
		const many = new Uint8Array(100_000);
		expect(r.node("/dev/urandom").read(many, 0, many.length, 0)).toBe(many.length);
		expect(many.every((byte) => byte === 7)).toBe(true);
	});

	test("the standard streams name their descriptors", () => {
		const r = root();
		const numbers = ["stdin", "stdout", "stderr", "null", "zero", "tty", "fd/2"].map(
			(name) => r.node(`/dev/${name}`).descriptor,
		);
		expect(numbers).toEqual([0, 1, 2, -1, -1, -1, 2]);
		expect(r.ls("/dev/fd")).toEqual(["0", "1", "2"]);
	});

	test("/bin/wasmer opens; a package's own files win over the defaults", () => {
		const r = root();
		expect(word(r.open("/bin/wasmer", 0, false))).toBe("ok");
		expect(r.type("/etc/passwd")).toBe("file");
		for (const path of ["/.app", "/.private", "/tmp", "/home", "/usr/bin", "/var/tmp"]) {
			expect(r.type(path)).toBe("directory");
		}
		const upper = new Tmp({ now });
		fillRoot(upper, () => {});
		const fs = new Overlay(upper, [], { defaults: defaultFiles(now) });
		fs.addLower(tmp("/etc/passwd=mine"));
		expect(new Shell(fs).cat("/etc/passwd")).toBe("mine");
	});
});

describe("the runner's own cases", () => {
	test("python use case", () => {
		const upper = new Tmp({ now });
		fillRoot(upper, () => {});
		const lower = tmp(
			"/lib/python3.6/collections/__init__.py",
			"/lib/python3.6/encodings/__init__.py",
		);
		const r = new Shell(new Overlay(upper, [lower]));
		expect(r.mount("/home", tmp("/file.txt"))).toBe("ok");
		expect(r.type("/home/file.txt")).toBe("file");
		expect(r.type("lib")).toBe("directory");
		expect(r.type("lib/python3.6/collections/__init__.py")).toBe("file");
		expect(r.type("lib/python3.6/encodings/__init__.py")).toBe("file");
	});

	test("mapped → mounted: a mount's own listing knows nothing of where it is mounted", () => {
		const r = new Shell(tmp());
		const fs = tmp("/file.txt=Hello, World!");
		r.mount("/mnt/dir", fs);
		expect(new Shell(fs).ls("/")).toEqual(["file.txt"]);
		expect(r.stat("/mnt/dir/file.txt").size).toBe(13);
	});
});

describe("bugs that others have had", () => {
	test("4255: directories of a package are listed in the root", () => {
		const r = new Shell(new Overlay(tmp("/tmp/"), [tmp("/pkg/f")]));
		expect((r.ls("/") as string[]).sort()).toEqual(["pkg", "tmp"]);
	});

	test("5868: a link to `.` ends", () => {
		const r = new Shell(tmp("/f=x"));
		at.symlink(r.ns, ".", r.ns.root, "dot");
		expect(r.cat("/dot/dot/dot/f")).toBe("x");
		expect(r.type(`/${"dot/".repeat(41)}f`)).toBe("ELOOP");
	});

	test("6406: a dangling link does not exist; 6439: links are listed", () => {
		const r = new Shell(tmp());
		at.symlink(r.ns, "gone", r.ns.root, "link");
		expect(r.find("/link")).toBe(ENOENT);
		expect(r.ls("/")).toEqual(["link"]);
	});

	test("4278: times of a directory can be set", () => {
		const r = new Shell(new Overlay(tmp("/up/"), [tmp("/low/f")]));
		for (const path of ["/up", "/low", "/low/f"]) {
			expect(at.setTimes(r.ns, r.ns.root, path, true, 3n, 4n)).toBe(0);
			expect([r.stat(path).accessed, r.stat(path).modified]).toEqual([3n, 4n]);
		}
	});

	test("a mount point is neither removed nor moved, and hides without destroying", () => {
		const r = new Shell(tmp("/home/old"));
		r.mount("/home", tmp("/new"));
		expect(at.rmdir(r.ns, r.ns.root, "/home")).toBe(EBUSY);
		expect(r.ls("/home")).toEqual(["new"]);
		unmount(r.ns, "/home");
		expect(r.ls("/home")).toEqual(["old"]);
		expect(at.rmdir(r.ns, r.ns.root, "/home")).toBe(ENOTEMPTY);
	});
});

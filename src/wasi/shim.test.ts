import {
	ConsoleStdout,
	Directory,
	Fd,
	File,
	Inode,
	OpenFile,
	wasi,
} from "@bjorn3/browser_wasi_shim";
import { describe, expect, test } from "vitest";
import { ENOENT, EROFS } from "../abi/errno.ts";
import { errnoName } from "../abi/errno-names.ts";
import { conformance, snapshot } from "../fs/conformance.testkit.ts";
import type { Literal } from "../fs/model-fs.testkit.ts";
import { emptyEntry, type INode } from "../fs/node.ts";
import { Overlay } from "../fs/overlay.ts";
import { OpenFile as Opened } from "../process/descriptors.ts";
import { Symlink, shimDevice, shimFileSystem, shimNode } from "./shim.ts";
import { Session, transcript } from "./transcript.testkit.ts";

let time = 1_000_000_000n;
const now = () => ++time;
const utf8 = (text: string) => new TextEncoder().encode(text);

/** A tree of the shim's own objects. */
function directory(tree: Literal): Directory {
	return new Directory(
		Object.entries(tree).map(([name, item]): [string, Inode] => [
			name,
			typeof item === "string" ? new File(utf8(item)) : directory(item),
		]),
	);
}

/** What the shim's own objects hold; a symlink is empty, as in the model. */
function literal({ contents }: Directory): Literal {
	const tree: Literal = {};
	for (const [name, inode] of contents) {
		if (inode instanceof Directory) tree[name] = literal(inode);
		else if (inode instanceof File) tree[name] = new TextDecoder().decode(inode.data);
		else tree[name] = "";
	}
	return tree;
}

/** The entries of a tree in one order. */
function sorted(tree: Literal): unknown {
	return Object.entries(tree)
		.map(([name, item]) => [name, typeof item === "string" ? item : sorted(item)])
		.sort();
}

conformance("a directory of the shim", { links: true }, (tree) => {
	const root = directory(tree);
	return {
		fs: shimFileSystem(root, now),
		// What our nodes say is there is what the shim's objects hold.
		end: (model) => expect(sorted(literal(root))).toEqual(sorted(model)),
	};
});

conformance("an overlay over a directory of the shim", { links: true }, (tree) => ({
	fs: new Overlay(shimFileSystem(new Directory([]), now), [shimFileSystem(directory(tree), now)]),
}));

test("system calls work in it as in any tree", () => {
	const root = directory({ f: "abc", d: {} });
	transcript(
		`
		path_open 3 0 "f"                = 4
		fd_seek 4 0 end                  = 3
		fd_write 4 "de" "f"              = 3
		path_rename 3 "f" 3 "d/g"        = ok
		path_symlink "d/g" 3 "s"         = ok
		path_open 3 follow "s"           = 5
		fd_read 5 9                      = "abcdef"
		fd_readdir 3 200                 = 1:./ 2:../ 3:d/ 4:s@ (101)
		path_create_directory 3 "e"      = ok
		path_filestat_get 3 0 "e"        = directory 0 x2
		path_remove_directory 3 "d"      = ENOTEMPTY
		path_unlink_file 3 "d/g"         = ok
		fd_filestat_get 4                = file 6 x0
		fd_filestat_set_size 4 2         = ok
		fd_pread 4 9 @0                  = "ab"
		`,
		{ root: shimFileSystem(root, now).root },
	);
	expect([...root.contents.keys()]).toEqual(["d", "s", "e"]);
});

describe("what the page does meanwhile", () => {
	function names(node: INode): string[] {
		const entry = emptyEntry();
		const out: string[] = [];
		let cursor = 0;
		while (true) {
			cursor = node.readdir(cursor, entry);
			if (cursor <= 0) return out;
			out.push(entry.name);
		}
	}

	test("is seen: new, removed and replaced entries, new data", () => {
		const root = directory({ a: "1", b: "2" });
		const { root: node } = shimFileSystem(root, now);
		expect(names(node)).toEqual(["a", "b"]);
		root.contents.set("c", new File(utf8("3")));
		root.contents.delete("a");
		expect(names(node)).toEqual(["b", "c"]);
		expect(node.lookup("a")).toBe(ENOENT);
		const old = node.lookup("b");
		root.contents.set("b", new Directory([]));
		expect(names(node).sort()).toEqual(["b", "c"]);
		expect((node.lookup("b") as INode).type).toBe("directory");
		expect((old as INode).type).toBe("file");
		(root.contents.get("c") as File).data = utf8("longer");
		expect((node.lookup("c") as INode).size()).toBe(6);
	});

	test("names that no path can reach are not listed", () => {
		const root = new Directory([
			["", new File([])],
			[".", new File([])],
			["..", new File([])],
			["a/b", new File([])],
			["ok", new File([])],
		]);
		expect(names(shimNode(root, now))).toEqual(["ok"]);
	});

	test("a circle of directories is no way to hang us", () => {
		const a = new Directory([]);
		const b = new Directory([["a", a]]);
		a.contents.set("b", b);
		a.contents.set("c", new Directory([]));
		const node = shimNode(a, now);
		const c = node.lookup("c") as INode;
		expect(errnoName(node.rename("b", c, "x"))).toBe("EINVAL");
		expect(errnoName(node.rename("c", c, "x"))).toBe("EINVAL");
	});
});

describe("the shim's defects are not ours", () => {
	test("appending does not copy the file each time", () => {
		const file = new File([]);
		const node = shimNode(file, now);
		const piece = utf8("x".repeat(1000));
		const buffers = new Set<unknown>();
		for (let i = 0; i < 2000; i++) {
			expect(node.write(piece, 0, 1000, i * 1000)).toBe(1000);
			buffers.add(file.data.buffer);
		}
		expect(buffers.size).toBeLessThan(20);
		expect(file.data.length).toBe(2_000_000);
		expect(file.size).toBe(2_000_000n);
	});

	test("a cut file grows again with zeros, also by the shim's own calls", () => {
		const file = new File(utf8("0123456789"));
		const node = shimNode(file, now);
		node.write(utf8("abcdef"), 0, 6, 8);
		node.truncate(4);
		node.write(utf8("z"), 0, 1, 6);
		expect(new TextDecoder().decode(file.data)).toBe("0123\0\0z");
		const { fd_obj } = file.path_open(0, 0n, 0);
		fd_obj.fd_filestat_set_size(5n);
		fd_obj.fd_pwrite(utf8("y"), 7n);
		expect(new TextDecoder().decode(file.data)).toBe("0123\0\0\0y");
		expect(node.size()).toBe(8);
		node.write(utf8("!"), 0, 1, 9);
		expect(new TextDecoder().decode(file.data)).toBe("0123\0\0\0y\0!");
	});

	test("a file as large as no buffer can be is EFBIG, and the old contents stay", () => {
		const file = new File(utf8("old"));
		const node = shimNode(file, now);
		expect(errnoName(node.truncate(2 ** 40))).toBe("EFBIG");
		expect(errnoName(node.write(utf8("x"), 0, 1, 2 ** 50))).toBe("EFBIG");
		expect(file.data).toEqual(utf8("old"));
	});

	test("a listing skips nothing when entries are removed on the way", () => {
		const root = directory(Object.fromEntries(Array.from({ length: 30 }, (_, i) => [`f${i}`, ""])));
		const { root: node } = shimFileSystem(root, now);
		const entry = emptyEntry();
		let cursor = node.readdir(0, entry);
		while (cursor > 0) {
			expect(node.remove(entry.name, "file")).toBe(0);
			cursor = node.readdir(cursor, entry);
		}
		expect(root.contents.size).toBe(0);
	});

	test("descriptors are used again", () => {
		const session = new Session({ root: shimNode(directory({ f: "" }), now) });
		for (let i = 0; i < 5; i++) {
			transcript(
				`
				path_open 3 0 "f" = 4
				fd_close 4        = ok
				`,
				session,
			);
		}
	});
});

test("a file that is read-only is", () => {
	const root = new Directory([["f", new File(utf8("abc"), { readonly: true })]]);
	transcript(
		`
		path_open 3 0 "f"                = EROFS
		path_open 3 0 "f" trunc fd_read  = EROFS
		path_open 3 0 "f" 0 fd_read      = 4
		fd_read 4 9                      = "abc"
		`,
		{ root: shimNode(root, now) },
	);
	const file = shimNode(root.contents.get("f") as File, now);
	expect(file.write(utf8("x"), 0, 1, 0)).toBe(EROFS);
	expect(file.truncate(0)).toBe(EROFS);
});

test("a symlink made by the page is followed, and the shim itself leaves it alone", () => {
	const root = new Directory([
		["f", new File(utf8("abc"))],
		["s", new Symlink("f")],
	]);
	transcript(
		`
		path_readlink 3 "s" 9  = "f"
		path_open 3 follow "s" = 4
		fd_read 4 9            = "abc"
		`,
		{ root: shimNode(root, now) },
	);
	const opened = root.path_open(0, 0n, 0).fd_obj.path_open(0, "s", 0, 0n, 0n, 0);
	expect(opened).toEqual({ ret: wasi.ERRNO_LOOP, fd_obj: null });
	expect(snapshot(shimNode(new Directory([["f", new File(utf8("x"))]]), now))).toEqual({ f: "x" });
});

/** A file of a class of its own, like SyncOPFSFile: bytes that only its Fd reaches. */
class Vault extends Inode {
	bytes = utf8("0123456789");
	opened = 0;

	path_open() {
		const vault = this;
		vault.opened += 1;
		class OpenVault extends Fd {
			override fd_pread(size: number, offset: bigint) {
				const at = Number(offset);
				return { ret: 0, data: vault.bytes.slice(at, at + size) };
			}
			override fd_pwrite(data: Uint8Array, offset: bigint) {
				const grown = new Uint8Array(Math.max(vault.bytes.length, Number(offset) + data.length));
				grown.set(vault.bytes);
				grown.set(data, Number(offset));
				vault.bytes = grown;
				return { ret: 0, nwritten: data.length };
			}
			override fd_filestat_set_size(size: bigint) {
				vault.bytes = vault.bytes.slice(0, Number(size));
				return 0;
			}
			override fd_sync() {
				return wasi.ERRNO_DQUOT;
			}
			override fd_close() {
				vault.opened -= 1;
				return 0;
			}
		}
		return { ret: 0, fd_obj: new OpenVault() };
	}

	stat() {
		return new wasi.Filestat(this.ino, wasi.FILETYPE_REGULAR_FILE, BigInt(this.bytes.length));
	}
}

test("a file of another class works through what it opens, which is closed", () => {
	const vault = new Vault();
	transcript(
		`
		path_open 3 0 "v"          = 4
		fd_read 4 4                = "0123"
		fd_write 4 "abc"           = 3
		fd_pread 4 99 @0           = "0123abc789"
		fd_filestat_get 4          = file 10 x1
		fd_filestat_set_size 4 5   = ok
		fd_pread 4 9 @3            = "3a"
		fd_sync 4                  = EDQUOT
		fd_close 4                 = ok
		path_open 3 0 "v"          = 4
		fd_read 4 2                = "01"
		fd_close 4                 = ok
		`,
		{ root: shimNode(new Directory([["v", vault]]), now) },
	);
	expect(vault.opened).toBe(0);
});

describe("an Fd as a device", () => {
	/** A session whose standard output is `fd`, or its input. */
	function connected(number: 0 | 1, fd: Fd): Session {
		const session = new Session();
		const { descriptors } = session.thread.process;
		const file = descriptors.get(number);
		if (file === undefined) throw new Error("there are no streams");
		descriptors.add(new Opened(shimDevice(fd), 0, file.rights, 0));
		descriptors.renumber(4, number);
		return session;
	}

	test("a console is a terminal and hears every write", () => {
		const lines: string[] = [];
		transcript(
			`
			fd_fdstat_get 1           = device flags=0 rights=8200048/0
			fd_write 1 "hel" "lo\\nw" = 7
			fd_write 1 "orld\\n"      = 5
			fd_read 1 1               = EBADF
			poll_oneoff write:1       = 0:write(65536)
			`,
			connected(
				1,
				ConsoleStdout.lineBuffered((line) => lines.push(line)),
			),
		);
		expect(lines).toEqual(["hello", "world"]);
	});

	test("what a console is given does not change when the guest's memory does", () => {
		const kept: Uint8Array[] = [];
		const session = connected(1, new ConsoleStdout((bytes) => kept.push(bytes)));
		transcript(`fd_write 1 "first" = 5`, session);
		session.bytes.fill(0);
		expect(kept.map((bytes) => new TextDecoder().decode(bytes))).toEqual(["first"]);
	});

	test("an open file is an input that ends", () => {
		transcript(
			`
			fd_fdstat_get 0      = unknown flags=0 rights=820000a/0
			fd_read 0 3          = "typ"
			poll_oneoff read:0   = 0:read(1)
			fd_read 0 99         = "ed"
			fd_read 0 99         = ""
			`,
			connected(0, new OpenFile(new File(utf8("typed")))),
		);
	});

	test("one that gives more than was asked for loses nothing; one that fails says why", () => {
		class Generous extends Fd {
			#left = ["abcdef", "gh"];
			override fd_read() {
				const text = this.#left.shift();
				return { ret: text === undefined ? wasi.ERRNO_IO : 0, data: utf8(text ?? "") };
			}
		}
		transcript(
			`
			fd_read 0 4        = "abcd"
			poll_oneoff read:0 = 0:read(2)
			fd_read 0 4        = "ef"
			fd_read 0 4        = "gh"
			fd_read 0 4        = EIO
			`,
			connected(0, new Generous()),
		);
	});

	test("is closed once, with the last descriptor", () => {
		let closed = 0;
		class Counted extends Fd {
			override fd_close() {
				closed += 1;
				return 0;
			}
		}
		const session = connected(0, new Counted());
		expect(closed).toBe(0);
		transcript("fd_close 0 = ok", session);
		expect(closed).toBe(1);
	});
});

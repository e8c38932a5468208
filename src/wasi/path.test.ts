import { describe, expect, test } from "vitest";
import { RIGHTS_ALL, RIGHTS_DIRECTORY } from "../abi/constants.ts";
import { find } from "../fs/operations.ts";
import { OpenFile } from "../process/descriptors.ts";
import { Session, transcript, type World } from "./transcript.testkit.ts";

const world: World = { files: { f: "abc", d: { g: "deep", e: {} } } };

describe("path_open", () => {
	/** With which `oflags` a file, a directory, nothing and a symlink open. */
	const READ = "fd_read|fd_readdir";
	test.each([
		["0", "4", "4", "ENOENT", "ELOOP", "4"],
		["creat", "4", "EISDIR", "4", "ELOOP", "4"],
		["directory", "ENOTDIR", "4", "ENOENT", "ENOTDIR", "ENOTDIR"],
		["excl", "4", "4", "ENOENT", "ELOOP", "4"],
		["trunc", "4", "EISDIR", "ENOENT", "ELOOP", "4"],
		["creat|excl", "EEXIST", "EEXIST", "4", "EEXIST", "EEXIST"],
		["creat|trunc", "4", "EISDIR", "4", "ELOOP", "4"],
		["creat|excl|trunc", "EEXIST", "EEXIST", "4", "EEXIST", "EEXIST"],
		["creat|directory", "EINVAL", "EINVAL", "EINVAL", "EINVAL", "EINVAL"],
		["creat|directory|excl", "EINVAL", "EINVAL", "EINVAL", "EINVAL", "EINVAL"],
		["directory|trunc", "ENOTDIR", "EISDIR", "ENOENT", "ENOTDIR", "ENOTDIR"],
		["directory|excl", "ENOTDIR", "4", "ENOENT", "ENOTDIR", "ENOTDIR"],
	])("%s: file %s, directory %s, nothing %s, link %s, followed %s", (oflags, ...answers) => {
		const asked = [`0 "f"`, `0 "d"`, `0 "none"`, `0 "link"`, `follow "link"`];
		asked.forEach((what, index) => {
			transcript(
				`
				path_symlink "f" 3 "link"        = ok
				path_open 3 ${what} ${oflags} ${READ} = ${answers[index]}
				file "f" = ${oflags.includes("trunc") && [0, 4].includes(index) && answers[index] === "4" ? '""' : '"abc"'}
				`,
				world,
			);
		});
	});

	test("an unknown oflag or fdflag", () => {
		transcript(
			`
			path_open 3 0 "f" 16         = EINVAL
			path_open 3 0 "f" 0 all all 32 = EINVAL
			path_open 3 0 "f" 0 all all -1 = EINVAL
			`,
			world,
		);
	});

	test("fills the number in only when it opens", () => {
		const session = new Session(world);
		const bytes = new TextEncoder().encode("none");
		session.bytes.set(bytes, 100);
		const view = new DataView(session.wasm.buffer);
		view.setUint32(200, 77, true);
		expect(session.calls.path_open?.(3, 0, 100, 4, 0, 0n, 0n, 0, 200)).toBe(44);
		expect(view.getUint32(200, true)).toBe(77);
	});

	test("for writing, of a directory, is EISDIR", () => {
		transcript(
			`
			path_open 3 0 "d" 0 fd_write          = EISDIR
			path_open 3 0 "d" 0 fd_allocate       = EISDIR
			path_open 3 0 "d" 0 fd_readdir 0 append = EISDIR
			path_open 3 0 "d" 0 fd_readdir        = 4
			`,
			world,
		);
	});

	test("through what is no directory, or not open", () => {
		transcript(
			`
			path_open 0 0 "f"   = ENOTDIR
			path_open 3 0 "f"   = 4
			path_open 4 0 "x"   = ENOTDIR
			path_open 9 0 "x"   = EBADF
			path_open -1 0 "x"  = EBADF
			`,
			world,
		);
	});
});

describe("paths", () => {
	const fs = { files: { d: { e: { f: "deep" } }, f: "top" } };

	test.each([
		["f", "top"],
		["./f", "top"],
		["d/../f", "top"],
		["d/e/f", "deep"],
		["d//e/./f", "deep"],
		["d/e/../../d/e/f", "deep"],
	])("%s leads to a file", (path, text) => {
		transcript(
			`
			path_open 3 0 "${path}" = 4
			fd_read 4 9             = "${text}"
			`,
			fs,
		);
	});

	test.each([
		["", "ENOENT"],
		["/f", "EPERM"],
		["/", "EPERM"],
		["..", "EPERM"],
		["../f", "EPERM"],
		["d/../../f", "EPERM"],
		["d/../..", "EPERM"],
		["f/", "ENOTDIR"],
		["f/.", "ENOTDIR"],
		["f/x", "ENOTDIR"],
		["f/..", "ENOTDIR"],
		["none/..", "ENOENT"],
		["none/x", "ENOENT"],
		["a\\u0000b", "EINVAL"],
		["f\\xff", "EILSEQ"],
		["\\xc0\\xaf", "EILSEQ"],
		["\\xed\\xa0\\x80", "EILSEQ"],
	])("%s: %s", (path, errno) => {
		transcript(
			`
			path_open 3 0 "${path}" 0 fd_read = ${errno}
			path_filestat_get 3 0 "${path}"   = ${errno}
			`,
			fs,
		);
	});

	test("of a name that is too long, and of a path that is", () => {
		const session = new Session({ pages: 4 });
		const name = (length: number) => "x".repeat(length);
		const path = (count: number) => new Array(count).fill("x".repeat(199)).join("/");
		expect(session.line(`path_create_directory 3 "${name(255)}"`)).toMatch(/ = ok$/);
		expect(session.line(`path_create_directory 3 "${name(256)}"`)).toMatch(/ = ENAMETOOLONG$/);
		expect(session.line(`path_create_directory 3 "${path(30)}"`)).toMatch(/ = ENAMETOOLONG$/);
		expect(session.line(`path_create_directory 3 "${name(70000)}"`)).toMatch(/ = EINVAL$/);
	});

	test("start at the directory of the descriptor and do not leave it", () => {
		transcript(
			`
			path_open 3 0 "d" directory fd_readdir|path_open|path_filestat_get = 4
			path_open 4 0 "e/f"       = 5
			fd_read 5 9               = "deep"
			path_open 4 0 "../f"      = EPERM
			path_filestat_get 4 0 ".." = EPERM
			path_filestat_get 4 0 "e/.." = directory 0 x3
			`,
			fs,
		);
	});
});

describe("directories", () => {
	test("are made and removed", () => {
		transcript(
			`
			path_create_directory 3 "n"      = ok
			path_create_directory 3 "n"      = EEXIST
			path_create_directory 3 "f"      = EEXIST
			path_create_directory 3 "n/m/"   = ok
			path_create_directory 3 "x/y"    = ENOENT
			path_create_directory 3 "f/y"    = ENOTDIR
			path_create_directory 3 "."      = EEXIST
			path_create_directory 3 ""       = ENOENT
			path_filestat_get 3 0 "n"        = directory 0 x3
			path_remove_directory 3 "n"      = ENOTEMPTY
			path_remove_directory 3 "n/m"    = ok
			path_remove_directory 3 "n/"     = ok
			path_remove_directory 3 "n"      = ENOENT
			path_remove_directory 3 "f"      = ENOTDIR
			path_remove_directory 3 "d/e/."  = EINVAL
			path_remove_directory 3 "d/e/.." = ENOTEMPTY
			path_remove_directory 3 "."      = EBUSY
			path_unlink_file 3 "d"           = EISDIR
			path_unlink_file 3 "d/"          = EISDIR
			path_unlink_file 3 "f/"          = ENOTDIR
			path_unlink_file 3 "f"           = ok
			path_unlink_file 3 "f"           = ENOENT
			`,
			world,
		);
	});

	test("that are removed while open stay empty and take nothing", () => {
		transcript(
			`
			path_open 3 0 "d/e" directory fd_readdir|path_open|path_create_file|path_filestat_get all = 4
			path_remove_directory 3 "d/e" = ok
			path_open 4 0 "x" creat       = ENOENT
			fd_readdir 4 99               = 1:./ 2:../ (51)
			fd_close 4                    = ok
			`,
			world,
		);
	});
});

describe("rename", () => {
	test("moves, replaces, and knows what it must not", () => {
		transcript(
			`
			path_rename 3 "f" 3 "h"       = ok
			file "h"                      = "abc"
			path_rename 3 "h" 3 "d/g"     = ok
			file "d/g"                    = "abc"
			path_rename 3 "d/g" 3 "d"     = EISDIR
			path_rename 3 "d" 3 "d/e/x"   = EINVAL
			path_rename 3 "none" 3 "x"    = ENOENT
			path_rename 3 "d/g" 3 "x/y"   = ENOENT
			path_rename 3 "d/e" 3 "d/g"   = ENOTDIR
			path_create_directory 3 "n"   = ok
			path_rename 3 "n" 3 "d"       = ENOTEMPTY
			path_rename 3 "n" 3 "d/e"     = ok
			path_rename 3 "d" 3 "moved/"  = ok
			file "moved/g"                = "abc"
			path_rename 3 "moved/g/" 3 "x" = ENOTDIR
			path_rename 3 "." 3 "x"       = EBUSY
			path_rename 3 "moved" 3 "../x" = EPERM
			path_rename 3 "moved" 9 "x"   = EBADF
			path_rename 9 "moved" 3 "x"   = EBADF
			path_rename 3 "moved" 0 "x"   = ENOTDIR
			`,
			world,
		);
	});

	test("an open file stays the file it is", () => {
		transcript(
			`
			path_open 3 0 "f"       = 4
			path_rename 3 "f" 3 "h" = ok
			fd_seek 4 0 end         = 3
			fd_write 4 "d"          = 1
			file "h"                = "abcd"
			`,
			world,
		);
	});

	test("between the directories of two descriptors", () => {
		transcript(
			`
			path_open 3 0 "d" directory fd_readdir|path_rename_source|path_rename_target|path_open = 4
			path_rename 4 "g" 3 "top"  = ok
			path_rename 3 "f" 4 "low"  = ok
			file "top"                 = "deep"
			file "d/low"               = "abc"
			`,
			world,
		);
	});
});

describe("hard links", () => {
	test("are two names for one file", () => {
		transcript(
			`
			path_link 3 0 "f" 3 "d/h"  = ok
			path_filestat_get 3 0 "f"  = file 3 x2
			path_open 3 0 "d/h"        = 4
			fd_write 4 "XY"            = 2
			file "f"                   = "XYc"
			path_unlink_file 3 "f"     = ok
			fd_filestat_get 4          = file 3 x1
			path_link 3 0 "d/h" 3 "d/g" = EEXIST
			path_link 3 0 "d" 3 "x"    = EPERM
			path_link 3 0 "none" 3 "x" = ENOENT
			path_link 3 0 "d/h" 3 "x/" = ENOENT
			path_link 3 0 "d/h" 3 "../x" = EPERM
			path_link 9 0 "d/h" 3 "x"  = EBADF
			path_link 3 0 "d/h" 9 "x"  = EBADF
			`,
			world,
		);
	});

	test("to a symlink: to it, or to what it leads to", () => {
		transcript(
			`
			path_symlink "f" 3 "s"            = ok
			path_link 3 0 "s" 3 "a"           = ok
			path_filestat_get 3 0 "a"         = symlink 1 x2
			path_link 3 follow "s" 3 "b"      = ok
			path_filestat_get 3 0 "b"         = file 3 x2
			`,
			world,
		);
	});
});

describe("symlinks", () => {
	test("are followed where they are asked to be", () => {
		transcript(
			`
			path_symlink "d/g" 3 "s"          = ok
			path_symlink "d" 3 "t"            = ok
			path_filestat_get 3 0 "s"         = symlink 3 x1
			path_filestat_get 3 follow "s"    = file 4 x1
			path_open 3 0 "s"                 = ELOOP
			path_open 3 follow "s"            = 4
			fd_read 4 9                       = "deep"
			path_open 3 0 "t/g"               = 5
			fd_read 5 9                       = "deep"
			path_readlink 3 "s" 9             = "d/g"
			path_readlink 3 "s" 2             = "d/"
			path_readlink 3 "s" 0             = ""
			path_readlink 3 "t/g" 9           = EINVAL
			path_readlink 3 "none" 9          = ENOENT
			path_readlink 9 "s" 9             = EBADF
			path_unlink_file 3 "s"            = ok
			file "d/g"                        = "deep"
			`,
			world,
		);
	});

	test("that lead out, round, or nowhere", () => {
		transcript(
			`
			path_symlink "/f" 3 "a"            = EPERM
			path_symlink "../f" 3 "b"          = ok
			path_open 3 follow "b"             = EPERM
			path_symlink "c" 3 "c"             = ok
			path_open 3 follow "c"             = ELOOP
			path_filestat_get 3 follow "c"     = ELOOP
			path_symlink "none" 3 "n"          = ok
			path_open 3 follow "n"             = ENOENT
			path_symlink "" 3 "e"              = ENOENT
			path_symlink "f" 3 "f"             = EEXIST
			path_symlink "f" 3 "x/y"           = ENOENT
			path_symlink "\\xff" 3 "y"         = EILSEQ
			path_symlink "f" 9 "y"             = EBADF
			`,
			world,
		);
	});

	test("creating through one that leads nowhere makes its target", () => {
		transcript(
			`
			path_symlink "d/new" 3 "n"         = ok
			path_open 3 follow "n" creat|excl  = EEXIST
			path_open 3 follow "n" creat       = 4
			fd_write 4 "x"                     = 1
			file "d/new"                       = "x"
			`,
			world,
		);
	});
});

test("times are set through a path, of a symlink or of what it leads to", () => {
	const at = (ms: number) => `${1_700_000_000_000_000_000n + BigInt(ms) * 1_000_000n}`;
	transcript(
		`
		path_symlink "f" 3 "s"                                = ok
		path_filestat_set_times 3 0 "s" ${at(1)} ${at(2)} atim|mtim = ok
		path_filestat_get 3 0 "s"                             = symlink 1 x1 a=1 m=2 c=1000
		path_filestat_get 3 0 "f"                             = file 3 x1 a=1000 m=1000 c=1000
		path_filestat_set_times 3 follow "s" ${at(1)} ${at(2)} mtim = ok
		path_filestat_get 3 follow "s"                        = file 3 x1 a=1000 m=2 c=1000
		path_filestat_set_times 3 0 "f" 0 0 mtim|mtim_now     = EINVAL
		path_filestat_set_times 3 0 "none" 0 0 mtim           = ENOENT
		path_filestat_set_times 9 0 "f" 0 0 mtim              = EBADF
		`,
		{ ...world, times: true },
	);
});

test("everything works beside every alignment, and on shared memory", () => {
	for (const odd of [{ skew: 1 }, { skew: 3 }, { shared: true }]) {
		transcript(
			`
			path_open 3 0 "d/g"            = 4
			fd_read 4 1 2                  = "dee"
			fd_write 4 "x" "yz"            = 3
			fd_seek 4 0 set                = 0
			fd_pread 4 9 @1                = "eexyz"
			fd_filestat_get 4              = file 6 x1
			fd_fdstat_get 4                = file flags=0 rights=8e001ff/3fffffff
			fd_prestat_get 3               = 0 1
			fd_readdir 3 99                = 1:./ 2:../ 3:f … (99)
			path_rename 3 "d/g" 3 "h"      = ok
			path_symlink "ziel-ä" 3 "s"    = ok
			path_readlink 3 "s" 99         = "ziel-ä"
			poll_oneoff clock:5ms read:4   = 1:read(6)
			clock_time_get realtime        = 1700000001000000000
			`,
			{ ...world, ...odd },
		);
	}
});

describe("from a working directory that is not the root, where the root may be seen", () => {
	const files = {
		project: { src: { own: "here" }, up: "above" },
		data: { precious: "1" },
		table: "2",
		own: "in the root",
		tmp: {},
	};

	/** A program in /project/src: descriptor 4 is `.`; `told` are the guesses that its page hears of. */
	function program() {
		const session = new Session({ files });
		const { tree, thread } = session;
		const place = find(tree, tree.root, "project/src", true);
		if (typeof place === "number") throw new Error("there is no working directory");
		tree.enter(place);
		const file = new OpenFile(place, 0, RIGHTS_DIRECTORY, RIGHTS_ALL, ".");
		file.beyond = tree.root;
		expect(thread.process.descriptors.add(file)).toBe(4);
		const told: string[] = [];
		thread.process.guessed = (name) => told.push(name);
		return { session, told };
	}

	test("`..` leads above it, as far as the root", () => {
		const { session } = program();
		transcript(
			`
			path_open 4 0 "../up"                 = 5
			fd_read 5 9                           = "above"
			path_filestat_get 4 0 ".."            = directory 0 x3
			path_open 4 0 "../../../../table"     = 6
			fd_read 6 9                           = "2"
			path_open 4 0 ".." directory fd_readdir = 7
			fd_readdir 7 200                      = 1:./ 2:../ 3:src/ 4:up (104)
			path_create_directory 4 "../new"      = ok
			path_rename 4 "../new" 4 "moved"      = ok
			path_remove_directory 4 "moved"       = ok
			path_symlink "../up" 4 "link"         = ok
			path_open 4 follow "link"             = 8
			fd_read 8 9                           = "above"
			`,
			session,
		);
	});

	test("other descriptors are what they were: EPERM above them, and for absolute paths", () => {
		const { session } = program();
		transcript(
			`
			path_open 3 0 "project" directory fd_readdir|path_open = 5
			path_open 5 0 "../table"          = EPERM
			path_open 3 0 "../table"          = EPERM
			path_open 4 0 "/table"            = EPERM
			`,
			session,
		);
	});

	test("a slash behind a name changes nothing: it is made in the working directory", () => {
		const { session, told } = program();
		transcript(
			`
			path_create_directory 4 "tmp/"  = ok
			path_create_directory 4 "data"  = ok
			path_create_directory 4 "own/"  = EEXIST
			path_open 4 0 "." directory fd_readdir = 5
			fd_readdir 5 500 2              = 3:own 4:tmp/ 5:data/ (82)
			path_remove_directory 4 "tmp/"  = ok
			`,
			session,
		);
		expect(told).toEqual([]);
	});

	test("a bare name that is only in the root is found there, and the page hears of a change", () => {
		const { session, told } = program();
		transcript(
			`
			path_open 4 0 "table" 0 fd_read       = 5
			path_filestat_get 4 0 "table"         = file 1 x1
			path_open 4 0 "data/precious" 0 fd_write = 6
			path_open 4 0 "own" 0 fd_write        = 7
			`,
			session,
		);
		expect(told).toEqual([]);
		transcript(
			`
			path_open 4 0 "table" 0 fd_write     = 8
			path_unlink_file 4 "table"           = ok
			path_remove_directory 4 "data/"      = ENOTEMPTY
			path_rename 4 "tmp" 4 "mine"         = ok
			path_unlink_file 4 "nowhere"         = ENOENT
			path_unlink_file 4 "data/precious"   = ok
			`,
			session,
		);
		expect(told).toEqual(["table", "table", "data", "tmp"]);
	});
});

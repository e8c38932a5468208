import { describe, expect, test } from "vitest";
import { Output } from "../fs/devices.ts";
import { pipe } from "../fs/pipe.ts";
import { OpenFile } from "../process/descriptors.ts";
import { Session, transcript, type World } from "./transcript.testkit.ts";

/** The rights of `open` for reading only, as C libraries ask for them. */
const READING = "fd_read|fd_seek|fd_tell|fd_readdir|fd_filestat_get";

describe("reading and writing", () => {
	test("go on where the last one ended", () => {
		transcript(`
			path_open 3 0 "notes" creat      = 4
			fd_write 4 "hel" "lo"            = 5
			fd_write 4 " world"              = 6
			fd_tell 4                        = 11
			fd_read 4 10                     = ""
			fd_seek 4 0 set                  = 0
			fd_read 4 4                      = "hell"
			fd_read 4 1 0 2                  = "o w"
			fd_read 4 100                    = "orld"
			fd_read 4 100                    = ""
			fd_close 4                       = ok
			file "notes"                     = "hello world"
		`);
	});

	test("with a position of their own leave the file's alone", () => {
		transcript(
			`
			path_open 3 0 "f"                = 4
			fd_seek 4 2 set                  = 2
			fd_pread 4 3 3 @4                = "456789"
			fd_pwrite 4 "ab" "cd" @1         = 4
			fd_tell 4                        = 2
			fd_read 4 4                      = "bcd5"
			fd_pread 4 5 @10                 = ""
			fd_pread 4 5 @9999999999999      = ""
			fd_pwrite 4 "z" @12              = 1
			file "f"                         = "0abcd56789\\u0000\\u0000z"
			fd_pread 4 5 @-1                 = EINVAL
			fd_pwrite 4 "x" @-1              = EINVAL
			fd_pread 4 5 @-9223372036854775808 = EINVAL
			`,
			{ files: { f: "0123456789" } },
		);
	});

	test("of nothing: no vectors, empty vectors", () => {
		transcript(
			`
			path_open 3 0 "f"     = 4
			fd_read 4             = 0
			fd_read 4 0           = ""
			fd_read 4 0 0 2 0     = "01"
			fd_write 4            = 0
			fd_write 4 ""         = 0
			fd_write 4 "" "x" ""  = 1
			file "f"              = "01x3"
			fd_write 1            = 0
			fd_write 1 ""         = 0
			fd_read 0             = 0
			fd_read 0 0           = ""
			`,
			{ files: { f: "0123" } },
		);
	});

	test("beyond the end: a gap reads as zeros", () => {
		transcript(`
			path_open 3 0 "f" creat  = 4
			fd_seek 4 3 set          = 3
			fd_write 4 "x"           = 1
			file "f"                 = "\\u0000\\u0000\\u0000x"
		`);
	});

	test("of what was opened otherwise is EBADF, of a directory EISDIR", () => {
		transcript(
			`
			path_open 3 0 "f" 0 fd_read   = 4
			fd_write 4 "x"                = EBADF
			fd_pwrite 4 "x" @0            = EBADF
			path_open 3 0 "f" 0 fd_write  = 5
			fd_read 5 1                   = EBADF
			fd_pread 5 1 @0               = EBADF
			fd_read 3 1                   = EISDIR
			fd_write 3 "x"                = EISDIR
			fd_read 1 1                   = EBADF
			fd_write 0 "x"                = EBADF
			fd_read 99 1                  = EBADF
			fd_write 99 "x"               = EBADF
			fd_read -1 1                  = EBADF
			`,
			{ files: { f: "x" } },
		);
	});

	test("of a stream with a position is ESPIPE", () => {
		transcript(`
			fd_pread 0 1 @0   = ESPIPE
			fd_pwrite 1 "x" @0 = ESPIPE
		`);
	});

	test("with a thousand vectors, and one too many", () => {
		const session = new Session({ files: { f: "ab" } });
		transcript(`path_open 3 0 "f" = 4`, session);
		// The last vectors want more than there is.
		const read = (count: number) => `fd_read 4 ${new Array(count).fill("1").join(" ")}`;
		expect(session.line(read(1024)).endsWith('= "ab"')).toBe(true);
		expect(session.line(read(1025)).endsWith("= EINVAL")).toBe(true);
	});

	test("of a file that is full: what fits, then ENOSPC", () => {
		const session = new Session({ limit: 65536, pages: 4 });
		const big = JSON.stringify("x".repeat(60000));
		transcript(
			`
			path_open 3 0 "f" creat = 4
			fd_write 4 ${big}       = 60000
			`,
			session,
		);
		let answer = "";
		for (let i = 0; i < 10; i++) answer = session.line(`fd_write 4 ${big}`).split(" = ")[1] ?? "";
		expect(answer).toBe("ENOSPC");
		transcript(`fd_write 1 "still here" = 10`, session);
	});
});

test("what a stream is given in short pieces arrives in one; long ones as they are", () => {
	const session = new Session({ pages: 4 });
	const pieces: string[] = [];
	const device = new Output(
		(from, at, length) => {
			// It takes so much at once.
			const count = Math.min(length, 5000);
			pieces.push(new TextDecoder().decode(from.slice(at, at + count)));
			return count;
		},
		{ type: "device" },
	);
	session.thread.process.descriptors.add(new OpenFile(device, 0, -1, 0));
	const [half, long] = ["h".repeat(2048), "l".repeat(6000)];
	transcript(
		`
		fd_write 4 "line" "\\n"             = 5
		fd_write 4 "" "a" "" "b"            = 2
		fd_write 4 "${half}" "${half}"      = 4096
		fd_write 4 "${half}" "${half}" "x"  = 4097
		fd_write 4 "${long}" "y"            = 5000
		`,
		session,
	);
	const some = long.slice(0, 5000);
	expect(pieces).toEqual(["line\n", "ab", half + half, half, half, "x", some]);
});

describe("a bad vector", () => {
	/** Reads or writes with the vectors given as addresses and lengths. */
	function raw(call: string, vectors: [number, number][]): { errno: number; count: number } {
		const session = new Session({ files: { f: "0123456789" } });
		transcript(`path_open 3 0 "f" = 4`, session);
		const view = new DataView(session.wasm.buffer);
		vectors.forEach(([at, length], index) => {
			view.setUint32(1024 + index * 8, at, true);
			view.setUint32(1028 + index * 8, length, true);
		});
		view.setUint32(512, 77, true);
		const errno = session.calls[call]?.(4, 1024, vectors.length, 512) as number;
		return { errno, count: view.getUint32(512, true) };
	}

	test.each(["fd_read", "fd_write"])(
		"%s: alone it is EFAULT, after others it ends them",
		(call) => {
			const good: [number, number] = [2048, 4];
			const bad: [number, number] = [65530, 8];
			expect(raw(call, [bad])).toEqual({ errno: 21, count: 77 });
			expect(raw(call, [[0, 0], bad])).toEqual({ errno: 21, count: 77 });
			expect(raw(call, [good, bad])).toEqual({ errno: 0, count: 4 });
			expect(raw(call, [good, [2 ** 32 - 1, 2 ** 32 - 1], good])).toEqual({ errno: 0, count: 4 });
		},
	);
});

describe("appending", () => {
	test("writes at the end wherever the position is, and moves it there", () => {
		transcript(
			`
			path_open 3 0 "f" 0 all all append = 4
			fd_read 4 2           = "ab"
			fd_write 4 "d"        = 1
			fd_tell 4             = 4
			path_open 3 0 "f"     = 5
			fd_seek 5 0 end       = 4
			fd_write 5 "ee"       = 2
			fd_seek 4 0 set       = 0
			fd_write 4 "f"        = 1
			fd_tell 4             = 7
			file "f"              = "abcdeef"
			`,
			{ files: { f: "abc" } },
		);
	});

	test("can be set and taken back later", () => {
		transcript(
			`
			path_open 3 0 "f"           = 4
			fd_fdstat_set_flags 4 append = ok
			fd_write 4 "x"              = 1
			fd_fdstat_set_flags 4 0     = ok
			fd_seek 4 0 set             = 0
			fd_write 4 "y"              = 1
			file "f"                    = "ybcx"
			`,
			{ files: { f: "abc" } },
		);
	});
});

describe("positions", () => {
	const world: World = { files: { f: "0123456789" } };

	test("are counted from the start, from here and from the end", () => {
		transcript(
			`
			path_open 3 0 "f"   = 4
			fd_seek 4 4 set     = 4
			fd_seek 4 -1 cur    = 3
			fd_seek 4 3 cur     = 6
			fd_seek 4 -2 end    = 8
			fd_seek 4 5 end     = 15
			fd_tell 4           = 15
			fd_read 4 1         = ""
			`,
			world,
		);
	});

	test("do not go below zero nor beyond what is exact, and stay where they are", () => {
		transcript(
			`
			path_open 3 0 "f"   = 4
			fd_seek 4 4 set     = 4
			fd_seek 4 -1 set    = EINVAL
			fd_seek 4 -5 cur    = EINVAL
			fd_seek 4 -11 end   = EINVAL
			fd_seek 4 0 3       = EINVAL
			fd_seek 4 0 -1      = EINVAL
			fd_seek 4 9223372036854775807 set = EINVAL
			fd_seek 4 -9223372036854775808 cur = EINVAL
			fd_tell 4           = 4
			fd_seek 4 9007199254740991 set = 9007199254740991
			fd_seek 4 1 cur     = EINVAL
			`,
			world,
		);
	});

	test("a stream has none; a directory's is no business of the guest", () => {
		transcript(`
			fd_seek 0 0 set   = ESPIPE
			fd_seek 1 0 cur   = ESPIPE
			fd_tell 0         = ESPIPE
			fd_seek 3 0 set   = EBADF
			fd_tell 3         = EBADF
			fd_seek 9 0 set   = EBADF
			fd_tell 9         = EBADF
		`);
	});

	test("can be asked for with the right to tell, and moved only with the right to seek", () => {
		transcript(
			`
			path_open 3 0 "f" 0 fd_read|fd_tell = 4
			fd_tell 4           = 0
			fd_seek 4 0 cur     = 0
			fd_seek 4 1 cur     = ENOTCAPABLE
			fd_seek 4 0 set     = ENOTCAPABLE
			path_open 3 0 "f" 0 fd_read = 5
			fd_tell 5           = ENOTCAPABLE
			`,
			world,
		);
	});
});

describe("sizes", () => {
	test("are set, and what is new reads as zeros", () => {
		transcript(
			`
			path_open 3 0 "f"          = 4
			fd_filestat_set_size 4 2   = ok
			fd_filestat_get 4          = file 2 x1
			fd_filestat_set_size 4 4   = ok
			file "f"                   = "01\\u0000\\u0000"
			fd_filestat_set_size 4 -1  = EINVAL
			fd_filestat_set_size 4 9223372036854775807 = EFBIG
			fd_filestat_set_size 4 0   = ok
			fd_filestat_get 4          = file 0 x1
			fd_filestat_set_size 3 0   = ENOTCAPABLE
			fd_filestat_set_size 1 0   = ENOTCAPABLE
			fd_filestat_set_size 9 0   = EBADF
			`,
			{ files: { f: "0123" } },
		);
	});

	test("fd_allocate makes a file longer and never shorter", () => {
		transcript(
			`
			path_open 3 0 "f"        = 4
			fd_allocate 4 0 2        = ok
			fd_filestat_get 4        = file 4 x1
			fd_allocate 4 3 3        = ok
			fd_filestat_get 4        = file 6 x1
			file "f"                 = "0123\\u0000\\u0000"
			fd_allocate 4 0 0        = EINVAL
			fd_allocate 4 -1 4       = EINVAL
			fd_allocate 4 4 -1       = EINVAL
			fd_allocate 4 9223372036854775807 1 = EFBIG
			fd_allocate 4 9223372036854775807 9223372036854775807 = EFBIG
			fd_allocate 3 0 1        = EBADF
			fd_allocate 1 0 1        = EBADF
			fd_allocate 9 0 1        = EBADF
			path_open 3 0 "f" 0 fd_read|fd_allocate = 5
			fd_allocate 5 0 9        = EBADF
			`,
			{ files: { f: "0123" } },
		);
	});
});

test("advice is checked and otherwise ignored", () => {
	transcript(
		`
		path_open 3 0 "f"     = 4
		fd_advise 4 0 0 0     = ok
		fd_advise 4 5 100 5   = ok
		fd_advise 4 0 0 6     = EINVAL
		fd_advise 4 0 0 -1    = EINVAL
		fd_advise 4 -1 0 0    = EINVAL
		fd_advise 4 0 -1 0    = EINVAL
		fd_advise 3 0 0 0     = EBADF
		fd_advise 0 0 0 0     = ESPIPE
		fd_advise 9 0 0 0     = EBADF
		`,
		{ files: { f: "" } },
	);
});

describe("fdstat", () => {
	test("tells type, flags and rights", () => {
		transcript(
			`
			fd_fdstat_get 0  = device flags=0 rights=820000a/0
			fd_fdstat_get 1  = device flags=0 rights=8200048/0
			fd_fdstat_get 3  = directory flags=0 rights=fbffe99/3fffffff
			path_open 3 0 "f" 0 ${READING} 0 append|sync = 4
			fd_fdstat_get 4  = file flags=17 rights=200026/0
			path_open 3 0 "d" directory fd_readdir|fd_sync|path_open|sock_accept fd_read = 5
			fd_fdstat_get 5  = directory flags=0 rights=6010/2
			path_open 3 0 "d" directory = EISDIR
			fd_fdstat_get 9  = EBADF
			`,
			{ files: { f: "", d: {} } },
		);
	});

	test("flags are set; those that do not exist are refused", () => {
		transcript(
			`
			path_open 3 0 "f"             = 4
			fd_fdstat_set_flags 4 append|dsync|nonblock|rsync|sync = ok
			fd_fdstat_get 4               = file flags=31 rights=8e001ff/3fffffff
			fd_fdstat_set_flags 4 32      = EINVAL
			fd_fdstat_set_flags 4 -1      = EINVAL
			fd_fdstat_set_flags 9 0       = EBADF
			path_open 3 0 "f" 0 fd_read   = 5
			fd_fdstat_set_flags 5 append  = ENOTCAPABLE
			`,
			{ files: { f: "" } },
		);
	});

	test("rights can be given up and not taken back", () => {
		transcript(
			`
			path_open 3 0 "f"                     = 4
			fd_fdstat_set_rights 4 fd_read|fd_write 0 = ok
			fd_fdstat_get 4                       = file flags=0 rights=42/0
			fd_fdstat_set_rights 4 fd_read|fd_seek 0  = ENOTCAPABLE
			fd_fdstat_set_rights 4 fd_read fd_read    = ENOTCAPABLE
			fd_fdstat_set_rights 4 -1 0           = ENOTCAPABLE
			fd_fdstat_set_rights 4 4294967298 0   = ENOTCAPABLE
			fd_write 4 "x"                        = 1
			fd_fdstat_set_rights 4 fd_read 0      = ok
			fd_write 4 "x"                        = EBADF
			fd_fdstat_set_rights 9 0 0            = EBADF
			`,
			{ files: { f: "" } },
		);
	});

	test("what a directory does not inherit, nothing opened through it can do", () => {
		transcript(
			`
			fd_fdstat_set_rights 3 path_open|path_create_file|fd_readdir fd_read = ok
			path_open 3 0 "f"           = 4
			fd_fdstat_get 4             = file flags=0 rights=2/2
			fd_write 4 "x"              = EBADF
			path_open 3 0 "f" trunc     = EPERM
			path_create_directory 3 "d" = ENOTCAPABLE
			path_filestat_get 3 0 "f"   = ENOTCAPABLE
			path_unlink_file 3 "f"      = ENOTCAPABLE
			path_rename 3 "f" 3 "g"     = ENOTCAPABLE
			path_link 3 0 "f" 3 "g"     = ENOTCAPABLE
			path_symlink "f" 3 "g"      = ENOTCAPABLE
			path_readlink 3 "f" 9       = ENOTCAPABLE
			path_remove_directory 3 "d" = ENOTCAPABLE
			path_filestat_set_times 3 0 "f" 0 0 mtim_now = ENOTCAPABLE
			fd_filestat_get 3           = ENOTCAPABLE
			fd_fdstat_set_rights 3 0 0  = ok
			path_open 3 0 "f"           = ENOTCAPABLE
			fd_readdir 3 99             = ENOTDIR
			`,
			{ files: { f: "abc" } },
		);
	});
});

describe("times", () => {
	const world: World = { files: { f: "x" }, times: true };

	test("are set to what is given, to now, or left", () => {
		const base = 1_700_000_000_000n * 1_000_000n;
		transcript(
			`
			path_open 3 0 "f"                                  = 4
			fd_filestat_get 4                                  = file 1 x1 a=1000 m=1000 c=1000
			clock 5
			fd_filestat_set_times 4 ${base + 7_000_000n} 0 atim = ok
			fd_filestat_get 4                                  = file 1 x1 a=7 m=1000 c=1005
			fd_filestat_set_times 4 0 ${base + 1_500_000n} mtim = ok
			fd_filestat_get 4                                  = file 1 x1 a=7 m=1.5 c=1005
			clock 5
			fd_filestat_set_times 4 0 0 atim_now|mtim_now      = ok
			fd_filestat_get 4                                  = file 1 x1 a=1010 m=1010 c=1010
			clock 5
			fd_filestat_set_times 4 0 0 0                      = ok
			fd_filestat_get 4                                  = file 1 x1 a=1010 m=1010 c=1015
			fd_filestat_set_times 4 0 0 atim|atim_now          = EINVAL
			fd_filestat_set_times 4 0 0 mtim|mtim_now          = EINVAL
			fd_filestat_set_times 4 0 0 16                     = EINVAL
			fd_filestat_set_times 9 0 0 0                      = EBADF
			`,
			world,
		);
	});

	test("are 64 bits wide", () => {
		const session = transcript(
			`
			path_open 3 0 "f"                         = 4
			fd_filestat_set_times 4 -1 4294967296 atim|mtim = ok
			`,
			world,
		);
		session.calls.fd_filestat_get?.(4, 1024);
		const view = new DataView(session.wasm.buffer, 1024);
		expect(view.getBigUint64(40, true)).toBe(2n ** 64n - 1n);
		expect(view.getBigUint64(48, true)).toBe(2n ** 32n);
	});

	test("a write changes the file, a read does not", () => {
		transcript(
			`
			path_open 3 0 "f" = 4
			clock 5
			fd_read 4 1       = "x"
			fd_filestat_get 4 = file 1 x1 a=1005 m=1000 c=1000
			clock 5
			fd_write 4 "y"    = 1
			fd_filestat_get 4 = file 2 x1 a=1005 m=1010 c=1010
			`,
			world,
		);
	});
});

describe("descriptors", () => {
	test("take the lowest free number", () => {
		transcript(
			`
			path_open 3 0 "f"  = 4
			path_open 3 0 "f"  = 5
			path_open 3 0 "f"  = 6
			fd_close 5         = ok
			fd_close 4         = ok
			path_open 3 0 "f"  = 4
			fd_close 0         = ok
			path_open 3 0 "f"  = 0
			path_open 3 0 "f"  = 5
			path_open 3 0 "f"  = 7
			fd_close 5         = ok
			fd_close 5         = EBADF
			fd_close -1        = EBADF
			fd_close 1000000   = EBADF
			`,
			{ files: { f: "" } },
		);
	});

	test("a removed file lives while it is open", () => {
		transcript(
			`
			path_open 3 0 "f"         = 4
			path_open 3 0 "f"         = 5
			path_unlink_file 3 "f"    = ok
			path_open 3 0 "f"         = ENOENT
			fd_filestat_get 4         = file 3 x0
			fd_close 5                = ok
			fd_read 4 9               = "abc"
			fd_write 4 "def"          = 3
			fd_seek 4 0 set           = 0
			fd_read 4 9               = "abcdef"
			fd_close 4                = ok
			`,
			{ files: { f: "abc" } },
		);
	});

	test("fd_renumber moves one over another, which is closed", () => {
		transcript(
			`
			path_open 3 0 "f"  = 4
			path_open 3 0 "g"  = 5
			fd_renumber 4 5    = ok
			fd_read 5 9        = "F"
			fd_read 4 9        = EBADF
			path_open 3 0 "g"  = 4
			fd_renumber 4 4    = ok
			fd_read 4 9        = "G"
			fd_renumber 4 9    = EBADF
			fd_renumber 9 4    = EBADF
			fd_renumber -1 4   = EBADF
			fd_renumber 4 -1   = EBADF
			fd_renumber 4 1    = ok
			fd_seek 1 0 set    = 0
			fd_read 1 9        = "G"
			`,
			{ files: { f: "F", g: "G" } },
		);
	});

	test("a pipe hears when the last descriptor on an end has gone", () => {
		const session = new Session();
		const { reader, writer } = pipe(session.bridge);
		const { descriptors } = session.thread.process;
		const read = new OpenFile(reader, 0, -1, 0);
		const write = new OpenFile(writer, 0, -1, 0);
		for (const file of [read, write, write]) descriptors.add(file);
		transcript(
			`
			fd_write 5 "a"   = 1
			fd_close 5       = ok
			fd_write 6 "b"   = 1
			fd_renumber 2 6  = ok
			fd_read 4 9      = "ab"
			fd_read 4 9      = ""
			`,
			session,
		);
	});

	test("there is an end to them", () => {
		const session = new Session({ files: { f: "" } });
		let last = "";
		for (let i = 4; i <= 65536 && last !== "EMFILE"; i++) {
			last = "";
			const { descriptors, tree } = session.thread.process;
			if (descriptors.add(new OpenFile(tree.root, 0, 0, 0)) < 0) last = "EMFILE";
		}
		expect(last).toBe("EMFILE");
		transcript(
			`
			path_open 3 0 "f" = EMFILE
			fd_close 40000    = ok
			path_open 3 0 "f" = 40000
			`,
			session,
		);
	});
});

describe("preopened directories", () => {
	test("tell their names, once", () => {
		const session = new Session();
		const { descriptors, tree } = session.thread.process;
		descriptors.add(new OpenFile(tree.root, 0, 0, 0, "/h\u00f6me"));
		transcript(
			`
			fd_prestat_get 3         = 0 1
			fd_prestat_dir_name 3 1  = "/"
			fd_prestat_get 4         = 0 6
			fd_prestat_dir_name 4 6  = "/höme"
			fd_prestat_dir_name 4 5  = ENAMETOOLONG
			fd_prestat_dir_name 4 0  = ENAMETOOLONG
			fd_prestat_get 0         = EBADF
			fd_prestat_dir_name 0 9  = EBADF
			fd_prestat_get 5         = EBADF
			fd_prestat_get -1        = EBADF
			`,
			session,
		);
	});

	test("one that is opened by the guest is none", () => {
		transcript(`
			path_open 3 0 "." 0 fd_readdir = 4
			fd_prestat_get 4  = EBADF
			fd_prestat_dir_name 4 9 = EBADF
		`);
	});
});

test("what is written is where it belongs", () => {
	transcript(
		`
		path_open 3 0 "f"  = 4
		fd_sync 4          = ok
		fd_datasync 4      = ok
		fd_sync 3          = ok
		fd_datasync 3      = ok
		fd_sync 1          = ENOTCAPABLE
		fd_sync 9          = EBADF
		fd_datasync 9      = EBADF
		`,
		{ files: { f: "" } },
	);
});

describe("a stream", () => {
	test("is waited for, or not: as the guest wants", () => {
		transcript(`
			type "abc"
			fd_read 0 2                    = "ab"
			fd_read 0 2                    = "c"
			fd_fdstat_set_flags 0 nonblock = ok
			fd_read 0 2                    = EAGAIN
			fd_fdstat_set_flags 0 0        = ok
			type later "later"
			fd_read 0 9                    = "later"
			type later "x"
			fd_read 0 1 1 1                = "x"
			hangup later
			fd_read 0 9                    = ""
			fd_read 0 9                    = ""
		`);
	});

	test("whose guest is killed while it waits unwinds it", () => {
		transcript(`
			kill later
			fd_read 0 9 = ended 137 SIGKILL
		`);
	});

	test("is printed in order", () => {
		transcript(`
			fd_write 1 "out" " and" " on\\n" = 11
			fd_write 2 "err"                 = 3
			printed                          = "out and on\\nerr"
		`);
	});
});

import { expect, test } from "vitest";
import { Session, transcript, type World } from "./transcript.testkit.ts";

const world: World = { snapshot0: true, files: { f: "0123456789" } };

test("whence counts: current, end, set", () => {
	transcript(
		`
		path_open 3 0 "f" = 4
		fd_seek 4 4 2     = 4
		fd_seek 4 1 0     = 5
		fd_seek 4 -1 1    = 9
		fd_seek 4 0 3     = EINVAL
		fd_seek 4 0 -1    = EINVAL
		fd_tell 4         = 9
		fd_seek 0 0 2     = ESPIPE
		fd_seek 9 0 2     = EBADF
		`,
		world,
	);
});

test("a filestat has 56 bytes, with a link count of four", () => {
	transcript(
		`
		path_open 3 0 "f"          = 4
		path_link 3 0 "f" 3 "g"    = ok
		fd_filestat_get 4          = file 10 x2 a=1000 m=1000 c=1000
		path_filestat_get 3 0 "g"  = file 10 x2 a=1000 m=1000 c=1000
		path_filestat_get 3 0 "."  = directory 0 x2 a=1000 m=1000 c=1000
		fd_filestat_get 9          = EBADF
		path_filestat_get 3 0 "n"  = ENOENT
		`,
		{ ...world, times: true },
	);
});

test("nothing but those bytes is written, in either version", () => {
	for (const [snapshot0, size] of [
		[true, 56],
		[false, 64],
	] as const) {
		for (const at of [1024, 1027]) {
			const session = new Session({ ...world, snapshot0 });
			session.bytes.fill(0xee);
			session.calls.fd_filestat_get?.(3, at);
			expect(session.bytes[at - 1]).toBe(0xee);
			expect(session.bytes[at + size]).toBe(0xee);
			expect(session.bytes[at + size - 1]).not.toBe(0xee);
		}
		const session = new Session({ ...world, snapshot0 });
		expect(session.calls.fd_filestat_get?.(3, 65536 - size)).toBe(0);
		expect(session.calls.fd_filestat_get?.(3, 65536 - size + 1)).toBe(21);
	}
});

test("all else is preview1", () => {
	transcript(
		`
		args_sizes_get           = 1 8
		path_open 3 0 "f"        = 4
		fd_read 4 4              = "0123"
		fd_readdir 3 99          = 1:./ 2:../ 3:f (76)
		fd_fdstat_get 0          = device flags=0 rights=820000a/0
		clock_time_get realtime  = 1700000001000000000
		proc_exit 3              = ended 3
		`,
		world,
	);
});

import { expect, test } from "vitest";
import { EBADF, ENDED, ENOENT } from "../abi/errno.ts";
import { Memory, utf8 } from "../abi/memory.ts";
import { lineOf } from "./trace.ts";

function memoryWith(at: number, text: string): Memory {
	const memory = new Memory();
	memory.attach(new WebAssembly.Memory({ initial: 1 }));
	memory.u8.set(utf8(text), at);
	return memory;
}

test("a path is shown as text, flags in hex, and what was opened behind them", () => {
	const memory = memoryWith(100, "etc/motd");
	memory.setU32(200, 5);
	const args = [3, 1, 100, 8, 0, 2, 0, 0, 0, 1, 200];
	expect(lineOf("path_open", args, 0, memory)).toBe(
		'path_open(fd=3, follow=0x1, path="etc/motd", oflags=0x0, rights=2, inheriting=0, fdflags=0x1, opened=5) = 0',
	);
	expect(lineOf("path_open", args, ENOENT, memory)).toContain('path="etc/motd"');
	expect(lineOf("path_open", args, ENOENT, memory)).toMatch(/fdflags=0x1\) = ENOENT$/);
});

test("bytes that are read are those that the call has filled in, and long ones are cut", () => {
	const memory = memoryWith(100, `hello${"x".repeat(200)}`);
	memory.setU32(40, 100);
	memory.setU32(44, 205);
	memory.setU32(60, 5);
	expect(lineOf("fd_read", [0, 40, 1, 60], 0, memory)).toBe(
		'fd_read(fd=0, data="hello", read=5) = 0',
	);
	expect(lineOf("fd_read", [9, 40, 1, 60], EBADF, memory)).toBe("fd_read(fd=9) = EBADF");
	memory.setU32(60, 205);
	expect(lineOf("fd_write", [1, 40, 1, 60], 0, memory)).toBe(
		`fd_write(fd=1, data="hello${"x".repeat(43)}"… (205 bytes), written=205) = 0`,
	);
});

test("64 bits are one number, also below 0; what has no answer shows none", () => {
	const memory = memoryWith(0, "");
	memory.setU64(8, 4096);
	expect(lineOf("fd_seek", [4, -2, -1, 2, 8], 0, memory)).toBe(
		"fd_seek(fd=4, offset=-2, whence=2, position=4096) = 0",
	);
	expect(lineOf("proc_exit", [3], ENDED, memory)).toBe("proc_exit(code=3)");
	expect(lineOf("later_call", [1, -1], 0, memory)).toBe("later_call(1, -1) = 0");
	expect(lineOf("constructor", [1], 0, memory)).toBe("constructor(1) = 0");
});

test("addresses outside of the memory are told, and not read", () => {
	const memory = memoryWith(0, "");
	expect(lineOf("path_unlink_file", [3, -8, 16], EBADF, memory)).toBe(
		"path_unlink_file(fd=3, path=(outside of its memory)) = EBADF",
	);
	expect(lineOf("fd_write", [1, 65_532, 1, 8], 0, memory)).toContain(
		"data=(outside of its memory)",
	);
	memory.setU32(16, -4);
	memory.setU32(20, 100);
	expect(lineOf("fd_write", [1, 16, 1, 8], 0, memory)).toContain("data=(outside of its memory)");
	expect(lineOf("fd_write", [1, 16, -1, 8], 0, memory)).toContain("data=(outside of its memory)");
	expect(lineOf("fd_tell", [1, -4], 0, memory)).toContain("position=NaN");
});

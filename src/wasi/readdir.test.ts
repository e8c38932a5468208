import { describe, expect, test } from "vitest";
import { Session, transcript, type World } from "./transcript.testkit.ts";

const world: World = { files: { alpha: "", b: {}, 日本: "", d: "" } };

/** What a C library does: reads into `size` bytes, goes on at the last whole entry's cookie. */
function names(session: Session, size: number, between: () => void = () => {}): string[] {
	const found: string[] = [];
	let cookie = 0n;
	for (let i = 0; i < 200; i++) {
		const room = 1024;
		const result = 512;
		session.bytes.fill(0xee, room, room + size + 8);
		expect(session.calls.fd_readdir?.(3, room, size, cookie, result)).toBe(0);
		const view = new DataView(session.wasm.buffer);
		const used = view.getUint32(result, true);
		expect(used).toBeLessThanOrEqual(size);
		expect(session.bytes[room + size]).toBe(0xee);
		let at = 0;
		while (at + 24 <= used) {
			const length = view.getUint32(room + at + 16, true);
			if (at + 24 + length > used) break;
			cookie = view.getBigUint64(room + at, true);
			const name = session.bytes.slice(room + at + 24, room + at + 24 + length);
			found.push(new TextDecoder().decode(name));
			at += 24 + length;
		}
		if (used < size) return found;
		between();
	}
	throw new Error("there is no end");
}

test("lists . and .. and the rest, with cookies that lead on", () => {
	transcript(
		`
		fd_readdir 3 500    = 1:./ 2:../ 3:alpha 4:b/ 5:日本 6:d (160)
		fd_readdir 3 500 2  = 3:alpha 4:b/ 5:日本 6:d (109)
		fd_readdir 3 500 4  = 5:日本 6:d (55)
		fd_readdir 3 500 6  = (0)
		fd_readdir 3 500 99 = (0)
		fd_readdir 3 500 -1 = (0)
		fd_readdir 3 0      = (0)
		fd_readdir 3 24     = … (24)
		fd_readdir 3 25     = 1:./ (25)
		fd_readdir 3 26     = 1:./ … (26)
		fd_readdir 3 40 4   = 5:日本 … (40)
		fd_readdir 3 29 4   = … (29)
		`,
		world,
	);
});

test("an empty directory has two entries", () => {
	transcript("fd_readdir 3 500 = 1:./ 2:../ (51)");
});

test("at every size of the buffer that holds an entry, all are found once", () => {
	const all = [".", "..", "alpha", "b", "日本", "d"];
	const session = new Session(world);
	for (let size = 30; size <= 200; size++) expect(names(session, size), `${size}`).toEqual(all);
});

test("entries say which file they are, as fd_filestat_get does", () => {
	const session = new Session(world);
	session.calls.fd_readdir?.(3, 1024, 500, 2n, 512);
	const view = new DataView(session.wasm.buffer);
	const ino = view.getBigUint64(1024 + 8, true);
	transcript(`path_open 3 0 "alpha" = 4`, session);
	session.calls.fd_filestat_get?.(4, 2048);
	expect(view.getBigUint64(2048 + 8, true)).toBe(ino);
	expect(view.getBigUint64(2048, true)).not.toBe(0n);
});

describe("while entries come and go", () => {
	const many = Object.fromEntries(Array.from({ length: 40 }, (_, i) => [`file${i}`, ""]));

	test("those that stay are listed once", () => {
		const session = new Session({ files: many });
		let round = 0;
		const listed = names(session, 100, () => {
			transcript(`path_unlink_file 3 "file${39 - round}" = ok`, session);
			transcript(`path_create_directory 3 "new${round}" = ok`, session);
			round += 1;
		});
		const kept = Array.from({ length: 40 - round }, (_, i) => `file${i}`);
		expect(round).toBeGreaterThan(5);
		for (const name of kept) expect(listed.filter((n) => n === name)).toEqual([name]);
	});

	test("a guest that makes files while it reads finds those of before, each once", () => {
		for (const size of [60, 100, 400]) {
			const session = new Session({ files: many });
			let made = 0;
			const listed = names(session, size, () => {
				for (let i = 0; i < 30; i++) {
					transcript(`path_create_directory 3 "new${made++}" = ok`, session);
				}
			});
			expect(made).toBeGreaterThan(60);
			expect(listed).toEqual([".", "..", ...Object.keys(many)]);
			expect(names(session, 1000)).toHaveLength(42 + made);
		}
	});

	test("two descriptors of one directory list it each from its own beginning", () => {
		transcript(
			`
			path_open 3 0 "." directory fd_readdir = 4
			fd_readdir 3 500            = 1:./ 2:../ 3:alpha 4:b/ 5:日本 6:d (160)
			path_create_directory 3 "e" = ok
			fd_readdir 4 500            = 1:./ 2:../ 3:alpha 4:b/ 5:日本 6:d 7:e/ (185)
			fd_readdir 3 500 5          = 6:d (25)
			fd_readdir 4 500 5          = 6:d 7:e/ (50)
			fd_readdir 3 500            = 1:./ 2:../ 3:alpha 4:b/ 5:日本 6:d 7:e/ (185)
			`,
			world,
		);
	});

	test("a guest that removes what it has read removes everything", () => {
		const session = new Session({ files: many });
		for (const name of names(session, 100)) {
			if (name.startsWith("file")) transcript(`path_unlink_file 3 "${name}" = ok`, session);
		}
		transcript("fd_readdir 3 500 = 1:./ 2:../ (51)", session);
	});

	test("a cookie of a removed entry leads to the next", () => {
		transcript(
			`
			fd_readdir 3 500 2          = 3:alpha 4:b/ 5:日本 6:d (109)
			path_unlink_file 3 "alpha"  = ok
			path_remove_directory 3 "b" = ok
			fd_readdir 3 500 3          = 5:日本 6:d (55)
			fd_readdir 3 500 2          = 5:日本 6:d (55)
			`,
			world,
		);
	});
});

test("what is no directory cannot be listed", () => {
	transcript(
		`
		path_open 3 0 "alpha" = 4
		fd_readdir 4 99       = ENOTDIR
		fd_readdir 0 99       = ENOTDIR
		fd_readdir 9 99       = EBADF
		`,
		world,
	);
});

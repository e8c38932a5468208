/**
 * The shim as oracle: the same random calls go to `@bjorn3/browser_wasi_shim` and to us, on one
 * memory, and all that is visible must agree. A failure prints the seed; SEED=n repeats it.
 *
 * Where the shim is wrong, or simpler than the specification, the call is left out or its answer
 * made alike; EXCLUDED says why. What is not compared at all, because the shim has no meaning for it:
 * times, inode and link numbers, rights, clocks, polling, random bytes, sockets, symlinks, signals.
 */
import {
	ConsoleStdout,
	Directory,
	File,
	type Inode,
	OpenFile,
	PreopenDirectory,
	WASI,
	wasi,
} from "@bjorn3/browser_wasi_shim";
import { expect, test } from "vitest";
import * as abi from "../abi/constants.ts";
import { errnoName } from "../abi/errno-names.ts";
import { DIRENT, EVENT, FDSTAT, FILESTAT, PRESTAT, SUBSCRIPTION } from "../abi/layout.ts";
import { dice, seeds, withSeed } from "../abi/random.testkit.ts";
import { type Calls, type Files, Session } from "./transcript.testkit.ts";

/** Ours → why the shim is not asked, or its answer does not count. */
const EXCLUDED: readonly { call: RegExp; ours: RegExp; why: string }[] = [
	{
		call: /^path_open/,
		ours: /^EISDIR$/,
		why: "the shim ignores rights and opens a directory for writing, and with creat or trunc",
	},
	{
		call: /^path_create_directory/,
		ours: /^EEXIST$/,
		why: "the shim answers success for a directory that exists, ENOTDIR for a file",
	},
	{
		call: /^path_link/,
		ours: /^EEXIST$/,
		why: "the shim replaces a file that exists",
	},
	{
		call: /^path_rename/,
		ours: /^EINVAL$/,
		why: "the shim takes a directory out before it looks for the new place, and says ENOENT",
	},
	{
		call: /^path_rename 3 "(.+)\/[^"]+" 3 "\1"$/,
		ours: /^ENOTEMPTY$/,
		why: "the shim takes the directory out of the one that it is to replace, and finds that empty",
	},
	{
		call: /^path_(link|rename)/,
		ours: /^ENOTDIR$/,
		why: "where both paths are wrong, the shim stops at the old one, or has taken it away already",
	},
];

const FILES: Files = {
	a: { a: "low a", b: { c: "deep", d: "x".repeat(40) }, c: {} },
	b: "plain",
	c: { a: "", d: { a: { b: "far down" } } },
};
const NAMES = ["a", "b", "c", "d"];
const ARGS = ["program", "--flag", ""];
const ENV = [
	["HOME", "/"],
	["EMPTY", ""],
] as const;

function shimTree(files: Files): Map<string, Inode> {
	return new Map(
		Object.entries(files).map(([name, item]) => [
			name,
			typeof item === "string"
				? new File(new TextEncoder().encode(item))
				: new Directory(shimTree(item)),
		]),
	);
}

/** The shim's calls, on the memory of `session`. */
function shimCalls(session: Session): Calls {
	const stdin = new OpenFile(new File([]));
	const console = () => new ConsoleStdout(() => {});
	const fds = [stdin, console(), console(), new PreopenDirectory("/", shimTree(FILES))];
	const shim = new WASI(
		ARGS,
		ENV.map(([key, value]) => `${key}=${value}`),
		fds,
		{ debug: false },
	);
	// All that the shim wants of an instance is its memory.
	Reflect.set(shim, "inst", { exports: { memory: session.wasm } });
	return shim.wasiImport as unknown as Calls;
}

/** One open file: its number with us and with the shim. */
interface Open {
	ours: number;
	theirs: number;
}

class Duel {
	readonly log: string[] = [];
	readonly #session = new Session({ files: FILES, args: ARGS, env: ENV });
	readonly #shim = shimCalls(this.#session);
	readonly #roll: (below: number) => number;
	readonly #open: Open[] = [];
	/** A duel renames or links: of two names of one file, the shim's rename takes one away. */
	readonly #moves: boolean;

	constructor(roll: (below: number) => number) {
		this.#roll = roll;
		this.#moves = roll(2) === 0;
	}

	/** The answers of both, where the shim is asked. `$` in `line` is the number of `open`. */
	#ask(line: string, open?: Open): { ours: string; theirs: string | null } {
		const ours = this.#answer(line, open?.ours, this.#session.calls);
		this.log.push(`${line} = ${ours}`);
		const excluded = EXCLUDED.some((rule) => rule.call.test(line) && rule.ours.test(ours));
		return { ours, theirs: excluded ? null : this.#answer(line, open?.theirs, this.#shim) };
	}

	#answer(line: string, fd: number | undefined, calls: Calls): string {
		const answered = this.#session.line(line.replace("$", String(fd)), calls);
		return answered.slice(answered.lastIndexOf(" = ") + 3);
	}

	/** Both must answer alike, after `seen` has left out what is not compared. */
	#same(line: string, open?: Open, seen: (answer: string) => unknown = (answer) => answer): string {
		const { ours, theirs } = this.#ask(line, open);
		if (theirs !== null) expect(seen(ours), line).toEqual(seen(theirs));
		return ours;
	}

	#path(): string {
		const depth = 1 + this.#roll(3);
		const names = Array.from({ length: depth }, () => NAMES[this.#roll(NAMES.length)]);
		return `"${names.join("/")}"`;
	}

	#opened(): Open {
		return this.#open[this.#roll(5)] ?? { ours: 99, theirs: 99 };
	}

	#text(): string {
		// The shim makes a file longer for a write of nothing beyond its end.
		const length = 1 + this.#roll(30);
		return `"${"abcdefghijklmnopqrstuvwxyzABCDEF".slice(0, length)}"`;
	}

	#opens(): void {
		// Without creat, excl means nothing; the shim answers EEXIST. With directory, creat is EINVAL.
		const flags = ["0", "creat", "trunc", "creat|trunc", "creat|excl"][this.#roll(5)];
		const { ours, theirs } = this.#ask(`path_open 3 0 ${this.#path()} ${flags}`);
		if (theirs === null) return;
		const [a, b] = [Number(ours), Number(theirs)];
		// What failed has a name, which is no number.
		if (Number.isNaN(a) || Number.isNaN(b)) expect(ours).toBe(theirs);
		else this.#open.push({ ours: a, theirs: b });
		if (this.#open.length > 5) this.#closes();
	}

	#closes(): void {
		const [gone] = this.#open.splice(this.#roll(this.#open.length), 1);
		if (gone === undefined) return;
		this.#same("fd_close $", gone);
		this.#same("fd_close $", gone);
		this.#same("fd_tell $", gone);
	}

	#lists(): void {
		const rights = "fd_readdir|fd_filestat_get";
		const { ours, theirs } = this.#ask(`path_open 3 0 ${this.#path()} directory ${rights}`);
		if (theirs === null) return;
		const open = { ours: Number(ours), theirs: Number(theirs) };
		if (Number.isNaN(open.ours) || Number.isNaN(open.theirs)) {
			expect(ours).toBe(theirs);
			return;
		}
		// Cookies and the order are each one's own.
		const names = (answer: string) => answer.replaceAll(/\d+:/g, "").split(" ").sort();
		this.#same("fd_readdir $ 4000", open, names);
		this.#same("fd_filestat_get $", open, withoutLinks);
		this.#same("fd_close $", open);
	}

	step(): void {
		const open = this.#opened();
		const position = this.#roll(60);
		const lines = [
			`fd_write $ ${this.#text()}`,
			`fd_write $ ${this.#text()} ${this.#text()}`,
			`fd_pwrite $ ${this.#text()} @${position}`,
			`fd_read $ ${this.#roll(40)}`,
			`fd_read $ ${this.#roll(9)} ${this.#roll(9)} 5`,
			`fd_pread $ ${this.#roll(40)} 3 @${position}`,
			`fd_seek $ ${position} set`,
			`fd_seek $ ${position - 30} cur`,
			`fd_seek $ ${-position} end`,
			`fd_seek $ 0 7`,
			"fd_tell $",
			`fd_filestat_set_size $ ${position}`,
			`fd_allocate $ ${position} ${1 + this.#roll(9)}`,
			"fd_sync $",
			"fd_datasync $",
			"fd_advise $ 0 0",
		];
		const paths = [
			`path_create_directory 3 ${this.#path()}`,
			`path_remove_directory 3 ${this.#path()}`,
			`path_unlink_file 3 ${this.#path()}`,
			`${this.#moves ? "path_rename 3" : "path_link 3 0"} ${this.#path()} 3 ${this.#path()}`,
		];
		const kind = this.#roll(12);
		if (kind < 2) this.#opens();
		else if (kind === 2) this.#lists();
		else if (kind === 3) this.#closes();
		else if (kind === 4)
			this.#same(`path_filestat_get 3 0 ${this.#path()}`, undefined, withoutLinks);
		else if (kind === 5) this.#same("fd_filestat_get $", open, withoutLinks);
		else if (kind === 6) this.#same("fd_fdstat_get $", open, (answer) => answer.split(" ")[0]);
		else if (kind < 9) this.#same(pick(paths, this.#roll));
		else this.#same(pick(lines, this.#roll), open);
	}

	/** What does not change: arguments, environment, preopened directories, streams. */
	start(): void {
		for (const call of ["args_sizes_get", "args_get", "environ_sizes_get", "environ_get"]) {
			this.#same(call);
		}
		for (const call of ["fd_prestat_get 3", "fd_prestat_dir_name 3 1"]) this.#same(call);
		this.#same(`fd_write 1 "to the console"`);
		this.#same("fd_fdstat_get 1", undefined, (answer) => answer.split(" ")[0]);
		this.#same("fd_prestat_get 99");
		this.#same('path_open 99 0 "a"');
	}
}

function withoutLinks(answer: string): string {
	return answer.replace(/ x\d+$/, "");
}

function pick(lines: readonly string[], roll: (below: number) => number): string {
	return lines[roll(lines.length)] as string;
}

test("random calls give what the shim gives", () => {
	for (const seed of seeds(40)) {
		const duel = new Duel(dice(seed));
		try {
			duel.start();
			for (let i = 0; i < 150; i++) duel.step();
		} catch (cause) {
			throw withSeed(seed, `${duel.log.join("\n")}\n${String(cause)}`);
		}
	}
});

test("errnos have the numbers that the shim gives them", () => {
	const theirs = Object.entries(wasi).filter(([name]) => /^ERRNO_(?!SUCCESS)/.test(name));
	expect(theirs.length).toBe(76);
	for (const [name, number] of theirs) {
		expect(errnoName(-Number(number))).toBe(`E${name.slice("ERRNO_".length)}`);
	}
});

test("constants have the numbers that the shim gives them", () => {
	/** Our prefix → theirs, where they differ. */
	const prefixes: readonly [RegExp, string][] = [
		[/^RIGHT_/, "RIGHTS_"],
		[/^OFLAG_/, "OFLAGS_"],
		[/^FDFLAG_/, "FDFLAGS_"],
		[/^FSTFLAG_/, "FSTFLAGS_"],
		[/^CLOCK_(PROCESS|THREAD)_CPUTIME$/, "CLOCKID_$1_CPUTIME_ID"],
		[/^CLOCK_/, "CLOCKID_"],
		[/^SUBCLOCKFLAG_/, "SUBCLOCKFLAGS_SUBSCRIPTION_CLOCK_"],
		[/^EVENTRWFLAG_/, "EVENTRWFLAGS_FD_READWRITE_"],
	];
	/** Not in the shim. */
	const ours = new Set([
		"FDFLAGS_ALL",
		"OFLAGS_ALL",
		"RIGHTS_ALL",
		"RIGHTS_STREAM",
		"RIGHTS_SOCKET",
		"RIGHTS_FILE",
		"RIGHTS_DIRECTORY",
		"RIGHT_SOCK_ACCEPT",
		"LOOKUP_SYMLINK_FOLLOW",
	]);
	for (const [name, value] of Object.entries(abi)) {
		if (ours.has(name)) continue;
		const [pattern, prefix] = prefixes.find(([one]) => one.test(name)) ?? [/^/, ""];
		const theirs: unknown = Reflect.get(wasi, name.replace(pattern, prefix));
		expect(theirs, name).toBe(value);
	}
});

test("structs have the layouts that the shim writes", () => {
	const view = new DataView(new ArrayBuffer(128));
	const bytes = new Uint8Array(view.buffer);

	const filestat = new wasi.Filestat(0x1122n, wasi.FILETYPE_DIRECTORY, 0x3344n);
	// Its times stay 0: it writes them up to four bytes too early, the first over the size.
	Object.assign(filestat, { dev: 1n, nlink: 2n });
	filestat.write_bytes(view, 0);
	const big = (at: number) => view.getBigUint64(at, true);
	expect([big(FILESTAT.dev), big(FILESTAT.ino), big(FILESTAT.nlink)]).toEqual([1n, 0x1122n, 2n]);
	expect([bytes[FILESTAT.type], big(FILESTAT.length)]).toEqual([3, 0x3344n]);

	const fdstat = new wasi.Fdstat(wasi.FILETYPE_REGULAR_FILE, 5);
	Object.assign(fdstat, { fs_rights_base: 7n, fs_rights_inherited: 9n });
	fdstat.write_bytes(view, 0);
	expect([bytes[FDSTAT.type], view.getUint16(FDSTAT.flags, true)]).toEqual([4, 5]);
	expect([big(FDSTAT.rights), big(FDSTAT.inheriting)]).toEqual([7n, 9n]);

	const dirent = new wasi.Dirent(11n, 12n, "name", wasi.FILETYPE_DIRECTORY);
	dirent.write_head_bytes(view, 0);
	expect(dirent.head_length()).toBe(DIRENT.size);
	expect([big(DIRENT.next), big(DIRENT.ino)]).toEqual([11n, 12n]);
	expect([view.getUint32(DIRENT.length, true), bytes[DIRENT.type]]).toEqual([4, 3]);

	wasi.Prestat.dir("/name").write_bytes(view, 0);
	expect([view.getUint32(PRESTAT.tag, true), view.getUint32(PRESTAT.length, true)]).toEqual([0, 5]);

	new wasi.Event(13n, 8, wasi.EVENTTYPE_FD_READ).write_bytes(view, 0);
	expect([big(EVENT.userdata), view.getUint16(EVENT.error, true), bytes[EVENT.type]]).toEqual([
		13n,
		8,
		1,
	]);

	bytes.fill(0);
	view.setBigUint64(SUBSCRIPTION.userdata, 14n, true);
	view.setUint32(SUBSCRIPTION.clock, 1, true);
	view.setBigUint64(SUBSCRIPTION.timeout, 15n, true);
	// The flags are at 40; the shim reads them from 36, inside the precision.
	view.setUint16(36, 1, true);
	expect(SUBSCRIPTION.flags).toBe(40);
	expect(wasi.Subscription.read_bytes(view, 0)).toMatchObject({
		userdata: 14n,
		clockid: 1,
		timeout: 15n,
		flags: 1,
	});
});

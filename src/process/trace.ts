/**
 * A line for each system call of a program: `CommandOptions.trace`. Loaded with the first program that is traced.
 *
 *     2 path_open(fd=3, follow=0x1, path="etc/motd", oflags=0x0, …) = 0, opened=5
 *     2 fd_read(fd=5, data="hello\n", read=6) = 0
 *     2 path_open(fd=3, follow=0x1, path="nosuch", …) = ENOENT
 *
 * What a call's arguments are is written down below, a word for each: its name and its kind.
 *
 *     n  a number           x  flags, in hex       N  64 bits (two arguments)    p  an address
 *     s  text: address, length                     o  text that the call fills in: address, room
 *     w  bytes of a list of buffers                r  the same, filled in, as many as the next number below says
 *     4, 8  the address of a number that the call gives
 *
 * A call that waits is made again, and told once, when it is answered. Lines go to the page together, when the program
 * gives way or there are many.
 */
import { ENDED, PENDING } from "../abi/errno.ts";
import { errnoName } from "../abi/errno-names.ts";
import type { Memory } from "../abi/memory.ts";
import type { PlainCall } from "../bridge/adapter.ts";
import type { Process } from "./process.ts";

/** Lines that wait at most. */
const TOGETHER = 64;
/** Characters of a text that are shown. */
const SHOWN = 48;
const TWO_32 = 2 ** 32;

/** Calls that answer with a value, also below 0. */
const VALUES = new Set(["thread-spawn", "notify", "wait32", "wait64"]);

const ONE_PATH = "fd:n path:s";
const TWO_PATHS = "fd:n path:s to:n new:s";
const TIMES = "atime:N mtime:N flags:x";

const shapes: Readonly<Record<string, string>> = {
	args_get: "argv:p buffer:p",
	args_sizes_get: "count:4 size:4",
	environ_get: "environ:p buffer:p",
	environ_sizes_get: "count:4 size:4",
	clock_res_get: "clock:n resolution:8",
	clock_time_get: "clock:n precision:N time:8",
	fd_advise: "fd:n offset:N length:N advice:n",
	fd_allocate: "fd:n offset:N length:N",
	fd_close: "fd:n",
	fd_datasync: "fd:n",
	fd_fdstat_get: "fd:n stat:p",
	fd_fdstat_set_flags: "fd:n flags:x",
	fd_fdstat_set_rights: "fd:n base:N inheriting:N",
	fd_filestat_get: "fd:n stat:p",
	fd_filestat_set_size: "fd:n size:N",
	fd_filestat_set_times: `fd:n ${TIMES}`,
	fd_pread: "fd:n data:r offset:N read:4",
	fd_prestat_get: "fd:n prestat:p",
	fd_prestat_dir_name: "fd:n name:o",
	fd_pwrite: "fd:n data:w offset:N written:4",
	fd_read: "fd:n data:r read:4",
	fd_readdir: "fd:n buffer:p room:n cookie:N used:4",
	fd_renumber: "from:n to:n",
	fd_seek: "fd:n offset:N whence:n position:8",
	fd_sync: "fd:n",
	fd_tell: "fd:n position:8",
	fd_write: "fd:n data:w written:4",
	path_create_directory: ONE_PATH,
	path_filestat_get: "fd:n follow:x path:s stat:p",
	path_filestat_set_times: `fd:n follow:x path:s ${TIMES}`,
	path_link: "fd:n follow:x path:s to:n new:s",
	path_open: "fd:n follow:x path:s oflags:x rights:N inheriting:N fdflags:x opened:4",
	path_open2: "fd:n follow:x path:s oflags:x rights:N inheriting:N fdflags:x fdflagsext:x opened:4",
	path_readlink: "fd:n path:s target:o used:4",
	path_remove_directory: ONE_PATH,
	path_rename: TWO_PATHS,
	path_symlink: "target:s fd:n path:s",
	path_unlink_file: ONE_PATH,
	poll_oneoff: "subscriptions:p events:p count:n happened:4",
	proc_exit: "code:n",
	proc_raise: "signal:n",
	random_get: "buffer:p length:n",
	sched_yield: "",
	sock_accept: "fd:n flags:x accepted:4",
	sock_shutdown: "fd:n how:x",
	callback_signal: "handler:s",
	chdir: "path:s",
	epoll_create: "epfd:4",
	epoll_ctl: "epfd:n op:n fd:n event:p",
	epoll_wait: "epfd:n events:p most:n timeout:N happened:4",
	fd_dup: "fd:n copy:4",
	fd_dup2: "fd:n least:n closeonexec:n copy:4",
	fd_event: "value:N flags:x fd:4",
	fd_fdflags_get: "fd:n flags:p",
	fd_fdflags_set: "fd:n flags:x",
	fd_pipe: "first:4 second:4",
	futex_wait: "address:p expected:n timeout:p woken:p",
	futex_wake: "address:p woken:p",
	futex_wake_all: "address:p woken:p",
	getcwd: "path:p room:4",
	proc_exec: "name:s args:s",
	proc_exec2: "name:s args:s env:s",
	proc_exec3: "name:s args:s env:s search:n path:s",
	proc_exec4: "name:s args:p count:n env:p count:n search:n path:s",
	proc_exit2: "code:n",
	proc_fork: "copy:n pid:4",
	proc_fork_env: "pid:4",
	proc_id: "pid:4",
	proc_join: "pid:p flags:x status:p",
	proc_parent: "pid:n parent:4",
	proc_raise_interval: "signal:n interval:N repeat:n",
	proc_signal: "pid:n signal:n",
	proc_spawn2: "name:s args:s env:s actions:p count:n signals:p count:n search:n path:s pid:4",
	proc_spawn3:
		"name:s args:p count:n env:p count:n actions:p count:n signals:p count:n search:n path:s pid:4",
	sock_addr_local: "fd:n address:p",
	sock_addr_peer: "fd:n address:p",
	sock_bind: "fd:n address:p",
	sock_connect: "fd:n address:p",
	sock_listen: "fd:n backlog:n",
	sock_open: "family:n type:n protocol:n fd:4",
	sock_pair: "family:n type:n protocol:n first:4 second:4",
	stack_checkpoint: "record:p value:8",
	stack_restore: "record:p value:N",
	thread_exit: "code:n",
	thread_id: "tid:4",
	thread_join: "tid:n",
	thread_signal: "tid:n signal:n",
	thread_sleep: "duration:N",
	thread_spawn_v2: "start:p tid:4",
	tty_get: "state:p",
	tty_set: "state:p",
};

/** What a program's calls go through. */
export interface Tracer {
	readonly pid: number;
	readonly tell: (lines: string[]) => void;
	/** The calls of a thread whose memory it is. `pid` is that of its process, where that is not the page's. */
	calls(
		calls: Readonly<Record<string, PlainCall>>,
		memory: Memory,
		pid?: number,
	): Readonly<Record<string, PlainCall>>;
}

/** Traces a process: `tell` takes lines. */
export function trace(process: Process, pid: number, tell: (lines: string[]) => void): void {
	let lines: string[] = [];
	const send = () => {
		if (lines.length > 0) tell(lines);
		lines = [];
	};
	const { flush } = process;
	process.flush = () => {
		flush();
		send();
	};
	process.tracer = {
		pid,
		tell,
		calls: (calls, memory, of = pid) => {
			const traced = ([name, call]: [string, PlainCall]): [string, PlainCall] => [
				name,
				(...args) => {
					const answer = call(...args);
					if (answer > PENDING || answer === ENDED) {
						lines.push(`${of} ${lineOf(name, args, answer, memory)}`);
						if (lines.length >= TOGETHER || answer === ENDED) send();
					}
					return answer;
				},
			];
			return Object.fromEntries(Object.entries(calls).map(traced));
		},
	};
}

/** A call with its arguments and its answer. */
export function lineOf(
	name: string,
	args: readonly number[],
	answer: number,
	memory: Memory,
): string {
	const shape = Object.hasOwn(shapes, name) ? shapes[name] : undefined;
	const shown = shape === undefined ? args.map(String) : decode(shape, args, answer === 0, memory);
	const result = answer < 0 && !VALUES.has(name) ? errnoName(answer) : answer;
	return `${name}(${shown.join(", ")})${answer === ENDED ? "" : ` = ${result}`}`;
}

function decode(shape: string, args: readonly number[], done: boolean, memory: Memory): string[] {
	const shown: string[] = [];
	const words = shape.split(" ").filter((word) => word !== "");
	let at = 0;
	/** Bytes that the call has filled in: what the first number says that it gave. */
	const filled = () => {
		let index = 0;
		for (const word of words) {
			const kind = word.at(-1) ?? "";
			if (kind === "4") return numberAt(memory, args[index] ?? 0, 4);
			index += "Nsowr".includes(kind) ? 2 : 1;
		}
		return 0;
	};
	for (const word of words) {
		const [name = "", kind = ""] = word.split(":");
		const [first = 0, second = 0] = [args[at], args[at + 1]].map((value) => (value ?? 0) >>> 0);
		at += "Nsowr".includes(kind) ? 2 : 1;
		const value = shownAs(kind, first, second, memory, done ? filled : null);
		if (value !== null) shown.push(`${name}=${value}`);
	}
	return shown;
}

/** Null for what the call would have given and has not. */
function shownAs(
	kind: string,
	first: number,
	second: number,
	memory: Memory,
	filled: (() => number) | null,
): string | number | null {
	switch (kind) {
		case "n":
			return first | 0;
		case "x":
		case "p":
			return `0x${first.toString(16)}`;
		case "N":
			return (second | 0) * TWO_32 + first;
		case "s":
			return textOf(memory, first, second);
		case "o":
			return filled && textOf(memory, first, second);
		case "w":
			return buffersOf(memory, first, second, Number.POSITIVE_INFINITY);
		case "r":
			return filled && buffersOf(memory, first, second, filled());
		default:
			return filled && numberAt(memory, first, kind === "8" ? 8 : 4);
	}
}

function numberAt(memory: Memory, at: number, size: 4 | 8): number {
	if (!memory.has(at >>> 0, size)) return Number.NaN;
	return size === 8 ? memory.u64(at >>> 0) : memory.u32(at >>> 0);
}

function textOf(memory: Memory, at: number, length: number): string {
	if (!memory.has(at, length)) return "(outside of its memory)";
	return quoted(memory.u8.subarray(at, at + Math.min(length, SHOWN)), length);
}

/** The first bytes of a list of buffers, and how many they are. */
function buffersOf(memory: Memory, list: number, count: number, most: number): string {
	if (!memory.has(list, count * 8)) return "(outside of its memory)";
	const bytes: number[] = [];
	let length = 0;
	for (let i = 0; i < count && i < 1024; i++) {
		const at = memory.u32(list + 8 * i);
		const size = Math.min(memory.u32(list + 8 * i + 4), most - length);
		if (!memory.has(at, size)) return "(outside of its memory)";
		bytes.push(...memory.u8.subarray(at, at + Math.min(size, SHOWN - bytes.length)));
		length += size;
	}
	return quoted(Uint8Array.from(bytes), length);
}

function quoted(bytes: Uint8Array, length: number): string {
	const text = JSON.stringify(new TextDecoder().decode(bytes.slice()));
	return length > bytes.length ? `${text}… (${length} bytes)` : text;
}

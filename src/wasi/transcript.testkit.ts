/**
 * For tests: system calls as a transcript, one line each, as `strace` would print them.
 *
 *     path_open 3 0 "notes" creat      = 4
 *     fd_write 4 "hel" "lo"            = 5
 *     poll_oneoff clock:5ms read:0     = 0:clock after 5ms
 *
 * A test writes the lines with the answers that are right; each call is made through the real
 * adapter on a real memory, and the lines that come out must be those that went in. `forms` says how
 * the arguments of each call are written, and which bytes of memory are its answer. All the rest of
 * memory is compared before and after: a call that writes anywhere else is a failure.
 *
 * Lines that are no calls: `type "abc"` and `hangup` are the person at the keyboard, who with `later`
 * acts while a call waits; `clock 5` lets milliseconds pass; `printed` is what was written to the
 * standard output, `file "a"` what a file holds.
 *
 * One file, because a notation and what it means belong together.
 */
import * as abi from "../abi/constants.ts";
import { PENDING } from "../abi/errno.ts";
import { errnoName } from "../abi/errno-names.ts";
import { adapterModule } from "../bridge/adapter.ts";
import { HandBridge } from "../bridge/manual-bridge.testkit.ts";
import { Input, Output } from "../fs/devices.ts";
import { mkdirs, writeFile } from "../fs/host-files.ts";
import { resolve } from "../fs/mounting.ts";
import { Namespace } from "../fs/namespace.ts";
import type { INode } from "../fs/node.ts";
import { Tmp } from "../fs/tmp.ts";
import { OpenFile } from "../process/descriptors.ts";
import { Process } from "../process/process.ts";
import { Thread } from "../process/thread.ts";
import { rareCalls } from "./rare.ts";
import { snapshot0Calls } from "./snapshot0.ts";
import { preview1, signatures } from "./table.ts";

/**
 * How each call is written: `n` a number, `N` one of 64 bits, `p` a path, `w` strings to write, `r`
 * sizes to read into, `b` the size of a buffer, `d` one for directory entries, `a` and `e` room
 * for the arguments and the environment, `q` subscriptions and their events; then the results: `4` and `8` numbers of so
 * many bytes, `u` how much of the room for entries is used, `F` fdstat, `S` filestat,
 * `P` prestat. What follows a `=` is meant where nothing is written.
 */
const rows = `
	args_get a
	args_sizes_get 4 4
	environ_get e
	environ_sizes_get 4 4
	clock_res_get n 8
	clock_time_get n N=0 8
	fd_advise n N N n=0
	fd_allocate n N N
	fd_close n
	fd_datasync n
	fd_fdstat_get n F
	fd_fdstat_set_flags n n
	fd_fdstat_set_rights n N N
	fd_filestat_get n S
	fd_filestat_set_size n N
	fd_filestat_set_times n N N n
	fd_pread n r N 4
	fd_prestat_get n P
	fd_prestat_dir_name n b
	fd_pwrite n w N 4
	fd_read n r 4
	fd_readdir n d N=0 u
	fd_renumber n n
	fd_seek n N n 8
	fd_sync n
	fd_tell n 8
	fd_write n w 4
	path_create_directory n p
	path_filestat_get n n p S
	path_filestat_set_times n n p N N n
	path_link n n p n p
	path_open n n p n=0 N=all N=all n=0 4
	path_readlink n p b 4
	path_remove_directory n p
	path_rename n p n p
	path_symlink p n p
	path_unlink_file n p
	poll_oneoff q
	proc_exit n
	proc_raise n
	sched_yield
	random_get b
	sock_accept n n 4
	sock_recv n r n 4 4
	sock_send n w n 4
	sock_shutdown n n
`;

export const forms: ReadonlyMap<string, readonly string[]> = new Map(
	rows
		.trim()
		.split("\n")
		.map((row) => {
			const [name = "", ...kinds] = row.trim().split(" ");
			return [name, kinds];
		}),
);

/** The parameters of the guest's import that a form stands for, as in the call table. */
export function paramsOf(kinds: readonly string[]): string {
	const letters: Record<string, string> = { n: "i", N: "I", q: "iiii" };
	const two = "pwrbdae";
	return kinds
		.map((kind) => letters[kind[0] ?? ""] ?? (two.includes(kind[0] ?? "") ? "ii" : "i"))
		.join("");
}

/** Which of the parameters are pointers, as their places. */
export function pointersOf(kinds: readonly string[]): number[] {
	const shapes: Record<string, string> = { n: "-", N: "-", q: "**-*", a: "**", e: "**" };
	const two = "pwrbd";
	const shape = kinds
		.map((kind) => shapes[kind[0] ?? ""] ?? (two.includes(kind[0] ?? "") ? "*-" : "*"))
		.join("");
	return [...shape].flatMap((mark, place) => (mark === "*" ? [place] : []));
}

/** The names that may stand for numbers. */
const words: ReadonlyMap<string, number> = new Map([
	...Object.entries(abi).flatMap(([name, value]): [string, number][] =>
		typeof value === "number"
			? [[name.replace(/^(RIGHT|OFLAG|FDFLAG|FSTFLAG|WHENCE|CLOCK)_/, "").toLowerCase(), value]]
			: [],
	),
	["all", abi.RIGHTS_ALL],
	["follow", abi.LOOKUP_SYMLINK_FOLLOW],
]);

/** Milliseconds since 1970 when the clocks of a session show 0. */
export const EPOCH = 1_700_000_000_000;
const FILL = 0xaa;
const FIRST = 4096;

export interface Files {
	readonly [name: string]: string | Files;
}

export interface World {
	readonly files?: Files;
	readonly args?: readonly string[];
	readonly env?: readonly (readonly [string, string])[];
	/** The root of the tree instead of `files`. */
	readonly root?: INode;
	/** The most bytes that all files may hold. */
	readonly limit?: number;
	readonly snapshot0?: boolean;
	/** Whether a filestat shows its times, in milliseconds of the session's clocks. */
	readonly times?: boolean;
	/** Puts every struct and vector this many bytes beside its alignment. */
	readonly skew?: number;
	/** Pages of memory; shared with `shared`. */
	readonly pages?: number;
	readonly shared?: boolean;
	readonly fillRandom?: (bytes: Uint8Array<ArrayBuffer>) => void;
}

type Exported = (...args: (number | bigint)[]) => number | undefined;

export type Calls = Readonly<Record<string, Exported>>;

/** A piece of memory that a call may write to. */
interface Piece {
	readonly at: number;
	readonly length: number;
}

/** What has been put into memory for one call. */
interface Layout {
	readonly args: (number | bigint)[];
	readonly outputs: Piece[];
	/** What to print, once the call has succeeded. */
	readonly print: (() => string)[];
	/** Buffers whose filled part is told by the number that follows. */
	buffers: Piece[];
	used: number;
}

let adapter: WebAssembly.Module | undefined;

export class Session {
	readonly bridge = new HandBridge();
	readonly wasm: WebAssembly.Memory;
	readonly tree: Namespace;
	readonly thread: Thread;
	readonly calls: Calls;
	readonly input: Input;
	printed = "";
	readonly #world: World;

	constructor(world: World = {}) {
		this.#world = world;
		const { bridge } = this;
		const clock = {
			realtime: () => EPOCH + bridge.now,
			monotonic: () => bridge.now,
			resolution: () => 5000,
		};
		const now = () => BigInt(EPOCH) * 1_000_000n + BigInt(Math.round(bridge.now * 1e6));
		const tmp = new Tmp(world.limit === undefined ? { now } : { now, limit: world.limit });
		if (world.files !== undefined) fill(tmp.root, "", world.files);
		const root = world.root ?? tmp.root;
		this.tree = new Namespace({ root, sync: () => 0 });
		this.thread = new Thread(
			new Process({
				args: world.args ?? ["program"],
				env: world.env ?? [],
				tree: this.tree,
				bridge,
				clock,
				fillRandom: world.fillRandom ?? ((bytes) => crypto.getRandomValues(bytes)),
			}),
		);
		const pages = world.pages ?? 1;
		const shared = world.shared ?? false;
		this.wasm = new WebAssembly.Memory({ initial: pages, maximum: pages + 16, shared });
		this.thread.memory.attach(this.wasm);
		this.input = new Input(bridge, "device");
		this.#openDescriptors();
		this.calls = this.#link(world.snapshot0 === true ? snapshot0Calls : () => ({}));
	}

	get bytes(): Uint8Array {
		return new Uint8Array(this.wasm.buffer);
	}

	#openDescriptors(): void {
		const { descriptors } = this.thread.process;
		const decoder = new TextDecoder();
		const output = () =>
			new Output(
				(from, at, length) => {
					this.printed += decoder.decode(from.slice(at, at + length));
					return length;
				},
				{ type: "device" },
			);
		const stream = abi.RIGHTS_STREAM;
		descriptors.add(new OpenFile(this.input, 0, stream & ~abi.RIGHT_FD_WRITE, 0));
		descriptors.add(new OpenFile(output(), 0, stream & ~abi.RIGHT_FD_READ, 0));
		descriptors.add(new OpenFile(output(), 0, stream & ~abi.RIGHT_FD_READ, 0));
		const { root } = this.tree;
		descriptors.add(new OpenFile(root, 0, abi.RIGHTS_DIRECTORY, abi.RIGHTS_ALL, "/"));
	}

	#link(more: (thread: Thread) => object): Calls {
		adapter ??= new WebAssembly.Module(adapterModule(signatures));
		const { bridge, thread } = this;
		const call = { ...preview1(thread), ...rareCalls(thread), ...more(thread) };
		const wait = () => {
			thread.waited -= bridge.now;
			bridge.wait(thread.stopped);
			thread.waited += bridge.now;
			return thread.ended ? 1 : 0;
		};
		const instance = new WebAssembly.Instance(adapter, {
			call,
			bridge: { wait, shouldYield: () => 0 },
		});
		// What an adapter exports are the functions of the table.
		return instance.exports as unknown as Record<string, Exported>;
	}

	/** Does what `line` says, and returns the line with the answer that it got. Another
	 *  implementation's `calls` on the same memory can be asked instead. */
	line(line: string, calls: Calls = this.calls): string {
		const [left = ""] = split(line);
		const [name = "", ...tokens] = tokenize(left);
		const answer = this.#control(name, tokens) ?? this.#call(name, tokens, calls[name]);
		return answer === "" ? left : `${left} = ${answer}`;
	}

	/** What a line answers that is no call; undefined where it is one. */
	#control(name: string, tokens: readonly string[]): string | undefined {
		const act = (what: () => void): string => {
			if (tokens[0] === "later") this.bridge.events.push(what);
			else what();
			return "";
		};
		const text = tokens.at(-1) ?? "";
		if (name === "type") {
			return act(() => this.input.feed(new TextEncoder().encode(String(JSON.parse(text)))));
		}
		if (name === "hangup") return act(() => this.input.end());
		if (name === "kill")
			return act(() => void this.thread.process.end({ code: 137, signal: "SIGKILL" }));
		if (name === "clock") {
			this.bridge.now += Number(text);
			return "";
		}
		if (name === "printed") {
			const { printed } = this;
			this.printed = "";
			return JSON.stringify(printed);
		}
		return name === "file" ? this.#file(String(JSON.parse(text))) : undefined;
	}

	#file(path: string): string {
		const node = resolve(this.tree, `/${path}`);
		if (typeof node === "number") return errnoName(node);
		const into = new Uint8Array(node.size());
		node.read(into, 0, into.length, 0);
		return quote(into);
	}

	/** Puts what a line says into memory; what it hands over can be changed before it is called. */
	prepare(line: string): { name: string; call: Exported; args: (number | bigint)[] } {
		const [name = "", ...tokens] = tokenize(split(line)[0] ?? "");
		const { call, layout } = this.#prepare(name, tokens);
		return { name, call, args: layout.args };
	}

	#prepare(name: string, tokens: readonly string[]): { call: Exported; layout: Layout } {
		const kinds = forms.get(name);
		const call = this.calls[name];
		if (kinds === undefined || call === undefined) throw new Error(`there is no call ${name}`);
		const layout: Layout = { args: [], outputs: [], print: [], buffers: [], used: FIRST };
		this.bytes.fill(FILL);
		const left = [...tokens];
		for (const kind of kinds) this.#argument(layout, kind, left);
		if (left.length > 0) throw new Error(`${name}: too many arguments: ${left.join(" ")}`);
		return { call, layout };
	}

	#call(name: string, tokens: readonly string[], call?: Exported): string {
		const { layout } = this.#prepare(name, tokens);
		if (call === undefined) throw new Error(`there is no call ${name}`);
		const before = this.bytes.slice();
		const { now } = this.bridge;
		let errno: number | undefined;
		try {
			errno = call(...layout.args);
		} catch (error) {
			if (!(error instanceof WebAssembly.RuntimeError)) throw error;
			const { ending } = this.thread.process;
			return ending === null ? "trap" : `ended ${ending.code} ${ending.signal ?? ""}`.trim();
		} finally {
			this.#untouched(name, before, layout.outputs);
		}
		const passed = this.bridge.now - now;
		const after = passed > 0 ? ` after ${passed}ms` : "";
		if (errno !== 0) return errnoName(-(errno ?? PENDING)) + after;
		const printed = layout.print.map((print) => print()).filter((text) => text !== "");
		return (printed.join(" ") || "ok") + after;
	}

	/** Fails where a byte outside `outputs` differs from `before`. */
	#untouched(name: string, before: Uint8Array, outputs: readonly Piece[]): void {
		const after = this.bytes.slice();
		for (const { at, length } of outputs) after.set(before.subarray(at, at + length), at);
		if (Buffer.compare(before, after) === 0) return;
		const at = before.findIndex((byte, index) => byte !== after[index]);
		throw new Error(`${name} wrote where it should not: at ${at}`);
	}

	/** Reserves memory beside its alignment, if the session is skewed. */
	#reserve(layout: Layout, length: number, skewed = true): Piece {
		const at = layout.used + (skewed ? (this.#world.skew ?? 0) : 0);
		layout.used = (at + length + 31) & ~7;
		if (layout.used > this.bytes.length) throw new Error("the session needs more pages");
		return { at, length };
	}

	#put(layout: Layout, bytes: Uint8Array): Piece {
		const piece = this.#reserve(layout, bytes.length);
		this.bytes.set(bytes, piece.at);
		return piece;
	}

	#output(layout: Layout, length: number, print: (view: DataView) => string): Piece {
		const piece = this.#reserve(layout, length);
		layout.outputs.push(piece);
		layout.print.push(() => print(new DataView(this.wasm.buffer, piece.at, length)));
		return piece;
	}

	#argument(layout: Layout, written: string, tokens: string[]): void {
		const [kind = "", meant] = written.split("=");
		const token = () => {
			const next = tokens.shift() ?? meant;
			if (next === undefined) throw new Error(`an argument is missing: ${kind}`);
			return next;
		};
		const pair = ({ at, length }: Piece) => layout.args.push(at, length);
		switch (kind) {
			case "n":
				layout.args.push(number(token()));
				break;
			case "N":
				layout.args.push(wide(token()));
				break;
			case "p":
				pair(this.#put(layout, unquote(token())));
				break;
			case "w":
			case "r":
				this.#vectors(layout, kind, tokens);
				break;
			case "b":
			case "d": {
				const buffer = this.#reserve(layout, number(token()));
				layout.outputs.push(buffer);
				if (kind === "b") layout.buffers.push(buffer);
				if (kind === "d") layout.print.push(() => this.#entries(layout, buffer));
				pair(buffer);
				// A buffer that no count follows is printed whole.
				layout.print.push(() => (layout.buffers.includes(buffer) ? this.#text([buffer]) : ""));
				break;
			}
			case "a":
			case "e":
				this.#list(layout, kind === "a" ? this.thread.process.args : this.thread.process.env);
				break;
			case "q":
				this.#subscriptions(layout, tokens);
				break;
			case "4":
				this.#count(layout);
				break;
			default:
				this.#struct(layout, kind);
		}
	}

	#vectors(layout: Layout, kind: "w" | "r", tokens: string[]): void {
		const pieces: Piece[] = [];
		const takes = kind === "w" ? /^"/ : /^\d+$/;
		// The last numbers of `fd_pread` and `fd_pwrite` are the offset: it is written as `@5`.
		while (takes.test(tokens[0] ?? "")) {
			const token = tokens.shift() as string;
			if (kind === "w") pieces.push(this.#put(layout, unquote(token)));
			else pieces.push(this.#reserve(layout, number(token), false));
		}
		const table = new Uint8Array(pieces.length * 8);
		const view = new DataView(table.buffer);
		pieces.forEach(({ at, length }, index) => {
			view.setUint32(index * 8, at, true);
			view.setUint32(index * 8 + 4, length, true);
		});
		const { at } = this.#put(layout, table);
		layout.args.push(at, pieces.length);
		if (kind === "r") {
			layout.outputs.push(...pieces);
			layout.buffers = pieces;
		}
	}

	/** A number of four bytes: how much of the buffers is filled, where there are any. */
	#count(layout: Layout): void {
		const { buffers } = layout;
		layout.buffers = [];
		const { at } = this.#output(layout, 4, (view) => {
			const count = view.getUint32(0, true);
			return buffers.length > 0 ? this.#text(buffers, count) : String(count);
		});
		layout.args.push(at);
	}

	#text(pieces: readonly Piece[], count = Number.POSITIVE_INFINITY): string {
		const bytes = pieces.flatMap(({ at, length }) => [...this.bytes.subarray(at, at + length)]);
		return quote(new Uint8Array(bytes.slice(0, count)));
	}

	#list(layout: Layout, list: readonly Uint8Array[]): void {
		const total = list.reduce((sum, item) => sum + item.length, 0);
		const pointers = this.#reserve(layout, list.length * 4);
		const strings = this.#reserve(layout, total);
		layout.outputs.push(pointers, strings);
		layout.args.push(pointers.at, strings.at);
		layout.print.push(() => {
			const view = new DataView(this.wasm.buffer, pointers.at);
			return list
				.map((item, index) => {
					const at = view.getUint32(index * 4, true);
					return this.#text([{ at, length: item.length }]);
				})
				.join(" ");
		});
	}

	#entries(layout: Layout, buffer: Piece): string {
		const result = layout.outputs.at(-1) as Piece;
		const used = new DataView(this.wasm.buffer).getUint32(result.at, true);
		const bytes = this.bytes.slice(buffer.at, buffer.at + used);
		return `${printEntries(bytes)} (${used})`.trim();
	}

	#subscriptions(layout: Layout, tokens: string[]): void {
		const old = this.#world.snapshot0 === true;
		const size = old ? 56 : 48;
		const all = new Uint8Array(tokens.length * size);
		tokens.splice(0).forEach((token, index) => {
			const view = new DataView(all.buffer, index * size, size);
			view.setBigUint64(0, USERDATA + BigInt(index), true);
			subscribe(view, token, old ? 24 : 16);
		});
		const count = all.length / size;
		const { at } = this.#put(layout, all);
		const events = this.#reserve(layout, count * 32);
		layout.outputs.push(events);
		layout.args.push(at, events.at, count);
		const result = this.#reserve(layout, 4);
		layout.outputs.push(result);
		layout.args.push(result.at);
		layout.print.push(() => {
			const view = new DataView(this.wasm.buffer);
			const found = view.getUint32(result.at, true);
			return Array.from({ length: found }, (_, i) =>
				printEvent(new DataView(this.wasm.buffer, events.at + i * 32, 32)),
			).join(" ");
		});
	}

	#struct(layout: Layout, kind: string): void {
		const add = (length: number, print: (view: DataView) => string) =>
			layout.args.push(this.#output(layout, length, print).at);
		const { snapshot0 = false, times = false } = this.#world;
		if (kind === "u") add(4, () => "");
		else if (kind === "8") add(8, (view) => String(view.getBigUint64(0, true)));
		else if (kind === "F") add(24, printFdstat);
		else if (kind === "P") add(8, (view) => `${view.getUint8(0)} ${view.getUint32(4, true)}`);
		else if (kind === "S")
			add(snapshot0 ? 56 : 64, (view) => printFilestat(view, snapshot0, times));
		else throw new Error(`there is no kind ${kind}`);
	}
}

/** Runs a transcript and demands that every line comes out as it is written. */
export function transcript(script: string, world: World | Session = {}): Session {
	const session = world instanceof Session ? world : new Session(world);
	const lines = script
		.split("\n")
		.map((line) => line.trim())
		.filter((line) => line !== "" && !line.startsWith("#"));
	const written = lines.map((line) => split(line).filter(Boolean).join(" = "));
	const actual = lines.map((line) => session.line(line));
	if (actual.join("\n") === written.join("\n")) return session;
	const error = new Error("the calls have other answers than the transcript says");
	// The test runner shows these as a difference.
	throw Object.assign(error, { actual, expected: written, showDiff: true });
}

/** What stands before and after the ` = ` of a line. */
function split(line: string): string[] {
	const at = line.lastIndexOf(" = ");
	if (at < 0) return [line.trim()];
	return [line.slice(0, at).trim(), line.slice(at + 3).trim()];
}

function tokenize(text: string): string[] {
	return text.match(/"(?:[^"\\]|\\.)*"|\S+/g) ?? [];
}

function number(token: string): number {
	const value = token
		.replace(/^@/, "")
		.split("|")
		.reduce((sum, word) => sum + (words.get(word) ?? Number(word)), 0);
	if (Number.isNaN(value)) throw new Error(`${token} is no number`);
	return value;
}

function wide(token: string): bigint {
	return /^@?-?\d+$/.test(token) ? BigInt(token.replace(/^@/, "")) : BigInt(number(token));
}

/** The bytes of a quoted text; `\xff` is a byte as it is. */
function unquote(token: string): Uint8Array {
	if (!token.startsWith('"')) throw new Error(`${token} is no quoted text`);
	if (!token.includes("\\x")) return new TextEncoder().encode(String(JSON.parse(token)));
	const bytes = token
		.slice(1, -1)
		.replace(/\\x(..)/g, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)));
	return Uint8Array.from(bytes, (character) => character.charCodeAt(0));
}

function quote(bytes: Uint8Array): string {
	try {
		return JSON.stringify(new TextDecoder("utf-8", { fatal: true }).decode(bytes));
	} catch {
		return `<${[...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join(" ")}>`;
	}
}

const TYPES = ["unknown", "block", "device", "directory", "file", "dgram", "stream", "symlink"];
const MARKS = ["?", "b", "%", "/", "", "d", "s", "@"];

function printFdstat(view: DataView): string {
	const flags = view.getUint16(2, true);
	const rights = view.getBigUint64(8, true).toString(16);
	const inheriting = view.getBigUint64(16, true).toString(16);
	return `${TYPES[view.getUint8(0)]} flags=${flags} rights=${rights}/${inheriting}`;
}

function printFilestat(view: DataView, old: boolean, times: boolean): string {
	const type = TYPES[view.getUint8(16)];
	const links = old ? view.getUint32(20, true) : view.getBigUint64(24, true);
	const at = old ? 24 : 32;
	const time = (offset: number) => {
		const nanoseconds = view.getBigUint64(at + offset, true) - BigInt(EPOCH) * 1_000_000n;
		return String(Number(nanoseconds) / 1e6);
	};
	const all = times ? ` a=${time(8)} m=${time(16)} c=${time(24)}` : "";
	return `${type} ${view.getBigUint64(at, true)} x${links}${all}`;
}

/** `2:a 3:b/ 4:c@`: the cookie of the next entry, the name, a mark for the type; `…` for an entry
 *  that is cut off. */
function printEntries(bytes: Uint8Array): string {
	const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
	const out: string[] = [];
	for (let at = 0; at < bytes.length; ) {
		if (at + 24 > bytes.length) return [...out, "…"].join(" ");
		const length = view.getUint32(at + 16, true);
		const name = bytes.slice(at + 24, at + 24 + length);
		if (name.length < length) return [...out, "…"].join(" ");
		const mark = MARKS[view.getUint8(at + 20)];
		out.push(`${view.getBigUint64(at, true)}:${new TextDecoder().decode(name)}${mark}`);
		at += 24 + length;
	}
	return out.join(" ");
}

const USERDATA = 0xfedc_ba98_0000_0000n;
const CLOCKS: Record<string, number> = { realtime: 0, clock: 1, cpu: 2, thread: 3, nonsense: 9 };

/** `clock:5ms`, `realtime:5ms`, `clock-at:1005ms`, `read:0`, `write:1`, `tag:7`. */
function subscribe(view: DataView, token: string, clock: number): void {
	const [what = "", value = ""] = token.split(":");
	if (what === "read" || what === "write") {
		view.setUint8(8, what === "read" ? abi.EVENTTYPE_FD_READ : abi.EVENTTYPE_FD_WRITE);
		view.setUint32(16, number(value), true);
	} else if (what === "tag") {
		view.setUint8(8, Number(value));
	} else {
		const [name = "", absolute] = what.split("-");
		view.setUint32(clock, CLOCKS[name] ?? Number.NaN, true);
		view.setBigUint64(clock + 8, BigInt(Math.round(Number.parseFloat(value) * 1e6)), true);
		view.setUint16(clock + 24, absolute === undefined ? 0 : 1, true);
	}
}

/** `0:clock`, `1:read(5)`, `1:read(0)hangup`, `2:write EBADF`. */
function printEvent(view: DataView): string {
	const index = view.getBigUint64(0, true) - USERDATA;
	const error = view.getUint16(8, true);
	const type = ["clock", "read", "write"][view.getUint8(10)] ?? "?";
	if (error !== 0) return `${index}:${type} ${errnoName(-error)}`;
	const count = type === "clock" ? "" : `(${view.getBigUint64(16, true)})`;
	return `${index}:${type}${count}${view.getUint16(24, true) === 1 ? "hangup" : ""}`;
}

function fill(root: INode, path: string, files: Files): void {
	for (const [name, item] of Object.entries(files)) {
		const at = `${path}/${name}`;
		if (typeof item === "string") {
			writeFile(root, at, new TextEncoder().encode(item));
			settle(root, at);
		} else {
			mkdirs(root, at);
			fill(root, at, item);
		}
	}
}

/** Turns the marks of a write into times, so that they are those of the session's start. */
function settle(root: INode, path: string): void {
	let node = root;
	for (const name of path.split("/").filter(Boolean)) {
		const next = node.lookup(name);
		if (typeof next !== "number") node = next;
	}
	node.sync();
}

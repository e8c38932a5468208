/**
 * The options of the public API: their shapes, and the checks. What has passed here is not checked
 * again behind it. Names follow the runner they come from (wasix-runner.md section 1).
 */

import { PortholeError } from "../abi/error.ts";
import { isName } from "../abi/name.ts";
import { checkNames } from "../abi/options.ts";
import { SIGNALS } from "../abi/signals.ts";
import type { ScriptAddress } from "../bridge/make-worker.ts";
import type { Interruptible, Limits } from "../protocol/sandbox.ts";
import type { Store } from "../store/store.ts";
import type { AccessProfile } from "../webc/index.ts";
import type { Package } from "./package.ts";

/** What can be mounted: one of Porthole's directories, or any object with the methods of Store. One
 *  that says `readOnly` is mounted so. */
export type Directory = Store & MountOptions;

export interface MountOptions {
	/** Writing is answered with EROFS. */
	readonly readOnly?: boolean;
	/** Milliseconds without an answer of the directory, while nothing of it moves, after which calls of
	 *  `Sandbox.fs`, `mount`, `spawn`, `sync`, `unmount` and `close` wait for it no longer and reject with
	 *  `"timeout"`. The default is 10,000 for `unmount` and `close`, and 30,000 for the others. A program that
	 *  reads from the directory waits until it answers, or until the program is killed. */
	readonly timeout?: number | undefined;
}

export type Mounts = Readonly<
	Record<string, Directory | ({ readonly directory: Directory } & MountOptions)>
>;

export interface Progress {
	readonly phase: "connecting" | "reading" | "compiling" | "ready";
	/** Bytes that have arrived. */
	readonly loaded: number;
	/** Bytes in all; undefined while nobody knows. */
	readonly total: number | undefined;
}

export interface LoadOptions {
	/** As in Subresource Integrity: `sha256-<base64>`, also `sha384-` and `sha512-`. */
	readonly integrity?: string;
	readonly signal?: AbortSignal;
	readonly onProgress?: (progress: Progress) => void;
	/** Whether a URL may be read in parts; default true. */
	readonly lazy?: boolean;
	/** What the package's program will read, to be fetched before it asks: a profile, or its URL. One
	 *  that is of no use is a `warning` event. */
	readonly profile?: string | URL | AccessProfile;
	/** What a bare module's one command is called, and its `argv[0]`, as written; default: after its file,
	 *  else `main`. */
	readonly name?: string;
	/** Bytes that the load may read, and that an archive may unpack to; 2 GiB unless told otherwise. Of a
	 *  package that is read in parts it bounds the index and each program. More is `"too-large"`. */
	readonly maxBytes?: number;
	/** Milliseconds without a byte after which a connection is given up; 60,000 unless told otherwise. What
	 *  had come is kept and the rest asked for once more; nothing at all is `"timeout"`. */
	readonly timeout?: number;
}

/** Where a package comes from. The bytes say what it is. */
export type Source = string | URL | Request | Response | Blob | ArrayBuffer | Uint8Array;

export interface Capabilities {
	/** `false`: programs have no sockets, and `socket` fails with EACCES. Otherwise they may connect to each other
	 *  within the sandbox. */
	readonly network?: false;
	/** `false`: WASIX programs may start no threads; `thread_spawn` fails with ENOTSUP. */
	readonly threads?: false;
}

/** What connects programs with addresses beyond the sandbox, such as a relay that a server of the page's keeps. What it
 *  throws should have a POSIX name as its `code`, which the program is told: `"ECONNREFUSED"`, `"ETIMEDOUT"`. */
export interface NetworkProvider {
	/** Connects to an address that is no loopback one: `host` is IPv4 with dots or IPv6 with colons. */
	connect(to: { readonly host: string; readonly port: number }): Promise<{
		readonly readable: ReadableStream<Uint8Array>;
		readonly writable: WritableStream<Uint8Array>;
	}>;
	/** The addresses of a name, in the order in which they are to be tried. Without it programs find no names. */
	resolve?(name: string): Promise<readonly string[]>;
}

export interface SandboxOptions {
	readonly packages?: readonly (Source | Package)[];
	readonly mounts?: Mounts;
	/** Files written into the tree before anything runs, by absolute guest path. */
	readonly files?: Readonly<Record<string, string | Uint8Array>>;
	readonly env?: Readonly<Record<string, string>>;
	readonly forwardHostEnv?: boolean;
	/** More host variables, for commands that forward them. */
	readonly hostEnv?: Readonly<Record<string, string>>;
	readonly capabilities?: Capabilities;
	/** For programs that connect to addresses beyond the sandbox; without one they get ENETUNREACH. */
	readonly network?: NetworkProvider;
	/** How WASIX programs get threads. `"cooperative"`: they take turns in one worker, where calls wait and about every
	 *  10 milliseconds; it is what `"auto"` means. `"none"`: `thread_spawn` fails with ENOTSUP. */
	readonly threads?: "auto" | "cooperative" | "none";
	readonly bridge?: "auto" | "suspending" | "blocking" | "preloaded";
	/** Whether programs for which there is no memory wait until another has ended, and start in the order
	 *  in which they were asked for; the `timeout` and the `signal` of a command end the wait too. Unless it
	 *  is true they are refused: `"out-of-memory"`. */
	readonly queue?: boolean;
	/** Whether programs can be stopped, and give way to others, while they compute. `"auto"` unless told
	 *  otherwise: all but a lone job without a terminal whose program is served beside its package
	 *  (`LoadOptions.profile`), for the browser keeps what it has compiled of that. */
	readonly interruptible?: Interruptible;
	/** What all programs together may use; see `CommandOptions.limits`. Of `memory` and `time` a program
	 *  may take a millisecond's worth more. */
	readonly limits?: Limits;
	/** Where the worker's script is, for builds that cannot find it themselves. */
	readonly workerUrl?: ScriptAddress;
	readonly signal?: AbortSignal;
	readonly onProgress?: (progress: Progress) => void;
}

/** The context of a command that is a JavaScript function. */
export interface CommandContext {
	readonly args: readonly string[];
	readonly env: Readonly<Record<string, string>>;
	readonly stdin: ReadableStream<Uint8Array>;
	readonly stdout: WritableStream<Uint8Array>;
	readonly stderr: WritableStream<Uint8Array>;
	readonly signal: AbortSignal;
	/** Its size now, where the streams are a terminal: input comes by line and is echoed, and what is
	 *  written to `stderr` comes out of `stdout`. */
	readonly terminal?: { readonly columns: number; readonly rows: number };
}

export interface CommandOptions {
	readonly env?: Readonly<Record<string, string>>;
	readonly forwardHostEnv?: boolean;
	readonly currentDir?: string;
	readonly entryFunction?: string;
	readonly mounts?: Mounts;
	readonly injectedPackages?: readonly Package[];
	/** Commands by other names: another command, a package, a module, its bytes, or a function of the page. The
	 *  command itself may be one; and a program of WASIX, such as a shell, finds them in `/bin` and `/usr/bin`, where
	 *  a function reads and writes what the program has opened for it. What it returns is its exit code. */
	readonly mappedCommands?: Readonly<
		Record<
			string,
			| string
			| WebAssembly.Module
			| Exclude<Source, string>
			| Package
			| ((context: CommandContext) => number | Promise<number>)
		>
	>;
	readonly capabilities?: Capabilities;
	readonly imports?: Readonly<
		Record<string, Readonly<Record<string, number | ((...args: number[]) => unknown)>>>
	>;
	readonly stdin?: "pipe" | "null" | string | Uint8Array | ReadableStream<Uint8Array>;
	readonly stdout?: "pipe" | "null" | WritableStream<Uint8Array>;
	readonly stderr?: "pipe" | "null" | WritableStream<Uint8Array>;
	/**
	 * One terminal for all three streams, with a line discipline: input is edited by line and echoed,
	 * and Ctrl-C, Ctrl-D and the like mean what they mean. Everything, stderr too, comes out of
	 * `stdout`. In characters, above 0; `Process.resize` changes it.
	 */
	readonly terminal?: { readonly columns: number; readonly rows: number };
	/** Milliseconds after which the process is killed; where programs wait in line (`SandboxOptions.queue`)
	 *  the wait counts. */
	readonly timeout?: number;
	readonly signal?: AbortSignal;
	/** As in `SandboxOptions`, for this program. */
	readonly interruptible?: Interruptible;
	/** What it may use. It ends at a limit: `ExitStatus.reason` is `"limit"`, and `limit` names it. */
	readonly limits?: Limits;
	/**
	 * Called with a line for each system call that it and the processes it starts have made: the number of the process,
	 * the call, its arguments decoded, and the answer, as in `1 path_open(fd=3, …, path="etc/motd", …) = 0`. A call that
	 * waits is told once, when it is answered. For people: the text may change.
	 */
	readonly trace?: (line: string) => void;
	/** Reserved; refused until they work. */
	readonly journals?: never;
	readonly snapshotOn?: never;
	readonly snapshotInterval?: never;
}

/** An `"invalid-option"` error that names the option. */
function invalid(option: string, why: string): PortholeError {
	return new PortholeError("invalid-option", `${option} ${why}`);
}

type Kind = readonly [what: string, is: (value: unknown) => boolean];

const isObject = (value: unknown): value is object => typeof value === "object" && value !== null;
const text: Kind = ["a string", (value) => typeof value === "string"];
const flag: Kind = ["true or false", (value) => typeof value === "boolean"];
const list: Kind = ["an array", Array.isArray];
const record: Kind = ["an object", (value) => isObject(value) && !Array.isArray(value)];
const callback: Kind = ["a function", (value) => typeof value === "function"];
const abortSignal: Kind = ["an AbortSignal", (value) => isObject(value) && "aborted" in value];
const profile: Kind = [
	"a URL or a profile",
	(value) => typeof value === "string" || (isObject(value) && !Array.isArray(value)),
];
const input: Kind = [
	'"pipe", "null", a string, a Uint8Array or a ReadableStream',
	(value) =>
		typeof value === "string" || value instanceof Uint8Array || value instanceof ReadableStream,
];
const output: Kind = [
	'"pipe", "null" or a WritableStream',
	(value) => value === "pipe" || value === "null" || value instanceof WritableStream,
];

const interruptible: Kind = [
	'true, false or "auto"',
	(value) => typeof value === "boolean" || value === "auto",
];

const provider: Kind = [
	"an object with connect",
	(value) => isObject(value) && typeof Reflect.get(value, "connect") === "function",
];

const amount: Kind = ["0 or more", (value) => typeof value === "number" && value >= 0];

/** What is checked in another way. */
const own: Kind = ["", () => true];

type Kinds<T> = Readonly<Record<keyof T, Kind>>;

const limitKinds: Kinds<Limits> = {
	fuel: amount,
	time: amount,
	memory: amount,
	files: amount,
	output: amount,
};

const denied: Kind = ["false", (value) => !value];

const capabilityKinds: Kinds<Capabilities> = { network: denied, threads: denied };

const loadKinds: Kinds<LoadOptions> = {
	integrity: text,
	signal: abortSignal,
	onProgress: callback,
	lazy: flag,
	profile,
	name: text,
	maxBytes: own,
	timeout: own,
};

const sandboxKinds: Kinds<SandboxOptions> = {
	packages: list,
	mounts: record,
	files: record,
	env: record,
	forwardHostEnv: flag,
	hostEnv: record,
	capabilities: record,
	network: provider,
	threads: [
		'"auto", "cooperative" or "none"',
		(value) => ["auto", "cooperative", "none"].includes(value as string),
	],
	bridge: own,
	queue: flag,
	interruptible,
	limits: record,
	workerUrl: own,
	signal: abortSignal,
	onProgress: callback,
};

const commandKinds: Kinds<CommandOptions> = {
	env: record,
	forwardHostEnv: flag,
	currentDir: text,
	entryFunction: text,
	mounts: record,
	injectedPackages: list,
	mappedCommands: record,
	capabilities: record,
	imports: record,
	stdin: input,
	stdout: output,
	stderr: output,
	terminal: record,
	timeout: own,
	signal: abortSignal,
	interruptible,
	limits: record,
	trace: callback,
	journals: own,
	snapshotOn: own,
	snapshotInterval: own,
};

/** Errors: `"invalid-option"` for an option that `call` does not have, or of another kind. */
function check(call: string, options: object, kinds: Readonly<Record<string, Kind>>): void {
	checkNames(call, options, kinds);
	for (const [option, [what, is]] of Object.entries(kinds)) {
		const value: unknown = Reflect.get(options, option);
		if (value !== undefined && !is(value)) throw invalid(option, `is not ${what}`);
	}
}

/** Errors: `"invalid-option"`, `"bad-name"`. */
export function checkLoadOptions(options: LoadOptions): void {
	check("load", options, loadKinds);
	for (const option of ["maxBytes", "timeout"] as const) {
		const value = options[option];
		if (value !== undefined && !(value > 0)) throw invalid(option, "is not a number above 0");
	}
	if (options.name !== undefined) checkName("name:", options.name);
}

/** Errors: `"bad-name"` for a name that a command, which is also a file in `/bin`, cannot have. */
function checkName(option: string, name: string): void {
	if (isName(name)) return;
	throw new PortholeError(
		"bad-name",
		`${option} ${JSON.stringify(name)} is not the name of a file`,
	);
}

const reserved = ["journals", "snapshotOn", "snapshotInterval"];

/** Errors: `"invalid-option"`. */
export function checkSandboxOptions(options: SandboxOptions): void {
	check("Sandbox.create", options, sandboxKinds);
	checkEnv("env", options.env);
	checkEnv("hostEnv", options.hostEnv);
	checkMounts(options.mounts, true);
	check("limits", options.limits ?? {}, limitKinds);
	check("capabilities", options.capabilities ?? {}, capabilityKinds);
	for (const [path, data] of Object.entries(options.files ?? {})) {
		if (!path.startsWith("/")) throw invalid("files", `takes absolute paths, and ${path} is none`);
		if (typeof data !== "string" && !(data instanceof Uint8Array)) {
			throw invalid(`files[${JSON.stringify(path)}]`, "is not a string or a Uint8Array");
		}
	}
	const bridges = ["auto", "suspending", "blocking", "preloaded"];
	if (!bridges.includes(options.bridge ?? "auto")) {
		throw invalid("bridge", `is one of ${bridges.join(", ")}`);
	}
}

/** Errors: `"invalid-option"`, `"bad-name"`, and `"not-supported"` for what is reserved. */
export function checkCommand(args: readonly string[], options: CommandOptions): void {
	for (const name of reserved) {
		if (Reflect.get(options, name) !== undefined) {
			throw new PortholeError("not-supported", `${name} is reserved and does not work yet`);
		}
	}
	check("command", options, commandKinds);
	if (!Array.isArray(args)) throw invalid("args", "is an array of strings");
	args.forEach((arg, index) => {
		if (typeof arg !== "string") throw invalid(`args[${index}]`, "is not a string");
		if (arg.includes("\0")) throw invalid(`args[${index}]`, "contains a NUL character");
	});
	checkEnv("env", options.env);
	checkMounts(options.mounts);
	check("capabilities", options.capabilities ?? {}, capabilityKinds);
	checkImports(options.imports);
	check("limits", options.limits ?? {}, limitKinds);
	checkNames("terminal", options.terminal ?? {}, { columns: 0, rows: 0 });
	const { timeout, terminal, currentDir } = options;
	if (currentDir?.includes("\0")) throw invalid("currentDir", "contains a NUL character");
	if (timeout !== undefined && !(timeout >= 0)) throw invalid("timeout", "is not a number of ms");
	for (const [alias, target] of Object.entries(options.mappedCommands ?? {})) {
		checkName("mappedCommands:", alias);
		if (typeof target === "string" || typeof target === "function" || isObject(target)) continue;
		throw invalid(`mappedCommands.${alias}`, "is not a command's name, a module or a function");
	}
	if (terminal !== undefined && !(terminal.columns > 0 && terminal.rows > 0)) {
		throw invalid("terminal", "needs columns and rows above 0");
	}
}

function checkEnv(option: string, env: Readonly<Record<string, string>> | undefined): void {
	for (const [key, value] of Object.entries(env ?? {})) {
		if (key === "" || /[=\0]/.test(key)) {
			throw invalid(option, `has the key ${JSON.stringify(key)}; a key has no "=" and no NUL`);
		}
		if (typeof value !== "string") throw invalid(`${option}.${key}`, "is not a string");
		if (value.includes("\0")) throw invalid(`${option}.${key}`, "contains a NUL character");
	}
}

function checkImports(imports: CommandOptions["imports"]): void {
	for (const [module, values] of Object.entries(imports ?? {})) {
		if (!isObject(values)) throw invalid(`imports.${module}`, "is not an object");
		for (const [name, value] of Object.entries(values)) {
			if (typeof value === "function" || typeof value === "number") continue;
			throw invalid(`imports.${module}.${name}`, "is not a function or a number");
		}
	}
}

function checkMounts(mounts: Mounts | undefined, absolute = false): void {
	for (const [path, mount] of Object.entries(mounts ?? {})) {
		if (absolute) checkMountPath(path);
		if (path.includes("\0")) throw invalid("mounts", "has a path with a NUL character");
		mountOf(path, mount);
	}
}

/** The path of a mount for all processes: those of a single one may be relative. Errors:
 *  `"invalid-option"`. */
export function checkMountPath(path: string): void {
	if (typeof path === "string" && path.startsWith("/")) return;
	throw invalid("mounts", `takes absolute paths, and ${path} is none; did you mean /${path}?`);
}

/** What every store can do. */
export const storeMethods = [
	"list",
	"read",
	"write",
	"resize",
	"make",
	"remove",
	"rename",
] as const;

function isStore(value: unknown): value is Directory {
	if (typeof value !== "object" || value === null) return false;
	return storeMethods.every((name) => typeof Reflect.get(value, name) === "function");
}

/** One mount in its long form. Errors: `"invalid-option"` for what cannot be mounted. */
export function mountOf(
	path: string,
	mount: Mounts[string],
): { directory: Directory; readOnly: boolean; timeout: number | undefined } {
	let long: object = {};
	let found: ReturnType<typeof mountOf> | undefined;
	try {
		const given = isStore(mount) ? { directory: mount } : (mount ?? {});
		const { directory, readOnly, timeout, ...rest } = given;
		if (isStore(directory)) {
			long = rest;
			found = {
				directory,
				readOnly: readOnly === true || directory.readOnly === true,
				timeout: timeout ?? directory.timeout,
			};
		}
	} catch {
		// What throws when it is asked for is no method.
	}
	checkNames("a mount", long, { directory: 0, readOnly: 0, timeout: 0 });
	if (found) return found;
	throw invalid(
		`mounts[${JSON.stringify(path)}]`,
		`lacks methods of Store (${storeMethods.join(", ")})`,
	);
}

/** The guest path of a mount, absolute: a relative one is taken from `/`, `..` is resolved.
 *  Errors: `"invalid-option"` for one that leaves `/`. */
export function guestPath(written: string): string {
	const parts: string[] = [];
	for (const part of written.split("/")) {
		if (part === "" || part === ".") continue;
		if (part !== "..") parts.push(part);
		else if (parts.pop() === undefined) throw invalid("mounts", `has ${written}, which leaves /`);
	}
	return `/${parts.join("/")}`;
}

/** The number of a signal. Errors: `"invalid-option"` for a name that there is not. */
export function signalNumber(name: string): number {
	const number = SIGNALS.get(name);
	if (number === undefined)
		throw invalid("signal", `${name} is not one of ${[...SIGNALS.keys()].join(", ")}`);
	return number;
}

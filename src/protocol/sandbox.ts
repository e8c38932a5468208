/**
 * What crosses between the page's half and the worker's half.
 *
 * Control goes through Comlink (`Kernel`, what the worker offers, and `PageServices`, what the page offers).
 * The bytes of the standard streams are plain messages on the same channel, because each of them
 * would otherwise cost a reply: `ToGuest` and `FromGuest`. Comlink looks at messages with an `id`
 * only, and these have none.
 */
import type { Far } from "../bridge/bridge.ts";
import type { Channel } from "../bridge/far.ts";
import type { NameRules, Store, StoreExtra } from "../store/store.ts";
import type { AccessProfile } from "../webc/index.ts";
import type { SandboxEventDetail } from "./events.ts";

/** Where a package comes from, as it can be posted. */
export type WireSource =
	| { readonly kind: "bytes"; readonly bytes: Uint8Array; readonly name: string }
	| {
			readonly kind: "blob";
			readonly blob: Blob;
			readonly name: string;
			/** The page has read these bytes from a response, and has reported their progress. */
			readonly reported?: true;
	  }
	| { readonly kind: "url"; readonly url: string; readonly name: string };

export interface WireLoadOptions {
	/** Number of the load: progress and abort refer to it. */
	readonly load: number;
	readonly integrity?: string | undefined;
	readonly lazy?: boolean | undefined;
	readonly profile?: string | AccessProfile | undefined;
	readonly maxBytes?: number | undefined;
	readonly timeout?: number | undefined;
	/** What the command of a bare module is called, as the page wrote it. */
	readonly command?: string | undefined;
}

/** A loaded package, as the page sees it. */
export interface WirePackage {
	readonly id: number;
	readonly name: string;
	readonly version: string;
	readonly format: 1 | 2 | 3 | "tar" | "wasm";
	readonly entrypoint?: string | undefined;
	readonly commands: readonly string[];
	readonly manifest: unknown;
	readonly volumes: readonly { readonly name: string; readonly mountPath: string }[];
	readonly runnable: boolean;
	readonly missing: readonly string[];
}

export interface WireMount {
	readonly path: string;
	/** The key the page wrote, before it was made absolute. */
	readonly written: string;
	readonly store: Far<Store>;
	/** What it can do beyond what all stores can. */
	readonly extras: readonly StoreExtra[];
	readonly names: NameRules | undefined;
	readonly largest: number | undefined;
	/** Whether others may change it without a call of its `watch`. */
	readonly unwatched: boolean;
	readonly readOnly: boolean;
	/** Milliseconds of silence after which nothing waits for it; undefined for the usual. */
	readonly timeout: number | undefined;
}

/** How guests wait, from best to last: see `page/choose-bridge.ts`. The page chooses one for a sandbox. */
export type BridgeKind = "suspending" | "blocking" | "service-worker" | "preloaded";

export interface Features {
	readonly crossOriginIsolated: boolean;
	/** Nanoseconds between two steps of the clock. */
	readonly clockResolution: number;
}

export interface WireTerminal {
	readonly columns: number;
	readonly rows: number;
}

/** A command's name, a package's number for its entrypoint, or a module and what it is called. */
export type WireCommand =
	| string
	| number
	| { readonly module: WebAssembly.Module; readonly name: string };

/** Whether programs can be stopped, and give way, while they compute. */
export type Interruptible = boolean | "auto";

/** What a sandbox is started with. */
export interface WireStart {
	readonly bridge: BridgeKind;
	/** Programs wait for memory. */
	readonly queue: boolean;
	readonly interruptible: Interruptible;
	/** For all programs together. */
	readonly limits?: Limits | undefined;
	/** Modules that were found spinning before: keys of `spawn`. */
	readonly spinning: readonly string[];
}

/** A process to be started. */
export interface WireSpawn {
	readonly pid: number;
	readonly command: WireCommand;
	/** What `argv[0]` is, where the page says so. */
	readonly argv0?: string | undefined;
	readonly args: readonly string[];
	/** Host variables, already chosen, in order. */
	readonly hostEnv: readonly (readonly [string, string])[];
	readonly env: readonly (readonly [string, string])[];
	readonly currentDir?: string | undefined;
	readonly entryFunction?: string | undefined;
	readonly mounts: readonly WireMount[];
	/** The modules of `imports`: a name and what it holds; functions stay on the page. */
	readonly imports: readonly WireImport[];
	/** Commands that the page has mapped, where it has. */
	readonly mapped: WireMapped | undefined;
	/** Bytes are all of the input. */
	readonly stdin: "pipe" | "null" | Uint8Array;
	readonly stdout: "pipe" | "null";
	readonly stderr: "pipe" | "null";
	readonly terminal?: WireTerminal | undefined;
	/** `false`: it may have no sockets. A number is that of the page's provider, which is asked for what lies beyond. */
	readonly network: false | number | undefined;
	/** Whether it may start threads. */
	readonly threads: boolean;
	/** Whether it can be stopped, and gives way, while it computes. */
	readonly interruptible: Interruptible;
	readonly limits?: WireLimits | undefined;
	/** Whether the page is told of its calls. */
	readonly trace: boolean;
}

/** A process that a program has started. */
export interface WireChild {
	readonly pid: number;
	readonly command: string;
}

export interface WireImport {
	readonly module: string;
	readonly name: string;
	/** A function of the page, or a number for a global. */
	readonly value: Far<{ call(...args: unknown[]): Promise<unknown> }> | number;
}

/** Commands of the page that a program, and what it starts, finds in `/bin`. */
export interface WireMapped {
	readonly names: readonly string[];
	readonly page: Far<MappedCommands>;
}

/** What the page offers for the commands that it has mapped. */
export interface MappedCommands {
	/** The program behind a name; null for a function. Errors: those of loading it. */
	resolve(name: string): Promise<WireCommand | null>;
	/** Starts a function, which does the rest through `streams`: an endpoint of FunctionStreams. */
	start(
		name: string,
		args: readonly string[],
		env: readonly string[],
		streams: MessagePort,
		terminal: WireTerminal | undefined,
	): Promise<void>;
}

/** The descriptors of a process, as the function of the page uses them that it runs. */
export interface FunctionStreams {
	/** Null at the end. */
	read(): Promise<Uint8Array | null>;
	/** Resolves once all has been taken. Errors: `"EPIPE"`, and what a write may answer. */
	write(fd: 1 | 2, bytes: Uint8Array): Promise<void>;
	close(fd: 0 | 1 | 2): Promise<void>;
	exit(code: number): Promise<void>;
	/** Resolves when the process is over, by itself or by a signal. */
	ended(): Promise<void>;
}

export interface WireStat {
	readonly type: "file" | "directory" | "symlink" | "device" | "pipe";
	readonly size: number;
	readonly links: number;
	readonly ino: number;
	/** Milliseconds since 1970. */
	readonly atimeMs: number;
	readonly mtimeMs: number;
	readonly ctimeMs: number;
}

export interface WireEntry {
	readonly name: string;
	readonly type: WireStat["type"];
}

/** What the worker offers. Every method rejects with a PortholeError. */
export interface Kernel {
	/** Called once, before anything else. */
	start(start: WireStart): Promise<Features>;
	load(source: WireSource, options: WireLoadOptions): Promise<WirePackage>;
	abort(load: number): Promise<void>;
	/** What a package has been read of. */
	profile(load: number): Promise<AccessProfile>;
	mount(mount: WireMount): Promise<void>;
	unmount(path: string): Promise<Far<Store>>;
	/** Answers by which key the module is to be remembered, should its worker have to be ended to stop it;
	 *  "" for one that can be interrupted. */
	spawn(request: WireSpawn): Promise<string>;
	/** What a running process has used; undefined where it does not run. */
	/** Of a program, or of one of the processes that it has started. */
	usage(pid: number, child?: number): Promise<Usage | undefined>;
	/** Connects the page with what listens at a port; `channel` carries `LinkMessage`s both ways. Resolves when the
	 *  connection is over. Errors: ECONNREFUSED, ENOBUFS. */
	connect(port: number, channel: MessagePort): Promise<void>;
	sync(): Promise<void>;
	/** Others have changed what is at `paths` of a mounted store, and below. */
	changed(store: number, paths: readonly string[]): Promise<void>;
	/** Ends all guests and waits until the mounts have synced. */
	close(): Promise<void>;
	/** Calls a method of the tree. */
	files<K extends keyof Files>(
		method: K,
		args: Parameters<Files[K]>,
	): Promise<Awaited<ReturnType<Files[K]>>>;
}

/** What `Sandbox.fs` asks of the tree. Every method rejects with a PortholeError. */
export interface Files {
	readFile(path: string): Promise<Uint8Array>;
	/** At most `length` bytes of a file; fewer only at its end. Errors: `"changed"` where another file is
	 *  at the path than the one whose `ino` is given. */
	readPart(path: string, position: number, length: number, ino?: number): Promise<Uint8Array>;
	/** What is at a path, or in the directory there, each with what changes when it changes. */
	look(path: string, recursive: boolean): Promise<(readonly [path: string, state: string])[]>;
	writeFile(path: string, bytes: Uint8Array, append: boolean): Promise<void>;
	readdir(path: string): Promise<WireEntry[]>;
	stat(path: string, follow: boolean): Promise<WireStat>;
	mkdir(path: string, recursive: boolean): Promise<void>;
	rm(path: string, recursive: boolean, force: boolean): Promise<void>;
	rename(from: string, to: string): Promise<void>;
	copyFile(from: string, to: string): Promise<void>;
	symlink(target: string, path: string): Promise<void>;
	readlink(path: string): Promise<string>;
	utimes(path: string, atimeMs: number, mtimeMs: number): Promise<void>;
}

/** What the page offers. */
export interface PageServices {
	ask(id: number, method: string, args: unknown[]): Promise<unknown>;
}

/** What a process may use. Unlimited unless told otherwise. */
export interface Limits {
	/** Units of work: rounds of its loops, 64 of a small one to a unit. The same for one program, input and
	 *  version of Porthole, on any machine. */
	readonly fuel?: number;
	/** Milliseconds of processor time; waiting does not count. */
	readonly time?: number;
	/** Bytes of memory; `memory.grow` fails beyond them. */
	readonly memory?: number;
	/** Bytes that its files in memory may hold more than at its start. */
	readonly files?: number;
	/** Bytes that it may print. */
	readonly output?: number;
}

export type Limit = keyof Limits;

/** Limits as a worker is told of them that hears nothing while a program runs. */
export interface WireLimits extends Limits {
	/** Milliseconds after which the program ends. Elsewhere the page ends it. */
	readonly timeout?: number | undefined;
}

/** What a process has used. */
export interface Usage {
	/** Units of work; 0 for a program that is not interruptible, since nothing counts them. */
	readonly fuel: number;
	/** Milliseconds of processor time. */
	readonly time: number;
	/** Bytes of memory. */
	readonly memory: number;
	/** Open files. */
	readonly files: number;
	/** Bytes read and written, streams included. */
	readonly read: number;
	readonly written: number;
}

/** How a guest ended. A trap, or a code other than 0, is a status and not a rejection. */
export interface ExitStatus {
	readonly success: boolean;
	/** 128 + n when the signal n ended it, 134 when it trapped. */
	readonly code: number;
	readonly signal?: string;
	/** Who sent the signal: `kill()`, the options `timeout` and `signal`, a key of the terminal, or
	 *  Porthole, because the worker had to be replaced to end another guest. `"limit"`: it went over one of
	 *  its limits, which `limit` names. */
	readonly reason?: "kill" | "timeout" | "abort" | "terminal" | "replaced" | "limit";
	/** The limit that it went over: code 152 for `fuel` and `time`, 137 for the others. */
	readonly limit?: Limit;
	/** The worker was ended to end this guest, or another: files that were only in memory are gone. */
	readonly lost?: true;
	/** With the guest's function names in its stack, where the module has them. */
	readonly trap?: Error;
}

export interface WireStatus extends Omit<ExitStatus, "success" | "trap"> {
	readonly trap?: { readonly message: string; readonly stack: string };
}

/** From the page to a guest. */
export type ToGuest =
	| {
			readonly to: number;
			readonly kind: "stdin";
			readonly chunk: Uint8Array;
			/** Whether the guest is to answer with `acknowledged`. */
			readonly urgent?: boolean;
	  }
	/** No more input will come; `failed` where it broke off. */
	| { readonly to: number; readonly kind: "end"; readonly failed: boolean }
	/** All that the guest is given ahead has been sent: it may start. */
	| { readonly to: number; readonly kind: "begin" }
	/** The page has taken so many bytes of a stream. */
	| { readonly to: number; readonly kind: "taken"; readonly fd: 1 | 2; readonly bytes: number }
	/** The page will take no more. */
	| { readonly to: number; readonly kind: "hangup"; readonly fd: 1 | 2 }
	| {
			readonly to: number;
			readonly kind: "kill";
			readonly signal: string;
			readonly code: number;
			/** The process that alone is to get it, of those that the program has started. */
			readonly child?: number;
	  }
	| {
			readonly to: number;
			readonly kind: "resize";
			readonly columns: number;
			readonly rows: number;
	  };

/** From a guest to the page. */
export type FromGuest =
	| {
			readonly from: number;
			readonly kind: "output";
			readonly fd: 1 | 2;
			readonly chunk: Uint8Array;
	  }
	/** The guest has taken so many bytes of its standard input. */
	| { readonly from: number; readonly kind: "taken"; readonly bytes: number }
	/** A kill has arrived, and the guest will end at its next call; or an urgent key has been handled. */
	| { readonly from: number; readonly kind: "acknowledged" }
	/** Whether keys of the terminal send signals from now on; they do at first. */
	| { readonly from: number; readonly kind: "keys"; readonly signals: boolean }
	/** The processes that it has started, and that run. */
	| { readonly from: number; readonly kind: "children"; readonly children: readonly WireChild[] }
	/** Calls that it has made, a line for each. */
	| { readonly from: number; readonly kind: "trace"; readonly lines: readonly string[] }
	| {
			readonly from: number;
			readonly kind: "exit";
			readonly status: WireStatus;
			readonly usage?: Usage;
			/** What it has started goes on: another message like this follows when that is over too. */
			readonly goesOn?: true;
	  }
	/** Nothing that runs can write to this stream any more. */
	| { readonly from: number; readonly kind: "ended"; readonly fd: 1 | 2 }
	/** Ours or the page's, not the guest's: the process could not be brought to an end. */
	| {
			readonly from: number;
			readonly kind: "broken";
			readonly code: string;
			readonly message: string;
	  }
	/** A mount could not keep what is at `path`: a PortholeError in parts, for it cannot be posted. */
	| {
			readonly from: 0;
			readonly kind: "refused";
			readonly path: string;
			readonly code: string;
			readonly message: string;
	  }
	| {
			readonly from: 0;
			readonly kind: "event";
			readonly event: SandboxEventDetail;
	  }
	| {
			readonly from: 0;
			readonly kind: "progress";
			readonly load: number;
			readonly phase: "connecting" | "reading" | "compiling" | "ready";
			readonly loaded: number;
			readonly total: number | undefined;
	  };

/** What a worker's global scope offers to the kernel, or to a guest, that it holds. */
export type WorkerScope = Channel & {
	postMessage(message: unknown, give: Transferable[]): void;
};

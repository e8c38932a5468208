/**
 * A process: what all threads of a program share. Its arguments, environment, descriptors and tree, and
 * the world's clock, randomness and bridge. The world comes in as arguments, so that a test can stop the
 * clock.
 */
import { ENDED, type Errno } from "../abi/errno.ts";
import { type Memory, utf8 } from "../abi/memory.ts";
import type { PlainCall } from "../bridge/adapter.ts";
import type { Bridge, OpenTicket } from "../bridge/bridge.ts";
import type { OpenNode } from "../fs/node.ts";
import { type Operations, operations, type View } from "../fs/operations.ts";
import type { Limit, Limits, Usage } from "../protocol/sandbox.ts";
import type { Screen } from "../tty/terminal.ts";
import { Descriptors, type OpenFile } from "./descriptors.ts";
import type { Tracer } from "./trace.ts";

/** Milliseconds, with whatever fraction the browser grants. */
export interface Clock {
	/** Since 1970. */
	realtime(): number;
	/** Since some fixed moment; never goes back. */
	monotonic(): number;
	/** The smallest step in nanoseconds that the clock was seen to make. */
	resolution(): number;
}

/** What a process is given at its start. */
export interface Setup {
	readonly args: readonly string[];
	readonly env: readonly (readonly [string, string])[];
	readonly tree: View;
	/** What `tree` can be asked, where it is not in this thread. */
	readonly operations?: Operations;
	readonly bridge: Bridge;
	readonly clock: Clock;
	/** Fills with random bytes that are fit for keys. At most 65,536 bytes and no shared memory. */
	readonly fillRandom: (bytes: Uint8Array<ArrayBuffer>) => void;
}

/** How a process ended. */
export interface Ending {
	readonly code: number;
	readonly signal?: string;
	readonly reason?: "limit" | "timeout";
	/** The limit that it went over. */
	readonly limit?: Limit;
}

/** What a process has used so far. */
export interface Used {
	/** Bytes. */
	read: number;
	written: number;
	printed: number;
	/** Bytes that its files in memory have grown by. */
	files: number;
}

/** What holds a process to its limits; see `budget.ts`. */
export interface Holder {
	/** Milliseconds after which it ends, where the page cannot end it. */
	readonly timeout: number | undefined;
	/** Units of work that are left. */
	fuelLeft(): number;
	/** What is left, for a program in a worker of its own. */
	handOver(): Limits | undefined;
	/** Ends the process where it has gone over a limit, and says so. */
	isOver(): boolean;
	/** How many of so many bytes may be printed. */
	print(length: number): number;
	/** Makes a call of its program. */
	during(call: () => number): number;
	calls(calls: Readonly<Record<string, PlainCall>>): Readonly<Record<string, PlainCall>>;
	/** How it ends that has trapped, where a limit is to blame. */
	ending(instance: WebAssembly.Instance): Ending | null;
	/** It uses nothing any more. */
	over(): void;
}

type PlainCalls = Readonly<Record<string, PlainCall>>;

/** The processes that one has started. */
export interface Family {
	signal(child: number, name: string): void;
	/** Undefined for one that is over. */
	usage(child: number): Usage | undefined;
}

export class Process {
	descriptors = new Descriptors();
	/** Each with the NUL behind it, as the guest reads it. */
	args: readonly Uint8Array[];
	/** `NAME=value`, each with the NUL behind it. */
	env: readonly Uint8Array[];
	readonly tree: View;
	readonly operations: Operations;
	readonly bridge: Bridge;
	readonly clock: Clock;
	readonly fillRandom: (bytes: Uint8Array<ArrayBuffer>) => void;
	/** On the monotonic clock. */
	readonly started: number;
	/** Null while it runs. */
	ending: Ending | null = null;
	readonly used: Used = { read: 0, written: 0, printed: 0, files: 0 };
	/** Null for a process without limits. */
	budget: Holder | null = null;
	/** Null for a process that is not traced. */
	tracer: Tracer | null = null;
	/** What `/dev/tty` is. */
	terminal: OpenNode | null = null;
	/** The nodes that are standard output and error, and the way past them. */
	outputs: readonly (Screen & { readonly node: OpenNode })[] = [];
	/** Called when a thread gives way, so that what the process has printed is seen. */
	flush: () => void = () => {};
	/** The absolute path of the directory that it starts in. */
	directory = "/";
	/** What it has open, and what it has started. */
	openFiles: () => Iterable<OpenFile> = () => this.descriptors.files();
	/** Delivers a signal, by its name; false where that ends the process. Null for a process without handlers. */
	signalled: ((name: string) => boolean) | null = null;
	/** What it has started, by number; null for a process that starts none. */
	family: Family | null = null;
	/** Called with a name that was taken for one in the root, where the guest has changed something. */
	guessed: (name: string) => void = () => {};
	readonly stops = new Set<OpenTicket<void>>();

	constructor(setup: Setup) {
		this.args = setup.args.map(terminated);
		this.env = setup.env.map(([key, value]) => terminated(`${key}=${value}`));
		this.tree = setup.tree;
		this.operations = setup.operations ?? operations;
		this.bridge = setup.bridge;
		this.clock = setup.clock;
		this.fillRandom = setup.fillRandom;
		this.started = setup.clock.monotonic();
	}

	/** The calls of a thread, within the limits of the process and told to its tracer. `pid` as `Tracer.calls` has it. */
	around(calls: PlainCalls, memory: Memory, pid?: number): PlainCalls {
		const held = this.budget?.calls(calls) ?? calls;
		return this.tracer?.calls(held, memory, pid) ?? held;
	}

	/** A ticket for one more thread, done once the process ends. */
	stop(): OpenTicket<void> {
		const ticket = this.bridge.ticket<void>();
		this.stops.add(ticket);
		return ticket;
	}

	/** Ends all threads; the first ending counts. Those that wait wake and unwind. */
	end(ending: Ending): Errno {
		this.ending ??= ending;
		for (const stop of this.stops) stop.answer();
		return ENDED;
	}
}

function terminated(text: string): Uint8Array {
	return utf8(`${text}\0`);
}

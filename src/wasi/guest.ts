/**
 * All that a system call can see: the guest's memory, arguments, environment, descriptors and tree,
 * and the world's clock, randomness and bridge. The world comes in as arguments, so that a test can
 * stop the clock.
 */
import { ENDED, type Errno } from "../abi/errno.ts";
import { Memory, utf8 } from "../abi/memory.ts";
import type { Bridge, OpenTicket, Ticket } from "../bridge/bridge.ts";
import type { OpenNode } from "../fs/node.ts";
import { type Operations, operations, type View } from "../fs/operations.ts";
import type { Screen } from "../tty/terminal.ts";
import { Descriptors } from "./descriptors.ts";

/** Milliseconds, with whatever fraction the browser grants. */
export interface Clock {
	/** Since 1970. */
	realtime(): number;
	/** Since some fixed moment; never goes back. */
	monotonic(): number;
	/** The smallest step in nanoseconds that the clock was seen to make. */
	resolution(): number;
}

/** What a guest is given at its start. */
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

/** How a guest ended. */
export interface Ending {
	readonly code: number;
	readonly signal?: string;
}

export class Guest {
	readonly memory = new Memory();
	readonly descriptors = new Descriptors();
	readonly args: readonly Uint8Array[];
	readonly env: readonly Uint8Array[];
	readonly tree: View;
	readonly operations: Operations;
	readonly bridge: Bridge;
	readonly clock: Clock;
	readonly fillRandom: (bytes: Uint8Array<ArrayBuffer>) => void;
	readonly started: number;
	/** Milliseconds spent waiting; the bridge counts. */
	waited = 0;
	ending: Ending | null = null;
	/** What `/dev/tty` is. */
	terminal: OpenNode | null = null;
	/** The nodes that are standard output and error, and the way past them. */
	outputs: readonly (Screen & { readonly node: OpenNode })[] = [];
	readonly stopped: OpenTicket<void>;
	/** Called when the guest gives way, so that its output is seen. */
	flush: () => void = () => {};
	/** Called with a name that was taken for one in the root, where the guest has changed something. */
	guessed: (name: string) => void = () => {};
	/** When the running `poll_oneoff` first looked; -1 when none is running. Kept across retries. */
	pollStart = -1;
	/** What the running `sched_yield` waits for. */
	yielding: Ticket<void> | null = null;

	constructor(setup: Setup) {
		this.args = setup.args.map(terminated);
		this.env = setup.env.map(([key, value]) => terminated(`${key}=${value}`));
		this.tree = setup.tree;
		this.operations = setup.operations ?? operations;
		this.bridge = setup.bridge;
		this.clock = setup.clock;
		this.fillRandom = setup.fillRandom;
		this.started = setup.clock.monotonic();
		this.stopped = setup.bridge.ticket();
	}

	get ended(): boolean {
		return this.ending !== null;
	}

	/** Ends the guest; the first ending counts. A waiting guest wakes and unwinds. */
	end(ending: Ending): Errno {
		this.ending ??= ending;
		this.stopped.answer();
		return ENDED;
	}
}

function terminated(text: string): Uint8Array {
	return utf8(`${text}\0`);
}

/**
 * A thread of a process: what belongs to one stack of calls. System calls take a thread.
 */
import { Memory } from "../abi/memory.ts";
import type { Bridge, OpenTicket, StopHandle, Ticket } from "../bridge/bridge.ts";
import type { Process } from "./process.ts";

export class Thread implements StopHandle {
	readonly process: Process;
	readonly memory = new Memory();
	readonly bridge: Bridge;
	readonly stopped: OpenTicket<void>;
	/** Milliseconds spent waiting; the bridge counts. */
	waited = 0;
	/** When the running `poll_oneoff` first looked, on the monotonic clock; -1 when none is running. Kept
	 *  across retries. */
	pollStart = -1;
	/** What the running `sched_yield` waits for. */
	yielding: Ticket<void> | null = null;

	constructor(process: Process) {
		this.process = process;
		this.bridge = process.bridge;
		this.stopped = process.stop();
	}

	get ended(): boolean {
		return this.process.ending !== null;
	}

	flush(): void {
		this.process.flush();
	}
}

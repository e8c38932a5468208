/**
 * A thread of a process: what belongs to one stack of calls. System calls take a thread.
 */
import { Memory } from "../abi/memory.ts";
import type { Bridge, OpenTicket, StopHandle, Ticket } from "../bridge/bridge.ts";
import type { Usage } from "../protocol/sandbox.ts";
import type { Process } from "./process.ts";

export class Thread implements StopHandle {
	readonly process: Process;
	readonly memory = new Memory();
	readonly bridge: Bridge;
	readonly stopped: OpenTicket<void>;
	/** Milliseconds spent waiting; the bridge counts. */
	waited = 0;
	/** Since when it waits; -1 while it runs. */
	waitingSince = -1;
	/** When its program was entered. */
	began = 0;
	/** What it has said to have used, where it runs in a worker of its own. */
	reported: Usage | null = null;
	/** Units of work used, of a program that counts them. */
	fuel: () => number = () => 0;
	/** When the running `poll_oneoff` first looked, on the monotonic clock; -1 when none is running. Kept
	 *  across retries. */
	pollStart = -1;
	/** Whether it alone has ended. */
	over = false;
	/** What the running `sched_yield` waits for. */
	yielding: Ticket<void> | null = null;

	constructor(process: Process) {
		this.process = process;
		this.bridge = process.bridge;
		this.stopped = process.stop();
	}

	get ended(): boolean {
		return this.over || this.process.ending !== null;
	}

	/** Milliseconds of processor time that it has used. */
	get time(): number {
		if (this.reported !== null) return this.reported.time;
		const now = this.waitingSince < 0 ? performance.now() : this.waitingSince;
		return this.began === 0 ? 0 : now - this.began - this.waited;
	}

	/** What it has used so far. */
	usage(): Usage {
		const { descriptors, used } = this.process;
		return (
			this.reported ?? {
				fuel: this.fuel(),
				time: this.time,
				memory: this.memory.size,
				files: [...descriptors.files()].length,
				read: used.read,
				written: used.written,
			}
		);
	}

	flush(): void {
		this.process.flush();
	}
}

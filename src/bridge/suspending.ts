/**
 * The bridge that suspends the guest (JSPI): the worker goes on serving the page and other guests
 * while one waits.
 *
 * The adapter calls `wait`, the one suspending import, which takes what the call has noted and
 * answers a promise. A guest that never really waits is made to wait for a message of our own every
 * ten milliseconds (`shouldYield`): that is when `kill` and a keystroke arrive.
 *
 * Before a guest gets the thread, again or for the first time, what mounts have been promised is sent
 * (`sendUnsent`): the guest may compute and never give it back.
 *
 * Every entry is called through `promising`, also where nothing will wait: the stack is twice as
 * deep there.
 */
import type { GuestBridge, PageBridge, StopHandle } from "./bridge.ts";
import { LoopBridge } from "./loop.ts";

/** Milliseconds of uninterrupted calls after which messages are let in. */
const BREATH = 10;

/** What JSPI adds to `WebAssembly`; its types are not in the standard library yet. */
interface Jspi {
	Suspending: new (f: (...args: never[]) => unknown) => WebAssembly.ImportValue;
	promising(f: () => unknown): () => Promise<unknown>;
}

const jspi = WebAssembly as unknown as Jspi;

export class SuspendingBridge extends LoopBridge implements GuestBridge, PageBridge {
	waitImport(guest: StopHandle): WebAssembly.ImportValue {
		return new jspi.Suspending(() => this.wait(guest));
	}

	enter(f: () => unknown): Promise<unknown> {
		this.sendUnsent();
		return jspi.promising(f)();
	}

	pageFunction(f: (...args: unknown[]) => Promise<unknown>): WebAssembly.ImportValue {
		return new jspi.Suspending(f);
	}

	shouldYield(guest: StopHandle): number {
		const now = performance.now();
		if (now - this.lastTick < BREATH) return 0;
		guest.flush();
		this.notes.length = 0;
		this.notes.push(this.nextTurn());
		return 1;
	}

	/** Resolves with 0 when a noted ticket is done, with 1 when the guest is over. */
	wait(stop: StopHandle): Promise<number> {
		const tickets = this.notes.splice(0);
		const from = performance.now();
		stop.flush();
		return new Promise((resolve) => {
			const wake = () => {
				for (const ticket of tickets) ticket.unwatch(wake);
				stop.stopped.unwatch(wake);
				stop.waited += performance.now() - from;
				this.sendUnsent();
				resolve(stop.ended ? 1 : 0);
			};
			stop.stopped.watch(wake);
			if (!stop.ended) for (const ticket of tickets) ticket.watch(wake);
		});
	}
}

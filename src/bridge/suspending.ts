/**
 * The bridge that suspends the guest (JSPI): the worker goes on serving the page and other guests
 * while one waits.
 *
 * The adapter calls `wait`, the one suspending import, which takes what the call has noted and
 * answers a promise. A guest that never really waits is made to wait for its next turn when its slice
 * is over (`shouldYield`; see `turns.ts`): that is when `kill` and a keystroke arrive.
 *
 * Before a guest gets the thread, again or for the first time, what mounts have been promised is sent
 * (`sendUnsent`): the guest may compute and never give it back.
 *
 * Every entry is called through `promising`, also where nothing will wait: the stack is twice as
 * deep there.
 */
import type { GuestBridge, PageBridge, PageFunction, StopHandle, Ticket } from "./bridge.ts";
import { LoopBridge } from "./loop.ts";
import { Turns } from "./turns.ts";

/** What JSPI adds to `WebAssembly`; its types are not in the standard library yet. */
interface Jspi {
	Suspending: new (f: (...args: never[]) => unknown) => WebAssembly.ImportValue;
	promising(f: (...args: never[]) => unknown): (...args: unknown[]) => Promise<unknown>;
}

const jspi = WebAssembly as unknown as Jspi;

export class SuspendingBridge extends LoopBridge implements GuestBridge, PageBridge {
	readonly #turns = new Turns((task) => this.post(task));

	waitImport(guest: StopHandle): WebAssembly.ImportValue {
		return new jspi.Suspending(() => this.wait(guest));
	}

	async enter(
		guest: StopHandle,
		f: (...args: never[]) => unknown,
		...args: unknown[]
	): Promise<unknown> {
		this.sendUnsent();
		this.#turns.wakes(guest);
		try {
			return await jspi.promising(f)(...args);
		} finally {
			this.#turns.sleeps(guest);
		}
	}

	pageFunction(guest: StopHandle, f: PageFunction): WebAssembly.ImportValue {
		return new jspi.Suspending(async (...args: unknown[]) => {
			this.#turns.sleeps(guest);
			try {
				return await f(...args);
			} finally {
				this.#turns.wakes(guest);
			}
		});
	}

	override heard(): void {
		this.#turns.heard();
	}

	override nextTurn(): Ticket<void> {
		return this.#turns.next();
	}

	shouldYield(guest: StopHandle): number {
		if (!this.#turns.isOver()) return 0;
		guest.flush();
		this.notes.length = 0;
		this.notes.push(this.nextTurn());
		return 1;
	}

	/** Resolves with 0 when a noted ticket is done, with 1 when the guest is over. */
	wait(guest: StopHandle): Promise<number> {
		const tickets = this.notes.splice(0);
		const from = performance.now();
		guest.waitingSince = from;
		guest.flush();
		this.#turns.sleeps(guest);
		return new Promise((resolve) => {
			const wake = () => {
				for (const ticket of tickets) ticket.unwatch(wake);
				guest.stopped.unwatch(wake);
				guest.waited += performance.now() - from;
				guest.waitingSince = -1;
				this.sendUnsent();
				this.#turns.wakes(guest);
				resolve(guest.ended ? 1 : 0);
			};
			guest.stopped.watch(wake);
			if (!guest.ended) for (const ticket of tickets) ticket.watch(wake);
		});
	}
}

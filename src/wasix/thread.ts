/**
 * A thread of a WASIX process: an instance of its program on the memory of the process, a stack, and what the
 * adapter asks the host.
 */
import { type Done, EINTR, type Errno } from "../abi/errno.ts";
import type { OpenTicket, Ticket } from "../bridge/bridge.ts";
import { Thread } from "../process/thread.ts";
import { type AdapterExports, IN_HANDLER, SIGNALLED, UNWINDS } from "./adapter.ts";
import type { WasixProcess } from "./process.ts";
import type { Stack } from "./stack.ts";

/** How a program's export is called. */
export interface Entry {
	readonly name: string;
	readonly args: readonly (number | bigint)[];
}

export class WasixThread extends Thread {
	readonly tid: number;
	readonly owner: WasixProcess;
	readonly entry: Entry;
	/** Where a thread other than the first has its stack. */
	readonly bounds: readonly [number, number] | undefined;
	/** These are made when it is linked. */
	stack!: Stack;
	instance!: WebAssembly.Instance;
	/** The signal whose handler runs; 0 for none. */
	handling = 0;
	/** The call that waits goes on after a handler, instead of failing with EINTR. */
	restarts = false;
	/** A call keeps here what it has found out until it is run again. */
	kept: unknown;
	/** Thread-locals of the older C library. */
	readonly locals = new Map<number, bigint>();
	#adapter!: AdapterExports;
	#signalled: OpenTicket<void> | null = null;
	#finished: OpenTicket<void> | null = null;

	constructor(owner: WasixProcess, tid: number, entry: Entry, bounds?: readonly [number, number]) {
		super(owner.process);
		this.owner = owner;
		this.tid = tid;
		this.entry = entry;
		this.bounds = bounds;
		owner.threads.add(this);
	}

	/** The instance is linked. */
	linked(instance: WebAssembly.Instance, adapter: AdapterExports, stack: Stack): void {
		this.instance = instance;
		this.#adapter = adapter;
		this.stack = stack;
	}

	/** Takes the stack away; see `Stack`. */
	unwind(settle: () => Done): Errno {
		const answer = this.stack.unwind(settle);
		if (this.stack.isUnwound) this.#set(UNWINDS, true);
		return answer;
	}

	/** The entry has returned. Where the stack was taken away: does what was wanted, and makes ready to enter again. Whether
	 *  to enter again. */
	settle(): number {
		if (!this.stack.isUnwound) return 0;
		this.#set(UNWINDS, false);
		this.stack.settle();
		this.intoHandler();
		// A jump may have left a handler while others were pending.
		this.noticeSignals();
		return this.ended ? 0 : 1;
	}

	/** The stack that is entered again may lie within a handler. */
	intoHandler(): void {
		if (this.handling !== 0) this.#set(IN_HANDLER, true);
	}

	/** A signal has come: the next call looks for it, and a call that waits wakes. */
	noticeSignals(): void {
		if (!this.owner.hasSignals || this.handling !== 0) return;
		this.#set(SIGNALLED, true);
		this.#signalled?.answer();
		this.#signalled = null;
	}

	/** Done when a signal can be handled. */
	get signalled(): Ticket<void> {
		this.#signalled ??= this.bridge.ticket<void>();
		return this.#signalled;
	}

	/** For the adapter: the next signal, or the one whose handler is entered again; 0 for none. */
	nextSignal(): number {
		const { state } = this.#adapter;
		if ((state.value & IN_HANDLER) !== 0) {
			this.#set(IN_HANDLER, false);
			return this.handling;
		}
		// Nothing else can be entered on the way back to a call; the next one looks again.
		if (this.stack.isRewinding) return 0;
		// Handlers are not interrupted by others: what comes meanwhile is noticed behind them.
		this.#set(SIGNALLED, false);
		this.handling = this.owner.takeSignal();
		return this.handling;
	}

	/** For the adapter: what a call answers that waits, and still would after a signal; 0 to go on. */
	interrupted(): Done {
		if (this.restarts) return 0;
		this.bridge.dropNotes();
		this.pollStart = -1;
		this.yielding = null;
		this.kept = undefined;
		return EINTR;
	}

	/** Which export handles signals. Errors: a `LinkError` for one of another type than `(i32) -> ()`. */
	setHandler(handler: WebAssembly.ExportValue): void {
		this.#adapter.handler.set(0, handler);
	}

	/** Done when it is over. */
	get finished(): Ticket<void> {
		this.#finished ??= this.bridge.ticket<void>();
		return this.#finished;
	}

	/** It alone is to end. */
	end(): void {
		this.over = true;
		this.stopped.answer();
	}

	/** Its stack is gone. */
	gone(): void {
		this.owner.threads.delete(this);
		this.owner.process.stops.delete(this.stopped);
		this.#finished?.answer();
	}

	#set(bit: number, on: boolean): void {
		const { state } = this.#adapter;
		state.value = on ? state.value | bit : state.value & ~bit;
	}
}

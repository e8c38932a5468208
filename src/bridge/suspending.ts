/**
 * The bridge that suspends the guest (JSPI): the worker goes on serving the page and other guests
 * while one waits.
 *
 * A call that cannot finish notes what it needs (`pending`) and answers PENDING. The adapter then
 * calls `wait`, the one suspending import, which takes the notes and answers a promise. Nothing can
 * run between the two, so the notes need not say which guest they belong to.
 *
 * Two clocks of the browser need care. Already resolved promises let no message in, so a guest that
 * never really waits is made to wait for a message of our own every ten milliseconds (`breathe`):
 * that is when `kill` and a keystroke arrive. And nested timers are clamped to four milliseconds,
 * so an alarm is set from a message, which starts the nesting anew.
 */
import { type Errno, errnoOf, PENDING } from "../abi/errno.ts";
import type { Bridge, Far, OpenTicket, Ticket } from "./bridge.ts";
import { LocalTicket } from "./ticket.ts";

/** Milliseconds of uninterrupted calls after which messages are let in. */
const BREATH = 10;

/** Puts a question to an object in another thread. */
export type Ask = (far: number, method: string, args: unknown[]) => Promise<unknown>;

/** One guest's way of being told to stop while it waits. */
export interface Stop {
	readonly ended: boolean;
	readonly stopped: Ticket<void>;
	/** Milliseconds spent waiting, which are not processor time. */
	waited: number;
	/** The guest is about to give way: what it has printed should be seen. */
	flush(): void;
}

export class SuspendingBridge implements Bridge {
	readonly kind = "suspending";
	readonly #ask: Ask;
	readonly #notes: Ticket<unknown>[] = [];
	readonly #channel = new MessageChannel();
	readonly #afterMessage: (() => void)[] = [];
	#breath = performance.now();
	#due: Ticket<void> | null = null;

	constructor(ask: Ask) {
		this.#ask = ask;
		this.#channel.port1.onmessage = () => this.#afterMessage.shift()?.();
	}

	ticket<T>(): OpenTicket<T> {
		return new LocalTicket<T>();
	}

	alarm(time: number): Ticket<void> {
		const ticket = new LocalTicket<void>();
		const ring = () => {
			const left = time - performance.now();
			if (left <= 0) ticket.answer();
			// A timer waits whole milliseconds and at most 2^31 of them.
			else setTimeout(left > 2e9 ? ring : () => ticket.answer(), Math.min(Math.ceil(left), 2e9));
		};
		this.#post(ring);
		return ticket;
	}

	ask<T, K extends keyof T & string>(far: Far<T>, method: K, ...args: unknown[]): Ticket<never> {
		const ticket = new LocalTicket<never>();
		this.#ask(far.id, method, args).then(
			// The method's own type says what it answers.
			(value) => ticket.answer(value as never),
			(error) => ticket.fail(errnoOf((error as { code?: unknown } | null)?.code)),
		);
		return ticket;
	}

	pending(ticket: Ticket<unknown>): Errno {
		this.#notes.push(ticket);
		return PENDING;
	}

	settle(): void {
		this.#notes.length = 0;
	}

	/** For the adapter: whether the guest should let messages in now; then `wait` waits for them. */
	breathe(guest: Stop): number {
		const now = performance.now();
		if (now - this.#breath < BREATH) return 0;
		guest.flush();
		this.#notes.length = 0;
		this.#notes.push(this.tick());
		return 1;
	}

	tick(): Ticket<void> {
		if (this.#due !== null && !this.#due.done) return this.#due;
		const ticket = new LocalTicket<void>();
		this.#due = ticket;
		this.#post(() => {
			this.#breath = performance.now();
			ticket.answer();
		});
		return ticket;
	}

	#post(task: () => void): void {
		this.#afterMessage.push(task);
		this.#channel.port2.postMessage(0);
	}

	noted(): Promise<void> {
		const tickets = this.#notes.splice(0);
		return new Promise((resolve) => {
			const wake = () => {
				for (const ticket of tickets) ticket.unwatch(wake);
				resolve();
			};
			for (const ticket of tickets) ticket.watch(wake);
		});
	}

	/** For the adapter: resolves with 0 when a noted ticket is done, with 1 when the guest is over. */
	wait(stop: Stop): Promise<number> {
		const tickets = this.#notes.splice(0);
		const from = performance.now();
		stop.flush();
		return new Promise((resolve) => {
			const wake = () => {
				for (const ticket of tickets) ticket.unwatch(wake);
				stop.stopped.unwatch(wake);
				stop.waited += performance.now() - from;
				resolve(stop.ended ? 1 : 0);
			};
			stop.stopped.watch(wake);
			if (!stop.ended) for (const ticket of tickets) ticket.watch(wake);
		});
	}
}

/**
 * What the bridges of a kernel share: tickets that the worker's own event loop answers.
 *
 * A call that cannot finish notes what it needs (`pending`) and answers PENDING; whoever makes it
 * wait takes the notes. Nothing can run between the two, so the notes need not say whose they are.
 *
 * Two clocks of the browser need care. Already resolved promises let no message in, so who wants
 * messages to come in waits for one of our own (`nextTurn`). And nested timers are clamped to four
 * milliseconds, so an alarm is set from a message, which starts the nesting anew. One that nobody waits
 * for any more is taken back: a program that polls with a timeout leaves one behind for each key.
 */
import { type Errno, PENDING } from "../abi/errno.ts";
import type { Bridge, Far, OpenTicket, Sender, Ticket } from "./bridge.ts";
import { LocalTicket } from "./ticket.ts";

/** Puts a question to an object in another thread. */
export type Ask = (far: number, method: string, args: unknown[]) => Promise<unknown>;

/** A ticket that is done at a time, unless all that waited for it have left. */
class Alarm extends LocalTicket<void> {
	readonly #time: number;
	#timer: ReturnType<typeof setTimeout> | undefined;
	#dropped = false;

	constructor(time: number) {
		super();
		this.#time = time;
	}

	set(): void {
		const left = this.#time - performance.now();
		if (left <= 0) this.answer();
		// A timer waits whole milliseconds and at most 2^31 of them.
		else if (!this.#dropped)
			this.#timer = setTimeout(() => this.set(), Math.min(Math.ceil(left), 2e9));
	}

	override watch(wake: () => void): void {
		super.watch(wake);
		if (!this.#dropped) return;
		this.#dropped = false;
		this.set();
	}

	override unwatch(wake: () => void): void {
		super.unwatch(wake);
		if (this.watched) return;
		this.#dropped = true;
		clearTimeout(this.#timer);
	}
}

export class LoopBridge implements Bridge {
	/** What the running call has noted. */
	protected readonly notes: Ticket<unknown>[] = [];
	readonly unsent: Set<Sender> = new Set();
	readonly #ask: Ask;
	readonly #channel = new MessageChannel();
	readonly #afterMessage: (() => void)[] = [];
	#due: Ticket<void> | null = null;

	constructor(ask: Ask) {
		this.#ask = ask;
		this.#channel.port1.onmessage = () => this.#afterMessage.shift()?.();
	}

	ticket<T>(): OpenTicket<T> {
		return new LocalTicket<T>();
	}

	alarm(time: number): Ticket<void> {
		const alarm = new Alarm(time);
		this.post(() => alarm.set());
		return alarm;
	}

	ask<T, K extends keyof T & string>(far: Far<T>, method: K, ...args: unknown[]): Ticket<never> {
		const ticket = new LocalTicket<never>();
		this.#ask(far.id, method, args).then(
			// The method's own type says what it answers.
			(value) => ticket.answer(value as never),
			async (error) => {
				// What asks has been mounted, and the names came with the first mount.
				const { errnoOf } = await import("../abi/errno-names.ts");
				ticket.fail(errnoOf((error as { code?: unknown } | null)?.code));
			},
		);
		return ticket;
	}

	pending(ticket: Ticket<unknown>): Errno {
		this.notes.push(ticket);
		return PENDING;
	}

	sendUnsent(): void {
		for (const sender of this.unsent) sender.sendAll();
	}

	heard(): void {}

	dropNotes(): void {
		this.notes.length = 0;
	}

	nextTurn(): Ticket<void> {
		if (this.#due !== null && !this.#due.done) return this.#due;
		const ticket = new LocalTicket<void>();
		this.#due = ticket;
		this.post(() => ticket.answer());
		return ticket;
	}

	anyNoted(): Promise<void> {
		const tickets = this.notes.splice(0);
		return new Promise((resolve) => {
			const wake = () => {
				for (const ticket of tickets) ticket.unwatch(wake);
				resolve();
			};
			for (const ticket of tickets) ticket.watch(wake);
		});
	}

	/** A port that listens is never freed. */
	close(): void {
		this.#channel.port1.close();
	}

	/** Runs a task after the messages that are waiting. */
	protected post(task: () => void): void {
		this.#afterMessage.push(task);
		this.#channel.port2.postMessage(0);
	}
}

/**
 * Turns: which of the guests that share a thread runs next, and for how long.
 *
 * A guest that computes gives way when its *slice* is over, and waits for its turn in a queue:
 *
 *     turn ──┬─ guest A runs, until it waits or its slice is over ─┐
 *            └─ posts a message to itself                          │
 *     other messages and timers: kill, keys, files, stores  <──────┘
 *     that message comes back: the next turn may begin ──> guest B …
 *
 * One turn is under way at a time and wakes one guest, and the next begins only when a message that was
 * posted as it began has come back. So whatever arrived during a slice is handled before the next
 * one, however many guests compute. A guest that is woken by an event (a key, a file's bytes, a timer)
 * does not queue: it runs at once, with a slice of its own, for messages have just been let in.
 */
import type { OpenTicket, StopHandle, Ticket } from "./bridge.ts";
import { LocalTicket } from "./ticket.ts";

/** Milliseconds of a slice while another guest waits for its turn, or messages keep coming. */
const SHARED = 4;
/** Milliseconds of a slice of a guest that has the thread for itself. */
const ALONE = 10;
/** Milliseconds after a message in which more are expected. */
const CONVERSATION = 100;

export class Turns {
	/** Runs a task after the messages that are waiting. */
	readonly #post: (task: () => void) => void;
	readonly #queue: LocalTicket<void>[] = [];
	/** Guests that were woken and have not waited since. */
	readonly #awake = new Set<StopHandle>();
	#underway = false;
	/** When messages were last let in. */
	#began = performance.now();
	#heard = Number.NEGATIVE_INFINITY;

	constructor(post: (task: () => void) => void) {
		this.#post = post;
	}

	/** Whether the running guest has used up its slice. */
	isOver(): boolean {
		const now = performance.now();
		const shared = this.#queue.length > 0 || now - this.#heard < CONVERSATION;
		return now - this.#began >= (shared ? SHARED : ALONE);
	}

	/** The page, or a store, has said something. */
	heard(): void {
		this.#heard = performance.now();
	}

	/** A place in the queue: done when the turn has come. */
	next(): Ticket<void> {
		const ticket = new LocalTicket<void>();
		this.#queue.push(ticket);
		this.#begin();
		return ticket;
	}

	/** A guest goes on. Where none was awake it was an event that woke it. */
	wakes(guest: StopHandle): void {
		if (this.#awake.size === 0) this.#began = performance.now();
		this.#awake.add(guest);
	}

	/** A guest waits, or is over. */
	sleeps(guest: StopHandle): void {
		this.#awake.delete(guest);
	}

	#begin(): void {
		if (this.#underway) return;
		this.#underway = true;
		this.#post(() => {
			this.#post(() => {
				this.#underway = false;
				if (this.#queue.length > 0) this.#begin();
			});
			this.#began = performance.now();
			this.#take()?.answer();
		});
	}

	/** The first that is still waited for: a guest may have been killed in the queue. */
	#take(): OpenTicket<void> | undefined {
		let first = this.#queue.shift();
		while (first?.watched === false) first = this.#queue.shift();
		return first;
	}
}

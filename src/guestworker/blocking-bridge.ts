/**
 * The bridge of a guest in a worker of its own: where the others suspend the guest, this one stops
 * the thread.
 *
 * The tree, the streams and the terminal are in the kernel's thread, and so are the tickets. A call
 * that is PENDING there is PENDING here; `wait` sleeps until the kernel says that something has
 * happened, and the call runs again. Alarms are kept here: the nearest one is how long the sleep may
 * last, which is exact to a fraction of a millisecond.
 */
import { type Errno, PENDING } from "../abi/errno.ts";
import type { GuestBridge, OpenTicket, StopHandle, Ticket } from "../bridge/bridge.ts";
import { LocalTicket } from "../bridge/ticket.ts";
import type { GuestChannel } from "./message.ts";

/** A ticket that is done at a time. */
class Alarm extends LocalTicket<void> {
	readonly time: number;

	constructor(time: number) {
		super();
		this.time = time;
	}
}

export class BlockingBridge implements GuestBridge {
	readonly #channel: GuestChannel;
	/** When the nearest of the alarms rings that the running call has noted. */
	#next = Number.POSITIVE_INFINITY;
	/** The alarms that it has noted. */
	readonly #alarms: Alarm[] = [];

	constructor(channel: GuestChannel) {
		this.#channel = channel;
	}

	ticket<T>(): OpenTicket<T> {
		return new LocalTicket<T>();
	}

	alarm(time: number): Ticket<void> {
		return new Alarm(time);
	}

	/** Other tickets than alarms stand for what the kernel knows, or for the end of the guest, of
	 *  which it tells as well. */
	pending(ticket: Ticket<unknown>): Errno {
		if (ticket instanceof Alarm) {
			this.#next = Math.min(this.#next, ticket.time);
			this.#alarms.push(ticket);
		}
		return PENDING;
	}

	dropNotes(): void {
		this.#next = Number.POSITIVE_INFINITY;
		this.#alarms.length = 0;
		this.#channel.dropNotes();
	}

	/** The other guests have threads of their own, so their turn is now. */
	nextTurn(): Ticket<void> {
		const ticket = new LocalTicket<void>();
		ticket.answer();
		return ticket;
	}

	waitImport(guest: StopHandle): WebAssembly.ImportValue {
		return () => {
			const channel = this.#channel;
			const left = Math.max(0, this.#next - performance.now());
			this.#next = Number.POSITIVE_INFINITY;
			if (!channel.stopped) channel.sleep(left);
			guest.waited = channel.slept;
			const now = performance.now();
			for (const alarm of this.#alarms) if (alarm.time <= now) alarm.answer();
			this.#alarms.length = 0;
			return channel.stopped ? 1 : 0;
		};
	}

	/** A guest here keeps nobody from working; but it may have been told to end. */
	shouldYield(guest: StopHandle): number {
		const channel = this.#channel;
		channel.poll?.();
		guest.waited = channel.slept;
		guest.flush();
		return channel.stopped ? 1 : 0;
	}

	async enter(_guest: StopHandle, f: () => unknown): Promise<unknown> {
		return f();
	}

	ask(): never {
		throw new Error("a guest's worker asks nobody but its kernel");
	}

	anyNoted(): never {
		throw new Error("nothing waits in the background of a guest's worker");
	}
}

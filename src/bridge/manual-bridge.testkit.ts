/**
 * For tests: a bridge whose time is turned by hand.
 *
 * Nothing waits here. `wait`, which a browser's bridge makes suspending, is a plain function: it
 * sees what the call has noted and lets the next thing happen, be it an alarm or something that the
 * test has put into `events`. A call that waits for what never comes is an error of the test.
 */
import { type Errno, PENDING } from "../abi/errno.ts";
import type { Bridge, OpenTicket, Ticket } from "./bridge.ts";
import { LocalTicket } from "./ticket.ts";

interface Alarm {
	readonly time: number;
	readonly ticket: LocalTicket<void>;
}

export class HandBridge implements Bridge {
	/** Milliseconds of the monotonic clock. */
	now = 1000;
	/** What the running call has noted. */
	notes: Ticket<unknown>[] = [];
	/** What happens, one at each wait, before any alarm rings. */
	readonly events: (() => void)[] = [];
	/** How often `wait` was called. */
	waits = 0;
	/** The alarms that were asked for, as times. */
	readonly asked: number[] = [];
	#alarms: Alarm[] = [];

	ticket<T>(): OpenTicket<T> {
		return new LocalTicket<T>();
	}

	alarm(time: number): Ticket<void> {
		const ticket = new LocalTicket<void>();
		this.asked.push(time);
		this.#alarms.push({ time, ticket });
		return ticket;
	}

	ask(): never {
		throw new Error("nobody is far away in this test");
	}

	pending(ticket: Ticket<unknown>): Errno {
		this.notes.push(ticket);
		return PENDING;
	}

	dropNotes(): void {
		this.notes = [];
	}

	anyNoted(): Promise<void> {
		throw new Error("nothing waits in the background in this test");
	}

	nextTurn(): Ticket<void> {
		return this.alarm(this.now);
	}

	/** Lets things happen until one of the noted tickets is done, or `stopped` is. */
	wait(stopped?: Ticket<void>): number {
		this.waits += 1;
		const tickets = this.notes.splice(0);
		if (tickets.length === 0) throw new Error("a call waits for nothing");
		if (stopped !== undefined) tickets.push(stopped);
		while (!tickets.some((ticket) => ticket.done)) this.#next();
		return 0;
	}

	#next(): void {
		const event = this.events.shift();
		if (event !== undefined) {
			event();
			return;
		}
		this.#alarms.sort((a, b) => a.time - b.time);
		const alarm = this.#alarms.shift();
		if (alarm === undefined) throw new Error("a call waits for ever");
		this.now = Math.max(this.now, alarm.time);
		alarm.ticket.answer();
	}
}

/**
 * The kernel's end of a channel: it knows what the guest's last call waits for, and wakes it.
 */
import type { Ticket } from "../bridge/bridge.ts";
import { FRESH, type Message } from "./message.ts";

export abstract class ChannelServer {
	abstract readonly message: Message;
	readonly #wake = () => this.wake();
	/** What the answers since the last fresh message wait for. */
	#awaited: Ticket<unknown>[] = [];

	/** Called before a message is answered. */
	opened(): void {
		if (this.message.numbers[FRESH] !== 0) this.#forget();
	}

	/** Wakes the guest when one of the tickets is done. */
	watch(tickets: readonly Ticket<unknown>[]): void {
		for (const ticket of tickets) {
			this.#awaited.push(ticket);
			ticket.watch(this.#wake);
		}
	}

	/** The guest has gone. */
	close(): void {
		this.#forget();
	}

	/** Hands the message back, answered. */
	abstract answered(): void;

	/** Wakes the guest for the last time: it ends at its next call. */
	abstract stop(): void;

	/** Ends the guest's sleep, or its next one. */
	abstract wake(): void;

	#forget(): void {
		for (const ticket of this.#awaited) ticket.unwatch(this.#wake);
		this.#awaited = [];
	}
}

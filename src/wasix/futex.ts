/**
 * Addresses that threads of a process wait at, in the order in which they came.
 */
import type { OpenTicket } from "../bridge/bridge.ts";
import type { WasixProcess } from "./process.ts";

export class Futexes {
	readonly #waiting = new Map<number, Set<OpenTicket<void>>>();

	add(address: number, ticket: OpenTicket<void>): void {
		const all = this.#waiting.get(address) ?? new Set();
		this.#waiting.set(address, all.add(ticket));
	}

	remove(address: number, ticket: OpenTicket<void>): void {
		const all = this.#waiting.get(address);
		all?.delete(ticket);
		if (all?.size === 0) this.#waiting.delete(address);
	}

	/** Wakes up to `most` that wait at an address; how many. */
	wake(address: number, most: number): number {
		let woken = 0;
		for (const ticket of this.#waiting.get(address) ?? []) {
			if (woken >= most) break;
			this.remove(address, ticket);
			ticket.answer();
			woken += 1;
		}
		return woken;
	}
}

const all = new WeakMap<WebAssembly.Memory, Futexes>();

/** Those of the memory that a process has now. */
export function futexesOf({ memory }: WasixProcess): Futexes {
	const futexes = all.get(memory) ?? new Futexes();
	all.set(memory, futexes);
	return futexes;
}

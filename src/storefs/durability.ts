/**
 * Which changes outlive a crash of the machine, of those that the store has answered.
 *
 *     answers     1  2  3  4  5  6  7
 *     durable     ----------|                 up to here for sure
 *     last of f         ^                     an fsync of f wants 3: it is durable already
 *
 * A store that has `sync` may answer a change before it is durable. There are two ways to make it so: a batch
 * that carries the wish (one transaction), and the call `sync` for what was answered without it. A store
 * without `sync` promises it with every answer.
 *
 * Errors: those of the store's `sync`, as it threw them; they reach the program as the result of its own
 * `fsync`.
 */
import type { Done } from "../abi/errno.ts";
import type { Bridge, Far, Ticket } from "../bridge/bridge.ts";
import type { INode } from "../fs/node.ts";
import type { StoreExtra } from "../store/store.ts";
import type { FullStore } from "./queue-step.ts";

export class Durability {
	readonly #bridge: Bridge;
	readonly #store: Far<FullStore>;
	/** Whether an answer may come before the change is durable. */
	readonly #isLate: boolean;
	/** Changes that the store has answered. */
	answered = 0;
	readonly #lastOf = new WeakMap<INode, number>();
	#durable = 0;
	#isNextDurable = false;
	#check: { readonly ticket: Ticket<unknown>; readonly upTo: number } | null = null;

	constructor(bridge: Bridge, store: Far<FullStore>, extras: ReadonlySet<StoreExtra>) {
		this.#bridge = bridge;
		this.#store = store;
		this.#isLate = extras.has("sync");
	}

	/** The next batch that empties the queue shall be durable when it is answered. */
	wantNext(): void {
		this.#isNextDurable = this.#isLate;
	}

	/** Whether a batch is to be durable; `isLast`: it empties the queue. */
	takeWish(isLast: boolean): boolean {
		const wish = this.#isNextDurable && isLast;
		if (isLast) this.#isNextDurable = false;
		return wish;
	}

	/** The store has answered a change of a node. */
	count(node: INode): void {
		this.answered += 1;
		this.#lastOf.set(node, this.answered);
	}

	/** All that was answered so far is durable. */
	confirm(): void {
		this.#durable = this.answered;
	}

	/** The number of a node's last answer. */
	lastOf(node: INode): number {
		return this.#lastOf.get(node) ?? 0;
	}

	/** 0 once so many of the changes are durable. */
	reach(wanted: number): Done {
		this.#isNextDurable = false;
		if (!this.#isLate || wanted <= this.#durable) return 0;
		this.#check ??= { ticket: this.#bridge.ask(this.#store, "sync"), upTo: this.answered };
		const { ticket, upTo } = this.#check;
		if (!ticket.done) return this.#bridge.pending(ticket);
		this.#check = null;
		if (ticket.error !== 0) return ticket.error;
		this.#durable = upTo;
		return this.reach(wanted);
	}
}

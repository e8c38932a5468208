/**
 * Tickets: one class for those who ask and those who answer.
 */
import type { Done, Errno } from "../abi/errno.ts";
import type { OpenTicket } from "./bridge.ts";

export class LocalTicket<T> implements OpenTicket<T> {
	done = false;
	value: T | undefined = undefined;
	error: Done = 0;
	/** Most tickets have one waiter, so the common case needs no list. */
	#wake: (() => void) | null = null;
	#more: Set<() => void> | null = null;

	/** Whether anything waits for it. */
	get watched(): boolean {
		return this.#wake !== null || (this.#more !== null && this.#more.size > 0);
	}

	watch(wake: () => void): void {
		if (this.done) wake();
		else if (this.#wake === null) this.#wake = wake;
		else {
			this.#more ??= new Set();
			this.#more.add(wake);
		}
	}

	unwatch(wake: () => void): void {
		if (this.#wake === wake) this.#wake = null;
		else this.#more?.delete(wake);
	}

	answer(value: T): void {
		if (this.done) return;
		this.value = value;
		this.#finish();
	}

	fail(error: Errno): void {
		if (this.done) return;
		this.error = error;
		this.#finish();
	}

	#finish(): void {
		this.done = true;
		const more = this.#more;
		this.#more = null;
		this.#wake?.();
		this.#wake = null;
		if (more !== null) for (const wake of more) wake();
	}
}

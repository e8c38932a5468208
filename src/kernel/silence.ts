/**
 * Whether a store that has not answered is at work.
 *
 * An answer may take longer than anybody is ready to wait for silence: a batch has a thousand changes. So
 * the page's end of the mount (page/landing.ts), which is told of each step, is asked how much has been done,
 * and a number that is another than before counts like an answer.
 */
import type { Ticket } from "../bridge/bridge.ts";

/** It is asked so many times in a silence. */
const LOOKS = 4;

export class Silence {
	readonly #most: number;
	readonly #ask: () => Ticket<number>;
	#heard = -1;
	#end = 0;
	#moved: number | undefined;
	#lookAt = 0;
	/** What has been asked, and not been answered. */
	asked: Ticket<number> | null = null;

	/** `most` milliseconds of silence are too many. */
	constructor(most: number, ask: () => Ticket<number>) {
		this.#most = most;
		this.#ask = ask;
	}

	/** When to look again, if the time is `now` and so much has been `heard`; null where it is silent for
	 *  too long. */
	next(now: number, heard: number): number | null {
		if (heard !== this.#heard) {
			this.#heard = heard;
			this.#end = now + this.#most;
			this.#lookAt = now + this.#most / LOOKS;
		}
		this.#hear(now);
		if (now >= this.#end) return null;
		if (this.asked === null && now >= this.#lookAt) this.asked = this.#ask();
		return this.asked === null ? Math.min(this.#lookAt, this.#end) : this.#end;
	}

	#hear(now: number): void {
		if (this.asked?.done !== true) return;
		const { value } = this.asked;
		this.asked = null;
		this.#lookAt = now + this.#most / LOOKS;
		if (value === undefined || value === this.#moved) return;
		// What it was before is not known from the first answer.
		if (this.#moved !== undefined) this.#end = now + this.#most;
		this.#moved = value;
	}
}

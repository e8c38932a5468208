/**
 * Whether a store that has not answered is at work.
 *
 * An answer may take longer than the silence that a mount allows: a batch has a thousand changes. So the
 * worker asks the page's end of the mount (page/batch-runner.ts) how many steps its store has finished. A number
 * that differs from the last one counts like an answer.
 */
import type { Ticket } from "../bridge/bridge.ts";

/** Questions per silence. */
const LOOKS = 4;

export class SilenceWatch {
	readonly #most: number;
	readonly #ask: () => Ticket<number>;
	#answers = -1;
	#end = 0;
	#progress: number | undefined;
	#lookAt = 0;
	/** The question that has no answer yet. */
	asked: Ticket<number> | null = null;

	/** `most` milliseconds of silence are too many. */
	constructor(most: number, ask: () => Ticket<number>) {
		this.#most = most;
		this.#ask = ask;
	}

	/** When to look again, if the time is `now` and so much has been `heard`; null where it is silent for
	 *  too long. */
	next(now: number, heard: number): number | null {
		if (heard !== this.#answers) {
			this.#answers = heard;
			this.#end = now + this.#most;
			this.#lookAt = now + this.#most / LOOKS;
		}
		this.#takeAnswer(now);
		if (now >= this.#end) return null;
		if (this.asked === null && now >= this.#lookAt) this.asked = this.#ask();
		return this.asked === null ? Math.min(this.#lookAt, this.#end) : this.#end;
	}

	#takeAnswer(now: number): void {
		if (this.asked?.done !== true) return;
		const { value } = this.asked;
		this.asked = null;
		this.#lookAt = now + this.#most / LOOKS;
		if (value === undefined || value === this.#progress) return;
		// What it was before is not known from the first answer.
		if (this.#progress !== undefined) this.#end = now + this.#most;
		this.#progress = value;
	}
}

/**
 * Programs for which there is no memory.
 *
 * A browser sets aside 8 GB of addresses for each memory, and a page has room for about a hundred. To be
 * refused one takes the browser a tenth of a second, in which the worker does nothing else. So programs are
 * linked one after the other; after a refusal the crowd knows how many fit, and refuses further ones itself, or
 * lets them wait until a program ends. Others on the page may give memory back unheard, so from time to time
 * one program more is tried.
 */
import { PortholeError } from "../abi/error.ts";
import type { Prepare } from "./run.ts";

/** Milliseconds after a refusal in which no more programs are tried than fitted then. */
const SURE = 1000;
/** How often a program is tried that waits in line while none of ours runs. */
const TRIES = 10;

export class Crowd {
	readonly #prepare: Prepare;
	readonly #alive: () => number;
	readonly #queue: boolean;
	readonly #now: () => number;
	readonly #sleep: (ms: number) => Promise<void>;
	/** How many programs fit, as far as is known, and when that was found. */
	#fits = Number.POSITIVE_INFINITY;
	#found = 0;
	#refusal: unknown;
	#last: Promise<unknown> = Promise.resolve();
	/** Lets the first in line look again. */
	#look: () => void = () => {};

	/** `alive` counts the programs that hold memory. With `queue` programs wait in line. */
	constructor(
		prepare: Prepare,
		alive: () => number,
		queue: boolean,
		now = () => performance.now(),
		sleep = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms)),
	) {
		this.#prepare = prepare;
		this.#alive = alive;
		this.#queue = queue;
		this.#now = now;
		this.#sleep = sleep;
	}

	/** Links a program when those before it are linked. Errors: those of `prepare`, `"out-of-memory"`
	 *  also without asking the browser. */
	readonly prepare: Prepare = (...of) => {
		const turn = this.#last.then(() => this.#one(of));
		this.#last = turn.catch(() => {});
		return turn;
	};

	/** A program has ended. */
	left(): void {
		this.#look();
	}

	async #one(of: Parameters<Prepare>): ReturnType<Prepare> {
		for (let alone = 0; ; ) {
			if (!this.#isFull()) {
				try {
					return await this.#prepare(...of);
				} catch (error) {
					if (!(error instanceof PortholeError && error.code === "out-of-memory")) throw error;
					this.#fits = this.#alive();
					this.#found = this.#now();
					this.#refusal = error;
				}
			}
			if (!this.#queue) throw this.#refusal;
			// Where none of ours runs, only others can make room, such as a sandbox that is being closed.
			if (this.#alive() === 0 && ++alone === TRIES) throw this.#refusal;
			const ended = new Promise<void>((resolve) => {
				this.#look = resolve;
			});
			await Promise.race([ended, this.#sleep(SURE)]);
		}
	}

	#isFull(): boolean {
		return this.#alive() >= this.#fits && this.#now() - this.#found < SURE;
	}
}

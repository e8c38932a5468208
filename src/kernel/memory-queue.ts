/**
 * Programs that wait for memory, or are refused for want of it.
 *
 * A browser reserves 8 GB of addresses for each memory, and a page has room for about a hundred. The browser
 * takes a tenth of a second to refuse one, and the worker does nothing else meanwhile. So programs are linked
 * one after the other. After a refusal the queue knows how many programs fit; it refuses further ones itself, or
 * lets them wait until a program ends. A program is assembled shortly before its turn, for most of a crowd are
 * refused. The browser frees memory some time after a program has ended; so a refusal soon after an end is
 * followed by a pause, in which the worker receives messages, a kill among them. Another sandbox of the page may free memory without a message to this
 * one, so one program more is tried from time to time.
 */
import { PortholeError } from "../abi/error.ts";
import type { Prepare } from "../process/instantiate.ts";
import type { ToGuest, WireStatus } from "../protocol/sandbox.ts";

/** Milliseconds after a refusal in which no more programs are tried than fitted then. */
const REFUSAL_HOLDS = 1000;
/** Programs that are assembled, or being linked, at a time. */
const ASSEMBLED = 32;
/** A pause is so many times as long as the refusal before it. */
const PAUSE = 4;
/** How often a program is tried that waits in line while none of ours runs. */
const TRIES = 10;

export class MemoryQueue {
	readonly #prepare: Prepare;
	readonly #alive: () => number;
	readonly #queue: boolean;
	readonly #now: () => number;
	readonly #sleep: (ms: number) => Promise<void>;
	/** How many programs fit, as far as is known, and when that was found. */
	#fits = Number.POSITIVE_INFINITY;
	#foundAt = 0;
	#refusal: unknown;
	/** Until then no program is tried. */
	#pausedUntil = 0;
	/** Programs that are not assembled yet, in order. */
	readonly #outside: { readonly place: Place; readonly enter: () => void }[] = [];
	#assembled = 0;
	readonly #places = new Map<number, Place>();
	#last: Promise<unknown> = Promise.resolve();
	/** Lets the first in line look again. */
	#retry: () => void = () => {};

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

	/** Takes a program into the line, which is linked when those before it are. Resolves when the program is to
	 *  be assembled. Rejects with `"out-of-memory"` where it is known that the program does not fit, so that it
	 *  need not be assembled. Errors of what it returns: those of `prepare`, `"out-of-memory"` also without
	 *  asking the browser. */
	async join(pid: number): Promise<Prepare> {
		this.#refuseIfFull();
		const place = new Place();
		this.#places.set(pid, place);
		await new Promise<void>((enter) => {
			this.#outside.push({ place, enter });
			this.#admit();
		});
		try {
			this.#refuseIfFull();
		} catch (error) {
			this.#release(pid);
			throw error;
		}
		return (...of) => {
			const turn = this.#last.then(() => this.#linkInTurn(place, of));
			this.#last = turn.catch(() => {});
			return Promise.race([turn, place.left]).finally(() => this.#release(pid));
		};
	}

	/** A program that is killed in the line leaves it, and ends as one that ran. */
	receive(message: ToGuest): void {
		const place = message.kind === "kill" && this.#places.get(message.to);
		if (!place) return;
		place.kill(message);
		this.#enter((outside) => outside === place);
		this.#retry();
	}

	/** A program has ended, or could not be started. */
	left(pid: number): void {
		this.#release(pid);
		this.#retry();
	}

	#refuseIfFull(): void {
		if (!this.#queue && this.#isFull()) throw this.#refusal;
	}

	/** Lets those of the programs outside enter for which `which` holds. */
	#enter(which: (place: Place) => boolean): void {
		for (const one of this.#outside.splice(0)) {
			if (!which(one.place)) {
				this.#outside.push(one);
				continue;
			}
			one.place.isAssembled = true;
			this.#assembled += 1;
			one.enter();
		}
	}

	#admit(): void {
		if (this.#assembled < ASSEMBLED) this.#enter(() => this.#assembled < ASSEMBLED);
	}

	#release(pid: number): void {
		const place = this.#places.get(pid);
		if (place?.isAssembled) this.#assembled -= 1;
		this.#places.delete(pid);
		this.#admit();
	}

	async #linkInTurn(place: Place, of: Parameters<Prepare>): ReturnType<Prepare> {
		for (let alone = 0; ; ) {
			if (place.isKilled) return place.left;
			if (!this.#isFull()) {
				const start = this.#now();
				try {
					place.linking = true;
					return await this.#prepare(...of);
				} catch (error) {
					if (!(error instanceof PortholeError && error.code === "out-of-memory")) throw error;
					this.#foundAt = this.#now();
					const isAgain = this.#fits !== Number.POSITIVE_INFINITY;
					if (isAgain) this.#pausedUntil = this.#foundAt + PAUSE * (this.#foundAt - start);
					this.#fits = this.#alive();
					this.#refusal = error;
					// What is outside is refused now, and all at once.
					if (!this.#queue) this.#enter(() => true);
				}
				place.linking = false;
				if (place.isKilled) return place.left;
			}
			if (!this.#queue) throw this.#refusal;
			// Where none of ours runs, only others can make room, such as a sandbox that is being closed.
			if (this.#alive() === 0 && ++alone === TRIES) throw this.#refusal;
			const ended = new Promise<void>((resolve) => {
				this.#retry = resolve;
			});
			await Promise.race([ended, this.#sleep(REFUSAL_HOLDS)]);
		}
	}

	#isFull(): boolean {
		const now = this.#now();
		if (now < this.#pausedUntil) return true;
		return this.#alive() >= this.#fits && now - this.#foundAt < REFUSAL_HOLDS;
	}
}

/** Where a program stands in the line. */
class Place {
	/** Resolves when the program has been killed before it was linked, with how it ends. */
	readonly left: ReturnType<Prepare>;
	isKilled = false;
	/** The program is assembled, or about to be. */
	isAssembled = false;
	#leave!: (start: Awaited<ReturnType<Prepare>>) => void;
	#linking = false;
	#status: WireStatus = { code: 0 };

	constructor() {
		this.left = new Promise((resolve) => {
			this.#leave = resolve;
		});
	}

	kill({ code, signal }: { readonly code: number; readonly signal: string }): void {
		this.isKilled = true;
		this.#status = { code, signal };
		if (!this.#linking) this.#leave(async () => this.#status);
	}

	/** A program that is being linked is not left alone with what it holds by then: it is killed when it has
	 *  been linked, or leaves when it could not be. */
	set linking(linking: boolean) {
		this.#linking = linking;
		if (this.isKilled && !linking) this.#leave(async () => this.#status);
	}
}

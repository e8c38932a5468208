/**
 * Letters through shared memory: the guest's worker sleeps in `Atomics.wait` until its kernel has
 * answered. Only isolated pages have such memory.
 *
 *     0      4      8      12      64
 *     | turn | wake | stop |       | letter |
 *
 * *Turn* says who may touch the letter: the guest (0) or the kernel (1). The guest hands it over with a
 * message, which wakes the kernel's event loop, and sleeps on the word; the kernel hands it back.
 *
 * *Wake* is set when something is done that an answer `PENDING` waits for. It stays set until the guest
 * has slept on it, so that nothing is missed between the answer and the sleep. *Stop* is set once
 * and for good; who sets it sets *wake* as well.
 */
import { CarrierEnd } from "./channel-server.ts";
import { type Carrier, FRESH, LETTER_SIZE, Letter } from "./message.ts";

const TURN = 0;
const WAKE = 1;
const STOP = 2;
const LETTER_AT = 64;

const GUESTS = 0;
const KERNELS = 1;

/** Shared memory for one guest. */
export function makeMailbox(): SharedArrayBuffer {
	return new SharedArrayBuffer(LETTER_AT + LETTER_SIZE);
}

/** The guest's end. */
export class Mailbox implements Carrier {
	readonly letter: Letter;
	slept = 0;
	readonly #words: Int32Array;
	readonly #post: (message: object) => void;
	#fresh = 1;

	/** `post` sends a message to the kernel. */
	constructor(memory: SharedArrayBuffer, post: (message: object) => void) {
		this.letter = new Letter(memory, LETTER_AT);
		this.#words = new Int32Array(memory, 0, 3);
		this.#post = post;
	}

	get stopped(): boolean {
		return Atomics.load(this.#words, STOP) !== 0;
	}

	send(call: number): number {
		const { numbers } = this.letter;
		numbers[0] = call;
		numbers[FRESH] = this.#fresh;
		this.#fresh = 0;
		this.ask(LETTER);
		return numbers[0] as number;
	}

	ask(message: object): void {
		const from = performance.now();
		Atomics.store(this.#words, TURN, KERNELS);
		this.#post(message);
		while (Atomics.load(this.#words, TURN) === KERNELS) Atomics.wait(this.#words, TURN, KERNELS);
		this.slept += performance.now() - from;
	}

	sleep(ms: number): void {
		const from = performance.now();
		Atomics.wait(this.#words, WAKE, 0, ms);
		this.slept += performance.now() - from;
		this.settle();
	}

	settle(): void {
		// What is set by mistake afterwards, before the kernel hears of it, costs one look too many.
		if (!this.stopped) Atomics.store(this.#words, WAKE, 0);
		this.#fresh = 1;
	}
}

/** The message that says that there is a letter. */
const LETTER = { kind: "letter" } as const;

/** The kernel's end. */
export class MailboxEnd extends CarrierEnd {
	readonly letter: Letter;
	readonly #words: Int32Array;

	constructor(memory: SharedArrayBuffer) {
		super();
		this.letter = new Letter(memory, LETTER_AT);
		this.#words = new Int32Array(memory, 0, 3);
	}

	answered(): void {
		Atomics.store(this.#words, TURN, GUESTS);
		Atomics.notify(this.#words, TURN);
	}

	stop(): void {
		Atomics.store(this.#words, STOP, 1);
		this.wake();
	}

	wake(): void {
		Atomics.store(this.#words, WAKE, 1);
		Atomics.notify(this.#words, WAKE);
	}
}

/**
 * Messages through shared memory: the guest's worker sleeps in `Atomics.wait` until its kernel has
 * answered. Only isolated pages have such memory.
 *
 *     0      4      8      12      64
 *     | turn | wake | stop |       | message |
 *
 * *Turn* names the thread that may touch the message: the guest (0) or the kernel (1). The guest hands it over with a
 * message, which wakes the kernel's event loop, and sleeps on the word; the kernel hands it back.
 *
 * *Wake* is set when something is done that an answer `PENDING` waits for. It stays set until the guest
 * has slept on it, so that nothing is missed between the answer and the sleep. *Stop* is set once
 * and for good; who sets it sets *wake* as well.
 */
import { ChannelServer } from "./channel-server.ts";
import { FRESH, type GuestChannel, LETTER_SIZE, Message } from "./message.ts";

const TURN = 0;
const WAKE = 1;
const STOP = 2;
const MESSAGE_AT = 64;

const GUESTS = 0;
const KERNELS = 1;

/** Shared memory for one guest. */
export function makeSharedMemory(): SharedArrayBuffer {
	return new SharedArrayBuffer(MESSAGE_AT + LETTER_SIZE);
}

/** The guest's end. */
export class SharedMemoryChannel implements GuestChannel {
	readonly message: Message;
	slept = 0;
	readonly #words: Int32Array;
	readonly #post: (message: object) => void;
	#fresh = 1;

	/** `post` sends a message to the kernel. */
	constructor(memory: SharedArrayBuffer, post: (message: object) => void) {
		this.message = new Message(memory, MESSAGE_AT);
		this.#words = new Int32Array(memory, 0, 3);
		this.#post = post;
	}

	get stopped(): boolean {
		return Atomics.load(this.#words, STOP) !== 0;
	}

	send(call: number): number {
		const { numbers } = this.message;
		numbers[0] = call;
		numbers[FRESH] = this.#fresh;
		this.#fresh = 0;
		this.ask(MESSAGE);
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
		this.dropNotes();
	}

	dropNotes(): void {
		// What is set by mistake afterwards, before the kernel hears of it, costs one look too many.
		if (!this.stopped) Atomics.store(this.#words, WAKE, 0);
		this.#fresh = 1;
	}
}

/** The signal that a message is there. */
const MESSAGE = { kind: "message" } as const;

/** The kernel's end. */
export class SharedMemoryServer extends ChannelServer {
	readonly message: Message;
	readonly #words: Int32Array;

	constructor(memory: SharedArrayBuffer) {
		super();
		this.message = new Message(memory, MESSAGE_AT);
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

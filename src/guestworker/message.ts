/**
 * A message: one question of a guest in a worker of its own, and its answer, in the same bytes.
 *
 *     0        8        16                    88         96
 *     | call   | number | number …            | length   | body: paths, names, contents |
 *     | answer | number | number …            | length   | body                         |
 *
 * Numbers are float64, which hold whatever a node counts; a time takes the place of a number as a
 * bigint of 64 bits. `length` says how much of the body is in use. The one who asks fills all of it
 * and sends it; the one who answers overwrites it. What the numbers mean is between the two.
 *
 * A channel brings messages to the thread that has the tree, and stops its own thread until the answer
 * is there. So everything behind it may be as synchronous as it is elsewhere.
 */

/** Numbers that a message holds, the first and `length` included. */
const NUMBERS = 12;
const LENGTH = NUMBERS - 1;
/** The number that says that what was waited for before is of no more interest. */
export const FRESH = NUMBERS - 2;
/** Bytes before the body. */
export const MESSAGE_HEAD = NUMBERS * 8;
/** Bytes of the body: two paths of the greatest length fit, and contents go in pieces of this size. */
export const BODY = 256 * 1024;
export const LETTER_SIZE = MESSAGE_HEAD + BODY;

const encoder = new TextEncoder();
const decoder = new TextDecoder();

export class Message {
	readonly numbers: Float64Array;
	/** The same bytes as `numbers`. */
	readonly times: BigUint64Array;
	readonly body: Uint8Array;

	/** On `LETTER_SIZE` bytes of `buffer`, shared or not; `offset` is a multiple of 8. */
	constructor(buffer: ArrayBufferLike, offset = 0) {
		this.numbers = new Float64Array(buffer, offset, NUMBERS);
		this.times = new BigUint64Array(buffer, offset, NUMBERS);
		this.body = new Uint8Array(buffer, offset + MESSAGE_HEAD, BODY);
	}

	/** How many bytes of the body are in use. Whatever the other side wrote, it lies within the body. */
	get length(): number {
		const length = this.numbers[LENGTH] as number;
		return length >= 0 && length <= BODY ? Math.floor(length) : 0;
	}

	set length(bytes: number) {
		this.numbers[LENGTH] = bytes;
	}

	/** The text that lies in the body. The range is cut to what is in use. */
	text(from: number, to: number): string {
		// A decoder takes no shared memory, and the other side must not change what has been read.
		return decoder.decode(this.body.slice(from, Math.min(to, this.length)));
	}

	/** Puts `text` into the body from `at` on; `length` is then where it ends. False where it does
	 *  not fit. */
	put(text: string, at = 0): boolean {
		const bytes = encoder.encode(text);
		if (at + bytes.length > BODY) return false;
		this.body.set(bytes, at);
		this.length = at + bytes.length;
		return true;
	}
}

/** Takes messages to the other thread. */
export interface GuestChannel {
	readonly message: Message;
	/** Whether the guest is to end. Costs next to nothing. */
	readonly stopped: boolean;
	/** Milliseconds that this thread has slept, for answers and otherwise. */
	readonly slept: number;
	/** Looks whether the guest is to end, where that takes a question, and not too often. */
	poll?(): void;
	/** Sends the message, which is about `call`, and returns its first number once it is the answer. */
	send(call: number): number;
	/** Sleeps until something that the messages since the last `settle` wait for is done, the guest is
	 *  to end, or `ms` have passed. */
	sleep(ms: number): void;
	/** What the messages so far wait for is of no more interest. */
	dropNotes(): void;
	/** Has the other thread do something that takes its time, as `message` says. The message is the
	 *  answer. */
	ask(message: object): void;
}

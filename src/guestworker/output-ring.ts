/**
 * What a guest in a worker of its own prints: a ring of bytes in shared memory, one for each stream.
 *
 *     0        4         8      12     16     64
 *     | head   | tail    | idle | full | gone |      | bytes |
 *
 * A message for each line would cost the guest a turn of the kernel's event loop each time. So it puts
 * the bytes here and goes on, and the kernel hands them on when it gets to it. *Tail* counts the bytes
 * that were put, and *head* those that were taken, each without end and modulo 2^32.
 *
 * Nobody looks without a reason. The kernel is *idle* once it has taken everything: who then puts the
 * first byte sends a message. The guest says *full* before it sleeps: who then takes half of the bytes
 * wakes it. Both look once more after they have said so, so that nothing falls between. *Gone* is set for
 * good when nobody reads any more.
 */
import { EPIPE, PENDING } from "../abi/errno.ts";

const HEAD = 0;
const TAIL = 1;
const IDLE = 2;
const FULL = 3;
const GONE = 4;
const WORDS = 5;
const BYTES_AT = 64;

/** Bytes that fit: a power of two, so that the counts may run over. */
export const RING = 256 * 1024;
/** Up to here a loop is faster than a view and a call. */
const LOOP = 64;

/** A ring that is empty. */
export function makeRing(): SharedArrayBuffer {
	const memory = new SharedArrayBuffer(BYTES_AT + RING);
	new Int32Array(memory)[IDLE] = 1;
	return memory;
}

/** Bytes that have been put and not been taken. Whatever the other side wrote, they fit. */
function heldIn(words: Int32Array): number {
	return Math.min(RING, (Atomics.load(words, TAIL) - Atomics.load(words, HEAD)) >>> 0);
}

/** The guest's end. */
export class Ring {
	readonly #words: Int32Array;
	readonly #bytes: Uint8Array;
	readonly #post: () => void;

	/** `post` sends a message to the kernel. */
	constructor(memory: SharedArrayBuffer, post: () => void) {
		this.#words = new Int32Array(memory, 0, WORDS);
		this.#bytes = new Uint8Array(memory, BYTES_AT, RING);
		this.#post = post;
	}

	/** Whether the kernel has taken everything. */
	get empty(): boolean {
		return heldIn(this.#words) === 0;
	}

	/** How many bytes it takes at once; PENDING, or EPIPE. */
	room(): number {
		if (Atomics.load(this.#words, GONE) !== 0) return EPIPE;
		const room = RING - heldIn(this.#words);
		if (room > 0) return room;
		Atomics.store(this.#words, FULL, 1);
		return RING - heldIn(this.#words) || PENDING;
	}

	/** Takes some of the bytes, and answers how many; PENDING, or EPIPE. */
	put(from: Uint8Array, at: number, length: number): number {
		const room = this.room();
		if (room < 0) return room;
		const count = Math.min(length, room);
		if (count === 0) return 0;
		const tail = Atomics.load(this.#words, TAIL);
		const start = tail & (RING - 1);
		const straight = Math.min(count, RING - start);
		this.#copy(from, at, start, straight);
		this.#copy(from, at + straight, 0, count - straight);
		Atomics.store(this.#words, TAIL, tail + count);
		if (Atomics.exchange(this.#words, IDLE, 0) !== 0) this.#post();
		return count;
	}

	#copy(from: Uint8Array, at: number, start: number, length: number): void {
		const bytes = this.#bytes;
		if (length > LOOP) bytes.set(from.subarray(at, at + length), start);
		else for (let i = 0; i < length; i++) bytes[start + i] = from[at + i] as number;
	}
}

/** Where the bytes go. */
interface Outlet {
	/** How many bytes it would take; PENDING where that must be waited for, or EPIPE. */
	room(): number;
	/** Takes all of them; they are copied. */
	show(bytes: Uint8Array): void;
}

/** The kernel's end. */
export class RingEnd {
	readonly #words: Int32Array;
	readonly #bytes: Uint8Array;
	readonly #outlet: Outlet;
	readonly #wake: () => void;

	/** `wake` ends the guest's sleep. */
	constructor(memory: SharedArrayBuffer, outlet: Outlet, wake: () => void) {
		this.#words = new Int32Array(memory, 0, WORDS);
		this.#bytes = new Uint8Array(memory, BYTES_AT, RING);
		this.#outlet = outlet;
		this.#wake = wake;
	}

	/** Hands on what is there. Answers 0 once nothing is; PENDING where the rest waits for room; 1 where a
	 *  ring full of bytes was handed on and others are to have their turn before the rest. */
	drain(): number {
		for (let done = 0; done < RING; ) {
			const held = heldIn(this.#words);
			if (held === 0) {
				if (this.#rest()) return 0;
				continue;
			}
			const room = this.#outlet.room();
			if (room === PENDING) return PENDING;
			if (room < 0) return this.#hangUp(held);
			done += this.#take(Math.min(held, room));
		}
		return 1;
	}

	/** Hands on all that is left, for the guest is over. */
	empty(): void {
		for (let held = heldIn(this.#words); held > 0; held -= this.#take(held));
	}

	/** Takes as many bytes as lie in one piece. */
	#take(most: number): number {
		const head = Atomics.load(this.#words, HEAD);
		const start = head & (RING - 1);
		const count = Math.min(most, RING - start);
		this.#outlet.show(this.#bytes.subarray(start, start + count));
		this.#advance(head + count);
		return count;
	}

	#advance(head: number): void {
		Atomics.store(this.#words, HEAD, head);
		if (Atomics.load(this.#words, FULL) === 0 || heldIn(this.#words) > RING / 2) return;
		Atomics.store(this.#words, FULL, 0);
		this.#wake();
	}

	/** Nobody reads: what is there goes nowhere, and the guest's next write is EPIPE. */
	#hangUp(held: number): number {
		Atomics.store(this.#words, GONE, 1);
		this.#advance(Atomics.load(this.#words, HEAD) + held);
		return 0;
	}

	/** False where something has come in between. */
	#rest(): boolean {
		Atomics.store(this.#words, IDLE, 1);
		return heldIn(this.#words) === 0;
	}
}

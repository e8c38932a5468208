/**
 * Messages without shared memory, the guest's end: a synchronous request that a service worker answers.
 *
 * It costs a millisecond or two where shared memory costs a hundredth of that, but works on any page that
 * a service worker with `porthole/service-worker` in it controls. Requests do not last for ever: a sleep
 * is cut into pieces by the kernel, and a request that fails, because the service worker was stopped in
 * the middle, is sent again under its old number.
 */
import { PortholeError } from "../abi/error.ts";
import { FRESH, type GuestChannel, LETTER_SIZE, MESSAGE_HEAD, Message } from "./message.ts";
import type { Asked, ChannelPath } from "./service-worker-protocol.ts";

const PATH: ChannelPath = "/.porthole/letters";
/** How often a request is sent before the service worker counts as gone. */
const ATTEMPTS = 4;

/** Milliseconds in which a program that computes asks once whether it is to end. */
const POLL = 250;

/** Bits of the word before an answer. */
export const STOPPED = 1;
export const LATER = 2;
/** Bytes of that word. */
export const FLAGS = 8;

export class ServiceWorkerChannel implements GuestChannel {
	readonly message: Message;
	stopped = false;
	slept = 0;
	readonly #bytes = new Uint8Array(LETTER_SIZE);
	readonly #to: string;
	readonly #post: (message: object) => void;
	#n = 0;
	#asked = 0;
	#fresh = 1;

	/** `post` sends a message to the kernel, which expects messages under the name `to`. */
	constructor(to: string, post: (message: object) => void) {
		this.message = new Message(this.#bytes.buffer);
		this.#to = to;
		this.#post = post;
	}

	send(call: number): number {
		const { numbers } = this.message;
		numbers[0] = call;
		numbers[FRESH] = this.#fresh;
		this.#fresh = 0;
		this.#exchange("message", 0, MESSAGE_HEAD + this.message.length);
		return numbers[0] as number;
	}

	ask(message: object): void {
		this.#post(message);
		while ((this.#exchange("answer", 0, 0) & LATER) !== 0);
	}

	sleep(ms: number): void {
		this.#exchange("sleep", ms, 0);
		this.dropNotes();
	}

	/** A request takes milliseconds: four a second are a hundredth of the time. */
	poll(): void {
		if (performance.now() - this.#asked > POLL) this.sleep(0);
	}

	dropNotes(): void {
		this.#fresh = 1;
	}

	/** Sends the first so many bytes of the message and takes the answer, of which it returns the flags. */
	#exchange(kind: Asked["kind"], ms: number, length: number): number {
		const from = performance.now();
		this.#n += 1;
		const query = `?to=${this.#to}&n=${this.#n}&kind=${kind}&ms=${Math.min(ms, 1e9)}`;
		const answer = request(query, this.#bytes.subarray(0, length));
		const flags = answer[0] ?? 0;
		this.#bytes.set(answer.subarray(FLAGS, FLAGS + LETTER_SIZE));
		this.stopped = (flags & STOPPED) !== 0;
		this.#asked = performance.now();
		this.slept += this.#asked - from;
		return flags;
	}
}

function request(query: string, body: Uint8Array<ArrayBuffer>): Uint8Array {
	let why = "";
	for (let attempt = 0; attempt < ATTEMPTS; attempt += 1) {
		const xhr = new XMLHttpRequest();
		xhr.open("POST", new URL(PATH + query, location.origin), false);
		xhr.responseType = "arraybuffer";
		try {
			xhr.send(body);
			if (xhr.status === 200) return new Uint8Array(xhr.response as ArrayBuffer);
			why = `it answered ${xhr.status}`;
		} catch (error) {
			why = String(error);
		}
	}
	throw new PortholeError(
		"service-worker-gone",
		`the page's service worker no longer answers programs that wait (${why}); reload the page`,
	);
}

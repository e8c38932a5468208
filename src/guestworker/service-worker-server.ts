/**
 * Messages without shared memory, the kernel's end; see `service-worker-channel.ts`.
 */
import { ChannelServer } from "./channel-server.ts";
import { LETTER_SIZE, MESSAGE_HEAD, Message } from "./message.ts";
import { FLAGS, LATER, STOPPED } from "./service-worker-channel.ts";
import type { Answered, Asked, ChannelName } from "./service-worker-protocol.ts";

/** Milliseconds that a request may last. Browsers end service workers whose requests last minutes. */
const LONGEST = 20_000;

export class ServiceWorkerServer extends ChannelServer {
	readonly message: Message = new Message(new ArrayBuffer(LETTER_SIZE));
	readonly #bytes = new Uint8Array(this.message.numbers.buffer);
	readonly #channel: BroadcastChannel;
	readonly #onMessage: () => void;
	/** The number of the last request, who waits for its answer, and the answer if there is one. */
	#n = 0;
	#asks: string | null = null;
	#answer: ArrayBuffer | null = null;
	#kind: Asked["kind"] = "message";
	#timer: ReturnType<typeof setTimeout> | undefined;
	#stopped = false;
	#woken = false;
	/** What was asked by a message is answered, and nobody has come for it yet. */
	#ready = false;

	/** `onMessage` is called when there is a message. */
	constructor(to: string, onMessage: () => void) {
		super();
		this.#onMessage = onMessage;
		this.#channel = new BroadcastChannel(`porthole:${to}` satisfies ChannelName);
		this.#channel.onmessage = ({ data }: MessageEvent<Asked | Answered>) => {
			if ("asks" in data) this.#hear(data);
		};
	}

	answered(): void {
		if (this.#asks !== null && this.#kind !== "sleep") this.#reply();
		else this.#ready = true;
	}

	stop(): void {
		this.#stopped = true;
		this.wake();
	}

	override close(): void {
		super.close();
		clearTimeout(this.#timer);
		this.#channel.close();
	}

	wake(): void {
		this.#woken = true;
		if (this.#asks !== null && this.#kind === "sleep") this.#reply();
	}

	#hear({ asks, n, kind, ms, bytes }: Asked): void {
		this.#asks = asks;
		// Sent again, because the first one got lost on its way or the answer on its own.
		if (n === this.#n) {
			if (this.#answer !== null) this.#send(this.#answer);
			return;
		}
		this.#n = n;
		this.#kind = kind;
		this.#answer = null;
		if (kind === "message") {
			if (bytes.byteLength < MESSAGE_HEAD || bytes.byteLength > LETTER_SIZE) return;
			this.#bytes.set(new Uint8Array(bytes));
			this.#onMessage();
			return;
		}
		const sleeps = kind === "sleep";
		if (sleeps ? this.#woken || this.#stopped : this.#ready) {
			this.#reply();
			return;
		}
		const most = sleeps ? Math.min(LONGEST, Math.ceil(ms)) : LONGEST;
		this.#timer = setTimeout(() => this.#reply(LATER), most);
	}

	#reply(flags = 0): void {
		clearTimeout(this.#timer);
		if (this.#kind === "sleep") this.#woken = false;
		if (this.#kind === "answer" && flags === 0) this.#ready = false;
		const length = this.#kind === "sleep" ? 0 : MESSAGE_HEAD + this.message.length;
		const answer = new Uint8Array(FLAGS + length);
		answer[0] = flags | (this.#stopped ? STOPPED : 0);
		answer.set(this.#bytes.subarray(0, length), FLAGS);
		this.#answer = answer.buffer;
		this.#send(answer.buffer);
	}

	#send(bytes: ArrayBuffer): void {
		if (this.#asks === null) return;
		this.#channel.postMessage({ answers: this.#asks, bytes } satisfies Answered);
		this.#asks = null;
	}
}

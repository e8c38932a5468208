/**
 * The bytes of an answer, as they come. Loaded late: by what is read in parts, and by what is read whole.
 */
import { timedOut } from "./http-errors.ts";
import type { Limits, Report } from "./http-range.ts";
import { tooLarge } from "./read-errors.ts";

/** The chunks of a body, until it ends. Leaving early ends the connection, as silence does.
 *  Errors: those of the body, and `"timeout"`. */
export async function* chunksOf(
	body: ReadableStream<Uint8Array> | null,
	signal: AbortSignal,
	timeout: number,
	url: string,
): AsyncGenerator<Uint8Array, void, void> {
	if (body === null) return;
	const reader = body.getReader();
	const cancel = () => void reader.cancel().catch(() => {});
	let silent = false;
	signal.addEventListener("abort", cancel, { once: true });
	try {
		for (;;) {
			const timer = setTimeout(() => {
				silent = true;
				cancel();
			}, timeout);
			const { done, value } = await reader.read().finally(() => clearTimeout(timer));
			signal.throwIfAborted();
			if (silent) throw timedOut(url, timeout);
			if (done) return;
			yield value;
		}
	} finally {
		signal.removeEventListener("abort", cancel);
		cancel();
	}
}

/** Bytes as they arrive, in a buffer that grows: what a server says of their number is a hint. */
export class ByteCollector {
	length = 0;
	#bytes: Uint8Array<ArrayBuffer>;

	constructor(expected = 65536) {
		this.#bytes = new Uint8Array(Math.min(expected, 1 << 26));
	}

	get bytes(): Uint8Array<ArrayBuffer> {
		return this.#bytes.subarray(0, this.length);
	}

	/** Adds what a body brings. Errors: that of the body; `EndedEarly` where there is less than
	 *  `total`; `"too-large"`, `"timeout"`. */
	async all(
		body: ReadableStream<Uint8Array> | null,
		total: number | undefined,
		url: string,
		{ maxBytes, timeout }: Limits,
		signal: AbortSignal,
		report: Report,
	): Promise<void> {
		for await (const chunk of chunksOf(body, signal, timeout, url)) {
			if (this.length + chunk.length > maxBytes) throw tooLarge(url, maxBytes);
			this.#add(chunk);
			report("reading", this.length, total);
		}
		if (total !== undefined && this.length < total) throw new EndedEarly();
	}

	#add(chunk: Uint8Array): void {
		const length = this.length + chunk.length;
		if (length > this.#bytes.length) {
			const larger = new Uint8Array(Math.max(length, this.#bytes.length * 2));
			larger.set(this.#bytes);
			this.#bytes = larger;
		}
		this.#bytes.set(chunk, this.length);
		this.length = length;
	}
}

/** A body that ended as it should, with fewer bytes than its headers say. */
export class EndedEarly extends Error {}

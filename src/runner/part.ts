/**
 * One request for a file behind a URL, or for a part of it, and the bytes of its answer. What is done
 * about a request that fails, or a body that breaks off, is in `download.ts`.
 */
import { badStatus, unreachable } from "./network.ts";

/** Bytes that are asked for at once. */
export const BLOCK = 128 * 1024;
/** How often what may pass is tried. */
export const TRIES = 3;
/** Milliseconds before the second try; doubled for each further one. */
export const BACKOFF = 250;
/** Milliseconds after which a connection on which nothing comes counts as broken. */
const SILENCE = 60_000;

/** Asks for a range as the header says it, or with "" for everything.
 *  Errors: `"http-error"`, whose cause is the answer, and `"network-error"`. */
export async function request(
	url: string,
	range: string,
	signal: AbortSignal,
	init?: RequestInit,
): Promise<Response> {
	const silence = new AbortController();
	const timer = setTimeout(() => silence.abort(), SILENCE);
	const response = await fetch(url, {
		...init,
		headers: range ? { Range: range } : {},
		signal: AbortSignal.any([signal, silence.signal]),
	})
		.catch((cause) => {
			signal.throwIfAborted();
			throw unreachable(url, cause);
		})
		.finally(() => clearTimeout(timer));
	// 416 is the answer for a file of no bytes at all, and is seen as the empty package it is.
	if (response.ok || response.status === 416) return response;
	throw badStatus(url, response);
}

/** The chunks of a body, until it ends. Leaving early ends the connection, as silence does. */
export async function* chunksOf(
	body: ReadableStream<Uint8Array> | null,
	signal: AbortSignal,
): AsyncGenerator<Uint8Array, void, void> {
	if (body === null) return;
	const reader = body.getReader();
	const cancel = () => void reader.cancel().catch(() => {});
	let silent = false;
	try {
		for (;;) {
			const timer = setTimeout(() => {
				silent = true;
				cancel();
			}, SILENCE);
			const { done, value } = await reader.read().finally(() => clearTimeout(timer));
			signal.throwIfAborted();
			if (silent) throw new Error("nothing has come for a minute");
			if (done) return;
			yield value;
		}
	} finally {
		cancel();
	}
}

export type Report = (
	phase: "connecting" | "reading" | "compiling" | "ready",
	loaded: number,
	total: number | undefined,
) => void;

/** Bytes as they arrive, in a buffer that grows: what a server says of their number is a hint. */
export class Gathered {
	length = 0;
	#bytes: Uint8Array<ArrayBuffer>;

	constructor(expected = 65536) {
		this.#bytes = new Uint8Array(Math.min(expected, 1 << 26));
	}

	get bytes(): Uint8Array<ArrayBuffer> {
		return this.#bytes.subarray(0, this.length);
	}

	/** Adds what a body brings. Errors: that of the body; one where there is less than `total`. */
	async all(
		body: ReadableStream<Uint8Array> | null,
		total: number | undefined,
		signal: AbortSignal,
		report: Report,
	): Promise<void> {
		for await (const chunk of chunksOf(body, signal)) {
			this.#add(chunk);
			const { length } = this;
			report("reading", length, total === undefined || length > total ? undefined : total);
		}
		if (total !== undefined && this.length < total) throw new Error("it ended early");
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

/** What an answer says it is a part of. */
export interface Part {
	readonly start: number;
	readonly end: number;
	readonly total: number;
	/** Tells one version of the file from another. */
	readonly version: string;
}

/**
 * Which part an answer is. Null for one that cannot be put together with others: it is everything,
 * or it does not say where it belongs (other origins have to expose `Content-Range`), or of which
 * version it is, or it is encoded.
 */
export function partOf({ headers }: Response): Part | null {
	const version = versionOf(headers);
	const match = /^bytes (\d{1,15})-(\d{1,15})\/(\d{1,15})$/.exec(
		headers.get("content-range") ?? "",
	);
	if (match === null || version === "" || isEncoded(headers)) return null;
	const [start, end, total] = [Number(match[1]), Number(match[2]) + 1, Number(match[3])];
	return start < end && end <= total ? { start, end, total, version } : null;
}

export function versionOf(headers: Headers): string {
	return `${headers.get("etag") ?? ""} ${headers.get("last-modified") ?? ""}`.trim();
}

/** How many bytes the file has, as far as an answer tells. */
export function totalOf(response: Response): number | undefined {
	const { headers } = response;
	const length = isEncoded(headers) ? 0 : Number(headers.get("content-length"));
	const total = response.status === 206 ? partOf(response)?.total : length;
	return Number.isSafeInteger(total) && total !== 0 ? total : undefined;
}

/** A compressed answer's length is not the length of what arrives here. */
function isEncoded(headers: Headers): boolean {
	return (headers.get("content-encoding") ?? "identity") !== "identity";
}

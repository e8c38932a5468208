/**
 * Bytes of a file behind a URL, each of them once, whatever happens on the way: where an answer
 * breaks off, the rest is asked for.
 *
 *     wanted     [--------------------------)
 *     answers    [------x   [------x  [-----)     three requests, each for what is missing
 *
 * What may pass (no connection, an overloaded server, a minute of silence) is tried three times: later
 * each time, and not at the same moment as everybody else. Whoever brings much may break off often.
 *
 * Each answer must be of the version that was seen first. `If-Range` would have the server check
 * that, but a request with it passes by the browser's cache, and with it the code that the browser
 * compiled, and from another origin it needs a preflight; so versions are compared here.
 */
import { PortholeError } from "../abi/error.ts";
import {
	BACKOFF,
	BLOCK,
	chunksOf,
	type Gathered,
	type Part,
	partOf,
	type Report,
	request,
	TRIES,
	totalOf,
	versionOf,
} from "./part.ts";

/** The longest that a server may ask us to wait (`Retry-After`), in milliseconds. */
const LONGEST = 10_000;

/** How to ask for a part, where it is not asked for as usual. */
export interface Asking {
	readonly address?: string;
	/** Ends the connection. */
	readonly silence?: AbortController | undefined;
	readonly priority?: RequestPriority | undefined;
}

export interface Coming {
	readonly chunks: AsyncGenerator<Uint8Array, void, void>;
	/** Whether one answer brought all that has come by now. */
	unbroken(): boolean;
}

export class Download {
	readonly #url: string;
	readonly #address: string;
	readonly #version: string;
	readonly #size: number;
	readonly #signal: AbortSignal;

	/** `address` is what is asked, `url` what errors name; `first` is the first answer's part. */
	constructor(url: string, address: string, first: Part, signal: AbortSignal) {
		this.#url = url;
		this.#address = address;
		this.#version = first.version;
		this.#size = first.total;
		this.#signal = signal;
	}

	/** The answer for `[start, end)`, checked to be of the version and the place that was asked for.
	 *  Errors: `"changed"`, `"network-error"`, `"http-error"`. */
	async ask(start: number, end: number, { address, silence, priority }: Asking): Promise<Response> {
		const signal = silence ? AbortSignal.any([this.#signal, silence.signal]) : this.#signal;
		const range = `bytes=${start}-${end - 1}`;
		const at = address ?? this.#address;
		const more = priority === undefined ? {} : { priority };
		const response = await request(at, range, signal, more).catch((error) =>
			insist(at, range, signal, error, more),
		);
		const wrong = this.#wrong(response, start, end, address !== undefined);
		if (wrong === null) return response;
		response.body?.cancel().catch(() => {});
		throw wrong;
	}

	/** Another file, whole: an atom that has an address of its own. */
	file(url: string): Promise<Response> {
		return request(url, "", this.#signal);
	}

	bodyOf(response: Response): AsyncIterable<Uint8Array> {
		return chunksOf(response.body, this.#signal);
	}

	/** The bytes of `[start, end)` as they come; `response` is the first answer, where there is one. */
	from(
		start: number,
		end: number,
		response?: Response,
		silence?: AbortController,
		priority?: RequestPriority,
	): Coming {
		const state = { unbroken: true };
		const chunks = this.#chunks(start, end, response, { silence, priority }, state);
		return { chunks, unbroken: () => state.unbroken };
	}

	async *#chunks(
		start: number,
		end: number,
		first: Response | undefined,
		{ silence, priority }: Asking,
		state: { unbroken: boolean },
	): AsyncGenerator<Uint8Array, void, void> {
		let response = first;
		let at = start;
		for (let failures = 0; at < end; ) {
			const from = at;
			let cause: unknown;
			try {
				response ??= await this.ask(at, end, { priority });
				for await (const chunk of chunksOf(response.body, this.#signal)) {
					at += chunk.length;
					if (at > end) throw this.#tooLong(end - start);
					yield chunk;
				}
			} catch (error) {
				this.#signal.throwIfAborted();
				// Errors of ours have been tried again already, or need not be.
				if (error instanceof PortholeError)
					throw at === start ? error : this.#late(error, at, start, end);
				cause = error;
			}
			if (at === end) return;
			silence?.abort();
			response = undefined;
			state.unbroken = false;
			// Whoever brings much at a time may break off often.
			failures = at - from < BLOCK ? failures + 1 : 1;
			if (failures === TRIES) throw brokenOff(this.#url, at - start, end - start, cause);
			await pause(failures, 0, this.#signal);
		}
	}

	/** What is wrong with an answer; null if nothing is. */
	#wrong(response: Response, start: number, end: number, isProgram: boolean): PortholeError | null {
		const { status } = response;
		const part = partOf(response);
		// A program comes from a service worker's store, which has no 206.
		const partial = status === 206 || (isProgram && part !== null);
		const named = part === null ? versionOf(response.headers) : part.version;
		const changed = named !== this.#version || (part !== null && part.total !== this.#size);
		if (!partial || changed) {
			const why =
				status === 206
					? "has changed on the server since it was opened"
					: `was opened in parts, and now the server answers ${status} to the request for one`;
			return new PortholeError("changed", `${this.#url} ${why}; load it again`);
		}
		if (part?.start === start && part.end <= end) return null;
		const sent =
			part === null ? "a part without saying which" : `bytes ${part.start} to ${part.end}`;
		return new PortholeError(
			"network-error",
			`${this.#url}: bytes ${start} to ${end} were asked for, and the server sent ${sent}`,
		);
	}

	#late(error: PortholeError, at: number, start: number, end: number): PortholeError {
		if (error.code === "changed") return error;
		const message = `${error.message} (after ${at - start} of ${end - start} bytes)`;
		return new PortholeError(error.code, message, { cause: error });
	}

	#tooLong(length: number): PortholeError {
		return new PortholeError(
			"network-error",
			`${this.#url}: ${length} bytes were asked for, and the server sent more`,
		);
	}
}

/** Makes a request that has failed again, as long as that may help; at last for `lastRange`. */
export async function insist(
	url: string,
	range: string,
	signal: AbortSignal,
	first: unknown,
	init?: RequestInit,
	lastRange = range,
): Promise<Response> {
	let error = first;
	for (let attempt = 1; ; attempt++) {
		signal.throwIfAborted();
		const wait = helps(error);
		if (attempt === TRIES || wait === null) throw error;
		await pause(attempt, wait, signal);
		try {
			const asked = attempt === TRIES - 1 ? lastRange : range;
			return await request(url, asked, signal, init);
		} catch (cause) {
			error = cause;
		}
	}
}

/** How long the server asks us to wait before we ask again; null where that would not help. */
function helps(error: unknown): number | null {
	const answer = error instanceof PortholeError ? error.cause : null;
	// There was no answer.
	if (!(answer instanceof Response)) return 0;
	answer.body?.cancel().catch(() => {});
	const { status, headers } = answer;
	if (status < 500 && status !== 408 && status !== 429) return null;
	const wait = Number(headers.get("retry-after")) * 1000 || 0;
	return wait <= LONGEST ? wait : null;
}

/** Waits before what has failed `attempt` times is tried again. */
async function pause(attempt: number, least: number, signal: AbortSignal): Promise<void> {
	const wait = BACKOFF * 2 ** (attempt - 1) * (0.5 + Math.random());
	await new Promise((resolve) => setTimeout(resolve, Math.max(least, wait)));
	signal.throwIfAborted();
}

function brokenOff(url: string, loaded: number, total = 0, cause?: unknown): PortholeError {
	const of = total > 0 ? ` of ${total}` : "";
	return new PortholeError(
		"network-error",
		`the download of ${url} broke off after ${loaded}${of} bytes; try again`,
		{ cause },
	);
}

/** Goes on where the download of a whole file broke off: with the rest, if the server answers with
 *  just that of the same version, else from the start. */
export async function goOn(
	url: string,
	first: Response,
	gathered: Gathered,
	why: unknown,
	signal: AbortSignal,
	report: Report,
): Promise<void> {
	let response = first;
	let cause = why;
	for (let failures = 1; failures < TRIES; failures++) {
		if (cause instanceof RangeError) {
			throw new PortholeError("out-of-memory", `there is no memory for ${url}`, { cause });
		}
		const total = totalOf(response);
		const version = versionOf(response.headers);
		await pause(failures, 0, signal);
		const from = gathered.length;
		const ask = (range: string) =>
			request(url, range, signal).catch((error) => insist(url, range, signal, error));
		const known = version !== "" && total !== undefined && from > 0 && from < total;
		response = await ask(known ? `bytes=${from}-` : "");
		const part = partOf(response);
		const fits = part?.start === from && part.total === total && part.version === version;
		if (response.status !== 200 && !fits) {
			response.body?.cancel().catch(() => {});
			response = await ask("");
		}
		if (response.status !== 206) gathered.length = 0;
		try {
			return await gathered.all(response.body, totalOf(response), signal, report);
		} catch (error) {
			cause = error;
			if (response.status === 206 && gathered.length - from >= BLOCK) failures = 0;
		}
	}
	signal.throwIfAborted();
	throw brokenOff(url, gathered.length, totalOf(response), cause);
}

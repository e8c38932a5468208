/**
 * Bytes of a file behind a URL, each of them once, whatever happens on the way: where an answer
 * breaks off, the rest is asked for.
 *
 *     wanted     [--------------------------)
 *     answers    [------x   [------x  [-----)     three requests, each for what is missing
 *
 * What may pass (no connection, an overloaded server) is tried three times: later each time, and not at
 * the same moment as everybody else. A connection that brings much may break off often. One that falls
 * silent is replaced, too; a request that brings nothing at all until the timeout ends the load.
 *
 * Each answer must be of the version that was seen first. `If-Range` would have the server check
 * that, but a request with it passes by the browser's cache, and with it the code that the browser
 * compiled, and from another origin it needs a preflight; so versions are compared here.
 */
import { PortholeError } from "../abi/error.ts";
import { explainFailed } from "../http/forbidden.ts";
import {
	BACKOFF,
	BLOCK,
	type Limits,
	type Part,
	partOf,
	type Report,
	request,
	TRIES,
	totalOf,
	versionOf,
} from "../http/http-range.ts";
import { type ByteCollector, chunksOf, EndedEarly } from "../http/response-body.ts";

/** The longest that a server may ask us to wait (`Retry-After`), in milliseconds. */
const LONGEST = 10_000;

/** How to ask for a part, where it is not asked for as usual. */
export interface DownloadRequest {
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
	/** Milliseconds without a byte. */
	readonly #timeout: number;

	/** `address` is what is asked, `url` what errors name; `first` is the first answer's part. */
	constructor(url: string, address: string, first: Part, timeout: number, signal: AbortSignal) {
		this.#url = url;
		this.#address = address;
		this.#version = first.version;
		this.#size = first.total;
		this.#timeout = timeout;
		this.#signal = signal;
	}

	/** The answer for `[start, end)`, checked to be of the version and the place that was asked for.
	 *  Errors: `"changed"`, `"bad-range"`, `"network-error"`, `"http-error"`, `"timeout"`. */
	async ask(
		start: number,
		end: number,
		{ address, silence, priority }: DownloadRequest,
	): Promise<Response> {
		const signal = silence ? AbortSignal.any([this.#signal, silence.signal]) : this.#signal;
		const range = `bytes=${start}-${end - 1}`;
		const at = address ?? this.#address;
		const more = priority === undefined ? {} : { priority };
		const response = await request(at, range, signal, this.#timeout, more)
			.catch((error) => requestAgain(at, range, signal, this.#timeout, error, more))
			.catch((error) => beyondTheEnd(error));
		const wrong = this.#wrong(response, start, end, address !== undefined);
		if (wrong === null) return response;
		response.body?.cancel().catch(() => {});
		throw wrong;
	}

	/** Another file, whole: an atom that has an address of its own. */
	file(url: string, silence: AbortController): Promise<Response> {
		return request(url, "", AbortSignal.any([this.#signal, silence.signal]), this.#timeout);
	}

	bodyOf(response: Response, url: string): AsyncIterable<Uint8Array> {
		return chunksOf(response.body, this.#signal, this.#timeout, url);
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
		{ silence, priority }: DownloadRequest,
		state: { unbroken: boolean },
	): AsyncGenerator<Uint8Array, void, void> {
		let response = first;
		let at = start;
		for (let failures = 0; at < end; ) {
			const from = at;
			let cause: unknown;
			try {
				response ??= await this.ask(at, end, { priority });
				const chunks = chunksOf(response.body, this.#signal, this.#timeout, this.#url);
				for await (const chunk of chunks) {
					at += chunk.length;
					if (at > end) throw this.#tooLong(end - start);
					yield chunk;
				}
			} catch (error) {
				this.#signal.throwIfAborted();
				// Errors of ours have been tried again already, or need not be.
				if (error instanceof PortholeError && !(isSilence(error) && at > from))
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
			"bad-range",
			`${this.#url}: bytes ${start} to ${end} were asked for, and the server sent ${sent}`,
		);
	}

	#late(error: PortholeError, at: number, start: number, end: number): PortholeError {
		if (error.code === "changed" || error.code === "bad-range") return error;
		const message = `${error.message} (after ${at - start} of ${end - start} bytes)`;
		return new PortholeError(error.code, message, { cause: error });
	}

	#tooLong(length: number): PortholeError {
		return new PortholeError(
			"bad-range",
			`${this.#url}: ${length} bytes were asked for, and the server sent more`,
		);
	}
}

/** Makes a request that has failed again, as long as that may help; at last for `lastRange`. */
export async function requestAgain(
	url: string,
	range: string,
	signal: AbortSignal,
	timeout: number,
	first: unknown,
	init?: RequestInit,
	lastRange = range,
): Promise<Response> {
	let error = first;
	for (let attempt = 1; ; attempt++) {
		signal.throwIfAborted();
		const unsatisfiable = range !== lastRange && statusOf(error) === 416;
		const wait = unsatisfiable ? 0 : mayPass(error);
		if (attempt === TRIES || wait === null) throw await explainFailed(url, error);
		if (!unsatisfiable) await pause(attempt, wait, signal);
		try {
			const asked = unsatisfiable || attempt === TRIES - 1 ? lastRange : range;
			return await request(url, asked, signal, timeout, init);
		} catch (cause) {
			error = cause;
		}
	}
}

/** How long the server asks us to wait before we ask again; null where that would not help. */
function mayPass(error: unknown): number | null {
	const answer = error instanceof PortholeError ? error.cause : null;
	if (isSilence(error)) return null;
	// There was no answer.
	if (!(answer instanceof Response)) return 0;
	answer.body?.cancel().catch(() => {});
	const { status, headers } = answer;
	if (status < 500 && status !== 408 && status !== 429) return null;
	const wait = Number(headers.get("retry-after")) * 1000 || 0;
	return wait <= LONGEST ? wait : null;
}

function isSilence(error: unknown): error is PortholeError {
	return error instanceof PortholeError && error.code === "timeout";
}

function statusOf(error: unknown): number {
	const answer = error instanceof PortholeError ? error.cause : null;
	return answer instanceof Response ? answer.status : 0;
}

/** A file that does not have the bytes that it had is another file. Other errors are thrown on. */
function beyondTheEnd(error: unknown): Response {
	if (statusOf(error) !== 416) throw error;
	return (error as PortholeError).cause as Response;
}

/** Waits before what has failed `attempt` times is tried again. */
async function pause(attempt: number, least: number, signal: AbortSignal): Promise<void> {
	const wait = BACKOFF * 2 ** (attempt - 1) * (0.5 + Math.random());
	await new Promise((resolve) => setTimeout(resolve, Math.max(least, wait)));
	signal.throwIfAborted();
}

function brokenOff(url: string, loaded: number, total = 0, cause?: unknown): PortholeError {
	if (isSilence(cause)) return cause;
	const of = total > 0 ? ` of ${total}` : "";
	return new PortholeError(
		"network-error",
		`the download of ${url} broke off after ${loaded}${of} bytes; try again`,
		{ cause },
	);
}

/** Goes on where the download of a whole file broke off: with the rest, if the server answers with
 *  just that of the same version, else from the start. */
export async function resume(
	url: string,
	first: Response,
	gathered: ByteCollector,
	why: unknown,
	limits: Limits,
	signal: AbortSignal,
	report: Report,
): Promise<void> {
	let response = first;
	let cause = why;
	let from = 0;
	for (let failures = 1; failures < TRIES; failures++) {
		signal.throwIfAborted();
		// Silence in the midst may pass; that nothing came at all, and what else is ours, is final.
		if (cause instanceof PortholeError && !(isSilence(cause) && gathered.length > from))
			throw cause;
		if (cause instanceof RangeError) {
			throw new PortholeError("out-of-memory", `there is no memory for ${url}`, { cause });
		}
		const total = totalOf(response);
		const version = versionOf(response.headers);
		await pause(failures, 0, signal);
		from = gathered.length;
		const { timeout } = limits;
		const ask = (range: string) =>
			request(url, range, signal, timeout).catch((error) =>
				requestAgain(url, range, signal, timeout, error, {}, ""),
			);
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
			return await gathered.all(response.body, totalOf(response), url, limits, signal, report);
		} catch (error) {
			if (isCompressed(response, error, cause, gathered.length === from)) return;
			if (response.status !== 206) from = 0;
			cause = error;
			if (response.status === 206 && gathered.length - from >= BLOCK) failures = 0;
		}
	}
	signal.throwIfAborted();
	throw brokenOff(url, gathered.length, totalOf(response), cause);
}

/** Another origin does not show that its answers are compressed, and then `Content-Length` is not the
 *  length of what arrives. What ends twice at the same byte, and as it should, is whole. */
function isCompressed(
	{ type }: Response,
	error: unknown,
	before: unknown,
	sameLength: boolean,
): boolean {
	return type === "cors" && sameLength && [error, before].every((e) => e instanceof EndedEarly);
}

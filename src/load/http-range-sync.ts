/**
 * A part of a file behind a URL, on the spot: by a synchronous request, for a guest that cannot wait.
 * Only workers may make one. What may pass is tried again, as in `resumable-download.ts`.
 */
import { PortholeError } from "../abi/error.ts";
import { sleep } from "../bridge/sleep.ts";
import { badStatus, unreachable } from "../http/http-errors.ts";
import { BACKOFF, type Part, partOf, TRIES, versionOf } from "../http/http-range.ts";
import type { Span } from "../webc/index.ts";
import { sha256Now } from "./sha256.ts";

export class SyncRange {
	readonly #address: string;
	readonly #whole: Part;
	readonly #timeout: number;

	/** `whole` says how long the file is and of which version; `timeout` is in milliseconds. */
	constructor(address: string, whole: Part, timeout: number) {
		this.#address = address;
		this.#whole = whole;
		this.#timeout = timeout;
	}

	/** The bytes of `[start, end)`. Errors: `"network-error"`, `"http-error"`; `"changed"` where they
	 *  are of something else. */
	bytes(start: number, end: number): Uint8Array {
		for (let attempt = 1; ; attempt++) {
			try {
				return this.#ask(start, end);
			} catch (error) {
				const final = error instanceof PortholeError && error.code === "changed";
				if (final || attempt === TRIES) throw error;
				sleep(BACKOFF * 2 ** (attempt - 1));
			}
		}
	}

	/** Errors: `"checksum"` for bytes that are not those that their package promises. */
	check(bytes: Uint8Array, { sha256 }: Span): void {
		const digest = sha256Now(bytes);
		if (sha256?.every((byte, i) => byte === digest[i])) return;
		throw new PortholeError("checksum", "it is not what its package says it is");
	}

	#ask(start: number, end: number): Uint8Array {
		const url = this.#address;
		const request = new XMLHttpRequest();
		request.open("GET", url, false);
		request.responseType = "arraybuffer";
		request.timeout = this.#timeout;
		request.setRequestHeader("Range", `bytes=${start}-${end - 1}`);
		try {
			request.send();
		} catch (cause) {
			throw unreachable(url, cause);
		}
		const { status } = request;
		const answer = new Response(null, { status: status || 500, headers: headersOf(request) });
		if (!answer.ok && status !== 416) throw badStatus(url, answer);
		const part = partOf(answer);
		const version = part?.version ?? versionOf(answer.headers);
		const changed = version !== this.#whole.version || (part?.total ?? 0) !== this.#whole.total;
		if (status !== 206 || changed) {
			const why = "has changed on the server since it was opened, or is sent in parts no more";
			throw new PortholeError("changed", `${url} ${why}; load it again`);
		}
		const bytes = new Uint8Array(request.response as ArrayBuffer);
		if (part?.start === start && bytes.length === end - start) return bytes;
		const wanted = `bytes ${start} to ${end} were asked for`;
		throw new PortholeError("network-error", `${url}: ${wanted}, and the server sent others`);
	}
}

/** The headers of an answer, for those who look at a Response. */
function headersOf(request: XMLHttpRequest): Headers {
	const headers = new Headers();
	for (const name of ["content-range", "content-encoding", "etag", "last-modified"]) {
		const value = request.getResponseHeader(name);
		if (value !== null) headers.set(name, value);
	}
	return headers;
}

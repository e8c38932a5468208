/**
 * One request for a file behind a URL, or for a part of it, and what its answer says of itself. What is
 * done about a request that fails, or a body that breaks off, is in `load/resumable-download.ts`.
 */
import { PortholeError } from "../abi/error.ts";
import { badStatus, timedOut, unreachable } from "./http-errors.ts";

/** Bytes that are asked for at once. */
export const BLOCK = 128 * 1024;
/** How often what may pass is tried. */
export const TRIES = 3;
/** Milliseconds before the second try; doubled for each further one. */
export const BACKOFF = 250;

/** What a load may cost: `LoadOptions.maxBytes` and `timeout`. */
export interface Limits {
	/** Bytes that are read at most. */
	readonly maxBytes: number;
	/** Milliseconds without a byte after which a connection is given up. */
	readonly timeout: number;
}

type Wished = { readonly [K in keyof Limits]?: number | undefined };

export function limitsOf({ maxBytes = 2 ** 31, timeout = 60_000 }: Wished): Limits {
	// A timer of more milliseconds would ring at once.
	return { maxBytes, timeout: Math.min(timeout, 2 ** 31 - 1) };
}

/** Asks for a range as the header says it, or with "" for everything.
 *  Errors: `"http-error"`, whose cause is the answer; `"network-error"`; `"timeout"`. */
export async function request(
	url: string,
	range: string,
	signal: AbortSignal,
	timeout: number,
	init?: RequestInit,
): Promise<Response> {
	const silence = new AbortController();
	const timer = setTimeout(() => silence.abort(), timeout);
	try {
		const response = await fetch(url, {
			...init,
			headers: range ? { Range: range } : {},
			signal: AbortSignal.any([signal, silence.signal]),
		});
		// 204 is a success without a file.
		if (response.ok && response.status !== 204) return response;
		throw badStatus(url, response);
	} catch (cause) {
		signal.throwIfAborted();
		if (silence.signal.aborted) throw timedOut(url, timeout);
		throw cause instanceof PortholeError ? cause : unreachable(url, cause);
	} finally {
		clearTimeout(timer);
	}
}

export type Report = (
	phase: "connecting" | "reading" | "compiling" | "ready",
	loaded: number,
	total: number | undefined,
) => void;

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
 * version it is, or it is encoded. A weak ETag alone is no version: the bytes behind one may differ.
 */
export function partOf({ headers }: Response): Part | null {
	const isWeak = headers.get("etag")?.startsWith("W/") && !headers.has("last-modified");
	const version = isWeak ? "" : versionOf(headers);
	const match = /^bytes (\d{1,15})-(\d{1,15})\/(\d{1,15})$/.exec(
		headers.get("content-range") ?? "",
	);
	if (match === null || version === "" || isEncoded(headers)) return null;
	const [start, end, total] = [Number(match[1]), Number(match[2]) + 1, Number(match[3])];
	return start < end && end <= total ? { start, end, total, version } : null;
}

/** A server that compresses some answers makes their ETags weak ones: the same, with `W/` in front. */
export function versionOf(headers: Headers): string {
	const etag = headers.get("etag")?.replace(/^W\//, "") ?? "";
	return `${etag} ${headers.get("last-modified") ?? ""}`.trim();
}

/** How many bytes the file has, as far as an answer tells. */
export function totalOf(response: Response): number | undefined {
	const { headers } = response;
	const length = isEncoded(headers) ? 0 : Number(headers.get("content-length"));
	const total = response.status === 206 ? partOf(response)?.total : length;
	return total !== undefined && Number.isSafeInteger(total) && total > 0 ? total : undefined;
}

/** A compressed answer's length is not the length of what arrives here. */
function isEncoded(headers: Headers): boolean {
	return (headers.get("content-encoding") ?? "identity") !== "identity";
}

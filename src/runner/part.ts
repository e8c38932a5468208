/**
 * A part of a file behind a URL: asked for, and told apart from an answer with all of it.
 */
import { PortholeError } from "../abi/error.ts";
import { badStatus, unreachable } from "./network.ts";

/** Bytes that are asked for at once. */
export const BLOCK = 128 * 1024;

export async function request(
	url: string,
	start: number,
	length: number,
	signal: AbortSignal | undefined,
): Promise<Response> {
	const headers = { Range: `bytes=${start}-${start + length - 1}` };
	const response = await fetch(url, { headers, ...(signal && { signal }) }).catch((cause) => {
		signal?.throwIfAborted();
		throw unreachable(url, cause);
	});
	// 416 is the answer for a file of no bytes at all, and is seen as the empty package it is.
	if (!response.ok && response.status !== 416) throw badStatus(url, response.status);
	return response;
}

/** What `Content-Range` says; null where it is not there, or hidden by another origin. */
export function parseRange(response: Response): { start: number; total: number } | null {
	const header = response.headers.get("content-range") ?? "";
	const match = /^bytes (\d+)-\d+\/(\d+)$/.exec(header);
	if (match === null) return null;
	const [start, total] = [Number(match[1]), Number(match[2])];
	return Number.isSafeInteger(start) && Number.isSafeInteger(total) ? { start, total } : null;
}

/** What tells one version of a file from another. */
export function versionOf(response: Response): string {
	return `${response.headers.get("etag") ?? ""} ${response.headers.get("last-modified") ?? ""}`;
}

/** Exactly `length` bytes of an answer. */
export async function bodyOf(response: Response, length: number, url: string): Promise<Uint8Array> {
	const bytes = new Uint8Array(
		await response.arrayBuffer().catch(() => {
			throw brokenOff(url);
		}),
	);
	if (bytes.length !== length) throw brokenOff(url);
	return bytes;
}

export function brokenOff(url: string): PortholeError {
	return new PortholeError("network-error", `the download of ${url} broke off; try again`);
}

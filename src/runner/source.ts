/**
 * The page's half of loading: whatever a package may come from becomes something that can be posted.
 */
import { PortholeError } from "../abi/error.ts";
import type { LoadOptions, Source } from "./options.ts";
import type { WireSource } from "./protocol.ts";

/** A source that can be posted, and posted again to another worker. */
export async function wireSource(source: Source, options: LoadOptions): Promise<WireSource> {
	const name = options.name;
	if (typeof source === "string" || source instanceof URL) {
		const url = new URL(source, globalThis.document?.baseURI ?? globalThis.location?.href).href;
		return { kind: "url", url, name: name ?? fileName(url) };
	}
	if (source instanceof Request) {
		const response = await fetch(source, options.signal ? { signal: options.signal } : {}).catch(
			(cause) => {
				throw options.signal?.aborted ? options.signal.reason : unreachable(source.url, cause);
			},
		);
		return fromResponse(response, name);
	}
	if (source instanceof Response) return fromResponse(source, name);
	if (source instanceof Blob) {
		const called = "name" in source ? String(source.name) : "";
		return { kind: "blob", blob: source, name: name ?? called };
	}
	if (source instanceof ArrayBuffer) {
		return { kind: "bytes", bytes: new Uint8Array(source), name: name ?? "" };
	}
	if (source instanceof Uint8Array) return { kind: "bytes", bytes: source, name: name ?? "" };
	throw new PortholeError(
		"invalid-option",
		"a package is a URL, Request, Response, Blob, ArrayBuffer, Uint8Array or a loaded Package",
	);
}

async function fromResponse(response: Response, name: string | undefined): Promise<WireSource> {
	if (!response.ok) throw badStatus(response.url, response.status);
	const blob = await response.blob();
	return { kind: "blob", blob, name: name ?? fileName(response.url) };
}

/** The last part of a URL's path. */
function fileName(url: string): string {
	if (url === "") return "";
	const { pathname } = new URL(url);
	return decodeURIComponent(pathname.slice(pathname.lastIndexOf("/") + 1));
}

/** The error for a server's answer other than success. */
export function badStatus(url: string, status: number): PortholeError {
	const hint = status === 404 ? "check the address" : "try again later, or check the server";
	return new PortholeError("http-error", `the server answered ${status} for ${url}; ${hint}`);
}

/** The error for a request that got no answer that a page may see. */
export function unreachable(url: string, cause: unknown): PortholeError {
	return new PortholeError(
		"network-error",
		`${url} could not be fetched: the server cannot be reached, or it does not allow this page ` +
			"to read it (it must send Access-Control-Allow-Origin)",
		{ cause },
	);
}

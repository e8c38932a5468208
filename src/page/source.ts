/**
 * The page's half of loading: whatever a package may come from becomes something that can be posted.
 */
import { PortholeError } from "../abi/error.ts";
import { baseAddress } from "../bridge/context.ts";
import { fileName } from "../http/http-errors.ts";
import type { WireSource } from "../protocol/sandbox.ts";
import type { LoadOptions, Source } from "./options.ts";

/** A source that can be posted, and posted again to another worker. */
export async function wireSource(source: Source, options: LoadOptions): Promise<WireSource> {
	const name = options.name;
	if (typeof source === "string" || source instanceof URL) {
		const url = absolute(source);
		return { kind: "url", url, name: name ?? fileName(url) };
	}
	if (source instanceof Request || source instanceof Response) {
		const { fromResponse, ask } = await import("./response.ts");
		const response = source instanceof Request ? await ask(source, options) : source;
		return fromResponse(response, options);
	}
	if (source instanceof Blob) {
		const called = "name" in source ? String(source.name) : "";
		return { kind: "blob", blob: source, name: name ?? called };
	}
	if (source instanceof ArrayBuffer) {
		if (source.detached) throw new PortholeError("invalid-option", "the ArrayBuffer is detached");
		return { kind: "bytes", bytes: new Uint8Array(source), name: name ?? "" };
	}
	if (source instanceof Uint8Array) return { kind: "bytes", bytes: source, name: name ?? "" };
	throw new PortholeError(
		"invalid-option",
		"a package is a URL, Request, Response, Blob, ArrayBuffer, Uint8Array or a loaded Package",
	);
}

export function absolute(source: string | URL): string {
	try {
		return new URL(source, baseAddress()).href;
	} catch (cause) {
		throw new PortholeError("invalid-option", `${source} is not a URL`, { cause });
	}
}

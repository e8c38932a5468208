/**
 * Packages that are no URL: what the page has, or reads itself. Loaded late, by pages that load one so.
 */
import { PortholeError } from "../abi/error.ts";
import type { WireSource } from "../protocol/sandbox.ts";
import type { LoadOptions, Source } from "./options.ts";

/** Errors: `"invalid-option"` for what is no source. */
export async function localSource(
	source: Exclude<Source, string | URL>,
	options: LoadOptions,
): Promise<WireSource> {
	const { name } = options;
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

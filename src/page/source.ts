/**
 * The page's half of loading: whatever a package may come from becomes something that can be posted.
 */
import { PortholeError } from "../abi/error.ts";
import { baseAddress } from "../bridge/context.ts";
import { fileName } from "../http/file-name.ts";
import type { WireSource } from "../protocol/sandbox.ts";
import type { LoadOptions, Source } from "./options.ts";

/** A source that can be posted, and posted again to another worker. */
export async function wireSource(source: Source, options: LoadOptions): Promise<WireSource> {
	if (typeof source === "string" || source instanceof URL) {
		const url = absolute(source);
		return { kind: "url", url, name: options.name ?? fileName(url) };
	}
	return (await import("./local-source.ts")).localSource(source, options);
}

export function absolute(source: string | URL): string {
	try {
		return new URL(source, baseAddress()).href;
	} catch (cause) {
		throw new PortholeError("invalid-option", `${source} is not a URL`, { cause });
	}
}

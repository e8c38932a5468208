/**
 * The ways to start a worker that few pages need.
 *
 *     the page's own TrustedScriptURL    as it is
 *     a script of this origin            by its address
 *     a script of another origin         by a Blob that imports it: it may not be started, but imported
 *     in a frame without an origin       by a `data:` address, of the text or of an import; there each
 *                                        address is of another origin, and Chromium starts no module
 *                                        from a Blob
 */
import { PortholeError } from "../abi/error.ts";
import { baseAddress, isOpaque } from "./context.ts";
import { script } from "./guest-script.ts";
import type { Role, ScriptAddress } from "./make-worker.ts";
import { isTrusted, trusted } from "./trusted.ts";
import { refused } from "./worker-refused.ts";

/** Errors: `"not-supported"` where there are no workers; `"invalid-option"` for what is no address;
 *  `"content-policy"` where the page's policies forbid it; `"worker-failed"`. A script that is missing
 *  is told by the worker's `error` event. */
export async function startWorker(url: ScriptAddress | undefined, name: Role): Promise<Worker> {
	if (globalThis.Worker === undefined) {
		throw new PortholeError(
			"not-supported",
			"there are no Web Workers here: a sandbox works in a web page or in a worker of one",
		);
	}
	const address = isTrusted(url) ? (url as string) : trusted(await startAddress(url));
	try {
		return new Worker(address, { type: "module", name });
	} catch (cause) {
		throw refused(cause);
	}
}

/** Where the script itself is; null for one that the library carries. */
export function scriptAddress(url: ScriptAddress | undefined): string | null {
	if (url !== undefined) return absolute(String(url));
	// A bundler would take `new URL` for a file to copy.
	return script === null ? import.meta.url.replace(/[^/]*$/, "guest.js") : null;
}

/** What a worker is started with. */
async function startAddress(url: ScriptAddress | undefined): Promise<string> {
	const address = scriptAddress(url);
	if (isOpaque()) {
		const text =
			address === null
				? (script ?? "")
				: address.startsWith("blob:")
					? await (await fetch(address)).text()
					: importOf(address);
		return address?.startsWith("data:")
			? address
			: `data:text/javascript,${encodeURIComponent(text)}`;
	}
	if (address === null) return blobOf(script ?? "");
	const direct = new URL(address).origin === location.origin || /^(blob|data):/.test(address);
	return direct ? address : blobOf(importOf(address));
}

function importOf(address: string): string {
	return `import ${JSON.stringify(address)};`;
}

function blobOf(text: string): string {
	return URL.createObjectURL(new Blob([text], { type: "text/javascript" }));
}

function absolute(url: string): string {
	try {
		return new URL(url, baseAddress()).href;
	} catch (cause) {
		throw new PortholeError("invalid-option", `workerUrl: ${url} is no address of a script`, {
			cause,
		});
	}
}

/**
 * Digests of byte strings.
 */
import { WebcError } from "./error.ts";

/** Web Crypto is there on https, on localhost and in Node; not on a plain http page. */
export function canDigest(): boolean {
	return globalThis.crypto?.subtle !== undefined;
}

export async function sha256(bytes: Uint8Array): Promise<Uint8Array> {
	if (!canDigest()) {
		throw new WebcError("no-crypto", "Nothing can be verified here: the page is no secure context");
	}
	// Never shared memory: `bytesSource` sees to that.
	return new Uint8Array(await crypto.subtle.digest("SHA-256", bytes as Uint8Array<ArrayBuffer>));
}

/** The browser's randomness, fit for keys. */

/** At most 65,536 bytes, and no shared memory: `crypto.getRandomValues` refuses both. */
export function fillRandom(bytes: Uint8Array): void {
	// Only called with views of ordinary buffers.
	crypto.getRandomValues(bytes as Uint8Array<ArrayBuffer>);
}

/** Whether the bytes of a buffer have been given away, to another thread for instance. Its view looks
 *  like one of no bytes. */
export function isDetached(input: Uint8Array | ArrayBuffer): boolean {
	const buffer = input instanceof Uint8Array ? input.buffer : input;
	if (buffer.byteLength > 0) return false;
	try {
		return new Uint8Array(buffer).length > 0;
	} catch {
		return true;
	}
}

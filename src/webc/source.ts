/**
 * Where a container's bytes come from: a buffer, a Blob, or anything that can be read in part.
 *
 * The reader asks for many small pieces that lie close together, and a piece may cost a round trip.
 * So it looks through a `Window`: a miss fetches some more than was asked for, and what follows is
 * found there. Bytes that are in memory anyway are never copied.
 */
import { WebcError } from "./error.ts";
import type { ByteSource } from "./package.ts";

/** How much a miss fetches at least: enough for the index or manifest of a common package. */
const ahead = 4096;

/** Bytes in memory as a source; what it reads are views of them. */
export function bytesSource(input: Uint8Array | ArrayBuffer): ByteSource {
	const bytes = input instanceof Uint8Array ? plain(input) : new Uint8Array(input);
	return {
		size: bytes.length,
		bytes,
		read: async (offset, length) => {
			checkRange(offset, length, bytes.length);
			return bytes.subarray(offset, offset + length);
		},
	};
}

/** A Blob or File as a source; it stays on disk until it is read. */
export function blobSource(blob: Blob): ByteSource {
	return {
		size: blob.size,
		read: async (offset, length) => {
			checkRange(offset, length, blob.size);
			return new Uint8Array(await blob.slice(offset, offset + length).arrayBuffer());
		},
	};
}

export function asSource(input: Uint8Array | ArrayBuffer | ByteSource): ByteSource {
	return input instanceof Uint8Array || input instanceof ArrayBuffer ? bytesSource(input) : input;
}

/** Refuses `[offset, offset + length)` where it is not inside `[0, size)`. No sum can overflow. */
export function checkRange(offset: number, length: number, size: number, section?: string): void {
	if (offset >= 0 && length >= 0 && offset <= size && length <= size - offset) return;
	throw new WebcError("truncated", `${length} bytes should follow, but the file has ${size}`, {
		offset,
		section,
	});
}

/** Exactly the bytes asked for, or a WebcError. */
export async function readExactly(
	source: ByteSource,
	offset: number,
	length: number,
	section?: string,
): Promise<Uint8Array> {
	checkRange(offset, length, source.size, section);
	if (source.bytes) return source.bytes.subarray(offset, offset + length);
	const bytes = await source.read(offset, length);
	if (bytes.length === length) return bytes;
	throw new WebcError("truncated", `${length} bytes were asked for and ${bytes.length} came`, {
		offset,
		section,
	});
}

export class Window {
	readonly source: ByteSource;
	#start = 0;
	#bytes = new Uint8Array(0);

	constructor(source: ByteSource) {
		this.source = source;
	}

	async view(offset: number, length: number, section: string): Promise<Uint8Array> {
		checkRange(offset, length, this.source.size, section);
		const at = offset - this.#start;
		if (at >= 0 && length <= this.#bytes.length - at) return this.#bytes.subarray(at, at + length);
		const fetched = Math.max(length, Math.min(ahead, this.source.size - offset));
		this.#bytes = new Uint8Array(0); // The old piece can go before the new one comes.
		const bytes = await readExactly(this.source, offset, fetched, section);
		this.#start = offset;
		this.#bytes = bytes as Uint8Array<ArrayBuffer>; // Never shared: see `plain`.
		return bytes.subarray(0, length);
	}

	/** At most `length` bytes; fewer at the end of the file. */
	upTo(offset: number, length: number, section: string): Promise<Uint8Array> {
		return this.view(offset, Math.min(length, Math.max(0, this.source.size - offset)), section);
	}
}

/**
 * Decoders and digests refuse shared memory, whose bytes may change under them: that is copied. And
 * what Node calls a Buffer is not quite a Uint8Array: its `slice` is no copy.
 */
function plain(bytes: Uint8Array): Uint8Array<ArrayBuffer> {
	const { buffer, byteOffset, length } = bytes;
	if (!(buffer instanceof ArrayBuffer)) return new Uint8Array(bytes);
	return new Uint8Array(buffer, byteOffset, length);
}

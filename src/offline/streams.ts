/**
 * Streams of bytes as async generators, which are shorter to write and to chain. Leaving one early
 * cancels what it reads from.
 */
export type Chunks = AsyncGenerator<Uint8Array<ArrayBuffer>, void, void>;

/** The chunks of a body. */
export async function* chunksOf(body: ReadableStream<Uint8Array> | null): Chunks {
	if (body === null) return;
	const reader = body.getReader();
	let ended = false;
	try {
		for (;;) {
			const { done, value } = await reader.read();
			ended = done;
			if (done) return;
			// A body never shares its memory.
			yield value as Uint8Array<ArrayBuffer>;
		}
	} finally {
		if (!ended) await reader.cancel().catch(() => {});
	}
}

/** The same bytes; an error if there are more of them, or fewer. */
export async function* exactly(chunks: Chunks, length: number): Chunks {
	let rest = length;
	for await (const chunk of chunks) {
		rest -= chunk.length;
		if (rest < 0) throw new TypeError("more bytes came than were asked for");
		yield chunk;
	}
	if (rest > 0) throw new TypeError("the download broke off");
}

/** The bytes from `from` to `to`; the rest is read, but not handed on. */
export async function* cut(chunks: Chunks, from: number, to: number): Chunks {
	let at = 0;
	for await (const chunk of chunks) {
		const piece = chunk.subarray(Math.max(0, from - at), Math.max(0, to - at));
		at += chunk.length;
		if (piece.length > 0) yield piece;
	}
}

/** Hands the bytes to `keep` in parts that end where a multiple of `size` does, and passes them on. */
export async function* inParts(
	chunks: Chunks,
	start: number,
	size: number,
	keep: (start: number, bytes: Uint8Array<ArrayBuffer>) => Promise<void>,
): Chunks {
	let part = new Uint8Array(size - (start % size));
	let filled = 0;
	let at = start;
	let kept: Promise<void> = Promise.resolve();
	for await (const chunk of chunks) {
		for (let taken = 0; taken < chunk.length; ) {
			const piece = chunk.subarray(taken, taken + part.length - filled);
			part.set(piece, filled);
			filled += piece.length;
			taken += piece.length;
			if (filled < part.length) continue;
			// One part is written while the next arrives, and no more than one.
			await kept;
			kept = keep(at, part);
			at += filled;
			part = new Uint8Array(size);
			filled = 0;
		}
		yield chunk;
	}
	await kept;
	if (filled > 0) await keep(at, part.slice(0, filled));
}

/** A stream that reads on when its reader does. `ended` is called when it will not read on. */
export function streamOf(
	chunks: Chunks,
	ended: () => void,
): ReadableStream<Uint8Array<ArrayBuffer>> {
	return new ReadableStream<Uint8Array<ArrayBuffer>>({
		async pull(controller) {
			try {
				const { done, value } = await chunks.next();
				if (!done) {
					controller.enqueue(value);
					return;
				}
				controller.close();
			} catch (error) {
				controller.error(error);
			}
			ended();
		},
		async cancel() {
			await chunks.return();
			ended();
		},
	});
}

export async function drain(chunks: Chunks): Promise<void> {
	for await (const _ of chunks);
}

/**
 * The page's ends of a process's standard streams: Web Streams over messages.
 *
 * Back-pressure goes both ways by counting bytes. A stream of output reports a chunk as taken once
 * its reader has room again; the guest may be `WINDOW` bytes ahead of that and then waits. Input is
 * accepted until `AHEAD` bytes are unread; then a writer waits for the guest.
 *
 * Pages give text where bytes are asked for, and buffers of other kinds. `bytesOf` takes what can be taken;
 * a chunk that holds no bytes fails the stream at both ends, for a reader that is not told waits for ever.
 */
import { PortholeError } from "../abi/error.ts";

const READ_AHEAD = 256 * 1024;
const AHEAD = 64 * 1024;

/** A copy of the bytes of a chunk: text as UTF-8, a buffer, or a view of one. Undefined for all else. */
export function bytesOf(chunk: unknown): Uint8Array<ArrayBuffer> | undefined {
	return typeof chunk === "string" ? new TextEncoder().encode(chunk) : viewOf(chunk)?.slice();
}

/** The bytes of a buffer or a view, shared or not, of this page or of a frame in it. */
function viewOf(chunk: unknown): Uint8Array | undefined {
	try {
		// What is no buffer, or one that has been given away, is an error of DataView.
		const view = ArrayBuffer.isView(chunk) ? chunk : new DataView(chunk as ArrayBuffer);
		return new Uint8Array(view.buffer, view.byteOffset, view.byteLength);
	} catch {
		return undefined;
	}
}

/** The error for a chunk that holds no bytes. */
export function notBytes(stream: string): PortholeError {
	return new PortholeError(
		"invalid-option",
		`${stream} takes strings, buffers and views of buffers`,
	);
}

/** How a stream counts its chunks. It must not throw: the stream would fail and its writer would never learn it. */
export function byBytes(chunk: unknown): number {
	return typeof chunk === "string" ? chunk.length : (viewOf(chunk)?.length ?? 0);
}

/** The page's end of stdout or stderr. */
export class OutputEnd {
	readonly stream: ReadableStream<Uint8Array>;
	readonly #taken: (bytes: number) => void;
	#controller: ReadableStreamDefaultController<Uint8Array> | null = null;
	#untaken = 0;
	/** Resolves when it has been closed, or has failed. */
	readonly ended: Promise<void>;
	#end!: () => void;

	/** `taken` is told how many bytes were consumed, `hangUp` that no more are wanted. */
	constructor(taken: (bytes: number) => void, hangUp: () => void) {
		this.#taken = taken;
		this.ended = new Promise((resolve) => {
			this.#end = resolve;
		});
		this.stream = new ReadableStream<Uint8Array>(
			{
				start: (controller) => {
					this.#controller = controller;
				},
				pull: () => this.#report(),
				cancel: () => {
					this.#controller = null;
					hangUp();
				},
			},
			new ByteLengthQueuingStrategy({ highWaterMark: READ_AHEAD }),
		);
	}

	push(chunk: Uint8Array): void {
		if (this.#controller === null) return;
		this.#untaken += chunk.length;
		this.#controller.enqueue(chunk);
		if ((this.#controller.desiredSize ?? 0) > 0) this.#report();
	}

	close(): void {
		this.#end();
		this.#controller?.close();
		this.#controller = null;
	}

	fail(error: Error): void {
		this.#end();
		this.#controller?.error(error);
		this.#controller = null;
	}

	#report(): void {
		if (this.#untaken === 0) return;
		const bytes = this.#untaken;
		this.#untaken = 0;
		this.#taken(bytes);
	}
}

/** The page's end of stdin. */
export class InputEnd {
	readonly stream: WritableStream<Uint8Array>;
	#unread = 0;
	#room: (() => void) | null = null;
	#over = false;

	/** `end` is told whether the input failed, rather than came to its end. */
	constructor(send: (chunk: Uint8Array) => void, end: (failed: boolean) => void) {
		const finish = (failed: boolean) => {
			if (!this.#over) end(failed);
			this.#over = true;
		};
		this.stream = new WritableStream<Uint8Array>(
			{
				write: async (chunk) => {
					const bytes = bytesOf(chunk);
					if (bytes === undefined) {
						finish(true);
						throw notBytes("stdin");
					}
					// What is written to a process that has ended goes nowhere, as into a closed pipe.
					if (this.#over) return;
					this.#unread += bytes.length;
					send(bytes);
					if (this.#unread > AHEAD) {
						await new Promise<void>((resolve) => {
							this.#room = resolve;
						});
					}
				},
				close: () => finish(false),
				abort: () => finish(true),
			},
			{ highWaterMark: AHEAD, size: byBytes },
		);
	}

	/** The guest has read so many bytes. */
	taken(bytes: number): void {
		this.#unread -= bytes;
		if (this.#unread <= AHEAD) this.#wake();
	}

	/** The process has ended: writers are let go. */
	over(): void {
		this.#over = true;
		this.#wake();
	}

	#wake(): void {
		this.#room?.();
		this.#room = null;
	}
}

/** Collects a stream. */
export class Collector {
	readonly #chunks: Uint8Array[] = [];
	#length = 0;

	push(chunk: Uint8Array): void {
		this.#chunks.push(chunk);
		this.#length += chunk.length;
	}

	bytes(): Uint8Array {
		const [only] = this.#chunks;
		if (only !== undefined && this.#chunks.length === 1) return only;
		const all = new Uint8Array(this.#length);
		let at = 0;
		for (const chunk of this.#chunks) {
			all.set(chunk, at);
			at += chunk.length;
		}
		return all;
	}
}

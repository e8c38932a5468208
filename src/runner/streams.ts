/**
 * The page's ends of a process's standard streams: Web Streams over messages.
 *
 * Back-pressure goes both ways by counting bytes. A stream of output reports a chunk as taken once
 * its reader has room again; the guest may be `WINDOW` bytes ahead of that and then waits. Input is
 * accepted until `AHEAD` bytes are unread; then a writer waits for the guest.
 */
const READ_AHEAD = 256 * 1024;
const AHEAD = 64 * 1024;

/** The page's end of stdout or stderr. */
export class OutputEnd {
	readonly stream: ReadableStream<Uint8Array>;
	readonly #taken: (bytes: number) => void;
	#controller: ReadableStreamDefaultController<Uint8Array> | null = null;
	#untaken = 0;

	/** `taken` is told how many bytes were consumed, `hangUp` that no more are wanted. */
	constructor(taken: (bytes: number) => void, hangUp: () => void) {
		this.#taken = taken;
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
		this.#controller?.close();
		this.#controller = null;
	}

	fail(error: Error): void {
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
				write: async (chunk, controller) => {
					const bytes = typeof chunk === "string" ? new TextEncoder().encode(chunk) : chunk;
					if (!(bytes instanceof Uint8Array)) {
						controller.error(new TypeError("stdin takes Uint8Array chunks"));
						return;
					}
					// What is written to a process that has ended goes nowhere, as into a closed pipe.
					if (this.#over) return;
					this.#unread += bytes.length;
					send(bytes.slice());
					if (this.#unread > AHEAD) {
						await new Promise<void>((resolve) => {
							this.#room = resolve;
						});
					}
				},
				close: () => finish(false),
				abort: () => finish(true),
			},
			new ByteLengthQueuingStrategy({ highWaterMark: AHEAD }),
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

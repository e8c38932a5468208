/**
 * What a command that is a function prints, on its way to the process.
 *
 * It has a window, as a guest's output has: once so many bytes are shown and not taken by the page, a write
 * waits. Echo is shown beyond it, because nothing could wait for room there.
 */
import { PortholeError } from "../abi/error.ts";
import { byBytes, bytesOf, notBytes } from "./process-streams.ts";

/** Bytes that a function may be ahead of the reader of its output. */
const WINDOW = 256 * 1024;

/** One of a function's outputs, with a window as a guest's output has. */
export class FunctionOutput {
	readonly #show: (chunk: Uint8Array) => void;
	/** Bytes shown and not yet taken. */
	#underway = 0;
	#gone = false;
	/** The function has returned, and waits for nothing. */
	#finished = false;
	/** Chunks that were given to the stream, and those that it has handed on. */
	#given = 0;
	#handed = 0;
	#waiting: (() => void)[] = [];

	constructor(show: (chunk: Uint8Array) => void) {
		this.#show = show;
	}

	/** A stream for the function. Its writes fail with `"EPIPE"` when the reader has gone, and with
	 *  `"invalid-option"` for what is no bytes. */
	stream(): WritableStream<Uint8Array> {
		const size = (chunk: unknown) => {
			this.#given += 1;
			return byBytes(chunk);
		};
		return new WritableStream(
			{
				write: async (chunk: unknown) => {
					this.#handed += 1;
					const bytes = bytesOf(chunk);
					if (bytes === undefined) throw notBytes("standard output");
					await this.write(bytes);
				},
			},
			{ highWaterMark: 1, size },
		);
	}

	/** Resolves once there is room again. Errors: `"EPIPE"`. */
	async write(bytes: Uint8Array): Promise<void> {
		this.#check();
		this.show(bytes);
		while (!this.hasRoom) await this.room();
		this.#check();
	}

	show(bytes: Uint8Array): void {
		if (this.#gone) return;
		this.#underway += bytes.length;
		this.#show(bytes);
	}

	get hasRoom(): boolean {
		return this.#gone || this.#finished || this.#underway <= WINDOW;
	}

	get gone(): boolean {
		return this.#gone;
	}

	/** Resolves when there may be room. */
	room(): Promise<void> {
		return new Promise((resolve) => {
			this.#waiting.push(resolve);
		});
	}

	/** The reader has taken so many bytes. */
	taken(bytes: number): void {
		this.#underway -= bytes;
		if (this.#underway <= WINDOW) this.#wake();
	}

	/** There is no reader any more. */
	hangUp(): void {
		this.#gone = true;
		this.#wake();
	}

	/** Hands on what the function has written without waiting for it. */
	async finish(): Promise<void> {
		this.#finished = true;
		this.#wake();
		// Nothing holds the stream up now, so it needs no more than one turn.
		if (this.#given > this.#handed) await new Promise((resolve) => setTimeout(resolve, 0));
	}

	#check(): void {
		if (this.#gone) throw brokenPipe();
	}

	#wake(): void {
		for (const resolve of this.#waiting.splice(0)) resolve();
	}
}

/** What a function gets that writes to what has no reader. */
export function brokenPipe(): PortholeError {
	return new PortholeError("EPIPE", "EPIPE: the reader of the function's output has gone");
}

/**
 * Connects a process's streams to what its options name: text, bytes or a stream to read, and
 * streams of the page's own to write to.
 */
import type { CommandOptions } from "./options.ts";
import type { ProcessEnd } from "./process.ts";

/** Resolves when all output has gone where it was to go. */
export async function attachStreams(
	process: ProcessEnd,
	options: CommandOptions,
	stdin: "pipe" | "null",
	warn: (message: string) => void,
): Promise<void> {
	const { stdin: input = stdin, stdout, stderr } = options;
	if (input instanceof ReadableStream) {
		// A source that fails is an I/O error for the guest, and then the end of its input. One that has
		// more than the guest wants is cancelled.
		const over = new AbortController();
		const stop = () => over.abort();
		process.status.then(stop, stop);
		input.pipeTo(process.stdin, { signal: over.signal }).catch((error) => {
			if (!process.over) warn(`the standard input of process ${process.pid} failed: ${error}`);
		});
	} else if (input instanceof Uint8Array || (input !== "pipe" && input !== "null")) {
		feed(process, typeof input === "string" ? new TextEncoder().encode(input) : input);
	}
	await Promise.all([
		stdout instanceof WritableStream && pour(process.stdout, stdout),
		stderr instanceof WritableStream && pour(process.stderr, stderr),
	]);
}

async function feed(process: ProcessEnd, bytes: Uint8Array): Promise<void> {
	const writer = process.stdin.getWriter();
	const piece = 65536;
	try {
		for (let at = 0; at < bytes.length; at += piece) {
			await writer.write(bytes.subarray(at, at + piece));
		}
		await writer.close();
	} catch {
		// The process has ended before it read all; that is its right.
	}
}

/** Streams being written to: a page may give one for both outputs, or for several processes. */
const turns = new WeakMap<WritableStream<Uint8Array>, Promise<void>>();

/** Writes all of `from` to `to`, chunk by chunk and in turns with others, and leaves `to` open. */
async function pour(
	from: ReadableStream<Uint8Array>,
	to: WritableStream<Uint8Array>,
): Promise<void> {
	const reader = from.getReader();
	try {
		for (;;) {
			const { done, value } = await reader.read();
			if (done) return;
			const turn = (turns.get(to) ?? Promise.resolve()).then(async () => {
				const writer = to.getWriter();
				try {
					await writer.write(value);
				} finally {
					writer.releaseLock();
				}
			});
			turns.set(
				to,
				turn.catch(() => {}),
			);
			await turn;
		}
	} catch (error) {
		// The page takes no more: the guest sees a broken pipe.
		await reader.cancel(error).catch(() => {});
	}
}

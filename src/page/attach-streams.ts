/**
 * Connects a process's streams to what its options name: text, bytes or a stream to read, and
 * streams of the page's own to write to.
 *
 * The locks of the page's streams are taken before the process starts and kept while it runs. A stream
 * that something else reads or writes is therefore refused at once, and nothing can come between later.
 * Each end hears when the other fails: the program by an error of its next call, the page by a warning.
 */
import { PortholeError } from "../abi/error.ts";
import { toWire } from "../bridge/far.ts";
import type { CommandOptions } from "./options.ts";
import type { ProcessEnd } from "./process-handle.ts";
import { bytesOf } from "./process-streams.ts";

type Warn = (message: string) => void;

/** The streams and bytes of one process's options. */
export class Attachment {
	/** All of the input, where the options give it as text or bytes. */
	readonly input: Uint8Array<ArrayBuffer> | undefined;
	#source: ReadableStreamDefaultReader<unknown> | undefined;
	readonly #targets: (Target | undefined)[] = [];

	private constructor({ stdin = "null" }: CommandOptions) {
		const given = stdin !== "pipe" && stdin !== "null" && !(stdin instanceof ReadableStream);
		this.input = given ? bytesOf(stdin) : undefined;
		if (given && !this.input)
			throw new PortholeError("invalid-option", "stdin has been given away");
	}

	/** Takes the locks. Errors: `"invalid-option"` for a stream that is locked, or has been read. */
	static async take(options: CommandOptions): Promise<Attachment> {
		const attachment = new Attachment(options);
		try {
			for (const name of ["stdout", "stderr"] as const) {
				const to = options[name];
				attachment.#targets.push(to instanceof WritableStream ? Target.take(to, name) : undefined);
			}
			if (options.stdin instanceof ReadableStream) {
				attachment.#source = await takeSource(options.stdin);
			}
		} catch (error) {
			attachment.drop();
			throw error;
		}
		return attachment;
	}

	/** Gives the locks back: there will be no process. */
	drop(): void {
		this.#source?.releaseLock();
		for (const target of this.#targets) target?.leave();
	}

	/** Resolves when all output has gone where it was to go. `given` says that the process has been
	 *  started with its input. */
	async attach(process: ProcessEnd, given: boolean, warn: Warn): Promise<void> {
		if (this.#source) pump(this.#source, process, warn);
		else if (this.input) feed(process, given ? new Uint8Array(0) : this.input);
		const [stdout, stderr] = this.#targets;
		const failed = (name: string) => (why: unknown) =>
			warn(`the stream for the standard ${name} of process ${process.pid} failed: ${why}`);
		await Promise.all([
			stdout && pour(process.stdout, stdout, failed("output")),
			stderr && pour(process.stderr, stderr, failed("error")),
		]);
	}
}

function refused(option: string, why: string): PortholeError {
	return new PortholeError("invalid-option", `${option} is a stream that ${why}`);
}

async function takeSource(
	stream: ReadableStream<unknown>,
): Promise<ReadableStreamDefaultReader<unknown>> {
	if (stream.locked) throw refused("stdin", "something else reads: it is locked");
	const used = isUsed(stream);
	const reader = stream.getReader();
	let closed = false;
	reader.closed.then(
		() => {
			closed = true;
		},
		() => {},
	);
	// A stream that is closed already says so at once. One of which only the beginning was read has a rest.
	await Promise.resolve();
	if (!used || !closed) return reader;
	reader.releaseLock();
	throw refused("stdin", "has been read already; give a new one to each process");
}

/** Whether somebody has read of a stream: a Response says so, and leaves the stream as it is. */
function isUsed(stream: ReadableStream<unknown>): boolean {
	try {
		return new Response(stream as ReadableStream<Uint8Array<ArrayBuffer>>).body === null;
	} catch {
		return true;
	}
}

/** Writes all that `from` has to the process. A source that fails is an I/O error for the guest, and then
 *  the end of its input. One that has more than the guest wants is cancelled. */
async function pump(
	from: ReadableStreamDefaultReader<unknown>,
	process: ProcessEnd,
	warn: Warn,
): Promise<void> {
	const stop = () => void from.cancel().catch(() => {});
	process.gone.then(stop);
	// What is no bytes is refused there.
	const to = process.stdin.getWriter() as WritableStreamDefaultWriter<unknown>;
	try {
		for (;;) {
			const { done, value } = await from.read();
			if (done) break;
			await to.write(value);
		}
		await to.close();
	} catch (error) {
		if (process.over) return;
		await to.abort(error).catch(() => {});
		// What was thrown may be anything, also what cannot be made a text.
		warn(`the standard input of process ${process.pid} failed: ${toWire(error).message}`);
		stop();
	}
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

/** A stream of the page's that processes write to: one may take both outputs, or those of several. */
class Target {
	static readonly #all = new WeakMap<WritableStream<Uint8Array>, Target>();
	readonly writer: WritableStreamDefaultWriter<Uint8Array>;
	readonly #stream: WritableStream<Uint8Array>;
	#users = 0;

	private constructor(stream: WritableStream<Uint8Array>) {
		this.#stream = stream;
		this.writer = stream.getWriter();
	}

	/** Errors: `"invalid-option"`. */
	static take(stream: WritableStream<Uint8Array>, option: string): Target {
		let target = Target.#all.get(stream);
		if (target === undefined) {
			if (stream.locked) throw refused(option, "something else writes to: it is locked");
			target = new Target(stream);
			Target.#all.set(stream, target);
		}
		target.#users += 1;
		return target;
	}

	leave(): void {
		this.#users -= 1;
		if (this.#users > 0) return;
		Target.#all.delete(this.#stream);
		this.writer.releaseLock();
	}
}

/** Writes all of `from` to `to`, chunk by chunk and in turns with others, and leaves `to` open. */
async function pour(
	from: ReadableStream<Uint8Array>,
	to: Target,
	failed: (why: unknown) => void,
): Promise<void> {
	const reader = from.getReader();
	const { writer } = to;
	let broken = false;
	// The page takes no more, perhaps while the guest prints nothing: its next write is a broken pipe.
	const hangUp = (why: unknown) => {
		if (!broken) failed(why);
		broken = true;
		return reader.cancel(why).catch(() => {});
	};
	let over = false;
	writer.closed.catch((why) => (over ? undefined : hangUp(why)));
	try {
		for (;;) {
			const { done, value } = await reader.read();
			if (done) return;
			await writer.write(value).catch(hangUp);
		}
	} catch {
		// The process broke; its status says why.
	} finally {
		over = true;
		to.leave();
	}
}

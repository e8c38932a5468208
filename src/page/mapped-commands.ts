/**
 * Commands that the page has mapped, for programs that start others: see `kernel/mapped-commands.ts`. Loaded with the
 * first program whose options map some.
 */
import { PortholeError } from "../abi/error.ts";
import { giveAway, type Remote, type RemoteObjects, reach } from "../bridge/far.ts";
import type {
	FunctionStreams,
	MappedCommands,
	WireCommand,
	WireMapped,
	WireTerminal,
} from "../protocol/sandbox.ts";
import { type Body, described } from "./function-command.ts";
import { brokenPipe } from "./function-output.ts";
import type { CommandContext, CommandOptions, Source } from "./options.ts";
import type { Package } from "./package.ts";
import { bytesOf, notBytes } from "./process-streams.ts";

type Target = Package | WebAssembly.Module | Source;

/** Lends what the worker asks about these commands. `resolve` makes a program of a target, loading it where need be. */
export function lendMapped(
	mapped: NonNullable<CommandOptions["mappedCommands"]>,
	resolve: (target: Target, alias: string) => Promise<WireCommand>,
	remoteObjects: RemoteObjects,
): WireMapped {
	const running = new Set<() => void>();
	// What is no own key was not checked.
	const target = (name: string) => (Object.hasOwn(mapped, name) ? mapped[name] : undefined);
	const commands: MappedCommands = {
		async resolve(name) {
			const to = target(name);
			// Of all values that `mappedCommands` may hold, only a Body is a function.
			return typeof to === "function" ? null : resolve(to as Target, name);
		},
		async start(name, args, env, port, terminal) {
			const body = target(name);
			if (typeof body !== "function") {
				port.close();
				throw new PortholeError("missing-command", `${name} is no function any more`);
			}
			run(body as Body, args, env, port, terminal, running);
		},
	};
	const stopAll = () => {
		for (const stop of running) stop();
	};
	return { names: Object.keys(mapped), page: remoteObjects.lend(commands, stopAll) };
}

/** Runs a function whose streams are the descriptors of a process behind `port`. While it runs, what stops it is in
 *  `running`. */
async function run(
	body: Body,
	args: readonly string[],
	env: readonly string[],
	port: MessagePort,
	terminal: WireTerminal | undefined,
	running: Set<() => void>,
): Promise<void> {
	const streams = new OpenStreams(port);
	running.add(streams.stop);
	const context: CommandContext = {
		args,
		env: Object.fromEntries(env.map(variable)),
		stdin: streams.stdin,
		stdout: streams.stdout.stream,
		stderr: streams.stderr.stream,
		signal: streams.signal,
		...(terminal && { terminal }),
	};
	try {
		const code = await body(context);
		await streams.exit(Number.isInteger(code) ? code : 0);
	} catch (error) {
		await streams.exit(1, `${described(error)}\n`);
	} finally {
		running.delete(streams.stop);
	}
}

function variable(item: string): [name: string, value: string] {
	const equals = item.indexOf("=");
	return equals < 0 ? [item, ""] : [item.slice(0, equals), item.slice(equals + 1)];
}

/** The streams of a function, until its process is over. */
class OpenStreams {
	/** Ends the use of the streams: the process is over, or nothing will answer any more. */
	readonly stop: () => void;
	readonly stdin: ReadableStream<Uint8Array>;
	readonly stdout = new Output(
		(chunk) => this.#write(1, chunk),
		() => this.#close(1),
	);
	readonly stderr = new Output(
		(chunk) => this.#write(2, chunk),
		() => this.#close(2),
	);
	readonly #port: MessagePort;
	readonly #streams: Remote<FunctionStreams>;
	readonly #aborted = new AbortController();
	/** Rejects each call that has no answer yet: a promise that all were raced with would keep their answers. */
	readonly #open = new Set<(why: Error) => void>();
	#returned = false;
	#over = false;

	constructor(port: MessagePort) {
		this.#port = port;
		this.#streams = reach<FunctionStreams>(port);
		this.stop = () => this.#stop();
		this.#streams.ended().then(this.stop, this.stop);
		this.stdin = new ReadableStream<Uint8Array>(
			{
				pull: async (controller) => {
					const chunk = await this.#call(() => this.#streams.read());
					if (chunk === null) controller.close();
					else controller.enqueue(chunk);
				},
				cancel: () => this.#close(0),
			},
			// What the function does not read stays for another process.
			{ highWaterMark: 0 },
		);
	}

	get signal(): AbortSignal {
		return this.#aborted.signal;
	}

	/** The function has returned `code`, or has thrown what `complaint` says. */
	async exit(code: number, complaint = ""): Promise<void> {
		this.#returned = true;
		await this.stdout.idle();
		await this.stderr.idle();
		if (complaint !== "") await this.#write(2, complaint).catch(() => {});
		await this.#call(() => this.#streams.exit(code)).catch(() => {});
	}

	async #write(fd: 1 | 2, chunk: unknown): Promise<void> {
		const bytes = bytesOf(chunk);
		if (bytes === undefined) throw notBytes("standard output");
		try {
			await this.#call(() => this.#streams.write(fd, giveAway(bytes, [bytes.buffer])));
		} catch (error) {
			throw this.#over || (error as PortholeError).code === "EPIPE" ? brokenPipe() : error;
		}
	}

	async #close(fd: 0 | 1 | 2): Promise<void> {
		await this.#call(() => this.#streams.close(fd)).catch(() => {});
	}

	#call<T>(ask: () => Promise<T>): Promise<T> {
		return new Promise((resolve, reject) => {
			if (this.#over) throw over();
			this.#open.add(reject);
			ask()
				.then(resolve, reject)
				.finally(() => this.#open.delete(reject));
		});
	}

	#stop(): void {
		if (this.#over) return;
		this.#over = true;
		for (const reject of this.#open) reject(over());
		if (!this.#returned) this.#aborted.abort();
		this.#port.close();
	}
}

/** One of a function's outputs. */
class Output {
	/** Its writes fail with `"EPIPE"` when the reader has gone, and with `"invalid-option"` for what is no bytes. */
	readonly stream: WritableStream<Uint8Array>;
	/** Chunks that the function has given to the stream, and that have not been written yet. */
	#unwritten = 0;
	#over = false;
	#wake = () => {};

	constructor(write: (chunk: unknown) => Promise<void>, close: () => Promise<void>) {
		const end = () => {
			this.#over = true;
			this.#wake();
		};
		const size = () => {
			this.#unwritten += 1;
			return 1;
		};
		const sink = {
			write: async (chunk: unknown) => {
				try {
					await write(chunk);
					this.#unwritten -= 1;
					this.#wake();
				} catch (error) {
					end();
					throw error;
				}
			},
			close: () => {
				end();
				return close();
			},
			abort: () => {
				end();
				return close();
			},
		};
		this.stream = new WritableStream(sink, { highWaterMark: 1, size });
	}

	/** Resolves once all that it was given has been written, or cannot be. */
	async idle(): Promise<void> {
		while (this.#unwritten > 0 && !this.#over) {
			await new Promise<void>((resolve) => {
				this.#wake = resolve;
			});
		}
	}
}

function over(): PortholeError {
	return new PortholeError("ESRCH", "ESRCH: the process of the function is over");
}

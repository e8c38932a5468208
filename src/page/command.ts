/**
 * A command: what is to be run and how, and nothing started yet.
 */
import { PortholeError } from "../abi/error.ts";
import { takeNoMore } from "../abi/options.ts";
import type { ExitStatus } from "../protocol/sandbox.ts";
import { type CommandOptions, checkCommand } from "./options.ts";
import type { OutputMode, Process, ProcessEnd } from "./process-handle.ts";

/** What a command that ran to its end has left. */
export interface Output extends ExitStatus {
	readonly stdout: Uint8Array;
	readonly stderr: Uint8Array;
	/** Standard output as text. */
	text(): string;
}

/** Starts a process; `stdin` is what becomes of its input where the options do not say. */
export type Start = (
	args: readonly string[],
	options: CommandOptions,
	output: OutputMode,
	stdin: "pipe" | "null",
) => Promise<ProcessEnd>;

export class Command {
	static {
		takeNoMore(Command, "output spawn");
	}

	readonly #start: Start;
	readonly #args: readonly string[];
	readonly #options: CommandOptions;

	constructor(start: Start, args: readonly string[], options: CommandOptions) {
		checkCommand(args, options);
		this.#start = start;
		this.#args = args;
		this.#options = options;
	}

	/** Runs to the end and collects what was printed, also by what goes on when the program has ended. */
	async output(): Promise<Output> {
		if (this.#options.stdin === "pipe") {
			throw new PortholeError(
				"invalid-option",
				'stdin: "pipe" needs `spawn()`; `output()` takes a string, bytes or a stream',
			);
		}
		const process = await this.#start(this.#args, this.#options, "collect", "null");
		const status = await process.status;
		await process.printed;
		const stdout = process.collected.stdout.bytes();
		return {
			...status,
			stdout,
			stderr: process.collected.stderr.bytes(),
			text: () => new TextDecoder().decode(stdout),
		};
	}

	/** Resolves when the guest is about to start. */
	spawn(): Promise<Process> {
		return this.#start(this.#args, this.#options, "stream", "pipe");
	}
}

/**
 * A command that is a JavaScript function of the page: a process without a guest.
 *
 * Its streams behave as those of a guest: a write waits while the reader is behind, fails when the reader
 * has gone, and takes text, buffers and views of buffers.
 */
import { PortholeError } from "../abi/error.ts";
import type { ToGuest } from "../protocol/sandbox.ts";
import type { Size } from "../tty/terminal.ts";
import { FunctionOutput } from "./function-output.ts";
import type { CommandContext } from "./options.ts";
import { type OutputMode, ProcessEnd } from "./process-handle.ts";

export type Body = (context: CommandContext) => number | Promise<number>;

type Env = Readonly<Record<string, string>> | undefined;

/** The host's variables, the sandbox's and the command's, the last strongest. */
type Environments = readonly [
	host: readonly (readonly [string, string])[],
	sandbox?: Env,
	own?: Env,
];

/** Runs `body` as the process `pid`. What it throws is printed to standard error; the code is 1. */
export async function startFunction(
	pid: number,
	modes: readonly [OutputMode, OutputMode],
	body: Body,
	args: readonly string[],
	[host, sandbox, own]: Environments,
	size?: Size,
): Promise<ProcessEnd> {
	const env = { ...Object.fromEntries(host), ...sandbox, ...own };
	const stop = new AbortController();
	const send = (message: ToGuest) => {
		if (message.kind === "kill") end(message.signal, message.code);
		else if (message.kind === "taken") outputs[message.fd - 1]?.taken(message.bytes);
		else if (message.kind === "hangup") outputs[message.fd - 1]?.hangUp();
		else input.receive(message);
	};
	const process = new ProcessEnd(pid, modes, send, () => {});
	const end = (signal: string, code: number) => {
		process.finish({ code, signal });
		for (const output of outputs) output.hangUp();
		stop.abort();
	};
	const taken = (bytes: number) => process.receive({ from: pid, kind: "taken", bytes });
	const show = (fd: 1 | 2) => (chunk: Uint8Array) =>
		process.receive({ from: pid, kind: "output", fd, chunk });
	const outputs = [new FunctionOutput(show(1)), new FunctionOutput(show(2))] as const;
	const terminal =
		size &&
		new (await import("./function-terminal.ts")).FunctionTerminal(size, {
			screen: outputs[0],
			taken,
			end,
		});
	const input = terminal ?? plainInput(taken);
	const output = (fd: 1 | 2) => terminal?.output() ?? (outputs[fd - 1] as FunctionOutput).stream();
	const context: CommandContext = {
		args,
		env,
		stdin: input.stdin,
		stdout: output(1),
		stderr: output(2),
		signal: stop.signal,
		...(terminal && {
			terminal: {
				get columns() {
					return terminal.window.columns;
				},
				get rows() {
					return terminal.window.rows;
				},
			},
		}),
	};
	Promise.resolve()
		.then(() => body(context))
		.then(
			(code) => (Number.isInteger(code) ? code : 0),
			(error) => {
				outputs[terminal ? 0 : 1].show(new TextEncoder().encode(`${described(error)}\n`));
				return 1;
			},
		)
		.then(async (code) => {
			await Promise.all(outputs.map((each) => each.finish()));
			process.finish({ code });
			terminal?.close();
		});
	return process;
}

/** What was thrown, which may be anything, also what has no text. */
export function described(error: unknown): string {
	try {
		return String(error);
	} catch {
		return "the function threw a value that is no text";
	}
}

/** Input that comes as it is written. */
function plainInput(taken: (bytes: number) => void) {
	const input = new TransformStream<Uint8Array, Uint8Array>();
	const feed = input.writable.getWriter();
	const receive = (message: ToGuest) => {
		if (message.kind === "stdin") {
			// What a function that has cancelled its input does not read is dropped.
			const over = () => taken(message.chunk.length);
			feed.write(message.chunk).then(over, over);
		} else if (message.kind === "end") {
			const end = message.failed
				? feed.abort(new PortholeError("EIO", "EIO: the standard input failed"))
				: feed.close();
			end.catch(() => {});
		}
	};
	return { stdin: input.readable, receive };
}

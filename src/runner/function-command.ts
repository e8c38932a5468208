/**
 * A command that is a JavaScript function of the page: a process without a guest.
 */
import type { Size } from "../fs/terminal.ts";
import type { CommandContext } from "./options.ts";
import { ProcessEnd, type Sink } from "./process.ts";
import type { ToGuest } from "./protocol.ts";

export type Body = (context: CommandContext) => number | Promise<number>;

/** Runs `body` as the process `pid`. What it throws is printed to standard error; the code is 1. */
export async function startFunction(
	pid: number,
	sinks: readonly [Sink, Sink],
	body: Body,
	args: readonly string[],
	env: Readonly<Record<string, string>>,
	size?: Size,
): Promise<ProcessEnd> {
	const stop = new AbortController();
	const send = (message: ToGuest) => {
		if (message.kind === "kill") end(message.signal, message.code);
		else ways.receive(message);
	};
	const process = new ProcessEnd(pid, sinks, send, () => {});
	const end = (signal: string, code: number) => {
		process.settle({ code, signal });
		stop.abort();
	};
	const taken = (bytes: number) => process.receive({ from: pid, kind: "taken", bytes });
	const show = (fd: 1 | 2, chunk: Uint8Array) =>
		process.receive({ from: pid, kind: "output", fd, chunk });
	const terminal =
		size &&
		new (await import("./function-terminal.ts")).FunctionTerminal(size, {
			show: (bytes) => show(1, bytes),
			taken,
			end,
		});
	const ways = terminal ?? plainWays(taken);
	const output = (fd: 1 | 2) =>
		terminal?.output() ?? new WritableStream<Uint8Array>({ write: (chunk) => show(fd, chunk) });
	const context: CommandContext = {
		args,
		env,
		stdin: ways.stdin,
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
			(code) => process.settle({ code: Number.isInteger(code) ? code : 0 }),
			(error) => {
				show(terminal ? 1 : 2, new TextEncoder().encode(`${String(error)}\n`));
				process.settle({ code: 1 });
			},
		);
	return process;
}

/** Input that comes as it is written. */
function plainWays(taken: (bytes: number) => void) {
	const input = new TransformStream<Uint8Array, Uint8Array>();
	const feed = input.writable.getWriter();
	const receive = (message: ToGuest) => {
		if (message.kind === "stdin") {
			const { chunk } = message;
			feed.write(chunk).then(
				() => taken(chunk.length),
				() => {},
			);
		} else if (message.kind === "end") {
			const end = message.failed ? feed.abort(new Error("the input failed")) : feed.close();
			end.catch(() => {});
		}
	};
	return { stdin: input.readable, receive };
}

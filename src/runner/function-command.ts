/**
 * A command that is a JavaScript function of the page: a process without a guest.
 */
import type { CommandContext } from "./options.ts";
import { ProcessEnd, type Sink } from "./process.ts";
import type { ToGuest } from "./protocol.ts";

export type Body = (context: CommandContext) => number | Promise<number>;

/** Runs `body` as the process `pid`. What it throws is printed to standard error; the code is 1. */
export function startFunction(
	pid: number,
	sinks: readonly [Sink, Sink],
	body: Body,
	args: readonly string[],
	env: Readonly<Record<string, string>>,
): ProcessEnd {
	const stop = new AbortController();
	const input = new TransformStream<Uint8Array, Uint8Array>();
	const feed = input.writable.getWriter();
	const send = (message: ToGuest) => {
		if (message.kind === "stdin") {
			const { chunk } = message;
			feed.write(chunk).then(
				() => process.receive({ from: pid, kind: "taken", bytes: chunk.length }),
				() => {},
			);
		} else if (message.kind === "end") {
			const end = message.failed ? feed.abort(new Error("the input failed")) : feed.close();
			end.catch(() => {});
		} else if (message.kind === "kill") {
			process.settle({ code: message.code, signal: message.signal });
			stop.abort();
		}
	};
	const process = new ProcessEnd(pid, sinks, send, () => {});
	const output = (fd: 1 | 2) =>
		new WritableStream<Uint8Array>({
			write: (chunk) => process.receive({ from: pid, kind: "output", fd, chunk }),
		});
	const context: CommandContext = {
		args,
		env,
		stdin: input.readable,
		stdout: output(1),
		stderr: output(2),
		signal: stop.signal,
	};
	Promise.resolve()
		.then(() => body(context))
		.then(
			(code) => process.settle({ code: Number.isInteger(code) ? code : 0 }),
			(error) => {
				const chunk = new TextEncoder().encode(`${String(error)}\n`);
				process.receive({ from: pid, kind: "output", fd: 2, chunk });
				process.settle({ code: 1 });
			},
		);
	return process;
}

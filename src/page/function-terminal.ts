/**
 * The terminal of a command that is a function of the page: the same line discipline as programs have,
 * in the page's own thread. It ends a function by a signal as it ends a program that has no handlers.
 */

import { EPIPE } from "../abi/errno.ts";
import { SIGNALS } from "../abi/signals.ts";
import { awaitCall } from "../bridge/await-call.ts";
import { LoopBridge } from "../bridge/loop.ts";
import type { ToGuest } from "../protocol/sandbox.ts";
import { type Size, Terminal } from "../tty/terminal.ts";
import { brokenPipe, type FunctionOutput } from "./function-output.ts";
import { bytesOf, notBytes } from "./process-streams.ts";

/** Bytes that are read at once, and that the screen takes at once. */
const PIECE = 65536;

/** The function's process, as its terminal sees it. */
interface TerminalOwner {
	readonly screen: FunctionOutput;
	/** So many bytes of input have been read. */
	taken(bytes: number): void;
	end(signal: string, code: number): void;
}

export class FunctionTerminal {
	readonly stdin: ReadableStream<Uint8Array>;
	readonly #bridge = new LoopBridge(() =>
		Promise.reject(new Error("no object of another thread is used here")),
	);
	readonly #terminal: Terminal;
	readonly #owner: TerminalOwner;
	#fed = 0;
	#reported = 0;

	constructor(size: Size, owner: TerminalOwner) {
		this.#owner = owner;
		const screen = {
			room: () => this.#room(),
			show: (bytes: Uint8Array) => owner.screen.show(bytes.slice()),
		};
		const signal = (name: string, editing: boolean) => this.#signal(name, editing);
		const onRead = () => this.#report();
		this.#terminal = new Terminal({ bridge: this.#bridge, screen, signal, onRead }, size);
		const buffer = new Uint8Array(PIECE);
		this.stdin = new ReadableStream<Uint8Array>(
			{
				pull: async (controller) => {
					const read = () => this.#terminal.read(buffer, 0, PIECE, 0);
					const count = await awaitCall(this.#bridge, read);
					if (count === 0) controller.close();
					else controller.enqueue(buffer.slice(0, count));
				},
			},
			// A line is waited for when the function reads it, and not before.
			{ highWaterMark: 0 },
		);
	}

	/** What the terminal is now. */
	get window(): Size {
		return this.#terminal.window;
	}

	/** A stream onto the screen. */
	output(): WritableStream<Uint8Array> {
		return new WritableStream<Uint8Array>({
			write: async (chunk: unknown) => {
				const bytes = bytesOf(chunk);
				if (bytes === undefined) throw notBytes("standard output");
				for (let at = 0; at < bytes.length; ) {
					const write = () => this.#terminal.write(bytes, at, bytes.length - at, 0);
					const count = await awaitCall(this.#bridge, write);
					if (count < 0) throw brokenPipe();
					at += count;
				}
			},
		});
	}

	/** The function has ended. */
	close(): void {
		this.#bridge.close();
	}

	/** What the screen takes at once; PENDING, or EPIPE. */
	#room(): number {
		const { screen } = this.#owner;
		if (screen.gone) return EPIPE;
		if (screen.hasRoom) return PIECE;
		const ticket = this.#bridge.ticket<void>();
		screen.room().then(() => ticket.answer());
		return this.#bridge.pending(ticket);
	}

	receive(message: ToGuest): void {
		if (message.kind === "stdin") {
			this.#fed += message.chunk.length;
			this.#terminal.feed(message.chunk);
			this.#report();
		} else if (message.kind === "end") this.#terminal.end();
		else if (message.kind === "resize") this.#terminal.resize(message);
	}

	#signal(name: string, editing: boolean): boolean {
		const number = SIGNALS.get(name);
		if (number === undefined || (editing && name === "SIGINT")) return false;
		this.#owner.end(name, 128 + number);
		return true;
	}

	#report(): void {
		const taken = this.#fed - this.#terminal.held;
		// A line that was being typed may become readable again.
		if (taken <= this.#reported) return;
		this.#owner.taken(taken - this.#reported);
		this.#reported = taken;
	}
}

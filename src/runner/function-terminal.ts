/**
 * The terminal of a command that is a function of the page: the same line discipline as programs have,
 * in the page's own thread. It ends a function by a signal as it ends a program that has no handlers.
 */
import { SIGNALS } from "../abi/constants.ts";
import { LoopBridge } from "../bridge/loop.ts";
import { type Size, Terminal } from "../fs/terminal.ts";
import type { ToGuest } from "./protocol.ts";
import { settle } from "./settle.ts";

/** Bytes that are read at once, and that the screen takes at once. */
const PIECE = 65536;

/** The way back to the process. */
interface Ways {
	show(bytes: Uint8Array): void;
	/** So many bytes of input have been read. */
	taken(bytes: number): void;
	end(signal: string, code: number): void;
}

export class FunctionTerminal {
	readonly stdin: ReadableStream<Uint8Array>;
	readonly #bridge = new LoopBridge(() => Promise.reject(new Error("nobody is far away")));
	readonly #terminal: Terminal;
	readonly #ways: Ways;
	#fed = 0;
	#reported = 0;

	constructor(size: Size, ways: Ways) {
		this.#ways = ways;
		const screen = {
			room: () => PIECE,
			show: (bytes: Uint8Array) => ways.show(bytes.slice()),
		};
		const signal = (name: string, editing: boolean) => this.#signal(name, editing);
		const onRead = () => this.#report();
		this.#terminal = new Terminal({ bridge: this.#bridge, screen, signal, onRead }, size);
		const buffer = new Uint8Array(PIECE);
		this.stdin = new ReadableStream<Uint8Array>(
			{
				pull: async (controller) => {
					const read = () => this.#terminal.read(buffer, 0, PIECE, 0);
					const count = await settle(this.#bridge, read);
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
			write: (chunk) => {
				const { length } = chunk;
				for (let at = 0; at < length; ) at += this.#terminal.write(chunk, at, length - at, 0);
			},
		});
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
		this.#ways.end(name, 128 + number);
		return true;
	}

	#report(): void {
		const taken = this.#fed - this.#terminal.held;
		// A line that was being typed may become readable again.
		if (taken <= this.#reported) return;
		this.#ways.taken(taken - this.#reported);
		this.#reported = taken;
	}
}

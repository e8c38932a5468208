/**
 * The page's end of a connection to a program: Web Streams over a channel of their own.
 *
 * Loaded when a page first connects. Back-pressure goes both ways by counting bytes, as for the standard streams.
 */
import { PortholeError } from "../abi/error.ts";
import { giveAway } from "../bridge/far.ts";
import type { LinkMessage } from "../protocol/link.ts";
import { byBytes, bytesOf, notBytes, OutputEnd } from "./process-streams.ts";
import type { WorkerLife } from "./worker-life.ts";

/** A connection to a program, as a pair of streams. */
export interface SandboxConnection {
	/** What the program sends. Cancelling it tells the program that nothing more is read. */
	readonly readable: ReadableStream<Uint8Array>;
	/** What the program receives: strings and buffers. Closing it tells the program that no more will come; `readable`
	 *  stays open. */
	readonly writable: WritableStream<Uint8Array>;
}

const AHEAD = 64 * 1024;
const LAST_PORT = 65535;

/** Errors: `"invalid-option"`, ECONNREFUSED, ENOBUFS, `"closed"`. */
export function connect(life: WorkerLife, port: number): Promise<SandboxConnection> {
	if (!Number.isInteger(port) || port < 1 || port > LAST_PORT) {
		throw new PortholeError("invalid-option", "port is not a whole number from 1 to 65535");
	}
	const { port1, port2 } = new MessageChannel();
	return new Promise((resolve, reject) => {
		const connection = new PageEnd(port1, resolve);
		// It is answered when the connection is over, which the channel has told by then.
		life.call("connect", port, giveAway(port2, [port2])).catch((error) => {
			reject(error);
			connection.fail(error);
		});
	});
}

/** The page's end of a channel; `opened` is called once the worker's end is connected. */
export class PageEnd implements SandboxConnection {
	readonly writable: WritableStream<Uint8Array>;
	readonly #output: OutputEnd;
	readonly #channel: MessagePort;
	readonly #opened: (connection: SandboxConnection) => void;
	#controller: WritableStreamDefaultController | null = null;
	#unread = 0;
	#room: (() => void) | null = null;

	constructor(channel: MessagePort, opened: (connection: SandboxConnection) => void) {
		this.#channel = channel;
		this.#opened = opened;
		channel.onmessage = ({ data }: MessageEvent<LinkMessage>) => this.#receive(data);
		this.#output = new OutputEnd(
			(bytes) => this.#send({ kind: "taken", bytes }),
			() => this.#send({ kind: "stop" }),
		);
		this.writable = new WritableStream<Uint8Array>(
			{
				start: (controller) => {
					this.#controller = controller;
				},
				write: (chunk) => this.#write(chunk),
				close: () => this.#finish({ kind: "end" }),
				abort: () => this.#finish({ kind: "reset" }),
			},
			{ highWaterMark: AHEAD, size: byBytes },
		);
	}

	get readable(): ReadableStream<Uint8Array> {
		return this.#output.stream;
	}

	/** Both directions break off. */
	fail(error: Error): void {
		this.#output.fail(error);
		this.#stop(error);
	}

	async #write(chunk: unknown): Promise<void> {
		const bytes = bytesOf(chunk);
		if (bytes === undefined) {
			this.#finish({ kind: "reset" });
			throw notBytes("a connection");
		}
		this.#unread += bytes.length;
		this.#send({ kind: "data", chunk: bytes }, [bytes.buffer]);
		if (this.#unread <= AHEAD) return;
		await new Promise<void>((resolve) => {
			this.#room = resolve;
		});
	}

	#receive(message: LinkMessage): void {
		if (message.kind === "open") this.#opened(this);
		else if (message.kind === "data") this.#output.push(message.chunk);
		else if (message.kind === "end") this.#output.close();
		else if (message.kind === "taken") {
			this.#unread -= message.bytes;
			if (this.#unread <= AHEAD) this.#wake();
		} else if (message.kind === "stop") this.#stop(broken("EPIPE", "reads no more"));
		else this.fail(broken("ECONNRESET", "has closed the connection without reading all"));
	}

	/** No more is written. */
	#finish(message: LinkMessage): void {
		if (this.#controller === null) return;
		this.#controller = null;
		this.#send(message);
	}

	#stop(error: Error): void {
		this.#controller?.error(error);
		this.#controller = null;
		this.#wake();
	}

	#wake(): void {
		this.#room?.();
		this.#room = null;
	}

	#send(message: LinkMessage, give: Transferable[] = []): void {
		this.#channel.postMessage(message, give);
	}
}

function broken(code: string, what: string): PortholeError {
	return new PortholeError(code, `the program at the other end ${what}`);
}

/**
 * A connection whose other end is the page's: a socket on one side, messages on the other.
 *
 *     socket.read  ──> data ──> page      waits while the page is WINDOW bytes behind
 *     socket.write <── data <── page      each part that the socket has taken is told
 */
import { ECONNREFUSED, ECONNRESET } from "../abi/errno.ts";
import { errnoName } from "../abi/errno-names.ts";
import { PortholeError } from "../abi/error.ts";
import { awaitCall } from "../bridge/await-call.ts";
import type { Bridge } from "../bridge/bridge.ts";
import type { LinkMessage } from "../protocol/link.ts";
import { READING, WRITING } from "./socket.ts";
import type { StreamSocket } from "./stream.ts";

/** Bytes that the page may be behind. */
const WINDOW = 256 * 1024;
/** The most that is sent at once. */
const PIECE = 65536;

/** Connects a socket with what listens at a port of this machine, and carries what it sends and receives. Errors:
 *  ECONNREFUSED, ENOBUFS. */
export async function connect(
	bridge: Bridge,
	socket: StreamSocket,
	port: number,
	channel: MessagePort,
): Promise<void> {
	const { family } = socket;
	let done: number = 0;
	for (const host of ["127.0.0.1", "::1"]) {
		done = await awaitCall(bridge, () => socket.connect({ family, host, port }));
		if (done !== ECONNREFUSED) break;
	}
	if (done === 0) return carry(bridge, socket, channel);
	const why =
		done === ECONNREFUSED
			? "no program listens there; the event `listen` tells when one does"
			: "too many sockets are open; close some";
	throw new PortholeError(errnoName(done), `port ${port} cannot be connected to: ${why}`);
}

/** Carries bytes between a connected socket and `channel`. Resolves when both directions are over; then it is closed. */
export async function carry(
	bridge: Bridge,
	socket: StreamSocket,
	channel: MessagePort,
): Promise<void> {
	const link = new Link(bridge, socket, channel);
	link.watch();
	await Promise.all([link.toPage(), link.fromPage()]);
	socket.closed();
	channel.close();
}

class Link {
	readonly #bridge: Bridge;
	readonly #socket: StreamSocket;
	readonly #channel: MessagePort;
	/** What the page has sent and the socket has not taken; null is its end. */
	readonly #queue: (Uint8Array | null)[] = [];
	#ahead = 0;
	#stopped = false;
	#isGone = false;
	/** Wakes the direction that waits for a message. */
	#arrived: () => void = () => {};
	#taken: () => void = () => {};

	constructor(bridge: Bridge, socket: StreamSocket, channel: MessagePort) {
		this.#bridge = bridge;
		this.#socket = socket;
		this.#channel = channel;
		channel.onmessage = ({ data }: MessageEvent<LinkMessage>) => this.#receive(data);
		this.#send({ kind: "open" });
	}

	/** Notices when the socket takes no more, also while the page sends nothing. */
	async watch(): Promise<void> {
		await awaitCall(this.#bridge, () => this.#socket.gone());
		this.#isGone = true;
		this.#arrived();
	}

	async toPage(): Promise<void> {
		const socket = this.#socket;
		while (!this.#stopped) {
			if (this.#ahead >= WINDOW) {
				await new Promise<void>((resolve) => {
					this.#taken = resolve;
				});
				continue;
			}
			const n = await awaitCall(this.#bridge, () => socket.readable());
			const chunk = new Uint8Array(Math.min(Math.max(n, 0), PIECE));
			const read = n < 0 ? n : socket.read(chunk, 0, chunk.length, 0);
			if (read < 0) this.#send({ kind: "reset" });
			else if (read === 0) this.#send({ kind: "end" });
			else this.#send({ kind: "data", chunk }, [chunk.buffer]);
			if (read <= 0) return;
			this.#ahead += read;
		}
	}

	async fromPage(): Promise<void> {
		const socket = this.#socket;
		for (;;) {
			const chunk = this.#queue.shift();
			if (chunk === null) {
				socket.shutdown(WRITING);
				return;
			}
			if (chunk === undefined) {
				if (this.#isGone) {
					this.#send({ kind: "stop" });
					return;
				}
				await new Promise<void>((resolve) => {
					this.#arrived = resolve;
				});
				continue;
			}
			for (let at = 0; at < chunk.length; ) {
				const n = await awaitCall(this.#bridge, () =>
					socket.write(chunk, at, chunk.length - at, 0),
				);
				if (n < 0) {
					this.#send({ kind: n === ECONNRESET ? "reset" : "stop" });
					return;
				}
				at += n;
				this.#send({ kind: "taken", bytes: n });
			}
		}
	}

	#receive(message: LinkMessage): void {
		if (message.kind === "taken") this.#ahead -= message.bytes;
		else if (message.kind === "data") this.#queue.push(message.chunk);
		else if (message.kind === "end") this.#queue.push(null);
		else if (message.kind === "stop") {
			this.#stopped = true;
			this.#socket.shutdown(READING);
		} else {
			this.#stopped = true;
			this.#queue.splice(0, this.#queue.length, null);
			this.#socket.reset();
		}
		this.#taken();
		this.#arrived();
	}

	#send(message: LinkMessage, give: Transferable[] = []): void {
		this.#channel.postMessage(message, give);
	}
}

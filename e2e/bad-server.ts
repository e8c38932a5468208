/**
 * A server that misbehaves as it is told: it works out the right answer to each request for its one
 * file, and a fault says what of it is to be different. It notes what it was asked for.
 */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

/** A request for the file. */
export interface Asked {
	/** The first is 1. */
	readonly nth: number;
	readonly start: number;
	/** Behind the last byte; that of the file where everything was asked for. */
	readonly end: number;
	/** Whether there was no range. */
	readonly whole: boolean;
	/** When it came, in milliseconds. */
	readonly at: number;
}

/** What is different from the right answer. */
export interface Wrong {
	readonly status?: number;
	/** Null takes a header away. */
	readonly headers?: Readonly<Record<string, string | null>>;
	readonly body?: Uint8Array | string;
	/** The connection is cut after so many bytes of the body. */
	readonly cutAfter?: number;
	/** Nothing comes any more after so many bytes of the body; below 0 there is no answer at all. */
	readonly stallAfter?: number;
	/** Bytes that come every ten milliseconds. */
	readonly trickle?: number;
}

export type Fault = (asked: Asked) => Wrong;

export const right: Fault = () => ({});

/** Ignores ranges. */
export const whole: Fault = () => ({ status: 200 });

const VISIBLE = {
	"Access-Control-Allow-Origin": "*",
	// The browser would put answers together itself, and ask for less.
	"Cache-Control": "no-store",
	"Access-Control-Expose-Headers": "ETag, Content-Range, Content-Encoding, Retry-After",
};

export class BadServer {
	readonly asked: Asked[] = [];
	fault: Fault = right;
	readonly #file: Uint8Array;
	readonly #server: Server;

	private constructor(file: Uint8Array) {
		this.#file = file;
		this.#server = createServer((request, response) => {
			this.#answer(request, response).catch(() => response.destroy());
		});
	}

	static async start(file: Uint8Array): Promise<BadServer> {
		const server = new BadServer(file);
		await new Promise<void>((done) => server.#server.listen(0, "localhost", done));
		return server;
	}

	get url(): string {
		return `http://localhost:${(this.#server.address() as AddressInfo).port}/package.webc`;
	}

	async stop(): Promise<void> {
		this.#server.closeAllConnections();
		await new Promise((done) => this.#server.close(done));
	}

	async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
		const size = this.#file.length;
		const match = /^bytes=(\d+)-(\d*)$/.exec(request.headers.range ?? "");
		const start = Number(match?.[1] ?? 0);
		const end = match?.[2] ? Math.min(size, Number(match[2]) + 1) : size;
		const asked = { nth: this.asked.length + 1, start, end, whole: !match, at: Date.now() };
		this.asked.push(asked);
		const wrong = this.fault(asked);
		if ((wrong.stallAfter ?? 0) < 0) return;
		const status = wrong.status ?? (match ? 206 : 200);
		const content = status === 206 ? this.#file.subarray(start, end) : this.#file;
		const body = Buffer.from(wrong.body ?? content);
		const headers = {
			...VISIBLE,
			ETag: '"1"',
			"Last-Modified": "Sun, 01 Nov 2026 10:00:00 GMT",
			"Content-Type": "application/webc",
			"Content-Length": String(body.length),
			...(status === 206 && { "Content-Range": `bytes ${start}-${end - 1}/${size}` }),
			...wrong.headers,
		};
		for (const [name, value] of Object.entries(headers)) {
			if (value !== null) response.setHeader(name, value);
		}
		response.writeHead(status);
		await send(response, body, wrong);
	}
}

async function send(response: ServerResponse, body: Buffer, wrong: Wrong): Promise<void> {
	const { cutAfter, stallAfter, trickle = body.length } = wrong;
	const end = Math.min(body.length, cutAfter ?? body.length, stallAfter ?? body.length);
	for (let at = 0; at < end && !response.destroyed; at += trickle) {
		const chunk = body.subarray(at, Math.min(end, at + trickle));
		await new Promise((done) => response.write(chunk, done));
		if (trickle < body.length) await new Promise((done) => setTimeout(done, 10));
	}
	if (cutAfter !== undefined) {
		// What a browser has not read yet is lost with the connection.
		await new Promise((done) => setTimeout(done, 200));
		response.destroy();
	}
	if (cutAfter === undefined && stallAfter === undefined) response.end();
}

/**
 * A server for the tests of `porthole/service-worker`: one page, the built library, and packages that
 * the test puts there, changes and takes away. It counts what it sends, and can be cut off.
 */
import { existsSync, readdirSync, readFileSync, statSync } from "node:fs";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { extname, join, normalize, resolve } from "node:path";
import { fileURLToPath } from "node:url";

const ROOT = fileURLToPath(new URL("..", import.meta.url));
const PAGES = resolve(ROOT, "e2e/pages/offline");

const TYPES: ReadonlyMap<string, string> = new Map([
	[".html", "text/html; charset=utf-8"],
	[".js", "text/javascript; charset=utf-8"],
	[".css", "text/css; charset=utf-8"],
	[".json", "application/json"],
]);

/** A file that the test put there. */
export interface Hosted {
	readonly bytes: Uint8Array;
	/** Without one the file has no version. */
	readonly etag?: string;
	/** Answers ranges with everything. */
	readonly whole?: boolean;
	readonly type?: string;
	/** Bytes per millisecond; as fast as it goes if there is none. */
	readonly speed?: number;
	/** Headers beside those. */
	readonly headers?: Readonly<Record<string, string>>;
	/** The `Authorization` without which there is no answer. */
	readonly secret?: string;
}

export class OfflineServer {
	readonly hosted = new Map<string, Hosted>();
	/** Requests for hosted files: the path and the range. */
	readonly asked: string[] = [];
	/** Bytes of hosted files that were sent. */
	sent = 0;
	/** Hears of each request for a hosted file, after its answer has begun. */
	onAsked: () => void = () => {};
	/** So many of the next answers longer than a block are cut in the middle. */
	cuts = 0;
	/** While this is true connections are closed without an answer. */
	cutOff = false;
	readonly #pages: string;
	readonly #dist: string;
	readonly #server: Server;

	private constructor(pages: string, dist: string) {
		this.#pages = pages;
		this.#dist = dist;
		this.#server = createServer((request, response) => this.#answer(request, response));
	}

	static async start(pages = PAGES, dist = resolve(ROOT, "dist")): Promise<OfflineServer> {
		const server = new OfflineServer(pages, dist);
		await new Promise<void>((done) => server.#server.listen(0, "localhost", done));
		return server;
	}

	get origin(): string {
		return `http://localhost:${(this.#server.address() as AddressInfo).port}`;
	}

	async stop(): Promise<void> {
		this.#server.closeAllConnections();
		await new Promise((done) => this.#server.close(done));
	}

	#answer(request: IncomingMessage, response: ServerResponse): void {
		const { pathname } = new URL(request.url ?? "/", this.origin);
		const hosted = this.hosted.get(pathname);
		if (this.cutOff) {
			request.socket.destroy();
		} else if (hosted) {
			this.asked.push(`${request.url} ${request.headers.range ?? "all"}`);
			this.#send(hosted, request, response).catch(() => response.destroy());
			this.onAsked();
		} else {
			this.#sendFile(pathname, response);
		}
	}

	#sendFile(pathname: string, response: ServerResponse): void {
		if (pathname === "/files.js") {
			response.writeHead(200, { "Content-Type": "text/javascript" });
			response.end(`export const files = ${JSON.stringify(this.#files())};`);
			return;
		}
		const path = pathname.startsWith("/dist/")
			? join(this.#dist, normalize(pathname.slice("/dist".length)))
			: join(this.#pages, normalize(pathname === "/" ? "/index.html" : pathname));
		if (!existsSync(path) || statSync(path).isDirectory()) {
			response.writeHead(404).end();
			return;
		}
		const type = TYPES.get(extname(path)) ?? "application/octet-stream";
		response.writeHead(200, { "Content-Type": type, "Cache-Control": "no-store" });
		response.end(readFileSync(path));
	}

	/** What the page needs to run programs. */
	#files(): string[] {
		const names = readdirSync(this.#dist).filter((name) => /^(index|guest).*\.js$/.test(name));
		return names.map((name) => `/dist/${name}`);
	}

	async #send(hosted: Hosted, request: IncomingMessage, response: ServerResponse): Promise<void> {
		const { bytes, etag, whole, type = "application/octet-stream", speed } = hosted;
		if (hosted.secret !== undefined && request.headers.authorization !== hosted.secret) {
			response.writeHead(401).end("log in");
			return;
		}
		const match = whole ? null : /^bytes=(\d+)-(\d+)$/.exec(request.headers.range ?? "");
		const start = Number(match?.[1] ?? 0);
		const end = Math.min(bytes.length, Number(match?.[2] ?? bytes.length) + 1);
		response.writeHead(match ? 206 : 200, {
			...hosted.headers,
			"Content-Type": type,
			"Content-Length": end - start,
			...(etag && { ETag: etag }),
			...(match && { "Content-Range": `bytes ${start}-${end - 1}/${bytes.length}` }),
		});
		if (this.cuts > 0 && end - start > 131_072) {
			this.cuts -= 1;
			response.write(bytes.subarray(start, start + (end - start) / 2));
			// What a browser has not read yet is lost with the connection.
			await new Promise((done) => setTimeout(done, 200));
			throw new Error("cut in the middle");
		}
		const step = speed ? speed * 10 : end - start;
		for (let at = start; at < end && !response.destroyed; at += step) {
			if (this.cutOff) throw new Error("cut off");
			const chunk = bytes.subarray(at, Math.min(end, at + step));
			this.sent += chunk.length;
			response.write(chunk);
			if (speed) await new Promise((done) => setTimeout(done, 10));
		}
		response.end();
	}
}

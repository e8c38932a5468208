/**
 * `porthole serve`: a directory over HTTP, for this machine only.
 *
 * What a package needs of a server, and simple servers lack: range requests, so that it is read in
 * parts; a validator, so that two parts come from one version; the type of WebAssembly, so that it
 * compiles while it arrives; and, on demand, the headers of an isolated page.
 */
import { createReadStream } from "node:fs";
import { realpath, stat } from "node:fs/promises";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { extname, isAbsolute, join, relative, sep } from "node:path";
import { pipeline } from "node:stream/promises";
import { type Console, printable, readArguments, UsageError } from "./console.ts";

export async function serve(args: readonly string[], console: Console): Promise<void> {
	const { values, path = "." } = readArguments(args, {
		port: { type: "string", default: "8080" },
		isolate: { type: "boolean", default: false },
	});
	if (!/^\d{1,5}$/.test(values.port) || Number(values.port) > 65535) {
		throw new UsageError(`${JSON.stringify(values.port)} is not a port`);
	}
	const server = await startServer(path, Number(values.port), values.isolate);
	const { port } = server.address() as AddressInfo; // It listens on a port, so this is one.
	const isolated = values.isolate ? ", isolated" : "";
	console.log(printable(`Serving ${path} at http://localhost:${port}/${isolated}`));
}

/** Resolves once it listens. */
export async function startServer(path: string, port: number, isolate: boolean): Promise<Server> {
	const root = await realpath(path);
	if (!(await stat(root)).isDirectory()) throw new UsageError(`${path} is not a directory`);
	const server = createServer((request, response) => {
		answer(root, isolate, request, response).catch((error) => {
			// The connection broke, or the disk did: there is nobody to tell but the client.
			if (!response.headersSent) response.writeHead(500);
			response.destroy(error instanceof Error ? error : undefined);
		});
	});
	return new Promise((resolve, reject) => {
		server.once("error", reject);
		server.listen(port, "localhost", () => resolve(server));
	});
}

const types = new Map([
	[".html", "text/html; charset=utf-8"],
	[".js", "text/javascript; charset=utf-8"],
	[".mjs", "text/javascript; charset=utf-8"],
	[".css", "text/css; charset=utf-8"],
	[".txt", "text/plain; charset=utf-8"],
	[".md", "text/markdown; charset=utf-8"],
	[".json", "application/json"],
	[".map", "application/json"],
	[".webmanifest", "application/manifest+json"],
	[".wasm", "application/wasm"],
	[".webc", "application/webc"],
	[".gz", "application/gzip"],
	[".svg", "image/svg+xml"],
	[".png", "image/png"],
	[".jpg", "image/jpeg"],
	[".gif", "image/gif"],
	[".webp", "image/webp"],
	[".ico", "image/x-icon"],
	[".woff2", "font/woff2"],
]);

const isolation = {
	"Cross-Origin-Opener-Policy": "same-origin",
	"Cross-Origin-Embedder-Policy": "require-corp",
	"Cross-Origin-Resource-Policy": "same-origin",
};

async function answer(
	root: string,
	isolate: boolean,
	request: IncomingMessage,
	response: ServerResponse,
): Promise<void> {
	for (const [name, value] of Object.entries(isolate ? isolation : {})) {
		response.setHeader(name, value);
	}
	response.setHeader("X-Content-Type-Options", "nosniff");
	if (!isOurs(request.headers.host)) return refuse(response, 403);
	if (request.method !== "GET" && request.method !== "HEAD") {
		response.setHeader("Allow", "GET, HEAD");
		return refuse(response, 405);
	}
	const path = requestPath(request.url ?? "/");
	const found = path === undefined ? undefined : await find(root, path);
	if (!found) return refuse(response, 404);
	if (found.isDirectory) {
		// So that what the page names beside itself is looked for beside it.
		response.setHeader("Location", `${path?.split("/").map(encodeURIComponent).join("/")}/`);
		return refuse(response, 301);
	}
	return send(found, request, response);
}

/** Whether a request means this server. Another name may lead here too, once its owner has pointed it at
 *  this machine, and then the pages of its owner would read what is served (DNS rebinding). */
function isOurs(host = ""): boolean {
	return /^(localhost|127\.0\.0\.1|\[::1\])(:\d+)?$/i.test(host);
}

function refuse(response: ServerResponse, status: number): void {
	const text = `${status}\n`;
	response.setHeader("Content-Type", "text/plain; charset=utf-8");
	response.writeHead(status, { "Content-Length": text.length }).end(text);
}

/** The path of a URL, decoded; undefined where nothing could lie there. */
function requestPath(url: string): string | undefined {
	try {
		const path = decodeURIComponent(url.replace(/[?#].*$/s, ""));
		const [first, ...names] = path.split("/");
		const hidden = names.some(isHidden);
		// Two slashes at the start would turn a redirection into one to another host.
		const empty = names.slice(0, -1).includes("");
		return first === "" && !hidden && !empty && !/[\0\\]/.test(path) ? path : undefined;
	} catch {
		return undefined;
	}
}

/** Hidden files are not published: they hold keys and histories. */
function isHidden(name: string): boolean {
	return name.startsWith(".") && name !== ".well-known";
}

interface Found {
	readonly path: string;
	readonly isDirectory: boolean;
	readonly size: number;
	readonly modified: Date;
	/** Changes when the content does. */
	readonly tag: string;
}

async function find(root: string, path: string): Promise<Found | undefined> {
	const wanted = join(root, path.endsWith("/") ? `${path}index.html` : path);
	try {
		// Links may lead anywhere inside the directory, but not out of it, and not to what is hidden.
		const real = await realpath(wanted);
		const names = relative(root, real).split(sep);
		if (names[0] === ".." || isAbsolute(names[0] ?? "") || names.some(isHidden)) return undefined;
		const found = await stat(real);
		// A pipe or a device would be read for ever.
		if (!found.isFile() && !found.isDirectory()) return undefined;
		const { size, mtime, mtimeMs, ino } = found;
		const tag = `"${[size, Math.floor(mtimeMs * 1000), ino].map((n) => n.toString(36)).join("-")}"`;
		return { path: real, isDirectory: found.isDirectory(), size, modified: mtime, tag };
	} catch {
		return undefined;
	}
}

async function send(
	{ path, size, modified, tag }: Found,
	request: IncomingMessage,
	response: ServerResponse,
): Promise<void> {
	response.setHeader("Content-Type", types.get(extname(path)) ?? "application/octet-stream");
	response.setHeader("Accept-Ranges", "bytes");
	response.setHeader("Cache-Control", "no-cache");
	response.setHeader("ETag", tag);
	response.setHeader("Last-Modified", modified.toUTCString());
	if (isUnchanged(request, tag)) {
		response.writeHead(304).end();
		return;
	}
	const range = readRange(request, size, tag, modified);
	if (range === "unsatisfiable") {
		response.setHeader("Content-Range", `bytes */${size}`);
		return refuse(response, 416);
	}
	const [start, end] = range ?? [0, size];
	response.setHeader("Content-Length", end - start);
	if (range) response.setHeader("Content-Range", `bytes ${start}-${end - 1}/${size}`);
	response.writeHead(range ? 206 : 200);
	if (request.method === "HEAD" || end === start) response.end();
	else await pipeline(createReadStream(path, { start, end: end - 1 }), response);
}

function isUnchanged({ headers }: IncomingMessage, tag: string): boolean {
	const known = headers["if-none-match"]?.split(",") ?? [];
	return known.some((one) => one.trim().replace(/^W\//, "") === tag);
}

/** One range, its end excluded. Several at once, or of another version, are answered with all. */
function readRange(
	{ headers }: IncomingMessage,
	size: number,
	tag: string,
	modified: Date,
): readonly [number, number] | "unsatisfiable" | undefined {
	const [, first, last] = /^bytes=(\d*)-(\d*)$/.exec(headers.range ?? "") ?? [];
	if (first === undefined || last === undefined || (first === "" && last === "")) return undefined;
	const condition = headers["if-range"];
	if (condition !== undefined && condition !== tag && condition !== modified.toUTCString()) {
		return undefined;
	}
	if (first === "")
		return last === "0" || size === 0 ? "unsatisfiable" : [Math.max(0, size - Number(last)), size];
	const end = last === "" ? size : Math.min(size, Number(last) + 1);
	if (last !== "" && Number(last) < Number(first)) return undefined; // Not a range at all.
	return Number(first) < size ? [Number(first), end] : "unsatisfiable";
}

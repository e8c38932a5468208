/**
 * The worker's half of loading: a posted source becomes bytes, the bytes a Package.
 */

import { EIO } from "../abi/errno.ts";
import { PortholeError } from "../abi/error.ts";
import type { Bridge } from "../bridge/bridge.ts";
import type { Contents } from "../fs/volume.ts";
import { openPackage, type Package, type Span, WebcError } from "../webc/index.ts";
import { compile } from "./compile.ts";
import { badStatus, unreachable } from "./network.ts";
import { BLOCK, bodyOf, brokenOff, parseRange, request } from "./part.ts";
import type { WireLoadOptions, WireSource } from "./protocol.ts";
import type { RangeFile } from "./range.ts";

/** Bytes below which a package is not worth reading in parts. */
const SMALL = 1024 * 1024;

export type Report = (
	phase: "connecting" | "reading" | "compiling" | "ready",
	loaded: number,
	total: number | undefined,
) => void;

export interface LoadedPackage {
	readonly pkg: Package;
	readonly contents: Contents;
	/** Resolves once the package is known to be undamaged; nothing of it may run before. */
	readonly verified: Promise<void>;
	/** Compiles an atom; `what` is for the error. */
	compile(span: Span, what: string): Promise<WebAssembly.Module>;
}

/** Reads, checks and indexes a package: of a URL only what that takes, where the server can. */
export async function loadPackage(
	source: WireSource,
	options: WireLoadOptions,
	bridge: Bridge,
	signal: AbortSignal,
	report: Report,
): Promise<LoadedPackage> {
	// A digest of the whole can only be had of the whole.
	const lazy = options.lazy !== false && options.integrity === undefined;
	if (source.kind !== "url" || !lazy) {
		const bytes = await readAll(source, signal, report);
		return inMemory(bytes, source, options, signal);
	}
	report("connecting", 0, undefined);
	const response = await request(source.url, 0, BLOCK, signal);
	if (response.status !== 206) {
		const bytes = await readResponse(response, source.url, signal, report);
		return inMemory(bytes, source, options, signal);
	}
	const range = parseRange(response);
	if (range?.start !== 0) {
		throw new PortholeError(
			"network-error",
			`${source.url}: the server answered a part without saying which; load it with \`lazy: false\``,
		);
	}
	if (range.total <= BLOCK) {
		const bytes = await bodyOf(response, range.total, source.url);
		report("reading", bytes.length, bytes.length);
		return inMemory(bytes, source, options, signal);
	}
	const { RangeFile } = await import("./range.ts");
	const opened = await RangeFile.open(source.url, bridge, response, range.total);
	opened.onBytes = (loaded, total) => report("reading", loaded, total);
	opened.onBytes(opened.loaded, opened.size);
	const magic = await opened.read(0, Math.min(5, opened.size));
	const small = opened.size <= SMALL || String.fromCharCode(...magic) !== "\0webc";
	if (small) {
		const bytes = await opened.read(0, opened.size);
		return inMemory(bytes, source, options, signal);
	}
	const { pkg, verified } = await read(opened, source);
	signal.throwIfAborted();
	return {
		pkg,
		verified,
		contents: opened.contents,
		compile: (span, what) => opened.compile(span, what),
	};
}

/** A package whose bytes are all there. */
async function inMemory(
	bytes: Uint8Array,
	source: WireSource,
	options: WireLoadOptions,
	signal: AbortSignal,
): Promise<LoadedPackage> {
	if (options.integrity !== undefined) {
		const { checkIntegrity } = await import("./integrity.ts");
		await checkIntegrity(bytes, options.integrity);
	}
	signal.throwIfAborted();
	const { pkg, verified } = await read(bytes, source);
	// A tar's spans point into what was unpacked, which is in memory as well.
	const held = pkg.source.bytes ?? bytes;
	return {
		pkg,
		verified,
		contents: memoryContents(held),
		compile: ({ start, length }, what) => compile(held.subarray(start, start + length), what),
	};
}

async function read(
	input: Uint8Array | RangeFile,
	source: WireSource,
): Promise<{ pkg: Package; verified: Promise<void> }> {
	try {
		const { pkg, verified } = await openPackage(input, { name: source.name });
		const explained = verified.catch((cause) => {
			throw explain(cause, input, source);
		});
		// Whoever loads the package looks at it, but perhaps later than it fails.
		explained.catch(() => {});
		return { pkg, verified: explained };
	} catch (cause) {
		throw explain(cause, input, source);
	}
}

function explain(cause: unknown, input: Uint8Array | RangeFile, source: WireSource): unknown {
	if (!(cause instanceof WebcError)) return cause;
	const from = source.kind === "url" ? source.url : source.name || "the package";
	const head = input instanceof Uint8Array ? input.subarray(0, 64) : new Uint8Array(0);
	const html = /^\s*<(!doctype|html)/i.test(String.fromCharCode(...head));
	const hint = html ? "; the server sent a web page, so the address is probably wrong" : "";
	return new PortholeError(cause.code, `${from}: ${cause.message}${hint}`, { cause });
}

/** Bytes in memory as the contents of a volume. */
function memoryContents(bytes: Uint8Array): Contents {
	return {
		read(into, at, length, position) {
			if (position + length > bytes.length) return EIO;
			into.set(bytes.subarray(position, position + length), at);
			return length;
		},
	};
}

async function readAll(
	source: WireSource,
	signal: AbortSignal,
	report: Report,
): Promise<Uint8Array> {
	if (source.kind === "bytes") {
		report("reading", source.bytes.length, source.bytes.length);
		return source.bytes;
	}
	if (source.kind === "blob") {
		report("reading", 0, source.blob.size);
		return readStream(source.blob.stream(), source.blob.size, signal, report);
	}
	report("connecting", 0, undefined);
	const response = await fetch(source.url, { signal }).catch((cause) => {
		signal.throwIfAborted();
		throw unreachable(source.url, cause);
	});
	if (!response.ok) throw badStatus(source.url, response.status);
	return readResponse(response, source.url, signal, report);
}

async function readResponse(
	response: Response,
	url: string,
	signal: AbortSignal,
	report: Report,
): Promise<Uint8Array> {
	// A compressed answer's length is not the length of what arrives here.
	const plain = response.headers.get("content-encoding") === null;
	const length = plain ? Number(response.headers.get("content-length") ?? Number.NaN) : Number.NaN;
	const total = Number.isSafeInteger(length) && length >= 0 ? length : undefined;
	if (response.body === null) return new Uint8Array(0);
	try {
		return await readStream(response.body, total, signal, report);
	} catch (cause) {
		signal.throwIfAborted();
		throw cause instanceof PortholeError ? cause : brokenOff(url);
	}
}

/** All bytes of a stream. The announced size is a hint: it may be missing or wrong. */
async function readStream(
	stream: ReadableStream<Uint8Array>,
	total: number | undefined,
	signal: AbortSignal,
	report: Report,
): Promise<Uint8Array> {
	const reader = stream.getReader();
	let bytes = new Uint8Array(Math.min(total ?? 65536, 1 << 26));
	let length = 0;
	for (;;) {
		signal.throwIfAborted();
		const { done, value } = await reader.read();
		if (done) break;
		if (length + value.length > bytes.length) bytes = grown(bytes, length + value.length, total);
		bytes.set(value, length);
		length += value.length;
		report("reading", length, total === undefined || length > total ? undefined : total);
	}
	if (total !== undefined && length < total) {
		throw new PortholeError(
			"network-error",
			`the download ended after ${length} of ${total} bytes; try again`,
		);
	}
	return bytes.subarray(0, length);
}

function grown(bytes: Uint8Array, needed: number, total = 0): Uint8Array<ArrayBuffer> {
	const next = new Uint8Array(
		Math.max(needed, Math.min(total, bytes.length * 2), bytes.length * 2),
	);
	next.set(bytes);
	return next;
}

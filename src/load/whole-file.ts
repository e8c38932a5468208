/**
 * Packages that are read at once: what the page has given, and what a server sends in one pass.
 */
import { EIO } from "../abi/errno.ts";
import type { Contents } from "../fs/volume.ts";
import { type Limits, limitsOf, type Report, totalOf } from "../http/http-range.ts";
import { nameOf, tooLarge, unreadable } from "../http/read-errors.ts";
import { ByteCollector } from "../http/response-body.ts";
import type { WireLoadOptions, WireSource } from "../protocol/sandbox.ts";
import type { Span } from "../webc/index.ts";
import { compile } from "./compile.ts";
import type { LoadedPackage } from "./load-package.ts";
import { readSource } from "./read-source.ts";
import { resume } from "./resumable-download.ts";

/** The bytes of a source that is here already. */
export async function localBytes(
	source: Exclude<WireSource, { kind: "url" }>,
	limits: Limits,
	signal: AbortSignal,
	report: Report,
): Promise<Uint8Array> {
	const size = source.kind === "bytes" ? source.bytes.length : source.blob.size;
	if (size > limits.maxBytes) throw tooLarge(nameOf(source), limits.maxBytes);
	if (source.kind === "bytes") {
		report("reading", source.bytes.length, source.bytes.length);
		return source.bytes;
	}
	const { blob } = source;
	report("reading", 0, blob.size);
	const gathered = new ByteCollector(blob.size);
	try {
		await gathered.all(blob.stream(), blob.size, nameOf(source), limits, signal, report);
	} catch (cause) {
		signal.throwIfAborted();
		throw unreadable(cause, nameOf(source));
	}
	return gathered.bytes;
}

/** All bytes behind a URL, in one pass; `response` is the first answer. */
export async function wholeOf(
	url: string,
	response: Response,
	limits: Limits,
	signal: AbortSignal,
	report: Report,
): Promise<Uint8Array> {
	const total = totalOf(response);
	if ((total ?? 0) > limits.maxBytes) {
		response.body?.cancel().catch(() => {});
		throw tooLarge(url, limits.maxBytes);
	}
	const gathered = new ByteCollector(total);
	try {
		await gathered.all(response.body, total, url, limits, signal, report);
	} catch (cause) {
		await resume(url, response, gathered, cause, limits, signal, report);
	}
	return gathered.bytes;
}

/** A package whose bytes are all there. */
export async function inMemory(
	whole: Uint8Array,
	source: WireSource,
	options: WireLoadOptions,
	signal: AbortSignal,
): Promise<LoadedPackage> {
	if (options.integrity !== undefined) {
		const { checkIntegrity } = await import("./integrity.ts");
		await checkIntegrity(whole, options.integrity);
	}
	signal.throwIfAborted();
	const { pkg, verified } = await readSource(
		whole,
		source,
		limitsOf(options).maxBytes,
		options.command,
	);
	// A tar's spans point into what was unpacked, which is in memory as well.
	const held = pkg.source.bytes ?? whole;
	const bytes = ({ start, length }: Span) => held.subarray(start, start + length);
	return {
		pkg,
		verified,
		contents: memoryContents(held),
		bytes,
		read: async (span) => bytes(span),
		compile: (span, what, how) => compile(bytes(span), what, how),
	};
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

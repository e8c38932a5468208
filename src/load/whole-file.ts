/**
 * Packages that are read at once: what the page has given, and what a server sends in one pass.
 */
import { type Limits, type Report, totalOf } from "../http/http-range.ts";
import { nameOf, tooLarge, unreadable } from "../http/read-errors.ts";
import { ByteCollector } from "../http/response-body.ts";
import type { WireSource } from "../protocol/sandbox.ts";
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

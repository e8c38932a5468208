/**
 * Packages that come as a Request or a Response. Those cannot be posted, so the page reads them.
 * Loaded late, by those who load one so.
 */
import { PortholeError } from "../abi/error.ts";
import { fileName } from "../http/file-name.ts";
import { explainFailed } from "../http/forbidden.ts";
import { badStatus, timedOut, unreachable } from "../http/http-errors.ts";
import { limitsOf, totalOf } from "../http/http-range.ts";
import { tooLarge } from "../http/read-errors.ts";
import { chunksOf } from "../http/response-body.ts";
import type { WireSource } from "../protocol/sandbox.ts";
import type { LoadOptions } from "./options.ts";

/** The answer to a request. Errors: `"aborted"` by the request's own signal, `"network-error"`,
 *  `"content-policy"`, `"timeout"`; the reason of `options.signal`. */
export async function ask(request: Request, options: LoadOptions): Promise<Response> {
	const { signal, onProgress } = options;
	onProgress?.({ phase: "connecting", loaded: 0, total: undefined });
	const { timeout } = limitsOf(options);
	const silence = new AbortController();
	const timer = setTimeout(() => silence.abort(), timeout);
	const signals = [request.signal, silence.signal, ...(signal ? [signal] : [])];
	try {
		return await fetch(request, { signal: AbortSignal.any(signals) });
	} catch (cause) {
		signal?.throwIfAborted();
		if (silence.signal.aborted) throw timedOut(request.url, timeout);
		if (!request.signal.aborted) {
			throw await explainFailed(request.url, unreachable(request.url, cause));
		}
		throw aborted(`the request of ${request.url} was aborted by its own signal`, cause);
	} finally {
		clearTimeout(timer);
	}
}

/** Reads a response in the page, because it cannot be posted; tells of the bytes as they arrive. */
export async function fromResponse(response: Response, options: LoadOptions): Promise<WireSource> {
	if (!response.ok) throw badStatus(response.url, response);
	if (response.bodyUsed || response.body?.locked) {
		throw new PortholeError(
			"invalid-option",
			"the Response has been read already; pass `response.clone()`, made before that",
		);
	}
	const name = options.name ?? fileName(response.url);
	return { kind: "blob", blob: new Blob(await readAll(response, options)), name, reported: true };
}

async function readAll(response: Response, options: LoadOptions): Promise<BlobPart[]> {
	const { signal, onProgress } = options;
	const { maxBytes, timeout } = limitsOf(options);
	const what = response.url || "the Response";
	const hint = totalOf(response) ?? 0;
	const { body } = response;
	if (hint > maxBytes) {
		body?.cancel().catch(() => {});
		throw tooLarge(what, maxBytes);
	}
	const chunks: BlobPart[] = [];
	let loaded = 0;
	try {
		for await (const chunk of chunksOf(
			body,
			signal ?? new AbortController().signal,
			timeout,
			what,
		)) {
			if (!(chunk instanceof Uint8Array)) throw notBytes();
			loaded += chunk.length;
			if (loaded > maxBytes) throw tooLarge(what, maxBytes);
			// What a response brings is in no shared memory.
			chunks.push(chunk as Uint8Array<ArrayBuffer>);
			onProgress?.({ phase: "reading", loaded, total: hint < loaded ? undefined : hint });
		}
		return chunks;
	} catch (cause) {
		signal?.throwIfAborted();
		if (cause instanceof PortholeError) throw cause;
		if (cause instanceof DOMException && cause.name === "AbortError") {
			throw aborted(`the request of ${response.url} was aborted by its own signal`, cause);
		}
		const of = response.url && ` of ${response.url}`;
		throw new PortholeError("network-error", `the download${of} broke off; try again`, { cause });
	}
}

function aborted(what: string, cause: unknown): PortholeError {
	return new PortholeError("aborted", what, { cause });
}

function notBytes(): PortholeError {
	return new PortholeError(
		"invalid-option",
		"the Response was made of a stream whose chunks are no Uint8Array; encode them first",
	);
}

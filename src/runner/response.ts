/**
 * Packages that come as a Request or a Response. Those cannot be posted, so the page reads them.
 * Loaded late, by those who load one so.
 */
import { PortholeError } from "../abi/error.ts";
import { badStatus, fileName, unreachable } from "./network.ts";
import type { LoadOptions } from "./options.ts";
import type { WireSource } from "./protocol.ts";

/** The answer to a request. */
export function ask(request: Request, { signal, onProgress }: LoadOptions): Promise<Response> {
	onProgress?.({ phase: "connecting", loaded: 0, total: undefined });
	return fetch(request, signal ? { signal } : {}).catch((cause) => {
		throw signal?.aborted ? signal.reason : unreachable(request.url, cause);
	});
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
	const plain = response.headers.get("content-encoding") === null;
	const announced = plain
		? Number(response.headers.get("content-length") ?? Number.NaN)
		: Number.NaN;
	const total = Number.isSafeInteger(announced) ? announced : undefined;
	const chunks =
		response.body === null ? [] : await readAll(response.body, response.url, total, options);
	const name = options.name ?? fileName(response.url);
	return { kind: "blob", blob: new Blob(chunks), name, told: true };
}

async function readAll(
	body: ReadableStream<Uint8Array<ArrayBuffer>>,
	url: string,
	total: number | undefined,
	{ signal, onProgress }: LoadOptions,
): Promise<BlobPart[]> {
	const chunks: BlobPart[] = [];
	const reader = body.getReader();
	const abort = () => void reader.cancel(signal?.reason).catch(() => {});
	signal?.addEventListener("abort", abort, { once: true });
	let loaded = 0;
	try {
		for (;;) {
			const { done, value } = await reader.read();
			signal?.throwIfAborted();
			if (done) return chunks;
			chunks.push(value);
			loaded += value.length;
			const known = total !== undefined && loaded <= total ? total : undefined;
			onProgress?.({ phase: "reading", loaded, total: known });
		}
	} catch (cause) {
		if (signal?.aborted) throw signal.reason;
		throw new PortholeError(
			"network-error",
			`the download${url && ` of ${url}`} broke off; try again`,
			{ cause },
		);
	} finally {
		signal?.removeEventListener("abort", abort);
	}
}

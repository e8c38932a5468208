/**
 * What is asked of the server, as the page would ask it: with its headers and its credentials, but
 * past the browser's own cache, which would keep everything a second time, and perhaps another version.
 */
import { type Browser, warn } from "./browser.ts";
import { type ByteRange, length, parseContentRange } from "./byte-ranges.ts";
import type { CachedPackage, PackageCache } from "./packages.ts";
import { type Varied, variedOf } from "./personal.ts";
import { type Chunks, chunksOf, exactly, inParts } from "./streams.ts";
import { identify, same, type Version } from "./version.ts";

/** Parts are stored in this size at most; a part is read and checked whole. */
const PART = 512 * 1024;

export class Server {
	readonly url: string;
	readonly #browser: Browser;
	readonly #request: Request;
	readonly #headers: Headers;
	readonly #init: RequestInit;

	/** `url` without what we added to it; `request` says how to ask. */
	constructor(browser: Browser, url: string, request: Request) {
		this.url = url;
		this.#browser = browser;
		this.#request = request;
		this.#headers = new Headers(request.headers);
		this.#headers.delete("range");
		const { mode, credentials, referrerPolicy } = request;
		this.#init = { mode, credentials, referrerPolicy, cache: "no-store" };
	}

	/** `range` as the header says it; null for everything. */
	ask(range: string | null, signal?: AbortSignal): Promise<Response> {
		const headers = new Headers(this.#headers);
		if (range !== null) headers.set("Range", range);
		return this.#browser.fetch(this.url, { ...this.#init, headers, ...(signal && { signal }) });
	}

	askRange({ start, end }: ByteRange, signal?: AbortSignal): Promise<Response> {
		return this.ask(`bytes=${start}-${end - 1}`, signal);
	}

	/** What an answer depends on; null for one that must not be kept. */
	varied(response: Response): Varied | null {
		return variedOf(response, this.#request, this.#browser.origin);
	}

	/** Whether an answer says that what is kept is not for all: it is for one person now, or some are
	 *  refused. */
	isClosed(response: Response): boolean {
		const { status, ok } = response;
		return status === 401 || status === 403 || (ok && this.varied(response) === null);
	}

	/** Whether the answer is this range of this version, and may be kept. */
	isPartOf(response: Response, version: Version, range: ByteRange): boolean {
		const sent = parseContentRange(response.headers.get("content-range"));
		if (response.status !== 206 || sent === null) return false;
		const there = sent.start === range.start && sent.end === range.end;
		const right = there && same(identify(response, sent.size), version.record);
		return right && this.varied(response) !== null;
	}
}

/** The bytes of such an answer, which are kept while they pass. */
export function keeping(
	cache: PackageCache,
	version: Version,
	response: Response,
	range: ByteRange,
): Chunks {
	const chunks = exactly(chunksOf(response.body), length(range));
	return inParts(chunks, range.start, PART, async (at, bytes) => {
		await cache.store(version, at, bytes).catch(warn);
	});
}

/** The bytes of a package that came as a whole. They are kept while they pass, and count once they
 *  are all there. */
export async function* keepingAll(
	cache: PackageCache,
	pkg: CachedPackage,
	response: Response,
	varied: Varied,
): Chunks {
	const total = totalOf(response);
	const type = response.headers.get("content-type") ?? "application/octet-stream";
	const limit = await cache.limit();
	const identity = identify(response, total ?? limit);
	const version = await cache.draft(identity, type, varied).catch(warn);
	if (version === false) {
		yield* chunksOf(response.body);
		return;
	}
	let size = 0;
	let room = (total ?? 0) <= limit;
	let added = false;
	const chunks = chunksOf(response.body);
	try {
		const all = total === null ? chunks : exactly(chunks, total);
		yield* inParts(all, 0, PART, async (at, bytes) => {
			room &&= await cache.store(version, at, bytes).catch(warn);
			size += bytes.length;
		});
		if (!room || size === 0) return;
		version.record.size = size;
		await cache.add(pkg, version);
		added = true;
	} finally {
		if (!added) await cache.discard(version);
	}
}

/** How many bytes will come; null if the server does not say, or says it of their encoding. */
function totalOf(response: Response): number | null {
	const length = response.headers.get("content-length");
	if (length === null || response.headers.get("content-encoding") !== null) return null;
	const total = Number(length);
	return Number.isSafeInteger(total) && total > 0 ? total : null;
}

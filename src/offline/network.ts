/**
 * What is asked of the server, as the page would ask it: with its headers and its credentials, but
 * past the browser's own cache, which would keep everything a second time, and perhaps another version.
 */
import { type World, warn } from "./browser.ts";
import { length, parseContentRange, type Run } from "./byte-ranges.ts";
import type { CachedPackage, PackageCache } from "./packages.ts";
import { type Varied, variedOf } from "./personal.ts";
import { type Chunks, chunksOf, exactly, inParts } from "./streams.ts";
import { identify, same, type Version } from "./version.ts";

/** Parts are stored in this size at most; a part is read and checked whole. */
const PART = 512 * 1024;

export class Server {
	readonly url: string;
	readonly #world: World;
	readonly #request: Request;
	readonly #headers: Headers;
	readonly #init: RequestInit;

	/** `url` without what we added to it; `request` says how to ask. */
	constructor(world: World, url: string, request: Request) {
		this.url = url;
		this.#world = world;
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
		return this.#world.fetch(this.url, { ...this.#init, headers, ...(signal && { signal }) });
	}

	askRun({ start, end }: Run, signal?: AbortSignal): Promise<Response> {
		return this.ask(`bytes=${start}-${end - 1}`, signal);
	}

	/** What an answer depends on; null for one that must not be kept. */
	varied(response: Response): Varied | null {
		return variedOf(response, this.#request, this.#world.origin);
	}

	/** Whether an answer says that what is kept is not for all: it is for one person now, or some are
	 *  refused. */
	isClosed(response: Response): boolean {
		const { status, ok } = response;
		return status === 401 || status === 403 || (ok && this.varied(response) === null);
	}

	/** Whether the answer is this run of this version, and may be kept. */
	isPartOf(response: Response, version: Version, run: Run): boolean {
		const range = parseContentRange(response.headers.get("content-range"));
		if (response.status !== 206 || range === null) return false;
		const there = range.start === run.start && range.end === run.end;
		const right = there && same(identify(response, range.size), version.record);
		return right && this.varied(response) !== null;
	}
}

/** The bytes of such an answer, which are kept while they pass. */
export function keeping(
	cache: PackageCache,
	version: Version,
	response: Response,
	run: Run,
): Chunks {
	const chunks = exactly(chunksOf(response.body), length(run));
	return inParts(chunks, run.start, PART, async (at, bytes) => {
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

/**
 * The answer to one request for a package, from what is kept and, for the rest, from the server.
 *
 *     wanted          [---------------------]
 *     kept        [ a ]    [b]           [  c   ]
 *     fetched          [              ]                 one request from the first gap to the last
 *     answer          a, what is fetched, c             as 206, as it arrives
 *
 * The first answer for an address decides the version, and says its id in a header. The worker that reads
 * on repeats the id in the address, and is answered from that version, or learns by other headers that
 * the version is gone. So a program keeps the version it was started from, also when a newer one is there.
 *
 * Answers that depend on the user are not kept (personal.ts): they come from the server each time.
 *
 * A program that is to be compiled is asked for by its digest, and answered as one entry of the
 * Cache, untouched (see `Version.atom`).
 */
import { type WaitUntil, warn } from "./browser.ts";
import {
	type ByteRange,
	length,
	parseContentRange,
	parseRange,
	type RangeRequest,
	resolveRange,
	toBlocks,
} from "./byte-ranges.ts";
import { keeping, keepingAll, Server } from "./network.ts";
import type { CachedPackage, PackageCache } from "./packages.ts";
import { isFor, isPersonal, keyFor, type Varied } from "./personal.ts";
import type { Revalidator } from "./revalidate.ts";
import { type Chunks, cut, streamOf } from "./streams.ts";
import { identify, known, type Version } from "./version.ts";

/** The header that says which version an answer is from, and the parameter that asks for it. */
const VERSION = "porthole-version";
/** The parameter that asks for a program: its SHA-256. */
const ATOM = "porthole-atom";
/** The parameter by which a worker asks for a program once more, because the first answer had another
 *  digest. */
const AGAIN = "porthole-again";
/** Answers up to this length are read before they begin. */
const AHEAD = 1024 * 1024;

/** Answers one request. A rejection means that the server cannot be reached. */
export async function respond(
	request: Request,
	cache: PackageCache,
	revalidator: Revalidator,
	waitUntil: WaitUntil,
): Promise<Response> {
	const { address, pin, atom, again } = parseAddress(request.url);
	const server = new Server(cache.browser, address, request);
	const range = request.headers.get("range");
	const asked = parseRange(range);
	if (asked === "other" || isPersonal(request, cache.browser.origin))
		return server.ask(range, request.signal);
	const pkg = await cache.package(keyFor(address, request, cache.browser.origin)).catch(warn);
	// Without storage, as in some private windows, there is still the network.
	const may = pkg !== false && pkg.versions.every(({ record }) => isFor(record.varied, request));
	if (!may) return server.ask(range, request.signal);
	const exchange = new Exchange(cache, revalidator, pkg, server, asked, request.signal, waitUntil);
	const response = await exchange.respond(pin, asked === null ? null : atom, again);
	waitUntil(revalidator.attend(pkg, server).catch(warn));
	return response;
}

/** The address of a package, without what was added to it for us. */
export function parseAddress(url: string): {
	address: string;
	pin: string | null;
	atom: string | null;
	again: boolean;
} {
	const address = new URL(url);
	const ours = [VERSION, ATOM, AGAIN].map((name) => address.searchParams.get(name));
	const [pin = null, atom = null, again = null] = ours;
	// Deleting writes the whole query anew, so only where there is something to delete.
	if (ours.some((value) => value !== null)) {
		for (const name of [VERSION, ATOM, AGAIN]) address.searchParams.delete(name);
	}
	address.hash = "";
	return { address: address.href, pin, atom, again: again !== null };
}

class Exchange {
	readonly #cache: PackageCache;
	readonly #revalidator: Revalidator;
	readonly #pkg: CachedPackage;
	readonly #server: Server;
	readonly #asked: RangeRequest | null;
	readonly #signal: AbortSignal;
	readonly #waitUntil: WaitUntil;
	/** Parts that have been read and found right, of the version that is answered from. */
	readonly #ready = new Map<string, Uint8Array<ArrayBuffer>>();

	constructor(
		cache: PackageCache,
		revalidator: Revalidator,
		pkg: CachedPackage,
		server: Server,
		asked: RangeRequest | null,
		signal: AbortSignal,
		waitUntil: WaitUntil,
	) {
		this.#cache = cache;
		this.#revalidator = revalidator;
		this.#pkg = pkg;
		this.#server = server;
		this.#asked = asked;
		this.#signal = signal;
		this.#waitUntil = waitUntil;
	}

	async respond(pin: string | null, atom: string | null, again: boolean): Promise<Response> {
		const version =
			pin === null
				? this.#cache.current(this.#pkg)
				: this.#pkg.versions.find(({ record }) => record.id === pin);
		if (version === undefined) return this.#fresh();
		const wanted = resolveRange(this.#asked, version.size);
		if (wanted === null) return outside(version);
		this.#waitUntil(this.#cache.used(this.#pkg, version).catch(warn));
		if (atom === null) return this.#from(version, wanted);
		if (again) await version.dropAtom(wanted);
		return (await version.atom(wanted, atom)) ?? this.#program(version, wanted, atom);
	}

	/** A program that is not kept as such yet, and is from now on. */
	async #program(version: Version, wanted: ByteRange, sha256: string): Promise<Response> {
		const passed = await this.#pass(version, wanted);
		const respond = passed ?? (await this.#from(version, wanted));
		const right = passed !== null || respond.headers.get(VERSION) === version.record.id;
		if (!right || respond.body === null) return respond;
		const [toCompile, toKeep] = respond.body.tee();
		const answered = this.#revalidator.answering(this.#pkg);
		const kept = this.#cache.storeAtom(version, wanted, toKeep, sha256).catch(warn);
		this.#waitUntil(kept.finally(answered));
		const headers = { ...this.#headers(version, wanted), "Content-Type": "application/wasm" };
		return new Response(toCompile, { headers });
	}

	/** Bytes of which most are missing, from the server as they come: nothing here touches them. */
	async #pass(version: Version, wanted: ByteRange): Promise<Response | null> {
		const missing = version.gaps(wanted).reduce((sum, gap) => sum + length(gap), 0);
		if (missing <= length(wanted) / 2) return null;
		const response = await this.#server.askRange(wanted, this.#signal);
		if (this.#server.isPartOf(response, version, wanted)) return response;
		await response.body?.cancel();
		return null;
	}

	/** From what is kept of a version, and the rest from the server if it still has that version. */
	async #from(version: Version, wanted: ByteRange): Promise<Response> {
		await this.#readAhead(version, wanted);
		const missing = version.pieces(wanted).filter(({ part }) => part === null);
		const [first, last] = [missing[0], missing.at(-1)];
		if (first === undefined || last === undefined) {
			return this.#reply(version, wanted, this.#kept(version, wanted));
		}
		const gap = toBlocks({ start: first.start, end: last.end }, version.size);
		const response = await this.#server.askRange(gap, this.#signal);
		if (this.#server.isPartOf(response, version, gap)) {
			return this.#reply(version, wanted, this.#around(version, wanted, gap, response));
		}
		await response.body?.cancel();
		return this.#fresh();
	}

	/** From the server alone: there is no version yet, or another than the one that is kept. */
	async #fresh(): Promise<Response> {
		const response = await this.#server.ask(header(this.#asked), this.#signal);
		if (this.#server.isClosed(response)) await this.#cache.forget(this.#pkg).catch(warn);
		const varied = this.#server.varied(response);
		if (varied === null) return response;
		if (response.status === 200) return this.#all(response, varied);
		const range = parseContentRange(response.headers.get("content-range"));
		if (response.status !== 206 || range === null) return response;
		const identity = identify(response, range.size);
		// Parts of such a file could be of two versions. It is fetched as a whole later.
		if (!known(identity)) return response;
		const type = response.headers.get("content-type") ?? "application/octet-stream";
		const version = await this.#cache.version(this.#pkg, identity, type, varied).catch(warn);
		if (version === false) return response;
		return this.#reply(version, range, keeping(this.#cache, version, response, range));
	}

	/** All of it, though perhaps only a part was asked for. */
	#all(response: Response, varied: Varied): Response {
		const { status, headers } = response;
		const chunks = keepingAll(this.#cache, this.#pkg, response, varied);
		return new Response(this.#stream(chunks), { status, headers });
	}

	/** Reads what is kept of a short answer before it begins: what turns out to be damaged is then
	 *  missing, and not an answer that breaks off. */
	async #readAhead(version: Version, wanted: ByteRange): Promise<void> {
		if (length(wanted) > AHEAD) return;
		const unread = () =>
			version.pieces(wanted).find(({ part }) => part !== null && !this.#ready.has(part.key))?.part;
		for (let part = unread(); part; part = unread()) {
			const bytes = await version.read(part);
			if (bytes !== null) this.#ready.set(part.key, bytes);
		}
	}

	async *#kept(version: Version, range: ByteRange): Chunks {
		for (let at = range.start; at < range.end; ) {
			const [piece] = version.pieces({ start: at, end: range.end });
			if (piece === undefined) return;
			const { start, end, part } = piece;
			if (part === null) {
				yield* this.#again(version, piece);
				at = end;
				continue;
			}
			const bytes = this.#ready.get(part.key) ?? (await version.read(part));
			// A part that is lost, or was replaced by a larger one: look again.
			if (bytes === null) continue;
			yield bytes.subarray(start - part.start, end - part.start);
			at = end;
		}
	}

	/** What was thought to be there, from the server. */
	async *#again(version: Version, range: ByteRange): Chunks {
		const gap = toBlocks(range, version.size);
		const response = await this.#server.askRange(gap, this.#signal);
		if (!this.#server.isPartOf(response, version, gap)) {
			await response.body?.cancel();
			throw new TypeError("a part of the package is damaged, and the server has another version");
		}
		const chunks = keeping(this.#cache, version, response, gap);
		yield* cut(chunks, range.start - gap.start, range.end - gap.start);
	}

	/** What is kept before the gap, what comes from the server, and what is kept behind it. */
	async *#around(version: Version, wanted: ByteRange, gap: ByteRange, response: Response): Chunks {
		yield* this.#kept(version, { start: wanted.start, end: gap.start });
		const chunks = keeping(this.#cache, version, response, gap);
		yield* cut(chunks, wanted.start - gap.start, wanted.end - gap.start);
		yield* this.#kept(version, { start: gap.end, end: wanted.end });
	}

	#reply(version: Version, range: ByteRange, chunks: Chunks): Response {
		const status = this.#asked === null ? 200 : 206;
		return new Response(this.#stream(chunks), { status, headers: this.#headers(version, range) });
	}

	#headers(version: Version, range: ByteRange): Record<string, string> {
		return {
			...version.headers(range),
			"Content-Length": String(length(range)),
			[VERSION]: version.record.id,
		};
	}

	/** The worker stays until the stream has ended. */
	#stream(chunks: Chunks): ReadableStream<Uint8Array<ArrayBuffer>> {
		const answered = this.#revalidator.answering(this.#pkg);
		let ended = answered;
		this.#waitUntil(
			new Promise<void>((resolve) => {
				ended = () => resolve(answered());
			}),
		);
		return streamOf(chunks, ended);
	}
}

function header(asked: RangeRequest | null): string | null {
	if (asked === null) return null;
	const last = asked.end === null ? "" : asked.start === null ? asked.end : asked.end - 1;
	return `bytes=${asked.start ?? ""}-${last}`;
}

function outside({ size }: Version): Response {
	return new Response(null, { status: 416, headers: { "Content-Range": `bytes */${size}` } });
}

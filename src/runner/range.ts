/**
 * A file behind a URL, read in parts: what makes a package start before it has arrived.
 *
 *     blocks of 128 KiB   | 0 | 1 |   |   | 4 |   …      kept in memory, the oldest dropped first
 *
 * The first answer decides. A server that ignores `Range` says 200 and sends everything, and then
 * that is the package. One that says 206 also says how long the file is and which version it is
 * (ETag, Last-Modified); every later answer must be of the same version, because half of one file
 * and half of another is neither. What fails on the way is asked for again, three times.
 *
 * Guests read through `read`, which is synchronous: a block that is missing is asked for, together
 * with those behind it if the guest reads straight on, and the call waits for it.
 */
import { type Done, EIO, errnoOf } from "../abi/errno.ts";
import { PortholeError } from "../abi/error.ts";
import type { Bridge, OpenTicket } from "../bridge/bridge.ts";
import type { Contents } from "../fs/volume.ts";
import { type ByteSource, type Span, verifySpan } from "../webc/index.ts";
import { compileResponse } from "./compile.ts";
import { unreachable } from "./network.ts";
import { BLOCK, bodyOf, brokenOff, parseRange, request, versionOf } from "./part.ts";

/** Blocks kept in memory: 64 MiB. */
const KEPT = 512;
/** Blocks asked for at once where a guest reads straight on. */
const AHEAD = 8;
/** A file up to this size is fetched whole and held against its digest before any of it is used. */
const CHECKED = 8 * 1024 * 1024;
const TRIES = 3;
/** Milliseconds before the second try; doubled for each further one. */
const BACKOFF = 250;

/** What a service worker that keeps packages says and understands (see `src/offline/answer.ts`): the
 *  version that an answer is from, which further requests repeat, and a program by its digest. */
const VERSION = "porthole-version";
const ATOM = "porthole-atom";
/** Asks for a program once more, because the first answer had another digest. */
const AGAIN = "porthole-again";

/** Hears how many bytes have arrived, in all. */
export type OnBytes = (loaded: number, total: number | undefined) => void;

export class RangeFile implements ByteSource {
	readonly size: number;
	readonly contents: Contents;
	/** Hears of bytes as they arrive; set while somebody wants to know. */
	onBytes: OnBytes | null = null;
	readonly #url: string;
	/** What further requests go to; where a service worker keeps the package, it names the version. */
	readonly #address: string;
	readonly #bridge: Bridge;
	readonly #version: string;
	readonly #blocks = new Map<number, Uint8Array>();
	readonly #underway = new Map<number, Promise<Uint8Array>>();
	readonly #tickets = new Map<number, OpenTicket<void>>();
	readonly #checks = new Map<Span, OpenTicket<void>>();
	#loaded = 0;
	#lastBlock = -1;

	private constructor(url: string, address: string, bridge: Bridge, first: Response, size: number) {
		this.#url = url;
		this.#address = address;
		this.#bridge = bridge;
		this.size = size;
		this.#version = versionOf(first);
		this.contents = {
			read: (into, at, length, position) => this.#readNow(into, at, length, position),
			check: (span) => this.#check(span),
		};
	}

	/** The file whose first block `response` is. */
	static async open(
		url: string,
		bridge: Bridge,
		response: Response,
		total: number,
	): Promise<RangeFile> {
		const pin = response.headers.get(VERSION);
		const address = pin === null ? url : withParameter(url, VERSION, pin);
		const file = new RangeFile(url, address, bridge, response, total);
		const first = await bodyOf(response, Math.min(BLOCK, total), url);
		file.#keep(0, first);
		file.#arrived(first.length);
		return file;
	}

	/** Compiles an atom while it arrives. Nothing of it runs before its digest has been found right.
	 *  A service worker does not look at the programs that it keeps, and is told to fetch anew. */
	async compile(span: Span, what: string): Promise<WebAssembly.Module> {
		try {
			return await this.#compile(await this.#program(span), span, what);
		} catch (error) {
			const damaged = error instanceof PortholeError && error.code === "checksum";
			if (!damaged || this.#address === this.#url) throw error;
			return this.#compile(await this.#program(span, true), span, what);
		}
	}

	async #compile(response: Response, span: Span, what: string): Promise<WebAssembly.Module> {
		const { body } = response.clone();
		if (body === null) throw unreachable(this.#url, "an empty answer");
		const checked = this.#collect(body, span.length).then(async (bytes) => {
			if (span.sha256 === undefined || globalThis.crypto?.subtle === undefined) return;
			const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));
			if (digest.every((byte, index) => byte === span.sha256?.[index])) return;
			throw new PortholeError("checksum", `${what} is not what its package says it is`);
		});
		const module = compileResponse(response, what);
		// That the download broke off, or brought something else, says more than that it is no module.
		module.catch(() => {});
		await checked;
		return module;
	}

	get loaded(): number {
		return this.#loaded;
	}

	async read(offset: number, length: number): Promise<Uint8Array> {
		if (!(offset >= 0 && length >= 0 && offset + length <= this.size)) {
			throw new PortholeError(
				"EIO",
				`bytes ${offset} to ${offset + length} are not in ${this.#url}`,
			);
		}
		const first = Math.floor(offset / BLOCK);
		const last = Math.floor(Math.max(offset, offset + length - 1) / BLOCK);
		await this.#fetch(first, last);
		const out = new Uint8Array(length);
		for (let block = first; block <= last && length > 0; block++) {
			const bytes = this.#blocks.get(block) ?? (await this.#fetchOne(block));
			const from = Math.max(0, offset - block * BLOCK);
			const to = Math.min(bytes.length, offset + length - block * BLOCK);
			out.set(bytes.subarray(from, to), block * BLOCK + from - offset);
		}
		return out;
	}

	/** The answer with the bytes of `span`, past the cache; to compile them while they arrive. It is
	 *  the browser's own, untouched: only for such a one does it keep the code that it compiles. */
	async #program({ start, length, sha256 }: Span, again = false): Promise<Response> {
		const kept = this.#address !== this.#url && sha256 !== undefined;
		if (!kept) return this.#part(start, length);
		const address = withParameter(this.#address, ATOM, hex(sha256));
		return this.#part(start, length, again ? withParameter(address, AGAIN, "1") : address);
	}

	/** All bytes of such an answer; they count as loaded while they arrive. */
	async #collect(
		body: ReadableStream<Uint8Array>,
		length: number,
	): Promise<Uint8Array<ArrayBuffer>> {
		const bytes = new Uint8Array(length);
		const reader = body.getReader();
		let filled = 0;
		for (;;) {
			const { done, value } = await reader.read().catch(() => {
				throw brokenOff(this.#url);
			});
			if (done) break;
			if (filled + value.length > length) throw this.#tooLong();
			bytes.set(value, filled);
			filled += value.length;
			this.#arrived(value.length);
		}
		if (filled < length) throw brokenOff(this.#url);
		return bytes;
	}

	// --- for guests ---

	#readNow(into: Uint8Array, at: number, length: number, position: number): number {
		let done = 0;
		while (done < length) {
			const block = Math.floor((position + done) / BLOCK);
			const bytes = this.#blocks.get(block);
			if (bytes === undefined) return done > 0 ? done : this.#wait(block, position + length);
			const from = position + done - block * BLOCK;
			const count = Math.min(length - done, bytes.length - from);
			if (count <= 0) return done > 0 ? done : EIO;
			into.set(bytes.subarray(from, from + count), at + done);
			done += count;
			this.#lastBlock = block;
		}
		return done;
	}

	#wait(block: number, end: number): number {
		let ticket = this.#tickets.get(block);
		if (ticket?.done === true) {
			this.#tickets.delete(block);
			if (ticket.error !== 0) return ticket.error;
			ticket = undefined;
		}
		if (ticket === undefined) {
			ticket = this.#bridge.ticket<void>();
			this.#tickets.set(block, ticket);
			const needed = Math.floor((end - 1) / BLOCK);
			const ahead = block === this.#lastBlock + 1 ? block + AHEAD - 1 : block;
			this.#answer(
				ticket,
				this.#fetch(block, Math.min(Math.max(needed, ahead), block + AHEAD * 4)),
			);
		}
		return this.#bridge.pending(ticket);
	}

	/** 0 once the file at `span` has been held against its digest; EIO where it is another. */
	#check(span: Span): Done {
		if (span.sha256 === undefined || span.length > CHECKED || !globalThis.crypto?.subtle) return 0;
		let ticket = this.#checks.get(span);
		if (ticket === undefined) {
			ticket = this.#bridge.ticket<void>();
			this.#checks.set(span, ticket);
			this.#answer(ticket, verifySpan(this, span, "a file of the package"));
		}
		if (!ticket.done) return this.#bridge.pending(ticket);
		// What failed is tried again by the next read: the network may have been at fault.
		if (ticket.error !== 0) this.#checks.delete(span);
		return ticket.error;
	}

	#answer(ticket: OpenTicket<void>, question: Promise<unknown>): void {
		question.then(
			() => ticket.answer(),
			(error) => {
				console.warn(`porthole: ${error instanceof Error ? error.message : String(error)}`);
				ticket.fail(errnoOf((error as { code?: unknown } | null)?.code));
			},
		);
	}

	// --- the network ---

	/** Fetches what is missing of the blocks `first` to `last`, neighbours in one request. */
	async #fetch(first: number, last: number): Promise<void> {
		const end = Math.min(last, Math.floor((this.size - 1) / BLOCK));
		const waits: Promise<unknown>[] = [];
		for (let block = first; block <= end; block++) {
			const underway = this.#underway.get(block);
			if (underway !== undefined) waits.push(underway);
			if (underway !== undefined || this.#blocks.has(block)) continue;
			let until = block;
			while (until < end && !this.#blocks.has(until + 1) && !this.#underway.has(until + 1)) until++;
			waits.push(this.#fetchRun(block, until));
			block = until;
		}
		await Promise.all(waits);
	}

	async #fetchOne(block: number): Promise<Uint8Array> {
		await this.#fetch(block, block);
		const bytes = this.#blocks.get(block);
		if (bytes === undefined) throw brokenOff(this.#url);
		return bytes;
	}

	async #fetchRun(first: number, last: number): Promise<void> {
		const start = first * BLOCK;
		const length = Math.min(this.size, (last + 1) * BLOCK) - start;
		const run = this.#bytes(start, length);
		for (let block = first; block <= last; block++) this.#underway.set(block, run);
		try {
			const bytes = await run;
			for (let block = first; block <= last; block++) {
				const at = (block - first) * BLOCK;
				this.#keep(block, bytes.subarray(at, at + BLOCK));
			}
		} finally {
			for (let block = first; block <= last; block++) this.#underway.delete(block);
		}
	}

	async #bytes(start: number, length: number): Promise<Uint8Array> {
		for (let attempt = 1; ; attempt++) {
			try {
				const bytes = await bodyOf(await this.#part(start, length), length, this.#url);
				this.#arrived(bytes.length);
				return bytes;
			} catch (error) {
				const final = error instanceof PortholeError && error.code === "changed";
				if (final || attempt === TRIES) throw error;
				await new Promise((resolve) => setTimeout(resolve, BACKOFF * 2 ** (attempt - 1)));
			}
		}
	}

	/** The answer for a part, checked to be of the version and the place that was asked for. */
	async #part(start: number, length: number, address = this.#address): Promise<Response> {
		const response = await request(address, start, length, undefined);
		const range = parseRange(response);
		const same = versionOf(response) === this.#version;
		const there = range === null || (range.start === start && range.total === this.size);
		// A program comes from a service worker's store, which has no 206.
		const partial = response.status === 206 || (address !== this.#address && range !== null);
		if (partial && same && there) return response;
		await response.body?.cancel();
		throw new PortholeError(
			"changed",
			`${this.#url} has changed on the server since it was opened; load it again`,
		);
	}

	#keep(block: number, bytes: Uint8Array): void {
		this.#blocks.set(block, bytes);
		if (this.#blocks.size <= KEPT) return;
		for (const oldest of this.#blocks.keys()) {
			this.#blocks.delete(oldest);
			return;
		}
	}

	#arrived(bytes: number): void {
		this.#loaded += bytes;
		this.onBytes?.(this.#loaded, this.size);
	}

	#tooLong(): PortholeError {
		return new PortholeError("network-error", `${this.#url}: more bytes came than were asked for`);
	}
}

function withParameter(url: string, name: string, value: string): string {
	const address = new URL(url);
	address.searchParams.set(name, value);
	return address.href;
}

function hex(bytes: Uint8Array): string {
	return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

/**
 * A file behind a URL, read in parts: what makes a package start before it has arrived.
 *
 *     blocks of 128 KiB   | 0 | 1 |   |   | 4 |   …      kept in memory, the least used dropped first
 *
 * The first answer decides. A server that ignores `Range` says 200 and sends everything, and then
 * that is the package. One that says 206 also says how long the file is and which version it is
 * (ETag, Last-Modified); every later answer must be of the same version, because half of one file
 * and half of another is neither.
 *
 * Guests read through `read`, which is synchronous: a block that is missing is asked for, together
 * with those behind it if the guest reads straight on, and the call waits for it. A read that fails
 * for good is EIO for the guest, and the page is told which file it was and why. Where guests cannot
 * wait, the block is fetched on the spot. Both ways stand in one file because they fill the same cache.
 * Programs are not cached here: program-fetch.ts compiles them while they arrive.
 */
import { type Done, EIO, type Errno } from "../abi/errno.ts";
import { errnoOf } from "../abi/errno-names.ts";
import { PortholeError } from "../abi/error.ts";
import type { Bridge, OpenTicket } from "../bridge/bridge.ts";
import type { Contents } from "../fs/volume.ts";
import { explainFailed } from "../http/forbidden.ts";
import { BLOCK, type Part, type Report } from "../http/http-range.ts";
import { tooLarge } from "../http/read-errors.ts";
import type { RewriteOptions } from "../rewrite/options.ts";
import {
	type AccessProfile,
	type ByteSource,
	type Package,
	type Span,
	verifySpan,
} from "../webc/index.ts";
import type { SyncRange } from "./http-range-sync.ts";
import type { Warn } from "./load-package.ts";
import { hex, ProgramFetch, type ProgramHost, VERSION, withParameter } from "./program-fetch.ts";
import { Download } from "./resumable-download.ts";
import { fileAt } from "./span-path.ts";

export { requestAgain } from "./resumable-download.ts";
export { inMemory, localBytes, wholeOf } from "./whole-file.ts";

/** Blocks kept in memory: 64 MiB. */
const KEPT = 512;
/** Blocks asked for at once where a guest reads straight on. */
const AHEAD = 8;
/** Blocks that are asked for together at most: 4 MiB. */
const TOGETHER = 32;
/** A file up to this size is fetched whole and held against its digest before any of it is used. */
const CHECKED = 8 * 1024 * 1024;
/** The first answer, where there is one, and how to ask for the rest. */
interface How {
	readonly response?: Response | undefined;
	readonly priority?: RequestPriority | undefined;
}

/** A block that is on its way. */
interface PendingBlock {
	readonly there: Promise<void>;
	resolve(): void;
	reject(error: unknown): void;
}

export class RangeFile implements ByteSource {
	readonly size: number;
	readonly contents: Contents;
	/** Where programs can be had by themselves, by their digests in hex. */
	readonly alone = new Map<string, string>();
	readonly #url: string;
	/** What further requests go to; where a service worker keeps the package, it names the version. */
	readonly #address: string;
	readonly #bridge: Bridge;
	readonly #download: Download;
	/** Has parts on the spot, where guests cannot wait. */
	#sync: SyncRange | null = null;
	readonly #blocks = new Map<number, Uint8Array>();
	readonly #coming = new Map<number, PendingBlock>();
	readonly #tickets = new Map<number, OpenTicket<void>>();
	readonly #checks = new Map<Span, OpenTicket<void>>();
	#loaded = 0;
	#report: Report | null = null;
	/** Until the program is asked for. */
	#indexing = true;
	/** The blocks that were read, in the order of their first use. */
	readonly #order = new Set<number>();
	#warn: Warn = () => {};
	#lost: (position: number, error: unknown) => void = () => {};
	#lastBlock = -1;

	private constructor(
		url: string,
		bridge: Bridge,
		pin: string | null,
		part: Part,
		timeout: number,
		signal: AbortSignal,
	) {
		this.#url = url;
		this.#address = pin === null ? url : withParameter(url, VERSION, pin);
		this.#bridge = bridge;
		this.size = part.total;
		this.#download = new Download(url, this.#address, part, timeout, signal);
		this.contents = {
			read: (into, at, length, position) => this.#readSync(into, at, length, position),
			check: (span) => this.#check(span),
		};
	}

	/** The file whose first block `response` is. */
	static async open(
		url: string,
		bridge: Bridge,
		response: Response,
		part: Part,
		timeout: number,
		signal: AbortSignal,
	): Promise<RangeFile> {
		const file = new RangeFile(url, bridge, response.headers.get(VERSION), part, timeout, signal);
		if (bridge.urgent !== undefined) {
			file.#sync = new (await import("./http-range-sync.ts")).SyncRange(
				file.#address,
				part,
				timeout,
			);
		}
		await file.#fetchRun(0, 0, { response });
		return file;
	}

	/** Tells of bytes as they arrive: at first those of the index, of which nothing says how many they
	 *  will be, then those of the program. */
	reportTo(report: Report): void {
		this.#report = report;
		this.#arrived(0);
	}

	/** From now on the page is told which files of `pkg` could not be read. */
	warnAbout(pkg: Package, warn: Warn): void {
		this.#warn = warn;
		const told = new Set<string>();
		this.#lost = (position, error) => {
			const file = fileAt(pkg, position);
			// A program that asks again and again is one warning.
			if (told.has(file)) return;
			told.add(file);
			const why = error instanceof Error ? error.message : String(error);
			warn(`${file} could not be read: ${why}`);
		};
	}

	/** The same bytes, of which no more than `most` are read: what an index takes. */
	within(most: number): ByteSource {
		let left = most;
		const read = async (offset: number, length: number) => {
			left -= length;
			if (left < 0) throw tooLarge(this.#url, most);
			return this.read(offset, length);
		};
		return { size: this.size, read };
	}

	/** What has been read by now, for a later start. */
	profile(): AccessProfile {
		const spans: [start: number, length: number][] = [];
		for (const block of this.#order) {
			const start = block * BLOCK;
			const length = Math.min(BLOCK, this.size - start);
			const last = spans.at(-1);
			if (last !== undefined && last[0] + last[1] === start) last[1] += length;
			else spans.push([start, length]);
		}
		return { format: 1, size: this.size, spans };
	}

	/** Fetches blocks that nobody has asked for yet. */
	prefetch(first: number, last: number): Promise<void> {
		return this.#fetch(first, last, "low");
	}

	async read(offset: number, length: number): Promise<Uint8Array> {
		if (!(offset >= 0 && length >= 0 && offset + length <= this.size)) {
			throw new PortholeError(
				"EIO",
				`bytes ${offset} to ${offset + length} are not in ${this.#url}`,
			);
		}
		const out = new Uint8Array(length);
		const end = offset + length;
		// A little at a time: what is fetched must still be there when it is copied.
		for (let at = offset; at < end; ) {
			const until = Math.min(end, (Math.floor(at / BLOCK) + TOGETHER) * BLOCK);
			await this.#fetch(Math.floor(at / BLOCK), Math.floor((until - 1) / BLOCK));
			while (at < until) {
				const block = Math.floor(at / BLOCK);
				const bytes = this.#blocks.get(block) ?? (await this.#fetchOne(block));
				this.#order.add(block);
				const piece = bytes.subarray(at - block * BLOCK, until - block * BLOCK);
				out.set(piece, at - offset);
				at += piece.length;
			}
		}
		return out;
	}

	/** Whether a program has an address of its own, whose answer the browser compiles as it is: only of such a one does it
	 *  keep what it has compiled. */
	isAlone({ sha256 }: Span): boolean {
		return sha256 !== undefined && this.alone.has(hex(sha256));
	}

	/** Compiles an atom while it arrives; see program-fetch.ts. */
	compile(
		span: Span,
		what: string,
		maxBytes: number,
		how?: RewriteOptions,
	): Promise<WebAssembly.Module> {
		const host: ProgramHost = {
			warn: this.#warn,
			begin: () => {
				// What is fetched beside the program is not waited for, and so not reported any more.
				this.#indexing = false;
				const before = this.#loaded;
				return (phase, filled) => this.#report?.(phase, before + filled, before + span.length);
			},
		};
		const programs = new ProgramFetch(this.#url, this.#address, this.#download, this.alone, host);
		return programs.compile(span, what, maxBytes, how);
	}

	// --- for guests ---

	#readSync(into: Uint8Array, at: number, length: number, position: number): number {
		let done = 0;
		while (done < length) {
			const block = Math.floor((position + done) / BLOCK);
			const bytes = this.#blocks.get(block);
			if (bytes === undefined) {
				if (done > 0) return done;
				const there = this.#bridge.urgent
					? this.#fetchSync(block, position)
					: this.#wait(block, position, position + length);
				if (there !== 0) return there;
				continue;
			}
			const from = position + done - block * BLOCK;
			const count = Math.min(length - done, bytes.length - from);
			if (count <= 0) return done > 0 ? done : EIO;
			into.set(bytes.subarray(from, from + count), at + done);
			done += count;
			if (block !== this.#lastBlock) this.#used(block, bytes);
		}
		return done;
	}

	#wait(block: number, position: number, end: number): number {
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
			const last = Math.min(Math.max(needed, ahead), block + TOGETHER - 1);
			this.#fetch(block, last).catch(() => {});
			this.#answer(ticket, this.#fetchOne(block), position);
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
			if (!this.#bridge.urgent) {
				const verified = verifySpan(this, span, "a file of the package").catch((error) => {
					this.#forget(span);
					throw error;
				});
				this.#answer(ticket, verified, span.start);
			}
		}
		if (!ticket.done && this.#bridge.urgent) this.#checkSync(ticket, span);
		if (!ticket.done) return this.#bridge.pending(ticket);
		// What failed is tried again by the next read: the network may have been at fault.
		this.#checks.delete(span);
		return ticket.error;
	}

	#answer(ticket: OpenTicket<void>, question: Promise<unknown>, position: number): void {
		question.then(
			() => ticket.answer(),
			(error) => ticket.fail(this.#failed(error, position)),
		);
	}

	#failed(error: unknown, position: number): Errno {
		this.#lost(position, error);
		return codeOf(error);
	}

	// --- for guests that cannot wait ---

	/** 0 once a block is here, and those behind it where the guest reads straight on. */
	#fetchSync(block: number, position: number): Done {
		try {
			this.#blocksSync(block, block === this.#lastBlock + 1 ? block + AHEAD - 1 : block);
			return 0;
		} catch (error) {
			return this.#failedSync(error, position);
		}
	}

	/** A request on the spot hears of no policy that forbids it: the page is told when that is known. */
	#failedSync(error: unknown, position: number): Errno {
		explainFailed(this.#address, error).then((why) => this.#lost(position, why));
		return codeOf(error);
	}

	#checkSync(ticket: OpenTicket<void>, span: Span): void {
		const first = Math.floor(span.start / BLOCK);
		const at = span.start - first * BLOCK;
		try {
			const bytes = this.#blocksSync(first, Math.floor((span.start + span.length - 1) / BLOCK));
			this.#sync?.check(bytes.subarray(at, at + span.length), span);
			ticket.answer();
		} catch (error) {
			ticket.fail(this.#failedSync(error, span.start));
		}
	}

	#blocksSync(first: number, last: number): Uint8Array {
		if (this.#sync === null) throw new PortholeError("EIO", "nothing can be read on the spot");
		const bytes = this.#sync.bytes(first * BLOCK, Math.min(this.size, (last + 1) * BLOCK));
		this.#arrived(bytes.length);
		for (let at = 0; at < bytes.length; at += BLOCK) {
			this.#keep(first + at / BLOCK, bytes.slice(at, at + BLOCK));
		}
		return bytes;
	}

	// --- the blocks ---

	/** Fetches what is missing of the blocks `first` to `last`, neighbours in one request. */
	async #fetch(first: number, last: number, priority?: RequestPriority): Promise<void> {
		const end = Math.min(last, Math.floor((this.size - 1) / BLOCK));
		const waits: Promise<unknown>[] = [];
		for (let block = first; block <= end; block++) {
			const coming = this.#coming.get(block);
			if (coming !== undefined) waits.push(coming.there);
			if (coming !== undefined || this.#blocks.has(block)) continue;
			let until = block;
			while (until < end && !this.#blocks.has(until + 1) && !this.#coming.has(until + 1)) until++;
			waits.push(this.#fetchRun(block, until, { priority }));
			block = until;
		}
		await Promise.all(waits);
	}

	async #fetchOne(block: number): Promise<Uint8Array> {
		for (;;) {
			const bytes = this.#blocks.get(block);
			if (bytes !== undefined) return bytes;
			await this.#fetch(block, block);
		}
	}

	/** Each block is there for who waits for it as soon as its own bytes have come. */
	async #fetchRun(first: number, last: number, { response, priority }: How = {}): Promise<void> {
		const run = Array.from({ length: last - first + 1 }, coming);
		for (const [index, one] of run.entries()) this.#coming.set(first + index, one);
		const end = Math.min(this.size, (last + 1) * BLOCK);
		let block = first;
		let bytes = this.#empty(block);
		let filled = 0;
		try {
			const { chunks } = this.#download.from(first * BLOCK, end, response, undefined, priority);
			for await (const chunk of chunks) {
				this.#arrived(chunk.length);
				for (let taken = 0; taken < chunk.length; ) {
					const piece = chunk.subarray(taken, taken + bytes.length - filled);
					bytes.set(piece, filled);
					filled += piece.length;
					taken += piece.length;
					if (filled < bytes.length) continue;
					this.#keep(block, bytes);
					this.#coming.delete(block);
					run[block - first]?.resolve();
					block += 1;
					filled = 0;
					bytes = this.#empty(block);
				}
			}
		} catch (error) {
			for (; block <= last; block++) {
				this.#coming.delete(block);
				run[block - first]?.reject(error);
			}
			throw error;
		}
	}

	#empty(block: number): Uint8Array {
		return new Uint8Array(Math.max(0, Math.min(BLOCK, this.size - block * BLOCK)));
	}

	#keep(block: number, bytes: Uint8Array): void {
		this.#blocks.set(block, bytes);
		if (this.#blocks.size <= KEPT) return;
		for (const oldest of this.#blocks.keys()) {
			this.#blocks.delete(oldest);
			return;
		}
	}

	/** Drops the blocks of a file that is not what it should be: the next read asks anew. */
	#forget({ start, length }: Span): void {
		const last = Math.floor((start + length - 1) / BLOCK);
		for (let block = Math.floor(start / BLOCK); block <= last; block++) this.#blocks.delete(block);
	}

	/** Moves a block behind those that have not been used for longer. */
	#used(block: number, bytes: Uint8Array): void {
		this.#lastBlock = block;
		this.#order.add(block);
		this.#blocks.delete(block);
		this.#blocks.set(block, bytes);
	}

	#arrived(bytes: number): void {
		this.#loaded += bytes;
		if (this.#indexing) this.#report?.("reading", this.#loaded, undefined);
	}
}

function coming(): PendingBlock {
	let [resolve, reject]: [() => void, (error: unknown) => void] = [() => {}, () => {}];
	const there = new Promise<void>((...both) => {
		[resolve, reject] = both;
	});
	// Perhaps nobody waits for this very block.
	there.catch(() => {});
	return { there, resolve, reject };
}

function codeOf(error: unknown): Errno {
	return errnoOf((error as { code?: unknown } | null)?.code);
}

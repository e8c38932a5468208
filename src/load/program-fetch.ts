/**
 * A program of a package that is read in parts: fetched in one request, compiled while it arrives, and held
 * against its digest before any of it may run.
 *
 *     response ──┬──▶ compileStreaming        the browser's own answer, whose compiled code it may keep
 *                └──▶ copy ──▶ digest         nothing runs before this one is right
 *
 * A program that has an address of its own (`alone`) is fetched there; where that fails, from the package.
 */
import { PortholeError } from "../abi/error.ts";
import type { Report } from "../http/http-range.ts";
import { tooLarge } from "../http/read-errors.ts";
import type { RewriteOptions } from "../rewrite/options.ts";
import type { Span } from "../webc/index.ts";
import { compile, compileResponse } from "./compile.ts";
import type { Download } from "./resumable-download.ts";

/** No browser compiles a larger module. */
const LARGEST_MODULE = 1024 * 1024 * 1024;

/** What a service worker that keeps packages says and understands (see `src/offline/respond.ts`): the
 *  version that an answer is from, which further requests repeat, and a program by its digest. */
export const VERSION = "porthole-version";
const ATOM = "porthole-atom";
/** Asks for a program once more, because the first answer had another digest. */
const AGAIN = "porthole-again";

/** What a program's download reports to its file. */
export interface ProgramHost {
	warn(message: string): void;
	/** The download begins; returns what is to be called with the bytes that have come. */
	begin(): (phase: Parameters<Report>[0], filled: number) => void;
}

export class ProgramFetch {
	readonly #url: string;
	readonly #address: string;
	readonly #download: Download;
	readonly #alone: ReadonlyMap<string, string>;
	readonly #host: ProgramHost;

	/** `address` is what is asked; it differs from `url` where a service worker keeps the package. */
	constructor(
		url: string,
		address: string,
		download: Download,
		alone: ReadonlyMap<string, string>,
		host: ProgramHost,
	) {
		this.#url = url;
		this.#address = address;
		this.#download = download;
		this.#alone = alone;
		this.#host = host;
	}

	/** Compiles an atom, while it arrives where it is not rewritten (`how`). Nothing of it runs before its digest has been found right.
	 *  A service worker does not look at the programs that it keeps, and is told to fetch anew. */
	async compile(
		span: Span,
		what: string,
		maxBytes: number,
		how?: RewriteOptions,
	): Promise<WebAssembly.Module> {
		if (span.length > maxBytes) throw tooLarge(what, maxBytes);
		if (span.length > LARGEST_MODULE) {
			throw new PortholeError("invalid-module", `${what} has ${span.length} bytes, too many`);
		}
		const alone = span.sha256 === undefined ? undefined : this.#alone.get(hex(span.sha256));
		try {
			if (alone !== undefined) return await this.#compileAlone(alone, span, what, how);
		} catch (error) {
			if (error instanceof PortholeError && error.code === "aborted") throw error;
			const why = error instanceof Error ? error.message : String(error);
			this.#host.warn(`${what} is read from its package, because ${alone} was of no use: ${why}`);
		}
		try {
			return await this.#compile(span, what, false, how);
		} catch (error) {
			const damaged = error instanceof PortholeError && error.code === "checksum";
			if (!damaged || this.#address === this.#url) throw error;
			return this.#compile(span, what, true, how);
		}
	}

	async #compile(
		span: Span,
		what: string,
		again: boolean,
		how: RewriteOptions | undefined,
	): Promise<WebAssembly.Module> {
		const { start, length } = span;
		const silence = new AbortController();
		const address = this.#programAddress(span, again);
		const response = await this.#download.ask(start, start + length, { address, silence });
		if (how !== undefined) {
			const { chunks } = this.#download.from(start, start + length, response, silence);
			return compile(await this.#checked(chunks, span, what), what, how);
		}
		const copy = response.clone();
		// The browser's own answer, untouched: only for such a one does it keep what it compiles.
		const module = compileResponse(response, what);
		// That the download broke off, or brought something else, says more than that it is no module.
		module.catch(() => {});
		const { chunks, unbroken } = this.#download.from(start, start + length, copy, silence);
		const bytes = await this.#checked(chunks, span, what).catch((error) => {
			// The compiler would read on.
			silence.abort();
			throw error;
		});
		return unbroken() ? module : compile(bytes, what);
	}

	/** Compiles an atom that has an address of its own. */
	async #compileAlone(
		url: string,
		span: Span,
		what: string,
		how: RewriteOptions | undefined,
	): Promise<WebAssembly.Module> {
		const silence = new AbortController();
		const response = await this.#download.file(url, silence);
		if (how !== undefined) {
			const body = this.#download.bodyOf(response, url);
			return compile(await this.#checked(body, span, what), what, how);
		}
		const copy = response.clone();
		const module = compileResponse(response, what);
		module.catch(() => {});
		await this.#checked(this.#download.bodyOf(copy, url), span, what).catch((error) => {
			silence.abort();
			throw error;
		});
		return module;
	}

	/** All bytes of an atom as they come, held against its digest. */
	async #checked(
		chunks: AsyncIterable<Uint8Array>,
		{ length, sha256 }: Span,
		what: string,
	): Promise<Uint8Array> {
		const bytes = new Uint8Array(length);
		const report = this.#host.begin();
		let filled = 0;
		for await (const chunk of chunks) {
			if (filled + chunk.length > length) {
				filled = 0;
				break;
			}
			bytes.set(chunk, filled);
			filled += chunk.length;
			report("reading", filled);
		}
		let right = filled === length;
		if (right && sha256 !== undefined && globalThis.crypto?.subtle !== undefined) {
			const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));
			right = digest.every((byte, index) => byte === sha256[index]);
		}
		if (right) report("compiling", length);
		if (right) return bytes;
		throw new PortholeError("checksum", `${what} is not what its package says it is`);
	}

	#programAddress({ sha256 }: Span, again: boolean): string {
		if (this.#address === this.#url || sha256 === undefined) return this.#address;
		const address = withParameter(this.#address, ATOM, hex(sha256));
		return again ? withParameter(address, AGAIN, "1") : address;
	}
}

/** The address with one more parameter. */
export function withParameter(url: string, name: string, value: string): string {
	const address = new URL(url);
	address.searchParams.set(name, value);
	return address.href;
}

export function hex(bytes: Uint8Array): string {
	return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

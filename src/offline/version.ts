/**
 * One version of one package, as far as it is here: a Cache of its own with an entry for each part.
 *
 *     https://part.invalid/<start>-<end>       bytes of the file, at most 512 KiB, with their SHA-256
 *     https://part.invalid/<start>-<end>?atom  the program of a package, whole, as `application/wasm`
 *
 * An entry says by itself what it is, and Cache Storage writes it whole or not at all; so there is no
 * index that could be wrong, and a worker that is killed leaves parts, never halves. To forget the
 * version is to delete its Cache, which also is one step. (A 206 cannot be put into a Cache, so each
 * part is a 200.)
 *
 * Nothing that was stored is believed: every part is held against its digest when it is read, and
 * is dropped if it differs. The digest of an atom is the package's own.
 */
import {
	type ByteRange,
	contentRange,
	gaps,
	length,
	type Piece,
	piecesOf,
	within,
} from "./byte-ranges.ts";
import type { Varied } from "./personal.ts";

/** What tells one version of a file from another. */
export interface Identity {
	readonly size: number;
	readonly etag: string;
	readonly modified: string;
}

export interface VersionRecord extends Identity {
	/** Of a version that is arriving, an upper bound until all of it is there. */
	size: number;
	readonly id: string;
	readonly type: string;
	/** The requests that it is for. */
	readonly varied: Varied;
	/** When it was last used. */
	used: number;
}

export interface Part extends ByteRange {
	/** Where it is in the Cache. */
	readonly key: string;
	readonly atom: boolean;
}

const DIGEST = "porthole-sha256";
const KEY = /^https:\/\/part\.invalid\/(\d{1,15})-(\d{1,15})(\?atom)?$/;

export class Version {
	readonly record: VersionRecord;
	readonly #cache: Cache;
	readonly #parts = new Map<string, Part>();

	private constructor(record: VersionRecord, cache: Cache) {
		this.record = record;
		this.#cache = cache;
	}

	static async open(record: VersionRecord, cache: Cache): Promise<Version> {
		const version = new Version(record, cache);
		for (const { url } of await cache.keys()) {
			const part = parsePart(url);
			if (part !== null && part.end <= record.size) version.#parts.set(url, part);
		}
		return version;
	}

	get size(): number {
		return this.record.size;
	}

	get bytes(): number {
		let sum = 0;
		for (const part of this.#parts.values()) sum += length(part);
		return sum;
	}

	get complete(): boolean {
		return this.gaps({ start: 0, end: this.size }).length === 0;
	}

	pieces(wanted: ByteRange): Piece<Part>[] {
		return piecesOf(this.#parts.values(), wanted);
	}

	gaps(wanted: ByteRange): ByteRange[] {
		return gaps(this.#parts.values(), wanted);
	}

	/** The bytes of a part; null if they are not there or not what they were. */
	async read(part: Part): Promise<Uint8Array<ArrayBuffer> | null> {
		try {
			const response = await this.#cache.match(part.key);
			if (response !== undefined) {
				const bytes = new Uint8Array(await response.arrayBuffer());
				const right = bytes.length === length(part);
				if (right && (await digest(bytes)) === response.headers.get(DIGEST)) return bytes;
			}
		} catch {
			// What the disk no longer gives is as good as lost.
		}
		await this.drop(part);
		return null;
	}

	/** Errors: QuotaExceededError, as a rejection. */
	async store(start: number, bytes: Uint8Array<ArrayBuffer>): Promise<void> {
		const range = { start, end: start + bytes.length };
		const headers = { [DIGEST]: await digest(bytes) };
		await this.#put(partAt(range, false), new Response(bytes, { headers }));
	}

	/** Keeps a whole program as one entry, and what that makes superfluous no longer. `sha256` is what
	 *  the package says of it, in hex; the stream is believed until it is read. */
	async storeAtom(
		range: ByteRange,
		body: ReadableStream<Uint8Array>,
		sha256: string,
	): Promise<void> {
		const headers = {
			...this.headers(range),
			"Content-Type": "application/wasm",
			[DIGEST]: sha256,
		};
		const atom = partAt(range, true);
		await this.#put(atom, new Response(body, { headers }));
		const covered = [...this.#parts.values()].filter((part) => part !== atom && within(part, atom));
		if (covered.length === 0 || (await this.read(atom)) === null) return;
		for (const part of covered) await this.drop(part);
	}

	/** The answer for a whole program, straight from the Cache: only such a one, handed on as it is,
	 *  lets the browser find the code that it compiled last time. It is not checked here: the
	 *  worker that asks for a program knows its digest, and asks again in another way if the digest
	 *  differs (see `dropAtom`). */
	async atom(range: ByteRange, sha256: string): Promise<Response | null> {
		const atom = this.#parts.get(partAt(range, true).key);
		if (atom === undefined) return null;
		const response = await this.#cache.match(atom.key);
		return response?.headers.get(DIGEST) === sha256 ? response : null;
	}

	async dropAtom(range: ByteRange): Promise<void> {
		await this.drop(partAt(range, true));
	}

	async drop(part: Part): Promise<void> {
		this.#parts.delete(part.key);
		await this.#cache.delete(part.key);
	}

	/** What an answer with these bytes says of them. */
	headers(range: ByteRange): Record<string, string> {
		const { etag, modified, type, size } = this.record;
		return {
			"Accept-Ranges": "bytes",
			"Content-Type": type,
			"Content-Range": contentRange(range, size),
			...(etag && { ETag: etag }),
			...(modified && { "Last-Modified": modified }),
		};
	}

	async #put(part: Part, response: Response): Promise<void> {
		await this.#cache.put(part.key, response);
		this.#parts.set(part.key, part);
	}
}

function partAt({ start, end }: ByteRange, atom: boolean): Part {
	const key = `https://part.invalid/${start}-${end}${atom ? "?atom" : ""}`;
	return { start, end, key, atom };
}

function parsePart(url: string): Part | null {
	const match = KEY.exec(url);
	if (match === null) return null;
	const range = { start: Number(match[1]), end: Number(match[2]) };
	return range.start < range.end ? partAt(range, match[3] !== undefined) : null;
}

async function digest(bytes: Uint8Array<ArrayBuffer>): Promise<string> {
	const hash = new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));
	return Array.from(hash, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

/** What an answer says of the version it is of; the size must come from elsewhere. */
export function identify(response: Response, size: number): Identity {
	return {
		size,
		etag: response.headers.get("etag") ?? "",
		modified: response.headers.get("last-modified") ?? "",
	};
}

/** A weak ETag is good enough here: what it may hide is the encoding, and parts have none. */
export function same(a: Identity, b: Identity): boolean {
	const plain = (etag: string) => etag.replace(/^W\//, "");
	return a.size === b.size && plain(a.etag) === plain(b.etag) && a.modified === b.modified;
}

/** Whether parts of this version can be told from parts of another. */
export function known({ etag, modified }: Identity): boolean {
	return etag !== "" || modified !== "";
}

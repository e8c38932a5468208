/**
 * The browser that the package cache runs in, in memory, for tests: Cache Storage that can be full, a server whose
 * file can change and that can be out of reach, and a clock that moves when it is told to.
 */
import type { Browser } from "./browser.ts";

interface Entry {
	readonly bytes: Uint8Array<ArrayBuffer>;
	readonly headers: [string, string][];
}

/** Cache Storage, as far as it is used. What was put is there once all of its body has come. */
export class MemoryCaches {
	readonly stored = new Map<string, Map<string, Entry>>();
	/** How many bytes fit. */
	quota = Number.POSITIVE_INFINITY;

	get bytes(): number {
		let sum = 0;
		for (const cache of this.stored.values()) {
			for (const { bytes } of cache.values()) sum += bytes.length;
		}
		return sum;
	}

	async open(name: string): Promise<Cache> {
		const entries = this.stored.get(name) ?? new Map<string, Entry>();
		this.stored.set(name, entries);
		const partial: Partial<Cache> = {
			match: async (url) => {
				const entry = entries.get(String(url));
				return entry && new Response(entry.bytes, { headers: entry.headers });
			},
			put: async (url, response) => {
				const bytes = new Uint8Array(await response.arrayBuffer());
				if (this.bytes + bytes.length > this.quota) {
					throw new DOMException("full", "QuotaExceededError");
				}
				entries.set(String(url), { bytes, headers: [...response.headers] });
			},
			delete: async (url) => entries.delete(String(url)),
			keys: async () => [...entries.keys()].map((url) => new Request(url)),
		};
		return partial as Cache;
	}

	async keys(): Promise<string[]> {
		return [...this.stored.keys()];
	}

	async delete(name: string): Promise<boolean> {
		return this.stored.delete(name);
	}

	/** Changes a byte of every entry that holds a part. */
	damage(): void {
		for (const [name, cache] of this.stored) {
			if (!name.includes(":part:")) continue;
			for (const { bytes } of cache.values()) bytes[0] = (bytes[0] ?? 0) ^ 1;
		}
	}
}

/** A file on a server. */
export interface ServerFile {
	bytes: Uint8Array<ArrayBuffer>;
	etag: string;
	/** Whether the server answers ranges. */
	ranges: boolean;
	/** What else it says of the file. */
	headers?: Readonly<Record<string, string>>;
	/** The server answers only requests with this value of `Authorization`. */
	secret?: string;
}

export class FakeBrowser implements Browser {
	readonly origin = "https://host.example";
	readonly memory = new MemoryCaches();
	readonly files = new Map<string, ServerFile>();
	/** The ranges that were asked for. */
	readonly asked: string[] = [];
	online = true;
	time = 1_000_000_000_000;
	readonly #waiting: { readonly until: number; readonly resolve: () => void }[] = [];

	get caches(): CacheStorage {
		// The methods that are missing are not used.
		return this.memory as unknown as CacheStorage;
	}

	async fetch(url: string, init: RequestInit): Promise<Response> {
		const range = new Headers(init.headers).get("range");
		this.asked.push(range ?? "all");
		if (!this.online) throw new TypeError("no network");
		const file = this.files.get(url);
		if (file === undefined) return new Response("not found", { status: 404 });
		const { bytes, etag, ranges, secret } = file;
		const headers = new Headers({ ...file.headers, ...(etag && { ETag: etag }) });
		const said = new Headers(init.headers).get("authorization");
		if (secret !== undefined && said !== secret) return new Response("log in", { status: 401 });
		const match = ranges ? /^bytes=(\d+)-(\d+)$/.exec(range ?? "") : null;
		if (match === null) {
			headers.set("Content-Length", String(bytes.length));
			return new Response(inChunks(bytes), { headers });
		}
		const [start, end] = [Number(match[1]), Math.min(bytes.length, Number(match[2]) + 1)];
		headers.set("Content-Range", `bytes ${start}-${end - 1}/${bytes.length}`);
		return new Response(inChunks(bytes.slice(start, end)), { status: 206, headers });
	}

	now(): number {
		return this.time;
	}

	wait(milliseconds: number): Promise<void> {
		return new Promise((resolve) => {
			this.#waiting.push({ until: this.time + milliseconds, resolve });
		});
	}

	/** Moves the clock on to the end of the longest wait. */
	pass(): void {
		const waiting = this.#waiting.splice(0);
		this.time = Math.max(this.time, ...waiting.map(({ until }) => until));
		for (const { resolve } of waiting) resolve();
	}

	async quota(): Promise<number> {
		return 1024 ** 4;
	}

	sparing(): boolean {
		return false;
	}
}

/** Chunks of odd sizes, as they come from a network. */
function inChunks(bytes: Uint8Array<ArrayBuffer>): ReadableStream<Uint8Array<ArrayBuffer>> {
	let at = 0;
	return new ReadableStream({
		pull(controller) {
			if (at >= bytes.length) {
				controller.close();
				return;
			}
			controller.enqueue(bytes.slice(at, at + 99_991));
			at += 99_991;
		},
	});
}

/** Bytes that are different everywhere and in every file. */
export function noise(length: number): Uint8Array<ArrayBuffer> {
	const bytes = new Uint8Array(length);
	for (let at = 0; at < length; at += 65_536) {
		crypto.getRandomValues(bytes.subarray(at, at + 65_536));
	}
	return bytes;
}

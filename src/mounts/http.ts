/**
 * A directory of a web server, read only.
 *
 * The store learns the files from an index of the whole directory, or from the listings that the server makes
 * of its directories (http-listing.ts), and reads each when it is first needed. It reads none a second time: the
 * directory stays as it was when it was first read.
 *
 * Files are read in parts. The first answer for a file says its version (ETag, Last-Modified) and its size, and
 * every later answer must be of the same version, because half of one file and half of another is neither. A
 * server that ignores `Range` sends all of the file for each request; then the file is kept, as a Blob, which
 * the browser may put on the disk, and the files that were used last stay.
 *
 * Some servers make an ETag of the range, or of the moment: a balancer before several machines, or a program that
 * does not know the whole file. Their tags say nothing of the version. So when only the tag of an answer differs,
 * the store repeats the first request for the file. If the first answer comes again, the file is the same, and is
 * read in one pass and kept; if not, the file has changed, and is ESTALE.
 */
import { PortholeError } from "../abi/error.ts";
import { baseAddress } from "../bridge/context.ts";
import { explainFailed } from "../http/forbidden.ts";
import type { Listing, Store } from "../store/store.ts";
import { type ListedEntry, MOST_ENTRIES, readIndex, readListing } from "./http-listing.ts";

export interface HTTPOptions {
	/** The address of an index of all files, relative to that of the directory: a list in JSON of
	 *  paths or of `{ path, size, modified }`, or a text with a path on each line. A path that ends
	 *  in a slash is an empty directory. Without it the server's listings are read. */
	readonly index?: string | URL;
	/** For each request: `headers`, `credentials`, `cache` and so on. */
	readonly request?: RequestInit;
	/** Takes the place of the page's own `fetch`. */
	readonly fetch?: (url: string, init: RequestInit) => Promise<Response>;
	/** Ends what is under way, and fails what comes after. */
	readonly signal?: AbortSignal;
	/** Bytes of a file that its server sends only whole; 2 GiB unless told otherwise. More is EFBIG. */
	readonly maxBytes?: number;
	/** Milliseconds without a byte after which a request is given up; 60,000 unless told otherwise. Then
	 *  the call is ETIMEDOUT. */
	readonly timeout?: number;
}

/** ETag and Last-Modified of an answer; empty where it has none. */
interface Version {
	readonly tag: string;
	readonly date: string;
}

/** A request, beside what the options say. */
interface Wish {
	readonly method?: string;
	readonly headers?: Record<string, string>;
}

interface Item {
	readonly name: string;
	readonly url: string;
	readonly type: "file" | "directory";
	/** Of a directory; null before it is first listed. */
	entries: Map<string, Item> | null;
	/** Of a file; undefined before the server has told it. */
	size: number | undefined;
	modified: number | undefined;
	/** What the first answer said of the version. */
	version: Version | undefined;
	/** The request with that answer. */
	first: Wish | undefined;
	/** Whether the store has handed out bytes of it. */
	isRead: boolean;
}

/** Characters of an index or listing. */
const LONGEST_INDEX = 1 << 26;
/** Bytes of files that are kept because their server does not send parts. */
const KEPT = 256 * 1024 * 1024;
/** Files whose size is asked for at once. */
const PROBES = 8;
const TRIES = 3;
/** Milliseconds before the second try; doubled for the third. */
const BACKOFF = 250;

export class HTTPStore implements Store {
	readonly #root: Item;
	readonly #options: HTTPOptions;
	readonly #timeout: number;
	/** Files that the server sent whole, by address, the one used last at the end. */
	readonly #whole = new Map<string, Blob>();
	#kept = 0;

	private constructor(root: Item, options: HTTPOptions) {
		this.#root = root;
		this.#options = options;
		// A timer of more milliseconds would fire at once.
		this.#timeout = Math.min(options.timeout ?? 60_000, 2 ** 31 - 1);
	}

	static async open(base: string | URL, options: HTTPOptions): Promise<HTTPStore> {
		const address = absolute(base);
		address.search = "";
		address.hash = "";
		if (!address.pathname.endsWith("/")) address.pathname += "/";
		const root = item("", address.href, "directory");
		const store = new HTTPStore(root, options);
		if (options.index !== undefined) await store.#readIndex(new URL(options.index, address).href);
		return store;
	}

	async list(path: string): Promise<Listing[]> {
		const directory = await this.#find("list", path);
		if (directory.type === "file") throw failure("ENOTDIR", "list", path);
		const items = [...(await this.#entries(directory)).values()];
		const queue = items.filter(({ type, size }) => type === "file" && size === undefined);
		const probe = async () => {
			for (let next = queue.pop(); next !== undefined; next = queue.pop()) {
				if (!(await this.#probe(next))) directory.entries?.delete(next.name);
			}
		};
		await Promise.all(Array.from({ length: PROBES }, probe));
		return items
			.filter(({ name }) => directory.entries?.has(name))
			.map(({ name, type, size = 0, modified = 0 }) => ({ name, type, size, modified }));
	}

	async read(path: string, offset: number, length: number): Promise<Uint8Array> {
		const file = await this.#find("read", path);
		if (file.type === "directory") throw failure("EISDIR", "read", path);
		if (file.size === undefined && !(await this.#probe(file)))
			throw failure("ENOENT", "read", path);
		const end = Math.min(offset + length, file.size ?? 0);
		if (offset >= end) return new Uint8Array(0);
		const whole = this.#whole.get(file.url);
		if (whole === undefined) {
			const bytes = await this.#readRange(file, offset, end);
			file.isRead = true;
			return bytes;
		}
		this.#whole.delete(file.url);
		this.#whole.set(file.url, whole);
		return bytesOf(whole.slice(offset, end));
	}

	write(path: string): Promise<never> {
		return refuse("write", path);
	}

	resize(path: string): Promise<never> {
		return refuse("resize", path);
	}

	make(path: string): Promise<never> {
		return refuse("make", path);
	}

	remove(path: string): Promise<never> {
		return refuse("remove", path);
	}

	rename(from: string): Promise<never> {
		return refuse("rename", from);
	}

	// --- what is there ---

	async #readIndex(url: string): Promise<void> {
		const told = readIndex(await this.#text(url), url);
		this.#root.entries = new Map();
		let left = MOST_ENTRIES;
		for (const one of told) {
			const names = one.path.split("/");
			let at = this.#root;
			for (const [index, name] of names.entries()) {
				const entries = at.entries;
				if (entries === null) throw contradiction(url, one);
				const last = index === names.length - 1;
				let next = entries.get(name);
				// A file may be named before its directory, or after it.
				if (last && next !== undefined && (next.type === "file" || one.type === "file")) {
					throw contradiction(url, one);
				}
				if (next === undefined) {
					if (--left < 0) throw new PortholeError("EFBIG", `EFBIG: ${url} names too many entries`);
					next = item(
						name,
						childUrl(at, name, last ? one.type : "directory"),
						last ? one.type : "directory",
					);
					if (next.type === "directory") next.entries = new Map();
					if (last) [next.size, next.modified] = [one.size, one.modified];
					entries.set(name, next);
				}
				at = next;
			}
		}
	}

	async #entries(directory: Item): Promise<Map<string, Item>> {
		if (directory.entries !== null) return directory.entries;
		const told = readListing(await this.#text(directory.url), directory.url);
		const entries = new Map<string, Item>();
		for (const { path: name, type, size, modified } of told) {
			const entry = item(name, childUrl(directory, name, type), type);
			[entry.size, entry.modified] = [size, modified];
			entries.set(name, entry);
		}
		directory.entries = entries;
		return entries;
	}

	async #find(call: string, path: string): Promise<Item> {
		let found = this.#root;
		for (const name of path.split("/")) {
			if (name === "") continue;
			if (found.type === "file") throw failure("ENOTDIR", call, path);
			const next = (await this.#entries(found)).get(name);
			if (next === undefined) throw failure("ENOENT", call, path);
			found = next;
		}
		return found;
	}

	/** Asks the server for the size of a file; false if the server has no such file. */
	async #probe(file: Item): Promise<boolean> {
		// With a range the browser asks for the bytes as they are, and not for compressed ones.
		const headers = { Range: "bytes=0-" };
		const head = { method: "HEAD", headers };
		const response = await this.#request(file.url, head);
		if (response.status === 404 || response.status === 410) return false;
		// 416: a file without bytes has no range.
		const size = response.status === 416 ? 0 : sizeOf(response);
		if (size !== null && (response.ok || response.status === 416)) {
			this.#checkVersion(file, head, response, size);
			return true;
		}
		if (!response.ok && response.status !== 405 && response.status !== 501) {
			throw badStatus(file.url, response.status);
		}
		// The server does not tell the size, so the whole file is fetched.
		const all = await this.#request(file.url, { headers });
		if (!all.ok) throw badStatus(file.url, all.status);
		await this.#keepWhole(file, { headers }, all);
		return true;
	}

	// --- bytes ---

	async #readRange(file: Item, start: number, end: number): Promise<Uint8Array> {
		const headers = { Range: `bytes=${start}-${end - 1}` };
		for (let attempt = 1; ; attempt++) {
			const response = await this.#request(file.url, { headers });
			if (response.status !== 206 && response.status !== 200) {
				await response.body?.cancel();
				throw response.status === 416 ? changed(file) : badStatus(file.url, response.status);
			}
			try {
				if (response.status === 200) {
					const whole = await this.#keepWhole(file, { headers }, response);
					return await bytesOf(whole.slice(start, end));
				}
				const range = rangeOf(response);
				if (range !== null && range.start !== start) {
					throw new PortholeError("EIO", `EIO: the server sent another part of ${file.url}`);
				}
				this.#checkVersion(file, { headers }, response, range?.total ?? file.size ?? end);
				return await bounded(response, end - start, file.url, this.#timeout);
			} catch (error) {
				await response.body?.cancel().catch(() => {});
				if (error instanceof OtherTag) {
					return await bytesOf((await this.#readInOnePass(file)).slice(start, end));
				}
				if (attempt === TRIES || !isBroken(error)) throw error;
			}
		}
	}

	/** Reads a file whose tag has changed, and neither its size nor its date. Errors: ESTALE. */
	async #readInOnePass(file: Item): Promise<Blob> {
		if (!(await this.#isSame(file))) throw changed(file);
		const all = { headers: { Range: "bytes=0-" } };
		const response = await this.#request(file.url, all);
		if (!response.ok) throw badStatus(file.url, response.status);
		const whole = await this.#keepWhole(file, all, response, false);
		if (await this.#isSame(file)) return whole;
		this.#drop(file.url, whole);
		throw changed(file);
	}

	/** Whether the first request for a file is answered as it was. If the server answers it with a new tag each time,
	 *  the date tells; without a date, only a file of which nothing was read counts as the same. */
	async #isSame(file: Item): Promise<boolean> {
		const { version, first = {} } = file;
		if (version === undefined) return true;
		const ask = async () => {
			const response = await this.#request(file.url, first);
			await response.body?.cancel();
			return versionOf(response);
		};
		const now = await ask();
		if (now.date !== version.date) return false;
		if (now.tag === version.tag) return true;
		const again = await ask();
		const saysNothing = again.tag !== now.tag && again.date === now.date;
		return saysNothing && (now.date !== "" || !file.isRead);
	}

	/** Reads and keeps a whole file. */
	async #keepWhole(file: Item, wish: Wish, response: Response, checksTag = true): Promise<Blob> {
		const { maxBytes: most = 2 ** 31 } = this.#options;
		const chunks: Blob[] = [];
		let size = 0;
		const reader = response.body?.getReader();
		for (;;) {
			const next = await nextOf(reader, file.url, this.#timeout);
			if (next === undefined || next.done) break;
			size += next.value.length;
			if (size > most) {
				await reader?.cancel();
				throw new PortholeError(
					"EFBIG",
					`EFBIG: the server sends ${file.url} only whole, and it is larger than ${most} bytes; ` +
						"serve it with support for range requests, or raise the option `maxBytes`",
				);
			}
			chunks.push(new Blob([next.value]));
		}
		if ((rangeOf(response)?.total ?? size) !== size) throw broken(file.url, undefined);
		this.#checkVersion(file, wish, response, size, checksTag);
		const blob = new Blob(chunks);
		this.#whole.set(file.url, blob);
		this.#kept += size;
		for (const [url, oldest] of this.#whole) {
			if (this.#kept <= KEPT || oldest === blob) break;
			this.#drop(url, oldest);
		}
		return blob;
	}

	#drop(url: string, { size }: Blob): void {
		this.#whole.delete(url);
		this.#kept -= size;
	}

	/** Takes version and size from the first answer for a file, and compares those of later answers. */
	#checkVersion(file: Item, wish: Wish, response: Response, size: number, checksTag = true): void {
		const version = versionOf(response);
		const known = file.version ?? version;
		if (file.size !== undefined && file.size !== size) throw changed(file);
		if (known.date !== version.date) throw changed(file);
		if (checksTag && known.tag !== version.tag) throw new OtherTag();
		file.size = size;
		file.version = known;
		file.first ??= wish;
		const modified = Date.parse(version.date);
		if (!Number.isNaN(modified)) file.modified ??= modified;
	}

	async #text(url: string): Promise<string> {
		const response = await this.#request(url, {});
		if (!response.ok) throw badStatus(url, response.status);
		const decoder = new TextDecoder();
		const reader = response.body?.getReader();
		let text = "";
		for (;;) {
			const next = await nextOf(reader, url, this.#timeout);
			if (next === undefined || next.done) return text + decoder.decode();
			text += decoder.decode(next.value, { stream: true });
			if (text.length <= LONGEST_INDEX) continue;
			await reader?.cancel();
			throw new PortholeError("EFBIG", `EFBIG: ${url} is longer than any index should be`);
		}
	}

	/** The server's answer, whatever its status. A request that the network or the server fails is repeated. */
	async #request(url: string, wish: Wish): Promise<Response> {
		const { request = {}, signal, fetch = globalThis.fetch } = this.#options;
		const headers = new Headers(request.headers);
		for (const [name, value] of Object.entries(wish.headers ?? {})) headers.set(name, value);
		for (let attempt = 1; ; attempt++) {
			let failed: unknown;
			const silence = new AbortController();
			const timer = setTimeout(() => silence.abort(), this.#timeout);
			const either = signal ? AbortSignal.any([signal, silence.signal]) : silence.signal;
			try {
				const response = await fetch(url, { ...request, ...wish, headers, signal: either });
				const ill = response.status === 429 || response.status >= 500;
				if (!ill || attempt === TRIES) return response;
				await response.body?.cancel();
			} catch (error) {
				failed = error;
			} finally {
				clearTimeout(timer);
			}
			if (silence.signal.aborted) throw silent(url, this.#timeout);
			if (signal?.aborted) {
				throw new PortholeError(
					"EIO",
					`EIO: ${url} was not read: the directory's signal said stop`,
					{
						cause: signal.reason,
					},
				);
			}
			// A fetch of the page's own is under no policy that could be asked about.
			const isOurs = this.#options.fetch === undefined;
			if (attempt === TRIES) {
				const error = broken(url, failed);
				throw isOurs ? await explainFailed(url, error) : error;
			}
			await new Promise((resolve) => setTimeout(resolve, BACKOFF * 2 ** (attempt - 1)));
		}
	}
}

function absolute(url: string | URL): URL {
	try {
		return new URL(url, baseAddress());
	} catch (cause) {
		throw new PortholeError("EINVAL", `EINVAL: ${url} is not the address of a directory`, {
			cause,
		});
	}
}

function item(name: string, url: string, type: Item["type"]): Item {
	return {
		name,
		url,
		type,
		entries: null,
		size: undefined,
		modified: undefined,
		version: undefined,
		first: undefined,
		isRead: false,
	};
}

function childUrl(directory: Item, name: string, type: Item["type"]): string {
	return `${directory.url}${encodeURIComponent(name)}${type === "directory" ? "/" : ""}`;
}

function versionOf({ headers }: Response): Version {
	return { tag: headers.get("etag") ?? "", date: headers.get("last-modified") ?? "" };
}

/** Start and total of `Content-Range`; null if the header is missing, or hidden by another origin. */
function rangeOf({ headers }: Response): { start: number; total: number } | null {
	const match = /^bytes (\d+)-\d+\/(\d+)$/.exec(headers.get("content-range") ?? "");
	if (match === null) return null;
	const [start, total] = [Number(match[1]), Number(match[2])];
	return Number.isSafeInteger(start) && Number.isSafeInteger(total) ? { start, total } : null;
}

/** The size of a file, from the answer to a HEAD; null if the answer does not tell it. */
function sizeOf({ headers }: Response): number | null {
	const length = headers.get("content-length");
	const size = Number(length);
	const encoded = headers.get("content-encoding") !== null;
	return length !== null && !encoded && Number.isSafeInteger(size) ? size : null;
}

/** The next bytes of a body. Errors: ETIMEDOUT, and that of a connection that broke off. */
async function nextOf(
	reader: ReadableStreamDefaultReader<Uint8Array<ArrayBuffer>> | undefined,
	url: string,
	timeout: number,
): Promise<ReadableStreamReadResult<Uint8Array<ArrayBuffer>> | undefined> {
	if (reader === undefined) return undefined;
	let isSilent = false;
	const timer = setTimeout(() => {
		isSilent = true;
		reader.cancel().catch(() => {});
	}, timeout);
	const next = await reader
		.read()
		.catch((cause) => {
			throw broken(url, cause);
		})
		.finally(() => clearTimeout(timer));
	if (isSilent) throw silent(url, timeout);
	return next;
}

/** Exactly `length` bytes of an answer. An endless answer is cancelled. */
async function bounded(
	response: Response,
	length: number,
	url: string,
	timeout: number,
): Promise<Uint8Array> {
	const bytes = new Uint8Array(length);
	const reader = response.body?.getReader();
	let filled = 0;
	for (;;) {
		const next = await nextOf(reader, url, timeout);
		if (next === undefined || next.done) break;
		if (filled + next.value.length > length) {
			await reader?.cancel();
			throw new PortholeError("EIO", `EIO: the server sent more of ${url} than it was asked for`);
		}
		bytes.set(next.value, filled);
		filled += next.value.length;
	}
	if (filled < length) throw broken(url, undefined);
	return bytes;
}

async function bytesOf(blob: Blob): Promise<Uint8Array> {
	return new Uint8Array(await blob.arrayBuffer());
}

// --- failures ---

/** Only the tag of an answer differs from that of the first one. */
class OtherTag extends Error {}

async function refuse(call: string, path: string): Promise<never> {
	throw failure("EROFS", call, path);
}

function failure(code: string, call: string, path: string): PortholeError {
	return new PortholeError(code, `${code}: ${call} ${path}`);
}

function badStatus(url: string, status: number): PortholeError {
	const codes = new Map([
		[401, "EACCES"],
		[403, "EACCES"],
		[404, "ENOENT"],
		[410, "ENOENT"],
	]);
	const code = codes.get(status) ?? "EIO";
	return new PortholeError(code, `${code}: the server answered ${status} for ${url}`);
}

const BROKEN = "network-error";

function broken(url: string, cause: unknown): PortholeError {
	return new PortholeError(
		BROKEN,
		`${url} could not be fetched: the connection broke off, the server cannot be reached, or it ` +
			"does not allow this page to read it (it must send Access-Control-Allow-Origin)",
		{ cause },
	);
}

function silent(url: string, timeout: number): PortholeError {
	return new PortholeError(
		"ETIMEDOUT",
		`ETIMEDOUT: ${url} has sent nothing for ${timeout / 1000} s; try again, or raise the option \`timeout\``,
	);
}

function isBroken(error: unknown): boolean {
	return error instanceof PortholeError && error.code === BROKEN;
}

function changed({ url }: Item): PortholeError {
	return new PortholeError(
		"ESTALE",
		`ESTALE: ${url} has changed on the server since it was first read, or is not what the index ` +
			"says; mount the directory again",
	);
}

function contradiction(url: string, { path }: ListedEntry): PortholeError {
	return new PortholeError("EIO", `EIO: ${url} names ${path} twice, or as a file and a directory`);
}

/**
 * An archive, unpacked into a directory of the tree.
 *
 * Nothing of it gets out of that directory. A name that is absolute or rises by `..` is refused, and
 * so is whatever would have to be written *through* a symlink, wherever the symlink came from.
 * Symlinks themselves are made as they are written: they are data until a program follows them.
 * What is replaced is removed first, so that no other name of it changes.
 *
 * An archive is read once, in its order, and what comes out of it is counted. When something is
 * refused, the error names the entry, and what came before it stays; the file that was being written
 * does not.
 */
import { isDetached } from "../abi/detached.ts";
import { PortholeError } from "../abi/error.ts";
import { checkNames, type Names } from "../abi/options.ts";
import { gunzip } from "../webc/gunzip.ts";
import { compressionOf } from "../webc/no-package.ts";
import { isTar } from "../webc/untar.ts";
import { type Found, type Incoming, join, type Tree } from "./tree.ts";

export type ArchiveSource = Blob | ArrayBuffer | Uint8Array | Response | ReadableStream<Uint8Array>;

export interface ImportOptions {
	/** What happens to a file or symlink that is there already: it is replaced, which is the default,
	 *  it stays, or the import fails. Directories are merged, and never replaced by anything else. */
	readonly onConflict?: "replace" | "skip" | "error";
	/** Bytes that may come out of the archive; 4 GiB unless told otherwise. */
	readonly maxBytes?: number;
	readonly signal?: AbortSignal;
}

export interface Imported {
	/** Files, directories and links that were made. */
	readonly entries: number;
	/** Bytes of files. */
	readonly bytes: number;
	/** What was there already and stayed. */
	readonly skipped: number;
}

const MOST_BYTES = 2 ** 32;
const MOST_ENTRIES = 1_000_000;
/** Bytes of a file that are handed on at once. */
const PART = 1 << 20;

/** Unpacks a tar, a tar.gz or a zip; the bytes say which. */
export async function importArchive(
	tree: Tree,
	source: ArchiveSource,
	path: string,
	options: ImportOptions = {},
): Promise<Imported> {
	const { onConflict = "replace", maxBytes = MOST_BYTES, signal } = options;
	checkNames("importArchive", options, {
		onConflict: 0,
		maxBytes: 0,
		signal: 0,
	} satisfies Names<ImportOptions>);
	if (!["replace", "skip", "error"].includes(onConflict)) {
		throw new PortholeError(
			"invalid-option",
			`onConflict: ${onConflict} is not replace, skip or error`,
		);
	}
	if (!(maxBytes >= 0))
		throw new PortholeError("invalid-option", "maxBytes is not a number of bytes");
	signal?.throwIfAborted();
	const unpacking = new Unpacking(tree, path, { onConflict, maxBytes, signal });
	await tree.mkdir(path, { recursive: true });
	return unpacking.all(open(source, unpacking));
}

/** The entries of an archive, whatever it is. */
async function open(
	source: ArchiveSource,
	{ options }: Unpacking,
): Promise<AsyncGenerator<Incoming>> {
	const { start, stream } = await peek(streamOf(source), options.signal);
	const compression = compressionOf(start);
	if (compression !== undefined) {
		const why = unsupported(`compression by ${compression}`);
		stream.cancel(why).catch(() => {});
		throw why;
	}
	const { readTar } = await import("./tar.ts");
	if (isTar(start)) return readTar(stream);
	// A gzip may be of several members, and a zip is read from its end, where its directory is: all of it
	// is needed. The browser may put that on the disk.
	const blob =
		source instanceof Blob
			? source
			: await new Response(stream.pipeThrough(counted(options.maxBytes + SPARE))).blob();
	// What the names and gaps of a tar take is bounded too.
	const most = options.maxBytes * 2 + SPARE;
	if (start[0] === 0x1f && start[1] === 0x8b)
		return readTar(gunzip(blob).pipeThrough(counted(most)));
	const { readZip } = await import("./zip-read.ts");
	return readZip(blob);
}

const SPARE = 1 << 30;
/** Bytes that tell what an archive is: the first block of a tar. */
const PEEKED = 512;

class Unpacking {
	readonly options: Required<Pick<ImportOptions, "onConflict" | "maxBytes">> & {
		readonly signal: AbortSignal | undefined;
	};
	readonly #tree: Tree;
	readonly #root: string;
	/** Directories that are known to be there, and to be no symlinks. */
	readonly #directories = new Set<string>();
	readonly #times: (readonly [path: string, modified: Date])[] = [];
	#entries = 0;
	#bytes = 0;
	#skipped = 0;

	constructor(tree: Tree, root: string, options: Unpacking["options"]) {
		this.#tree = tree;
		this.#root = root;
		this.options = options;
	}

	async all(entries: Promise<AsyncGenerator<Incoming>>): Promise<Imported> {
		let last = "";
		try {
			for await (const entry of await entries) {
				last = entry.name;
				this.options.signal?.throwIfAborted();
				if (this.#entries + this.#skipped === MOST_ENTRIES) {
					throw new PortholeError("too-large", `more than ${MOST_ENTRIES} entries`);
				}
				if (await this.#one(entry)) this.#entries++;
				else this.#skipped++;
			}
			// A directory's time changes with what is made in it, so it is set last.
			for (const [path, modified] of this.#times) await this.#tree.utimes(path, modified, modified);
		} catch (error) {
			throw this.options.signal?.aborted ? this.options.signal.reason : named(error, last);
		}
		return { entries: this.#entries, bytes: this.#bytes, skipped: this.#skipped };
	}

	/** False for what was there already and stays. */
	async #one(entry: Incoming): Promise<boolean> {
		const names = split(entry.name);
		const name = names.pop();
		// Many archives begin with `./`.
		if (name === undefined) return entry.type === "directory";
		const parent = await this.#directory(names);
		const path = join(parent, name);
		if (entry.type === "directory") {
			await this.#directory([...names, name]);
			if (entry.modified !== undefined) this.#times.push([path, entry.modified]);
			return true;
		}
		if (entry.type === "other") throw refused("it is a device, or something else that is no file");
		const from = entry.type === "link" ? await this.#linked(entry.target) : "";
		if (from === path) return true;
		if (!(await this.#clear(path))) return false;
		if (entry.type === "symlink") await this.#tree.symlink(entry.target, path);
		else if (entry.type === "link") await this.#copy(from, path);
		else await this.#write(entry, path);
		if (entry.type !== "symlink" && entry.modified !== undefined) {
			await this.#tree.utimes(path, entry.modified, entry.modified);
		}
		return true;
	}

	/** The directory below the root with these names, made where it is missing. */
	async #directory(names: readonly string[]): Promise<string> {
		let path = this.#root;
		for (const name of names) {
			path = join(path, name);
			if (this.#directories.has(path)) continue;
			const found = await this.#look(path);
			if (found === null) await this.#tree.mkdir(path);
			else if (found.type !== "directory") {
				throw new PortholeError(
					"ENOTDIR",
					`${path} is a ${found.type}, and is not written through`,
				);
			}
			this.#directories.add(path);
		}
		return path;
	}

	/** The file that a hard link is another name of. */
	async #linked(target: string): Promise<string> {
		const names = split(target);
		let path = this.#root;
		for (const [index, name] of names.entries()) {
			path = join(path, name);
			const wanted = index === names.length - 1 ? "file" : "directory";
			if ((await this.#look(path))?.type !== wanted) {
				throw refused(`it is a link to ${target}, which is no file of the archive`);
			}
		}
		return path;
	}

	/** Makes room at `path`; false where what is there is to stay. */
	async #clear(path: string): Promise<boolean> {
		const found = await this.#look(path);
		if (found === null) return true;
		if (found.type === "directory") throw new PortholeError("EISDIR", `${path} is a directory`);
		if (this.options.onConflict === "error") throw new PortholeError("EEXIST", `${path} is there`);
		if (this.options.onConflict === "skip") return false;
		await this.#tree.rm(path);
		return true;
	}

	async #copy(from: string, to: string): Promise<void> {
		this.#count((await this.#tree.lstat(from)).size);
		await this.#tree.copyFile(from, to);
	}

	async #write(entry: Incoming, path: string): Promise<void> {
		let waiting: Uint8Array[] = [];
		let held = 0;
		let failed: unknown;
		const flush = async () => {
			const bytes = concat(waiting, held);
			[waiting, held] = [[], 0];
			await this.#tree.appendFile(path, bytes);
		};
		const sink = new WritableStream<Uint8Array>({
			write: async (bytes) => {
				try {
					this.options.signal?.throwIfAborted();
					this.#count(bytes.length);
					waiting.push(bytes);
					held += bytes.length;
					if (held >= PART) await flush();
				} catch (error) {
					failed = error;
					throw error;
				}
			},
		});
		await this.#tree.writeFile(path, new Uint8Array(0));
		try {
			await entry.pour(sink);
			if (held > 0) await flush();
			this.options.signal?.throwIfAborted();
		} catch (error) {
			await this.#tree.rm(path, { force: true }).catch(() => {});
			throw failed ?? error;
		}
	}

	#count(bytes: number): void {
		this.#bytes += bytes;
		if (this.#bytes > this.options.maxBytes) {
			throw new PortholeError(
				"too-large",
				`more than ${this.options.maxBytes} bytes come out of it`,
			);
		}
	}

	#look(path: string): Promise<Found | null> {
		return this.#tree.lstat(path).catch((error) => {
			if (error instanceof PortholeError && error.code === "ENOENT") return null;
			throw error;
		});
	}
}

/** The components of a name, below the directory. */
function split(name: string): string[] {
	if (name.startsWith("/")) throw refused("its name is absolute");
	if (name.includes("\0")) throw refused("its name has a NUL");
	const names = name.split("/").filter((part) => part !== "" && part !== ".");
	if (names.includes("..")) throw refused("its name leads out of the directory");
	return names;
}

function streamOf(source: ArchiveSource): ReadableStream<Uint8Array> {
	if (source instanceof ReadableStream) return source;
	if (source instanceof Blob) return source.stream();
	if (source instanceof Response) {
		if (!source.ok) {
			throw new PortholeError(
				"http-error",
				`the server answered ${source.status} for ${source.url}`,
			);
		}
		if (source.body !== null && !source.bodyUsed) return source.body;
		throw new PortholeError("invalid-option", "the Response has no body, or it has been read");
	}
	if (source instanceof ArrayBuffer || source instanceof Uint8Array) {
		if (isDetached(source)) {
			throw new PortholeError(
				"invalid-option",
				"the buffer has been transferred: no bytes are left",
			);
		}
		const bytes = source instanceof ArrayBuffer ? new Uint8Array(source) : source;
		return new Blob([bytes.slice()]).stream();
	}
	throw new PortholeError(
		"invalid-option",
		"an archive is a Blob, an ArrayBuffer, a Uint8Array, a Response or a ReadableStream",
	);
}

/** The first bytes of a stream, and a stream that still begins with them. Both are cancelled by `signal`, and
 *  by a chunk that holds no bytes. */
async function peek(
	stream: ReadableStream<unknown>,
	signal: AbortSignal | undefined,
): Promise<{ start: Uint8Array; stream: ReadableStream<Uint8Array> }> {
	if (stream.locked) {
		throw new PortholeError("invalid-option", "the stream is locked: something else reads it");
	}
	const reader = stream.getReader();
	const cancel = (reason: unknown) => reader.cancel(reason).catch(() => {});
	signal?.addEventListener("abort", () => void cancel(signal.reason), { once: true });
	const read = async () => {
		const next = await reader.read();
		signal?.throwIfAborted();
		if (next.done) return null;
		const bytes = bytesOf(next.value);
		if (bytes !== null) return bytes;
		const why = new PortholeError(
			"invalid-option",
			`the stream of an archive gives bytes (Uint8Array, ArrayBuffer, views), not ${typeof next.value}`,
		);
		cancel(why);
		throw why;
	};
	let start = new Uint8Array(0);
	while (start.length < PEEKED) {
		const bytes = await read();
		if (bytes === null) break;
		start = concat([start, bytes], start.length + bytes.length);
	}
	if (start.length === 0) throw new PortholeError("bad-archive", "the archive is empty");
	const whole = new ReadableStream<Uint8Array>({
		start: (controller) => controller.enqueue(start),
		async pull(controller) {
			const bytes = await read();
			if (bytes === null) controller.close();
			else controller.enqueue(bytes);
		},
		cancel,
	});
	return { start, stream: whole };
}

/** The bytes of a chunk; null where it holds none. */
function bytesOf(chunk: unknown): Uint8Array | null {
	if (chunk instanceof Uint8Array) return chunk;
	if (chunk instanceof ArrayBuffer) return new Uint8Array(chunk);
	if (!ArrayBuffer.isView(chunk)) return null;
	return new Uint8Array(chunk.buffer, chunk.byteOffset, chunk.byteLength);
}

/** Ends a stream with an error before it has become too long. */
function counted(most: number): TransformStream<Uint8Array, Uint8Array<ArrayBuffer>> {
	let seen = 0;
	return new TransformStream({
		transform(chunk, controller) {
			seen += chunk.length;
			if (seen > most)
				throw new PortholeError("too-large", `the archive is longer than ${most} bytes`);
			// The types tell shared memory apart, which never comes here.
			controller.enqueue(chunk as Uint8Array<ArrayBuffer>);
		},
	});
}

function concat(parts: readonly Uint8Array[], length: number): Uint8Array<ArrayBuffer> {
	const bytes = new Uint8Array(length);
	let at = 0;
	for (const part of parts) {
		bytes.set(part, at);
		at += part.length;
	}
	return bytes;
}

// --- failures ---

function refused(why: string): PortholeError {
	return new PortholeError("bad-archive", why);
}

function unsupported(what: string): PortholeError {
	return new PortholeError("not-supported", `${what} is not supported; use gzip, or a zip`);
}

/** The error with the entry at which it happened. */
function named(thrown: unknown, entry: string): PortholeError {
	// The words of the zip library, for files that are deflated in no way that it knows.
	const isUnknown = thrown instanceof Error && /^Compression method/.test(thrown.message);
	const error = isUnknown ? unsupported("their compression") : thrown;
	const code = error instanceof PortholeError ? error.code : "bad-archive";
	const why = error instanceof Error ? error.message.replace(/\.$/, "") : String(error);
	const where = entry === "" ? "" : `, at ${JSON.stringify(entry.slice(0, 200))}`;
	return new PortholeError(code, `the archive cannot be unpacked${where}: ${why}`, {
		cause: error,
	});
}

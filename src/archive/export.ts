/**
 * A directory as an archive: a stream that is made while it is read, so that the directory may be
 * larger than memory, and a slow reader slows the export down.
 *
 * Names are relative to the directory. Symlinks stay symlinks; devices and pipes are left out; a file
 * with several names is there as often. Times are kept to the second. The tree knows no modes: files
 * get 644, directories 755.
 *
 * Programs may run meanwhile. A file that has grown is there with the length that it had when its
 * turn came; one that has shrunk ends the stream with an error, since an archive says each length first.
 */
import { PortholeError } from "../abi/error.ts";
import { checkNames, type Names } from "../abi/options.ts";
import { type ArchiveFormat, type CallPart, join, type Outgoing, type Tree } from "./tree.ts";

export interface ExportOptions {
	/** `tar` unless told otherwise. */
	readonly format?: ArchiveFormat;
	readonly signal?: AbortSignal;
}

type ReadPart = (
	path: string,
	position: number,
	length: number,
	ino?: number,
) => Promise<Uint8Array>;

const PART = 256 * 1024;

/** Errors, before the stream is there: those of looking into the directory. */
export async function exportArchive(
	tree: Tree,
	call: CallPart,
	path: string,
	options: ExportOptions = {},
): Promise<ReadableStream<Uint8Array>> {
	checkNames("exportArchive", options, { format: 0, signal: 0 } satisfies Names<ExportOptions>);
	const { format = "tar", signal } = options;
	if (format !== "tar" && format !== "tar.gz" && format !== "zip") {
		throw new PortholeError("invalid-option", `format: ${format} is not tar, tar.gz or zip`);
	}
	signal?.throwIfAborted();
	const top = await tree.readdir(path);
	const read: ReadPart = (...part) => call("readPart", ...part);
	const entries = walk(tree, read, path, "", top, signal);
	if (format === "zip") return (await import("./zip-write.ts")).zip(entries);
	const packed = (await import("./tar.ts")).tar(entries);
	return format === "tar" ? packed : packed.pipeThrough(gzip());
}

async function* walk(
	tree: Tree,
	read: ReadPart,
	directory: string,
	prefix: string,
	entries: readonly { readonly name: string }[],
	signal: AbortSignal | undefined,
): AsyncGenerator<Outgoing> {
	for (const entry of entries) {
		signal?.throwIfAborted();
		const path = join(directory, entry.name);
		const name = prefix + entry.name;
		const found = await tree.lstat(path).catch(gone);
		if (found === null || found.type === "device" || found.type === "pipe") continue;
		const { type, size, ino } = found;
		const target = type === "symlink" ? await tree.readlink(path).catch(gone) : "";
		if (target === null) continue;
		const content = () => parts(read, path, ino, size, signal);
		yield { name, type, size, modified: new Date(found.mtimeMs), target, content };
		if (type !== "directory") continue;
		const below = await tree.readdir(path).catch(gone);
		if (below !== null) yield* walk(tree, read, path, `${name}/`, below, signal);
	}
}

async function* parts(
	read: ReadPart,
	path: string,
	ino: number | undefined,
	size: number,
	signal: AbortSignal | undefined,
): AsyncGenerator<Uint8Array> {
	for (let at = 0; at < size; ) {
		signal?.throwIfAborted();
		const bytes = await read(path, at, Math.min(PART, size - at), ino);
		if (bytes.length === 0) {
			throw new PortholeError("changed", `${path} became shorter while it was being exported`);
		}
		yield bytes;
		at += bytes.length;
	}
}

/** What a program removes before its turn is left out. */
function gone(error: unknown): null {
	const code = error instanceof PortholeError ? error.code : "";
	if (code === "ENOENT" || code === "ENOTDIR") return null;
	throw error;
}

function gzip(): ReadableWritablePair<Uint8Array, Uint8Array> {
	// The types tell shared memory apart, which never comes here.
	return new CompressionStream("gzip") as ReadableWritablePair<Uint8Array, Uint8Array>;
}

/**
 * A `tar.gz`, unpacked into memory within bounds.
 *
 * A few bytes of gzip can stand for gigabytes, and a tar can name files outside its directory, or
 * twice. The stream is counted before it is kept, and every name is looked at.
 */
import type { ParsedTarEntry } from "modern-tar";
import { nameFault } from "./byte-reader.ts";
import { concat } from "./bytes.ts";
import { WebcError } from "./error.ts";
import { gunzip } from "./gunzip.ts";
import type { PackageFiles, PackedEntry } from "./pack.ts";
import type { Caps } from "./tree.ts";
import { untar } from "./untar.ts";

export interface Unpacked {
	/** All contents, one after the other. */
	readonly bytes: Uint8Array<ArrayBuffer>;
	readonly root: ArchiveDirectory;
}

export interface ArchiveFile {
	readonly start: number;
	readonly length: number;
	readonly modified: number;
}

export class ArchiveDirectory extends Map<string, ArchiveDirectory | ArchiveFile> {}

/** Files and directories of a `tar.gz`; links, devices and names that lead out of it are refused. */
export async function unpack(archive: Uint8Array, caps: Caps): Promise<Unpacked> {
	try {
		// Never shared memory: `bytesSource` sees to that.
		const blob = new Blob([archive as Uint8Array<ArrayBuffer>]);
		return await unpackStream(untar(gunzip(blob).pipeThrough(limit(caps.unpacked))), caps);
	} catch (error) {
		if (error instanceof WebcError) throw error;
		const what = error instanceof Error ? error.message.replace(/\.$/, "") : String(error);
		throw new WebcError("bad-archive", `The archive cannot be unpacked: ${what}`, {}, error);
	}
}

/** Ends the stream with an error before it has filled the memory. */
function limit(most: number): TransformStream<Uint8Array<ArrayBuffer>, Uint8Array<ArrayBuffer>> {
	let seen = 0;
	return new TransformStream({
		transform(chunk, controller) {
			seen += chunk.length;
			if (seen > most) throw new WebcError("too-large", `It unpacks to more than ${most} bytes`);
			controller.enqueue(chunk);
		},
	});
}

async function unpackStream(
	entries: ReadableStream<ParsedTarEntry>,
	caps: Caps,
): Promise<Unpacked> {
	const chunks: Uint8Array[] = [];
	const root = new ArchiveDirectory();
	let at = 0;
	let left = caps.entries;
	const reader = entries.getReader();
	for (let next = await reader.read(); !next.done; next = await reader.read()) {
		const { header, body } = next.value;
		left -= 1;
		if (left < 0) throw new WebcError("too-large", `It holds more than ${caps.entries} entries`);
		const start = at;
		const content = body.getReader();
		for (let part = await content.read(); !part.done; part = await content.read()) {
			chunks.push(part.value);
			at += part.value.length;
		}
		const modified = Math.max(0, Math.floor((header.mtime?.getTime() || 0) / 1000));
		const names = split(header.name, caps);
		if (header.type === "directory") enter(root, names);
		else if (header.type !== "file") throw refused(header.name, `is a ${header.type}`);
		else add(root, names, { start, length: at - start, modified }, header.name);
	}
	return { bytes: concat(chunks), root };
}

/** The components of an entry's name, all of which are harmless. */
function split(path: string, caps: Caps): string[] {
	if (path.startsWith("/")) throw refused(path, "is an absolute path");
	if (path.includes("\ufffd")) throw refused(path, "is not UTF-8");
	const names = path.split("/").filter((name) => name !== "" && name !== ".");
	for (const name of names) {
		const fault = nameFault(name);
		if (fault) throw refused(path, fault);
		if (name.length > caps.name) throw refused(path, "is too long");
	}
	if (names.length > caps.depth) throw new WebcError("too-deep", `${JSON.stringify(path)} is deep`);
	return names;
}

function enter(root: ArchiveDirectory, names: readonly string[]): ArchiveDirectory {
	let at = root;
	for (const name of names) {
		const next = at.get(name) ?? new ArchiveDirectory();
		if (!(next instanceof Map)) throw refused(names.join("/"), "lies below a file");
		at.set(name, next);
		at = next;
	}
	return at;
}

function add(
	root: ArchiveDirectory,
	names: readonly string[],
	file: ArchiveFile,
	path: string,
): void {
	const name = names.at(-1);
	if (name === undefined) throw refused(path, "is an empty name");
	const directory = enter(root, names.slice(0, -1));
	if (directory.has(name)) throw refused(path, "is there twice");
	directory.set(name, file);
}

function refused(path: string, what: string): WebcError {
	return new WebcError("bad-archive", `The archive's entry ${JSON.stringify(path)} ${what}`);
}

// --- as a directory to pack ---

export function archiveFiles({ bytes, root }: Unpacked): PackageFiles {
	const find = (path: string) => {
		let at: ArchiveDirectory | ArchiveFile | undefined = root;
		for (const name of path.split("/").filter(Boolean)) {
			at = at instanceof Map ? at.get(name) : undefined;
		}
		return at;
	};
	return {
		read: async (path) => {
			const found = find(path);
			if (!found || found instanceof Map) return undefined;
			return bytes.subarray(found.start, found.start + found.length);
		},
		list: async (path) => {
			const found = find(path);
			return found instanceof Map ? [...found].map(packed) : undefined;
		},
	};
}

function packed([name, entry]: [string, ArchiveDirectory | ArchiveFile]): PackedEntry {
	if (entry instanceof Map) return { name, type: "directory" };
	return { name, type: "file", modified: entry.modified };
}

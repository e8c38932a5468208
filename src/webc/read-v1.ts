/**
 * Version 1: a fixed head, then a sequence without tags, whose lengths are LEB128.
 *
 *     0     8         24        280      284        1308
 *     magic | kind    | checksum | length | signature | body
 *
 *     body    length manifest · length atoms · (length name · length volume)… to the end of the file
 *     volume  length header · data
 *     header  table of the root, and one table per directory that is not empty
 *     table   u64 length · entries      entry  u56 name length · u8 kind · u64 start · u64 end · name
 *
 * A file's span lies in the data. A directory's span lies in the header and covers its table; an
 * empty directory has an empty span and no table. There is no index, so to find the volumes one
 * walks from record to record, skipping contents.
 */
import { ByteReader } from "./byte-reader.ts";
import { WebcError } from "./error.ts";
import type { Span, Volume } from "./package.ts";
import { readExactly, type Window } from "./source.ts";
import { type Allowance, atomsOf, type Check, type Contents, Directory, Walk } from "./tree.ts";

export const kindOffset = 8;
export const checksumOffset = 24;
export const bodyOffset = 1308;

export const checksumKinds = {
	none: "----------------",
	sha256: "sha256----------",
	signed: "sha256-signed---",
} as const;

export async function readV1(file: Window, allowance: Allowance): Promise<Contents> {
	const head = new ByteReader(await file.view(0, bodyOffset, "the header"), 0, "the header");
	const checked = checkedKind(head);
	const checksum = head.bytes.subarray(checksumOffset, checksumOffset + 32);
	const { caps } = allowance;
	const manifest = await block(file, bodyOffset, "the manifest");
	if (manifest.length > caps.manifest) throw tooLarge("manifest", manifest, caps.manifest);
	const bytes = await file.view(manifest.start, manifest.length, "the manifest");
	const atoms = await block(file, manifest.end, "the atoms");
	const roots = await readVolume(file, atoms, "the atoms", allowance);
	const volumes = await readVolumes(file, atoms.end, allowance);
	const far: Check[] = [];
	if (checked && file.source.bytes) {
		far.push({
			what: "The file's checksum does not match",
			section: "the header",
			offset: checksumOffset,
			expected: checksum,
			content: () => withoutChecksum(file),
		});
	}
	return {
		manifest: { bytes, offset: manifest.start },
		atoms: atomsOf(roots),
		volumes,
		near: [],
		far,
	};
}

/** Whether the file says it has a checksum. */
function checkedKind(head: ByteReader): boolean {
	head.at = kindOffset;
	const kind = head.text(16);
	if (kind === checksumKinds.none) return false;
	if (kind === checksumKinds.sha256 || kind === checksumKinds.signed) return true;
	throw head.error(
		"unknown-version",
		`There is no checksum kind ${JSON.stringify(kind)}`,
		kindOffset,
	);
}

/** The whole file as it was when its checksum was taken: checksum and signature are zeros. */
async function withoutChecksum(file: Window): Promise<Uint8Array> {
	const copy = new Uint8Array(await readExactly(file.source, 0, file.source.size));
	return copy.fill(0, checksumOffset, bodyOffset);
}

/** What a length announces: bytes `[start, end)` of the file. */
interface Block {
	readonly start: number;
	readonly end: number;
	readonly length: number;
}

async function block(file: Window, at: number, section: string): Promise<Block> {
	const reader = new ByteReader(await file.upTo(at, 10, section), at, section);
	const length = leb(reader);
	const start = at + reader.at;
	if (length > file.source.size - start) {
		throw new WebcError("truncated", `${length} bytes should follow`, { offset: at, section });
	}
	return { start, end: start + length, length };
}

function leb(reader: ByteReader): number {
	const start = reader.at;
	let value = 0;
	for (let scale = 1; reader.at - start < 10; scale *= 128) {
		const byte = reader.u8();
		value += (byte & 127) * scale;
		if (value > Number.MAX_SAFE_INTEGER) {
			throw reader.error("overflow", "A LEB128 number is above 2^53", start);
		}
		if (byte < 128) return value;
	}
	throw reader.error("overflow", "A LEB128 number has more than 10 bytes", start);
}

/** The seven bytes of the length of a name. */
function u56(reader: ByteReader): number {
	const start = reader.at;
	const low = reader.little(4);
	const high = reader.little(3);
	if (high >= 0x200000) throw reader.error("overflow", "A number is above 2^53", start);
	return high * 0x100000000 + low;
}

async function readVolumes(
	file: Window,
	from: number,
	allowance: Allowance,
): Promise<Map<string, Volume>> {
	const volumes = new Map<string, Volume>();
	const { caps } = allowance;
	for (let at = from; at < file.source.size; ) {
		const name = await block(file, at, "the volumes");
		if (name.length > caps.name) throw tooLarge("volume name", name, caps.name);
		const bytes = await file.view(name.start, name.length, "the volumes");
		const key = new ByteReader(bytes, name.start, "the volumes").text(name.length);
		const section = `volume ${JSON.stringify(key)}`;
		if (volumes.has(key)) {
			throw new WebcError("duplicate-name", "Two volumes have one name", { offset: at, section });
		}
		const volume = await block(file, name.end, section);
		volumes.set(key, await readVolume(file, volume, section, allowance));
		at = volume.end;
	}
	return volumes;
}

async function readVolume(
	file: Window,
	volume: Block,
	section: string,
	allowance: Allowance,
): Promise<Directory> {
	const header = await block(file, volume.start, section);
	if (header.end > volume.end) {
		throw new WebcError("bad-length", "The header is longer than its volume", {
			offset: volume.start,
			section,
		});
	}
	if (header.length === 0) return new Directory();
	if (header.length > allowance.caps.header) {
		throw tooLarge("volume header", header, allowance.caps.header);
	}
	const bytes = await file.view(header.start, header.length, section);
	const reader = new ByteReader(bytes, header.start, section);
	const walk = new Walk(reader, header.end, volume.end - header.end, allowance);
	return readTable(walk, 0, 0);
}

/** The directory whose table is at `start` of the header. */
function readTable(walk: Walk, start: number, depth: number, end?: number): Directory {
	const reader = walk.enter(start, depth);
	const table = reader.piece(reader.u64());
	walk.leave(start, reader.at);
	if (end !== undefined && end !== reader.at) {
		throw reader.error("bad-length", "A directory's span is not that of its table", start);
	}
	const directory = new Directory();
	while (table.left > 0) readEntry(walk, table, directory, depth);
	return directory;
}

function readEntry(walk: Walk, table: ByteReader, directory: Directory, depth: number): void {
	const length = u56(table);
	const kind = table.u8();
	const start = table.u64();
	const end = table.u64();
	const name = table.component(length, walk.allowance.caps.name);
	if (kind > 1) throw table.error("bad-tag", `There is no entry kind ${kind}`);
	walk.add(
		directory,
		name,
		kind === 1 ? walk.span(start, end, {}) : child(walk, start, end, depth),
	);
}

function child(walk: Walk, start: number, end: number, depth: number): Directory | Span {
	return start === end ? new Directory() : readTable(walk, start, depth + 1, end);
}

function tooLarge(what: string, { start, length }: Block, most: number): WebcError {
	return new WebcError("too-large", `The ${what} has ${length} bytes, and ${most} are allowed`, {
		offset: start,
	});
}

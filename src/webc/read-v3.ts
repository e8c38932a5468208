/**
 * Versions 2 and 3: an index, and sections with a tag and a length.
 *
 *     0      8   9   17             17+N
 *     magic | 2 | N | CBOR, padding | manifest | atoms | volume | volume …
 *
 *     section   u8 tag · (v3: 32 bytes SHA-256 of the payload) · u64 length · payload
 *     manifest  CBOR
 *     atoms     u64 length · header · u64 length · data
 *     volume    u64 length · name · u64 length · header · u64 length · data
 *
 * A header is a heap of records that refer to each other by offset; the root is at 0.
 *
 *     directory  30 · u64 length · (v3: times, hash) · entries
 *     entry      u64 offset · (v3: hash) · u64 length · name
 *     file       31 · u64 start · u64 end · SHA-256 · (v3: times)
 *     link       32 · u64 length · target · hash · times                      (v3)
 *
 * Sections are found through the index only; their order in the file means nothing.
 */
import { ByteReader } from "./byte-reader.ts";
import { concat, equal } from "./bytes.ts";
import { decodeMap, isTable, type Table } from "./cbor.ts";
import { WebcError, type WebcErrorCode } from "./error.ts";
import type { Span, Volume } from "./package.ts";
import { checkRange, readExactly, type Window } from "./source.ts";
import { type Allowance, atomsOf, type Check, type Contents, Directory, Walk } from "./tree.ts";

export const tags = {
	manifest: 1,
	index: 2,
	atoms: 3,
	volume: 4,
	directory: 30,
	file: 31,
	link: 32,
} as const;

/** Where the index's CBOR begins. */
export const indexOffset = 17;

/** The last second that a Date can hold. */
const lastSecond = 8_640_000_000_000;

type Version = 2 | 3;

/** A section as the index announces it. */
interface Entry {
	readonly section: string;
	readonly tag: number;
	readonly start: number;
	readonly end: number;
	/** Of the payload; undefined where the writer took none. */
	readonly sha256: Uint8Array | undefined;
}

/** A section whose head was read: where its payload lies. */
interface Section extends Entry {
	readonly payload: number;
}

export async function readV3(
	file: Window,
	version: Version,
	allowance: Allowance,
): Promise<Contents> {
	const index = await readIndex(file, allowance);
	const near: Check[] = [];
	const far: Check[] = [];
	const open = async (entry: Entry) => openSection(file, entry, version);

	const manifest = await open(index.manifest);
	const length = manifest.end - manifest.payload;
	capped(length, allowance.caps.manifest, "manifest", manifest);
	const bytes = await file.view(manifest.payload, length, manifest.section);
	near.push(...digestOf(file, manifest));

	const context = { file, version, allowance, near };
	const atoms = await open(index.atoms);
	const roots = await readTree(context, atoms, atoms.payload);
	far.push(...digestOf(file, atoms));

	const volumes = new Map<string, Volume>();
	for (const [name, entry] of index.volumes) {
		const section = await open(entry);
		volumes.set(name, await readTree(context, section, await afterName(context, section, name)));
		far.push(...digestOf(file, section));
	}
	return {
		manifest: { bytes, offset: manifest.payload },
		atoms: atomsOf(roots),
		volumes,
		near,
		far,
	};
}

interface Context {
	readonly file: Window;
	readonly version: Version;
	readonly allowance: Allowance;
	readonly near: Check[];
}

// --- the index ---

interface Index {
	readonly manifest: Entry;
	readonly atoms: Entry;
	readonly volumes: ReadonlyMap<string, Entry>;
}

async function readIndex(file: Window, allowance: Allowance): Promise<Index> {
	const section = "the index";
	const head = new ByteReader(await file.view(8, indexOffset - 8, section), 8, section);
	if (head.u8() !== tags.index) throw head.error("bad-tag", "No index follows the header", 0);
	const length = head.u64();
	capped(length, allowance.caps.index, "index", { section, start: indexOffset });
	const bytes = await file.view(indexOffset, length, section);
	// Whatever follows the map is padding.
	const [map] = decodeMap(bytes, allowance.caps.depth, { section, offset: indexOffset });
	const index = parseIndex(map);
	const entries = [index.manifest, index.atoms, ...index.volumes.values()];
	checkOverlap([{ start: 0, end: indexOffset + length, section }, ...entries]);
	for (const { start, end, section } of entries) {
		checkRange(start, end - start, file.source.size, section);
	}
	return index;
}

function parseIndex(map: Table): Index {
	if (tagOf(map.signature, "signature") !== "signature-none") {
		throw indexError("The signature is of an unknown kind");
	}
	const volumes = new Map<string, Entry>();
	const listed = map.volumes;
	if (!isTable(listed)) throw indexError("`volumes` is not a map");
	for (const [name, entry] of Object.entries(listed)) {
		volumes.set(name, parseEntry(entry, `volume ${JSON.stringify(name)}`, tags.volume));
	}
	return {
		manifest: parseEntry(map.manifest, "the manifest", tags.manifest),
		atoms: parseEntry(map.atoms, "the atoms", tags.atoms),
		volumes,
	};
}

function parseEntry(entry: unknown, section: string, tag: number): Entry {
	const span = isTable(entry) ? entry.span : undefined;
	if (!isTable(entry) || !isTable(span)) throw indexError(`There is no span of ${section}`);
	const start = uint(span.start, section);
	const length = uint(span.len, section);
	if (start > Number.MAX_SAFE_INTEGER - length) {
		throw new WebcError("overflow", `The span of ${section} ends above 2^53`, inIndex);
	}
	return { section, tag, start, end: start + length, sha256: checksum(entry.checksum, section) };
}

function checksum(value: unknown, section: string): Uint8Array | undefined {
	const tag = tagOf(value, `checksum of ${section}`);
	const bytes = isTable(value) ? value.value : undefined;
	if (tag === "checksum-none") return undefined;
	if (tag !== "checksum-sha256" || !(bytes instanceof Uint8Array) || bytes.length !== 32) {
		throw indexError(`The checksum of ${section} is of an unknown kind`);
	}
	return bytes;
}

function tagOf(value: unknown, what: string): string {
	const tag = isTable(value) ? value.tag : undefined;
	if (typeof tag !== "string") throw indexError(`There is no tag in the ${what}`);
	return tag;
}

function uint(value: unknown, section: string): number {
	if (typeof value === "bigint") {
		throw new WebcError("overflow", `The span of ${section} is above 2^53`, inIndex);
	}
	if (typeof value === "number" && Number.isSafeInteger(value) && value >= 0) return value;
	throw indexError(`The span of ${section} is not made of natural numbers`);
}

const inIndex = { section: "the index", offset: indexOffset };

function indexError(what: string): WebcError {
	return new WebcError("bad-index", what, inIndex);
}

function checkOverlap(pieces: { start: number; end: number; section: string }[]): void {
	const sorted = pieces.toSorted((a, b) => a.start - b.start || a.end - b.end);
	sorted.reduce((before, next) => {
		if (next.start >= before.end) return next;
		throw new WebcError("overlap", `It overlaps ${before.section}`, {
			offset: next.start,
			section: next.section,
		});
	});
}

// --- sections ---

async function openSection(file: Window, entry: Entry, version: Version): Promise<Section> {
	const { section, start, end } = entry;
	const headLength = version === 2 ? 9 : 41;
	if (end - start < headLength) {
		throw new WebcError("bad-length", `The section has ${end - start} bytes, less than its head`, {
			offset: start,
			section,
		});
	}
	const head = new ByteReader(await file.view(start, headLength, section), start, section);
	const tag = head.u8();
	if (tag !== entry.tag) {
		throw head.error("bad-tag", `The tag is ${tag} and should be ${entry.tag}`, 0);
	}
	const sha256 = version === 3 ? head.take(32) : entry.sha256;
	if (sha256 && entry.sha256 && !equal(sha256, entry.sha256)) {
		throw head.error("checksum", "Section and index hold different checksums", 1);
	}
	const length = head.u64();
	if (length !== end - start - headLength) {
		throw head.error(
			"bad-length",
			`The section says it holds ${length} bytes, and the index ${end - start - headLength}`,
			headLength - 8,
		);
	}
	return { ...entry, sha256, payload: start + headLength };
}

function digestOf(file: Window, { section, payload, end, sha256 }: Section): Check[] {
	if (!sha256) return [];
	const what = "The section's checksum does not match";
	const content = () => readExactly(file.source, payload, end - payload, section);
	return [{ what, section, offset: payload, end, expected: sha256, content }];
}

/** A length, and the place where what it counts begins; checked against the end of the section. */
async function lengthAt(
	file: Window,
	section: Section,
	at: number,
): Promise<{ start: number; length: number }> {
	if (section.end - at < 8) throw sectionError("bad-length", "A length is missing", section, at);
	const length = new ByteReader(await file.view(at, 8, section.section), at, section.section).u64();
	if (length > section.end - at - 8) {
		throw sectionError("bad-length", `${length} bytes reach beyond the section`, section, at);
	}
	return { start: at + 8, length };
}

/** Where the payload goes on after the volume's name, which repeats its key in the index. */
async function afterName(
	{ file, allowance }: Context,
	section: Section,
	name: string,
): Promise<number> {
	const { start, length } = await lengthAt(file, section, section.payload);
	capped(length, allowance.caps.name, "volume name", section);
	const reader = new ByteReader(
		await file.view(start, length, section.section),
		start,
		section.section,
	);
	const own = reader.text(length);
	if (own !== name) {
		throw reader.error("bad-name", `The volume calls itself ${JSON.stringify(own)}`, 0);
	}
	return start + length;
}

/** Header and data, which are the last of the payload. */
async function readTree(context: Context, section: Section, at: number): Promise<Directory> {
	const { file, allowance } = context;
	const header = await lengthAt(file, section, at);
	capped(header.length, allowance.caps.header, "volume header", section);
	const data = await lengthAt(file, section, header.start + header.length);
	if (data.start + data.length !== section.end) {
		const end = data.start + data.length;
		throw sectionError("bad-length", `${section.end - end} stray bytes follow`, section, end);
	}
	const bytes = await file.view(header.start, header.length, section.section);
	const reader = new ByteReader(bytes, header.start, section.section);
	const walk = new Walk(reader, data.start, data.length, allowance);
	const root = readRecord(context, walk, 0, 0).entry;
	if (root instanceof Directory) return root;
	throw reader.error("bad-tag", "The root is not a directory", 0);
}

// --- records ---

interface Record {
	readonly entry: Directory | Span | string;
	/** What the parent's entry must repeat, where that is known. */
	readonly hash: Uint8Array | undefined;
}

function readRecord(context: Context, walk: Walk, start: number, depth: number): Record {
	const reader = walk.enter(start, depth);
	const tag = reader.u8();
	if (tag === tags.file) return readFile(context, walk, start);
	if (tag === tags.directory) return readDirectory(context, walk, start, depth);
	if (tag === tags.link && context.version === 3) return readLink(walk, start);
	throw reader.error("bad-tag", `There is no record ${tag}`, start);
}

function readFile({ version }: Context, walk: Walk, at: number): Record {
	const reader = walk.header;
	const start = reader.u64();
	const end = reader.u64();
	const sha256 = reader.take(32);
	const modified = version === 3 ? times(reader) : 0;
	walk.leave(at, reader.at);
	const entry = walk.span(start, end, modified > 0 ? { sha256, modified } : { sha256 });
	return { entry, hash: sha256 };
}

/** No sample shows what the hash of a link is taken of, so it is not compared. */
function readLink(walk: Walk, at: number): Record {
	const reader = walk.header;
	const length = reader.u64();
	if (length > walk.allowance.caps.linkTarget) {
		throw reader.error("too-large", `A link target has ${length} bytes`, at);
	}
	const entry = reader.text(length);
	if (entry.includes("\0")) throw reader.error("bad-name", "A link target holds a NUL", at);
	reader.take(32);
	times(reader);
	walk.leave(at, reader.at);
	return { entry, hash: undefined };
}

function readDirectory(context: Context, walk: Walk, start: number, depth: number): Record {
	const reader = walk.header;
	const length = reader.u64();
	const inHead = context.version === 3 ? 56 : 0;
	if (length > reader.left || length < inHead) {
		throw reader.error("bad-length", `A directory of ${length} bytes cannot be`, start);
	}
	const record = reader.piece(length);
	walk.leave(start, reader.at);
	const modified = context.version === 3 ? times(record) : 0;
	const hash = context.version === 3 ? record.take(32) : undefined;
	const directory = new Directory(modified);
	const hashes: Uint8Array[] = [];
	while (record.left > 0) hashes.push(readEntry(context, walk, record, directory, depth));
	if (hash) {
		context.near.push({
			what: "The hash of a directory does not match its entries",
			section: reader.section,
			offset: reader.base + start,
			expected: hash,
			content: () => concat(hashes),
		});
	}
	return { entry: directory, hash };
}

/** Answers the hash that the entry has of its child. */
function readEntry(
	context: Context,
	walk: Walk,
	record: ByteReader,
	directory: Directory,
	depth: number,
): Uint8Array {
	const child = record.u64();
	const hash = context.version === 3 ? record.take(32) : new Uint8Array(0);
	const name = record.component(record.u64(), walk.allowance.caps.name);
	const { entry, hash: own } = readRecord(context, walk, child, depth + 1);
	if (context.version === 3 && own && !equal(own, hash)) {
		throw record.error("checksum", `The hash of ${JSON.stringify(name)} is not that of its record`);
	}
	walk.add(directory, name, entry);
	return hash;
}

/** The time of modification, in seconds; the others mean nothing. */
function times(reader: ByteReader): number {
	reader.take(8);
	const modified = reader.u64Clamped(lastSecond);
	reader.take(8);
	return modified;
}

function sectionError(code: WebcErrorCode, what: string, { section }: Section, offset: number) {
	return new WebcError(code, what, { offset, section });
}

function capped(
	length: number,
	most: number,
	what: string,
	{ start, section }: { start: number; section: string },
): void {
	if (length <= most) return;
	const message = `The ${what} has ${length} bytes, and ${most} are allowed`;
	throw new WebcError("too-large", message, { offset: start, section });
}

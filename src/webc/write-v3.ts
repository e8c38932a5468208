/**
 * Versions 2 and 3, written. The layout is drawn at the head of `read-v3.ts`.
 *
 * Records stand depth first, each directory before its children, and contents in the same order. Of
 * each record the size is known before its offset, and the hash before either.
 *
 * The index stands before what it points to, so its size depends on offsets that depend on its size.
 * The reference cuts the knot with padding: it measures the index as if sections began at 0, and
 * leaves room for a fifth more.
 */
import { concat, utf8 } from "./bytes.ts";
import { sha256 } from "./digest.ts";
import { encodeMap } from "./encode.ts";
import { WebcError } from "./error.ts";
import { indexOffset, tags } from "./read-v3.ts";
import {
	ByteWriter,
	dataSize,
	type SortedDirectory,
	type SortedFile,
	type SortedLink,
	type SortedNode,
	type WriterInput,
	writeData,
} from "./writer.ts";

type Version = 2 | 3;

type Hashes = ReadonlyMap<SortedNode, Uint8Array>;

/** A section that knows its size and can be written. */
interface Section {
	readonly tag: number;
	readonly name: string;
	/** Of the payload. */
	readonly size: number;
	readonly write: (out: ByteWriter) => void;
}

export async function writeV3(contents: WriterInput, version: Version): Promise<Uint8Array> {
	const sections = await planSections(contents, version);
	const head = version === 2 ? 9 : 41;
	const none = sections.map(() => new Uint8Array(32));
	const measured = 9 + encodeIndex(sections, head, 0, none, contents.checksum).length;
	const room = measured + Math.floor(measured / 5);
	const base = indexOffset + room;
	const size = sections.reduce((sum, section) => sum + head + section.size, base);

	const out = new ByteWriter(new Uint8Array(size));
	out.put(`\0webc00${version}`);
	out.u8(tags.index);
	out.u64(room);
	out.at = base;
	const digests: Uint8Array[] = [];
	for (const section of sections) digests.push(await writeSection(out, section, head));
	out.at = indexOffset;
	const index = encodeIndex(sections, head, base, digests, contents.checksum);
	if (index.length > room) throw new Error(`the index needs ${index.length} of ${room} bytes`);
	out.put(index);
	return out.bytes;
}

/** Writes the section where `out` stands, and answers the digest of its payload. */
async function writeSection(out: ByteWriter, section: Section, head: number): Promise<Uint8Array> {
	const start = out.at;
	out.u8(section.tag);
	out.at = start + head - 8;
	out.u64(section.size);
	section.write(out);
	const digest = await sha256(out.bytes.subarray(start + head, out.at));
	if (head > 9) out.bytes.set(digest, start + 1);
	return digest;
}

function encodeIndex(
	sections: readonly Section[],
	head: number,
	base: number,
	digests: readonly Uint8Array[],
	checksum: boolean,
): Uint8Array {
	let start = base;
	const entries = sections.map(({ size }, i) => {
		const value = checksum ? digests[i] : new Uint8Array(0);
		const tag = checksum ? "checksum-sha256" : "checksum-none";
		const entry = { span: { start, len: head + size }, checksum: { tag, value } };
		start += head + size;
		return entry;
	});
	const [manifest, atoms, ...volumes] = entries;
	const names = sections.slice(2).map(({ name }) => name);
	return encodeMap({
		manifest,
		atoms,
		volumes: new Map(names.map((name, i) => [name, volumes[i]])),
		signature: { tag: "signature-none", value: new Uint8Array(0) },
	});
}

async function planSections(contents: WriterInput, version: Version): Promise<Section[]> {
	const { manifest, atoms, volumes } = contents;
	const sections: Section[] = [
		{
			tag: tags.manifest,
			name: "",
			size: manifest.length,
			write: (out) => out.put(manifest),
		},
		{ tag: tags.atoms, name: "", ...(await planTree(atoms, version)) },
	];
	for (const { name, root } of volumes) {
		const tree = await planTree(root, version);
		const bytes = utf8(name);
		sections.push({
			tag: tags.volume,
			name,
			size: 8 + bytes.length + tree.size,
			write: (out) => {
				out.u64(bytes.length);
				out.put(bytes);
				tree.write(out);
			},
		});
	}
	return sections;
}

/** Header and data of a volume. */
async function planTree(
	root: SortedDirectory,
	version: Version,
): Promise<Pick<Section, "size" | "write">> {
	const hashes = new Map<SortedNode, Uint8Array>();
	await hash(root, hashes);
	const header = headerSize(root, version);
	const data = dataSize(root);
	return {
		size: 8 + header + 8 + data,
		write: (out) => {
			out.u64(header);
			writeRecord(out, root, { version, hashes, header: out.at, data: 0 });
			out.u64(data);
			writeData(out, root);
		},
	};
}

/** Of a file its content, of a link its target, of a directory the hashes of its children. */
async function hash(node: SortedNode, hashes: Map<SortedNode, Uint8Array>): Promise<Uint8Array> {
	let digest: Uint8Array;
	if (node.kind === "directory") {
		const children: Uint8Array[] = [];
		for (const entry of node.entries) children.push(await hash(entry.node, hashes));
		digest = await sha256(concat(children));
	} else {
		digest = await sha256(node.kind === "file" ? node.bytes : node.target);
	}
	hashes.set(node, digest);
	return digest;
}

// --- records ---

function recordSize(node: SortedNode, version: Version): number {
	if (node.kind === "file") return version === 2 ? 49 : 73;
	if (node.kind === "link") {
		if (version === 2) throw new WebcError("bad-definition", "Version 2 has no symbolic links");
		return 65 + node.target.length;
	}
	const [own, perEntry] = version === 2 ? [9, 16] : [65, 48];
	return node.entries.reduce((sum, { name }) => sum + perEntry + name.length, own);
}

/** Of a record and all records below it. */
function headerSize(node: SortedNode, version: Version): number {
	const own = recordSize(node, version);
	if (node.kind !== "directory") return own;
	return node.entries.reduce((sum, entry) => sum + headerSize(entry.node, version), own);
}

interface Place {
	readonly version: Version;
	readonly hashes: Hashes;
	/** Where the header begins in the file. */
	readonly header: number;
	/** Where the next file's content begins in the data. */
	data: number;
}

/** Writes a record and all records below it. */
function writeRecord(out: ByteWriter, node: SortedNode, place: Place): void {
	const hash = place.hashes.get(node) ?? new Uint8Array(32);
	if (node.kind === "directory") writeDirectory(out, node, hash, place);
	else if (node.kind === "link") writeLink(out, node, hash);
	else writeFile(out, node, hash, place);
}

function writeFile(out: ByteWriter, node: SortedFile, hash: Uint8Array, place: Place): void {
	out.u8(tags.file);
	out.u64(place.data);
	place.data += node.bytes.length;
	out.u64(place.data);
	out.put(hash);
	if (place.version === 3) times(out, node.modified);
}

function writeLink(out: ByteWriter, { target }: SortedLink, hash: Uint8Array): void {
	out.u8(tags.link);
	out.u64(target.length);
	out.put(target);
	out.put(hash);
	times(out, 0);
}

function writeDirectory(
	out: ByteWriter,
	node: SortedDirectory,
	hash: Uint8Array,
	place: Place,
): void {
	const size = recordSize(node, place.version);
	let child = out.at - place.header + size;
	out.u8(tags.directory);
	out.u64(size - 9);
	if (place.version === 3) {
		times(out, node.modified);
		out.put(hash);
	}
	for (const entry of node.entries) {
		out.u64(child);
		if (place.version === 3) out.put(place.hashes.get(entry.node) ?? new Uint8Array(32));
		out.u64(entry.name.length);
		out.put(entry.name);
		child += headerSize(entry.node, place.version);
	}
	for (const entry of node.entries) writeRecord(out, entry.node, place);
}

function times(out: ByteWriter, modified: number): void {
	out.u64(0);
	out.u64(modified);
	out.u64(0);
}

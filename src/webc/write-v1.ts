/**
 * Version 1, written. The layout is drawn at the head of `read-v1.ts`.
 *
 * Tables stand breadth first and contents depth first, as in all files that the old packagers made.
 */
import { utf8 } from "./bytes.ts";
import { sha256 } from "./digest.ts";
import { WebcError } from "./error.ts";
import { bodyOffset, checksumKinds, checksumOffset, kindOffset } from "./read-v1.ts";
import {
	ByteWriter,
	dataSize,
	lebSize,
	type SortedDirectory,
	type SortedNode,
	type WriterInput,
	writeData,
} from "./writer.ts";

/** A volume with its tables in the order in which they are written. */
interface Layout {
	readonly root: SortedDirectory;
	readonly tables: readonly SortedDirectory[];
	readonly header: number;
	/** Of the whole volume, with the length of its header. */
	readonly size: number;
}

export async function writeV1({
	manifest,
	atoms,
	volumes,
	checksum,
}: WriterInput): Promise<Uint8Array> {
	const atomsLayout = layOut(atoms);
	const layouts = volumes.map(({ name, root }) => ({ name: utf8(name), layout: layOut(root) }));
	const size = layouts.reduce(
		(sum, { name, layout }) => sum + framed(name.length) + framed(layout.size),
		bodyOffset + framed(manifest.length) + framed(atomsLayout.size),
	);
	const out = new ByteWriter(new Uint8Array(size));
	out.put("\0webc001");
	out.at = kindOffset;
	out.put(checksum ? checksumKinds.sha256 : checksumKinds.none);
	out.at = bodyOffset;
	frame(out, manifest);
	writeVolume(out, atomsLayout);
	for (const { name, layout } of layouts) {
		frame(out, name);
		writeVolume(out, layout);
	}
	// The digest is of the file as it is now, with zeros in its place.
	if (checksum) out.bytes.set(await sha256(out.bytes), checksumOffset);
	return out.bytes;
}

function framed(length: number): number {
	return lebSize(length) + length;
}

function frame(out: ByteWriter, bytes: Uint8Array): void {
	out.leb(bytes.length);
	out.put(bytes);
}

function layOut(root: SortedDirectory): Layout {
	const tables = [root];
	// The list grows while it is walked: that is breadth first.
	for (const { entries } of tables) {
		for (const { node } of entries) if (node.kind === "directory") tables.push(node);
	}
	const header = tables.reduce((sum, table) => sum + tableSize(table), 0);
	return { root, tables, header, size: framed(header) + dataSize(root) };
}

/** A directory without children has no table, not even its length. */
function tableSize({ entries }: SortedDirectory): number {
	if (entries.length === 0) return 0;
	return entries.reduce((sum, { name }) => sum + 24 + name.length, 8);
}

function writeVolume(out: ByteWriter, { root, tables, header, size }: Layout): void {
	out.leb(size);
	out.leb(header);
	const spans = spansOf(root, tables);
	for (const table of tables) {
		if (table.entries.length === 0) continue;
		out.u64(tableSize(table) - 8);
		for (const { name, node } of table.entries) {
			const { start, end } = spans.get(node) ?? { start: 0, end: 0 };
			out.u56(name.length);
			out.u8(node.kind === "directory" ? 0 : 1);
			out.u64(start);
			out.u64(end);
			out.put(name);
		}
	}
	writeData(out, root);
}

interface Bounds {
	readonly start: number;
	readonly end: number;
}

/** Of directories in the header, of files in the data. */
function spansOf(
	root: SortedDirectory,
	tables: readonly SortedDirectory[],
): ReadonlyMap<SortedNode, Bounds> {
	const spans = new Map<SortedNode, Bounds>();
	let end = 0;
	for (const table of tables) {
		const start = end;
		end += tableSize(table);
		spans.set(table, { start, end });
	}
	end = 0;
	const place = ({ entries }: SortedDirectory) => {
		for (const { node } of entries) {
			if (node.kind === "directory") place(node);
			if (node.kind === "link") {
				throw new WebcError("bad-definition", "Version 1 has no symbolic links");
			}
			if (node.kind === "file") {
				spans.set(node, { start: end, end: end + node.bytes.length });
				end += node.bytes.length;
			}
		}
	};
	place(root);
	return spans;
}

/**
 * What the writers of all versions share: trees in the order in which they are written, and the
 * byte writer that numbers and bytes go into.
 *
 * Names are sorted by their UTF-8 bytes, and checked: what a reader must refuse is not written.
 */
import { nameFault } from "./byte-reader.ts";
import { byName, utf8 } from "./bytes.ts";
import type { DirectoryDefinition, FileDefinition } from "./definition.ts";
import { WebcError } from "./error.ts";

export interface SortedFile {
	readonly kind: "file";
	readonly bytes: Uint8Array;
	readonly modified: number;
}

export interface SortedLink {
	readonly kind: "link";
	readonly target: Uint8Array;
}

export interface SortedDirectory {
	readonly kind: "directory";
	readonly modified: number;
	readonly entries: readonly SortedEntry[];
}

export type SortedNode = SortedFile | SortedLink | SortedDirectory;

export interface SortedEntry {
	readonly name: Uint8Array;
	readonly node: SortedNode;
}

export interface SortedVolume {
	readonly name: string;
	readonly root: SortedDirectory;
}

/** A definition as the writers of containers want it. */
export interface WriterInput {
	readonly manifest: Uint8Array;
	readonly atoms: SortedDirectory;
	readonly volumes: readonly SortedVolume[];
	readonly checksum: boolean;
}

export function inOrder<T>(map: ReadonlyMap<string, T>): [string, T][] {
	return [...map].sort(([a], [b]) => byName(a, b));
}

export function sortTree(tree: DirectoryDefinition): SortedDirectory {
	const entries = inOrder(tree).map(([name, entry]) => {
		const fault = nameFault(name);
		if (fault) throw new WebcError("bad-definition", `${JSON.stringify(name)} ${fault}`);
		return { name: utf8(name), node: sortNode(entry) };
	});
	return { kind: "directory", modified: tree.modified ?? 0, entries };
}

function sortNode(entry: DirectoryDefinition | FileDefinition | Uint8Array | string): SortedNode {
	if (typeof entry === "string") return { kind: "link", target: utf8(entry) };
	if (entry instanceof Uint8Array) return { kind: "file", bytes: entry, modified: 0 };
	// `instanceof` does not narrow an interface that extends ReadonlyMap.
	if (entry instanceof Map) return sortTree(entry as DirectoryDefinition);
	const { bytes, modified } = entry as FileDefinition;
	return { kind: "file", bytes, modified: modified ?? 0 };
}

/** The bytes of all files below, which is the length of a volume's data. */
export function dataSize(node: SortedNode): number {
	if (node.kind === "link") return 0;
	if (node.kind === "file") return node.bytes.length;
	return node.entries.reduce((sum, entry) => sum + dataSize(entry.node), 0);
}

/** Writes the contents of all files below, in the order in which the spans were given. */
export function writeData(out: ByteWriter, node: SortedNode): void {
	if (node.kind === "file") out.put(node.bytes);
	if (node.kind === "directory") for (const entry of node.entries) writeData(out, entry.node);
}

/** Numbers and bytes, written one after the other. */
export class ByteWriter {
	readonly bytes: Uint8Array<ArrayBuffer>;
	at: number;
	readonly #view: DataView;

	constructor(bytes: Uint8Array<ArrayBuffer>, at = 0) {
		this.bytes = bytes;
		this.at = at;
		this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
	}

	u8(value: number): void {
		this.#view.setUint8(this.at, value);
		this.at += 1;
	}

	u64(value: number): void {
		this.#view.setBigUint64(this.at, BigInt(value), true);
		this.at += 8;
	}

	/** The seven bytes of a v1 name length. */
	u56(value: number): void {
		this.u64(value);
		this.at -= 1;
	}

	leb(value: number): void {
		let left = value;
		while (left > 127) {
			this.u8((left % 128) + 128);
			left = Math.floor(left / 128);
		}
		this.u8(left);
	}

	put(bytes: Uint8Array | string): void {
		const raw = typeof bytes === "string" ? utf8(bytes) : bytes;
		this.bytes.set(raw, this.at);
		this.at += raw.length;
	}
}

/** How many bytes `leb` takes for `value`. */
export function lebSize(value: number): number {
	let size = 1;
	for (let left = value; left > 127; left = Math.floor(left / 128)) size += 1;
	return size;
}

/**
 * What the readers of all versions share: the limits, the budget of a walk, and what they return.
 *
 * A hostile header can point anywhere: back at an ancestor, twice at one directory, at half of a
 * record. The budget makes such a walk end: every record is visited once, all records together take
 * no more bytes than the header has, and nothing nests without end.
 */
import type { ByteReader } from "./byte-reader.ts";
import type { Span, Volume } from "./package.ts";

/** The most that is accepted. Lengths are in bytes. */
export interface Caps {
	readonly index: number;
	readonly manifest: number;
	/** Of one volume's header. */
	readonly header: number;
	/** Files, directories and links of the whole package. */
	readonly entries: number;
	/** Of directories, and of nesting in the manifest. */
	readonly depth: number;
	readonly name: number;
	readonly linkTarget: number;
	/** What a `tar.gz` may unpack to. */
	readonly unpacked: number;
}

const MiB = 1024 * 1024;

export const defaultCaps: Caps = {
	index: 16 * MiB,
	manifest: 16 * MiB,
	header: 256 * MiB,
	entries: 1_000_000,
	depth: 256,
	name: 4096,
	linkTarget: 4096,
	unpacked: 1024 * MiB,
};

/** A digest to compare with, once there is time to compute it. */
export interface Check {
	/** What is wrong when it differs. */
	readonly what: string;
	readonly section: string;
	readonly offset: number;
	readonly expected: Uint8Array;
	/** What the digest is taken of. */
	readonly content: () => Uint8Array | Promise<Uint8Array>;
	/** Where the section whose digest this is ends, if it is that of one. */
	readonly end?: number;
}

/** A container as its version's reader leaves it. */
export interface Contents {
	readonly manifest: { readonly bytes: Uint8Array; readonly offset: number };
	readonly atoms: ReadonlyMap<string, Span>;
	readonly volumes: ReadonlyMap<string, Volume>;
	/** Digests of what was read already: the manifest, directories. */
	readonly near: readonly Check[];
	/** Digests of whole sections, which cost the time of reading them. */
	readonly far: readonly Check[];
}

export class Directory extends Map<string, Directory | Span | string> implements Volume {
	declare readonly modified?: number;

	constructor(modified = 0) {
		super();
		if (modified > 0) Object.assign(this, { modified });
	}
}

/** Entries left to read, in the whole package. */
export class Allowance {
	readonly caps: Caps;
	#entries: number;

	constructor(caps: Caps) {
		this.caps = caps;
		this.#entries = caps.entries;
	}

	spend(header: ByteReader): void {
		this.#entries -= 1;
		if (this.#entries >= 0) return;
		throw header.error("too-large", `The package has more than ${this.caps.entries} entries`);
	}
}

/** One walk through one header. */
export class Walk {
	readonly header: ByteReader;
	/** The file offset of the volume's data, and its length. */
	readonly data: number;
	readonly dataLength: number;
	readonly allowance: Allowance;
	#unvisited: number;
	readonly #visited = new Set<number>();

	constructor(header: ByteReader, data: number, dataLength: number, allowance: Allowance) {
		this.header = header;
		this.data = data;
		this.dataLength = dataLength;
		this.allowance = allowance;
		this.#unvisited = header.bytes.length;
	}

	/** The record at `start` of the header, which nothing else may refer to. */
	enter(start: number, depth: number): ByteReader {
		const { header } = this;
		if (start >= header.bytes.length) {
			throw header.error("bad-span", `An entry points to ${start}, outside the header`);
		}
		if (this.#visited.has(start)) {
			throw header.error("overlap", "Two entries lead to one record", start);
		}
		if (depth > this.allowance.caps.depth) {
			throw header.error("too-deep", `Directories nest deeper than ${this.allowance.caps.depth}`);
		}
		this.#visited.add(start);
		header.at = start;
		return header;
	}

	/** Accounts for the record that begins at `start` and ends at `end`. */
	leave(start: number, end: number): void {
		this.#unvisited -= end - start;
		if (this.#unvisited >= 0) return;
		throw this.header.error("overlap", "Records of the header overlap", start);
	}

	/** The span of a file, from its bounds in the data. */
	span(start: number, end: number, more: Partial<Span>): Span {
		if (start > end) throw this.header.error("bad-span", `A file ends at ${end}, before ${start}`);
		if (end > this.dataLength) {
			throw this.header.error("bad-span", `A file ends at ${end} of ${this.dataLength} data bytes`);
		}
		return { start: this.data + start, length: end - start, ...more };
	}

	/** Adds an entry to its directory. */
	add(to: Directory, name: string, entry: Directory | Span | string): void {
		this.allowance.spend(this.header);
		if (to.has(name)) {
			throw this.header.error("duplicate-name", `A directory holds ${JSON.stringify(name)} twice`);
		}
		to.set(name, entry);
	}
}

/** Only the files of the root are atoms; what else lies there is unreachable. */
export function atomsOf(root: Volume): Map<string, Span> {
	const atoms = new Map<string, Span>();
	for (const [name, entry] of root) {
		if (typeof entry !== "string" && !(entry instanceof Map)) atoms.set(name, entry as Span);
	}
	return atoms;
}

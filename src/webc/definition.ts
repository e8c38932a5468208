/**
 * What the writer is given: the whole of a package, contents included.
 *
 * It is a Package with bytes in place of spans, so that reading everything and writing it again is
 * the identity; `readDefinition` and `writePackage` are each other's inverse, to the byte.
 */
import { ByteReader } from "./byte-reader.ts";
import { decodeMap, isTable } from "./cbor.ts";
import { WebcError } from "./error.ts";
import type { Package, Span, Volume } from "./package.ts";
import { checksumKinds, kindOffset } from "./read-v1.ts";
import { indexOffset } from "./read-v3.ts";
import { readExactly } from "./source.ts";
import { defaultCaps } from "./tree.ts";

/** A file with a time; a bare Uint8Array is one without. */
export interface FileDefinition {
	readonly bytes: Uint8Array;
	/** Seconds since 1970; only version 3 keeps it. */
	readonly modified?: number | undefined;
}

/** A string is the target of a symlink, which only version 3 has. */
export interface DirectoryDefinition
	extends ReadonlyMap<string, DirectoryDefinition | FileDefinition | Uint8Array | string> {
	readonly modified?: number;
}

export interface PackageDefinition {
	/** Default: 3. */
	readonly format?: 1 | 2 | 3 | undefined;
	/**
	 * A Map or an object, written in its own order; or CBOR, written as it is. Atoms that a map does
	 * not describe are added to it, with their signatures.
	 */
	readonly manifest: unknown;
	readonly atoms?: ReadonlyMap<string, Uint8Array> | undefined;
	readonly volumes?: ReadonlyMap<string, DirectoryDefinition> | undefined;
	/** Whether the container holds digests (v1: of the file, v2 and v3: of sections). Default: yes. */
	readonly checksum?: boolean | undefined;
}

/** Reads all of a container, so that it can be changed and written again. */
export async function readDefinition(pkg: Package): Promise<PackageDefinition> {
	if (pkg.format === "tar" || pkg.format === "wasm") {
		throw new WebcError("bad-definition", `A package of format ${pkg.format} is no container`);
	}
	const read = (span: Span) => readExactly(pkg.source, span.start, span.length);
	const atoms = new Map<string, Uint8Array>();
	for (const [name, span] of pkg.atoms) atoms.set(name, await read(span));
	const volumes = new Map<string, DirectoryDefinition>();
	for (const [name, volume] of pkg.allVolumes) volumes.set(name, await readTree(volume, read));
	return {
		format: pkg.format,
		manifest: pkg.manifestBytes,
		atoms,
		volumes,
		checksum: await hasChecksum(pkg),
	};
}

/** Whether the writer took digests: of the file in version 1, else of sections. */
async function hasChecksum({ format, source }: Package): Promise<boolean> {
	if (format === 1) {
		const kind = await readExactly(source, kindOffset, checksumKinds.none.length);
		return String.fromCharCode(...kind) !== checksumKinds.none;
	}
	const where = { section: "the index", offset: indexOffset };
	const head = new ByteReader(await readExactly(source, 9, 8), 9, where.section);
	const bytes = await readExactly(source, indexOffset, head.u64());
	const [{ manifest }] = decodeMap(bytes, defaultCaps.depth, where);
	const checksum = isTable(manifest) ? manifest.checksum : undefined;
	return isTable(checksum) && checksum.tag !== "checksum-none";
}

async function readTree(
	volume: Volume,
	read: (span: Span) => Promise<Uint8Array>,
): Promise<DirectoryDefinition> {
	const result = new DirectoryMap(volume.modified);
	for (const [name, entry] of volume) {
		if (typeof entry === "string") result.set(name, entry);
		else if (entry instanceof Map) result.set(name, await readTree(entry, read));
		else {
			const span = entry as Span; // No string and no Map: `instanceof` does not narrow Volume.
			result.set(name, { bytes: await read(span), modified: span.modified });
		}
	}
	return result;
}

/** A directory that can be filled. */
export class DirectoryMap
	extends Map<string, DirectoryDefinition | FileDefinition | Uint8Array | string>
	implements DirectoryDefinition
{
	declare readonly modified?: number;

	constructor(modified = 0) {
		super();
		if (modified > 0) Object.assign(this, { modified });
	}
}

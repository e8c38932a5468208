/**
 * Packages of wapm, the registry before Wasmer's: a `tar.gz` of files with a `wapm.toml`, from before there
 * were containers.
 *
 * They cannot be read in part, so the archive is unpacked, and what it would be as a container of
 * version 3 is worked out from its TOML. Its files stay where they were unpacked: the package's
 * spans point there. This file is loaded only when such a package is, and with it the readers of tar
 * and TOML.
 */
import { archiveFiles, unpack } from "./archive.ts";
import type { DirectoryDefinition, FileDefinition } from "./definition.ts";
import { readManifest } from "./manifest.ts";
import { definePackage } from "./pack.ts";
import type { ByteSource, Package, Span, Volume } from "./package.ts";
import { plainMap } from "./plain-map.ts";
import { bytesSource, readExactly } from "./source.ts";
import { type Caps, Directory } from "./tree.ts";

export async function readArchive(source: ByteSource, caps: Caps): Promise<Package> {
	const unpacked = await unpack(await readExactly(source, 0, source.size), caps);
	const rules = { format: 3, strict: false, ignoring: false } as const;
	const definition = await definePackage(archiveFiles(unpacked), rules);
	const whole = bytesSource(unpacked.bytes);
	const manifest = plainMap(definition.manifest);
	const atoms = new Map<string, Span>();
	for (const [name, bytes] of definition.atoms ?? []) atoms.set(name, span(bytes));
	const volumes = new Map<string, Volume>();
	for (const [name, tree] of definition.volumes ?? []) volumes.set(name, toVolume(tree));
	return {
		format: "tar",
		...readManifest(manifest, "tar", atoms, volumes),
		manifest,
		allVolumes: volumes,
		source: whole,
	};
}

/** Where the bytes, which are a view of all that was unpacked, lie in it. */
function span({ byteOffset, length }: Uint8Array, modified?: number): Span {
	return { start: byteOffset, length, ...(modified ? { modified } : {}) };
}

function toVolume(tree: DirectoryDefinition): Directory {
	const volume = new Directory(tree.modified);
	for (const [name, entry] of tree) {
		if (typeof entry === "string") volume.set(name, entry);
		else if (entry instanceof Uint8Array) volume.set(name, span(entry));
		else if (entry instanceof Map) volume.set(name, toVolume(entry as DirectoryDefinition));
		else {
			const { bytes, modified } = entry as FileDefinition;
			volume.set(name, span(bytes, modified));
		}
	}
	return volume;
}

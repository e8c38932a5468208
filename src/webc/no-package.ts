/**
 * Why a file is no package: the errors, and what the file is instead, where its first bytes tell. Most
 * files are packages, so this is loaded late.
 */
import { WebcError } from "./error.ts";

/** How files begin that are compressed in a way that is not read here. */
const COMPRESSED: readonly (readonly [start: string, name: string])[] = [
	["BZh", "bzip2"],
	["\xfd7zXZ\0", "xz"],
	["\x28\xb5\x2f\xfd", "zstd"],
	["\x04\x22\x4d\x18", "lz4"],
	["LZIP", "lzip"],
	["\x1f\x9d", "compress"],
	["7z\xbc\xaf\x27\x1c", "7z"],
	["Rar!\x1a", "rar"],
];

/** The name of the compression that these first bytes tell of; undefined for none of those above. */
export function compressionOf(start: Uint8Array): string | undefined {
	const text = String.fromCharCode(...start.subarray(0, 8));
	return COMPRESSED.find(([magic]) => text.startsWith(magic))?.[1];
}

/** The error for a file that begins with `magic`, and is no package. */
export function noPackage(magic: Uint8Array): WebcError {
	const compression = compressionOf(magic);
	if (compression !== undefined) {
		const what = `Compression by ${compression} is not supported`;
		return new WebcError("not-supported", what, { offset: 0 });
	}
	if (magic.length < 8) {
		const what = magic.length === 0 ? "The file is empty" : "The file has less than 8 bytes";
		return new WebcError("bad-magic", what, { offset: 0 });
	}
	const text = String.fromCharCode(...magic);
	if (!text.startsWith("\0webc"))
		return new WebcError("bad-magic", "This is no package", { offset: 0 });
	const version = JSON.stringify(text.slice(5));
	return new WebcError("unknown-version", `The container is of version ${version}`, { offset: 5 });
}

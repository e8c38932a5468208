/**
 * `porthole inspect --profile`: writes what a page needs to start a package sooner. Atoms are put
 * beside the profile, one file each, so that a server can send them compressed; parts of a container
 * cannot be. What a program reads is not known here: a page records that with `Package.profile()`, and
 * where the file is such a record of this package, its spans are kept.
 */
import { readFile, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { type AccessProfile, type Package, readProfile, WebcError } from "../webc/index.ts";
import { bytes, type Console, plural, printable } from "./console.ts";

export async function writeProfile(
	path: string,
	found: Package,
	content: Uint8Array,
	console: Console,
): Promise<void> {
	const spans = await recorded(path, content.length);
	const atoms: Record<string, string> = {};
	let size = 0;
	for (const { start, length, sha256 } of found.atoms.values()) {
		// Containers of version 1 have no digests of atoms, and nothing to find one by.
		if (sha256 === undefined) continue;
		const name = Buffer.from(sha256).toString("hex");
		await writeFile(join(dirname(path), `${name}.wasm`), content.subarray(start, start + length));
		atoms[name] = `${name}.wasm`;
		size += length;
	}
	const profile: AccessProfile = { format: 1, size: content.length, spans, atoms };
	await writeFile(path, `${JSON.stringify(profile)}\n`);
	const many = plural(Object.keys(atoms).length, "atom");
	const read = spans.length > 0 ? plural(spans.length, "span") : "no spans, for none were recorded";
	console.log(printable(`${path}: ${read}; ${many} beside it, ${bytes(size)} before compression`));
}

/** The spans of an earlier record; none where there is no file. */
async function recorded(path: string, size: number): Promise<AccessProfile["spans"]> {
	const text = await readFile(path, "utf8").catch((error) => {
		if (error.code === "ENOENT") return null;
		throw error;
	});
	if (text === null) return [];
	const profile = readProfile(parse(text));
	if (profile.size === size) return profile.spans;
	throw new WebcError("bad-profile", `${path} is of a package of ${profile.size} bytes`);
}

function parse(text: string): unknown {
	try {
		return JSON.parse(text);
	} catch {
		return null;
	}
}

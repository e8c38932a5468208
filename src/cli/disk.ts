/**
 * A directory on disk, as the packer wants it.
 */
import { lstat, readdir, readFile, readlink } from "node:fs/promises";
import { join } from "node:path";
import { type PackageFiles, type PackedEntry, WebcError } from "../webc/index.ts";

export function diskFiles(root: string): PackageFiles {
	return {
		read: (path) =>
			unlessMissing(readFile(join(root, path)).then((bytes) => new Uint8Array(bytes))),
		list: async (path) => {
			const names = await unlessMissing(readdir(join(root, path)));
			return names && Promise.all(names.map((name) => entry(join(root, path, name), name)));
		},
	};
}

async function entry(path: string, name: string): Promise<PackedEntry> {
	const stat = await lstat(path);
	const modified = Math.max(0, Math.floor(stat.mtimeMs / 1000));
	if (stat.isSymbolicLink()) return { name, type: "symlink", target: await readlink(path) };
	if (stat.isDirectory()) return { name, type: "directory", modified };
	if (stat.isFile()) return { name, type: "file", modified };
	throw new WebcError("bad-toml", `${path} is neither file nor directory nor link`);
}

/** Undefined where there is nothing of that name, or something of the other kind. */
async function unlessMissing<T>(answer: Promise<T>): Promise<T | undefined> {
	try {
		return await answer;
	} catch (error) {
		const code = error instanceof Error && "code" in error ? error.code : "";
		if (code === "ENOENT" || code === "ENOTDIR" || code === "EISDIR") return undefined;
		throw error;
	}
}

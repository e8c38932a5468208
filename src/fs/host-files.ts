/**
 * Filling a tree from the host's side, where a guest is not involved: absolute paths, missing
 * directories are made, and a file takes over its buffer if the caller lets it.
 */
import { type Done, ENOTDIR, type Errno } from "../abi/errno.ts";
import type { INode } from "./node.ts";
import { TmpFile } from "./tmp.ts";

/** The directory at `path`; what is missing of it is made. Components `.` and empty ones are
 *  skipped, `..` is a name like any other and so not found. Errors: ENOTDIR. */
export function mkdirs(root: INode, path: string): INode | Errno {
	let node = root;
	for (const name of path.split("/")) {
		if (name === "" || name === ".") continue;
		const next = child(node, name);
		if (typeof next === "number") return next;
		if (next.type !== "directory") return ENOTDIR;
		node = next;
	}
	return node;
}

/** Writes a whole file, in place of what is there. With `adopt` the file keeps `bytes` itself where
 *  it can, and the caller must not write to them again. */
export function writeFile(root: INode, path: string, bytes: Uint8Array, adopt = false): Done {
	const slash = path.lastIndexOf("/");
	const directory = mkdirs(root, path.slice(0, slash + 1));
	if (typeof directory === "number") return directory;
	const name = path.slice(slash + 1);
	const found = directory.lookup(name);
	const file = typeof found === "number" ? directory.create(name, "file") : found;
	if (typeof file === "number") return file;
	if (adopt && file instanceof TmpFile) return file.adopt(bytes);
	const emptied = file.truncate(0);
	return emptied === 0 ? writeAll(file, bytes) : emptied;
}

function writeAll(file: INode, bytes: Uint8Array): Done {
	let at = 0;
	while (at < bytes.length) {
		const written = file.write(bytes, at, bytes.length - at, at);
		// A negative count is the Errno that `write` answered.
		if (written < 0) return written as Errno;
		at += written;
	}
	return 0;
}

function child(directory: INode, name: string): INode | Errno {
	const found = directory.lookup(name);
	return typeof found === "number" ? directory.create(name, "directory") : found;
}

/**
 * Why a program cannot start in the directory that the page has chosen. Most can, so this is loaded late.
 */
import type { Errno } from "../abi/errno.ts";
import { PortholeError } from "../abi/error.ts";
import { didYouMean } from "../abi/nearest.ts";
import type { INode } from "../fs/node.ts";
import { failure } from "../process/errno-errors.ts";
import type { Files } from "../protocol/sandbox.ts";

/** `"invalid-option"`, with the nearest directory that there is. */
export async function noDirectory(files: Files, path: string): Promise<PortholeError> {
	const cut = path.replace(/\/+$/, "").lastIndexOf("/");
	const parent = path.slice(0, Math.max(0, cut)) || "/";
	const entries = await files.readdir(parent).catch(() => []);
	const names = entries.filter(({ type }) => type !== "file").map(({ name }) => name);
	const above = parent === "/" ? "" : parent;
	const paths = names.map((name) => `${above}/${name}`);
	const hint = didYouMean(path, paths) ?? "make it first, with `sandbox.fs.mkdir` or a mount";
	return new PortholeError("invalid-option", `currentDir: there is no directory ${path}; ${hint}`);
}

/** Why a process cannot work in what is at `path`: an errno, or a node that is no directory. */
export function notDirectory(found: INode | Errno, path: string): PortholeError {
	if (typeof found === "number") return failure(found, "open the working directory", path);
	return new PortholeError("ENOTDIR", `the working directory ${path} is not a directory`);
}

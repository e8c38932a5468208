/**
 * Why a program cannot start in the directory that the page has chosen. Most can, so this is loaded late.
 */
import { PortholeError } from "../abi/error.ts";
import { didYouMean } from "../abi/nearest.ts";
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

/**
 * What stores say about paths, so that all of them refuse the same things in the same words.
 */
import { PortholeError } from "../abi/error.ts";
import type { FileId } from "./store.ts";

/** The most bytes that a name has in UTF-8, here as on most disks. */
const LONGEST = 255;

/** Bytes of the largest file in the page's memory, where it is one piece. */
export const MEMORY_LARGEST = 2 ** 31;

const encoder = new TextEncoder();

export function split(path: string): string[] {
	return path.split("/").filter((part) => part !== "");
}

/** One spelling for each path: without slashes at the ends. */
export function keyOf(path: string): string {
	return split(path).join("/");
}

/** Whether a path is a directory's, or leads into it. */
export function isWithin(path: string, directory: string): boolean {
	const key = keyOf(directory);
	return key === "" || `${keyOf(path)}/`.startsWith(`${key}/`);
}

/** Whether most places cannot hold a name for its length. */
export function isTooLong(name: string): boolean {
	return name.length * 3 > LONGEST && encoder.encode(name).length > LONGEST;
}

export function failure(code: string, call: string, path: string, why = ""): PortholeError {
	return new PortholeError(code, `${code}: ${call} ${path}${why && ` (${why})`}`);
}

/** Refuses a path at which another file is than the one that is meant. Errors: ESTALE. */
export function checkId(id: FileId | undefined, found: FileId, call: string, path: string): void {
	if (id !== undefined && id !== found) {
		throw failure("ESTALE", call, path, "another file has come to this path");
	}
}

/** Refuses what no file here can be made to hold. Errors: EFBIG. */
export function checkSize(size: number, largest: number, call: string, path: string): void {
	const may = Number.isInteger(size) && size >= 0 && size <= largest;
	if (!may) throw failure("EFBIG", call, path, `a file has at most ${largest} bytes here`);
}

/** Refuses what cannot be the name of something new. Errors: EINVAL, ENAMETOOLONG. */
export function checkName(name: string, call: string, path: string): void {
	if (name === "." || name === ".." || name.includes("\0")) throw failure("EINVAL", call, path);
	// Half a pair of surrogates is no text: it would come back as something else.
	if (!name.isWellFormed()) throw failure("EINVAL", call, path, "the name is no Unicode text");
	if (isTooLong(name)) throw failure("ENAMETOOLONG", call, path);
}

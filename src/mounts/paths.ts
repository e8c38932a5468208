/**
 * What stores say about paths, so that all of them refuse the same things in the same words.
 */
import { PortholeError } from "../abi/error.ts";

/** The most bytes that a name has in UTF-8, here as on most disks. */
const LONGEST = 255;

export function split(path: string): string[] {
	return path.split("/").filter((part) => part !== "");
}

/** Whether a path is that of a directory, or below it. */
export function isWithin(path: string, directory: string): boolean {
	return `${split(path).join("/")}/`.startsWith(`${split(directory).join("/")}/`);
}

export function failure(code: string, call: string, path: string, why = ""): PortholeError {
	return new PortholeError(code, `${code}: ${call} ${path}${why && ` (${why})`}`);
}

/** Refuses what cannot be the name of something new. Errors: EINVAL, ENAMETOOLONG. */
export function checkName(name: string, call: string, path: string): void {
	if (name === "." || name === ".." || name.includes("\0")) throw failure("EINVAL", call, path);
	// Half a pair of surrogates is no text: it would come back as something else.
	if (!name.isWellFormed()) throw failure("EINVAL", call, path, "the name is no Unicode text");
	const tooLong = name.length > LONGEST || new TextEncoder().encode(name).length > LONGEST;
	if (tooLong) throw failure("ENAMETOOLONG", call, path);
}

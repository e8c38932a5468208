/**
 * Failures as errors of the API: those of the tree, which are numbers, and our own.
 */
import { errnoName } from "../abi/errno-names.ts";
import { PortholeError } from "../abi/error.ts";

/** Throws for a failure, naming call and path. */
export function check(answer: number, call: string, path: string, hint?: string): void {
	if (answer < 0) throw failure(answer, call, path, hint);
}

export function failure(error: number, call: string, path: string, hint = ""): PortholeError {
	const code = errnoName(error);
	return new PortholeError(code, `${code}: ${call} ${path}${hint && ` (${hint})`}`);
}

/**
 * Failures as errors of the API: those of the tree, which are numbers, and our own.
 */
import { errnoName } from "../abi/errno.ts";
import { PortholeError } from "../abi/error.ts";

/** Throws for a failure, naming call and path. */
export function check(answer: number, call: string, path: string, hint?: string): void {
	if (answer < 0) throw failure(answer, call, path, hint);
}

export function failure(error: number, call: string, path: string, hint = ""): PortholeError {
	const code = errnoName(error);
	return new PortholeError(code, `${code}: ${call} ${path}${hint && ` (${hint})`}`);
}

/** Why a process could not be brought to an end. What is no error of ours is a fault of ours. */
export function faultOf(error: unknown): PortholeError {
	if (error instanceof PortholeError) return error;
	const why = error instanceof Error ? (error.stack ?? error.message) : String(error);
	return new PortholeError("internal", `a fault in Porthole: ${why}`);
}

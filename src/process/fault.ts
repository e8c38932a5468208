/**
 * Why a process could not be brought to an end.
 */
import { PortholeError } from "../abi/error.ts";

/** What is no error of ours is a fault of ours. */
export function faultOf(error: unknown): PortholeError {
	if (error instanceof PortholeError) return error;
	const why = error instanceof Error ? (error.stack ?? error.message) : String(error);
	return new PortholeError("internal", `a fault in Porthole: ${why}`);
}

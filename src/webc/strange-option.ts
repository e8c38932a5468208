/**
 * What to say about an option that a call does not have. Loaded with the first.
 */
import { strangeOption } from "../abi/nearest.ts";
import { WebcError } from "./error.ts";

/** Throws a WebcError ("invalid-option") for the first of `options` that is set and not known. */
export function refuseStrange(call: string, options: unknown, known: object): void {
	if (typeof options !== "object" || options === null) {
		throw new WebcError("invalid-option", `The options of ${call} are not an object`);
	}
	const strange = strangeOption(call, options, known);
	if (strange !== undefined) throw new WebcError("invalid-option", strange);
}

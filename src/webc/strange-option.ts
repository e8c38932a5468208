/**
 * What to say about an option that a call does not have. Loaded with the first.
 */
import { didYouMean } from "../abi/nearest.ts";
import { WebcError } from "./error.ts";

/** Throws a WebcError ("invalid-option") for the first of `options` that is set and not known. */
export function refuseStrange(call: string, options: unknown, known: object): void {
	if (typeof options !== "object" || options === null) {
		throw new WebcError("invalid-option", `The options of ${call} are not an object`);
	}
	const names = Object.keys(known);
	for (const [name, value] of Object.entries(options)) {
		if (value === undefined || names.includes(name)) continue;
		const right = didYouMean(name, names) ?? `it has ${names.join(", ")}`;
		throw new WebcError("invalid-option", `${name} is no option of ${call}; ${right}`);
	}
}

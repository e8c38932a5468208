/**
 * Options by name: an option that a call does not have is a mistake, often of one letter, and must not pass
 * as if it had been heard.
 */
import { PortholeError } from "./error.ts";

/** The names of the options of a call. That none is missing is checked by the compiler. */
export type Names<T> = Readonly<Record<keyof T, unknown>>;

/** Errors: `"invalid-option"` for a name that `call` does not have, with the nearest that it has. */
export function checkNames(call: string, options: object, known: object): void {
	if (typeof options !== "object" || options === null) {
		throw new PortholeError("invalid-option", `the options of ${call} are not an object`);
	}
	for (const [name, value] of Object.entries(options)) {
		if (value === undefined || Object.hasOwn(known, name)) continue;
		const names = Object.keys(known);
		throw new PortholeError(
			"invalid-option",
			`${name} is no option of ${call}; ${didYouMean(name, names) ?? `it has ${names.join(", ")}`}`,
		);
	}
}

/** "did you mean …?" with the name that is nearest to `name`; undefined where none is near. */
export function didYouMean(name: string, names: readonly string[]): string | undefined {
	let best = 0.4;
	let nearest: string | undefined;
	for (const other of names) {
		const alike = likeness(name, other);
		if (alike > best) [best, nearest] = [alike, other];
	}
	return nearest && `did you mean ${nearest}?`;
}

/** How many pairs of neighbouring letters two names share: from 0 to 1. */
function likeness(a: string, b: string): number {
	const [mine, theirs] = [pairs(a), pairs(b)];
	const shared = mine.filter((pair) => theirs.includes(pair)).length;
	return shared / Math.max(mine.length, theirs.length);
}

/** The first letter counts too, and so does the last. */
function pairs(name: string): string[] {
	// A name is compared as far as a name reaches.
	const letters = [..."^", ...name.slice(0, 64).toLowerCase(), "$"];
	return letters.slice(1).map((letter, index) => letters[index] + letter);
}

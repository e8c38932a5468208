/**
 * The right name for one that is nearly right: for messages about options, commands and files.
 */

/** What is wrong with options of `call`, the first time one is set that is not known; undefined where none is. */
export function strangeOption(call: string, options: object, known: object): string | undefined {
	for (const [name, value] of Object.entries(options)) {
		if (value === undefined || Object.hasOwn(known, name)) continue;
		const names = Object.keys(known);
		return `${name} is no option of ${call}; ${didYouMean(name, names) ?? `it has ${names.join(", ")}`}`;
	}
	return undefined;
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

/**
 * Options by name, as in the rest of the library: one that a call does not have is a mistake, and must not
 * pass as if it had been heard. What to say about it is loaded with the first mistake.
 */

/** Rejects with a WebcError ("invalid-option") for an option that `call` does not have. */
export async function checkOptions(call: string, options: object, known: object): Promise<void> {
	const isObject = Object(options) === options;
	if (isObject && Object.keys(options).every((name) => Object.hasOwn(known, name))) return;
	(await import("./strange-option.ts")).refuseStrange(call, options, known);
}

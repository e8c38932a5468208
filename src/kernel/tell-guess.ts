/**
 * What the page is told of a program that takes a name in the root for one in its working directory. Few
 * programs do, so this is loaded late.
 */
import type { Process } from "../process/process.ts";

/** Of so many names of a program the page is told. */
const MOST = 16;

/** The names of each process of which the page has been told. */
const known = new WeakMap<Process, Set<string>>();

/** What to tell; undefined where the page knows, or where a program guesses without end. */
export async function tellGuess(
	process: Process,
	program: string,
	name: string,
	directory: string,
): Promise<string | undefined> {
	const names = known.get(process) ?? new Set<string>();
	known.set(process, names);
	if (names.has(name) || names.size === MOST) return undefined;
	names.add(name);
	return (await import("../load/errors.ts")).guessed(program, name, directory);
}

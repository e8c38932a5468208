/**
 * Whether what a package holds can be run, as far as its programs' imports tell.
 */
export interface Outlook {
	/** Whether its entrypoint can be started, or, without one, any of its commands. A program that has not
	 *  been looked at counts as one that can. */
	readonly runnable: boolean;
	/** What its programs import and is not there, as `module.name`. */
	readonly missing: readonly string[];
}

/** `missingOf` tells what a command's program lacks; undefined where that is not known. */
export function outlook(
	commands: readonly string[],
	entrypoint: string | undefined,
	missingOf: (command: string) => readonly string[] | undefined,
): Outlook {
	const missing = new Set<string>();
	const runs = (command: string) => {
		const lacks = missingOf(command) ?? [];
		for (const name of lacks) missing.add(name);
		return lacks.length === 0;
	};
	const good = commands.filter(runs);
	const runnable = entrypoint === undefined ? good.length > 0 : runs(entrypoint);
	return { runnable, missing: [...missing] };
}

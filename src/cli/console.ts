/**
 * What the commands share: where they write, how they refuse, and how they read their arguments.
 */
import { type ParseArgsConfig, parseArgs } from "node:util";

export interface Console {
	log(line: string): void;
	error(line: string): void;
}

/** The command line is wrong. */
export class UsageError extends Error {}

/** Text from a package or a request as it may be shown: a terminal obeys control characters. */
export function printable(text: string): string {
	// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what it looks for
	return text.replace(/[\u0000-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069]/g, (character) => {
		return `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`;
	});
}

/** Options as declared, and at most one argument besides. */
export function readArguments<T extends NonNullable<ParseArgsConfig["options"]>>(
	args: readonly string[],
	options: T,
): { values: ReturnType<typeof parseArgs<{ options: T }>>["values"]; path: string | undefined } {
	const { values, positionals } = parseArgs({ args: [...args], options, allowPositionals: true });
	if (positionals.length > 1) {
		throw new UsageError(`One path is enough, and here is another: ${positionals[1]}`);
	}
	return { values, path: positionals[0] };
}

export function bytes(count: number): string {
	if (count < 1000) return `${count} B`;
	return count < 1e6 ? `${(count / 1e3).toFixed(1)} kB` : `${(count / 1e6).toFixed(1)} MB`;
}

export function plural(count: number, one: string, many = `${one}s`): string {
	return `${count} ${count === 1 ? one : many}`;
}

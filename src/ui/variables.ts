/**
 * Environment variables, a `KEY=value` on each line. Lines without text are passed over.
 */

export type Variables =
	| { readonly variables: Readonly<Record<string, string>>; readonly count: number }
	| { readonly problem: string };

export function readVariables(text: string): Variables {
	// Keys are the user's: they meet no prototype here.
	const variables: Record<string, string> = Object.create(null);
	for (const [index, line] of text.split(/\r?\n/).entries()) {
		if (line.trim() === "") continue;
		const equals = line.indexOf("=");
		const key = line.slice(0, Math.max(equals, 0)).trim();
		if (key === "") return { problem: `line ${index + 1} is not KEY=value` };
		variables[key] = line.slice(equals + 1);
	}
	return { variables, count: Object.keys(variables).length };
}

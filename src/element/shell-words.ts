/**
 * A line of arguments, quoted as in a POSIX shell: words are separated by white space, '…' is
 * literal, "…" knows the escapes \" \\ \$ and \`, and a backslash outside quotes takes the next
 * character as it is. Nothing is expanded: no variables, no globs, no `~`.
 */

export type Words =
	| { readonly words: readonly string[] }
	/** Why the line is not complete. */
	| { readonly problem: string };

const space = /\s/;

export function splitWords(line: string): Words {
	const words: string[] = [];
	let word: string | null = null;
	for (let at = 0; at < line.length; at++) {
		const char = line[at] ?? "";
		if (space.test(char)) {
			if (word !== null) words.push(word);
			word = null;
		} else if (char === "'" || char === '"') {
			const part = quoted(line, at, char);
			if (part === null) return { problem: `the quote ${char} is not closed` };
			word = (word ?? "") + part.text;
			at = part.end;
		} else if (char === "\\") {
			at++;
			if (at >= line.length) return { problem: "nothing follows the last backslash" };
			const next = line[at];
			// An escaped end of line joins two lines.
			if (next !== "\n") word = (word ?? "") + next;
		} else {
			word = (word ?? "") + char;
		}
	}
	if (word !== null) words.push(word);
	return { words };
}

/** What stands between the quote at `start` and its partner at `end`. */
function quoted(line: string, start: number, quote: string): { text: string; end: number } | null {
	let text = "";
	for (let at = start + 1; at < line.length; at++) {
		const char = line[at] ?? "";
		if (char === quote) return { text, end: at };
		const next = line[at + 1] ?? "";
		if (quote === '"' && char === "\\" && next !== "" && '"\\$`\n'.includes(next)) {
			if (next !== "\n") text += next;
			at++;
		} else {
			text += char;
		}
	}
	return null;
}

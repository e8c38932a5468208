import { expect, test } from "vitest";
import { splitWords } from "./shell-words.ts";

/** A line, and its words between bars; `!` begins a problem. */
const cases: readonly (readonly [line: string, words: string])[] = [
	["", ""],
	["  \n\t ", ""],
	["a  b\nc", "a|b|c"],
	[`-c "print('x y')"`, "-c|print('x y')"],
	[`'it''s'`, "its"],
	[`'a\\n' "b\\n" c\\n`, "a\\n|b\\n|cn"],
	[`"\\"\\\\\\$\\\`"`, `"\\$\``],
	[`'' ""`, "|"],
	[`a'b c'"d e"f`, "ab cd ef"],
	["one\\\ntwo", "onetwo"],
	[`"two\nlines"`, "two\nlines"],
	["$HOME *.c ~", "$HOME|*.c|~"],
	["'open", "!the quote ' is not closed"],
	[`"open\\"`, '!the quote " is not closed'],
	["end\\", "!nothing follows the last backslash"],
];

test.each(cases)("%j is %j", (line, expected) => {
	const found = splitWords(line);
	expect("words" in found ? found.words.join("|") : `!${found.problem}`).toBe(expected);
});

test("an empty word is a word", () => {
	expect(splitWords(`'' a ""`)).toEqual({ words: ["", "a", ""] });
});

/**
 * A prompt for QuickJS: reads a statement, which may go over several lines, and shows its value or what
 * went wrong. The program's own library can read a line and evaluate a text, and that is all it takes.
 * Ctrl-D ends it; an empty line gives up a statement that is not complete.
 */
import * as std from "std";

/** What is declared by `var` lasts for the next statement, so `let`, `const` and `class` become that. */
// biome-ignore lint/security/noGlobalEval: evaluating what is typed is what a prompt is for
const globalEval = eval;

const DEEPEST = 3;
const MOST = 50;

function say(text) {
	std.out.puts(text);
	std.out.flush();
}

function ask(prompt) {
	say(prompt);
	return std.in.getline();
}

/** Whether more lines could make a program of `text`. Only then was nothing of it run: what the engine
 *  refuses while it reads has `eval` itself next on its stack. */
function goesOn(text, { message, stack }) {
	if (!/^ *at <input>:\d+\n *at eval /.test(stack)) return false;
	if (message.endsWith(": ''") || message === "unexpected end of comment") return true;
	if (message === "unexpected end of string") return text.split("`").length % 2 === 0;
	return /[[{(,]\s*$/.test(text);
}

function show(value, depth = 0) {
	if (typeof value === "string") return JSON.stringify(value);
	if (typeof value === "bigint") return `${value}n`;
	if (typeof value === "function") return `[function ${value.name || "without a name"}]`;
	if (typeof value !== "object" || value === null) return String(value);
	if (value instanceof Error || value instanceof Date || value instanceof RegExp) return `${value}`;
	const kind = value.constructor?.name ?? "Object";
	if (depth === DEEPEST) return `[${kind}]`;
	if (Array.isArray(value)) return listed("[", value, "]", (item) => show(item, depth + 1));
	if (value instanceof Set) return `Set ${listed("{", [...value], "}", (v) => show(v, depth + 1))}`;
	const pairs = value instanceof Map ? [...value] : Object.entries(value);
	const name = kind === "Object" ? "" : `${kind} `;
	return (
		name + listed("{", pairs, "}", ([key, item]) => `${String(key)}: ${show(item, depth + 1)}`)
	);
}

function listed(open, items, close, each) {
	const more = items.length > MOST ? [`and ${items.length - MOST} more`] : [];
	return open + [...items.slice(0, MOST).map(each), ...more].join(", ") + close;
}

/** What to print of it; null where `text` may go on in the next line. */
function evaluate(text, last) {
	try {
		const value = globalEval(
			text.replace(/^\s*(?:let|const)\s/, "var ").replace(/^\s*class\s+(\w+)/, "var $1 = class $1"),
		);
		if (value === undefined) return "";
		return `${show(value)}\n`;
	} catch (error) {
		if (!(error instanceof Error)) return `Thrown: ${show(error)}\n`;
		return !last && goesOn(text, error) ? null : `${error}\n`;
	}
}

function main() {
	say("QuickJS: type JavaScript. Ctrl-D ends.\n");
	let text = "";
	for (;;) {
		const line = ask(text === "" ? "> " : "... ");
		if (line === null) break;
		text += text === "" ? line : `\n${line}`;
		const answer = evaluate(text, line === "");
		if (answer === null) continue;
		say(answer);
		text = "";
	}
	say("\n");
}

main();

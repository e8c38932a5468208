/**
 * From an error to what the page says about it: what happened, and what to do next. The library's
 * messages say what failed; the page knows what else its visitor can do.
 */
import { PortholeError } from "../index.ts";

export interface Problem {
	readonly title: string;
	/** The error's own words. */
	readonly what: string;
	/** What to do next, likeliest first. */
	readonly next: readonly string[];
	/** Names that belong to the problem, such as missing imports. */
	readonly list: readonly string[];
}

interface Advice {
	readonly title: string;
	readonly next: readonly string[];
}

const another = "Or pick one of the samples.";

const network: Advice = {
	title: "The package could not be fetched",
	next: [
		"Check the address, and that the server is up.",
		"If it opens in a tab of its own, its server keeps pages of other origins out (CORS). Download the file and drop it on this page.",
	],
};

const container: Advice = {
	title: "This is not a package that Porthole can read",
	next: [
		"Porthole reads WEBC files (versions 1 to 3), legacy .tar.gz packages and WASI programs (.wasm).",
		"If it should be one, it may have been cut short: download it again.",
		another,
	],
};

const memory: Advice = {
	title: "There is not enough memory",
	next: ["Close other tabs or programs, and try again.", "Or try a smaller package."],
};

const advice: ReadonlyMap<string, Advice> = new Map([
	[
		"http-error",
		{
			title: "The server has no package there",
			next: ["Check the address: open it in a tab of its own; a download should begin.", another],
		},
	],
	["network-error", network],
	["out-of-memory", memory],
	["ENOMEM", memory],
	[
		"missing-imports",
		{
			title: "The program needs what Porthole does not have",
			next: ["Build it for WASI (wasm32-wasip1) or WASIX, without imports of its own.", another],
		},
	],
	[
		"invalid-module",
		{
			title: "The browser does not accept this program",
			next: [
				"It may be damaged, or use a feature of WebAssembly that this browser lacks: try a newer browser.",
				another,
			],
		},
	],
	[
		"no-entry",
		{
			title: "The module is no program",
			next: ["Build it as a command: with a main function, and not as a library."],
		},
	],
	[
		"missing-command",
		{ title: "The package has no such command", next: ["Choose another command."] },
	],
	[
		"not-supported",
		{
			title: "This does not work here",
			next: [
				"Use a current Chrome, Edge, Firefox or Safari: with WebAssembly JSPI a program can wait for you.",
				"Here, give all input before the start: fill in “Standard input”, and do not tick “In a terminal”.",
			],
		},
	],
	[
		"worker-failed",
		{
			title: "The worker has failed",
			next: ["Load the package again.", "If it fails again, reload the page."],
		},
	],
	[
		"worker-replaced",
		{ title: "The sandbox was restarted meanwhile", next: ["Do it again: it is ready now."] },
	],
	[
		"internal",
		{
			title: "Porthole has a fault",
			next: ["Load the package again.", "Please report what you did."],
		},
	],
	[
		"ENOENT",
		{ title: "There is no such file or directory", next: ["Look for it among the files."] },
	],
	[
		"ENOSPC",
		{
			title: "There is no space left",
			next: ["Delete files that you no longer need, and save again."],
		},
	],
	["EACCES", { title: "The browser does not allow it", next: ["Allow it, and try again."] }],
	["EROFS", { title: "It is read only", next: ["Choose another directory."] }],
	["EBUSY", { title: "It is in use", next: ["Wait until the program has ended, or stop it."] }],
	["ENOTDIR", { title: "That is not a directory", next: ["Choose another directory."] }],
]);

/** Codes of the container reader: whatever is wrong with the bytes. */
const ofContainer =
	/^(bad-(?!definition)|truncated|checksum|overlap|overflow|too-|unknown-version|duplicate-|missing-(atom|volume))/;

export function explain(error: unknown): Problem {
	const known = error instanceof PortholeError;
	const what = error instanceof Error ? error.message : String(error);
	const code = known ? error.code : "internal";
	const found =
		advice.get(code) ??
		(ofContainer.test(code) ? container : undefined) ??
		({ title: "That did not work", next: [] } satisfies Advice);
	if (code !== "missing-imports") return { ...found, what, list: [] };
	const list = importsIn(what);
	return { ...found, what: list.length > 0 ? count(list) : what, list };
}

function count(list: readonly string[]): string {
	return list.length === 1
		? "It imports one thing that nobody provides:"
		: `It imports ${list.length} things that nobody provides:`;
}

/** `module.name (kind)`, as the library's message lists them. */
function importsIn(message: string): string[] {
	return message.match(/\S+ \((?:function|memory|table|global|tag)\)/g) ?? [];
}

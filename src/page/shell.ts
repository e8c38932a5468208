/**
 * `sandbox.sh`: a line of a shell, with values of the page quoted into it. Loaded with the first.
 *
 *     sandbox.sh`ls ${dir} | wc -l`  ──▶  dash -c "ls 'my notes' | wc -l"
 *
 * A value within quotes of the line's own would not be quoted, and is refused; see `shell-words.ts`.
 */
import { PortholeError } from "../abi/error.ts";
import type { Output } from "./command.ts";
import type { Sandbox } from "./sandbox.ts";
import { badPlace } from "./shell-words.ts";

/** What may stand between the words of a command. */
export type ShellValue = string | number | bigint | boolean;

/** In the order in which they are tried. */
const SHELLS = ["dash", "bash", "sh"];
/** What a shell ends with that was asked to, and hardly another program. */
const ASKED = 42;
const TOO_LONG = 30_000;

const found = new WeakMap<Sandbox, Promise<string>>();

/** Runs a command to its end. Errors: `"invalid-option"` for a value that is no word, or not where one can be;
 *  `"missing-command"` where no shell is loaded. */
export async function runShell(
	sandbox: Sandbox,
	template: TemplateStringsArray,
	values: readonly unknown[],
): Promise<Output> {
	const raw: readonly string[] | undefined = template?.raw;
	if (!Array.isArray(raw)) {
		throw new PortholeError("invalid-option", "sandbox.sh is a tag: write sandbox.sh`ls -l`");
	}
	const place = badPlace(raw);
	if (place !== null) {
		throw new PortholeError(
			"invalid-option",
			`sandbox.sh was given a value within ${place}, where it cannot be a word: values are quoted by themselves, so put it outside`,
		);
	}
	const line = raw
		.map((part, index) => (index === 0 ? "" : words(values[index - 1])) + part)
		.join("");
	let shell = found.get(sandbox);
	if (shell === undefined) {
		shell = findShell(sandbox);
		found.set(sandbox, shell);
		// A package with one may be loaded before the next.
		shell.catch(() => found.delete(sandbox));
	}
	return sandbox.command(await shell, ["-c", line]).output();
}

/** The first that runs as a shell: under that name may be a program that is none. */
async function findShell(sandbox: Sandbox): Promise<string> {
	let cause: unknown;
	for (const name of SHELLS) {
		try {
			const options = { timeout: TOO_LONG };
			const { code, trap } = await sandbox.command(name, ["-c", `exit ${ASKED}`], options).output();
			if (code === ASKED && !trap) return name;
		} catch (error) {
			if ((error as PortholeError).code === "closed") throw error;
			if ((error as PortholeError).code !== "missing-command") cause = error;
		}
	}
	throw new PortholeError(
		"missing-command",
		`sandbox.sh needs a shell, and no package that is loaded has a ${SHELLS.join(", ")} that runs: load one, as sharrattj/dash`,
		{ cause },
	);
}

/** A value as one word of the shell's, a list as several. */
function words(value: unknown): string {
	return Array.isArray(value) ? value.map(word).join(" ") : word(value);
}

function word(value: unknown): string {
	const kinds = ["string", "number", "bigint", "boolean"];
	if (!kinds.includes(typeof value)) {
		throw new PortholeError(
			"invalid-option",
			`sandbox.sh takes strings, numbers and lists of them, and was given ${value === null ? "null" : `a value of type ${typeof value}`}`,
		);
	}
	const text = String(value);
	if (text.includes("\0")) {
		throw new PortholeError("invalid-option", "sandbox.sh was given a text with a NUL character");
	}
	return `'${text.replaceAll("'", "'\\''")}'`;
}

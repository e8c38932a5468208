#!/usr/bin/env node
/**
 * `npx porthole`: packs, inspects and serves packages.
 *
 * A command gets its arguments and a console, and answers with lines on it or an error. What the
 * user did wrong is one line on stderr and a code: 2 where the command line is wrong, 1 where the
 * work failed. Anything else is a fault of ours and keeps its stack.
 */
import { realpathSync } from "node:fs";
import { argv } from "node:process";
import { fileURLToPath } from "node:url";
import { advice } from "../webc/advice.ts";
import { useAdvice } from "../webc/error.ts";
import { type Console, printable, UsageError } from "./console.ts";
import { inspect } from "./inspect.ts";
import { pack } from "./pack.ts";
import { serve } from "./serve.ts";

const help = `porthole: Wasmer packages for web pages

  porthole pack DIR [-o FILE] [--format 3|2|1]   packs a directory with a wasmer.toml
  porthole inspect FILE [--files] [--json]       says what a package holds, and verifies it
  porthole serve [DIR] [--port N] [--isolate]    serves files, with ranges and the right types

  --format    of the container; 3 unless told otherwise
  --interruptible  packs programs so that they can be stopped while they compute; a page does that to them
              otherwise, and its browser cannot keep what it compiles
  --files     lists every file
  --profile FILE  writes an access profile, and the atoms beside it; keeps what a page has recorded
  --isolate   adds the headers (COOP, COEP) with which pages may share memory
`;

const commands = new Map([
	["pack", pack],
	["inspect", inspect],
	["serve", serve],
]);

useAdvice(advice);

/** Answers the code to exit with. */
export async function main(args: readonly string[], console: Console): Promise<number> {
	const [name, ...rest] = args;
	if (name === undefined || name === "help" || name === "--help" || name === "-h") {
		console.log(help.trimEnd());
		return 0;
	}
	try {
		const command = commands.get(name);
		if (!command) throw new UsageError(`There is no command ${JSON.stringify(name)}`);
		await command(rest, console);
		return 0;
	} catch (error) {
		return report(error, name, console);
	}
}

function report(error: unknown, name: string, console: Console): number {
	if (error instanceof UsageError || isParseError(error)) {
		console.error(`porthole: ${printable(error.message)} (see porthole --help)`);
		return 2;
	}
	if (error instanceof Error && isTheirs(error)) {
		console.error(`porthole ${name}: ${printable(error.message)}`);
		return 1;
	}
	throw error;
}

/** What `parseArgs` throws. */
function isParseError(error: unknown): error is Error {
	return error instanceof Error && "code" in error && /^ERR_PARSE_ARGS/.test(String(error.code));
}

/** A bad package, or a file system that says no. */
function isTheirs(error: Error): boolean {
	return error.name === "WebcError" || "syscall" in error;
}

/** Whether this file was started, and not imported; npm starts it through a link. */
function isStarted(): boolean {
	const [, started] = argv;
	return started !== undefined && realpathSync(started) === fileURLToPath(import.meta.url);
}

if (isStarted()) process.exitCode = await main(argv.slice(2), globalThis.console);

/**
 * Why a package cannot be read, or a program not be started: the errors, with what to do. Most can, so
 * this is loaded late.
 */

import { PortholeError } from "../abi/error.ts";
import type { WireSource } from "../protocol/sandbox.ts";
import { advice } from "../webc/advice.ts";
import { type ByteSource, type Package, WebcError } from "../webc/index.ts";

const NAMED = 20;

/** `"bad-name"`, for a command that could not be a file in `/bin`. */
export function badCommand({ name: pkg }: Package, name: string): PortholeError {
	return new PortholeError(
		"bad-name",
		`${pkg || "the package"} has a command ${JSON.stringify(name.slice(0, 300))}; a command is called as ` +
			"a file may be called: 1 to 255 bytes, no slash, no NUL. Rename it and pack the package again",
	);
}

/** `"missing-command"`: no package has the command `name`, or the package `owner` has no entrypoint, or is
 *  not loaded. `loaded` are the packages of the sandbox. */
export function noCommand(
	name: string | undefined,
	owner: Package | undefined,
	loaded: readonly Package[],
): PortholeError {
	const commandsOf = (packages: readonly Package[]) =>
		packages.flatMap(({ commands }) => commands.map((command) => command.name)).join(", ");
	return new PortholeError("missing-command", why());

	function why(): string {
		if (name !== undefined) {
			const names = commandsOf(loaded);
			const there = names ? `there are ${names}` : "`load` a package first";
			return `no loaded package has a command ${JSON.stringify(name)}; ${there}`;
		}
		if (owner === undefined) return "the package is not loaded in this sandbox";
		const names = commandsOf([owner]);
		const there = names ? `name one of its commands: ${names}` : "it has no commands either";
		return `${owner.name || "the package"} has no entrypoint; ${there}`;
	}
}

/** `"not-supported"`. */
export function noProfile(): PortholeError {
	return new PortholeError(
		"not-supported",
		"the package was read at once; only a package that is read in parts, from a URL, has a profile",
	);
}

/** `"not-supported"`: the maximum of a program's memory cannot be lowered. */
export function notLimited(what: string, why: string | undefined): PortholeError {
	return new PortholeError(
		"not-supported",
		`limits.memory cannot hold for ${what}: ${why}. Run it without that limit`,
	);
}

/** What to say of a command that two packages have. */
export function hidden(name: string, first: Package, second: Package): string {
	const [one, two] = [first, second].map((pkg) => pkg.name || "an unnamed package");
	return (
		`${one} and ${two} both have a command ${JSON.stringify(name)}; it means that of ${one}, which was ` +
		`loaded first. Run the other one from a sandbox of its own, or load ${two} first`
	);
}

/** What to say of a program that has changed something in `/` by a bare name. */
export function guessed(program: string, name: string, directory: string): string {
	const quoted = JSON.stringify(name);
	return (
		`${program} opened, changed or removed ${JSON.stringify(`/${name}`)} by the name ${quoted}, which ` +
		`its working directory ${directory} does not have. It may have meant that directory: a C library ` +
		`asks for ${quoted} and for "/${name}" in the same way`
	);
}

/** A fault of a package as an error of the API, with what to do. */
export function advised(error: unknown): unknown {
	if (!(error instanceof WebcError)) return error;
	return new PortholeError(error.code, `${error.message} ${advice[error.code]}`, { cause: error });
}

/** What reading a package has thrown, as an error that names the package. */
export function notRead(
	cause: unknown,
	input: Uint8Array | ByteSource,
	source: WireSource,
): unknown {
	if (!(cause instanceof WebcError)) return cause;
	const from = source.kind === "url" ? source.url : source.name || "the package";
	const head = input instanceof Uint8Array ? input.subarray(0, 64) : new Uint8Array(0);
	const html = /^\s*<(!doctype|html)/i.test(String.fromCharCode(...head));
	const hint = html ? "; the server sent a web page, so the address is probably wrong" : "";
	return new PortholeError(cause.code, `${from}: ${cause.message} ${advice[cause.code]}${hint}`, {
		cause,
	});
}

/** The error of `compile`: `"content-policy"` where the page forbids it; `"invalid-module"` for what is no wasm, or wasm that this browser does not
 *  know; `"network-error"` for what broke off; `"out-of-memory"`. */
export function notCompiled(cause: unknown, what: string): PortholeError {
	if (cause instanceof RangeError) {
		return new PortholeError("out-of-memory", `not enough memory to compile ${what}`, { cause });
	}
	if (isForbidden(cause)) {
		return new PortholeError(
			"content-policy",
			`the Content-Security-Policy forbids to compile ${what}: add 'wasm-unsafe-eval' to its script-src, ` +
				"in the header of the page and in that of the worker's script",
			{ cause },
		);
	}
	if (cause instanceof WebAssembly.CompileError) {
		return new PortholeError(
			"invalid-module",
			`${what} is not a WebAssembly module that this browser can compile: ${cause.message}`,
			{ cause },
		);
	}
	return new PortholeError("network-error", `${what} could not be read: ${String(cause)}`, {
		cause,
	});
}

/** Browsers have no name for it, only words. */
function isForbidden(cause: unknown): boolean {
	const words = /content security policy|unsafe-eval|blocked by CSP/i;
	return cause instanceof Error && words.test(cause.message);
}

/** `"no-entry"`. */
export function noEntry(module: WebAssembly.Module, entry: string): PortholeError {
	const functions = WebAssembly.Module.exports(module).filter((e) => e.kind === "function");
	const names = functions.slice(0, NAMED).map((e) => e.name);
	return new PortholeError(
		"no-entry",
		`the module has no function ${entry} to start with; it exports ${names.join(", ") || "no function"}. ` +
			"Name one of them as `entryFunction`",
	);
}

/** `"missing-imports"`. */
export function missingImports(
	missing: readonly WebAssembly.ModuleImportDescriptor[],
): PortholeError {
	const names = missing.map(({ module, name, kind }) => `${module}.${name} (${kind})`);
	return new PortholeError(
		"missing-imports",
		`the program imports what Porthole does not have: ${names.join(", ")}. ` +
			"Pass functions of your own as `imports`",
	);
}

/** `"invalid-module"`: what the program imports cannot be known. */
export function unknownMemory(name: string): PortholeError {
	return new PortholeError(
		"invalid-module",
		`${name} imports a memory, and of a WebAssembly.Module nothing tells its size: give the bytes of the program`,
	);
}

/** `"invalid-module"` for an import of another type; `"out-of-memory"`. */
export function notLinked(cause: unknown): PortholeError {
	// Firefox throws these words, and no Error.
	if (cause instanceof RangeError || cause === "out of memory") {
		return new PortholeError(
			"out-of-memory",
			"no memory for another program; a page has room for about a hundred at once, because a browser " +
				"sets aside 8 GB of addresses for each memory, whatever its size. End some first",
			{ cause },
		);
	}
	const why = cause instanceof Error ? cause.message : String(cause);
	const message =
		cause instanceof WebAssembly.RuntimeError
			? `the program's start function trapped, or ran for seconds: ${why}. It runs before the program can be ` +
				"stopped; let `_initialize` or `_start` do its work"
			: `the program cannot be linked: ${why}`;
	return new PortholeError("invalid-module", message, { cause });
}

/** What to say of a package whose server gives parts that are not of one file. */
export function unfit(error: Error): string {
	return `a package is read at once, because its parts do not fit: ${error.message}`;
}

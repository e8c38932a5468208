/**
 * What a module imports and Porthole does not have, without linking it. Loaded late by a sandbox.
 */
import { PREVIEW1, WASMEDGE_MARK } from "./preview1.ts";
import { WASIX, WASIX_MODULE } from "./wasix.ts";
import { WASMEDGE } from "./wasmedge.ts";

interface Import {
	readonly module: string;
	readonly name: string;
	readonly kind: string;
}

/** The import modules under which programs look for the calls of preview1. */
const PREVIEW1_MODULES = ["wasi_snapshot_preview1", "wasi_unstable"];

const plain = new Set(
	PREVIEW1.trim()
		.split("\n")
		.map((row) => row.trim().split(" ", 1)[0]),
);

/** The imports that are missing, as `module.name`, each once and in order. */
export function missingOf(imports: readonly Import[]): string[] {
	const isOurs = ({ module }: Import) => PREVIEW1_MODULES.includes(module);
	const isWasmEdge = imports.some((one) => isOurs(one) && one.name === WASMEDGE_MARK);
	const known = isWasmEdge ? new Set([...plain, ...WASMEDGE.map(([name]) => name)]) : plain;
	const isKnown = (one: Import) =>
		one.kind === "memory" || isWasix(one) || (isOurs(one) && known.has(one.name));
	const missing = imports.filter((one) => !isKnown(one));
	return [...new Set(missing.map(({ module, name }) => `${module}.${name}`))];
}

/** Whether an import is a call of WASIX, or of the threads of WASI, that Porthole has. */
function isWasix({ module, name, kind }: Import): boolean {
	if (kind !== "function") return false;
	if (module === "wasi") return name === "thread-spawn";
	return module === WASIX_MODULE && (WASIX.has(name) || plain.has(name) || name === "thread_spawn");
}

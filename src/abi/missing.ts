/**
 * What a module imports and Porthole does not have, without linking it. Loaded late by a sandbox.
 */
import { PREVIEW1, PREVIEW1_MODULES, WASMEDGE_MARK } from "./preview1.ts";
import { WASMEDGE } from "./wasmedge.ts";

interface Import {
	readonly module: string;
	readonly name: string;
	readonly kind: string;
}

const plain = new Set(
	PREVIEW1.trim()
		.split("\n")
		.map((row) => row.trim().split(" ", 1)[0]),
);

/** The imports that are missing, as `module.name`, each once and in order. */
export function missingOf(imports: readonly Import[]): string[] {
	const isOurs = ({ module }: Import) => PREVIEW1_MODULES.some((one) => one === module);
	const isWasmEdge = imports.some((one) => isOurs(one) && one.name === WASMEDGE_MARK);
	const known = isWasmEdge ? new Set([...plain, ...WASMEDGE.map(([name]) => name)]) : plain;
	const missing = imports.filter(
		(one) => !(isOurs(one) && one.kind === "function" && known.has(one.name)),
	);
	return [...new Set(missing.map(({ module, name }) => `${module}.${name}`))];
}

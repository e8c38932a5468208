/**
 * An image: a program as it can be started, forked, and started again as a thread. What of it depends on the module only
 * is worked out once.
 */
import { type ImportFacts, importFacts, type MemoryFacts } from "../abi/module.ts";
import { OLDER, RETURNS_NOTHING, WASIX } from "../abi/wasix.ts";
import { signatures } from "../wasi/table.ts";
import { adapterFor, type Imported } from "./adapter.ts";
import type { WasixThread } from "./thread.ts";

/** The modules whose functions are ours. */
const OURS = new Set(["wasix_32v1", "wasi_snapshot_preview1", "wasi", "wasi_unstable"]);

const PARAMS: ReadonlyMap<string, string> = new Map([
	...signatures.map(({ name, params }) => [name, params] as const),
	...WASIX,
	["thread-spawn", "i"],
]);

/** What waits of a rewritten module go through, by their slot in its table. */
export const HOOKS: readonly Imported[] = [
	{ name: "notify", params: "iii", returns: true },
	{ name: "wait32", params: "iiIi", returns: true },
	{ name: "wait64", params: "iIIi", returns: true },
];

/** A function of ours that a program imports. */
export interface OurImport {
	readonly module: string;
	readonly name: string;
	/** What it is called in the table of calls. */
	readonly call: string;
}

export interface Image {
	/** What errors call it. */
	readonly name: string;
	readonly module: WebAssembly.Module;
	readonly ours: readonly OurImport[];
	/** All other imports. */
	readonly others: readonly ImportFacts[];
	/** The imported memory; null for a program that has one of its own. */
	readonly memory: (MemoryFacts & { readonly module: string; readonly name: string }) | null;
	readonly adapter: WebAssembly.Module;
	/** What its one import is to a thread, for a command that is a function of the page. */
	readonly body?: (thread: WasixThread) => WebAssembly.ImportValue;
}

/** The image of a module. Null for bytes that are no module; and for a module without bytes, which only the page has,
 *  where it imports a memory. */
export function imageOf(
	name: string,
	bytes: Uint8Array | null,
	module: WebAssembly.Module,
	mostPages = Number.POSITIVE_INFINITY,
): Image | null {
	const facts = bytes === null ? assumedFacts(module) : importFacts(bytes);
	if (facts === null) return null;
	const ours: OurImport[] = [];
	const others: ImportFacts[] = [];
	const imported = new Map<string, Imported>(HOOKS.map((hook) => [hook.name, hook]));
	let memory: Image["memory"] = null;
	for (const fact of facts) {
		const call = callOf(fact);
		if (call !== undefined) {
			ours.push({ module: fact.module, name: fact.name, call });
			const params = PARAMS.get(call) ?? "";
			imported.set(call, { name: call, params, returns: !RETURNS_NOTHING.has(call) });
		} else if (fact.memory !== undefined && memory === null) {
			const maximum = Math.min(fact.memory.maximum ?? 65536, mostPages);
			const limited = { ...fact.memory, maximum: Math.max(maximum, fact.memory.minimum) };
			memory = { ...limited, module: fact.module, name: fact.name };
		} else others.push(fact);
	}
	return { name, module, ours, others, memory, adapter: adapterFor([...imported.values()]) };
}

/** What a module imports, if its functions have the types that ours have; null where it imports a memory. */
function assumedFacts(module: WebAssembly.Module): ImportFacts[] | null {
	const imports = WebAssembly.Module.imports(module);
	if (imports.some(({ kind }) => kind === "memory")) return null;
	return imports.map(({ module: of, name }) => {
		const results = RETURNS_NOTHING.has(name) ? "" : "i";
		return { module: of, name, shape: { params: PARAMS.get(name) ?? "", results } };
	});
}

/** Which call of ours an import means; undefined for none. */
function callOf({ module, name, shape }: ImportFacts): string | undefined {
	if (shape === undefined || !OURS.has(module)) return undefined;
	const older = module === "wasix_32v1" ? OLDER.get(`${name} ${shape.params}`) : undefined;
	const call = older ?? name;
	const results = RETURNS_NOTHING.has(call) ? "" : "i";
	return PARAMS.get(call) === shape.params && shape.results === results ? call : undefined;
}

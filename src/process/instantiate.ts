/**
 * A guest on its own stack: a module and a Guest become an instance, and its entry runs until it
 * returns, exits or traps. How it is entered and how it waits is the bridge's affair.
 *
 * `proc_exit` ends in a trap of the adapter, because a guest may catch an exception and go on; so
 * after a trap the Guest is asked whether it had ended.
 */
import { WASMEDGE_MARK } from "../abi/preview1.ts";
import { adapterModule, type PlainCall, type Signature } from "../bridge/adapter.ts";
import type { GuestBridge } from "../bridge/bridge.ts";
import type { WireStatus } from "../protocol/sandbox.ts";
import type { Guest } from "../wasi/guest.ts";
import { modules, signatures } from "../wasi/table.ts";

/** The exit code of a shell for a program that aborted: 128 + SIGABRT. */
const TRAPPED = 134;

const adapters = new Map<readonly Signature[], WebAssembly.Module>();

/** The adapter's functions around `calls`. */
function adapted(
	guest: Guest,
	bridge: GuestBridge,
	of: readonly Signature[],
	calls: Readonly<Record<string, PlainCall>>,
): WebAssembly.Exports {
	const adapter = adapters.get(of) ?? new WebAssembly.Module(adapterModule(of));
	adapters.set(of, adapter);
	const instance = new WebAssembly.Instance(adapter, {
		call: bridge.calls?.(calls) ?? { ...calls },
		bridge: { wait: bridge.waitImport(guest), breathe: () => bridge.breathe(guest) },
	});
	return instance.exports;
}

/** Modules that the page adds. They never replace one of ours. */
export type ExtraImports = ReadonlyMap<string, ReadonlyMap<string, WebAssembly.ImportValue>>;

/** Links a module to a guest, and answers with what starts it. */
export type Prepare = (
	module: WebAssembly.Module,
	guest: Guest,
	entry: string,
	extra?: ExtraImports,
) => Promise<() => Promise<WireStatus>>;

async function importObject(
	module: WebAssembly.Module,
	guest: Guest,
	bridge: GuestBridge,
	extra: ExtraImports,
): Promise<WebAssembly.Imports> {
	const all = WebAssembly.Module.imports(module);
	const marked = all.some(({ module: of, name }) => modules.has(of) && name === WASMEDGE_MARK);
	const wasmEdge = marked ? await import("../wasi/wasmedge.ts") : null;
	const missing: WebAssembly.ModuleImportDescriptor[] = [];
	const given = new Map<string, Record<string, WebAssembly.ImportValue>>();
	const ours = new Map<string, WebAssembly.Exports>();
	for (const wanted of all) {
		const calls = modules.get(wanted.module);
		if (calls !== undefined && !ours.has(wanted.module)) {
			const of = wasmEdge?.wasmEdgeSignatures ?? signatures;
			const functions = { ...(await calls(guest)), ...wasmEdge?.wasmEdgeCalls(guest) };
			ours.set(wanted.module, adapted(guest, bridge, of, functions));
		}
		const exports = ours.get(wanted.module);
		const own = exports !== undefined && Object.hasOwn(exports, wanted.name);
		const value = own ? exports[wanted.name] : extra.get(wanted.module)?.get(wanted.name);
		if (value === undefined) {
			missing.push(wanted);
			continue;
		}
		const into = given.get(wanted.module) ?? Object.create(null);
		into[wanted.name] = value;
		given.set(wanted.module, into);
	}
	if (missing.length > 0) throw (await import("../load/errors.ts")).missingImports(missing);
	const imports: WebAssembly.Imports = Object.create(null);
	for (const [name, values] of given) imports[name] = values;
	return imports;
}

/**
 * Links `module` to the guest and returns what starts it. Errors: `"missing-imports"`, which names
 * each; `"invalid-module"` for an import of another type; `"no-entry"`; `"out-of-memory"`.
 */
export async function prepare(
	bridge: GuestBridge,
	module: WebAssembly.Module,
	guest: Guest,
	entry: string,
	extra: ExtraImports = new Map(),
): Promise<() => Promise<WireStatus>> {
	const exported = WebAssembly.Module.exports(module);
	const has = (name: string) => exported.some((e) => e.name === name && e.kind === "function");
	if (!has(entry)) throw (await import("../load/errors.ts")).noEntry(module, entry);
	const instance = await link(module, await importObject(module, guest, bridge, extra));
	const memory = instance.exports.memory;
	if (memory instanceof WebAssembly.Memory) guest.memory.attach(memory);
	const steps = entry !== "_initialize" && has("_initialize") ? ["_initialize", entry] : [entry];
	return () => run(instance, guest, bridge, steps);
}

async function link(
	module: WebAssembly.Module,
	imports: WebAssembly.Imports,
): Promise<WebAssembly.Instance> {
	try {
		return await WebAssembly.instantiate(module, imports);
	} catch (cause) {
		throw (await import("../load/errors.ts")).notLinked(cause);
	}
}

async function run(
	instance: WebAssembly.Instance,
	guest: Guest,
	bridge: GuestBridge,
	steps: readonly string[],
): Promise<WireStatus> {
	try {
		for (const step of steps) {
			// `prepare` has checked that the export is a function.
			const f = instance.exports[step] as () => unknown;
			if (!guest.ended) await bridge.enter(f);
		}
	} catch (error) {
		if (!guest.ended) return trapped(error);
	}
	return guest.ending ?? { code: 0 };
}

/** A trap of the guest, or an exception that it let escape. Any other error is a fault of ours. */
function trapped(error: unknown): WireStatus {
	const trap =
		error instanceof WebAssembly.RuntimeError ||
		error instanceof RangeError ||
		error instanceof WebAssembly.Exception;
	if (!trap) throw error;
	const known = error instanceof Error;
	return {
		code: TRAPPED,
		trap: {
			message: known ? error.message : "the program threw an exception that nothing caught",
			stack: known ? (error.stack ?? "") : "",
		},
	};
}

/**
 * A guest on its own stack: a module and a thread become an instance, and its entry runs until it
 * returns, exits or traps. How it is entered and how it waits is the bridge's affair, and what a program
 * may import is handed in, a call table for each import module.
 *
 * `proc_exit` ends in a trap of the adapter, because a guest may catch an exception and go on; so
 * after a trap the process is asked whether it had ended.
 */
import { adapterModule, type PlainCall, type Signature } from "../bridge/adapter.ts";
import type { GuestBridge } from "../bridge/bridge.ts";
import type { WireStatus } from "../protocol/sandbox.ts";
import type { Thread } from "./thread.ts";

/** The exit code of a shell for a program that aborted: 128 + SIGABRT. */
export const TRAPPED = 134;

const adapters = new Map<readonly Signature[], WebAssembly.Module>();

/** The adapter's functions around `calls`. */
function adapted(
	thread: Thread,
	bridge: GuestBridge,
	of: readonly Signature[],
	calls: Readonly<Record<string, PlainCall>>,
): WebAssembly.Exports {
	const adapter = adapters.get(of) ?? new WebAssembly.Module(adapterModule(of));
	adapters.set(of, adapter);
	const around = thread.process.around(calls, thread.memory);
	const instance = new WebAssembly.Instance(adapter, {
		call: bridge.calls?.(around) ?? { ...around },
		bridge: { wait: bridge.waitImport(thread), shouldYield: () => bridge.shouldYield(thread) },
	});
	return instance.exports;
}

/** The calls of an import module, and the shape of each. */
export interface CallTable {
	readonly signatures: readonly Signature[];
	readonly calls: Readonly<Record<string, PlainCall>>;
}

/** An import module: makes its calls for a thread whose program imports these names of it. */
export type ImportModule = (
	thread: Thread,
	wanted: ReadonlySet<string>,
) => CallTable | Promise<CallTable>;

/** What all programs of a worker are linked with. */
export interface Linking {
	readonly bridge: GuestBridge;
	/** By the names under which programs import them. */
	readonly modules: ReadonlyMap<string, ImportModule>;
}

interface Context extends Linking {
	readonly thread: Thread;
}

/** Modules that the page adds. They never replace one of ours. */
export type ExtraImports = ReadonlyMap<string, ReadonlyMap<string, WebAssembly.ImportValue>>;

/** A WASIX program that is to be one process, where guests cannot be suspended. */
export interface LoneProgram {
	/** That of `wasix/image.ts`. */
	readonly image: object;
	/** Tells the page. */
	readonly warn: (message: string) => void;
}

/** Links a module to a thread, and answers with what starts it. */
export type Prepare = (
	module: WebAssembly.Module,
	thread: Thread,
	entry: string,
	extra?: ExtraImports,
	lone?: LoneProgram,
) => Promise<() => Promise<WireStatus>>;

async function importObject(
	context: Context,
	module: WebAssembly.Module,
	extra: ExtraImports,
): Promise<WebAssembly.Imports> {
	const all = WebAssembly.Module.imports(module);
	const missing: WebAssembly.ModuleImportDescriptor[] = [];
	const imports: WebAssembly.Imports = Object.create(null);
	const ours = new Map<string, WebAssembly.Exports | null>();
	for (const wanted of all) {
		let exports = ours.get(wanted.module);
		if (exports === undefined) {
			exports = await exportsOf(context, wanted.module, all);
			ours.set(wanted.module, exports);
		}
		const value =
			exports !== null && Object.hasOwn(exports, wanted.name)
				? exports[wanted.name]
				: extra.get(wanted.module)?.get(wanted.name);
		if (value === undefined) {
			missing.push(wanted);
			continue;
		}
		imports[wanted.module] ??= Object.create(null);
		(imports[wanted.module] as WebAssembly.ModuleImports)[wanted.name] = value;
	}
	if (missing.length > 0) throw (await import("../load/errors.ts")).missingImports(missing);
	return imports;
}

/** What `module` of ours exports to this thread; null where we have none of that name. */
async function exportsOf(
	{ bridge, modules, thread }: Context,
	module: string,
	all: readonly WebAssembly.ModuleImportDescriptor[],
): Promise<WebAssembly.Exports | null> {
	const link = modules.get(module);
	if (link === undefined) return null;
	const names = all.filter((wanted) => wanted.module === module).map(({ name }) => name);
	const { signatures, calls } = await link(thread, new Set(names));
	return adapted(thread, bridge, signatures, calls);
}

/**
 * Links `module` to the thread and returns what starts it. Errors: `"missing-imports"`, which names
 * each; `"invalid-module"` for an import of another type; `"no-entry"`; `"out-of-memory"`.
 */
export async function prepare(
	linking: Linking,
	module: WebAssembly.Module,
	thread: Thread,
	entry: string,
	extra: ExtraImports = new Map(),
): Promise<() => Promise<WireStatus>> {
	const exported = WebAssembly.Module.exports(module);
	const has = (name: string) => exported.some((e) => e.name === name && e.kind === "function");
	if (!has(entry)) throw (await import("../load/errors.ts")).noEntry(module, entry);
	const instance = await link(module, await importObject({ ...linking, thread }, module, extra));
	const memory = instance.exports.memory;
	if (memory instanceof WebAssembly.Memory) thread.memory.attach(memory);
	// Most programs are rewritten so that they can be interrupted.
	if (isMetered(exported)) {
		(await import("./meter.ts")).Meter.connect(instance, thread, linking.bridge);
	}
	const steps = entry !== "_initialize" && has("_initialize") ? ["_initialize", entry] : [entry];
	return () => run(instance, thread, linking.bridge, steps);
}

/** Whether a module of these exports gives way while it computes: it was rewritten, here or before it came. */
export function isMetered(exported: readonly WebAssembly.ModuleExportDescriptor[]): boolean {
	const kindOf = (what: string) => exported.find(({ name }) => name === `porthole:${what}`)?.kind;
	return (
		kindOf("breathe") === "table" && kindOf("fuel") === "function" && kindOf("left") === "function"
	);
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
	thread: Thread,
	bridge: GuestBridge,
	steps: readonly string[],
): Promise<WireStatus> {
	thread.began = performance.now();
	try {
		for (const step of steps) {
			// `prepare` has checked that the export is a function.
			const f = instance.exports[step] as () => unknown;
			if (!thread.ended) await bridge.enter(thread, f);
		}
	} catch (error) {
		if (!thread.ended) return { ...trapped(error), ...thread.process.budget?.ending(instance) };
	}
	return thread.process.ending ?? { code: 0 };
}

/** A trap of the guest, or an exception that it let escape. Any other error is a fault of ours. */
export function trapped(error: unknown): Pick<WireStatus, "code" | "trap"> {
	const trap =
		error instanceof WebAssembly.RuntimeError ||
		error instanceof RangeError ||
		error instanceof WebAssembly.Exception;
	if (!trap) throw error;
	const { message = "the program threw an exception that nothing caught", stack = "" } =
		error instanceof Error ? error : {};
	return { code: TRAPPED, trap: { message, stack } };
}

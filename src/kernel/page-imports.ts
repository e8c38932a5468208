/**
 * The imports that a page adds to a program, in the kernel. Few programs have any, so this is loaded late.
 *
 * A program that waits for a function of the page must be able to end, for the function may never answer. So
 * the wait ends with the program, by a trap: a program can catch what a function throws, and go on, but
 * nothing catches a trap.
 */
import { PortholeError } from "../abi/error.ts";
import type { PageBridge, StopHandle } from "../bridge/bridge.ts";
import type { Prepare } from "../process/instantiate.ts";
import { explainEnd, wasmValue } from "../process/page-value.ts";
import type { WireImport } from "../protocol/sandbox.ts";

/** Calls a function of the page, by its number. */
type Call = (far: number, args: unknown[]) => Promise<unknown>;

/** `prepare` for a program with these imports. */
export function withImports(
	prepare: Prepare,
	imports: readonly WireImport[],
	bridge: PageBridge,
	call: Call,
): Prepare {
	return async (module, guest, entry) => {
		const last = { name: "", value: undefined as unknown };
		const extra = new Map<string, Map<string, WebAssembly.ImportValue>>();
		for (const { module: of, name, value } of imports) {
			const fields = extra.get(of) ?? new Map<string, WebAssembly.ImportValue>();
			extra.set(of, fields);
			if (typeof value === "number") {
				fields.set(name, value);
				continue;
			}
			const f = async (...args: unknown[]) => {
				last.name = `${of}.${name}`;
				last.value = await whileRunning(guest, call(value.id, args), last.name);
				return wasmValue(last.value, last.name);
			};
			fields.set(name, bridge.pageFunction(guest, f));
		}
		const start = await prepare(module, guest, entry, extra);
		return () =>
			start().catch((error) => {
				throw explainEnd(error, last.name, last.value);
			});
	};
}

/** The answer of a function of the page, or a trap when the guest ends first. */
async function whileRunning(
	guest: StopHandle,
	answer: Promise<unknown>,
	name: string,
): Promise<unknown> {
	const from = performance.now();
	guest.flush();
	let wake = () => {};
	const over = new Promise<void>((resolve) => {
		wake = resolve;
	});
	guest.stopped.watch(wake);
	try {
		const value = await Promise.race([answer, over]);
		if (!guest.ended) return value;
	} catch (cause) {
		const why = cause instanceof Error ? cause.message : String(cause);
		if (!guest.ended) {
			throw new PortholeError("import-failed", `the page's function ${name} failed: ${why}`);
		}
	} finally {
		guest.stopped.unwatch(wake);
		guest.waited += performance.now() - from;
	}
	return trap();
}

/** A module whose one function, `f`, is `unreachable`. */
const TRAP = Uint8Array.of(
	...[0, 0x61, 0x73, 0x6d, 1, 0, 0, 0],
	...[1, 4, 1, 0x60, 0, 0], // a type
	...[3, 2, 1, 0], // a function
	...[7, 5, 1, 1, 0x66, 0, 0], // its export
	...[10, 5, 1, 3, 0, 0x00, 0x0b], // its body
);

function trap(): never {
	const { f } = new WebAssembly.Instance(new WebAssembly.Module(TRAP)).exports;
	return (f as () => never)();
}

/**
 * Bytes to modules: the one place where a guest's code is compiled, and so the place where it could
 * be rewritten before (to count loops, say, so that a guest that never calls can be interrupted).
 */
import { PortholeError } from "../abi/error.ts";

/** Errors: `"invalid-module"` for what is no wasm, or wasm that this browser does not know. */
export async function compile(bytes: Uint8Array, what: string): Promise<WebAssembly.Module> {
	try {
		// The browser accepts views of any buffer; its type says otherwise of shared ones.
		return await WebAssembly.compile(bytes as Uint8Array<ArrayBuffer>);
	} catch (cause) {
		if (cause instanceof RangeError) {
			throw new PortholeError("out-of-memory", `not enough memory to compile ${what}`, { cause });
		}
		throw new PortholeError(
			"invalid-module",
			`${what} is not a WebAssembly module that this browser can compile: ${String(cause)}`,
			{ cause },
		);
	}
}

/**
 * Bytes to modules: the one place where a guest's code is compiled, and so the place where it could
 * be rewritten before (to count loops, say, so that a guest that never calls can be interrupted).
 */
import { PortholeError } from "../abi/error.ts";

const WASM = "application/wasm";

/** Compiles a module while its bytes arrive. An answer that the browser itself labels as a module is
 *  handed on as it is, because only of such a one does a browser keep the compiled code.
 *  Errors: as `compile`, and those of the body. */
export async function compileResponse(
	response: Response,
	what: string,
): Promise<WebAssembly.Module> {
	const labelled = response.headers.get("content-type")?.toLowerCase() === WASM;
	const module = labelled
		? response
		: new Response(response.body, { headers: { "Content-Type": WASM } });
	try {
		return await WebAssembly.compileStreaming(module);
	} catch (cause) {
		if (cause instanceof PortholeError) throw cause;
		throw (await import("./errors.ts")).notCompiled(cause, what);
	}
}

/** Errors: `"invalid-module"` for what is no wasm, or wasm that this browser does not know. */
export async function compile(bytes: Uint8Array, what: string): Promise<WebAssembly.Module> {
	try {
		// The browser accepts views of any buffer; its type says otherwise of shared ones.
		return await WebAssembly.compile(bytes as Uint8Array<ArrayBuffer>);
	} catch (cause) {
		throw (await import("./errors.ts")).notCompiled(cause, what);
	}
}

/**
 * Bytes to modules: the one place where a guest's code is compiled, and so the place where it is
 * rewritten before (`rewrite`), so that a guest that never calls can be interrupted.
 */
import { PortholeError } from "../abi/error.ts";
import type { RewriteOptions } from "../rewrite/options.ts";

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

/** What of a module could not be rewritten, so that it runs as it is. */
const unknown = new WeakMap<WebAssembly.Module, string>();

/** Why `module` was not rewritten as asked; undefined where it was, or was not to be. */
export function whyNotRewritten(module: WebAssembly.Module): string | undefined {
	return unknown.get(module);
}

/** Compiles a module, rewritten where `how` is given and the pass knows all of it. One that was rewritten before is not
 *  metered again. Errors: `"invalid-module"` for what is no wasm, or wasm that this browser does not know;
 *  `"not-supported"` where its memory cannot be limited. */
export async function compile(
	bytes: Uint8Array,
	what: string,
	how?: RewriteOptions,
): Promise<WebAssembly.Module> {
	if (how !== undefined) {
		const known = (await import("../rewrite/rewrite.ts")).rewriteKnown(bytes, how);
		const module = await compile(known.bytes, what);
		if (known.isUnlimited) throw (await import("./errors.ts")).notLimited(what, known.unknown);
		if (known.unknown !== undefined) unknown.set(module, known.unknown);
		return module;
	}
	try {
		// The browser accepts views of any buffer; its type says otherwise of shared ones.
		return await WebAssembly.compile(bytes as Uint8Array<ArrayBuffer>);
	} catch (cause) {
		throw (await import("./errors.ts")).notCompiled(cause, what);
	}
}

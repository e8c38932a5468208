/**
 * A trap as the page sees it: an Error whose stack has the guest's functions and nothing of ours.
 * Loaded when a guest traps.
 */

/** The browser's frames of wasm functions: `at name (wasm://wasm/hash:wasm-function[7]:0x2a)`. */
const frame = /^\s*(?:at\s+)?(.*?)\s*[(@].*?wasm-function\[(\d+)\]:(0x[0-9a-f]+)\)?\s*$/;

export function trapError(trap: { readonly message: string; readonly stack: string }): Error {
	const error = new Error(trap.message);
	error.name = "RuntimeError";
	const frames = trap.stack.split("\n").flatMap((line) => {
		const match = frame.exec(line);
		return match === null ? [] : [`    at ${match[1] || "(anonymous)"} (${match[2]}:${match[3]})`];
	});
	error.stack = [`RuntimeError: ${trap.message}`, ...frames].join("\n");
	return error;
}

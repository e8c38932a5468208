/**
 * Why bytes could not be read: the errors, with what to do. In a file of its own because the page needs
 * them, too.
 */
import { PortholeError } from "../abi/error.ts";
import type { WireSource } from "../protocol/sandbox.ts";

export function nameOf(source: WireSource): string {
	return source.kind === "url" ? source.url : source.name || "the package";
}

/** `"EIO"` for a file that could be read no longer, `"out-of-memory"`, and errors of ours as they are. */
export function unreadable(cause: unknown, what: string): unknown {
	if (cause instanceof PortholeError) return cause;
	if (cause instanceof RangeError) {
		return new PortholeError("out-of-memory", `there is no memory for ${what}`, { cause });
	}
	const why = cause instanceof Error ? cause.message : String(cause);
	return new PortholeError("EIO", `${what} could not be read: ${why}; pick it again`, { cause });
}

/** `"too-large"`. */
export function tooLarge(what: string, maxBytes: number): PortholeError {
	return new PortholeError(
		"too-large",
		`${what} has more than ${maxBytes} bytes to read; if you trust it, raise the option \`maxBytes\``,
	);
}

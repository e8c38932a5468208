/**
 * A part of Porthole that could not be loaded. Each `import()` of the built library ends in `notLoaded`: the
 * build adds it (scripts/build.ts), so that no call can forget it.
 */
import { PortholeError } from "../abi/error.ts";

/** Errors: `"network-error"` where the part could not be fetched; else what the part has thrown. */
export function notLoaded(cause: unknown): never {
	// Browsers have no name for it, only words.
	const { message } = cause as Error;
	if (!(cause instanceof TypeError && /module/i.test(message))) throw cause;
	throw new PortholeError(
		"network-error",
		`a part of Porthole could not be loaded (${message}). Check the network, that the server has all files of ` +
			"Porthole, and that the Content-Security-Policy allows them; then call again",
		{ cause },
	);
}

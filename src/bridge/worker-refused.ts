/**
 * The error of a browser that makes no worker: `"content-policy"` where Trusted Types are demanded and
 * Porthole's policy is not allowed, else `"worker-failed"`.
 */
import { PortholeError } from "../abi/error.ts";

export function refused(cause: unknown): PortholeError {
	const why = cause instanceof Error ? cause.message : String(cause);
	if (cause instanceof TypeError && why.includes("Trusted")) {
		return new PortholeError(
			"content-policy",
			"the page demands Trusted Types for scripts, and Porthole's worker has none: allow its policy " +
				"with `trusted-types porthole` in the Content-Security-Policy (and 'allow-duplicates' where " +
				"the library is loaded twice), or pass a TrustedScriptURL as `workerUrl`",
			{ cause },
		);
	}
	return new PortholeError("worker-failed", `the browser makes no worker here: ${why}`, { cause });
}

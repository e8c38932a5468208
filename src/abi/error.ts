/**
 * The error of the public API: what failed, where, and what to do next.
 */
export class PortholeError extends Error {
	/** A POSIX name such as `"ENOENT"`, or one of Porthole's own such as `"missing-imports"`. */
	readonly code: string;

	constructor(code: string, message: string, options?: { cause?: unknown }) {
		super(message, options);
		this.name = "PortholeError";
		this.code = code;
	}
}

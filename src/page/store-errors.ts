/**
 * The errors that directories of the page have thrown, by path.
 *
 * The worker gets an errno only. The store's own error stays on the page: it is kept here for a while, and
 * becomes the `cause` of the error with which the worker answers a call for the same path.
 */
import { errnoName, errnoOf } from "../abi/errno-names.ts";
import { PortholeError } from "../abi/error.ts";
import { toWire } from "../bridge/far.ts";

/** How many are kept. */
const MOST = 256;

export class StoreErrors {
	/** Guest path → what was thrown there last, the one longest ago first. */
	readonly #thrown = new Map<string, unknown>();

	note(path: string, thrown: unknown): void {
		this.#thrown.delete(path);
		this.#thrown.set(path, thrown);
		for (const oldest of this.#thrown.keys()) {
			if (this.#thrown.size <= MOST) return;
			this.#thrown.delete(oldest);
		}
	}

	/** A call for `path` has succeeded. */
	forget(path: string): void {
		this.#thrown.delete(path);
	}

	/** The error, with what was thrown at its path, or at a directory above, as its cause. */
	explain(error: unknown, path: unknown): unknown {
		if (!(error instanceof PortholeError) || typeof path !== "string") return error;
		for (let at = path; ; at = at.slice(0, Math.max(1, at.lastIndexOf("/")))) {
			const cause = this.#thrown.get(at);
			if (cause !== undefined && codeOf(cause) === error.code) return because(error, cause);
			if (at.length <= 1) return error;
		}
	}
}

function because({ code, message }: PortholeError, cause: unknown): PortholeError {
	return new PortholeError(code, `${message}: ${toWire(cause).message}`, { cause });
}

/** The code that the worker makes of what was thrown. */
function codeOf(thrown: unknown): string {
	return errnoName(errnoOf(toWire(thrown).code));
}

/**
 * Why a directory of the page has failed, in its own words.
 *
 * The worker knows numbers only, and a program gets no more than that. The page, which gets an error for
 * it, is to read what its own store has thrown; and the store is here, on the page. So what it throws is
 * kept for a while by path, and becomes the cause of the error that comes back.
 */
import { errnoName, errnoOf } from "../abi/errno.ts";
import { PortholeError } from "../abi/error.ts";
import { toWire } from "../bridge/far.ts";

/** How many are kept. */
const MOST = 256;

export class Causes {
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

	/** What is at `path` can be reached again. */
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

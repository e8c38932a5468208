/**
 * The one error of this room: what is wrong with a container, where, and what to do about it.
 *
 * A program tests `code`, a person reads `message`. What to do follows from the code, so the place that
 * finds a fault says only what it found, and the advice stands in a table (`advice.ts`). `porthole/webc`
 * and the command line have the table from the start (`useAdvice`); a sandbox's worker loads it with the
 * first error, so that pages without errors do not pay for it.
 */
import type { advice } from "./advice.ts";

export type WebcErrorCode = keyof typeof advice;

let table: Readonly<Record<WebcErrorCode, string>> | undefined;

/** From now on messages end with what to do. */
export function useAdvice(of: Readonly<Record<WebcErrorCode, string>>): void {
	table = of;
}

/** Where in the container something is wrong. */
export interface Where {
	/** In bytes from the start of the container. */
	readonly offset?: number | undefined;
	/** Such as `index`, `manifest`, `atoms` or `volume "/lib"`. */
	readonly section?: string | undefined;
}

export class WebcError extends Error {
	override readonly name = "WebcError";
	readonly code: WebcErrorCode;
	readonly offset: number | undefined;
	readonly section: string | undefined;

	constructor(code: WebcErrorCode, what: string, where: Where = {}, cause?: unknown) {
		const place = [
			where.section === undefined ? "" : ` in ${where.section}`,
			where.offset === undefined ? "" : ` at byte ${where.offset}`,
		].join("");
		const next = table === undefined ? "" : ` ${table[code]}`;
		super(`${what}${place}.${next}`, cause === undefined ? undefined : { cause });
		this.code = code;
		this.offset = where.offset;
		this.section = where.section;
	}
}

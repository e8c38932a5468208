/**
 * Which rung a sandbox runs on: how its guests wait. For pages without the best; they load it late.
 *
 *     suspending       guests are suspended (JSPI); anywhere, and nothing is lost
 *     blocking         each guest in a worker that sleeps on shared memory; isolated pages only
 *     service-worker   the same, through synchronous requests that a service worker answers
 *     preloaded        guests cannot wait: what they need is there before they start, or is refused
 *
 * The page chooses, because the options are its own, and tells the worker.
 */
import { PortholeError } from "../abi/error.ts";
import type { Rung } from "./protocol.ts";

/** A rung, and why it is this one: sentences for people. */
export interface Choice {
	readonly rung: Rung;
	readonly why: string;
}

const NO_JSPI = "this browser has no WebAssembly.Suspending (JSPI)";

/** What to do about a missing JSPI. */
const NEWER = "it takes Chrome 137, Firefox 153 or Safari 27";

/** Errors: `"not-supported"`, which says what is missing and what to do. */
export async function chooseRung(
	wish: "auto" | "suspending" | "blocking" | "preloaded",
): Promise<Choice> {
	if (wish === "blocking" && globalThis.crossOriginIsolated) {
		const why = "the page is isolated: each guest has a worker, which sleeps on shared memory";
		return { rung: "blocking", why };
	}
	if (wish === "blocking" || wish === "preloaded") {
		throw new PortholeError("not-supported", `the ${wish} bridge does not work yet; use "auto"`);
	}
	throw new PortholeError("not-supported", `${NO_JSPI}; ${NEWER}`);
}

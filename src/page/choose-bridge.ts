/**
 * Which rung a sandbox runs on: how its guests wait. For pages without the best; they load it late.
 *
 *     suspending       guests are suspended (JSPI); anywhere, and nothing is lost
 *     blocking         each guest in a worker that sleeps on shared memory; isolated pages only, and
 *                      only in browsers that have SharedArrayBuffer then
 *     service-worker   the same, through synchronous requests that a service worker answers
 *     preloaded        guests cannot wait: what they need is there before they start, or is refused
 *
 * The page chooses, because the options are its own, and tells the worker.
 */
import { PortholeError } from "../abi/error.ts";
import { isControlled, isOpaque, sharesMemory } from "../bridge/context.ts";
import type { LettersPath } from "../guestworker/service-worker-protocol.ts";
import type { Rung } from "../protocol/sandbox.ts";

/** A rung, and why it is this one: sentences for people. */
export interface Choice {
	readonly rung: Rung;
	readonly why: string;
}

type Wish = "auto" | "suspending" | "blocking" | "preloaded";

const NO_JSPI = "this browser has no WebAssembly.Suspending (JSPI)";
const NEWER = "JSPI takes Chrome 137, Firefox 153 or Safari 27";

const NOT_ISOLATED = "this page is not cross-origin isolated";
const ISOLATE =
	"serve the page with Cross-Origin-Opener-Policy: same-origin and " +
	"Cross-Origin-Embedder-Policy: require-corp";

/** WebKitGTK 2.50 isolates such a page all the same. */
const NOT_SHARED = "this page is cross-origin isolated, but this browser has no SharedArrayBuffer";

const CARRIED =
	"a service worker with porthole/service-worker controls the page: each guest has a worker, and " +
	"waits by synchronous requests, of a millisecond or two each";
const NO_CARRIER = "no service worker with porthole/service-worker controls it";

const LOSES =
	"Programs cannot wait: mounts and input are read before they start, and what comes later is EIO";

/** Errors: `"not-supported"`, which says what is missing and what to do. */
export async function chooseRung(wish: Wish): Promise<Choice> {
	if (globalThis.Worker === undefined) {
		throw missing(
			"a sandbox is a Web Worker, and there are none here: use it in a web page or in a worker of one. " +
				"On a server, porthole/webc reads and writes packages",
		);
	}
	if (wish === "suspending") throw missing(`${NO_JSPI}; ${NEWER}`);
	if (wish === "preloaded") return { rung: wish, why: `it was asked for. ${LOSES}` };
	const asked = wish === "blocking" ? "it was asked for, and" : `${NO_JSPI}, but`;
	if (sharesMemory()) {
		const why = `${asked} the page is isolated: each guest has a worker, which sleeps on shared memory`;
		return { rung: "blocking", why };
	}
	if (await carriesLetters()) return { rung: "service-worker", why: `${asked} ${CARRIED}` };
	const isolated = globalThis.crossOriginIsolated === true;
	const unshared = isolated ? NOT_SHARED : NOT_ISOLATED;
	if (wish === "blocking") {
		const isolate = isolated ? "" : `${ISOLATE}, or `;
		throw missing(
			`${unshared}, so its workers cannot share memory, and ${NO_CARRIER}; ${isolate}` +
				"register a service worker that calls `offline` of porthole/service-worker",
		);
	}
	const without = `${NO_JSPI}, ${unshared}, and ${NO_CARRIER}`;
	return { rung: "preloaded", why: `${without}. ${LOSES}; ${NEWER}` };
}

/** Whether a service worker of ours answers this page, and so its workers. */
async function carriesLetters(): Promise<boolean> {
	if (isOpaque() || !isControlled() || !("BroadcastChannel" in globalThis)) return false;
	const letters: LettersPath = "/.porthole/letters";
	const answer = await fetch(new URL(letters, location.origin)).catch(() => null);
	return answer?.status === 204;
}

function missing(what: string): PortholeError {
	return new PortholeError("not-supported", what);
}

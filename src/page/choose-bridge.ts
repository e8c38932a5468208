/**
 * Which bridge a sandbox gets: how its guests wait. Pages without JSPI load this file late.
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
import type { ChannelPath } from "../guestworker/service-worker-protocol.ts";
import type { BridgeKind } from "../protocol/sandbox.ts";

/** The chosen bridge, and the reason in sentences for people. */
export interface BridgeChoice {
	readonly kind: BridgeKind;
	readonly why: string;
}

type BridgeOption = "auto" | "suspending" | "blocking" | "preloaded";

const NO_JSPI = "this browser has no WebAssembly.Suspending (JSPI)";
const JSPI_VERSIONS = "JSPI takes Chrome 137, Firefox 153 or Safari 27";

const NOT_ISOLATED = "this page is not cross-origin isolated";
const ISOLATE =
	"serve the page with Cross-Origin-Opener-Policy: same-origin and " +
	"Cross-Origin-Embedder-Policy: require-corp";

/** WebKitGTK 2.50 isolates such a page all the same. */
const NOT_SHARED = "this page is cross-origin isolated, but this browser has no SharedArrayBuffer";

const BY_SERVICE_WORKER =
	"a service worker with porthole/service-worker controls the page: each guest has a worker, and " +
	"waits by synchronous requests, of a millisecond or two each";
const NO_SERVICE_WORKER = "no service worker with porthole/service-worker controls it";

const PRELOADED_LOSES =
	"Programs cannot wait: mounts and input are read before they start, and what comes later is EIO";

/** Where guests are not suspended. */
const LONE =
	"A WASIX program is one process with one thread and no sockets: more takes WebAssembly.Suspending (JSPI)";

/** Errors: `"not-supported"`, which says what is missing and what to do. */
export async function chooseBridge(wish: BridgeOption): Promise<BridgeChoice> {
	if (globalThis.Worker === undefined) {
		throw missing(
			"a sandbox is a Web Worker, and there are none here: use it in a web page or in a worker of one. " +
				"On a server, porthole/webc reads and writes packages",
		);
	}
	if (wish === "suspending") throw missing(`${NO_JSPI}; ${JSPI_VERSIONS}`);
	if (wish === "preloaded")
		return { kind: wish, why: `it was asked for. ${PRELOADED_LOSES}. ${LONE}` };
	const asked = wish === "blocking" ? "it was asked for, and" : `${NO_JSPI}, but`;
	if (sharesMemory()) {
		const why = `${asked} the page is isolated: each guest has a worker, which sleeps on shared memory. ${LONE}`;
		return { kind: "blocking", why };
	}
	if (await serviceWorkerAnswers())
		return { kind: "service-worker", why: `${asked} ${BY_SERVICE_WORKER}. ${LONE}` };
	const isolated = globalThis.crossOriginIsolated === true;
	const unshared = isolated ? NOT_SHARED : NOT_ISOLATED;
	if (wish === "blocking") {
		const isolate = isolated ? "" : `${ISOLATE}, or `;
		throw missing(
			`${unshared}, so its workers cannot share memory, and ${NO_SERVICE_WORKER}; ${isolate}` +
				"register a service worker that calls `offline` of porthole/service-worker",
		);
	}
	const without = `${NO_JSPI}, ${unshared}, and ${NO_SERVICE_WORKER}`;
	return { kind: "preloaded", why: `${without}. ${PRELOADED_LOSES}. ${LONE}; ${JSPI_VERSIONS}` };
}

/** Whether a service worker of ours answers this page, and so its workers. */
async function serviceWorkerAnswers(): Promise<boolean> {
	if (isOpaque() || !isControlled() || !("BroadcastChannel" in globalThis)) return false;
	const path: ChannelPath = "/.porthole/letters";
	const answer = await fetch(new URL(path, location.origin)).catch(() => null);
	return answer?.status === 204;
}

function missing(what: string): PortholeError {
	return new PortholeError("not-supported", what);
}

/**
 * `porthole/service-worker`: keeps packages for visits without a network. It adds its listeners to a
 * service worker that belongs to the page, and answers requests for packages and for nothing else.
 *
 *     import { offline } from "porthole/service-worker";
 *     offline();
 *
 * Its scope must hold the page and the file of Porthole's own worker, because that worker is what asks
 * for packages: register it at the root, or beside both. A first visit keeps what is loaded once
 * `navigator.serviceWorker.controller` is there.
 *
 * Answers that depend on the user are not kept: see personal.ts.
 *
 * It knows packages only by their addresses; that a file is a container, and what is in it, it does
 * not know.
 */
import { PortholeError } from "../abi/error.ts";
import { checkNames, type Names } from "../abi/options.ts";
import { AppShell } from "./app-shell.ts";
import type { Browser, FetchEvent, Scope } from "./browser.ts";
import { isChannelMessage, relay } from "./channel-relay.ts";
import { PackageCache } from "./packages.ts";
import { parseAddress, respond } from "./respond.ts";
import { Revalidator } from "./revalidate.ts";

/** What is kept, and how much of it. */
export interface OfflineOptions {
	/** Which addresses are packages. Default: paths that end in `.webc`, `.wasm`, `.tar.gz` or `.tgz`. */
	readonly match?: (url: URL) => boolean;
	/** Bytes that packages may take. Default: 512 MiB, or half of what the browser allows if that is
	 *  less. Packages that were used longest ago go first. */
	readonly limit?: number;
	/** What the caches are called, for more than one set of packages at one origin. */
	readonly name?: string;
	/** Addresses of the page itself and what it needs, relative to the worker's scope. They are fetched
	 *  when the worker is installed, and used when the network does not answer, for all users alike: list
	 *  only what is the same for all of them. */
	readonly precache?: readonly string[];
}

const PACKAGE = /\.(webc|wasm|tar\.gz|tgz)$/;

/** Adds the listeners. Call it while the service worker's script runs, not later. */
export function offline(options: OfflineOptions = {}): void {
	// The type of a service worker's global scope and that of a page's exclude each other in one program.
	const scope = globalThis as unknown as Scope;
	if (scope.registration === undefined) {
		throw new PortholeError("not-supported", "offline() is called in a service worker");
	}
	const names: Names<OfflineOptions> = { match: 0, limit: 0, name: 0, precache: 0 };
	checkNames("offline", options, names);
	const { match = (url) => PACKAGE.test(url.pathname), limit, name = "porthole" } = options;
	checkOptions(limit, name);
	const cache = new PackageCache(browserOf(scope), name, limit);
	const revalidator = new Revalidator(cache);
	const shell = new AppShell(scope.caches, name, options.precache ?? [], scope.registration.scope);

	scope.addEventListener("install", (event) => event.waitUntil(shell.install()));
	scope.addEventListener("activate", (event) => {
		// Packages that the first visit loads are to be kept already.
		event.waitUntil(Promise.all([shell.activate(), scope.clients.claim()]));
	});
	scope.addEventListener("fetch", (event) => {
		const { request } = event;
		if (isChannelMessage(request)) {
			event.respondWith(relay(request));
			return;
		}
		if (request.method !== "GET") return;
		if (isReadable(request) && match(new URL(parseAddress(request.url).address))) {
			event.respondWith(fromPackages(event, cache, revalidator));
		} else if (shell.has(request)) {
			event.respondWith(shell.respond(request, (asked) => fetch(asked)));
		}
	});
}

/** Whether the page will see the answer's bytes. Navigations, images and other embedded files are left to the
 *  browser. */
function isReadable({ mode, url }: Request): boolean {
	return (mode === "cors" || mode === "same-origin") && /^https?:/.test(url);
}

async function fromPackages(
	event: FetchEvent,
	cache: PackageCache,
	revalidator: Revalidator,
): Promise<Response> {
	return respond(event.request, cache, revalidator, (work) => event.waitUntil(work));
}

function checkOptions(limit: number | undefined, name: string): void {
	if (limit !== undefined && !(limit >= 0)) {
		throw new PortholeError("invalid-option", `limit is a number of bytes, not ${limit}`);
	}
	if (!/^[\w-]+$/.test(name)) {
		throw new PortholeError("invalid-option", `name is letters, digits, - and _, not "${name}"`);
	}
}

function browserOf({ caches, navigator }: Scope): Browser {
	return {
		caches,
		origin: location.origin,
		fetch: (url, init) => fetch(url, init),
		now: () => Date.now(),
		wait: (milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds)),
		quota: async () => {
			const { quota = Number.POSITIVE_INFINITY } = await navigator.storage.estimate();
			return quota;
		},
		sparing: () =>
			(navigator as { connection?: { saveData?: boolean } }).connection?.saveData === true,
	};
}

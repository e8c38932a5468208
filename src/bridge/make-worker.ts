/**
 * Starts a worker. There is one script for all of them, and the worker's name says what it is to be.
 * Where the script is, a bundler knows by the expression below; a page served from elsewhere may not
 * start a script of another origin, but it may start one that imports it.
 */

/** What a worker is for: a sandbox's kernel, which is what any other name means too; the stores of a
 *  page that want a thread which may wait (`mounts/stores-worker.ts`); or one guest, whose kernel starts
 *  it (`runner/own-worker.ts`). */
export type Role = "porthole" | "porthole-stores" | "porthole-guest";

export function makeWorker(url: string | URL | undefined, name: Role = "porthole"): Worker {
	if (url === undefined) {
		try {
			return new Worker(new URL("../../workers/guest.ts", import.meta.url), {
				type: "module",
				name,
			});
		} catch {
			// Refused, because this file is from another origin; the built script lies beside it. A bundler
			// would take `new URL` for a file to copy.
			return makeWorker(import.meta.url.replace(/[^/]*$/, "guest.js"), name);
		}
	}
	const absolute = new URL(url, document.baseURI);
	const direct = absolute.origin === location.origin || absolute.protocol === "blob:";
	if (direct) return new Worker(absolute, { type: "module", name });
	const script = new Blob([`import ${JSON.stringify(absolute.href)};`], {
		type: "text/javascript",
	});
	return new Worker(URL.createObjectURL(script), { type: "module", name });
}

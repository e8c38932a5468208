/**
 * Starts the worker. Where its script is, a bundler knows by the expression below; a page served
 * from elsewhere may not start a script of another origin, but it may start one that imports it.
 */
export function makeWorker(url: string | URL | undefined): Worker {
	if (url === undefined) {
		return new Worker(new URL("../../workers/guest.ts", import.meta.url), {
			type: "module",
			name: "porthole",
		});
	}
	const absolute = new URL(url, document.baseURI);
	const direct = absolute.origin === location.origin || absolute.protocol === "blob:";
	if (direct) return new Worker(absolute, { type: "module", name: "porthole" });
	const script = new Blob([`import ${JSON.stringify(absolute.href)};`], {
		type: "text/javascript",
	});
	return new Worker(URL.createObjectURL(script), { type: "module", name: "porthole" });
}

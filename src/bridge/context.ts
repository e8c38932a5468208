/**
 * What the page, frame or worker that this code runs in lets it have.
 *
 * Asking is not harmless: a frame without an origin of its own, or a browser that blocks a site's
 * storage, has getters that throw, and some of what a flag promises is not there. So each question is
 * put once, here, and has an answer everywhere.
 */

/** Whether workers can be sent memory that they share. The flag alone does not say so: WebKitGTK
 *  isolates pages and has no SharedArrayBuffer. */
export function sharesMemory(): boolean {
	return globalThis.crossOriginIsolated === true && "SharedArrayBuffer" in globalThis;
}

/** Whether this is a document or worker without an origin, such as a frame with `sandbox`: no storage,
 *  no service worker, and no script of a worker by its address. */
export function isOpaque(): boolean {
	return globalThis.origin === "null";
}

/** Whether a service worker, of whomever, controls this page. */
export function isControlled(): boolean {
	try {
		return !!navigator.serviceWorker?.controller;
	} catch {
		return false;
	}
}

/** What relative addresses are relative to: the page's base or the worker's script. */
export function baseAddress(): string | undefined {
	return globalThis.document?.baseURI ?? globalThis.location?.href;
}

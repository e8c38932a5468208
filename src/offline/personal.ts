/**
 * Answers that depend on the user, and are therefore not kept: several people may use one browser after
 * another.
 *
 * A request that names its user, with `Authorization` or another header for a token, goes to the server and
 * its answer is not kept. An answer is not kept either when it says that it is for one person (`private`),
 * for no cache (`no-store`), or that it depends on cookies (`Vary`), which a service worker cannot see. Where
 * `Vary` names other headers, what they were is kept beside the answer, and a request in which they are
 * otherwise goes to the server. `public` says that an answer is for everybody.
 *
 * `no-cache` does not count: what is kept here is used before the server is asked, so that a page starts
 * without a network.
 */

/** Headers that an answer depends on, and their values in the request that it was for; null where the
 *  request had none. */
export type Varied = readonly (readonly [name: string, value: string | null])[];

/** Headers by which a request may name its user. */
const WHO =
	/^(proxy-)?authorization$|token|secret|api-?key|session|credential|password|cookie|auth|user-?(id|name)/;
/** What the browser sets in each request of an origin alike, and what is asked for in parts here. */
const ALIKE = /^(accept-encoding|origin|range|referer|user-agent|host|sec-.*|access-control-.*)$/;
/** Headers whose values say nothing of a person. */
const PLAIN = /^accept(-language)?$/;

/** Whether the request names its user. Of a server elsewhere `Vary` cannot be read, so there each header that
 *  a page has added counts. */
export function isPersonal(request: Request, origin: string): boolean {
	const elsewhere = new URL(request.url).origin !== origin;
	const counts = (name: string) =>
		WHO.test(name) || (elsewhere && !ALIKE.test(name) && !PLAIN.test(name));
	return [...request.headers.keys()].some(counts);
}

/** What an answer depends on; null for an answer that must not be kept. */
export function variedOf(response: Response, request: Request, origin: string): Varied | null {
	const control = wordsOf(response.headers.get("cache-control"));
	if (control.has("no-store") || control.has("private")) return null;
	const elsewhere = new URL(request.url).origin !== origin;
	if (elsewhere && request.credentials === "include" && !control.has("public")) return null;
	const varied: [string, string | null][] = [];
	for (const name of wordsOf(response.headers.get("vary"))) {
		if (ALIKE.test(name)) continue;
		if (name === "*" || name === "cookie") return null;
		const value = request.headers.get(name);
		if (value !== null && !PLAIN.test(name)) return null;
		varied.push([name, value]);
	}
	return varied;
}

/** Whether an answer that depends on this is an answer to the request. */
export function isFor(varied: Varied, request: Request): boolean {
	return varied.every(([name, value]) => request.headers.get(name) === value);
}

/** Where answers are kept: those that cookies were sent for apart from those without. */
export function keyFor(address: string, request: Request, origin: string): string {
	const url = new URL(address);
	if (url.origin !== origin || request.credentials !== "omit") return address;
	url.searchParams.set("porthole-credentials", "omit");
	return url.href;
}

/** The words of a header's list, in lower case and without what they are set to. */
function wordsOf(header: string | null): Set<string> {
	const words = (header ?? "").toLowerCase().split(",");
	return new Set(words.map((word) => (word.split("=")[0] ?? "").trim()).filter(Boolean));
}

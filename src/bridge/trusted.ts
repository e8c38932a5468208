/**
 * Trusted Types: a page may demand that the address of a script is not a text but an object that a
 * policy of the page has made (`require-trusted-types-for 'script'`).
 *
 * Nothing tells whether a page demands it, short of a violation that is reported. So the library makes
 * its policy, `porthole`, wherever there are Trusted Types; a page that names its policies names this
 * one too (`trusted-types porthole`). Where the page forbids it, addresses stay texts, which is
 * right for a page that demands nothing.
 */

/** The name of the policy. */
const POLICY = "porthole";

interface Policy {
	createScriptURL(address: string): string;
}

/** What browsers have, and the types do not know yet. */
interface TrustedTypes {
	createPolicy(name: string, rules: Policy): Policy;
	isScriptURL(value: unknown): boolean;
}

function trustedTypes(): TrustedTypes | undefined {
	return (globalThis as { trustedTypes?: TrustedTypes }).trustedTypes;
}

let made: Policy | null | undefined;

function policy(): Policy | null {
	if (made !== undefined) return made;
	try {
		made = trustedTypes()?.createPolicy(POLICY, { createScriptURL: (address) => address }) ?? null;
	} catch {
		made = null;
	}
	return made;
}

/** The address as the page wants it; only for scripts that are the library's own. */
export function trusted(address: string | URL): string {
	return policy()?.createScriptURL(String(address)) ?? String(address);
}

/** Whether this is a TrustedScriptURL, which the page has made and which stays as it is. */
export function isTrusted(value: unknown): boolean {
	return trustedTypes()?.isScriptURL(value) ?? false;
}

/** Calls `make`, in which the address of each `new Worker` is made a trusted one. Bundlers know a
 *  worker by the words `new Worker(new URL(…, import.meta.url))`, between which nothing may stand. */
export function withTrustedWorkers(make: () => Worker): Worker {
	if (policy() === null) return make();
	return withWorkers((Plain, url, options) => new Plain(trusted(url), options), make);
}

/** Calls `make`, in which `new Worker` answers with what `instead` makes. */
export function withWorkers(
	instead: (Plain: typeof Worker, url: string | URL, options: WorkerOptions) => Worker,
	make: () => Worker,
): Worker {
	const Plain = globalThis.Worker;
	globalThis.Worker = new Proxy(Plain, {
		construct: (_, [url, options]) => instead(Plain, url, options),
	});
	try {
		return make();
	} finally {
		globalThis.Worker = Plain;
	}
}

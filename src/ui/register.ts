/**
 * Gives the built page its service worker, with which it works offline. Where the browser refuses one,
 * as in a private window, the page works without.
 */

/** What browsers have, and the types do not know yet. */
interface TrustedTypes {
	createPolicy(
		name: string,
		rules: { createScriptURL(address: string): string },
	): { createScriptURL(address: string): string };
}

async function register(address: string): Promise<void> {
	const { trustedTypes } = globalThis as { trustedTypes?: TrustedTypes };
	const rules = { createScriptURL: (text: string) => text };
	// A page may demand that addresses of scripts come from a policy.
	const policy = trustedTypes?.createPolicy("porthole-playground", rules);
	const trusted = policy?.createScriptURL(address) ?? address;
	await navigator.serviceWorker?.register(trusted, { type: "module" });
}

register("service-worker.js").catch(() => {});

export {};

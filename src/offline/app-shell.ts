/**
 * The page itself, for visits without a network: a list of addresses, kept when the service worker is
 * installed. They are asked of the network first, so a page that is online is never an old one.
 *
 * Each list has a Cache of its own, and the worker that brought the list reads no other. So a page is
 * never put together from files of two builds: while a new worker waits, the old one answers from
 * what it installed.
 */
export class AppShell {
	readonly #caches: CacheStorage;
	readonly #prefix: string;
	readonly #addresses: ReadonlySet<string>;

	/** `addresses` are relative to `base`. */
	constructor(caches: CacheStorage, name: string, addresses: readonly string[], base: string) {
		this.#caches = caches;
		this.#prefix = `${name}:page:`;
		this.#addresses = new Set(addresses.map((address) => plain(new URL(address, base))));
	}

	/** Whether the request is for something of the list. A page may be asked for with any query. */
	has(request: Request): boolean {
		return this.#addresses.has(addressOf(request));
	}

	/** Errors: a rejection where one of the addresses cannot be had; then the worker is not installed. */
	async install(): Promise<void> {
		const cache = await this.#caches.open(await this.#cacheName());
		// Past the browser's cache: what is kept now may have to do for long.
		const requests = [...this.#addresses].map((url) => new Request(url, { cache: "reload" }));
		await cache.addAll(requests);
	}

	/** Forgets what earlier workers installed. */
	async activate(): Promise<void> {
		const current = await this.#cacheName();
		for (const name of await this.#caches.keys()) {
			if (name.startsWith(this.#prefix) && name !== current) await this.#caches.delete(name);
		}
	}

	async respond(
		request: Request,
		fetch: (request: Request) => Promise<Response>,
	): Promise<Response> {
		try {
			return await fetch(request);
		} catch (error) {
			const cache = await this.#caches.open(await this.#cacheName());
			const kept = await cache.match(addressOf(request), { ignoreVary: true });
			if (kept === undefined) throw error;
			// A navigation does not accept an answer that was redirected.
			return kept.redirected ? new Response(kept.body, kept) : kept;
		}
	}

	async #cacheName(): Promise<string> {
		const list = new TextEncoder().encode([...this.#addresses].sort().join("\n"));
		const hash = new Uint8Array(await crypto.subtle.digest("SHA-256", list));
		return this.#prefix + Array.from(hash.subarray(0, 8), (byte) => byte.toString(16)).join("-");
	}
}

function addressOf(request: Request): string {
	const url = new URL(request.url);
	if (request.mode === "navigate") url.search = "";
	return plain(url);
}

function plain(url: URL): string {
	url.hash = "";
	return url.href;
}

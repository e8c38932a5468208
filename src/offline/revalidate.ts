/**
 * What is done for a package while no request waits: look whether the server has a newer version, and fetch
 * what is missing of the newest. It begins when a package has not been asked for for two seconds, so
 * that a program that is starting has the network to itself.
 *
 * A worker may be ended in the midst of it. What was kept by then stays, and the next request for the
 * package takes the work up again.
 */
import { parseContentRange, toBlocks } from "./byte-ranges.ts";
import { keeping, keepingAll, type Server } from "./network.ts";
import type { CachedPackage, PackageCache } from "./packages.ts";
import { drain } from "./streams.ts";
import { identify, known, same, type Version } from "./version.ts";

const QUIET = 2_000;
const MINUTE = 60_000;
/** How often the server is asked whether it has a newer version. */
const CHECK = 5 * MINUTE;
/** The same where it cannot say, so that only fetching all of it would tell. */
const CHECK_BLINDLY = 24 * 60 * MINUTE;
/** After a failure nothing is tried for so long. */
const PAUSE = MINUTE / 2;

export class Revalidator {
	readonly #cache: PackageCache;
	/** When a package was asked for, or its last answer ended. */
	readonly #asked = new Map<string, number>();
	/** How many answers are under way. */
	readonly #answers = new Map<string, number>();
	readonly #working = new Map<string, Promise<void>>();
	readonly #pauses = new Map<string, number>();

	constructor(cache: PackageCache) {
		this.#cache = cache;
	}

	/** A package was asked for. Resolves when there is nothing more to do for it now. */
	attend(pkg: CachedPackage, server: Server): Promise<void> {
		const now = this.#cache.browser.now();
		this.#asked.set(pkg.url, now);
		let working = this.#working.get(pkg.url);
		if (working === undefined && now >= (this.#pauses.get(pkg.url) ?? 0)) {
			working = this.#work(pkg, server).finally(() => this.#working.delete(pkg.url));
			this.#working.set(pkg.url, working);
		}
		return working ?? Promise.resolve();
	}

	async #work(pkg: CachedPackage, server: Server): Promise<void> {
		if (!this.#isNeeded(pkg)) return;
		await this.#quiet(pkg.url);
		try {
			if (this.#isStale(pkg)) await this.#check(pkg, server);
			await this.#complete(pkg, server);
		} catch {
			// The network is gone, or the disk is full. What is kept is as good as before.
			this.#pauses.set(pkg.url, this.#cache.browser.now() + PAUSE);
		}
	}

	/** An answer has begun; the result is to be called when it has ended. */
	answering({ url }: CachedPackage): () => void {
		this.#answers.set(url, (this.#answers.get(url) ?? 0) + 1);
		return () => {
			this.#answers.set(url, (this.#answers.get(url) ?? 1) - 1);
			this.#asked.set(url, this.#cache.browser.now());
		};
	}

	async #quiet(url: string): Promise<void> {
		for (;;) {
			const rest = QUIET - (this.#cache.browser.now() - (this.#asked.get(url) ?? 0));
			const busy = (this.#answers.get(url) ?? 0) > 0;
			if (rest <= 0 && !busy) return;
			await this.#cache.browser.wait(busy ? QUIET : rest);
		}
	}

	#isNeeded(pkg: CachedPackage): boolean {
		return this.#isStale(pkg) || pkg.versions.at(-1)?.complete === false;
	}

	#isStale(pkg: CachedPackage): boolean {
		const newest = pkg.versions.at(-1);
		const every = newest !== undefined && !known(newest.record) ? CHECK_BLINDLY : CHECK;
		return this.#cache.browser.now() - pkg.checked >= every;
	}

	/** Asks the server for its version, and makes room for it in the record if it is a new one. */
	async #check(pkg: CachedPackage, server: Server): Promise<void> {
		const newest = pkg.versions.at(-1);
		const blind = newest === undefined || !known(newest.record);
		const response = await server.ask(blind ? null : "bytes=0-0");
		const varied = server.varied(response);
		if (server.isClosed(response)) {
			await response.body?.cancel();
			await this.#cache.forget(pkg);
			return;
		}
		const range = parseContentRange(response.headers.get("content-range"));
		const size = range?.size ?? newest?.size ?? 0;
		const identity = identify(response, size);
		const old = !blind && same(identity, newest.record);
		if (varied !== null && response.status === 200 && !old) {
			await drain(keepingAll(this.#cache, pkg, response, varied));
		} else {
			await response.body?.cancel();
			const newer = response.status === 206 && range !== null && !old && known(identity);
			if (varied !== null && newer) {
				await this.#cache.version(pkg, identity, newest?.record.type ?? "", varied);
			}
		}
		await this.#cache.checked(pkg);
	}

	async #complete(pkg: CachedPackage, server: Server): Promise<void> {
		if (this.#cache.browser.sparing()) return;
		for (let changes = 0; changes < 3; changes++) {
			const newest = pkg.versions.at(-1);
			if (newest === undefined) return;
			if (!(await this.#cache.fits(newest.size))) {
				// The new version will never be there as a whole, and the old one is no longer right.
				await this.#cache.only(pkg, newest);
				return;
			}
			if (await this.#fill(pkg, newest, server)) return;
			await this.#check(pkg, server);
		}
	}

	/** Fetches what is missing. False if the server no longer has this version. */
	async #fill(pkg: CachedPackage, version: Version, server: Server): Promise<boolean> {
		const all = { start: 0, end: version.size };
		for (;;) {
			const gap = version.gaps(all)[0];
			if (gap === undefined || !pkg.versions.includes(version)) return true;
			const range = toBlocks(gap, version.size);
			const response = await server.askRange(range);
			if (!server.isPartOf(response, version, range)) {
				await response.body?.cancel();
				return !response.ok;
			}
			await drain(keeping(this.#cache, version, response, range));
			if (version.gaps(range).length > 0) return true;
		}
	}
}

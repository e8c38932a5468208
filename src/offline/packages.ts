/**
 * All packages that are kept: one record for each address in a Cache that is the index, and one Cache
 * for each version of it.
 *
 *     porthole:index      https://…/python.webc → { used, checked, versions: [{ id: "x7", … }] }
 *     porthole:part:x7    the parts of that version
 *
 * The record decides. To add a version, replace one or forget a package is one write of one record;
 * a Cache that no record names was left by a worker that died, and is deleted by the next. So old
 * parts and new ones are never mixed.
 *
 * A replaced version stays for an hour after its last use: programs that were started from it still
 * read it, and say so by its id.
 */
import { type Browser, warn } from "./browser.ts";
import { type ByteRange, length } from "./byte-ranges.ts";
import { type Evictable, evictions, inEvictionOrder } from "./eviction.ts";
import type { Varied } from "./personal.ts";
import { type Identity, same, Version, type VersionRecord } from "./version.ts";

/** How long a replaced version is kept for programs that still use it. */
const LINGER = 60 * 60 * 1000;
/** How often it is written down that a package was used. */
const USED = 60 * 1000;
/** After the disk was full, nothing is written for so long. */
const FULL = 60 * 1000;
const MIB = 1024 * 1024;
const DEFAULT_LIMIT = 512 * MIB;
/** Of what the origin may store, packages take this much unless told otherwise. */
const SHARE = 0.5;

interface PackageRecord {
	readonly used: number;
	readonly checked: number;
	readonly versions: readonly VersionRecord[];
}

interface Holding extends Evictable {
	readonly pkg: CachedPackage;
	readonly version: Version;
}

/** A package: an address, and what was seen there, the newest last. */
export interface CachedPackage {
	readonly url: string;
	versions: Version[];
	used: number;
	/** When it was last compared with what the server has. */
	checked: number;
}

export class PackageCache {
	readonly browser: Browser;
	readonly #name: string;
	readonly #packages = new Map<string, CachedPackage>();
	readonly #limit: number | undefined;
	#index: Promise<Cache> | null = null;
	#fullUntil = Number.NEGATIVE_INFINITY;

	constructor(browser: Browser, name: string, limit: number | undefined) {
		this.browser = browser;
		this.#name = name;
		this.#limit = limit;
	}

	async package(url: string): Promise<CachedPackage> {
		await this.#open();
		let found = this.#packages.get(url);
		if (found === undefined) {
			found = { url, versions: [], used: this.browser.now(), checked: 0 };
			this.#packages.set(url, found);
		}
		return found;
	}

	/** The version that a program is started from: the newest that is whole, else the newest. */
	current(pkg: CachedPackage): Version | undefined {
		return pkg.versions.findLast(({ complete }) => complete) ?? pkg.versions.at(-1);
	}

	/** Writes down that a version is in use, and forgets versions that no program uses any more. */
	async used(pkg: CachedPackage, version: Version): Promise<void> {
		const now = this.browser.now();
		const stale = now - pkg.used > USED || now - version.record.used > USED;
		pkg.used = now;
		version.record.used = now;
		const past = pkg.versions.filter((one) => this.#isPast(pkg, one));
		const gone = past.filter(({ record }) => now - record.used > LINGER);
		if (gone.length > 0) await this.#forget(pkg, gone);
		else if (stale) await this.#save(pkg);
	}

	async checked(pkg: CachedPackage): Promise<void> {
		pkg.checked = this.browser.now();
		if (pkg.versions.length > 0) await this.#save(pkg);
	}

	/** The version with this identity, new and empty if it was not known. */
	async version(
		pkg: CachedPackage,
		identity: Identity,
		type: string,
		varied: Varied,
	): Promise<Version> {
		const found = pkg.versions.findLast(({ record }) => same(record, identity));
		if (found !== undefined) return found;
		const version = await this.draft(identity, type, varied);
		await this.add(pkg, version);
		return version;
	}

	/** A version that no record names yet: a worker that dies leaves nothing of it. */
	async draft(identity: Identity, type: string, varied: Varied): Promise<Version> {
		const id = crypto.randomUUID();
		const record = { ...identity, id, type, varied, used: this.browser.now() };
		return Version.open(record, await this.browser.caches.open(this.#cacheOf(record.id)));
	}

	async add(pkg: CachedPackage, version: Version): Promise<void> {
		// What is there in part can no longer be completed: the server has only the newest.
		const gone = pkg.versions.filter((one) => !one.complete);
		pkg.versions.push(version);
		pkg.checked = this.browser.now();
		await this.#forget(pkg, gone);
	}

	async discard(version: Version): Promise<void> {
		await this.browser.caches.delete(this.#cacheOf(version.record.id));
	}

	/** Forgets all versions of a package but one. */
	async only(pkg: CachedPackage, version: Version): Promise<void> {
		const gone = pkg.versions.filter((one) => one !== version);
		if (gone.length > 0) await this.#forget(pkg, gone);
	}

	/** Forgets a package of which nothing is to be kept, which the server is not asked again for a while. */
	async forget(pkg: CachedPackage): Promise<void> {
		pkg.checked = this.browser.now();
		if (pkg.versions.length > 0) await this.#forget(pkg, pkg.versions);
	}

	/** Whether a file of this size is to be kept as a whole. */
	async fits(size: number): Promise<boolean> {
		return size <= (await this.limit());
	}

	async limit(): Promise<number> {
		if (this.#limit !== undefined) return this.#limit;
		return Math.min(DEFAULT_LIMIT, SHARE * (await this.browser.quota()));
	}

	/** Keeps bytes of a version, if there is room or can be made. */
	async store(version: Version, start: number, bytes: Uint8Array<ArrayBuffer>): Promise<boolean> {
		const range = { start, end: start + bytes.length };
		if (version.gaps(range).length === 0) return true;
		return this.#keep(version, bytes.length, () => version.store(start, bytes));
	}

	/** Keeps a whole program, if there is room or can be made. */
	async storeAtom(
		version: Version,
		range: ByteRange,
		body: ReadableStream<Uint8Array>,
		sha256: string,
	): Promise<boolean> {
		try {
			return await this.#keep(version, length(range), () => version.storeAtom(range, body, sha256));
		} finally {
			if (!body.locked) await body.cancel();
		}
	}

	async #keep(version: Version, bytes: number, write: () => Promise<void>): Promise<boolean> {
		if (this.browser.now() < this.#fullUntil) return false;
		const limit = await this.limit();
		const gone = evictions(this.#others(version), version.bytes + bytes, limit);
		if (gone === null) return false;
		for (const { pkg, version } of gone) await this.#forget(pkg, [version]);
		for (;;) {
			try {
				await write();
				return true;
			} catch (error) {
				if (!(error instanceof DOMException && error.name === "QuotaExceededError")) throw error;
			}
			const first = inEvictionOrder(this.#others(version))[0];
			if (first === undefined) break;
			await this.#forget(first.pkg, [first.version]);
		}
		this.#fullUntil = this.browser.now() + FULL;
		return false;
	}

	/** Everything that is kept but this version. */
	#others(version: Version): Holding[] {
		const all = [...this.#packages.values()].flatMap((pkg) =>
			pkg.versions.map((one) => ({
				pkg,
				version: one,
				bytes: one.bytes,
				used: one.record.used,
				past: this.#isPast(pkg, one),
			})),
		);
		return all.filter((one) => one.version !== version);
	}

	#isPast(pkg: CachedPackage, version: Version): boolean {
		return version !== this.current(pkg) && version !== pkg.versions.at(-1);
	}

	async #forget(pkg: CachedPackage, gone: readonly Version[]): Promise<void> {
		pkg.versions = pkg.versions.filter((version) => !gone.includes(version));
		await this.#save(pkg);
		for (const version of gone) await this.discard(version);
	}

	/** Writes the record. Where the disk is full the one before stays: at worst it names a version that
	 *  is gone, and is found empty, or does not name one, and that is deleted by the next worker. */
	async #save({ url, used, checked, versions }: CachedPackage): Promise<void> {
		const index = await this.#open();
		const record: PackageRecord = { used, checked, versions: versions.map(({ record }) => record) };
		if (versions.length === 0) await index.delete(url);
		else await index.put(url, new Response(JSON.stringify(record))).catch(warn);
	}

	#open(): Promise<Cache> {
		this.#index ??= this.#load();
		return this.#index;
	}

	async #load(): Promise<Cache> {
		const index = await this.browser.caches.open(`${this.#name}:index`);
		const wanted = new Set<string>();
		for (const { url } of await index.keys()) {
			const record = parseRecord(await (await index.match(url))?.text());
			if (record === null) {
				await index.delete(url);
				continue;
			}
			const versions: Version[] = [];
			for (const one of record.versions) {
				const name = this.#cacheOf(one.id);
				wanted.add(name);
				versions.push(await Version.open(one, await this.browser.caches.open(name)));
			}
			this.#packages.set(url, { url, versions, used: record.used, checked: record.checked });
		}
		for (const name of await this.browser.caches.keys()) {
			const ours = name.startsWith(this.#cacheOf(""));
			if (ours && !wanted.has(name)) await this.browser.caches.delete(name);
		}
		return index;
	}

	#cacheOf(id: string): string {
		return `${this.#name}:part:${id}`;
	}
}

/** Null for what is no record, or was kept before answers for one person were told from others. */
function parseRecord(text: string | undefined): PackageRecord | null {
	try {
		const record: PackageRecord = JSON.parse(text ?? "");
		return record.versions.every(({ varied }) => Array.isArray(varied)) ? record : null;
	} catch {
		return null;
	}
}

/**
 * Any store, seen as a file system through a cache.
 *
 * The tree is listed a directory at a time and files are read in blocks, both when somebody first
 * needs them: that call opens a ticket and is PENDING. From then on the cache is the truth. A change
 * is made in the cache, asked of the store behind the guest's back, and the guest goes on; `sync` is
 * PENDING until the store has answered.
 *
 * What goes to the store goes through one queue (write-queue.ts), in the order in which it happened;
 * what follows while a change is underway is gathered. A change that the store refuses stays in the
 * cache: the next `sync` of the node, or of all, reports it, once, and the one after that tries again.
 *
 * A store that knows neither symlinks nor hard links makes them EPERM, as on Linux for such a place.
 * One that knows hard links gives each file a number in its listings, by which two names are found
 * to be one node. The names of a file may lie in directories that nobody has listed yet; only when
 * an open file is about to lose the last name that is known are they looked for.
 */
import type { Done } from "../abi/errno.ts";
import type { Bridge, Far } from "../bridge/bridge.ts";
import { type FileSystem, type INode, nextDev, type SyncRequest } from "../fs/node.ts";
import type { NameRules, Store, StoreExtra, Times } from "../store/store.ts";
import type { BlockCache } from "./block-cache.ts";
import { StoreDirectory } from "./directory.ts";
import type { StoreLeaf } from "./node.ts";
import { isGone, type StoreEvents } from "./queue-step.ts";
import { type Landing, WriteQueue } from "./write-queue.ts";

export interface StoreFsOptions {
	/** The real time, in nanoseconds since 1970. */
	now?: () => bigint;
	/** Milliseconds of a clock that only goes forward. */
	clock?: () => number;
	/** Bytes of files that are kept once nobody uses them; 64 MiB unless told otherwise. */
	cache?: number;
	/** Bytes that the store may have yet to be told of before a write waits; 8 MiB. */
	underway?: number;
	/** Bytes that are read at once; 64 KiB. */
	block?: number;
	/** What this store can do beyond what all can; nothing unless told otherwise. */
	extras?: readonly StoreExtra[];
	/** Names that this store can hold. */
	names?: NameRules | undefined;
	/** Bytes of the largest file that this store can hold. */
	largest?: number | undefined;
	/** Whether others may change it unheard. */
	elsewhere?: boolean;
	/** Told of what goes on behind the guests' backs. */
	events?: StoreEvents;
}

const NO_EVENTS: StoreEvents = { refused() {}, pending() {}, nonsense() {} };

const MiB = 1024 * 1024;
const MILLISECOND = 1_000_000n;
/** The times of the root, of which no listing tells. */
const BIRTH: Times = { accessed: 1_000_000_000n, modified: 1_000_000_000n };

export class StoreFileSystem implements FileSystem {
	readonly dev: number = nextDev();
	readonly root: INode;
	readonly queue: WriteQueue;
	readonly bridge: Bridge;
	readonly now: () => bigint;
	readonly clock: () => number;
	readonly cache: number;
	readonly block: number;
	/** The account of the cached bytes. */
	used = 0;
	readonly limit: number = Number.POSITIVE_INFINITY;
	readonly extras: ReadonlySet<StoreExtra>;
	readonly names: NameRules;
	readonly largest: number;
	readonly elsewhere: boolean;
	readonly events: StoreEvents;
	/** Files and symlinks with several names, by their number in the store. */
	readonly linked = new Map<number, StoreLeaf>();
	readonly #top: StoreDirectory;
	/** Directories that others have changed something in, and how often one has been listed again. */
	readonly #stale = new Set<StoreDirectory>();
	#refreshing = false;
	/** The directory that was asked for its path last, for what is done next is near. */
	#near: StoreDirectory | null = null;
	#nearPath = "";
	listings = 0;
	/** Files with cached bytes, the one used longest ago first. */
	readonly #recent = new Set<BlockCache>();

	constructor(bridge: Bridge, store: Far<Store>, options: StoreFsOptions = {}) {
		this.bridge = bridge;
		this.now = options.now ?? (() => BigInt(Date.now()) * MILLISECOND);
		this.clock = options.clock ?? (() => performance.now());
		this.cache = options.cache ?? 64 * MiB;
		this.block = options.block ?? 65536;
		this.extras = new Set(options.extras);
		this.names = options.names ?? {};
		this.largest = options.largest ?? Number.MAX_SAFE_INTEGER;
		this.elsewhere = options.elsewhere ?? false;
		// That a method is there is what `extras` says.
		const all = store as Far<Landing>;
		const { underway = 8 * MiB, events = NO_EVENTS } = options;
		this.events = events;
		this.queue = new WriteQueue(bridge, all, this.extras, underway, events);
		this.#top = new StoreDirectory(this, null, "", null, BIRTH);
		this.root = this.#top;
	}

	/** Pass the same `request` to each call of one wait, to wait only for changes made before its first call. */
	sync(request?: SyncRequest): Done {
		return this.queue.sync(request);
	}

	/** Others have changed what is at these paths, and below. What is cached of it is looked at again,
	 *  now, so that no call of a guest has to wait. */
	changed(paths: readonly string[]): void {
		for (const path of paths) {
			this.#top.onChanged(path.split("/").filter((name) => name !== ""));
		}
	}

	/** Lists a directory again. */
	refresh(directory: StoreDirectory): void {
		this.#stale.add(directory);
		if (!this.#refreshing) this.#refresh();
	}

	#refresh(): void {
		for (const directory of this.#stale) {
			this.#stale.delete(directory);
			const ticket = directory.askAgain();
			if (ticket === null) {
				directory.onRefreshed();
				continue;
			}
			this.#refreshing = true;
			this.listings += 1;
			const asked = this.listings;
			ticket.watch(() => {
				// One that cannot be listed stays as it was: a guest that needs more of it will be told.
				if (Array.isArray(ticket.value)) directory.merge(ticket.value, asked);
				else if (isGone(ticket.error)) directory.parent?.lookAgain();
				directory.onRefreshed();
				this.#refreshing = false;
				this.#refresh();
			});
			return;
		}
	}

	/** 0 once every directory has been listed. */
	listAll(): Done {
		return this.#top.listAll();
	}

	/** What stands before the slash of a name in a directory. */
	pathTo(directory: StoreDirectory): string {
		const { parent } = directory;
		const near = this.#near;
		if (directory === near) return this.#nearPath;
		if (parent !== null && parent === near) this.#nearPath += `/${directory.name}`;
		else {
			// One text in the end: each on the way would be as long as the way.
			const names: string[] = [];
			let at = directory;
			for (; at.parent !== null; at = at.parent) names.push(at.name);
			this.#nearPath = ["", ...names.reverse()].join("/");
		}
		this.#near = directory;
		return this.#nearPath;
	}

	/** A name has moved, and what lies below it has another path. */
	moved(): void {
		this.#near = null;
	}

	/** Notes that a file is in use, and forgets others while there is too much. */
	touch(bytes: BlockCache): void {
		this.#recent.delete(bytes);
		this.#recent.add(bytes);
		if (this.used <= this.cache) return;
		for (const other of this.#recent) {
			if (this.used <= this.cache || other === bytes) return;
			if (other.forget()) this.#recent.delete(other);
		}
	}

	/** A file is no longer to be forgotten. */
	dismiss(bytes: BlockCache): void {
		this.#recent.delete(bytes);
	}
}

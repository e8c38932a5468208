/**
 * Any store, seen as a file system through a cache.
 *
 *     guest ── call ──▶ nodes, blocks (the cache) ── changes ──▶ write-queue ──▶ the store
 *                            ▲                                                      │
 *                            └────────────── listings, blocks, answers ─────────────┘
 *
 * A directory is listed, and a file is read in blocks, when a call first needs them: the call opens a ticket
 * and is PENDING. From then on the cache is the truth. A change is made in the cache, and the guest goes on;
 * the queue asks the store for it, in the order in which it happened.
 *
 * What each call promises, and where its errors come from. PENDING may be any call's answer.
 *
 *  - `lookup`, `readdir`: what the store listed, with the changes made here. Errors: the store's own for `list`;
 *    EIO where it answers with no list; EIO or EFBIG for a name that is listed with nonsense (listing.ts).
 *  - `create`, `symlink`, `link`, `remove`, `rename`: made in the cache, and sent before any later change. Errors
 *    of POSIX, found in the cache. Of this place: EPERM for links that the store does not know, as Linux
 *    answers on such a file system; ENAMETOOLONG, EINVAL for names that the store says it cannot hold (or that
 *    are not Unicode text, which no JavaScript store can keep); EXDEV for another file system. What the store
 *    refuses later comes out of `sync`.
 *  - `read`: bytes of one version of the file. Errors: the store's own; EIO where it gives less than it listed;
 *    ESTALE where others have removed or replaced the file, whatever code the store says that with, because
 *    the program holds a descriptor and no path.
 *  - `write`, `truncate`: made in the cache. Waits while more than `underway` bytes are unsent. Errors: EFBIG
 *    beyond `largest`; the store's own where refused bytes fill that space; ESTALE for a file that was replaced.
 *  - `sync` of a node: 0 once all changes of it that came before are made and durable. Errors: why one was
 *    refused, once; the next call sends it again. ESTALE, each time, where something was written to a file that
 *    others have removed: no store will ever have it.
 *  - `closed`: sends what was written, and waits for nothing. Errors: what is known by then.
 *  - `setTimes`: sent where the store has `utimes`, else kept as long as the cache.
 *
 * A store that knows hard links gives each file a number in its listings, by which two names are found to be
 * one node. Names of a file may lie in directories that were never listed; they are looked for only when an
 * open file is about to lose the last name that is known.
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
	/** Bytes of files that are kept once no program uses them; default 64 MiB. */
	cache?: number;
	/** Bytes that may be unsent before a write waits; default 8 MiB. */
	underway?: number;
	/** Bytes that are read at once; 64 KiB. */
	block?: number;
	/** Optional methods that this store has; default none. */
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

/** So many renames are remembered. */
const RENAMES = 256;
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
	/** Directories that are to be listed again once nothing is refused. */
	readonly #kept = new Set<StoreDirectory>();
	/** The last renames. What others say of a path may be older. */
	readonly #renamed: { readonly from: string; readonly to: string }[] = [];
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
		const listKept = () => this.#listKept();
		this.queue = new WriteQueue(bridge, all, this.extras, underway, events, listKept);
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
			this.#top.onChanged(namesIn(path));
			const now = this.#pathNow(path);
			if (now !== path) this.#top.onChanged(namesIn(now));
		}
	}

	/** Lists a directory again once no change of names is refused: what others have made of the names in it
	 *  that were, nothing says until then. */
	refreshLater(directory: StoreDirectory): void {
		this.#kept.add(directory);
	}

	#listKept(): void {
		if (this.#kept.size === 0) return;
		const kept = [...this.#kept];
		this.#kept.clear();
		for (const directory of kept) this.refresh(directory);
	}

	/** Where that is here which others have seen at a path before it was renamed here. */
	#pathNow(path: string): string {
		let now = path;
		for (const { from, to } of this.#renamed) {
			if (now === from || now.startsWith(`${from}/`)) now = to + now.slice(from.length);
		}
		return now;
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
			const { resent } = this.queue;
			ticket.watch(() => {
				// Names that have been sent again since may be missing in it, as they were when they were held.
				if (this.queue.resent !== resent) this.#stale.add(directory);
				// One that cannot be listed stays as it was: a guest that needs more of it will be told.
				else if (Array.isArray(ticket.value)) directory.merge(ticket.value, asked);
				else if (this.queue.isHeld(() => directory.path)) this.refreshLater(directory);
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

	/** What was at a path, and below, has another one now. */
	moved(from: string, to: string): void {
		this.#near = null;
		this.#renamed.push({ from, to });
		if (this.#renamed.length > RENAMES) this.#renamed.shift();
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

function namesIn(path: string): string[] {
	return path.split("/").filter((name) => name !== "");
}

/**
 * Any store, seen as a file system through a cache.
 *
 * The tree is listed a directory at a time and files are read in blocks, both when somebody first
 * needs them: that call opens a ticket and is PENDING. From then on the cache is the truth. A change
 * is made in the cache, asked of the store behind the guest's back, and the guest goes on; `sync` is
 * PENDING until the store has answered.
 *
 * What makes this simple is that a store answers in the order in which it is asked. A block that is
 * asked for after a write comes back with the write in it; a path is computed when a question is
 * put, and all earlier renames have happened by the time it is answered.
 *
 * Writes that follow each other are gathered into one (remote-bytes.ts). A change that the store
 * refuses stays in the cache; the next `sync` of the node, or of all, reports it, once.
 *
 * The three kinds of node stand in one file because each makes or removes the others.
 *
 * A store knows neither symlinks nor hard links: making one is EPERM, as on Linux for such a place.
 */
import { type Done, EEXIST, EINVAL, ENOENT, EPERM, type Errno, EXDEV } from "../abi/errno.ts";
import type { Bridge, Far, Ticket } from "../bridge/bridge.ts";
import type { Listing, Store } from "../bridge/store.ts";
import { Entries } from "./entries.ts";
import {
	type Entry,
	emptiness,
	type FileSystem,
	type FileType,
	type INode,
	Node,
	nextDev,
	type Stat,
	wrongReplacement,
	wrongType,
} from "./node.ts";
import { RemoteBytes } from "./remote-bytes.ts";
import { StoreQueue } from "./store-queue.ts";

export interface RemoteOptions {
	/** The real time, in nanoseconds since 1970. */
	now?: () => bigint;
	/** Bytes of files that are kept once nobody uses them; 64 MiB unless told otherwise. */
	cache?: number;
	/** Bytes that may be underway to the store before a write waits; 8 MiB. */
	underway?: number;
	/** Bytes that are read at once; 64 KiB. */
	block?: number;
}

const MiB = 1024 * 1024;
const MILLISECOND = 1_000_000n;
const SECOND = 1_000_000_000n;

export class RemoteFileSystem implements FileSystem {
	readonly dev: number = nextDev();
	readonly root: INode;
	readonly queue: StoreQueue;
	readonly bridge: Bridge;
	readonly now: () => bigint;
	readonly cache: number;
	readonly block: number;
	/** The account of the cached bytes. */
	used = 0;
	readonly limit: number = Number.POSITIVE_INFINITY;
	/** Files with cached bytes, the one used longest ago first. */
	readonly #recent = new Set<RemoteBytes>();

	constructor(bridge: Bridge, store: Far<Store>, options: RemoteOptions = {}) {
		this.bridge = bridge;
		this.now = options.now ?? (() => BigInt(Date.now()) * MILLISECOND);
		this.cache = options.cache ?? 64 * MiB;
		this.block = options.block ?? 65536;
		this.queue = new StoreQueue(bridge, store, options.underway ?? 8 * MiB);
		this.root = new RemoteDirectory(this, null, "", null, SECOND);
	}

	sync(): Done {
		return this.queue.sync();
	}

	/** Notes that a file is in use, and forgets others while there is too much. */
	touch(bytes: RemoteBytes): void {
		this.#recent.delete(bytes);
		this.#recent.add(bytes);
		if (this.used <= this.cache) return;
		for (const other of this.#recent) {
			if (this.used <= this.cache || other === bytes) return;
			if (other.forget()) this.#recent.delete(other);
		}
	}

	/** A file is no longer to be forgotten. */
	dismiss(bytes: RemoteBytes): void {
		this.#recent.delete(bytes);
	}
}

/** What files and directories share: a place in the tree, and times. */
abstract class RemoteNode extends Node {
	readonly fs: RemoteFileSystem;
	parent: RemoteDirectory | null;
	name: string;
	removed = false;
	#accessed: bigint;
	#modified: bigint;
	#changed: bigint;

	constructor(
		fs: RemoteFileSystem,
		type: FileType,
		parent: RemoteDirectory | null,
		name: string,
		modified: bigint,
	) {
		super(fs.dev, type);
		this.fs = fs;
		this.parent = parent;
		this.name = name;
		this.#accessed = modified;
		this.#modified = modified;
		this.#changed = modified;
	}

	/** Where the store has it, now. */
	get path(): string {
		if (this.parent === null) return "/";
		const above = this.parent.path;
		return above === "/" ? `/${this.name}` : `${above}/${this.name}`;
	}

	override stat(out: Stat): Done {
		out.dev = this.dev;
		out.ino = this.ino;
		out.type = this.type;
		out.size = this.size();
		out.links = this.removed ? 0 : 1;
		out.accessed = this.#accessed;
		out.modified = this.#modified;
		out.changed = this.#changed;
		return 0;
	}

	/** A store keeps no times but its own, so these last as long as the cache. */
	override setTimes(accessed: bigint | null, modified: bigint | null): Done {
		if (accessed !== null) this.#accessed = accessed;
		if (modified !== null) this.#modified = modified;
		this.#changed = this.fs.now();
		return 0;
	}

	override sync(): Done {
		return this.fs.queue.syncOf(this);
	}

	modifiedNow(): void {
		this.#modified = this.fs.now();
		this.#changed = this.#modified;
	}
}

class RemoteFile extends RemoteNode {
	readonly #bytes: RemoteBytes;
	/** Times are taken when somebody looks. */
	#marked = false;

	constructor(
		fs: RemoteFileSystem,
		parent: RemoteDirectory,
		name: string,
		modified: bigint,
		size: number,
	) {
		super(fs, "file", parent, name, modified);
		this.#bytes = new RemoteBytes(fs, this, size);
	}

	override stat(out: Stat): Done {
		this.#settle();
		return super.stat(out);
	}

	override setTimes(accessed: bigint | null, modified: bigint | null): Done {
		this.#settle();
		return super.setTimes(accessed, modified);
	}

	override read(into: Uint8Array, at: number, length: number, position: number): number {
		return this.#bytes.read(into, at, length, position);
	}

	override write(from: Uint8Array, at: number, length: number, position: number): number {
		const written = this.#bytes.write(from, at, length, position);
		if (written > 0) this.#marked = true;
		return written;
	}

	override size(): number {
		return this.#bytes.size;
	}

	override truncate(size: number): Done {
		const done = this.#bytes.truncate(size);
		if (done === 0) this.#marked = true;
		return done;
	}

	override readable(): number {
		return this.#bytes.size;
	}

	override writable(): number {
		return this.fs.queue.room();
	}

	override get changeable(): boolean {
		return true;
	}

	override sync(): Done {
		this.#settle();
		this.#bytes.flush();
		return super.sync();
	}

	override closed(): void {
		this.#settle();
		if (this.removed) this.#bytes.release();
		else this.#bytes.flush();
	}

	/** 0 once its bytes can outlive its name, if somebody has it open. */
	detachable(): Done {
		const { handles } = this.face ?? this;
		return handles > 0 ? this.#bytes.loadAll() : 0;
	}

	/** Puts to the store what is only here, before its path changes or goes. */
	flush(): void {
		this.#bytes.flush();
	}

	detach(): void {
		this.removed = true;
		this.#bytes.detach();
		if ((this.face ?? this).handles === 0) this.#bytes.release();
	}

	#settle(): void {
		if (this.#marked) this.modifiedNow();
		this.#marked = false;
	}
}

/** A store may list symlinks, but cannot tell where they lead. */
class RemoteSymlink extends RemoteNode {
	override readlink(): string | Errno {
		return ENOENT;
	}
}

class RemoteDirectory extends RemoteNode {
	/** Null until the store has listed it. */
	#entries: Entries | null;
	#listing: Ticket<Listing[]> | null = null;

	constructor(
		fs: RemoteFileSystem,
		parent: RemoteDirectory | null,
		name: string,
		entries: Entries | null,
		modified: bigint,
	) {
		super(fs, "directory", parent, name, modified);
		this.#entries = entries;
	}

	override lookup(name: string): INode | Errno {
		const entries = this.#entries ?? this.#list();
		if (typeof entries === "number") return entries;
		const node = entries.get(name);
		return node === undefined ? ENOENT : (node.face ?? node);
	}

	override create(name: string, type: "file" | "directory"): INode | Errno {
		const entries = this.#readyFor(name);
		if (typeof entries === "number") return entries;
		const now = this.fs.now();
		const node =
			type === "file"
				? new RemoteFile(this.fs, this, name, now, 0)
				: new RemoteDirectory(this.fs, this, name, new Entries(), now);
		entries.add(name, node);
		this.modifiedNow();
		this.fs.queue.make(node, node.path, type);
		return node;
	}

	override symlink(name: string, _target: string): Done {
		const entries = this.#readyFor(name);
		return typeof entries === "number" ? entries : EPERM;
	}

	override link(name: string, node: INode): Done {
		if (node.dev !== this.dev) return EXDEV;
		return this.symlink(name, "");
	}

	override remove(name: string, type: "file" | "directory"): Done {
		const entries = this.#entries ?? this.#list();
		if (typeof entries === "number") return entries;
		const node = entries.get(name);
		if (node === undefined) return ENOENT;
		const wrong =
			wrongType(node, type) ||
			(type === "directory" ? emptiness(node.face ?? node) : 0) ||
			droppable(node);
		if (wrong !== 0) return wrong;
		this.#drop(entries, name, node);
		return 0;
	}

	override rename(name: string, to: INode, newName: string): Done {
		const entries = this.#entries ?? this.#list();
		if (typeof entries === "number") return entries;
		const node = entries.get(name);
		if (node === undefined) return ENOENT;
		if (to.dev !== this.dev) return EXDEV;
		if (!(to instanceof RemoteDirectory)) {
			return to instanceof Node ? to.receive(this, name, newName) : EXDEV;
		}
		const target = to.#entries ?? to.#list();
		if (typeof target === "number") return target;
		const old = target.get(newName);
		if (old === node) return 0;
		const wrong = to.#refusesMoved(node, old);
		if (wrong !== 0) return wrong;
		this.#move(entries, name, node as RemoteNode, to, target, newName, old);
		return 0;
	}

	override readdir(cursor: number, out: Entry): number {
		const entries = this.#entries ?? this.#list();
		if (typeof entries === "number") return entries;
		const slot = entries.after(cursor);
		if (slot === undefined) return 0;
		// What is listed has its node.
		const node = slot.node as Node;
		out.name = slot.name;
		out.ino = (node.face ?? node).ino;
		out.type = node.type;
		return slot.cursor;
	}

	/** 0 once everything in it can be dropped: all that an overlay leaves behind in a directory that
	 *  looks empty. */
	clearable(): Done {
		const entries = this.#entries ?? this.#list();
		if (typeof entries === "number") return entries;
		for (const [, node] of entries) {
			const done = droppable(node);
			if (done !== 0) return done;
		}
		return 0;
	}

	/** Removes all that is in it, which `clearable` has listed. */
	clear(): void {
		const entries = this.#entries;
		if (entries === null) return;
		for (const [name, node] of [...entries]) this.#drop(entries, name, node);
	}

	#list(): Entries | Errno {
		if (this.removed) return new Entries();
		this.#listing ??= this.fs.queue.list(this.path);
		const ticket = this.#listing;
		if (!ticket.done) return this.fs.bridge.pending(ticket);
		this.#listing = null;
		if (ticket.error !== 0) return ticket.error;
		const entries = new Entries();
		for (const listing of ticket.value ?? []) this.#enter(entries, listing);
		this.#entries = entries;
		return entries;
	}

	#enter(entries: Entries, listing: Listing): void {
		const { name, type } = listing;
		if (!isName(name) || entries.has(name)) return;
		const modified = nanoseconds(listing.modified);
		if (type === "directory") {
			entries.add(name, new RemoteDirectory(this.fs, this, name, null, modified));
		} else if (type === "file") {
			entries.add(name, new RemoteFile(this.fs, this, name, modified, bytes(listing.size)));
		} else {
			entries.add(name, new RemoteSymlink(this.fs, "symlink", this, name, modified));
		}
	}

	#readyFor(name: string): Entries | Errno {
		const entries = this.#entries ?? this.#list();
		if (typeof entries === "number") return entries;
		if (entries.has(name)) return EEXIST;
		return this.removed ? ENOENT : entries;
	}

	#refusesMoved(node: Node, old: Node | undefined): Done {
		if (node.type === "directory" && this.#isWithin(node)) return EINVAL;
		if (old === undefined) return this.removed ? ENOENT : 0;
		return wrongReplacement(node, old.face ?? old) || droppable(old);
	}

	#isWithin(node: INode): boolean {
		for (let at: RemoteDirectory | null = this; at !== null; at = at.parent) {
			if (at === node) return true;
		}
		return false;
	}

	#drop(entries: Entries, name: string, node: Node): void {
		this.#leave(node);
		const { path } = node as RemoteNode;
		entries.delete(name);
		this.modifiedNow();
		this.fs.queue.remove(this, path);
	}

	/** What has to happen to a node before its name goes. */
	#leave(node: Node): void {
		if (node instanceof RemoteFile) node.detach();
		if (node instanceof RemoteDirectory) {
			node.clear();
			node.removed = true;
		}
	}

	#move(
		entries: Entries,
		name: string,
		node: RemoteNode,
		to: RemoteDirectory,
		target: Entries,
		newName: string,
		old: Node | undefined,
	): void {
		if (node instanceof RemoteFile) node.flush();
		if (old !== undefined) {
			this.#leave(old);
			target.delete(newName);
		}
		const from = node.path;
		if (to === this) entries.relabel(name, newName);
		else {
			entries.delete(name);
			target.add(newName, node);
		}
		node.parent = to;
		node.name = newName;
		this.modifiedNow();
		to.modifiedNow();
		if (node.type === "directory") node.modifiedNow();
		this.fs.queue.rename(node, from, node.path);
	}
}

/** 0 once a node can lose its name without losing what somebody still needs. */
function droppable(node: Node): Done {
	if (node instanceof RemoteFile) return node.detachable();
	return node instanceof RemoteDirectory ? node.clearable() : 0;
}

/** Whether a store may call an entry so. */
function isName(name: unknown): name is string {
	if (typeof name !== "string" || name === "" || name === "." || name === "..") return false;
	return !name.includes("/") && !name.includes("\0");
}

function nanoseconds(milliseconds: number): bigint {
	if (!Number.isFinite(milliseconds) || milliseconds < 1000) return SECOND;
	return BigInt(Math.floor(milliseconds)) * MILLISECOND;
}

function bytes(size: number): number {
	return Number.isSafeInteger(size) && size > 0 ? size : 0;
}

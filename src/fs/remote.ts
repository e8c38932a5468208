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
 * The kinds of node stand in one file because each makes or removes the others.
 *
 * A store that knows neither symlinks nor hard links makes them EPERM, as on Linux for such a place.
 * One that knows hard links gives each file a number in its listings, by which two names are found
 * to be one node. The names of a file may lie in directories that nobody has listed yet; only when
 * an open file is about to lose the last name that is known are they looked for.
 */
import {
	type Done,
	EEXIST,
	EINVAL,
	ENOENT,
	EPERM,
	type Errno,
	EXDEV,
	PENDING,
} from "../abi/errno.ts";
import type { Bridge, Far, Ticket } from "../bridge/bridge.ts";
import type { LinkingStore, Listing, Store, StoreExtra, Times } from "../bridge/store.ts";
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
import { utf8Length } from "./walk.ts";

export interface RemoteOptions {
	/** The real time, in nanoseconds since 1970. */
	now?: () => bigint;
	/** Bytes of files that are kept once nobody uses them; 64 MiB unless told otherwise. */
	cache?: number;
	/** Bytes that may be underway to the store before a write waits; 8 MiB. */
	underway?: number;
	/** Bytes that are read at once; 64 KiB. */
	block?: number;
	/** What this store can do beyond what all can; nothing unless told otherwise. */
	extras?: readonly StoreExtra[];
}

const MiB = 1024 * 1024;
const MILLISECOND = 1_000_000n;
/** What a time must be below: 64 bits. */
const MOST = 1n << 64n;
/** The times of the root, of which no listing tells. */
const BIRTH: Times = { accessed: 1_000_000_000n, modified: 1_000_000_000n };

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
	readonly extras: ReadonlySet<StoreExtra>;
	/** Files and symlinks with several names, by their number in the store. */
	readonly linked = new Map<number, RemoteLeaf>();
	readonly #top: RemoteDirectory;
	/** Files with cached bytes, the one used longest ago first. */
	readonly #recent = new Set<RemoteBytes>();

	constructor(bridge: Bridge, store: Far<Store>, options: RemoteOptions = {}) {
		this.bridge = bridge;
		this.now = options.now ?? (() => BigInt(Date.now()) * MILLISECOND);
		this.cache = options.cache ?? 64 * MiB;
		this.block = options.block ?? 65536;
		this.extras = new Set(options.extras);
		// That a method is there is what `extras` says.
		const all = store as Far<LinkingStore>;
		this.queue = new StoreQueue(bridge, all, options.underway ?? 8 * MiB);
		this.#top = new RemoteDirectory(this, null, "", null, BIRTH);
		this.root = this.#top;
	}

	sync(): Done {
		return this.queue.sync();
	}

	/** 0 once every directory has been listed. */
	listAll(): Done {
		return this.#top.listAll();
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

/** A directory that has a node under a name. */
interface Name {
	readonly parent: RemoteDirectory;
	readonly name: string;
}

/** What all kinds share: names in the tree, and times. */
abstract class RemoteNode extends Node {
	readonly fs: RemoteFileSystem;
	/** The first of its names; null for the root, and where none is known. */
	parent: RemoteDirectory | null;
	name: string;
	links = 1;
	#others: readonly Name[] = [];
	#accessed: bigint;
	#modified: bigint;
	#changed: bigint;

	constructor(
		fs: RemoteFileSystem,
		type: FileType,
		parent: RemoteDirectory | null,
		name: string,
		times: Times,
	) {
		super(fs.dev, type);
		this.fs = fs;
		this.parent = parent;
		this.name = name;
		this.#accessed = times.accessed;
		this.#modified = times.modified;
		this.#changed = times.modified;
	}

	/** Where the store has it, now. */
	get path(): string {
		return this.parent === null ? "/" : this.parent.pathOf(this.name);
	}

	/** It is in the tree no more. */
	get removed(): boolean {
		return this.links === 0;
	}

	/** How many of its names are known. */
	get known(): number {
		return this.parent === null ? 0 : 1 + this.#others.length;
	}

	/** Takes note of a name. */
	addName(parent: RemoteDirectory, name: string): void {
		if (this.parent !== null) this.#others = [...this.#others, { parent, name }];
		else {
			this.parent = parent;
			this.name = name;
		}
	}

	/** Forgets a name. */
	deleteName(parent: RemoteDirectory, name: string): void {
		const names = [{ parent: this.parent, name: this.name }, ...this.#others];
		const left = names.filter((one) => one.parent !== parent || one.name !== name) as Name[];
		this.parent = left[0]?.parent ?? null;
		this.name = left[0]?.name ?? "";
		this.#others = left.slice(1);
	}

	override stat(out: Stat): Done {
		out.dev = this.dev;
		out.ino = this.ino;
		out.type = this.type;
		out.size = this.size();
		out.links = this.links;
		out.accessed = this.#accessed;
		out.modified = this.#modified;
		out.changed = this.#changed;
		return 0;
	}

	/** Where the store cannot set times, these last as long as the cache. */
	override setTimes(accessed: bigint | null, modified: bigint | null): Done {
		if (accessed !== null) this.#accessed = accessed;
		if (modified !== null) this.#modified = modified;
		this.changedNow();
		if (this.fs.extras.has("utimes") && !this.removed) {
			this.fs.queue.utimes(this, this.path, this.#accessed, this.#modified);
		}
		return 0;
	}

	override sync(): Done {
		return this.fs.queue.syncOf(this);
	}

	modifiedNow(): void {
		this.changedNow();
		this.#modified = this.#changed;
	}

	/** What is known about it has changed: its links, its name. */
	changedNow(): void {
		this.#changed = this.fs.now();
	}
}

/** What can have several names. */
abstract class RemoteLeaf extends RemoteNode {
	/** The store's number, where that has said that there are several names. */
	file: number | undefined = undefined;

	/** 0 once a name can go: whoever has an open file will still reach it. */
	detachable(): Done {
		if (!this.isOpen || this.known > 1) return 0;
		const listed = this.links > 1 ? this.fs.listAll() : 0;
		return listed !== 0 || this.known > 1 ? listed : this.keep();
	}

	/** One name goes. */
	unlinked(parent: RemoteDirectory, name: string): void {
		this.deleteName(parent, name);
		this.links -= 1;
		this.changedNow();
		// A store that promises more names than it has.
		if (this.parent === null && this.isOpen) this.links = 0;
		if (this.links > 0) return;
		if (this.file !== undefined) this.fs.linked.delete(this.file);
		this.detach();
	}

	/** Puts to the store what is only here. */
	flush(): void {}

	protected get isOpen(): boolean {
		return (this.face ?? this).handles > 0;
	}

	/** 0 once it can do without the store. */
	protected keep(): Done {
		return 0;
	}

	/** The last name has gone. */
	protected detach(): void {}
}

class RemoteFile extends RemoteLeaf {
	readonly #bytes: RemoteBytes;
	/** Times are taken when somebody looks. */
	#marked = false;

	constructor(
		fs: RemoteFileSystem,
		parent: RemoteDirectory,
		name: string,
		times: Times,
		size: number,
	) {
		super(fs, "file", parent, name, times);
		this.#bytes = new RemoteBytes(fs, this, size);
	}

	override stat(out: Stat): Done {
		this.#settle();
		return super.stat(out);
	}

	override setTimes(accessed: bigint | null, modified: bigint | null): Done {
		this.#settle();
		// The store would take a later write for the last change.
		this.flush();
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

	override flush(): void {
		this.#bytes.flush();
	}

	protected override keep(): Done {
		return this.#bytes.loadAll();
	}

	protected override detach(): void {
		this.#bytes.detach();
		if (!this.isOpen) this.#bytes.release();
	}

	#settle(): void {
		if (this.#marked) this.modifiedNow();
		this.#marked = false;
	}
}

class RemoteSymlink extends RemoteLeaf {
	/** Null where the store cannot tell. */
	readonly #target: string | null;

	constructor(
		fs: RemoteFileSystem,
		parent: RemoteDirectory,
		name: string,
		times: Times,
		target: string | null,
	) {
		super(fs, "symlink", parent, name, times);
		this.#target = target;
	}

	override size(): number {
		const target = this.#target ?? "";
		return utf8Length(target, 0, target.length);
	}

	override readlink(): string | Errno {
		return this.#target ?? ENOENT;
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
		times: Times,
	) {
		super(fs, "directory", parent, name, times);
		this.#entries = entries;
	}

	/** Where the store has a child. */
	pathOf(name: string): string {
		const { path } = this;
		return path === "/" ? `/${name}` : `${path}/${name}`;
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
		const times = this.#now();
		const node =
			type === "file"
				? new RemoteFile(this.fs, this, name, times, 0)
				: new RemoteDirectory(this.fs, this, name, new Entries(), times);
		entries.add(name, node);
		this.modifiedNow();
		this.fs.queue.make(node, node.path, type);
		return node;
	}

	override symlink(name: string, target: string): Done {
		const entries = this.#readyFor(name);
		if (typeof entries === "number") return entries;
		if (!this.fs.extras.has("symlink")) return EPERM;
		const node = new RemoteSymlink(this.fs, this, name, this.#now(), target);
		entries.add(name, node);
		this.modifiedNow();
		this.fs.queue.symlink(node, node.path, target);
		return 0;
	}

	override link(name: string, node: INode): Done {
		if (node.type === "directory") return EPERM;
		if (!(node instanceof Node) || node.dev !== this.dev) return EXDEV;
		const entries = this.#readyFor(name);
		if (typeof entries === "number") return entries;
		const bare = node.bare();
		if (typeof bare === "number") return bare;
		if (!(bare instanceof RemoteLeaf) || bare.fs !== this.fs) return EXDEV;
		if (!this.fs.extras.has("link")) return EPERM;
		if (bare.parent === null) return ENOENT;
		this.fs.queue.link(bare, bare.path, this.pathOf(name));
		bare.addName(this, name);
		bare.links += 1;
		bare.changedNow();
		entries.add(name, bare);
		this.modifiedNow();
		return 0;
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

	/** 0 once it and all directories in it have been listed, but for those that cannot be. */
	listAll(): Done {
		const entries = this.#entries ?? this.#list();
		if (typeof entries === "number") return entries === PENDING ? entries : 0;
		let done: Done = 0;
		for (const [, node] of entries) {
			if (node instanceof RemoteDirectory && node.listAll() !== 0) done = PENDING;
		}
		return done;
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
		const { name } = listing;
		if (!isName(name) || entries.has(name)) return;
		const known = this.#sameFile(listing);
		if (known === undefined) {
			const node = this.#listed(name, listing);
			this.#noteLinks(node, listing);
			entries.add(name, node);
			return;
		}
		known.addName(this, name);
		known.links = Math.max(known.links, known.known);
		entries.add(name, known);
	}

	#listed(name: string, listing: Listing): RemoteNode {
		const { fs } = this;
		const times = timesOf(listing);
		if (listing.type === "directory") return new RemoteDirectory(fs, this, name, null, times);
		if (listing.type === "file") return new RemoteFile(fs, this, name, times, bytes(listing.size));
		const target = typeof listing.target === "string" ? listing.target : null;
		return new RemoteSymlink(fs, this, name, times, target);
	}

	/** The node that another name of the same file has. */
	#sameFile({ file, type }: Listing): RemoteLeaf | undefined {
		const known = file === undefined ? undefined : this.fs.linked.get(file);
		return known?.type === type ? known : undefined;
	}

	#noteLinks(node: RemoteNode, { file, links }: Listing): void {
		if (!(node instanceof RemoteLeaf) || typeof file !== "number") return;
		if (links === undefined || !Number.isSafeInteger(links) || links < 2) return;
		node.links = links;
		node.file = file;
		this.fs.linked.set(file, node);
	}

	#now(): Times {
		const now = this.fs.now();
		return { accessed: now, modified: now };
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
		const path = this.pathOf(name);
		this.#leave(name, node);
		entries.delete(name);
		this.modifiedNow();
		this.fs.queue.remove(this, path);
	}

	/** What has to happen to a node before its name here goes. */
	#leave(name: string, node: Node): void {
		if (node instanceof RemoteLeaf) {
			if (node.links > 1) node.flush();
			node.unlinked(this, name);
		}
		if (node instanceof RemoteDirectory) {
			node.clear();
			node.links = 0;
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
		if (node instanceof RemoteLeaf) node.flush();
		if (old !== undefined) {
			to.#leave(newName, old);
			target.delete(newName);
		}
		const from = this.pathOf(name);
		if (to === this) entries.relabel(name, newName);
		else {
			entries.delete(name);
			target.add(newName, node);
		}
		node.deleteName(this, name);
		node.addName(to, newName);
		this.modifiedNow();
		to.modifiedNow();
		if (node.type === "directory") node.modifiedNow();
		else node.changedNow();
		this.fs.queue.rename(node, from, to.pathOf(newName));
	}
}

/** 0 once a node can lose its name without losing what somebody still needs. */
function droppable(node: Node): Done {
	if (node instanceof RemoteLeaf) return node.detachable();
	return node instanceof RemoteDirectory ? node.clearable() : 0;
}

/** Whether a store may call an entry so. */
function isName(name: unknown): name is string {
	if (typeof name !== "string" || name === "" || name === "." || name === "..") return false;
	return !name.includes("/") && !name.includes("\0");
}

/** What a listing says of times, as far as it makes sense. */
function timesOf({ modified, times }: Listing): Times {
	const whole = Number.isFinite(modified) && modified >= 1000 ? Math.floor(modified) : 1000;
	const rough = BigInt(whole) * MILLISECOND;
	return { accessed: time(times?.accessed) ?? rough, modified: time(times?.modified) ?? rough };
}

function time(value: unknown): bigint | undefined {
	return typeof value === "bigint" && value >= 0n && value < MOST ? value : undefined;
}

function bytes(size: number): number {
	return Number.isSafeInteger(size) && size > 0 ? size : 0;
}

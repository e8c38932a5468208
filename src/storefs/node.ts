/**
 * The nodes of a store's file system, but for directories: names in the tree, times, contents.
 *
 * A node keeps what the store has yet to be told of it: a file its bytes, each its times. The queue
 * asks for that when its turn comes (`take`) and says what became of it (`answered`). One file, because
 * the kinds are steps of one class.
 */
import { type Done, ENOENT, type Errno, ESTALE, PENDING } from "../abi/errno.ts";
import { type FileType, Node, type Stat, type SyncRequest } from "../fs/node.ts";
import { utf8Length } from "../fs/walk.ts";
import type { FileId, Listing, StoreChange, Times } from "../store/store.ts";
import { BlockCache } from "./block-cache.ts";
import type { StoreDirectory } from "./directory.ts";
import { checked } from "./listing.ts";
import type { StoreFileSystem } from "./store-fs.ts";
import { isGone, type Listed, type QueuedNode } from "./write-queue.ts";

/** A directory that has a node under a name. */
interface Name {
	readonly parent: StoreDirectory;
	readonly name: string;
}

const ALONE: readonly Name[] = [];
/** How often in a row a file is looked at again before a read of it fails. */
const MOST_STALE = 8;

/** What all kinds share: names in the tree, and times. */
export abstract class StoreNode extends Node implements QueuedNode {
	readonly fs: StoreFileSystem;
	/** The first of its names; null for the root, and where none is known. */
	parent: StoreDirectory | null;
	name: string;
	/** Which file of the store it is, where that has told. */
	id: FileId | undefined = undefined;
	links = 1;
	/** Why no call gets it: the store has listed it with something that makes no sense. */
	fault: Done = 0;
	#others: readonly Name[] = ALONE;
	#accessed: bigint;
	#modified: bigint;
	#changed: bigint;
	/** What has become of times that were set. */
	#times: "sent" | "unsent" | "refused" = "sent";
	/** Callers of `sync` who do not say who they are. */
	#syncing: SyncRequest | null = null;

	constructor(
		fs: StoreFileSystem,
		type: FileType,
		parent: StoreDirectory | null,
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
	addName(parent: StoreDirectory, name: string): void {
		if (this.parent !== null) this.#others = [...this.#others, { parent, name }];
		else {
			this.parent = parent;
			this.name = name;
		}
	}

	/** Forgets a name. */
	deleteName(parent: StoreDirectory, name: string): void {
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
		if (accessed === null && modified === null) return 0;
		this.#accessed = accessed ?? this.#accessed;
		this.#modified = modified ?? this.#modified;
		this.changedNow();
		if (this.fs.extras.has("utimes") && !this.removed) {
			this.#times = "unsent";
			this.fs.queue.enqueueContents(this);
			this.fs.queue.send();
		}
		return 0;
	}

	get base(): Listed | null {
		return null;
	}

	/** Others may have changed it: what `listing`, which was asked for when the count of listings was
	 *  `asked`, says is taken over. False where it is something else now. */
	renew(listing: Listing, times: Times, _asked: number): boolean {
		if (listing.type !== this.type) return false;
		this.#accessed = times.accessed;
		this.#modified = times.modified;
		return true;
	}

	takeChanges(path: string, out: StoreChange[], _most: number): boolean {
		if (this.#times !== "unsent" || this.removed) return true;
		this.#times = "sent";
		const { id } = this;
		out.push({ call: "utimes", path, accessed: this.#accessed, modified: this.#modified, id });
		return true;
	}

	onAnswer({ call }: StoreChange, error: Done): void {
		if (call === "utimes" && this.#times === "sent" && error !== 0) this.#times = "refused";
	}

	retry(): void {
		if (this.#times === "refused") this.#times = "unsent";
	}

	sendWhole(): void {}

	onStale(error: Errno): Errno {
		return error;
	}

	/** Puts to the store what is only here. */
	flush(): void {}

	override sync(request?: SyncRequest): Done {
		const one = request ?? this.#syncing ?? {};
		if (one.answered === undefined) this.beforeSync();
		const done = this.fs.queue.syncOf(this, one);
		if (request === undefined) this.#syncing = done === PENDING ? one : null;
		return done;
	}

	/** Puts into the queue what a sync is to wait for. */
	protected beforeSync(): void {}

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
export abstract class StoreLeaf extends StoreNode {
	/** The store's number, where that has said that there are several names. */
	file: number | undefined = undefined;

	/** 0 once a name can go: whoever has an open file will still reach it. */
	detachable(): Done {
		if (!this.isOpen || this.known > 1) return 0;
		const listed = this.links > 1 ? this.fs.listAll() : 0;
		return listed !== 0 || this.known > 1 ? listed : this.makeIndependent();
	}

	/** Whether something of it is only here. */
	get isDirty(): boolean {
		return false;
	}

	/** Others have removed a name of it, or `replaced` what it leads to. */
	onLost(parent: StoreDirectory, name: string, replaced: boolean): void {
		this.deleteName(parent, name);
		this.links = this.known;
		if (this.links > 0) return;
		if (this.file !== undefined) this.fs.linked.delete(this.file);
		this.fs.queue.forget(this, true);
		this.lose(replaced);
	}

	/** One name goes. */
	unlinked(parent: StoreDirectory, name: string): void {
		this.deleteName(parent, name);
		this.links -= 1;
		this.changedNow();
		// A store that promises more names than it has.
		if (this.parent === null && this.isOpen) this.links = 0;
		if (this.links > 0) return;
		if (this.file !== undefined) this.fs.linked.delete(this.file);
		this.fs.queue.forget(this, false);
		this.detach();
	}

	protected get isOpen(): boolean {
		return (this.wrapper ?? this).handles > 0;
	}

	/** 0 once it can do without the store. */
	protected makeIndependent(): Done {
		return 0;
	}

	/** The last name has gone. */
	protected detach(): void {}

	/** Others have taken the last name. */
	protected lose(_replaced: boolean): void {}
}

export class StoreFile extends StoreLeaf {
	/** Null until somebody needs more of it than its size: of a million files few are opened. */
	#held: BlockCache | null = null;
	/** Times are taken when somebody looks. */
	#marked = false;
	/** Others may have changed it. */
	suspect = false;
	#base: Listed | null;
	/** How many listings had been asked for when it was last changed. */
	#changedAt = -1;
	/** Something of it has been read or written through a descriptor that is open. */
	#used = false;
	/** How often in a row the store has had something else in its place. */
	#stale = 0;

	/** `listing` is null for one that is made here. */
	constructor(
		fs: StoreFileSystem,
		parent: StoreDirectory,
		name: string,
		times: Times,
		listing: Listing | null,
	) {
		super(fs, "file", parent, name, times);
		this.#base = listing;
		this.id = listing?.id;
	}

	get #bytes(): BlockCache {
		this.#held ??= new BlockCache(this.fs, this, this.#base?.size ?? 0);
		return this.#held;
	}

	override get base(): Listed | null {
		return this.#base;
	}

	override get isDirty(): boolean {
		return this.#held !== null && !this.#held.isClean;
	}

	/** One that has been changed here since is left as it is, and looked at again when the store has
	 *  what is here. One that is open, and that nothing has been seen of, may become another file. */
	override renew(listing: Listing, times: Times, asked: number): boolean {
		if (listing.type !== "file") return false;
		const id = listing.id ?? this.id;
		if (id !== (this.id ?? id)) {
			if (!this.isOpen || this.#used || this.isDirty) return false;
			this.suspect = true;
		}
		this.id = id;
		if (this.isDirty || this.#changedAt >= asked) return true;
		const { size } = listing;
		const later = this.fs.elsewhere && listing.modified !== this.#base?.modified;
		if (!this.suspect && !later && size === this.size()) return true;
		this.suspect = false;
		this.#base = listing;
		this.#held?.renew(size);
		return super.renew(listing, times, asked);
	}

	override onStale(error: Errno): Errno {
		const fresh = this.parent?.lookAgain();
		this.#stale += 1;
		this.suspect = true;
		if (fresh === undefined || this.#stale > MOST_STALE) return error;
		return this.fs.bridge.pending(fresh);
	}

	/** The store had made it before, by a try whose answer was lost: the listing says which file it is. It is
	 *  not merged, for much else may have been refused. */
	onFound(): void {
		const { parent, name } = this;
		if (parent === null) return;
		const ticket = this.fs.queue.list(parent.path);
		ticket.watch(() => {
			if (this.parent !== parent || this.name !== name || !Array.isArray(ticket.value)) return;
			const found = ticket.value.map((value) => checked(value).listing);
			this.id ??= found.find((listing) => listing.name === name && listing.type === "file")?.id;
		});
	}

	override sendWhole(): void {
		if (this.#bytes.isWhole) this.#bytes.sendOver();
		else this.suspect = true;
	}

	/** Others have removed it while it was changed here: made again, if all of it is here. */
	remake(): boolean {
		if (!this.#bytes.isWhole) return false;
		this.#base = null;
		this.id = undefined;
		this.fs.queue.make(this, this.path, "file");
		this.#bytes.sendAll();
		this.fs.queue.enqueueContents(this);
		return true;
	}

	override stat(out: Stat): Done {
		this.#settle();
		return super.stat(out);
	}

	override setTimes(accessed: bigint | null, modified: bigint | null): Done {
		this.#settle();
		return super.setTimes(accessed, modified);
	}

	/** The times last: the store takes a write for the last change. */
	override takeChanges(path: string, out: StoreChange[], most: number): boolean {
		this.#settle();
		const whole = this.#held?.takeChanges(path, out, most) ?? true;
		return whole && super.takeChanges(path, out, most);
	}

	override onAnswer(change: StoreChange, error: Done): void {
		this.#held?.onAnswer(change, error);
		super.onAnswer(change, error);
		if (this.id !== undefined && isGone(error)) this.parent?.lookAgain();
		if (this.suspect && !this.isDirty && this.parent !== null) this.fs.refresh(this.parent);
	}

	override retry(): void {
		this.#held?.retry();
		super.retry();
	}

	override read(into: Uint8Array, at: number, length: number, position: number): number {
		const read = this.#bytes.read(into, at, length, position);
		if (read > 0) this.#used = true;
		if (read >= 0) this.#stale = 0;
		return read;
	}

	override write(from: Uint8Array, at: number, length: number, position: number): number {
		const written = this.#bytes.write(from, at, length, position);
		if (written > 0) this.#mark();
		return written;
	}

	override size(): number {
		return this.#held?.size ?? this.#base?.size ?? 0;
	}

	override truncate(size: number): Done {
		const done = this.#bytes.truncate(size);
		if (done === 0) this.#mark();
		return done;
	}

	override readable(): number {
		return this.size();
	}

	override writable(): number {
		return this.fs.queue.writableBytes();
	}

	override get changeable(): boolean {
		return true;
	}

	override sync(request?: SyncRequest): Done {
		const done = super.sync(request);
		return done === 0 && this.#held?.hasLostWrites ? ESTALE : done;
	}

	protected override beforeSync(): void {
		this.#settle();
		this.fs.queue.nextBatchDurable();
		this.flush();
	}

	override closed(): Done {
		this.#settle();
		this.#used = false;
		if (this.removed) this.#held?.release();
		else this.flush();
		// The program need not give this thread another turn.
		this.fs.queue.send();
		return this.fs.queue.takeFailure(this);
	}

	override flush(): void {
		if (this.#held?.isAhead) this.fs.queue.enqueueContents(this);
	}

	protected override makeIndependent(): Done {
		return this.#bytes.loadAll();
	}

	protected override detach(): void {
		this.#bytes.detach();
		if (!this.isOpen) this.#bytes.release();
	}

	protected override lose(replaced: boolean): void {
		this.#bytes.lose(replaced);
		if (!this.isOpen) this.#bytes.release();
	}

	#mark(): void {
		this.#marked = true;
		this.#used = true;
		this.#changedAt = this.fs.listings;
	}

	#settle(): void {
		if (this.#marked) this.modifiedNow();
		this.#marked = false;
	}
}

export class StoreSymlink extends StoreLeaf {
	/** Null where the store cannot tell. */
	readonly #target: string | null;

	constructor(
		fs: StoreFileSystem,
		parent: StoreDirectory,
		name: string,
		times: Times,
		target: string | null,
	) {
		super(fs, "symlink", parent, name, times);
		this.#target = target;
	}

	override renew(listing: Listing, times: Times, asked: number): boolean {
		return listing.target === (this.#target ?? undefined) && super.renew(listing, times, asked);
	}

	override size(): number {
		const target = this.#target ?? "";
		return utf8Length(target, 0, target.length);
	}

	override readlink(): string | Errno {
		return this.#target ?? ENOENT;
	}
}

/**
 * A file of a store: its bytes (block-cache.ts), its size and times, and which file of the store it is.
 *
 *     listed         opened, read        written            closed
 *     size, time  →  blocks come here →  times move on  →   what was written is sent
 *
 * The size is known from the listing, so a file that no program reads costs an object and nothing else. A
 * file that others change is *suspect*: a listing is asked for, and `renew` decides. What is only here is never
 * given up for what others wrote.
 *
 * Errors: those that the store answers with, as they are; ENOENT, ENOTDIR, EISDIR and ESTALE of a read or
 * write that names its file become ESTALE, because for a descriptor that is open they all mean that its file
 * is not at its path any more; EIO where the store gives less than it has listed.
 */
import { type Done, type Errno, ESTALE } from "../abi/errno.ts";
import type { Stat, SyncRequest } from "../fs/node.ts";
import type { Listing, StoreChange, Times } from "../store/store.ts";
import { BlockCache } from "./block-cache.ts";
import type { StoreDirectory } from "./directory.ts";
import { StoreLeaf } from "./node.ts";
import { isGone, type Listed } from "./queue-step.ts";
import type { StoreFileSystem } from "./store-fs.ts";

/** How often in a row a file is looked at again before a read of it fails. */
const MOST_STALE = 8;

export class StoreFile extends StoreLeaf {
	/** Null until a call needs more of the file than its size: of a million files few are opened. */
	#held: BlockCache | null = null;
	/** The times are taken when a program asks for them. */
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

	/** The store had made it before, by a try whose answer was lost: a listing says which file it is. */
	onFound(): void {
		if (this.parent !== null) this.fs.refresh(this.parent);
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
		this.fs.queue.dropNames(this);
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

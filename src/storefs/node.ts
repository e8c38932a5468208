/**
 * The nodes of a store's file system, but for directories: names in the tree, times, contents.
 *
 * A node keeps what the store has not been told yet: a file its bytes, each its times. The queue asks the
 * node for that when its turn comes (`takeChanges`), and says what became of it (`onAnswer`). Files have a
 * file of their own (file.ts).
 *
 * Errors: none of a store's own. ENOENT of `readlink` means that the store did not list where a symlink leads.
 */
import { type Done, ENOENT, type Errno, PENDING } from "../abi/errno.ts";
import { type FileType, Node, type Stat, type SyncRequest } from "../fs/node.ts";
import { utf8Length } from "../fs/walk.ts";
import type { FileId, Listing, StoreChange, Times } from "../store/store.ts";
import type { StoreDirectory } from "./directory.ts";
import type { Listed, QueuedNode } from "./queue-step.ts";
import type { StoreFileSystem } from "./store-fs.ts";

/** A directory that has a node under a name. */
interface Name {
	readonly parent: StoreDirectory;
	readonly name: string;
}

const ALONE: readonly Name[] = [];

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
	/** How many of them have been sent and not answered. */
	#timesUnderway = 0;
	/** The request of callers that pass none: they share one. */
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
	 *  `asked`, says is taken over. False where it is something else now. Times that the store does not have
	 *  yet stay. */
	renew(listing: Listing, times: Times, _asked: number): boolean {
		if (listing.type !== this.type) return false;
		if (this.#times !== "sent" || this.#timesUnderway > 0) return true;
		this.#accessed = times.accessed;
		this.#modified = times.modified;
		return true;
	}

	takeChanges(path: string, out: StoreChange[], _most: number): boolean {
		if (this.#times !== "unsent" || this.removed) return true;
		this.#times = "sent";
		this.#timesUnderway += 1;
		const { id } = this;
		out.push({ call: "utimes", path, accessed: this.#accessed, modified: this.#modified, id });
		return true;
	}

	onAnswer({ call }: StoreChange, error: Done): void {
		if (call !== "utimes") return;
		this.#timesUnderway -= 1;
		if (this.#times === "sent" && error !== 0) this.#times = "refused";
	}

	retry(): void {
		if (this.#times === "refused") this.#times = "unsent";
	}

	sendWhole(): void {}

	onStale(error: Errno): Errno {
		return error;
	}

	/** Its directory may have gone: that is looked at again. */
	onNameRefused(): void {
		this.parent?.lookAgain();
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

	/** 0 once a name can go: a program that has the file open will still reach it. */
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

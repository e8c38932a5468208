/**
 * A directory of a store's file system: listed when a call first looks into it, and from then on the
 * cache is the truth. Everything that makes, moves and removes names is here.
 *
 * A call first makes sure that all it needs is listed, and that the queue takes another change. What a
 * store lists is checked first (listing.ts). One file, because what others change and what is changed
 * here meet in the same entries.
 */
import {
	type Done,
	EEXIST,
	EINVAL,
	EIO,
	ENAMETOOLONG,
	ENOENT,
	EPERM,
	type Errno,
	ESTALE,
	EXDEV,
	PENDING,
} from "../abi/errno.ts";
import { isName } from "../abi/name.ts";
import type { OpenTicket, Ticket } from "../bridge/bridge.ts";
import { Entries } from "../fs/entries.ts";
import {
	type Entry,
	emptiness,
	type INode,
	Node,
	wrongReplacement,
	wrongType,
} from "../fs/node.ts";
import { MAX_NAME, utf8Length } from "../fs/walk.ts";
import type { Listing, Times } from "../store/store.ts";
import { StoreFile } from "./file.ts";
import { type Checked, checked, timesOf } from "./listing.ts";
import { StoreLeaf, StoreNode, StoreSymlink } from "./node.ts";
import { isGone, type Listed } from "./queue-step.ts";
import type { StoreFileSystem } from "./store-fs.ts";

/** Milliseconds for which a list is good enough where others change things unheard: one call looks at
 *  many names, and a program opens many files in a row. */
const FRESH = 100;

export class StoreDirectory extends StoreNode {
	/** Null until the store has listed it. */
	#entries: Entries | null;
	#listing: Ticket<Listing[]> | null = null;
	/** Others have changed something since it was asked for. */
	#isListingOld = false;
	/** When it was last listed. */
	#seen = 0;
	/** The store had no directory here then: ENOENT, or ENOTDIR. */
	#failure: Done = 0;
	/** Done when it has been listed again, for the call that wants to know. */
	#fresh: OpenTicket<void> | null = null;
	/** Names that were changed here while it is being listed again. */
	readonly #touched = new Set<string>();
	/** The page knows that the store lists something here without a name that a file can have. */
	#isNonsenseTold = false;

	constructor(
		fs: StoreFileSystem,
		parent: StoreDirectory | null,
		name: string,
		entries: Entries | null,
		times: Times,
	) {
		super(fs, "directory", parent, name, times);
		this.#entries = entries;
	}

	/** Where the store has a child. */
	pathOf(name: string): string {
		return `${this.fs.pathTo(this)}/${name}`;
	}

	override lookup(name: string): INode | Errno {
		const entries = this.#current();
		if (typeof entries === "number") return entries;
		// What is in it is a node of its kind.
		const node = entries.get(name) as StoreNode | undefined;
		if (node === undefined) return ENOENT;
		return node.fault === 0 ? (node.wrapper ?? node) : node.fault;
	}

	override create(name: string, type: "file" | "directory"): INode | Errno {
		const entries = this.#readyFor(name);
		if (typeof entries === "number") return entries;
		const times = this.#now();
		const node =
			type === "file"
				? new StoreFile(this.fs, this, name, times, null)
				: new StoreDirectory(this.fs, this, name, new Entries(), times);
		this.#touched.add(name);
		entries.add(name, node);
		this.modifiedNow();
		this.fs.queue.make(node, node.path, type);
		return node;
	}

	override symlink(name: string, target: string): Done {
		const entries = this.#readyFor(name);
		if (typeof entries === "number") return entries;
		if (!this.fs.extras.has("symlink")) return EPERM;
		const node = new StoreSymlink(this.fs, this, name, this.#now(), target);
		this.#touched.add(name);
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
		const upperNode = node.upperNode();
		if (typeof upperNode === "number") return upperNode;
		if (!(upperNode instanceof StoreLeaf) || upperNode.fs !== this.fs) return EXDEV;
		if (!this.fs.extras.has("link")) return EPERM;
		if (upperNode.parent === null) return ENOENT;
		const room = this.fs.queue.admitName();
		if (room !== 0) return room;
		this.fs.queue.link(upperNode, upperNode.path, this.pathOf(name));
		upperNode.addName(this, name);
		upperNode.links += 1;
		upperNode.changedNow();
		this.#touched.add(name);
		entries.add(name, upperNode);
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
			(type === "directory" ? emptiness(node.wrapper ?? node) : 0) ||
			droppable(node) ||
			this.fs.queue.admitName();
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
		if (!(to instanceof StoreDirectory)) {
			return to instanceof Node ? to.receive(this, name, newName) : EXDEV;
		}
		const target = to.#entries ?? to.#list();
		if (typeof target === "number") return target;
		const old = target.get(newName);
		if (old === node) return 0;
		const wrong = to.#refusesMoved(node, old, newName) || this.fs.queue.admitName();
		if (wrong !== 0) return wrong;
		this.#move(entries, name, node as StoreNode, to, target, newName, old);
		return 0;
	}

	override listing(): number {
		const entries = this.#current();
		return typeof entries === "number" ? entries : super.listing();
	}

	override readdir(cursor: number, out: Entry, until = Number.POSITIVE_INFINITY): number {
		const entries = cursor === 0 ? this.#current() : (this.#entries ?? this.#list());
		if (typeof entries === "number") return entries;
		const slot = entries.after(cursor, until);
		if (slot === undefined) return 0;
		// What is listed has its node.
		const node = slot.node as Node;
		out.name = slot.name;
		out.ino = (node.wrapper ?? node).ino;
		out.type = node.type;
		return slot.cursor;
	}

	/** 0 once it and all directories in it have been listed, but for those that cannot be. */
	listAll(): Done {
		let done: Done = 0;
		// Not by recursion: directories may lie deeper than a stack.
		const all: StoreDirectory[] = [this];
		for (let at = all.pop(); at !== undefined; at = all.pop()) {
			const entries = at.#entries ?? at.#list();
			if (entries === PENDING) done = PENDING;
			if (typeof entries === "number") continue;
			for (const [, node] of entries) if (node instanceof StoreDirectory) all.push(node);
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

	// --- changes by others ---

	/** Others have changed what is at `names` below here, from the one with this index on, and all that
	 *  lies below it. What has not been looked at yet will be seen as it is. */
	onChanged(names: readonly string[]): void {
		let at: StoreDirectory = this;
		for (const [i, name] of names.entries()) {
			if (at.#entries === null) at.#distrustListing();
			const node = at.#entries?.get(name);
			if (at.#entries !== null && (node === undefined || i === names.length - 1)) {
				this.fs.refresh(at);
			}
			if (!(node instanceof StoreDirectory)) {
				if (node instanceof StoreFile) node.suspect = true;
				return;
			}
			at = node;
		}
		at.#suspectAll();
	}

	/** Others may have changed all that is in it and below. */
	#suspectAll(): void {
		const all: StoreDirectory[] = [this];
		for (let at = all.pop(); at !== undefined; at = all.pop()) {
			if (at.#entries === null) {
				at.#distrustListing();
				continue;
			}
			this.fs.refresh(at);
			for (const [, node] of at.#entries) {
				if (node instanceof StoreFile) node.suspect = true;
				if (node instanceof StoreDirectory) all.push(node);
			}
		}
	}

	/** Its first listing may be older than what others have changed. */
	#distrustListing(): void {
		if (this.#listing?.done) this.#listing = null;
		this.#isListingOld = this.#listing !== null;
	}

	/** Asks for what is in it now; null where nobody has looked or it is gone. */
	askAgain(): Ticket<Listing[]> | null {
		if (this.#entries === null || this.removed) return null;
		this.#touched.clear();
		return this.fs.queue.list(this);
	}

	/** Takes over what others have made of it, but for what has been changed here since. `asked` is the
	 *  count of listings when it was asked for. */
	merge(listings: readonly Listing[], asked: number): void {
		const entries = this.#entries;
		if (entries === null || this.removed) return;
		const seen = new Set<string>();
		for (const value of listings) {
			const { listing, fault } = this.#checked(entries, value);
			const { name } = listing;
			if (name === "" || seen.has(name)) continue;
			seen.add(name);
			if (this.#keeps(name)) continue;
			// A StoreDirectory holds StoreNodes only.
			const node = entries.get(name) as StoreNode | undefined;
			if (node !== undefined) {
				if ((node.fault || fault) !== 0 && node instanceof StoreFile) node.suspect = true;
				node.fault = fault;
				if (fault !== 0) continue;
			}
			if (node?.renew(listing, timesOf(listing), asked)) continue;
			const gone =
				node === undefined || this.#lose(entries, name, node, node.type === listing.type);
			if (gone) this.#enter(entries, listing, fault);
		}
		for (const [name, node] of [...entries]) {
			if (!seen.has(name) && !this.#keeps(name)) this.#lose(entries, name, node, false);
		}
	}

	/** What is in it is not what it was taken for. The next call that looks into it waits until the ticket
	 *  is done. */
	lookAgain(): Ticket<void> {
		if (this.#fresh === null || this.#fresh.done) this.#fresh = this.fs.bridge.ticket<void>();
		this.fs.refresh(this);
		return this.#fresh;
	}

	/** It has been listed again, or cannot be. */
	onRefreshed(): void {
		this.#seen = this.fs.clock();
		this.#fresh?.answer();
	}

	/** The directories, of this and those below, in which something is only here. */
	#unkept(): Set<StoreDirectory> {
		const found = new Set<StoreDirectory>();
		const all: StoreDirectory[] = [this];
		for (let at = all.pop(); at !== undefined; at = all.pop()) {
			for (const [, node] of at.#entries ?? []) {
				if (node instanceof StoreDirectory) all.push(node);
				if (!(node instanceof StoreFile) || !node.isDirty) continue;
				let up: StoreDirectory | null = at;
				for (; up !== this.parent && up !== null && !found.has(up); up = up.parent) found.add(up);
			}
		}
		return found;
	}

	#keeps(name: string): boolean {
		if (this.#touched.has(name)) return true;
		const isHeld = this.fs.queue.isHeld(() => this.pathOf(name));
		if (isHeld) this.fs.refreshLater(this);
		return isHeld;
	}

	/** A name has gone, or leads to another file now (`replaced`); whether it could, for what is only here
	 *  is made again. */
	#lose(entries: Entries, name: string, node: Node, replaced: boolean): boolean {
		if (node instanceof StoreDirectory) return this.#loseDirectory(name, node);
		if (node instanceof StoreFile && node.isDirty && node.known === 1) {
			if (!replaced && node.remake()) return false;
			this.fs.queue.reportFailure(node, this.pathOf(name), ESTALE);
		}
		if (node instanceof StoreLeaf) node.onLost(this, name, replaced);
		entries.delete(name);
		return true;
	}

	#loseDirectory(name: string, node: StoreDirectory): boolean {
		const unkept = node.#unkept();
		const all: [StoreDirectory, string, StoreDirectory][] = [[this, name, node]];
		for (const [parent, called, lost] of all) {
			// What was refused of it, or in it, is not there to be tried again.
			this.fs.queue.dropNames(lost);
			if (unkept.has(lost)) this.fs.queue.make(lost, parent.pathOf(called), "directory");
			else {
				lost.links = 0;
				parent.#entries?.delete(called);
			}
			for (const [child, below] of [...(lost.#entries ?? [])]) {
				if (below instanceof StoreDirectory) all.push([lost, child, below]);
				else lost.#lose(lost.#entries as Entries, child, below, false);
			}
		}
		return node.links === 0;
	}

	/** What is in it now, also where others change it unheard. */
	#current(): Entries | Errno {
		const { elsewhere, bridge } = this.fs;
		const entries = this.#entries ?? this.#list();
		// A guest that cannot wait makes do with what it has.
		if (typeof entries === "number" || bridge.urgent === true) return entries;
		if (this.#fresh === null) {
			if (!elsewhere || this.fs.clock() - this.#seen < FRESH) return entries;
			this.lookAgain();
		}
		// Kept until a call has seen it done: the next one asks anew.
		if (!this.#fresh?.done) return bridge.pending(this.#fresh as Ticket<void>);
		this.#fresh = null;
		return entries;
	}

	#list(): Entries | Errno {
		if (this.removed) return new Entries();
		// A call that asks twice, and is run again for each answer, would never come to its end.
		if (this.#failure !== 0 && this.fs.clock() - this.#seen < FRESH) return this.#failure;
		this.#listing ??= this.fs.queue.list(this);
		const ticket = this.#listing;
		if (!ticket.done) return this.fs.bridge.pending(ticket);
		this.#listing = null;
		this.#seen = this.fs.clock();
		const listings: unknown = ticket.value;
		if (!Array.isArray(listings)) {
			const gone = isGone(ticket.error);
			if (gone) this.parent?.lookAgain();
			// Any other failure may be over at the next question.
			this.#failure = gone ? ticket.error : 0;
			return ticket.error || EIO;
		}
		this.#failure = 0;
		const entries = new Entries();
		for (const value of listings) {
			const { listing, fault } = this.#checked(entries, value);
			if (listing.name !== "" && !entries.has(listing.name)) this.#enter(entries, listing, fault);
		}
		this.#entries = entries;
		if (this.#isListingOld) this.fs.refresh(this);
		this.#isListingOld = false;
		return entries;
	}

	/** An element of a listing. The page hears, once, of one that makes no sense. */
	#checked(entries: Entries, value: unknown): Checked {
		const one = checked(value);
		const { listing, fault, why } = one;
		if (fault === 0) return one;
		const path = this.pathOf(listing.name);
		// A StoreDirectory holds StoreNodes only.
		const node = entries.get(listing.name) as StoreNode | undefined;
		const isTold = listing.name === "" ? this.#isNonsenseTold : node?.fault === fault;
		if (listing.name === "") this.#isNonsenseTold = true;
		if (!isTold) this.fs.events.nonsense(path, fault, why);
		return one;
	}

	#enter(entries: Entries, listing: Listing, fault: Done): void {
		const { name } = listing;
		const known = this.#sameFile(listing);
		if (known === undefined) {
			const node = this.#listed(name, listing);
			node.fault = fault;
			this.#noteLinks(node, listing);
			entries.add(name, node);
			return;
		}
		known.addName(this, name);
		known.links = Math.max(known.links, known.known);
		entries.add(name, known);
	}

	#listed(name: string, listing: Listing): StoreNode {
		const { fs } = this;
		const times = timesOf(listing);
		if (listing.type === "directory") return new StoreDirectory(fs, this, name, null, times);
		if (listing.type === "file") return new StoreFile(fs, this, name, times, listing);
		return new StoreSymlink(fs, this, name, times, listing.target ?? null);
	}

	/** The node that another name of the same file has. */
	#sameFile({ file, type }: Listing): StoreLeaf | undefined {
		const known = file === undefined ? undefined : this.fs.linked.get(file);
		return known?.type === type ? known : undefined;
	}

	#noteLinks(node: StoreNode, { file, links }: Listing): void {
		if (!(node instanceof StoreLeaf) || file === undefined) return;
		if (links === undefined || links < 2) return;
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
		if (this.removed) return ENOENT;
		const wrong = this.#refuses(name);
		if (wrong !== 0) return wrong;
		const room = this.fs.queue.admitName();
		return room === 0 ? entries : room;
	}

	/** 0 where the store can have something new that is called so. */
	#refuses(name: string): Done {
		const { longest = MAX_NAME, refused } = this.fs.names;
		if (utf8Length(name, 0, name.length) > Math.min(longest, MAX_NAME)) return ENAMETOOLONG;
		if (!isName(name) || (refused !== undefined && name.search(refused) >= 0)) return EINVAL;
		return 0;
	}

	#refusesMoved(node: Node, old: Node | undefined, newName: string): Done {
		if (node.type === "directory" && this.#isWithin(node)) return EINVAL;
		if (old === undefined) return this.removed ? ENOENT : this.#refuses(newName);
		return wrongReplacement(node, old.wrapper ?? old) || droppable(old);
	}

	#isWithin(node: INode): boolean {
		for (let at: StoreDirectory | null = this; at !== null; at = at.parent) {
			if (at === node) return true;
		}
		return false;
	}

	#drop(entries: Entries, name: string, node: Node): void {
		const path = this.pathOf(name);
		const gone = listedOf(node);
		this.#leave(name, node);
		this.#touched.add(name);
		entries.delete(name);
		this.modifiedNow();
		this.fs.queue.remove(this, path, gone);
	}

	/** What has to happen to a node before its name here goes. */
	#leave(name: string, node: Node): void {
		if (node instanceof StoreLeaf) {
			if (node.links > 1) node.flush();
			node.unlinked(this, name);
		}
		if (node instanceof StoreDirectory) {
			node.clear();
			node.links = 0;
		}
	}

	#move(
		entries: Entries,
		name: string,
		node: StoreNode,
		to: StoreDirectory,
		target: Entries,
		newName: string,
		old: Node | undefined,
	): void {
		this.fs.queue.flush();
		const gone = listedOf(old);
		if (old !== undefined) to.#leave(newName, old);
		const from = this.pathOf(name);
		const path = to.pathOf(newName);
		this.#touched.add(name);
		to.#touched.add(newName);
		if (to === this && old === undefined) entries.relabel(name, newName);
		else {
			entries.delete(name);
			target.put(newName, node);
		}
		node.deleteName(this, name);
		node.addName(to, newName);
		this.fs.moved(from, path);
		this.modifiedNow();
		to.modifiedNow();
		if (node.type === "directory") node.modifiedNow();
		else node.changedNow();
		this.fs.queue.rename(node, from, path, gone);
	}
}

/** How the store has listed the contents that go with the only name of a file. */
function listedOf(node: Node | undefined): Listed | null {
	return node instanceof StoreFile && node.links === 1 ? node.base : null;
}

/** 0 once a node can lose its name without losing what an open descriptor still reads. */
function droppable(node: Node): Done {
	if (node instanceof StoreLeaf) return node.detachable();
	return node instanceof StoreDirectory ? node.clearable() : 0;
}

/**
 * Files in memory, as POSIX wants them: hard links, symlinks, removed files that live on while they
 * are open, times, and an account of the bytes in use.
 *
 * Times are exact for what changes a directory. A read or a write of a file only *marks* its times
 * for update, as POSIX allows, because asking a clock would cost more than the copy: the marks turn
 * into times when somebody looks, or when the last descriptor is closed.
 *
 * A directory keeps its entries twice: in a Map by name, and in a list in the order of their making,
 * each with a number that only ever grows. That number is the cursor of `readdir`, so a cursor stays
 * good whatever comes and goes. A removed entry leaves a hole in the list; when half of the list is
 * holes, it is packed.
 */
import { type Done, EEXIST, EINVAL, ENOENT, EPERM, type Errno, EXDEV } from "../abi/errno.ts";
import { type Account, Chunks } from "./chunks.ts";
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
import { utf8Length } from "./walk.ts";

export interface TmpOptions {
	/** The real time, in nanoseconds since 1970. */
	now: () => bigint;
	/** The most bytes that all files may hold together. */
	limit?: number;
}

export class Tmp implements FileSystem, Account {
	readonly dev: number = nextDev();
	readonly root: TmpDirectory;
	readonly now: () => bigint;
	readonly limit: number;
	/** Bytes of memory that the files hold. */
	used = 0;

	constructor(options: TmpOptions) {
		this.now = options.now;
		this.limit = options.limit ?? Number.POSITIVE_INFINITY;
		this.root = new TmpDirectory(this, null);
	}

	sync(): Done {
		return 0;
	}
}

const ACCESSED = 1;
const MODIFIED = 2;
const CHANGED = 4;

/** What files, directories and symlinks in memory share: links and times. */
export abstract class TmpNode extends Node {
	readonly fs: Tmp;
	/** How many names it has. */
	links = 1;
	/** The times that are to become "now". */
	protected marks = 0;
	#accessed: bigint;
	#modified: bigint;
	#changed: bigint;

	constructor(fs: Tmp, type: FileType, now: bigint) {
		super(fs.dev, type);
		this.fs = fs;
		this.#accessed = now;
		this.#modified = now;
		this.#changed = now;
	}

	override stat(out: Stat): Done {
		this.settle();
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

	override setTimes(accessed: bigint | null, modified: bigint | null): Done {
		this.settle();
		if (accessed !== null) this.#accessed = accessed;
		if (modified !== null) this.#modified = modified;
		this.#changed = this.fs.now();
		return 0;
	}

	override sync(): Done {
		this.settle();
		return 0;
	}

	override closed(): void {
		this.settle();
	}

	/** Its contents, or the entries it holds, have changed. */
	modifiedAt(now: bigint): void {
		this.#modified = now;
		this.#changed = now;
	}

	/** What is known about it has changed: its links, its name. */
	changedAt(now: bigint): void {
		this.#changed = now;
	}

	/** One name has gone. */
	unlinked(now: bigint): void {
		this.links -= 1;
		this.#changed = now;
	}

	protected settle(): void {
		if (this.marks === 0) return;
		const now = this.fs.now();
		if ((this.marks & ACCESSED) !== 0) this.#accessed = now;
		if ((this.marks & MODIFIED) !== 0) this.#modified = now;
		if ((this.marks & CHANGED) !== 0) this.#changed = now;
		this.marks = 0;
	}
}

/** What a file says it takes at once; it takes more. */
const AT_ONCE = 65536;

export class TmpFile extends TmpNode {
	readonly #chunks: Chunks;

	constructor(fs: Tmp, now: bigint) {
		super(fs, "file", now);
		this.#chunks = new Chunks(fs);
	}

	override read(into: Uint8Array, at: number, length: number, position: number): number {
		this.marks |= ACCESSED;
		return this.#chunks.read(into, at, length, position);
	}

	override write(from: Uint8Array, at: number, length: number, position: number): number {
		this.marks |= MODIFIED | CHANGED;
		return this.#chunks.write(from, at, length, position);
	}

	override size(): number {
		return this.#chunks.size;
	}

	override truncate(size: number): Done {
		this.marks |= MODIFIED | CHANGED;
		return this.#chunks.truncate(size);
	}

	override readable(): number {
		return this.#chunks.size;
	}

	override writable(): number {
		return AT_ONCE;
	}

	/** Takes over a buffer as the contents, without a copy; nobody else may write to it again. */
	adopt(bytes: Uint8Array): Done {
		this.marks |= MODIFIED | CHANGED;
		return this.#chunks.adopt(bytes);
	}

	override unlinked(now: bigint): void {
		super.unlinked(now);
		this.#releaseIfGone();
	}

	override closed(): void {
		super.closed();
		this.#releaseIfGone();
	}

	#releaseIfGone(): void {
		if (this.links === 0 && shown(this).handles === 0) this.#chunks.release();
	}
}

export class TmpSymlink extends TmpNode {
	readonly #target: string;

	constructor(fs: Tmp, target: string, now: bigint) {
		super(fs, "symlink", now);
		this.#target = target;
	}

	override size(): number {
		return utf8Length(this.#target, 0, this.#target.length);
	}

	override readlink(): string {
		this.marks |= ACCESSED;
		return this.#target;
	}
}

/** An entry of a directory; `node` is null once it has been removed. */
interface Slot {
	name: string;
	node: Node | null;
	readonly cursor: number;
}

/** The node as the guest knows it. */
function shown(node: Node): INode {
	return node.face ?? node;
}

/** Fewer holes than this are not worth packing. */
const FEW = 32;

export class TmpDirectory extends TmpNode {
	/** Null for the root, and for a directory that has been removed. */
	parent: TmpDirectory | null;
	#removed = false;
	#byName: Map<string, Slot> | null = null;
	#slots: Slot[] = [];
	/** All slots before this one are holes. */
	#head = 0;
	#lastCursor = 0;
	/** Where the last `readdir` found its entry. */
	#hint = 0;

	constructor(fs: Tmp, parent: TmpDirectory | null, now: bigint = fs.now()) {
		super(fs, "directory", now);
		this.parent = parent;
		this.links = 2;
	}

	/** How many entries it has. */
	get count(): number {
		return this.#byName === null ? 0 : this.#byName.size;
	}

	override lookup(name: string): INode | Errno {
		const slot = this.#byName?.get(name);
		// A slot in the map has its node.
		return slot === undefined ? ENOENT : shown(slot.node as Node);
	}

	override create(name: string, type: "file" | "directory"): INode | Errno {
		const wrong = this.#refuses(name);
		if (wrong !== 0) return wrong;
		const now = this.fs.now();
		const node = type === "file" ? new TmpFile(this.fs, now) : new TmpDirectory(this.fs, this, now);
		this.#insert(name, node, now);
		return node;
	}

	override symlink(name: string, target: string): Done {
		const wrong = this.#refuses(name);
		if (wrong !== 0) return wrong;
		const now = this.fs.now();
		this.#insert(name, new TmpSymlink(this.fs, target, now), now);
		return 0;
	}

	override link(name: string, node: INode): Done {
		if (node.type === "directory") return EPERM;
		if (!(node instanceof Node) || node.dev !== this.dev) return EXDEV;
		const wrong = this.#refuses(name);
		if (wrong !== 0) return wrong;
		const bare = node.bare();
		if (typeof bare === "number") return bare;
		if (!(bare instanceof TmpNode) || bare.fs !== this.fs) return EXDEV;
		if (bare.links === 0) return ENOENT;
		const now = this.fs.now();
		bare.links += 1;
		bare.changedAt(now);
		this.#insert(name, bare, now);
		return 0;
	}

	/** Puts a node of any kind here, such as a device. For the host. */
	place(name: string, node: Node): Done {
		const wrong = this.#refuses(name);
		if (wrong === 0) this.#insert(name, node, this.fs.now());
		return wrong;
	}

	override remove(name: string, type: "file" | "directory"): Done {
		const slot = this.#byName?.get(name);
		if (slot === undefined) return ENOENT;
		const node = shown(slot.node as Node);
		const wrong = wrongType(node, type) || (type === "directory" ? emptiness(node) : 0);
		if (wrong !== 0) return wrong;
		this.#drop(slot, this.fs.now());
		return 0;
	}

	override rename(name: string, to: INode, newName: string): Done {
		const slot = this.#byName?.get(name);
		if (slot === undefined) return ENOENT;
		if (to.dev !== this.dev) return EXDEV;
		if (!(to instanceof TmpDirectory)) {
			return to instanceof Node ? to.receive(this, name, newName) : EXDEV;
		}
		const node = slot.node as Node;
		const old = to.#byName?.get(newName);
		if (old?.node === node) return 0;
		const wrong = to.#refusesMoved(node, old);
		if (wrong !== 0) return wrong;
		const now = this.fs.now();
		if (old !== undefined) to.#drop(old, now);
		if (to === this) this.#relabel(slot, newName, now);
		else this.#move(slot, to, newName, now);
		// A file keeps the time of its contents; a directory that moves has changed (its `..` has).
		if (node instanceof TmpDirectory) node.modifiedAt(now);
		else if (node instanceof TmpNode) node.changedAt(now);
		return 0;
	}

	override readdir(cursor: number, out: Entry): number {
		const index = this.#after(cursor);
		const slot = this.#slots[index];
		if (slot === undefined) return 0;
		const node = shown(slot.node as Node);
		this.#hint = index;
		this.marks |= ACCESSED;
		out.name = slot.name;
		out.ino = node.ino;
		out.type = node.type;
		return slot.cursor;
	}

	#refuses(name: string): Done {
		if (this.#byName?.has(name)) return EEXIST;
		return this.#removed ? ENOENT : 0;
	}

	/** Why `node` cannot come here in place of `old`. */
	#refusesMoved(node: Node, old: Slot | undefined): Done {
		if (node.type === "directory" && this.#isWithin(node)) return EINVAL;
		if (old === undefined) return this.#removed ? ENOENT : 0;
		return wrongReplacement(node, shown(old.node as Node));
	}

	#isWithin(node: INode): boolean {
		for (let at: TmpDirectory | null = this; at !== null; at = at.parent) {
			if (at === node) return true;
		}
		return false;
	}

	#insert(name: string, node: Node, now: bigint): void {
		this.#lastCursor += 1;
		const slot = { name, node, cursor: this.#lastCursor };
		this.#byName ??= new Map();
		this.#byName.set(name, slot);
		this.#slots.push(slot);
		if (node.type === "directory") this.links += 1;
		this.modifiedAt(now);
	}

	/** Removes an entry, and its node loses one name. */
	#drop(slot: Slot, now: bigint): void {
		const { node } = slot;
		this.#vacate(slot, now);
		if (node instanceof TmpDirectory) {
			node.#removed = true;
			node.parent = null;
			node.links = 0;
		} else if (node instanceof TmpNode) {
			node.unlinked(now);
		}
	}

	#move(slot: Slot, to: TmpDirectory, newName: string, now: bigint): void {
		const node = slot.node as Node;
		this.#vacate(slot, now);
		to.#insert(newName, node, now);
		if (node instanceof TmpDirectory) node.parent = to;
	}

	#relabel(slot: Slot, newName: string, now: bigint): void {
		this.#byName?.delete(slot.name);
		slot.name = newName;
		this.#byName?.set(newName, slot);
		this.modifiedAt(now);
	}

	/** Takes an entry out of the map and leaves a hole in the list. */
	#vacate(slot: Slot, now: bigint): void {
		this.#byName?.delete(slot.name);
		if (slot.node?.type === "directory") this.links -= 1;
		slot.node = null;
		this.modifiedAt(now);
		const slots = this.#slots;
		while (this.#head < slots.length && slots[this.#head]?.node === null) this.#head += 1;
		if (slots.length - this.count > FEW + this.count) this.#pack();
	}

	#pack(): void {
		this.#slots = this.#slots.filter((slot) => slot.node !== null);
		this.#head = 0;
		this.#hint = 0;
	}

	/** The index of the first entry after `cursor`. */
	#after(cursor: number): number {
		const slots = this.#slots;
		let index = slots[this.#hint]?.cursor === cursor ? this.#hint + 1 : this.#search(cursor);
		if (index < this.#head) index = this.#head;
		while (index < slots.length && slots[index]?.node === null) index += 1;
		return index;
	}

	/** The index of the first slot, hole or not, whose cursor is above `cursor`. */
	#search(cursor: number): number {
		let low = this.#head;
		let high = this.#slots.length;
		while (low < high) {
			const middle = (low + high) >> 1;
			if ((this.#slots[middle] as Slot).cursor <= cursor) low = middle + 1;
			else high = middle;
		}
		return low;
	}
}

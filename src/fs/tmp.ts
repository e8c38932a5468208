/**
 * Files in memory, as POSIX wants them: hard links, symlinks, removed files that live on while they
 * are open, times, and an account of the bytes in use.
 *
 * Times are exact for what changes a directory. A read or a write of a file only *marks* its times
 * for update, as POSIX allows, because asking a clock would cost more than the copy: the marks turn
 * into times when somebody looks, or when the last descriptor is closed.
 */
import { type Done, EEXIST, EINVAL, ENOENT, EPERM, type Errno, EXDEV } from "../abi/errno.ts";
import { type Account, Chunks } from "./chunks.ts";
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
	limit: number;
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

	override closed(): Done {
		return this.sync();
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
		if (length === 0) return 0;
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

	override get changeable(): boolean {
		return true;
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

	override closed(): Done {
		this.#releaseIfGone();
		return this.sync();
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

/** The node as the guest knows it. */
function shown(node: Node): INode {
	return node.wrapper ?? node;
}

export class TmpDirectory extends TmpNode {
	/** Null for the root, and for a directory that has been removed. */
	#parent: TmpDirectory | null;
	#removed = false;
	readonly #entries = new Entries();

	constructor(fs: Tmp, parent: TmpDirectory | null, now: bigint = fs.now()) {
		super(fs, "directory", now);
		this.#parent = parent;
		this.links = 2;
	}

	override lookup(name: string): INode | Errno {
		const node = this.#entries.get(name);
		return node === undefined ? ENOENT : shown(node);
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
		const upperNode = node.upperNode();
		if (typeof upperNode === "number") return upperNode;
		if (!(upperNode instanceof TmpNode) || upperNode.fs !== this.fs) return EXDEV;
		if (upperNode.links === 0) return ENOENT;
		const now = this.fs.now();
		upperNode.links += 1;
		upperNode.changedAt(now);
		this.#insert(name, upperNode, now);
		return 0;
	}

	/** Puts a node of any kind here, such as a device. For the host. */
	place(name: string, node: Node): Done {
		const wrong = this.#refuses(name);
		if (wrong === 0) this.#insert(name, node, this.fs.now());
		return wrong;
	}

	override remove(name: string, type: "file" | "directory"): Done {
		const node = this.#entries.get(name);
		if (node === undefined) return ENOENT;
		const wrong = wrongType(node, type) || (type === "directory" ? emptiness(shown(node)) : 0);
		if (wrong !== 0) return wrong;
		this.#drop(name, node, this.fs.now());
		return 0;
	}

	override rename(name: string, to: INode, newName: string): Done {
		const node = this.#entries.get(name);
		if (node === undefined) return ENOENT;
		if (to.dev !== this.dev) return EXDEV;
		if (!(to instanceof TmpDirectory)) {
			return to instanceof Node ? to.receive(this, name, newName) : EXDEV;
		}
		const old = to.#entries.get(newName);
		if (old === node) return 0;
		const wrong = to.#refusesMoved(node, old);
		if (wrong !== 0) return wrong;
		const now = this.fs.now();
		if (old !== undefined) to.#lose(old, now);
		if (to === this && old === undefined) this.#entries.relabel(name, newName);
		else this.#move(name, node, to, newName, now);
		this.modifiedAt(now);
		// A file keeps the time of its contents; a directory that moves has changed (its `..` has).
		if (node instanceof TmpDirectory) node.modifiedAt(now);
		else if (node instanceof TmpNode) node.changedAt(now);
		return 0;
	}

	override readdir(cursor: number, out: Entry, until = Number.POSITIVE_INFINITY): number {
		const slot = this.#entries.after(cursor, until);
		if (slot === undefined) return 0;
		// What is listed has its node.
		const node = shown(slot.node as Node);
		this.marks |= ACCESSED;
		out.name = slot.name;
		out.ino = node.ino;
		out.type = node.type;
		return slot.cursor;
	}

	#refuses(name: string): Done {
		if (this.#entries.has(name)) return EEXIST;
		return this.#removed ? ENOENT : 0;
	}

	/** Why `node` cannot come here in place of `old`. */
	#refusesMoved(node: Node, old: Node | undefined): Done {
		if (node.type === "directory" && this.#isWithin(node)) return EINVAL;
		if (old === undefined) return this.#removed ? ENOENT : 0;
		return wrongReplacement(node, shown(old));
	}

	#isWithin(node: INode): boolean {
		for (let at: TmpDirectory | null = this; at !== null; at = at.#parent) {
			if (at === node) return true;
		}
		return false;
	}

	#insert(name: string, node: Node, now: bigint): void {
		this.#entries.put(name, node);
		if (node.type === "directory") this.links += 1;
		this.modifiedAt(now);
	}

	/** Removes an entry, and its node loses one name. */
	#drop(name: string, node: Node, now: bigint): void {
		this.#entries.delete(name);
		this.#lose(node, now);
	}

	/** A node that was here loses one name. */
	#lose(node: Node, now: bigint): void {
		if (node.type === "directory") this.links -= 1;
		this.modifiedAt(now);
		if (node instanceof TmpDirectory) {
			node.#removed = true;
			node.#parent = null;
			node.links = 0;
		} else if (node instanceof TmpNode) {
			node.unlinked(now);
		}
	}

	#move(name: string, node: Node, to: TmpDirectory, newName: string, now: bigint): void {
		this.#vacate(name, node, now);
		to.#insert(newName, node, now);
		if (node instanceof TmpDirectory) node.#parent = to;
	}

	#vacate(name: string, node: Node, now: bigint): void {
		this.#entries.delete(name);
		if (node.type === "directory") this.links -= 1;
		this.modifiedAt(now);
	}
}

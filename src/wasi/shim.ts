/**
 * What was made for `@bjorn3/browser_wasi_shim`, in our tree. No other file knows it, so this one holds
 * a node of every kind and is long.
 *
 * The shim's `Inode` is a file or a directory, its `Fd` an open one. Both become nodes:
 *
 *     Directory, File, Symlink  →  shimNode     works on `contents` and `data` themselves
 *     any other Inode           →  shimNode     through the Fd that it opens
 *     Fd                        →  shimDevice   a stream of bytes
 *
 * Working on the contents rather than through the shim's calls is what spares us its defects: an
 * append copies the whole file there, a listing is positional and skips what follows a removed entry,
 * paths are cut up by rules of its own, nothing can be a symlink. Here appending doubles the buffer,
 * `data` being a view of the part in use; cursors are ours; and a `Symlink` is an Inode that the shim
 * itself refuses to open. Times it does not know: the nodes keep them.
 *
 * Nodes, devices and symlinks of the shim stand in one file, because it is the one that may know it.
 */
import { Directory, type Fd, File, Inode, wasi } from "@bjorn3/browser_wasi_shim";
import {
	type Done,
	EEXIST,
	EFBIG,
	EINVAL,
	EIO,
	ENOENT,
	ENOSPC,
	EPERM,
	type Errno,
	EXDEV,
} from "../abi/errno.ts";
import { errnoName, errnoOf } from "../abi/errno-names.ts";
import { isName } from "../abi/name.ts";
import { copyBytes } from "../fs/bytes.ts";
import { Device } from "../fs/devices.ts";
import { Entries } from "../fs/entries.ts";
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
} from "../fs/node.ts";

/** The most bytes of one file, which lies in one buffer. */
const MOST = 1 << 30;
const AT_ONCE = 65536;
const utf8 = new TextEncoder();

export type { Directory, Fd };

/** A symlink for `Directory.contents`; the shim has none of its own, and does not follow this one. */
export class Symlink extends Inode {
	readonly target: string;

	constructor(target: string) {
		super();
		this.target = target;
	}

	path_open(): { ret: number; fd_obj: null } {
		return { ret: wasi.ERRNO_LOOP, fd_obj: null };
	}

	stat(): wasi.Filestat {
		const size = utf8.encode(this.target).length;
		return new wasi.Filestat(this.ino, wasi.FILETYPE_SYMBOLIC_LINK, BigInt(size));
	}
}

/** What the shim answers, as we do. An errno that does not exist is EIO. */
function answer(ret: number): Done {
	return ret === 0 ? 0 : errnoOf(errnoName(-ret));
}

class ShimFileSystem implements FileSystem {
	readonly dev = nextDev();
	readonly root: INode;
	readonly now: () => bigint;
	/** One inode is one node, so that `===` tells whether two paths lead to the same place. */
	readonly #nodes = new WeakMap<Inode, Node>();

	constructor(root: Inode, now: () => bigint) {
		this.now = now;
		this.root = this.node(root);
	}

	sync(): Done {
		return 0;
	}

	node(inode: Inode): Node {
		let node = this.#nodes.get(inode);
		if (node === undefined) {
			node = this.#wrap(inode);
			this.#nodes.set(inode, node);
		}
		return node;
	}

	#wrap(inode: Inode): Node {
		if (inode instanceof Directory) return new ShimDirectory(this, inode);
		if (inode instanceof File) return new ShimFile(this, inode);
		if (inode instanceof Symlink) return new ShimSymlink(this, inode);
		const opened = inode.path_open(0, BigInt(wasi.RIGHTS_FD_READ | wasi.RIGHTS_FD_WRITE), 0);
		const fd = opened.fd_obj ?? inode.path_open(0, BigInt(wasi.RIGHTS_FD_READ), 0).fd_obj;
		const isFile = inode.stat().filetype === wasi.FILETYPE_REGULAR_FILE;
		if (!isFile && fd !== null) return shimStream(fd);
		return new OpenedFile(this, inode, fd, opened.fd_obj !== null);
	}
}

/** What the nodes of inodes share: links and times. */
abstract class ShimNode extends Node {
	readonly fs: ShimFileSystem;
	abstract readonly inode: Inode;
	links = 1;
	#accessed: bigint;
	#modified: bigint;
	#changed: bigint;

	constructor(fs: ShimFileSystem, type: FileType) {
		super(fs.dev, type);
		this.fs = fs;
		this.#accessed = fs.now();
		this.#modified = this.#accessed;
		this.#changed = this.#accessed;
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

	override setTimes(accessed: bigint | null, modified: bigint | null): Done {
		if (accessed !== null) this.#accessed = accessed;
		if (modified !== null) this.#modified = modified;
		this.#changed = this.fs.now();
		return 0;
	}

	modifiedNow(): void {
		this.#modified = this.fs.now();
		this.#changed = this.#modified;
	}

	linked(by: 1 | -1): void {
		this.links += by;
		this.#changed = this.fs.now();
	}
}

class ShimSymlink extends ShimNode {
	readonly inode: Symlink;

	constructor(fs: ShimFileSystem, inode: Symlink) {
		super(fs, "symlink");
		this.inode = inode;
	}

	override size(): number {
		return utf8.encode(this.inode.target).length;
	}

	override readlink(): string {
		return this.inode.target;
	}
}

/** A file in memory. Its `data` is a view of a buffer that may be larger. */
class ShimFile extends ShimNode {
	readonly inode: File;
	/** The buffer with room at its end, if it is ours. */
	#roomy: ArrayBuffer | null = null;

	constructor(fs: ShimFileSystem, inode: File) {
		super(fs, "file");
		this.inode = inode;
	}

	override get changeable(): boolean {
		return !this.inode.readonly;
	}

	override size(): number {
		return this.inode.data.length;
	}

	override readable(): number {
		return this.size();
	}

	override writable(): number {
		return this.changeable ? AT_ONCE : super.writable();
	}

	override read(into: Uint8Array, at: number, length: number, position: number): number {
		const { data } = this.inode;
		const count = Math.max(0, Math.min(length, data.length - position));
		copyBytes(data, position, into, at, count);
		return count;
	}

	override write(from: Uint8Array, at: number, length: number, position: number): number {
		if (!this.changeable) return super.write(from, at, length, position);
		if (length === 0) return 0;
		if (position + length > this.size()) {
			const done = this.#grow(position + length);
			if (done !== 0) return done;
		}
		copyBytes(from, at, this.inode.data, position, length);
		this.modifiedNow();
		return length;
	}

	override truncate(size: number): Done {
		if (!this.changeable) return super.truncate(size);
		const { inode } = this;
		if (size > this.size()) {
			const done = this.#grow(size);
			if (done !== 0) return done;
		} else if (size === 0) {
			inode.data = new Uint8Array(0);
			this.#roomy = null;
		} else {
			// The shim's own truncation expects a view that begins where its buffer does.
			const { data } = inode;
			inode.data = data.byteOffset === 0 ? data.subarray(0, size) : data.slice(0, size);
		}
		this.modifiedNow();
		return 0;
	}

	#grow(size: number): Done {
		if (size > MOST) return EFBIG;
		const { data } = this.inode;
		if (data.buffer !== this.#roomy || size > this.#roomy.byteLength) {
			const roomy = buffer(Math.min(MOST, Math.max(size, data.length * 2)));
			if (roomy === null) return ENOSPC;
			new Uint8Array(roomy).set(data);
			this.#roomy = roomy;
		}
		const grown = new Uint8Array(this.#roomy, 0, size);
		grown.fill(0, data.length);
		this.inode.data = grown;
		return 0;
	}
}

/** The world may have no more memory, which is no fault of ours. */
function buffer(size: number): ArrayBuffer | null {
	try {
		return new ArrayBuffer(size);
	} catch {
		return null;
	}
}

/** A file of another class, such as SyncOPFSFile: all that is known of it is what its Fd does. */
class OpenedFile extends ShimNode {
	readonly inode: Inode;
	#fd: Fd | null;
	readonly #writes: boolean;

	constructor(fs: ShimFileSystem, inode: Inode, fd: Fd | null, writes: boolean) {
		super(fs, "file");
		this.inode = inode;
		this.#fd = fd;
		this.#writes = writes;
	}

	override get changeable(): boolean {
		return this.#writes;
	}

	#open(): Fd | Errno {
		if (this.#fd !== null) return this.#fd;
		const rights = wasi.RIGHTS_FD_READ | (this.#writes ? wasi.RIGHTS_FD_WRITE : 0);
		const { ret, fd_obj } = this.inode.path_open(0, BigInt(rights), 0);
		if (fd_obj === null) return answer(ret) || EIO;
		this.#fd = fd_obj;
		return fd_obj;
	}

	override size(): number {
		return Number(this.inode.stat().size);
	}

	override readable(): number {
		return this.size();
	}

	override writable(): number {
		return this.#writes ? AT_ONCE : super.writable();
	}

	override read(into: Uint8Array, at: number, length: number, position: number): number {
		const fd = this.#open();
		if (typeof fd === "number") return fd;
		const { ret, data } = fd.fd_pread(length, BigInt(position));
		if (ret !== 0) return answer(ret);
		const count = Math.min(length, data.length);
		copyBytes(data, 0, into, at, count);
		return count;
	}

	override write(from: Uint8Array, at: number, length: number, position: number): number {
		if (!this.#writes) return super.write(from, at, length, position);
		if (length === 0) return 0;
		const fd = this.#open();
		if (typeof fd === "number") return fd;
		// It may keep what it is given.
		const { ret, nwritten } = fd.fd_pwrite(from.slice(at, at + length), BigInt(position));
		if (ret !== 0) return answer(ret);
		this.modifiedNow();
		return Math.min(length, nwritten);
	}

	override truncate(size: number): Done {
		if (!this.#writes) return super.truncate(size);
		const fd = this.#open();
		if (typeof fd === "number") return fd;
		this.modifiedNow();
		return answer(fd.fd_filestat_set_size(BigInt(size)));
	}

	override sync(): Done {
		return this.#fd === null ? 0 : answer(this.#fd.fd_sync());
	}

	override closed(): Done {
		const closed = this.#fd === null ? 0 : answer(this.#fd.fd_close());
		this.#fd = null;
		return closed;
	}
}

/** The node as the guest knows it: over a directory of the shim may lie an overlay. */
function shown(node: Node): INode {
	return node.wrapper ?? node;
}

class ShimDirectory extends ShimNode {
	readonly inode: Directory;
	/** The order in which entries are listed. The page may change `contents` at any time, so what
	 *  is here is checked against them. */
	readonly #order = new Entries();
	#removed = false;

	constructor(fs: ShimFileSystem, inode: Directory) {
		super(fs, "directory");
		this.inode = inode;
	}

	override stat(out: Stat): Done {
		super.stat(out);
		out.links = this.#removed ? 0 : 2;
		for (const item of this.inode.contents.values()) if (item instanceof Directory) out.links += 1;
		return 0;
	}

	override lookup(name: string): INode | Errno {
		const node = this.#child(name);
		return node === undefined ? ENOENT : shown(node);
	}

	#child(name: string): Node | undefined {
		const inode = this.inode.contents.get(name);
		return inode === undefined ? undefined : this.fs.node(inode);
	}

	override create(name: string, type: "file" | "directory"): INode | Errno {
		return (
			this.#insert(name, type === "file" ? new File([]) : new Directory([])) || this.lookup(name)
		);
	}

	override symlink(name: string, target: string): Done {
		return this.#insert(name, new Symlink(target));
	}

	override link(name: string, node: INode): Done {
		if (node.type === "directory") return EPERM;
		const bare = node instanceof Node ? node.upperNode() : node;
		if (typeof bare === "number") return bare;
		if (!(bare instanceof ShimNode) || bare.fs !== this.fs) return EXDEV;
		if (bare.links === 0) return ENOENT;
		const wrong = this.#insert(name, bare.inode);
		if (wrong === 0) bare.linked(1);
		return wrong;
	}

	override remove(name: string, type: "file" | "directory"): Done {
		const node = this.#child(name);
		if (node === undefined) return ENOENT;
		const wrong = wrongType(node, type) || (type === "directory" ? emptiness(shown(node)) : 0);
		if (wrong === 0) this.#drop(name, node);
		return wrong;
	}

	override rename(name: string, to: INode, newName: string): Done {
		const node = this.#child(name);
		const inode = this.inode.contents.get(name);
		if (node === undefined || inode === undefined) return ENOENT;
		if (!(to instanceof ShimDirectory) || to.fs !== this.fs) {
			return to instanceof Node && to.dev === this.dev ? to.receive(this, name, newName) : EXDEV;
		}
		const old = to.#child(newName);
		if (old === node) return 0;
		const wrong = to.#refuses(node, old);
		if (wrong !== 0) return wrong;
		if (old !== undefined) to.#lose(old);
		this.inode.contents.delete(name);
		to.inode.contents.set(newName, inode);
		if (to.#order.has(newName)) to.#order.put(newName, node);
		else if (to === this) this.#order.relabel(name, newName);
		this.#order.delete(name);
		this.modifiedNow();
		to.modifiedNow();
		return 0;
	}

	override listing(): number {
		this.#catchUp();
		return super.listing();
	}

	override readdir(cursor: number, out: Entry, until = Number.POSITIVE_INFINITY): number {
		if (cursor === 0) this.#catchUp();
		for (;;) {
			let slot = this.#order.after(cursor, until);
			if (slot === undefined && this.#order.count !== this.inode.contents.size) {
				this.#catchUp();
				slot = this.#order.after(cursor, until);
			}
			if (slot === undefined) return 0;
			// A page may have removed or replaced it.
			const child = this.#child(slot.name);
			if (child === undefined) {
				this.#order.delete(slot.name);
				continue;
			}
			if (child !== slot.node) this.#order.put(slot.name, child);
			out.name = slot.name;
			const node = shown(child);
			out.ino = node.ino;
			out.type = node.type;
			return slot.cursor;
		}
	}

	/** Appends the names that are new. What no path can name is not listed either. */
	#catchUp(): void {
		for (const [name, inode] of this.inode.contents) {
			if (isName(name) && !this.#order.has(name)) this.#order.add(name, this.fs.node(inode));
		}
	}

	#insert(name: string, inode: Inode): Done {
		if (this.inode.contents.has(name)) return EEXIST;
		if (this.#removed) return ENOENT;
		this.inode.contents.set(name, inode);
		this.#order.delete(name);
		this.modifiedNow();
		return 0;
	}

	/** Why `node` cannot come here in place of `old`. */
	#refuses(node: Node, old: Node | undefined): Done {
		if (node instanceof ShimDirectory && node.#holds(this, new Set())) return EINVAL;
		if (old === undefined) return this.#removed ? ENOENT : 0;
		return wrongReplacement(node, shown(old));
	}

	/** Whether `directory` is this one or somewhere in it. A page can build a circle. */
	#holds(directory: ShimDirectory, seen: Set<Inode>): boolean {
		if (directory === this) return true;
		seen.add(this.inode);
		for (const inode of this.inode.contents.values()) {
			if (!(inode instanceof Directory) || seen.has(inode)) continue;
			const child = this.fs.node(inode);
			if (child instanceof ShimDirectory && child.#holds(directory, seen)) return true;
		}
		return false;
	}

	#drop(name: string, node: Node): void {
		this.inode.contents.delete(name);
		this.#order.delete(name);
		this.#lose(node);
	}

	/** A node that was here loses one name. */
	#lose(node: Node): void {
		if (node instanceof ShimDirectory) node.#removed = true;
		else if (node instanceof ShimNode) node.linked(-1);
		this.modifiedNow();
	}
}

/** An Fd as a stream of bytes: a terminal's if it says so, else a pipe's. */
class ShimStream extends Device {
	readonly #fd: Fd;
	/** What the Fd gave beyond what was asked for. */
	#rest = new Uint8Array(0);

	constructor(fd: Fd, type: "device" | "pipe") {
		super(type);
		this.#fd = fd;
	}

	override read(into: Uint8Array, at: number, length: number, _position: number): number {
		if (length === 0) return 0;
		if (this.#rest.length === 0) {
			const { ret, data } = this.#fd.fd_read(length);
			if (ret !== 0) return answer(ret);
			this.#rest = data.slice();
		}
		const count = Math.min(length, this.#rest.length);
		copyBytes(this.#rest, 0, into, at, count);
		this.#rest = this.#rest.subarray(count);
		return count;
	}

	override write(from: Uint8Array, at: number, length: number, _position: number): number {
		// It may keep what it is given.
		const { ret, nwritten } = this.#fd.fd_write(from.slice(at, at + length));
		return ret === 0 ? Math.min(length, nwritten) : answer(ret);
	}

	/** It cannot be asked; but it never waits. */
	override readable(): number {
		return Math.max(1, this.#rest.length);
	}

	override sync(): Done {
		return answer(this.#fd.fd_sync());
	}

	override closed(): Done {
		return answer(this.#fd.fd_close());
	}
}

function shimStream(fd: Fd): Node {
	const { fdstat } = fd.fd_fdstat_get();
	const isPipe = fdstat !== null && fdstat.fs_filetype !== wasi.FILETYPE_CHARACTER_DEVICE;
	return new ShimStream(fd, isPipe ? "pipe" : "device");
}

/** `fd` as the node of a standard stream or a device. */
export function shimDevice(fd: Fd): INode {
	return shimStream(fd);
}

const realTime = () => BigInt(Date.now()) * 1_000_000n;

/** `inode` as the root of a tree of its own. */
export function shimNode(inode: Inode, now: () => bigint = realTime): INode {
	return new ShimFileSystem(inode, now).root;
}

/** `directory` as something to mount. Changes show in its `contents` at once, and the other way. */
export function shimFileSystem(directory: Directory, now: () => bigint = realTime): FileSystem {
	return new ShimFileSystem(directory, now);
}

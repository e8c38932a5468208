/**
 * Nodes: what a tree is made of, and what every file system answers.
 *
 * Everything here is synchronous. A call that needs something which is not in memory opens a ticket
 * at its bridge and answers PENDING; the caller passes that up, and the entry to all system calls
 * waits and calls again from the start. The one rule that makes this work is *look, then leap*: a
 * call changes nothing until nothing it needs can be pending.
 *
 * The base class `Node` answers each call as POSIX would for its type, so that a file system is the
 * list of what it does differently.
 */
import {
	type Done,
	EEXIST,
	EINVAL,
	EISDIR,
	ENOENT,
	ENOTDIR,
	ENOTEMPTY,
	EPERM,
	EROFS,
	type Errno,
	EXDEV,
} from "../abi/errno.ts";
import type { Ticket } from "../bridge/bridge.ts";
import { moment } from "./entries.ts";

/** One call of `sync`, from its first run to its last. It waits for all that was changed before its first
 *  run, and not for what is changed meanwhile. */
export interface SyncRequest {
	/** Done when the store has answered all changes made before. */
	answered?: Ticket<void>;
	/** Done when the store has answered the changes it had refused, which were sent again. */
	retried?: Ticket<void>;
	/** How many changes the call wants to be durable. */
	durableCount?: number;
}

export type FileType = "file" | "directory" | "symlink" | "device" | "pipe";

/** What `stat` fills in. The caller owns it and uses it again. Times are nanoseconds since 1970. */
export interface Stat {
	dev: number;
	ino: number;
	type: FileType;
	/** Bytes; for a symlink the bytes of its target. */
	size: number;
	links: number;
	accessed: bigint;
	modified: bigint;
	changed: bigint;
}

/** What `readdir` fills in. */
export interface Entry {
	name: string;
	ino: number;
	type: FileType;
}

/**
 * A file, directory, symlink, device or pipe, as whoever has it open knows it: all that a descriptor
 * can ask. One file is one object, so `===` tells whether two paths lead to the same place, and a
 * removed file lives for as long as something holds its node.
 *
 * Every call may also answer PENDING, and then it has changed nothing.
 */
export interface OpenNode {
	/** Unique among all nodes of this thread. */
	readonly ino: number;
	/** The number of the file system; two nodes can be linked or renamed only where it is the same. */
	readonly dev: number;
	readonly type: FileType;
	/** How many descriptors are open on it. The descriptor table counts; see `closed`. */
	handles: number;
	stat(out: Stat): Done;
	/** Sets the times it is given, in nanoseconds since 1970; null leaves one as it is. */
	setTimes(accessed: bigint | null, modified: bigint | null): Done;
	/** 0 once all earlier writes are where they belong. One that failed in the background is
	 *  reported here, once. The caller passes the same `request` each time it runs again; two callers
	 *  that pass none wait for each other's writes. */
	sync(request?: SyncRequest): Done;
	/** The last descriptor on this node has gone. A pipe tells its other end. Waits for nothing, but
	 *  tells, as `sync` would, what has failed in the background by now. */
	closed(): Done;
	/** Copies bytes to `into[at]` and returns how many: 0 at the end, and fewer than `length`
	 *  where the rest would have to be waited for. Devices and pipes ignore `position`. */
	read(into: Uint8Array, at: number, length: number, position: number): number;
	/** Copies bytes from `from[at]` and returns how many; a gap before `position` reads as zeros.
	 *  Errors: ENOSPC, EFBIG. */
	write(from: Uint8Array, at: number, length: number, position: number): number;
	/** The size in bytes, which appending needs on each write: `stat` without the rest. */
	size(): number;
	truncate(size: number): Done;
	/** How many bytes `read` would give at once; PENDING if it would wait. */
	readable(): number;
	/** How many bytes `write` would take at once; PENDING if it would wait. */
	writable(): number;
	/** Begins to list a directory: the moment for `until` of `readdir`. */
	listing(): number;
	/** Fills `out` with the entry after `cursor` and returns its own cursor; 0 after the last.
	 *  A cursor stays good while other entries come and go. With `until`, what was made after that
	 *  moment is left out, so a listing ends although its reader makes files; each name that stays is
	 *  listed once, and none twice. `.` and `..` are not listed. */
	readdir(cursor: number, out: Entry, until?: number): number;
	/** Opening `/dev/stdin` yields the process's own descriptor: its number, else -1. */
	readonly descriptor: number;
}

/** A node, as the tree that it belongs to knows it. */
export interface INode extends OpenNode {
	/** The child called `name`, a single component, never `.` or `..`. Errors: ENOENT. */
	lookup(name: string): INode | Errno;
	/** Errors: EEXIST, even when the existing one is of the same type. */
	create(name: string, type: "file" | "directory"): INode | Errno;
	symlink(name: string, target: string): Done;
	/** Gives `node` a second name. Errors: EEXIST; EXDEV; EPERM for a directory. */
	link(name: string, node: INode): Done;
	/** Removes a name; `type` says whether the guest called unlink or rmdir.
	 *  Errors: ENOENT, EISDIR, ENOTDIR, ENOTEMPTY. */
	remove(name: string, type: "file" | "directory"): Done;
	/** Moves a child, replacing what POSIX lets it replace.
	 *  Errors: ENOENT, EXDEV, EISDIR, ENOTDIR, ENOTEMPTY; EINVAL into its own subtree. */
	rename(name: string, to: INode, newName: string): Done;
	/** The target as it was written. Errors: EINVAL when this is no symlink. */
	readlink(): string | Errno;
	/** The target as a walk follows it: an absolute path is taken from the root of the namespace.
	 *  Differs from `readlink` where a file system gives "absolute" a meaning of its own. */
	follow(): string | Errno;
}

export interface FileSystem {
	readonly root: INode;
	/** 0 once every change is durable; PENDING until then. */
	sync(request?: SyncRequest): Done;
}

let lastIno = 0;
let lastDev = 0;

/** A number for a new node. */
function nextIno(): number {
	lastIno += 1;
	return lastIno;
}

/** A number for a new file system. */
export function nextDev(): number {
	lastDev += 1;
	return lastDev;
}

/** A Stat to fill. */
export function emptyStat(): Stat {
	return {
		dev: 0,
		ino: 0,
		type: "file",
		size: 0,
		links: 1,
		accessed: 0n,
		modified: 0n,
		changed: 0n,
	};
}

/** An Entry to fill. */
export function emptyEntry(): Entry {
	return { name: "", ino: 0, type: "file" };
}

/** Answers as POSIX would for a read-only node of its type. */
export abstract class Node implements INode {
	readonly ino: number = nextIno();
	readonly dev: number;
	readonly type: FileType;
	handles = 0;
	readonly descriptor: number = -1;
	/** The overlay's node around this one, which the guest knows instead. A directory of an upper hands out
	 *  the wrapper, so that a file stays the same object when the overlay copies it up. */
	wrapper: INode | null = null;
	/** The opposite: the upper's node that this one wraps. */
	wrapped: INode | null = null;

	constructor(dev: number, type: FileType) {
		this.dev = dev;
		this.type = type;
	}

	abstract stat(out: Stat): Done;

	setTimes(_accessed: bigint | null, _modified: bigint | null): Done {
		return EROFS;
	}

	sync(_request?: SyncRequest): Done {
		return 0;
	}

	closed(): Done {
		return 0;
	}

	read(_into: Uint8Array, _at: number, _length: number, _position: number): number {
		return this.type === "directory" ? EISDIR : EINVAL;
	}

	write(_from: Uint8Array, _at: number, _length: number, _position: number): number {
		return this.type === "directory" ? EISDIR : EROFS;
	}

	size(): number {
		return 0;
	}

	truncate(_size: number): Done {
		if (this.type === "directory") return EISDIR;
		return this.type === "file" ? EROFS : EINVAL;
	}

	readable(): number {
		return this.type === "directory" ? EISDIR : 0;
	}

	writable(): number {
		if (this.type === "directory") return EISDIR;
		return this.type === "file" ? EROFS : 65536;
	}

	lookup(_name: string): INode | Errno {
		return this.type === "directory" ? ENOENT : ENOTDIR;
	}

	create(name: string, _type: "file" | "directory"): INode | Errno {
		return this.#refuse(name);
	}

	symlink(name: string, _target: string): Done {
		return this.#refuse(name);
	}

	link(name: string, node: INode): Done {
		if (node.type === "directory") return EPERM;
		return this.#refuse(name);
	}

	remove(name: string, type: "file" | "directory"): Done {
		const node = this.lookup(name);
		if (typeof node === "number") return node;
		return wrongType(node, type) || EROFS;
	}

	rename(name: string, _to: INode, _newName: string): Done {
		const node = this.lookup(name);
		return typeof node === "number" ? node : EROFS;
	}

	listing(): number {
		return this.type === "directory" ? moment() : ENOTDIR;
	}

	readdir(_cursor: number, _out: Entry, _until?: number): number {
		return this.type === "directory" ? 0 : ENOTDIR;
	}

	readlink(): string | Errno {
		return EINVAL;
	}

	follow(): string | Errno {
		return this.readlink();
	}

	/** Whether it can be opened for writing; what is no file always can. */
	get changeable(): boolean {
		return this.type !== "file";
	}

	/** The node that holds the contents in a writable file system. An overlay copies the file up to have
	 *  one. */
	upperNode(): INode | Errno {
		return this;
	}

	/** Takes in a child of `from`, which is a directory of another class but of the same `dev`.
	 *  `from` calls it when it does not know what `to` in its own `rename` is. */
	receive(_from: INode, _name: string, _newName: string): Done {
		return this.type === "directory" ? EXDEV : ENOTDIR;
	}

	/** A new name in a read-only directory: EEXIST before EROFS, as Linux answers. */
	#refuse(name: string): Errno {
		const node = this.lookup(name);
		if (typeof node !== "number") return EEXIST;
		return node === ENOENT ? EROFS : node;
	}
}

/** Why `type` is the wrong way to remove `node`; 0 where it is right. */
export function wrongType(node: INode, type: "file" | "directory"): Done {
	if (type === "file") return node.type === "directory" ? EISDIR : 0;
	return node.type === "directory" ? 0 : ENOTDIR;
}

/** ENOTEMPTY where a directory has an entry, 0 where it has none. */
export function emptiness(directory: INode): Done {
	const next = directory.readdir(0, scratch);
	if (next > 0) return ENOTEMPTY;
	// Not above 0: no entry, or the Errno of `readdir`.
	return next as Done;
}

const scratch = emptyEntry();

/** Why `node` cannot take the place of `old`; 0 where it can. Errors: EISDIR, ENOTDIR, ENOTEMPTY. */
export function wrongReplacement(node: INode, old: INode): Done {
	if (node.type !== "directory") return old.type === "directory" ? EISDIR : 0;
	return old.type === "directory" ? emptiness(old) : ENOTDIR;
}

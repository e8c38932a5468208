/**
 * What a path can be asked for: one function per operation, over a Namespace.
 *
 * A system call decodes its arguments, calls one of these and encodes the answer; what POSIX says
 * about last components (`.`, `..`, a trailing slash, a symlink, a mount point) is decided here and
 * nowhere else. All of them look first and change one thing last, so each may answer PENDING.
 *
 * The errors at each function are those that it adds. All can give what a walk gives: ENOENT, ENOTDIR, ELOOP,
 * ENAMETOOLONG; EPERM for a path that leaves what the guest may see; and the errors of the file system that
 * the node belongs to. Where Linux and POSIX differ, the answer is Linux's, because the programs were
 * written there: EISDIR for `unlink` of a directory (POSIX: EPERM), EEXIST before EROFS, ENOTEMPTY for `rmdir`
 * of `..`, EBUSY for a rename of `.` or `..`.
 *
 * `from` is the directory of a descriptor, or the current directory. Two places are kept and used
 * again, because nothing here calls itself.
 */
import {
	type Done,
	EBUSY,
	EEXIST,
	EINVAL,
	EISDIR,
	ELOOP,
	ENOENT,
	ENOTDIR,
	ENOTEMPTY,
	EPERM,
	EROFS,
	type Errno,
	EXDEV,
} from "../abi/errno.ts";
import { emptyPlace, type Namespace } from "./namespace.ts";
import { type INode, Node, type OpenNode, type Stat } from "./node.ts";
import { checkPath, type Place } from "./walk.ts";

/** How `open` treats what it finds; the numbers are those of the ABI's `oflags`. */
export const CREATE = 1;
export const DIRECTORY = 2;
export const EXCLUSIVE = 4;
export const TRUNCATE = 8;

let first: Place | undefined;
let second: Place | undefined;

function placeOne(ns: Namespace): Place {
	first ??= emptyPlace(ns.root);
	return first;
}

function placeTwo(ns: Namespace): Place {
	second ??= emptyPlace(ns.root);
	return second;
}

/** Whether the path ended in a name, rather than in `.`, `..` or the root. */
function isName(place: Place): boolean {
	const { name } = place;
	return name !== "." && name !== ".." && name !== "/";
}

/** The node at `path`. Errors: those of a walk, and ENOENT. */
export function find(ns: Namespace, from: INode, path: string, follow: boolean): INode | Errno {
	const place = placeOne(ns);
	const done = ns.walk(from, path, follow, place);
	if (done !== 0) return done;
	if (place.node === null) return ENOENT;
	if (place.node.type === "directory") ns.remember(place.node);
	return place.node;
}

/**
 * The node that a descriptor is to be opened on, created or emptied as `flags` say. `writes` tells
 * whether the descriptor could write.
 *
 * Errors: EEXIST for CREATE and EXCLUSIVE; EROFS; ELOOP for a symlink that is not followed; EISDIR where
 * a directory would be written, emptied or created; ENOTDIR for DIRECTORY on anything else; EINVAL
 * for CREATE with DIRECTORY.
 */
export function open(
	ns: Namespace,
	from: INode,
	path: string,
	follow: boolean,
	flags: number,
	writes: boolean,
): INode | Errno {
	if ((flags & CREATE) !== 0) return openOrCreate(ns, from, path, follow, flags, writes);
	const node = find(ns, from, path, follow);
	return typeof node === "number" ? node : opened(node, flags, writes);
}

function openOrCreate(
	ns: Namespace,
	from: INode,
	path: string,
	follow: boolean,
	flags: number,
	writes: boolean,
): INode | Errno {
	if ((flags & DIRECTORY) !== 0) return EINVAL;
	const place = placeOne(ns);
	const exclusive = (flags & EXCLUSIVE) !== 0;
	const done = exclusive ? ns.entry(from, path, place) : ns.walk(from, path, follow, place);
	if (done !== 0) return done;
	if (place.node === null) {
		return place.mustBeDirectory ? EISDIR : place.directory.create(place.name, "file");
	}
	if (exclusive) return EEXIST;
	return place.node.type === "directory" ? EISDIR : opened(place.node, flags, writes);
}

function opened(node: INode, flags: number, writes: boolean): INode | Errno {
	if ((flags & DIRECTORY) !== 0 && node.type !== "directory") return ENOTDIR;
	if (node.type === "symlink") return ELOOP;
	if (node.type === "directory") return writes || (flags & TRUNCATE) !== 0 ? EISDIR : node;
	if (writes && node instanceof Node && !node.changeable) return EROFS;
	if ((flags & TRUNCATE) === 0 || node.type !== "file") return node;
	const done = node.truncate(0);
	return done === 0 ? node : done;
}

/** 0 where there is something at `path`. */
function exists(ns: Namespace, from: INode, path: string, follow: boolean): Done {
	const node = find(ns, from, path, follow);
	return typeof node === "number" ? node : 0;
}

/** Fills `out` with what is known about the node at `path`. */
export function stat(ns: Namespace, from: INode, path: string, follow: boolean, out: Stat): Done {
	const node = find(ns, from, path, follow);
	return typeof node === "number" ? node : node.stat(out);
}

/** Sets the times of the node at `path`, in nanoseconds since 1970; null leaves one as it is. */
export function setTimes(
	ns: Namespace,
	from: INode,
	path: string,
	follow: boolean,
	accessed: bigint | null,
	modified: bigint | null,
): Done {
	const node = find(ns, from, path, follow);
	return typeof node === "number" ? node : node.setTimes(accessed, modified);
}

/** Errors: EEXIST, whatever is there. */
export function mkdir(ns: Namespace, from: INode, path: string): Done {
	const place = placeOne(ns);
	const done = ns.entry(from, path, place);
	if (done !== 0) return done;
	if (place.node !== null) return EEXIST;
	const made = place.directory.create(place.name, "directory");
	return typeof made === "number" ? made : 0;
}

/** Errors: ENOENT; EISDIR for a directory; ENOTDIR for a file with a trailing slash. */
export function unlink(ns: Namespace, from: INode, path: string): Done {
	const place = placeOne(ns);
	const done = ns.entry(from, path, place);
	if (done !== 0) return done;
	if (place.node === null) return ENOENT;
	if (place.node.type === "directory") return EISDIR;
	return place.mustBeDirectory ? ENOTDIR : place.directory.remove(place.name, "file");
}

/** Errors: ENOENT, ENOTDIR, ENOTEMPTY; EBUSY for the root and for a mount point; EINVAL for `.`. */
export function rmdir(ns: Namespace, from: INode, path: string): Done {
	const place = placeOne(ns);
	const done = ns.entry(from, path, place);
	if (done !== 0) return done;
	if (place.node === null) return ENOENT;
	if (place.covered || place.node === ns.root) return EBUSY;
	if (place.name === ".") return EINVAL;
	if (place.name === "..") return ENOTEMPTY;
	return place.directory.remove(place.name, "directory");
}

/**
 * Moves the node at `path` to `newPath`, and replaces what is there where POSIX allows it. Two names
 * of one node: nothing happens.
 *
 * Errors: ENOENT; EBUSY for `.`, `..`, the root and mount points; EXDEV; ENOTDIR, also for a file
 * with a trailing slash; EISDIR, ENOTEMPTY; EINVAL into its own subtree.
 */
export function rename(ns: Namespace, from: INode, path: string, to: INode, newPath: string): Done {
	const old = placeOne(ns);
	const next = placeTwo(ns);
	let done = ns.entry(from, path, old);
	if (done !== 0) return done;
	done = ns.entry(to, newPath, next);
	if (done !== 0) return done;
	const { node } = old;
	if (node === null) return ENOENT;
	if (!isName(old) || !isName(next) || old.covered || next.covered) return EBUSY;
	const isDirectory = node.type === "directory";
	if ((old.mustBeDirectory || next.mustBeDirectory) && !isDirectory) return ENOTDIR;
	if (next.node === node) return 0;
	if (old.directory.dev !== next.directory.dev) return EXDEV;
	const { directory } = next;
	done = old.directory.rename(old.name, directory, next.name);
	if (done === 0 && isDirectory) ns.moved(node, directory);
	return done;
}

/** Gives the node at `path` a second name. Errors: EEXIST; EXDEV; EPERM for a directory. */
export function link(
	ns: Namespace,
	from: INode,
	path: string,
	follow: boolean,
	to: INode,
	newPath: string,
): Done {
	const old = placeOne(ns);
	const next = placeTwo(ns);
	let done = ns.walk(from, path, follow, old);
	if (done !== 0) return done;
	done = ns.entry(to, newPath, next);
	if (done !== 0) return done;
	if (old.node === null) return ENOENT;
	if (next.node !== null) return EEXIST;
	if (next.mustBeDirectory) return ENOENT;
	if (old.node.type === "directory") return EPERM;
	if (old.node.dev !== next.directory.dev) return EXDEV;
	return next.directory.link(next.name, old.node);
}

/** Errors: EEXIST; ENOENT for an empty target and for a missing name with a trailing slash, ENOTDIR
 *  where that name is a file; EPERM for an absolute target that could not be followed. */
export function symlink(ns: Namespace, target: string, from: INode, path: string): Done {
	const wrong = checkPath(target);
	if (wrong !== 0) return wrong;
	if (target.startsWith("/") && !ns.mayRestart(from)) return EPERM;
	const place = placeOne(ns);
	const done = ns.entry(from, path, place);
	if (done !== 0) return done;
	if (place.node !== null) {
		return place.mustBeDirectory && place.node.type !== "directory" ? ENOTDIR : EEXIST;
	}
	if (place.mustBeDirectory) return ENOENT;
	return place.directory.symlink(place.name, target);
}

/** The target of the symlink at `path`, as it was written. Errors: EINVAL for anything else. */
export function readlink(ns: Namespace, from: INode, path: string): string | Errno {
	const node = find(ns, from, path, false);
	return typeof node === "number" ? node : node.readlink();
}

/** What a guest knows of its tree. */
export interface View {
	readonly root: OpenNode;
	/** Paths may begin with a slash, and rise above the directory where they begin. */
	absolute: boolean;
}

/**
 * The operations as a guest finds them. Where its tree is in another thread they are others, and
 * each is one question, so that nothing can come between the look and the leap. Of nodes, a guest
 * gets only those that it opens.
 */
export interface Operations {
	exists(ns: View, from: OpenNode, path: string, follow: boolean): Done;
	stat(ns: View, from: OpenNode, path: string, follow: boolean, out: Stat): Done;
	open(
		ns: View,
		from: OpenNode,
		path: string,
		follow: boolean,
		flags: number,
		writes: boolean,
	): OpenNode | Errno;
	setTimes(
		ns: View,
		from: OpenNode,
		path: string,
		follow: boolean,
		accessed: bigint | null,
		modified: bigint | null,
	): Done;
	mkdir(ns: View, from: OpenNode, path: string): Done;
	unlink(ns: View, from: OpenNode, path: string): Done;
	rmdir(ns: View, from: OpenNode, path: string): Done;
	rename(ns: View, from: OpenNode, path: string, to: OpenNode, newPath: string): Done;
	link(
		ns: View,
		from: OpenNode,
		path: string,
		follow: boolean,
		to: OpenNode,
		newPath: string,
	): Done;
	symlink(ns: View, target: string, from: OpenNode, path: string): Done;
	readlink(ns: View, from: OpenNode, path: string): string | Errno;
}

export const operations: Operations = {
	exists,
	stat,
	open,
	setTimes,
	mkdir,
	unlink,
	rmdir,
	rename,
	link,
	symlink,
	readlink,
};

/**
 * Paths to nodes: `..`, symlinks, mounts, and no escape.
 *
 * A walk goes one component at a time and asks each directory for the next name. What is hard is
 * `..`: a node does not know its parent, because the same tree may be mounted in two places and a
 * mount covers a node, not a path. So the walk keeps the directories it came through on a stack, and
 * `..` pops it. Below the bottom of the stack lies `from`, the directory of a descriptor: a preview1
 * guest may not rise above that (EPERM) unless it is its working directory; a WASIX guest may. Then the
 * parent is one that an earlier walk has *remembered* when it opened the directory.
 *
 * A symlink is replaced by its target: the rest of the path is appended to the target and the walk
 * goes on, at most 40 times. The usual path of one or two plain components allocates nothing but
 * the names.
 */
import {
	type Done,
	EINVAL,
	ELOOP,
	ENAMETOOLONG,
	ENOENT,
	ENOTDIR,
	EPERM,
	type Errno,
} from "../abi/errno.ts";
import type { INode } from "./node.ts";

/** Where a walk ended. The caller owns it and uses it again. */
export interface Place {
	/** The directory that holds `name`. */
	directory: INode;
	/** The last component; `.`, `..` or `/` where the path ends in one, and then `node` is
	 *  `directory`. */
	name: string;
	/** Null when only the last name is missing. */
	node: INode | null;
	/** The path ends in a slash, so that only a directory will do. */
	mustBeDirectory: boolean;
	/** `node` is the root of a mount that covers the node called `name`. */
	covered: boolean;
}

/** What becomes of a symlink in the last component. */
export const NO_FOLLOW = 0;
export const FOLLOW = 1;
/** The name itself is meant, to be made, moved or removed: not followed even before a slash. */
export const ENTRY = 2;

/** What a walk needs to know about the tree it walks in. */
export interface Terrain {
	readonly root: INode;
	/** Absolute paths are allowed, and `..` may rise above `from`, as far as the root. */
	readonly absolute: boolean;
	/** The directory above which `..` may rise all the same, as far as the root. */
	readonly current: INode | null;
	/** Whether a symlink with an absolute target is followed on a walk from `from`. */
	mayRestart(from: INode): boolean;
	/** The node that is visible where `node` lies: the root of what is mounted on it, or itself. */
	over(node: INode): INode;
}

const MAX_HOPS = 40;
export const MAX_NAME = 255;
const MAX_PATH = 4096;
/** A path with its symlinks put in; more than that is nobody's honest tree. */
const MAX_EXPANDED = 65536;
/** How deep names are remembered. */
const MOST_KNOWN = 16;
const SLASH = 47;
const DOT = 46;

export class Walk {
	readonly #terrain: Terrain;
	/** The directories that the walk came through; the first `#depth` are valid. */
	readonly #stack: INode[] = [];
	#depth = 0;
	#hops = 0;
	/** The last name of a directory at each depth. */
	readonly #known: string[] = [];
	/** Whether `..` at the bottom of the stack is clamped or looked up rather than EPERM. */
	#free = false;
	readonly #parents: WeakMap<INode, INode>;

	/** `parents` are those of directories that have been opened, for `..` above a descriptor. */
	constructor(terrain: Terrain, parents: WeakMap<INode, INode>) {
		this.#terrain = terrain;
		this.#parents = parents;
	}

	/** Errors: ENOENT for an empty path or a missing middle, ENOTDIR, ELOOP, EPERM for an escape,
	 *  ENAMETOOLONG, EINVAL for a path with a NUL. */
	run(from: INode, path: string, mode: number, out: Place): Done {
		const wrong = checkPath(path);
		if (wrong !== 0) return wrong;
		if (from.type !== "directory") return ENOTDIR;
		this.#depth = 0;
		this.#hops = 0;
		const { absolute, current, root } = this.#terrain;
		this.#free = absolute || from === current;
		if (path.charCodeAt(0) !== SLASH) return this.#go(from, path, mode, out);
		return absolute ? this.#go(root, path, mode, out) : EPERM;
	}

	/** Notes the way of the last walk, which ended at the directory `node`. */
	remember(node: INode): void {
		let child = node;
		for (let i = this.#depth - 1; i >= 0; i--) {
			const parent = this.#stack[i] as INode;
			if (parent !== child) this.#parents.set(child, parent);
			child = parent;
		}
	}

	/** Notes that the directory `node` now lies in `parent`, where its old one was known. */
	moved(node: INode, parent: INode): void {
		if (this.#parents.has(node)) this.#parents.set(node, parent);
	}

	#go(from: INode, way: string, mode: number, out: Place): Done {
		let directory = from;
		let path = way;
		let start = skipSlashes(path, 0);
		while (start < path.length) {
			let end = path.indexOf("/", start);
			if (end < 0) end = path.length;
			const next = skipSlashes(path, end);
			const last = next === path.length;
			const dots = countDots(path, start, end);
			if (dots > 0) {
				if (dots === 2) {
					const parent = this.#up(directory);
					if (typeof parent === "number") return parent;
					directory = parent;
				}
				if (last) return here(directory, dots === 1 ? "." : "..", out);
				start = next;
				continue;
			}
			if (end - start > MAX_NAME / 3 && utf8Length(path, start, end) > MAX_NAME) {
				return ENAMETOOLONG;
			}
			const name = last ? path.slice(start, end) : this.#component(path, start, end);
			const found = directory.lookup(name);
			if (typeof found === "number") {
				if (found !== ENOENT || !last) return found;
				return arrive(directory, name, null, next > end, false, out);
			}
			const slash = next > end;
			if (found.type === "symlink" && follows(mode, last, slash)) {
				const target = this.#hop(found);
				if (typeof target === "number") return target;
				path = last && !slash ? target : `${target}/${path.slice(next)}`;
				if (path.length > MAX_EXPANDED) return ENAMETOOLONG;
				if (target.charCodeAt(0) === SLASH) {
					if (!this.#terrain.mayRestart(from)) return EPERM;
					directory = this.#terrain.root;
					this.#depth = 0;
					this.#free = true;
				}
				start = skipSlashes(path, 0);
				continue;
			}
			const node = this.#terrain.over(found);
			if (last) {
				if (slash && mode !== ENTRY && node.type !== "directory") return ENOTDIR;
				this.#stack[this.#depth++] = directory;
				return arrive(directory, name, node, slash, node !== found, out);
			}
			if (node.type !== "directory") return ENOTDIR;
			this.#stack[this.#depth++] = directory;
			directory = node;
			start = next;
		}
		return here(directory, "/", out);
	}

	/**
	 * The name of a directory on the way: the very string of an earlier walk if it is the same name.
	 * Programs go the same way again and again, and a map finds a string that it has seen before
	 * without hashing and comparing it.
	 */
	#component(path: string, start: number, end: number): string {
		const known = this.#known[this.#depth];
		if (known !== undefined && known.length === end - start && path.startsWith(known, start)) {
			return known;
		}
		const name = path.slice(start, end);
		if (this.#depth < MOST_KNOWN) this.#known[this.#depth] = name;
		return name;
	}

	#up(directory: INode): INode | Errno {
		if (this.#depth > 0) {
			this.#depth -= 1;
			return this.#stack[this.#depth] as INode;
		}
		if (!this.#free) return EPERM;
		if (directory === this.#terrain.root) return directory;
		return this.#parents.get(directory) ?? EPERM;
	}

	#hop(link: INode): string | Errno {
		this.#hops += 1;
		if (this.#hops > MAX_HOPS) return ELOOP;
		const target = link.follow();
		return target === "" ? ENOENT : target;
	}
}

function follows(mode: number, last: boolean, slash: boolean): boolean {
	return !last || mode === FOLLOW || (slash && mode !== ENTRY);
}

function arrive(
	directory: INode,
	name: string,
	node: INode | null,
	mustBeDirectory: boolean,
	covered: boolean,
	out: Place,
): Done {
	out.directory = directory;
	out.name = name;
	out.node = node;
	out.mustBeDirectory = mustBeDirectory;
	out.covered = covered;
	return 0;
}

function here(directory: INode, name: string, out: Place): Done {
	return arrive(directory, name, directory, true, false, out);
}

function skipSlashes(path: string, index: number): number {
	let i = index;
	while (path.charCodeAt(i) === SLASH) i++;
	return i;
}

/** 1 for `.`, 2 for `..`, 0 for a name. */
function countDots(path: string, start: number, end: number): number {
	if (path.charCodeAt(start) !== DOT || end - start > 2) return 0;
	if (end - start === 1) return 1;
	return path.charCodeAt(start + 1) === DOT ? 2 : 0;
}

/** Why `path` is no path at all, or 0. */
export function checkPath(path: string): Done {
	if (path.length === 0) return ENOENT;
	if (path.length >= MAX_PATH / 3 && utf8Length(path, 0, path.length) >= MAX_PATH) {
		return ENAMETOOLONG;
	}
	return path.includes("\0") ? EINVAL : 0;
}

/** The bytes that part of a string takes in UTF-8. */
export function utf8Length(text: string, start: number, end: number): number {
	let bytes = 0;
	for (let i = start; i < end; i++) {
		const code = text.charCodeAt(i);
		if (code < 0x80) bytes += 1;
		else if (code < 0x800) bytes += 2;
		// Each half of a surrogate pair counts two of the pair's four bytes; a lone half, which is
		// encoded as U+FFFD, is counted one short.
		else bytes += code >= 0xd800 && code < 0xe000 ? 2 : 3;
	}
	return bytes;
}

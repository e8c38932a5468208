/**
 * What one process sees: a root, and the file systems mounted in it.
 *
 * A mount covers a *node* and not a path: whoever renames a directory above it takes the mount
 * along, and two names for one directory show the same mount. The covered node is the key of a map,
 * so a walk pays one look-up per directory, and none where nothing is mounted.
 */
import type { Done } from "../abi/errno.ts";
import { type FileSystem, type INode, Node } from "./node.ts";
import { ENTRY, FOLLOW, NO_FOLLOW, type Place, type Terrain, Walk } from "./walk.ts";

/** A file system and the directory it covers in the guest's tree. */
export interface Mount {
	/** Absolute; what is missing of it is created. */
	readonly path: string;
	readonly fs: FileSystem;
	readonly readOnly: boolean;
}

interface Mounted {
	readonly mount: Mount;
	readonly covered: INode;
	readonly root: INode;
}

/** Mounts that have been taken away, wherever that was done. Other namespaces may still list them. */
const unmounted = new WeakSet<Mount>();
/** How many. */
let unmounts = 0;

/** Takes a mount from every namespace that has it. */
export function forget(mount: Mount): void {
	unmounted.add(mount);
	unmounts += 1;
}

/** What the views of one tree share. */
export class MountedTrees {
	readonly fs: FileSystem;
	root: INode;
	mounted: Mounted[] = [];
	/** How many mounts had been taken away when those of this table last were. */
	#seen = unmounts;
	/** The covered node → the root of what is mounted on it. */
	readonly covers = new Map<INode, INode>();
	/** Parents of directories that somebody has opened, for `..` above a descriptor. */
	readonly parents = new WeakMap<INode, INode>();

	constructor(fs: FileSystem) {
		this.fs = fs;
		this.root = fs.root;
	}

	cover(mounted: Mounted): void {
		this.mounted.push(mounted);
		this.covers.set(mounted.covered, mounted.root);
		if (mounted.covered === this.root) this.root = mounted.root;
	}

	/** Drops what has been unmounted in this namespace or in another that has the same mount. */
	refresh(): void {
		if (this.#seen === unmounts) return;
		this.#seen = unmounts;
		const left = this.mounted.filter(({ mount }) => !unmounted.has(mount));
		if (left.length === this.mounted.length) return;
		this.mounted = [];
		this.covers.clear();
		this.root = this.fs.root;
		for (const mounted of left) this.cover(mounted);
	}
}

export class Namespace implements Terrain {
	/** WASIX: absolute paths are allowed, and `..` may rise above the directory of a descriptor. */
	absolute = false;
	/** Absolute symlinks are followed from every directory, not from the root only. */
	absoluteLinks = false;
	/** The working directory of the process, if it may see all of the tree: see `enter`. */
	current: INode | null = null;
	/** Shared with its views; `mounting.ts` changes it. */
	readonly table: MountedTrees;
	readonly #walk: Walk;

	constructor(from: FileSystem | MountedTrees) {
		this.table = from instanceof MountedTrees ? from : new MountedTrees(from);
		this.#walk = new Walk(this, this.table.parents);
	}

	get root(): INode {
		this.table.refresh();
		return this.table.root;
	}

	/** The same tree with the same mounts, those to come included, for a process that walks by other
	 *  rules. */
	view(): Namespace {
		const view = new Namespace(this.table);
		view.absolute = this.absolute;
		view.absoluteLinks = this.absoluteLinks;
		return view;
	}

	over(node: INode): INode {
		this.table.refresh();
		if (this.table.covers.size === 0 || node.type !== "directory") return node;
		let top = node;
		for (;;) {
			let next = this.table.covers.get(top);
			// An overlay may have wrapped the node since it was covered.
			if (next === undefined && top instanceof Node && top.wrapped !== null) {
				next = this.table.covers.get(top.wrapped);
			}
			if (next === undefined) return top;
			top = next;
		}
	}

	/** Walks from the directory `from`; see `Walk`. */
	walk(from: INode, path: string, follow: boolean, out: Place): Done {
		return this.#walk.run(from, path, follow ? FOLLOW : NO_FOLLOW, out);
	}

	/** Walks to a name that is to be made, moved or removed: a symlink there is not followed, even
	 *  before a trailing slash. */
	entry(from: INode, path: string, out: Place): Done {
		return this.#walk.run(from, path, ENTRY, out);
	}

	/** Whether a symlink with an absolute target is followed on a walk from `from`. */
	mayRestart(from: INode): boolean {
		return this.absolute || this.absoluteLinks || from === this.root;
	}

	/** Notes how the last walk came to the directory `node`, so that `..` can rise above it. */
	remember(node: INode): void {
		if (this.absolute) this.#walk.remember(node);
	}

	/** Makes the directory `node`, to which the last walk led, the working directory: paths from there
	 *  may rise to the root. */
	enter(node: INode): void {
		this.#walk.remember(node);
		this.current = node;
	}

	/** Notes that a directory has got another parent. */
	moved(node: INode, parent: INode): void {
		this.#walk.moved(node, parent);
	}
}

/** A Place to fill. */
export function emptyPlace(root: INode): Place {
	return { directory: root, name: "", node: null, mustBeDirectory: false, covered: false };
}

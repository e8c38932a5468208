/**
 * What one process sees: a root, and the file systems mounted in it.
 *
 * A mount covers a *node* and not a path: whoever renames a directory above it takes the mount
 * along, and two names for one directory show the same mount. The covered node is the key of a map,
 * so a walk pays one look-up per directory, and none where nothing is mounted.
 */
import { type Done, EBUSY, EINVAL, ENOENT, ENOTDIR, type Errno } from "../abi/errno.ts";
import { type FileSystem, type INode, Node } from "./node.ts";
import { readOnly } from "./readonly.ts";
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

/** The directories that had to be made for a mount, each after the one it lies in. */
const made = new WeakMap<Mount, { readonly directory: INode; readonly name: string }[]>();

/** Mounts that have been taken away, wherever that was done. Other namespaces may still list them. */
const unmounted = new WeakSet<Mount>();
/** How many. */
let unmounts = 0;

/** What the views of one tree share. */
class Table {
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
	readonly #table: Table;
	readonly #walk: Walk;

	constructor(from: FileSystem | Table) {
		this.#table = from instanceof Table ? from : new Table(from);
		this.#walk = new Walk(this, this.#table.parents);
	}

	get root(): INode {
		this.#table.refresh();
		return this.#table.root;
	}

	/** The mounts, in the order in which they were made. */
	mounts(): Mount[] {
		this.#table.refresh();
		return this.#table.mounted.map((mounted) => mounted.mount);
	}

	/** The same tree with the same mounts, those to come included, for a process that walks by other
	 *  rules. */
	view(): Namespace {
		const view = new Namespace(this.#table);
		view.absolute = this.absolute;
		view.absoluteLinks = this.absoluteLinks;
		return view;
	}

	/** The same files with the same mounts so far, for a process that adds its own. What is unmounted
	 *  here is gone there, too. */
	fork(): Namespace {
		this.#table.refresh();
		const table = new Table(this.#table.fs);
		for (const mounted of this.#table.mounted) table.cover(mounted);
		const fork = new Namespace(table);
		fork.absolute = this.absolute;
		fork.absoluteLinks = this.absoluteLinks;
		return fork;
	}

	/** Covers the directory at `path`, and creates it where it is missing.
	 *  Errors: EINVAL for a relative path, ENOTDIR where a file is in the way, and what creating
	 *  a directory may answer. */
	mount(mount: Mount): Done {
		if (!mount.path.startsWith("/")) return EINVAL;
		const covered = this.#makeAll(mount);
		if (typeof covered === "number") return covered;
		const root = mount.readOnly ? readOnly(mount.fs.root) : mount.fs.root;
		if (covered === root) return EBUSY;
		this.#table.cover({ mount, covered, root });
		return 0;
	}

	/** Uncovers what the mount at `path` covers, for every namespace that has it, and removes the empty
	 *  directories that were made for it: what is written there later would go into memory unnoticed.
	 *  Errors: EINVAL where nothing is mounted; EBUSY for a mount that has others in it. */
	unmount(path: string): Done {
		const node = this.resolve(path);
		if (typeof node === "number") return node;
		const mounted = this.#table.mounted.findLast((one) => one.root === node);
		if (mounted === undefined) return EINVAL;
		if (this.#hasMountsIn(mounted.root)) return EBUSY;
		unmounted.add(mounted.mount);
		unmounts += 1;
		this.#table.refresh();
		for (const { directory, name } of made.get(mounted.mount)?.toReversed() ?? []) {
			if (directory.remove(name, "directory") !== 0) break;
		}
		return 0;
	}

	over(node: INode): INode {
		this.#table.refresh();
		if (this.#table.covers.size === 0 || node.type !== "directory") return node;
		let top = node;
		for (;;) {
			let next = this.#table.covers.get(top);
			// An overlay may have wrapped the node since it was covered.
			if (next === undefined && top instanceof Node && top.wrapped !== null) {
				next = this.#table.covers.get(top.wrapped);
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

	/** The node at an absolute path, whatever guests may use. For the host. */
	resolve(path: string): INode | Errno {
		return this.#resolve(path);
	}

	#resolve(path: string): INode | Errno {
		const place = emptyPlace(this.root);
		const done = this.#hostWalk(path, place);
		if (done !== 0) return done;
		return place.node ?? ENOENT;
	}

	/** A walk from the root with absolute paths, whatever the guest's rules are. */
	#hostWalk(path: string, out: Place): Done {
		const { absolute } = this;
		this.absolute = true;
		const done = this.#walk.run(this.root, path, FOLLOW, out);
		if (done === 0 && out.node?.type === "directory") this.#walk.remember(out.node);
		this.absolute = absolute;
		return done;
	}

	/** The directory that a mount is to cover. A call that runs again goes on with what is made. */
	#makeAll(mount: Mount): INode | Errno {
		const { path } = mount;
		let node = this.root;
		let at = 0;
		const place = emptyPlace(this.root);
		while (at < path.length) {
			const slash = path.indexOf("/", at + 1);
			at = slash < 0 ? path.length : slash;
			const done = this.#hostWalk(path.slice(0, at), place);
			if (done !== 0) return done;
			const { directory, name } = place;
			const next = place.node ?? directory.create(name, "directory");
			if (typeof next === "number") return next;
			if (place.node === null) made.set(mount, [...(made.get(mount) ?? []), { directory, name }]);
			if (next.type !== "directory") return ENOTDIR;
			node = next;
		}
		return node;
	}

	#hasMountsIn(root: INode): boolean {
		return this.#table.mounted.some(
			(other) => other.root !== root && (other.covered === root || other.covered.dev === root.dev),
		);
	}
}

/** A Place to fill. */
export function emptyPlace(root: INode): Place {
	return { directory: root, name: "", node: null, mustBeDirectory: false, covered: false };
}

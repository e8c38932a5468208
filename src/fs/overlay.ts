/**
 * A writable file system over read-only ones.
 *
 * The *upper* receives every change; a *lower* is never touched. What only the upper has is handed
 * out as it is, so a file made by a guest costs nothing here. The other nodes are wrapped:
 *
 *  - an OverlayDirectory merges a directory of the upper (made late, when something is put into it)
 *    with the directories of the same path below;
 *  - an OverlayLeaf is a file or symlink of a lower, until the first write copies it up.
 *
 * A node must stay the same object when it is copied up, moved and linked. So the upper's node gets
 * a *wrapper*, which every directory of the upper hands out in its place. That is also how
 * a directory is moved without copying anything: its upper half is renamed, and its wrapper comes along
 * with the lowers pinned to it.
 *
 * What is removed but still exists below is hidden by an empty file in the upper: `.wh.name`. A
 * directory that is made again in such a place is marked `.wh..opaque.name` beside it, so that
 * nothing below shows through. Names that begin with `.wh.` are therefore reserved (`reserved.ts`).
 *
 * The listing goes through the names of the lowers first, then through what the upper adds, so that
 * a file which is copied up in between keeps its place and its cursor.
 *
 * One file, though a long one: half of the class is what its public half is made of, and neither
 * half can be read without the other.
 *
 * Directory and overlay stand in one file: neither can be understood, or changed, without the other.
 */
import { type Done, EEXIST, EINVAL, ENOENT, EPERM, type Errno, EXDEV } from "../abi/errno.ts";
import { nextMoment } from "./entries.ts";
import {
	type Entry,
	emptiness,
	emptyEntry,
	emptyStat,
	type FileSystem,
	type INode,
	Node,
	type Stat,
	type SyncRequest,
	wrongReplacement,
	wrongType,
} from "./node.ts";
import { OverlayLeaf } from "./overlay-leaf.ts";
import { isCopy, opaque, reserved, whiteout } from "./reserved.ts";

/** Cursors up to here count the names of the lowers; above it they are the upper's own. The `telldir` of a
 *  program in 32 bits keeps no more than 31 of them. */
const UPPER = 2 ** 30;

/** Nanoseconds after its last change from which a copy is taken for one that a closed page has left behind.
 *  Another page may be slow at a copy of its own, and nothing but time tells the two apart. */
const COPY_LEFT = 24n * 3600n * 1_000_000_000n;

export interface OverlayOptions {
	/** The upper outlives this page. Then a directory that shows something of a lower cannot be
	 *  moved (EXDEV, so that `mv` copies it), for its lowers could not be found again. */
	readonly durable?: boolean;
	/** The real time, in nanoseconds since 1970. With it, the overlay removes copies from a writable upper
	 *  that a closed page has left behind, in the directories that are listed. */
	readonly now?: () => bigint;
	/** What is there if no other layer has it: a lower that stays weaker than all that are added. */
	readonly defaults?: FileSystem;
}

export class Overlay implements FileSystem {
	readonly root: OverlayDirectory;
	readonly upper: FileSystem;
	readonly durable: boolean;
	readonly now: (() => bigint) | undefined;
	readonly #lowers: FileSystem[];
	/** 1 where the last lower is the defaults. */
	readonly #weakest: number;
	/** Counts the changes of the list of lowers. */
	generation = 0;

	/** Of two lowers the earlier wins. */
	constructor(upper: FileSystem, lowers: readonly FileSystem[], options: OverlayOptions = {}) {
		this.upper = upper;
		this.durable = options.durable ?? false;
		this.now = options.now;
		this.#lowers = [...lowers];
		if (options.defaults !== undefined) this.#lowers.push(options.defaults);
		this.#weakest = lowers.length < this.#lowers.length ? 1 : 0;
		const below = this.#lowers.map((lower) => lower.root);
		this.root = new OverlayDirectory(this, null, "", upper.root, below);
	}

	get lowers(): readonly FileSystem[] {
		return this.#lowers;
	}

	/** Adds a lower: the weakest but for the defaults, or at `index` (0 is the strongest). */
	addLower(fs: FileSystem, index: number = this.#lowers.length - this.#weakest): void {
		this.#lowers.splice(index, 0, fs);
		this.generation += 1;
	}

	sync(request?: SyncRequest): Done {
		return this.upper.sync(request);
	}
}

export class OverlayDirectory extends Node {
	readonly overlay: Overlay;
	/** Where the directory lay at first; null for the root, and once it has moved. */
	#home: OverlayDirectory | null;
	readonly #name: string;
	#upper: INode | null;
	#lowers: readonly INode[];
	#generation: number;
	#removed = false;
	/** The wrappers of children that the upper does not have. */
	readonly #children = new Map<string, Node>();
	/** Directories of the upper that show nothing of a lower. */
	readonly #plain = new Map<string, INode>();
	/** The names of the lowers, each with the moment at which it was seen first, which is later for those of
	 *  a lower that was added. `#names` has them in their order, which is that of cursors. */
	readonly #born = new Map<string, number>();
	readonly #names: string[] = [];
	/** Whether these are the names of the lowers as they are now. */
	#listed = false;

	constructor(
		overlay: Overlay,
		home: OverlayDirectory | null,
		name: string,
		upper: INode | null,
		lowers: readonly INode[],
	) {
		super(overlay.upper.root.dev, "directory");
		this.overlay = overlay;
		this.#home = home;
		this.#name = name;
		this.#upper = upper;
		this.#lowers = lowers;
		this.#generation = overlay.generation;
		if (upper !== null) this.#show(upper);
	}

	override stat(out: Stat): Done {
		const source = this.#upper ?? this.#lowers[0];
		const done = source === undefined ? ENOENT : source.stat(out);
		out.dev = this.dev;
		out.ino = this.ino;
		out.links = this.#removed ? 0 : 1;
		return done;
	}

	override setTimes(accessed: bigint | null, modified: bigint | null): Done {
		const upper = this.upperNode();
		return typeof upper === "number" ? upper : upper.setTimes(accessed, modified);
	}

	override sync(request?: SyncRequest): Done {
		return this.#upper === null ? 0 : this.#upper.sync(request);
	}

	override closed(): Done {
		return this.#upper?.closed() ?? 0;
	}

	override lookup(name: string): INode | Errno {
		if (reserved(name)) return ENOENT;
		const fresh = this.#refresh();
		if (fresh !== 0) return fresh;
		const above = this.#above(name);
		if (above !== ENOENT) {
			return typeof above === "number" || above.type !== "directory"
				? above
				: this.#merged(name, above);
		}
		const known = this.#children.get(name);
		if (known !== undefined) return known;
		const hidden = this.#above(whiteout(name));
		if (hidden !== ENOENT) return typeof hidden === "number" ? hidden : ENOENT;
		return this.#wrap(name);
	}

	override create(name: string, type: "file" | "directory"): INode | Errno {
		const upper = this.#readyFor(name);
		if (typeof upper === "number") return upper;
		if (type === "directory") {
			const marked = this.#markOpaque(upper, name);
			if (marked !== 0) return marked;
		}
		const made = upper.create(name, type);
		if (typeof made === "number") return made;
		this.#unhide(upper, name);
		return made;
	}

	override symlink(name: string, target: string): Done {
		const upper = this.#readyFor(name);
		if (typeof upper === "number") return upper;
		const done = upper.symlink(name, target);
		if (done === 0) this.#unhide(upper, name);
		return done;
	}

	override link(name: string, node: INode): Done {
		if (node.type === "directory") return EPERM;
		if (!(node instanceof Node) || node.dev !== this.dev) return EXDEV;
		const upper = this.#readyFor(name);
		if (typeof upper === "number") return upper;
		const upperNode = node.upperNode();
		if (typeof upperNode === "number") return upperNode;
		const done = upper.link(name, upperNode);
		if (done === 0) this.#unhide(upper, name);
		return done;
	}

	override remove(name: string, type: "file" | "directory"): Done {
		const node = this.lookup(name);
		if (typeof node === "number") return node;
		const wrong =
			wrongType(node, type) || (type === "directory" ? emptiness(node) : 0) || abandoned(node);
		if (wrong !== 0) return wrong;
		const upper = this.#readyToLose(name);
		if (typeof upper === "number") return upper;
		const above = this.#above(name);
		if (typeof above !== "number") {
			const done = upper.remove(name, type);
			if (done !== 0) return done;
		}
		this.#lost(upper, name);
		this.#gone(node);
		return 0;
	}

	override rename(name: string, to: INode, newName: string): Done {
		const node = this.lookup(name);
		if (typeof node === "number") return node;
		if (to.dev !== this.dev) return EXDEV;
		const old = lookUpTarget(to, newName);
		if (old === node) return 0;
		const wrong = typeof old === "number" ? okIfMissing(old) : replaceable(node, old);
		if (wrong !== 0) return wrong;
		const pinned = this.#pinned(node);
		if (pinned !== 0) return pinned;
		const upper = this.#readyToLose(name);
		if (typeof upper === "number") return upper;
		const done =
			to instanceof OverlayDirectory
				? to.#take(upper, name, newName, node, old)
				: upper.rename(name, to, newName);
		if (done !== 0) return done;
		this.#lost(upper, name);
		if (node instanceof OverlayDirectory) node.#home = null;
		return 0;
	}

	override receive(from: INode, name: string, newName: string): Done {
		const node = from.lookup(name);
		if (typeof node === "number") return node;
		const old = lookUpTarget(this, newName);
		if (old === node) return 0;
		const wrong = typeof old === "number" ? okIfMissing(old) : replaceable(node, old);
		return wrong !== 0 ? wrong : this.#take(from, name, newName, node, old);
	}

	/** The upper is asked as well, so that what it lists now is no later than the answer. */
	override listing(): number {
		const listed = this.#refresh() || this.#list();
		if (listed !== 0) return listed;
		const above = this.#upper?.listing() ?? 0;
		return above < 0 ? above : super.listing();
	}

	/** A name that a lower has keeps its place there, also where the upper has it again. */
	override readdir(cursor: number, out: Entry, until = Number.POSITIVE_INFINITY): number {
		const listed = this.#refresh() || this.#list();
		if (listed !== 0) return listed;
		const names = this.#names;
		for (let i = cursor; i < names.length; i++) {
			const name = names[i] as string;
			if (this.#bornAfter(name, until)) break;
			const node = this.lookup(name);
			if (node === ENOENT) continue;
			if (typeof node === "number") return node;
			out.name = name;
			out.ino = node.ino;
			out.type = node.type;
			return i + 1;
		}
		return this.#readUpper(Math.max(0, cursor - UPPER), out, until);
	}

	/** The directory in the upper, made if it is missing. */
	override upperNode(): INode | Errno {
		if (this.#upper !== null) return this.#upper;
		const home = this.#home;
		if (this.#removed || home === null) return ENOENT;
		const parent = home.upperNode();
		if (typeof parent === "number") return parent;
		const made = parent.create(this.#name, "directory");
		if (typeof made === "number") return made;
		copyTimes(this.#lowers[0], made);
		this.#show(made);
		this.#upper = made;
		home.copied(this.#name);
		return made;
	}

	copied(name: string): void {
		this.#children.delete(name);
	}

	#show(upper: INode): void {
		if (upper instanceof Node) upper.wrapper = this;
		this.wrapped = upper;
	}

	/** What the upper has under a name. */
	#above(name: string): INode | Errno {
		return this.#upper === null ? ENOENT : this.#upper.lookup(name);
	}

	/** What the strongest lower that has the name has there. */
	#below(name: string): INode | Errno {
		for (const lower of this.#lowers) {
			const found = lower.lookup(name);
			if (found !== ENOENT) return found;
		}
		return ENOENT;
	}

	/** The directories called `name` below, up to the first lower that has something else there. */
	#directoriesBelow(name: string): INode[] | Errno {
		const found: INode[] = [];
		for (const lower of this.#lowers) {
			const node = lower.lookup(name);
			if (node === ENOENT) continue;
			if (typeof node === "number") return node;
			if (node.type !== "directory") break;
			found.push(node);
		}
		return found;
	}

	/** A directory of the upper, together with what lies below it. */
	#merged(name: string, above: INode): INode | Errno {
		if (above instanceof OverlayDirectory && above.overlay === this.overlay) return above;
		if (this.#plain.get(name) === above) return above;
		const below = this.#visibleBelow(name);
		if (typeof below === "number") return below;
		if (below.length === 0) {
			this.#plain.set(name, above);
			return above;
		}
		return new OverlayDirectory(this.overlay, this, name, above, below);
	}

	/** The directories below that show through a directory of the upper. */
	#visibleBelow(name: string): INode[] | Errno {
		const below = this.#directoriesBelow(name);
		if (typeof below === "number" || below.length === 0) return below;
		const mark = this.#above(opaque(name));
		if (mark === ENOENT) return below;
		return typeof mark === "number" ? mark : [];
	}

	/** The node for a name that only lowers have. */
	#wrap(name: string): INode | Errno {
		const found = this.#below(name);
		if (typeof found === "number") return found;
		const made = this.#wrapper(name, found);
		if (made instanceof OverlayDirectory || made instanceof OverlayLeaf) {
			this.#children.set(name, made);
		}
		return made;
	}

	#wrapper(name: string, found: INode): INode | Errno {
		if (found.type === "file" || found.type === "symlink") {
			return new OverlayLeaf(this.dev, found, this, name);
		}
		if (found.type !== "directory") return found;
		const below = this.#directoriesBelow(name);
		if (typeof below === "number") return below;
		return new OverlayDirectory(this.overlay, this, name, null, below);
	}

	/** Follows the list of lowers, if that has changed. */
	#refresh(): Done {
		const { generation } = this.overlay;
		if (this.#generation === generation || this.#removed) return 0;
		const lowers = this.#lowersNow();
		if (typeof lowers === "number") return lowers;
		this.#lowers = lowers;
		this.#listed = false;
		this.#plain.clear();
		for (const [name, child] of this.#children) {
			const found = this.#below(name);
			const same = child instanceof OverlayLeaf ? child.lower === found : isDirectory(found);
			if (!same) this.#children.delete(name);
		}
		this.#generation = generation;
		return 0;
	}

	#lowersNow(): readonly INode[] | Errno {
		if (this === this.overlay.root) return this.overlay.lowers.map((lower) => lower.root);
		const home = this.#home;
		if (home === null) return this.#lowers;
		const fresh = home.#refresh();
		if (fresh !== 0) return fresh;
		return this.#upper === null
			? home.#directoriesBelow(this.#name)
			: home.#visibleBelow(this.#name);
	}

	/** The upper's directory, where a new `name` may be made. */
	#readyFor(name: string): INode | Errno {
		if (reserved(name)) return EINVAL;
		const found = this.lookup(name);
		if (typeof found !== "number") return EEXIST;
		return found === ENOENT ? this.upperNode() : found;
	}

	/** The upper's directory, in which what lies below `name` is hidden already. */
	#readyToLose(name: string): INode | Errno {
		const below = this.#below(name);
		if (typeof below === "number" && below !== ENOENT) return below;
		const upper = this.upperNode();
		if (typeof upper === "number" || below === ENOENT) return upper;
		const done = makeMark(upper, whiteout(name));
		return done === 0 ? upper : done;
	}

	/** The child `name` has gone. */
	#lost(upper: INode, name: string): void {
		this.#plain.delete(name);
		this.#children.delete(name);
		removeMark(upper, opaque(name));
	}

	/** The child `name` is there again. */
	#unhide(upper: INode, name: string): void {
		this.#children.delete(name);
		removeMark(upper, whiteout(name));
	}

	/** Makes sure that nothing below shows through a directory that is to be put at `name`. */
	#markOpaque(upper: INode, name: string): Done {
		const below = this.#directoriesBelow(name);
		if (typeof below === "number") return below;
		return below.length === 0 ? 0 : makeMark(upper, opaque(name));
	}

	/** Sees to it that a child can be moved: it lies in the upper, and its lowers stay with it. */
	#pinned(node: INode): Done {
		if (!(node instanceof Node) || node.dev !== this.dev) return EXDEV;
		if (node instanceof OverlayDirectory) {
			const fresh = node.#refresh();
			if (fresh !== 0) return fresh;
			if (this.overlay.durable && node.#lowers.length > 0) return EXDEV;
		}
		const upperNode = node.upperNode();
		return typeof upperNode === "number" ? upperNode : 0;
	}

	/** Moves a child of the upper's directory `from` here, in place of `old`. */
	#take(from: INode, name: string, newName: string, node: INode, old: INode | Errno): Done {
		const upper = this.upperNode();
		if (typeof upper === "number") return upper;
		const plain = node.type === "directory" && !(node instanceof OverlayDirectory);
		const marked = plain ? this.#markOpaque(upper, newName) : 0;
		if (marked !== 0) return marked;
		const done = from.rename(name, upper, newName);
		if (done !== 0) {
			if (plain) removeMark(upper, opaque(newName));
			return done;
		}
		this.#plain.delete(newName);
		this.#unhide(upper, newName);
		if (typeof old !== "number") this.#gone(old);
		return 0;
	}

	/** A node has lost its name here. */
	#gone(node: INode): void {
		if (node instanceof OverlayLeaf) node.removed(this.overlay.root);
		if (node instanceof OverlayDirectory) node.#removed = true;
	}

	/** 0 once the names of the lowers are known. Those of before keep their places; one that has gone is
	 *  passed over, since nothing is found by it. */
	#list(): Done {
		if (this.#listed) return 0;
		const found = new Set<string>();
		const entry = emptyEntry();
		for (const lower of this.#lowers) {
			let cursor = lower.readdir(0, entry);
			for (; cursor > 0; cursor = lower.readdir(cursor, entry)) found.add(entry.name);
			// Below 0 it is an Errno.
			if (cursor < 0) return cursor as Errno;
		}
		const born = nextMoment();
		for (const name of found) {
			if (reserved(name) || this.#born.has(name)) continue;
			this.#born.set(name, born);
			this.#names.push(name);
		}
		this.#listed = true;
		return 0;
	}

	/** Whether no lower had a name at the moment `until`. */
	#bornAfter(name: string, until: number): boolean {
		const born = this.#born.get(name);
		return born === undefined || born > until;
	}

	/** The entries that only the upper has. */
	#readUpper(from: number, out: Entry, until: number): number {
		let cursor = from;
		for (;;) {
			cursor = this.#upper === null ? 0 : this.#upper.readdir(cursor, out, until);
			if (cursor <= 0) return cursor;
			if (isCopy(out.name)) this.#sweep(out.name);
			else if (!reserved(out.name) && this.#bornAfter(out.name, until)) return UPPER + cursor;
		}
	}

	/** Removes a copy from the upper that a closed page has left behind. */
	#sweep(name: string): void {
		const now = this.overlay.now?.() ?? 0n;
		const copy = this.#above(name);
		if (typeof copy === "number" || copy.stat(scratch) !== 0) return;
		if (scratch.modified + COPY_LEFT < now) this.#upper?.remove(name, "file");
	}
}

const scratch = emptyStat();

function isDirectory(found: INode | Errno): boolean {
	return typeof found !== "number" && found.type === "directory";
}

/** What a rename would replace. */
function lookUpTarget(to: INode, name: string): INode | Errno {
	return to instanceof OverlayDirectory && reserved(name) ? EINVAL : to.lookup(name);
}

/** Why `old` cannot make room for `node`; 0 once it can. */
function replaceable(node: INode, old: INode): Done {
	return wrongReplacement(node, old) || abandoned(old);
}

/** 0 once a node that is to lose its name is not being copied up. */
function abandoned(node: INode): Done {
	return node instanceof OverlayLeaf ? node.abandonCopy() : 0;
}

function okIfMissing(found: Errno): Done {
	return found === ENOENT ? 0 : found;
}

function copyTimes(from: INode | undefined, to: INode): void {
	const stat = emptyStat();
	if (from?.stat(stat) === 0) to.setTimes(stat.accessed, stat.modified);
}

function makeMark(directory: INode, name: string): Done {
	const found = directory.lookup(name);
	if (found !== ENOENT) return typeof found === "number" ? found : 0;
	const made = directory.create(name, "file");
	return typeof made === "number" ? made : 0;
}

function removeMark(directory: INode, name: string): void {
	if (typeof directory.lookup(name) !== "number") directory.remove(name, "file");
}

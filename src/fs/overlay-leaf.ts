/**
 * A file or symlink of a lower, which moves to the upper at the first change.
 *
 * The copy is made under a reserved name and takes the file's own only when it is complete, so the
 * tree is unchanged for as long as the lower's bytes must be waited for: each call that runs again
 * goes on where the last one stopped. Each copy has a name of its own, since other copies may be under
 * way beside it, in this page or in another that has the same store mounted. What is removed while it is
 * open can still be written, and then its copy is a file without a name.
 */
import { type Done, EIO, type Errno } from "../abi/errno.ts";
import { emptyStat, type INode, Node, type Stat, type SyncRequest } from "./node.ts";
import { copyName } from "./reserved.ts";

/** What a leaf needs of the directory it lies in. */
export interface Home {
	/** The directory in the upper, made if it is missing. */
	upperNode(): INode | Errno;
	/** The upper has its own `name` now. */
	copied(name: string): void;
}

const BLOCK = 65536;
let block: Uint8Array | undefined;

export class OverlayLeaf extends Node {
	readonly lower: INode;
	#home: Home;
	readonly #name: string;
	#upper: Node | null = null;
	#gone = false;
	/** The unfinished copy, the directory of the upper that it lies in, and its name there; the name is
	 *  `""` for a copy that needs none. */
	#copy: Node | null = null;
	#copyHome: INode | null = null;
	#copyName = "";
	#copied = 0;
	/** Times that have been set since; they travel with the copy. */
	#accessed: bigint | null = null;
	#modified: bigint | null = null;

	constructor(dev: number, lower: INode, home: Home, name: string) {
		super(dev, lower.type);
		this.lower = lower;
		this.#home = home;
		this.#name = name;
	}

	/** 0 once no copy is under way: the name is about to go, and a later copy begins anew. */
	abandonCopy(): Done {
		const done = this.#copyName === "" ? 0 : this.#copyHome?.remove(this.#copyName, "file");
		if (done !== 0 && done !== undefined) return done;
		this.#copy = null;
		this.#copyName = "";
		this.#copied = 0;
		return 0;
	}

	/** Its name has been removed, and `abandon` was called before. `home` is a place for a nameless
	 *  copy. */
	removed(home: Home): void {
		if (this.#upper !== null) return;
		this.#gone = true;
		this.#home = home;
	}

	override stat(out: Stat): Done {
		const done = (this.#upper ?? this.lower).stat(out);
		out.dev = this.dev;
		out.ino = this.ino;
		if (this.#upper !== null) return done;
		out.links = this.#gone ? 0 : 1;
		out.accessed = this.#accessed ?? out.accessed;
		out.modified = this.#modified ?? out.modified;
		return done;
	}

	override setTimes(accessed: bigint | null, modified: bigint | null): Done {
		if (this.#upper !== null) return this.#upper.setTimes(accessed, modified);
		this.#accessed = accessed ?? this.#accessed;
		this.#modified = modified ?? this.#modified;
		return 0;
	}

	override sync(request?: SyncRequest): Done {
		return this.#upper === null ? 0 : this.#upper.sync(request);
	}

	override closed(): Done {
		// A copy without a name that is not complete has nothing to wait for.
		if (this.#gone && this.#copy !== null) {
			this.#copy.closed();
			this.#copy = null;
			this.#copied = 0;
		}
		return (this.#upper ?? this.lower).closed();
	}

	override read(into: Uint8Array, at: number, length: number, position: number): number {
		return (this.#upper ?? this.lower).read(into, at, length, position);
	}

	override write(from: Uint8Array, at: number, length: number, position: number): number {
		if (length === 0 && this.type === "file") return 0;
		const upper = this.#upper ?? this.upperNode();
		return typeof upper === "number" ? upper : upper.write(from, at, length, position);
	}

	override size(): number {
		return (this.#upper ?? this.lower).size();
	}

	override truncate(size: number): Done {
		if (this.type !== "file") return super.truncate(size);
		const upper = this.#upper ?? this.#copyUp(size);
		return typeof upper === "number" ? upper : upper.truncate(size);
	}

	override readable(): number {
		return (this.#upper ?? this.lower).readable();
	}

	override writable(): number {
		return this.#upper === null ? BLOCK : this.#upper.writable();
	}

	override get changeable(): boolean {
		return true;
	}

	override readlink(): string | Errno {
		return (this.#upper ?? this.lower).readlink();
	}

	override follow(): string | Errno {
		return (this.#upper ?? this.lower).follow();
	}

	override upperNode(): INode | Errno {
		if (this.#upper !== null) return this.#upper;
		return this.type === "symlink" ? this.#copyLink() : this.#copyUp(Number.POSITIVE_INFINITY);
	}

	/** The upper's file, once it holds the first `limit` bytes. */
	#copyUp(limit: number): INode | Errno {
		const copy = this.#copy ?? this.#begin();
		if (typeof copy === "number") return copy;
		const unnamed = this.#gone ? this.#unname(copy) : 0;
		if (unnamed !== 0) return unnamed;
		const size = Math.min(limit, this.lower.size());
		if (this.#copied > size) {
			copy.truncate(size);
			this.#copied = size;
		}
		while (this.#copied < size) {
			const moved = this.#copyBlock(copy, size - this.#copied);
			if (moved < 0) return moved as Errno;
			this.#copied += moved;
		}
		return this.#finish(copy);
	}

	/** How many bytes it has copied, or why it cannot. */
	#copyBlock(copy: INode, left: number): number {
		block ??= new Uint8Array(BLOCK);
		const read = this.lower.read(block, 0, Math.min(left, BLOCK), this.#copied);
		if (read < 0) return read;
		const written = read === 0 ? EIO : copy.write(block, 0, read, this.#copied);
		return written === 0 ? EIO : written;
	}

	#begin(): Node | Errno {
		const home = this.#home.upperNode();
		if (typeof home === "number") return home;
		const name = copyName();
		const made = home.create(name, "file");
		if (typeof made === "number") return made;
		// Every file system here makes Nodes.
		this.#copy = made as Node;
		this.#copyHome = home;
		this.#copyName = name;
		return this.#copy;
	}

	#finish(copy: Node): INode | Errno {
		const home = this.#copyHome as INode;
		const done = this.#gone ? 0 : home.rename(this.#copyName, home, this.#name);
		if (done !== 0) return done;
		this.#copyName = "";
		this.#copy = null;
		this.#take(copy);
		return copy;
	}

	/** 0 once the copy has no name. It then lives for as long as it is open, which its wrapper knows. */
	#unname(copy: Node): Done {
		if (this.#copyName === "") return 0;
		copy.wrapper = this;
		const done = (this.#copyHome as INode).remove(this.#copyName, "file");
		if (done === 0) this.#copyName = "";
		return done;
	}

	#copyLink(): INode | Errno {
		const target = this.lower.follow();
		if (typeof target === "number") return target;
		const home = this.#home.upperNode();
		if (typeof home === "number") return home;
		const done = home.symlink(this.#name, target);
		if (done !== 0) return done;
		const made = home.lookup(this.#name);
		if (typeof made === "number") return made;
		this.#take(made as Node);
		return made;
	}

	#take(upper: Node): void {
		const times = this.#times();
		upper.setTimes(times.accessed, times.modified);
		upper.wrapper = this;
		this.wrapped = upper;
		this.#upper = upper;
		if (!this.#gone) this.#home.copied(this.#name);
	}

	#times(): Stat {
		const stat = emptyStat();
		this.stat(stat);
		return stat;
	}
}

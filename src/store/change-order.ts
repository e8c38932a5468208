/**
 * Which changes a store may make in one go, and which depend on how others have ended.
 *
 * A store that refuses a change makes the others all the same. That does no harm as long as what
 * comes after fails for the same reason: in a directory that was not made no file is made either.
 * But after a removal that was refused, the file that is to be new is the old one, and a write would
 * damage it. So a change that uses a name which another one frees or fills is made in another go
 * (`Conflicts`), and only if that one has not failed (intake.ts); and one that uses a name of a change that
 * has been refused is put behind it, and both are tried again together (`PathSet`).
 */
import type { StoreChange } from "./store.ts";

/** A change of names, rather than of what stands in a file. */
export type NameChange = Exclude<StoreChange, { call: "write" | "resize" | "utimes" }>;

/** The names that a change uses. */
export function namesOf(change: StoreChange): readonly string[] {
	return "to" in change ? [change.path, change.to] : [change.path];
}

/** One name in a tree of names. */
interface PathNode {
	/** A path ends here. */
	isEnd: boolean;
	below: Map<string, PathNode> | null;
}

/** Paths, and whether another path concerns one of them. A tree, for a path that is looked up by all that
 *  lies above it costs the square of its length. */
export class PathSet {
	#top = emptyNode();
	/** Where the last path lies: what comes next is often in the same directory, or in that path. */
	#near = "";
	#nearAt = this.#top;

	clear(): void {
		this.#top = emptyNode();
		this.#near = "";
		this.#nearAt = this.#top;
	}

	add(path: string): void {
		const near = path.startsWith(this.#near) && path.charAt(this.#near.length) === "/";
		let at = near ? this.#nearAt : this.#top;
		const last = path.lastIndexOf("/");
		for (let from = near ? this.#near.length + 1 : 1; from < path.length; ) {
			if (from > last) {
				this.#near = path.slice(0, last);
				this.#nearAt = at;
			}
			const to = endOf(path, from);
			at = inside(at, path.slice(from, to));
			from = to + 1;
		}
		at.isEnd = true;
	}

	/** Whether `path` is one of them, or lies below one. */
	covers(path: string): boolean {
		return this.#find(path)?.isEnd === true;
	}

	/** The same, or whether one of them lies below it. */
	overlaps(path: string): boolean {
		const found = this.#find(path);
		return found !== null && (found.isEnd || found.below !== null);
	}

	/** The first place on the way at which one of them ends, or where the way leads; null where it ends
	 *  before. */
	#find(path: string): PathNode | null {
		let at = this.#top;
		for (let from = 1; from < path.length && !at.isEnd; ) {
			if (at.below === null) return null;
			const to = endOf(path, from);
			const next = at.below.get(path.slice(from, to));
			if (next === undefined) return null;
			at = next;
			from = to + 1;
		}
		return at;
	}
}

function emptyNode(): PathNode {
	return { isEnd: false, below: null };
}

function inside(at: PathNode, name: string): PathNode {
	at.below ??= new Map();
	const next = at.below.get(name) ?? emptyNode();
	at.below.set(name, next);
	return next;
}

function endOf(path: string, from: number): number {
	const slash = path.indexOf("/", from);
	return slash < 0 ? path.length : slash;
}

/** The names that the changes underway use. */
export class Conflicts {
	/** Names that were there and may be gone, or may be something else. */
	readonly #freed = new PathSet();
	readonly #made = new PathSet();
	#empty = true;

	clear(): void {
		this.#freed.clear();
		this.#made.clear();
		this.#empty = true;
	}

	/** Whether what is at `path` is sure to be what the cache takes it for, once it is there. */
	isCertain(path: string): boolean {
		return !this.#freed.covers(path);
	}

	/** Whether a change of names can go along with those before it. One that is tried again cannot go
	 *  along with what it builds on: that it fails must mean that it has been made before. */
	allows(change: NameChange, isDirectory: boolean, again: boolean): boolean {
		const { call, path } = change;
		if (!this.isCertain(path)) return false;
		if (call === "remove") return !this.#made.overlaps(path);
		if (call === "make" || call === "symlink") return true;
		// What lies in a directory that moves may have been refused.
		if (call === "rename" && isDirectory && !this.#empty) return false;
		if (again && (this.#made.covers(path) || this.#made.covers(change.to))) return false;
		return this.isCertain(change.to);
	}

	/** A file that is made `again` may be there although the store refuses it once more, so what uses its name
	 *  must wait for the answer. */
	add(change: NameChange, again: boolean): void {
		const { call, path } = change;
		this.#empty = false;
		const mayBeThere = again && !(call === "make" && change.type === "directory");
		if (mayBeThere || (call !== "make" && call !== "symlink")) this.#freed.add(path);
		if (call === "rename" || call === "link") {
			this.#freed.add(change.to);
			this.#made.add(change.to);
		}
		if (call === "make" || call === "symlink") this.#made.add(path);
	}
}

/** How much of a batch a change takes: its bytes, and a little for long paths, which a store walks. */
export function weightOf(change: StoreChange): number {
	const { path } = change;
	const names = path.length + ("to" in change ? change.to.length : 0);
	return Math.floor(names / 8) + (change.call === "write" ? change.bytes.length : 0);
}

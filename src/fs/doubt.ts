/**
 * Which changes a store may make in one go, and which depend on how others have ended.
 *
 * A store that refuses a change makes the others all the same. That does no harm as long as what
 * comes after fails for the same reason: in a directory that was not made no file is made either.
 * But after a removal that was refused, the file that is to be new is the old one, and a write would
 * damage it. So a change that uses a name which another one frees or fills is made in another go
 * (`Batch`), and only if that one has not failed (intake.ts); and one that uses a name of a change that
 * has been refused is put behind it, and both are tried again together (`Names`).
 */
import type { StoreChange } from "../bridge/store.ts";

/** A change of names, rather than of what stands in a file. */
export type NameChange = Exclude<StoreChange, { call: "write" | "resize" | "utimes" }>;

/** The names that a change uses. */
export function namesOf(change: StoreChange): readonly string[] {
	return "to" in change ? [change.path, change.to] : [change.path];
}

/** Paths, and whether another path concerns one of them. */
export class Names {
	readonly #paths = new Set<string>();
	/** The directories above them. */
	readonly #above = new Set<string>();

	clear(): void {
		this.#paths.clear();
		this.#above.clear();
	}

	add(path: string): void {
		this.#paths.add(path);
		for (let up = parentOf(path); up !== "" && !this.#above.has(up); up = parentOf(up)) {
			this.#above.add(up);
		}
	}

	/** Whether `path` is one of them, or lies below one. */
	cover(path: string): boolean {
		if (this.#paths.size === 0) return false;
		for (let up = path; up !== ""; up = parentOf(up)) if (this.#paths.has(up)) return true;
		return false;
	}

	/** The same, or whether one of them lies below it. */
	concern(path: string): boolean {
		return this.#above.has(path) || this.cover(path);
	}
}

/** The names that the changes underway use. */
export class Batch {
	/** Names that were there and may be gone, or may be something else. */
	readonly #freed = new Names();
	readonly #made = new Names();
	#empty = true;

	clear(): void {
		this.#freed.clear();
		this.#made.clear();
		this.#empty = true;
	}

	/** Whether what is at `path` is sure to be what the cache takes it for, once it is there. */
	sure(path: string): boolean {
		return !this.#freed.cover(path);
	}

	/** Whether a change of names can go along with those before it. One that is tried again cannot go
	 *  along with what it builds on: that it fails must mean that it has been made before. */
	takes(change: NameChange, isDirectory: boolean, again: boolean): boolean {
		const { call, path } = change;
		if (!this.sure(path)) return false;
		if (call === "remove") return !this.#made.concern(path);
		if (call === "make" || call === "symlink") return true;
		// What lies in a directory that moves may have been refused.
		if (call === "rename" && isDirectory && !this.#empty) return false;
		if (again && (this.#made.cover(path) || this.#made.cover(change.to))) return false;
		return this.sure(change.to);
	}

	add(change: NameChange): void {
		const { call, path } = change;
		this.#empty = false;
		if (call !== "make" && call !== "symlink") this.#freed.add(path);
		if (call === "rename" || call === "link") {
			this.#freed.add(change.to);
			this.#made.add(change.to);
		}
		if (call === "make" || call === "symlink") this.#made.add(path);
	}
}

/** The directory of a path; `""` for the root, which is in none. */
function parentOf(path: string): string {
	const slash = path.lastIndexOf("/");
	return slash > 0 ? path.slice(0, slash) : slash === 0 && path.length > 1 ? "/" : "";
}

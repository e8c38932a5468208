/**
 * What a store has last seen of each path, and what it has made of it itself: for a directory that
 * anybody may change.
 *
 * A browser tells of changes there without saying whose they were. So a change counts as another's when
 * the path looks otherwise than this store has seen or left it.
 */
import { keyOf } from "../store/paths.ts";
import type { Listing } from "../store/store.ts";

/** How many paths are remembered. */
const MOST = 65_536;

interface Look {
	readonly is: string;
	/** Whether we have made it so. */
	readonly ours: boolean;
}

export class Sight {
	/** Of the path seen longest ago first. */
	readonly #looks = new Map<string, Look>();
	/** Directory → the ways that lead on from it, so that looking for them costs no more than there are. */
	readonly #children = new Map<string, Set<string>>();

	/** Notes how a path looks, null where nothing is. */
	note(path: string, listing: Listing | null, ours: boolean): void {
		const key = keyOf(path);
		this.#looks.delete(key);
		this.#looks.set(key, { is: lookOf(listing), ours });
		this.#link(key);
		for (const oldest of this.#looks.keys()) {
			if (this.#looks.size <= MOST) return;
			this.#delete(oldest);
		}
	}

	/** Forgets all that is below a path. */
	forget(path: string): void {
		const below = [keyOf(path)];
		for (let key = below.pop(); key !== undefined; key = below.pop()) {
			for (const child of this.#children.get(key) ?? []) below.push(child);
			this.#delete(key);
		}
	}

	/** Notes the way to a path from the root. */
	#link(path: string): void {
		for (let key = path; key !== ""; key = parentOf(key)) {
			const above = parentOf(key);
			const children = this.#children.get(above) ?? new Set();
			if (children.has(key)) return;
			this.#children.set(above, children.add(key));
		}
	}

	/** Forgets a path, and the way to it where that leads nowhere else. */
	#delete(path: string): void {
		this.#looks.delete(path);
		for (let key = path; key !== ""; key = parentOf(key)) {
			if (this.#looks.has(key) || this.#children.has(key)) return;
			const children = this.#children.get(parentOf(key));
			children?.delete(key);
			if (children?.size === 0) this.#children.delete(parentOf(key));
		}
	}

	/** Whether this is what we have made of it. */
	isOurs(path: string, listing: Listing | null): boolean {
		const look = this.#looks.get(keyOf(path));
		return look?.is === lookOf(listing) && look.ours;
	}

	/** Whether this is how we know it. */
	knows(path: string, listing: Listing | null): boolean {
		return this.#looks.get(keyOf(path))?.is === lookOf(listing);
	}

	/** The children of a directory that are remembered. */
	childrenOf(path: string): string[] {
		const children = [...(this.#children.get(keyOf(path)) ?? [])];
		return children.filter((key) => this.#looks.has(key));
	}
}

function parentOf(key: string): string {
	return key.slice(0, Math.max(0, key.lastIndexOf("/")));
}

function lookOf(listing: Listing | null): string {
	if (listing === null) return "nothing";
	const { type, size, modified, target = "" } = listing;
	return type === "directory" ? type : `${type} ${size} ${modified} ${target}`;
}

/**
 * What a store has last seen at each path, and whether it made that itself: for a directory that any program
 * may change.
 *
 * A browser reports changes there without saying which program made them. So a change counts as foreign when
 * the path differs from what this store has seen or made there.
 */
import { keyOf } from "../store/paths.ts";
import type { Listing } from "../store/store.ts";

/** How many paths are remembered. */
const MOST = 65_536;

interface Seen {
	readonly is: string;
	/** Whether this store made it so. */
	readonly ours: boolean;
}

export class LastSeen {
	/** By path, the one seen longest ago first. */
	readonly #seen = new Map<string, Seen>();
	/** Directory → its remembered children, and children on the way to remembered paths. */
	readonly #children = new Map<string, Set<string>>();

	/** Records what is at a path; null for nothing. */
	record(path: string, listing: Listing | null, ours: boolean): void {
		const key = keyOf(path);
		this.#seen.delete(key);
		this.#seen.set(key, { is: fingerprintOf(listing), ours });
		this.#link(key);
		for (const oldest of this.#seen.keys()) {
			if (this.#seen.size <= MOST) return;
			this.#delete(oldest);
		}
	}

	/** Forgets a path and all below it. */
	forget(path: string): void {
		const below = [keyOf(path)];
		for (let key = below.pop(); key !== undefined; key = below.pop()) {
			for (const child of this.#children.get(key) ?? []) below.push(child);
			this.#delete(key);
		}
	}

	/** Adds a path to the children of each directory above it. */
	#link(path: string): void {
		for (let key = path; key !== ""; key = parentOf(key)) {
			const above = parentOf(key);
			const children = this.#children.get(above) ?? new Set();
			if (children.has(key)) return;
			this.#children.set(above, children.add(key));
		}
	}

	/** Forgets a path, and the directories above it that lead to no other remembered path. */
	#delete(path: string): void {
		this.#seen.delete(path);
		for (let key = path; key !== ""; key = parentOf(key)) {
			if (this.#seen.has(key) || this.#children.has(key)) return;
			const children = this.#children.get(parentOf(key));
			children?.delete(key);
			if (children?.size === 0) this.#children.delete(parentOf(key));
		}
	}

	/** Whether a path is as this store left it. */
	isOurs(path: string, listing: Listing | null): boolean {
		const seen = this.#seen.get(keyOf(path));
		return seen?.is === fingerprintOf(listing) && seen.ours;
	}

	/** Whether a path is as this store last saw it. */
	knows(path: string, listing: Listing | null): boolean {
		return this.#seen.get(keyOf(path))?.is === fingerprintOf(listing);
	}

	/** The remembered children of a directory. */
	childrenOf(path: string): string[] {
		const children = [...(this.#children.get(keyOf(path)) ?? [])];
		return children.filter((key) => this.#seen.has(key));
	}
}

function parentOf(key: string): string {
	return key.slice(0, Math.max(0, key.lastIndexOf("/")));
}

function fingerprintOf(listing: Listing | null): string {
	if (listing === null) return "nothing";
	const { type, size, modified, target = "" } = listing;
	return type === "directory" ? type : `${type} ${size} ${modified} ${target}`;
}

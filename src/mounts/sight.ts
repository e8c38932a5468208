/**
 * What a store has last seen of each path, and what it has made of it itself: for a directory that
 * anybody may change.
 *
 * A browser tells of changes there without saying whose they were. So a change counts as another's when
 * the path looks otherwise than this store has seen or left it.
 */
import type { Listing } from "../bridge/store.ts";
import { isWithin, keyOf } from "./paths.ts";

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

	/** Notes how a path looks, null where nothing is. */
	note(path: string, listing: Listing | null, ours: boolean): void {
		const key = keyOf(path);
		this.#looks.delete(key);
		this.#looks.set(key, { is: lookOf(listing), ours });
		for (const oldest of this.#looks.keys()) {
			if (this.#looks.size <= MOST) return;
			this.#looks.delete(oldest);
		}
	}

	/** Forgets all that is below a path. */
	forget(path: string): void {
		for (const key of this.#looks.keys()) if (isWithin(key, path)) this.#looks.delete(key);
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
		const key = keyOf(path);
		const found: string[] = [];
		for (const other of this.#looks.keys()) {
			if (other.slice(0, Math.max(0, other.lastIndexOf("/"))) === key && other !== key)
				found.push(other);
		}
		return found;
	}
}

function lookOf(listing: Listing | null): string {
	if (listing === null) return "nothing";
	const { type, size, modified, target = "" } = listing;
	return type === "directory" ? type : `${type} ${size} ${modified} ${target}`;
}

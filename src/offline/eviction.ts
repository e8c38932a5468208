/**
 * What the cache evicts when there is no free space: first versions that have been replaced, then the
 * packages that were used longest ago. A package goes whole, because one that is there in part is of no use
 * without the network.
 */

/** A version that takes space. */
export interface Evictable {
	readonly bytes: number;
	/** When it was last used, in milliseconds. */
	readonly used: number;
	/** Replaced by a newer version. */
	readonly past: boolean;
}

/** What of `held` must go so that `needed` bytes fit into `limit` beside the rest; null if they
 *  never will. */
export function evictions<H extends Evictable>(
	held: readonly H[],
	needed: number,
	limit: number,
): H[] | null {
	let total = held.reduce((sum, { bytes }) => sum + bytes, needed);
	const gone: H[] = [];
	for (const one of inEvictionOrder(held)) {
		if (total <= limit) break;
		total -= one.bytes;
		gone.push(one);
	}
	return total <= limit ? gone : null;
}

/** In the order in which they go. */
export function inEvictionOrder<H extends Evictable>(held: readonly H[]): H[] {
	return [...held].sort((a, b) => Number(b.past) - Number(a.past) || a.used - b.used);
}

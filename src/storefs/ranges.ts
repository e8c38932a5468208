/**
 * A set of positions, as ranges: which bytes of a file the store has yet to hear of.
 *
 *     ends    [ from, to,  from, to,  from, to ]      ascending; no two ranges touch
 *
 * Nearly every range is added at or near the end of the last one, which changes a number in place.
 */
export class Ranges {
	readonly #ends: number[] = [];
	/** How many positions are in it. */
	total = 0;

	/** How many ranges there are. */
	get count(): number {
		return this.#ends.length / 2;
	}

	/** Where a range begins, by its index. */
	from(index: number): number {
		return this.#ends[2 * index] as number;
	}

	/** Where a range ends, by its index. */
	to(index: number): number {
		return this.#ends[2 * index + 1] as number;
	}

	add(from: number, to: number): void {
		if (from >= to) return;
		const ends = this.#ends;
		const last = ends.length - 1;
		if (last > 0 && from >= (ends[last - 1] as number) && from <= (ends[last] as number)) {
			if (to <= (ends[last] as number)) return;
			this.total += to - (ends[last] as number);
			ends[last] = to;
			return;
		}
		// Those from `first` up to `end` touch the new one and become part of it.
		const first = this.#endingFrom(from);
		let end = first;
		while (end < this.count && this.from(end) <= to) end += 1;
		const start = end > first ? Math.min(from, this.from(first)) : from;
		const stop = end > first ? Math.max(to, this.to(end - 1)) : to;
		this.#replace(first, end, start, stop);
	}

	/** Takes these positions out. */
	remove(from: number, to: number): void {
		for (let index = this.#endingFrom(from); index < this.count && this.from(index) < to; ) {
			const start = this.from(index);
			const stop = this.to(index);
			if (stop <= from) {
				index += 1;
				continue;
			}
			this.#replace(index, index + 1, start, Math.min(stop, from));
			const kept = start < from ? 1 : 0;
			if (stop > to) this.#replace(index + kept, index + kept, Math.max(start, to), stop);
			index += kept + (stop > to ? 1 : 0);
		}
	}

	/** Whether any of these positions is in it. */
	overlaps(from: number, to: number): boolean {
		const index = this.#endingFrom(from + 1);
		return index < this.count && this.from(index) < to;
	}

	/** Where the range ends that has this position; the position itself where none has it. */
	reach(position: number): number {
		const index = this.#endingFrom(position + 1);
		return index < this.count && this.from(index) <= position ? this.to(index) : position;
	}

	clear(): void {
		this.#ends.length = 0;
		this.total = 0;
	}

	/** The first range that ends at `position` or later. */
	#endingFrom(position: number): number {
		let low = 0;
		let high = this.count;
		while (low < high) {
			const middle = (low + high) >> 1;
			if (this.to(middle) < position) low = middle + 1;
			else high = middle;
		}
		return low;
	}

	/** Puts one range, if it is not empty, in the place of those from `first` up to `end`. */
	#replace(first: number, end: number, from: number, to: number): void {
		for (let i = first; i < end; i++) this.total -= this.to(i) - this.from(i);
		if (from < to) {
			this.#ends.splice(2 * first, 2 * (end - first), from, to);
			this.total += to - from;
		} else {
			this.#ends.splice(2 * first, 2 * (end - first));
		}
	}
}

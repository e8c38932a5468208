/**
 * The entries of a directory in memory: found by name in constant time, listed in the order of their
 * making, and with cursors that stay good whatever comes and goes.
 *
 *     by name    a ──┐   c ──┐  d ──┐
 *     list       [1 a] [2 –] [3 c] [4 d]      2 was removed: a hole
 *
 * Each entry has a number that only ever grows, and that is the cursor of `readdir`. A removed entry
 * leaves a hole in the list; when half of the list is holes, it is packed. What replaces a node takes the
 * place that its name has, and what is renamed within its directory keeps its own.
 *
 * A listing leaves out the names that came after it began, so it ends although its reader makes files; it
 * shows what stayed exactly once, and no name twice. To tell those names, each has the *moment* at which it
 * came: a count over all directories, so that layers of directories can be listed as one.
 */
import type { Node } from "./node.ts";

let last = 1;

/** No earlier than all names that there are by now. */
export function moment(): number {
	return last;
}

/** A moment later than all before. */
export function nextMoment(): number {
	last += 1;
	return last;
}

/** `node` is null once the entry has been removed. */
interface Slot {
	name: string;
	node: Node | null;
	readonly cursor: number;
	/** When the entry got its name. */
	named: number;
}

/** Fewer holes than this are not worth packing. */
const FEW = 32;

export class Entries {
	#byName: Map<string, Slot> | null = null;
	#slots: Slot[] = [];
	/** All slots before this one are holes. */
	#head = 0;
	#lastCursor = 0;
	/** Where the last `after` found its entry. */
	#hint = 0;

	get count(): number {
		return this.#byName === null ? 0 : this.#byName.size;
	}

	get(name: string): Node | undefined {
		// A slot in the map has its node.
		return this.#byName?.get(name)?.node as Node | undefined;
	}

	has(name: string): boolean {
		return this.#byName?.has(name) ?? false;
	}

	/** All names and nodes, in order. */
	*[Symbol.iterator](): IterableIterator<readonly [string, Node]> {
		for (const { name, node } of this.#slots) if (node !== null) yield [name, node];
	}

	/** Adds an entry, whose name must be free. */
	add(name: string, node: Node): void {
		this.#lastCursor += 1;
		const slot = { name, node, cursor: this.#lastCursor, named: nextMoment() };
		this.#byName ??= new Map();
		this.#byName.set(name, slot);
		this.#slots.push(slot);
	}

	/** Takes an entry out, if there is one. */
	delete(name: string): void {
		const slot = this.#byName?.get(name);
		if (slot === undefined) return;
		this.#byName?.delete(name);
		slot.node = null;
		const slots = this.#slots;
		while (this.#head < slots.length && slots[this.#head]?.node === null) this.#head += 1;
		if (slots.length - this.count > FEW + this.count) this.#pack();
	}

	/** Gives an entry another name, which must be free. */
	relabel(name: string, newName: string): void {
		const slot = this.#byName?.get(name);
		if (slot === undefined) return;
		this.#byName?.delete(name);
		slot.name = newName;
		slot.named = nextMoment();
		this.#byName?.set(newName, slot);
	}

	/** Adds an entry, in the place of the one that has its name, if there is one. */
	put(name: string, node: Node): void {
		const slot = this.#byName?.get(name);
		if (slot === undefined) this.add(name, node);
		else slot.node = node;
	}

	/** The next entry after `cursor` that had its name at the moment `until`; undefined after the last. */
	after(cursor: number, until: number): Readonly<Slot> | undefined {
		const slots = this.#slots;
		let index = slots[this.#hint]?.cursor === cursor ? this.#hint + 1 : this.#search(cursor);
		if (index < this.#head) index = this.#head;
		while (index < slots.length && !shows(slots[index] as Slot, until)) index += 1;
		this.#hint = index;
		return slots[index];
	}

	#pack(): void {
		this.#slots = this.#slots.filter((slot) => slot.node !== null);
		this.#head = 0;
		this.#hint = 0;
	}

	/** The index of the first slot, hole or not, whose cursor is above `cursor`. */
	#search(cursor: number): number {
		let low = this.#head;
		let high = this.#slots.length;
		while (low < high) {
			const middle = (low + high) >> 1;
			if ((this.#slots[middle] as Slot).cursor <= cursor) low = middle + 1;
			else high = middle;
		}
		return low;
	}
}

function shows(slot: Slot, until: number): boolean {
	return slot.node !== null && slot.named <= until;
}

/**
 * Any tree, read only: for mounts that say so.
 *
 * Each node of the tree gets one wrapper, kept for as long as the node lives, so that `===` still
 * tells whether two paths lead to the same place. What changes a tree is answered by the base class
 * as for any read-only node; what reads goes through.
 */
import type { Done, Errno } from "../abi/errno.ts";
import { type Entry, type INode, Node, type Stat } from "./node.ts";

const wrappers = new WeakMap<INode, ReadOnlyNode>();

/** `node` as nobody can change it. Devices and pipes are handed out as they are. */
export function readOnly(node: INode): INode {
	if (node instanceof ReadOnlyNode || node.type === "device" || node.type === "pipe") return node;
	let wrapper = wrappers.get(node);
	if (wrapper === undefined) {
		wrapper = new ReadOnlyNode(node);
		wrappers.set(node, wrapper);
	}
	return wrapper;
}

class ReadOnlyNode extends Node {
	readonly #node: INode;

	constructor(node: INode) {
		super(node.dev, node.type);
		this.#node = node;
	}

	override stat(out: Stat): Done {
		const done = this.#node.stat(out);
		out.ino = this.ino;
		return done;
	}

	override read(into: Uint8Array, at: number, length: number, position: number): number {
		return this.#node.read(into, at, length, position);
	}

	override size(): number {
		return this.#node.size();
	}

	override readable(): number {
		return this.#node.readable();
	}

	override closed(): Done {
		return this.#node.closed();
	}

	override lookup(name: string): INode | Errno {
		const found = this.#node.lookup(name);
		return typeof found === "number" ? found : readOnly(found);
	}

	override listing(): number {
		return this.#node.listing();
	}

	override readdir(cursor: number, out: Entry, until?: number): number {
		const next = this.#node.readdir(cursor, out, until);
		if (next <= 0) return next;
		// The entry's number must be the one that `stat` gives.
		const found = this.lookup(out.name);
		if (typeof found === "number") return found;
		out.ino = found.ino;
		return next;
	}

	override readlink(): string | Errno {
		return this.#node.readlink();
	}

	override follow(): string | Errno {
		return this.#node.follow();
	}
}

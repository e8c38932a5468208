/**
 * The model that file systems are compared with: maps and arrays, and POSIX in as few words as
 * possible. It knows nothing of layers, caches or time.
 */
import { EEXIST, EINVAL, EISDIR, ELOOP, ENOENT, ENOTDIR, ENOTEMPTY, EPERM } from "../abi/errno.ts";
import type { INode } from "./node.ts";
import { CREATE, EXCLUSIVE, TRUNCATE } from "./operations.ts";

/** A tree as a test writes it: a string is a file, an object a directory, `{ link }` a symlink. */
export interface Literal {
	[name: string]: string | Literal;
}

export interface ModelNode {
	type: "file" | "directory" | "symlink";
	bytes: number[];
	entries: Map<string, ModelNode>;
	links: number;
	/** The node of the subject that this one stands for. */
	twin?: INode;
}

/** The model: maps and arrays, and POSIX in as few words as possible. */
export class ModelFs {
	readonly root = plain("directory");
	readonly #links: boolean;

	constructor(links: boolean, tree: Literal) {
		this.#links = links;
		fill(this.root, tree);
	}

	/** The directory that holds the last name, and that name; a number where the way fails. */
	#parent(path: string): { directory: ModelNode; name: string } | number {
		const names = path.split("/");
		const name = names.pop() ?? "";
		let directory = this.root;
		for (const step of names) {
			const next = directory.entries.get(step);
			// Symlinks lead nowhere here.
			if (next === undefined || next.type === "symlink") return ENOENT;
			if (next.type === "file") return ENOTDIR;
			directory = next;
		}
		return { directory, name };
	}

	#at(path: string): { directory: ModelNode; name: string; node: ModelNode | undefined } | number {
		const place = this.#parent(path);
		if (typeof place === "number") return place;
		return { ...place, node: place.directory.entries.get(place.name) };
	}

	find(path: string): ModelNode | number {
		const place = this.#at(path);
		return typeof place === "number" ? place : (place.node ?? ENOENT);
	}

	open(path: string, flags: number): ModelNode | number {
		const place = this.#at(path);
		if (typeof place === "number") return place;
		const { directory, name, node } = place;
		if (node === undefined) {
			if ((flags & CREATE) === 0) return ENOENT;
			const made = plain("file");
			directory.entries.set(name, made);
			return made;
		}
		if ((flags & CREATE) !== 0 && (flags & EXCLUSIVE) !== 0) return EEXIST;
		if (node.type === "directory") return EISDIR;
		if (node.type === "symlink") return ELOOP;
		if ((flags & TRUNCATE) !== 0) node.bytes = [];
		return node;
	}

	mkdir(path: string): number {
		const place = this.#at(path);
		if (typeof place === "number") return place;
		if (place.node !== undefined) return EEXIST;
		place.directory.entries.set(place.name, plain("directory"));
		return 0;
	}

	unlink(path: string): number {
		const place = this.#at(path);
		if (typeof place === "number") return place;
		if (place.node === undefined) return ENOENT;
		if (place.node.type === "directory") return EISDIR;
		place.node.links -= 1;
		place.directory.entries.delete(place.name);
		return 0;
	}

	rmdir(path: string): number {
		const place = this.#at(path);
		if (typeof place === "number") return place;
		if (place.node === undefined) return ENOENT;
		if (place.node.type !== "directory") return ENOTDIR;
		if (place.node.entries.size > 0) return ENOTEMPTY;
		place.directory.entries.delete(place.name);
		return 0;
	}

	symlink(path: string): number {
		const place = this.#at(path);
		if (typeof place === "number") return place;
		if (place.node !== undefined) return EEXIST;
		if (!this.#links) return EPERM;
		place.directory.entries.set(place.name, plain("symlink"));
		return 0;
	}

	link(path: string, newPath: string): number {
		const from = this.#at(path);
		if (typeof from === "number") return from;
		const to = this.#at(newPath);
		if (typeof to === "number") return to;
		if (from.node === undefined) return ENOENT;
		if (to.node !== undefined) return EEXIST;
		if (from.node.type === "directory" || !this.#links) return EPERM;
		from.node.links += 1;
		to.directory.entries.set(to.name, from.node);
		return 0;
	}

	rename(path: string, newPath: string): number {
		const from = this.#at(path);
		if (typeof from === "number") return from;
		const to = this.#at(newPath);
		if (typeof to === "number") return to;
		const { node } = from;
		if (node === undefined) return ENOENT;
		if (to.node === node) return 0;
		const wrong = wrongMove(node, to.node, to.directory);
		if (wrong !== 0) return wrong;
		if (to.node !== undefined) to.node.links -= 1;
		from.directory.entries.delete(from.name);
		to.directory.entries.set(to.name, node);
		return 0;
	}
}

function plain(type: ModelNode["type"]): ModelNode {
	return { type, bytes: [], entries: new Map(), links: 1 };
}

/** The order in which several reasons are reported is the file system's own; this asks for any. */
function wrongMove(node: ModelNode, old: ModelNode | undefined, to: ModelNode): number {
	if (node.type === "directory" && holds(node, to)) return old === undefined ? EINVAL : ANY;
	if (old === undefined) return 0;
	if (node.type !== "directory") return old.type === "directory" ? EISDIR : 0;
	if (old.type !== "directory") return ENOTDIR;
	return old.entries.size > 0 ? ENOTEMPTY : 0;
}

/** Some failure, whichever. */
export const ANY = -9999;

function holds(node: ModelNode, wanted: ModelNode): boolean {
	if (node === wanted) return true;
	return [...node.entries.values()].some((child) => holds(child, wanted));
}

function fill(directory: ModelNode, tree: Literal): void {
	for (const [name, item] of Object.entries(tree)) {
		const node = plain(typeof item === "string" ? "file" : "directory");
		if (typeof item === "string") node.bytes = [...new TextEncoder().encode(item)];
		else fill(node, item);
		directory.entries.set(name, node);
	}
}

/** What the model holds, as a test writes it. */
export function literal(node: ModelNode): Literal {
	const tree: Literal = {};
	for (const [name, child] of node.entries) {
		if (child.type === "directory") tree[name] = literal(child);
		else tree[name] = String.fromCharCode(...child.bytes);
	}
	return tree;
}

/** A tree as contents by path; null for a directory. */
export function byPath(tree: Literal, path = ""): Record<string, string | null> {
	const found: Record<string, string | null> = {};
	for (const [name, item] of Object.entries(tree)) {
		found[`${path}/${name}`] = typeof item === "string" ? item : null;
		if (typeof item !== "string") Object.assign(found, byPath(item, `${path}/${name}`));
	}
	return found;
}

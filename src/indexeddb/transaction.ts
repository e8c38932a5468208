/**
 * Changes of a tree of files, gathered for one transaction of the database.
 *
 * A transaction keeps what its changes look up, and puts what they change at its end: five hundred new
 * files in one directory look that directory up once and write its time once. A change does all its
 * checks before it modifies anything, so a change that fails has changed nothing, and the others go on.
 *
 * A path is walked name by name. A *slot* is a name in a directory; a node that has one name is stored in
 * its slot, a node that has several in a record of its own.
 *
 * What can fail: the errors of a file system (ENOENT, EEXIST …), for one change; a record that does not
 * match its checksum (Damaged), for each change that needs this record; the request itself, and then the
 * whole transaction fails and nothing of it has happened.
 */
import { checkId, checkName, checkSize, failure, isWithin, split } from "../store/paths.ts";
import type { FileId, StoreChange } from "../store/store.ts";
import { FileData } from "./file-data.ts";
import type { View } from "./log.ts";
import {
	Damaged,
	decodeEntry,
	decodeNode,
	encodeNode,
	encodeReference,
	isNode,
	type Node,
	newNode,
	type Reference,
	seedOf,
	type Type,
} from "./records.ts";
import { isCount } from "./records-v1.ts";

/** A name in a directory. */
interface Slot {
	readonly directory: Node;
	readonly name: string;
	/** Null where nothing is. */
	node: Node | null;
	/** Set if the record of what is there is damaged. */
	damage: Damaged | null;
}

const LONGEST_TARGET = 4096;
const BIRTH = 1_000_000_000n;
/** From so many names of one directory on, one request tells which of them exist. */
const MANY = 8;

export class Transaction {
	readonly fileData: FileData;
	/** The paths that have changed. */
	readonly changed = new Set<string>();
	readonly #view: View;
	readonly #slots = new Map<number, Map<string, Slot>>();
	/** Nodes that have several names, or had, and the root. */
	readonly #shared = new Map<number, Node>();
	/** The slot in which a node with one name is stored. */
	readonly #homes = new Map<Node, Slot>();
	readonly #dirtySlots = new Set<Slot>();
	readonly #dirtyNodes = new Set<Node>();
	#last: number | null = null;

	constructor(view: View) {
		this.#view = view;
		this.fileData = new FileData(view);
	}

	/** Makes a change, and answers with the number of a new node. Errors: those of Store; then nothing has
	 *  changed. */
	async make(change: StoreChange): Promise<number | null> {
		const { call, path } = change;
		let made: number | null = null;
		if (call === "make") made = await this.#add(call, path, change.type, "");
		else if (call === "symlink") made = await this.#symlink(path, change.target);
		else await this.#make(change);
		this.changed.add(path);
		if ("to" in change) this.changed.add(change.to);
		return made;
	}

	/** Looks up what changes will need, one level of directories at a time. Name by name, each lookup would
	 *  wait for an answer of the browser's storage process. */
	async prefetch(changes: readonly StoreChange[]): Promise<void> {
		const paths = changes.flatMap((change) =>
			"to" in change ? [change.path, change.to] : [change.path],
		);
		const root = await this.#root();
		let ways = paths.map((path) => ({ directory: root, names: split(path) }));
		for (let level = 0; ; level++) {
			ways = ways.filter(({ names }) => names.length > level);
			if (ways.length === 0) return;
			const wanted = new Map<Node, Set<string>>();
			for (const { directory, names } of ways) {
				const set = wanted.get(directory) ?? new Set();
				wanted.set(directory, set.add(names[level] as string));
			}
			await Promise.all(
				Array.from(wanted, ([directory, names]) => this.#prefetchNames(directory, names)),
			);
			ways = ways.flatMap(({ directory, names }) => {
				const next = this.#slots.get(directory.id)?.get(names[level] as string)?.node;
				return next?.type === "directory" ? [{ directory: next, names }] : [];
			});
		}
	}

	/** Puts what has changed; `withoutTimes` leaves out the times of directories. */
	async flush(withoutTimes: boolean): Promise<void> {
		for (const node of this.#dirtyNodes) {
			if (withoutTimes && node.type === "directory" && node.links > 0) continue;
			const home = this.#homes.get(node);
			if (home !== undefined) this.#dirtySlots.add(home);
			else if (node.links > 0) this.#view.put(["node", node.id], encodeNode(node, node.id));
			else this.#view.delete(["node", node.id]);
		}
		for (const slot of this.#dirtySlots) this.#putSlot(slot);
		if (this.#last !== null) this.#view.change({ kind: "last", id: this.#last });
		await this.fileData.flush();
	}

	/** The node at `path`. Errors: ENOENT; EISDIR or ENOTDIR for another type; ESTALE for another number. */
	async nodeAt(
		call: string,
		path: string,
		type?: "file" | "directory",
		id?: FileId,
	): Promise<Node> {
		const node =
			split(path).length === 0 ? await this.#root() : (await this.#find(call, path)).node;
		if (node === null) throw failure("ENOENT", call, path);
		if (type !== undefined && node.type !== type) {
			throw failure(type === "file" ? "EISDIR" : "ENOTDIR", call, path);
		}
		checkId(id, node.id, call, path);
		return node;
	}

	// --- the changes ---

	async #make(change: Exclude<StoreChange, { call: "make" | "symlink" }>): Promise<void> {
		const { call, path } = change;
		if (call === "link") return this.#link(path, change.to);
		if (call === "remove") return this.#remove(path);
		if (call === "rename") return this.#rename(path, change.to);
		if (call === "write") return this.#write(change);
		if (call === "resize") return this.#resize(change);
		if (call !== "utimes") throw failure("ENOSYS", String(call), path);
		const node = await this.nodeAt(call, path, undefined, change.id);
		const { accessed, modified } = change;
		this.#markDirty(Object.assign(node, { accessed, modified }));
	}

	async #write({
		path,
		offset,
		bytes,
		id,
	}: Extract<StoreChange, { call: "write" }>): Promise<void> {
		const node = await this.nodeAt("write", path, "file", id);
		const end = offset + bytes.length;
		checkSize(offset, Number.MAX_SAFE_INTEGER, "write", path);
		checkSize(end, Number.MAX_SAFE_INTEGER, "write", path);
		await this.fileData.write(node, offset, bytes);
		node.size = Math.max(node.size, end);
		node.modified = now();
		this.#markDirty(node);
	}

	async #resize({ path, size, id }: Extract<StoreChange, { call: "resize" }>): Promise<void> {
		const node = await this.nodeAt("resize", path, "file", id);
		checkSize(size, Number.MAX_SAFE_INTEGER, "resize", path);
		await this.fileData.resize(node, size);
		node.size = size;
		node.modified = now();
		this.#markDirty(node);
	}

	async #symlink(path: string, target: string): Promise<number> {
		if (target.length > LONGEST_TARGET) throw failure("ENAMETOOLONG", "symlink", path);
		if (!target.isWellFormed()) throw failure("EINVAL", "symlink", path);
		return this.#add("symlink", path, "symlink", target);
	}

	async #add(call: string, path: string, type: Type, target: string): Promise<number> {
		const slot = await this.#freeSlot(call, path);
		const node = newNode(await this.#newId(), type, target, now());
		this.#setNode(slot, node);
		this.#homes.set(node, slot);
		return node.id;
	}

	async #link(path: string, to: string): Promise<void> {
		const node = await this.nodeAt("link", path);
		if (node.type === "directory") throw failure("EPERM", "link", path);
		const slot = await this.#freeSlot("link", to);
		const home = this.#homes.get(node);
		if (home !== undefined) this.#dirtySlots.add(home);
		this.#homes.delete(node);
		this.#shared.set(node.id, node);
		node.links++;
		this.#setNode(slot, node);
		this.#markDirty(node);
	}

	async #remove(path: string): Promise<void> {
		const slot = await this.#find("remove", path, true);
		const { node } = slot;
		if (node === null && slot.damage === null) throw failure("ENOENT", "remove", path);
		if (node !== null) await this.#checkEmpty(node, "remove", path);
		this.#setNode(slot, null);
		if (node !== null) this.#removeName(node);
	}

	async #rename(path: string, to: string): Promise<void> {
		const source = await this.#find("rename", path);
		const { node } = source;
		if (node === null) throw failure("ENOENT", "rename", path);
		const target = await this.#find("rename", to);
		const old = target.node;
		if (old === node) return;
		if (isWithin(to, path)) throw failure("EINVAL", "rename", to);
		if (old === null) checkName(target.name, "rename", to);
		else {
			const [was, is] = [old.type === "directory", node.type === "directory"];
			if (was !== is) throw failure(was ? "EISDIR" : "ENOTDIR", "rename", to);
			await this.#checkEmpty(old, "rename", to);
			this.#removeName(old);
		}
		this.#setNode(source, null);
		this.#setNode(target, node);
		if (this.#homes.has(node)) this.#homes.set(node, target);
	}

	/** Errors: ENOTEMPTY. */
	async #checkEmpty(node: Node, call: string, path: string): Promise<void> {
		if (node.type !== "directory") return;
		const known = [...(this.#slots.get(node.id)?.values() ?? [])];
		const left = known.filter((slot) => slot.node !== null || slot.damage !== null);
		// This transaction may have removed some of the stored ones.
		const gone = new Set(known.filter((slot) => !left.includes(slot)).map(({ name }) => name));
		if (left.length > 0 || (await this.#view.hasOther(node.id, gone))) {
			throw failure("ENOTEMPTY", call, path);
		}
	}

	/** Takes a name from a node; the node goes with its last name. */
	#removeName(node: Node): void {
		node.links--;
		if (node.links === 0 && node.type === "file") this.fileData.drop(node);
		if (node.links > 0 || !this.#homes.has(node)) this.#markDirty(node);
		else {
			this.#dirtyNodes.delete(node);
			this.#homes.delete(node);
		}
	}

	/** Puts a node, or nothing, at a name. */
	#setNode(slot: Slot, node: Node | null): void {
		slot.node = node;
		slot.damage = null;
		this.#dirtySlots.add(slot);
		slot.directory.modified = now();
		this.#markDirty(slot.directory);
	}

	#markDirty(node: Node): void {
		this.#dirtyNodes.add(node);
		// Its other names may be anywhere.
		if (node.id !== 0 && this.#shared.has(node.id)) this.changed.add("/");
	}

	#putSlot(slot: Slot): void {
		const { directory, name, node } = slot;
		const key = ["entry", directory.id, name] as const;
		if (node === null) {
			this.#view.delete(key);
			return;
		}
		const seed = seedOf(directory.id, name);
		const own = this.#homes.get(node) === slot;
		this.#view.put(key, own ? encodeNode(node, seed) : encodeReference(node, seed));
	}

	// --- looking up ---

	/** Errors: ENOENT and ENOTDIR on the way; EBUSY for the root, which has no name; EIO where a
	 *  record is damaged, except at the end where that `may` be. */
	async #find(call: string, path: string, may = false): Promise<Slot> {
		const names = split(path);
		const last = names.pop();
		if (last === undefined) throw failure("EBUSY", call, path);
		let at = await this.#root();
		for (const name of names) {
			const { node, damage } = await this.#slot(at, name);
			if (damage !== null) throw damage;
			if (node === null) throw failure("ENOENT", call, path);
			if (node.type !== "directory") throw failure("ENOTDIR", call, path);
			at = node;
		}
		const slot = await this.#slot(at, last);
		if (slot.damage !== null && !may) throw slot.damage;
		return slot;
	}

	/** A name that is free. Errors: EEXIST. */
	async #freeSlot(call: string, path: string): Promise<Slot> {
		const slot = await this.#find(call, path, true);
		if (slot.node !== null || slot.damage !== null) throw failure("EEXIST", call, path);
		checkName(slot.name, call, path);
		return slot;
	}

	/** Looks up names of a directory. If most of many names are new, one request says so for all. */
	async #prefetchNames(directory: Node, names: ReadonlySet<string>): Promise<void> {
		let stored: readonly string[] = [...names];
		if (stored.length >= MANY) {
			stored = await this.#view.mayHave(directory.id, stored.toSorted());
			const may = new Set(stored);
			const slots = this.#namesOf(directory);
			for (const name of names) if (!may.has(name)) slots.set(name, emptySlot(directory, name));
		}
		await Promise.all(stored.map((name) => this.#slot(directory, name)));
	}

	#namesOf(directory: Node): Map<string, Slot> {
		const names = this.#slots.get(directory.id) ?? new Map<string, Slot>();
		this.#slots.set(directory.id, names);
		return names;
	}

	async #slot(directory: Node, name: string): Promise<Slot> {
		const names = this.#namesOf(directory);
		const known = names.get(name);
		if (known !== undefined) return known;
		const slot = emptySlot(directory, name);
		names.set(name, slot);
		const value = await this.#view.get(["entry", directory.id, name]);
		if (value === undefined) return slot;
		try {
			const entry = decodeEntry(value, seedOf(directory.id, name));
			if (isNode(entry)) this.#homes.set(entry, slot);
			slot.node = isNode(entry) ? entry : await this.#node(entry);
		} catch (error) {
			if (!(error instanceof Damaged)) throw error;
			slot.damage = error;
		}
		return slot;
	}

	async #node(reference: Reference): Promise<Node> {
		const known = this.#shared.get(reference.id);
		if (known !== undefined) return known;
		const value = await this.#view.get(["node", reference.id]);
		// Another of its names may have led here meanwhile.
		const node = this.#shared.get(reference.id) ?? decodeNode(value, reference);
		this.#shared.set(node.id, node);
		return node;
	}

	/** The root has no name, and its record holds nothing that matters: a damaged one is replaced. */
	async #root(): Promise<Node> {
		try {
			return await this.#node({ id: 0, type: "directory" });
		} catch (error) {
			if (!(error instanceof Damaged)) throw error;
			const root = newNode(0, "directory", "", BIRTH);
			this.#shared.set(0, root);
			return root;
		}
	}

	async #newId(): Promise<number> {
		if (this.#last === null) {
			const last = (await this.#view.last()) ?? 0;
			if (!isCount(last)) throw new Damaged("the counter of its files is no number");
			this.#last = last;
		}
		this.#last++;
		return this.#last;
	}
}

function emptySlot(directory: Node, name: string): Slot {
	return { directory, name, node: null, damage: null };
}

function now(): bigint {
	return BigInt(Date.now()) * 1_000_000n;
}

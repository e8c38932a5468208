/**
 * A store in the page's memory. It is the model for the others, and what to mount
 * where files need not outlive the page: several sandboxes may share one.
 */
import { isDetached } from "../abi/detached.ts";
import { PortholeError } from "../abi/error.ts";
import { type Answer, apply } from "./apply.ts";
import { MadeFiles } from "./made-files.ts";
import {
	checkId,
	checkName,
	checkSize,
	failure,
	isWithin,
	MEMORY_LARGEST,
	split,
} from "./paths.ts";
import type { FileId, LinkingStore, Listing, Made, StoreChange, Times } from "./store.ts";

/** A file, directory or symlink; one with several names is in several maps. */
interface Item extends Times {
	readonly type: Listing["type"];
	readonly file: number;
	links: number;
	bytes: Uint8Array;
	readonly entries: Map<string, Item>;
	readonly target: string;
}

const encoder = new TextEncoder();
let lastFile = 0;

export class MemoryStore implements LinkingStore {
	readonly #root = item("directory");

	/** Content by path, with or without a leading slash; a path that ends in a slash is an empty
	 *  directory. Takes the bytes over. */
	constructor(files: Iterable<readonly [path: string, data: string | Uint8Array]> = []) {
		for (const [path, data] of files) {
			const parts = split(path);
			const name = path.endsWith("/") ? "" : parts.pop();
			const lost = typeof data !== "string" && isDetached(data);
			if (name === undefined || lost) throw failure("EINVAL", "create", path);
			let directory = this.#root;
			for (const part of parts) {
				const next = directory.entries.get(part) ?? item("directory");
				if (next.type !== "directory") throw failure("ENOTDIR", "create", path);
				directory.entries.set(part, next);
				directory = next;
			}
			if (name === "") continue;
			if (directory.entries.get(name)?.type === "directory")
				throw failure("EISDIR", "create", path);
			const file = item("file");
			file.bytes = typeof data === "string" ? encoder.encode(data) : data;
			directory.entries.set(name, file);
		}
	}

	async list(path: string): Promise<Listing[]> {
		const { entries } = this.#find("list", path, "directory");
		return Array.from(
			entries,
			([name, { type, file, links, bytes, target, accessed, modified }]) => ({
				name,
				type,
				size: bytes.length,
				modified: Number(modified) / 1e6,
				times: { accessed, modified },
				target,
				file,
				links,
				id: file,
			}),
		);
	}

	async read(path: string, offset: number, length: number, id?: FileId): Promise<Uint8Array> {
		return this.#meant("read", path, id).bytes.slice(offset, offset + length);
	}

	async write(path: string, offset: number, bytes: Uint8Array, id?: FileId): Promise<void> {
		const file = this.#meant("write", path, id);
		const end = offset + bytes.length;
		checkSize(end, MEMORY_LARGEST, "write", path);
		if (end > file.bytes.length) file.bytes = resized(file.bytes, end);
		file.bytes.set(bytes, offset);
		file.modified = now();
	}

	async resize(path: string, size: number, id?: FileId): Promise<void> {
		const file = this.#meant("resize", path, id);
		checkSize(size, MEMORY_LARGEST, "resize", path);
		file.bytes = resized(file.bytes, size);
		file.modified = now();
	}

	async make(path: string, type: "file" | "directory"): Promise<Made> {
		const made = item(type);
		this.#add("make", path, made);
		return { id: made.file };
	}

	async symlink(path: string, target: string): Promise<void> {
		this.#add("symlink", path, item("symlink", target));
	}

	async link(path: string, newPath: string): Promise<void> {
		const file = this.#find("link", path);
		if (file.type === "directory") throw failure("EPERM", "link", path);
		this.#add("link", newPath, file);
		file.links++;
	}

	async utimes(path: string, accessed: bigint, modified: bigint, id?: FileId): Promise<void> {
		const found = this.#find("utimes", path);
		checkId(id, found.file, "utimes", path);
		Object.assign(found, { accessed, modified });
	}

	async remove(path: string): Promise<void> {
		const [directory, name] = this.#parent("remove", path);
		const removed = this.#find("remove", path);
		if (removed.entries.size > 0) throw failure("ENOTEMPTY", "remove", path);
		removed.links--;
		directory.entries.delete(name);
		directory.modified = now();
	}

	async rename(from: string, to: string): Promise<void> {
		const [source, name] = this.#parent("rename", from);
		const [target, newName] = this.#parent("rename", to);
		const moved = this.#find("rename", from);
		const old = target.entries.get(newName);
		if (old === moved) return;
		if (isWithin(to, from)) throw failure("EINVAL", "rename", to);
		if (old !== undefined) {
			const was = old.type === "directory";
			if (was !== (moved.type === "directory")) {
				throw failure(was ? "EISDIR" : "ENOTDIR", "rename", to);
			}
			if (old.entries.size > 0) throw failure("ENOTEMPTY", "rename", to);
			old.links--;
		} else checkName(newName, "rename", to);
		source.entries.delete(name);
		target.entries.set(newName, moved);
		source.modified = target.modified = now();
	}

	async apply(changes: readonly StoreChange[]): Promise<Answer[]> {
		const made = new MadeFiles();
		// Each is made when it is called: nothing that others do comes between two of them.
		return Promise.all(
			changes.map((change) => {
				const refusal = made.refusal(change);
				if (refusal !== undefined) return refusal;
				const isThere = change.call === "make" && this.#has(change.path);
				made.note(change, isThere ? "EEXIST" : null);
				return apply(this, change);
			}),
		);
	}

	#has(path: string): boolean {
		let found: Item | undefined = this.#root;
		for (const part of split(path)) found = found?.entries.get(part);
		return found !== undefined;
	}

	/** The file at a path, if it is the one that is meant. */
	#meant(call: string, path: string, id: FileId | undefined): Item {
		const found = this.#find(call, path, "file");
		checkId(id, found.file, call, path);
		return found;
	}

	#add(call: string, path: string, added: Item): void {
		const [directory, name] = this.#parent(call, path);
		if (directory.entries.has(name)) throw failure("EEXIST", call, path);
		checkName(name, call, path);
		directory.entries.set(name, added);
		directory.modified = now();
	}

	#find(call: string, path: string, type?: "file" | "directory", parts = split(path)): Item {
		let found = this.#root;
		for (const part of parts) {
			if (found.type !== "directory") throw failure("ENOTDIR", call, path);
			const next = found.entries.get(part);
			if (next === undefined) throw failure("ENOENT", call, path);
			found = next;
		}
		if (type !== undefined && found.type !== type) {
			throw failure(type === "file" ? "EISDIR" : "ENOTDIR", call, path);
		}
		return found;
	}

	#parent(call: string, path: string): [Item, string] {
		const parts = split(path);
		const name = parts.pop();
		if (name === undefined) throw failure("EBUSY", call, path);
		return [this.#find(call, path, "directory", parts), name];
	}
}

function now(): bigint {
	return BigInt(Date.now()) * 1_000_000n;
}

function item(type: Item["type"], target = ""): Item {
	const time = now();
	return {
		type,
		file: ++lastFile,
		links: 1,
		bytes: new Uint8Array(0),
		entries: new Map(),
		target,
		accessed: time,
		modified: time,
	};
}

/** A copy with room for `size` bytes; what is beyond the old end is zeros. */
function resized(bytes: Uint8Array, size: number): Uint8Array {
	if (size <= bytes.length) return bytes.slice(0, size);
	// A buffer that can grow in place makes appending cheap.
	const room = bytes.buffer.byteLength;
	const whole = bytes.byteOffset === 0 && room >= size;
	if (whole) {
		const longer = new Uint8Array(bytes.buffer, 0, size);
		longer.fill(0, bytes.length);
		return longer;
	}
	const next = new Uint8Array(
		allocate(Math.max(size, Math.min(room * 2, room + (1 << 26)))),
		0,
		size,
	);
	next.set(bytes);
	return next;
}

/** Errors: ENOSPC where the browser has no memory to give; it says so by throwing. */
function allocate(length: number): ArrayBuffer {
	try {
		return new ArrayBuffer(length);
	} catch (cause) {
		throw new PortholeError("ENOSPC", `ENOSPC: there are no ${length} bytes of memory`, { cause });
	}
}

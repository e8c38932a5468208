/**
 * MemoryDirectory: a store in the page's memory. It is the model for the others, and what to mount
 * where files need not outlive the page: several sandboxes may share one.
 */
import { PortholeError } from "../abi/error.ts";
import type { Listing, Store } from "../bridge/store.ts";

interface File {
	bytes: Uint8Array;
	modified: number;
}

/** A directory, or a file. */
type Item = Map<string, Item> | File;

export class MemoryDirectory implements Store {
	readonly #root = new Map<string, Item>();

	/** `files`: content by path, with or without a leading slash. */
	constructor(files: Readonly<Record<string, string | Uint8Array>> = {}) {
		for (const [path, data] of Object.entries(files)) {
			const bytes = typeof data === "string" ? new TextEncoder().encode(data) : data.slice();
			const parts = split(path);
			const name = parts.pop();
			if (name === undefined) throw failure("EINVAL", "create", path);
			let directory = this.#root;
			for (const part of parts) {
				const next = directory.get(part) ?? new Map<string, Item>();
				if (!(next instanceof Map)) throw failure("ENOTDIR", "create", path);
				directory.set(part, next);
				directory = next;
			}
			directory.set(name, { bytes, modified: Date.now() });
		}
	}

	async list(path: string): Promise<Listing[]> {
		const directory = this.#find("list", path);
		if (!(directory instanceof Map)) throw failure("ENOTDIR", "list", path);
		return [...directory].map(([name, item]) =>
			item instanceof Map
				? { name, type: "directory", size: 0, modified: 0 }
				: { name, type: "file", size: item.bytes.length, modified: item.modified },
		);
	}

	async read(path: string, offset: number, length: number): Promise<Uint8Array> {
		return this.#file("read", path).bytes.slice(offset, offset + length);
	}

	async write(path: string, offset: number, bytes: Uint8Array): Promise<void> {
		const file = this.#file("write", path);
		const end = offset + bytes.length;
		if (end > file.bytes.length) file.bytes = resized(file.bytes, end);
		file.bytes.set(bytes, offset);
		file.modified = Date.now();
	}

	async resize(path: string, size: number): Promise<void> {
		const file = this.#file("resize", path);
		file.bytes = resized(file.bytes, size);
		file.modified = Date.now();
	}

	async make(path: string, type: "file" | "directory"): Promise<void> {
		const [directory, name] = this.#parent("make", path);
		if (directory.has(name)) throw failure("EEXIST", "make", path);
		const made: Item =
			type === "file" ? { bytes: new Uint8Array(0), modified: Date.now() } : new Map();
		directory.set(name, made);
	}

	async remove(path: string): Promise<void> {
		const [directory, name] = this.#parent("remove", path);
		const item = directory.get(name);
		if (item === undefined) throw failure("ENOENT", "remove", path);
		if (item instanceof Map && item.size > 0) throw failure("ENOTEMPTY", "remove", path);
		directory.delete(name);
	}

	async rename(from: string, to: string): Promise<void> {
		const [source, name] = this.#parent("rename", from);
		const [target, newName] = this.#parent("rename", to);
		const item = source.get(name);
		if (item === undefined) throw failure("ENOENT", "rename", from);
		const old = target.get(newName);
		if (old instanceof Map && old.size > 0) throw failure("ENOTEMPTY", "rename", to);
		if (item instanceof Map && `${to}/`.startsWith(`${from}/`) && from !== to) {
			throw failure("EINVAL", "rename", to);
		}
		source.delete(name);
		target.set(newName, item);
	}

	#find(call: string, path: string): Item {
		let item: Item = this.#root;
		for (const part of split(path)) {
			if (!(item instanceof Map)) throw failure("ENOTDIR", call, path);
			const next: Item | undefined = item.get(part);
			if (next === undefined) throw failure("ENOENT", call, path);
			item = next;
		}
		return item;
	}

	#file(call: string, path: string): File {
		const file = this.#find(call, path);
		if (file instanceof Map) throw failure("EISDIR", call, path);
		return file;
	}

	#parent(call: string, path: string): [Map<string, Item>, string] {
		const parts = split(path);
		const name = parts.pop();
		if (name === undefined) throw failure("EBUSY", call, path);
		const directory = this.#find(call, `/${parts.join("/")}`);
		if (!(directory instanceof Map)) throw failure("ENOTDIR", call, path);
		return [directory, name];
	}
}

function split(path: string): string[] {
	return path.split("/").filter((part) => part !== "");
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
		new ArrayBuffer(Math.max(size, Math.min(room * 2, room + (1 << 26)))),
		0,
		size,
	);
	next.set(bytes);
	return next;
}

function failure(code: string, call: string, path: string): PortholeError {
	return new PortholeError(code, `${code}: ${call} ${path}`);
}

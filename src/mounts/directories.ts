/**
 * What a page mounts: four classes as thin as can be.
 *
 * A page that mounts nothing, or one kind of directory only, shall not pay for the others. So a
 * directory here is a name and a recipe; the store behind it is loaded when it is first used.
 */
import { PortholeError } from "../abi/error.ts";
import type { Listing, Store } from "../bridge/store.ts";
import type { IndexedDBOptions } from "./indexeddb.ts";

/** What all of ours can do. */
type Linkless = Store & Required<Pick<Store, "symlink" | "utimes">>;

/** A store that is yet to be loaded. */
abstract class Late<S extends Linkless> implements Store {
	#store: Promise<S> | undefined;

	/** Loads and opens the store. */
	protected abstract open(): Promise<S>;

	/** The store; where it cannot be opened, the next call tries again. */
	protected ready(): Promise<S> {
		this.#store ??= this.open().catch((error: unknown) => {
			this.#store = undefined;
			throw error;
		});
		return this.#store;
	}

	async list(path: string): Promise<Listing[]> {
		return (await this.ready()).list(path);
	}

	async read(path: string, offset: number, length: number): Promise<Uint8Array> {
		return (await this.ready()).read(path, offset, length);
	}

	async write(path: string, offset: number, bytes: Uint8Array): Promise<void> {
		return (await this.ready()).write(path, offset, bytes);
	}

	async resize(path: string, size: number): Promise<void> {
		return (await this.ready()).resize(path, size);
	}

	async make(path: string, type: "file" | "directory"): Promise<void> {
		return (await this.ready()).make(path, type);
	}

	async remove(path: string): Promise<void> {
		return (await this.ready()).remove(path);
	}

	async rename(from: string, to: string): Promise<void> {
		return (await this.ready()).rename(from, to);
	}

	async symlink(path: string, target: string): Promise<void> {
		return (await this.ready()).symlink(path, target);
	}

	async utimes(path: string, accessed: bigint, modified: bigint): Promise<void> {
		return (await this.ready()).utimes(path, accessed, modified);
	}
}

/** One that holds hard links too. */
abstract class LateLinks extends Late<Required<Store>> {
	async link(path: string, newPath: string): Promise<void> {
		return (await this.ready()).link(path, newPath);
	}
}

/** Files in the page's memory, gone with it. Several sandboxes may share one. */
export class MemoryDirectory extends LateLinks {
	#files: (readonly [string, string | Uint8Array])[];

	/** `files`: content by path, with or without a leading slash. A path that ends in a slash is an
	 *  empty directory. */
	constructor(files: Readonly<Record<string, string | Uint8Array>> = {}) {
		super();
		this.#files = Object.entries(files).map(([path, data]) => [path, data.slice()]);
	}

	protected override async open(): Promise<Required<Store>> {
		const { MemoryStore } = await import("./memory.ts");
		const store = new MemoryStore(this.#files);
		this.#files = [];
		return store;
	}
}

/** Files in the database `porthole-<name>` of IndexedDB: they outlive the page, with links and times. */
export class IndexedDBDirectory extends LateLinks {
	readonly #name: string;
	readonly #options: IndexedDBOptions;

	constructor(name: string, options: IndexedDBOptions = {}) {
		super();
		this.#name = name;
		this.#options = options;
	}

	protected override async open(): Promise<Required<Store>> {
		const { IndexedDBStore } = await import("./indexeddb.ts");
		return new IndexedDBStore(this.#name, this.#options);
	}
}

/** Files in this origin's private file system (OPFS), without hard links. */
export class OPFSDirectory extends Late<Linkless> {
	readonly #path: string;

	/** `path`: the directory there that is mounted; it is made if it is missing. */
	constructor(path = "/") {
		super();
		this.#path = path;
	}

	protected override async open(): Promise<Linkless> {
		const { privateStore } = await import("./handle.ts");
		return privateStore(this.#path);
	}
}

export interface PickOptions {
	/** Without `"readwrite"`, the default, the user is not asked whether files may be changed. */
	readonly mode?: "read" | "readwrite";
	/** The browser remembers the last directory for each. */
	readonly id?: string;
	readonly startIn?: "desktop" | "documents" | "downloads" | "music" | "pictures" | "videos";
}

/** A directory on the user's disk, through a handle of the File System Access API; without
 *  hard links. */
export class FileSystemAccessDirectory extends Late<Linkless> {
	readonly handle: FileSystemDirectoryHandle;

	constructor(handle: FileSystemDirectoryHandle) {
		super();
		this.handle = handle;
	}

	/** Asks the user for a directory. To be called from a click. Errors: `"not-supported"` where the
	 *  browser cannot; the browser's `AbortError` where the user would not. */
	static async pick(options: PickOptions = {}): Promise<FileSystemAccessDirectory> {
		if (!("showDirectoryPicker" in globalThis)) {
			throw new PortholeError("not-supported", "this browser lets nobody pick a directory");
		}
		const handle = await showDirectoryPicker({ mode: "readwrite", ...options });
		return new FileSystemAccessDirectory(handle);
	}

	protected override async open(): Promise<Linkless> {
		const { HandleStore } = await import("./handle.ts");
		return new HandleStore(this.handle);
	}
}

/**
 * What a page mounts: classes as thin as can be.
 *
 * A page that mounts nothing, or one kind of directory only, shall not pay for the others. So a
 * directory here is a name and a recipe; the store behind it is loaded when it is first used.
 */
import { PortholeError } from "../abi/error.ts";
import type { LinkingStore, Listing, Store } from "../bridge/store.ts";
import type { HTTPOptions } from "./http.ts";
import type { IndexedDBOptions } from "./indexeddb.ts";

/** What all of ours can do. */
type Linkless = Store & Required<Pick<Store, "symlink" | "utimes">>;

/** A store that is yet to be loaded. */
abstract class Late<S extends Store> implements Store {
	readonly #open: () => Promise<S>;
	#opened: Promise<S> | undefined;

	/** `open` loads the store; where it fails, the next call tries again. */
	constructor(open: () => Promise<S>) {
		this.#open = open;
	}

	protected store(): Promise<S> {
		this.#opened ??= this.#open().catch((error: unknown) => {
			this.#opened = undefined;
			throw error;
		});
		return this.#opened;
	}

	async list(path: string): Promise<Listing[]> {
		return (await this.store()).list(path);
	}

	async read(path: string, offset: number, length: number): Promise<Uint8Array> {
		return (await this.store()).read(path, offset, length);
	}

	async write(path: string, offset: number, bytes: Uint8Array): Promise<void> {
		return (await this.store()).write(path, offset, bytes);
	}

	async resize(path: string, size: number): Promise<void> {
		return (await this.store()).resize(path, size);
	}

	async make(path: string, type: "file" | "directory"): Promise<void> {
		return (await this.store()).make(path, type);
	}

	async remove(path: string): Promise<void> {
		return (await this.store()).remove(path);
	}

	async rename(from: string, to: string): Promise<void> {
		return (await this.store()).rename(from, to);
	}
}

/** One that holds symlinks and times. */
abstract class LateTimes<S extends Linkless> extends Late<S> {
	async symlink(path: string, target: string): Promise<void> {
		return (await this.store()).symlink(path, target);
	}

	async utimes(path: string, accessed: bigint, modified: bigint): Promise<void> {
		return (await this.store()).utimes(path, accessed, modified);
	}
}

/** One that holds hard links too. */
abstract class LateLinks extends LateTimes<LinkingStore> {
	async link(path: string, newPath: string): Promise<void> {
		return (await this.store()).link(path, newPath);
	}
}

/** Files in the page's memory, gone with it. Several sandboxes may share one. */
export class MemoryDirectory extends LateLinks {
	/** `files`: content by path, with or without a leading slash. A path that ends in a slash is an
	 *  empty directory. */
	constructor(files: Readonly<Record<string, string | Uint8Array>> = {}) {
		let copied = Object.entries(files).map(([path, data]) => [path, data.slice()] as const);
		super(async () => {
			const store = new (await import("./memory.ts")).MemoryStore(copied);
			// What is removed from the store shall not stay here.
			copied = [];
			return store;
		});
	}
}

/** Files in the database `porthole-<name>` of IndexedDB: they outlive the page, with links and times. */
export class IndexedDBDirectory extends LateLinks {
	constructor(name: string, options: IndexedDBOptions = {}) {
		super(async () => new (await import("./indexeddb.ts")).IndexedDBStore(name, options));
	}
}

/** Files in this origin's private file system (OPFS), without hard links. */
export class OPFSDirectory extends LateTimes<Linkless> {
	/** `path`: the directory there that is mounted; it is made if it is missing. */
	constructor(path = "/") {
		super(async () => (await import("./handle.ts")).privateStore(path));
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
export class FileSystemAccessDirectory extends LateTimes<Linkless> {
	readonly handle: FileSystemDirectoryHandle;

	constructor(handle: FileSystemDirectoryHandle) {
		super(async () => new (await import("./handle.ts")).HandleStore(handle));
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
}

/** The files of a web server's directory, read only and read in parts. */
export class HTTPDirectory extends Late<Store> {
	readonly readOnly = true;

	/** `url`: where the directory is; a relative one is taken from the page's address. */
	constructor(url: string | URL, options: HTTPOptions = {}) {
		super(async () => (await import("./http.ts")).HTTPStore.open(url, options));
	}
}

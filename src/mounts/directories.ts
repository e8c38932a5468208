/**
 * What a page mounts: classes as thin as can be.
 *
 * A page that mounts nothing, or one kind of directory only, shall not pay for the others. So a
 * directory here is a name and a recipe; the store behind it is loaded when it is first used.
 */
import { PortholeError } from "../abi/error.ts";
import type { LinkingStore, Store, StoreChange } from "../bridge/store.ts";
import type { HTTPOptions } from "./http.ts";
import type { IndexedDBOptions } from "./indexeddb.ts";

type With<K extends keyof Store> = Store & Required<Pick<Store, K>>;
/** What a store over handles can do. */
type HandleLike = With<"symlink" | "utimes" | "apply" | "sync" | "watch">;

/** The methods that change something. */
const CHANGES = ["write", "resize", "make", "remove", "rename"];

/** How the store behind each directory is loaded. */
const loaders = new WeakMap<object, () => Promise<Store>>();

/** A store that is yet to be loaded: its methods, which `asks` gives it, load it and ask it. */
abstract class Late implements Store {
	declare list: Store["list"];
	declare read: Store["read"];
	declare write: Store["write"];
	declare resize: Store["resize"];
	declare make: Store["make"];
	declare remove: Store["remove"];
	declare rename: Store["rename"];

	static {
		asks(Late, "list read write resize make remove rename");
	}

	/** `open` loads the store; where it fails, the next call tries again. */
	constructor(open: () => Promise<Store>) {
		let opened: Promise<Store> | undefined;
		loaders.set(this, () => {
			opened ??= open().catch((error: unknown) => {
				opened = undefined;
				throw error;
			});
			return opened;
		});
	}
}

/** Gives a class methods; `names` has spaces between. */
function asks(of: { readonly prototype: object }, names: string): void {
	for (const method of names.split(" ")) {
		const answer = function (this: Late, ...args: unknown[]): unknown {
			const answer = ask(this, method, args);
			// Of all, `watch` alone answers at once: how to stop.
			return method === "watch"
				? () => answer.then((stop) => (stop as () => void)()).catch(() => {})
				: answer;
		};
		Reflect.set(of.prototype, method, answer);
	}
}

async function ask(late: Late, method: string, args: unknown[]) {
	// A page that has put its own over one of them is to see what comes in a list as well.
	const own = (name: string) => Reflect.get(late, name) !== Reflect.get(Late.prototype, name);
	if (method === "apply" && CHANGES.some(own)) {
		const { applyInTurn } = await import("./changes.ts");
		return applyInTurn(late as LateLinks, ...(args as [StoreChange[], boolean?]));
	}
	const store = await loaders.get(late)?.();
	return Reflect.apply(Reflect.get(store as Store, method), store, args);
}

/** One that holds links and times, and gathers changes. */
abstract class LateLinks extends Late {
	declare symlink: LinkingStore["symlink"];
	declare utimes: LinkingStore["utimes"];
	declare link: LinkingStore["link"];
	declare apply: HandleLike["apply"];

	static {
		asks(LateLinks, "symlink utimes link apply");
	}
}

/** One over handles: no hard links, and it gathers changes. */
abstract class LateHandles extends Late {
	declare symlink: HandleLike["symlink"];
	declare utimes: HandleLike["utimes"];
	declare apply: HandleLike["apply"];
	declare sync: HandleLike["sync"];
	declare watch: HandleLike["watch"];

	static {
		asks(LateHandles, "symlink utimes apply sync watch");
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
	declare sync: HandleLike["sync"];
	declare watch: HandleLike["watch"];
	/** Whether the browser has promised not to delete the files of this origin by itself. */
	declare persisted: () => Promise<boolean>;

	static {
		asks(IndexedDBDirectory, "sync watch persisted");
	}

	constructor(name: string, options: IndexedDBOptions = {}) {
		super(async () => new (await import("./indexeddb.ts")).IndexedDBStore(name, options));
	}
}

export interface OPFSOptions {
	/** As in `SandboxOptions`: a sandbox that mounts the directory hands on its own. */
	readonly workerUrl?: string | URL;
	/** Ask the browser not to delete the files by itself when space runs low; unless told otherwise. */
	readonly persist?: boolean;
}

/** Files in this origin's private file system (OPFS), without hard links. */
export class OPFSDirectory extends LateHandles {
	workerUrl: string | URL | undefined;
	/** Whether files are changed where they are. It takes a worker, and a browser that lets it hold
	 *  files; elsewhere each change is made in a copy of the whole file, which is slow for large ones. */
	declare isInPlace: () => Promise<boolean>;
	/** Whether the browser has promised not to delete the files of this origin by itself. */
	declare persisted: () => Promise<boolean>;

	static {
		asks(OPFSDirectory, "isInPlace persisted");
	}

	/** `path`: the directory there that is mounted; it is made if it is missing. */
	constructor(path = "/", options: OPFSOptions = {}) {
		super(async () =>
			(await import("./opfs.ts")).openPrivate(path, this.workerUrl, options.persist),
		);
		this.workerUrl = options.workerUrl;
	}
}

export interface FolderOptions {
	/** Without `"readwrite"`, the default, the user is not asked whether files may be changed. */
	readonly mode?: "read" | "readwrite";
}

export interface PickOptions extends FolderOptions {
	/** The browser remembers the last directory for each. */
	readonly id?: string;
	readonly startIn?: "desktop" | "documents" | "downloads" | "music" | "pictures" | "videos";
}

/** A directory on the user's disk, through a handle of the File System Access API; without
 *  hard links. */
export class FileSystemAccessDirectory extends LateHandles {
	readonly handle: FileSystemDirectoryHandle;
	declare preserve: Required<Store>["preserve"];
	/** Whether files may be read, and changed unless `mode` says otherwise. */
	declare queryPermission: () => Promise<PermissionState>;
	/** Asks the user, where the browser wants that. To be called from a click. Until then, and after
	 *  the user has taken the permission back, calls fail with EACCES. */
	declare requestPermission: () => Promise<PermissionState>;
	/** Keeps the handle in this browser, under a name; `restore` finds it in a later visit. */
	declare remember: (name: string) => Promise<void>;

	static {
		asks(FileSystemAccessDirectory, "preserve queryPermission requestPermission remember");
	}

	constructor(handle: FileSystemDirectoryHandle, { mode = "readwrite" }: FolderOptions = {}) {
		super(async () => new (await import("./picked.ts")).PickedStore(handle, mode));
		this.handle = handle;
	}

	/** The directory that was remembered under this name, or null. The browser may want to ask the
	 *  user again: call `requestPermission` from a click. */
	static async restore(name: string): Promise<FileSystemAccessDirectory | null> {
		const found = await (await import("./remembered.ts")).recall(name);
		return found && new FileSystemAccessDirectory(found.handle, found);
	}

	/** The opposite of `remember`. */
	static async forget(name: string): Promise<void> {
		await (await import("./remembered.ts")).forget(name);
	}

	/** Asks the user for a directory. To be called from a click. Errors: `"not-supported"` where the
	 *  browser cannot; the browser's `AbortError` where the user would not. */
	static async pick(options: PickOptions = {}): Promise<FileSystemAccessDirectory> {
		if (!("showDirectoryPicker" in globalThis)) {
			throw new PortholeError("not-supported", "this browser lets nobody pick a directory");
		}
		const handle = await showDirectoryPicker({ mode: "readwrite", ...options });
		return new FileSystemAccessDirectory(handle, options);
	}
}

/** The files of a web server's directory, read only and read in parts. */
export class HTTPDirectory extends Late {
	readonly readOnly = true;

	/** `url`: where the directory is; a relative one is taken from the page's address. */
	constructor(url: string | URL, options: HTTPOptions = {}) {
		super(async () => (await import("./http.ts")).HTTPStore.open(url, options));
	}
}

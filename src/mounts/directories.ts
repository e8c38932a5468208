/**
 * The classes that a page mounts, as small as they can be.
 *
 * A page that mounts nothing, or one kind of directory, should not download the code of the others. So a
 * directory here is a name and a way to load its store, which happens at the first call.
 */
import { PortholeError } from "../abi/error.ts";
import { checkCount, checkNames, type Names } from "../abi/options.ts";
import type { ScriptAddress } from "../bridge/make-worker.ts";
import type { IndexedDBOptions } from "../indexeddb/store.ts";
import type { LinkingStore, Store, StoreChange } from "../store/store.ts";
import type { HTTPOptions } from "./http.ts";

type With<K extends keyof Store> = Store & Required<Pick<Store, K>>;
/** What a store over handles can do. */
type HandleLike = With<"symlink" | "utimes" | "apply" | "sync" | "watch">;

/** The methods that change files. */
const CHANGES = ["write", "resize", "make", "remove", "rename"];

/** The property that holds how a directory loads its store. A property, and no private field, because a Proxy
 *  passes it on. */
const LOAD = Symbol("load");

/** A class whose store is loaded later. The type has real methods, so that a page may extend the class and call
 *  `super`. */
type LateClass<S> = abstract new (open: () => Promise<Store>) => S;

abstract class Late {
	static {
		forward(Late, "list read write resize make remove rename");
	}

	/** `open` loads the store; if it fails, the next call tries again. */
	constructor(open: () => Promise<Store>) {
		let opened: Promise<Store> | undefined;
		const load = () => {
			opened ??= open().catch((error: unknown) => {
				opened = undefined;
				throw error;
			});
			return opened;
		};
		Object.defineProperty(this, LOAD, { value: load });
	}
}

/** Adds methods that forward to the store; `names` are separated by spaces. */
function forward(of: { readonly prototype: object }, names: string): void {
	for (const method of names.split(" ")) {
		const answer = function (this: object, ...args: unknown[]): unknown {
			const answer = callStore(this, method, args);
			if (method !== "watch") return answer;
			// `watch` alone answers at once, with how to stop. A store that cannot be opened fails the next call.
			answer.catch(() => {});
			return () => answer.then((stop) => (stop as () => void)()).catch(() => {});
		};
		Reflect.set(of.prototype, method, answer);
	}
}

async function callStore(late: object, method: string, args: unknown[]) {
	// A subclass of the page may override one of them, and must see the changes of a list as well.
	const own = (name: string) => Reflect.get(late, name) !== Reflect.get(Late.prototype, name);
	if (method === "apply" && CHANGES.some(own)) {
		const { applyInTurn } = await import("../store/apply.ts");
		return applyInTurn(late as LinkingStore, ...(args as [StoreChange[], boolean?]));
	}
	const store = await (Reflect.get(late, LOAD) as () => Promise<Store>)();
	return Reflect.apply(Reflect.get(store, method), store, args);
}

abstract class Links extends Late {
	static {
		forward(Links, "symlink utimes link apply");
	}
}

abstract class Database extends Links {
	static {
		forward(Database, "sync watch persisted");
	}
}

abstract class Handles extends Late {
	static {
		forward(Handles, "symlink utimes apply sync watch");
	}
}

abstract class Folder extends Handles {
	static {
		forward(Folder, "preserve queryPermission requestPermission remember");
	}
}

/** Checks an argument of a constructor. Errors: `"invalid-option"`. */
function expects(what: string, right: boolean): void {
	if (!right) throw new PortholeError("invalid-option", `the directory takes ${what}`);
}

/** The methods of every store; of stores with links; of stores over handles, which have no hard links. */
const LateStore = Late as LateClass<unknown> as LateClass<Store>;
const LateLinks = Links as LateClass<unknown> as LateClass<LinkingStore & With<"apply">>;
const LateDatabase = Database as LateClass<unknown> as LateClass<HandleLike & LinkingStore>;
const LateHandles = Handles as LateClass<unknown> as LateClass<HandleLike>;
const LateFolder = Folder as LateClass<unknown> as LateClass<HandleLike & With<"preserve">>;

/** Files in the page's memory, gone with it. Several sandboxes may share one. */
export class MemoryDirectory extends LateLinks {
	/** `files`: content by path, with or without a leading slash. A path that ends in a slash is an
	 *  empty directory. Errors: `"invalid-option"`. */
	constructor(files?: Readonly<Record<string, string | Uint8Array>>);
	constructor(files: Readonly<Record<string, string | Uint8Array>> = {}, ...more: unknown[]) {
		checkCount("MemoryDirectory", [files, ...more], 1);
		let copied = Object.entries(files).map(([path, data]) => {
			expects(
				`a string or bytes for ${path}`,
				typeof data === "string" || ArrayBuffer.isView(data),
			);
			return [path, data.slice()] as const;
		});
		super(async () => {
			const store = new (await import("../store/memory.ts")).MemoryStore(copied);
			// The constructor's copy must not keep files alive that the store removes.
			copied = [];
			return store;
		});
	}
}

/** Files in the database `porthole-<name>` of IndexedDB: they outlive the page, with links and times. */
export class IndexedDBDirectory extends LateDatabase {
	readonly timeout: number | undefined;
	/** Whether the browser has promised not to delete the files of this origin by itself. */
	declare persisted: () => Promise<boolean>;

	constructor(name: string, options: IndexedDBOptions = {}) {
		super(async () => new (await import("../indexeddb/store.ts")).IndexedDBStore(name, options));
		const names: Names<IndexedDBOptions> = { durability: 0, persist: 0, timeout: 0 };
		checkNames("IndexedDBDirectory", options, names);
		expects("a name first", typeof name === "string");
		this.timeout = options.timeout;
	}
}

export interface OPFSOptions {
	/** As in `SandboxOptions`: a sandbox that mounts the directory hands on its own. */
	readonly workerUrl?: ScriptAddress;
	/** Ask the browser not to delete the files by itself when space runs low; unless told otherwise. */
	readonly persist?: boolean;
	/** As for a mount: milliseconds of silence. */
	readonly timeout?: number | undefined;
}

/** Files in this origin's private file system (OPFS), without hard links. */
export class OPFSDirectory extends LateHandles {
	readonly timeout: number | undefined;
	workerUrl: ScriptAddress | undefined;
	/** Whether files are changed where they are. It takes a worker, and a browser that lets it hold
	 *  files; elsewhere each change is made in a copy of the whole file, which is slow for large ones. */
	declare isInPlace: () => Promise<boolean>;
	/** Whether the browser has promised not to delete the files of this origin by itself. */
	declare persisted: () => Promise<boolean>;

	static {
		forward(OPFSDirectory, "isInPlace persisted");
	}

	/** `path`: the directory there that is mounted; it is made if it is missing. */
	constructor(path = "/", options: OPFSOptions = {}) {
		super(async () =>
			(await import("../handles/opfs-client.ts")).openOPFS(path, this.workerUrl, options.persist),
		);
		const names: Names<OPFSOptions> = { workerUrl: 0, persist: 0, timeout: 0 };
		checkNames("OPFSDirectory", options, names);
		expects("a path first", typeof path === "string");
		this.workerUrl = options.workerUrl;
		this.timeout = options.timeout;
	}
}

export interface FolderOptions {
	/** Without `"readwrite"`, the default, the user is not asked whether files may be changed. */
	readonly mode?: "read" | "readwrite";
	/** As for a mount: milliseconds of silence. */
	readonly timeout?: number | undefined;
}

export interface PickOptions extends FolderOptions {
	/** The browser remembers the last directory for each. */
	readonly id?: string;
	readonly startIn?: "desktop" | "documents" | "downloads" | "music" | "pictures" | "videos";
}

/** A directory on the user's disk, through a handle of the File System Access API; without
 *  hard links. */
export class FileSystemAccessDirectory extends LateFolder {
	readonly handle: FileSystemDirectoryHandle;
	readonly timeout: number | undefined;
	/** Whether files may be read, and changed unless `mode` says otherwise. */
	declare queryPermission: () => Promise<PermissionState>;
	/** Asks the user, where the browser wants that. To be called from a click. Until then, and after
	 *  the user has taken the permission back, calls fail with EACCES. */
	declare requestPermission: () => Promise<PermissionState>;
	/** Keeps the handle in this browser, under a name; `restore` finds it in a later visit. */
	declare remember: (name: string) => Promise<void>;

	constructor(handle: FileSystemDirectoryHandle, options: FolderOptions = {}) {
		const { mode = "readwrite", timeout } = options;
		super(
			async () => new (await import("../handles/user-folder.ts")).UserFolderStore(handle, mode),
		);
		const names: Names<FolderOptions> = { mode: 0, timeout: 0 };
		checkNames("FileSystemAccessDirectory", options, names);
		expects("a directory's handle first", typeof handle?.getDirectoryHandle === "function");
		this.handle = handle;
		this.timeout = timeout;
	}

	/** The directory that was remembered under this name, or null. The browser may want to ask the
	 *  user again: call `requestPermission` from a click. */
	static async restore(name: string): Promise<FileSystemAccessDirectory | null> {
		const found = await (await import("../handles/remembered.ts")).recall(name);
		return found && new FileSystemAccessDirectory(found.handle, { mode: found.mode });
	}

	/** The opposite of `remember`. */
	static async forget(name: string): Promise<void> {
		await (await import("../handles/remembered.ts")).forget(name);
	}

	/** Asks the user for a directory. To be called from a click. Errors: `"not-supported"` where the
	 *  browser cannot; the browser's `AbortError` where the user would not. */
	static async pick(options: PickOptions = {}): Promise<FileSystemAccessDirectory> {
		checkNames("pick", options, {
			mode: 0,
			id: 0,
			startIn: 0,
			timeout: 0,
		} satisfies Names<PickOptions>);
		if (!("showDirectoryPicker" in globalThis)) {
			throw new PortholeError(
				"not-supported",
				"this browser has no directory picker; use OPFSDirectory or IndexedDBDirectory instead",
			);
		}
		const handle = await showDirectoryPicker({ mode: "readwrite", ...options });
		const { mode = "readwrite", timeout } = options;
		return new FileSystemAccessDirectory(handle, { mode, timeout });
	}
}

/** The files of a web server's directory, read only and read in parts. */
export class HTTPDirectory extends LateStore {
	readonly readOnly = true;

	/** `url`: where the directory is; a relative one is taken from the page's address. */
	constructor(url: string | URL, options: HTTPOptions = {}) {
		super(async () => (await import("./http.ts")).HTTPStore.open(url, options));
		const names: Names<HTTPOptions> = {
			index: 0,
			request: 0,
			fetch: 0,
			signal: 0,
			maxBytes: 0,
			timeout: 0,
		};
		checkNames("HTTPDirectory", options, names);
		expects("a URL first", typeof url === "string" || url instanceof URL);
	}
}

/**
 * What a slow place must be able to do so that a mount can keep its bytes there.
 *
 * Seven asynchronous methods that know no POSIX: no descriptors, no permissions. Three more are for
 * stores that can hold links and times: a guest's `symlink` or `link` is EPERM where the method is
 * missing, and times that are set last as long as the sandbox. Three are for stores that can gather
 * changes, make them durable, or tell of changes by others; one is for those that others change
 * behind their back. Paths are absolute within the store (`/` is its root), components are never `.`
 * or `..`, and the store follows no symlinks. It may live in another thread, so arguments and answers
 * can be posted.
 */
export interface Listing {
	name: string;
	type: "file" | "directory" | "symlink";
	/** Bytes. */
	size: number;
	/** Milliseconds since 1970. */
	modified: number;
	/** The times that `utimes` has set, or what became of them: nanoseconds since 1970. */
	times?: Times;
	/** Of a symlink: where it leads, as it was written. */
	target?: string;
	/** Entries with the same value, here or in another directory, are names of one file. */
	file?: number;
	/** How many names the file has; together with `file`. */
	links?: number;
	/** Which file it is. A rename takes it along; a file that is made, at whatever path, has one that no
	 *  file of this store has had before. A program that has a file open names it with each read and
	 *  write, so that these never meet another file that has come to the same path. */
	id?: FileId;
}

/** Which file, of all that a store has had: the same until it is removed. */
export type FileId = string | number;

/** What a store may answer to `make`. */
export interface Made {
	/** As `list` tells it. Without it, others that replace a file which a program has just made are not
	 *  noticed before its directory is listed. */
	readonly id: FileId;
}

export interface Times {
	accessed: bigint;
	modified: bigint;
}

/** A change, as it can be kept in a list: the method of Store that would make it, and its arguments. */
export type StoreChange =
	| {
			readonly call: "write";
			readonly path: string;
			readonly offset: number;
			readonly bytes: Uint8Array;
			/** The file that is meant: as in `read`. */
			readonly id?: FileId | undefined;
			/** The file that is meant is the one that a `make` before it in this list makes. Where that fails,
			 *  this is to fail in the same way, since the file at `path` is another's. */
			readonly behindMake?: true;
	  }
	| {
			readonly call: "resize";
			readonly path: string;
			readonly size: number;
			readonly id?: FileId | undefined;
			readonly behindMake?: true;
	  }
	| { readonly call: "make"; readonly path: string; readonly type: "file" | "directory" }
	| { readonly call: "remove"; readonly path: string }
	| { readonly call: "rename"; readonly path: string; readonly to: string }
	| { readonly call: "symlink"; readonly path: string; readonly target: string }
	| { readonly call: "link"; readonly path: string; readonly to: string }
	| {
			readonly call: "utimes";
			readonly path: string;
			readonly accessed: bigint;
			readonly modified: bigint;
			readonly id?: FileId | undefined;
			readonly behindMake?: true;
	  };

/** Which names a store can hold. A program that makes another is told at once. */
export interface NameRules {
	/** Bytes of a name in UTF-8, at most: ENAMETOOLONG. */
	readonly longest?: number;
	/** Names in which this is found: EINVAL. */
	readonly refused?: RegExp;
}

/**
 * Throws an Error whose `code` names an errno, such as `"ENOENT"`; any other error counts as EIO.
 */
export interface Store {
	/** What is not said here is found when the store refuses a name: then the program goes on, and is
	 *  told by its next sync. */
	readonly names?: NameRules;
	/** Bytes of the largest file that the store can hold: what would make a file larger is EFBIG at once.
	 *  Default: 2^53 - 1. */
	readonly largest?: number;
	/** Says that others may change what is here, and that the store cannot tell of it (`watch`). Then a
	 *  directory is listed again whenever a program opens, looks at or lists something in it, and a file
	 *  that has another size or time is read again: a question each time, ten times a second at most. */
	readonly changes?: "elsewhere" | undefined;
	/** The children of a directory, in any order. */
	list(path: string): Promise<Listing[]>;
	/** At most `length` bytes from `offset`; fewer only at the end of the file. `id` is the file that is
	 *  meant, where the store has told one: ESTALE where another is at `path`. */
	read(path: string, offset: number, length: number, id?: FileId): Promise<Uint8Array>;
	/** A gap before `offset` reads as zeros. `id` is as in `read`. */
	write(path: string, offset: number, bytes: Uint8Array, id?: FileId): Promise<void>;
	resize(path: string, size: number, id?: FileId): Promise<void>;
	// biome-ignore lint/suspicious/noConfusingVoidType: a store whose `make` answers nothing is one too.
	make(path: string, type: "file" | "directory"): Promise<Made | void>;
	/** Removes a file, a symlink or an empty directory. A file with other names keeps its contents. */
	remove(path: string): Promise<void>;
	/** Replaces a file or an empty directory at `to`. */
	rename(from: string, to: string): Promise<void>;
	/** Makes a symlink at `path`. `list` has to tell its `target`. */
	symlink?(path: string, target: string): Promise<void>;
	/** Gives a file or symlink a second name. `list` has to tell which entries are one `file`. */
	link?(path: string, newPath: string): Promise<void>;
	/** Sets the times of what is at `path`, in nanoseconds since 1970. `list` has to tell `times`. `id` is
	 *  as in `read`. */
	utimes?(path: string, accessed: bigint, modified: bigint, id?: FileId): Promise<void>;
	/**
	 * Makes changes in this order, each whole or not at all, faster than one by one. Answers for each
	 * with null, or with the name of the errno that it failed with; the others are made all the same. A
	 * `make` may be answered as the method `make` is.
	 * Where `durable` is set, answers as `sync` would afterwards; only a store that has `sync` is asked
	 * for that.
	 */
	apply?(
		changes: readonly StoreChange[],
		durable?: boolean,
	): Promise<readonly (string | Made | null)[]>;
	/** Resolves once all that was answered before would outlive a crash of the machine. A store
	 *  without it promises that with each answer. */
	sync?(): Promise<void>;
	/**
	 * Tells what others have changed, in this page or in another: `heard` gets paths, each of which
	 * stands for everything below it too. `conflicted` hears of a file that others replaced between two
	 * of our writes, too late for `preserve`: ours is at `path`, theirs was kept at `kept`. `damaged` hears
	 * of something that the store itself keeps and had to give up, such as a file of notes that another
	 * program has cut; what is at `path` goes on without it. Called on the page only. Returns how to stop.
	 */
	watch?(
		heard: (paths: readonly string[]) => void,
		conflicted?: (path: string, kept: string) => void,
		damaged?: (path: string, error: Error) => void,
	): () => void;
	/**
	 * For a store whose files others can change without asking it, such as a directory on the user's
	 * disk. It is asked before a file is written, removed or replaced that `list` has shown with this `size`
	 * and `modified`: if the file is neither as it was listed nor as this store itself has left it, the store copies it
	 * beside, under a name that is free and says why (`notes.conflict-2026-11-22T10-00-00.txt`), and
	 * answers with the path of the copy; else with null.
	 */
	preserve?(path: string, size: number, modified: number): Promise<string | null>;
}

/** The methods that a store may lack, of those that the worker asks for. */
export type StoreExtra = "symlink" | "link" | "utimes" | "apply" | "sync" | "preserve";

/** A store that holds links and times. */
export type LinkingStore = Store & Required<Pick<Store, "symlink" | "link" | "utimes">>;

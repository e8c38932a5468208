/**
 * What a slow place must be able to do so that a mount can keep its bytes there.
 *
 * Seven asynchronous methods that know no POSIX: no descriptors, no permissions. Three more are for
 * stores that can hold links and times; a guest's `symlink` or `link` is EPERM where the method is
 * missing, and times that are set last as long as the sandbox. Paths are absolute within the store
 * (`/` is its root), components are never `.` or `..`, and the store follows no symlinks. It may
 * live in another thread, so arguments and answers can be posted.
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
}

export interface Times {
	accessed: bigint;
	modified: bigint;
}

/**
 * Throws an Error whose `code` names an errno, such as `"ENOENT"`; any other error counts as EIO.
 */
export interface Store {
	/** The children of a directory, in any order. */
	list(path: string): Promise<Listing[]>;
	/** At most `length` bytes from `offset`; fewer only at the end of the file. */
	read(path: string, offset: number, length: number): Promise<Uint8Array>;
	/** A gap before `offset` reads as zeros. */
	write(path: string, offset: number, bytes: Uint8Array): Promise<void>;
	resize(path: string, size: number): Promise<void>;
	make(path: string, type: "file" | "directory"): Promise<void>;
	/** Removes a file, a symlink or an empty directory. A file with other names keeps its contents. */
	remove(path: string): Promise<void>;
	/** Replaces a file or an empty directory at `to`. */
	rename(from: string, to: string): Promise<void>;
	/** Makes a symlink at `path`. `list` has to tell its `target`. */
	symlink?(path: string, target: string): Promise<void>;
	/** Gives a file or symlink a second name. `list` has to tell which entries are one `file`. */
	link?(path: string, newPath: string): Promise<void>;
	/** Sets the times of what is at `path`, in nanoseconds since 1970. `list` has to tell `times`. */
	utimes?(path: string, accessed: bigint, modified: bigint): Promise<void>;
}

/** The methods that a store may lack. */
export type StoreExtra = "symlink" | "link" | "utimes";

/**
 * What a slow place must be able to do so that a mount can keep its bytes there.
 *
 * Seven asynchronous methods that know no POSIX: no descriptors, no permissions, no links. Paths are
 * absolute within the store (`/` is its root), components are never `.` or `..`. A store may live in
 * another thread, so arguments and answers can be posted.
 */
export interface Listing {
	name: string;
	type: "file" | "directory" | "symlink";
	/** Bytes. */
	size: number;
	/** Milliseconds since 1970. */
	modified: number;
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
	/** Removes a file or an empty directory. */
	remove(path: string): Promise<void>;
	/** Replaces a file or an empty directory at `to`. */
	rename(from: string, to: string): Promise<void>;
}

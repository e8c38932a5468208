/**
 * What archives are made of, and the tree that they are made from and unpacked into.
 */

/** A file, directory or symlink on its way into an archive. */
export interface Outgoing {
	/** Relative to the directory that is exported, without a slash at the end. */
	readonly name: string;
	readonly type: "file" | "directory" | "symlink";
	readonly size: number;
	readonly modified: Date;
	/** Of a symlink: where it leads. */
	readonly target: string;
	/** Of a file: exactly `size` bytes. */
	content(): AsyncGenerator<Uint8Array>;
}

/** What was found in an archive. Its name is as it stands there, and may be anything. */
export interface Incoming {
	readonly name: string;
	/** `link` is a further name of a file that came before; `other` is a device or the like. */
	readonly type: "file" | "directory" | "symlink" | "link" | "other";
	/** As the archive says; undefined where it does not. */
	readonly modified: Date | undefined;
	/** Of a link or symlink: where it leads. */
	readonly target: string;
	/** Writes the content of a file. To be called, if at all, before the next entry is asked for. */
	pour(into: WritableStream<Uint8Array>): Promise<unknown>;
}

export interface Found {
	readonly type: "file" | "directory" | "symlink" | "device" | "pipe";
	readonly size: number;
	readonly mtimeMs: number;
	/** Another number where another file is at the path. */
	readonly ino?: number;
}

/** As much of a sandbox's files as is needed. Each failure has a `code`. */
export interface Tree {
	readdir(path: string): Promise<readonly { readonly name: string }[]>;
	lstat(path: string): Promise<Found>;
	readlink(path: string): Promise<string>;
	mkdir(path: string, options?: { recursive?: boolean }): Promise<void>;
	rm(path: string, options?: { force?: boolean }): Promise<void>;
	writeFile(path: string, data: Uint8Array): Promise<void>;
	appendFile(path: string, data: Uint8Array): Promise<void>;
	copyFile(from: string, to: string): Promise<void>;
	symlink(target: string, path: string): Promise<void>;
	utimes(path: string, accessed: Date, modified: Date): Promise<void>;
}

/** Reads at most `length` bytes of a file. Errors: `"changed"` where another one is at the path than the
 *  one whose `ino` is given. */
export type CallPart = (
	call: "readPart",
	path: string,
	position: number,
	length: number,
	ino?: number,
) => Promise<Uint8Array>;

export type ArchiveFormat = "tar" | "tar.gz" | "zip";

export function join(directory: string, name: string): string {
	return directory.endsWith("/") ? directory + name : `${directory}/${name}`;
}

/**
 * The tree as the page uses it: `node:fs/promises`, as far as it makes sense here.
 * Each failure is a PortholeError whose `code` is the POSIX name and whose message names call and path.
 */
import { PortholeError } from "../abi/error.ts";
import { checkNames, takeNoMore } from "../abi/options.ts";
import type { ExportOptions } from "../archive/export.ts";
import type { ArchiveSource, Imported, ImportOptions } from "../archive/import.ts";
import type { Files, WireEntry, WireStat } from "../protocol/sandbox.ts";
import type { WatchOptions } from "./watch.ts";

export interface DirEntry {
	readonly name: string;
	readonly type: WireStat["type"];
	isFile(): boolean;
	isDirectory(): boolean;
	isSymbolicLink(): boolean;
}

export interface Stats extends WireStat {
	readonly mtime: Date;
	isFile(): boolean;
	isDirectory(): boolean;
	isSymbolicLink(): boolean;
}

/** Something that changed below a watched path. */
export interface Change {
	readonly type: "create" | "modify" | "remove";
	readonly path: string;
}

/** Calls the tree of the sandbox, in whichever worker that is now. */
export type Call = <K extends keyof Files>(
	method: K,
	...args: Parameters<Files[K]>
) => Promise<Awaited<ReturnType<Files[K]>>>;

/** Methods that take paths and data, and no options. */
const PLAIN =
	"readFile readTextFile writeFile appendFile readdir stat lstat rename copyFile symlink readlink utimes exists";

const types = (type: WireStat["type"]) => ({
	isFile: () => type === "file",
	isDirectory: () => type === "directory",
	isSymbolicLink: () => type === "symlink",
});

export class SandboxFS {
	static {
		takeNoMore(SandboxFS, PLAIN);
	}

	readonly #call: Call;

	constructor(call: Call) {
		this.#call = call;
	}

	readFile(path: string): Promise<Uint8Array> {
		return this.#call("readFile", path);
	}

	async readTextFile(path: string): Promise<string> {
		return new TextDecoder().decode(await this.readFile(path));
	}

	/** Replaces the file's content, and makes the file where there is none. */
	writeFile(path: string, data: string | Uint8Array): Promise<void> {
		return this.#call("writeFile", path, toBytes(data), false);
	}

	appendFile(path: string, data: string | Uint8Array): Promise<void> {
		return this.#call("writeFile", path, toBytes(data), true);
	}

	async readdir(path: string): Promise<DirEntry[]> {
		const entries = await this.#call("readdir", path);
		return entries.map((entry: WireEntry) => ({ ...entry, ...types(entry.type) }));
	}

	async stat(path: string): Promise<Stats> {
		return toStats(await this.#call("stat", path, true));
	}

	/** Of a symlink itself. */
	async lstat(path: string): Promise<Stats> {
		return toStats(await this.#call("stat", path, false));
	}

	async mkdir(path: string, options: { recursive?: boolean } = {}): Promise<void> {
		checkNames("mkdir", options, { recursive: 0 });
		return this.#call("mkdir", path, options.recursive === true);
	}

	async rm(path: string, options: { recursive?: boolean; force?: boolean } = {}): Promise<void> {
		checkNames("rm", options, { recursive: 0, force: 0 });
		return this.#call("rm", path, options.recursive === true, options.force === true);
	}

	rename(from: string, to: string): Promise<void> {
		return this.#call("rename", from, to);
	}

	copyFile(from: string, to: string): Promise<void> {
		return this.#call("copyFile", from, to);
	}

	symlink(target: string, path: string): Promise<void> {
		return this.#call("symlink", target, path);
	}

	readlink(path: string): Promise<string> {
		return this.#call("readlink", path);
	}

	/** Times are Dates or milliseconds since 1970. */
	utimes(path: string, atime: Date | number, mtime: Date | number): Promise<void> {
		return this.#call("utimes", path, Number(atime), Number(mtime));
	}

	async exists(path: string): Promise<boolean> {
		try {
			await this.stat(path);
			return true;
		} catch (error) {
			const gone = ["ENOENT", "ENOTDIR", "ELOOP"];
			if (error instanceof PortholeError && gone.includes(error.code)) return false;
			throw error;
		}
	}

	/** What is in a directory as a tar, a tar.gz or a zip, made while it is read. Names are relative to
	 *  the directory; times are kept to the second. Errors: those of `readdir`; `"changed"` in the
	 *  stream where a file becomes shorter meanwhile. */
	async exportArchive(path: string, options?: ExportOptions): Promise<ReadableStream<Uint8Array>> {
		return (await more()).exportArchive(this, this.#call, path, options);
	}

	/** Unpacks a tar, a tar.gz or a zip into a directory, which is made if it is missing. Nothing gets
	 *  out of that directory. Errors, which name the entry: `"bad-archive"`, `"too-large"`, and those of
	 *  making files. What came before the entry stays. */
	async importArchive(
		source: ArchiveSource,
		path: string,
		options?: ImportOptions,
	): Promise<Imported> {
		return (await more()).importArchive(this, source, path, options);
	}

	/** Changes of a file, or of a directory's children, until `signal` says stop. Looks about five
	 *  times a second, so what comes and goes in between is not seen. */
	async *watch(path: string, options: WatchOptions = {}): AsyncIterable<Change> {
		yield* (await more()).watch(this.#call, path, options);
	}
}

const more = () => import("./sandbox-fs-late.ts");

function toStats(stat: WireStat): Stats {
	return { ...stat, mtime: new Date(stat.mtimeMs), ...types(stat.type) };
}

function toBytes(data: string | Uint8Array): Uint8Array {
	return typeof data === "string" ? new TextEncoder().encode(data) : data;
}

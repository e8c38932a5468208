/**
 * Open writers: how the bytes of files are changed, one writer for each file that is being written.
 *
 * In this origin's private file system a worker may open a file exclusively (a sync access handle) and
 * change it in place: a write then costs microseconds and is visible at once. While the handle is open the
 * file cannot be written, moved or removed in any other way, not even by this store, so the store closes the
 * writer before it does that (`close`). The writer used longest ago is closed when too many are open.
 *
 * A crash may leave a write half done that no sync has covered. What `sync` was answered for stays.
 *
 * The answers of a handle are checked. In a private window whose space is used up, Chromium's `write` answers
 * 4294967288, an error number without its sign, and throws nothing; taken for a count it would say that
 * all bytes are there. A write or a new size that the browser has not made is ENOSPC, and the file is as
 * long as before.
 */
import { PortholeError } from "../abi/error.ts";
import { isWithin } from "../store/paths.ts";

export interface Writers {
	/** Bytes of a file that has an open writer; null if it has none, and the file itself can be read. */
	read(key: string, offset: number, length: number): Promise<Uint8Array | null>;
	/** Opens a writer for the file that `find` answers with, if the file has none. Answers true for the first
	 *  change of a writer. */
	write(key: string, find: Find, offset: number, bytes: Uint8Array): Promise<boolean>;
	resize(key: string, find: Find, size: number): Promise<boolean>;
	/** Opens writers side by side for files that are about to be changed, where that is faster. A file that cannot
	 *  be opened fails its change. */
	openAhead(files: ReadonlyMap<string, FileAhead>): Promise<void>;
	/** Closes the writers of a path and of all below it; the files then hold what was written. */
	close(key: string): Promise<void>;
	/** Closes them without keeping what was written, because the files are about to be removed. */
	discard(key: string): Promise<void>;
	/** Closes the writers of a directory's children whose size a listing would report wrongly. */
	closeForListing(key: string): Promise<void>;
	/** Resolves when all that was written is on the disk. Errors: those of writers that were closed since
	 *  the last sync. */
	sync(): Promise<void>;
}

export type Find = () => Promise<FileSystemFileHandle>;

/** A file that is about to be changed. */
export interface FileAhead {
	readonly file: FileSystemFileHandle;
	/** Whether it was just made. */
	readonly isNew: boolean;
}

/** A `FileSystemSyncAccessHandle`, which the types have in workers only. */
export interface SyncHandle {
	read(into: Uint8Array, options: { at: number }): number;
	write(from: Uint8Array, options: { at: number }): number;
	truncate(size: number): void;
	getSize(): number;
	flush(): void;
	close(): void;
}

/** The handle of a file: the method is there in workers only. */
interface WorkerFileHandle {
	createSyncAccessHandle?(): Promise<SyncHandle>;
}

interface Writer {
	readonly handle: SyncHandle;
	dirty: boolean;
	/** Whether nothing has been changed with it yet. */
	untouched: boolean;
	/** Bytes of the file, which no other program can change meanwhile; null before the handle was asked. */
	size: number | null;
}

/** How many writers are open at once. */
const MAX_OPEN = 32;
/** The browser closes the files of a killed tab a little after it releases its locks: tries, and milliseconds
 *  between them. */
const TRIES = 40;
const PAUSE = 50;

/** Opens a file exclusively. Errors: the browser's NoModificationAllowedError if another tab keeps it open. */
export async function openSyncHandle(file: FileSystemFileHandle): Promise<SyncHandle> {
	for (let tries = 1; ; tries++) {
		try {
			const handle = await (file as WorkerFileHandle).createSyncAccessHandle?.();
			if (handle === undefined) throw new DOMException("only workers may", "InvalidStateError");
			return handle;
		} catch (error) {
			const taken = (error as Error).name === "NoModificationAllowedError";
			if (!taken || tries >= TRIES) throw error;
			await new Promise((resolve) => setTimeout(resolve, PAUSE));
		}
	}
}

export class InPlaceWriters implements Writers {
	/** The one used longest ago first. */
	readonly #writers = new Map<string, Writer>();
	/** Why a writer could not flush its file when it was closed; the next sync reports it. */
	#failure: unknown = null;

	async read(key: string, offset: number, length: number): Promise<Uint8Array | null> {
		const handle = this.#writers.get(key)?.handle;
		if (handle === undefined) return null;
		const bytes = new Uint8Array(Math.max(0, Math.min(length, sizeOf(handle) - offset)));
		for (let done = 0; done < bytes.length; ) {
			const count = handle.read(bytes.subarray(done), { at: offset + done });
			if (!isCount(count, bytes.length - done)) {
				throw new PortholeError("EIO", `the browser could not read the file, and says ${count}`);
			}
			if (count === 0) return bytes.subarray(0, done);
			done += count;
		}
		return bytes;
	}

	async write(key: string, find: Find, offset: number, bytes: Uint8Array): Promise<boolean> {
		return changeOrUndo(await this.#open(key, find), (handle, size) => {
			// First the part that needs space: if there is none, nothing has been overwritten.
			const within = Math.max(0, Math.min(bytes.length, size - offset));
			writeAll(handle, offset + within, bytes.subarray(within));
			const end = offset + bytes.length;
			if (end > size && sizeOf(handle) < end) throw quotaError();
			writeAll(handle, offset, bytes.subarray(0, within));
			return Math.max(size, end);
		});
	}

	async resize(key: string, find: Find, size: number): Promise<boolean> {
		return changeOrUndo(await this.#open(key, find), (handle) => {
			handle.truncate(size);
			if (sizeOf(handle) !== size) throw quotaError();
			return size;
		});
	}

	async openAhead(files: ReadonlyMap<string, FileAhead>): Promise<void> {
		const wanted = [...files].slice(0, MAX_OPEN).filter(([key]) => !this.#touch(key));
		this.#closeOldest(MAX_OPEN - wanted.length);
		const open = async ([key, { file, isNew }]: [string, FileAhead]) => {
			this.#add(key, await openSyncHandle(file), isNew ? 0 : null);
		};
		await Promise.all(wanted.map((one) => open(one).catch(() => {})));
	}

	async close(key: string): Promise<void> {
		for (const [other, writer] of this.#writers)
			if (isWithin(other, key)) this.#closeOne(other, writer);
	}

	async discard(key: string): Promise<void> {
		for (const [other, writer] of this.#writers) writer.dirty &&= !isWithin(other, key);
		await this.close(key);
	}

	/** Changes in place are visible at once. */
	async closeForListing(): Promise<void> {}

	async sync(): Promise<void> {
		for (const writer of this.#writers.values()) {
			if (writer.dirty) writer.handle.flush();
			writer.dirty = false;
		}
		const failure = this.#failure;
		this.#failure = null;
		if (failure !== null) throw failure;
	}

	async #open(key: string, find: Find): Promise<Writer> {
		const known = this.#touch(key);
		if (known !== undefined) return known;
		this.#closeOldest(MAX_OPEN - 1);
		return this.#add(key, await openSyncHandle(await find()), null);
	}

	/** Marks a writer as the one used last. */
	#touch(key: string): Writer | undefined {
		const writer = this.#writers.get(key);
		if (writer === undefined) return undefined;
		this.#writers.delete(key);
		this.#writers.set(key, writer);
		return writer;
	}

	#add(key: string, handle: SyncHandle, size: number | null): Writer {
		const writer = { handle, dirty: false, untouched: true, size };
		this.#writers.set(key, writer);
		return writer;
	}

	/** Closes writers until at most `most` are open. */
	#closeOldest(most: number): void {
		for (const [key, writer] of this.#writers) {
			if (this.#writers.size <= most) return;
			this.#closeOne(key, writer);
		}
	}

	#closeOne(key: string, { handle, dirty }: Writer): void {
		this.#writers.delete(key);
		try {
			if (dirty) handle.flush();
		} catch (error) {
			// The call that closes this writer is often about another file.
			this.#failure = error;
		} finally {
			handle.close();
		}
	}
}

/** Makes a change, which answers with the new size, and tells whether it is the writer's first. If it fails, the
 *  file is as long as before. */
function changeOrUndo(writer: Writer, make: (handle: SyncHandle, size: number) => number): boolean {
	const { handle, untouched } = writer;
	const size = writer.size ?? sizeOf(handle);
	writer.dirty = true;
	writer.size = null;
	try {
		writer.size = make(handle, size);
	} catch (error) {
		if (handle.getSize() !== size) handle.truncate(size);
		throw error;
	}
	writer.untouched = false;
	return untouched;
}

function writeAll(handle: SyncHandle, offset: number, bytes: Uint8Array): void {
	for (let done = 0; done < bytes.length; ) {
		const count = handle.write(bytes.subarray(done), { at: offset + done });
		// Some browsers answer with fewer bytes instead of throwing.
		if (count === 0 || !isCount(count, bytes.length - done)) throw quotaError();
		done += count;
	}
}

/** Errors: EIO for an answer that is no size. */
function sizeOf(handle: SyncHandle): number {
	const size = handle.getSize();
	if (isCount(size, Number.MAX_SAFE_INTEGER)) return size;
	throw new PortholeError(
		"EIO",
		`the browser does not know the size of the file, and says ${size}`,
	);
}

function isCount(count: number, most: number): boolean {
	return Number.isInteger(count) && count >= 0 && count <= most;
}

function quotaError(): DOMException {
	return new DOMException("nothing more could be written", "QuotaExceededError");
}

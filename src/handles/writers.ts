/**
 * How the bytes of a file are changed: by a *pen*, one for each file that is being written.
 *
 * In this origin's private file system a worker may hold a file and change it in place: a write then
 * costs microseconds, and lies where it belongs at once. Nobody else can write, move or remove the
 * file in the meantime, not even we, so a pen is put down before that (`putDown`). Pens that have not
 * been used for long are put down too: there is room for a few, and each holds its file against others.
 *
 * A crash may leave a write that was not synced half done. What `sync` has answered for stays.
 *
 * What a handle answers is checked. In a private window whose space is used up, Chromium's `write` answers
 * 4294967288, an error number without its sign, and throws nothing; taken for a count it would say that
 * all bytes are there. A write or a new size that the browser has not made is ENOSPC, and the file is as
 * long as before.
 */
import { PortholeError } from "../abi/error.ts";
import { isWithin } from "../store/paths.ts";

export interface Pens {
	/** What is in a file that a pen is on; null where none is, and the file itself may be read. */
	read(key: string, offset: number, length: number): Promise<Uint8Array | null>;
	/** `find` is asked for the file where no pen is on it. Tells whether none was. */
	write(key: string, find: Find, offset: number, bytes: Uint8Array): Promise<boolean>;
	resize(key: string, find: Find, size: number): Promise<boolean>;
	/** Takes the pens from a path and from all below it; the files are then as they were written. */
	putDown(key: string): Promise<void>;
	/** Takes them without a thought for what was written: the files are about to go. */
	discard(key: string): Promise<void>;
	/** Puts down those on the children of a directory whose size would be wrong otherwise. */
	settle(key: string): Promise<void>;
	/** Resolves when all that was written is on the disk. */
	sync(): Promise<void>;
}

export type Find = () => Promise<FileSystemFileHandle>;

/** A `FileSystemSyncAccessHandle`, which the types have in workers only. */
export interface SyncHandle {
	read(into: Uint8Array, options: { at: number }): number;
	write(from: Uint8Array, options: { at: number }): number;
	truncate(size: number): void;
	getSize(): number;
	flush(): void;
	close(): void;
}

/** The handle of a file, in a worker. */
interface Holdable {
	createSyncAccessHandle?(): Promise<SyncHandle>;
}

interface Pen {
	readonly handle: SyncHandle;
	dirty: boolean;
	/** Whether nothing has been written with it yet. */
	fresh: boolean;
}

/** How many files are held at once. */
const MOST = 32;
/** A tab that was killed lets go of its files a little after its locks: tries, and how long between. */
const TRIES = 40;
const PAUSE = 50;

/** Holds a file. Errors: the browser's NoModificationAllowedError where others hold it for long. */
export async function hold(file: FileSystemFileHandle): Promise<SyncHandle> {
	for (let tries = 1; ; tries++) {
		try {
			const handle = await (file as Holdable).createSyncAccessHandle?.();
			if (handle === undefined) throw new DOMException("only workers may", "InvalidStateError");
			return handle;
		} catch (error) {
			const taken = (error as Error).name === "NoModificationAllowedError";
			if (!taken || tries >= TRIES) throw error;
			await new Promise((resolve) => setTimeout(resolve, PAUSE));
		}
	}
}

export class InPlacePens implements Pens {
	/** The one used longest ago first. */
	readonly #pens = new Map<string, Pen>();
	/** Why a pen that was put down could not bring its file to the disk; the next sync tells it. */
	#failure: unknown = null;

	async read(key: string, offset: number, length: number): Promise<Uint8Array | null> {
		const handle = this.#pens.get(key)?.handle;
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
		return change(await this.#take(key, find), (handle, size) => {
			// First what needs space: where there is none, nothing has been written over.
			const within = Math.max(0, Math.min(bytes.length, size - offset));
			put(handle, offset + within, bytes.subarray(within));
			const end = offset + bytes.length;
			if (end > size && sizeOf(handle) < end) throw full();
			put(handle, offset, bytes.subarray(0, within));
		});
	}

	async resize(key: string, find: Find, size: number): Promise<boolean> {
		return change(await this.#take(key, find), (handle) => {
			handle.truncate(size);
			if (sizeOf(handle) !== size) throw full();
		});
	}

	async putDown(key: string): Promise<void> {
		for (const [other, pen] of this.#pens) if (isWithin(other, key)) this.#drop(other, pen);
	}

	async discard(key: string): Promise<void> {
		for (const [other, pen] of this.#pens) pen.dirty &&= !isWithin(other, key);
		await this.putDown(key);
	}

	/** What is written in place can be seen at once. */
	async settle(): Promise<void> {}

	async sync(): Promise<void> {
		for (const pen of this.#pens.values()) {
			if (pen.dirty) pen.handle.flush();
			pen.dirty = false;
		}
		const failure = this.#failure;
		this.#failure = null;
		if (failure !== null) throw failure;
	}

	async #take(key: string, find: Find): Promise<Pen> {
		const known = this.#pens.get(key);
		if (known !== undefined) {
			this.#pens.delete(key);
			this.#pens.set(key, known);
			return known;
		}
		for (const [other, pen] of this.#pens) {
			if (this.#pens.size < MOST) break;
			this.#drop(other, pen);
		}
		const pen = { handle: await hold(await find()), dirty: false, fresh: true };
		this.#pens.set(key, pen);
		return pen;
	}

	#drop(key: string, { handle, dirty }: Pen): void {
		this.#pens.delete(key);
		try {
			if (dirty) handle.flush();
		} catch (error) {
			// The call that wants the pen put down is often about another file.
			this.#failure = error;
		} finally {
			handle.close();
		}
	}
}

/** Makes a change, and tells whether it is the pen's first. Where it fails, the file is as long as
 *  before. */
function change(pen: Pen, make: (handle: SyncHandle, size: number) => void): boolean {
	const { handle, fresh } = pen;
	const size = sizeOf(handle);
	pen.dirty = true;
	try {
		make(handle, size);
	} catch (error) {
		if (handle.getSize() !== size) handle.truncate(size);
		throw error;
	}
	pen.fresh = false;
	return fresh;
}

function put(handle: SyncHandle, offset: number, bytes: Uint8Array): void {
	for (let done = 0; done < bytes.length; ) {
		const count = handle.write(bytes.subarray(done), { at: offset + done });
		// Some browsers say so instead of throwing.
		if (count === 0 || !isCount(count, bytes.length - done)) throw full();
		done += count;
	}
}

/** Errors: EIO for what is no size. */
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

function full(): DOMException {
	return new DOMException("nothing more could be written", "QuotaExceededError");
}

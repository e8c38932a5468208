/**
 * How the bytes of a file are changed: by a *pen*, one for each file that is being written.
 *
 * In this origin's private file system a worker may hold a file and change it in place: a write then
 * costs microseconds, and lies where it belongs at once. Nobody else can write, move or remove the
 * file in the meantime, not even we, so a pen is put down before that (`putDown`). Pens that have not
 * been used for long are put down too: there is room for a few, and each holds its file against others.
 *
 * A crash may leave a write that was not synced half done. What `sync` has answered for stays.
 */
import { isWithin } from "./paths.ts";

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

	async read(key: string, offset: number, length: number): Promise<Uint8Array | null> {
		const handle = this.#pens.get(key)?.handle;
		if (handle === undefined) return null;
		const bytes = new Uint8Array(Math.max(0, Math.min(length, handle.getSize() - offset)));
		for (let done = 0; done < bytes.length; ) {
			const count = handle.read(bytes.subarray(done), { at: offset + done });
			if (count <= 0) return bytes.subarray(0, done);
			done += count;
		}
		return bytes;
	}

	async write(key: string, find: Find, offset: number, bytes: Uint8Array): Promise<boolean> {
		const [pen, fresh] = await this.#take(key, find);
		pen.dirty = true;
		const size = pen.handle.getSize();
		try {
			put(pen.handle, offset, bytes);
		} catch (error) {
			// A file that could not grow is as long as before.
			if (pen.handle.getSize() > size) pen.handle.truncate(size);
			throw error;
		}
		return fresh;
	}

	async resize(key: string, find: Find, size: number): Promise<boolean> {
		const [pen, fresh] = await this.#take(key, find);
		pen.dirty = true;
		pen.handle.truncate(size);
		return fresh;
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
	}

	async #take(key: string, find: Find): Promise<[Pen, fresh: boolean]> {
		const known = this.#pens.get(key);
		if (known !== undefined) {
			this.#pens.delete(key);
			this.#pens.set(key, known);
			return [known, false];
		}
		for (const [other, pen] of this.#pens) {
			if (this.#pens.size < MOST) break;
			this.#drop(other, pen);
		}
		const pen = { handle: await hold(await find()), dirty: false };
		this.#pens.set(key, pen);
		return [pen, true];
	}

	#drop(key: string, { handle, dirty }: Pen): void {
		this.#pens.delete(key);
		try {
			if (dirty) handle.flush();
		} finally {
			handle.close();
		}
	}
}

function put(handle: SyncHandle, offset: number, bytes: Uint8Array): void {
	for (let done = 0; done < bytes.length; ) {
		const count = handle.write(bytes.subarray(done), { at: offset + done });
		// Some browsers say so instead of throwing.
		if (count <= 0) throw new DOMException("nothing more could be written", "QuotaExceededError");
		done += count;
	}
}

/**
 * Directory and file handles in memory, for tests of what works on the browser's.
 *
 * They behave as Chromium's do: one holder of a file at a time, drafts that take the place of a file when
 * they are closed, errors with the browser's names. A `Disk` is shared by all handles of one tree. It can
 * be full, and `onCall` sees each call before it is made and may throw in its place.
 */
import type { SyncHandle } from "./writers.ts";

export class Disk {
	/** Called with the method and the name of what it is called on. */
	onCall: (method: string, name: string) => void = () => {};
	/** Bytes that files may have together. */
	quota = Number.POSITIVE_INFINITY;
	/** What a held file answers in place of a number; a write or truncate has then done nothing. */
	lie: (method: "read" | "write" | "truncate" | "getSize") => number | null = () => null;
	/** Names of files that say they have a gigabyte. */
	readonly large = new Set<string>();
	/** So many bytes at the end of a draft are lost when it is closed. */
	leavesOut = 0;
	/** Moves on with each change, so that no two look the same. */
	time = Date.now();
	readonly root: DiskDirectory = new DiskDirectory(this, "");

	/** The root, as the library takes it. */
	get handle(): FileSystemDirectoryHandle {
		// The methods that are missing are not used.
		return this.root as unknown as FileSystemDirectoryHandle;
	}

	get used(): number {
		return this.root.used;
	}

	/** How many more bytes fit. */
	get free(): number {
		return this.quota - this.used;
	}

	/** All names, those of directories with a slash, and what is in the files. */
	tree(): Record<string, string> {
		return Object.fromEntries(this.root.tree(""));
	}

	/** Puts a file, with the directories above it, past the handles. */
	put(path: string, text: string): void {
		const names = path.split("/");
		const name = names.pop() ?? "";
		let at = this.root;
		for (const step of names) {
			const next = at.entries.get(step) ?? new DiskDirectory(this, step);
			at.entries.set(step, next);
			at = next as DiskDirectory;
		}
		const file = new DiskFile(this, name);
		file.bytes = new TextEncoder().encode(text);
		file.time = ++this.time;
		at.entries.set(name, file);
	}
}

function failure(name: string, message = name): DOMException {
	return new DOMException(message, name);
}

class DiskDirectory {
	readonly kind = "directory";
	name: string;
	readonly entries = new Map<string, DiskDirectory | DiskFile>();
	readonly #disk: Disk;

	constructor(disk: Disk, name: string) {
		this.#disk = disk;
		this.name = name;
	}

	get used(): number {
		let sum = 0;
		for (const entry of this.entries.values()) {
			sum += entry.kind === "file" ? entry.bytes.length : entry.used;
		}
		return sum;
	}

	*tree(above: string): Generator<[string, string]> {
		for (const [name, entry] of this.entries) {
			if (entry.kind === "file") yield [above + name, new TextDecoder().decode(entry.bytes)];
			else {
				yield [`${above}${name}/`, ""];
				yield* entry.tree(`${above}${name}/`);
			}
		}
	}

	async getFileHandle(name: string, { create = false } = {}): Promise<DiskFile> {
		this.#disk.onCall("getFileHandle", name);
		const found = this.entries.get(name);
		if (found?.kind === "directory") throw failure("TypeMismatchError");
		if (found !== undefined) return found;
		if (!create) throw failure("NotFoundError");
		const made = new DiskFile(this.#disk, name);
		made.time = ++this.#disk.time;
		this.entries.set(name, made);
		return made;
	}

	async getDirectoryHandle(name: string, { create = false } = {}): Promise<DiskDirectory> {
		this.#disk.onCall("getDirectoryHandle", name);
		const found = this.entries.get(name);
		if (found?.kind === "file") throw failure("TypeMismatchError");
		if (found !== undefined) return found;
		if (!create) throw failure("NotFoundError");
		const made = new DiskDirectory(this.#disk, name);
		this.entries.set(name, made);
		return made;
	}

	async removeEntry(name: string): Promise<void> {
		this.#disk.onCall("removeEntry", name);
		const found = this.entries.get(name);
		if (found === undefined) throw failure("NotFoundError");
		if (found.kind === "directory" && found.entries.size > 0) {
			throw failure("InvalidModificationError");
		}
		if (found.kind === "file" && found.held) throw failure("NoModificationAllowedError");
		this.entries.delete(name);
	}

	async *values(): AsyncGenerator<DiskDirectory | DiskFile> {
		this.#disk.onCall("values", this.name);
		for (const entry of [...this.entries.values()]) yield entry;
	}

	async *keys(): AsyncGenerator<string> {
		this.#disk.onCall("keys", this.name);
		yield* [...this.entries.keys()];
	}

	async isSameEntry(other: unknown): Promise<boolean> {
		return other === this;
	}
}

class DiskFile {
	readonly kind = "file";
	name: string;
	bytes: Uint8Array<ArrayBuffer> = new Uint8Array(0);
	time = 0;
	/** Whether somebody changes it in place. */
	held = false;
	readonly disk: Disk;

	constructor(disk: Disk, name: string) {
		this.disk = disk;
		this.name = name;
	}

	async getFile(): Promise<File> {
		this.disk.onCall("getFile", this.name);
		const file = new File([this.bytes.slice()], this.name, { lastModified: this.time });
		if (this.disk.large.has(this.name)) Object.defineProperty(file, "size", { value: 2 ** 30 });
		return file;
	}

	async isSameEntry(other: unknown): Promise<boolean> {
		return other === this;
	}

	async move(directory: FileSystemDirectoryHandle, name: string): Promise<void> {
		this.disk.onCall("move", this.name);
		if (this.held) throw failure("NoModificationAllowedError");
		const to = directory as unknown as DiskDirectory;
		for (const from of directories(this.disk.root)) {
			if (from.entries.get(this.name) === this) from.entries.delete(this.name);
		}
		this.name = name;
		to.entries.set(name, this);
	}

	async createWritable({ keepExistingData = false } = {}): Promise<WritableStream> {
		this.disk.onCall("createWritable", this.name);
		let draft = keepExistingData ? this.bytes.slice() : new Uint8Array(0);
		const write = (chunk: unknown) => {
			this.disk.onCall("write", this.name);
			const { position = draft.length, data } = parsed(chunk);
			const end = position + data.length;
			if (end - this.bytes.length > this.disk.free) throw failure("QuotaExceededError");
			draft = resized(draft, Math.max(draft.length, end));
			draft.set(data, position);
		};
		const close = () => {
			this.disk.onCall("close", this.name);
			this.bytes = draft.slice(0, Math.max(0, draft.length - this.disk.leavesOut));
			this.time = ++this.disk.time;
		};
		const stream = new WritableStream({ write, close });
		return Object.assign(stream, {
			write: async (chunk: unknown) => write(chunk),
			truncate: async (size: number) => {
				this.disk.onCall("truncate", this.name);
				draft = resized(draft, size);
			},
			close: async () => close(),
			abort: async () => {},
		});
	}

	async createSyncAccessHandle(): Promise<SyncHandle> {
		this.disk.onCall("createSyncAccessHandle", this.name);
		if (this.held) throw failure("NoModificationAllowedError");
		this.held = true;
		return new DiskHandle(this);
	}
}

class DiskHandle implements SyncHandle {
	readonly #file: DiskFile;

	constructor(file: DiskFile) {
		this.#file = file;
	}

	read(into: Uint8Array, { at }: { at: number }): number {
		this.#file.disk.onCall("read", this.#file.name);
		const lie = this.#file.disk.lie("read");
		if (lie !== null) return lie;
		const bytes = this.#file.bytes.subarray(at, at + into.length);
		into.set(bytes);
		return bytes.length;
	}

	write(from: Uint8Array, { at }: { at: number }): number {
		const { disk, name, bytes } = this.#file;
		disk.onCall("write", name);
		const lie = disk.lie("write");
		if (lie !== null) return lie;
		const fits = Math.max(0, Math.min(from.length, bytes.length + disk.free - at));
		if (fits === 0 && from.length > 0) throw failure("QuotaExceededError");
		this.#change(Math.max(bytes.length, at + fits)).set(from.subarray(0, fits), at);
		return fits;
	}

	truncate(size: number): void {
		const { disk, name, bytes } = this.#file;
		disk.onCall("truncate", name);
		if (disk.lie("truncate") !== null) return;
		if (size - bytes.length > disk.free) throw failure("QuotaExceededError");
		this.#change(size);
	}

	getSize(): number {
		const { disk, name, bytes } = this.#file;
		disk.onCall("getSize", name);
		return disk.lie("getSize") ?? bytes.length;
	}

	flush(): void {
		this.#file.disk.onCall("flush", this.#file.name);
	}

	close(): void {
		this.#file.held = false;
	}

	#change(size: number): Uint8Array {
		this.#file.bytes = resized(this.#file.bytes, size);
		this.#file.time = ++this.#file.disk.time;
		return this.#file.bytes;
	}
}

function* directories(at: DiskDirectory): Generator<DiskDirectory> {
	yield at;
	for (const entry of at.entries.values())
		if (entry.kind === "directory") yield* directories(entry);
}

function resized(bytes: Uint8Array, size: number): Uint8Array<ArrayBuffer> {
	const next = new Uint8Array(size);
	next.set(bytes.subarray(0, size));
	return next;
}

/** A chunk of a draft: text, bytes, or where bytes go. */
function parsed(chunk: unknown): { position?: number; data: Uint8Array } {
	if (typeof chunk === "string") return { data: new TextEncoder().encode(chunk) };
	if (chunk instanceof Uint8Array) return { data: chunk };
	return chunk as { position: number; data: Uint8Array };
}

/**
 * Pens where no file can be changed in place: on the user's disk, and where the browser lets nobody
 * hold a file.
 *
 * There a change is made in a copy of the file, a *draft*, which takes the file's place at once when it
 * is closed. A hundred small writes shall not be a hundred copies, so a draft stays open until somebody
 * looks at the file, asks for `sync`, or nothing has come for a while.
 *
 * Closing may fail although all writes were answered: the disk is full, the permission was taken back.
 * What was written since the draft was begun is therefore kept, up to a few megabytes, and written into
 * a new draft by the next `sync`. Of more than that there is no second copy: `sync` tells that it is
 * lost. The file is then as it was before the draft.
 */
import { isWithin } from "../store/paths.ts";
import { stamp } from "./sidecar.ts";
import { measure } from "./whole-file.ts";
import type { Find, Pens } from "./writers.ts";

export interface Watcher {
	/** Asked before a draft takes the place of a file that somebody else has changed meanwhile. */
	replacing(key: string): Promise<void>;
	/** A file has got its draft. */
	replaced(key: string): Promise<void>;
}

type Change = { readonly offset: number; readonly data: Uint8Array<ArrayBuffer> } | number;

interface Draft {
	readonly file: FileSystemFileHandle;
	/** Null after a failure. */
	writable: FileSystemWritableFileStream | null;
	/** How the file looked when the draft was begun. */
	base: string;
	/** What was changed; null where that is too much to be kept. A number is a new size. */
	changes: Change[] | null;
	bytes: number;
	/** How long the draft is. */
	size: number;
	/** Whether no change of it has been answered yet. */
	fresh: boolean;
}

/** How many drafts are open at once, how many bytes of each are kept, and how many changes. */
const MOST_DRAFTS = 8;
const MOST_BYTES = 4 << 20;
const MOST_CHANGES = 4096;
/** Milliseconds after which a draft is closed although nobody has asked for it. */
const IDLE = 300;

export class GatheringPens implements Pens {
	readonly #watcher: Watcher | null;
	/** The one used longest ago first. */
	readonly #drafts = new Map<string, Draft>();
	/** Of a draft that is lost; the next sync tells it. */
	#failure: unknown = null;
	#timer: ReturnType<typeof setTimeout> | undefined;
	/** Runs work between two calls of the store. */
	readonly #between: (work: () => Promise<void>) => Promise<void>;

	constructor(
		between: (work: () => Promise<void>) => Promise<void>,
		watcher: Watcher | null = null,
	) {
		this.#between = between;
		this.#watcher = watcher;
	}

	async read(key: string): Promise<null> {
		const draft = this.#drafts.get(key);
		if (draft !== undefined) await this.#close(key, draft);
		return null;
	}

	write(key: string, find: Find, offset: number, bytes: Uint8Array): Promise<boolean> {
		// No handle takes shared memory, and what is kept shall not change.
		return this.#change(key, find, { offset, data: bytes.slice() });
	}

	resize(key: string, find: Find, size: number): Promise<boolean> {
		return this.#change(key, find, size);
	}

	/** The file that the draft will replace may look as it does now. */
	async rebase(key: string): Promise<void> {
		const draft = this.#drafts.get(key);
		if (draft !== undefined) draft.base = stamp(await draft.file.getFile());
	}

	putDown(key: string): Promise<void> {
		return this.#closeAll((other) => isWithin(other, key));
	}

	async discard(key: string): Promise<void> {
		for (const [other, { writable }] of this.#drafts) {
			if (!isWithin(other, key)) continue;
			this.#drafts.delete(other);
			await writable?.abort().catch(() => {});
		}
	}

	async settle(key: string): Promise<void> {
		await this.#closeAll((other) => other.slice(0, Math.max(0, other.lastIndexOf("/"))) === key);
	}

	async sync(): Promise<void> {
		await this.#closeAll(() => true);
		const failure = this.#failure;
		this.#failure = null;
		if (failure !== null) throw failure;
	}

	async #change(key: string, find: Find, change: Change): Promise<boolean> {
		const draft = await this.#draft(key, find);
		const writable = draft.writable ?? (await this.#begin(draft));
		try {
			await put(writable, change);
		} catch (error) {
			this.#broken(key, draft, error);
			throw error;
		}
		draft.size = sizeAfter(draft.size, change);
		draft.bytes += typeof change === "number" ? 0 : change.data.length;
		const much = draft.bytes > MOST_BYTES || (draft.changes?.length ?? 0) >= MOST_CHANGES;
		if (much) draft.changes = null;
		draft.changes?.push(change);
		clearTimeout(this.#timer);
		this.#timer = setTimeout(
			() => this.#between(() => this.#closeAll(() => true)).catch(() => {}),
			IDLE,
		);
		const { fresh } = draft;
		draft.fresh = false;
		return fresh;
	}

	async #draft(key: string, find: Find): Promise<Draft> {
		const known = this.#drafts.get(key);
		if (known !== undefined) {
			this.#drafts.delete(key);
			this.#drafts.set(key, known);
			return known;
		}
		for (const [other, draft] of this.#drafts) {
			if (this.#drafts.size < MOST_DRAFTS) break;
			await this.#close(other, draft);
		}
		const draft: Draft = {
			file: await find(),
			writable: null,
			base: "",
			changes: [],
			bytes: 0,
			size: 0,
			fresh: true,
		};
		await this.#begin(draft);
		this.#drafts.set(key, draft);
		return draft;
	}

	/** Begins a draft with the file as it is, and makes the changes that were kept. */
	async #begin(draft: Draft): Promise<FileSystemWritableFileStream> {
		const file = await draft.file.getFile();
		const writable = await draft.file.createWritable({ keepExistingData: true });
		try {
			for (const change of draft.changes ?? []) await put(writable, change);
		} catch (error) {
			await writable.abort().catch(() => {});
			throw error;
		}
		draft.size = (draft.changes ?? []).reduce(sizeAfter, file.size);
		// One that is begun again was first begun with this one.
		draft.base ||= stamp(file);
		draft.writable = writable;
		return writable;
	}

	/** The draft takes the place of the file. */
	async #close(key: string, draft: Draft): Promise<void> {
		const writable = draft.writable ?? (await this.#begin(draft));
		try {
			if (this.#watcher !== null && stamp(await draft.file.getFile()) !== draft.base) {
				await this.#watcher.replacing(key);
			}
			await writable.close();
			await measure(draft.file, draft.size);
		} catch (error) {
			this.#broken(key, draft, error);
			throw error;
		}
		this.#drafts.delete(key);
		await this.#watcher?.replaced(key);
	}

	async #closeAll(which: (key: string) => boolean): Promise<void> {
		const failures: unknown[] = [];
		for (const [key, draft] of [...this.#drafts]) {
			if (which(key)) await this.#close(key, draft).catch((error) => failures.push(error));
		}
		if (failures.length > 0) throw failures[0];
	}

	#broken(key: string, draft: Draft, error: unknown): void {
		draft.writable?.abort().catch(() => {});
		draft.writable = null;
		if (draft.changes !== null) return;
		this.#drafts.delete(key);
		this.#failure = error;
	}
}

function sizeAfter(size: number, change: Change): number {
	return typeof change === "number" ? change : Math.max(size, change.offset + change.data.length);
}

async function put(writable: FileSystemWritableFileStream, change: Change): Promise<void> {
	if (typeof change === "number") await writable.truncate(change);
	else await writable.write({ type: "write", position: change.offset, data: change.data });
}

/**
 * Writers where no file can be changed in place: on the user's disk, and where the browser does not let this
 * thread open a file exclusively.
 *
 * There a change is made in a copy of the file, a *draft*, which replaces the file at once when it is
 * closed. A hundred small writes must not make a hundred copies, so a draft stays open until a call reads
 * or lists the file, a program syncs, or no change has come for a while.
 *
 * Closing may fail although all writes were answered: the disk is full, the user has taken the permission
 * back. The changes since the draft was begun are therefore kept, up to a few megabytes, and the next `sync`
 * writes them into a new draft. Of more than that there is no second copy: `sync` then fails, and the file is
 * as it was before the draft.
 */
import { isWithin } from "../store/paths.ts";
import { stamp } from "./sidecar.ts";
import { measure } from "./whole-file.ts";
import type { Find, Writers } from "./writers.ts";

export interface DraftHooks {
	/** Called before a draft replaces a file that another program has changed meanwhile. */
	beforeReplace(key: string): Promise<void>;
	/** Called after a draft has replaced its file. */
	afterReplace(key: string): Promise<void>;
}

type Change = { readonly offset: number; readonly data: Uint8Array<ArrayBuffer> } | number;

interface Draft {
	readonly file: FileSystemFileHandle;
	/** Null after a failure. */
	writable: FileSystemWritableFileStream | null;
	/** How the file looked when the draft was begun. */
	base: string;
	/** The changes since the draft was begun; null if they are too many to keep. A number is a new size. */
	changes: Change[] | null;
	bytes: number;
	/** Bytes of the draft. */
	size: number;
	/** Whether no change of it has been made yet. */
	untouched: boolean;
}

/** How many drafts are open at once, how many bytes of each are kept, and how many changes. */
const MOST_DRAFTS = 8;
const MOST_BYTES = 4 << 20;
const MOST_CHANGES = 4096;
/** Milliseconds without a change after which a draft is closed. */
const IDLE = 300;

export class DraftWriters implements Writers {
	readonly #hooks: DraftHooks | null;
	/** The one used longest ago first. */
	readonly #drafts = new Map<string, Draft>();
	/** Why a draft was lost; the next sync reports it. */
	#failure: unknown = null;
	#timer: ReturnType<typeof setTimeout> | undefined;
	/** Runs work while no call of the store runs. */
	readonly #exclusively: (work: () => Promise<void>) => Promise<void>;

	constructor(
		exclusively: (work: () => Promise<void>) => Promise<void>,
		hooks: DraftHooks | null = null,
	) {
		this.#exclusively = exclusively;
		this.#hooks = hooks;
	}

	async read(key: string): Promise<null> {
		const draft = this.#drafts.get(key);
		if (draft !== undefined) await this.#closeDraft(key, draft);
		return null;
	}

	write(key: string, find: Find, offset: number, bytes: Uint8Array): Promise<boolean> {
		// No handle takes shared memory, and the kept bytes must not change.
		return this.#change(key, find, { offset, data: bytes.slice() });
	}

	resize(key: string, find: Find, size: number): Promise<boolean> {
		return this.#change(key, find, size);
	}

	/** A draft is a copy, which costs more than the way to its file. */
	async openAhead(): Promise<void> {}

	/** Takes the file as it is now for the one that the draft is based on. */
	async rebase(key: string): Promise<void> {
		const draft = this.#drafts.get(key);
		if (draft !== undefined) draft.base = stamp(await draft.file.getFile());
	}

	close(key: string): Promise<void> {
		return this.#closeAll((other) => isWithin(other, key));
	}

	async discard(key: string): Promise<void> {
		for (const [other, { writable }] of this.#drafts) {
			if (!isWithin(other, key)) continue;
			this.#drafts.delete(other);
			await writable?.abort().catch(() => {});
		}
	}

	async closeForListing(key: string): Promise<void> {
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
			this.#onFailure(key, draft, error);
			throw error;
		}
		draft.size = sizeAfter(draft.size, change);
		draft.bytes += typeof change === "number" ? 0 : change.data.length;
		const much = draft.bytes > MOST_BYTES || (draft.changes?.length ?? 0) >= MOST_CHANGES;
		if (much) draft.changes = null;
		draft.changes?.push(change);
		clearTimeout(this.#timer);
		this.#timer = setTimeout(
			() => this.#exclusively(() => this.#closeAll(() => true)).catch(() => {}),
			IDLE,
		);
		const { untouched } = draft;
		draft.untouched = false;
		return untouched;
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
			await this.#closeDraft(other, draft);
		}
		const draft: Draft = {
			file: await find(),
			writable: null,
			base: "",
			changes: [],
			bytes: 0,
			size: 0,
			untouched: true,
		};
		await this.#begin(draft);
		this.#drafts.set(key, draft);
		return draft;
	}

	/** Begins a draft as a copy of the file, and makes the kept changes in it. */
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
		// A draft that is begun again keeps the base of the first time.
		draft.base ||= stamp(file);
		draft.writable = writable;
		return writable;
	}

	/** Replaces the file with the draft. */
	async #closeDraft(key: string, draft: Draft): Promise<void> {
		const writable = draft.writable ?? (await this.#begin(draft));
		try {
			if (this.#hooks !== null && stamp(await draft.file.getFile()) !== draft.base) {
				await this.#hooks.beforeReplace(key);
			}
			await writable.close();
			await measure(draft.file, draft.size);
		} catch (error) {
			this.#onFailure(key, draft, error);
			throw error;
		}
		this.#drafts.delete(key);
		await this.#hooks?.afterReplace(key);
	}

	async #closeAll(which: (key: string) => boolean): Promise<void> {
		const failures: unknown[] = [];
		for (const [key, draft] of [...this.#drafts]) {
			if (which(key)) await this.#closeDraft(key, draft).catch((error) => failures.push(error));
		}
		if (this.#drafts.size === 0) clearTimeout(this.#timer);
		if (failures.length > 0) throw failures[0];
	}

	#onFailure(key: string, draft: Draft, error: unknown): void {
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

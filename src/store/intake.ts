/**
 * The store's end of a queue (storefs/write-queue.ts), where batches arrive that have not waited for each other.
 *
 * The queue sends what a program has promised at once, because the thread that it lives in may not get
 * another turn. So what a batch builds on may fail after the batch was sent, and the queue cannot hold
 * it back any more. That is done here:
 *
 *     queue    batch 1 ── batch 2 ──            … hears 1, holds back what builds on it, hears 2
 *     store             1: remove /a fails ── 2: make /a is HELD, write /b is made
 *
 * The same for a file that others have changed (`preserve`): the store copies it beside first. The writes
 * that were sent are then not made, because a file must not mix bytes of two versions, and the queue sends
 * all of it. A removal, or a rename over the file, is made once the copy is there. Where the copy fails,
 * neither is made.
 *
 * What is sent behind the `make` of its file names no file, because the queue does not know yet which one
 * was made. The store's answer says it, and is remembered here (made-files.ts) until the queue has heard it.
 *
 * Nothing here waits, so that a test can drive it as well as a page.
 */
import { namesOf, PathSet } from "./change-order.ts";
import { isOfContents, MadeFiles } from "./made-files.ts";
import type { Listing, StoreChange } from "./store.ts";

/** What goes with a batch. */
export interface Terms {
	/** How many batches before it had not been answered when it was put together. */
	readonly unheard: number;
	/** Whether it can be made in one go with the batch before it. */
	readonly joins: boolean;
	/** Files as the store has listed them: what others have made of them is to be kept. */
	readonly bases: readonly Base[];
}

export type Base = readonly [path: string, listed: Pick<Listing, "size" | "modified">];

/** The answer for a change that was not made, because one before it failed. */
export const HELD = "held";
/** The answer for a change that was not made, because others had changed the file; theirs is kept. */
export const KEPT = "kept";

/** Something that has happened in a batch of which the queue has not heard. */
interface Failure {
	readonly batch: number;
	/** A change of names that has failed or was held. */
	readonly names?: readonly string[];
	/** A file that was kept beside. */
	readonly kept?: string;
}

export class Intake {
	#batch = 0;
	/** Those of which the queue may not have heard. */
	readonly #mishaps: Failure[] = [];
	readonly #made = new MadeFiles();

	/** Takes a batch in, and finds what of it can be made. */
	take(changes: readonly StoreChange[], terms: Terms): IntakeBatch {
		this.#batch += 1;
		const oldest = this.#batch - terms.unheard;
		this.#mishaps.splice(
			0,
			Number.POSITIVE_INFINITY,
			...this.#mishaps.filter(({ batch }) => batch >= oldest),
		);
		this.#made.forgetBefore(oldest);
		return new IntakeBatch(this.#batch, changes, terms, this.#mishaps);
	}

	/** Why a change must not be made: the `make` of its file has failed. */
	refusal(change: StoreChange): string | undefined {
		return this.#made.refusal(change);
	}

	/** The changes as they are asked of the store: with the files they mean, as far as is known by now. */
	named(changes: readonly StoreChange[]): StoreChange[] {
		return this.#made.named(changes);
	}

	/** The store has answered for some of the changes of the batches taken in last. */
	note(changes: readonly StoreChange[], answers: readonly unknown[]): void {
		for (const [i, change] of changes.entries()) this.#made.note(change, answers[i], this.#batch);
	}
}

/** One batch. */
export class IntakeBatch {
	/** Files about which `preserve` is to be asked. */
	readonly bases: readonly Base[];
	readonly #batch: number;
	readonly #changes: readonly StoreChange[];
	readonly #mishaps: Failure[];
	/** What is known about a change without asking the store, by its index. */
	readonly #known = new Map<number, string>();

	constructor(
		batch: number,
		changes: readonly StoreChange[],
		{ bases }: Terms,
		mishaps: Failure[],
	) {
		this.#batch = batch;
		this.#changes = changes;
		this.#mishaps = mishaps;
		if (mishaps.length > 0) this.#holdBack();
		const isKept = (path: string) => mishaps.some(({ kept }) => kept === path);
		this.bases = bases.filter(([path]) => !isKept(path) && this.#changeIn(path) !== undefined);
	}

	/** The file at `path` could not be kept beside: nothing is written over it, and it is neither removed
	 *  nor replaced. */
	refuse(path: string, code: string): void {
		for (const [i, change] of this.#changes.entries()) {
			if (!concerns(change, path)) continue;
			this.#known.set(i, code);
			if (!isOfContents(change)) {
				this.#mishaps.push({ batch: this.#batch, names: namesOf(change) });
			}
		}
	}

	/** Others have changed the file at `path`, and theirs is kept. Where all of it is written anew, or goes,
	 *  no mixture can come of that. */
	keep(path: string): void {
		const first = this.#changeIn(path);
		if (first === undefined || !isOfContents(first)) return;
		if (first.call === "resize" && first.size === 0) return;
		for (const [i, change] of this.#changes.entries()) {
			if (change.path === path && isOfContents(change)) this.#known.set(i, KEPT);
		}
		this.#mishaps.push({ batch: this.#batch, kept: path });
	}

	/** What is to be made. */
	get changes(): StoreChange[] {
		return this.#changes.filter((_, i) => !this.#known.has(i));
	}

	/** The answers for all, from those of the store for what was to be made: null for a change that was. */
	answers(given: readonly unknown[]): unknown[] {
		let next = 0;
		return this.#changes.map((change, i) => {
			const known = this.#known.get(i);
			if (known !== undefined) return known;
			// A store has no say in what is held or kept.
			const answer = isOurs(given[next]) ? "EIO" : given[next];
			next += 1;
			if (typeof answer !== "object" && !isOfContents(change)) {
				this.#mishaps.push({ batch: this.#batch, names: namesOf(change) });
			}
			return answer;
		});
	}

	#holdBack(): void {
		const failed = new PathSet();
		const kept = new Set<string>();
		for (const mishap of this.#mishaps) {
			for (const name of mishap.names ?? []) failed.add(name);
			if (mishap.kept !== undefined) kept.add(mishap.kept);
		}
		for (const [i, change] of this.#changes.entries()) {
			if (isOfContents(change)) {
				if (failed.covers(change.path)) this.#known.set(i, HELD);
				else if (kept.has(change.path)) this.#known.set(i, KEPT);
				continue;
			}
			const names = namesOf(change);
			if (!names.some((name) => failed.overlaps(name))) continue;
			this.#known.set(i, HELD);
			for (const name of names) failed.add(name);
			this.#mishaps.push({ batch: this.#batch, names });
		}
	}

	/** The first change that the store would be asked to make of the file at `path`. */
	#changeIn(path: string): StoreChange | undefined {
		return this.#changes.find((change, i) => !this.#known.has(i) && concerns(change, path));
	}
}

/** Whether a change writes the file at a path, removes or replaces it. */
function concerns(change: StoreChange, path: string): boolean {
	if (change.call === "rename") return change.to === path;
	return change.path === path && (change.call === "remove" || isOfContents(change));
}

function isOurs(answer: unknown): boolean {
	return answer === HELD || answer === KEPT;
}

/**
 * The page's end of a write queue (storefs/write-queue.ts): makes the calls of a directory, one after another.
 *
 * The worker sends a batch whenever a program closes a file. A batch alone would be a transaction of its own, or
 * a file opened and closed. So batches that wait here together, and may be made in one go, become one.
 */
import { errnoName, errnoOf } from "../abi/errno-names.ts";
import { type Line, toWire } from "../bridge/far.ts";
import { weightOf } from "../store/change-order.ts";
import { Intake, type IntakeBatch, type Terms } from "../store/intake.ts";
import type { StoreChange } from "../store/store.ts";

/** The directory that the batches change. */
export interface BatchTarget {
	/** Answers for each change with null, or with a text: why it was not made. */
	apply(changes: readonly StoreChange[], durable: boolean): Promise<readonly unknown[]>;
	/** Of a directory that others may change. */
	preserve?(path: string, size: number, modified: number): Promise<unknown>;
	/** Others had changed the file at `path`; theirs is at `kept` now. */
	conflict(path: string, kept: string): void;
}

interface Batch {
	readonly changes: readonly StoreChange[];
	readonly durable: boolean;
	readonly terms: Terms;
	readonly resolve: (answers: readonly unknown[]) => void;
}

/** What waits: a batch, or a question, which answers for itself. */
type Item = Batch | (() => Promise<void>);

/** What is made in one go is so large at most. */
const CHANGES = 1000;
const BYTES = 2 * 1024 * 1024;
/** So many changes are made at first, and then as many more or less as it takes for an answer between
 *  these milliseconds: a store that answers nothing for long counts as silent. */
const FIRST = 128;
const SHORT = 250;
const LONG = 1000;

export class BatchRunner implements Line {
	readonly #target: BatchTarget;
	readonly #intake = new Intake();
	readonly #line: Item[] = [];
	#working: Promise<void> | null = null;
	/** So many changes are made in one go. */
	#size = FIRST;
	readonly #now: () => number;
	/** Steps that the store has made: another number while it works. */
	progress = 0;

	/** `now` returns milliseconds. */
	constructor(target: BatchTarget, now = () => performance.now()) {
		this.#target = target;
		this.#now = now;
	}

	/** The store has finished a step of its work. */
	noteProgress(): void {
		this.progress += 1;
	}

	/** Calls `ask` after all that came before. */
	run<T>(ask: () => Promise<T>): Promise<T> {
		return new Promise((resolve, reject) => {
			this.#put(() => ask().then(resolve, reject));
		});
	}

	/** Makes a batch after all that came before, as far as `terms` let it be made. */
	land(
		changes: readonly StoreChange[],
		durable: boolean,
		terms: Terms,
	): Promise<readonly unknown[]> {
		return new Promise((resolve) => this.#put({ changes, durable, terms, resolve }));
	}

	/** Resolves once all that has come is done. */
	async idle(): Promise<void> {
		while (this.#working !== null) await this.#working;
	}

	#put(item: Item): void {
		this.#line.push(item);
		this.#working ??= this.#work();
	}

	async #work(): Promise<void> {
		// What comes in the same turn may be made in one go.
		await null;
		for (let item = this.#line.shift(); item !== undefined; item = this.#line.shift()) {
			if (typeof item !== "function") await this.#make(this.#together(item));
			else {
				await item();
				this.noteProgress();
			}
		}
		this.#working = null;
	}

	/** A batch, and those behind it that can be made with it. */
	#together(first: Batch): Batch[] {
		const group = [first];
		let [count, bytes] = sizeOf(first);
		for (;;) {
			const next = this.#line[0];
			if (next === undefined || typeof next === "function" || !next.terms.joins) return group;
			const [more, moreBytes] = sizeOf(next);
			count += more;
			bytes += moreBytes;
			if (count > this.#size || bytes > BYTES) return group;
			group.push(next);
			this.#line.shift();
		}
	}

	async #make(group: readonly Batch[]): Promise<void> {
		const all: IntakeBatch[] = [];
		for (const { changes, terms } of group) {
			const taken = this.#intake.take(changes, terms);
			all.push(taken);
			for (const [path, { size, modified }] of taken.bases) {
				await this.#preserve(taken, path, size, modified);
			}
		}
		const left = all.map(({ changes }) => changes);
		const durable = group.some((batch) => batch.durable);
		const given = await this.#apply(left.flat(), durable);
		let from = 0;
		for (const [i, { resolve }] of group.entries()) {
			const to = from + (left[i] as StoreChange[]).length;
			resolve((all[i] as IntakeBatch).answers(given.slice(from, to)));
			from = to;
		}
	}

	async #preserve(taken: IntakeBatch, path: string, size: number, modified: number): Promise<void> {
		try {
			const kept = await this.#target.preserve?.(path, size, modified);
			if (typeof kept === "string") {
				taken.keep(path);
				this.#target.conflict(path, kept);
			} else if (kept !== null && kept !== undefined) taken.refuse(path, "EIO");
		} catch (error) {
			taken.refuse(path, codeOf(error));
		}
	}

	/** Asks for changes, for as many at once as are answered before long. */
	async #apply(changes: readonly StoreChange[], durable: boolean): Promise<readonly unknown[]> {
		const answers: unknown[] = [];
		while (answers.length < changes.length) {
			const piece = this.#intake.named(changes.slice(answers.length, answers.length + this.#size));
			const began = this.#now();
			const refusals = piece.map((change) => this.#intake.refusal(change));
			const asked = piece.filter((_, i) => refusals[i] === undefined);
			const given = asked.length > 0 ? await this.#applyNow(asked, durable) : [];
			// A store may answer with less, or with more.
			this.#intake.note(asked, given);
			let next = 0;
			for (const refusal of refusals) answers.push(refusal ?? given[next++]);
			this.noteProgress();
			this.#adjustSize(piece.length, this.#now() - began);
		}
		return answers;
	}

	async #applyNow(changes: readonly StoreChange[], durable: boolean): Promise<readonly unknown[]> {
		try {
			const answers: unknown = await this.#target.apply(changes, durable);
			return Array.isArray(answers) ? answers : [];
		} catch (error) {
			return changes.map(() => codeOf(error));
		}
	}

	#adjustSize(count: number, took: number): void {
		if (took > LONG) this.#size = Math.max(1, Math.floor((count * LONG) / took));
		else if (took < SHORT) this.#size = Math.min(CHANGES, Math.max(this.#size, count * 2));
	}
}

/** Resolves once all lines are idle, or when none has answered anything for so many milliseconds. */
export async function allIdle(lines: readonly Line[], patience: number): Promise<void> {
	const all = Promise.all(lines.map((line) => line.idle())).then(() => true);
	const progress = () => lines.reduce((sum, line) => sum + line.progress, 0);
	for (let [before, done] = [-1, false]; !done && before !== progress(); ) {
		before = progress();
		let timer: ReturnType<typeof setTimeout> | undefined;
		const late = new Promise<boolean>((resolve) => {
			timer = setTimeout(resolve, patience, false);
		});
		done = await Promise.race([all, late]);
		clearTimeout(timer);
	}
}

function sizeOf({ changes }: Batch): [count: number, weight: number] {
	return [changes.length, changes.reduce((sum, change) => sum + weightOf(change), 0)];
}

function codeOf(error: unknown): string {
	return errnoName(errnoOf(toWire(error).code));
}

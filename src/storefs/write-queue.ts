/**
 * What the store has not been told yet, in the order in which it happened.
 *
 *     underway               queue
 *     batch 1   batch 2      make /a · contents of /a · rename /a /b · contents of /c …
 *
 * While a batch is underway, the queue gathers the next, so a slow store gets few large batches and a fast one
 * many small ones. But nothing that a program was promised waits for an answer, because the thread that would
 * receive it may belong to a program that never gives it back: when a program closes a file or changes a name,
 * and before a guest is entered, the queue sends all it has behind what is underway (`send`). The store's end
 * (store/intake.ts) does not make what builds on a change that fails; that comes back into the queue.
 *
 * A file is in the queue once, and the queue asks it for its contents when they are sent: what a program wrote
 * twice by then goes once. The queue handles answers in the order of the batches.
 *
 * What a store refuses is not lost: refused-changes.ts holds it, and the next sync sends it again. Which
 * changes are durable, durability.ts knows. One file for the rest, because each answer decides what may be
 * sent next.
 *
 * Errors of a program's `sync`, `fsync` and `close`: the store's own code for the change it refused; EIO where
 * the store answers with nothing known. Two are remapped. ENOENT, ENOTDIR, EISDIR for contents that name their
 * file are ESTALE: the program holds a descriptor, and its file is what is gone, not a path. EEXIST for a `make`
 * that was tried before, and ENOENT for a `remove` or `rename` that was, are success: the earlier try, whose
 * answer was lost, has done it.
 */
import { type Done, EEXIST, EIO, type Errno, ESTALE } from "../abi/errno.ts";
import type { Bridge, Far, OpenTicket, Ticket } from "../bridge/bridge.ts";
import type { INode, SyncRequest } from "../fs/node.ts";
import { Conflicts, type NameChange, namesOf, weightOf } from "../store/change-order.ts";
import { type Base, HELD, KEPT, type Terms } from "../store/intake.ts";
import type { Listing, StoreChange, StoreExtra } from "../store/store.ts";
import { Durability } from "./durability.ts";
import {
	baseOf,
	type ContentsStep,
	errorOf,
	type FullStore,
	isGone,
	isThereAlready,
	type Listed,
	madeId,
	type NamedNode,
	type NameStep,
	type QueuedNode,
	type Step,
	type StoreEvents,
} from "./queue-step.ts";
import { RefusedChanges } from "./refused-changes.ts";

/** A batch. */
interface SentBatch {
	/** The number of its first step. */
	readonly firstOrder: number;
	/** The lowest number of a first step, its own or of a batch behind it. */
	lowestOrder: number;
	readonly changes: StoreChange[];
	/** The step of each change. */
	readonly sources: Step[];
	/** Those of which this is the last part. */
	readonly completed: Step[];
	readonly bases: Base[];
	/** Whether it can be made in one go with the one before. */
	joins: boolean;
	durable: boolean;
	/** Done when it has been answered, and that has been heard. */
	readonly handled: OpenTicket<void>;
	answer: Ticket<unknown> | null;
}

/** The store's end, on another thread: it takes batches in, as store/intake.ts says. */
export interface Landing extends FullStore {
	land(
		changes: readonly StoreChange[],
		durable: boolean,
		terms: Terms,
	): Promise<readonly unknown[]>;
	/** How much the store has done so far: another number while it works. Answers at once. */
	moved(): Promise<number>;
}

/** What the store has at a path, which may become another one. */
interface HasPath {
	readonly path: string;
}

/** Milliseconds after which gathered bytes are sent although the file is still open. */
const FLUSH_DELAY = 20;
/** A batch is full when it has so many changes or bytes. */
const CHANGES = 1000;
const BYTES = 2 * 1024 * 1024;
/** Changes of names, and UTF-16 units of their paths, that may wait before a further one has to. */
const NAMES = 16384;
const PATHS = 32 * 1024 * 1024;

export class WriteQueue {
	readonly #bridge: Bridge;
	/** The caller of an extra method looks into `extras` first. */
	readonly #store: Far<Landing>;
	readonly #extras: ReadonlySet<StoreExtra>;
	/** The most bytes that may wait. */
	readonly #maxBytes: number;
	readonly #events: StoreEvents;
	/** Called whenever all has been answered, and no change of names is refused. */
	readonly #onNoneRefused: () => void;
	#steps: Step[] = [];
	/** The steps before this one have been sent. */
	#head = 0;
	/** Changes of names that wait, underway and refused ones included. */
	#nameCount = 0;
	/** The length of their paths. */
	#pathUnits = 0;
	#order = 0;
	/** Bytes that files have and the store has not. */
	#bytes = 0;
	/** Batches that have not been heard of, in order. */
	readonly #underway: SentBatch[] = [];
	/** Names used by those of the last that can be made in one go. */
	readonly #conflicts = new Conflicts();
	/** Syncs that wait for all steps up to a number. */
	#waiters: { readonly ticket: OpenTicket<void>; readonly order: number }[] = [];
	/** How often a change of names has failed, or has come back. */
	#nameFailures = 0;
	/** How often refused changes of names have been sent again. */
	resent = 0;
	/** Something has come back: nothing is sent before all that is underway has been answered, for what
	 *  that builds on may come back too. And the questions that wait for it. */
	#stalled = false;
	#questions: (() => void)[] = [];
	/** Where the step lies that came back last. */
	#lastPutBack = 0;
	/** How many steps of a node have not been answered. */
	readonly #openSteps = new Map<INode, number>();
	/** Whose contents are in the queue. */
	readonly #queuedContents = new Set<QueuedNode>();
	readonly #unflushed = new Set<QueuedNode>();
	#flushTimer: Ticket<void> | null = null;
	/** Questions without an answer, and those with one. */
	#openQuestions = 0;
	#answeredQuestions = 0;
	readonly #refused: RefusedChanges;
	readonly #durability: Durability;

	constructor(
		bridge: Bridge,
		store: Far<Landing>,
		extras: ReadonlySet<StoreExtra>,
		most: number,
		events: StoreEvents,
		onNoneRefused: () => void = () => {},
	) {
		this.#bridge = bridge;
		this.#onNoneRefused = onNoneRefused;
		this.#store = store;
		this.#extras = extras;
		this.#maxBytes = most;
		this.#events = events;
		this.#refused = new RefusedChanges(events);
		this.#durability = new Durability(bridge, store, extras);
	}

	/** Bytes that are yet to be written. */
	get pending(): number {
		return this.#bytes;
	}

	/** Changes and questions that the store has answered so far. */
	get progress(): number {
		return this.#durability.answered + this.#answeredQuestions;
	}

	/** Whether the store owes an answer. */
	get isWaiting(): boolean {
		return this.#openQuestions > 0 || this.#underway.length > 0;
	}

	// --- questions ---

	/** The children of a directory, after all that was changed before. */
	list(directory: HasPath): Ticket<Listing[]> {
		return this.#ask(directory, (path) => this.#bridge.ask(this.#store, "list", path));
	}

	/** Bytes of a file that are nowhere but in the store: only names can come before. */
	read(file: QueuedNode, offset: number, length: number): Ticket<Uint8Array> {
		const ask = (path: string) =>
			this.#bridge.ask(this.#store, "read", path, offset, length, file.id);
		return this.#nameCount === 0 ? this.#counted(ask(file.path)) : this.#ask(file, ask);
	}

	#counted<T>(question: Ticket<T>): Ticket<T> {
		this.#openQuestions += 1;
		question.watch(() => {
			this.#openQuestions -= 1;
			this.#answeredQuestions += 1;
		});
		return question;
	}

	/** How much the store has done so far, answered while it works. */
	moved(): Ticket<number> {
		return this.#bridge.ask(this.#store, "moved");
	}

	// --- changes: of names, and before each goes what has been written before it ---

	make(node: NamedNode, path: string, type: "file" | "directory"): void {
		this.#change(node, { call: "make", path, type });
	}

	/** A failure concerns the directory `node`. `gone` is how the store has listed the file that is
	 *  removed, where others may have changed it since. */
	remove(node: NamedNode, path: string, gone: Listed | null): void {
		this.#change(node, { call: "remove", path }, baseOf(path, gone));
	}

	/** To be called after `flush`, which is to be called while the paths are those of before. `gone` is as
	 *  in `remove`, for the file that is replaced. */
	rename(node: NamedNode, path: string, to: string, gone: Listed | null): void {
		this.#change(node, { call: "rename", path, to }, baseOf(to, gone));
	}

	symlink(node: NamedNode, path: string, target: string): void {
		this.#change(node, { call: "symlink", path, target });
	}

	link(node: NamedNode, path: string, to: string): void {
		this.#change(node, { call: "link", path, to });
	}

	/** Puts the contents of a node into the queue, as they will be when their turn comes. */
	enqueueContents(node: QueuedNode): void {
		for (const earlier of this.#unflushed) {
			if (earlier === node) break;
			earlier.flush();
		}
		this.#unflushed.delete(node);
		if (this.#queuedContents.has(node) || node.removed) return;
		this.#queuedContents.add(node);
		this.#push({ node, path: node.path, order: this.#next(), kept: false });
	}

	/** Sends all that files have gathered and all that is in the queue, and waits for no answer. */
	sendAll(): void {
		this.flush();
		this.send();
	}

	/** Sends all that is in the queue. */
	send(): void {
		this.#bridge.unsent?.delete(this);
		if (this.#stalled) return;
		while (this.#head < this.#steps.length) {
			const batch = this.#composeBatch();
			if (batch.changes.length > 0) this.#dispatch(batch);
			else this.#closeSteps(batch.completed);
		}
		this.#steps = [];
		this.#head = 0;
		this.#wakeWaiters();
	}

	/** Notes that a file gathers bytes, and sees to it that they are sent before long. */
	scheduleFlush(node: QueuedNode): void {
		this.#unflushed.add(node);
		this.#bridge.unsent?.add(this);
		if (this.#flushTimer !== null) return;
		this.#flushTimer = this.#bridge.alarm(performance.now() + FLUSH_DELAY);
		this.#flushTimer.watch(() => {
			this.#flushTimer = null;
			this.flush();
		});
	}

	/** Whether the store has something else at a path, for it has refused what was to be there. */
	isHeld(path: () => string): boolean {
		return this.#refused.some && this.#refused.errorAt(path()) !== 0;
	}

	/** A change of `node` that could not even be asked for, unless that has been told. */
	reportFailure(node: INode, path: string, error: Errno): void {
		this.#refused.report(node, path, error);
	}

	/** A node has gone: nothing of it is to be kept. What failed is still told where others took it. */
	forget(node: QueuedNode, byOthers: boolean): void {
		this.#unflushed.delete(node);
		this.#refused.forget(node, byOthers);
		if (byOthers) this.dropNames(node);
	}

	/** Others have taken the place of a node: what was refused of its names is not made any more. */
	dropNames(node: INode): void {
		for (const change of this.#refused.dropNames(node)) this.#countNames(change, -1);
	}

	/** A file has so many more bytes, or fewer, that the store has not. */
	addPending(bytes: number): void {
		if (bytes === 0) return;
		this.#bytes += bytes;
		this.#events.pending();
	}

	/** How many bytes can be written at once; PENDING while too many wait. Where the store has refused
	 *  them all, this is told, and every other time they are tried again. */
	writableBytes(): number {
		const bytes = this.#maxBytes - this.#bytes;
		return bytes > 0 ? bytes : this.#waitForRoom();
	}

	/** 0 where a change of names can be taken; PENDING while too many wait. */
	admitName(): Done {
		if (this.#nameCount < NAMES && this.#pathUnits < PATHS) return 0;
		const answer = this.#waitForRoom();
		// Not above 0 but where nothing is left that could be waited for.
		return answer > 0 ? 0 : (answer as Done);
	}

	// --- sync ---

	/** What is put into the queue from now on is to be durable at once. */
	nextBatchDurable(): void {
		this.#durability.wantNext();
	}

	/** 0 once every change is durable that was made before `request` was first passed; then a failure
	 *  that no program has been told of. What was refused, and told, is tried again. */
	sync(request: SyncRequest = {}): Done {
		if (request.answered === undefined) {
			this.nextBatchDurable();
			this.flush();
			request.answered = this.#allBefore();
		}
		if (!request.answered.done) return this.#bridge.pending(request.answered);
		const error = this.#refused.takeAnyFailure();
		if (error !== 0) return error;
		if (request.retried === undefined) {
			const { some, contents } = this.#refused;
			if (some) this.#retry(contents);
			request.retried = some ? this.#allBefore() : request.answered;
		}
		if (!request.retried.done) return this.#bridge.pending(request.retried);
		request.durableCount ??= this.#durability.answered;
		return this.#durability.reach(request.durableCount);
	}

	/** The same for the changes of one node; a program that goes on writing to it keeps no other waiting. */
	syncOf(node: INode, request: SyncRequest): Done {
		request.answered ??= this.#allBefore(this.#openSteps.has(node));
		if (!request.answered.done) return this.#bridge.pending(request.answered);
		const error = this.takeFailure(node);
		if (error !== 0) return error;
		if (request.retried === undefined) {
			const some = this.#refused.someOf(node);
			if (some) this.#retry([...this.#refused.contents].filter((refused) => refused === node));
			request.retried = this.#allBefore(some);
		}
		if (!request.retried.done) return this.#bridge.pending(request.retried);
		request.durableCount ??= this.#durability.lastOf(node);
		return this.#durability.reach(request.durableCount);
	}

	/** Why a change of a node was refused, if no program has been told yet; else 0. */
	takeFailure(node: INode): Done {
		return this.#refused.takeFailure(node);
	}

	/** Puts all that files have gathered into the queue. */
	flush(): void {
		for (const node of [...this.#unflushed]) node.flush();
	}

	// --- the queue ---

	/** Asks behind all that is here. Where a change of names fails meanwhile, what is at the path may be
	 *  something else, and the question is put again, for the path that the node has then. */
	#ask<T>(node: HasPath, ask: (path: string) => Ticket<T>): Ticket<T> {
		const later = this.#bridge.ticket<T>();
		const put = () => {
			if (this.#stalled) {
				this.#questions.push(put);
				return;
			}
			const { path } = node;
			const held = this.#refused.errorAt(path);
			if (held !== 0) {
				later.fail(held);
				return;
			}
			this.send();
			const before = this.#nameFailures;
			const ticket = this.#counted(ask(path));
			ticket.watch(() => {
				if (this.#nameFailures !== before) put();
				else if (ticket.error !== 0) later.fail(ticket.error);
				// A ticket without an error has its value.
				else later.answer(ticket.value as T);
			});
		};
		put();
		return later;
	}

	/** Done when all that is here now has been answered; at once where there is no `need`. */
	#allBefore(need = true): Ticket<void> {
		const ticket = this.#bridge.ticket<void>();
		if (need) this.send();
		if (need && this.#oldest() <= this.#order) this.#waiters.push({ ticket, order: this.#order });
		else ticket.answer();
		return ticket;
	}

	/** The lowest number of a step that has not been answered. */
	#oldest(): number {
		let least = this.#underway[0]?.lowestOrder ?? Number.POSITIVE_INFINITY;
		for (let i = this.#head; i < this.#steps.length; i++) {
			least = Math.min(least, (this.#steps[i] as Step).order);
		}
		return least;
	}

	/** Ends the syncs whose steps have all been answered. */
	#wakeWaiters(): void {
		if (this.#waiters.length === 0) return;
		const oldest = this.#oldest();
		const done = this.#waiters.filter(({ order }) => order < oldest);
		this.#waiters = this.#waiters.filter(({ order }) => order >= oldest);
		for (const { ticket } of done) ticket.answer();
	}

	#next(): number {
		this.#order += 1;
		return this.#order;
	}

	/** A file that is new can wait for what will stand in it. */
	#change(node: NamedNode, change: NameChange, base: Base | null = null): void {
		if (change.call !== "rename") this.flush();
		this.#countNames(change, 1);
		this.#push({ node, change, base, order: this.#next(), again: false });
		if (change.call !== "make" || change.type === "directory") this.send();
	}

	#push(step: Step): void {
		this.#steps.push(step);
		this.#openStep(step);
		if (this.#underway.length === 0) this.send();
		else this.#bridge.unsent?.add(this);
	}

	/** Takes steps from the queue, as many as can go together. */
	#composeBatch(): SentBatch {
		const { order } = this.#steps[this.#head] as Step;
		const batch: SentBatch = {
			firstOrder: order,
			lowestOrder: order,
			changes: [],
			sources: [],
			completed: [],
			bases: [],
			joins: this.#underway.length > 0,
			durable: false,
			handled: this.#bridge.ticket<void>(),
			answer: null,
		};
		const { changes, sources, completed, bases } = batch;
		if (!batch.joins) this.#conflicts.clear();
		for (let bytes = 0; this.#head < this.#steps.length; this.#head++) {
			const step = this.#steps[this.#head] as Step;
			if (!this.#fitsBatch(step)) {
				if (changes.length > 0) break;
				this.#conflicts.clear();
				batch.joins = false;
			}
			if (changes.length >= CHANGES || bytes >= BYTES) break;
			const from = changes.length;
			const whole = this.#take(step, changes, BYTES - bytes);
			for (let i = from; i < changes.length; i++) {
				bytes += weightOf(changes[i] as StoreChange);
				sources.push(step);
			}
			const base = changes.length > from ? this.#baseOf(step) : null;
			if (base !== null && !bases.some(([path]) => path === base[0])) bases.push(base);
			// The rest of it goes before all that follows.
			if (!whole) break;
			completed.push(step);
		}
		return batch;
	}

	#fitsBatch(step: Step): boolean {
		if ("path" in step) return this.#conflicts.isCertain(step.path);
		return this.#conflicts.allows(step.change, step.node.type === "directory", step.again);
	}

	/** False where there is more of it than `most` bytes. */
	#take(step: Step, changes: StoreChange[], most: number): boolean {
		if ("path" in step) return this.#takeContents(step, changes, most);
		this.#takeName(step, changes);
		return true;
	}

	#takeContents({ node, path }: ContentsStep, changes: StoreChange[], most: number): boolean {
		const held = this.#refused.errorAt(path);
		if (held === 0 && !node.takeChanges(path, changes, most)) return false;
		this.#queuedContents.delete(node);
		if (held !== 0 && !this.#refused.contents.has(node)) this.#refused.refuse(node, held);
		return true;
	}

	#takeName(step: NameStep, changes: StoreChange[]): void {
		const { change } = step;
		const held = this.#refused.errorFor(change);
		if (held !== 0) {
			this.#hold(step, held);
			return;
		}
		this.#conflicts.add(change, step.again);
		changes.push(change);
	}

	/** What others have made of a file that was listed is to be kept before it changes, or goes. */
	#baseOf(step: Step): Base | null {
		if (!this.#extras.has("preserve")) return null;
		if ("change" in step) return step.base;
		return step.kept ? null : baseOf(step.path, step.node.base);
	}

	#dispatch(batch: SentBatch): void {
		const { changes, joins, bases } = batch;
		const last = this.#head === this.#steps.length;
		batch.durable = this.#durability.takeWish(last);
		const unheard = this.#underway.length;
		for (let i = this.#underway.length - 1; i >= 0; i--) {
			const before = this.#underway[i] as SentBatch;
			if (before.lowestOrder <= batch.firstOrder) break;
			before.lowestOrder = batch.firstOrder;
		}
		this.#underway.push(batch);
		const terms: Terms = { unheard, joins, bases };
		const answer = this.#bridge.ask(this.#store, "land", changes, batch.durable, terms);
		batch.answer = answer;
		answer.watch(() => this.#onAnswers());
	}

	// --- answers ---

	/** Hears what has been answered, in order. */
	#onAnswers(): void {
		for (let first = this.#underway[0]; first?.answer?.done; first = this.#underway[0]) {
			this.#underway.shift();
			this.#onBatchAnswer(first, first.answer);
			// What has come back is older than all that is underway.
			if (!this.#stalled) this.#wakeWaiters();
			first.handled.answer();
		}
		if (this.#underway.length > 0) return;
		this.#stalled = false;
		this.#lastPutBack = 0;
		this.send();
		for (const put of this.#questions.splice(0)) put();
		if (this.#underway.length === 0 && !this.#refused.hasNames) this.#onNoneRefused();
	}

	#onBatchAnswer(
		{ changes, sources, completed, durable }: SentBatch,
		{ error, value }: Ticket<unknown>,
	): void {
		const answers: readonly unknown[] = Array.isArray(value) ? value : [];
		const back = new Map<Step, boolean>();
		let made = false;
		for (const [i, change] of changes.entries()) {
			const step = sources[i] as Step;
			const answer = answers[i];
			const kept = answer === KEPT;
			if (error === 0 && (kept || answer === HELD)) {
				back.set(step, kept);
				if ("path" in step) step.node.onAnswer(change, EIO);
				continue;
			}
			if ("change" in step) step.node.id = madeId(answer) ?? step.node.id;
			const failed = error || errorOf(answer);
			made ||= failed === 0;
			this.#onAnswer(change, step, failed);
		}
		// Where none was made, nothing says what became of those before.
		if (durable && made) this.#durability.confirm();
		if (back.size > 0) this.#takeBack(back);
		this.#closeSteps(completed);
	}

	/** Puts steps that were not made where they were in the order. But a file whose other version was
	 *  kept may have another path by now. */
	#takeBack(back: ReadonlyMap<Step, boolean>): void {
		this.#nameFailures += 1;
		this.#stalled = true;
		for (const [step, kept] of back) {
			if (!("path" in step)) {
				this.#putBack(step);
				continue;
			}
			const { node, order } = step;
			if (node.removed) continue;
			node.retry();
			if (kept) node.sendWhole();
			this.#queuedContents.add(node);
			if (kept) {
				this.#steps.push({ node, path: node.path, order, kept });
				this.#openStep(step);
			} else this.#putBack(step);
		}
	}

	/** What came back of earlier batches stays before it. */
	#putBack(step: Step): void {
		const isBefore = (i: number) =>
			(this.#steps[i]?.order ?? Number.POSITIVE_INFINITY) < step.order;
		// They come back in their order, each behind the last.
		let at = Math.max(this.#lastPutBack, this.#head);
		while (at > this.#head && !isBefore(at - 1)) at -= 1;
		while (isBefore(at)) at += 1;
		this.#steps.splice(at, 0, step);
		this.#lastPutBack = at;
		this.#openStep(step);
	}

	#onAnswer(change: StoreChange, step: Step, error: Done): void {
		this.#durability.count(step.node);
		if ("path" in step) {
			step.node.onAnswer(change, error);
			const why = "id" in change && change.id !== undefined && isGone(error) ? ESTALE : error;
			if (why !== 0) this.#refused.refuse(step.node, why, change.path);
			else this.#refused.clear(step.node);
		} else if (error === 0 || isThereAlready(step, error)) {
			if (error === EEXIST) step.node.onFound?.();
			this.#countNames(step.change, -1);
			this.#refused.clear(step.node);
		} else {
			this.#nameFailures += 1;
			if (isGone(error)) step.node.onNameRefused?.();
			// Its directory has gone, and it as well. What is renamed may be missing only because it was refused.
			const { call } = step.change;
			if (isGone(error) && step.node.removed === true && call !== "rename" && call !== "remove") {
				this.#countNames(step.change, -1);
				return;
			}
			// What was there before the first try is not ours.
			step.again ||= error !== EEXIST;
			this.#hold(step, error, change.path);
		}
	}

	#hold(step: NameStep, error: Errno, path?: string): void {
		const unmade = this.#refused.hold(step, error, path);
		if (unmade !== null) this.#countNames(unmade, -1);
	}

	/** A change of names waits for the store, or (-1) no more. */
	#countNames(change: NameChange, one: 1 | -1): void {
		this.#nameCount += one;
		for (const path of namesOf(change)) this.#pathUnits += one * path.length;
	}

	/** These steps are over: answered, or held back. */
	#closeSteps(steps: readonly Step[]): void {
		for (const step of steps) {
			const node = step.node;
			const open = (this.#openSteps.get(node) ?? 1) - 1;
			if (open === 0) this.#openSteps.delete(node);
			else this.#openSteps.set(node, open);
		}
	}

	#openStep(step: Step): void {
		const node = step.node;
		this.#openSteps.set(node, (this.#openSteps.get(node) ?? 0) + 1);
	}

	/** Sends again what has been refused, before all that waits: names, and the contents of `nodes`. */
	#retry(nodes: Iterable<QueuedNode>): void {
		const held = this.#refused.takeNames();
		if (held.length > 0) this.resent += 1;
		const refused = [...nodes];
		for (const node of refused) {
			this.#refused.contents.delete(node);
			node.retry();
		}
		const waiting = this.#steps.slice(this.#head);
		this.#steps = [...held, ...waiting];
		this.#head = 0;
		for (const step of held) this.#openStep(step);
		for (const node of refused) this.enqueueContents(node);
		this.send();
	}

	#waitForRoom(): number {
		this.sendAll();
		const [first] = this.#underway;
		if (first !== undefined) return this.#bridge.pending(first.handled);
		const error = this.#refused.takeFullError();
		if (error !== 0) return error;
		this.#retry(this.#refused.contents);
		const [again] = this.#underway;
		return again === undefined ? 1 : this.#bridge.pending(again.handled);
	}
}

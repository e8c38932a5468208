/**
 * What a store has yet to be told, in the order in which it happened.
 *
 *     underway               queue
 *     batch 1   batch 2      make /a · contents of /a · rename /a /b · contents of /c …
 *
 * What is done while a batch is underway is gathered for the next, so a slow store gets few large
 * batches and a fast one many small ones. But nothing that was promised waits for an answer, for the
 * thread that would hear it may belong to a program that never gives it back: when a file is closed, a
 * name changes, or a guest is about to be entered, all that is here is sent behind what is underway
 * (`send`). What builds on a change that then fails is not made by the store's end (store/intake.ts), and
 * comes back into the queue.
 *
 * A file is in the queue once, and what it has to say is asked of it when it is sent: what was written
 * twice by then goes once. Answers are heard in the order of the batches.
 *
 * What a store refuses is not lost. A file keeps the bytes, a change of names is kept here (`#held`)
 * with all that build on it, and both are sent again by the next sync. A failure is told to the page
 * when it happens and to the program by its next sync, once. One file, because each answer decides
 * what may be sent next.
 */
import {
	type Done,
	EEXIST,
	EIO,
	EISDIR,
	ENOENT,
	ENOTDIR,
	type Errno,
	ESTALE,
	errnoOf,
} from "../abi/errno.ts";
import type { Bridge, Far, OpenTicket, Ticket } from "../bridge/bridge.ts";
import type { INode, SyncRequest } from "../fs/node.ts";
import { Conflicts, type NameChange, namesOf, PathSet, weightOf } from "../store/change-order.ts";
import { type Base, HELD, KEPT, type Terms } from "../store/intake.ts";
import type { FileId, Listing, Store, StoreChange, StoreExtra } from "../store/store.ts";
import { isFileId } from "./listing.ts";

/** A store with all that stores may lack. */
export type FullStore = Required<Store>;

/** Somebody with contents of its own. */
export interface QueuedNode extends INode {
	/** Adds what the store, which has it at `path`, has yet to be told; false where `most` bytes, or a
	 *  little more, are not all. */
	takeChanges(path: string, out: StoreChange[], most: number): boolean;
	/** The answer to one of the changes taken, in their order. */
	onAnswer(change: StoreChange, error: Done): void;
	/** What was refused is to be taken again. */
	retry(): void;
	/** Its path, now. */
	readonly path: string;
	/** Which file of the store it is, where that is known. */
	readonly id: FileId | undefined;
	/** The store has something else at its path than it was taken for: it is looked at again. Answers
	 *  PENDING, and `error` where that has not helped. */
	onStale(error: Errno): Errno;
	readonly removed: boolean;
	/** Others had changed it: what is here is to be taken again, if it is the whole file. */
	sendWhole(): void;
	/** How the store has listed it, where others may have changed it since. */
	readonly base: Listed | null;
	/** Puts into the queue what it has gathered. */
	flush(): void;
}

/** What a listing says of a file's contents. */
export type Listed = Pick<Listing, "size" | "modified">;

/** What the queue tells of what goes on behind the guests' backs. */
export interface StoreEvents {
	/** The store has refused a change of what is at `path`. */
	refused(path: string, error: Errno): void;
	/** The bytes that are yet to be written have become more or fewer. */
	pending(): void;
	/** The store's listing says of what is at `path` something that makes no sense. */
	nonsense(path: string, error: Errno, why: string): void;
}

interface NameStep {
	readonly change: NameChange;
	/** Its number among all steps. */
	readonly order: number;
	/** The node that a failure is told to, and that is told which file has been made. */
	readonly node: INode & { id?: FileId | undefined; onFound?(): void };
	/** How the store has listed the file that the change takes away. */
	readonly base: Base | null;
	/** It may have been made already, by an attempt whose answer was lost. */
	again: boolean;
}

interface ContentsStep {
	readonly node: QueuedNode;
	readonly path: string;
	readonly order: number;
	/** What others had made of it has been kept beside, for this step. */
	readonly kept: boolean;
}

type Step = NameStep | ContentsStep;

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

/** Milliseconds after which gathered bytes are sent although nobody has closed the file. */
const FLUSH_DELAY = 20;
/** A batch is full when it has so many changes or bytes. */
const CHANGES = 1000;
const BYTES = 2 * 1024 * 1024;
/** Changes of names, and UTF-16 units of their paths, that may wait before a further one has to. */
const NAMES = 16384;
const PATHS = 32 * 1024 * 1024;

export class WriteQueue {
	readonly #bridge: Bridge;
	/** Whoever asks for an extra method knows that the store has it. */
	readonly #store: Far<Landing>;
	readonly #extras: ReadonlySet<StoreExtra>;
	/** The most bytes that may wait. */
	readonly #maxBytes: number;
	readonly #events: StoreEvents;
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
	/** Those who wait for all steps up to a number. */
	#waiters: { readonly ticket: OpenTicket<void>; readonly order: number }[] = [];
	/** How often a change of names has failed, or has come back. */
	#nameFailures = 0;
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
	/** Changes of names that were refused, and those that build on them, in order. */
	#held: NameStep[] = [];
	/** Why the last of them was refused. */
	#heldReason: Errno = EIO;
	readonly #heldPaths = new PathSet();
	/** Whose contents have been refused. */
	readonly #refused = new Set<QueuedNode>();
	/** Failures that no program has been told of. */
	readonly #failures = new Map<INode, Errno>();
	/** Failures that the page has been told of, and that last. */
	readonly #reported = new Map<INode, Errno>();
	/** Why there is no room, where refused bytes take it all. */
	#fullError: Done = 0;
	/** Questions without an answer, and those with one. */
	#openQuestions = 0;
	#answeredQuestions = 0;
	/** Nodes that an earlier try had made. The store has refused what was sent with the next try. */
	readonly #found = new WeakSet<INode>();
	/** Changes answered so far, which was the last of a node, and how many are durable. */
	#answeredCount = 0;
	readonly #lastAnswerOf = new WeakMap<INode, number>();
	#durable = 0;
	/** Somebody waits until changes are durable: the next batch will be. */
	#nextIsDurable = false;
	#durabilityCheck: { readonly ticket: Ticket<unknown>; readonly upTo: number } | null = null;

	constructor(
		bridge: Bridge,
		store: Far<Landing>,
		extras: ReadonlySet<StoreExtra>,
		most: number,
		events: StoreEvents,
	) {
		this.#bridge = bridge;
		this.#store = store;
		this.#extras = extras;
		this.#maxBytes = most;
		this.#events = events;
	}

	/** Bytes that are yet to be written. */
	get pending(): number {
		return this.#bytes;
	}

	/** Changes and questions that the store has answered so far. */
	get progress(): number {
		return this.#answeredCount + this.#answeredQuestions;
	}

	/** Whether the store owes an answer. */
	get isWaiting(): boolean {
		return this.#openQuestions > 0 || this.#underway.length > 0;
	}

	// --- questions ---

	/** The children of a directory, after all that was changed before. */
	list(path: string): Ticket<Listing[]> {
		return this.#ask(path, () => this.#counted(this.#bridge.ask(this.#store, "list", path)));
	}

	/** Bytes of a file that are nowhere but in the store: only names can come before. */
	read(path: string, offset: number, length: number, id: FileId | undefined): Ticket<Uint8Array> {
		const ask = () =>
			this.#counted(this.#bridge.ask(this.#store, "read", path, offset, length, id));
		return this.#nameCount === 0 ? ask() : this.#ask(path, ask);
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

	make(node: INode, path: string, type: "file" | "directory"): void {
		this.#change(node, { call: "make", path, type });
	}

	/** A failure concerns the directory `node`. `gone` is how the store has listed the file that is
	 *  removed, where others may have changed it since. */
	remove(node: INode, path: string, gone: Listed | null): void {
		this.#change(node, { call: "remove", path }, baseOf(path, gone));
	}

	/** To be called after `flush`, which is to be called while the paths are those of before. `gone` is as
	 *  in `remove`, for the file that is replaced. */
	rename(node: INode, path: string, to: string, gone: Listed | null): void {
		this.#change(node, { call: "rename", path, to }, baseOf(to, gone));
	}

	symlink(node: INode, path: string, target: string): void {
		this.#change(node, { call: "symlink", path, target });
	}

	link(node: INode, path: string, to: string): void {
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
		return this.#held.length > 0 && this.#heldPaths.covers(path());
	}

	/** A change of `node` that could not even be asked for, unless that has been told. */
	reportFailure(node: INode, path: string, error: Errno): void {
		if (this.#reported.get(node) !== error) this.#fail(node, error, path);
	}

	/** A node has gone: nothing of it is to be kept. What failed is still told where others took it. */
	forget(node: QueuedNode, byOthers: boolean): void {
		this.#unflushed.delete(node);
		this.#refused.delete(node);
		this.#reported.delete(node);
		if (!byOthers) this.#failures.delete(node);
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
		this.#nextIsDurable = this.#extras.has("sync");
	}

	/** 0 once every change is durable that was made before `request` was first passed; then a failure
	 *  that nobody has been told of. What has been refused, and told, is tried again. */
	sync(request: SyncRequest = {}): Done {
		if (request.answered === undefined) {
			this.nextBatchDurable();
			this.flush();
			request.answered = this.#allBefore();
		}
		if (!request.answered.done) return this.#bridge.pending(request.answered);
		for (const [, error] of this.#failures) {
			this.#failures.clear();
			return error;
		}
		if (request.retried === undefined) {
			const some = this.#held.length > 0 || this.#refused.size > 0;
			if (some) this.#retry(this.#refused);
			request.retried = some ? this.#allBefore() : request.answered;
		}
		if (!request.retried.done) return this.#bridge.pending(request.retried);
		request.durableCount ??= this.#answeredCount;
		return this.#makeDurable(request.durableCount);
	}

	/** The same for the changes of one node; a program that goes on writing to it keeps no other waiting. */
	syncOf(node: INode, request: SyncRequest): Done {
		request.answered ??= this.#allBefore(this.#openSteps.has(node));
		if (!request.answered.done) return this.#bridge.pending(request.answered);
		const error = this.takeFailure(node);
		if (error !== 0) return error;
		if (request.retried === undefined) {
			const nodes = [...this.#refused].filter((refused) => refused === node);
			const some = nodes.length > 0 || this.#held.some((held) => held.node === node);
			if (some) this.#retry(nodes);
			request.retried = this.#allBefore(some);
		}
		if (!request.retried.done) return this.#bridge.pending(request.retried);
		request.durableCount ??= this.#lastAnswerOf.get(node) ?? 0;
		return this.#makeDurable(request.durableCount);
	}

	/** Why a change of a node was refused, if nobody has been told yet; else 0. */
	takeFailure(node: INode): Done {
		const error = this.#failures.get(node) ?? 0;
		if (error !== 0) this.#failures.delete(node);
		return error;
	}

	/** Puts all that files have gathered into the queue. */
	flush(): void {
		for (const node of [...this.#unflushed]) node.flush();
	}

	/** 0 once so many of the changes outlive a crash of the machine. */
	#makeDurable(wanted: number): Done {
		this.#nextIsDurable = false;
		if (!this.#extras.has("sync") || wanted <= this.#durable) return 0;
		this.#durabilityCheck ??= {
			ticket: this.#bridge.ask(this.#store, "sync"),
			upTo: this.#answeredCount,
		};
		const { ticket, upTo } = this.#durabilityCheck;
		if (!ticket.done) return this.#bridge.pending(ticket);
		this.#durabilityCheck = null;
		if (ticket.error !== 0) return ticket.error;
		this.#durable = upTo;
		return this.#makeDurable(wanted);
	}

	// --- the queue ---

	/** Asks behind all that is here. Where a change of names fails meanwhile, what is at `path` may be
	 *  something else, and the question is put again. */
	#ask<T>(path: string, ask: () => Ticket<T>): Ticket<T> {
		const later = this.#bridge.ticket<T>();
		const put = () => {
			if (this.#stalled) {
				this.#questions.push(put);
				return;
			}
			const held = this.#heldError(path);
			if (held !== 0) {
				later.fail(held);
				return;
			}
			this.send();
			const before = this.#nameFailures;
			const ticket = ask();
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

	/** Tells those who wait for steps that have all been answered. */
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
	#change(node: INode, change: NameChange, base: Base | null = null): void {
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
		const held = this.#heldError(path);
		if (held === 0 && !node.takeChanges(path, changes, most)) return false;
		this.#queuedContents.delete(node);
		if (held !== 0 && !this.#refused.has(node)) this.#refuseContents(node, held);
		return true;
	}

	#takeName(step: NameStep, changes: StoreChange[]): void {
		const { change } = step;
		if (namesOf(change).some((name) => this.#heldPaths.overlaps(name))) {
			this.#hold(step, this.#heldReason);
			return;
		}
		this.#conflicts.add(change);
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
		batch.durable = this.#nextIsDurable && last;
		if (last) this.#nextIsDurable = false;
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
			const behindMake = answer === "EEXIST" && "path" in step && this.#found.delete(step.node);
			if (error === 0 && (kept || behindMake || answer === HELD)) {
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
		if (durable && made) this.#durable = this.#answeredCount;
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
		this.#answeredCount += 1;
		this.#lastAnswerOf.set(step.node, this.#answeredCount);
		if ("path" in step) {
			step.node.onAnswer(change, error);
			const why = "id" in change && change.id !== undefined && isGone(error) ? ESTALE : error;
			if (why !== 0) this.#refuseContents(step.node, why, change.path);
			else this.#clearFailure(step.node);
		} else if (error === 0 || isThereAlready(step, error)) {
			if (error === EEXIST) {
				this.#found.add(step.node);
				step.node.onFound?.();
			}
			this.#countNames(step.change, -1);
			this.#clearFailure(step.node);
		} else {
			this.#nameFailures += 1;
			// What was there before the first try is not ours.
			step.again ||= error !== EEXIST;
			this.#hold(step, error, change.path);
		}
	}

	/** Notes a failure; the page is told where there is a path, which changes that were not even sent
	 *  do not have. */
	#fail(node: INode, error: Errno, path: string | undefined): void {
		this.#fullError = error;
		if (!this.#failures.has(node)) this.#failures.set(node, error);
		if (path === undefined || this.#reported.get(node) === error) return;
		this.#reported.set(node, error);
		this.#events.refused(path, error);
	}

	#refuseContents(node: QueuedNode, error: Errno, path?: string): void {
		if (node.removed) return;
		this.#refused.add(node);
		this.#fail(node, error, path);
	}

	#hold(step: NameStep, error: Errno, path?: string): void {
		const { change, node } = step;
		if (change.call === "remove") this.#unmake(change.path, step.order);
		if (path !== undefined) this.#heldReason = error;
		// What builds on others may have been held back before those were refused.
		const place = this.#held.findLastIndex((held) => held.order < step.order);
		this.#held.splice(place + 1, 0, step);
		this.#heldPaths.add(change.path);
		if (change.call === "rename" || change.call === "link") this.#heldPaths.add(change.to);
		this.#fail(node, error, path);
	}

	/** What was never made need not be made in order to be removed. */
	#unmake(path: string, before: number): void {
		const last = this.#held.findLastIndex(
			({ change, order }) => order < before && touches(change, path),
		);
		const change = this.#held[last]?.change;
		if (change?.path !== path || (change.call !== "make" && change.call !== "symlink")) return;
		this.#held.splice(last, 1);
		this.#countNames(change, -1);
	}

	/** A change of names waits for the store, or (-1) no more. */
	#countNames(change: NameChange, one: 1 | -1): void {
		this.#nameCount += one;
		for (const path of namesOf(change)) this.#pathUnits += one * path.length;
	}

	#clearFailure(node: INode): void {
		this.#fullError = 0;
		if (this.#reported.size > 0) this.#reported.delete(node);
	}

	/** Why what is at `path` cannot be reached in the store; 0 where it can. */
	#heldError(path: string): Done {
		return this.#held.length > 0 && this.#heldPaths.covers(path) ? this.#heldReason : 0;
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
		const held = this.#held;
		this.#held = [];
		this.#heldPaths.clear();
		const refused = [...nodes];
		for (const node of refused) {
			this.#refused.delete(node);
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
		const error = this.#fullError;
		this.#fullError = 0;
		if (error !== 0) return error;
		this.#retry(this.#refused);
		const [again] = this.#underway;
		return again === undefined ? 1 : this.#bridge.pending(again.handled);
	}
}

function baseOf(path: string, listed: Listed | null): Base | null {
	return listed === null ? null : [path, { size: listed.size, modified: listed.modified }];
}

/** Whether a change uses a path, one below it, or moves a directory above: then what has the path
 *  afterwards is not what had it before. */
function touches(change: NameChange, path: string): boolean {
	const moves = change.call === "rename";
	const to = moves || change.call === "link" ? change.to : change.path;
	return [change.path, to].some(
		(used) =>
			used === path || used.startsWith(`${path}/`) || (moves && path.startsWith(`${used}/`)),
	);
}

/** Whether a change fails because it has been made before, here or by somebody else. */
function isThereAlready({ change, again }: NameStep, error: Errno): boolean {
	const { call } = change;
	if (call === "make" && change.type === "directory") return error === EEXIST;
	const missing = call === "remove" || call === "rename";
	return again && error === (missing ? ENOENT : EEXIST);
}

/** What one answer of `apply` says. */
function errorOf(answer: unknown): Done {
	return answer === null || madeId(answer) !== undefined ? 0 : errnoOf(answer);
}

/** Which file was made, where an answer says so. */
function madeId(answer: unknown): FileId | undefined {
	if (typeof answer !== "object" || answer === null) return undefined;
	const { id } = answer as { id?: unknown };
	return isFileId(id) ? id : undefined;
}

/** Whether a store says that what was at a path is there no more. */
export function isGone(error: Done): boolean {
	return error === ESTALE || error === ENOENT || error === ENOTDIR || error === EISDIR;
}

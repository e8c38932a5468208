/**
 * What a store has yet to be told, in the order in which it happened.
 *
 *     queue    make /a · contents of /a · rename /a /b · contents of /c …
 *              \________ a batch ________/  \______ the next ______ …
 *
 * One batch is underway at a time. What is done meanwhile is gathered for the next, so a slow store
 * gets few large batches and a fast one many small ones. A file is in the queue once, and what it has
 * to say is asked of it when its turn comes: what was written twice by then goes once.
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
import type { FileId, Listing, Store, StoreChange, StoreExtra } from "../bridge/store.ts";
import { Batch, type NameChange, Names } from "./doubt.ts";
import type { INode, Waiting } from "./node.ts";

/** A store with all that stores may lack. */
export type FullStore = Required<Store>;

/** Somebody with contents of its own. */
export interface Owner extends INode {
	/** Adds what the store, which has it at `path`, has yet to be told; false where `most` bytes, or a
	 *  little more, are not all. */
	take(path: string, out: StoreChange[], most: number): boolean;
	/** The answer to one of the changes taken, in their order. */
	answered(change: StoreChange, error: Done): void;
	/** What was refused is to be taken again. */
	again(): void;
	/** Its path, now. */
	readonly path: string;
	/** Which file of the store it is, where that is known. */
	readonly id: FileId | undefined;
	/** The store has something else at its path than it was taken for: it is looked at again. Answers
	 *  PENDING, and `error` where that has not helped. */
	stale(error: Errno): Errno;
	readonly removed: boolean;
	/** Others had changed it: what is here is to be taken again, if it is the whole file. */
	overrule(): void;
	/** How the store has listed it, where others may have changed it since. */
	readonly base: Pick<Listing, "size" | "modified"> | null;
	/** Puts into the queue what it has gathered. */
	flush(): void;
}

/** What the queue tells of what goes on behind the guests' backs. */
export interface Reports {
	/** The store has refused a change of what is at `path`. */
	refused(path: string, error: Errno): void;
	/** The bytes that are yet to be written have become more or fewer. */
	pending(): void;
	/** Others had changed the file at `path`; theirs is at `kept` now. */
	conflict(path: string, kept: string): void;
}

interface Named {
	readonly change: NameChange;
	/** Its number among all of them. */
	readonly order: number;
	/** Whom a failure concerns, and who is told which file has been made. */
	readonly node: INode & { id?: FileId | undefined };
	/** It may have been made already, by an attempt whose answer was lost. */
	again: boolean;
}

interface Contents {
	readonly owner: Owner;
	readonly path: string;
	/** How many parts of it have been sent. */
	parts: number;
}

interface Question {
	readonly ask: () => void;
}

type Step = Named | Contents | Question;

/** Milliseconds after which gathered bytes are sent although nobody has closed the file. */
const PATIENCE = 20;
/** A batch is full when it has so many changes or bytes. */
const CHANGES = 1000;
const BYTES = 2 * 1024 * 1024;
/** What a file has is sent in so many parts at most. */
const PARTS = 16;
/** Changes of names that may wait before a further one has to. */
const NAMES = 16384;

export class StoreQueue {
	readonly #bridge: Bridge;
	/** Whoever asks for an extra method knows that the store has it. */
	readonly #store: Far<FullStore>;
	readonly #extras: ReadonlySet<StoreExtra>;
	/** The most bytes that may wait. */
	readonly #most: number;
	readonly #reports: Reports;
	#steps: Step[] = [];
	/** The steps before this one have been sent. */
	#head = 0;
	/** Changes of names that wait, underway and refused ones included. */
	#names = 0;
	#order = 0;
	/** Bytes that files have and the store has not. */
	#bytes = 0;
	/** Done when the batch that is underway has been answered. */
	#underway: OpenTicket<void> | null = null;
	readonly #batch = new Batch();
	/** How many steps of a node have not been answered. */
	readonly #open = new Map<INode, number>();
	/** Whose contents are in the queue. */
	readonly #queued = new Set<Owner>();
	readonly #gatherers = new Set<Owner>();
	#alarm: Ticket<void> | null = null;
	/** Changes of names that were refused, and those that build on them, in order. */
	#held: Named[] = [];
	/** Why the last of them was refused. */
	#heldReason: Errno = EIO;
	readonly #heldNames = new Names();
	/** Whose contents have been refused. */
	readonly #refused = new Set<Owner>();
	/** Failures that no program has been told of. */
	readonly #failures = new Map<INode, Errno>();
	/** Failures that the page has been told of, and that last. */
	readonly #told = new Map<INode, Errno>();
	/** Why there is no room, where refused bytes take it all. */
	#full: Done = 0;
	/** Changes answered so far, which was the last of a node, and how many are durable. */
	#answered = 0;
	readonly #lastOf = new WeakMap<INode, number>();
	#durable = 0;
	/** Somebody waits until changes are durable: the next batch will be. */
	#hurried = false;
	#hardening: { readonly ticket: Ticket<unknown>; readonly upTo: number } | null = null;

	constructor(
		bridge: Bridge,
		store: Far<FullStore>,
		extras: ReadonlySet<StoreExtra>,
		most: number,
		reports: Reports,
	) {
		this.#bridge = bridge;
		this.#store = store;
		this.#extras = extras;
		this.#most = most;
		this.#reports = reports;
	}

	/** Bytes that are yet to be written. */
	get pending(): number {
		return this.#bytes;
	}

	/** Changes that the store has answered so far: it moves while the store is alive. */
	get progress(): number {
		return this.#answered;
	}

	// --- questions ---

	/** The children of a directory, after all that was changed before. */
	list(path: string): Ticket<Listing[]> {
		return this.#ask(path, true, () => this.#bridge.ask(this.#store, "list", path));
	}

	/** Bytes of a file that are nowhere but in the store: only names can come before. */
	read(path: string, offset: number, length: number, id: FileId | undefined): Ticket<Uint8Array> {
		const sure = this.#names === 0 || (this.#steps.length === 0 && this.#batch.sure(path));
		return this.#ask(path, !sure, () =>
			this.#bridge.ask(this.#store, "read", path, offset, length, id),
		);
	}

	// --- changes: of names, and before each goes what has been written before it ---

	make(node: INode, path: string, type: "file" | "directory"): void {
		this.#change(node, { call: "make", path, type });
	}

	/** A failure concerns the directory `node`. */
	remove(node: INode, path: string): void {
		this.#change(node, { call: "remove", path });
	}

	/** To be called after `flush`, which is to be called while the paths are those of before. */
	rename(node: INode, path: string, to: string): void {
		this.#change(node, { call: "rename", path, to });
	}

	symlink(node: INode, path: string, target: string): void {
		this.#change(node, { call: "symlink", path, target });
	}

	link(node: INode, path: string, to: string): void {
		this.#change(node, { call: "link", path, to });
	}

	/** Puts the contents of a node into the queue, as they will be when their turn comes. */
	contents(owner: Owner): void {
		for (const earlier of this.#gatherers) {
			if (earlier === owner) break;
			earlier.flush();
		}
		this.#gatherers.delete(owner);
		if (this.#queued.has(owner) || owner.removed) return;
		this.#queued.add(owner);
		this.#push({ owner, path: owner.path, parts: 0 });
	}

	/** Notes that a file gathers bytes, and sees to it that they are sent before long. */
	gathering(owner: Owner): void {
		this.#gatherers.add(owner);
		if (this.#alarm !== null) return;
		this.#alarm = this.#bridge.alarm(performance.now() + PATIENCE);
		this.#alarm.watch(() => {
			this.#alarm = null;
			this.flush();
		});
	}

	/** Whether the store has something else at `path`, for it has refused what was to be there. */
	holds(path: string): boolean {
		return this.#held.length > 0 && this.#heldNames.cover(path);
	}

	/** A change of `node` that could not even be asked for, unless that has been told. */
	report(node: INode, path: string, error: Errno): void {
		if (this.#told.get(node) !== error) this.#fail(node, error, path);
	}

	/** A node has gone: nothing of it is to be kept. What failed is still told where others took it. */
	forget(owner: Owner, byOthers: boolean): void {
		this.#gatherers.delete(owner);
		this.#refused.delete(owner);
		this.#told.delete(owner);
		if (!byOthers) this.#failures.delete(owner);
	}

	/** A file has so many more bytes, or fewer, that the store has not. */
	owe(bytes: number): void {
		if (bytes === 0) return;
		this.#bytes += bytes;
		this.#reports.pending();
	}

	/** How many bytes can be written at once; PENDING while too many wait. Where the store has refused
	 *  them all, this is told, and every other time they are tried again. */
	room(): number {
		const room = this.#most - this.#bytes;
		return room > 0 ? room : this.#waitForRoom();
	}

	/** 0 where a change of names can be taken; PENDING while too many wait. */
	nameRoom(): Done {
		if (this.#names < NAMES) return 0;
		const answer = this.#waitForRoom();
		// Not above 0 but where nothing is left that could be waited for.
		return answer > 0 ? 0 : (answer as Done);
	}

	// --- sync ---

	/** What is put into the queue from now on is to be durable at once. */
	hurry(): void {
		this.#hurried = this.#extras.has("sync");
	}

	/** 0 once every change is durable that was made before `waiting` was first handed in; then a failure
	 *  that nobody has been told of. What has been refused, and told, is tried again. */
	sync(waiting: Waiting = {}): Done {
		if (waiting.before === undefined) {
			this.hurry();
			this.flush();
			waiting.before = this.#allBefore();
		}
		if (!waiting.before.done) return this.#bridge.pending(waiting.before);
		for (const [, error] of this.#failures) {
			this.#failures.clear();
			return error;
		}
		if (waiting.again === undefined) {
			const some = this.#held.length > 0 || this.#refused.size > 0;
			if (some) this.#retry(this.#refused);
			waiting.again = some ? this.#allBefore() : waiting.before;
		}
		if (!waiting.again.done) return this.#bridge.pending(waiting.again);
		waiting.wanted ??= this.#answered;
		return this.#harden(waiting.wanted);
	}

	/** The same for the changes of one node; a program that goes on writing to it keeps nobody waiting. */
	syncOf(node: INode, waiting: Waiting): Done {
		waiting.before ??= this.#allBefore(this.#open.has(node));
		if (!waiting.before.done) return this.#bridge.pending(waiting.before);
		const error = this.failureOf(node);
		if (error !== 0) return error;
		if (waiting.again === undefined) {
			const owners = [...this.#refused].filter((owner) => owner === node);
			const some = owners.length > 0 || this.#held.some((held) => held.node === node);
			if (some) this.#retry(owners);
			waiting.again = this.#allBefore(some);
		}
		if (!waiting.again.done) return this.#bridge.pending(waiting.again);
		waiting.wanted ??= this.#lastOf.get(node) ?? 0;
		return this.#harden(waiting.wanted);
	}

	/** Why a change of a node was refused, if nobody has been told yet; else 0. */
	failureOf(node: INode): Done {
		const error = this.#failures.get(node) ?? 0;
		if (error !== 0) this.#failures.delete(node);
		return error;
	}

	/** Puts all that files have gathered into the queue. */
	flush(): void {
		for (const owner of [...this.#gatherers]) owner.flush();
	}

	/** 0 once so many of the changes outlive a crash of the machine. */
	#harden(wanted: number): Done {
		this.#hurried = false;
		if (!this.#extras.has("sync") || wanted <= this.#durable) return 0;
		this.#hardening ??= { ticket: this.#bridge.ask(this.#store, "sync"), upTo: this.#answered };
		const { ticket, upTo } = this.#hardening;
		if (!ticket.done) return this.#bridge.pending(ticket);
		this.#hardening = null;
		if (ticket.error !== 0) return ticket.error;
		this.#durable = upTo;
		return this.#harden(wanted);
	}

	// --- the queue ---

	#ask<T>(path: string, afterAll: boolean, ask: () => Ticket<T>): Ticket<T> {
		const held = this.#heldError(path);
		if (held === 0 && (!afterAll || this.#idle())) return ask();
		const later = this.#bridge.ticket<T>();
		if (held !== 0) {
			later.fail(held);
			return later;
		}
		const answer = () => {
			const ticket = ask();
			ticket.watch(() => {
				if (ticket.error !== 0) later.fail(ticket.error);
				// A ticket without an error has its value.
				else later.answer(ticket.value as T);
			});
		};
		this.#push({ ask: answer });
		return later;
	}

	/** Done when all that is in the queue now has been answered; at once where there is no `need`. */
	#allBefore(need = true): Ticket<void> {
		const ticket = this.#bridge.ticket<void>();
		if (need) this.#push({ ask: () => ticket.answer() });
		else ticket.answer();
		return ticket;
	}

	#idle(): boolean {
		return this.#underway === null && this.#head === this.#steps.length;
	}

	#change(node: INode, change: NameChange): void {
		if (change.call !== "rename") this.flush();
		this.#names += 1;
		this.#order += 1;
		this.#push({ node, change, order: this.#order, again: false });
	}

	#push(step: Step): void {
		this.#steps.push(step);
		const node = nodeOf(step);
		if (node !== null) this.#open.set(node, (this.#open.get(node) ?? 0) + 1);
		this.#send();
	}

	/** Sends the next batch, if none is underway. */
	#send(): void {
		while (this.#underway === null && this.#head < this.#steps.length) {
			const changes: StoreChange[] = [];
			const sources: Step[] = [];
			const taken = this.#compose(changes, sources);
			if (changes.length === 0) this.#close(taken);
			else this.#fly(changes, sources, taken);
		}
		if (this.#head === this.#steps.length) {
			this.#steps = [];
			this.#head = 0;
		}
	}

	/** Takes steps from the queue, as many as can go together. */
	#compose(changes: StoreChange[], sources: Step[]): Step[] {
		this.#batch.clear();
		const taken: Step[] = [];
		for (let bytes = 0; this.#head < this.#steps.length; this.#head++) {
			const step = this.#steps[this.#head] as Step;
			if (changes.length > 0 && !this.#goesAlong(step)) break;
			if (changes.length >= CHANGES || bytes >= BYTES) break;
			const from = changes.length;
			const whole = this.#take(step, changes, BYTES - bytes);
			for (let i = from; i < changes.length; i++) {
				bytes += sizeOf(changes[i] as StoreChange);
				sources.push(step);
			}
			// The rest of it goes before all that follows.
			if (!whole) break;
			taken.push(step);
		}
		return taken;
	}

	#goesAlong(step: Step): boolean {
		if ("ask" in step) return false;
		if ("owner" in step) return this.#batch.sure(step.path);
		return this.#batch.takes(step.change, step.node.type === "directory", step.again);
	}

	/** False where there is more of it than `most` bytes. */
	#take(step: Step, changes: StoreChange[], most: number): boolean {
		if ("ask" in step) step.ask();
		else if ("owner" in step) return this.#takeContents(step, changes, most);
		else this.#takeName(step, changes);
		return true;
	}

	#takeContents(step: Contents, changes: StoreChange[], most: number): boolean {
		const { owner, path } = step;
		const held = this.#heldError(path);
		step.parts += 1;
		// Who writes without an end shall not keep others waiting.
		const limit = step.parts < PARTS ? most : Number.POSITIVE_INFINITY;
		if (held === 0 && !owner.take(path, changes, limit)) return false;
		this.#queued.delete(owner);
		if (held !== 0 && !this.#refused.has(owner)) this.#refuseContents(owner, held);
		return true;
	}

	/** Whether a part of what comes next has been sent. */
	get #isBegun(): boolean {
		const next = this.#steps[this.#head];
		return next !== undefined && "owner" in next && next.parts > 0;
	}

	#takeName(step: Named, changes: StoreChange[]): void {
		const { change } = step;
		const to = change.call === "rename" || change.call === "link" ? change.to : change.path;
		if (this.#heldNames.concern(change.path) || this.#heldNames.concern(to)) {
			this.#hold(step, this.#heldReason);
			return;
		}
		this.#batch.add(change);
		changes.push(change);
	}

	#fly(changes: StoreChange[], sources: Step[], taken: Step[]): void {
		const underway = this.#bridge.ticket<void>();
		this.#underway = underway;
		this.#preserve(changes, sources, (refused) => {
			const last = !this.#isBegun;
			const durable = this.#hurried && last && this.#extras.has("apply");
			if (last) this.#hurried = false;
			const sent = changes.filter((_, i) => !refused.has(sources[i] as Step));
			this.#put(sent, durable, (errors, answers) => {
				let at = 0;
				for (let i = 0; i < changes.length; i++) {
					const source = sources[i] as Step;
					if ("node" in source) source.node.id = madeId(answers[at]) ?? source.node.id;
					this.#hear(changes[i] as StoreChange, source, refused.get(source) ?? errors[at++] ?? EIO);
				}
				// Where none was made, nothing says what became of those before.
				if (durable && errors.includes(0)) this.#durable = this.#answered;
				this.#close(taken);
				this.#batch.clear();
				this.#underway = null;
				this.#send();
				underway.answer();
			});
		});
	}

	/** Has the store keep what others have made of files that are about to change, and then goes on. Of a
	 *  file that was kept beside, all that is here goes along: of two versions there shall be no mixture.
	 *  `goOn` gets the steps that must not be taken, and why: what could not be kept is not written over. */
	#preserve(
		changes: StoreChange[],
		sources: Step[],
		goOn: (refused: ReadonlyMap<Step, Errno>) => void,
	): void {
		const steps = this.#extras.has("preserve") ? new Set(sources) : [];
		const refused = new Map<Step, Errno>();
		let left = 1;
		const done = () => {
			left -= 1;
			if (left === 0) goOn(refused);
		};
		for (const step of steps) {
			if (!("owner" in step) || step.owner.base === null) continue;
			const { path, owner } = step;
			const { size, modified } = step.owner.base;
			const ticket = this.#bridge.ask(this.#store, "preserve", path, size, modified);
			left += 1;
			ticket.watch(() => {
				const kept: unknown = ticket.value;
				if (ticket.error !== 0) refused.set(step, ticket.error);
				else if (typeof kept === "string") {
					const from = changes.length;
					owner.overrule();
					owner.take(path, changes, Number.POSITIVE_INFINITY);
					for (let i = from; i < changes.length; i++) sources.push(step);
					this.#reports.conflict(path, kept);
				} else if (kept !== null && kept !== undefined) refused.set(step, EIO);
				done();
			});
		}
		done();
	}

	/** Puts changes to the store, and calls `heard` when all are answered. */
	#put(
		changes: readonly StoreChange[],
		durable: boolean,
		heard: (errors: readonly Done[], answers: readonly unknown[]) => void,
	): void {
		if (this.#extras.has("apply") && changes.length > 0) {
			const ticket = this.#bridge.ask(this.#store, "apply", changes, durable);
			ticket.watch(() => {
				const answers: unknown = ticket.value;
				const list: readonly unknown[] = Array.isArray(answers) ? answers : [];
				heard(
					changes.map((_, i) => ticket.error || errorOf(list[i])),
					list,
				);
			});
			return;
		}
		if (changes.length === 0) {
			heard([], []);
			return;
		}
		let left = changes.length;
		const tickets = changes.map((change) => this.#askFor(change));
		for (const ticket of tickets) {
			ticket.watch(() => {
				left -= 1;
				if (left > 0) return;
				heard(
					tickets.map(({ error }) => error),
					tickets.map(({ value }) => value),
				);
			});
		}
	}

	#askFor(change: StoreChange): Ticket<unknown> {
		const bridge = this.#bridge;
		const store = this.#store;
		const { path } = change;
		switch (change.call) {
			case "write":
				return bridge.ask(store, "write", path, change.offset, change.bytes, change.id);
			case "resize":
				return bridge.ask(store, "resize", path, change.size, change.id);
			case "make":
				return bridge.ask(store, "make", path, change.type);
			case "remove":
				return bridge.ask(store, "remove", path);
			case "rename":
				return bridge.ask(store, "rename", path, change.to);
			case "symlink":
				return bridge.ask(store, "symlink", path, change.target);
			case "link":
				return bridge.ask(store, "link", path, change.to);
			case "utimes":
				return bridge.ask(store, "utimes", path, change.accessed, change.modified, change.id);
		}
	}

	// --- answers ---

	#hear(change: StoreChange, step: Step, error: Done): void {
		this.#answered += 1;
		const node = nodeOf(step);
		if (node !== null) this.#lastOf.set(node, this.#answered);
		if ("owner" in step) {
			step.owner.answered(change, error);
			const why = "id" in change && change.id !== undefined && isGone(error) ? ESTALE : error;
			if (why !== 0) this.#refuseContents(step.owner, why, change.path);
			else this.#healed(step.owner);
		} else if ("change" in step) {
			if (error === 0 || isThereAlready(step, error)) {
				this.#names -= 1;
				this.#healed(step.node);
			} else this.#hold(step, error, change.path);
		}
	}

	/** Notes a failure; the page is told where there is a path, which changes that were not even sent
	 *  do not have. */
	#fail(node: INode, error: Errno, path: string | undefined): void {
		this.#full = error;
		if (!this.#failures.has(node)) this.#failures.set(node, error);
		if (path === undefined || this.#told.get(node) === error) return;
		this.#told.set(node, error);
		this.#reports.refused(path, error);
	}

	#refuseContents(owner: Owner, error: Errno, path?: string): void {
		if (owner.removed) return;
		this.#refused.add(owner);
		this.#fail(owner, error, path);
	}

	#hold(step: Named, error: Errno, path?: string): void {
		step.again = true;
		const { change, node } = step;
		if (change.call === "remove") this.#unmake(change.path, step.order);
		if (path !== undefined) this.#heldReason = error;
		// What builds on others may have been held back before those were refused.
		const place = this.#held.findLastIndex((held) => held.order < step.order);
		this.#held.splice(place + 1, 0, step);
		this.#heldNames.add(change.path);
		if (change.call === "rename" || change.call === "link") this.#heldNames.add(change.to);
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
		this.#names -= 1;
	}

	#healed(node: INode): void {
		this.#full = 0;
		if (this.#told.size > 0) this.#told.delete(node);
	}

	/** Why what is at `path` cannot be reached in the store; 0 where it can. */
	#heldError(path: string): Done {
		return this.#held.length > 0 && this.#heldNames.cover(path) ? this.#heldReason : 0;
	}

	/** These steps are over: answered, or held back. */
	#close(steps: readonly Step[]): void {
		for (const step of steps) {
			const node = nodeOf(step);
			if (node === null) continue;
			const open = (this.#open.get(node) ?? 1) - 1;
			if (open === 0) this.#open.delete(node);
			else this.#open.set(node, open);
		}
	}

	/** Sends again what has been refused, before all that waits: names, and the contents of `owners`. */
	#retry(owners: Iterable<Owner>): void {
		const held = this.#held;
		this.#held = [];
		this.#heldNames.clear();
		const contents = [...owners];
		for (const owner of contents) {
			this.#refused.delete(owner);
			owner.again();
		}
		const waiting = this.#steps.slice(this.#head);
		this.#steps = [...held, ...waiting];
		this.#head = 0;
		for (const { node } of held) this.#open.set(node, (this.#open.get(node) ?? 0) + 1);
		for (const owner of contents) this.contents(owner);
		this.#send();
	}

	#waitForRoom(): number {
		this.flush();
		if (this.#underway !== null) return this.#bridge.pending(this.#underway);
		const error = this.#full;
		this.#full = 0;
		if (error !== 0) return error;
		this.#retry(this.#refused);
		return this.#underway === null ? 1 : this.#bridge.pending(this.#underway);
	}
}

function nodeOf(step: Step): INode | null {
	if ("owner" in step) return step.owner;
	return "node" in step ? step.node : null;
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
function isThereAlready({ change, again }: Named, error: Errno): boolean {
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
	return typeof answer === "object" && answer !== null ? idOf(answer) : undefined;
}

/** Which file a listing or an answer tells of, as far as that makes sense. */
export function idOf({ id }: { readonly id?: unknown }): FileId | undefined {
	return typeof id === "string" || typeof id === "number" ? id : undefined;
}

/** Whether a store says that what was at a path is there no more. */
export function isGone(error: Done): boolean {
	return error === ESTALE || error === ENOENT || error === ENOTDIR || error === EISDIR;
}

function sizeOf(change: StoreChange): number {
	return change.call === "write" ? change.bytes.length : 0;
}

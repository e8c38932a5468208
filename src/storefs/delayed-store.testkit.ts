/**
 * For tests: a bridge whose every answer is late, a store behind it, and contents that come late.
 *
 * Nothing is answered before `turn` is called, which answers the oldest question. So a test decides
 * when time passes, and a call that forgets to wait is found out.
 */
import {
	EEXIST,
	EISDIR,
	ENOENT,
	ENOTDIR,
	ENOTEMPTY,
	type Errno,
	ESTALE,
	PENDING,
} from "../abi/errno.ts";
import { errnoName } from "../abi/errno-names.ts";
import type { Bridge, Far, OpenTicket, Sender, Ticket } from "../bridge/bridge.ts";
import type { Contents } from "../fs/volume.ts";
import { Intake } from "../store/intake.ts";
import { MadeFiles } from "../store/made-files.ts";
import type { FileId, Listing, Made, Store, StoreChange, Times } from "../store/store.ts";
import type { Landing } from "./write-queue.ts";

class LateTicket<T> implements OpenTicket<T> {
	done = false;
	value: T | undefined = undefined;
	error: 0 | Errno = 0;
	readonly #watchers = new Set<() => void>();

	watch(wake: () => void): void {
		if (this.done) wake();
		else this.#watchers.add(wake);
	}

	unwatch(wake: () => void): void {
		this.#watchers.delete(wake);
	}

	answer(value: T): void {
		this.value = value;
		this.#finish();
	}

	fail(error: Errno): void {
		this.error = error;
		this.#finish();
	}

	#finish(): void {
		this.done = true;
		for (const wake of this.#watchers) wake();
	}
}

type LandArgs = Parameters<Landing["land"]>;

export class DelayedBridge implements Bridge {
	/** Tickets that calls have noted since the last `turn`. */
	notes: Ticket<unknown>[] = [];
	/** Questions put so far. */
	asked = 0;
	readonly unsent: Set<Sender> = new Set();
	/** The thread hears no answer any more: a program has it, and computes. */
	deaf = false;
	/** Told of a file that others had changed, and where theirs is. */
	conflict: (path: string, kept: string) => void = () => {};
	readonly #intake = new Intake();
	readonly #questions: (() => void)[] = [];
	readonly #store: DelayedStore;

	constructor(store: DelayedStore = new DelayedStore()) {
		this.#store = store;
	}

	/** Answers the oldest question; false where there is none. */
	turn(): boolean {
		this.notes = [];
		const question = this.#questions.shift();
		question?.();
		return question !== undefined;
	}

	/** Calls until the answer is not PENDING, with one late answer before each further call. */
	run<T>(call: () => T): T {
		for (let i = 0; i < 10_000; i++) {
			const answer = call();
			if (answer !== PENDING) return answer;
			if (this.notes.length === 0) throw new Error("PENDING without a ticket");
			if (this.notes.every((ticket) => ticket.done)) throw new Error("PENDING on a done ticket");
			if (!this.turn()) throw new Error("PENDING on a ticket that nobody answers");
		}
		throw new Error("PENDING for ever");
	}

	ticket<T>(): OpenTicket<T> {
		return new LateTicket<T>();
	}

	/** A ticket that is answered at its `turn`. */
	later(): Ticket<void> {
		const ticket = new LateTicket<void>();
		this.#questions.push(() => {
			if (!this.deaf) ticket.answer();
		});
		return ticket;
	}

	alarm(_time: number): Ticket<void> {
		return this.later();
	}

	ask<T, K extends keyof T & string>(_far: Far<T>, method: K, ...args: unknown[]): Ticket<never> {
		const ticket = new LateTicket<never>();
		this.asked += 1;
		this.#questions.push(() => {
			if (method === "land") {
				const answers = this.#land(args as LandArgs);
				if (!this.deaf) ticket.answer(answers as never);
				return;
			}
			if (this.deaf) return;
			// The store's methods have the names and arguments of the interface that T is here.
			const answer: unknown = Reflect.apply(Reflect.get(this.#store, method), this.#store, args);
			if (typeof answer === "number") ticket.fail(answer as Errno);
			else ticket.answer(answer as never);
		});
		return ticket;
	}

	/** Does what the page's end of a queue does (page/batch-runner.ts). */
	#land([changes, durable, terms]: LandArgs): unknown {
		const store = this.#store;
		const taken = this.#intake.take(changes, terms);
		for (const [path, { size, modified }] of taken.bases) {
			const kept: unknown = Reflect.get(store, "preserve")?.call(store, path, size, modified);
			if (typeof kept === "number") taken.refuse(path, errnoName(kept as Errno));
			else if (typeof kept === "string") {
				taken.keep(path);
				this.conflict(path, kept);
			} else if (kept !== null && kept !== undefined) taken.refuse(path, "EIO");
		}
		const left = this.#intake.named(taken.changes);
		const given = left.length > 0 ? store.apply(left, durable) : [];
		this.#intake.note(left, given);
		return taken.answers(given);
	}

	pending(ticket: Ticket<unknown>): Errno {
		this.notes.push(ticket);
		return PENDING;
	}

	dropNotes(): void {
		this.notes = [];
	}

	nextTurn(): Ticket<void> {
		return this.later();
	}

	anyNoted(): Promise<void> {
		throw new Error("nothing here waits in the background");
	}
}

let lastId = 0;

interface Item {
	/** Null for a directory. */
	bytes: Uint8Array | null;
	/** Of a symlink. */
	target?: string;
	times?: Times;
	/** The number of the file, from when it has a second name. */
	file?: number;
}

/** What each method of a Store answers, at once: a value, or the Errno it fails with. */
type Plain = {
	[K in Exclude<keyof Store, "watch" | "preserve" | "names" | "largest" | "changes">]-?: (
		...args: Parameters<Required<Store>[K]>
	) => Awaited<ReturnType<Required<Store>[K]>> | Errno | undefined;
};

/** A store as plain as can be: a map of paths, where a file with two names is there twice. */
export class DelayedStore implements Plain {
	readonly items = new Map<string, Item>([["/", { bytes: null }]]);
	/** Fails the next change with this. */
	failNext: Errno | null = null;
	/** It tells which file is which, and looks whether the one that is meant is there. */
	identifies = false;
	/** How often it was asked to make changes durable. */
	synced = 0;
	#lastFile = 0;
	readonly #ids = new WeakMap<Item, number>();

	readonly far: Far<Store> = { id: 1 };

	/** `files`: contents by path, null for a directory. */
	constructor(files: Readonly<Record<string, string | null>> = {}) {
		for (const [path, content] of Object.entries(files)) this.put(path, content);
	}

	/** Puts a file or, with null, a directory there, as others would: no change was asked for. */
	readonly put = (path: string, content: string | null): void => {
		this.items.set(path, { bytes: content === null ? null : new TextEncoder().encode(content) });
	};

	/** Contents by path; null for a directory and for a symlink. */
	get contents(): Record<string, string | null> {
		const found: Record<string, string | null> = {};
		for (const [path, { bytes }] of this.items) {
			if (path !== "/") found[path] = bytes && String.fromCharCode(...bytes);
		}
		return found;
	}

	list(path: string): Listing[] | Errno {
		if (this.items.get(path)?.bytes !== null) return this.items.has(path) ? ENOTDIR : ENOENT;
		const children = [...this.items].filter(([item]) => item !== "/" && parent(item) === path);
		return children.map(([child, item]) => {
			const links = [...this.items.values()].filter((other) => other === item).length;
			return { ...listing([child, item]), links, ...this.#made(item) };
		});
	}

	read(path: string, offset: number, length: number, id?: FileId): Uint8Array | Errno {
		const bytes = this.items.get(path)?.bytes;
		if (bytes === undefined) return ENOENT;
		if (this.#isOther(path, id)) return ESTALE;
		return bytes === null ? EISDIR : bytes.slice(offset, offset + length);
	}

	write(path: string, offset: number, bytes: Uint8Array, id?: FileId): undefined | Errno {
		const failure = this.refusal();
		if (failure !== null) return failure;
		const item = this.items.get(path);
		if (item === undefined || item.bytes === null) return item === undefined ? ENOENT : EISDIR;
		if (this.#isOther(path, id)) return ESTALE;
		const grown = new Uint8Array(Math.max(item.bytes.length, offset + bytes.length));
		grown.set(item.bytes);
		grown.set(bytes, offset);
		item.bytes = grown;
	}

	resize(path: string, size: number, id?: FileId): undefined | Errno {
		const failure = this.refusal();
		if (failure !== null) return failure;
		const item = this.items.get(path);
		if (item === undefined || item.bytes === null) return item === undefined ? ENOENT : EISDIR;
		if (this.#isOther(path, id)) return ESTALE;
		const resized = new Uint8Array(size);
		resized.set(item.bytes.subarray(0, size));
		item.bytes = resized;
	}

	make(path: string, type: "file" | "directory"): Made | undefined | Errno {
		const failure = this.refusal();
		if (failure !== null) return failure;
		if (this.items.has(path)) return EEXIST;
		if (this.items.get(parent(path))?.bytes !== null) return ENOENT;
		const item = { bytes: type === "file" ? new Uint8Array(0) : null };
		this.items.set(path, item);
		return this.#made(item);
	}

	remove(path: string): undefined | Errno {
		const failure = this.refusal();
		if (failure !== null) return failure;
		if (!this.items.has(path)) return ENOENT;
		for (const item of this.items.keys()) if (item.startsWith(`${path}/`)) return ENOTEMPTY;
		this.items.delete(path);
	}

	rename(from: string, to: string): undefined | Errno {
		const failure = this.refusal();
		if (failure !== null) return failure;
		if (!this.items.has(from)) return ENOENT;
		if (this.items.has(to)) {
			const removed = this.remove(to);
			if (removed !== undefined) return removed;
		}
		for (const [path, item] of [...this.items]) {
			if (path !== from && !path.startsWith(`${from}/`)) continue;
			this.items.delete(path);
			this.items.set(to + path.slice(from.length), item);
		}
	}

	symlink(path: string, target: string): undefined | Errno {
		const failed = this.make(path, "file");
		if (typeof failed === "number") return failed;
		(this.items.get(path) as Item).target = target;
	}

	link(path: string, newPath: string): undefined | Errno {
		const item = this.items.get(path);
		if (item === undefined) return ENOENT;
		const failed = this.make(newPath, "file");
		if (typeof failed === "number") return failed;
		this.#lastFile += 1;
		item.file ??= this.#lastFile;
		this.items.set(newPath, item);
	}

	utimes(path: string, accessed: bigint, modified: bigint, id?: FileId): undefined | Errno {
		const failure = this.refusal();
		if (failure !== null) return failure;
		const item = this.items.get(path);
		if (item === undefined) return ENOENT;
		if (this.#isOther(path, id)) return ESTALE;
		item.times = { accessed, modified };
	}

	apply(changes: readonly StoreChange[], durable = false): (string | Made | null)[] {
		if (durable) this.synced += 1;
		const made = new MadeFiles();
		return changes.map((change) => {
			const refusal = made.refusal(change);
			if (refusal !== undefined) return refusal;
			const given = this.#apply(change);
			const answer = typeof given === "number" ? errnoName(given) : (given ?? null);
			made.note(change, answer);
			return answer;
		});
	}

	sync(): undefined {
		this.synced += 1;
	}

	/** Which file it is, where this store tells. */
	#made(item: Item): Made | undefined {
		if (!this.identifies) return undefined;
		const id = this.#ids.get(item) ?? ++lastId;
		this.#ids.set(item, id);
		return { id };
	}

	/** Whether another file than the one that is meant is at a path. */
	#isOther(path: string, id: FileId | undefined): boolean {
		const item = this.items.get(path);
		return id !== undefined && item !== undefined && this.#ids.get(item) !== id;
	}

	#apply(change: StoreChange): Made | undefined | Errno {
		const { path } = change;
		switch (change.call) {
			case "write":
				return this.write(path, change.offset, change.bytes, change.id);
			case "resize":
				return this.resize(path, change.size, change.id);
			case "make":
				return this.make(path, change.type);
			case "remove":
				return this.remove(path);
			case "rename":
				return this.rename(path, change.to);
			case "symlink":
				return this.symlink(path, change.target);
			case "link":
				return this.link(path, change.to);
			case "utimes":
				return this.utimes(path, change.accessed, change.modified, change.id);
		}
	}

	/** Why a change is refused, if it is. */
	protected refusal(): Errno | null {
		const failure = this.failNext;
		this.failNext = null;
		return failure;
	}
}

function parent(path: string): string {
	return path.slice(0, Math.max(1, path.lastIndexOf("/")));
}

function listing([path, item]: [string, Item]): Listing {
	const { bytes, target, times, file } = item;
	const type = bytes === null ? "directory" : target === undefined ? "file" : "symlink";
	const name = path.slice(path.lastIndexOf("/") + 1);
	const modified = 1_700_000_000_000;
	return {
		name,
		type,
		size: bytes?.length ?? 0,
		modified,
		...(target !== undefined && { target }),
		...(times !== undefined && { times }),
		...(file !== undefined && { file }),
	};
}

/** The bytes of a container, each block of which has to be waited for once, and then comes in
 *  pieces of at most `piece` bytes. */
export function delayedContents(bridge: DelayedBridge, bytes: Uint8Array, piece = 5): Contents {
	const tickets = new Map<number, Ticket<void>>();
	return {
		read(into, at, length, position) {
			const block = Math.floor(position / piece);
			let ticket = tickets.get(block);
			if (ticket === undefined) {
				ticket = bridge.later();
				tickets.set(block, ticket);
			}
			if (!ticket.done) return bridge.pending(ticket);
			const count = Math.min(length, (block + 1) * piece - position);
			into.set(bytes.subarray(position, position + count), at);
			return count;
		},
	};
}

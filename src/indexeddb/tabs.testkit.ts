/**
 * Tabs that have one database open, for tests: IndexedDB in memory, and all that may befall a tab.
 *
 * A tab may *die* at any moment: what it has not committed is undone, and none of its promises and
 * timers goes on. A transaction may be *aborted* by the browser, and its commit may find the disk full.
 * The timers of the stores do not run by themselves; the test fires them. All transactions that were
 * committed are kept in `history`, in the order in which they were, each with the call that it served:
 * a model that makes the same calls in this order has to give the same answers.
 */
import { AsyncLocalStorage } from "node:async_hooks";
import "fake-indexeddb/auto";
import { vi } from "vitest";
import type { Listing, StoreChange } from "../store/store.ts";
import { Log } from "./log.ts";
import { IndexedDBStore } from "./store.ts";

/** What was asked of a store, and what it has answered. */
export type Call = (
	| { readonly ask: "apply"; readonly changes: readonly StoreChange[] }
	| {
			readonly ask: "read";
			readonly path: string;
			readonly offset: number;
			readonly length: number;
	  }
	| { readonly ask: "list"; readonly path: string }
	| { readonly ask: "sync" | "timer" }
) & {
	readonly tab: number;
	/** Missing where there is none: the tab has died. */
	answer?: unknown;
	/** When it was asked and answered; zero where it never was. */
	readonly asked: number;
	answered: number;
	/** It was made as two calls. */
	halved?: boolean;
};

export interface Committed {
	readonly call: Call;
	/** It puts changes into their places, and changes nothing that can be seen. */
	readonly isCheckpoint: boolean;
	readonly changes: boolean;
	readonly strict: boolean;
	readonly at: number;
}

/** What becomes of a transaction that may change something: the browser undoes it after so many turns of
 *  the event loop, or when it is to be committed, or finds the disk full then if there is anything to put. */
export type Fate = "fine" | "full" | "undone" | number;

interface Context {
	readonly tab: Tab;
	readonly call: Call;
}

const context = new AsyncLocalStorage<Context>();
interface Work {
	/** It puts something: what only removes needs no space. */
	puts: boolean;
	isCheckpoint: boolean;
	changes: boolean;
}

let worlds = 0;
const works = new WeakMap<IDBTransaction, Work>();

export class World {
	readonly history: Committed[] = [];
	readonly calls: Call[] = [];
	readonly name = `world ${++worlds}`;
	fate: () => Fate;
	/** Counts what happens. */
	clock = 0;
	#tabs = 0;

	constructor(fate: () => Fate = () => "fine") {
		this.fate = fate;
		surround();
	}

	open(): Tab {
		this.#tabs++;
		return new Tab(this, this.#tabs);
	}
}

export class Tab {
	readonly number: number;
	readonly timers = new Map<number, () => void>();
	readonly open = new Set<IDBTransaction>();
	readonly world: World;
	readonly store: IndexedDBStore;
	dead = false;

	constructor(world: World, number: number) {
		this.world = world;
		this.number = number;
		this.store = new Halving(this, world.name);
	}

	/** Nothing of it goes on. */
	die(): void {
		this.dead = true;
		this.timers.clear();
		for (const tx of this.open) undo(tx, null);
	}

	/** Lets the timers run out that were set. */
	fireTimers(): void {
		const due = [...this.timers.values()];
		this.timers.clear();
		const call: Call = { ask: "timer", tab: this.number, asked: 0, answered: 0 };
		for (const fire of due) context.run({ tab: this, call }, fire);
	}

	apply(changes: readonly StoreChange[], durable = false) {
		return this.store.apply(changes, durable);
	}

	read(path: string, offset: number, length: number): Promise<Uint8Array> {
		const call = { ask: "read", path, offset, length } as const;
		return this.ask(call, () => this.store.read(path, offset, length));
	}

	list(path: string): Promise<Listing[]> {
		return this.ask({ ask: "list", path }, () => this.store.list(path));
	}

	sync(): Promise<void> {
		return this.ask({ ask: "sync" }, () => this.store.sync());
	}

	/** Notes a call and how it ends. One of a dead tab does not. */
	async ask<T>(asked: Asked, run: () => Promise<T>): Promise<T> {
		const { world } = this;
		const call: Call = { ...asked, tab: this.number, asked: ++world.clock, answered: 0 };
		world.calls.push(call);
		const whole = context.getStore()?.call;
		if (whole !== undefined) whole.halved = true;
		const here = { tab: this, call };
		const answer = await context.run(here, run).catch((error: unknown) => new Refusal(error));
		if (this.dead) return new Promise(() => {});
		call.answer = answer;
		call.answered = ++world.clock;
		if (answer instanceof Refusal) throw answer.error;
		return answer;
	}
}

type Without<T, K extends PropertyKey> = T extends unknown ? Omit<T, K> : never;
type Asked = Without<Call, "tab" | "asked" | "answered">;

/** A promise that was rejected. */
export class Refusal {
	readonly error: unknown;

	constructor(error: unknown) {
		this.error = error;
	}
}

/** Where there is no space for all changes, a store makes them in halves: each is a call of its own. */
class Halving extends IndexedDBStore {
	readonly #tab: Tab;

	constructor(tab: Tab, name: string) {
		// Short steps, so that there is much between the first and the last.
		super(name, { persist: false }, new Log(6));
		this.#tab = tab;
	}

	override apply(changes: readonly StoreChange[], durable = false) {
		return this.#tab.ask({ ask: "apply", changes }, () => super.apply(changes, durable));
	}
}

/** Resolves after so many turns of the event loop. */
export async function turns(count: number): Promise<void> {
	for (let i = 0; i < count; i++) await new Promise((resolve) => setImmediate(resolve));
}

// --- the browser ---

let isSurrounded = false;
let lastTimer = 0;

/** Puts itself around what the stores ask of the browser. */
function surround(): void {
	if (isSurrounded) return;
	isSurrounded = true;
	vi.stubGlobal(
		"BroadcastChannel",
		class {
			postMessage(): void {}
		},
	);
	surroundTimers();
	const { transaction } = IDBDatabase.prototype;
	IDBDatabase.prototype.transaction = function (...args) {
		// The first of a database, which makes the object store, is the business of `open`.
		const here = `${args[1]}` === "versionchange" ? undefined : context.getStore();
		if (here?.tab.dead) throw new Error("the tab is dead");
		const tx = Reflect.apply(transaction, this, args) as IDBTransaction;
		if (here !== undefined) follow(tx, here);
		return tx;
	};
	const { put, delete: remove } = IDBObjectStore.prototype;
	IDBObjectStore.prototype.put = function (value, key) {
		const work = works.get(this.transaction);
		if (work !== undefined) work.puts = true;
		if (work !== undefined && Array.isArray(key) && key[0] !== "spare") work.changes = true;
		return Reflect.apply(put, this, [value, key]);
	};
	IDBObjectStore.prototype.delete = function (key) {
		const work = works.get(this.transaction);
		const lower: unknown = key instanceof IDBKeyRange ? key.lower : undefined;
		const isSpare = Array.isArray(lower) && lower[0] === "spare";
		if (work !== undefined && !isSpare) work.changes = true;
		// Only a checkpoint removes many records of the log.
		if (work !== undefined && Array.isArray(lower) && lower[0] === "log") work.isCheckpoint = true;
		return Reflect.apply(remove, this, [key]);
	};
}

function surroundTimers(): void {
	const [set, clear] = [setTimeout, clearTimeout];
	const later = (fire: () => void, ms?: number, ...args: unknown[]) => {
		const here = context.getStore();
		if (here === undefined) return Reflect.apply(set, globalThis, [fire, ms, ...args]);
		lastTimer++;
		if (!here.tab.dead) here.tab.timers.set(lastTimer, fire);
		return lastTimer;
	};
	const never = (timer: number | NodeJS.Timeout | undefined) => {
		if (typeof timer === "number") context.getStore()?.tab.timers.delete(timer);
		else clear(timer);
	};
	vi.stubGlobal("setTimeout", later);
	vi.stubGlobal("clearTimeout", never);
}

function follow(tx: IDBTransaction, { tab, call }: Context): void {
	const work: Work = { puts: false, isCheckpoint: false, changes: false };
	works.set(tx, work);
	tab.open.add(tx);
	const record = () => {
		const { isCheckpoint, changes } = work;
		const { world } = tab;
		world.clock++;
		const strict = tx.durability === "strict";
		world.history.push({ call, strict, isCheckpoint, changes, at: world.clock });
	};
	tx.addEventListener("complete", () => {
		tab.open.delete(tx);
		if (tx.mode === "readwrite") record();
	});
	tx.addEventListener("abort", () => tab.open.delete(tx));
	const fate = tx.mode === "readwrite" ? tab.world.fate() : "fine";
	if (typeof fate === "number") turns(fate).then(() => undo(tx, "UnknownError"));
	const commit = tx.commit.bind(tx);
	// A transaction that only reads is answered before it is over.
	if (tx.mode === "readonly") {
		tx.commit = () => {
			record();
			commit();
		};
	}
	if (fate === "undone") tx.commit = () => undo(tx, "UnknownError");
	if (fate === "full") {
		tx.commit = () => (work.puts ? undo(tx, "QuotaExceededError") : commit());
	}
}

/** The browser undoes a transaction. */
function undo(tx: IDBTransaction, why: string | null): void {
	const { _state, _abort } = tx as unknown as { _state: string; _abort(why: string | null): void };
	if (_state !== "finished" && _state !== "committing") _abort.call(tx, why);
}

/**
 * The page's end of the private file system: the worker in which its stores run, and each store as the page
 * sees it.
 *
 * If there is no such worker, or the browser lets no thread change a file in place, the store runs on the page
 * and writes through drafts: slower, but the same files. `isInPlace` tells which it is.
 */
import { PortholeError } from "../abi/error.ts";
import { type Remote, reach } from "../bridge/far.ts";
import { makeWorker, type ScriptAddress } from "../bridge/make-worker.ts";
import { persistence } from "../store/persist.ts";
import type { Store } from "../store/store.ts";
import { DraftWriters } from "./draft-writers.ts";
import { openOPFSStore, watchTabs } from "./opfs-store.ts";
import type { Stores } from "./opfs-worker.ts";
import type { HandleStore } from "./store.ts";

type Url = ScriptAddress | undefined;

/** One for each script; most pages have one script. */
const workers = new Map<string, Promise<StoresWorker>>();

class StoresWorker {
	readonly #stores: Remote<Stores>;
	/** Rejects when the worker fails. */
	readonly death: Promise<never>;

	constructor(worker: Worker, death: Promise<never>) {
		this.#stores = reach<Stores>(worker);
		this.death = death;
	}

	open(path: string, by: string): Promise<number | null> {
		return Promise.race([this.#stores.open(path, by), this.death]);
	}

	ask(id: number, method: keyof HandleStore, args: unknown[]): Promise<unknown> {
		return Promise.race([this.#stores.ask(id, method, args), this.death]);
	}

	/** A worker that has failed holds nothing any more. */
	close(id: number): Promise<boolean> {
		return Promise.race([this.#stores.close(id), this.death.catch(() => true)]);
	}
}

async function startWorker(url: Url): Promise<StoresWorker> {
	const worker = await makeWorker(url, "porthole-stores");
	const death = new Promise<never>((_, reject) => {
		worker.addEventListener("error", (event) => {
			event.preventDefault();
			reject(
				new PortholeError("worker-failed", `the worker of the stores failed: ${event.message}`),
			);
		});
	});
	death.catch(() => {});
	const ready = new Promise((resolve) => {
		worker.addEventListener("message", resolve, { once: true });
	});
	await Promise.race([ready, death]);
	return new StoresWorker(worker, death);
}

function storesWorker(url: Url): Promise<StoresWorker> {
	const key = String(url);
	const known = workers.get(key);
	if (known !== undefined) return known;
	const started = startWorker(url);
	workers.set(key, started);
	// The next store starts a new worker after one has failed.
	started.then((worker) => worker.death).catch(() => workers.delete(key));
	return started;
}

/** An open store, in the worker or on the page. */
interface Opened {
	readonly isInPlace: boolean;
	ask(method: keyof HandleStore, args: unknown[]): Promise<unknown>;
	close(): Promise<boolean>;
}

/** A store that is open while it is used: it is opened by the next call, and closed when the last mount no longer
 *  watches it, so that its files and its lease are free for others and its memory is given back. Which file is
 *  which it then tells anew; no mount has asked before. */
class OnDemand {
	readonly #open: () => Promise<Opened>;
	#opened: Promise<Opened> | undefined;
	/** The last store, if it could not be closed. */
	#last: Promise<Opened | null> = Promise.resolve(null);
	#watchers = 0;

	constructor(open: () => Promise<Opened>) {
		this.#open = open;
	}

	get(): Promise<Opened> {
		if (this.#opened !== undefined) return this.#opened;
		const opened = this.#last.then((last) => last ?? this.#open());
		this.#opened = opened;
		opened.catch(() => {
			if (this.#opened === opened) this.#opened = undefined;
		});
		return opened;
	}

	async ask(method: keyof HandleStore, args: unknown[]): Promise<unknown> {
		return (await this.get()).ask(method, args);
	}

	/** Counts a watcher. The function that is returned ends it. */
	watched(stop: () => void): () => void {
		this.#watchers += 1;
		let over = false;
		return () => {
			if (over) return;
			over = true;
			stop();
			this.#watchers -= 1;
			if (this.#watchers === 0) this.#close();
		};
	}

	#close(): void {
		const opened = this.#opened;
		if (opened === undefined) return;
		this.#opened = undefined;
		const close = async (store: Opened) => ((await store.close()) ? null : store);
		this.#last = opened.then(close).catch(() => null);
	}
}

/** A store of the private file system. */
interface PageStore extends Required<Pick<HandleStore, keyof HandleStore>> {
	/** Whether files are changed in place. */
	isInPlace(): Promise<boolean>;
	persisted(): Promise<boolean>;
	watch: NonNullable<Store["watch"]>;
}

const METHODS: readonly (keyof HandleStore)[] = [
	...(["list", "read", "write", "resize", "make", "remove", "rename"] as const),
	...(["symlink", "utimes", "apply", "sync"] as const),
];

/** Opens a directory of the private file system; it is made if it is missing. */
export async function openOPFS(path: string, url: Url, persist = true): Promise<PageStore> {
	const safe = persistence(persist);
	const by = crypto.randomUUID();
	const worker = await storesWorker(url).catch(() => null);
	const store = new OnDemand(async () => {
		const id = (await worker?.open(path, by)) ?? null;
		return worker === null || id === null ? onPage(path, by) : inWorker(worker, id);
	});
	await store.get();
	const methods = METHODS.map((method) => [
		method,
		(...args: unknown[]) => store.ask(method, args),
	]);
	// The open store has these methods, with these parameters and answers.
	return {
		...Object.fromEntries(methods),
		isInPlace: async () => (await store.get()).isInPlace,
		persisted: () => safe,
		watch: ((heard, _, damaged) =>
			store.watched(watchTabs(path, by, heard, damaged))) satisfies PageStore["watch"],
	} as PageStore;
}

function inWorker(worker: StoresWorker, id: number): Opened {
	return {
		isInPlace: true,
		ask: (method, args) => worker.ask(id, method, args),
		close: () => worker.close(id),
	};
}

async function onPage(path: string, by: string): Promise<Opened> {
	const store = await openOPFSStore(path, by, (exclusively) => new DraftWriters(exclusively));
	return {
		isInPlace: false,
		// The methods come from the list above.
		ask: async (method, args) => Reflect.apply(store[method], store, args),
		close: () => store.close(),
	};
}

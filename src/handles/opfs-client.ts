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

/** A store of the private file system. */
interface OPFSStore extends Required<Pick<HandleStore, keyof HandleStore>> {
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
export async function openOPFS(path: string, url: Url, persist = true): Promise<OPFSStore> {
	const safe = persistence(persist);
	const by = crypto.randomUUID();
	const worker = await storesWorker(url).catch(() => null);
	const id = (await worker?.open(path, by)) ?? null;
	const more = (inPlace: boolean) => ({
		isInPlace: async () => inPlace,
		persisted: () => safe,
		watch: ((heard, _, damaged) =>
			watchTabs(path, by, heard, damaged)) satisfies OPFSStore["watch"],
	});
	if (worker === null || id === null) {
		return Object.assign(await openOPFSStore(path, by, false), more(false));
	}
	const ask =
		(method: keyof HandleStore) =>
		(...args: unknown[]) =>
			worker.ask(id, method, args);
	const methods = METHODS.map((method) => [method, ask(method)]);
	// The worker's store has these methods, with these parameters and answers.
	return { ...Object.fromEntries(methods), ...more(true) } as OPFSStore;
}

/**
 * The worker for stores that want a thread of their own: the private file system lets only workers
 * change a file in place, and the worker of a sandbox has to serve its guests.
 *
 * There is one for a page. Each store in it has a number, and sees itself to the order of its calls.
 */
import { type Channel, offer } from "../bridge/far.ts";
import { canHold, privateStore } from "./opfs-store.ts";
import type { HandleStore } from "./store.ts";

/** What this worker offers. */
export interface Stores {
	/** Opens a directory of the private file system and answers with its number; null where this
	 *  browser lets nobody change files in place. */
	open(path: string, by: string): Promise<number | null>;
	/** Calls a method of the store with that number. */
	ask(id: number, method: keyof HandleStore, args: unknown[]): Promise<unknown>;
}

/** Serves the page on the worker's own channel. */
export function serveStores(scope: Channel): void {
	const opened: HandleStore[] = [];
	const inPlace = canHold();
	const stores: Stores = {
		async open(path, by) {
			if (!(await inPlace)) return null;
			return opened.push(await privateStore(path, by, true)) - 1;
		},
		async ask(id, method, args) {
			// The page has its numbers from `open`, and its methods from a list.
			const store = opened[id] as HandleStore;
			return (store[method] as (...of: unknown[]) => unknown).apply(store, args);
		},
	};
	offer(stores, scope);
	// What came before this was heard by nobody.
	scope.postMessage({ ready: true });
}

/**
 * The worker for stores that need a thread of their own: the private file system lets only workers change a
 * file in place, and the worker of a sandbox has to serve its guests.
 *
 * A page has one such worker. Each store in it has a number, and orders its own calls.
 */
import { type Channel, offer } from "../bridge/far.ts";
import { canWriteInPlace, type OPFSStore, openOPFSStore } from "./opfs-store.ts";
import type { HandleStore } from "./store.ts";
import { InPlaceWriters } from "./writers.ts";

/** What this worker offers. */
export interface Stores {
	/** Opens a directory of the private file system and answers with the number of its store; null if this
	 *  browser does not let workers change files in place. */
	open(path: string, by: string): Promise<number | null>;
	/** Calls a method of the store with that number. */
	ask(id: number, method: keyof HandleStore, args: unknown[]): Promise<unknown>;
	/** Closes that store. False if it could not be closed, and goes on. */
	close(id: number): Promise<boolean>;
}

/** Serves the page on the worker's own channel. */
export function serveStores(scope: Channel): void {
	const opened = new Map<number, OPFSStore>();
	let last = 0;
	const inPlace = canWriteInPlace();
	const stores: Stores = {
		async open(path, by) {
			if (!(await inPlace)) return null;
			const store = await openOPFSStore(path, by, () => new InPlaceWriters());
			opened.set(++last, store);
			return last;
		},
		async ask(id, method, args) {
			// The page has its numbers from `open`, and its methods from a list.
			const store = opened.get(id) as HandleStore;
			return (store[method] as (...of: unknown[]) => unknown).apply(store, args);
		},
		async close(id) {
			const closed = (await opened.get(id)?.close()) ?? true;
			if (closed) opened.delete(id);
			return closed;
		},
	};
	offer(stores, scope);
	// The page waits for this: messages that came earlier had no listener.
	scope.postMessage({ ready: true });
}

/**
 * What a browser gives to all tabs of an origin, for tests of the private file system in Node: locks, the
 * file system itself, and IndexedDB in memory. BroadcastChannel Node has.
 */
import "fake-indexeddb/auto";
import { Disk } from "./handles.testkit.ts";

interface Request {
	readonly mode: LockMode;
	readonly grant: () => void;
}

/** Locks as `navigator.locks` has them: first come, first served. */
export class Locks {
	readonly #held = new Map<string, Set<Request>>();
	readonly #waiting = new Map<string, Request[]>();

	request(
		name: string,
		{ mode, signal }: { mode: LockMode; signal: AbortSignal },
		hold: () => Promise<void>,
	): Promise<void> {
		return new Promise((resolve, reject) => {
			const grant = () => {
				hold().then(() => {
					this.#held.get(name)?.delete(request);
					this.#serve(name);
					resolve();
				}, reject);
			};
			const request = { mode, grant };
			const waiting = this.#waiting.get(name) ?? [];
			this.#waiting.set(name, waiting);
			waiting.push(request);
			signal.addEventListener("abort", () => {
				const at = waiting.indexOf(request);
				if (at >= 0) waiting.splice(at, 1);
				reject(signal.reason);
			});
			this.#serve(name);
		});
	}

	isHeld(name: string): boolean {
		return (this.#held.get(name)?.size ?? 0) > 0;
	}

	/** Lets go of all that is held, as when the tabs that hold it are killed. */
	drop(): void {
		for (const name of this.#held.keys()) {
			this.#held.get(name)?.clear();
			this.#serve(name);
		}
	}

	#serve(name: string): void {
		const held = this.#held.get(name) ?? new Set<Request>();
		this.#held.set(name, held);
		const waiting = this.#waiting.get(name) ?? [];
		for (let next = waiting[0]; next !== undefined; next = waiting[0]) {
			const alone = next.mode === "exclusive" || [...held].some(({ mode }) => mode === "exclusive");
			if (alone && held.size > 0) return;
			waiting.shift();
			held.add(next);
			next.grant();
		}
	}
}

/** A new origin, with nothing in it. */
export function newOrigin(): { disk: Disk; locks: Locks } {
	const [disk, locks] = [new Disk(), new Locks()];
	disk.time = Date.now();
	const storage = { getDirectory: async () => disk.handle, persist: async () => true };
	Object.defineProperty(globalThis, "navigator", {
		configurable: true,
		value: { locks, storage },
	});
	// Where the stores listen for a page that was frozen.
	const page = Object.assign(new EventTarget(), { visibilityState: "visible" });
	Object.defineProperty(globalThis, "document", { configurable: true, value: page });
	Object.assign(globalThis, {
		addEventListener: page.addEventListener.bind(page),
		removeEventListener: page.removeEventListener.bind(page),
	});
	Object.assign(globalThis, { indexedDB: new IDBFactory() });
	return { disk, locks };
}

/**
 * What the package cache needs of the browser, as arguments: a test can stop the clock, cut the network
 * and fill the disk.
 */
export interface Browser {
	readonly caches: CacheStorage;
	/** Where the service worker comes from. */
	readonly origin: string;
	fetch(url: string, init: RequestInit): Promise<Response>;
	/** Milliseconds since 1970. */
	now(): number;
	wait(milliseconds: number): Promise<void>;
	/** How many bytes this origin may store, as far as is known. */
	quota(): Promise<number>;
	/** Whether the user asked to be sparing with the network. */
	sparing(): boolean;
}

/** Keeps the service worker alive until the work is done. */
export type WaitUntil = (work: Promise<unknown>) => void;

/** Reports that a package could not be kept. The request is answered all the same. */
export function warn(error: unknown): false {
	console.warn(`porthole: a package could not be kept: ${String(error)}`);
	return false;
}

// TypeScript has no types for service workers in a program that also has those of pages.

export interface ExtendableEvent extends Event {
	waitUntil(work: Promise<unknown>): void;
}

export interface FetchEvent extends ExtendableEvent {
	readonly request: Request;
	respondWith(answer: Promise<Response>): void;
}

/** The global scope of a service worker, as far as it is used here. */
export interface Scope {
	readonly caches: CacheStorage;
	readonly clients: { claim(): Promise<void> };
	readonly navigator: Navigator;
	readonly registration: { readonly scope: string };
	addEventListener(type: "install" | "activate", listener: (event: ExtendableEvent) => void): void;
	addEventListener(type: "fetch", listener: (event: FetchEvent) => void): void;
	skipWaiting(): Promise<void>;
}

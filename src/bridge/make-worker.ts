/**
 * Starts a worker. There is one script for all of them, and the worker's name says what it is to be.
 * Where the script is, a bundler knows by the expression below. A page for which that does not do, be it
 * one with an address of its own for the script, loads the other ways late (any-worker.ts).
 */
import { isOpaque } from "./context.ts";
import { withTrustedWorkers } from "./trusted.ts";

/** What a worker is for: a sandbox's kernel, which is what any other name means too; the stores of a
 *  page that want a thread which may wait (`handles/opfs-worker.ts`); or one guest, whose kernel starts
 *  it (`guestworker/host.ts`). */
export type Role = "porthole" | "porthole-stores" | "porthole-guest";

/** An object of the page's that stands for an address and that a browser takes in its place: a
 *  TrustedScriptURL of Trusted Types. */
export interface TrustedAddress {
	toJSON(): string;
	toString(): string;
}

/** Where the worker's script is. */
export type ScriptAddress = string | URL | TrustedAddress;

/** Errors: those of `startWorker`. */
export async function makeWorker(
	url: ScriptAddress | undefined,
	name: Role = "porthole",
): Promise<Worker> {
	if (url === undefined && !isOpaque()) {
		try {
			return beside(name);
		} catch {
			// Refused, because this file is from another origin, or by a policy of the page's.
		}
	}
	return (await import("./any-worker.ts")).startWorker(url, name);
}

/** A worker of the script beside the library. */
export function beside(name: Role): Worker {
	return withTrustedWorkers(
		() =>
			new Worker(new URL("../../workers/guest.ts", import.meta.url), {
				type: "module",
				name,
			}),
	);
}

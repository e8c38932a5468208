/**
 * The events of a sandbox, as events of the DOM: what happens outside of any call, so that no call could
 * answer with it.
 */
import type { PortholeError } from "../abi/error.ts";

export interface SandboxEventMap {
	/** A change could not be kept in its mount. The next sync or close of the file fails too, once. */
	readonly mounterror: CustomEvent<{ readonly path: string; readonly error: PortholeError }>;
	/** A file of a mount was replaced outside while a program had changed it. The program's version
	 *  is at `path`, the other one beside it, at `kept`. */
	readonly conflict: CustomEvent<{ readonly path: string; readonly kept: string }>;
	/** Changes are on their way to the mount at `path`: so many bytes, and 0 when all are there. */
	readonly mountpending: CustomEvent<{ readonly path: string; readonly bytes: number }>;
	/** A guest that could not be stopped was ended with its worker, or the worker failed by itself, and
	 *  `guilty` is 0. What only that worker held, the files in memory and the processes `ended`, is
	 *  lost; the sandbox has another worker. */
	readonly workerreplaced: CustomEvent<{
		readonly guilty: number;
		readonly ended: readonly number[];
	}>;
	/** A program waits for connections at `port`: see `Sandbox.connect`. `pid` is that of the process which the page has
	 *  started; the one that listens may be a child of it. */
	readonly listen: CustomEvent<{ readonly port: number; readonly pid: number }>;
	/** Something that works less well here, and why. */
	readonly warning: CustomEvent<{ readonly message: string }>;
}

/** The names of the events, and the detail of each. */
export type SandboxEventDetail = {
	[K in keyof SandboxEventMap]: { readonly type: K; readonly detail: SandboxEventMap[K]["detail"] };
}[keyof SandboxEventMap];

export interface SandboxEvents
	extends Omit<EventTarget, "addEventListener" | "removeEventListener"> {
	addEventListener<K extends keyof SandboxEventMap>(
		type: K,
		listener: (event: SandboxEventMap[K]) => void,
		options?: boolean | AddEventListenerOptions,
	): void;
	removeEventListener<K extends keyof SandboxEventMap>(
		type: K,
		listener: (event: SandboxEventMap[K]) => void,
		options?: boolean | EventListenerOptions,
	): void;
}

/** The browser's own class, which does not know which events there are. */
export const SandboxTarget = EventTarget as new () => SandboxEvents;

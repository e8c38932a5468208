/**
 * What crosses between a kernel and a guest in a worker of its own, besides messages.
 *
 * The guest's worker says `hello` when it listens, is told what it is to be, and says whether it is
 * `ready` or has `failed`; once told to run it hears nothing any more, for its thread is the guest's.
 */
import type { WireError } from "../bridge/far.ts";
import type { Limits, Usage, WireStatus } from "../protocol/sandbox.ts";
import type { FarFacts } from "./tree-calls.ts";

/** A descriptor that a guest begins with. */
export interface FarDescriptor {
	readonly node: FarFacts;
	readonly flags: number;
	readonly rights: number;
	readonly inheriting: number;
	readonly preopen: string | null;
	/** Whether paths that do not begin here may begin in the root. */
	readonly beyond: boolean;
}

/** An import of the page's: a number for a global, or which of its functions. */
export interface GuestImport {
	readonly module: string;
	readonly name: string;
	readonly value: number | { readonly function: number };
}

export interface GuestStart {
	readonly kind: "start";
	readonly module: WebAssembly.Module;
	readonly entry: string;
	readonly args: readonly string[];
	readonly env: readonly (readonly [string, string])[];
	/** Where messages go: shared memory, or the name under which a service worker carries them. */
	readonly address: SharedArrayBuffer | string;
	readonly root: FarFacts;
	/** From descriptor 0 on. */
	readonly descriptors: readonly FarDescriptor[];
	/** Units of work and milliseconds that it may use; see `Limits`. */
	readonly limits: Limits | undefined;
	/** The number under which its calls are told; undefined where they are not. */
	readonly trace: number | undefined;
	/** What carries the output of some of them. */
	readonly rings: readonly { readonly descriptor: number; readonly memory: SharedArrayBuffer }[];
	readonly imports: readonly GuestImport[];
	/** For a WASIX program. */
	readonly lone: FarLone | undefined;
}

/** What a WASIX program has that others have not. */
export interface FarLone {
	/** That of `wasix/image.ts`. */
	readonly image: object;
	/** Where it starts: an absolute path. */
	readonly directory: string;
	readonly terminal: FarFacts | null;
}

export type ToGuestWorker = GuestStart | { readonly kind: "run" };

export type FromGuestWorker =
	| { readonly kind: "hello" }
	| { readonly kind: "ready" }
	| { readonly kind: "message" }
	/** There is something in a ring. */
	| { readonly kind: "ring" }
	/** Calls a function of the page. The message is the answer; see `FUNCTION_ANSWER`. */
	| { readonly kind: "call"; readonly function: number; readonly args: readonly unknown[] }
	/** What it has used, some times a second and in the end. */
	| { readonly kind: "used"; readonly usage: Usage }
	/** Calls that it has made, a line for each. */
	| { readonly kind: "trace"; readonly lines: string[] }
	/** The page is to be told. */
	| { readonly kind: "warning"; readonly message: string }
	/** A name was taken for one in the root: see `Guest.guessed`. */
	| { readonly kind: "guessed"; readonly name: string }
	| { readonly kind: "exit"; readonly status: WireStatus }
	/** It could not be linked, or ended by a fault that is not the guest's. */
	| { readonly kind: "failed"; readonly error: WireError };

/** The first number of the message that answers a call to a function of the page. */
export const FUNCTION_ANSWER = {
	/** It returned nothing. */
	nothing: 0,
	/** It returned number 1. */
	number: 1,
	/** It returned the bigint in the place of number 1, which is signed. */
	bigint: 2,
	/** It failed; the body says why. */
	failed: 3,
	/** It returned what is neither; the body names its type. */
	unfit: 4,
} as const;

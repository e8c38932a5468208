/**
 * What is to be run and what came of it: the messages between the driver, the page and its workers.
 */

/** Ours, the floor, ours without the adapter, and the peers. */
export type Contestant = "ours" | "floor" | "plain" | "shim" | "runno" | "wasm-util";

/** One run of one program. */
export interface Job {
	/** What the server has under this name: a module, or a package. */
	readonly program: string;
	readonly args: readonly string[];
	/** A file that lies in the root, by the name of what writes it in `page.ts`. */
	readonly script?: "inserts";
	/** Whether what is printed is text that somebody reads, or is only to be carried to the page. */
	readonly printed: "text" | "carried";
	/** When the host's clock starts: with everything compiled, or with bytes. */
	readonly from: "compiled" | "bytes";
}

export interface Outcome {
	readonly code: number;
	readonly text: string;
	/** Bytes of output that arrived in the page. */
	readonly carried: number;
	/** By the page's clock. */
	readonly ms: number;
}

/** To a worker of `host.ts`; it answers "ready", and to any second message it starts. */
export interface HostJob {
	readonly who: Exclude<Contestant, "ours">;
	readonly wasm: Uint8Array;
	readonly args: readonly string[];
	readonly files: ReadonlyMap<string, Uint8Array>;
	readonly printed: "text" | "carried";
}

export type FromHost =
	| { readonly kind: "ready" }
	| { readonly kind: "output"; readonly chunk: Uint8Array | string }
	| { readonly kind: "done"; readonly code: number; readonly text: string }
	| { readonly kind: "failed"; readonly why: string };

/**
 * What is measured of programs that are made interruptible: the messages between the driver, its page and
 * the worker that only rewrites.
 */

/** A program that computes for about half a second. */
export interface Computing {
	readonly name: string;
	/** What the server has under this name. */
	readonly program: string;
	readonly args: readonly string[];
	readonly files?: Readonly<Record<string, string>>;
}

/** A program to be started in a fresh sandbox. */
export interface Starting {
	readonly job: Computing;
	/** What is rewritten before. */
	readonly warm: Computing;
	/** From its address the browser compiles while bytes arrive, unless they are to be rewritten. */
	readonly from: "bytes" | "address";
	readonly interruptible: boolean;
}

/**
 * How a program is compiled: as it is, made interruptible as it is loaded, or rewritten before, with branch hints
 * and with their section under a name that no browser knows.
 */
export type Variant = "original" | "metered" | "hinted" | "unhinted";

/** One run, by the page's clock. */
export interface Computed {
	/** Milliseconds that were not spent waiting. */
	readonly ms: number;
	readonly text: string;
}

/** From the worker that only rewrites: milliseconds of each pass over the same bytes. */
export type Passes = readonly number[];

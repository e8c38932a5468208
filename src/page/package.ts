/**
 * A loaded package as the page holds it, and what a sandbox remembers of it: enough to load it again into
 * another worker.
 */
import type { WireLoadOptions, WireSource } from "../protocol/sandbox.ts";
import type { AccessProfile } from "../webc/index.ts";
import type { Source } from "./options.ts";
import type { WorkerLife } from "./worker-life.ts";

/** A loaded package. */
export interface Package {
	/** `namespace/name`, as far as the package says; `""` where it does not. */
	readonly name: string;
	readonly version: string;
	readonly format: 1 | 2 | 3 | "tar" | "wasm";
	readonly entrypoint?: string;
	readonly commands: readonly string[];
	/** The decoded manifest. */
	readonly manifest: unknown;
	readonly volumes: readonly { readonly name: string; readonly mountPath: string }[];
	/** Whether its entrypoint can be started, or, without one, any of its commands, as far as their imports
	 *  tell. Of a package that is read in parts only the entrypoint is looked at; others count as runnable. */
	readonly runnable: boolean;
	/** What its programs import and Porthole does not have, as `module.name`; `CommandOptions.imports` may
	 *  add it. */
	readonly missing: readonly string[];
	/** What has been read of it by now: `LoadOptions.profile` for later starts. Rejects with
	 *  `"not-supported"` for a package that was not read in parts. */
	profile(): Promise<AccessProfile>;
}

/** What a package was loaded from, and how. */
export interface Loaded {
	readonly id: number;
	readonly source: WireSource;
	readonly how: WireLoadOptions;
}

/** Package → the sandbox that it belongs to, and how it was loaded. */
export const origins = new WeakMap<
	Package,
	{ readonly life: WorkerLife; readonly loaded: Loaded }
>();

export function isPackage(source: Source | Package): source is Package {
	return typeof source === "object" && origins.has(source as Package);
}

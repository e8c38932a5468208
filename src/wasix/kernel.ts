/**
 * What a tree of WASIX processes needs of the kernel: it finds programs, tells the page, and makes threads wait.
 */
import type { Errno } from "../abi/errno.ts";
import type { PlainCall } from "../bridge/adapter.ts";
import type { GuestBridge } from "../bridge/bridge.ts";
import type { Namespace } from "../fs/namespace.ts";
import type { Setup } from "../process/process.ts";
import type { Network } from "../sockets/network.ts";
import type { Image } from "./image.ts";
import type { ProcessTree } from "./process-tree.ts";
import type { WasixThread } from "./thread.ts";

/** A program that was found by its path, as it is to be started. */
export interface FoundProgram {
	readonly image: Image;
	/** What its arguments become. */
	arguments(args: readonly Uint8Array[]): readonly Uint8Array[];
	/** Its package's own variables, each as `NAME=value` with a NUL. */
	readonly env: readonly Uint8Array[];
}

/** What the kernel does for processes. */
export interface Kernel {
	readonly bridge: GuestBridge;
	/** An import that waits, unless `before` answers something else than 0. `after` makes its answer of the bridge's, which
	 *  is 1 for a guest that is over. */
	waitImport(
		thread: WasixThread,
		before: () => number,
		after: (over: number) => number,
	): WebAssembly.ImportValue;
	/** Calls that are others here, of this thread. */
	calls?(thread: WasixThread): Readonly<Record<string, PlainCall>>;
	/** The program at an absolute path. */
	find(path: string, tree: Namespace): Promise<FoundProgram | Errno>;
	/** Tells the page. */
	warn(message: string): void;
	/** A value for an import that is not ours. */
	other(module: string, name: string): WebAssembly.ImportValue | undefined;
	/** What sockets belong to; null where there may be none. */
	readonly network: Network | null;
	/** The processes of a tree are others, or other programs. */
	changed(tree: ProcessTree): void;
	/** Whether programs may start threads. */
	readonly threads: boolean;
	/** A program waits for connections at a port. */
	listens(port: number): void;
	/** What a process of the tree is given. */
	readonly setup: Omit<Setup, "args" | "env" | "tree">;
}

/**
 * The tree of a sandbox: what Wasmer's runner assembles, for all processes at once.
 *
 *     /                   an overlay
 *       upper             files in memory: /tmp, /dev, /etc … and what guests write
 *       lower             the volumes of each package, the first loaded strongest
 *     /home, …            mounts, over all of that
 *
 * A directory that is mounted at `/` itself becomes the upper, so that new files go there, and what
 * is in memory becomes the strongest lower; `/dev` and `/tmp` stay in memory. A process with mounts
 * of its own gets a namespace of its own over the same nodes.
 */
import { awaitCall } from "../bridge/await-call.ts";
import type { Bridge, Far } from "../bridge/bridge.ts";
import { defaultFiles, fillRoot } from "../fs/default-tree.ts";
import { type Mount, Namespace } from "../fs/namespace.ts";
import type { FileSystem } from "../fs/node.ts";
import { Overlay } from "../fs/overlay.ts";
import { Tmp } from "../fs/tmp.ts";
import type { FromGuest, WireMount } from "../protocol/sandbox.ts";
import type { Store } from "../store/store.ts";
import type { StoreFileSystem, StoreFsOptions } from "../storefs/store-fs.ts";
import type { MountTable } from "./mount-table.ts";

/** A store that is mounted, for all processes or for one. */
export interface Mounted {
	readonly mount: Mount;
	readonly fs: StoreFileSystem;
	/** As the page wrote it. */
	readonly written: string;
	readonly store: Far<Store>;
	/** Milliseconds of silence after which nothing waits for it; undefined for the usual. */
	readonly timeout?: number | undefined;
	/** Reports to the page how many bytes are on their way: `now`, or soon. */
	readonly reportPending: (now?: boolean) => void;
}

export class Tree {
	readonly bridge: Bridge;
	readonly post: (message: FromGuest) => void;
	/** What mounts may hold, where it is not the usual. */
	readonly limits: StoreFsOptions;
	/** Where files in memory take their room from. */
	readonly memory: Tmp;
	/** Files in memory over those of packages. */
	readonly base: Overlay;
	/** The base, and those of the processes and mounts that have a root of their own. */
	readonly overlays: Overlay[] = [];
	/** What is mounted for all processes. */
	readonly mounts: Mounted[] = [];
	namespace: Namespace;
	/** Null until something is mounted. */
	#mountTable: Promise<MountTable> | null = null;

	constructor(
		bridge: Bridge,
		now: () => bigint,
		random: (bytes: Uint8Array) => void,
		post: (message: FromGuest) => void,
		limits: StoreFsOptions = {},
	) {
		this.bridge = bridge;
		this.limits = limits;
		this.post = post;
		const memory = new Tmp({ now });
		this.memory = memory;
		fillRoot(memory, random);
		this.base = new Overlay(memory, [], { defaults: defaultFiles(now) });
		this.overlays.push(this.base);
		this.namespace = new Namespace(this.base);
		this.namespace.absoluteLinks = true;
	}

	addPackage(fs: FileSystem): void {
		for (const overlay of this.overlays) overlay.addLower(fs);
	}

	/** Runs a call for what is at `path` until it answers. Errors: `"timeout"` where the call waits for a
	 *  store that has fallen silent. */
	async awaitCall<T>(path: string, call: () => T): Promise<T> {
		if (this.#mountTable === null) return awaitCall(this.bridge, call);
		return (await this.#mountTable).awaitCall(path, call);
	}

	/** The mount table, which a sandbox without mounts never loads. */
	mountTable(): Promise<MountTable> {
		this.#mountTable ??= import("./mount-table.ts").then(
			({ MountTable }) => new MountTable(this),
			(error) => {
				// The next call tries again.
				this.#mountTable = null;
				throw error;
			},
		);
		return this.#mountTable;
	}

	/** The tree of a process that brings mounts of its own, and what is mounted in it. */
	async forProcess(
		wires: readonly WireMount[],
	): Promise<{ namespace: Namespace; mounts: readonly Mounted[] }> {
		if (wires.length > 0) return (await this.mountTable()).forProcess(wires);
		// What is mounted later appears.
		const namespace = this.namespace.view();
		namespace.absoluteLinks = true;
		return { namespace, mounts: this.mounts };
	}

	/** Ends the use of `mounts` by a process: what it has written is in the stores, or the page has
	 *  been told. One that was killed waits less long for a store that does not answer. */
	async leave(mounts: readonly Mounted[], killed: boolean): Promise<void> {
		if (mounts.length > 0) await (await this.mountTable()).leave(mounts, killed);
	}

	/** Errors: those of the stores; `last` says that the tree goes, and nobody waits for ever. */
	async sync(last = false): Promise<void> {
		if (this.#mountTable !== null) await (await this.#mountTable).sync(last);
	}

	/** Others have changed what a store holds. */
	async changed(store: number, paths: readonly string[]): Promise<void> {
		(await this.mountTable()).changed(store, paths);
	}
}

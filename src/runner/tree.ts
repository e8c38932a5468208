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

import { EBUSY, errnoName } from "../abi/errno.ts";
import { PortholeError } from "../abi/error.ts";
import type { Bridge, Far } from "../bridge/bridge.ts";
import type { Store } from "../bridge/store.ts";
import { type Mount, Namespace } from "../fs/namespace.ts";
import type { FileSystem, INode } from "../fs/node.ts";
import { Overlay } from "../fs/overlay.ts";
import { readOnly as readOnlyNode } from "../fs/readonly.ts";
import { defaultFiles, fillRoot } from "../fs/root.ts";
import { Tmp } from "../fs/tmp.ts";
import type { WireMount } from "./protocol.ts";
import { settle } from "./settle.ts";

/** What of the tree in memory stays visible under a directory mounted at `/`. */
const KEPT = ["/dev", "/tmp"];

export interface Mounted {
	readonly mount: Mount;
	/** As the page wrote it. */
	readonly written: string;
	readonly store: Far<Store>;
}

export class Tree {
	readonly #bridge: Bridge;
	/** Files in memory over those of packages. */
	readonly #base: Overlay;
	#filled = false;
	/** The base, and those of the processes and mounts that have a root of their own. */
	readonly #overlays: Overlay[] = [];
	readonly #mounts: Mounted[] = [];
	#namespace: Namespace;

	constructor(bridge: Bridge, now: () => bigint, random: (bytes: Uint8Array) => void) {
		this.#bridge = bridge;
		const memory = new Tmp({ now });
		fillRoot(memory, random);
		this.#base = new Overlay(memory, [], { defaults: defaultFiles(now) });
		this.#overlays.push(this.#base);
		this.#namespace = new Namespace(this.#base);
		this.#namespace.absoluteLinks = true;
	}

	get namespace(): Namespace {
		return this.#namespace;
	}

	get mounts(): readonly Mounted[] {
		return this.#mounts;
	}

	/** Whether there is more than what every sandbox has. */
	get granted(): boolean {
		return this.#filled || this.#mounts.length > 0;
	}

	/** Notes that a package or the page has put files into the tree. */
	fill(): void {
		this.#filled = true;
	}

	addPackage(fs: FileSystem): void {
		for (const overlay of this.#overlays) overlay.addLower(fs);
	}

	/** Mounts a store for all processes to come. Errors: EBUSY. */
	async mount(wire: WireMount): Promise<void> {
		if (this.#mounts.some(({ mount }) => mount.path === wire.path)) {
			throw failure(EBUSY, "mount", wire.path, "something is mounted there; `unmount` it first");
		}
		const mounted = await this.#open(wire);
		if (wire.path === "/") this.#namespace = await this.#rooted(mounted, this.#mounts);
		else await cover(this.#bridge, this.#namespace, mounted.mount);
		this.#mounts.push(mounted);
	}

	/** Errors: EINVAL where nothing is mounted; EBUSY while `busy` says that the mount is in use. */
	async unmount(path: string, busy: (root: INode) => boolean): Promise<Far<Store>> {
		const index = this.#mounts.findIndex(({ mount }) => mount.path === path);
		const mounted = this.#mounts[index];
		if (mounted === undefined) {
			throw new PortholeError("EINVAL", `unmount ${path}: nothing is mounted there`);
		}
		if (busy(mounted.mount.fs.root) || path === "/") {
			throw failure(EBUSY, "unmount", path, "a process still uses it");
		}
		check(await settle(this.#bridge, () => mounted.mount.fs.sync()), "unmount", path);
		check(this.#namespace.unmount(path), "unmount", path);
		this.#mounts.splice(index, 1);
		return mounted.store;
	}

	/** The tree of a process that brings mounts of its own, and what was mounted. */
	async forProcess(
		wires: readonly WireMount[],
	): Promise<{ namespace: Namespace; mounts: readonly Mounted[] }> {
		const own = await Promise.all(wires.map((wire) => this.#open(wire)));
		const root = own.find(({ mount }) => mount.path === "/");
		if (own.length === 0) return { namespace: this.#seen(), mounts: this.#mounts };
		const namespace =
			root === undefined ? this.#namespace.fork() : await this.#rooted(root, this.#mounts);
		namespace.absoluteLinks = true;
		for (const mounted of own) {
			if (mounted !== root) await cover(this.#bridge, namespace, mounted.mount);
		}
		return { namespace, mounts: [...this.#mounts, ...own] };
	}

	/** The sandbox's tree as one process sees it: what is mounted later appears. */
	#seen(): Namespace {
		const namespace = this.#namespace.view();
		namespace.absoluteLinks = true;
		return namespace;
	}

	async sync(): Promise<void> {
		check(await settle(this.#bridge, () => this.#namespace.sync()), "sync", "/");
	}

	async #open(wire: WireMount): Promise<Mounted> {
		// Only who mounts something needs it.
		const { RemoteFileSystem } = await import("../fs/remote.ts");
		const fs = new RemoteFileSystem(this.#bridge, wire.store, { extras: wire.extras });
		return {
			mount: { path: wire.path, fs, readOnly: wire.readOnly },
			written: wire.written,
			store: wire.store,
		};
	}

	/** A namespace whose root is a mount over all the rest, with `others` in it. */
	async #rooted(root: Mounted, others: readonly Mounted[]): Promise<Namespace> {
		const { fs, readOnly } = root.mount;
		const overlay = new Overlay(fs, [this.#base.upper, ...this.#base.lowers], { durable: true });
		this.#overlays.push(overlay);
		const namespace = new Namespace(
			readOnly ? { root: readOnlyNode(overlay.root), sync: () => 0 } : overlay,
		);
		namespace.absoluteLinks = true;
		for (const path of KEPT) {
			const kept = this.#base.upper.root.lookup(path.slice(1));
			if (typeof kept === "number") continue;
			const mount = { path, fs: { root: kept, sync: () => 0 as const }, readOnly: false };
			await cover(this.#bridge, namespace, mount);
		}
		for (const { mount } of others) {
			if (mount.path !== "/") await cover(this.#bridge, namespace, mount);
		}
		return namespace;
	}
}

async function cover(bridge: Bridge, namespace: Namespace, mount: Mount): Promise<void> {
	check(await settle(bridge, () => namespace.mount(mount)), "mount", mount.path);
}

/** Throws for a failure, naming call and path. */
export function check(answer: number, call: string, path: string): void {
	if (answer < 0) throw failure(answer, call, path);
}

export function failure(error: number, call: string, path: string, hint = ""): PortholeError {
	const code = errnoName(error);
	return new PortholeError(code, `${code}: ${call} ${path}${hint && ` (${hint})`}`);
}

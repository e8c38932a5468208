/**
 * The mounts of a sandbox: directories of the page in the tree, and waiting for their stores.
 *
 * A guest writes and goes on; its bytes follow. The worker reports to the page how many bytes are on their
 * way, and what a store has refused; refused changes stay in the tree, and each sync sends them again. A
 * sync waits for a store as long as the store makes progress. A store that falls silent is named in a
 * "timeout" error, so that a process can end and a sandbox can be closed.
 */
import { EBUSY, type Errno, PENDING } from "../abi/errno.ts";
import { errnoName } from "../abi/errno-names.ts";
import { PortholeError } from "../abi/error.ts";
import type { Bridge, Far, Ticket } from "../bridge/bridge.ts";
import { fork, mountIn, unmount } from "../fs/mounting.ts";
import { type Mount, Namespace } from "../fs/namespace.ts";
import type { INode } from "../fs/node.ts";
import { Overlay } from "../fs/overlay.ts";
import { readOnly as readOnlyNode } from "../fs/readonly.ts";
import { check, failure } from "../process/errno-errors.ts";
import type { WireMount } from "../protocol/sandbox.ts";
import type { Store } from "../store/store.ts";
import { StoreFileSystem } from "../storefs/store-fs.ts";
import type { Mounted, Tree } from "./sandbox-tree.ts";
import { SilenceWatch } from "./silence.ts";

/** What of the tree in memory stays visible under a directory mounted at `/`. */
const KEPT = ["/dev", "/tmp"];
/** Milliseconds between two reports of how much is on its way. */
const REPORT_INTERVAL = 100;
/** Milliseconds of silence after which a sync waits for a store no longer, where its mount has no
 *  `timeout`; the end of a process or a sandbox waits less, and that of a process that was killed least. */
const SILENCE_SYNC = 30_000;
const SILENCE = 10_000;
const SILENCE_KILLED = 2_000;

/** What to do about a failure, by its code. */
const ADVICE: Readonly<Record<string, string>> = {
	ENOSPC: "no space is left for it; delete something, then sync again",
	EACCES: "the permission for it is gone; ask the user for it, then sync again",
	EROFS: "the directory cannot be changed; mount it read only",
	EBUSY: "something else uses it; close that, then sync again",
	EINVAL: "the directory cannot hold such a name; rename it",
	ENAMETOOLONG: "the directory cannot hold such a name; rename it",
};

export class MountTable {
	readonly #tree: Tree;
	readonly #bridge: Bridge;
	/** All mounts: those of the sandbox, and those of single processes. */
	readonly #live = new Set<Mounted>();
	#alarm: { ticket: Ticket<void> | null; time: number } = { ticket: null, time: 0 };

	constructor(tree: Tree) {
		this.#tree = tree;
		this.#bridge = tree.bridge;
	}

	/** Mounts a store for all processes to come. Errors: EBUSY. */
	async mount(wire: WireMount): Promise<void> {
		const tree = this.#tree;
		if (tree.mounts.some(({ mount }) => mount.path === wire.path)) {
			throw failure(EBUSY, "mount", wire.path, "something is mounted there; `unmount` it first");
		}
		const mounted = this.#open(wire);
		if (wire.path === "/") tree.namespace = await this.#rooted(mounted, tree.mounts);
		else await this.#mountIn(tree.namespace, mounted.mount);
		this.#live.add(mounted);
		tree.mounts.push(mounted);
	}

	/** Errors: EINVAL where nothing is mounted; EBUSY while `busy` says that the mount is in use; those
	 *  of `sync`, and then it stays mounted. */
	async unmount(path: string, busy: (root: INode) => boolean): Promise<Far<Store>> {
		const { mounts, namespace } = this.#tree;
		const mounted = mounts.find(({ mount }) => mount.path === path);
		if (mounted === undefined) {
			throw new PortholeError("EINVAL", `unmount ${path}: nothing is mounted there`);
		}
		if (busy(mounted.mount.fs.root) || path === "/") {
			throw failure(EBUSY, "unmount", path, "a process still uses it");
		}
		await this.#sync(mounted, mounted.timeout ?? SILENCE);
		check(unmount(namespace, path), "unmount", path);
		mounts.splice(mounts.indexOf(mounted), 1);
		this.#live.delete(mounted);
		return mounted.store;
	}

	async forProcess(
		wires: readonly WireMount[],
	): Promise<{ namespace: Namespace; mounts: readonly Mounted[] }> {
		const { mounts, namespace: shared } = this.#tree;
		const own = wires.map((wire) => this.#open(wire));
		const root = own.find(({ mount }) => mount.path === "/");
		for (const mounted of own) this.#live.add(mounted);
		try {
			const namespace = root === undefined ? fork(shared) : await this.#rooted(root, mounts);
			namespace.absoluteLinks = true;
			for (const { mount } of own) {
				if (mount !== root?.mount) await this.#mountIn(namespace, mount);
			}
			return { namespace, mounts: [...mounts, ...own] };
		} catch (error) {
			for (const mounted of own) this.#live.delete(mounted);
			throw error;
		}
	}

	/** Waits until the stores have what a process wrote. What they refuse is tried once more; the page
	 *  has been told of it. */
	async leave(mounts: readonly Mounted[], killed: boolean): Promise<void> {
		const most = killed ? SILENCE_KILLED : Number.POSITIVE_INFINITY;
		const ends = mounts.map(async (mounted) => {
			const failed = await this.#syncTwice(mounted, Math.min(mounted.timeout ?? SILENCE, most));
			if (failed?.code === "timeout") this.#postRefused(mounted.mount.path, failed);
			if (!this.#tree.mounts.includes(mounted)) this.#live.delete(mounted);
		});
		await Promise.all(ends);
	}

	/** Waits until all stores have everything, and the last time tries once more what they refuse. A
	 *  store that is silent then is told of by an event, for it may not be the only one.
	 *  Errors: those of the stores, and `"timeout"` for one that has fallen silent. */
	async sync(last: boolean): Promise<void> {
		const ends = [...this.#live].map(async (mounted) => {
			const { timeout, mount } = mounted;
			if (!last) return this.#sync(mounted, timeout ?? SILENCE_SYNC).catch(asError);
			const failed = await this.#syncTwice(mounted, timeout ?? SILENCE);
			if (failed?.code === "timeout") this.#postRefused(mount.path, failed);
			return failed;
		});
		for (const failed of await Promise.all(ends)) if (failed) throw failed;
	}

	/** Others have changed what is at `paths` of a store, and below. */
	changed(store: number, paths: readonly string[]): void {
		for (const mounted of this.#live) if (mounted.store.id === store) mounted.fs.changed(paths);
	}

	// --- waiting ---

	/** Errors: those of the store, and `"timeout"` when it has done nothing for `silence`. */
	async #sync(mounted: Mounted, silence: number): Promise<void> {
		const { fs, mount, reportPending } = mounted;
		const request = {};
		const answer = await this.#whileWorking(
			() => fs.sync(request),
			() => mounted,
			() => silence,
			({ path }) => unsynced(path, silence, fs.queue.pending),
		);
		// Before the answer, so that the page does not count as pending what it knows to be stored.
		reportPending(true);
		check(answer, "sync", mount.path, ADVICE[errnoName(answer)]);
	}

	/** Runs a call into the tree until it answers. Errors: `"timeout"` where the store that it waits for
	 *  has fallen silent; `path` says which store that is most likely. */
	awaitCall<T>(path: string, call: () => T): Promise<T> {
		return this.#whileWorking(
			call,
			() => this.#waitingAt(path),
			({ timeout }) => timeout ?? SILENCE_SYNC,
			({ path: at }, silence) => unanswered(at, path, silence),
		);
	}

	/** Of the stores that owe an answer, the one that is mounted at `path`, or at the nearest directory above.
	 *  A symlink leads elsewhere; then any of them. */
	#waitingAt(path: string): Mounted | undefined {
		const depth = ({ mount }: Mounted) =>
			`${path}/`.startsWith(mount.path === "/" ? "/" : `${mount.path}/`) ? mount.path.length : 0;
		const waiting = [...this.#live].filter(({ fs }) => fs.queue.isWaiting);
		return waiting.sort((one, other) => depth(other) - depth(one))[0];
	}

	/** Runs `call` until it answers, as long as the store that it waits for works. */
	async #whileWorking<T>(
		call: () => T,
		storeOf: () => Mounted | undefined,
		silenceOf: (mounted: Mounted) => number,
		why: (mount: Mount, silence: number) => PortholeError,
	): Promise<T> {
		let watched: Mounted | undefined;
		let watch: SilenceWatch | undefined;
		for (let isLast = false; ; ) {
			const answer = call();
			if (answer !== PENDING) return answer;
			const mounted = storeOf();
			if (mounted !== watched) {
				watched = mounted;
				watch = mounted && new SilenceWatch(silenceOf(mounted), () => mounted.fs.queue.moved());
			}
			if (mounted !== undefined && watch !== undefined) {
				const next = watch.next(performance.now(), mounted.fs.queue.progress);
				if (next === null && isLast) {
					this.#bridge.dropNotes();
					throw why(mounted.mount, silenceOf(mounted));
				}
				isLast = next === null;
				if (watch.asked !== null) this.#bridge.pending(watch.asked);
				// A guest may have kept the thread for so long that an answer waits to be received.
				const wake = next === null ? this.#bridge.nextTurn() : this.#alarmBy(next);
				this.#bridge.pending(wake);
			}
			await this.#bridge.anyNoted();
		}
	}

	/** An alarm at this time, or before it: each that is set keeps a timer until it is over, so one serves
	 *  many syncs. */
	#alarmBy(time: number): Ticket<void> {
		if (this.#alarm.ticket?.done !== false || this.#alarm.time > time) {
			this.#alarm = { ticket: this.#bridge.alarm(time), time };
		}
		return this.#alarm.ticket as Ticket<void>;
	}

	/** Why it fails, twice; null if it does not. */
	async #syncTwice(mounted: Mounted, silence: number): Promise<PortholeError | null> {
		const first = await this.#sync(mounted, silence).catch(asError);
		if (first === undefined || first.code === "timeout") return first ?? null;
		return (await this.#sync(mounted, silence).catch(asError)) ?? null;
	}

	// --- reports to the page ---

	#postRefused(path: string, { code, message }: PortholeError): void {
		this.#tree.post({ from: 0, kind: "refused", path, code, message });
	}

	#refused(path: string, error: Errno): void {
		this.#postRefused(path, failure(error, "keep", path, ADVICE[errnoName(error)]));
	}

	/** A function that reports how many bytes are on their way, ten times a second at most. It reports at
	 *  once where the last report was long ago, since a program that computes keeps every timer from ringing. */
	#pendingReporter(path: string, bytes: () => number): (now?: boolean) => void {
		let reported = 0;
		let last = Number.NEGATIVE_INFINITY;
		let due = false;
		const report = () => {
			due = false;
			if (bytes() === reported) return;
			reported = bytes();
			last = performance.now();
			const event = { type: "mountpending", detail: { path, bytes: reported } } as const;
			this.#tree.post({ from: 0, kind: "event", event });
		};
		return (now = performance.now() - last >= REPORT_INTERVAL) => {
			if (now) {
				report();
				return;
			}
			if (due) return;
			due = true;
			this.#bridge.alarm(last + REPORT_INTERVAL).watch(report);
		};
	}

	// --- mounting ---

	#open(wire: WireMount): Mounted {
		const { path, written, store, extras, names, largest, unwatched, readOnly } = wire;
		const at = path === "/" ? "" : path;
		const reportPending = this.#pendingReporter(path, (): number => fs.queue.pending);
		const events = {
			refused: (below: string, error: Errno) => this.#refused(at + below, error),
			pending: () => reportPending(),
			nonsense: (below: string, error: Errno, why: string) =>
				this.#postRefused(at + below, failure(error, "list", at + below, why)),
		};
		const fs: StoreFileSystem = new StoreFileSystem(this.#bridge, store, {
			...this.#tree.limits,
			extras,
			names,
			largest,
			elsewhere: unwatched,
			events,
		});
		return {
			mount: { path, fs, readOnly },
			fs,
			written,
			store,
			timeout: wire.timeout,
			reportPending,
		};
	}

	/** A namespace whose root is a mount over all the rest, with `others` in it. */
	async #rooted(root: Mounted, others: readonly Mounted[]): Promise<Namespace> {
		const { base, overlays } = this.#tree;
		const { fs, readOnly } = root.mount;
		const overlay = new Overlay(fs, [base.upper, ...base.lowers], {
			durable: true,
			...(!readOnly && { now: root.fs.now }),
		});
		overlays.push(overlay);
		const namespace = new Namespace(
			readOnly ? { root: readOnlyNode(overlay.root), sync: () => 0 } : overlay,
		);
		namespace.absoluteLinks = true;
		for (const path of KEPT) {
			const kept = base.upper.root.lookup(path.slice(1));
			if (typeof kept === "number") continue;
			const mount = { path, fs: { root: kept, sync: () => 0 as const }, readOnly: false };
			await this.#mountIn(namespace, mount);
		}
		for (const { mount } of others) {
			if (mount.path !== "/") await this.#mountIn(namespace, mount);
		}
		return namespace;
	}

	/** Errors: those of the stores that the path leads through, and `"timeout"`. */
	async #mountIn(namespace: Namespace, mount: Mount): Promise<void> {
		const answer = await this.awaitCall(mount.path, () => mountIn(namespace, mount));
		check(answer, "mount", mount.path);
	}
}

function unanswered(path: string, wanted: string, silence: number): PortholeError {
	const why = `the directory mounted at ${path} has not answered for ${silence / 1000} s`;
	const rest = `nothing waits any longer for ${wanted}; call again, or give the mount a longer \`timeout\``;
	return new PortholeError("timeout", `${why}; ${rest}`);
}

function unsynced(path: string, silence: number, bytes: number): PortholeError {
	const why = `the directory mounted at ${path} has not answered for ${silence / 1000} s`;
	const lost = bytes > 0 ? `${bytes} bytes that were written are` : "what was changed last is";
	const rest = `${lost} perhaps not in it; sync again, or give the mount a longer \`timeout\``;
	return new PortholeError("timeout", `${why}; ${rest}`);
}

function asError(error: unknown): PortholeError {
	// Whatever is thrown here is thrown as one.
	return error as PortholeError;
}

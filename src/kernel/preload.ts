/**
 * The worker's half of the preloaded bridge: what is brought here before a guest starts.
 *
 * Mounted directories are listed, and the contents of their files are read into the cache, smallest
 * worries first: whatever fits. What does not fit is named in a warning; a program that reads it all
 * the same gets EIO. Since nothing is answered while a guest runs, these amounts bound what it can
 * print and write, and the cache holds more than both.
 */
import type { Ask } from "../bridge/loop.ts";
import { PreloadedBridge } from "../bridge/preloaded.ts";
import { emptyEntry, type INode } from "../fs/node.ts";
import { type Prepare, prepare } from "../process/instantiate.ts";
import type { Ending } from "../process/process.ts";
import type { ToGuest } from "../protocol/sandbox.ts";
import type { StoreFsOptions } from "../storefs/store-fs.ts";
import { preview1Modules } from "../wasi/table.ts";
import type { beginAlone } from "../wasix/alone.ts";
import type { Begun } from "../wasix/begin.ts";
import type { Mounted, Tree } from "./sandbox-tree.ts";

const MiB = 1024 * 1024;

/** Bytes of mounted files that are read before a start. */
const MOST_BYTES = 256 * MiB;
/** Files and directories that are looked at before a start. */
const MOST_ENTRIES = 100_000;
/** How many of the names that did not fit a warning tells. */
const NAMED = 5;
/** Bytes that are read at once. */
const PIECE = MiB;

/** What a mount may hold: of what is read, and of what a guest writes before it ends. */
const LIMITS: StoreFsOptions = { cache: 768 * MiB, underway: 256 * MiB };

/** Bytes that a guest may print to one stream while the page cannot say that it has taken them. */
const MOST_OUTPUT = 256 * MiB;

/** As the page ends a program whose time is over. */
const TIMED_OUT: Ending = { code: 143, signal: "SIGTERM", reason: "timeout" };

type Warn = (message: string) => void;

/** What a kernel does differently where guests cannot wait. */
export class Preloaded {
	readonly bridge: PreloadedBridge;
	readonly prepare: Prepare;
	readonly limits: StoreFsOptions = LIMITS;
	readonly output: number = MOST_OUTPUT;
	readonly #warn: Warn;
	/** Starts those guests that have been spawned and not begun. */
	readonly #waiting = new Map<number, () => void>();

	/** `warn` is called with what did not fit. */
	constructor(ask: Ask, warn: Warn) {
		this.bridge = new PreloadedBridge(ask, warn);
		const linking = { bridge: this.bridge, modules: preview1Modules };
		this.prepare = async (module, thread, entry, extra, lone) => {
			const begun = lone && (await beginLone(this.bridge, lone, thread, entry, extra));
			const run = begun?.run ?? (await prepare(linking, module, thread, entry, extra));
			const { process } = thread;
			const timeout = process.budget?.timeout;
			if (timeout !== undefined) {
				const end = () => process.end(TIMED_OUT);
				this.bridge.expire(begun?.first ?? thread, performance.now() + timeout, end);
			}
			return run;
		};
		this.#warn = warn;
	}

	/** Reads what is mounted, before a guest starts. Errors: those of `wait`, which runs a call for what is at
	 *  a path until it answers. */
	read(mounts: readonly Mounted[], wait: Tree["awaitCall"]): Promise<void> {
		return preload(this.bridge, mounts, wait, this.#warn);
	}

	/** Starts a guest when the page says `begin`: then its input is here. */
	startOnBegin(pid: number, start: () => void): void {
		this.#waiting.set(pid, start);
	}

	/** A message for a guest. A guest that is killed before it began is started, and so ends. */
	receive({ to, kind }: ToGuest): void {
		if (kind !== "begin" && kind !== "kill") return;
		const start = this.#waiting.get(to);
		this.#waiting.delete(to);
		start?.();
	}
}

async function beginLone(...of: Parameters<typeof beginAlone>): Promise<Begun> {
	return (await import("../wasix/alone.ts")).beginAlone(...of);
}

/** Reads what is mounted, as far as it fits. */
async function preload(
	bridge: PreloadedBridge,
	mounts: readonly Mounted[],
	wait: Tree["awaitCall"],
	warn: Warn,
): Promise<void> {
	const reader = new Reader(wait);
	for (const { mount, store } of mounts) {
		const path = mount.path === "/" ? "" : mount.path;
		bridge.place(store, path);
		await reader.directory(mount.fs.root, path);
	}
	const { leftOut, left } = reader;
	if (left === 0) return;
	const more = left > leftOut.length ? ` and ${left - leftOut.length} more` : "";
	warn(
		`more is mounted than can be read before a program starts (${MOST_BYTES / MiB} MiB, ` +
			`${MOST_ENTRIES} names): ${leftOut.join(", ")}${more}. Reading it is EIO for the program`,
	);
}

class Reader {
	/** Some of what did not fit, and how many there are. */
	readonly leftOut: string[] = [];
	left = 0;
	readonly #wait: Tree["awaitCall"];
	#bytes = MOST_BYTES;
	#entries = MOST_ENTRIES;

	constructor(wait: Tree["awaitCall"]) {
		this.#wait = wait;
	}

	/** What cannot be listed or read is the guest's to find out. */
	async directory(node: INode, path: string): Promise<void> {
		const children: [INode, string][] = [];
		const entry = emptyEntry();
		const until = await this.#wait(path, () => node.listing());
		for (let cursor = 0; until >= 0; ) {
			const from = cursor;
			cursor = await this.#wait(path, () => node.readdir(from, entry, until));
			if (cursor <= 0) break;
			const { name } = entry;
			if (this.#entries-- <= 0) return this.#leaveOut(`${path}/`);
			const child = await this.#wait(path, () => node.lookup(name));
			if (typeof child !== "number") children.push([child, `${path}/${name}`]);
		}
		const files = children.filter(([child]) => child.type === "file");
		await Promise.all(files.map(([file, at]) => this.#file(file, at)));
		for (const [child, at] of children) {
			if (child.type === "directory") await this.directory(child, at);
		}
	}

	async #file(node: INode, path: string): Promise<void> {
		const size = node.size();
		if (size > this.#bytes) return this.#leaveOut(path);
		this.#bytes -= Math.max(0, size);
		const scratch = new Uint8Array(Math.max(0, Math.min(size, PIECE)));
		for (let at = 0; at < size; ) {
			const position = at;
			const n = await this.#wait(path, () => node.read(scratch, 0, scratch.length, position));
			if (n <= 0) return;
			at += n;
		}
	}

	#leaveOut(path: string): void {
		this.left += 1;
		if (this.leftOut.length < NAMED) this.leftOut.push(path);
	}
}

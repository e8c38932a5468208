/**
 * A lease on a directory of the private file system: calls one after another, and one tab at a time.
 *
 * A store works on a directory only while it holds the *lease*, a lock of the browser; when a tab is killed
 * the browser gives its locks to the next one that waits. The store keeps the lease from one call to the
 * next, because getting it takes time and what the store remembers is only true while it holds the lease. A
 * store that waits posts a "want" message on a channel that all tabs hear; the holder finishes its call,
 * closes its writers, and releases the lease. A holder without work releases it after a while by itself.
 *
 * Directories contain each other. So a lease on `/a/b` is that lock exclusively, and the locks on `/` and `/a`
 * shared: two leases exclude each other when one directory contains the other. Locks are taken from the root
 * down, so that no two stores can wait for each other.
 */
import { PortholeError } from "../abi/error.ts";
import { isWithin, split } from "../store/paths.ts";
import { openChannel } from "../store/tab-channel.ts";

/** Milliseconds for which a lease is kept that others want, while there is work; */
const SLICE = 50;
/** and that no other store wants, while there is none; */
const IDLE = 1000;
/** that a store waits for one; */
const PATIENCE = 10_000;
/** until the first "want" message, which is rarely needed; and between these messages. */
const [FIRST_REQUEST, NEXT_REQUEST] = [3, 200];

/** The messages of the channel. Paths are those of the private file system. */
export type LeaseMessage =
	| { readonly kind: "want"; readonly path: string; readonly by: string }
	/** Each path stands for all below it too. */
	| { readonly kind: "changed"; readonly paths: readonly string[]; readonly by: string }
	/** A file of notes in this directory was damaged, and was put aside. */
	| { readonly kind: "damaged"; readonly path: string; readonly message: string };

export const CHANNEL = "porthole-opfs";

export interface LeaseHooks {
	/** A directory above this one with an intent that a killed tab did not finish; null if there is none. */
	findUnfinished(): Promise<string | null>;
	/** Finishes the intent in that directory. */
	finishIn(path: string): Promise<void>;
	/** The lease was just taken, and other tabs may have changed everything. */
	onTaken(): Promise<void>;
	/** The lease is about to be released. */
	beforeRelease(): Promise<void>;
}

export class Lease {
	readonly #path: string;
	readonly #hooks: LeaseHooks;
	readonly #channel = openChannel(CHANNEL);
	/** The sender of this store's messages. */
	readonly by: string;
	#last: Promise<unknown> = Promise.resolve();
	#waiting = 0;
	/** Releases the locks; null while the lease is not held. */
	#release: (() => void) | null = null;
	#since = 0;
	#wanted = false;
	#timer: ReturnType<typeof setTimeout> | undefined;

	constructor(path: string, by: string, hooks: LeaseHooks) {
		this.#path = path;
		this.by = by;
		this.#hooks = hooks;
		this.#channel.onmessage = ({ data }: MessageEvent<LeaseMessage>) => {
			if (data.kind === "want" && data.by !== by) this.#onWanted(data.path);
		};
	}

	/** Does `work` with the lease, after all earlier work. Errors: EBUSY if another tab does not release it. */
	run<T>(work: () => Promise<T>): Promise<T> {
		this.#waiting += 1;
		const answer = this.#last.then(() => this.#work(work));
		this.#last = answer.catch(() => {});
		return answer;
	}

	/** Releases the lease after all earlier work, and closes the channel: no work may follow. Errors: those of
	 *  `beforeRelease`; then the lease can be used as before. */
	async end(): Promise<void> {
		const ending = this.#last.then(() => this.#giveUp());
		this.#last = ending.catch(() => {});
		await ending;
		clearTimeout(this.#timer);
		this.#channel.close();
	}

	broadcast(message: LeaseMessage): void {
		this.#channel.postMessage(message);
	}

	async #work<T>(work: () => Promise<T>): Promise<T> {
		clearTimeout(this.#timer);
		try {
			if (this.#wanted && this.#sliceLeft() <= 0) await this.#giveUp();
			if (this.#release === null) await this.#take();
			return await work();
		} finally {
			this.#waiting -= 1;
			this.#scheduleRelease();
		}
	}

	/** Releases the lease later, unless more work comes. */
	#scheduleRelease(): void {
		clearTimeout(this.#timer);
		if (this.#waiting > 0 || this.#release === null) return;
		const leave = () => {
			if (this.#waiting === 0) this.#last = this.#giveUp().catch(() => {});
		};
		this.#timer = setTimeout(leave, this.#wanted ? Math.max(0, this.#sliceLeft()) : IDLE);
	}

	/** Milliseconds for which this store may still keep a lease that others want. */
	#sliceLeft(): number {
		return this.#since + SLICE - performance.now();
	}

	#onWanted(path: string): void {
		if (this.#release === null || !(isWithin(path, this.#path) || isWithin(this.#path, path)))
			return;
		this.#wanted = true;
		this.#scheduleRelease();
	}

	async #giveUp(): Promise<void> {
		const release = this.#release;
		if (release === null) return;
		this.#release = null;
		this.#wanted = false;
		try {
			await this.#hooks.beforeRelease();
		} finally {
			release();
		}
	}

	async #take(): Promise<void> {
		for (;;) {
			this.#release = await this.#locks(this.#path);
			this.#since = performance.now();
			try {
				const above = await this.#hooks.findUnfinished();
				if (above === null) return await this.#hooks.onTaken();
				this.#release();
				this.#release = await this.#locks(above);
				await this.#hooks.finishIn(above);
				this.#release();
			} catch (error) {
				this.#release();
				this.#release = null;
				throw error;
			}
		}
	}

	async #locks(path: string): Promise<() => void> {
		const patience = new AbortController();
		const late = setTimeout(() => patience.abort(), PATIENCE);
		const want = () => this.broadcast({ kind: "want", path, by: this.by });
		const first = setTimeout(want, FIRST_REQUEST);
		const next = setInterval(want, NEXT_REQUEST);
		try {
			return await locksFor(path, patience.signal);
		} catch (cause) {
			if (!patience.signal.aborted) throw cause;
			const why = "another tab works on this directory, and does not hand it over";
			throw new PortholeError("EBUSY", why, { cause });
		} finally {
			for (const timer of [late, first, next]) clearTimeout(timer);
		}
	}
}

/** Takes all locks of a lease, and answers with a function that releases them. */
async function locksFor(path: string, signal: AbortSignal): Promise<() => void> {
	const names = split(path);
	const taken: (() => void)[] = [];
	const release = () => {
		for (const one of taken) one();
	};
	try {
		for (let depth = 0; depth <= names.length; depth++) {
			const mode = depth === names.length ? "exclusive" : "shared";
			const name = `porthole-opfs:/${names.slice(0, depth).join("/")}`;
			taken.push(await lock(name, mode, signal));
		}
	} catch (error) {
		release();
		throw error;
	}
	return release;
}

function lock(name: string, mode: LockMode, signal: AbortSignal): Promise<() => void> {
	return new Promise((resolve, reject) => {
		const hold = () => new Promise<void>((release) => resolve(release));
		navigator.locks.request(name, { mode, signal }, hold).catch(reject);
	});
}

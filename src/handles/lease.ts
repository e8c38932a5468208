/**
 * One after another, and one tab at a time.
 *
 * Whoever works on a directory of the private file system holds a *lease* on it: a lock of the browser,
 * which it gives to the next one also when a tab is killed. The lease is held from one call to the next,
 * because it takes time to get one and what is remembered under it is worth keeping. Whoever waits for
 * it says so on a channel that all tabs hear; the holder finishes its call, puts down what it has in
 * hand, and lets go. It lets go by itself when it has had nothing to do for a while.
 *
 * Directories lie in each other. So a lease on `/a/b` is that lock alone, and the locks on `/` and `/a`
 * shared with others: two leases exclude each other when one directory lies in the other. Locks are
 * taken from the root down, so that no two can wait for each other.
 */
import { PortholeError } from "../abi/error.ts";
import { isWithin, split } from "../store/paths.ts";
import { openChannel } from "../store/tab-channel.ts";

/** Milliseconds: how long a lease is held that others want, while there is work; */
const SLICE = 50;
/** and one that nobody wants, while there is none; */
const IDLE = 1000;
/** how long to wait for one; */
const PATIENCE = 10_000;
/** until the first word about it, which is rarely needed; and between words. */
const [FIRST_WORD, NEXT_WORD] = [3, 200];

/** What is said on the channel. Paths are those of the private file system. */
export type Word =
	| { readonly kind: "want"; readonly path: string; readonly by: string }
	/** A path stands for all that is below it too. */
	| { readonly kind: "changed"; readonly paths: readonly string[]; readonly by: string }
	/** Something that the stores keep in this directory was damaged, and is given up. */
	| { readonly kind: "damaged"; readonly path: string; readonly message: string };

export const CHANNEL = "porthole-opfs";

export interface Holder {
	/** A directory above this one in which something was begun and not finished, when its tab was ended. */
	unfinished(): Promise<string | null>;
	/** Finishes that. */
	finish(path: string): Promise<void>;
	/** The lease has just come, and others may have changed everything. */
	taken(): Promise<void>;
	/** It is about to go. */
	leaving(): Promise<void>;
}

export class Lease {
	readonly #path: string;
	readonly #holder: Holder;
	readonly #channel = openChannel(CHANNEL);
	/** Who speaks. */
	readonly by: string;
	#last: Promise<unknown> = Promise.resolve();
	#waiting = 0;
	/** What to call to let go; null while the lease is not held. */
	#letGo: (() => void) | null = null;
	#since = 0;
	#wanted = false;
	#timer: ReturnType<typeof setTimeout> | undefined;

	constructor(path: string, by: string, holder: Holder) {
		this.#path = path;
		this.by = by;
		this.#holder = holder;
		this.#channel.onmessage = ({ data }: MessageEvent<Word>) => {
			if (data.kind === "want" && data.by !== by) this.#hear(data.path);
		};
	}

	/** Does `work` with the lease, after all that was asked for before. Errors: EBUSY where another tab
	 *  keeps it. */
	run<T>(work: () => Promise<T>): Promise<T> {
		this.#waiting += 1;
		const answer = this.#last.then(() => this.#work(work));
		this.#last = answer.catch(() => {});
		return answer;
	}

	say(word: Word): void {
		this.#channel.postMessage(word);
	}

	async #work<T>(work: () => Promise<T>): Promise<T> {
		clearTimeout(this.#timer);
		try {
			if (this.#wanted && this.#left() <= 0) await this.#leave();
			if (this.#letGo === null) await this.#take();
			return await work();
		} finally {
			this.#waiting -= 1;
			this.#rest();
		}
	}

	/** There may be nothing to do for a while. */
	#rest(): void {
		clearTimeout(this.#timer);
		if (this.#waiting > 0 || this.#letGo === null) return;
		const leave = () => {
			if (this.#waiting === 0) this.#last = this.#leave().catch(() => {});
		};
		this.#timer = setTimeout(leave, this.#wanted ? Math.max(0, this.#left()) : IDLE);
	}

	/** Milliseconds that the lease is still ours although others want it. */
	#left(): number {
		return this.#since + SLICE - performance.now();
	}

	#hear(path: string): void {
		if (this.#letGo === null || !(isWithin(path, this.#path) || isWithin(this.#path, path))) return;
		this.#wanted = true;
		this.#rest();
	}

	async #leave(): Promise<void> {
		const letGo = this.#letGo;
		if (letGo === null) return;
		this.#letGo = null;
		this.#wanted = false;
		try {
			await this.#holder.leaving();
		} finally {
			letGo();
		}
	}

	async #take(): Promise<void> {
		for (;;) {
			this.#letGo = await this.#locks(this.#path);
			this.#since = performance.now();
			try {
				const above = await this.#holder.unfinished();
				if (above === null) return await this.#holder.taken();
				this.#letGo();
				this.#letGo = await this.#locks(above);
				await this.#holder.finish(above);
				this.#letGo();
			} catch (error) {
				this.#letGo();
				this.#letGo = null;
				throw error;
			}
		}
	}

	async #locks(path: string): Promise<() => void> {
		const patience = new AbortController();
		const late = setTimeout(() => patience.abort(), PATIENCE);
		const want = () => this.say({ kind: "want", path, by: this.by });
		const first = setTimeout(want, FIRST_WORD);
		const next = setInterval(want, NEXT_WORD);
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

/** Takes all locks of a lease, and answers with what lets go of them. */
async function locksFor(path: string, signal: AbortSignal): Promise<() => void> {
	const names = split(path);
	const taken: (() => void)[] = [];
	const letGo = () => {
		for (const one of taken) one();
	};
	try {
		for (let depth = 0; depth <= names.length; depth++) {
			const mode = depth === names.length ? "exclusive" : "shared";
			const name = `porthole-opfs:/${names.slice(0, depth).join("/")}`;
			taken.push(await lock(name, mode, signal));
		}
	} catch (error) {
		letGo();
		throw error;
	}
	return letGo;
}

function lock(name: string, mode: LockMode, signal: AbortSignal): Promise<() => void> {
	return new Promise((resolve, reject) => {
		const hold = () => new Promise<void>((letGo) => resolve(letGo));
		navigator.locks.request(name, { mode, signal }, hold).catch(reject);
	});
}

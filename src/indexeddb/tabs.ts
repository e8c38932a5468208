/**
 * The other tabs that have the same database open: this tab announces its changes to them, and emits theirs.
 *
 * A change is announced *before* it is committed, from within the transaction. A tab that reacts to the message
 * and reads the database waits for the transaction; and a tab that is killed after its commit cannot have
 * left out the message. A change that is announced and then fails costs the others a look for nothing.
 *
 * Each change leaves a stamp in the database, the number of its log record. A page that was frozen may have
 * missed messages; when it becomes visible again and finds a stamp that it does not know, it treats
 * everything as changed.
 */
import { openChannel, type TabChannel } from "../store/tab-channel.ts";

type OnChanged = (paths: readonly string[]) => void;

/** Paths in a message at most, for every tab looks each of them up. */
const MOST_PATHS = 64;

export class OtherTabs {
	readonly #channel: TabChannel;
	readonly #listeners = new Set<OnChanged>();
	/** The stamp of the last change that this tab knows. */
	#stamp = 0;
	/** Resolves when the running calls are answered: they may have read before the change. */
	readonly #idle: () => Promise<unknown>;
	readonly #readStamp: () => Promise<number>;

	constructor(name: string, idle: () => Promise<unknown>, readStamp: () => Promise<number>) {
		this.#idle = idle;
		this.#readStamp = readStamp;
		this.#channel = openChannel(name);
	}

	/** Announces a change that is about to be committed, and the stamp that it leaves. */
	announce(paths: ReadonlySet<string>, stamp: number): void {
		this.#stamp = stamp;
		this.#channel.postMessage({ stamp, paths: summarized(paths) });
	}

	/** Reports to this tab's own listeners that anything may have changed. */
	emitAll(): void {
		this.#emit(["/"]);
	}

	watch(onChanged: OnChanged): () => void {
		this.#listeners.add(onChanged);
		if (this.#listeners.size === 1) this.#listen();
		return () => {
			this.#listeners.delete(onChanged);
			if (this.#listeners.size === 0) this.#stopListening();
		};
	}

	#listen(): void {
		this.#channel.onmessage = ({ data }) => this.#receive(data);
		// A worker has no document, and gets no event when its page is frozen and resumed.
		const { document } = globalThis;
		document?.addEventListener("visibilitychange", this.#checkStamp);
		document?.addEventListener("resume", this.#checkStamp);
		globalThis.addEventListener?.("pageshow", this.#checkStamp);
		this.#readStamp().then(
			(stamp) => {
				if (this.#stamp === 0) this.#stamp = stamp;
			},
			() => {},
		);
	}

	#stopListening(): void {
		this.#channel.onmessage = null;
		const { document } = globalThis;
		document?.removeEventListener("visibilitychange", this.#checkStamp);
		document?.removeEventListener("resume", this.#checkStamp);
		globalThis.removeEventListener?.("pageshow", this.#checkStamp);
	}

	/** The page may have been frozen. */
	readonly #checkStamp = async (): Promise<void> => {
		if (globalThis.document?.visibilityState === "hidden") return;
		const known = this.#stamp;
		// If the stamp cannot be read, no file can; the next call reports that.
		const stamp = await this.#readStamp().catch(() => known);
		if (stamp === this.#stamp || stamp === known) return;
		this.#stamp = stamp;
		this.#emit(["/"]);
	};

	#receive(data: unknown): void {
		const message = parse(data);
		if (message === undefined) return;
		this.#stamp = message.stamp;
		this.#emit(message.paths);
	}

	async #emit(paths: readonly string[]): Promise<void> {
		await this.#idle();
		for (const onChanged of this.#listeners) onChanged(paths);
	}
}

/** At most MOST_PATHS paths for the same changes: a path stands for all below it. */
function summarized(paths: ReadonlySet<string>): string[] {
	if (paths.size <= MOST_PATHS) return [...paths];
	const above = new Set(Array.from(paths, (path) => path.slice(0, path.lastIndexOf("/")) || "/"));
	return above.size <= MOST_PATHS ? [...above] : ["/"];
}

/** Undefined for a message that other code of this origin has sent. */
function parse(data: unknown): { stamp: number; paths: string[] } | undefined {
	if (typeof data !== "object" || data === null) return undefined;
	const { stamp, paths } = data as Readonly<Record<string, unknown>>;
	if (typeof stamp !== "number" || !Array.isArray(paths)) return undefined;
	return { stamp, paths: paths.filter((path) => typeof path === "string") };
}

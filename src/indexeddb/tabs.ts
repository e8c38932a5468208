/**
 * The other tabs that have the same database open: what they change is heard, and what is changed
 * here is told.
 *
 * It is told *before* it is committed, from within the transaction. Who hears it and looks at the
 * database then has to wait until the transaction is over; and a tab that is killed after its commit
 * cannot have forgotten to tell.
 *
 * Each change leaves a stamp in the database. A page that was frozen may have missed what was said;
 * when it is seen again and finds a stamp that it does not know, anything may have changed.
 */
import { openChannel, type TabChannel } from "../store/tab-channel.ts";

type Heard = (paths: readonly string[]) => void;

/** What a message names at most, for each path is looked up by all who hear it. */
const MOST_PATHS = 64;

export class Others {
	readonly #channel: TabChannel;
	readonly #heard = new Set<Heard>();
	/** The stamp of the last change that is known. */
	#stamp = 0;
	/** Resolves when what is underway has been answered: it may have been read before the change. */
	readonly #quiet: () => Promise<unknown>;
	readonly #readStamp: () => Promise<number>;

	constructor(name: string, quiet: () => Promise<unknown>, readStamp: () => Promise<number>) {
		this.#quiet = quiet;
		this.#readStamp = readStamp;
		this.#channel = openChannel(name);
	}

	/** Tells of a change that is about to be committed, and of the stamp that it leaves. */
	tell(paths: ReadonlySet<string>, stamp: number): void {
		this.#stamp = stamp;
		this.#channel.postMessage({ stamp, paths: few(paths) });
	}

	/** Anything may have changed. */
	tellOurselves(): void {
		this.#say(["/"]);
	}

	watch(heard: Heard): () => void {
		this.#heard.add(heard);
		if (this.#heard.size === 1) this.#listen();
		return () => {
			this.#heard.delete(heard);
			if (this.#heard.size === 0) this.#listenNoMore();
		};
	}

	#listen(): void {
		this.#channel.onmessage = ({ data }) => this.#receive(data);
		// A worker has no document, and is frozen and resumed with its page unheard.
		const { document } = globalThis;
		document?.addEventListener("visibilitychange", this.#look);
		document?.addEventListener("resume", this.#look);
		globalThis.addEventListener?.("pageshow", this.#look);
		this.#readStamp().then(
			(stamp) => {
				if (this.#stamp === 0) this.#stamp = stamp;
			},
			() => {},
		);
	}

	#listenNoMore(): void {
		this.#channel.onmessage = null;
		const { document } = globalThis;
		document?.removeEventListener("visibilitychange", this.#look);
		document?.removeEventListener("resume", this.#look);
		globalThis.removeEventListener?.("pageshow", this.#look);
	}

	/** The page may have been frozen. */
	readonly #look = async (): Promise<void> => {
		if (globalThis.document?.visibilityState === "hidden") return;
		const known = this.#stamp;
		// Who cannot read the stamp cannot read anything, and is told so.
		const stamp = await this.#readStamp().catch(() => known);
		if (stamp === this.#stamp || stamp === known) return;
		this.#stamp = stamp;
		this.#say(["/"]);
	};

	#receive(data: unknown): void {
		const message = parse(data);
		if (message === undefined) return;
		this.#stamp = message.stamp;
		this.#say(message.paths);
	}

	async #say(paths: readonly string[]): Promise<void> {
		await this.#quiet();
		for (const heard of this.#heard) heard(paths);
	}
}

/** The same, said with fewer paths: a path stands for all below it. */
function few(paths: ReadonlySet<string>): string[] {
	if (paths.size <= MOST_PATHS) return [...paths];
	const above = new Set(Array.from(paths, (path) => path.slice(0, path.lastIndexOf("/")) || "/"));
	return above.size <= MOST_PATHS ? [...above] : ["/"];
}

/** Other code of this origin may say anything. */
function parse(data: unknown): { stamp: number; paths: string[] } | undefined {
	if (typeof data !== "object" || data === null) return undefined;
	const { stamp, paths } = data as Readonly<Record<string, unknown>>;
	if (typeof stamp !== "number" || !Array.isArray(paths)) return undefined;
	return { stamp, paths: paths.filter((path) => typeof path === "string") };
}

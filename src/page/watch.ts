/**
 * Watching a path of the tree, by looking at it again and again: the tree is changed in many ways, by
 * guests, by the page and by others in a mount, and a look sees them all.
 */
import { checkNames, type Names } from "../abi/options.ts";
import type { Call, Change } from "./sandbox-fs.ts";

export interface WatchOptions {
	/** Also what is in the directories below, but not behind symlinks. */
	readonly recursive?: boolean;
	readonly signal?: AbortSignal;
}

/** Milliseconds between two looks; more where a look takes long. */
const LOOK = 200;
/** Of the time at most so much is spent looking. */
const SHARE = 0.1;

type Seen = ReadonlyMap<string, string>;

/** The changes of a file, or of what is in a directory, until `signal` says stop. */
export async function* watch(
	call: Call,
	path: string,
	options: WatchOptions,
): AsyncGenerator<Change, void> {
	checkNames("watch", options, { recursive: 0, signal: 0 } satisfies Names<WatchOptions>);
	const { recursive = false, signal } = options;
	const look = async (): Promise<Seen> => new Map(await call("look", path, recursive));
	let before = await look();
	let took = 0;
	while (!signal?.aborted) {
		await sleep(Math.max(LOOK, took / SHARE), signal);
		if (signal?.aborted) return;
		const start = performance.now();
		const after = await look();
		took = performance.now() - start;
		yield* differences(before, after);
		before = after;
	}
}

function* differences(before: Seen, after: Seen): Iterable<Change> {
	for (const [path, state] of after) {
		const old = before.get(path);
		if (old === undefined) yield { type: "create", path };
		else if (old !== state) yield { type: "modify", path };
	}
	for (const path of before.keys()) if (!after.has(path)) yield { type: "remove", path };
}

function sleep(ms: number, signal: AbortSignal | undefined): Promise<void> {
	return new Promise((resolve) => {
		const wake = () => {
			clearTimeout(timer);
			signal?.removeEventListener("abort", wake);
			resolve();
		};
		const timer = setTimeout(wake, ms);
		signal?.addEventListener("abort", wake);
	});
}

/**
 * Watching a path of the tree by looking at it again and again.
 */
import type { Change, SandboxFS } from "./files.ts";

/** Milliseconds between two looks. */
const LOOK = 200;

/** The changes of a file, or of a directory's children, until `signal` says stop. */
export async function* watch(
	fs: SandboxFS,
	path: string,
	signal: AbortSignal | undefined,
): AsyncIterable<Change> {
	let before = await look(fs, path);
	while (!signal?.aborted) {
		await sleep(LOOK, signal);
		const after = await look(fs, path);
		yield* differences(before, after);
		before = after;
	}
}

/** What is at `path`, by path: size and time. A path that is gone is an empty map. */
async function look(fs: SandboxFS, path: string): Promise<Map<string, string>> {
	const seen = new Map<string, string>();
	const note = async (at: string) => {
		const stat = await fs.lstat(at).catch(() => null);
		if (stat !== null) seen.set(at, `${stat.ino} ${stat.size} ${stat.mtimeMs}`);
		return stat;
	};
	const top = await note(path);
	if (top?.type !== "directory") return seen;
	seen.delete(path);
	const entries = await fs.readdir(path).catch(() => []);
	const base = path.endsWith("/") ? path : `${path}/`;
	await Promise.all(entries.map((entry) => note(base + entry.name)));
	return seen;
}

function* differences(before: Map<string, string>, after: Map<string, string>): Iterable<Change> {
	for (const [path, state] of after) {
		const old = before.get(path);
		if (old === undefined) yield { type: "create", path };
		else if (old !== state) yield { type: "modify", path };
	}
	for (const path of before.keys()) if (!after.has(path)) yield { type: "remove", path };
}

function sleep(ms: number, signal: AbortSignal | undefined): Promise<void> {
	return new Promise((resolve) => {
		const timer = setTimeout(resolve, ms);
		signal?.addEventListener("abort", () => {
			clearTimeout(timer);
			resolve();
		});
	});
}

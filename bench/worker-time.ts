/**
 * The processor time of the workers of browsers that this process has started. Other work on the machine makes
 * a run longer, and hardly changes that.
 */
import { readdirSync, readFileSync } from "node:fs";

/** What Chromium and Firefox call the threads. */
const WORKER_THREADS = ["DedicatedWorker", "DOM Worker"];

/** Milliseconds; undefined where the system is not Linux. */
export function workerTime(): number | undefined {
	const parents = new Map<string, string>();
	for (const pid of ids("/proc")) {
		// The name stands in parentheses, and may hold anything.
		const stat = read(`/proc/${pid}/stat`);
		parents.set(pid, stat.slice(stat.lastIndexOf(")") + 2).split(" ")[1] ?? "");
	}
	if (parents.size === 0) return undefined;
	let sum = 0;
	for (const pid of parents.keys()) {
		if (!isOurs(pid, parents)) continue;
		for (const thread of ids(`/proc/${pid}/task`)) {
			const at = `/proc/${pid}/task/${thread}`;
			if (!WORKER_THREADS.some((name) => read(`${at}/comm`).startsWith(name))) continue;
			sum += Number(read(`${at}/schedstat`).split(" ")[0]) / 1e6;
		}
	}
	return sum;
}

function isOurs(pid: string, parents: ReadonlyMap<string, string>): boolean {
	for (let at = parents.get(pid); at !== undefined; at = parents.get(at)) {
		if (at === String(process.pid)) return true;
	}
	return false;
}

function ids(folder: string): string[] {
	try {
		return readdirSync(folder).filter((name) => /^\d+$/.test(name));
	} catch {
		return [];
	}
}

/** Empty for what is gone meanwhile. */
function read(path: string): string {
	try {
		return readFileSync(path, "utf8");
	} catch {
		return "";
	}
}

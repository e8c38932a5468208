/**
 * How a process that was made for any program becomes the root of a tree of WASIX processes.
 */
import { PortholeError } from "../abi/error.ts";
import { SIGNALS } from "../abi/signals.ts";
import { NOTHING_USED } from "../abi/usage.ts";
import { notLinked } from "../load/errors.ts";
import type { Process } from "../process/process.ts";
import type { Thread } from "../process/thread.ts";
import type { WireStatus } from "../protocol/sandbox.ts";
import { DescriptorTable } from "./descriptors.ts";
import type { Image } from "./image.ts";
import type { Kernel } from "./kernel.ts";
import { ProcessTree } from "./process-tree.ts";
import type { WasixThread } from "./thread.ts";

const KILLED = { code: 137, signal: "SIGKILL" } as const;

/** A tree whose root is linked. */
export interface Begun {
	readonly first: WasixThread;
	run(): ReturnType<ProcessTree["run"]>;
}

/** Links a program as the root of a tree, in the place of `thread`. `outlived` is called if others go on when the root
 *  has ended. Errors: those of linking. */
export function begin(
	kernel: Kernel,
	image: Image,
	thread: Thread,
	entry: string,
	outlived?: (tree: ProcessTree, status: WireStatus) => Promise<void>,
): Begun {
	const { process } = thread;
	const tree = new ProcessTree(kernel);
	const cwd = adopt(process);
	try {
		const first = tree.begin(process, image, cwd, entry);
		// The page's half of the root asks this thread, which never runs: it answers for the whole tree.
		Object.defineProperty(thread, "reported", { get: () => tree.usage() });
		process.openFiles = () => tree.files();
		process.family = {
			signal: (child, name) => tree.get(child)?.signal(SIGNALS.get(name) ?? 0),
			usage(child) {
				const sum = { ...NOTHING_USED };
				const found = tree.get(child);
				if (found === undefined || found.status !== null) return undefined;
				found.addUsage(sum);
				return sum;
			},
		};
		let isKilled = false;
		process.signalled = (name) => {
			if (name === "SIGKILL") {
				isKilled = true;
				tree.endAll(KILLED);
				return false;
			}
			tree.signalAll(SIGNALS.get(name) ?? 0);
			return true;
		};
		const run = async () => {
			const status = await tree.run(first);
			const isLimited = status.reason === "limit";
			if (isLimited) tree.endAll(KILLED);
			if (!isLimited && !isKilled && !tree.isOver) {
				await outlived?.(tree, status).finally(() => tree.endAll(KILLED));
			}
			await tree.settled();
			return status;
		};
		return { first, run };
	} catch (error) {
		throw error instanceof PortholeError ? error : notLinked(error);
	}
}

/** Gives a process what WASIX processes have: a table of descriptors in which `/` and `.` take no numbers, and a
 *  tree with absolute paths. Its working directory. */
function adopt(process: Process): string {
	process.tree.absolute = true;
	const table = new DescriptorTable(new Map());
	for (let fd = 0; ; fd++) {
		const file = process.descriptors.get(fd);
		if (file === undefined) break;
		if (file.preopen === null) table.addAt(fd, file);
		else table.begins.set(fd, file);
	}
	process.descriptors.closeAll();
	process.descriptors = table;
	return process.directory;
}

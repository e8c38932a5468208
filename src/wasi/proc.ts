/**
 * The end of a process, and giving way to others.
 */
import type { Done } from "../abi/errno.ts";
import type { Thread } from "../process/thread.ts";

export function procCalls(thread: Thread) {
	return {
		proc_exit: (code: number) => thread.process.end({ code: code >>> 0 }),

		sched_yield(): Done {
			thread.yielding ??= thread.bridge.nextTurn();
			if (!thread.yielding.done) return thread.bridge.pending(thread.yielding);
			thread.yielding = null;
			return 0;
		},
	};
}

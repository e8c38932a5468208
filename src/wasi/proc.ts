/**
 * The end of a process, and giving way to others.
 */
import { SIGNALS } from "../abi/constants.ts";
import { type Done, EINVAL, ENOSYS } from "../abi/errno.ts";
import type { Thread } from "../process/thread.ts";

/** Signals whose default action does not end a process: CHLD, CONT, STOP, TSTP, TTIN, TTOU, URG, WINCH. */
const HARMLESS = new Set([16, 17, 18, 19, 20, 21, 22, 27]);
const MOST_SIGNALS = 31;

export function procCalls(thread: Thread) {
	return {
		proc_exit: (code: number) => thread.process.end({ code: code >>> 0 }),

		/** There are no handlers in preview1, so a signal does what it does by default. */
		proc_raise(signal: number): Done {
			if (signal < 0 || signal >= MOST_SIGNALS) return EINVAL;
			if (signal === 0 || HARMLESS.has(signal)) return 0;
			const name = [...SIGNALS].find(([, number]) => number === signal)?.[0];
			if (name === undefined) return ENOSYS;
			return thread.process.end({ code: 128 + signal, signal: name });
		},

		sched_yield(): Done {
			thread.yielding ??= thread.bridge.nextTurn();
			if (!thread.yielding.done) return thread.bridge.pending(thread.yielding);
			thread.yielding = null;
			return 0;
		},
	};
}

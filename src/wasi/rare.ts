/**
 * Calls that hardly any program imports; what is common would only be carried along. Loaded with the first program that
 * imports one of them.
 */

import { type Done, EBADF, EINVAL, ENOSYS, ENOTCAPABLE } from "../abi/errno.ts";
import { SIGNALS } from "../abi/signals.ts";
import type { Thread } from "../process/thread.ts";

/** Signals whose default action does not end a process: CHLD, CONT, STOP, TSTP, TTIN, TTOU, URG, WINCH. */
const HARMLESS = new Set([16, 17, 18, 19, 20, 21, 22, 27]);
const MOST_SIGNALS = 31;

export function rareCalls(thread: Thread) {
	return {
		/** Errors: ENOTCAPABLE for a right that the descriptor does not have; rights only become fewer. */
		fd_fdstat_set_rights(
			fd: number,
			base: number,
			baseHigh: number,
			inheriting: number,
			inheritingHigh: number,
		): Done {
			const file = thread.process.descriptors.get(fd >>> 0);
			if (file === undefined) return EBADF;
			const more = (base & ~file.rights) | (inheriting & ~file.inheriting);
			if (more !== 0 || (baseHigh | inheritingHigh) !== 0) return ENOTCAPABLE;
			file.rights = base;
			file.inheriting = inheriting;
			return 0;
		},

		/** There are no handlers in preview1, so a signal does what it does by default. */
		proc_raise(signal: number): Done {
			if (signal < 0 || signal >= MOST_SIGNALS) return EINVAL;
			if (signal === 0 || HARMLESS.has(signal)) return 0;
			const name = [...SIGNALS].find(([, number]) => number === signal)?.[0];
			if (name === undefined) return ENOSYS;
			return thread.process.end({ code: 128 + signal, signal: name });
		},
	};
}

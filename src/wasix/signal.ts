/**
 * Calls on signals. A program registers one export as its handler, and its C library knows what each signal is to do.
 *
 * Source: wasix-runner.md 0.1, 3.7, 6.3; kill(2), setitimer(2).
 */
import { type Done, EFAULT, EINVAL, ENDED, ESRCH } from "../abi/errno.ts";
import { unsigned } from "../abi/memory.ts";
import { MOST_SIGNAL, type WasixProcess } from "./process.ts";
import { textAt } from "./text.ts";
import type { WasixThread } from "./thread.ts";

const NS_PER_MS = 1e6;
const DISPOSITION_SIZE = 2;
const IGNORE = 1;

export function signalCalls(thread: WasixThread) {
	const { memory, owner, bridge } = thread;
	const { tree } = owner;

	/** Sends a signal, and where it is to the caller has it handled before the call returns. */
	function send(to: WasixProcess, number: number): Done {
		if (thread.kept === "sent") {
			thread.kept = undefined;
			thread.restarts = false;
			return 0;
		}
		to.signal(number);
		if (thread.ended) return ENDED;
		if (to !== owner || number === 0 || thread.handling !== 0 || !owner.hasSignals) return 0;
		thread.kept = "sent";
		thread.restarts = true;
		return bridge.pending(thread.signalled);
	}

	return {
		/** A name that is not exported blocks signals: they stay pending until one that is. */
		callback_signal(name: number, size: number): Done {
			const text = textAt(memory, name, size);
			if (typeof text === "number") return 0;
			const isExported = typeof thread.instance.exports[text] === "function";
			owner.handler = isExported ? text : "";
			for (const one of owner.threads) tree.bindHandler(one);
			for (const one of owner.threads) one.noticeSignals();
			return 0;
		},

		proc_signal(pid: number, number: number): Done {
			if (number < 0 || number > MOST_SIGNAL) return EINVAL;
			const to = tree.get(pid >>> 0);
			if (to === undefined || to.status !== null) return ESRCH;
			return send(to, number);
		},

		proc_raise(number: number): Done {
			if (number < 0 || number > MOST_SIGNAL) return EINVAL;
			return send(owner, number);
		},

		thread_signal(tid: number, number: number): Done {
			if (number < 0 || number > MOST_SIGNAL) return EINVAL;
			// Older libraries do not know the number of their first thread, and say 0.
			const known = tid === 0 || [...owner.threads].some((one) => one.tid === tid >>> 0);
			return known ? send(owner, number) : ESRCH;
		},

		proc_raise_interval(number: number, low: number, high: number, repeats: number): Done {
			if (number <= 0 || number > MOST_SIGNAL) return EINVAL;
			owner.setAlarm(number, unsigned(low, high) / NS_PER_MS, repeats !== 0);
			return 0;
		},

		proc_signals_sizes_get(result: number): Done {
			if (!memory.has(result >>> 0, 4)) return EFAULT;
			memory.setU32(result >>> 0, owner.ignored.size);
			return 0;
		},

		proc_signals_get(buffer: number): Done {
			const at = buffer >>> 0;
			if (!memory.has(at, owner.ignored.size * DISPOSITION_SIZE)) return EFAULT;
			[...owner.ignored].forEach((number, index) => {
				memory.setU16(at + index * DISPOSITION_SIZE, number | (IGNORE << 8));
			});
			return 0;
		},
	};
}

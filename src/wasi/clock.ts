/**
 * Clocks. The browser's milliseconds become nanoseconds without a BigInt: 2026 is 1.8e18 ns, beyond
 * what a number holds exactly, so the milliseconds are split at 2^20 and each part multiplied alone.
 */
import {
	CLOCK_MONOTONIC,
	CLOCK_PROCESS_CPUTIME,
	CLOCK_REALTIME,
	CLOCK_THREAD_CPUTIME,
} from "../abi/constants.ts";
import { type Done, EFAULT, EINVAL } from "../abi/errno.ts";
import type { Memory } from "../abi/memory.ts";
import type { Thread } from "../process/thread.ts";

const SPLIT = 1048576;
const NS_PER_MS = 1e6;

export function clockCalls(thread: Thread) {
	const { memory } = thread;
	const { clock } = thread.process;
	/** The last answer. In an array, because a variable would be a new boxed number at each call. */
	const last = new Float64Array(1);
	return {
		clock_res_get(id: number, result: number): Done {
			const at = result >>> 0;
			if (!memory.has(at, 8)) return EFAULT;
			if (id >>> 0 > CLOCK_THREAD_CPUTIME) return EINVAL;
			memory.setU64(at, clock.resolution());
			return 0;
		},
		clock_time_get(id: number, _low: number, _high: number, result: number): Done {
			const at = result >>> 0;
			if (!memory.has(at, 8)) return EFAULT;
			if (id === CLOCK_REALTIME) {
				setNanoseconds(memory, at, clock.realtime());
				return 0;
			}
			if (id !== CLOCK_MONOTONIC) return cpuTime(id, at);
			// A browser's clock stands still for microseconds, but this one must not: each answer is at
			// least a nanosecond after the last. A hundred days of nanoseconds are an exact number.
			const next = (last[0] as number) + 1;
			const now = Math.max(Math.floor(clock.monotonic() * NS_PER_MS), next);
			last[0] = now;
			memory.setU64(at, now);
			return 0;
		},
	};

	function cpuTime(id: number, at: number): Done {
		if (id !== CLOCK_PROCESS_CPUTIME && id !== CLOCK_THREAD_CPUTIME) return EINVAL;
		setNanoseconds(memory, at, clock.monotonic() - thread.process.started - thread.waited);
		return 0;
	}
}

/** Writes `ms` milliseconds as 64-bit nanoseconds. */
function setNanoseconds(memory: Memory, at: number, ms: number): void {
	const high = Math.floor(ms / SPLIT);
	const low = Math.floor((ms - high * SPLIT) * NS_PER_MS);
	// ms = high * 2^20 + rest, so ns = (high * 1e6) * 2^20 + low; both factors are exact.
	const scaled = high * NS_PER_MS;
	const top = Math.floor(scaled / 4096);
	const sum = (scaled - top * 4096) * SPLIT + low;
	memory.setU32(at, sum);
	memory.setU32(at + 4, top + Math.floor(sum / 4294967296));
}

/**
 * Calls on threads, and what they wait on. Threads take turns: each is an instance of its own on the memory of its
 * process, and gives way where it waits or when its slice is over.
 *
 * Source: wasix-runner.md 0.1, 6.3, 6.4 (thread_start), 6.5; the wasi-threads proposal.
 */
import { type Done, EFAULT, EINVAL, ENDED, ENOSYS, ENOTSUP, type Errno } from "../abi/errno.ts";
import { signed, unsigned } from "../abi/memory.ts";
import type { OpenTicket, Ticket } from "../bridge/bridge.ts";
import { futexesOf } from "./futex.ts";
import type { Entry, WasixThread } from "./thread.ts";

const NS_PER_MS = 1e6;
/** thread_start: stack u32@0, TLS u32@4, …, stack size u32@56. */
const START_SIZE = 64;
const STACK_SIZE_AT = 56;
/** Answers of a wait on memory, as its instruction gives them. */
const WOKEN = 0;
const DIFFERENT = 1;
const TIMED_OUT = 2;

/** A wait for an address. */
interface FutexWait {
	readonly woken: OpenTicket<void>;
	readonly alarm: Ticket<void> | null;
}

export function threadCalls(thread: WasixThread) {
	const { memory, owner, bridge } = thread;
	const { tree } = owner;
	const futexes = futexesOf(owner);

	/** Starts a thread at `name`. Errors: ENOTSUP where the page allows none; ENOSYS for a program without that export; EAGAIN. */
	function spawn(
		name: string,
		args: (tid: number) => Entry["args"],
		bounds?: readonly [number, number],
	): number {
		if (!tree.kernel.threads) return ENOTSUP;
		if (typeof thread.instance.exports[name] !== "function") return ENOSYS;
		return tree.spawnThread(owner, (tid) => ({ name, args: args(tid) }), bounds);
	}

	/** WOKEN, DIFFERENT or TIMED_OUT; PENDING until then. `same` looks at the memory. */
	function wait(address: number, same: () => boolean, milliseconds: number): number {
		let kept = thread.kept as FutexWait | undefined;
		if (kept === undefined) {
			if (!same()) return DIFFERENT;
			const woken = bridge.ticket<void>();
			const isEndless = milliseconds === Number.POSITIVE_INFINITY;
			kept = { woken, alarm: isEndless ? null : bridge.alarm(performance.now() + milliseconds) };
			futexes.add(address, woken);
			thread.kept = kept;
		}
		const { woken, alarm } = kept;
		if (!woken.done && !alarm?.done) {
			// A signal's handler may run meanwhile.
			thread.restarts = true;
			if (alarm) bridge.pending(alarm);
			return bridge.pending(woken);
		}
		thread.kept = undefined;
		thread.restarts = false;
		bridge.dropNotes();
		futexes.remove(address, woken);
		return woken.done ? WOKEN : TIMED_OUT;
	}

	/** Where an access of `size` bytes is; -1 traps. */
	function place(address: number, offset: number, size: number): number {
		const at = (address >>> 0) + (offset >>> 0);
		return at % size === 0 && memory.has(at, size) ? at : -1;
	}

	const endless = (low: number, high: number) => {
		const nanoseconds = signed(low, high);
		return nanoseconds < 0 ? Number.POSITIVE_INFINITY : nanoseconds / NS_PER_MS;
	};

	return {
		thread_spawn_v2(record: number, result: number): Done {
			const [at, to] = [record >>> 0, result >>> 0];
			if (!memory.has(at, START_SIZE) || !memory.has(to, 4)) return EFAULT;
			const upper = memory.u32(at);
			const size = memory.u32(at + STACK_SIZE_AT);
			const bounds = size > 0 && size <= upper ? ([upper - size, upper] as const) : undefined;
			const tid = spawn("wasi_thread_start", (number) => [number, at], bounds);
			if (tid < 0) return tid as Errno;
			memory.setU32(to, tid);
			return 0;
		},

		/** Of older programs. Their threads begin with the stack that the call names. */
		thread_spawn_old(
			data: number,
			_dataHigh: number,
			baseLow: number,
			_baseHigh: number,
			startLow: number,
			_startHigh: number,
			_reactor: number,
			result: number,
		): Done {
			const to = result >>> 0;
			if (!memory.has(to, 4)) return EFAULT;
			const [base, start] = [baseLow >>> 0, startLow >>> 0];
			const bounds = [Math.min(base, start), Math.max(base, start)] as const;
			const tid = spawn("_start_thread", () => [data], bounds);
			if (tid < 0) return tid as Errno;
			memory.setU32(to, tid);
			return 0;
		},

		/** Of `wasi`: answers with the number of the thread, or less than 0. */
		"thread-spawn"(argument: number): number {
			const tid = spawn("wasi_thread_start", (number) => [number, argument]);
			return tid < 0 ? -1 : tid;
		},

		thread_sleep(low: number, high: number): Done {
			thread.kept ??= bridge.alarm(performance.now() + unsigned(low, high) / NS_PER_MS);
			const alarm = thread.kept as Ticket<void>;
			if (!alarm.done) return bridge.pending(alarm);
			thread.kept = undefined;
			return 0;
		},

		thread_id(result: number): Done {
			if (!memory.has(result >>> 0, 4)) return EFAULT;
			memory.setU32(result >>> 0, thread.tid);
			return 0;
		},

		/** Of a thread that is over, or never was, there is nothing to wait for. */
		thread_join(tid: number): Done {
			const other = [...owner.threads].find((one) => one.tid === tid >>> 0);
			if (other === thread) return EINVAL;
			return other === undefined ? 0 : bridge.pending(other.finished);
		},

		thread_parallelism(result: number): Done {
			if (!memory.has(result >>> 0, 4)) return EFAULT;
			memory.setU32(result >>> 0, globalThis.navigator?.hardwareConcurrency ?? 1);
			return 0;
		},

		thread_exit(code: number): Errno {
			if (owner.threads.size === 1) return owner.process.end({ code: code >>> 0 });
			thread.end();
			return ENDED;
		},

		/** The program looks again after it was woken, so a value that differs is no error. The result is false only where
		 *  the time was up. */
		futex_wait(address: number, expected: number, timeout: number, result: number): Done {
			const [at, until, to] = [address >>> 0, timeout >>> 0, result >>> 0];
			if (!memory.has(at, 4) || !memory.has(until, 16) || !memory.has(to, 1)) return EFAULT;
			const hasTimeout = memory.u8[until] === 1;
			const limit = hasTimeout ? memory.u64(until + 8) / NS_PER_MS : Number.POSITIVE_INFINITY;
			const answer = wait(at, () => memory.u32(at) === expected >>> 0, limit);
			if (answer < 0) return answer as Errno;
			memory.u8[to] = answer === TIMED_OUT ? 0 : 1;
			return 0;
		},

		futex_wake(address: number, result: number): Done {
			if (!memory.has(result >>> 0, 1)) return EFAULT;
			memory.u8[result >>> 0] = futexes.wake(address >>> 0, 1);
			return 0;
		},

		futex_wake_all(address: number, result: number): Done {
			if (!memory.has(result >>> 0, 1)) return EFAULT;
			memory.u8[result >>> 0] = futexes.wake(address >>> 0, Number.POSITIVE_INFINITY) > 0 ? 1 : 0;
			return 0;
		},

		/** The instruction of this name. A wait of shared memory is a wait of this thread only. */
		notify(address: number, count: number, offset: number): number {
			const at = place(address, offset, 4);
			return at < 0 ? ENDED : futexes.wake(at, count >>> 0);
		},

		wait32(address: number, expected: number, low: number, high: number, offset: number): number {
			const at = place(address, offset, 4);
			if (at < 0) return ENDED;
			return wait(at, () => memory.u32(at) === expected >>> 0, endless(low, high));
		},

		wait64(
			address: number,
			expectedLow: number,
			expectedHigh: number,
			low: number,
			high: number,
			offset: number,
		): number {
			const at = place(address, offset, 8);
			if (at < 0) return ENDED;
			const same = () =>
				memory.u32(at) === expectedLow >>> 0 && memory.u32(at + 4) === expectedHigh >>> 0;
			return wait(at, same, endless(low, high));
		},
	};
}

/** Thread-locals of the older C library: 64 bits for each key, 0 in a new thread. */
export function localCalls(thread: WasixThread) {
	const { memory, locals, owner } = thread;
	return {
		thread_local_create(_low: number, _high: number, result: number): Done {
			if (!memory.has(result >>> 0, 4)) return EFAULT;
			owner.lastLocal += 1;
			memory.setU32(result >>> 0, owner.lastLocal);
			return 0;
		},

		thread_local_destroy(key: number): Done {
			for (const one of owner.threads) one.locals.delete(key >>> 0);
			return 0;
		},

		thread_local_get(key: number, result: number): Done {
			if (!memory.has(result >>> 0, 8)) return EFAULT;
			memory.setBig(result >>> 0, locals.get(key >>> 0) ?? 0n);
			return 0;
		},

		thread_local_set(key: number, low: number, high: number): Done {
			if (key >>> 0 === 0 || key >>> 0 > owner.lastLocal) return EINVAL;
			locals.set(key >>> 0, BigInt(low >>> 0) | (BigInt(high >>> 0) << 32n));
			return 0;
		},
	};
}

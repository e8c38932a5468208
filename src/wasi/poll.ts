/**
 * `poll_oneoff`: wait until any of some clocks and descriptors is ready.
 *
 * Each run looks at every subscription. If one is ready the answer is there; if none is, the tickets
 * that the nodes noted and an alarm for the nearest deadline say when to look again. A relative
 * timeout counts from the first run, so the guest remembers when that was.
 */
import {
	CLOCK_REALTIME,
	CLOCK_THREAD_CPUTIME,
	EVENTRWFLAG_HANGUP,
	EVENTTYPE_CLOCK,
	EVENTTYPE_FD_READ,
	EVENTTYPE_FD_WRITE,
	RIGHT_POLL_FD_READWRITE,
	SUBCLOCKFLAG_ABSTIME,
} from "../abi/constants.ts";
import { EBADF, EFAULT, EINVAL, ENOTCAPABLE, ENOTSUP, PENDING } from "../abi/errno.ts";
import { EVENT, SUBSCRIPTION, type SubscriptionLayout } from "../abi/layout.ts";
import type { Thread } from "../process/thread.ts";

const MOST_SUBSCRIPTIONS = 1 << 16;
const NS_PER_MS = 1e6;
/** A pipe at its end is readable with nothing in it. */
const AT_END = 0;

export function pollCalls(thread: Thread, layout: SubscriptionLayout = SUBSCRIPTION) {
	const { memory } = thread;
	const { clock } = thread.process;

	/** When a clock subscription fires, on the monotonic clock; negative for an errno. */
	function deadline(at: number): number {
		const id = memory.u32(at + layout.clock);
		if (id > CLOCK_THREAD_CPUTIME) return EINVAL;
		const absolute = (memory.u16(at + layout.flags) & SUBCLOCKFLAG_ABSTIME) !== 0;
		if (!absolute) return thread.pollStart + memory.u64(at + layout.timeout) / NS_PER_MS;
		if (id > 1) return ENOTSUP;
		const shift = id === CLOCK_REALTIME ? clock.monotonic() - clock.realtime() : 0;
		// Nanoseconds since 1970 are no exact number, and a guest must not wake too early: whole
		// microseconds are, rounded up.
		const microseconds = Number((memory.big(at + layout.timeout) + 999n) / 1000n);
		return Math.max(0, microseconds / 1000 + shift);
	}

	function emit(
		at: number,
		subscription: number,
		error: number,
		type: number,
		bytes: number,
	): void {
		for (let i = 0; i < EVENT.size; i += 4) memory.setU32(at + i, 0);
		memory.setU32(at + EVENT.userdata, memory.u32(subscription + layout.userdata));
		memory.setU32(at + EVENT.userdata + 4, memory.u32(subscription + layout.userdata + 4));
		memory.setU16(at + EVENT.error, -error);
		memory.u8[at + EVENT.type] = type;
		memory.setU64(at + EVENT.nbytes, bytes);
		const atEnd = type === EVENTTYPE_FD_READ && error === 0 && bytes === AT_END;
		memory.setU16(at + EVENT.flags, atEnd ? EVENTRWFLAG_HANGUP : 0);
	}

	/** How much the descriptor of a subscription would give or take; PENDING or an errno. */
	function ready(at: number, type: number): number {
		const file = thread.process.descriptors.get(memory.u32(at + layout.fd));
		if (file === undefined) return EBADF;
		if ((file.rights & RIGHT_POLL_FD_READWRITE) === 0) return ENOTCAPABLE;
		if (file.node.type === "directory") return EBADF;
		if (type === EVENTTYPE_FD_WRITE) return file.node.writable();
		if (file.node.type !== "file") return file.node.readable();
		const size = file.node.size();
		return size < 0 ? size : Math.max(0, size - file.position);
	}

	return {
		poll_oneoff(input: number, output: number, count: number, result: number): number {
			const n = count >>> 0;
			const subscriptions = input >>> 0;
			const events = output >>> 0;
			if (n === 0 || n > MOST_SUBSCRIPTIONS) return EINVAL;
			if (!memory.has(subscriptions, n * layout.size)) return EFAULT;
			if (!memory.has(events, n * EVENT.size) || !memory.has(result >>> 0, 4)) return EFAULT;
			if (thread.pollStart < 0) thread.pollStart = clock.monotonic();
			const now = clock.monotonic();
			let found = 0;
			let next = Number.POSITIVE_INFINITY;
			for (let i = 0; i < n; i++) {
				const at = subscriptions + i * layout.size;
				const type = memory.u8[at + layout.tag] as number;
				const event = events + found * EVENT.size;
				if (type === EVENTTYPE_CLOCK) {
					const when = deadline(at);
					if (when >= 0 && when > now) {
						next = Math.min(next, when);
						continue;
					}
					emit(event, at, Math.min(when, 0), type, 0);
				} else if (type === EVENTTYPE_FD_READ || type === EVENTTYPE_FD_WRITE) {
					const bytes = ready(at, type);
					if (bytes === PENDING) continue;
					emit(event, at, Math.min(bytes, 0), type, Math.max(0, bytes));
				} else {
					thread.pollStart = -1;
					thread.bridge.dropNotes();
					return EINVAL;
				}
				found += 1;
			}
			if (found === 0) {
				return thread.bridge.pending(
					next < Number.POSITIVE_INFINITY ? thread.bridge.alarm(next) : thread.stopped,
				);
			}
			thread.pollStart = -1;
			thread.bridge.dropNotes();
			memory.setU32(result >>> 0, found);
			return 0;
		},
	};
}

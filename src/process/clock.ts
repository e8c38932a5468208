/**
 * The world's clocks, as the browser has them. Their steps are coarser than a nanosecond, and how
 * coarse depends on the browser and on isolation; so the resolution is measured, once.
 */
import type { Clock } from "./process.ts";

const NS_PER_MS = 1e6;
/** Asking for it costs twice what asking the time does, and it never changes. */
const ORIGIN = performance.timeOrigin;

export function worldClock(): Clock {
	let step = 0;
	return {
		realtime: () => {
			stampedAt = Number.NaN;
			return ORIGIN + performance.now();
		},
		monotonic: () => performance.now(),
		resolution: () => {
			step ||= measure();
			return step;
		},
	};
}

/** The smallest of a few steps that the clock is seen to make, in nanoseconds. */
function measure(): number {
	let smallest = Number.POSITIVE_INFINITY;
	let last = performance.now();
	for (let steps = 0; steps < 4; ) {
		const now = performance.now();
		if (now === last) continue;
		smallest = Math.min(smallest, now - last);
		last = now;
		steps += 1;
	}
	return Math.max(1, Math.round(smallest * NS_PER_MS));
}

/** What files get as their time, and in which millisecond it was taken. */
let stamp = 0n;
let stampedAt = Number.NaN;

/**
 * The time for files, in nanoseconds since 1970.
 *
 * The fine clock costs half a microsecond, as much as the rest of an `unlink`, and the coarse one a
 * tenth of that. So the fine one is asked once per millisecond; kernels stamp files no finer. A guest
 * cannot tell: where it has looked at the clock in between, the next file is not older than that.
 */
export function nowNanoseconds(): bigint {
	const now = Date.now();
	if (now !== stampedAt) {
		stampedAt = now;
		stamp = BigInt(Math.floor((ORIGIN + performance.now()) * 1000)) * 1000n;
	}
	return stamp;
}

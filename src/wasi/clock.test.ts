import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { EPOCH, Session, transcript } from "./transcript.testkit.ts";

/** What a clock shows now. */
function read(session: Session, id: number): bigint {
	expect(session.calls.clock_time_get?.(id, 0n, 1024)).toBe(0);
	return new DataView(session.wasm.buffer).getBigUint64(1024, true);
}

test("clocks by number", () => {
	transcript(`
		clock_res_get realtime          = 5000
		clock_res_get monotonic         = 5000
		clock_res_get process_cputime   = 5000
		clock_res_get thread_cputime    = 5000
		clock_res_get 4                 = EINVAL
		clock_res_get -1                = EINVAL
		clock_time_get realtime         = 1700000001000000000
		clock_time_get monotonic        = 1000000000
		clock_time_get process_cputime  = 0
		clock_time_get thread_cputime   = 0
		clock_time_get 4                = EINVAL
		clock_time_get -1               = EINVAL
		clock_time_get realtime -1      = 1700000001000000000
		clock 2.5
		clock_time_get realtime         = 1700000001002500000
		clock_time_get monotonic        = 1002500000
		clock_time_get process_cputime  = 2500000
	`);
});

test("time spent waiting is not processor time", () => {
	transcript(`
		clock 3
		poll_oneoff clock:100ms          = 0:clock after 100ms
		clock 1
		clock_time_get process_cputime   = 4000000
		clock_time_get monotonic         = 1104000000
	`);
});

describe("the monotonic clock", () => {
	test("is never the same twice, and never behind the world's", () => {
		const session = new Session();
		let last = 0n;
		for (let i = 0; i < 1000; i++) {
			if (i % 7 === 0) session.bridge.now += 0.000_3;
			const now = read(session, 1);
			expect(now > last).toBe(true);
			expect(now >= BigInt(Math.floor(session.bridge.now * 1e6))).toBe(true);
			last = now;
		}
		expect(Number(last) / 1e6).toBeLessThan(session.bridge.now + 0.001);
	});

	test("goes on when the world's goes back", () => {
		const session = new Session();
		const before = read(session, 1);
		session.bridge.now -= 500;
		expect(read(session, 1)).toBe(before + 1n);
	});
});

test("nanoseconds are exact for every time that a browser can show", () => {
	const session = new Session();
	fc.assert(
		fc.property(
			fc.integer({ min: 0, max: 4_000_000_000_000 }),
			fc.integer({ min: 0, max: 1023 }),
			(ms, part) => {
				// Fractions of 1/1024 ms are exact in a number of this size.
				session.bridge.now = ms - EPOCH + part / 1024;
				const exact = BigInt(ms) * 1_000_000n + BigInt(Math.floor((part * 1e6) / 1024));
				const shown = read(session, 0);
				const error = shown - exact;
				expect(error >= -1n && error <= 1n, `${shown} for ${exact}`).toBe(true);
			},
		),
	);
});

test("whole milliseconds are exact to the last digit", () => {
	const session = new Session();
	fc.assert(
		fc.property(fc.integer({ min: 0, max: 8_640_000_000_000 }), (ms) => {
			session.bridge.now = ms - EPOCH;
			expect(read(session, 0)).toBe(BigInt(ms) * 1_000_000n);
		}),
	);
});

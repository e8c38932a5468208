import { describe, expect, test } from "vitest";
import { EIO, PENDING } from "../abi/errno.ts";
import type { PlainCall } from "./adapter.ts";
import type { StopHandle, Ticket } from "./bridge.ts";
import { PreloadedBridge } from "./preloaded.ts";
import { LocalTicket } from "./ticket.ts";

interface Run {
	readonly bridge: PreloadedBridge;
	readonly warnings: string[];
	readonly guest: StopHandle & { flushed: number };
	/** Makes a call as the adapter does, inside a guest. */
	call(name: string, f: PlainCall, ...args: number[]): Promise<number>;
}

const idle = { ended: false, stopped: new LocalTicket<void>(), waited: 0, flush: () => {} };

/** A bridge that can ask nobody, and a guest. */
function started(ask = () => Promise.reject(new Error("nobody is there"))): Run {
	const warnings: string[] = [];
	const bridge = new PreloadedBridge(ask, (message) => warnings.push(message));
	const guest = {
		ended: false,
		stopped: new LocalTicket<void>(),
		waited: 0,
		flushed: 0,
		flush: () => {
			guest.flushed += 1;
		},
	};
	const wait = bridge.waitImport(guest) as () => number;
	const call = async (name: string, f: PlainCall, ...args: number[]) => {
		const named = bridge.calls({ [name]: f })[name] as PlainCall;
		const answer = await bridge.enter(guest, () => {
			for (let times = 0; times < 10; times++) {
				const answer = named(...args);
				if (answer !== PENDING) return answer;
				if (wait() !== 0) throw new Error("trapped");
			}
			throw new Error("PENDING for ever");
		});
		return answer as number;
	};
	return { bridge, warnings, guest, call };
}

describe("sleeping", () => {
	test("a call that waits for an alarm sleeps until then, and the time is counted as waiting", async () => {
		const { bridge, warnings, guest, call } = started();
		const from = performance.now();
		let alarm: Ticket<void> | null = null;
		const answer = await call("poll_oneoff", () => {
			alarm ??= bridge.alarm(from + 30);
			return alarm.done ? 0 : bridge.pending(alarm);
		});
		expect(answer).toBe(0);
		expect(performance.now() - from).toBeGreaterThanOrEqual(30);
		expect(guest.waited).toBeGreaterThan(10);
		expect(guest.flushed).toBeGreaterThan(0);
		expect(warnings).toEqual([]);
	});

	test("another alarm rings in between, a later one does not", async () => {
		const { bridge, call } = started();
		const rung: number[] = [];
		await call("poll_oneoff", () => {
			if (rung.length > 0) return 0;
			const now = performance.now();
			for (const ms of [60_000, 5]) bridge.alarm(now + ms).watch(() => rung.push(ms));
			const mine = bridge.alarm(now + 10);
			mine.watch(() => rung.push(10));
			return bridge.pending(mine);
		});
		expect(rung).toEqual([5, 10]);
	});

	test("an alarm that has not rung when the guest ends rings by itself", async () => {
		const { bridge, call } = started();
		let alarm: Ticket<void> | null = null;
		await call("fd_write", () => {
			alarm = bridge.alarm(performance.now() + 20);
			return 0;
		});
		await new Promise<void>((resolve) => (alarm as Ticket<void> | null)?.watch(resolve));
		expect((alarm as Ticket<void> | null)?.done).toBe(true);
	});

	test("giving way to others costs nothing, for there are none", async () => {
		const { bridge, call } = started();
		expect(await call("sched_yield", () => (bridge.nextTurn().done ? 0 : PENDING))).toBe(0);
	});
});

describe("a guest whose time is over", () => {
	const limited = () => {
		const run = started();
		let ended = false;
		Object.defineProperty(run.guest, "ended", { get: () => ended });
		run.bridge.expire(run.guest, performance.now() + 20, () => {
			ended = true;
		});
		return { ...run, hasEnded: () => ended };
	};

	test("is ended while it sleeps, however long it would", async () => {
		const { bridge, call, hasEnded, warnings } = limited();
		const alarm = bridge.alarm(performance.now() + 600_000);
		await expect(call("poll_oneoff", () => bridge.pending(alarm))).rejects.toThrow("trapped");
		expect(hasEnded()).toBe(true);
		expect(warnings).toEqual([]);
	});

	test("is ended while it computes, or makes calls that do not wait", async () => {
		const { bridge, guest, hasEnded } = limited();
		await bridge.enter(guest, () => {
			while (!guest.ended) bridge.shouldYield(guest);
		});
		expect(hasEnded()).toBe(true);
	});

	test("and no other", async () => {
		const { bridge, guest, hasEnded } = limited();
		const until = performance.now() + 40;
		await bridge.enter(idle, () => {
			while (performance.now() < until) bridge.shouldYield(idle);
		});
		expect([guest.ended, hasEnded()]).toEqual([false, false]);
	});
});

describe("refusing", () => {
	test("what only others could answer is EIO, and the page is warned by name, once", async () => {
		const { bridge, warnings, call } = started();
		const input = new LocalTicket<void>();
		const read = () => (input.done ? 1 : bridge.pending(input));
		expect(await call("fd_read", read, 0, 8, 1, 16)).toBe(EIO);
		expect(warnings).toHaveLength(1);
		expect(warnings[0]).toMatch(/`fd_read` of standard input .*EIO/);
		expect(warnings[0]).toContain("JSPI");
		// The ticket is as it was: who answers it later is heard.
		expect(input.done).toBe(false);
		input.answer();
		expect(await call("fd_read", read, 0, 8, 1, 16)).toBe(1);
		expect(warnings).toHaveLength(1);
	});

	test("a store's file is named, with the place where it is mounted", async () => {
		const { bridge, warnings, call } = started(() => new Promise(() => {}));
		const far = { id: 7 };
		bridge.place(far, "/data");
		const ticket = bridge.ask<{ read(path: string): Promise<void> }, "read">(far, "read", "/a.txt");
		expect(await call("fd_pread", () => bridge.pending(ticket), 5)).toBe(EIO);
		expect(warnings[0]).toContain("`read /data/a.txt`");
	});

	test("only the refused call is refused; the next one sleeps", async () => {
		const { bridge, warnings, call } = started();
		const never = new LocalTicket<void>();
		await call("fd_read", () => bridge.pending(never), 0);
		let alarm: Ticket<void> | null = null;
		const slept = await call("poll_oneoff", () => {
			alarm ??= bridge.alarm(performance.now() + 1);
			return alarm.done ? 0 : bridge.pending(alarm);
		});
		expect(slept).toBe(0);
		expect(warnings).toHaveLength(1);
	});

	test("a guest that is refused again and again is told each time, the page a few times", async () => {
		const { bridge, warnings, call } = started();
		const never = new LocalTicket<void>();
		const calls = Array.from({ length: 100 }, (_, i) => i);
		const named = bridge.calls(
			Object.fromEntries(calls.map((i) => [`call_${i}`, () => bridge.pending(never)])),
		);
		const { guest } = started();
		const wait = bridge.waitImport(guest) as () => number;
		await bridge.enter(guest, () => {
			for (const i of calls) {
				const f = named[`call_${i}`] as PlainCall;
				expect(f()).toBe(PENDING);
				wait();
				expect(f()).toBe(EIO);
			}
		});
		expect(warnings.length).toBeGreaterThan(1);
		expect(warnings.length).toBeLessThanOrEqual(20);
		expect(await call("fd_sync", () => bridge.pending(never), 4)).toBe(EIO);
	});

	test("what a guest throws comes out of `enter`, and others may wait again", async () => {
		const { bridge } = started();
		const trap = new Error("a trap");
		await expect(
			bridge.enter(idle, () => {
				throw trap;
			}),
		).rejects.toBe(trap);
		expect(bridge.urgent).toBe(false);
		const ticket = new LocalTicket<void>();
		expect(bridge.pending(ticket)).toBe(PENDING);
		const noted = bridge.anyNoted();
		ticket.answer();
		await noted;
	});
});

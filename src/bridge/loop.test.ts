import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { LoopBridge } from "./loop.ts";

/** Time stands still but for what a test lets pass; messages arrive as ever. */
beforeEach(() => {
	vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "performance"] });
});
afterEach(() => {
	vi.useRealTimers();
});

const bridge = () => new LoopBridge(() => Promise.reject(new Error("nobody is there")));

/** Lets the messages arrive that an alarm sets its timer from. */
async function messages(): Promise<void> {
	for (let i = 0; i < 3; i++) await new Promise((resolve) => setImmediate(resolve));
}

test("an alarm rings when its time has come, and not before", async () => {
	const alarm = bridge().alarm(performance.now() + 2.5);
	await messages();
	vi.advanceTimersByTime(2);
	expect(alarm.done).toBe(false);
	vi.advanceTimersByTime(1);
	expect(alarm.done).toBe(true);
});

test("an alarm that two wait for rings for the one that stays, and for one that comes back", async () => {
	const alarm = bridge().alarm(performance.now() + 5);
	const woken: string[] = [];
	const [leaves, stays] = [() => woken.push("leaves"), () => woken.push("stays")];
	alarm.watch(leaves);
	alarm.watch(stays);
	alarm.unwatch(leaves);
	await messages();
	alarm.unwatch(stays);
	expect(vi.getTimerCount()).toBe(0);
	alarm.watch(stays);
	vi.advanceTimersByTime(5);
	expect(woken).toEqual(["stays"]);
});

test("an alarm beyond what a timer can wait for rings in the end", async () => {
	const alarm = bridge().alarm(performance.now() + 3e9);
	await messages();
	vi.advanceTimersByTime(2.9e9);
	expect(alarm.done).toBe(false);
	vi.advanceTimersByTime(0.2e9);
	expect(alarm.done).toBe(true);
});

test("one whose time has passed rings at once", async () => {
	const alarm = bridge().alarm(performance.now() - 1);
	await messages();
	expect(alarm.done).toBe(true);
});

test("an alarm that nobody waits for any more leaves no timer behind", async () => {
	const waiting = bridge();
	for (let key = 0; key < 1000; key++) {
		const typed = waiting.ticket<void>();
		waiting.pending(typed);
		waiting.pending(waiting.alarm(performance.now() + 60_000));
		const noted = waiting.anyNoted();
		await messages();
		expect(vi.getTimerCount()).toBe(1);
		typed.answer();
		await noted;
	}
	expect(vi.getTimerCount()).toBe(0);
});

test("an alarm that is left before its timer is set sets none", async () => {
	const waiting = bridge();
	const typed = waiting.ticket<void>();
	waiting.pending(typed);
	waiting.pending(waiting.alarm(performance.now() + 60_000));
	const noted = waiting.anyNoted();
	typed.answer();
	await noted;
	await messages();
	expect(vi.getTimerCount()).toBe(0);
});

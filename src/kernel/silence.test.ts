import { expect, test } from "vitest";
import { BatchRunner } from "../page/batch-runner.ts";
import { SilenceWatch } from "./silence.ts";

/** What waits for a store, on a clock that the test moves. */
function waits(most: number, moved: () => number | undefined) {
	let asked = 0;
	const quiet = new SilenceWatch(most, () => {
		asked += 1;
		const value = moved();
		// A page that computes does not answer.
		return { done: value !== undefined, value, error: 0, watch() {}, unwatch() {} };
	});
	/** When the wait is given up, where the queue hears nothing. */
	const givenUp = (until: number, heard: (now: number) => number = () => 0) => {
		for (let now = 0; now < until; ) {
			const next = quiet.next(now, heard(now));
			if (next === null) return now;
			now = quiet.asked?.done === true ? now + 1 : next;
		}
		return null;
	};
	return { givenUp, asked: () => asked };
}

test("a store that does nothing is given up when the time is over, and one that answers is not", () => {
	expect(waits(1000, () => 7).givenUp(1e6)).toBe(1000);
	expect(waits(1000, () => undefined).givenUp(1e6)).toBe(1000);
	const answering = waits(1000, () => 7);
	expect(answering.givenUp(1e5, (now) => Math.floor(now / 900))).toBe(null);
});

test("one that works on one batch for longer is not given up, until it works no more", () => {
	let steps = 0;
	const working = waits(1000, () => (steps < 100 ? ++steps : steps));
	const given = working.givenUp(1e6) ?? 0;
	expect(given).toBeGreaterThan(100 * 250);
	expect(given).toBeLessThan(100 * 252 + 1500);
});

test("a quick answer costs no question", () => {
	const quick = waits(1000, () => 0);
	quick.givenUp(200);
	expect(quick.asked()).toBe(0);
});

test("a directory that makes its changes one by one shows each of them, although the batch is not answered", async () => {
	let turn = () => {};
	const methods = async () => {
		await new Promise<void>((resolve) => {
			turn = resolve;
		});
		land.noteProgress();
	};
	const land: BatchRunner = new BatchRunner({
		async apply(changes) {
			for (const _ of changes) await methods();
			return changes.map(() => null);
		},
		conflict() {},
	});
	const batch = land.land(
		Array.from({ length: 3 }, (_, i) => ({ call: "make", path: `/${i}`, type: "file" }) as const),
		false,
		{ unheard: 0, joins: false, bases: [] },
	);
	const seen: number[] = [];
	for (let i = 0; i < 3; i++) {
		await new Promise((resolve) => setTimeout(resolve));
		seen.push(land.progress);
		turn();
	}
	await batch;
	expect(seen).toEqual([0, 1, 2]);
});

/**
 * Random tests: numbers that a seed repeats, and how many seeds are played.
 *
 * A random test is a loop over `seeds(count)`. By default it plays `count` fresh seeds. `SEED=n` plays that
 * one alone, which is how a failure is repeated, so each failure has to print its seed: `withSeed` does that.
 * `HUNT_SECONDS=n` goes on with fresh seeds for so many seconds a test; `npm run hunt` sets it. The
 * properties of fast-check, which prints its seeds itself, take `runs(count)` for the same.
 */

/** Random whole numbers from 0 up to, and without, `sides`. */
export type Dice = (sides: number) => number;

/** A generator of random numbers (mulberry32) that gives the same ones for the same seed. */
export function dice(seed: number): Dice {
	let state = seed >>> 0;
	return (sides) => {
		state = (state + 0x6d2b79f5) >>> 0;
		let mixed = Math.imul(state ^ (state >>> 15), state | 1);
		mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
		return ((mixed ^ (mixed >>> 14)) >>> 0) % sides;
	};
}

/** The seeds that a random test plays: see above. */
export function* seeds(count: number): Generator<number> {
	const { SEED, HUNT_SECONDS } = process.env;
	if (SEED !== undefined) {
		yield Number(SEED);
		return;
	}
	const end = performance.now() + 1000 * Number(HUNT_SECONDS ?? 0);
	for (let played = 0; played < count || performance.now() < end; played++) {
		yield Math.floor(Math.random() * 2 ** 31);
	}
}

/** Parameters of `fc.assert`: `count` runs, or as long as the hunt lasts. */
export function runs(count: number) {
	const { SEED, HUNT_SECONDS } = process.env;
	const hunting = HUNT_SECONDS !== undefined;
	return {
		numRuns: hunting ? Number.MAX_SAFE_INTEGER : count,
		...(hunting && { interruptAfterTimeLimit: 1000 * Number(HUNT_SECONDS) }),
		markInterruptAsFailure: false,
		...(SEED !== undefined && { seed: Number(SEED) }),
	};
}

/** What failed, with the seed in front: `SEED=7 …`. */
export function withSeed(seed: number, cause: unknown): Error {
	return new Error(`SEED=${seed}\n${String(cause)}`, { cause });
}

/**
 * The two ends of a ring: in one thread against the plainest model, and in two under pressure.
 */
import { fileURLToPath } from "node:url";
import { Worker } from "node:worker_threads";
import { buildSync } from "esbuild";
import fc from "fast-check";
import { expect, test } from "vitest";
import { EPIPE, PENDING } from "../abi/errno.ts";
import { runs } from "../abi/random.testkit.ts";
import { makeRing, RING, Ring, RingEnd } from "./output-ring.ts";

/** Both ends, and what came out of them. `room` is what the outlet takes before it has to be asked again. */
class Pair {
	room = Number.POSITIVE_INFINITY;
	posts = 0;
	wakes = 0;
	readonly memory = makeRing();
	/** How many bytes came out, and which. */
	taken = 0;
	readonly #pieces: Uint8Array[] = [];
	readonly ring = new Ring(this.memory, () => {
		this.posts += 1;
	});
	readonly end = new RingEnd(
		this.memory,
		{
			room: () => (this.room === 0 ? PENDING : this.room),
			show: (bytes) => {
				this.#pieces.push(bytes.slice());
				this.taken += bytes.length;
				this.room -= bytes.length;
			},
		},
		() => {
			this.wakes += 1;
		},
	);

	get shown(): Uint8Array {
		return Buffer.concat(this.#pieces);
	}
}

/** So many bytes, no two neighbours alike. */
const bytes = (length: number, from = 0) =>
	Uint8Array.from({ length }, (_, i) => (from + i * 7) & 255);

test("what is put comes out, whatever is put and taken in between", () => {
	const size = fc.oneof(
		fc.integer({ min: 0, max: 100 }),
		fc.integer({ min: RING >> 2, max: RING + 10 }),
	);
	const step = fc.record({ put: size, room: size });
	fc.assert(
		fc.property(fc.array(step, { maxLength: 12 }), (steps) => {
			const pair = new Pair();
			let put = 0;
			for (const step of steps) {
				const n = pair.ring.put(bytes(step.put + 1, 7 * put), 1, step.put);
				const room = RING - (put - pair.taken);
				expect(n).toBe(room === 0 ? PENDING : Math.min(step.put, room));
				put += Math.max(0, n);
				pair.room = step.room;
				const left = pair.end.drain();
				if (left !== 1) expect(left === 0).toBe(pair.taken === put);
			}
			pair.end.empty();
			expect(Buffer.compare(pair.shown, bytes(put, 7))).toBe(0);
		}),
		runs(20),
	);
});

test("the kernel is told once, until it has taken everything", () => {
	const pair = new Pair();
	for (let i = 0; i < 5; i++) pair.ring.put(bytes(10), 0, 10);
	expect(pair.posts).toBe(1);
	expect(pair.ring.empty).toBe(false);
	pair.room = 20;
	expect(pair.end.drain()).toBe(PENDING);
	pair.ring.put(bytes(10), 0, 10);
	expect(pair.posts).toBe(1);
	pair.room = 1000;
	expect(pair.end.drain()).toBe(0);
	expect(pair.ring.empty).toBe(true);
	pair.ring.put(bytes(10), 0, 10);
	expect(pair.posts).toBe(2);
});

test("a guest that found it full is woken when half of it is free", () => {
	const pair = new Pair();
	expect(pair.ring.put(bytes(RING), 0, RING)).toBe(RING);
	expect(pair.ring.put(bytes(1), 0, 1)).toBe(PENDING);
	pair.room = RING / 4;
	pair.end.drain();
	expect(pair.wakes).toBe(0);
	pair.room = RING;
	pair.end.drain();
	expect(pair.wakes).toBe(1);
	pair.end.drain();
	expect(pair.wakes).toBe(1);
	expect(pair.ring.room()).toBe(RING);
});

test("where nobody reads any more, the next write is EPIPE and a sleeper is woken", () => {
	const pair = new Pair();
	pair.ring.put(bytes(RING), 0, RING);
	expect(pair.ring.room()).toBe(PENDING);
	pair.room = EPIPE;
	expect(pair.end.drain()).toBe(0);
	expect(pair.wakes).toBe(1);
	expect(pair.ring.put(bytes(1), 0, 1)).toBe(EPIPE);
	expect(pair.taken).toBe(0);
});

test("counts that make no sense reach no further than the ring", () => {
	const pair = new Pair();
	const words = new Int32Array(pair.memory);
	words[0] = -5;
	words[1] = 0x7fffffff;
	pair.end.drain();
	pair.end.empty();
	expect(pair.taken).toBeGreaterThan(0);
	expect(pair.taken).toBeLessThanOrEqual(3 * RING);
});

test("two threads: everything arrives, in order, through a ring that is mostly full", async () => {
	const total = 40 * RING;
	const pair = new Pair();
	const { outputFiles } = buildSync({
		entryPoints: [fileURLToPath(new URL("output-ring.ts", import.meta.url))],
		bundle: true,
		format: "cjs",
		write: false,
	});
	// The guest's end as it is, in a thread that sleeps on a word of its own when it is PENDING.
	const code = `${outputFiles[0]?.text}
		const { parentPort, workerData: { memory, wake, total } } = require("node:worker_threads");
		const ring = new module.exports.Ring(memory, () => parentPort.postMessage("ring"));
		for (let put = 0; put < total; ) {
			const length = Math.min(total - put, 1 + (put * 31) % 5000);
			const n = ring.put(Uint8Array.from({ length }, (_, i) => ((put + i) * 7) & 255), 0, length);
			if (n > 0) put += n;
			else Atomics.wait(wake, 0, 0, 20_000);
			Atomics.store(wake, 0, 0);
		}
		parentPort.postMessage("done");
	`;
	const wake = new Int32Array(new SharedArrayBuffer(4));
	let taken = 0;
	let wrong = 0;
	const end = new RingEnd(
		pair.memory,
		{
			room: () => RING,
			show: (piece) => {
				for (const byte of piece) if (byte !== ((taken++ * 7) & 255)) wrong += 1;
			},
		},
		() => {
			Atomics.store(wake, 0, 1);
			Atomics.notify(wake, 0);
		},
	);
	const thread = new Worker(code, { eval: true, workerData: { memory: pair.memory, wake, total } });
	await new Promise<void>((resolve, reject) => {
		thread.on("error", reject);
		thread.on("message", (message) => {
			while (end.drain() === 1);
			if (message === "done") resolve();
		});
	});
	await thread.terminate();
	expect({ taken, wrong }).toEqual({ taken: total, wrong: 0 });
});

import { describe, expect, test } from "vitest";
import { Session } from "./transcript.testkit.ts";

const END = 0xee;

/** A session whose random bytes are counted: 1, 2, … 251, 1, 2, … */
function counted(pages = 4): { session: Session; asked: Uint8Array[] } {
	const asked: Uint8Array[] = [];
	let next = 0;
	const session = new Session({
		pages,
		fillRandom: (bytes) => {
			expect(bytes.length).toBeLessThanOrEqual(65536);
			expect(bytes.buffer).toBeInstanceOf(ArrayBuffer);
			for (let i = 0; i < bytes.length; i++) bytes[i] = 1 + (next++ % 251);
			asked.push(bytes);
		},
	});
	session.bytes.fill(END);
	return { session, asked };
}

describe("every size is filled, and nothing beyond", () => {
	test.each([0, 1, 2, 1023, 1024, 1025, 16384, 16385, 65535, 65536, 65537, 200000])(
		"%d bytes",
		(size) => {
			const { session } = counted();
			expect(session.calls.random_get?.(1001, size)).toBe(0);
			const { bytes } = session;
			expect(bytes[1000]).toBe(END);
			expect(bytes[1001 + size]).toBe(END);
			// No byte of ours is END or 0, and 251 of them in a row are all there are.
			const filled = bytes.subarray(1001, 1001 + size);
			expect(filled.every((byte) => byte !== 0)).toBe(true);
			expect(new Set(filled).size).toBe(Math.min(size, 251));
		},
	);
});

test("small requests share one fill, and what is given away is wiped", () => {
	const { session, asked } = counted();
	const given: number[] = [];
	for (let i = 0; i < 100; i++) {
		session.calls.random_get?.(1024, 64);
		given.push(...session.bytes.subarray(1024, 1088));
	}
	expect(asked.length).toBe(1);
	const [pool = new Uint8Array()] = asked;
	expect(pool.filter((byte) => byte === 0).length).toBe(6400);
	// What is still there was not given: each byte once, so the counts add up.
	const kept = [...pool].filter((byte) => byte !== 0);
	const all = Array.from({ length: pool.length }, (_, i) => 1 + (i % 251));
	expect([...given, ...kept].sort((a, b) => a - b)).toEqual(all.sort((a, b) => a - b));
});

test("a request that the rest of the pool cannot serve is served by a new one", () => {
	const { session, asked } = counted();
	for (let i = 0; i < 17; i++) session.calls.random_get?.(1024, 1000);
	expect(asked.length).toBe(2);
	expect(session.bytes.subarray(1024, 2024).every((byte) => byte !== 0)).toBe(true);
});

test("shared memory is filled, too", () => {
	const session = new Session({ shared: true, pages: 4 });
	for (const size of [16, 100_000]) {
		expect(session.calls.random_get?.(1024, size)).toBe(0);
		expect(new Set(session.bytes.slice(1024, 1024 + size)).size).toBeGreaterThan(5);
	}
});

test("what does not fit into memory is EFAULT, and nothing is written", () => {
	const { session, asked } = counted(1);
	for (const [at, size] of [
		[65536, 1],
		[65535, 2],
		[0, 65537],
		[-1, 1],
		[-1, -1],
		[0, -1],
	] as const) {
		expect(session.calls.random_get?.(at, size)).toBe(21);
	}
	expect(session.calls.random_get?.(65536, 0)).toBe(0);
	expect(asked).toEqual([]);
	expect(session.bytes.every((byte) => byte === END)).toBe(true);
});

import { createHash } from "node:crypto";
import fc from "fast-check";
import { expect, test } from "vitest";
import { sha256Now } from "./sha256.ts";

const plain = (bytes: Uint8Array) => new Uint8Array(createHash("sha256").update(bytes).digest());

test("is what Node computes, for any bytes", () => {
	fc.assert(
		fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => {
			expect(sha256Now(bytes)).toEqual(plain(bytes));
		}),
	);
});

test("at every length around the end of a block, and for a large file", () => {
	for (let length = 50; length < 140; length++) {
		const bytes = new Uint8Array(length).fill(length);
		expect(sha256Now(bytes)).toEqual(plain(bytes));
	}
	const large = Uint8Array.from({ length: 3_000_000 }, (_, i) => (i * 7919) >>> 3);
	expect(sha256Now(large)).toEqual(plain(large));
});

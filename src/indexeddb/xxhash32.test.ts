import { expect, test } from "vitest";
import { checksum } from "./xxhash32.ts";

const bytes = (text: string) => new TextEncoder().encode(text);

test("it is xxHash32, as its specification and other implementations have it", () => {
	expect(checksum(bytes(""), 0)).toBe(0x02cc5d05);
	expect(checksum(bytes("a"), 0)).toBe(0x550d7456);
	expect(checksum(bytes("abc"), 0)).toBe(0x32d153ff);
	expect(checksum(bytes("Nobody inspects the spammish repetition"), 0)).toBe(0xe2293b2f);
	expect(checksum(bytes(""), 1)).toBe(0x0b2cb792);
});

test("one bit, one place or one byte more makes another number, wherever the bytes lie", () => {
	const random = Uint8Array.from({ length: 1000 }, () => Math.random() * 256);
	const sum = checksum(random, 7);
	for (let i = 0; i < 200; i++) {
		const other = random.slice();
		const at = Math.floor(Math.random() * other.length);
		other[at] = (other[at] ?? 0) ^ (1 << Math.floor(Math.random() * 8));
		expect(checksum(other, 7)).not.toBe(sum);
	}
	expect(checksum(random, 8)).not.toBe(sum);
	expect(checksum(random.subarray(0, 999), 7)).not.toBe(sum);
	const shifted = new Uint8Array(1003);
	shifted.set(random, 3);
	expect(checksum(shifted.subarray(3), 7)).toBe(sum);
});

import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { Memory, signed, unsigned, utf8 } from "./memory.ts";

const PAGE = 65536;

function attached(pages = 1, shared = false): { memory: Memory; wasm: WebAssembly.Memory } {
	const wasm = new WebAssembly.Memory({ initial: pages, maximum: 10, shared });
	const memory = new Memory();
	memory.attach(wasm);
	return { memory, wasm };
}

describe("bounds", () => {
	test.each<[number, number, boolean]>([
		[0, 0, true],
		[0, PAGE, true],
		[PAGE, 0, true],
		[PAGE - 1, 1, true],
		[PAGE - 1, 2, false],
		[PAGE + 1, 0, false],
		[0, PAGE + 1, false],
		[2 ** 32 - 1, 1, false],
		[2 ** 32 - 1, 2 ** 32 - 1, false],
		[1, 2 ** 32 - 1, false],
	])("%d + %d: %s", (at, length, inside) => {
		expect(attached().memory.has(at, length)).toBe(inside);
	});

	test("without a memory only nothing at 0 is inside", () => {
		const memory = new Memory();
		expect(memory.has(0, 0)).toBe(true);
		expect(memory.has(0, 1)).toBe(false);
	});
});

describe.each([
	["an ordinary memory", false],
	["a shared memory", true],
])("growth of %s", (_name, shared) => {
	test("is noticed by the next bounds check, and all views are new", () => {
		const { memory, wasm } = attached(1, shared);
		memory.setU32(8, 0xdeadbeef);
		wasm.grow(1);
		expect(memory.has(PAGE, 16)).toBe(true);
		expect(memory.u8.length).toBe(2 * PAGE);
		expect(memory.u32(8)).toBe(0xdeadbeef);
		memory.setU32(PAGE, 1);
		memory.setBig(PAGE + 8, 2n ** 63n);
		memory.setU32(PAGE + 5, 0x01020304);
		const seen = new Uint8Array(wasm.buffer);
		expect([...seen.subarray(PAGE, PAGE + 16)]).toEqual([
			1, 0, 0, 0, 0, 4, 3, 2, 1, 0, 0, 0, 0, 0, 0, 0x80,
		]);
	});

	test("does not make an address good that is beyond it", () => {
		const { memory, wasm } = attached(1, shared);
		wasm.grow(1);
		expect(memory.has(2 * PAGE, 1)).toBe(false);
		expect(memory.has(2 * PAGE, 0)).toBe(true);
	});

	test("that happens twice is noticed twice", () => {
		const { memory, wasm } = attached(1, shared);
		wasm.grow(1);
		expect(memory.has(2 * PAGE - 4, 4)).toBe(true);
		wasm.grow(3);
		expect(memory.has(5 * PAGE - 4, 4)).toBe(true);
		expect(memory.has(5 * PAGE - 3, 4)).toBe(false);
	});
});

describe("numbers, aligned or not", () => {
	const u32 = fc.integer({ min: 0, max: 2 ** 32 - 1 });
	const at = fc.integer({ min: 0, max: 64 });

	test("are little-endian and read back", () => {
		const { memory, wasm } = attached();
		const view = new DataView(wasm.buffer);
		fc.assert(
			fc.property(at, u32, u32, (to, low, high) => {
				memory.setU32(to, low);
				expect(view.getUint32(to, true)).toBe(low);
				expect(memory.u32(to)).toBe(low);
				memory.setU16(to, high);
				expect(view.getUint16(to, true)).toBe(high & 0xffff);
				expect(memory.u16(to)).toBe(high & 0xffff);
				const big = (BigInt(high) << 32n) | BigInt(low);
				memory.setBig(to, big);
				expect(view.getBigUint64(to, true)).toBe(big);
				expect(memory.big(to)).toBe(big);
			}),
		);
	});

	test("a 64-bit number is exact as long as a number is", () => {
		const { memory, wasm } = attached();
		const view = new DataView(wasm.buffer);
		fc.assert(
			fc.property(at, fc.maxSafeNat(), (to, value) => {
				memory.setU64(to, value);
				expect(view.getBigUint64(to, true)).toBe(BigInt(value));
				expect(memory.u64(to)).toBe(value);
			}),
		);
	});

	test("a negative 32-bit number is stored as its two's complement", () => {
		const { memory } = attached();
		for (const at of [0, 1, 2, 3]) {
			memory.setU32(at, -1);
			expect(memory.u32(at)).toBe(2 ** 32 - 1);
		}
	});

	test("two words of an argument", () => {
		const words = fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 });
		fc.assert(
			fc.property(words, words, (low, high) => {
				const bits = (BigInt(high >>> 0) << 32n) | BigInt(low >>> 0);
				expect(unsigned(low, high)).toBe(Number(bits));
				expect(signed(low, high)).toBe(Number(BigInt.asIntN(64, bits)));
			}),
		);
		expect(signed(-1, -1)).toBe(-1);
		expect(unsigned(-1, -1)).toBe(2 ** 64);
		expect(signed(0, -(2 ** 31))).toBe(-(2 ** 63));
	});
});

describe.each([
	["ordinary", false],
	["shared", true],
])("strings in %s memory", (_name, shared) => {
	const { memory } = attached(1, shared);

	/** What `bytes` are read as. */
	function read(bytes: Uint8Array): string | null {
		memory.setBytes(7, bytes.length, bytes);
		return memory.string(7, bytes.length);
	}

	test("short, long, in any script, with a byte order mark and zeros", () => {
		const texts = ["", "a", "a".repeat(32), "a".repeat(33), "ä", "日本語", "🙂", "a\0b", "\ufeffx"];
		for (const text of [...texts, ...texts.map((t) => t.repeat(20))]) {
			expect(read(utf8(text))).toBe(text);
		}
	});

	test("any string comes back", () => {
		fc.assert(
			fc.property(fc.string({ unit: "binary" }), (text) => {
				expect(read(utf8(text))).toBe(text);
			}),
		);
	});

	test.each([
		["a lone continuation", [0x80]],
		["cut short", [0xc3]],
		["overlong", [0xc0, 0xaf]],
		["a surrogate", [0xed, 0xa0, 0x80]],
		["beyond Unicode", [0xf4, 0x90, 0x80, 0x80]],
		["after much ASCII", [...new Array<number>(40).fill(0x61), 0xff]],
	])("what is not UTF-8 is null: %s", (_name, bytes) => {
		expect(read(new Uint8Array(bytes))).toBeNull();
	});
});

test("setBytes writes what fits and nothing beyond", () => {
	const { memory } = attached();
	memory.u8.fill(0xaa);
	expect(memory.setBytes(4, 3, utf8("hello"))).toBe(3);
	expect(memory.setBytes(8, 9, utf8("yo"))).toBe(2);
	expect(memory.setBytes(12, 0, utf8("yo"))).toBe(0);
	expect([...memory.u8.subarray(3, 14)]).toEqual([
		0xaa, 0x68, 0x65, 0x6c, 0xaa, 0x79, 0x6f, 0xaa, 0xaa, 0xaa, 0xaa,
	]);
});

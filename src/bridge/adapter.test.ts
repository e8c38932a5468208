import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { EBADF, ENDED, ENOENT, PENDING } from "../abi/errno.ts";
import { runs } from "../abi/random.testkit.ts";
import { adapterModule, type PlainCall, type Signature } from "./adapter.ts";

type Exported = (...args: (number | bigint)[]) => number | undefined;

interface Adapted {
	readonly calls: Record<string, Exported>;
	/** What happened, in order. */
	readonly log: string[];
}

/** The adapter around one call that gives `answers` in turn, and then the last for ever. */
function adapt(
	signature: Signature,
	answers: readonly number[],
	bridge: { wait?: () => number; shouldYield?: () => number } = {},
): { f: Exported; log: string[] } {
	let next = 0;
	const { calls, log } = adaptAll([signature], {
		[signature.name]: () => answers[Math.min(next++, answers.length - 1)] ?? 0,
		...bridge,
	});
	return { f: calls[signature.name] as Exported, log };
}

function adaptAll(
	list: readonly Signature[],
	given: Record<string, PlainCall> & { wait?: () => number; shouldYield?: () => number },
): Adapted {
	const log: string[] = [];
	// A name may be one that every object knows, such as `toString`.
	const call: Record<string, PlainCall> = Object.create(null);
	for (const { name } of list) {
		call[name] = (...args) => {
			log.push([name, ...args].join(" "));
			return Object.hasOwn(given, name) ? (given[name]?.(...args) ?? 0) : 0;
		};
	}
	const noted = (name: "wait" | "shouldYield") => () => {
		log.push(name);
		return given[name]?.() ?? 0;
	};
	const module = new WebAssembly.Module(adapterModule(list));
	const bridge = { wait: noted("wait"), shouldYield: noted("shouldYield") };
	const instance = new WebAssembly.Instance(module, { call, bridge });
	return { calls: instance.exports as unknown as Record<string, Exported>, log };
}

const plain: Signature = { name: "f", params: "ii", result: "errno" };

describe("the module", () => {
	test("of any table is valid, and hands every argument over", () => {
		const name = fc.string({ minLength: 1, maxLength: 200, unit: "grapheme" });
		const params = fc
			.array(fc.constantFrom("i", "I"), { maxLength: 200 })
			.map((kinds) => kinds.join(""));
		const row = fc.record({ name, params, result: fc.constantFrom("errno", "none") });
		const table = fc.uniqueArray(row, { selector: (r) => r.name, maxLength: 40 });
		fc.assert(
			fc.property(table, (rows) => {
				const list = rows as Signature[];
				expect(WebAssembly.validate(adapterModule(list))).toBe(true);
				const { calls, log } = adaptAll(list, {});
				for (const { name, params, result } of list) {
					const args = [...params].map((kind, i) => (kind === "I" ? BigInt(i) : i));
					const words = [...params].flatMap((kind, i) => (kind === "I" ? [i, 0] : [i]));
					if (result === "none") expect(() => calls[name]?.(...args)).toThrow(/unreachable/);
					else expect(calls[name]?.(...args)).toBe(0);
					expect(log.pop()).toBe([name, ...words].join(" "));
				}
			}),
			runs(30),
		);
	});
});

describe("an i64 arrives as its low and its high word", () => {
	test.each<[bigint, number, number]>([
		[0n, 0, 0],
		[1n, 1, 0],
		[-1n, -1, -1],
		[-2n, -2, -1],
		[2n ** 63n - 1n, -1, 2 ** 31 - 1],
		[-(2n ** 63n), 0, -(2 ** 31)],
		[2n ** 32n, 0, 1],
		[2n ** 32n - 1n, -1, 0],
		[2n ** 53n + 1n, 1, 2 ** 21],
		[0x1234_5678_9abc_def0n, 0x9abcdef0 | 0, 0x12345678],
	])("%d", (value, low, high) => {
		const { f, log } = adapt({ name: "f", params: "iIi", result: "errno" }, [0]);
		f(-5, value, 7);
		expect(log).toEqual([`f -5 ${low} ${high} 7`]);
	});
});

describe("answers", () => {
	test.each([
		[0, 0],
		[EBADF, 8],
		[ENOENT, 44],
		[-80, 80],
	])("%d is returned as %d", (answer, errno) => {
		expect(adapt(plain, [answer]).f(1, 2)).toBe(errno);
	});

	test("PENDING: waits, and calls again with the same arguments", () => {
		const { f, log } = adapt(plain, [PENDING, PENDING, ENOENT]);
		expect(f(3, 4)).toBe(44);
		expect(log).toEqual(["f 3 4", "wait", "f 3 4", "wait", "f 3 4"]);
	});

	test("PENDING with a wait that says the guest is over: a trap, and no further call", () => {
		const { f, log } = adapt(plain, [PENDING, 0], { wait: () => 1 });
		expect(() => f(1, 2)).toThrow(WebAssembly.RuntimeError);
		expect(log).toEqual(["f 1 2", "wait"]);
	});

	test("ENDED: a trap, without waiting", () => {
		const { f, log } = adapt(plain, [ENDED]);
		expect(() => f(1, 2)).toThrow(WebAssembly.RuntimeError);
		expect(log).toEqual(["f 1 2"]);
	});

	test("a call without result never returns, whatever it answers", () => {
		for (const answer of [0, ENDED, PENDING, EBADF]) {
			const { f, log } = adapt({ name: "exit", params: "i", result: "none" }, [answer]);
			expect(() => f(7)).toThrow(WebAssembly.RuntimeError);
			expect(log).toEqual(["exit 7"]);
		}
	});

	test("an exception of a call passes through as it is", () => {
		const fault = new Error("a bug");
		const { calls } = adaptAll([plain], {
			f: () => {
				throw fault;
			},
		});
		expect(() => calls.f?.(1, 2)).toThrow(fault);
	});
});

describe("fuel", () => {
	const yields = (log: readonly string[]) => log.filter((line) => line === "shouldYield").length;

	test("every 256 calls the guest yields, whichever calls they are", () => {
		const list: Signature[] = [plain, { name: "g", params: "", result: "errno" }];
		const { calls, log } = adaptAll(list, {});
		for (let i = 0; i < 255; i++) (i % 3 === 0 ? calls.f : calls.g)?.(1, 2);
		expect(yields(log)).toBe(0);
		calls.g?.();
		expect(yields(log)).toBe(1);
		for (let i = 0; i < 512; i++) calls.f?.(1, 2);
		expect(yields(log)).toBe(3);
	});

	test("a breath waits only when it is time, and the call's answer is kept", () => {
		const { f, log } = adapt(plain, [EBADF], { shouldYield: () => 1 });
		for (let i = 0; i < 256; i++) expect(f(1, 2)).toBe(8);
		expect(log.slice(-3)).toEqual(["f 1 2", "shouldYield", "wait"]);
		expect(log.filter((line) => line === "f 1 2").length).toBe(256);
	});

	test("a guest that ends while it yields is trapped", () => {
		const { f } = adapt(plain, [0], { shouldYield: () => 1, wait: () => 1 });
		for (let i = 0; i < 255; i++) f(1, 2);
		expect(() => f(1, 2)).toThrow(WebAssembly.RuntimeError);
	});

	test("a call that waits uses fuel once, however often it is called", () => {
		let called = 0;
		const { calls, log } = adaptAll([plain], { f: () => (called++ % 4 === 3 ? 0 : PENDING) });
		for (let i = 0; i < 255; i++) calls.f?.(1, 2);
		expect(yields(log)).toBe(0);
		calls.f?.(1, 2);
		expect(yields(log)).toBe(1);
	});
});

/**
 * A guest that calls `w.f(7)` inside `try … catch_all` and returns 1 if the call came back, 2 if
 * something was caught.
 */
// biome-ignore format: one line per section
const catching = new Uint8Array([
	0x00, 0x61, 0x73, 0x6d, 0x01, 0x00, 0x00, 0x00,
	0x01, 0x09, 0x02, 0x60, 0x00, 0x01, 0x7f, 0x60, 0x01, 0x7f, 0x00,
	0x02, 0x07, 0x01, 0x01, 0x77, 0x01, 0x66, 0x00, 0x01,
	0x03, 0x02, 0x01, 0x00,
	0x07, 0x07, 0x01, 0x03, 0x72, 0x75, 0x6e, 0x00, 0x01,
	0x0a, 0x10, 0x01, 0x0e, 0x00,
	0x06, 0x7f, 0x41, 0x07, 0x10, 0x00, 0x41, 0x01, 0x19, 0x41, 0x02, 0x0b, 0x0b,
]);

function runCatching(f: WebAssembly.ImportValue): unknown {
	const instance = new WebAssembly.Instance(new WebAssembly.Module(catching), { w: { f } });
	return (instance.exports.run as () => unknown)();
}

describe("a guest with catch_all", () => {
	const exit: Signature = { name: "proc_exit", params: "i", result: "none" };

	test("catches an exception of a plain import", () => {
		const thrown = () => {
			throw new Error("caught by the guest");
		};
		expect(runCatching(() => {})).toBe(1);
		expect(runCatching(thrown)).toBe(2);
	});

	test("does not catch the end of its process", () => {
		const { f, log } = adapt(exit, [ENDED]);
		expect(() => runCatching(f as WebAssembly.ImportValue)).toThrow(WebAssembly.RuntimeError);
		expect(log).toEqual(["proc_exit 7"]);
	});
});

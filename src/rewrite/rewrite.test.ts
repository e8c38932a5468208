import { setFlagsFromString } from "node:v8";
import { expect, test } from "vitest";
import { findMarker, REWRITE_VERSION } from "./marker.ts";
import {
	bodiesOf,
	body,
	call,
	customOf,
	END,
	type Exports,
	exported,
	exportsOf,
	FUNCREF,
	feed,
	fn,
	hintsOf,
	I32,
	I64,
	leb,
	readLeb,
	sectionsOf,
	single,
	text,
	V128,
	wasm,
	wasmFunction,
} from "./module.testkit.ts";
import { EVERYTHING, SAMPLES } from "./proposals.testkit.ts";
import {
	originalOffsets,
	type RewriteOptions,
	rewrite,
	rewriteKnown,
	UnknownModule,
} from "./rewrite.ts";
import { SHAPES } from "./shapes.testkit.ts";

// Node 20 knows memories of 64 bits, but has to be told so.
if (!WebAssembly.validate(wasm({ memories: [[4, 1]] }))) {
	setFlagsFromString("--experimental-wasm-memory64");
}

const METER: RewriteOptions = { meter: "uncounted" };
const ALL: RewriteOptions = { meter: "all" };
const SPIN = single([], [], [0x03, 0x40, 0x0c, 0, END]);
const PAGE = [0, 1];

/** The answers of a sample's calls, and the fuel that was used, where it is granted in parts of `fuel`. */
function play(bytes: Uint8Array<ArrayBuffer>, sample: (typeof SAMPLES)[number], fuel: number) {
	const exports = exportsOf(bytes, sample.imports?.());
	const asks = feed(exports, fuel);
	const answers = sample.calls.map(([name, ...args]) => call(exports, `${name}`, ...args));
	const left = exports["porthole:left"] ? call(exports, "porthole:left") : fuel;
	return { answers, used: asks() * (fuel + 1) + fuel - Number(left) };
}

/** Takes the checks out of a metered body again, at its hints; the locals are left out of both. */
function withoutChecks(original: Uint8Array, rewritten: Uint8Array): [number[], number[]][] {
	const before = bodiesOf(original);
	const after = bodiesOf(rewritten);
	const hints = [...hintsOf(rewritten)];
	const imported = Math.min(...hints.map(([index]) => index), 0);
	expect(imported).toBe(0);
	return hints.map(([index, offsets]) => {
		const from = before[index];
		const to = after[index];
		if (!from || !to) throw new Error(`no body ${index}`);
		const code = [...rewritten.subarray(to.start, to.end)];
		for (const offset of [...offsets].reverse()) {
			expect(code.slice(offset, offset + 3)).toEqual([0x04, 0x40, 0x10]); // if, call
			const [, end] = readLeb(Uint8Array.from(code), offset + 3);
			expect(code[end]).toBe(END);
			// Before it i32.eqz: a local counts, whose index takes a byte here. Or i32.lt_s: the global does.
			const start = offset - (code[offset - 1] === 0x45 ? 11 : 12);
			code.splice(start, end + 1 - start);
		}
		return [[...original.subarray(from.start, from.end)], code];
	});
}

/** How many bytes declare the locals of a body. */
function localsLength(code: number[]): number {
	const bytes = Uint8Array.from(code);
	let [left, at] = readLeb(bytes, 0);
	for (; left > 0; left--) {
		[, at] = readLeb(bytes, at);
		at += bytes[at] === 0x63 || bytes[at] === 0x64 ? 2 : 1;
	}
	return at;
}

test("an endless loop asks for fuel, and an error in the answer ends it", () => {
	const { bytes, loops, metered, changed } = rewrite(SPIN, METER);
	expect({ loops, metered, changed }).toEqual({ loops: 1, metered: 1, changed: true });
	const exports = exportsOf(bytes);
	let left = 5;
	const asks = feed(exports, 10, () => {
		if (left-- === 0) throw new Error("the end");
		return 100;
	});
	expect(call(exports, "f")).toBe("Error: the end");
	expect(asks()).toBe(6);
});

test("a module without loops stays as it is", () => {
	const plain = single([I32], [I32], [0x20, 0]);
	expect(rewrite(plain, METER)).toEqual({ bytes: plain, loops: 0, metered: 0, changed: false });
	expect(rewrite(SPIN, {})).toEqual({ bytes: SPIN, loops: 0, metered: 0, changed: false });
	const empty = wasm({});
	expect(rewrite(empty, EVERYTHING).bytes).toEqual(empty);
	expect(originalOffsets(plain, METER)(20)).toBe(20);
});

for (const sample of SAMPLES) {
	const known = WebAssembly.validate(sample.bytes);
	test(`${sample.name}: the same before and after${known ? "" : " (Node does not know it: only read)"}`, () => {
		const metered = rewrite(sample.bytes, METER);
		expect(metered.metered).toBe(sample.metered);
		expect(rewrite(sample.bytes, ALL).metered).toBe(metered.loops);
		expect(sectionsOf(metered.bytes).at(-1)?.end).toBe(metered.bytes.length);
		expect([...hintsOf(metered.bytes).values()].flat()).toHaveLength(metered.metered);
		if (!known) return;
		expect(WebAssembly.validate(metered.bytes)).toBe(true);
		const before = play(sample.bytes, sample, 1);
		expect(before.answers.some((answer) => typeof answer === "string")).toBe(false);
		for (const options of [METER, ALL]) {
			const { bytes } = rewrite(sample.bytes, options);
			const after = play(bytes, sample, 1);
			expect(after.answers).toEqual(before.answers);
			// What is used does not depend on how it is granted.
			expect(play(bytes, sample, 1_000_000).used).toBe(after.used);
			expect(play(bytes, sample, 3).used).toBe(after.used);
		}
	});
}

test.each(SHAPES)("$source: counted: $isCounted", ({ module, isCounted }) => {
	const bytes = Uint8Array.from(Buffer.from(module, "base64"));
	const { loops, metered, bytes: rewritten } = rewrite(bytes, METER);
	expect(metered).toBe(isCounted ? 0 : loops);
	expect(WebAssembly.validate(rewritten)).toBe(true);
	expect(rewrite(bytes, ALL).metered).toBe(loops);
});

/** `local.set i (i32.add (local.get i) (i32.const 1))`, and `br_if 0 (i32.lt_u (local.get i) (local.get n))`. */
const STEP = [0x20, 0, 0x41, 1, 0x6a, 0x21, 0];
const TEST = [0x20, 0, 0x20, 1, 0x49, 0x0d, 0];
test.each([
	["a step and a test", [...STEP, ...TEST], 0],
	["a tee in the test", [0x20, 0, 0x41, 1, 0x6a, 0x22, 0, 0x20, 1, 0x49, 0x0d, 0], 0],
	["a tee on the right", [0x20, 1, 0x20, 0, 0x41, 1, 0x6a, 0x22, 0, 0x4b, 0x0d, 0], 0],
	["down to zero", [0x20, 0, 0x41, 4, 0x6b, 0x22, 0, 0x0d, 0], 0],
	["zero is asked for", [0x20, 0, 0x41, 4, 0x6b, 0x22, 0, 0x45, 0x0d, 0], 0],
	["a way out at the top", [0x20, 0, 0x45, 0x0d, 1, ...STEP, 0x0c, 0], 0],
	["a step of nothing", [0x20, 0, 0x41, 0, 0x6a, 0x21, 0, ...TEST], 1],
	["a step of nothing, padded", [0x20, 0, 0x41, 0x80, 0, 0x6a, 0x21, 0, ...TEST], 1],
	["no test", [...STEP, 0x0c, 0], 1],
	["two steps", [...STEP, ...STEP, ...TEST], 1],
	["a bound that moves", [...STEP, 0x41, 9, 0x21, 1, ...TEST], 1],
	["a step under a condition", [0x20, 1, 0x04, 0x40, ...STEP, END, ...TEST], 1],
	["a way back before the step", [0x20, 1, 0x0d, 0, ...STEP, ...TEST], 1],
	["a way back beside the test", [...STEP, ...TEST, 0x0c, 0], 1],
	["a way out behind a way back", [...STEP, 0x20, 1, 0x0d, 0, 0x20, 0, 0x45, 0x0d, 1, 0x0c, 0], 1],
	["a way out in a block", [...STEP, 0x02, 0x40, 0x20, 0, 0x45, 0x0d, 2, END, 0x0c, 0], 1],
	["a call", [0x41, 0, 0x41, 0, 0x10, 0, ...STEP, ...TEST], 1],
	["a loop around", [0x03, 0x40, ...STEP, ...TEST, END, ...TEST], 1],
	["a table of labels", [...STEP, 0x20, 1, 0x0e, 0, 0, ...TEST], 1],
	["a test of something else", [...STEP, 0x20, 0, 0x20, 0, 0x6c, 0x20, 1, 0x49, 0x0d, 0], 1],
	["a test of two that move", [...STEP, 0x20, 0, 0x20, 0, 0x49, 0x0d, 0], 1],
])("a loop with %s", (_, code, metered) => {
	const module = single([I32, I32], [], [0x03, 0x40, ...code, END]);
	expect(WebAssembly.validate(module)).toBe(true);
	expect(rewrite(module, METER).metered).toBe(metered);
});

test("a start function that runs long is not asked", () => {
	// n = 0x3fff; do n += step; while (n), where step is -1.
	const code = [0x41, 0xff, 0xff, 0, 0x21, 0, 0x41, 0x7f, 0x21, 1, 0x03, 0x40];
	const spin = [...code, 0x20, 0, 0x20, 1, 0x6a, 0x22, 0, 0x0d, 0, END];
	const started = single([], [], [], {
		start: 1,
		functions: [0],
		bodies: [body(spin, [[2, I32]])],
	});
	const { metered, bytes } = rewrite(started, METER);
	expect(metered).toBe(1);
	const left = Number(call(exportsOf(bytes), "porthole:left"));
	expect(2 ** 24 - left).toBe(0x3fff >> 6);
});

test("a start function that spins ends by a trap, so that the program can be refused", () => {
	const spins = single([], [], [], {
		start: 1,
		functions: [0],
		bodies: [body([0x03, 0x40, 0x0c, 0, END])],
	});
	expect(() => exportsOf(rewrite(spins, METER).bytes)).toThrow(WebAssembly.RuntimeError);
});

test("each hint is the offset of a check's branch, and without its checks a body is what it was", () => {
	const bodies: Uint8Array<ArrayBuffer>[] = [
		...SAMPLES.map(({ bytes }) => bytes),
		...SHAPES.map(({ module }) => Uint8Array.from(Buffer.from(module, "base64"))),
	];
	let seen = 0;
	for (const original of bodies) {
		const hasImports = sectionsOf(original).some(({ id }) => id === 2);
		if (hasImports) continue;
		for (const [before, after] of withoutChecks(original, rewrite(original, ALL).bytes)) {
			seen++;
			expect(after.slice(localsLength(after))).toEqual(before.slice(localsLength(before)));
		}
	}
	expect(seen).toBeGreaterThan(20);
});

test("hints and source maps of the original are dropped, names stay", () => {
	const old = [0, 1, 1, 5, 1, 0];
	const module = Uint8Array.from([
		...SPIN.subarray(0, 8),
		...[...[0, ...leb(text("metadata.code.branch_hint").length + old.length)]],
		...text("metadata.code.branch_hint"),
		...old,
		...SPIN.subarray(8),
		...[0, 18, ...text("sourceMappingURL"), 0],
		...[0, 6, ...text("name"), 0],
	]);
	const { bytes } = rewrite(module, METER);
	expect(hintsOf(bytes)).toEqual(new Map([[0, [16]]]));
	expect(customOf(bytes, "sourceMappingURL")).toBeUndefined();
	expect(customOf(bytes, "name")).toBeDefined();
});

test("what a module went through is written in it, and it goes through nothing twice", () => {
	expect(findMarker(SPIN)).toBeUndefined();
	expect(findMarker(Uint8Array.of(1, 2, 3))).toBeUndefined();
	const { bytes } = rewrite(SPIN, METER);
	expect(findMarker(bytes)).toMatchObject({ version: REWRITE_VERSION, options: METER });
	expect(findMarker(rewrite(SPIN, EVERYTHING).bytes)).toEqual({
		version: REWRITE_VERSION,
		options: EVERYTHING,
	});
	expect(() => rewrite(bytes, { unshare: true })).toThrow(UnknownModule);
	expect(() => rewrite(bytes, METER)).toThrow("porthole:fuel");
});

test("a module that is not metered, because it was before or is not known, gets the maximum of its memory", () => {
	const grows = { memories: [PAGE], exports: [exported("memory", 0, 2)] };
	const before = rewrite(single([], [], [0x03, 0x40, 0x0c, 0, END], grows), METER).bytes;
	const strange = single([], [], [0xfb, 0x1c, 0, 0x1a], grows);
	for (const bytes of [before, strange]) {
		const { unknown, ...known } = rewriteKnown(bytes, { meter: "all", maximumPages: 2 });
		expect(unknown).toContain("cannot be rewritten");
		expect(known).not.toHaveProperty("isUnlimited");
		const memories = sectionsOf(known.bytes).find(({ id }) => id === 5);
		expect([...known.bytes.subarray(memories?.start, memories?.end)]).toEqual([1, 1, 1, 2]);
	}
	expect(findMarker(rewrite(before, { maximumPages: 2 }).bytes)?.options).toEqual(
		findMarker(before)?.options,
	);
	const { memory } = exportsOf(rewrite(before, { maximumPages: 2 }).bytes);
	expect((memory as WebAssembly.Memory).grow(1)).toBe(1);
	expect(() => (memory as WebAssembly.Memory).grow(1)).toThrow(RangeError);
	expect(rewriteKnown(strange, METER)).toEqual({ bytes: strange, unknown: expect.any(String) });
	const cut = strange.subarray(0, 20);
	expect(rewriteKnown(cut, { meter: "all", maximumPages: 2 })).toMatchObject({
		bytes: cut,
		isUnlimited: true,
	});
});

test("a shared memory becomes a plain one, and a maximum is lowered", () => {
	const imported = [...text("h"), ...text("m"), 2];
	const module = wasm({
		imports: [[...imported, 3, 2, ...leb(65536)]],
		memories: [],
	});
	const memory = (maximum: number) => new WebAssembly.Memory({ initial: 2, maximum });
	const plain = rewrite(module, { unshare: true });
	expect(exportsOf(plain.bytes, { h: { m: memory(65536) } })).toEqual({});
	const lowered = rewrite(module, { unshare: true, maximumPages: 10 });
	expect(() => exportsOf(lowered.bytes, { h: { m: memory(11) } })).toThrow(WebAssembly.LinkError);
	expect(exportsOf(lowered.bytes, { h: { m: memory(10) } })).toEqual({});
	expect(rewrite(module, { maximumPages: 65536 }).changed).toBe(false);
});

test("a memory without a maximum gets one, and memory.grow fails beyond it", () => {
	const grow = single([I32], [I32], [0x20, 0, 0x40, 0], { memories: [[0, 3]] });
	for (const [maximumPages, one, many] of [
		[4, 3, -1],
		[300, 3, 3],
		[1, -1, -1],
	] as const) {
		const { bytes } = rewrite(grow, { maximumPages });
		expect(call(exportsOf(bytes), "f", 1)).toBe(one);
		expect(call(exportsOf(bytes), "f", 200)).toBe(many);
	}
});

const MEMORY_TYPES = [
	["a memory", I32, [0, 3], (pages: number) => pages],
	["a memory of 64 bits", I64, [4, 3], BigInt],
] as const;
test.each(MEMORY_TYPES)(
	"%s: growing answers as it did, and what was refused is noted",
	(_, type, limits, number) => {
		const grow = single([type], [type], [0x20, 0, 0x40, 0], { memories: [[...limits]] });
		const { bytes } = rewrite(grow, { maximumPages: 5, noteRefusals: true });
		const metered = rewrite(grow, { ...METER, maximumPages: 5, noteRefusals: true }).bytes;
		for (const exports of [exportsOf(bytes), exportsOf(metered)]) {
			const tell = (pages: number) => [
				call(exports, "f", number(pages)),
				call(exports, "porthole:refused"),
			];
			expect(tell(2)).toEqual([number(3), 0n]);
			expect(tell(0)).toEqual([number(5), 0n]);
			expect(tell(3)).toEqual([number(-1), 8n]);
			expect(tell(0)).toEqual([number(5), 8n]);
			expect(tell(0xffff_ffff)).toEqual([number(-1), 0x1_0000_0004n]);
		}
	},
);

test("of several memories each notes what it was refused, beside waits and loops", () => {
	const loop = [0x03, 0x40, 0x20, 0, 0x41, 1, 0x6b, 0x22, 0, 0x0d, 0, END];
	const module = single([I32], [I32], [...loop, 0x41, 1, 0x40, 1], {
		memories: [
			[1, 1, 9],
			[1, 2, 9],
			[1, 3, 9],
		],
		globals: [[I32, 0, 0x41, 6, END]],
	});
	const isKnown = WebAssembly.validate(module);
	for (const options of [
		{ maximumPages: 2, noteRefusals: true },
		{ ...ALL, maximumPages: 2, noteRefusals: true, hookWaits: true },
	]) {
		const { bytes } = rewrite(module, options);
		expect(WebAssembly.validate(bytes)).toBe(isKnown);
		if (!isKnown) continue;
		const exports = exportsOf(bytes);
		feed(exports, 1);
		expect(call(exports, "f", 1000)).toBe(-1);
		expect(call(exports, "porthole:refused")).toBe(3n);
	}
	const many = wasm({ memories: Array(101).fill([0, 1]) });
	expect(() => rewrite(many, { noteRefusals: true })).toThrow(UnknownModule);
	const none = single([I32], [I32], [0x20, 0, 0x40, 0]);
	expect(() => rewrite(none, { noteRefusals: true })).toThrow(UnknownModule);
});

test("waits and notify are calls through the table, and the offset goes with them", () => {
	const module = wasm({
		types: [fn([I32, I32, I64], [I32]), fn([I32, I64, I64], [I32]), fn([I32, I32], [I32])],
		functions: [0, 1, 2],
		memories: [[3, 1, 1]],
		exports: [exported("wait32", 0), exported("wait64", 1), exported("notify", 2)],
		bodies: [
			body([0x20, 0, 0x20, 1, 0x20, 2, 0xfe, 1, 2, 0]),
			body([0x20, 0, 0x20, 1, 0x20, 2, 0xfe, 0x82, 0, 3, 0xff, 0xff, 0xff, 0xff, 0x0f]),
			body([0x20, 0, 0x20, 1, 0xfe, 0, 2, 0xc0, 0]),
		],
	});
	const { bytes } = rewrite(module, { hookWaits: true, unshare: true });
	const exports = exportsOf(bytes);
	expect(call(exports, "notify", 4, 1)).toBe(0); // nothing can wait yet
	expect(call(exports, "wait32", 4, 1, 2n)).toMatch(/^RuntimeError/);
	const seen: unknown[] = [];
	const table = exports["porthole:breathe"] as WebAssembly.Table;
	const hook = (params: number[], answer: number) =>
		wasmFunction(params, (...args: unknown[]) => {
			seen.push(args);
			return answer;
		});
	table.set(1, hook([I32, I32, I32], 7));
	table.set(2, hook([I32, I32, I64, I32], 8));
	table.set(3, hook([I32, I64, I64, I32], 9));
	expect(call(exports, "wait32", 4, 1, 2n)).toBe(8);
	expect(call(exports, "wait64", 4, 1n, 2n)).toBe(9);
	expect(call(exports, "notify", 4, 1)).toBe(7);
	expect(seen).toEqual([
		[4, 1, 2n, 0],
		[4, 1n, 2n, -1],
		[4, 1, 64],
	]);
	expect(exports["porthole:fuel"]).toBeUndefined();
});

test("a wait that no hook can take is refused", () => {
	const wide = single([], [I32], [0x42, 0, 0x41, 0, 0xfe, 0, 2, 0], { memories: [[7, 1, 1]] });
	expect(() => rewrite(wide, { hookWaits: true })).toThrow(UnknownModule);
	const second = single([], [I32], [0x41, 0, 0x41, 0, 0xfe, 0, 0x42, 1, 0], {
		memories: [PAGE, PAGE],
	});
	expect(() => rewrite(second, { hookWaits: true })).toThrow(UnknownModule);
	expect(rewrite(second, METER).changed).toBe(false);
});

test("what is hidden is exported", () => {
	const module = wasm({
		types: [fn([], [I32])],
		functions: [0],
		tables: [[FUNCREF, 0, 3]],
		memories: [PAGE],
		globals: [
			[I32, 1, 0x41, 5, END],
			[I32, 0, 0x41, 6, END],
			[I64, 1, 0x42, 7, END],
		],
		exports: [exported("f")],
		bodies: [body([0x23, 0])],
	});
	const exports: Exports = exportsOf(rewrite(module, { exportHidden: true }).bytes);
	expect(Object.keys(exports)).toEqual([
		...["f", "porthole:get:0", "porthole:set:0", "porthole:get:2", "porthole:set:2"],
		...["porthole:memory:0", "porthole:table:0"],
	]);
	call(exports, "porthole:set:0", 41);
	expect(call(exports, "f")).toBe(41);
	expect(call(exports, "porthole:get:2")).toBe(7n);
	const vector = single([], [], [], {
		globals: [[V128, 1, 0xfd, 12, ...new Array(16).fill(0), END]],
	});
	expect(() => rewrite(vector, { exportHidden: true })).toThrow(UnknownModule);
});

test("missing sections are put where they belong", () => {
	const tag = wasm({
		types: [fn([], [])],
		functions: [0],
		memories: [PAGE],
		tags: [[0, 0]],
		start: 0,
		dataCount: 1,
		bodies: [body([0x41, 1, 0x45, 0x04, 0x40, 0x03, 0x40, 0x0c, 0, END, END])],
		data: [[1, 1, 0]],
		between: [0, 2, 1, 0x78],
	});
	const { bytes } = rewrite(tag, EVERYTHING);
	expect(WebAssembly.validate(bytes)).toBe(true);
	const ids = sectionsOf(bytes).flatMap(({ id }) => (id === 0 ? [] : [id]));
	expect(ids).toEqual([1, 3, 4, 5, 13, 6, 7, 8, 12, 10, 11]);
	const memoryOnly = wasm({ memories: [PAGE] });
	expect(WebAssembly.validate(rewrite(memoryOnly, EVERYTHING).bytes)).toBe(true);
});

test("the offset of a trap leads back to the original", () => {
	const trap = (at: number) => [0x20, 0, 0x41, at, 0x46, 0x04, 0x40, 0x00, END];
	const loop = [0x03, 0x40, ...trap(2), 0x20, 0, 0x20, 1, 0x6b, 0x22, 0, 0x0d, 0, END];
	const code = [...trap(1), ...loop, ...trap(0), ...loop];
	const module = single([I32, I32], [], code, { memories: [[3, 1, 9]] });
	const offsetOf = (bytes: Uint8Array<ArrayBuffer>, ...args: number[]) => {
		const exports = exportsOf(bytes);
		feed(exports, 1);
		try {
			(exports.f as (...args: number[]) => void)(...args);
		} catch (error) {
			return Number(/:(0x[0-9a-f]+)/.exec((error as Error).stack ?? "")?.[1]);
		}
		throw new Error("no trap");
	};
	for (const options of [METER, ALL, EVERYTHING]) {
		const { bytes } = rewrite(module, options);
		for (const args of [
			[1, 0],
			[9, 7],
			[9, 9],
		]) {
			const original = offsetOf(module, ...args);
			expect(original).toBeGreaterThan(0);
			expect(originalOffsets(module, options)(offsetOf(bytes, ...args))).toBe(original);
		}
		expect(originalOffsets(module, options)(bytes.length + 5)).toBe(module.length);
	}
});

test("a body that would grow beyond what engines take is left as it is", () => {
	const nops = new Uint8Array(7_654_321 - 20).fill(0x01);
	const start = [0, 0x61, 0x73, 0x6d, 1, 0, 0, 0, 1, 4, 1, 0x60, 0, 0, 3, 2, 1, 0];
	const code = [0x03, 0x40, 0x0c, 0, END, END];
	const size = 1 + nops.length + code.length;
	const payload = 1 + leb(size).length + size;
	const head = [...start, 10, ...leb(payload), 1, ...leb(size), 0];
	const module = new Uint8Array(head.length + nops.length + code.length);
	module.set(head);
	module.set(nops, head.length);
	module.set(code, head.length + nops.length);
	const { loops, metered, changed } = rewrite(module, METER);
	expect({ loops, metered, changed }).toEqual({ loops: 1, metered: 0, changed: false });
});

test("a function with as many locals as engines take counts in the global", () => {
	const full = single([I32], [], [0x03, 0x40, 0x0c, 0, END], { locals: [[...leb(49_999), I32]] });
	expect(WebAssembly.validate(full)).toBe(true);
	const { bytes, metered } = rewrite(full, METER);
	expect(metered).toBe(1);
	expect(WebAssembly.validate(bytes)).toBe(true);
});

test("a guest that unwinds and rewinds in the manner of asyncify is metered meanwhile", () => {
	// state (global 0): 1 unwinding, 2 rewinding; n (global 1) is what was saved of the frame.
	const module = wasm({
		types: [fn([I32], [I32]), fn([I32], []), fn([], [])],
		imports: [[...text("h"), ...text("pause"), 0, 2]],
		functions: [0, 1],
		globals: [
			[I32, 1, 0x41, 0, END],
			[I32, 1, 0x41, 0, END],
		],
		exports: [exported("f", 1), exported("state", 2)],
		bodies: [
			body([
				...[0x23, 0, 0x41, 2, 0x46, 0x04, 0x40, 0x23, 1, 0x21, 0, END], // rewinding: n
				...[0x03, 0x40, 0x10, 0, 0x23, 0, 0x41, 1, 0x46, 0x04, 0x40], // pause(); unwinding?
				...[0x20, 0, 0x24, 1, 0x41, 0x7f, 0x0f, END], // save n, leave
				...[0x20, 0, 0x41, 1, 0x6b, 0x22, 0, 0x0d, 0, END, 0x41, 42],
			]),
			body([0x20, 0, 0x24, 0]),
		],
	});
	const run = (bytes: Uint8Array<ArrayBuffer>) => {
		let paused = false;
		let unwound = 0;
		const exports: Exports = exportsOf(bytes, {
			h: {
				pause: () => {
					paused = !paused;
					call(exports, "state", paused ? 1 : 0);
				},
			},
		});
		const asks = feed(exports, 1);
		let answer = call(exports, "f", 500);
		for (; answer === -1; unwound++) {
			call(exports, "state", 2);
			answer = call(exports, "f", 0);
		}
		return { answer, unwound, asks: asks() };
	};
	expect(run(module)).toEqual({ answer: 42, unwound: 500, asks: 0 });
	expect(run(rewrite(module, ALL).bytes)).toMatchObject({ answer: 42, unwound: 500 });
});

import { describe, expect, test, vi } from "vitest";
import type { GuestBridge } from "../bridge/bridge.ts";
import { LocalTicket } from "../bridge/ticket.ts";
import { Namespace } from "../fs/namespace.ts";
import { Tmp } from "../fs/tmp.ts";
import type { Limits } from "../protocol/sandbox.ts";
import { body, END, exported, fn, wasm } from "../rewrite/module.testkit.ts";
import { type RewriteOptions, rewrite } from "../rewrite/rewrite.ts";
import { Budget, SandboxBudget } from "./budget.ts";
import { worldClock } from "./clock.ts";
import { type Linking, prepare } from "./instantiate.ts";
import { Process } from "./process.ts";
import { fillRandom } from "./random.ts";
import { Thread } from "./thread.ts";

/** A module whose `_start` counts down from `rounds`, through a loop that is not counted out, and never ends
 *  where `rounds` is 0. */
function counting(rounds: number): WebAssembly.Module {
	const number = (value: number) => {
		const out: number[] = [];
		for (let rest = value | 0; ; ) {
			const low = rest & 0x7f;
			rest >>= 7;
			if ((rest === 0 && (low & 0x40) === 0) || (rest === -1 && (low & 0x40) !== 0)) {
				return [...out, low];
			}
			out.push(low | 0x80);
		}
	};
	const code = [
		...[1, 1, 0x7f, 0x41, ...number(rounds), 0x21, 0], // local n = rounds
		...[0x03, 0x40], // loop
		...[0x20, 0, 0x41, 1, 0x6b, 0x22, 0, 0x0d, 0], // n = n - 1; br_if n
		...[0x0b, 0x0b],
	];
	const bytes = Uint8Array.of(
		...[0, 0x61, 0x73, 0x6d, 1, 0, 0, 0],
		...[1, 4, 1, 0x60, 0, 0],
		...[3, 2, 1, 0],
		...[7, 10, 1, 6, ...new TextEncoder().encode("_start"), 0, 0],
		...[10, code.length + 2, 1, code.length, ...code],
	);
	return new WebAssembly.Module(rewrite(bytes, { meter: "all" }).bytes);
}

/** Starts a program. Where there is `onYield`, it gives way when `isOver` says so, usually at every other question,
 *  and `onYield` is called then. */
function started(
	module: WebAssembly.Module,
	limits?: Limits,
	onYield?: (thread: Thread) => void,
	isOver = everyOther(),
	all?: SandboxBudget,
) {
	let yields = 0;
	const bridge = {
		ticket: () => new LocalTicket<never>(),
		waitImport: (guest: { readonly ended: boolean }) => () => (guest.ended ? 1 : 0),
		shouldYield: () => {
			if (!onYield || !isOver()) return 0;
			yields += 1;
			onYield(thread);
			return 1;
		},
		enter: async (_: unknown, f: () => unknown) => f(),
	} as unknown as GuestBridge;
	const process = new Process({
		args: [],
		env: [],
		tree: new Namespace(new Tmp({ now: () => 0n })),
		bridge,
		clock: worldClock(),
		fillRandom,
	});
	const thread = new Thread(process);
	if (limits ?? all) process.budget = new Budget(thread, limits, all);
	const linking: Linking = { bridge, modules: new Map() };
	const status = prepare(linking, module, thread, "_start").then((run) => run());
	return { status, thread, yields: () => yields };
}

function everyOther(): () => boolean {
	let turn = false;
	return () => {
		turn = !turn;
		return turn;
	};
}

/** Rounds of a small loop to a unit. */
const ROUNDS = 64;

describe("fuel", () => {
	test.each([1, 63, 64, 65, 6400, 1_000_000])(
		"%i rounds use a unit for each 64",
		async (rounds) => {
			const { status, thread } = started(counting(rounds));
			expect(await status).toEqual({ code: 0 });
			expect(thread.fuel()).toBe(Math.floor(rounds / ROUNDS));
		},
	);

	test("does not depend on how often a program gives way", async () => {
		const often = started(counting(100_000), undefined, () => {});
		await often.status;
		expect(often.yields()).toBeGreaterThan(1);
		expect(often.thread.fuel()).toBe(Math.floor(100_000 / ROUNDS));
	});

	test.each([1, 2, 64, 65, 1000, 12_345])("%i units are the most, to the unit", async (fuel) => {
		const { status, thread } = started(counting(0), { fuel });
		expect(await status).toEqual({ code: 152, reason: "limit", limit: "fuel" });
		expect(thread.fuel()).toBe(fuel);
	});
});

test("a slice ends soon after its time, also the thousandth", async () => {
	const PER_MS = 1000;
	let slice = 0;
	let began = 0;
	let longest = 0;
	let current: Thread | null = null;
	// The clock goes on with the work: so much of it in a millisecond.
	const clock = vi
		.spyOn(performance, "now")
		.mockImplementation(() => (current?.fuel() ?? 0) / PER_MS);
	const { status, thread } = started(
		counting(0),
		undefined,
		() => {
			longest = Math.max(longest, performance.now() - began);
			began = performance.now();
			slice += 1;
			if (slice === 1000) thread.process.end({ code: 143 });
		},
		() => performance.now() - began >= 4,
	);
	current = thread;
	await status;
	clock.mockRestore();
	expect(slice).toBe(1000);
	expect(longest).toBeLessThanOrEqual(4 + 2 * 2);
});

test("a program that is killed while it gives way ends by a trap, and is not run again", async () => {
	let kills = 0;
	const { status } = started(counting(0), undefined, (thread) => {
		kills += 1;
		thread.process.end({ code: 143, signal: "SIGTERM" });
	});
	expect(await status).toEqual({ code: 143, signal: "SIGTERM" });
	expect(kills).toBe(1);
});

test("time over the limit ends it", async () => {
	const { status, thread } = started(counting(0), { time: 5 });
	expect(await status).toEqual({ code: 152, reason: "limit", limit: "time" });
	expect(thread.time).toBeGreaterThanOrEqual(5);
});

const PAGE = 65_536;

/** A module of a memory of one page, whose `_start` asks for so many pages at a time and traps: when it is refused, or after
 *  the first time. */
function hungry(pages: number, goesOn: boolean, most: number[] = []): Uint8Array<ArrayBuffer> {
	const again = goesOn ? [0x41, 0x7f, 0x47, 0x0d, 0] : [0x1a]; // br_if 0 (i32.ne … -1)
	return wasm({
		types: [fn([], [])],
		functions: [0],
		memories: [[most.length, 1, ...most]],
		exports: [exported("_start"), exported("memory", 0, 2)],
		bodies: [body([0x03, 0x40, 0x41, pages, 0x40, 0, ...again, END, 0x00])],
	});
}

describe("a trap of a program that has a limit of memory", () => {
	const memory = 8 * PAGE;
	const ended = { code: 137, reason: "limit", limit: "memory", trap: expect.anything() };
	const trapped = { code: 134, trap: expect.anything() };
	const exact: RewriteOptions = { maximumPages: 8, noteRefusals: true };
	const run = (bytes: Uint8Array, how: RewriteOptions, limits?: Limits, all?: SandboxBudget) =>
		started(new WebAssembly.Module(rewrite(bytes, how).bytes), limits, undefined, undefined, all)
			.status;

	test.each([
		["was refused a page", hungry(1, true), ended],
		["was refused far more than there is", hungry(63, false), ended],
		["had all that it asked for, and had it all", hungry(7, false), trapped],
		["asked for nothing", hungry(0, false), trapped],
		["has less by itself, and was refused that", hungry(1, true, [4]), trapped],
	])("%s", async (_, bytes, status) => {
		expect(await run(bytes, exact, { memory })).toEqual(status);
		expect(await run(bytes, { ...exact, meter: "all" }, { memory })).toEqual(status);
		// The limit of all programs together counts like its own.
		expect(await run(bytes, exact, undefined, new SandboxBudget({ memory }))).toEqual(status);
		expect(await run(bytes, exact, { memory: 2 * memory }, new SandboxBudget({ memory }))).toEqual(
			status,
		);
	});

	test("is taken for the limit's work close to it, where refusals are not noted", async () => {
		const how = { maximumPages: 128 };
		expect(await run(hungry(8, true), how, { memory: 128 * PAGE })).toEqual(ended);
		expect(await run(hungry(8, false), how, { memory: 128 * PAGE })).toEqual(trapped);
	});
});

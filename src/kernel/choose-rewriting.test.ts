/** Which programs are made interruptible. */
import { expect, test } from "vitest";
import type { WireSpawn, WireStart } from "../protocol/sandbox.ts";
import { type Candidate, Rewriting } from "./choose-rewriting.ts";

const start: WireStart = {
	bridge: "suspending",
	queue: false,
	interruptible: "auto",
	limits: undefined,
	spinning: ["spun"],
};
const terminal = { columns: 80, rows: 24 };
const program = (some: Partial<Candidate>): Candidate => ({
	kept: false,
	isMetered: false,
	key: "p",
	...some,
});

test("all but a lone job whose compiled code the browser may keep", () => {
	const rewriting = new Rewriting(start);
	const uncounted = { meter: "uncounted" };
	expect(rewriting.of(program({}))).toEqual(uncounted);
	expect(rewriting.of(program({ kept: true }))).toBeUndefined();
	const asked = { interruptible: "auto", limits: undefined, terminal } as const;
	expect(rewriting.of(program({ kept: true }), asked)).toEqual(uncounted);
	const other = { interruptible: "auto", limits: undefined } as const;
	expect(rewriting.of(program({ kept: true }), other, false)).toEqual(uncounted);
	expect(rewriting.of(program({ kept: true, key: "spun" }))).toEqual({ meter: "all" });
});

test("where no guest can wait, what has a limit or a time to end", () => {
	const rewriting = new Rewriting({ ...start, bridge: "preloaded" });
	const of = (limits: WireSpawn["limits"], interruptible: boolean | "auto" = "auto") =>
		rewriting.of(program({}), { interruptible, limits });
	expect(rewriting.of(program({}))).toBeUndefined();
	expect(of({ output: 5 })).toBeUndefined();
	expect(of({ timeout: 50 })).toEqual({ meter: "uncounted" });
	expect(of({ timeout: 0 })).toEqual({ meter: "uncounted" });
	expect(of({ timeout: 50 }, false)).toBeUndefined();
	expect(of({ time: 50 })).toEqual({ meter: "uncounted" });
	expect(of({ fuel: 50 })).toEqual({ meter: "all" });
});

test("one that was packed interruptible is run as it is, unless it was found spinning", () => {
	const rewriting = new Rewriting(start);
	const packed = program({ isMetered: true });
	for (const interruptible of ["auto", true, false] as const) {
		expect(rewriting.of(packed, { interruptible, limits: undefined, terminal })).toBeUndefined();
	}
	const limits = { memory: 65536 * 3, fuel: 5 };
	expect(rewriting.of(packed, { interruptible: "auto", limits })).toEqual({
		maximumPages: 3,
		noteRefusals: true,
	});
	expect(rewriting.of(program({ isMetered: true, key: "spun" }))).toEqual({ meter: "all" });
});

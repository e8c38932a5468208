import { expect, test } from "vitest";
import type { Terms } from "../store/intake.ts";
import type { StoreChange } from "../store/store.ts";
import { allIdle, BatchRunner } from "./batch-runner.ts";

const JOINS: Terms = { unheard: 1, joins: true, bases: [] };
const APART: Terms = { unheard: 1, joins: false, bases: [] };

const make = (path: string): StoreChange => ({ call: "make", path, type: "file" });
const write = (path: string, size = 1): StoreChange => ({
	call: "write",
	path,
	offset: 0,
	bytes: new Uint8Array(size),
});

/** A ground that notes what it is asked, and answers each change with what `answer` says. */
function runner(answer: (change: StoreChange) => unknown = () => null) {
	const calls: string[] = [];
	const told: string[] = [];
	const preserve: { answer: unknown } = { answer: null };
	const land = new BatchRunner({
		async apply(changes, durable) {
			const said = changes.map((change) => `${change.call} ${change.path}`).join(", ");
			calls.push(`${said}${durable ? " durable" : ""}`);
			await new Promise((resolve) => setTimeout(resolve, 1));
			return changes.map(answer);
		},
		async preserve() {
			calls.push("preserve");
			if (preserve.answer instanceof Error) throw preserve.answer;
			return preserve.answer;
		},
		conflict: (path, kept) => told.push(`${path} ${kept}`),
	});
	return { land, calls, told, preserve };
}

test("batches that wait together are made in one go, where they may be, and questions keep their place", async () => {
	const { land, calls } = runner();
	const answers = [
		land.land([make("/a")], false, APART),
		land.land([write("/a")], false, JOINS),
		land.land([make("/b"), write("/b")], true, JOINS),
		land.land([{ call: "remove", path: "/a" }], false, APART),
		land.run(async () => {
			calls.push("list");
			return [1];
		}),
		land.land([make("/c")], false, JOINS),
	];
	expect(await Promise.all(answers)).toEqual([[null], [null], [null, null], [null], [1], [null]]);
	expect(calls).toEqual([
		"make /a, write /a, make /b, write /b durable",
		"remove /a",
		"list",
		"make /c",
	]);
});

test("what is made in one go has a limit", async () => {
	const { land, calls } = runner();
	const large = Array.from({ length: 5 }, () => land.land([write("/f", 2 ** 20)], false, JOINS));
	const many = Array.from({ length: 3 }, (_, i) =>
		land.land(
			Array.from({ length: 600 }, () => make(`/${i}`)),
			false,
			JOINS,
		),
	);
	await Promise.all([...large, ...many]);
	const counts = calls.map((call) => call.split(",").length);
	expect(counts.slice(0, 3)).toEqual([2, 2, 1]);
	// As many as are answered soon, and never more than a thousand.
	expect(counts.slice(3).reduce((sum, count) => sum + count)).toBe(1800);
	expect(counts[3]).toBe(128);
	expect(Math.max(...counts)).toBeLessThanOrEqual(1000);
});

test("of a slow store so much is asked at once that an answer comes before long", async () => {
	let now = 0;
	const counts: number[] = [];
	const slow: { each: number } = { each: 500 };
	const land = new BatchRunner(
		{
			async apply(changes) {
				counts.push(changes.length);
				now += changes.length * slow.each;
				return changes.map(() => null);
			},
			conflict() {},
		},
		() => now,
	);
	const many = Array.from({ length: 140 }, (_, i) => make(`/${i}`));
	expect(await land.land(many, false, APART)).toHaveLength(140);
	expect(counts).toEqual([128, 2, 2, 2, 2, 2, 2]);
	expect(land.progress).toBe(counts.length);
	// It is faster by now.
	slow.each = 0;
	expect(await land.land(many, true, APART)).toEqual(many.map(() => null));
	expect(counts.slice(7)).toEqual([2, 4, 8, 16, 32, 64, 14]);
});

test("what builds on a change that fails is not made, as long as the queue has not heard of it", async () => {
	const { land, calls } = runner(({ call }) => (call === "remove" ? "EACCES" : null));
	const remove: StoreChange = { call: "remove", path: "/d/f" };
	const rename: StoreChange = { call: "rename", path: "/d", to: "/e" };
	const answers = await Promise.all([
		land.land([remove], false, { ...APART, unheard: 0 }),
		land.land([make("/d/f"), write("/d/f"), write("/d/g")], false, APART),
		land.land([rename, make("/h")], false, { ...APART, unheard: 2 }),
		land.land([make("/e/i")], false, { ...APART, unheard: 3 }),
		// By now it has.
		land.land([make("/d/f")], false, { ...APART, unheard: 0 }),
	]);
	expect(answers).toEqual([["EACCES"], ["held", "held", null], ["held", null], ["held"], [null]]);
	expect(calls).toEqual(["remove /d/f", "write /d/g", "make /h", "make /d/f"]);
});

test("a store that throws, or answers with less or with words of ours, has failed", async () => {
	const words = ["held", "kept", undefined];
	const { land } = runner(() => words.shift());
	expect(await land.land([make("/a"), make("/b"), make("/c")], false, APART)).toEqual([
		"EIO",
		"EIO",
		undefined,
	]);
	const throwing = new BatchRunner({
		apply: () => Promise.reject(Object.assign(new Error("no"), { code: "ENOSPC" })),
		conflict() {},
	});
	expect(await throwing.land([make("/a"), write("/a")], false, APART)).toEqual([
		"ENOSPC",
		"ENOSPC",
	]);
	await expect(throwing.run(() => Promise.reject(new Error("mine")))).rejects.toThrow("mine");
	expect(await throwing.land([], true, APART)).toEqual([]);
});

test("a file that others have changed is kept once, and is not written before the queue has heard", async () => {
	const { land, calls, told, preserve } = runner();
	const terms: Terms = { ...APART, bases: [["/f", { size: 1, modified: 1 }]] };
	preserve.answer = "/kept";
	expect(
		await Promise.all([
			land.land([write("/f"), write("/g")], false, { ...terms, unheard: 0 }),
			land.land([write("/f")], false, { ...terms, joins: true }),
		]),
	).toEqual([["kept", null], ["kept"]]);
	expect([calls, told]).toEqual([["preserve", "write /g"], ["/f /kept"]]);
	preserve.answer = new Error("full");
	expect(await land.land([write("/f")], false, { ...terms, unheard: 0 })).toEqual(["EIO"]);
	preserve.answer = {};
	expect(await land.land([write("/f")], false, { ...terms, unheard: 0 })).toEqual(["EIO"]);
});

test("what is written behind the make of its file names the file that was made", async () => {
	const ids: unknown[] = [];
	const land = new BatchRunner({
		async apply(changes) {
			for (const change of changes) if ("id" in change) ids.push(change.id);
			return changes.map(({ call }) => (call === "make" ? { id: "made" } : null));
		},
		conflict() {},
	});
	const rename: StoreChange = { call: "rename", path: "/d", to: "/e" };
	const told: StoreChange = { call: "resize", path: "/d/f", size: 0, id: "told" };
	const times: StoreChange = { call: "utimes", path: "/d/f", accessed: 0n, modified: 0n };
	await Promise.all([
		land.land([make("/d/f")], false, { ...APART, unheard: 0 }),
		land.land([write("/d/f"), write("/d/g"), times, told], false, APART),
		land.land([rename, write("/e/f"), write("/d/f")], false, { ...APART, unheard: 2 }),
		land.land([make("/h")], false, { ...APART, unheard: 3 }),
		// By now the queue has heard, and says itself what it means.
		land.land([write("/h")], false, { ...APART, unheard: 0 }),
	]);
	expect(ids).toEqual(["made", "made", "told", "made"]);
});

test("it is idle once all that has come has been answered", async () => {
	const { land } = runner();
	await land.idle();
	let answered = 0;
	for (let i = 0; i < 3; i++) land.land([make(`/${i}`)], false, APART).then(() => answered++);
	await land.idle();
	expect([answered, land.progress]).toEqual([3, 3]);
});

test("who waits for several does so as long as one of them answers anything", async () => {
	const silent = new BatchRunner({ apply: () => new Promise(() => {}), conflict() {} });
	const { land: slow } = runner();
	const { land: done } = runner();
	silent.land([make("/never")], false, APART);
	let answered = 0;
	const next = (): unknown =>
		answered < 5 &&
		slow
			.land([make(`/${answered}`)], false, APART)
			.then(() => ++answered)
			.then(next);
	next();
	await allIdle([silent, slow, done], 50);
	expect(answered).toBe(5);
	await allIdle([], 1e9);
	await allIdle([done], 1e9);
});

/**
 * What an access profile makes of spans: which blocks are asked for, in which order, and how many.
 */
import { expect, test } from "vitest";
import { BLOCK } from "../http/http-range.ts";
import { plan } from "./prefetch.ts";

test("blocks in the order of the spans, each once, neighbours together", () => {
	const spans = [
		[BLOCK * 9 + 5, 10],
		[BLOCK * 3, BLOCK + 1],
		[BLOCK * 5 - 1, 2],
		[BLOCK * 9, BLOCK],
		[0, 1],
	] as const;
	expect(plan(spans)).toEqual([
		{ first: 9, last: 9 },
		{ first: 3, last: 5 },
		{ first: 0, last: 0 },
	]);
});

test("no request is large, and all together they leave room for what is read otherwise", () => {
	const runs = plan([[0, 2 ** 52]]);
	expect(Math.max(...runs.map(({ first, last }) => last - first + 1)) * BLOCK).toBe(1024 * 1024);
	const blocks = runs.reduce((sum, { first, last }) => sum + last - first + 1, 0);
	expect(blocks * BLOCK).toBe(32 * 1024 * 1024);
});

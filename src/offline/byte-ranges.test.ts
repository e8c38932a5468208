import fc from "fast-check";
import { expect, test } from "vitest";
import {
	BLOCK,
	type ByteRange,
	gaps,
	parseContentRange,
	parseRange,
	piecesOf,
	resolveRange,
	toBlocks,
} from "./byte-ranges.ts";

/** Runs as pictures: `" --- "` is from 1 to 4. */
function run(picture: string): ByteRange {
	const start = picture.indexOf("-");
	return { start, end: picture.lastIndexOf("-") + 1 };
}

test("of several parts the shortest is taken; dots are gaps", () => {
	const parts = [
		{ name: "a", ...run("---") },
		{ name: "b", ...run("    --") },
		{ name: "c", ...run("  ---------") },
		{ name: "d", ...run("            --") },
	];
	const pieces = piecesOf(parts, run(" -------------- "));
	const picture = pieces.map(({ start, end, part }) => (part?.name ?? ".").repeat(end - start));
	expect(picture).toEqual(["aa", "c".repeat(8), ".", "dd", "."]);
	expect(piecesOf(parts, run("    ---")).map(({ part }) => part?.name)).toEqual(["b", "c"]);
});

test("cover and gaps agree with looking at every byte", () => {
	const aRun = fc
		.tuple(fc.nat(60), fc.integer({ min: 1, max: 20 }))
		.map(([start, size]) => ({ start, end: start + size }));
	fc.assert(
		fc.property(fc.array(aRun, { maxLength: 8 }), aRun, (parts, wanted) => {
			const pieces = piecesOf(parts, wanted);
			let at = wanted.start;
			for (const { start, end, part } of pieces) {
				expect(start).toBe(at);
				expect(end).toBeGreaterThan(start);
				for (let byte = start; byte < end; byte++) {
					const holding = parts.filter((one) => one.start <= byte && byte < one.end);
					if (part === null) expect(holding).toEqual([]);
					else expect(holding).toContain(part);
				}
				at = end;
			}
			expect(at).toBe(wanted.end);
			for (const { start, end } of gaps(parts, wanted)) {
				expect(parts.some((one) => one.start < end && one.end > start)).toBe(false);
			}
		}),
	);
});

test("what is fetched is whole blocks, and ends where the file does", () => {
	const size = 3 * BLOCK + 10;
	expect(toBlocks({ start: 5, end: 6 }, size)).toEqual({ start: 0, end: BLOCK });
	expect(toBlocks({ start: BLOCK, end: 2 * BLOCK }, size)).toEqual({
		start: BLOCK,
		end: 2 * BLOCK,
	});
	expect(toBlocks({ start: BLOCK - 1, end: 3 * BLOCK + 1 }, size)).toEqual({ start: 0, end: size });
});

test.each([
	["bytes=0-0", { start: 0, end: 1 }],
	["bytes=10-19", { start: 10, end: 20 }],
	["bytes=90-500", { start: 90, end: 100 }],
	["bytes=90-", { start: 90, end: 100 }],
	["bytes=-7", { start: 93, end: 100 }],
	["bytes=-700", { start: 0, end: 100 }],
	["bytes=100-", null],
	["bytes=100-200", null],
	["bytes=-0", null],
])("%s of 100 bytes", (header, expected) => {
	const asked = parseRange(header);
	if (asked === "other") throw new Error("not understood");
	expect(resolveRange(asked, 100)).toEqual(expected);
});

test("no range is the whole file, and what is not one range is not ours", () => {
	expect(resolveRange(null, 100)).toEqual({ start: 0, end: 100 });
	for (const header of ["bytes=1-2,5-6", "bytes=-", "bytes=5-4", "lines=1-2", ""]) {
		expect(parseRange(header)).toBe("other");
	}
});

test("Content-Range is understood only where it says all three numbers, and they agree", () => {
	expect(parseContentRange("bytes 5-9/10")).toEqual({ start: 5, end: 10, size: 10 });
	for (const header of [null, "", "bytes */10", "bytes 5-9/*", "bytes 9-5/10", "bytes 5-10/10"]) {
		expect(parseContentRange(header)).toBeNull();
	}
});

import { expect, test } from "vitest";
import { bytes, count, duration } from "./formats.ts";

test.each([
	[0, "0 B"],
	[999, "999 B"],
	[1000, "1.0 kB"],
	[24_677_611, "24.7 MB"],
	[999_600, "1.0 MB"],
	[130_000_000, "130 MB"],
	[5e12, "5000 GB"],
])("%d bytes are %s", (number, text) => {
	expect(bytes(number)).toBe(text);
});

test.each([
	[0.4, "0 ms"],
	[999.4, "999 ms"],
	[1250, "1.25 s"],
	[12_340, "12.3 s"],
	[59_960, "1 min 0 s"],
	[125_000, "2 min 5 s"],
])("%d milliseconds are %s", (number, text) => {
	expect(duration(number)).toBe(text);
});

test("counts", () => {
	expect([count(1, "file"), count(1200, "file")]).toEqual(["1 file", "1,200 files"]);
});

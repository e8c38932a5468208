import { expect, test } from "vitest";
import { fromHash, type Setup, toHash } from "./link.ts";

const empty = fromHash("");

test("a setup survives its link", () => {
	const setup: Setup = {
		sample: "python",
		url: "",
		command: "python",
		args: `-c "print('ü & # % +')"\n`,
		env: "A=1\nB=2",
		stdin: "line\n",
		directory: "/files",
		timeout: "2.5",
		terminal: "yes",
	};
	expect(fromHash(`#${toHash(setup)}`)).toEqual(setup);
});

test("nothing is an empty link", () => {
	expect(toHash(empty)).toBe("");
});

test("links by hand, unknown names and rubbish", () => {
	expect(fromHash("#url=https://example.org/a.webc&other=1")).toEqual({
		...empty,
		url: "https://example.org/a.webc",
	});
	expect(fromHash("#%E0%A4%A&&==")).toEqual(empty);
});

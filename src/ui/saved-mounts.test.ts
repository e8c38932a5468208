import { expect, test } from "vitest";
import { FIRST, faultOf, readSavedMounts, type SavedMount } from "./saved-mounts.ts";

const place = (path: string, kind: SavedMount["kind"] = "memory", name = ""): SavedMount => ({
	path,
	kind,
	name,
});

test("a first visit has a directory that lasts", () => {
	expect(readSavedMounts(null)).toBe(FIRST);
	expect(FIRST[0]?.kind).toBe("indexeddb");
});

test("what was written down is read again", () => {
	const places = [
		place("/a"),
		place("/b", "opfs", "work"),
		place("/c/d", "http", "https://x.test/"),
	];
	expect(readSavedMounts(JSON.stringify(places))).toEqual(places);
	expect(readSavedMounts("[]")).toEqual([]);
});

test("what cannot be read is passed over", () => {
	expect(readSavedMounts("{")).toBe(FIRST);
	const odd = [
		null,
		7,
		{},
		{ path: "/a", kind: "__proto__", name: "" },
		place("/../etc"),
		place("/a"),
		place("/a"),
	];
	expect(readSavedMounts(JSON.stringify(odd))).toEqual([place("/a")]);
});

test.each([
	[place("data"), "slash"],
	[place("/"), "slash"],
	[place("/a/"), "slash"],
	[place("/a/../b"), "slash"],
	[place("/taken"), "already"],
	[place("/a", "indexeddb"), "fill in"],
	[place("/a", "http"), "fill in"],
])("%j is refused", (wrong, why) => {
	expect(faultOf(wrong, [place("/taken")])?.why).toContain(why);
});

test("others are fine", () => {
	expect(faultOf(place("/data", "indexeddb", "notes"), [place("/taken")])).toBeNull();
	expect(faultOf(place("/taken/below"), [place("/taken")])).toBeNull();
});

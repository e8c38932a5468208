import { expect, test } from "vitest";
import { LastSeen } from "./last-seen.ts";

const file = (size: number, modified: number) =>
	({ name: "f", type: "file", size, modified }) as const;

test("a path is known as it was last seen, and ours as we have left it", () => {
	const sight = new LastSeen();
	expect(sight.knows("/f", file(1, 1))).toBe(false);
	sight.record("/f", file(1, 1), false);
	expect([sight.knows("f", file(1, 1)), sight.knows("/f", file(1, 2))]).toEqual([true, false]);
	expect(sight.isOurs("/f", file(1, 1))).toBe(false);
	sight.record("/f", file(2, 2), true);
	expect([sight.isOurs("/f", file(2, 2)), sight.isOurs("/f", file(1, 1))]).toEqual([true, false]);
	sight.record("/f", null, true);
	expect([sight.knows("/f", null), sight.isOurs("/f", null)]).toEqual([true, true]);
});

test("children are those of the directory itself, and what is below it is forgotten with it", () => {
	const sight = new LastSeen();
	for (const path of ["/a", "/d", "/d/b", "/d/e/c"]) sight.record(path, file(1, 1), false);
	expect(sight.childrenOf("/")).toEqual(["a", "d"]);
	expect(sight.childrenOf("/d")).toEqual(["d/b"]);
	sight.forget("/d");
	expect([sight.childrenOf("/"), sight.childrenOf("/d/e")]).toEqual([["a"], []]);
});

test("what was seen longest ago is forgotten when there is too much", () => {
	const sight = new LastSeen();
	for (let i = 0; i <= 65_536; i++) sight.record(`/${i}`, file(1, 1), false);
	expect([sight.knows("/0", file(1, 1)), sight.knows("/1", file(1, 1))]).toEqual([false, true]);
});

test("a look costs as much among many as among few", () => {
	const sight = new LastSeen();
	for (let i = 0; i < 50_000; i++) sight.record(`/d${i % 50}/${i}`, file(1, 1), false);
	for (let i = 0; i < 50_000; i++) {
		sight.forget(`/d${i % 50}/${i}`);
		sight.record(`/d${i % 50}/${i}`, file(2, 2), true);
	}
	expect(sight.childrenOf("/d1")).toHaveLength(1000);
	sight.forget("/d1");
	expect(sight.childrenOf("/d1")).toEqual([]);
	expect(sight.knows("/d2/2", file(2, 2))).toBe(true);
	sight.forget("/");
	expect([sight.childrenOf("/"), sight.knows("/d2/2", file(2, 2))]).toEqual([[], false]);
});

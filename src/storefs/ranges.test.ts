import { expect, test } from "vitest";
import { Ranges } from "./ranges.ts";

/** The set as it is written down: `2-5 7-9`. */
function written(ranges: Ranges): string {
	return Array.from({ length: ranges.count }, (_, i) => `${ranges.from(i)}-${ranges.to(i)}`).join(
		" ",
	);
}

test("ranges grow together where they touch, and are cut where something is taken out", () => {
	const ranges = new Ranges();
	ranges.add(2, 4);
	ranges.add(4, 5);
	ranges.add(8, 9);
	expect([written(ranges), ranges.total]).toEqual(["2-5 8-9", 4]);
	ranges.add(5, 8);
	expect([written(ranges), ranges.total]).toEqual(["2-9", 7]);
	ranges.remove(4, 6);
	ranges.remove(0, 3);
	expect([written(ranges), ranges.total]).toEqual(["3-4 6-9", 4]);
});

test("a set of ranges is the set of its positions, whatever is added and removed", () => {
	for (let round = 0; round < 200; round++) {
		const ranges = new Ranges();
		const plain = new Set<number>();
		for (let step = 0; step < 60; step++) {
			const from = Math.floor(Math.random() * 40);
			const to = from + Math.floor(Math.random() * 8);
			const add = Math.random() < 0.6;
			if (add) ranges.add(from, to);
			else ranges.remove(from, to);
			for (let at = from; at < to; at++) add ? plain.add(at) : plain.delete(at);
			const held = [...plain].sort((a, b) => a - b);
			const listed = Array.from({ length: ranges.count }, (_, i) => i).flatMap((i) =>
				Array.from({ length: ranges.to(i) - ranges.from(i) }, (_, at) => ranges.from(i) + at),
			);
			expect(listed).toEqual(held);
			expect(ranges.total).toBe(plain.size);
			const look = Math.floor(Math.random() * 45);
			const wide = 1 + Math.floor(Math.random() * 5);
			const any = held.some((at) => at >= look && at < look + wide);
			expect(ranges.overlaps(look, look + wide)).toBe(any);
		}
	}
});

import { expect, test } from "vitest";
import { rewrite, rewrittenBy, UnknownModule } from "./rewrite.ts";

/** `(func (export "spin") (loop (br 0)))` */
const SPIN = new Uint8Array([
	...[0, 0x61, 0x73, 0x6d, 1, 0, 0, 0, 1, 4, 1, 0x60, 0, 0, 3, 2, 1, 0],
	...[7, 8, 1, 4, 0x73, 0x70, 0x69, 0x6e, 0, 0],
	...[10, 9, 1, 7, 0, 0x03, 0x40, 0x0c, 0, 0x0b, 0x0b],
]);

test("an endless loop asks for fuel, and a trap in the answer ends it", async () => {
	const { bytes, loops, metered, changed } = rewrite(SPIN, { meter: "uncounted" });
	expect({ loops, metered, changed }).toEqual({ loops: 1, metered: 1, changed: true });
	expect(WebAssembly.validate(bytes)).toBe(true);
	expect(rewrittenBy(bytes)).toEqual({ version: 1, options: { meter: "uncounted" } });
	expect(() => rewrite(bytes, { meter: "all" })).toThrow(UnknownModule);
});

/** What a page compiles of a program that was made interruptible before, or cannot be. */
import { expect, test } from "vitest";
import { END, exported, single } from "../rewrite/module.testkit.ts";
import { rewrite } from "../rewrite/rewrite.ts";
import { compile, whyNotRewritten } from "./compile.ts";

const memory = { memories: [[0, 1]], exports: [exported("memory", 0, 2)] };
const spin = single([], [], [0x03, 0x40, 0x0c, 0, END], memory);

const names = (module: WebAssembly.Module) =>
	WebAssembly.Module.exports(module).map(({ name }) => name);

/** By how many pages the memory can grow until there are three. */
async function growth(module: WebAssembly.Module): Promise<number> {
	const { exports } = await WebAssembly.instantiate(module);
	const grown = exports.memory as WebAssembly.Memory;
	try {
		return grown.grow(2) + 1;
	} catch {
		return 0;
	}
}

test("a program that was rewritten is compiled as it is, and its memory can be limited all the same", async () => {
	const packed = rewrite(spin, { meter: "uncounted" }).bytes;
	const metered = ["f", "memory", "porthole:fuel", "porthole:left", "porthole:breathe"];
	const asIs = await compile(packed, "p", { meter: "all" });
	expect(names(asIs).sort()).toEqual(metered.sort());
	expect(whyNotRewritten(asIs)).toContain("porthole:fuel");
	expect(await growth(asIs)).toBe(2);

	const limited = await compile(packed, "p", { meter: "all", maximumPages: 2 });
	expect(names(limited)).toEqual(names(asIs));
	expect(await growth(limited)).toBe(0);
	expect(await growth(await compile(packed, "p", { maximumPages: 2 }))).toBe(0);
});

test("what is no module is told before what cannot be limited", async () => {
	const cut = spin.subarray(0, 20);
	await expect(compile(cut, "the atom p", { maximumPages: 2 })).rejects.toMatchObject({
		code: "invalid-module",
	});
});

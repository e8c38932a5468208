/** Which programs get a meter: those that the pass has made so, and not what only looks like them. */
import { expect, test } from "vitest";
import { PreloadedBridge } from "../bridge/preloaded.ts";
import {
	body,
	END,
	EXTERNREF,
	exported,
	FUNCREF,
	fn,
	I32,
	I64,
	wasm,
} from "../rewrite/module.testkit.ts";
import { rewrite } from "../rewrite/rewrite.ts";
import { Session } from "../wasi/transcript.testkit.ts";
import { isMetered, prepare } from "./instantiate.ts";

const LOOP = [0x20, 0, 0x45, 0x0d, 0, 0x20, 0, 0x41, 1, 0x6b, 0x21, 0];

/** A program whose exports are called as those that the pass makes. */
function claiming(kind: number, table: number[], fuel: number): Uint8Array<ArrayBuffer> {
	return wasm({
		types: [fn([], []), fn([fuel], []), fn([], [I32])],
		functions: [0, 1, 2],
		tables: [table],
		memories: [[0, 1]],
		exports: [
			exported("_start"),
			exported("porthole:breathe", 0, kind),
			exported("porthole:fuel", 1),
			exported("porthole:left", 2),
		],
		bodies: [body([]), body([]), body([0x41, 0])],
	});
}

async function run(bytes: Uint8Array<ArrayBuffer>) {
	const { thread } = new Session();
	const bridge = new PreloadedBridge(
		() => Promise.reject(new Error("nobody is far away in this test")),
		() => {},
	);
	const module = new WebAssembly.Module(bytes);
	const start = await prepare({ bridge, modules: new Map() }, module, thread, "_start");
	const { code } = await start();
	return { isMetered: isMetered(WebAssembly.Module.exports(module)), code, fuel: thread.fuel() };
}

test("a program that was rewritten counts its fuel", async () => {
	// Twice 64 rounds, and some.
	const code = [
		0x41,
		0xac,
		0x01,
		0x21,
		0,
		0x02,
		0x40,
		0x03,
		0x40,
		...LOOP.with(4, 1),
		0x0c,
		0,
		END,
		END,
	];
	const bytes = wasm({
		types: [fn([], [])],
		functions: [0],
		exports: [exported("_start")],
		bodies: [body(code, [[1, I32]])],
	});
	expect(await run(bytes)).toEqual({ isMetered: false, code: 0, fuel: 0 });
	const { bytes: metered } = rewrite(bytes, { meter: "all" });
	expect(await run(metered)).toEqual({ isMetered: true, code: 0, fuel: 2 });
});

test.each([
	["a function for a table", claiming(0, [FUNCREF, 0, 1], I32)],
	["a memory for a table", claiming(2, [FUNCREF, 0, 1], I32)],
])("%s is no meter", async (_, bytes) => {
	expect(await run(bytes)).toEqual({ isMetered: false, code: 0, fuel: 0 });
});

test.each([
	["a table without a slot", claiming(1, [FUNCREF, 0, 0], I32)],
	["a table that can hold nothing", claiming(1, [EXTERNREF, 1, 0, 0], I32)],
	["fuel of another type", claiming(1, [FUNCREF, 0, 1], I64)],
])("%s is an invalid module", async (_, bytes) => {
	await expect(run(bytes)).rejects.toMatchObject({ code: "invalid-module" });
});

/**
 * What a module imports, read from its bytes, beside what the engine says of it.
 */
import { readdirSync, readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { missingOf } from "../abi/missing.ts";
import { dice, seeds, withSeed } from "../abi/random.testkit.ts";
import { moduleImports } from "./imports.ts";
import { readPackage } from "./index.ts";
import { outlook } from "./outlook.ts";

const section = (id: number, content: readonly number[]) => [id, content.length, ...content];
const text = (value: string) => [value.length, ...Buffer.from(value)];
const HEAD = [0, 0x61, 0x73, 0x6d, 1, 0, 0, 0];
const imported = (module: string, name: string, type: readonly number[]) => [
	...text(module),
	...text(name),
	...type,
];

/** A module with an import of each kind. */
const every = new Uint8Array([
	...HEAD,
	...section(0, text("a custom section")),
	...section(1, [1, 0x60, 0, 0]),
	...section(2, [
		5,
		...imported("wasi_snapshot_preview1", "fd_read", [0, 0]),
		...imported("wasi_snapshot_preview1", "fd_dup", [0, 0]),
		...imported("env", "memory", [2, 1, 1, 2]),
		...imported("env", "table", [1, 0x70, 0, 1]),
		...imported("env", "global", [3, 0x7f, 0]),
	]),
]);

test("an import of each kind, as the engine has them", () => {
	const found = moduleImports(every);
	const engine = WebAssembly.Module.imports(new WebAssembly.Module(every));
	expect(found).toEqual(engine.map(({ module, name, kind }) => ({ module, name, kind })));
	expect(missingOf(found)).toEqual(["wasi_snapshot_preview1.fd_dup", "env.table", "env.global"]);
	expect(moduleImports(new Uint8Array(HEAD))).toEqual([]);
});

test("the programs of the packages that are here", async ({ skip }) => {
	const folder = new URL("../../public/packages/", import.meta.url);
	const names = ["sqlite.webc", "quickjs.webc"].filter((name) => {
		try {
			return readdirSync(folder).includes(name);
		} catch {
			return false;
		}
	});
	if (names.length === 0) skip("the sample packages are not there");
	for (const name of names) {
		const { atoms, source } = await readPackage(readFileSync(new URL(name, folder)));
		for (const { start, length } of atoms.values()) {
			const bytes = (await source.read(start, length)) as Uint8Array<ArrayBuffer>;
			const engine = WebAssembly.Module.imports(new WebAssembly.Module(bytes));
			expect(moduleImports(bytes).map(({ name: of }) => of)).toEqual(
				engine.map(({ name: of }) => of),
			);
			expect(missingOf(engine)).toEqual([]);
		}
	}
});

test("a program for WasmEdge has its calls, and one for WASIX", () => {
	const of = (module: string, ...names: string[]) =>
		names.map((name) => ({ module, name, kind: "function" }));
	expect(missingOf(of("wasi_snapshot_preview1", "sock_open", "sock_getaddrinfo"))).toEqual([]);
	expect(missingOf(of("wasi_snapshot_preview1", "sock_getaddrinfo"))).toHaveLength(1);
	expect(missingOf(of("wasi_unstable", "fd_write", "proc_exit"))).toEqual([]);
	const wasix = [
		...of("wasix_32v1", "fd_dup", "fd_dup", "proc_fork", "fd_write", "thread_spawn"),
		...of("wasi", "thread-spawn"),
		{ module: "env", name: "memory", kind: "memory" },
	];
	expect(missingOf(wasix)).toEqual([]);
	expect(missingOf(of("wasix_32v1", "fd_levitate"))).toEqual(["wasix_32v1.fd_levitate"]);
});

test("damaged modules are refused, whatever is damaged", () => {
	for (const seed of seeds(2000)) {
		const d = dice(seed);
		const bytes = every.slice(0, d(3) === 0 ? d(every.length) : every.length);
		for (let n = d(4); n > 0 && bytes.length > 0; n--) bytes[d(bytes.length)] = d(256);
		try {
			expect(Array.isArray(moduleImports(bytes))).toBe(true);
		} catch (error) {
			if ((error as { code?: string }).code !== "bad-module") throw withSeed(seed, error);
		}
	}
});

test("a package runs where its entrypoint does, or, without one, any command", () => {
	const lacks = new Map([
		["good", []],
		["bad", ["env.x"]],
	]);
	const look = (commands: string[], entry?: string) =>
		outlook(commands, entry, (name) => lacks.get(name));
	expect(look(["good", "bad"], "good")).toEqual({ runnable: true, missing: ["env.x"] });
	expect(look(["good", "bad"], "bad")).toEqual({ runnable: false, missing: ["env.x"] });
	expect(look(["good", "bad"])).toEqual({ runnable: true, missing: ["env.x"] });
	expect(look(["bad"])).toEqual({ runnable: false, missing: ["env.x"] });
	expect(look(["unknown"], "unknown")).toEqual({ runnable: true, missing: [] });
	expect(look([])).toEqual({ runnable: false, missing: [] });
});

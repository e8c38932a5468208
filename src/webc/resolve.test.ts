/**
 * Commands, mounts and entrypoints across packages, and version requirements.
 *
 * A package is written as a literal in which an atom is its name, so that a test reads like the case
 * it is about.
 */
import { describe, expect, test } from "vitest";
import type { Table } from "./cbor.ts";
import { encodeMap } from "./encode.ts";
import { findAmong } from "./find-dependency.ts";
import {
	compareVersions,
	type Package,
	readPackage,
	resolveCommand,
	resolveCommands,
	resolveDependencies,
	resolveEntrypoint,
	resolveMounts,
	satisfies,
	writePackage,
} from "./index.ts";

interface Literal {
	name?: string;
	version?: string;
	use?: Record<string, unknown>;
	atoms?: string[];
	/** Name → annotations. */
	commands?: Record<string, unknown>;
	runner?: string;
	entrypoint?: string;
	fs?: unknown[];
	/** Volume → paths of its files. */
	volumes?: Record<string, string[]>;
	format?: 1 | 2 | 3;
}

const text = new TextEncoder();

type Tree = Map<string, Tree | Uint8Array>;

function tree(paths: readonly string[]): Tree {
	const root: Tree = new Map();
	for (const path of paths) {
		const names = path.split("/");
		const last = names.pop() ?? "";
		let at = root;
		for (const name of names) {
			const next = at.get(name) ?? new Map();
			at.set(name, next);
			at = next as Tree;
		}
		at.set(last, text.encode(path));
	}
	return root;
}

async function pkg(literal: Literal): Promise<Package> {
	const { name, version, runner = "https://webc.org/runner/wasi" } = literal;
	const commands = Object.entries(literal.commands ?? {}).map(([command, annotations]) => [
		command,
		{ runner, annotations },
	]);
	const wapm = { ...(name ? { name } : {}), ...(version ? { version } : {}) };
	const bytes = await writePackage({
		format: literal.format ?? 3,
		manifest: {
			use: literal.use ?? {},
			package: { wapm, ...(literal.fs ? { fs: literal.fs } : {}) },
			commands: new Map(commands as [string, unknown][]),
			...(literal.entrypoint ? { entrypoint: literal.entrypoint } : {}),
		},
		atoms: new Map((literal.atoms ?? []).map((atom) => [atom, text.encode(atom)])),
		volumes: new Map(
			Object.entries(literal.volumes ?? {}).map(([key, paths]) => [key, tree(paths)]),
		),
	});
	return readPackage(bytes);
}

const files = (volume: ReadonlyMap<string, unknown> | undefined) => [...(volume?.keys() ?? [])];

describe("command to atom", () => {
	const atomOf = async (literal: Literal, command = "c", others: Package[] = []) => {
		const found = resolveCommand(await pkg(literal), command, findAmong(others));
		return found.atomName;
	};

	test("an annotation `atom` comes first", async () => {
		const annotations = { atom: { name: "a" }, wasi: { atom: "b" } };
		expect(await atomOf({ atoms: ["a", "b", "c"], commands: { c: annotations } })).toBe("a");
	});

	test("then `wasi.atom`", async () => {
		expect(await atomOf({ atoms: ["b", "c"], commands: { c: { wasi: { atom: "b" } } } })).toBe("b");
	});

	test("then the command's own name", async () => {
		expect(await atomOf({ atoms: ["b", "c"], commands: { c: {} } })).toBe("c");
		expect(await atomOf({ atoms: ["c"], commands: { c: { x: 1 } } })).toBe("c");
	});

	test("and without annotations the first atom by name", async () => {
		expect(await atomOf({ atoms: ["z", "b"], commands: { c: {} } })).toBe("b");
		const other = atomOf({ atoms: ["z"], commands: { c: { x: 1 } } });
		await expect(other).rejects.toMatchObject({ code: "missing-atom" });
	});

	test("an alias leads to a dependency, in either spelling", async () => {
		const dependency = await pkg({ name: "n/d", version: "1.2.3", atoms: ["a"] });
		const use = { d: "n/d@1" };
		for (const annotations of [
			{ atom: { name: "a", dependency: "d" } },
			{ wasi: { atom: "d:a" } },
		]) {
			const root = await pkg({ use, commands: { c: annotations } });
			const found = resolveCommand(root, "c", findAmong([dependency]));
			expect(found.atomName).toBe("a");
			expect(found.pkg).toBe(dependency);
			expect(found.owner).toBe(root);
			expect(() => resolveCommand(root, "c")).toThrow(/needs n\/d@1/);
		}
	});

	test("an alias that is not declared is an error", async () => {
		const root = await pkg({ commands: { c: { wasi: { atom: "d:a" } } } });
		expect(() => resolveCommand(root, "c")).toThrow(
			expect.objectContaining({ code: "unknown-alias" }),
		);
	});

	test("a command for another runner is left out", async () => {
		const root = await pkg({ atoms: ["c"], commands: { c: {} }, runner: "https://example.com/r" });
		expect(root.commands).toEqual([]);
		expect(() => resolveCommand(root, "c")).toThrow(
			expect.objectContaining({ code: "no-command" }),
		);
	});

	test("runners are compared by their beginning", async () => {
		for (const suffix of ["wasi@unstable_", "wasi/command@unstable_", "wcgi"]) {
			const runner = `https://webc.org/runner/${suffix}`;
			const root = await pkg({ atoms: ["c"], commands: { c: {} }, runner });
			expect(root.commands).toMatchObject([{ name: "c", atom: "c", runner }]);
		}
	});

	test("how to start it", async () => {
		const wasi = {
			atom: "c",
			env: ["A=1", "B=x=y", "C"],
			"main-args": ["-x"],
			cwd: "/w",
			"exec-name": "prog",
		};
		const old = { atom: "c", main_args: ["-y"], exec_name: "old" };
		const root = await pkg({ atoms: ["c"], commands: { c: { wasi }, o: { wasi: old } } });
		expect(root.commands).toMatchObject([
			{
				env: [
					["A", "1"],
					["B", "x=y"],
					["C", ""],
				],
				mainArgs: ["-x"],
				cwd: "/w",
				execName: "prog",
			},
			{ env: [], mainArgs: ["-y"], execName: "old" },
		]);
	});

	/** Seven atoms, six commands in the old spelling, and bindings: what wabt 1.0.37 looks like. */
	test("wabt", async () => {
		const names = ["wasm2wat", "wat2wasm", "wasm-strip"];
		const annotations = (atom: string) => ({ wasi: { atom, package: null, main_args: null } });
		const wabt = await pkg({
			format: 1,
			atoms: ["wabt", ...names],
			commands: Object.fromEntries(names.map((name) => [name, annotations(name)])),
			runner: "https://webc.org/runner/wasi/command@unstable_",
		});
		for (const name of names) expect(resolveCommand(wabt, name).atomName).toBe(name);
		expect(() => resolveCommand(wabt, "wabt")).toThrow(/no command "wabt"/);
		expect(resolveEntrypoint(wabt)).toBeUndefined();
	});
});

describe("dependencies", () => {
	const d1 = pkg({ name: "n/d", version: "1.0.0", atoms: ["x"], commands: { x: {}, shared: {} } });

	test("their commands come after the package's own", async () => {
		const root = await pkg({
			name: "n/root",
			use: { d: "n/d@1" },
			atoms: ["shared"],
			commands: { shared: {} },
		});
		const find = findAmong([await d1]);
		const commands = resolveCommands(root, find);
		expect([...commands.keys()]).toEqual(["shared", "x"]);
		expect(commands.get("shared")?.owner).toBe(root);
		expect(resolveCommand(root, "x", find).pkg).toBe(await d1);
	});

	test("the newest version that satisfies is taken", async () => {
		const versions = await Promise.all(
			["1.0.0", "1.10.0", "1.9.0", "2.0.0"].map((version) => pkg({ name: "n/d", version })),
		);
		const root = await pkg({ use: { d: "n/d@1" } });
		expect(resolveDependencies(root, findAmong(versions)).packages[1]?.version).toBe("1.10.0");
	});

	test("a package without a namespace or version is taken for any", async () => {
		const bare = { ...(await d1), name: "d", version: "" };
		const root = await pkg({ use: { d: "n/d@^7" } });
		expect(resolveDependencies(root, findAmong([bare])).packages).toContain(bare);
		const other = { ...(await d1), name: "m/d", version: "" };
		expect(resolveDependencies(root, findAmong([other])).missing).toMatchObject([
			{ alias: "d", specifier: "n/d@^7", of: root },
		]);
	});

	test("a URL is looked up as it is", async () => {
		const url = "https://example.com/d.webc";
		const root = await pkg({ use: { d: url } });
		const find = findAmong([], new Map([[url, await d1]]));
		expect(resolveDependencies(root, find).packages).toHaveLength(2);
	});

	test("an embedded manifest stands for exactly its version", async () => {
		const embedded = { package: { wapm: { name: "n/d", version: "1.0.0" } } };
		const root = await pkg({ use: { d: embedded } });
		expect(root.use.get("d")).toBe("n/d@=1.0.0");
	});

	test("each comes before what it depends on, once", async () => {
		const base = await pkg({ name: "n/base", version: "1.0.0" });
		const left = await pkg({ name: "n/left", version: "1.0.0", use: { b: "n/base@1" } });
		const right = await pkg({ name: "n/right", version: "1.0.0", use: { b: "n/base@1" } });
		const root = await pkg({ name: "n/root", use: { l: "n/left@1", r: "n/right@1" } });
		const { packages } = resolveDependencies(root, findAmong([base, left, right]));
		expect(packages.map(({ name }) => name)).toEqual(["n/root", "n/left", "n/right", "n/base"]);
	});

	test("a cycle is an error", async () => {
		const a = await pkg({ name: "n/a", version: "1.0.0", use: { b: "n/b@1" } });
		const b = await pkg({ name: "n/b", version: "1.0.0", use: { a: "n/a@1" } });
		expect(() => resolveDependencies(a, findAmong([a, b]))).toThrow(/n\/a → n\/b → n\/a/);
	});

	test("two versions of one package are an error", async () => {
		const two = await pkg({ name: "n/d", version: "2.0.0" });
		const middle = await pkg({ name: "n/m", version: "1.0.0", use: { d: "n/d@2" } });
		const root = await pkg({ use: { d: "n/d@1", m: "n/m@1" } });
		const find = findAmong([await d1, two, middle]);
		expect(() => resolveDependencies(root, find)).toThrow(
			expect.objectContaining({ code: "dependency-conflict" }),
		);
	});

	test("the entrypoint is inherited, or the only command", async () => {
		const inner = await pkg({ name: "n/i", version: "1.0.0", entrypoint: "run" });
		const root = await pkg({ use: { i: "n/i" }, atoms: ["c"], commands: { c: {} } });
		expect(resolveEntrypoint(root)).toBe("c");
		expect(resolveEntrypoint(root, findAmong([inner]))).toBe("run");
		expect(resolveEntrypoint({ ...root, entrypoint: "own" }, findAmong([inner]))).toBe("own");
	});
});

describe("mounts", () => {
	const mounts = (found: Package) =>
		found.volumes.map(({ mountPath, tree }) => [mountPath, files(tree)]);

	test("without mappings, `atom` is at the root in versions 1 and 2, and nothing in 3", async () => {
		const volumes = { atom: ["f"], metadata: ["m"] };
		expect(mounts(await pkg({ format: 1, volumes }))).toEqual([["/", ["f"]]]);
		expect(mounts(await pkg({ format: 2, volumes }))).toEqual([["/", ["f"]]]);
		expect(mounts(await pkg({ format: 3, volumes }))).toEqual([]);
	});

	test("host_path counts in versions 1 and 2, in either spelling", async () => {
		const volumes = { atom: ["lib/x", "y"] };
		for (const key of ["host_path", "original_path"]) {
			const fs = [{ volume_name: "atom", [key]: "/lib/", mount_path: "usr/lib/" }];
			expect(mounts(await pkg({ format: 1, volumes, fs }))).toEqual([["/usr/lib", ["x"]]]);
			expect(mounts(await pkg({ format: 2, volumes, fs }))).toEqual([["/usr/lib", ["x"]]]);
			expect(mounts(await pkg({ format: 3, volumes, fs }))).toEqual([["/usr/lib", ["lib", "y"]]]);
		}
	});

	test("a host_path that is not there is refused", async () => {
		const fs = [{ volume_name: "atom", host_path: "/nowhere", mount_path: "/" }];
		await expect(pkg({ format: 2, volumes: { atom: [] }, fs })).rejects.toMatchObject({
			code: "missing-volume",
		});
	});

	test("mount paths are normalised", async () => {
		const paths = ["lib", "/lib/", "/a/../lib", "//lib/./", "", "/"];
		const fs = paths.map((mount_path) => ({ volume_name: "/v", mount_path }));
		const found = await pkg({ volumes: { "/v": ["f"] }, fs });
		expect(found.volumes.map(({ mountPath }) => mountPath)).toEqual([
			...["/lib", "/lib", "/lib", "/lib"],
			...["/", "/"],
		]);
	});

	test("a dependency's volume is found when its package is loaded", async () => {
		const dependency = await pkg({
			name: "n/d",
			version: "1.0.0",
			volumes: { "/data": ["f"], "/own": ["g"] },
			fs: [{ volume_name: "/own", mount_path: "/own" }],
		});
		const fs = [{ from: "d", volume_name: "/data", mount_path: "/data" }];
		const root = await pkg({ use: { d: "n/d@1" }, fs });
		expect(mounts(root)).toEqual([["/data", []]]);
		const found = resolveMounts(root, findAmong([dependency]));
		expect(found.map(({ mountPath, tree }) => [mountPath, files(tree)])).toEqual([
			["/data", ["f"]],
			["/own", ["g"]],
		]);
		expect(found[0]?.pkg).toBe(dependency);
		expect(() => resolveMounts(root)).toThrow(
			expect.objectContaining({ code: "missing-dependency" }),
		);
		const wrong = [{ from: "d", volume_name: "data", mount_path: "/data" }];
		const other = await pkg({ use: { d: "n/d@1" }, fs: wrong });
		expect(() => resolveMounts(other, findAmong([dependency]))).toThrow(
			expect.objectContaining({ code: "missing-volume" }),
		);
	});
});

test("what the reader is told names a package that does not name itself", async () => {
	const named = async (name: string, literal: Literal = {}) => {
		const found = await pkg(literal);
		const bytes = found.source.bytes ?? new Uint8Array();
		const { name: told, version } = await readPackage(bytes, { name });
		return `${told}@${version}`;
	};
	expect(await named("ns/name@1.2.3")).toBe("ns/name@1.2.3");
	expect(await named("ns/name")).toBe("ns/name@");
	expect(await named("/packages/python.webc")).toBe("python@");
	expect(await named("python-3.11.webc")).toBe("python-3.11@");
	expect(await named("settings@0.1.0.webc")).toBe("settings@0.1.0");
	expect(await named("other", { name: "n/own", version: "1.0.0" })).toBe("n/own@1.0.0");
	expect(await named("other", { name: "n/own" })).toBe("n/own@0.0.0");
});

test("a bare module is a package of one command", async () => {
	const bytes = new Uint8Array([0, 0x61, 0x73, 0x6d, 1, 0, 0, 0]);
	const module = await readPackage(bytes, { name: "https://example.com/bin/cowsay.wasm" });
	expect(module).toMatchObject({ name: "cowsay", format: "wasm", entrypoint: "cowsay" });
	expect(resolveCommand(module, "cowsay").atom).toEqual({ start: 0, length: 8 });
	expect(resolveEntrypoint(await readPackage(bytes))).toBe("main");
	expect((module.manifest as Table).entrypoint).toBe("cowsay");
	expect(encodeMap(module.manifest).length).toBeGreaterThan(50);
});

describe("requirements", () => {
	const cases: [string, string[], string[]][] = [
		["1.2.3", ["1.2.3", "1.2.4", "1.9.0"], ["1.2.2", "2.0.0", "0.9.0"]],
		["^1.2.3", ["1.2.3", "1.3.0"], ["2.0.0"]],
		["^1", ["1.0.0", "1.9.9"], ["0.9.9", "2.0.0"]],
		["^0.2.3", ["0.2.3", "0.2.9"], ["0.3.0", "0.2.2"]],
		["^0.0.3", ["0.0.3"], ["0.0.4", "0.0.2"]],
		["^0.0", ["0.0.0", "0.0.9"], ["0.1.0"]],
		["^0", ["0.0.0", "0.9.9"], ["1.0.0"]],
		["~1.2.3", ["1.2.3", "1.2.9"], ["1.3.0", "1.2.2"]],
		["~1.2", ["1.2.0", "1.2.9"], ["1.3.0"]],
		["~1", ["1.0.0", "1.9.0"], ["2.0.0"]],
		["=1.2.3", ["1.2.3"], ["1.2.4", "1.2.2"]],
		["=1.2", ["1.2.0", "1.2.9"], ["1.3.0"]],
		["=1", ["1.0.0", "1.9.0"], ["2.0.0"]],
		[">1.2.3", ["1.2.4", "2.0.0"], ["1.2.3"]],
		[">1.2", ["1.3.0"], ["1.2.9"]],
		[">=1.2", ["1.2.0", "9.0.0"], ["1.1.9"]],
		["<1.2", ["1.1.9", "0.0.1"], ["1.2.0"]],
		["<=1.2", ["1.2.9"], ["1.3.0"]],
		["<=1.2.3", ["1.2.3"], ["1.2.4"]],
		[">=1, <2", ["1.0.0", "1.9.9"], ["0.9.9", "2.0.0"]],
		[">=1 <2", ["1.0.0"], ["2.0.0"]],
		[">= 1.0, < 2.0", ["1.5.0"], ["2.0.0"]],
		["1.*", ["1.0.0", "1.9.0"], ["2.0.0", "0.1.0"]],
		["1.2.*", ["1.2.9"], ["1.3.0"]],
		["*", ["0.0.1", "9.9.9"], []],
		["latest", ["0.0.1", "9.9.9"], []],
		["", ["0.0.1", "9.9.9"], []],
		["1.0.0-rc.1", ["1.0.0-rc.1", "1.0.0-rc.2", "1.0.0", "1.5.0"], ["1.0.0-alpha", "1.1.0-rc.1"]],
		["^1", [], ["1.1.0-beta", "2.0.0-beta"]],
		["<1.0.0", ["0.9.0"], ["1.0.0-beta"]],
		["nonsense", ["nonsense"], ["1.0.0"]],
	];
	test.each(cases)("%s", (requirement, met, unmet) => {
		expect(met.filter((version) => !satisfies(version, requirement))).toEqual([]);
		expect(unmet.filter((version) => satisfies(version, requirement))).toEqual([]);
		expect(satisfies("", requirement)).toBe(true);
	});

	test("versions have an order", () => {
		const sorted = [
			...["", "0.0.1", "0.1.0", "1.0.0-1", "1.0.0-2", "1.0.0-10", "1.0.0-alpha", "1.0.0-alpha.1"],
			...["1.0.0-beta", "1.0.0", "1.0.10", "1.2.0", "10.0.0"],
		];
		const shuffled = sorted.toSorted((a, b) => a.length - b.length || (a < b ? 1 : -1));
		expect(shuffled.sort(compareVersions)).toEqual(sorted);
	});
});

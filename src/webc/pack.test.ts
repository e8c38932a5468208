/**
 * `wasmer.toml` to packages, and legacy archives, which are the same directories in a `tar.gz`.
 *
 * A directory is a literal: path → text, with the TOML first.
 */
import { createHash } from "node:crypto";
import { gzipSync } from "node:zlib";
import { packTar, type TarHeader } from "modern-tar";
import { describe, expect, test } from "vitest";
import {
	type Package,
	type PackageFiles,
	type PackedEntry,
	type PackOptions,
	packDirectory,
	readDefinition,
	readPackage,
	resolveCommand,
	type Span,
	type Volume,
	verifySpan,
	writePackage,
} from "./index.ts";
import { definePackage } from "./pack.ts";
import { describeAtom } from "./write.ts";

const text = new TextEncoder();

function directory(toml: string, files: Record<string, string> = {}): PackageFiles {
	const all = new Map(Object.entries({ "wasmer.toml": toml, ...files }));
	return {
		read: async (path) => {
			const content = all.get(path);
			return content === undefined || content.startsWith("->") ? undefined : text.encode(content);
		},
		list: async (path) => {
			const below = path === "" ? "" : `${path}/`;
			const found = new Map<string, PackedEntry>();
			for (const [file, content] of all) {
				if (!file.startsWith(below)) continue;
				const [name = "", ...rest] = file.slice(below.length).split("/");
				if (rest.length > 0) found.set(name, { name, type: "directory", modified: 7 });
				else if (content.startsWith("->")) found.set(name, link(name, content));
				else found.set(name, { name, type: "file", modified: 9 });
			}
			return found.size > 0 ? [...found.values()] : undefined;
		},
	};
}

const link = (name: string, content: string): PackedEntry => ({
	name,
	type: "symlink",
	target: content.slice(2),
});

async function packed(
	toml: string,
	files: Record<string, string> = {},
	options?: PackOptions,
): Promise<Package> {
	return readPackage(await packDirectory(directory(toml, files), options));
}

/** A tree as lines: paths, with `/` behind directories and `-> target` behind links. */
function lines(volume: Volume | undefined, path = ""): string[] {
	return [...(volume ?? [])].flatMap(([name, entry]) => {
		if (typeof entry === "string") return [`${path}${name} -> ${entry}`];
		if (!(entry instanceof Map)) return [`${path}${name}`];
		return [`${path}${name}/`, ...lines(entry, `${path}${name}/`)];
	});
}

test.each([1, 2, 3] as const)(
	"version %i keeps that an atom was made interruptible",
	async (format) => {
		const files = directory(`${module}[[module]]\nname = "n"\nsource = "m.wasm"\n`, {
			"m.wasm": "original",
		});
		const rules = { format, strict: true, ignoring: true };
		const changed = text.encode("rewritten");
		const definition = await definePackage(files, {
			...rules,
			prepare: async (name, bytes) =>
				name === "m" ? { bytes: changed, interruptible: true } : { bytes },
		});
		const bytes = await writePackage(definition);
		const found = await readPackage(bytes, { verify: true });
		const { m, n } = Object.fromEntries(found.atoms);
		expect([m?.interruptible, n?.interruptible]).toEqual([true, undefined]);
		expect(m && (await verifySpan(found.source, m))).toEqual(changed);
		expect(await writePackage(await readDefinition(found))).toEqual(bytes);
		// What was changed afterwards is found.
		bytes.fill(0, m?.start, (m?.start ?? 0) + 1);
		await expect(readPackage(bytes, { verify: true })).rejects.toMatchObject({ code: "checksum" });
	},
);

test.each([
	{ porthole: true },
	{ porthole: { interruptible: 1 } },
	{ other: { interruptible: true } },
	[{ porthole: 1 }],
	"porthole",
])("other annotations of an atom say nothing: %j", async (annotations) => {
	const atom = new Map<string, unknown>(await describeAtom(text.encode("m")));
	const manifest = { atoms: { m: Object.fromEntries(atom.set("annotations", annotations)) } };
	const bytes = await writePackage({ manifest, atoms: new Map([["m", text.encode("m")]]) });
	expect((await readPackage(bytes)).atoms.get("m")).not.toHaveProperty("interruptible");
});

const refused = (toml: string, files?: Record<string, string>, options?: PackOptions) =>
	packed(toml, files, options).then(
		() => "accepted",
		(error) => `${error.code}: ${error.message}`,
	);

const module = `
[[module]]
name = "m"
source = "m.wasm"
`;
const code = { "m.wasm": "\0asm\x01\0\0\0" };
const command = `${module}
[[command]]
name = "c"
module = "m"
runner = "wasi"
`;

describe("the manifest", () => {
	test("of a package with everything, in the reference's order of keys", async () => {
		const toml = `
			[package]
			name = "ns/name"
			version = "1.2.3"
			description = "d"
			license = "MIT"
			license-file = "LICENSE"
			readme = "./docs/README.md"
			repository = "https://example.com/r"
			homepage = "https://example.com"
			private = true
			wasmer-extra-flags = "--x"

			[dependencies]
			"ns/dep" = "1"
			"ns/other" = ">=1, <2"

			[fs]
			"/data" = "./data/"
			"lib" = "data"

			[[module]]
			name = "m"
			source = "m.wasm"
			abi = "wasi"
			bindings = { wit-bindgen = "0.1.0", wit-exports = "m.wit" }

			[[command]]
			name = "run"
			module = "m"
			runner = "https://webc.org/runner/wasi"
			annotations = { wasi = { main-args = ["-x"], env = ["A=1"] }, when = 2020-01-02 }

			[[command]]
			name = "serve"
			module = "ns/dep:web"
			runner = "wcgi"

			[[command]]
			name = "old"
			module = "m"
			main_args = " --a   b "
			package = "p"
		`;
		const files = { ...code, LICENSE: "l", "docs/README.md": "r", "m.wit": "w", "data/x": "1" };
		const found = await packed(toml, files);
		const expected = {
			use: { "ns/dep": "ns/dep@^1", "ns/other": "ns/other@>=1, <2" },
			package: {
				wapm: {
					name: "ns/name",
					version: "1.2.3",
					description: "d",
					license: "MIT",
					"license-file": { volume: "metadata", path: "/LICENSE" },
					readme: { volume: "metadata", path: "/docs/README.md" },
					repository: "https://example.com/r",
					homepage: "https://example.com",
					private: true,
				},
				fs: [
					{ from: null, volume_name: "/data", mount_path: "/data" },
					{ from: null, volume_name: "/data", mount_path: "/lib" },
				],
			},
			atoms: {
				m: {
					kind: "https://webc.org/kind/wasm",
					signature: `sha256:${createHash("sha256").update(code["m.wasm"]).digest("base64")}`,
				},
			},
			commands: {
				run: {
					runner: "https://webc.org/runner/wasi",
					annotations: {
						atom: { name: "m" },
						wasi: { atom: "m", "main-args": ["-x"], env: ["A=1"] },
						when: "2020-01-02",
					},
				},
				serve: {
					runner: "https://webc.org/runner/wcgi",
					annotations: {
						atom: { name: "web", dependency: "ns/dep" },
						wasi: { atom: "ns/dep:web" },
					},
				},
				old: {
					runner: "https://webc.org/runner/wasi",
					annotations: {
						atom: { name: "m" },
						wasi: { atom: "m", package: "p", "main-args": ["--a", "b"] },
					},
				},
			},
			bindings: [
				{
					name: "library-bindings",
					kind: "wit@0.1.0",
					annotations: { wit: { exports: "metadata://m.wit", module: "m" } },
				},
			],
		};
		expect(JSON.stringify(found.manifest, null, 1)).toBe(JSON.stringify(expected, null, 1));
		expect(lines(found.allVolumes.get("metadata"))).toEqual([
			...["LICENSE", "docs/", "docs/README.md", "m.wit"],
		]);
		expect(found.allVolumes.size).toBe(2);
	});

	test("of nothing", async () => {
		const found = await packed("");
		expect(found.manifest).toEqual({});
		expect([...found.allVolumes.keys()]).toEqual(["metadata"]);
		expect((await packed("[package]")).manifest).toEqual({ package: { wapm: {} } });
	});

	test("the only command is the entrypoint, unless another is named", async () => {
		expect((await packed(command, code)).entrypoint).toBe("c");
		const two = `${command}${command.replace(module, "").replace('"c"', '"d"')}`;
		expect((await packed(two, code)).entrypoint).toBeUndefined();
		expect((await packed(`[package]\nentrypoint = "d"\n${two}`, code)).entrypoint).toBe("d");
	});

	test("keeps its identity in every version", async () => {
		const toml = '[package]\nname = "ns/n"\nversion = "1.0.0"\ndescription = "d"';
		for (const format of [1, 2, 3] as const) {
			const found = await packed(toml, {}, { format });
			expect(found).toMatchObject({ format, name: "ns/n", version: "1.0.0" });
		}
	});

	test("annotations may lie in a JSON file", async () => {
		const toml = `${command}annotations = { file = "a.json", kind = "json" }`;
		const found = await packed(toml, { ...code, "a.json": '{"wasi":{"main-args":["-j"]}}' });
		expect(found.commands[0]?.mainArgs).toEqual(["-j"]);
		expect(await refused(toml, { ...code, "a.json": "{" })).toMatch(
			/^bad-toml: A\.json is no JSON/,
		);
		expect(await refused(toml, code)).toMatch(/^missing-file: There is no a\.json/);
		expect(await refused(toml.replace('"json"', '"yaml"'), code)).toMatch(/write them as JSON/);
	});
});

describe("what is wrong with wasmer.toml", () => {
	const rows: [string, string, Record<string, string>, RegExp][] = [
		[
			"no TOML",
			"\n[package",
			{},
			/^bad-toml: Invalid TOML.* \(line 2, column 2\) in wasmer\.toml\. /,
		],
		["a module without a file", module, {}, /^missing-file: There is no m\.wasm/],
		["a mapping without a directory", '[fs]\n"/a" = "a"', {}, /^missing-file: There is no \/a/],
		["a mapping that leads out", '[fs]\n"/a" = "../a"', {}, /leads out of the package/],
		["a guest path that leads out", '[fs]\n"/../a" = "a"', { "a/x": "" }, /leads out/],
		[
			"two commands of one name",
			command + command.replace(module, ""),
			code,
			/two commands called "c"/,
		],
		["two modules of one name", module + module, code, /two modules called "m"/],
		[
			"a command of no module",
			command.replace(module, ""),
			{},
			/of module "m", which there is not/,
		],
		["a command of no dependency", command.replace('"m"\nr', '"x/y:m"\nr'), code, /no dependency/],
		["two colons", command.replace('"m"\nr', '"x:y:m"\nr'), code, /two colons/],
		["a dependency without a namespace", '[dependencies]\nx = "1"', {}, /namespace\/name/],
		["an unknown module kind", `${module}kind = "elf"`, code, /no module kind "elf"/],
		[
			"a runner that is missing",
			command.replace(/runner.*/, "annotations = {}"),
			code,
			/The runner of command c/,
		],
		[
			"annotations that contradict",
			`${command}annotations.wasi.atom = "other"`,
			code,
			/contradict/,
		],
		["a mapped file, deep", '[fs]\n"/a/f" = "d/f"', { "d/f": "" }, /Map the directory of \/d\/f/],
	];
	test.each(rows)("%s", async (_, toml, files, expected) => {
		expect(await refused(toml, files)).toMatch(expected);
	});

	test("the manifest is missing", async () => {
		const empty: PackageFiles = { read: async () => undefined, list: async () => [] };
		await expect(packDirectory(empty)).rejects.toThrow("There is no wasmer.toml. Add the file");
	});
});

describe("files", () => {
	const fs = '[fs]\n"/data" = "d"';

	test("all of a directory but .git, with times and links", async () => {
		const found = await packed(fs, {
			"d/.hidden": "",
			"d/.git/config": "",
			"d/.gitignore": "x",
			"d/sub/deep/x": "1",
			"d/l": "->sub/deep",
		});
		const tree = found.volumes[0]?.tree;
		expect(lines(tree)).toEqual([
			...[".gitignore", ".hidden", "l -> sub/deep", "sub/", "sub/deep/", "sub/deep/x"],
		]);
		expect(tree?.modified).toBeUndefined();
		expect(tree?.get("sub")).toHaveProperty("modified", 7);
		expect(tree?.get(".hidden")).toHaveProperty("modified", 9);
	});

	test(".wasmerignore decides, and a deeper one overrules it", async () => {
		const found = await packed('[fs]\n"/d" = "a/d"', {
			".wasmerignore": "*.o\n/a/d/top\n",
			"a/.wasmerignore": "d/second/\n",
			"a/d/x.o": "",
			"a/d/x.c": "",
			"a/d/top": "",
			"a/d/second/y": "",
			"a/d/sub/.wasmerignore": "!keep.o\n",
			"a/d/sub/keep.o": "",
			"a/d/sub/other.o": "",
			"a/d/.git/x": "",
		});
		expect(lines(found.volumes[0]?.tree)).toEqual([
			...[".git/", ".git/x", "sub/", "sub/.wasmerignore", "sub/keep.o", "x.c"],
		]);
	});

	test("one file is a volume mounted one level up", async () => {
		const found = await packed('[fs]\n"/etc/conf" = "conf"', { conf: "1" });
		expect(found.volumes).toMatchObject([{ name: "/conf", mountPath: "/etc" }]);
		expect(lines(found.volumes[0]?.tree)).toEqual(["conf"]);
	});

	test("the package directory itself", async () => {
		const found = await packed('[fs]\n"/src" = "."', { x: "" });
		expect(lines(found.volumes[0]?.tree)).toEqual(["wasmer.toml", "x"]);
	});

	test.each([1, 2] as const)("versions 1 and 2 keep them together (%i)", async (format) => {
		const toml = '[fs]\n"/one" = "d/a"\n"/two" = "d"';
		const found = await packed(toml, { "d/a/x": "1", "d/b": "2" }, { format });
		expect(lines(found.allVolumes.get("atom"))).toEqual(["d/", "d/a/", "d/a/x", "d/b"]);
		expect(found.volumes.map(({ mountPath, tree }) => [mountPath, ...lines(tree)])).toEqual([
			["/one", "x"],
			["/two", "a/", "a/x", "b"],
		]);
	});

	test.each([1, 2] as const)("version %i has no links", async (format) => {
		expect(await refused(fs, { "d/l": "->x" }, { format })).toMatch(/has no symbolic links/);
	});

	test("sources may lie outside", async () => {
		const toml = command.replace('"m.wasm"', '"../build/m.wasm"');
		const found = await packed(toml, { "../build/m.wasm": code["m.wasm"] });
		expect(resolveCommand(found, "c").atom.length).toBe(8);
	});
});

describe("legacy archives", () => {
	type Entry = { header: TarHeader; body?: string };

	const file = (name: string, body: string, more: Partial<TarHeader> = {}): Entry => ({
		header: { name, size: text.encode(body).length, type: "file", mtime: new Date(5000), ...more },
		body,
	});

	const archive = async (...entries: Entry[]) => new Uint8Array(gzipSync(await packTar(entries)));

	const verdict = async (bytes: Uint8Array, unpacked = 1_000_000) =>
		readPackage(bytes, { caps: { unpacked, entries: 50 } }).then(
			() => "accepted",
			(error) => {
				expect(error.name).toBe("WebcError");
				return error.code;
			},
		);

	const toml = file("wapm.toml", `[package]\nname = "n/a"\nversion = "1.0.0"\n[fs]\nd = "d"`);

	test("are what their directory would be", async () => {
		const long = `d/${"long".repeat(40)}/${"name".repeat(30)}`;
		const bytes = await archive(
			toml,
			{ header: { name: "./d/", size: 0, type: "directory" } },
			file("./d/x", "content"),
			file(long, "long"),
			file("d/é", "é"),
			file("d/empty", ""),
		);
		const found = await readPackage(bytes);
		expect(found).toMatchObject({ name: "n/a", version: "1.0.0", format: "tar" });
		expect(found.volumes).toMatchObject([{ name: "/d", mountPath: "/d" }]);
		const tree = found.volumes[0]?.tree;
		const [, directory, name] = long.split("/");
		expect(lines(tree)).toEqual(["x", `${directory}/`, `${directory}/${name}`, "é", "empty"]);
		const span = tree?.get("x") as Span;
		expect(span.modified).toBe(5);
		const content = await found.source.read(span.start, span.length);
		expect(new TextDecoder().decode(content)).toBe("content");
	});

	test("prefer wasmer.toml, and let a command without its module pass", async () => {
		const other = `[package]\nname = "n/b"\n[[command]]\nname = "c"\nmodule = "m"\nrunner = "wasi"`;
		const found = await readPackage(await archive(toml, file("wasmer.toml", other)));
		expect(found.name).toBe("n/b");
		expect(() => resolveCommand(found, "c")).toThrow(/needs the atom "m"/);
	});

	test("are read as tar reads them: without their end, or with something behind it", async () => {
		const plain = await packTar([toml, file("d/x", "1"), file("d/y", "2")]);
		const whole = plain.length - 1024;
		const forms = [
			plain.subarray(0, whole),
			plain.subarray(0, whole + 512),
			Buffer.concat([plain, text.encode("what follows does not count")]),
		];
		for (const form of forms) {
			const found = await readPackage(new Uint8Array(gzipSync(form)));
			expect(lines(found.volumes[0]?.tree)).toEqual(["x", "y"]);
		}
		// The last file is not whole, or its header is not.
		for (const length of [whole - 1, whole - 512, whole - 513, whole - 1023]) {
			expect(await verdict(new Uint8Array(gzipSync(plain.subarray(0, length))))).toBe(
				"bad-archive",
			);
		}
	});

	test("of a compression that is not read here are refused by its name", async () => {
		const starts = { bzip2: "BZh91AY&SY", xz: "\xfd7zXZ\0\0\0", zstd: "\x28\xb5\x2f\xfd\0\0\0\0" };
		for (const [name, start] of Object.entries(starts)) {
			const bytes = new Uint8Array(Buffer.from(start, "latin1"));
			await expect(readPackage(bytes)).rejects.toMatchObject({
				code: "not-supported",
				message: expect.stringContaining(name),
			});
		}
	});

	test("names that are not what they seem are refused", async () => {
		for (const name of ["/etc/passwd", "../x", "d/../../x", "d/.."]) {
			expect(await verdict(await archive(toml, file(name, "x")))).toBe("bad-archive");
		}
		expect(await verdict(await archive(toml, file("d/x", "1"), file("d/x", "2")))).toBe(
			"bad-archive",
		);
		expect(await verdict(await archive(toml, file("d", "1"), file("d/x", "2")))).toBe(
			"bad-archive",
		);
		expect(await verdict(await archive(toml, file("d/x", "1"), file("d", "2")))).toBe(
			"bad-archive",
		);
	});

	test("links and devices are refused", async () => {
		for (const type of ["symlink", "link", "character-device", "fifo"] as const) {
			const entry = { header: { name: "d/l", size: 0, type, linkname: "/etc/passwd" } };
			expect(await verdict(await archive(toml, entry))).toBe("bad-archive");
		}
	});

	test("damage is refused", async () => {
		const tar = await packTar([toml, file("d/x", "x".repeat(3000))]);
		const broken = tar.slice();
		broken[513] = 0x7f; // In the TOML.
		expect(await verdict(new Uint8Array(gzipSync(broken)))).toBe("bad-toml");
		const header = tar.slice();
		header[1] = 0x7f; // In a name, which the header's sum covers.
		expect(await verdict(new Uint8Array(gzipSync(header)))).toBe("bad-archive");
		expect(await verdict(new Uint8Array(gzipSync(tar.subarray(0, 2000))))).toBe("bad-archive");
		const whole = new Uint8Array(gzipSync(tar));
		expect(await verdict(whole)).toBe("accepted");
		for (let length = 2; length < whole.length; length += 29) {
			expect(await verdict(whole.subarray(0, length))).toMatch(/^bad-(archive|magic)$/);
		}
		const flipped = whole.slice();
		flipped[flipped.length - 5] = (flipped[flipped.length - 5] ?? 0) ^ 1; // The gzip's checksum.
		expect(await verdict(flipped)).toBe("bad-archive");
	});

	test("a bomb does not go off", async () => {
		const zeros = "\0".repeat(900_000);
		const bomb = await archive(toml, file("d/a", zeros), file("d/b", zeros));
		expect(bomb.length).toBeLessThan(20_000);
		expect(await verdict(bomb)).toBe("too-large");
		expect(await verdict(bomb, 2_000_000)).toBe("accepted");
		const many = Array.from({ length: 60 }, (_, i) => file(`d/${i}`, ""));
		expect(await verdict(await archive(toml, ...many))).toBe("too-large");
	});
});

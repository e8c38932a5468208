/**
 * Real packages that others built: each is read to its last file, lazily and whole, and written again
 * to the same bytes. They lie beside the project; where they do not, the tests say so and skip.
 */
import { createHash } from "node:crypto";
import { existsSync, readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import {
	type ByteSource,
	bytesSource,
	findAmong,
	type Package,
	readDefinition,
	readPackage,
	resolveCommand,
	resolveCommands,
	resolveEntrypoint,
	resolveMounts,
	type Span,
	type Volume,
	verifySpan,
	writePackage,
} from "./index.ts";

const folder = new URL("../../../shared/fixtures/", import.meta.url);
const missing = !existsSync(folder);
if (missing) console.warn("The real packages are not beside the project: their tests are skipped.");

const load = (path: string) => new Uint8Array(readFileSync(new URL(path, folder)));

const containers = [
	"webc/hello-0.1.0.webc",
	"webc/dash-1.0.18.webc",
	"webc/bash-1.0.16.webc",
	"webc/volume-static-webserver-0.1.0.webc",
];

/** A source that must be asked for everything, and counts. */
function asked(
	bytes: Uint8Array,
): ByteSource & { requests: number; read: ByteSource["read"]; sum: number } {
	const { read } = bytesSource(bytes);
	const source = {
		size: bytes.length,
		requests: 0,
		sum: 0,
		read: async (offset: number, length: number) => {
			source.requests += 1;
			source.sum += length;
			return (await read(offset, length)).slice();
		},
	};
	return source;
}

/** Every file with the digest of its content, so that two trees can be compared. */
async function contents(pkg: Package): Promise<Record<string, string>> {
	const found: Record<string, string> = {};
	const add = async (path: string, span: Span) => {
		const bytes = await verifySpan(pkg.source, span);
		found[path] = createHash("sha256").update(bytes).digest("hex").slice(0, 8);
	};
	const walk = async (path: string, volume: Volume) => {
		for (const [name, entry] of volume) {
			if (entry instanceof Map) await walk(`${path}/${name}`, entry);
			else if (typeof entry !== "string") await add(`${path}/${name}`, entry as Span);
		}
	};
	for (const [name, span] of pkg.atoms) await add(`atom ${name}`, span);
	for (const [name, volume] of pkg.allVolumes) await walk(`volume ${name}`, volume);
	return found;
}

describe.skipIf(missing)("real containers", () => {
	test.each(containers)("%s comes out as it went in", async (path) => {
		const bytes = load(path);
		const written = await writePackage(await readDefinition(await readPackage(bytes)));
		expect(Buffer.compare(written, bytes)).toBe(0);
	});

	test.each(containers)("%s is the same when read in parts", async (path) => {
		const bytes = load(path);
		const source = asked(bytes);
		const lazy = await readPackage(source);
		expect(source.requests).toBeLessThanOrEqual(3);
		expect(source.sum).toBeLessThan(10_000);
		const whole = await readPackage(bytes);
		expect(await contents(lazy)).toEqual(await contents(whole));
		expect(lazy.manifest).toEqual(whole.manifest);
	});

	test.each(containers)("%s converts to every format and back", async (path) => {
		const from = await readPackage(load(path));
		const definition = await readDefinition(from);
		for (const format of [1, 2, 3] as const) {
			const bytes = await writePackage({ ...definition, format });
			const to = await readPackage(bytes);
			expect(to.format).toBe(format);
			expect(await contents(to)).toEqual(await contents(from));
			const again = await writePackage(await readDefinition(to));
			expect(Buffer.compare(again, bytes)).toBe(0);
		}
	});

	test("every shorter file is refused", async () => {
		const bytes = load("webc/volume-static-webserver-0.1.0.webc");
		for (let length = 0; length < bytes.length; length += 13) {
			await expect(readPackage(bytes.subarray(0, length))).rejects.toMatchObject({
				name: "WebcError",
			});
		}
	});

	test("bash", async () => {
		const bash = await readPackage(load("webc/bash-1.0.16.webc"));
		expect(bash).toMatchObject({ name: "sharrattj/bash", version: "1.0.16", entrypoint: "bash" });
		expect([...bash.use]).toEqual([["coreutils", "sharrattj/coreutils@1.0.16"]]);
		const { atom, atomName, pkg } = resolveCommand(bash, "bash");
		expect([atomName, atom.length]).toEqual(["bash", 1_847_052]);
		expect(pkg).toBe(bash);
		// It needs coreutils 1.0.16 or later, and there is only 1.0.11.
		const coreutils = await readPackage(load("legacy/coreutils-1.0.11.tar.gz"));
		expect(() => resolveCommand(bash, "ls", findAmong([coreutils]))).toThrow(/coreutils@1.0.16/);
		const newer = { ...coreutils, version: "1.0.17" };
		const find = findAmong([coreutils, newer]);
		const ls = resolveCommand(bash, "ls", find);
		expect([ls.pkg.version, ls.atomName]).toEqual(["1.0.17", "coreutils"]);
		expect(resolveCommands(bash, find).size).toBe(102);
		expect(resolveMounts(bash, find).map(({ mountPath }) => mountPath)).toEqual(["/", "/usr"]);
	});

	test("dash", async () => {
		const dash = await readPackage(load("webc/dash-1.0.18.webc"));
		expect(dash.volumes).toMatchObject([{ name: "atom", mountPath: "/" }]);
		expect(resolveEntrypoint(dash)).toBe("dash");
	});

	test("hello has nothing of its own", async () => {
		const hello = await readPackage(load("webc/hello-0.1.0.webc"));
		expect(hello.commands).toEqual([]);
		expect(() => resolveCommand(hello, "serve")).toThrow(/static-web-server/);
		const page = hello.volumes[0]?.tree.get("public") as Volume;
		expect(page.get("index.html")).toMatchObject({ start: 0x5ff, length: 1099 });
	});

	test("the static web server's settings", async () => {
		const found = await readPackage(load("webc/volume-static-webserver-0.1.0.webc"));
		expect(found).toMatchObject({ name: "", version: "", format: 3, entrypoint: "script" });
		expect(found.volumes).toMatchObject([{ name: "/settings", mountPath: "/settings" }]);
		expect(found.volumes[0]?.tree.get("config.toml")).toMatchObject({
			length: 3139,
			modified: 1_725_977_743,
		});
		expect(found.commands).toMatchObject([
			{
				name: "script",
				atom: "webserver",
				dependency: "wasmer/static-web-server",
				mainArgs: ["-w", "/settings/config.toml"],
			},
		]);
		expect(() => resolveCommand(found, "script")).toThrow(/wasmer\/static-web-server@\^1/);
	});
});

describe.skipIf(missing)("real archives", () => {
	test("coreutils", async () => {
		const found = await readPackage(load("legacy/coreutils-1.0.11.tar.gz"));
		expect(found).toMatchObject({ name: "sharrattj/coreutils", version: "1.0.11", format: "tar" });
		expect(found.commands).toHaveLength(101);
		expect(found.volumes).toMatchObject([{ name: "/usr", mountPath: "/usr" }]);
		const { atom, atomName } = resolveCommand(found, "cat");
		expect([atomName, atom.length]).toEqual(["coreutils", 4_889_174]);
		const module = await verifySpan(found.source, atom);
		expect([...module.subarray(0, 4)]).toEqual([0, 0x61, 0x73, 0x6d]);
		expect(Object.keys(await contents(found))).toContain("volume /usr/coreutils/README.md");
	});

	test("cowsay, whose commands are of the old form", async () => {
		const found = await readPackage(load("legacy/cowsay-0.3.0.tar.gz"));
		expect(found.commands.map(({ name, atom }) => [name, atom])).toEqual([
			["cowsay", "cowsay"],
			["cowthink", "cowsay"],
		]);
		expect(found.atoms.get("cowsay")?.length).toBe(1_058_629);
		expect(found.volumes).toEqual([]);
	});
});

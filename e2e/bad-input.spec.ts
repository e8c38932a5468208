/**
 * Whatever is wrong with a package, its server or its program, the page gets one PortholeError whose
 * code names the case and whose message says what to do; and the sandbox goes on.
 */
import { expect, test } from "./library.ts";

/** A page tries something bad in `sandbox`, and then runs a program in the same. */
interface Case {
	readonly name: string;
	readonly code: string | RegExp;
	readonly message: RegExp;
	/** Runs in the page; a string, so that a table can hold it. */
	readonly attempt: string;
}

const sample = `packed({ name: "tests/bad", atoms: { a: tiny() }, commands: { a: {} }, files: { "f": "x" } })`;

const cases: readonly Case[] = [
	{
		name: "bytes that are no package",
		attempt: `sandbox.load(new TextEncoder().encode("just some text, long enough to be looked at"))`,
		code: "bad-magic",
		message: /not a|no package|neither/i,
	},
	{
		name: "no bytes at all",
		attempt: "sandbox.load(new Uint8Array())",
		code: "bad-magic",
		message: /empty|bytes|ends/i,
	},
	{
		name: "half a package",
		attempt: `${sample}.then((bytes) => sandbox.load(bytes.subarray(0, bytes.length / 2)))`,
		code: "truncated",
		message: /end|truncated|short/i,
	},
	{
		name: "a package of a version that is not known",
		attempt: `${sample}.then((bytes) => (bytes.set([0x39, 0x39, 0x39], 5), sandbox.load(bytes)))`,
		code: /version/,
		message: /999/,
	},
	{
		name: "a package that was changed on its way",
		attempt: `${sample}.then((bytes) => { const at = bytes.length - 3; bytes[at] ^= 1; return sandbox.load(bytes).then(() => sandbox.command("a").output()); })`,
		code: /checksum|corrupt|bad-|not-a-package|truncated|missing|trailing/,
		message: /./,
	},
	{
		name: "a module that is damaged",
		attempt: `sandbox.load(tiny().fill(0xff, 20)).then((p) => sandbox.command(p).output())`,
		code: "invalid-module",
		message: /WebAssembly/,
	},
	{
		name: "commands that could not be files",
		attempt: `(async () => { for (const name of ["", ".", "..", "a/b", "a\\0b"]) { const bytes = await packed({ name: "tests/named", atoms: { a: tiny() }, commands: { [name]: { atom: { name: "a" } } } }); const error = await caught(sandbox.load(bytes)); if (error.code !== "bad-name") throw new Error(name + JSON.stringify(error)); } return sandbox.load(await packed({ name: "tests/named", atoms: { a: tiny() }, commands: { ["n".repeat(256)]: { atom: { name: "a" } } } })); })()`,
		code: "bad-name",
		message: /tests\/named.*1 to 255 bytes/,
	},
	{
		name: "a module or an alias that could not be a file",
		attempt: `(async () => { for (const name of ["", "..", "a/b"]) { const error = await caught(sandbox.load(tiny(), { name })); if (error.code !== "bad-name") throw new Error(name + JSON.stringify(error)); } return sandbox.command("x", [], { mappedCommands: { "a/b": "good" } }).output(); })()`,
		code: "bad-name",
		message: /is not the name of a file/,
	},
	{
		name: "a buffer that was transferred",
		attempt: `(async () => { const bytes = tiny(); structuredClone(bytes, { transfer: [bytes.buffer] }); for (const call of [() => sandbox.load(bytes.buffer), () => sandbox.fs.writeFile("/f", bytes)]) { const error = await caught(call()); if (error.code !== "invalid-option") throw new Error(JSON.stringify(error)); } return sandbox.load(bytes); })()`,
		code: "invalid-option",
		message: /detached/,
	},
	{
		name: "a request that the page has aborted",
		attempt: `sandbox.load(new Request("/packages/sqlite.webc", { signal: AbortSignal.abort() }))`,
		code: "aborted",
		message: /sqlite.*aborted/,
	},
	{
		name: "a date that is none",
		attempt: `sandbox.fs.utimes("/tmp", new Date("never"), 0)`,
		code: "EINVAL",
		message: /utimes \/tmp.*valid Date/,
	},
	{
		name: "a command that there is not",
		attempt: `sandbox.command("nobody").output()`,
		code: "missing-command",
		message: /"nobody".*good/,
	},
	{
		name: "a package without an entrypoint",
		attempt: `${sample.replace("a: {}", "a: {}, b: { atom: { name: 'a' } }")}.then((bytes) => sandbox.load(bytes)).then((p) => sandbox.command(p).output())`,
		code: "missing-command",
		message: /entrypoint.*a, b/,
	},
	{
		name: "a command whose atom is missing",
		attempt: `packed({ atoms: { a: tiny() }, commands: { c: { atom: { name: "b" } } } }).then((bytes) => sandbox.load(bytes)).then(() => sandbox.command("c").output())`,
		code: "missing-atom",
		message: /"?b"?/,
	},
	{
		name: "a mount of a volume that there is not",
		attempt: `webc.writePackage({ manifest: { package: { wapm: { name: "a/b", version: "1.0.0" }, fs: [{ from: null, volume_name: "gone", host_path: null, mount_path: "/" }] } } }).then((bytes) => sandbox.load(bytes))`,
		code: "missing-volume",
		message: /gone/,
	},
	{
		name: "a dependency that was not loaded",
		attempt: `packed({ name: "tests/needy", use: { other: "tests/other@^1.0.0" }, commands: { c: { atom: { name: "b", dependency: "other" } } } }).then((bytes) => sandbox.load(bytes)).then(() => sandbox.command("c").output())`,
		code: /dependency/,
		message: /tests\/other/,
	},
	{
		name: "an address where there is nothing",
		attempt: `sandbox.load("/packages/no-such.webc")`,
		code: "http-error",
		message: /404.*no-such\.webc.*address/,
	},
	{
		name: "a Request and a Response of nothing",
		attempt: `sandbox.load(new Request("/packages/no-such.webc"))`,
		code: "http-error",
		message: /404.*address/,
	},
	{
		name: "a web page instead of a package",
		attempt: `sandbox.load("/pages/blank.html")`,
		code: "bad-magic",
		message: /blank\.html.*web page.*address/s,
	},
	{
		name: "a server that nobody listens at",
		attempt: `sandbox.load("http://localhost:9/x.webc")`,
		code: "network-error",
		message: /localhost:9.*Access-Control-Allow-Origin/,
	},
	{
		name: "the wrong integrity",
		attempt: `sandbox.load(tiny(), { integrity: "sha256-" + btoa("x".repeat(32)) })`,
		code: "integrity",
		message: /not the one expected.*sha256-/,
	},
	{
		name: "imports that nobody has",
		attempt: `sandbox.load(tiny({ imports: [["env", "one"], ["wasix_32v1", "two"]] })).then((p) => sandbox.command(p).output())`,
		code: "missing-imports",
		message: /env\.one.*wasix_32v1\.two.*imports/,
	},
	{
		name: "a module without _start",
		attempt: `sandbox.load(tiny({ entry: "other" })).then((p) => sandbox.command(p).output())`,
		code: "no-entry",
		message: /_start.*other.*entryFunction/,
	},
	{
		name: "an entry function that there is not",
		attempt: `sandbox.command("good", [], { entryFunction: "absent" }).output()`,
		code: "no-entry",
		message: /absent.*_start/,
	},
];

for (const { name, code, message, attempt } of cases) {
	test(name, async ({ page }) => {
		const result = await page.evaluate(async (attempt) => {
			const sandbox = await porthole.Sandbox.create();
			await sandbox.load(tiny({ code: 11 }), { name: "good" });
			const run = new Function("sandbox", `return ${attempt}`) as (
				sandbox: object,
			) => Promise<unknown>;
			const error = await thrown(() => run(sandbox));
			const after = await sandbox.command("good").output();
			const next = await sandbox.load(tiny({ code: 12 }), { name: "next" });
			return {
				error,
				after: after.code,
				next: (await sandbox.command(next).output()).code,
				running: sandbox.processes.length,
			};
		}, attempt);
		expect(result.error).toMatchObject({ porthole: true, name: "PortholeError" });
		expect(result.error.code).toMatch(code instanceof RegExp ? code : new RegExp(`^${code}$`));
		expect(result.error.message).toMatch(message);
		expect(result).toMatchObject({ after: 11, next: 12, running: 0 });
	});
}

test("a server of another origin that does not allow it", async ({ page, baseURL }) => {
	const other = new URL("/packages/sqlite.webc", baseURL);
	// The two projects' servers are each other's other origin.
	other.port = String(
		Number(other.port) % 2 === 0 ? Number(other.port) + 1 : Number(other.port) - 1,
	);
	const result = await page.evaluate(async (other) => {
		const sandbox = await porthole.Sandbox.create();
		const error = await caught(sandbox.load(other));
		return { error, requested: await caught(sandbox.load(new Request(other))) };
	}, other.href);
	for (const error of [result.error, result.requested]) {
		expect(error).toMatchObject({ porthole: true, code: "network-error" });
		expect(error.message).toContain(other.href);
		expect(error.message).toContain("Access-Control-Allow-Origin");
	}
});

test("a module that wants more memory than there is", async ({ page }) => {
	const result = await page.evaluate(async () => {
		const sandbox = await porthole.Sandbox.create();
		await sandbox.load(tiny({ code: 11 }), { name: "good" });
		// Each asks for 4 GiB; sooner or later there is no room for another.
		const huge = await sandbox.load(tiny({ pages: 65536, imports: [["page", "wait"]] }));
		const tooMuch = await sandbox.load(tiny({ pages: 65537 })).then(
			(loaded) => caught(sandbox.command(loaded).output()),
			(error) => caught(Promise.reject(error)),
		);
		const imports = { page: { wait: () => 0 } };
		const codes = new Set<string>();
		for (let n = 0; n < 3; n++) {
			await sandbox
				.command(huge, [], { imports })
				.output()
				.then(
					({ code }) => codes.add(String(code)),
					(error) => codes.add(error.code),
				);
		}
		return { tooMuch, codes: [...codes], after: (await sandbox.command("good").output()).code };
	});
	expect(result.tooMuch).toMatchObject({ porthole: true, code: "invalid-module" });
	expect(["0", "out-of-memory"]).toEqual(expect.arrayContaining(result.codes));
	expect(result.after).toBe(11);
});

/**
 * Real packages: the samples, each doing what people want of it, and packages that others built.
 */
import { existsSync } from "node:fs";
import { expect, test } from "./library.ts";

test.describe("samples", () => {
	test("python: its standard library, a script with files, and an error with its line", async ({
		page,
	}) => {
		const result = await page.evaluate(async () => {
			const sandbox = await porthole.Sandbox.create({
				packages: ["/packages/python.webc"],
				files: {
					"/lib/greeting.py": "def greet(name): return f'hello {name}'",
					"/script.py":
						"import sys; sys.path.append('/lib'); import greeting; print(greeting.greet(sys.argv[1]))",
				},
			});
			const library = [
				"import json, re, hashlib, datetime, collections, random, zlib, base64, csv, io",
				"print(json.dumps({'a': [1, 2.5, None]}), re.sub('a+', 'b', 'caat'))",
				"print(hashlib.sha256(b'porthole').hexdigest()[:8], datetime.date(2024, 2, 29).isoformat())",
				"print(zlib.decompress(zlib.compress(b'x' * 99)) == b'x' * 99, sorted(collections.Counter('aab').items()))",
			].join("\n");
			const script = await sandbox.command("python", ["/script.py", "page"]).output();
			return {
				library: await py(sandbox, library),
				script: script.text(),
				error: await py(sandbox, "x = 1\nraise ValueError('that is wrong')"),
			};
		});
		expect(result.library.err).toBe("");
		expect(result.library.out.split("\n")).toEqual([
			'{"a": [1, 2.5, null]} cbt',
			expect.stringMatching(/^[0-9a-f]{8} 2024-02-29$/),
			"True [('a', 2), ('b', 1)]",
			"",
		]);
		expect(result.script).toBe("hello page\n");
		expect(result.error).toMatchObject({ code: 1, out: "" });
		expect(result.error.err).toContain("ValueError: that is wrong");
	});

	test("sqlite: a script from standard input, and a database that stays in a mount", async ({
		page,
	}) => {
		const result = await page.evaluate(async () => {
			const directory = new porthole.MemoryDirectory();
			const sandbox = await porthole.Sandbox.create({
				packages: ["/packages/sqlite.webc"],
				mounts: { "/data": directory },
			});
			const run = async (stdin: string) => {
				const output = await sandbox
					.command("sqlite", ["-batch", "/data/test.db"], { stdin })
					.output();
				return { code: output.code, out: output.text(), err: text(output.stderr) };
			};
			const made = await run(
				"create table t(n integer, word text); insert into t values (1, 'one'), (2, 'two'), (3, 'three'); select sum(n), group_concat(word) from t;",
			);
			const magic = text(await directory.read("/test.db", 0, 15));
			const later = await run("select word from t where n > 1 order by n desc;");
			const wrong = await run("select x from nowhere;");
			return { made, magic, later, wrong };
		});
		expect(result.made).toEqual({ code: 0, out: "6|one,two,three\n", err: "" });
		expect(result.magic).toBe("SQLite format 3");
		expect(result.later).toEqual({ code: 0, out: "three\ntwo\n", err: "" });
		expect(result.wrong.code).not.toBe(0);
		expect(result.wrong.err).toContain("nowhere");
	});

	test("php: a script with arguments, files and a database of its own time zones", async ({
		page,
	}) => {
		const result = await page.evaluate(async () => {
			const sandbox = await porthole.Sandbox.create({
				packages: ["/packages/php.webc"],
				files: {
					"/app/main.php": `<?php
						$words = explode(" ", trim(file_get_contents("/app/words.txt")));
						usort($words, fn($a, $b) => strlen($b) <=> strlen($a));
						file_put_contents("/app/out.json", json_encode($words));
						echo implode(",", $words), "\\n", preg_replace("/o+/", "0", "foobar"), "\\n";`,
					"/app/words.txt": "a ccc bb\n",
				},
			});
			const output = await sandbox.command("php", ["/app/main.php"]).output();
			return {
				code: output.code,
				out: output.text(),
				err: text(output.stderr),
				file: await sandbox.fs.readTextFile("/app/out.json"),
			};
		});
		expect(result).toEqual({
			code: 0,
			out: "ccc,bb,a\nf0bar\n",
			err: "",
			file: '["ccc","bb","a"]',
		});
	});

	test("ruby: blocks, its standard library, standard input", async ({ page }) => {
		const result = await page.evaluate(async () => {
			const sandbox = await porthole.Sandbox.create({ packages: ["/packages/ruby.webc"] });
			const script = [
				"require 'json'; require 'set'",
				"puts STDIN.read.split.map(&:to_i).select(&:even?).sum",
				"puts JSON.generate({ a: [1, nil] }), Set.new([1, 1, 2]).size",
			].join("\n");
			const output = await sandbox.command("ruby", ["-e", script], { stdin: "1 2 3 4" }).output();
			return { code: output.code, out: output.text() };
		});
		expect(result).toEqual({ code: 0, out: '6\n{"a":[1,null]}\n2\n' });
	});

	test("quickjs: evaluates a file", async ({ page }) => {
		const result = await page.evaluate(async () => {
			const sandbox = await porthole.Sandbox.create({
				packages: ["/packages/quickjs.webc"],
				files: { "/main.js": "print([1, 2, 3].map((n) => n * 2).join('+'), 6 * 7)" },
			});
			const output = await sandbox.command("quickjs", ["/main.js"]).output();
			return { code: output.code, out: output.text(), err: text(output.stderr) };
		});
		expect(result).toMatchObject({ code: 0 });
		expect(result.out).toContain("2+4+6");
		expect(result.out).toContain("42");
	});

	test("clang: compiles and links a program, which then runs in the same page", async ({
		page,
	}) => {
		test.slow();
		const result = await page.evaluate(async () => {
			const sandbox = await porthole.Sandbox.create({
				packages: ["/packages/clang.webc"],
				files: {
					"/hello.c":
						'#include <stdio.h>\nint main(int argc, char **argv) { printf("hello %s\\n", argv[1]); return argc; }',
					"/wrong.c": "int main(void) { return nothing; }",
				},
			});
			const run = async (command: string, args: string[]) => {
				const output = await sandbox.command(command, args).output();
				return { code: output.code, err: text(output.stderr), trap: output.trap?.stack };
			};
			const compiled = await run("clang", ["-o", "/hello.o", "/hello.c"]);
			const wrong = await run("clang", ["-o", "/wrong.o", "/wrong.c"]);
			const linked = await run("wasm-ld", ["-o", "/hello.wasm", "/hello.o"]);
			const steps = { compiled, wrong, linked };
			if (linked.code !== 0) return { steps, code: -1, out: "" };
			const loaded = await sandbox.load(await sandbox.fs.readFile("/hello.wasm"));
			const output = await sandbox.command(loaded, ["from C"]).output();
			return { steps, code: output.code, out: output.text() };
		});
		expect(result.steps.compiled).toEqual({ code: 0, err: "", trap: undefined });
		expect(result.steps.wrong.code).toBe(1);
		expect(result.steps.wrong.err).toContain("use of undeclared identifier 'nothing'");
		expect(result.steps.linked).toMatchObject({ code: 0, err: "" });
		expect(result).toMatchObject({ code: 2, out: "hello from C\n" });
	});
});

test.describe("packages that others built", () => {
	test.skip(
		!existsSync(new URL("../../shared/fixtures/webc", import.meta.url)),
		"the packages of others are not here (../shared/fixtures)",
	);

	test("a v1 package of files only: no commands, and it says so", async ({ page }) => {
		const result = await page.evaluate(async () => {
			const sandbox = await porthole.Sandbox.create();
			const { manifest: _, ...loaded } = await sandbox.load("/fixtures/webc/hello-0.1.0.webc");
			const root = (await sandbox.fs.readdir("/")).map(({ name }) => name);
			return { loaded, root, error: await caught(sandbox.command("hello").output()) };
		});
		expect(result.loaded).toMatchObject({ format: 1, commands: [] });
		expect(result.loaded.volumes.length).toBeGreaterThan(0);
		expect(result.error).toMatchObject({ porthole: true, code: "missing-command" });
	});

	test("a v3 package whose program belongs to another package", async ({ page }) => {
		const result = await page.evaluate(async () => {
			const sandbox = await porthole.Sandbox.create();
			const loaded = await sandbox.load("/fixtures/webc/volume-static-webserver-0.1.0.webc");
			const [volume] = loaded.volumes;
			const files = await sandbox.fs.readdir(volume?.mountPath ?? "/none");
			const run = sandbox.command(loaded.commands[0] ?? "", []).output();
			return { format: loaded.format, files: files.length, error: await caught(run) };
		});
		expect(result.format).toBe(3);
		expect(result.files).toBeGreaterThan(0);
		expect(result.error).toMatchObject({ porthole: true });
		// It says which package is wanted.
		expect(result.error.message).toMatch(/static-web-server/);
	});

	for (const [file, command] of [
		["dash-1.0.18", "dash"],
		["bash-1.0.16", "bash"],
	] as const) {
		test(`${command} loads, says that it can run, and runs`, async ({ page }) => {
			const result = await page.evaluate(
				async ({ file, command }) => {
					const sandbox = await porthole.Sandbox.create();
					const { format, commands, runnable, missing } = await sandbox.load(
						`/fixtures/webc/${file}.webc`,
					);
					const output = await sandbox.command(command, ["-c", "echo hi"]).output();
					return { format, commands, runnable, missing, out: output.text() };
				},
				{ file, command },
			);
			expect(result).toMatchObject({ format: 1, runnable: true, missing: [], out: "hi\n" });
			expect(result.commands).toContain(command);
		});
	}

	test("a legacy tar.gz package runs", async ({ page }) => {
		const result = await page.evaluate(async () => {
			const sandbox = await porthole.Sandbox.create();
			const loaded = await sandbox.load("/fixtures/legacy/cowsay-0.3.0.tar.gz");
			const output = await sandbox.command("cowsay", ["moo", "from", "a", "tab"]).output();
			return {
				format: loaded.format,
				commands: loaded.commands,
				code: output.code,
				out: output.text(),
				err: text(output.stderr),
			};
		});
		expect(result).toMatchObject({ format: "tar", code: 0, err: "" });
		expect(result.commands).toContain("cowsay");
		expect(result.out).toContain("< moo from a tab >");
		expect(result.out).toContain("(oo)");
	});

	test("a legacy package of about a hundred WASIX programs loads, and one runs", async ({
		page,
	}) => {
		const result = await page.evaluate(async () => {
			const sandbox = await porthole.Sandbox.create({ files: { "/f.txt": "kept\n" } });
			const loaded = await sandbox.load("/fixtures/legacy/coreutils-1.0.11.tar.gz");
			const output = await sandbox.command("cat", ["/f.txt"]).output();
			const bin = (await sandbox.fs.readdir("/bin")).map(({ name }) => name);
			return { format: loaded.format, commands: loaded.commands, out: output.text(), bin };
		});
		expect(result).toMatchObject({ format: "tar", out: "kept\n" });
		expect(result.commands.length).toBeGreaterThan(80);
		expect(result.bin).toEqual(expect.arrayContaining(["cat", "ls", "base64"]));
	});
});

/**
 * A shell and what is around it: commands of the page in its pipelines, programs in files, and processes that outlive
 * the one that started them.
 *
 * The programs are by others and lie outside of the repository.
 */
import { existsSync } from "node:fs";
import type { CommandContext, CommandOptions } from "../src/index.ts";
import { expect, test } from "./library.ts";

test.skip(
	!existsSync(new URL("../../shared/fixtures/wasix", import.meta.url)),
	"the programs of others are not here (../shared/fixtures)",
);

const COREUTILS = "/fixtures/legacy/coreutils-1.0.11.tar.gz";
const DASH = "/fixtures/webc/dash-1.0.18.webc";
const KIBI = "/fixtures/wasix/kibi.wasm";
const ascii = (text: string) => [text.length, ...new TextEncoder().encode(text)];
/** A program that makes its terminal raw: `tty_get`, echo, line buffering and line feeds off, `tty_set`. */
const RAW = [
	...[0, 0x61, 0x73, 0x6d, 1, 0, 0, 0],
	...[1, 9, 2, 0x60, 1, 0x7f, 1, 0x7f, 0x60, 0, 0],
	...[2, 43, 2, ...ascii("wasix_32v1"), ...ascii("tty_get"), 0, 0],
	...[...ascii("wasix_32v1"), ...ascii("tty_set"), 0, 0],
	...[3, 2, 1, 1, 5, 3, 1, 0, 1],
	...[7, 19, 2, ...ascii("memory"), 2, 0, ...ascii("_start"), 0, 2],
	...[10, 28, 1, 26, 0, 0x41, 0, 0x10, 0, 0x1a, 0x41, 0, 0x41, 0, 0x3b, 0, 19],
	...[0x41, 0, 0x41, 0, 0x3a, 0, 21, 0x41, 0, 0x10, 1, 0x1a, 0x0b],
];
/** A program that asks for 100 more pages of memory, and exits with 1 where it gets none. */
const GROW = [
	...[0, 0x61, 0x73, 0x6d, 1, 0, 0, 0],
	...[1, 8, 2, 0x60, 1, 0x7f, 0, 0x60, 0, 0],
	...[2, 36, 1, ...ascii("wasi_snapshot_preview1"), ...ascii("proc_exit"), 0, 0],
	...[3, 2, 1, 1, 5, 3, 1, 0, 1],
	...[7, 19, 2, ...ascii("memory"), 2, 0, ...ascii("_start"), 0, 1],
	...[10, 14, 1, 12, 0, 0x41, 0xe4, 0, 0x40, 0, 0x41, 0x7f, 0x46, 0x10, 0, 0x0b],
];
const SHELL = { packages: [DASH, COREUTILS] };

test.describe("commands that the page maps", () => {
	test("a function stands in a pipeline, with arguments, variables, a code and an error", async ({
		page,
	}) => {
		const seen = await page.evaluate(async (options) => {
			const sandbox = await porthole.Sandbox.create(options);
			const upper = async ({ args, env, stdin, stdout }: CommandContext) => {
				const writer = stdout.getWriter();
				if (args.length > 0) await writer.write(`${args.join("+")} ${env.WHO}:` as never);
				for await (const chunk of stdin as unknown as AsyncIterable<Uint8Array>) {
					// What is not waited for is written all the same.
					writer.write(text(chunk).toUpperCase() as never);
				}
				return 7;
			};
			const fail = () => {
				throw new TypeError("no such luck");
			};
			const mappedCommands: CommandOptions["mappedCommands"] = { upper, fail };
			const run = async (script: string) => {
				const ran = await sandbox
					.command("dash", ["-c", script], { mappedCommands, env: { WHO: "me" } })
					.output();
				return { out: ran.text(), err: text(ran.stderr), code: ran.code };
			};
			return {
				middle: await run("echo hi | upper | cat"),
				last: await run("echo hi | upper 'a b' c; echo $?"),
				files: await run(
					"echo file > /tmp/in; (/usr/bin/upper < /tmp/in) >> /tmp/out; cat /tmp/in /tmp/out",
				),
				substituted: await run('x=$(echo deep | /bin/upper | upper); echo "<$x>"'),
				replaced: await run("exec /bin/upper < /etc/group"),
				thrown: await run("fail; echo $?"),
				listed: await run("ls /bin/upper; test -x /bin/upper && command -v upper; cat /bin/upper"),
				kept: await run("rm /bin/upper; echo x > /bin/upper; mv /bin/upper /tmp/u; ls /bin/upper"),
				others: (await sandbox.command("dash", ["-c", "upper"]).output()).code,
			};
		}, SHELL);
		expect(seen.middle).toEqual({ out: "HI\n", err: "", code: 0 });
		expect(seen.last).toMatchObject({ out: "a b+c me:HI\n7\n", code: 0 });
		expect(seen.files.out).toBe("file\nFILE\n");
		expect(seen.substituted.out).toBe("<DEEP>\n");
		expect(seen.replaced).toMatchObject({ out: "ROOT:X:0:\n", code: 7 });
		expect(seen.thrown).toEqual({ out: "1\n", err: "TypeError: no such luck\n", code: 0 });
		expect(seen.listed.out).toBe("/bin/upper\n/usr/bin/upper\na command of the page\n");
		expect(seen.kept.out).toBe("/bin/upper\n");
		expect(seen.others).toBe(127);
	});

	test("a function ends by signals, waits as a program does, and leaves what it does not read", async ({
		page,
	}) => {
		const seen = await page.evaluate(async (options) => {
			const sandbox = await porthole.Sandbox.create(options);
			const told = { aborted: 0, given: 0 };
			const mappedCommands: CommandOptions["mappedCommands"] = {
				first: async ({ stdin, stdout }) => {
					const { value } = await stdin.getReader().read();
					const writer = stdout.getWriter();
					await writer.write(value?.slice(0, 2));
					return 0;
				},
				nothing: () => 0,
				flood: async ({ stdout, signal }) => {
					signal.addEventListener("abort", () => told.aborted++);
					const writer = stdout.getWriter();
					for (;;) {
						await writer.write(new Uint8Array(10_000));
						told.given += 10_000;
					}
				},
				hold: ({ signal }) =>
					new Promise((resolve) => {
						signal.addEventListener("abort", () => {
							told.aborted++;
							resolve(0);
						});
					}),
				closes: async ({ stdin, stdout }) => {
					await stdin.cancel();
					await stdout.close();
					await new Promise((resolve) => setTimeout(resolve, 50));
					return 5;
				},
			};
			const start = (script: string) =>
				sandbox.command("dash", ["-c", script], { mappedCommands }).spawn();
			const run = async (script: string) => {
				const process = await start(script);
				const [out, err] = await Promise.all([collect(process.stdout), collect(process.stderr)]);
				return { out, err, code: (await process.status).code };
			};
			const slow = await start("flood | sleep 100");
			await until(() => told.given > 0);
			await new Promise((resolve) => setTimeout(resolve, 300));
			const ahead = told.given;
			slow.kill("SIGKILL");
			const killed = await slow.status;
			await until(() => told.aborted === 1);
			const interrupted = await start("hold; echo never");
			await new Promise((resolve) => setTimeout(resolve, 500));
			interrupted.kill("SIGINT");
			return {
				piped: await run("yes | first | cat; echo $?"),
				rest: await run("{ echo one; echo two; } > /tmp/two; { nothing; cat; } < /tmp/two"),
				ahead,
				killed: killed.code,
				pipe: await run("{ flood; echo $? >&2; } | head -c 1 | wc -c"),
				interrupted: (await interrupted.status).code,
				child: await run("hold & sleep 0.2; kill $!; wait $!; echo $?"),
				closed: await run("yes | closes | cat; echo over"),
			};
		}, SHELL);
		expect(seen.piped.out).toBe("y\n0\n");
		expect(seen.rest.out).toBe("one\ntwo\n");
		expect(seen.ahead).toBeLessThan(200_000);
		expect(seen.killed).toBe(137);
		expect(seen.pipe).toEqual({ out: "1\n", err: "141\n", code: 0 });
		expect(seen.interrupted).toBe(130);
		expect(seen.child.out).toBe("143\n");
		expect(seen.closed).toEqual({ out: "over\n", err: "", code: 0 });
	});

	test("an alias is another command, a package, a module or its bytes; injected packages have commands too", async ({
		page,
	}) => {
		const seen = await page.evaluate(async (options) => {
			const sandbox = await porthole.Sandbox.create(options);
			const other = await sandbox.load(tiny({ code: 5 }), { name: "other" });
			const warnings: string[] = [];
			sandbox.addEventListener("warning", ({ detail }) => warnings.push(detail.message));
			const elsewhere = await porthole.Sandbox.create();
			const injected = await elsewhere.load(tiny({ code: 8 }), { name: "injected" });
			const mappedCommands: CommandOptions["mappedCommands"] = {
				say: "echo",
				package: other,
				module: await WebAssembly.compile(tiny({ code: 6 })),
				bytes: tiny({ code: 7 }),
				nobody: "nobody",
				broken: new Uint8Array([1, 2, 3]),
				cat: () => 4,
			};
			const how = { mappedCommands, injectedPackages: [injected] };
			const run = async (script: string) =>
				(await sandbox.command("dash", ["-c", script], how).output()).text();
			return {
				say: await run("say a b; /usr/bin/say c; echo d | cat; echo $?"),
				codes: await run(
					"for c in package module bytes injected /bin/injected /usr/bin/injected nobody broken; do $c; echo $?; done",
				),
				warnings,
			};
		}, SHELL);
		expect(seen.say).toBe("a b\nc\n4\n");
		expect(seen.codes).toBe("5\n6\n7\n8\n8\n8\n127\n127\n");
		expect(seen.warnings.filter((message) => /nobody|broken/.test(message))).toHaveLength(2);
	});

	test("functions end with their sandbox, and a hundred of them leave nothing behind", async ({
		page,
	}) => {
		const seen = await page.evaluate(async (options) => {
			const sandbox = await porthole.Sandbox.create(options);
			const seen = { begun: 0, aborted: 0, read: "" };
			const mappedCommands: CommandOptions["mappedCommands"] = {
				one: () => 1,
				hang: async ({ stdin, signal }) => {
					seen.begun += 1;
					signal.addEventListener("abort", () => seen.aborted++);
					const fault = await caught(stdin.getReader().read());
					seen.read = fault.code;
					return 0;
				},
			};
			const many = await sandbox
				.command(
					"dash",
					["-c", "i=0; while [ $i -lt 100 ]; do one | one; i=$((i+1)); done; echo $i"],
					{
						mappedCommands,
					},
				)
				.output();
			await sandbox.command("dash", ["-c", "hang | hang"], { mappedCommands }).spawn();
			await until(() => seen.begun === 2);
			await sandbox.close();
			await until(() => seen.aborted === 2 && seen.read !== "");
			return { ...seen, many: many.text() };
		}, SHELL);
		expect(seen).toEqual({ begun: 2, aborted: 2, read: "ESRCH", many: "100\n" });
	});
});

test.describe("programs in files", () => {
	test("a package's container is its entrypoint, with the package's arguments and variables", async ({
		page,
	}) => {
		const seen = await page.evaluate(async (options) => {
			const sandbox = await porthole.Sandbox.create(options);
			const warnings: string[] = [];
			sandbox.addEventListener("warning", ({ detail }) => warnings.push(detail.message));
			const dash = new Uint8Array(
				await (await fetch("/fixtures/webc/dash-1.0.18.webc")).arrayBuffer(),
			);
			const three = await packed({
				atoms: { a: tiny({ code: 3 }) },
				commands: { tool: { atom: { name: "a" } } },
			});
			const two = await packed({
				atoms: { a: tiny({ code: 3 }), b: tiny({ code: 4 }) },
				commands: { one: { atom: { name: "a" } }, two: { atom: { name: "b" } } },
			});
			await sandbox.fs.writeFile("/tmp/shell", dash);
			await sandbox.fs.writeFile("/tmp/three", three);
			await sandbox.fs.writeFile("/tmp/cut", three.slice(0, three.length - 20));
			await sandbox.fs.writeFile("/tmp/short", three.slice(0, 7));
			await sandbox.fs.writeFile("/tmp/two", two);
			await sandbox.fs.writeFile("/tmp/script", "#!/tmp/shell\necho script $1\n");
			await sandbox.fs.symlink("three", "/tmp/link");
			const run = async (script: string) =>
				(await sandbox.command("dash", ["-c", script]).output()).text();
			const out = await run(
				"/tmp/shell -c 'echo inner $0' x; /tmp/three; echo $?; /tmp/link; echo $?; /tmp/script a",
			);
			await sandbox.fs.writeFile("/tmp/three", tiny({ code: 9 }));
			return {
				out,
				changed: await run("/tmp/three; echo $?"),
				bad: await run("for f in cut short two; do /tmp/$f 2> /tmp/err; echo $?; done"),
				warnings,
			};
		}, SHELL);
		expect(seen.out).toBe("inner x\n3\n3\nscript a\n");
		expect(seen.changed).toBe("9\n");
		expect(seen.bad).toBe("126\n126\n126\n");
		expect(seen.warnings).toHaveLength(3);
	});

	test("one has the limits of the command that it runs under, whatever it ran under before", async ({
		page,
	}) => {
		const seen = await page.evaluate(
			async ([options, program]) => {
				const sandbox = await porthole.Sandbox.create(options);
				await sandbox.fs.writeFile("/tmp/grow", Uint8Array.from(program));
				const run = async (options: CommandOptions) =>
					(await sandbox.command("dash", ["-c", "/tmp/grow; echo $?"], options).output()).text();
				const limits = { memory: 6 << 20 };
				return [await run({}), await run({ limits }), await run({})];
			},
			[SHELL, GROW] as const,
		);
		expect(seen).toEqual(["0\n", "1\n", "0\n"]);
	});
});

test("two redirections of one command go to two files", async ({ page }) => {
	const out = await page.evaluate(async (options) => {
		const sandbox = await porthole.Sandbox.create(options);
		const script =
			"echo one > /tmp/a; cat < /tmp/a > /tmp/b; cat > /tmp/c < /tmp/b; cat /tmp/b /tmp/c";
		return (await sandbox.command("dash", ["-c", script]).output()).text();
	}, SHELL);
	expect(out).toBe("one\none\n");
});

test.describe("what a shell leaves behind", () => {
	test("it goes on and prints when the shell has ended, and is in the list of processes", async ({
		page,
	}) => {
		const seen = await page.evaluate(async (options) => {
			const sandbox = await porthole.Sandbox.create(options);
			const late = await sandbox
				.command("dash", [
					"-c",
					"(sleep 0.3; echo late; sleep 0.3; echo last >&2) & echo early; exit 5",
				])
				.spawn();
			const order: string[] = [];
			const [out, err] = await Promise.all([
				collect(late.stdout).finally(() => order.push("stdout")),
				collect(late.stderr).finally(() => order.push("stderr")),
				late.status.then(() => {
					order.push(`status of ${sandbox.processes.length}`);
				}),
			]);
			await until(() => sandbox.processes.length === 0);
			const collected = await sandbox
				.command("dash", ["-c", "(sleep 0.1; echo b) & echo a"])
				.output();
			const quiet = await sandbox
				.command("dash", ["-c", "exec > /dev/null 2>&1; sleep 100 &"])
				.spawn();
			const quietOut = await collect(quiet.stdout);
			const { code } = await quiet.status;
			const { memory } = await quiet.usage();
			const listed = sandbox.processes.length;
			quiet.kill();
			await until(() => sandbox.processes.length === 0);
			quiet.kill("SIGKILL");
			return { out, err, order, collected: collected.text(), quietOut, code, memory, listed };
		}, SHELL);
		expect(seen).toMatchObject({ out: "early\nlate\n", err: "last\n", collected: "a\nb\n" });
		expect(seen.order[0]).toBe("status of 1");
		expect(seen).toMatchObject({ quietOut: "", code: 0, listed: 1 });
		expect(seen.memory).toBeGreaterThan(0);
	});

	test("in a terminal it is hung up with the shell, unless it ignores that", async ({ page }) => {
		const seen = await page.evaluate(async (options) => {
			const sandbox = await porthole.Sandbox.create(options);
			const terminal = { columns: 80, rows: 24 };
			const run = async (script: string) => {
				const process = await sandbox.command("dash", ["-c", script], { terminal }).spawn();
				return collect(process.stdout);
			};
			return {
				ends: await run("(sleep 100; echo never) & echo over"),
				stays: await run("(trap 'echo hup' HUP; sleep 0.5; echo late) & sleep 0.2; echo over"),
			};
		}, SHELL);
		// Its C library says what has ended it.
		expect(seen.ends).toMatch(/^over\r\n(Program .*: Hangup\r\n)*$/);
		expect(seen.stays).toContain("over\r\n");
		expect(seen.stays).toContain("late\r\n");
	});

	test("limits, a timeout, a kill and the end of the sandbox end it", async ({ page }) => {
		const seen = await page.evaluate(async (options) => {
			const sandbox = await porthole.Sandbox.create(options);
			const endless = "while :; do :; done";
			const run = (script: string, how: CommandOptions) =>
				sandbox.command("dash", ["-c", script], how).output();
			const limited = await run(`(${endless}) & exit 3`, { limits: { time: 1500 } });
			const printing = await run("(sleep 0.3; yes) & exit 4", { limits: { output: 1000 } });
			const timed = await run("sleep 100 & exit 5", { timeout: 2000 });
			const killed = await sandbox
				.command("dash", ["-c", `(${endless}) & trap '' TERM; sleep 100 &`])
				.spawn();
			await killed.status;
			killed.kill("SIGKILL");
			const out = await collect(killed.stdout);
			await until(() => sandbox.processes.length === 0);
			const last = await sandbox.command("dash", ["-c", `(${endless}) & yes &`]).spawn();
			await last.status;
			await sandbox.close();
			return {
				codes: [limited.code, printing.code, timed.code],
				printed: printing.stdout.length,
				out,
				left: sandbox.processes.length,
			};
		}, SHELL);
		expect(seen).toMatchObject({ codes: [3, 4, 5], out: "", left: 0 });
		expect(seen.printed).toBeLessThanOrEqual(1000);
	});

	test("a directory that a child is in, or has a file of, is busy", async ({ page }) => {
		const seen = await page.evaluate(async (options) => {
			const sandbox = await porthole.Sandbox.create(options);
			await sandbox.mount("/data", new porthole.MemoryDirectory({ file: "x" }));
			const tries: string[] = [];
			for (const script of [
				"(cd /data; echo in; sleep 100) & sleep 100",
				"(echo in; sleep 100) < /data/file & sleep 100",
				"(cd /data; echo in; sleep 100) & exit 0",
			]) {
				const process = await sandbox.command("dash", ["-c", script]).spawn();
				await lines(process.stdout)();
				tries.push((await caught(sandbox.unmount("/data"))).code);
				process.kill("SIGKILL");
				await until(() => sandbox.processes.length === 0);
			}
			await sandbox.unmount("/data");
			return tries;
		}, SHELL);
		expect(seen).toEqual(["EBUSY", "EBUSY", "EBUSY"]);
	});
});

test("kibi edits and saves a file in a raw terminal that is resized in between", async ({
	page,
}) => {
	const seen = await page.evaluate(
		async ({ packages, raw }) => {
			const sandbox = await porthole.Sandbox.create({
				packages,
				files: { "/tmp/f": "first\nsecond\n" },
			});
			await sandbox.load(Uint8Array.from(raw), { name: "raw" });
			const terminal = { columns: 80, rows: 24 };
			const process = await sandbox
				.command("dash", ["-c", "raw; kibi /tmp/f"], { terminal })
				.spawn();
			const talk = conversation(process);
			// It asks where the cursor is in the farthest corner, and takes that for the size.
			await until(() => talk.screen.endsWith("\x1b[6n"));
			await talk.type("\x1b[24;80R", "second");
			await talk.type("new ", "new first");
			process.resize(40, 12);
			await talk.type("\x1b[B!", "!");
			await talk.type("\x13", "written");
			const file = await sandbox.fs.readTextFile("/tmp/f");
			await talk.press("\x11");
			const { code } = await talk.end();
			return { file, code };
		},
		{ packages: [...SHELL.packages, KIBI], raw: RAW },
	);
	expect(seen).toMatchObject({ file: "new first\nseco!nd\n", code: 0 });
});

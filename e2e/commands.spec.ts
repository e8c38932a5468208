/**
 * Commands and processes: arguments, environment, directories, the three streams, signals, and the
 * commands that are functions of the page.
 *
 * Python is the guest where one must do something; a module of a few bytes where one must only end.
 */
import type { CommandContext } from "../src/index.ts";
import { expect, test } from "./library.ts";

const PYTHON = { packages: ["/packages/python.webc"] };

test.describe("output and spawn", () => {
	test("output collects both streams and tells the code", async ({ page }) => {
		const result = await page.evaluate(async (options) => {
			const sandbox = await sharedSandbox(options);
			const code =
				"import sys; print('out'); print('err', file=sys.stderr); sys.exit(int(sys.argv[1]))";
			const good = await sandbox.command("python", ["-c", code, "0"]).output();
			const bad = await sandbox.command("python", ["-c", code, "9"]).output();
			return {
				good: { ...good, stdout: text(good.stdout), stderr: text(good.stderr), text: good.text() },
				bad: { success: bad.success, code: bad.code, text: bad.text() },
				bytes: good.stdout instanceof Uint8Array && good.stderr instanceof Uint8Array,
				keys: Object.keys(good).sort(),
				running: sandbox.processes.length,
			};
		}, PYTHON);
		expect(result).toEqual({
			good: { success: true, code: 0, stdout: "out\n", stderr: "err\n", text: "out\n" },
			bad: { success: false, code: 9, text: "out\n" },
			bytes: true,
			keys: ["code", "stderr", "stdout", "success", "text"],
			running: 0,
		});
	});

	test("a process has a number, streams, and is listed while it runs", { tag: "@waits" }, async ({
		page,
	}) => {
		const result = await page.evaluate(async (options) => {
			const sandbox = await sharedSandbox(options);
			const code = "import sys; print('ready', flush=True); print(sys.stdin.read().upper())";
			const command = sandbox.command("python", ["-c", code]);
			const [one, two] = [await command.spawn(), await command.spawn()];
			const listed = sandbox.processes.map(({ pid }) => pid);
			const answers = [];
			for (const [process, word] of [
				[one, "first"],
				[two, "second"],
			] as const) {
				const writer = process.stdin.getWriter();
				await writer.write(new TextEncoder().encode(word));
				await writer.close();
				answers.push(await collect(process.stdout));
				answers.push((await process.status).code);
			}
			return {
				different: one.pid !== two.pid,
				same: listed.join() === [one.pid, two.pid].join(),
				answers,
				left: sandbox.processes.length,
				late: await one.status.then(({ success }) => success),
			};
		}, PYTHON);
		expect(result).toEqual({
			different: true,
			same: true,
			answers: ["ready\nFIRST\n", 0, "ready\nSECOND\n", 0],
			left: 0,
			late: true,
		});
	});

	test("two guests run at the same time", { tag: "@waits" }, async ({ page }) => {
		const result = await page.evaluate(async (options) => {
			const sandbox = await sharedSandbox(options);
			// Each waits for a word that the other has to pass on.
			const echo =
				"import sys\nfor line in sys.stdin: print(sys.argv[1] + line.strip(), flush=True)";
			const spawn = (name: string) => sandbox.command("python", ["-c", echo, name]).spawn();
			const [one, two] = [await spawn("a"), await spawn("b")];
			const through = one.stdout.pipeTo(two.stdin);
			const writer = one.stdin.getWriter();
			await writer.write(new TextEncoder().encode("x\ny\n"));
			const next = lines(two.stdout);
			const seen = [await next(), await next()];
			await writer.close();
			await through;
			return { seen, codes: [(await one.status).code, (await two.status).code] };
		}, PYTHON);
		expect(result).toEqual({ seen: ["bax\n", "bay\n"], codes: [0, 0] });
	});

	test("a command can be run again, and what it is given is its own", async ({ page }) => {
		const result = await page.evaluate(async () => {
			const sandbox = await porthole.Sandbox.create({ packages: [tiny({ code: 8 })] });
			const command = sandbox.command("main");
			return [(await command.output()).code, (await command.output()).code];
		});
		expect(result).toEqual([8, 8]);
	});
});

test.describe("standard input", { tag: "@waits" }, () => {
	test("null, text, bytes, a stream, and a pipe", async ({ page }) => {
		const result = await page.evaluate(async (options) => {
			const sandbox = await sharedSandbox(options);
			const code = "import sys; print(repr(sys.stdin.read()))";
			const run = async (stdin?: string | Uint8Array | ReadableStream<Uint8Array>) =>
				(await py(sandbox, code, stdin === undefined ? {} : { stdin })).out;
			const encode = (word: string) => new TextEncoder().encode(word);
			const stream = new ReadableStream<Uint8Array>({
				start(controller) {
					controller.enqueue(encode("in "));
					controller.enqueue(encode("parts"));
					controller.close();
				},
			});
			return {
				nothing: await run(),
				none: await run("null"),
				text: await run("ünï\n"),
				empty: await run(""),
				bytes: await run(encode("bytes")),
				stream: await run(stream),
				refused: await caught(sandbox.command("python", [], { stdin: "pipe" }).output()),
			};
		}, PYTHON);
		expect(result).toMatchObject({
			nothing: "''\n",
			none: "''\n",
			text: "'ünï\\n'\n",
			empty: "''\n",
			bytes: "'bytes'\n",
			stream: "'in parts'\n",
		});
		expect(result.refused).toMatchObject({ porthole: true, code: "invalid-option" });
		expect(result.refused.message).toContain("spawn");
	});

	test("a megabyte of input arrives whole, and the writer waits for the guest", async ({
		page,
	}) => {
		const result = await page.evaluate(async (options) => {
			const sandbox = await sharedSandbox(options);
			const size = 1 << 20;
			const bytes = Uint8Array.from({ length: size }, (_, index) => index % 251);
			const code =
				"import sys,hashlib; d=sys.stdin.buffer.read(); print(len(d), hashlib.sha256(d).hexdigest())";
			const { out } = await py(sandbox, code, { stdin: bytes });
			const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));
			const hex = [...digest].map((byte) => byte.toString(16).padStart(2, "0")).join("");
			const idle = await sandbox
				.command("python", ["-c", "input(); import sys; sys.stdin.read()"])
				.spawn();
			const writer = idle.stdin.getWriter();
			let written = false;
			const all = writer.write(bytes).then(() => {
				written = true;
			});
			const before = written;
			await writer.write(new TextEncoder().encode("\n"));
			await writer.close();
			await all;
			const { code: left } = await idle.status;
			return { out, expected: `${size} ${hex}\n`, before, written, left };
		}, PYTHON);
		expect(result.out).toBe(result.expected);
		expect(result).toMatchObject({ before: false, written: true, left: 0 });
	});

	test("writing to a process that has ended fails nobody", async ({ page }) => {
		const result = await page.evaluate(async () => {
			const sandbox = await porthole.Sandbox.create({ packages: [tiny({ code: 2 })] });
			const process = await sandbox.command("main").spawn();
			const { code } = await process.status;
			const writer = process.stdin.getWriter();
			await writer.write(new Uint8Array(1 << 20));
			await writer.close();
			process.kill();
			process.resize(80, 24);
			return { code, stdout: await collect(process.stdout) };
		});
		expect(result).toEqual({ code: 2, stdout: "" });
	});
});

test.describe("standard output", { tag: "@waits" }, () => {
	const both =
		"import sys\nfor i in range(3): print('o%d' % i, flush=True); print('e%d' % i, file=sys.stderr, flush=True)";

	test("goes to streams of the page, which stay open; one may take both", async ({ page }) => {
		const result = await page.evaluate(
			async ({ options, both }) => {
				const sandbox = await sharedSandbox(options);
				const [out, err, one] = [keeper(), keeper(), keeper()];
				const first = await sandbox
					.command("python", ["-c", both], { stdout: out.stream, stderr: err.stream })
					.output();
				const process = await sandbox
					.command("python", ["-c", both], { stdout: one.stream, stderr: one.stream })
					.spawn();
				await process.status;
				const together = one.text;
				await py(sandbox, "print('again')", { stdout: one.stream });
				const writer = one.stream.getWriter();
				await writer.write(new TextEncoder().encode("mine"));
				return {
					collected: [text(first.stdout), text(first.stderr)],
					out: out.text,
					err: err.text,
					together: together.split("\n").filter(Boolean).sort(),
					later: one.text.slice(together.length),
				};
			},
			{ options: PYTHON, both },
		);
		expect(result).toEqual({
			collected: ["", ""],
			out: "o0\no1\no2\n",
			err: "e0\ne1\ne2\n",
			together: ["e0", "e1", "e2", "o0", "o1", "o2"],
			later: "again\nmine",
		});
	});

	test("can be thrown away", async ({ page }) => {
		const result = await page.evaluate(
			async ({ options, both }) => {
				const sandbox = await sharedSandbox(options);
				return [
					await py(sandbox, both, { stdout: "null" }),
					await py(sandbox, both, { stderr: "null" }),
				];
			},
			{ options: PYTHON, both },
		);
		expect(result).toEqual([
			{ code: 0, out: "", err: "e0\ne1\ne2\n" },
			{ code: 0, out: "o0\no1\no2\n", err: "" },
		]);
	});

	test("a reader that goes away, or a writer that fails, breaks the guest's pipe", async ({
		page,
	}) => {
		const result = await page.evaluate(async (options) => {
			const sandbox = await sharedSandbox(options);
			const code = [
				"import os, sys",
				"try:",
				"  while True: os.write(1, b'x' * 1000)",
				"except BrokenPipeError as error:",
				"  print('told', error.errno, file=sys.stderr); os._exit(5)",
			].join("\n");
			const process = await sandbox.command("python", ["-c", code]).spawn();
			const reader = process.stdout.getReader();
			await reader.read();
			await reader.cancel();
			const cancelled = { code: (await process.status).code, err: await collect(process.stderr) };
			const stdout = new WritableStream<Uint8Array>({
				write() {
					throw new Error("the disk is full");
				},
			});
			const failed = await py(sandbox, code, { stdout });
			return { cancelled, failed };
		}, PYTHON);
		expect(result.cancelled).toEqual({ code: 5, err: "told 64\n" });
		expect(result.failed).toMatchObject({ code: 5, err: "told 64\n" });
	});

	test("without a reader a guest that prints little still ends", async ({ page }) => {
		const result = await page.evaluate(
			async ({ options, both }) => {
				const sandbox = await sharedSandbox(options);
				const process = await sandbox.command("python", ["-c", both]).spawn();
				const { code } = await process.status;
				return { code, late: await collect(process.stdout) };
			},
			{ options: PYTHON, both },
		);
		expect(result).toEqual({ code: 0, late: "o0\no1\no2\n" });
	});
});

test.describe("arguments, environment, directory", () => {
	test("are what the page says, in its order", async ({ page }) => {
		const result = await page.evaluate(async (options) => {
			const sandbox = await porthole.Sandbox.create({ ...options, env: { A: "1", B: "2" } });
			const code = "import os,sys,json; print(json.dumps([sys.argv[1:], dict(os.environ)]))";
			const args = ["one", "two words", "", "ünï", "-x"];
			const { out } = await py(sandbox, code, { args, env: { C: "", B: "a=b\nc", D: "ü" } });
			return { found: JSON.parse(out), keys: Object.keys(JSON.parse(out)[1]) };
		}, PYTHON);
		expect(result.found[0]).toEqual(["one", "two words", "", "ünï", "-x"]);
		expect(result.found[1]).toMatchObject({ A: "1", B: "a=b\nc", C: "", D: "ü" });
		expect(result.keys.filter((key) => key.length === 1)).toEqual(["A", "B", "C", "D"]);
	});

	test("package, then host, then user; main-args before the caller's; exec-name; cwd", async ({
		page,
	}) => {
		const result = await page.evaluate(async (options) => {
			const sandbox = await porthole.Sandbox.create({
				...options,
				hostEnv: { HOST: "host", SHARED: "host", USER_WINS: "host" },
			});
			const script =
				"import os,sys,json; print(json.dumps([sys.orig_argv[0], sys.argv, dict(os.environ), os.listdir('.')]))";
			await sandbox.load(
				await packed({
					name: "tests/asked",
					use: { py: "porthole/python" },
					commands: {
						asked: {
							atom: { name: "python", dependency: "py" },
							wasi: {
								atom: "python",
								env: ["PACKAGE=package", "SHARED=package", "EMPTY", "EQUALS=a=b"],
								"main-args": ["/script.py", "main"],
								cwd: "/work",
								"exec-name": "renamed",
							},
						},
					},
					files: { "script.py": script, "work/here.txt": "" },
				}),
			);
			const ask = async (more: object) => {
				const output = await sandbox.command("asked", ["caller"], more).output();
				if (output.code !== 0) throw new Error(text(output.stderr));
				return JSON.parse(output.text());
			};
			return [
				await ask({}),
				await ask({ forwardHostEnv: true, env: { USER_WINS: "user" } }),
				await ask({ currentDir: "/tmp" }),
			];
		}, PYTHON);
		const [plain, forwarded, elsewhere] = result;
		expect(plain[0]).toBe("renamed");
		expect(plain[1]).toEqual(["/script.py", "main", "caller"]);
		expect(plain[2]).toMatchObject({
			PACKAGE: "package",
			SHARED: "package",
			EMPTY: "",
			EQUALS: "a=b",
		});
		expect(plain[2].HOST).toBeUndefined();
		expect(plain[3]).toEqual(["here.txt"]);
		expect(forwarded[2]).toMatchObject({
			PACKAGE: "package",
			SHARED: "host",
			HOST: "host",
			USER_WINS: "user",
			TERM: "dumb",
		});
		expect(forwarded[2].LANG).toMatch(/^en_US.UTF-8$/);
		expect(forwarded[2].TZ).toBeTruthy();
		expect(forwarded[2].COLUMNS).toBeUndefined();
		expect(elsewhere[3]).toEqual([]);
	});

	test("the host's variables are forwarded only where that is wished", async ({ page }) => {
		const result = await page.evaluate(async (options) => {
			const sandbox = await porthole.Sandbox.create({
				...options,
				forwardHostEnv: true,
				hostEnv: { COLOR: "blue" },
			});
			const code =
				"import os; print(*(os.environ.get(k, '-') for k in ['COLOR', 'COLUMNS', 'LINES']))";
			return [
				(await py(sandbox, code)).out,
				(await py(sandbox, code, { forwardHostEnv: false })).out,
				(await py(sandbox, code, { terminal: { columns: 90, rows: 30 } })).out.trim(),
			];
		}, PYTHON);
		expect(result).toEqual(["blue - -\n", "- - -\n", "blue 90 30"]);
	});

	test("a working directory: absolute, relative, missing, and one that is a file", async ({
		page,
	}) => {
		const result = await page.evaluate(async (options) => {
			const sandbox = await porthole.Sandbox.create({
				...options,
				files: { "/data/here.txt": "", "/other/o.txt": "" },
			});
			// Relative paths begin there, and absolute ones still in the root.
			const code = [
				"import os",
				"open('new.txt', 'w').close()",
				"os.makedirs('made/deeper')",
				"there = [p for p in ('here.txt', '/data/here.txt', '/other/o.txt', 'o.txt') if os.path.exists(p)]",
				"print(*there)",
			].join("\n");
			const run = async (currentDir?: string) =>
				(await py(sandbox, code, { ...(currentDir && { currentDir }) })).out;
			const found = {
				absolute: await run("/data"),
				held: (await sandbox.fs.readdir("/data")).map(({ name }) => name).sort(),
				other: await run("other"),
				missing: await caught(run("/new/place")),
				nearly: await caught(run("/date/")),
				plain: await run(),
			};
			return {
				...found,
				made: await sandbox.fs.exists("/new"),
				file: await caught(py(sandbox, code, { currentDir: "/data/here.txt" })),
			};
		}, PYTHON);
		expect(result).toMatchObject({
			absolute: "here.txt /data/here.txt /other/o.txt\n",
			held: ["here.txt", "made", "new.txt"],
			other: "/data/here.txt /other/o.txt o.txt\n",
			missing: { porthole: true, code: "invalid-option" },
			nearly: { porthole: true, code: "invalid-option" },
			plain: "/data/here.txt /other/o.txt\n",
			made: false,
		});
		expect(result.missing.message).toContain("no directory /new/place");
		expect(result.nearly.message).toContain("did you mean /data?");
		expect(result.file).toMatchObject({ porthole: true, code: "ENOTDIR" });
		expect(result.file.message).toContain("/data/here.txt");
	});
});

test.describe("how a process is ended", { tag: "@waits" }, () => {
	const forever = "print('ready', flush=True)\nwhile True: pass";

	const signals = [
		{ signal: undefined, name: "SIGTERM", code: 143 },
		{ signal: "SIGINT", name: "SIGINT", code: 130 },
		{ signal: "SIGKILL", name: "SIGKILL", code: 137 },
		{ signal: "SIGHUP", name: "SIGHUP", code: 129 },
	];
	for (const { signal, name, code } of signals) {
		test(`kill(${signal ?? ""}) of a guest that waits for input`, async ({ page }) => {
			const result = await page.evaluate(
				async ({ options, signal }) => {
					const sandbox = await sharedSandbox(options);
					const process = await sandbox.command("python", ["-c", "input('> ')"]).spawn();
					await process.stdout.getReader().read();
					process.kill(signal);
					process.kill("SIGKILL");
					const status = await process.status;
					return { ...status, left: sandbox.processes.length };
				},
				{ options: PYTHON, signal },
			);
			expect(result).toEqual({ success: false, code, signal: name, reason: "kill", left: 0 });
		});
	}

	test("a timeout and an AbortSignal kill, also a guest that never calls", async ({ page }) => {
		const result = await page.evaluate(
			async ({ options, forever }) => {
				const sandbox = await sharedSandbox(options);
				const command = sandbox.command("python", ["-c", forever], { timeout: 300 });
				const timed = { ...(await command.output()), stdout: "" };
				const abort = new AbortController();
				const running = await sandbox
					.command("python", ["-c", forever], { signal: abort.signal })
					.spawn();
				await lines(running.stdout)();
				abort.abort();
				const aborted = await running.status;
				const never = await caught(
					py(sandbox, "print(1)", { signal: AbortSignal.abort(new Error("not wanted")) }),
				);
				const quick = await py(sandbox, "print('done')", { timeout: 60_000 });
				return { timed: { ...timed, stderr: "" }, aborted, never, quick };
			},
			{ options: PYTHON, forever },
		);
		expect(result.timed).toMatchObject({
			code: 143,
			signal: "SIGTERM",
			reason: "timeout",
		});
		expect(result.timed).not.toHaveProperty("lost");
		const aborted = { success: false, code: 143, signal: "SIGTERM", reason: "abort" };
		expect(result.aborted).toEqual(aborted);
		expect(result.never.message).toBe("not wanted");
		expect(result.quick).toEqual({ code: 0, out: "done\n", err: "" });
	});

	test("one that waits is killed while another spins, and ends alone", async ({ page }) => {
		const result = await page.evaluate(
			async ({ options, forever }) => {
				const sandbox = await sharedSandbox(options);
				const waiting = await sandbox.command("python", ["-c", "input('> ')"]).spawn();
				await waiting.stdout.getReader().read();
				const spinning = await sandbox.command("python", ["-c", forever]).spawn();
				await lines(spinning.stdout)();
				waiting.kill();
				const status = await waiting.status;
				const left = sandbox.processes.map(({ pid }) => pid - spinning.pid);
				spinning.kill("SIGINT");
				return { statuses: [status, await spinning.status], left };
			},
			{ options: PYTHON, forever },
		);
		expect(result).toEqual({
			statuses: [
				{ success: false, code: 143, signal: "SIGTERM", reason: "kill" },
				{ success: false, code: 130, signal: "SIGINT", reason: "kill" },
			],
			left: [0],
		});
	});

	test("what is not interruptible ends with the worker and with all that runs there, and says so", async ({
		page,
	}) => {
		const result = await page.evaluate(
			async ({ options, forever }) => {
				const sandbox = await porthole.Sandbox.create({ ...options, interruptible: false });
				const told: unknown[] = [];
				sandbox.addEventListener("workerreplaced", ({ detail }) => told.push(detail));
				const waiting = await sandbox.command("python", ["-c", "input('> ')"]).spawn();
				await waiting.stdout.getReader().read();
				const spinning = await sandbox.command("python", ["-c", forever]).spawn();
				await lines(spinning.stdout)();
				waiting.kill();
				const statuses = [await waiting.status, await spinning.status];
				const again = await py(sandbox, "print('again')");
				return { told, statuses, pids: [waiting.pid, spinning.pid], again: again.out };
			},
			{ options: PYTHON, forever },
		);
		const [waiting, spinning] = result.pids;
		expect(result.statuses).toEqual([
			{ success: false, code: 143, signal: "SIGTERM", reason: "kill", lost: true },
			{ success: false, code: 137, signal: "SIGKILL", reason: "replaced", lost: true },
		]);
		expect(result.told).toEqual([{ guilty: waiting, ended: [waiting, spinning] }]);
		expect(result.again).toBe("again\n");
	});

	test("closing the sandbox ends what runs", async ({ page }) => {
		const result = await page.evaluate(
			async ({ options, forever }) => {
				const sandbox = await porthole.Sandbox.create(options);
				const process = await sandbox.command("python", ["-c", forever]).spawn();
				await lines(process.stdout)();
				await sandbox.close();
				const { code, signal } = await process.status;
				return { code, signal };
			},
			{ options: PYTHON, forever },
		);
		expect(result).toEqual({ code: 137, signal: "SIGKILL" });
	});

	test("an unknown signal is refused by name, and kills nobody", async ({ page }) => {
		const result = await page.evaluate(async (options) => {
			const sandbox = await sharedSandbox(options);
			const process = await sandbox.command("python", ["-c", "input()"]).spawn();
			const error = await thrown(() => process.kill("SIGNIFICANT"));
			await process.stdin.close();
			return { error, code: (await process.status).code };
		}, PYTHON);
		expect(result.error).toMatchObject({ porthole: true, code: "invalid-option" });
		expect(result.error.message).toMatch(/SIGNIFICANT.*SIGTERM/);
		expect(result.code).toBe(1);
	});
});

test.describe("commands of the page's own", { tag: "@waits" }, () => {
	test("a function gets arguments, environment and streams; its number is the code", async ({
		page,
	}) => {
		const result = await page.evaluate(async () => {
			const sandbox = await porthole.Sandbox.create({ env: { A: "sandbox", B: "sandbox" } });
			const mappedCommands = {
				shout: async ({ args, env, stdin, stdout, stderr }: CommandContext) => {
					const input = await collect(stdin);
					const writer = stdout.getWriter();
					await writer.write(new TextEncoder().encode(`${args.join("+")} ${input.toUpperCase()}`));
					const warn = stderr.getWriter();
					await warn.write(new TextEncoder().encode(`${env.A} ${env.B}`));
					return 3;
				},
			};
			const output = await sandbox
				.command("shout", ["x", "y"], { mappedCommands, stdin: "quiet", env: { B: "own" } })
				.output();
			return { ...output, stdout: output.text(), stderr: text(output.stderr) };
		});
		expect(result).toMatchObject({
			success: false,
			code: 3,
			stdout: "x+y QUIET",
			stderr: "sandbox own",
		});
	});

	test("a function has a terminal where one is asked for: lines, echo, size, interrupt", async ({
		page,
	}) => {
		const result = await page.evaluate(async () => {
			const sandbox = await porthole.Sandbox.create();
			const sizes: string[] = [];
			const greet = async ({ stdin, stdout, terminal }: CommandContext) => {
				const say = stdout.getWriter();
				const ask = lines(stdin);
				for (;;) {
					sizes.push(`${terminal?.columns}x${terminal?.rows}`);
					await say.write(new TextEncoder().encode("name? "));
					const name = (await ask()).trim();
					if (name === "") return 4;
					await say.write(new TextEncoder().encode(`hello ${name}\n`));
				}
			};
			const options = { mappedCommands: { greet }, terminal: { columns: 40, rows: 10 } };
			const type = async (keys: string) => {
				const process = await sandbox.command("greet", [], options).spawn();
				const writer = process.stdin.getWriter();
				await writer.write(new TextEncoder().encode("wrld\x7f\x7f\x7forld\r"));
				process.resize(50, 20);
				await new Promise((resolve) => setTimeout(resolve, 50));
				await writer.write(new TextEncoder().encode(keys));
				const { code, signal } = await process.status;
				return { code, signal, out: await collect(process.stdout) };
			};
			const dropped = "typed\x03";
			return {
				ended: await type("\x04"),
				interrupted: await type("\x03"),
				quit: await type("\x1c"),
				dropped: (await type(`${dropped}you\r\x04`)).out,
				sizes: sizes.slice(0, 2),
				plain: await sandbox
					.command("greet", [], {
						mappedCommands: { greet: ({ terminal }: CommandContext) => (terminal ? 1 : 0) },
					})
					.output()
					.then(({ code }) => code),
			};
		});
		const line = "name? wrld\b \b\b \b\b \borld\r\nhello world\r\nname? ";
		expect(result.ended).toEqual({ code: 4, signal: undefined, out: line });
		expect(result.interrupted).toEqual({ code: 130, signal: "SIGINT", out: `${line}^C` });
		expect(result.quit).toEqual({ code: 131, signal: "SIGQUIT", out: `${line}^\\` });
		expect(result.dropped).toBe(`${line}typed^C\r\nname? you\r\nhello you\r\nname? `);
		expect(result.sizes).toEqual(["40x10", "50x20"]);
		expect(result.plain).toBe(0);
	});

	test("a function that throws ends with 1 and says why; one that is killed hears of it", async ({
		page,
	}) => {
		const result = await page.evaluate(async () => {
			const sandbox = await porthole.Sandbox.create();
			const thrower = () => {
				throw new TypeError("no such luck");
			};
			const thrown = await sandbox
				.command("fail", [], { mappedCommands: { fail: thrower } })
				.output();
			let heard = false;
			const waiter = ({ signal }: { signal: AbortSignal }) =>
				new Promise<number>((resolve) => {
					signal.addEventListener("abort", () => {
						heard = true;
						resolve(0);
					});
				});
			const process = await sandbox
				.command("wait", [], { mappedCommands: { wait: waiter } })
				.spawn();
			const listed = sandbox.processes.length;
			process.kill("SIGINT");
			const { code, signal } = await process.status;
			return {
				thrown: { code: thrown.code, stderr: text(thrown.stderr) },
				heard,
				listed,
				left: sandbox.processes.length,
				killed: { code, signal },
			};
		});
		expect(result).toEqual({
			thrown: { code: 1, stderr: "TypeError: no such luck\n" },
			heard: true,
			listed: 1,
			left: 0,
			killed: { code: 130, signal: "SIGINT" },
		});
	});

	test("what the page calls a program is its argv[0], as it is written", async ({ page }) => {
		const result = await page.evaluate(async (options) => {
			const sandbox = await porthole.Sandbox.create(options);
			const { commands } = await sandbox.load(tiny(), { name: "tool.v2.wasm" });
			const [bytes] = await Promise.all(
				["/packages/python.webc"].map(async (url) => (await fetch(url)).blob()),
			);
			const ask = async (alias: string) => {
				const mappedCommands = { [alias]: bytes as Blob };
				const code = "import sys; print(sys.orig_argv[0])";
				return (await sandbox.command(alias, ["-c", code], { mappedCommands }).output()).text();
			};
			return { commands, asked: [await ask("py.one"), await ask("two")] };
		}, PYTHON);
		expect(result).toEqual({ commands: ["tool.v2.wasm"], asked: ["py.one\n", "two\n"] });
	});

	test("a program with a terminal is told its size and kind, unless the caller does", async ({
		page,
	}) => {
		const result = await page.evaluate(async (options) => {
			const sandbox = await sharedSandbox(options);
			const code =
				"import os; print([os.environ.get(n) for n in ('COLUMNS', 'LINES', 'TERM', 'LANG')])";
			const terminal = { columns: 40, rows: 10 };
			const ask = async (more: object) => (await py(sandbox, code, more)).out.trim();
			const env = { TERM: "vt100", LINES: "7" };
			const asJs = ({ env }: { env: Record<string, string> }) => Number(env.COLUMNS);
			const mappedCommands = { js: asJs as never };
			const js = await sandbox.command("js", [], { mappedCommands, terminal }).output();
			return [await ask({}), await ask({ terminal }), await ask({ terminal, env }), js.code];
		}, PYTHON);
		expect(result).toEqual([
			"[None, None, None, None]",
			"['40', '10', 'xterm-256color', None]",
			"['40', '7', 'vt100', None]",
			40,
		]);
	});

	test("a command that two packages have is the first one's, and the page is told", async ({
		page,
	}) => {
		const result = await page.evaluate(async () => {
			const sandbox = await porthole.Sandbox.create();
			const warnings: string[] = [];
			sandbox.addEventListener("warning", ({ detail }) => warnings.push(detail.message));
			const made = (name: string, code: number) =>
				packed({ name, atoms: { a: tiny({ code }) }, commands: { tool: { atom: { name: "a" } } } });
			const first = await made("tests/first", 3);
			await sandbox.load(first);
			await sandbox.load(first);
			const quiet = warnings.length;
			await sandbox.load(await made("tests/second", 4));
			const { code } = await sandbox.command("tool").output();
			await until(() => warnings.length > 0);
			return { quiet, code, warnings };
		});
		expect(result).toMatchObject({ quiet: 0, code: 3, warnings: [expect.any(String)] });
		expect(result.warnings[0]).toMatch(/tests\/first.*tests\/second.*"tool"/);
	});

	test("an alias is another command, or a module", async ({ page }) => {
		const result = await page.evaluate(async () => {
			const sandbox = await porthole.Sandbox.create({ packages: [tiny({ code: 4 })] });
			const other = await sandbox.load(tiny({ code: 5 }), { name: "other" });
			const module = await WebAssembly.compile(tiny({ code: 6 }));
			const run = async (target: string | object) => {
				const mappedCommands = { alias: target as string };
				return (await sandbox.command("alias", [], { mappedCommands }).output()).code;
			};
			return [
				await run("main"),
				await run(other),
				await run(module),
				await run(tiny({ code: 7 })),
				(await caught(run("nobody"))).code,
			];
		});
		expect(result).toEqual([4, 5, 6, 7, "missing-command"]);
	});

	test("an injected package's files and commands are there", async ({ page }) => {
		const result = await page.evaluate(async (options) => {
			const other = await porthole.Sandbox.create();
			const injected = await other.load(
				await packed({ name: "tests/more", files: { "more/words.txt": "injected" } }),
			);
			const sandbox = await porthole.Sandbox.create(options);
			const code = "print(open('/more/words.txt').read())";
			return await py(sandbox, code, { injectedPackages: [injected] });
		}, PYTHON);
		expect(result).toEqual({ code: 0, out: "injected\n", err: "" });
	});
});

test.describe("what is refused", () => {
	test("what cannot be a command at all", async ({ page }) => {
		const codes = await page.evaluate(async () => {
			const sandbox = await porthole.Sandbox.create();
			const unhandled: string[] = [];
			const hear = ({ reason }: PromiseRejectionEvent) => unhandled.push(String(reason));
			addEventListener("unhandledrejection", hear);
			const told: string[] = [];
			for (const what of [null, undefined, 5, {}]) {
				const { code } = await thrown(() => sandbox.command(what as never).output());
				told.push(code);
			}
			await new Promise((resolve) => setTimeout(resolve, 50));
			removeEventListener("unhandledrejection", hear);
			return [...told, ...unhandled];
		});
		expect(codes).toEqual(Array(4).fill("invalid-option"));
	});

	test("options that make no sense, by name, before anything starts", async ({ page }) => {
		const result = await page.evaluate(async () => {
			const sandbox = await porthole.Sandbox.create({ packages: [tiny()] });
			const refused: [string, { porthole: boolean; code: string; message: string }][] = [];
			const refuse = async (name: string, args: unknown, options: unknown) => {
				const call = () => sandbox.command("main", args as string[], options as object).output();
				refused.push([name, await thrown(call)]);
			};
			await refuse("args[1]", ["a", 2], {});
			await refuse("args[0]", ["a\0b"], {});
			await refuse("args", "text", {});
			await refuse("env", [], { env: { "": "x" } });
			await refuse("env", [], { env: { "A=B": "x" } });
			await refuse("env.A", [], { env: { A: "\0" } });
			await refuse("env.A", [], { env: { A: 1 } });
			await refuse("timeout", [], { timeout: -1 });
			await refuse("timeout", [], { timeout: "soon" });
			await refuse("terminal", [], { terminal: { columns: 0, rows: 24 } });
			await refuse("stdin", [], { stdin: 7 });
			await refuse("stdout", [], { stdout: "inherit" });
			await refuse("stderr", [], { stderr: {} });
			await refuse("signal", [], { signal: "SIGTERM" });
			await refuse("currentDir", [], { currentDir: 1 });
			await refuse("entryFunction", [], { entryFunction: () => {} });
			await refuse("mounts", [], { mounts: { "/x": {} } });
			await refuse("mounts", [], { mounts: { "../x": new porthole.MemoryDirectory() } });
			await refuse("mappedCommands", [], { mappedCommands: { main: 1 } });
			await refuse("imports", [], { imports: { env: { f: "f" } } });
			await refuse("did you mean currentDir?", [], { currentDirectory: "/" });
			await refuse("did you mean columns?", [], {
				terminal: { column: 80, columns: 80, rows: 24 },
			});
			await refuse("did you mean network?", [], { capabilities: { netwrok: false } });
			await refuse("constructor", [], { constructor: 1 });
			return { refused, running: sandbox.processes.length };
		});
		for (const [name, error] of result.refused) {
			expect(error, name).toMatchObject({ porthole: true, code: "invalid-option" });
			expect(error.message, name).toContain(name);
		}
		expect(result.running).toBe(0);
	});

	test("options that a call does not have, and mounts without a slash, with the right name", async ({
		page,
	}) => {
		const result = await page.evaluate(async () => {
			// Types forbid what pages do.
			const of = (options: object) => options as never;
			const sandbox = await porthole.Sandbox.create({ packages: [tiny()] });
			const directory = new porthole.MemoryDirectory();
			const calls: Record<string, () => unknown> = {
				packages: () => porthole.Sandbox.create(of({ package: [tiny()] })),
				"/work": () => porthole.Sandbox.create({ mounts: { work: directory } }),
				integrity: () => sandbox.load(tiny(), of({ integrety: "" })),
				"/other": () => sandbox.mount("other", directory),
				readOnly: () => sandbox.mount("/other", directory, of({ readonly: true })),
				"of a mount": () =>
					porthole.Sandbox.create({ mounts: { "/x": of({ directory, readonly: true }) } }),
				recursive: () => sandbox.fs.mkdir("/made", of({ recursiv: true })),
				force: () => sandbox.fs.rm("/tmp", of({ forced: true })),
				signal: () =>
					sandbox.fs
						.watch("/", of({ signals: 1 }))
						[Symbol.asyncIterator]()
						.next(),
				format: () => sandbox.fs.exportArchive("/", of({ fromat: "zip" })),
				onConflict: () => sandbox.fs.importArchive(new Blob(), "/", of({ onconflict: "skip" })),
				durability: () => new porthole.IndexedDBDirectory("x", of({ durable: "strict" })),
				persist: () => new porthole.OPFSDirectory("/", of({ persistent: true })),
				index: () => new porthole.HTTPDirectory("/", of({ indexes: "" })),
				startIn: () => porthole.FileSystemAccessDirectory.pick(of({ startin: "music" })),
			};
			const errors = [];
			for (const [right, call] of Object.entries(calls)) {
				errors.push([right, await thrown(call)] as const);
			}
			// An argument where a call takes none would have no effect.
			const { fs } = sandbox;
			const more = (method: (...args: never[]) => unknown, on: object, ...args: unknown[]) =>
				Reflect.apply(method, on, args);
			const command = sandbox.command("main");
			const late: Record<string, () => unknown> = {
				"readFile takes 1 argument;": () => more(fs.readFile, fs, "/tmp", "utf8"),
				"readdir takes 1 argument;": () => more(fs.readdir, fs, "/tmp", { recursive: true }),
				"writeFile takes 2 arguments;": () => more(fs.writeFile, fs, "/made", "x", { flag: "wx" }),
				"spawn takes no arguments;": () => more(command.spawn, command, { timeout: 1 }),
				"unmount takes 1 argument;": () => more(sandbox.unmount, sandbox, "/work", {}),
				"string or bytes for readOnly": () => new porthole.MemoryDirectory(of({ readOnly: true })),
				"MemoryDirectory takes 1 argument;": () =>
					Reflect.construct(porthole.MemoryDirectory, [{}, { readOnly: true }]),
				"takes a name first": () => new porthole.IndexedDBDirectory(of({ durability: "strict" })),
				"takes a path first": () => new porthole.OPFSDirectory(of({ persist: true })),
				"a directory's handle first": () =>
					new porthole.FileSystemAccessDirectory(of({ mode: "read" })),
				"takes a URL first": () => new porthole.HTTPDirectory(of({ index: "" })),
			};
			for (const [said, call] of Object.entries(late)) {
				errors.push([said, await thrown(call)] as const);
			}
			return { errors, made: await fs.exists("/made") };
		});
		for (const [right, error] of result.errors) {
			expect(error, right).toMatchObject({ porthole: true, code: "invalid-option" });
			expect(error.message, right).toContain(right);
		}
		expect(result.made).toBe(false);
	});

	test("what is reserved says so", async ({ page }) => {
		const result = await page.evaluate(async () => {
			const sandbox = await porthole.Sandbox.create({ packages: [tiny()] });
			const refused: [string, { code: string; message: string }][] = [];
			const reserved = {
				journals: [],
				snapshotOn: ["idle"],
				snapshotInterval: 1000,
			};
			for (const [name, value] of Object.entries(reserved)) {
				const call = () => sandbox.command("main", [], { [name]: value }).output();
				refused.push([name, await thrown(call)]);
			}
			return refused;
		});
		for (const [name, error] of result) {
			expect(error.code).toBe("not-supported");
			expect(error.message).toContain(name);
		}
	});
});

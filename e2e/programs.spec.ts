/**
 * Our own C programs, each in a sandbox of its own.
 *
 * Most print a transcript of what the system answered, which is compared byte for byte with one that
 * a system wrote that is right. The others show one behaviour each.
 */
import { readFileSync } from "node:fs";
import { expect, needPrograms, test } from "./library.ts";
import { type Program, transcripts } from "./programs/programs.ts";

needPrograms();

for (const program of transcripts) {
	test(`${program.name} prints its transcript`, { tag: "@waits" }, async ({ page }) => {
		const result = await page.evaluate(async ({ name, args, env, stdin }: Program) => {
			const sandbox = await porthole.Sandbox.create();
			const loaded = await sandbox.load(`/programs/${name}.wasm`);
			const { code, trap, stdout, stderr } = await sandbox
				.command(loaded, [...(args ?? [])], { ...(env && { env }), stdin: stdin ?? "null" })
				.output();
			return { code, trap: trap?.stack, stdout: text(stdout), stderr: text(stderr) };
		}, program);
		const expected = readFileSync(
			new URL(`programs/${program.name}.expected`, import.meta.url),
			"utf8",
		);
		expect(result.stdout).toBe(expected);
		expect(result).toMatchObject({ code: 0, trap: undefined });
	});
}

test.describe("how a program ends", { tag: "@waits" }, () => {
	const endings = [
		{ args: [], code: 0, printed: "atexit" },
		{ args: ["3"], code: 3, printed: "atexit" },
		{ args: ["255"], code: 255, printed: "atexit" },
		{ args: ["return"], code: 7, printed: "atexit" },
		{ args: ["_9"], code: 9, printed: "" },
	];
	for (const { args, code, printed } of endings) {
		test(`exiting ${args.join(" ")} ends with ${code}`, async ({ page }) => {
			const result = await page.evaluate(async (args) => {
				const sandbox = await porthole.Sandbox.create({
					packages: ["/programs/exiting.wasm"],
				});
				const output = await sandbox.command("exiting", args).output();
				return { ...output, stdout: output.text() };
			}, args);
			expect(result).toMatchObject({ code, success: code === 0 });
			expect(result.trap).toBeUndefined();
			expect(result.signal).toBeUndefined();
			// What the C library holds back is written by `exit`, and not by `_exit`.
			expect(result.stdout).toContain(printed);
		});
	}

	test("abort is a trap, and not a rejection", async ({ page }) => {
		const result = await page.evaluate(async () => {
			const sandbox = await porthole.Sandbox.create({ packages: ["/programs/exiting.wasm"] });
			const { success, code, trap } = await sandbox.command("exiting", ["abort"]).output();
			return { success, code, isError: trap instanceof Error };
		});
		expect(result).toEqual({ success: false, code: 134, isError: true });
	});

	const traps = [
		{ how: "unreachable", message: /unreachable/ },
		{ how: "divide", message: /divide by zero/ },
		{ how: "memory", message: /out of bounds/ },
	];
	for (const { how, message } of traps) {
		test(`a trap names the guest's functions: ${how}`, async ({ page }) => {
			const result = await page.evaluate(async (how) => {
				const sandbox = await porthole.Sandbox.create({
					packages: ["/programs/trapping.wasm"],
				});
				const output = await sandbox.command("trapping", [how]).output();
				const { success, code, trap } = output;
				return { success, code, stdout: output.text(), message: trap?.message, stack: trap?.stack };
			}, how);
			expect(result).toMatchObject({ success: false, code: 134, stdout: "before\n" });
			expect(result.message).toMatch(message);
			const order = /innermost[\s\S]*middle[\s\S]*outermost[\s\S]*main/;
			expect(result.stack).toMatch(order);
			// Frames of the host are not the guest's business.
			expect(result.stack).not.toContain("guest.js");
		});
	}

	test("an exhausted stack is a trap that names who recursed", async ({ page }) => {
		const result = await page.evaluate(async () => {
			const sandbox = await porthole.Sandbox.create({
				packages: ["/programs/recursing.wasm"],
			});
			const output = await sandbox.command("recursing").output();
			const again = await sandbox.command("recursing").output();
			return {
				code: output.code,
				stdout: output.text(),
				stack: output.trap?.stack,
				again: again.code,
			};
		});
		expect(result).toMatchObject({ code: 134, stdout: "before\n", again: 134 });
		expect(result.stack).toContain("deeper");
	});

	test("memory ends where the module's maximum is, in order", async ({ page }) => {
		const result = await page.evaluate(async () => {
			const sandbox = await porthole.Sandbox.create({ packages: ["/programs/hungry.wasm"] });
			const output = await sandbox.command("hungry").output();
			return { code: output.code, stdout: output.text() };
		});
		expect(result).toEqual({ code: 0, stdout: "refused: yes\nat least 16 MiB: yes\n" });
	});
});

test.describe("killing", { tag: "@waits" }, () => {
	for (const how of ["calls", "sleep", "compute"]) {
		test(`a guest that never ends is killed, and the sandbox goes on: ${how}`, async ({ page }) => {
			const result = await page.evaluate(async (how) => {
				const sandbox = await porthole.Sandbox.create({
					packages: ["/programs/spinning.wasm", "/programs/exiting.wasm"],
					files: { "/kept.txt": "kept" },
				});
				const replaced: unknown[] = [];
				sandbox.addEventListener("workerreplaced", ({ detail }) => replaced.push(detail));
				const process = await sandbox.command("spinning", [how]).spawn();
				const first = await lines(process.stdout)();
				const start = performance.now();
				process.kill("SIGTERM");
				const { success, code, signal, trap } = await process.status;
				const took = performance.now() - start;
				const next = await sandbox.command("exiting", ["5"]).output();
				const left = sandbox.processes.length;
				const kept = await sandbox.fs.readTextFile("/kept.txt");
				const { interruptible } = sandbox.environment;
				return {
					interruptible,
					first,
					success,
					code,
					signal,
					trap,
					took,
					next: next.code,
					left,
					kept,
					replaced,
				};
			}, how);
			expect(result).toMatchObject({
				first: "spinning\n",
				success: false,
				code: 143,
				signal: "SIGTERM",
				next: 5,
				left: 0,
				kept: "kept",
				replaced: result.interruptible ? [] : [{ guilty: 1, ended: [1] }],
			});
			expect(result.trap).toBeUndefined();
			// It should take less than a second; a busy machine gets some more.
			expect(result.took).toBeLessThan(3000);
		});
	}
});

test.describe("streams", { tag: "@waits" }, () => {
	test("a flood through a slow reader loses nothing", async ({ page }) => {
		const result = await page.evaluate(async () => {
			const sandbox = await porthole.Sandbox.create({
				packages: ["/programs/flooding.wasm"],
			});
			const process = await sandbox.command("flooding", ["110"]).spawn();
			const hash = { lines: 0, bytes: 0, wrong: 0 };
			let tail = "";
			let chunks = 0;
			for await (const chunk of process.stdout) {
				hash.bytes += chunk.length;
				// Reads late: the guest is always ahead, and must wait.
				if (chunks++ % 16 === 0) await new Promise((resolve) => setTimeout(resolve, 1));
				const lines = (tail + text(chunk)).split("\n");
				tail = lines.pop() ?? "";
				for (const line of lines) {
					if (Number(line.slice(0, 8)) !== hash.lines) hash.wrong++;
					hash.lines++;
				}
			}
			const { code } = await process.status;
			return { ...hash, tail, code };
		});
		expect(result).toEqual({
			lines: 110 * 16384,
			bytes: 110 * 1024 * 1024,
			wrong: 0,
			tail: "",
			code: 0,
		});
	});

	test("output arrives while the guest runs", async ({ page }) => {
		const result = await page.evaluate(async () => {
			const sandbox = await porthole.Sandbox.create({
				packages: ["/programs/streaming.wasm"],
			});
			const process = await sandbox.command("streaming").spawn();
			const seen: string[] = [];
			let over = false;
			const beforeTheEnd: boolean[] = [];
			void process.status.then(() => {
				over = true;
			});
			for await (const chunk of process.stdout) {
				seen.push(text(chunk));
				beforeTheEnd.push(!over);
			}
			return { seen, first: beforeTheEnd[0] };
		});
		expect(result.seen.join("")).toBe("1\n2\n3\n4\n5\n");
		expect(result.seen.length).toBeGreaterThan(2);
		expect(result.first).toBe(true);
	});

	test("a conversation: each line is answered before the next is written", async ({ page }) => {
		const result = await page.evaluate(async () => {
			const sandbox = await porthole.Sandbox.create({ packages: ["/programs/echoing.wasm"] });
			const process = await sandbox.command("echoing").spawn();
			const line = lines(process.stdout);
			const writer = process.stdin.getWriter();
			const answers: string[] = [];
			answers.push(await line());
			for (const word of ["one", "two", "quit"]) {
				await writer.write(new TextEncoder().encode(`${word}\n`));
				answers.push(await line());
			}
			const { code } = await process.status;
			return { answers, code, stderr: await collect(process.stderr) };
		});
		expect(result).toEqual({
			answers: ["input is no terminal\n", "1: one\n", "2: two\n", "3: quit\n"],
			code: 0,
			stderr: "3 lines\n",
		});
	});
});

test("input that is given ahead can be polled for and read by a program's first calls", {
	tag: "@waits",
}, async ({ page }) => {
	const result = await page.evaluate(async () => {
		const sandbox = await porthole.Sandbox.create({ packages: ["/programs/impatient.wasm"] });
		const run = async (stdin: string | Uint8Array | undefined) => {
			const options = stdin === undefined ? {} : { stdin };
			return (await sandbox.command("impatient", [], options).output()).text();
		};
		const size = 3_000_000;
		const bytes = Uint8Array.from({ length: size }, (_, index) => index % 251);
		const sum = bytes.reduce((before, byte) => before + byte, 0);
		// Only the part that is meant goes to the program, and the page keeps its own.
		const answers = [
			await run("ab"),
			await run(bytes.subarray(1)),
			await run(""),
			await run(undefined),
		];
		return {
			answers,
			expected: `${size - 1} bytes, sum ${sum}, then the end\n`,
			kept: bytes.length,
		};
	});
	expect(result.answers).toEqual([
		"2 bytes, sum 195, then the end\n",
		result.expected,
		"0 bytes, sum 0, then the end\n",
		"0 bytes, sum 0, then the end\n",
	]);
	expect(result.kept).toBe(3_000_000);
});

test("thousands of programs at once: as many run as fit, all others are refused or wait in line", async ({
	page,
}) => {
	test.setTimeout(180_000);
	const result = await page.evaluate(async () => {
		const packages = ["/programs/echoing.wasm"];
		const sandbox = await porthole.Sandbox.create({ packages });
		const spawn = (of: typeof sandbox) => of.command("echoing", [], { stdout: "null" }).spawn();
		const codes = new Set<string>();
		const all = await Promise.all(
			Array.from({ length: 3900 }, () =>
				spawn(sandbox).catch(({ code }) => {
					codes.add(code);
					return null;
				}),
			),
		);
		const running = all.filter((process) => process !== null);
		running[0]?.kill();
		await running[0]?.status;
		// The browser gives memory back when it collects garbage.
		const again = () => spawn(sandbox).catch(() => null);
		let next = await again();
		for (let i = 0; i < 50 && next === null; i++) {
			await new Promise((resolve) => setTimeout(resolve, 100));
			next = await again();
		}
		const room = { started: running.length, codes: [...codes], next: next !== null };
		await sandbox.close();
		// Those that wait start one by one, as others end.
		const patient = await porthole.Sandbox.create({ packages, queue: true });
		const endings = Array.from({ length: 300 }, async () => {
			const process = await spawn(patient);
			await process.stdin.close();
			return (await process.status).code;
		});
		const ended = await Promise.all(endings);
		// More wait in line. Those that are killed there leave it, and disturb none that runs.
		const late = Promise.allSettled(Array.from({ length: 300 }, () => spawn(patient)));
		const end = async (options: object) => {
			const command = patient.command("echoing", [], { stdout: "null", ...options });
			const { code, signal, reason, lost } = await (await command.spawn()).status;
			return `${code} ${signal} ${reason} ${lost}`;
		};
		const stop = new AbortController();
		const stopped = Array.from({ length: 50 }, () => end({ signal: stop.signal }));
		const timed = await end({ timeout: 500 });
		stop.abort();
		const line = [timed, ...new Set(await Promise.all(stopped))];
		// What still waits when the sandbox is closed is refused.
		await patient.close();
		const refused = (await late).flatMap((one) =>
			one.status === "rejected" ? one.reason.code : [],
		);
		return { room, line, ended: [...new Set(ended)], refused: [...new Set(refused)] };
	});
	expect(result.room).toMatchObject({ codes: ["out-of-memory"], next: true });
	expect(result.room.started).toBeGreaterThan(8);
	expect(result.ended).toEqual([0]);
	expect(result.line).toEqual(["143 SIGTERM timeout undefined", "143 SIGTERM abort undefined"]);
	expect(result.refused).toEqual(["closed"]);
});

test.describe("entries and imports", { tag: "@waits" }, () => {
	test("a reactor is initialized before the function that is named", async ({ page }) => {
		const result = await page.evaluate(async () => {
			const sandbox = await porthole.Sandbox.create({ packages: ["/programs/reactor.wasm"] });
			const output = await sandbox.command("reactor", [], { entryFunction: "greet" }).output();
			return { code: output.code, stdout: output.text() };
		});
		expect(result).toEqual({ code: 0, stdout: "initialized: yes\n" });
	});

	test("a module without _start says what it exports, and runs by that name", async ({ page }) => {
		const result = await page.evaluate(async () => {
			const sandbox = await porthole.Sandbox.create({
				packages: ["/programs/entryless.wasm"],
			});
			const error = await caught(sandbox.command("entryless").output());
			const output = await sandbox
				.command("entryless", [], { entryFunction: "elsewhere" })
				.output();
			return { error, code: output.code, stdout: output.text() };
		});
		expect(result.error).toMatchObject({ porthole: true, code: "no-entry" });
		expect(result.error.message).toMatch(/_start.*elsewhere.*entryFunction/);
		expect(result).toMatchObject({ code: 0, stdout: "entered elsewhere\n" });
	});

	test("imports that nobody has are all named", async ({ page }) => {
		const result = await page.evaluate(async () => {
			const sandbox = await porthole.Sandbox.create({
				packages: ["/programs/stranger.wasm"],
			});
			const error = await caught(sandbox.command("stranger").output());
			const half = await caught(
				sandbox.command("stranger", [], { imports: { elsewhere: { answer: () => 1 } } }).spawn(),
			);
			return { error, half, running: sandbox.processes.length };
		});
		expect(result.error).toMatchObject({ porthole: true, code: "missing-imports" });
		expect(result.error.message).toContain("elsewhere.answer");
		expect(result.error.message).toContain("wasi_snapshot_preview1.fd_levitate");
		expect(result.half.message).not.toContain("elsewhere.answer");
		expect(result.running).toBe(0);
	});

	test("a function of the page can be imported, and may take its time", async ({ page }) => {
		const result = await page.evaluate(async () => {
			const sandbox = await porthole.Sandbox.create({ packages: ["/programs/visitor.wasm"] });
			const run = async (answer: (n: number) => unknown) => {
				const options = { imports: { elsewhere: { answer } } };
				const output = await sandbox.command("visitor", [], options).output();
				return output.text();
			};
			const late = (n: number) => new Promise((resolve) => setTimeout(() => resolve(n * 8), 1));
			return [await run((n) => n * 7), await run(late)];
		});
		expect(result).toEqual(["42\n", "48\n"]);
	});

	test("a function of the page that throws is the page's failure, and says so", async ({
		page,
	}) => {
		const result = await page.evaluate(async () => {
			const sandbox = await porthole.Sandbox.create({ packages: ["/programs/visitor.wasm"] });
			const run = (answer: () => number) =>
				sandbox.command("visitor", [], { imports: { elsewhere: { answer } } }).output();
			const error = await caught(
				run(() => {
					throw new Error("no answer today");
				}),
			);
			return { error, next: (await run(() => 1)).text(), running: sandbox.processes.length };
		});
		expect(result.error).toMatchObject({ porthole: true, code: "import-failed" });
		expect(result.error.message).toMatch(/elsewhere\.answer.*no answer today/);
		expect(result).toMatchObject({ next: "1\n", running: 0 });
	});

	test("an import never replaces a call of WASI", async ({ page }) => {
		const result = await page.evaluate(async () => {
			const sandbox = await porthole.Sandbox.create({ packages: ["/programs/exiting.wasm"] });
			let called = 0;
			const fd_write = () => {
				called++;
				return 0;
			};
			const options = { imports: { wasi_snapshot_preview1: { fd_write } } };
			const output = await sandbox.command("exiting", ["4"], options).output();
			return { called, code: output.code, stdout: output.text() };
		});
		expect(result).toEqual({ called: 0, code: 4, stdout: "no newline at the endatexit\n" });
	});
});

/**
 * The preloaded bridge, for browsers in which a program cannot wait: what works all the same, and how
 * the rest is refused by name.
 */
import { expect, needPrograms, test } from "./library.ts";

const PYTHON = { packages: ["/packages/python.webc"], bridge: "preloaded" } as const;

test("without JSPI it is what runs, and the sandbox says why", async ({ page }) => {
	const result = await page.evaluate(async () => {
		Reflect.deleteProperty(WebAssembly, "Suspending");
		const sandbox = await porthole.Sandbox.create({ packages: ["/packages/python.webc"] });
		const { environment } = sandbox;
		const forced = await caught(porthole.Sandbox.create({ bridge: "suspending" }));
		return { environment, forced, ran: await py(sandbox, "print(6 * 7)") };
	});
	expect(result.environment).toMatchObject({ bridge: "preloaded", features: { jspi: false } });
	expect(result.environment.why).toContain("WebAssembly.Suspending");
	expect(result.forced).toMatchObject({ porthole: true, code: "not-supported" });
	expect(result.forced.message).toMatch(/JSPI.*Chrome 137/);
	expect(result.ran).toEqual({ code: 0, out: "42\n", err: "" });
});

test("input is given ahead: a string, bytes, a stream, and what is written after spawn", async ({
	page,
}) => {
	const result = await page.evaluate(async (options) => {
		const sandbox = await porthole.Sandbox.create(options);
		const code = "import sys, hashlib; b = sys.stdin.buffer.read(); print(len(b), b[:5], b[-5:])";
		const large = new Uint8Array(5_000_000).fill(65);
		large.set([48, 49, 50, 51, 52], large.length - 5);
		const slow = new ReadableStream<Uint8Array>({
			async pull(controller) {
				await new Promise((resolve) => setTimeout(resolve, 30));
				controller.enqueue(large.slice(0, 100_000));
				controller.enqueue(large.slice(-5));
				controller.close();
			},
		});
		const out: string[] = [];
		for (const stdin of ["short", large, slow]) {
			out.push((await py(sandbox, code, { stdin })).out.trim());
		}
		const process = await sandbox.command("python", ["-c", code]).spawn();
		const writer = process.stdin.getWriter();
		await writer.write(new TextEncoder().encode("typed "));
		await writer.write(new TextEncoder().encode("ahead"));
		await writer.close();
		out.push((await collect(process.stdout)).trim());
		return out;
	}, PYTHON);
	expect(result).toEqual([
		"5 b'short' b'short'",
		"5000000 b'AAAAA' b'01234'",
		"100005 b'AAAAA' b'01234'",
		"11 b'typed' b'ahead'",
	]);
});

test("input that is not there is EIO for the program, and a warning for the page", async ({
	page,
}) => {
	const result = await page.evaluate(async (options) => {
		const sandbox = await porthole.Sandbox.create(options);
		const warnings: string[] = [];
		sandbox.addEventListener("warning", ({ detail }) => warnings.push(detail.message));
		const code = [
			"import os",
			"print(os.read(0, 100))",
			"try: os.read(0, 100)",
			"except OSError as error: print(error.strerror)",
		].join("\n");
		const process = await sandbox.command("python", ["-c", code]).spawn();
		await process.stdin.getWriter().write(new TextEncoder().encode("first"));
		const out = await collect(process.stdout);
		return { out, code: (await process.status).code, warnings };
	}, PYTHON);
	expect(result).toMatchObject({ out: "b'first'\nI/O error\n", code: 0 });
	expect(result.warnings).toHaveLength(1);
	expect(result.warnings[0]).toMatch(/fd_read.*standard input.*EIO.*stdin: text.*JSPI/);
});

test("a mount is read before the start and written after the end", async ({ page }) => {
	const result = await page.evaluate(async (options) => {
		const files = Object.fromEntries(
			Array.from({ length: 40 }, (_, i) => [`many/${i}/f.txt`, `file ${i}`]),
		);
		const directory = new porthole.MemoryDirectory({ ...files, "big.bin": "x".repeat(3_000_000) });
		const own = new porthole.MemoryDirectory({ "own.txt": "own" });
		const sandbox = await porthole.Sandbox.create({ ...options, mounts: { "/data": directory } });
		const code = [
			"import os",
			"print(sum(len(open(f'/data/many/{i}/f.txt').read()) for i in range(40)))",
			"print(len(open('/data/big.bin').read()), open('/own/own.txt').read())",
			// More than may be underway elsewhere before a write waits.
			"with open('/data/out.bin', 'wb') as f:",
			"  for i in range(20): f.write(bytes([i]) * 1000000)",
			"print(os.path.getsize('/data/out.bin'), open('/data/out.bin', 'rb').read()[-1])",
			"os.rename('/data/many/7/f.txt', '/data/seven.txt'); os.remove('/data/big.bin')",
		].join("\n");
		const ran = await py(sandbox, code, { mounts: { "/own": own } });
		const names = (await directory.list("/")).map(({ name }) => name).sort();
		const last = (await directory.read("/out.bin", 19_999_999, 10))[0];
		// In between, the page changes what the next program sees.
		await sandbox.fs.writeFile("/data/seven.txt", "changed by the page");
		const next = await py(sandbox, "print(open('/data/seven.txt').read())");
		return { ran, names, last, next: next.out };
	}, PYTHON);
	expect(result.ran.err).toBe("");
	expect(result.ran.out).toBe("270\n3000000 own\n20000000 19\n");
	expect(result).toMatchObject({
		names: ["many", "out.bin", "seven.txt"],
		last: 19,
		next: "changed by the page\n",
	});
});

test("what is too large to be read before the start is named, as is who reads it", async ({
	page,
}) => {
	const result = await page.evaluate(async (options) => {
		const inner = new porthole.MemoryDirectory({ "huge.bin": "", "small.txt": "small" });
		const list = async (path: string) => {
			const listed = await inner.list(path);
			return listed.map((one) => ({ ...one, size: one.name === "huge.bin" ? 1e9 : one.size }));
		};
		const directory = new Proxy(inner, {
			get: (store, key) => (key === "list" ? list : Reflect.get(store, key, store)),
		});
		const sandbox = await porthole.Sandbox.create({ ...options, mounts: { "/data": directory } });
		const warnings: string[] = [];
		sandbox.addEventListener("warning", ({ detail }) => warnings.push(detail.message));
		const code = [
			"print(open('/data/small.txt').read())",
			"try: open('/data/huge.bin', 'rb').read(10)",
			"except OSError as error: print(error.strerror)",
		].join("\n");
		return { ran: await py(sandbox, code), warnings };
	}, PYTHON);
	expect(result.ran).toEqual({ code: 0, out: "small\nI/O error\n", err: "" });
	expect(result.warnings).toHaveLength(2);
	expect(result.warnings[0]).toContain("/data/huge.bin");
	expect(result.warnings[1]).toMatch(/fd_p?read.*read \/data\/huge\.bin.*EIO/);
});

test("a package starts before it has arrived, and the rest is read on the spot", async ({
	page,
}) => {
	const result = await page.evaluate(async () => {
		const sandbox = await porthole.Sandbox.create({ bridge: "preloaded" });
		let read = 0;
		await sandbox.load("/packages/python.webc", {
			onProgress: ({ loaded }) => {
				read = loaded;
			},
		});
		const { headers } = await fetch("/packages/python.webc", { method: "HEAD" });
		const size = Number(headers.get("content-length"));
		// Files that nobody has read yet, each verified before it is used.
		const code =
			"import json, decimal, email.message; print(json.dumps([1, 2]), decimal.Decimal(3))";
		return { read, size, ran: await py(sandbox, code) };
	});
	expect(result.read).toBeLessThan(result.size);
	expect(result.ran).toEqual({ code: 0, out: "[1, 2] 3\n", err: "" });
});

test("what would have to wait for the page is refused before it starts", async ({ page }) => {
	const result = await page.evaluate(async (options) => {
		const sandbox = await porthole.Sandbox.create(options);
		const terminal = { columns: 80, rows: 24 };
		const imports = { elsewhere: { answer: () => 42 } };
		return [
			await caught(sandbox.command("python", [], { terminal }).spawn()),
			await caught(sandbox.command("python", [], { imports }).spawn()),
			(await py(sandbox, "print('still there')")).out,
			sandbox.processes.length,
		] as const;
	}, PYTHON);
	for (const error of [result[0], result[1]]) {
		expect(error).toMatchObject({ porthole: true, code: "not-supported" });
		expect(error.message).toContain("JSPI");
	}
	expect(result[0].message).toContain("terminal");
	expect(result[1].message).toContain("elsewhere.answer");
	expect(result.slice(2)).toEqual(["still there\n", 0]);
});

test("a process that has not begun is killed without harm; one that has, with its worker", async ({
	page,
}) => {
	const result = await page.evaluate(async (options) => {
		const directory = new porthole.MemoryDirectory({ "kept.txt": "kept" });
		const sandbox = await porthole.Sandbox.create({ ...options, mounts: { "/data": directory } });
		const replaced: unknown[] = [];
		sandbox.addEventListener("workerreplaced", ({ detail }) => replaced.push(detail.ended));
		const endless = new ReadableStream<Uint8Array>();
		const waiting = await sandbox.command("python", ["-c", "1"], { stdin: endless }).spawn();
		waiting.kill();
		const first = { ...(await waiting.status), replaced: replaced.length };
		const code = "print(open('/data/kept.txt').read(), flush=True)\nwhile True: pass";
		const spinning = await sandbox.command("python", ["-c", code]).spawn();
		const out = await lines(spinning.stdout)();
		spinning.kill();
		const killed = { out, code: (await spinning.status).code };
		const again = await py(sandbox, "print(open('/data/kept.txt').read())");
		return { first, killed, replaced: replaced.length, again: again.out };
	}, PYTHON);
	expect(result.first).toMatchObject({ code: 143, signal: "SIGTERM", replaced: 0 });
	expect(result.killed).toEqual({ code: 143, out: "kept\n" });
	expect(result).toMatchObject({ replaced: 1, again: "kept\n" });
});

test.describe("our own programs", () => {
	needPrograms();

	test("are ended by a timeout in their own worker, whether they compute or sleep", async ({
		page,
	}) => {
		const result = await page.evaluate(async () => {
			const sandbox = await porthole.Sandbox.create({
				packages: ["/programs/spinning.wasm"],
				bridge: "preloaded",
			});
			let replaced = 0;
			sandbox.addEventListener("workerreplaced", () => {
				replaced += 1;
			});
			await sandbox.fs.writeFile("/tmp/notes", "kept");
			const run = async (args: readonly string[], timeout: number) => {
				const output = await sandbox.command("spinning", [...args], { timeout }).output();
				const { code, signal, reason, lost } = output;
				return { code, signal, reason, lost, out: output.text() };
			};
			const told = [await run([], 50), await run(["sleep"], 50)];
			const notes = await sandbox.fs.readTextFile("/tmp/notes");
			const { code, reason } = await sandbox
				.command("spinning", [], { limits: { time: 20 } })
				.output();
			await sandbox.close();
			return { told, notes, replaced, limit: { code, reason } };
		});
		const ended = { code: 143, signal: "SIGTERM", reason: "timeout", lost: undefined };
		expect(result).toEqual({
			told: [
				{ ...ended, out: "spinning\n" },
				{ ...ended, out: expect.any(String) },
			],
			notes: "kept",
			replaced: 0,
			limit: { code: 152, reason: "limit" },
		});
	});

	test("sleep for as long as they asked, and print meanwhile", async ({ page }) => {
		const result = await page.evaluate(async () => {
			const sandbox = await porthole.Sandbox.create({
				packages: ["/programs/streaming.wasm"],
				bridge: "preloaded",
			});
			const process = await sandbox.command("streaming").spawn();
			const next = lines(process.stdout);
			const times: number[] = [];
			for (let i = 0; i < 5; i++) {
				await next();
				times.push(performance.now());
			}
			await process.status;
			return times;
		});
		const gaps = result.slice(1).map((time, i) => time - (result[i] ?? 0));
		// It sleeps between its lines, and the page has each of them before the next.
		expect(gaps.filter((gap) => gap > 5).length).toBeGreaterThanOrEqual(2);
	});
});

test("a sync is EIO and named, and what was to be synced is written all the same", async ({
	page,
}) => {
	const result = await page.evaluate(async (options) => {
		const directory = new porthole.MemoryDirectory();
		const sandbox = await porthole.Sandbox.create({ ...options, mounts: { "/data": directory } });
		const warnings: string[] = [];
		sandbox.addEventListener("warning", ({ detail }) => warnings.push(detail.message));
		const code = [
			"import os",
			"f = open('/data/notes', 'w'); f.write('kept'); f.flush()",
			"try: os.fsync(f.fileno())",
			"except OSError as error: print(error.strerror)",
			"f.write(' and more')",
			"t = open('/tmp/there', 'w'); t.write('x'); t.flush(); os.fsync(t.fileno()); print('memory')",
		].join("\n");
		const ran = await py(sandbox, code);
		const bytes = await directory.read("/notes", 0, 100);
		return { ran, kept: text(bytes), warnings };
	}, PYTHON);
	expect(result.ran).toEqual({ code: 0, out: "I/O error\nmemory\n", err: "" });
	expect(result.kept).toBe("kept and more");
	expect(result.warnings).toHaveLength(1);
	expect(result.warnings[0]).toMatch(/fd_sync.*EIO.*JSPI/);
});

test.describe("what is printed", () => {
	needPrograms();

	test("is bounded, for nobody takes it meanwhile: then the program gets EIO, and the page is told", async ({
		page,
	}) => {
		test.setTimeout(120_000);
		const result = await page.evaluate(async () => {
			const sandbox = await porthole.Sandbox.create({
				packages: ["/programs/flooding.wasm"],
				bridge: "preloaded",
			});
			const warnings: string[] = [];
			sandbox.addEventListener("warning", ({ detail }) => warnings.push(detail.message));
			const run = async (mib: number) => {
				const process = await sandbox.command("flooding", [String(mib), "65536"]).spawn();
				let bytes = 0;
				for await (const chunk of process.stdout) bytes += chunk.length;
				return { bytes, code: (await process.status).code };
			};
			return { fits: await run(64), beyond: await run(300), warnings };
		});
		expect(result.fits).toEqual({ bytes: 64 * 1024 * 1024, code: 0 });
		expect(result.beyond).toEqual({ bytes: 256 * 1024 * 1024, code: 1 });
		expect(result.warnings).toHaveLength(1);
		expect(result.warnings[0]).toMatch(/fd_write.*standard output.*EIO/);
	});
});

/**
 * Guests in workers of their own, which sleep on shared memory: what is different there. That programs,
 * files and mounts are as they are elsewhere, the other tests show with this bridge too.
 */
import { existsSync, readFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { basename, join } from "node:path";
import { fileURLToPath } from "node:url";
import type * as Porthole from "../src/index.ts";
import { expect, needPrograms, test } from "./library.ts";

needPrograms();

test.beforeEach(async ({ page }) => {
	const isolated = await page.evaluate(() => crossOriginIsolated);
	test.skip(!isolated, "there is shared memory on isolated pages only");
});

test("python runs a script in a worker of its own", async ({ page }) => {
	const ran = await page.evaluate(async () => {
		const sandbox = await porthole.Sandbox.create({
			packages: ["/packages/python.webc"],
			bridge: "blocking",
		});
		const { bridge } = sandbox.environment;
		const first = await py(sandbox, "print(6 * 7); open('/tmp/x', 'w').write('kept')");
		const kept = await sandbox.fs.readTextFile("/tmp/x");
		await sandbox.close();
		return { bridge, first, kept };
	});
	expect(ran.first).toEqual({ code: 0, out: "42\n", err: "" });
	expect(ran.kept).toBe("kept");
	expect(ran.bridge).toBe("blocking");
});

test("a guest that computes for ever is ended alone", async ({ page }) => {
	const result = await page.evaluate(async () => {
		const sandbox = await porthole.Sandbox.create({
			packages: ["/programs/spinning.wasm", "/programs/echoing.wasm"],
			bridge: "blocking",
		});
		let replaced = 0;
		sandbox.addEventListener("workerreplaced", () => {
			replaced += 1;
		});
		await sandbox.fs.writeFile("/tmp/notes", "in memory only");
		const waiting = await sandbox.command("echoing").spawn();
		const spinning = await sandbox.command("spinning").spawn();
		await lines(spinning.stdout)();
		const from = performance.now();
		spinning.kill();
		const ended = await spinning.status;
		const took = performance.now() - from;
		const keys = waiting.stdin.getWriter();
		await keys.write(new TextEncoder().encode("still here\n"));
		await keys.close();
		const echo = await collect(waiting.stdout);
		return {
			code: ended.code,
			signal: ended.signal,
			lost: "lost" in ended,
			took,
			echo,
			alive: await waiting.status,
			notes: await sandbox.fs.readTextFile("/tmp/notes"),
			replaced,
		};
	});
	expect(result).toMatchObject({ code: 143, signal: "SIGTERM", lost: false, replaced: 0 });
	expect(result.echo).toContain("still here");
	expect(result.alive.success).toBe(true);
	expect(result.notes).toBe("in memory only");
	// Half a second is the guest's, the rest the machine's.
	expect(result.took).toBeLessThan(10_000);
});

test("guests run at the same time", async ({ page }) => {
	const result = await page.evaluate(async () => {
		const sandbox = await porthole.Sandbox.create({
			packages: ["/programs/spinning.wasm", "/programs/exiting.wasm"],
			bridge: "blocking",
		});
		// On one thread, neither would let the other in: they make no calls.
		const one = await sandbox.command("spinning").spawn();
		const other = await sandbox.command("spinning").spawn();
		const said = [await lines(one.stdout)(), await lines(other.stdout)()];
		const third = await sandbox.command("exiting", ["5"]).output();
		await sandbox.close();
		return { said, third: third.code, ended: [(await one.status).code, (await other.status).code] };
	});
	expect(result).toEqual({ said: ["spinning\n", "spinning\n"], third: 5, ended: [137, 137] });
});

test("python is typed at, and told to stop in the middle", async ({ page }) => {
	const result = await page.evaluate(async () => {
		const sandbox = await porthole.Sandbox.create({
			packages: ["/packages/python.webc"],
			bridge: "blocking",
		});
		const terminal = { columns: 80, rows: 24 };
		const process = await sandbox.command("python", ["-q"], { terminal }).spawn();
		const keys = process.stdin.getWriter();
		const type = (what: string) => keys.write(new TextEncoder().encode(what));
		const next = lines(process.stdout);
		const until = async (wanted: string) => {
			for (;;) {
				const line = await next();
				if (line === "" || line.includes(wanted)) return line;
			}
		};
		await type("print(6 * 7 * 100)\r");
		const answer = await until("4200\r");
		await type("while True: pass\r\r");
		await new Promise((resolve) => setTimeout(resolve, 300));
		await type("\x03");
		const status = await process.status;
		const again = await py(sandbox, "print('again')");
		return { answer, code: status.code, again: again.out };
	});
	expect(result.answer).toContain("4200");
	expect(result).toMatchObject({ code: 130, again: "again\n" });
});

test("a function of the page is called, fails, and can be left by a kill", async ({ page }) => {
	const result = await page.evaluate(async () => {
		const sandbox = await porthole.Sandbox.create({
			packages: ["/programs/visitor.wasm"],
			bridge: "blocking",
		});
		const run = (answer: (n: number) => unknown) =>
			sandbox.command("visitor", [], { imports: { elsewhere: { answer } } });
		const late = async (n: number) => {
			await new Promise((resolve) => setTimeout(resolve, 20));
			return n * 7;
		};
		const well = (await run(late).output()).text();
		const failed = await caught(
			run(() => {
				throw new Error("not today");
			}).output(),
		);
		const process = await run(() => new Promise(() => {})).spawn();
		await new Promise((resolve) => setTimeout(resolve, 200));
		process.kill("SIGKILL");
		return { well, failed, killed: (await process.status).code };
	});
	expect(result.well).toBe("42\n");
	expect(result.failed.code).toBe("import-failed");
	expect(result.failed.message).toContain("not today");
	expect(result.killed).toBe(137);
});

test("a flood through a slow reader loses nothing", async ({ page }) => {
	const result = await page.evaluate(async () => {
		const sandbox = await porthole.Sandbox.create({
			packages: ["/programs/flooding.wasm"],
			bridge: "blocking",
		});
		const process = await sandbox.command("flooding", ["6"]).spawn();
		// More than the window is printed before anybody reads.
		await new Promise((resolve) => setTimeout(resolve, 1000));
		const out = await collect(process.stdout);
		const wrong = out
			.split("\n")
			.findIndex((line, i) => line !== "" && Number(line.slice(0, 8)) !== i);
		return { wrong, bytes: out.length, code: (await process.status).code };
	});
	expect(result).toEqual({ wrong: -1, bytes: 6 * 1024 * 1024, code: 0 });
});

/** Serves what was built, at an origin of its own, to whoever asks. */
async function elsewhere(): Promise<{ readonly origin: string; readonly stop: () => void }> {
	const dist = fileURLToPath(new URL("../dist", import.meta.url));
	const server = createServer(({ url = "/" }, response) => {
		const file = join(dist, basename(new URL(url, "http://localhost").pathname));
		const found = existsSync(file) && file.endsWith(".js");
		response.writeHead(found ? 200 : 404, {
			"Content-Type": "text/javascript",
			"Access-Control-Allow-Origin": "*",
			"Cross-Origin-Resource-Policy": "cross-origin",
			"Cross-Origin-Embedder-Policy": "require-corp",
		});
		response.end(found ? readFileSync(file) : "");
	});
	await new Promise<void>((resolve) => server.listen(0, "localhost", resolve));
	const { port } = server.address() as AddressInfo;
	return { origin: `http://localhost:${port}`, stop: () => server.close() };
}

for (const from of ["inline", "another origin", "another origin, with the library"]) {
	test(`guests have workers where the kernel's script is from: ${from}`, async ({ page }) => {
		const other = await elsewhere();
		try {
			const printed = await page.evaluate(
				async ({ from, origin }) => {
					const addresses = new Map([
						["inline", "/dist/inline.js"],
						["another origin, with the library", `${origin}/index.js`],
					]);
					const address = addresses.get(from);
					const library: typeof Porthole = address ? await import(address) : porthole;
					const sandbox = await library.Sandbox.create({
						packages: ["/programs/echoing.wasm"],
						bridge: "blocking",
						...(!address && { workerUrl: `${origin}/guest.js` }),
					});
					// Two, for what started the first must still be there for the second.
					const outputs = [];
					for (const stdin of ["one\n", "two\n"]) {
						outputs.push((await sandbox.command("echoing", [], { stdin }).output()).text());
					}
					await sandbox.close();
					return outputs.map((output) => output.split("\n")[1]);
				},
				{ from, origin: other.origin },
			);
			expect(printed).toEqual(["1: one", "1: two"]);
		} finally {
			other.stop();
		}
	});
}

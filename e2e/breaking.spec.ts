/**
 * What breaks beneath a running program: its worker, the page's life, another guest of the worker.
 */
import type * as Porthole from "../src/index.ts";
import { inFirefox } from "./firefox.ts";
import { expect, needPrograms, fresh as test } from "./library.ts";

const PYTHON = { packages: ["/packages/python.webc"] };

test("a worker that fails: statuses reject, mounts keep, and the sandbox has another", async ({
	page,
}) => {
	const result = await page.evaluate(async (options) => {
		const workers: Worker[] = [];
		const Plain = Worker;
		globalThis.Worker = class extends Plain {
			constructor(...given: ConstructorParameters<typeof Plain>) {
				super(...given);
				workers.push(this);
			}
		};
		const home = new porthole.MemoryDirectory();
		const sandbox = await porthole.Sandbox.create({ ...options, mounts: { "/home": home } });
		const told: unknown[] = [];
		sandbox.addEventListener("workerreplaced", ({ detail }) => told.push(detail));
		await sandbox.fs.writeFile("/tmp/lost.txt", "lost");
		const code = [
			"open('/home/kept.txt', 'w').write('kept')",
			"print('ready', flush=True)",
			"input()",
		].join("\n");
		const process = await sandbox.command("python", ["-c", code]).spawn();
		await lines(process.stdout)();
		await sandbox.sync();
		// A message that makes no sense: the worker throws where nobody catches.
		workers[0]?.postMessage({ to: process.pid, kind: "stdin", chunk: null });
		const error = await caught(process.status);
		const stream = await caught(process.stderr.getReader().read());
		const again = await py(sandbox, "print(open('/home/kept.txt').read())");
		return {
			error,
			stream: stream.code,
			again,
			lost: await sandbox.fs.exists("/tmp/lost.txt"),
			told,
			workers: workers.length,
			left: sandbox.processes.length,
		};
	}, PYTHON);
	expect(result.error).toMatchObject({ porthole: true, code: "worker-failed" });
	expect(result.error.message).toContain("only in memory");
	expect(result).toMatchObject({
		stream: "worker-failed",
		again: { code: 0, out: "kept\n", err: "" },
		lost: false,
		told: [{ guilty: 0, ended: [1] }],
		workers: 2,
		left: 0,
	});
});

test("who shares the worker with a guest that must be ended is told what was lost", async ({
	page,
}) => {
	const result = await page.evaluate(async (options) => {
		const sandbox = await porthole.Sandbox.create({ ...options, interruptible: false });
		const spawn = async (code: string) => {
			const process = await sandbox.command("python", ["-c", code]).spawn();
			await lines(process.stdout)();
			return process;
		};
		const other = await spawn("print('ready', flush=True)\ninput()");
		const busy = await spawn("print('ready', flush=True)\nwhile True: pass");
		busy.kill("SIGINT");
		return [await busy.status, await other.status];
	}, PYTHON);
	expect(result).toEqual([
		{ success: false, code: 130, signal: "SIGINT", reason: "kill", lost: true },
		{ success: false, code: 137, signal: "SIGKILL", reason: "replaced", lost: true },
	]);
});

test.describe("a page that is frozen and thawed", () => {
	test.skip(inFirefox, "only Chromium can be told to freeze a page");
	needPrograms();

	test("goes on with guests that sleep and guests that wait for input", async ({
		page,
		context,
	}) => {
		await page.evaluate(async () => {
			const sandbox = await porthole.Sandbox.create({
				packages: ["/programs/sleeping.wasm", "/programs/echoing.wasm"],
			});
			const sleeper = await sandbox.command("sleeping", ["once", "1000"]).spawn();
			const reader = await sandbox.command("echoing").spawn();
			const line = lines(reader.stdout);
			await line();
			Object.assign(globalThis, { sleeper, reader, line });
		});
		const session = await context.newCDPSession(page);
		await session.send("Page.setWebLifecycleState", { state: "frozen" });
		await new Promise((resolve) => setTimeout(resolve, 2000));
		await session.send("Page.setWebLifecycleState", { state: "active" });
		const result = await page.evaluate(async () => {
			const { sleeper, reader, line } = globalThis as unknown as {
				sleeper: Awaited<ReturnType<Porthole.Command["spawn"]>>;
				reader: Awaited<ReturnType<Porthole.Command["spawn"]>>;
				line: () => Promise<string>;
			};
			const slept = await collect(sleeper.stdout);
			const writer = reader.stdin.getWriter();
			await writer.write(new TextEncoder().encode("still here\nquit\n"));
			const answer = await line();
			return { slept, answer, codes: [(await sleeper.status).code, (await reader.status).code] };
		});
		expect(result).toEqual({ slept: "awake\n", answer: "1: still here\n", codes: [0, 0] });
	});
});

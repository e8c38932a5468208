/**
 * What is closed is freed: the page keeps nothing of a sandbox, its packages and its worker.
 * PORTHOLE_SANDBOXES says how many sandboxes are made and closed.
 */
import { env } from "node:process";
import { expect, needPrograms, fresh as test } from "./library.ts";

needPrograms();

const SANDBOXES = Number(env.PORTHOLE_SANDBOXES ?? 5);
/** Bytes of the page's heap that each sandbox may leave, as the engine keeps some of its own. */
const LEFT = 4 * 1024;

declare global {
	var held: Map<string, WeakRef<object>[]>;
}

test("sandboxes that are closed are freed, and so is what they were given", async ({ page }) => {
	test.setTimeout(120_000 + SANDBOXES * 5_000);
	const session = await page.context().newCDPSession(page);
	const heap = async () => {
		await session.send("HeapProfiler.collectGarbage");
		return (await session.send("Runtime.getHeapUsage")).usedSize;
	};
	const use = (count: number) =>
		page.evaluate(async (sandboxes) => {
			globalThis.held = new Map();
			const hold = (what: string, object: object) => {
				held.set(what, [...(held.get(what) ?? []), new WeakRef(object)]);
			};
			for (let i = 0; i < sandboxes; i++) {
				const bytes = tiny({ code: 0 });
				const directory = new porthole.MemoryDirectory();
				const sandbox = await porthole.Sandbox.create({ mounts: { "/data": directory } });
				const loaded = await sandbox.load(bytes);
				await sandbox.command(loaded).output();
				const echo = async ({
					stdin,
					stdout,
				}: {
					stdin: ReadableStream;
					stdout: WritableStream;
				}) => {
					await stdout.getWriter().write(
						await stdin
							.getReader()
							.read()
							.then(({ value }) => value),
					);
					return 0;
				};
				const options = { mappedCommands: { echo }, stdin: "x\n" };
				await sandbox.command("echo", [], options).output();
				const terminal = { columns: 80, rows: 24 };
				await sandbox.command("echo", [], { ...options, terminal }).output();
				await sandbox.fs.writeFile("/data/file", new Uint8Array(1000));
				const answer = await sandbox.fs.readFile("/data/file");
				hold("sandbox", sandbox);
				hold("package", loaded);
				hold("bytes", bytes);
				hold("directory", directory);
				hold("answer", answer);
				await sandbox.close();
			}
		}, count);
	// What is loaded late, and what engines make once, is there after the first few.
	await use(3);
	const before = await heap();
	await use(SANDBOXES);
	const left = async () => {
		await session.send("HeapProfiler.collectGarbage");
		return page.evaluate(() =>
			[...held].map(([what, refs]) => `${what}: ${refs.filter((ref) => ref.deref()).length}`),
		);
	};
	await expect
		.poll(left, { timeout: 60_000 })
		.toEqual(["sandbox: 0", "package: 0", "bytes: 0", "directory: 0", "answer: 0"]);
	const after = await heap();
	test.info().annotations.push({ type: "heap", description: `${before} to ${after} bytes` });
	expect(after - before).toBeLessThan(SANDBOXES * LEFT + 1_000_000);
});

test("an open sandbox does not keep the answers that it has given", async ({ page }) => {
	await page.evaluate(async () => {
		const sandbox = await porthole.Sandbox.create({ files: { "/big": new Uint8Array(1 << 20) } });
		const refs: WeakRef<object>[] = [];
		for (let i = 0; i < 8; i++) refs.push(new WeakRef(await sandbox.fs.readFile("/big")));
		globalThis.held = new Map([["answers", refs]]);
		// The page goes on using it.
		Object.assign(globalThis, { sandbox });
	});
	const session = await page.context().newCDPSession(page);
	const left = async () => {
		await session.send("HeapProfiler.collectGarbage");
		return page.evaluate(() => held.get("answers")?.filter((ref) => ref.deref()).length);
	};
	await expect.poll(left, { timeout: 60_000 }).toBe(0);
});

/**
 * Functions of the page as imports of a program: what they may return, and that no program, and no
 * sandbox, depends on whether they answer.
 */
import { expect, needPrograms, test } from "./library.ts";

needPrograms();

test("what a function returns is converted, and what fits nothing is the page's failure", {
	tag: "@waits",
}, async ({ page }) => {
	test.setTimeout(120_000);
	const result = await page.evaluate(async () => {
		const sandbox = await porthole.Sandbox.create({ packages: ["/programs/caller.wasm"] });
		const returns: Record<string, () => unknown> = {
			number: () => 5,
			bigint: () => 5n,
			promise: async () => 9,
			boolean: () => true,
			huge: () => 2 ** 60,
			nothing: () => undefined,
			null: () => null,
			text: () => "12",
			object: () => ({}),
			symbol: () => Symbol("x"),
			function: () => () => 1,
			window: () => globalThis,
			hostile: () =>
				new Proxy(
					{},
					{
						get: () => {
							throw 1;
						},
					},
				),
			throws: () => {
				throw new Error("mine");
			},
			"throws null": () => {
				throw null;
			},
			"throws what has no text": () => {
				throw Object.create(null);
			},
			rejects: () => Promise.reject(new Error("later")),
		};
		const seen: Record<string, string[]> = {};
		for (const [name, f] of Object.entries(returns)) {
			const imports = { page: { narrow: f, wide: f, real: f, nothing: f } };
			const run = (which: string) =>
				sandbox
					.command("caller", [which], { imports })
					.output()
					.then(
						(output) => output.text().trim(),
						({ code, message }) => `${code}: ${message}`,
					);
			seen[name] = await Promise.all(["narrow", "wide", "real", "void"].map(run));
		}
		return { seen, left: sandbox.processes.length };
	});
	const { seen } = result;
	const failed = (name: string, words: string) =>
		expect.stringMatching(new RegExp(`^import-failed: .*page\\.${name} .*${words}`));
	expect(seen.number).toEqual([
		"narrow 5",
		failed("wide", "a number.*expects a bigint"),
		"real 5",
		"nothing",
	]);
	expect(seen.bigint).toEqual([
		failed("narrow", "a bigint.*expects a number"),
		"wide 5",
		failed("real", "a bigint.*expects a number"),
		"nothing",
	]);
	expect(seen.promise).toEqual([
		"narrow 9",
		failed("wide", "expects a bigint"),
		"real 9",
		"nothing",
	]);
	expect([seen.boolean?.[0], seen.boolean?.[3]]).toEqual(["narrow 1", "nothing"]);
	expect(seen.huge?.[0]).toBe("narrow 0");
	expect([seen.nothing?.[0], seen.nothing?.[3]]).toEqual(["narrow 0", "nothing"]);
	expect(seen.nothing?.[1]).toEqual(failed("wide", "returned nothing.*expects a bigint"));
	for (const name of ["null", "text", "object", "symbol", "function", "window"]) {
		const wrong = `returned .*expects a number`;
		// What a program expects nothing of may return anything.
		expect([name, seen[name]]).toEqual([
			name,
			[failed("narrow", wrong), failed("wide", wrong), failed("real", wrong), "nothing"],
		]);
	}
	for (const [name, why] of [
		["throws", "mine"],
		["throws null", "null"],
		["hostile", "1"],
		["throws what has no text", ""],
		["rejects", "later"],
	] as const) {
		const all = ["narrow", "wide", "real", "nothing"].map((of) => failed(of, `failed: .*${why}`));
		expect([name, seen[name]]).toEqual([name, all]);
	}
	expect(result.left).toBe(0);
});

test("a program that waits for a function that never answers is ended, and so is its sandbox", {
	tag: "@waits",
}, async ({ page }) => {
	const result = await page.evaluate(async () => {
		const never = () => new Promise(() => {});
		const imports = { page: { narrow: never, wide: never, real: never, nothing: never } };
		const statuses: string[] = [];
		const sandbox = await porthole.Sandbox.create({ packages: ["/programs/caller.wasm"] });
		const replaced: unknown[] = [];
		sandbox.addEventListener("workerreplaced", ({ detail }) => replaced.push(detail));
		for (const how of ["timeout", "abort", "SIGTERM", "SIGKILL"]) {
			const abort = new AbortController();
			const options = { imports, signal: abort.signal, ...(how === "timeout" && { timeout: 300 }) };
			const process = await sandbox.command("caller", ["wide"], options).spawn();
			await new Promise((resolve) => setTimeout(resolve, 200));
			if (how === "abort") abort.abort();
			else if (how !== "timeout") process.kill(how);
			const { code, reason } = await process.status;
			statuses.push(`${how}: ${code} ${reason}`);
		}
		const answer = (value: unknown) => ({ page: { ...imports.page, narrow: () => value } });
		const next = await sandbox.command("caller", ["narrow"], { imports: answer(3) }).output();
		const process = await sandbox.command("caller", ["narrow"], { imports }).spawn();
		await new Promise((resolve) => setTimeout(resolve, 200));
		await sandbox.close();
		const { code } = await process.status;
		return { statuses, next: next.text(), replaced, closed: code };
	});
	expect(result).toEqual({
		statuses: [
			"timeout: 143 timeout",
			"abort: 143 abort",
			"SIGTERM: 143 kill",
			"SIGKILL: 137 kill",
		],
		next: "narrow 3\n",
		replaced: [],
		closed: 137,
	});
});

test("a program whose function of the page fails leaves nothing behind", async ({ page }) => {
	const result = await page.evaluate(async () => {
		const sandbox = await porthole.Sandbox.create({ packages: ["/programs/caller.wasm"] });
		await sandbox.mount("/work", new porthole.MemoryDirectory({ "a.txt": "a" }));
		const fail = () => {
			throw new Error("no");
		};
		const imports = { page: { narrow: fail, wide: fail, real: fail, nothing: fail } };
		const mounts = { "/own": new porthole.MemoryDirectory() };
		const error = await caught(
			sandbox.command("caller", [], { imports, mounts, currentDir: "/work" }).output(),
		);
		// Were its working directory still open, this would be EBUSY.
		await sandbox.unmount("/work");
		return error;
	});
	expect(result).toMatchObject({ porthole: true, code: "import-failed" });
});

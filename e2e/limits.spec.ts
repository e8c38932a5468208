/**
 * Limits: what a program may use, one by one, for a process and for all of a sandbox.
 */
import type * as Porthole from "../src/index.ts";
import { expect, needPrograms, test } from "./library.ts";

needPrograms();

/** What can be posted of a command's options. */
type Options = Pick<Porthole.CommandOptions, "limits" | "interruptible">;

interface Run {
	readonly args: readonly string[];
	readonly options?: Options;
}

/** Runs a program again and again in one sandbox; what is told of each run. */
function using(runs: readonly Run[], options: Options = {}) {
	return {
		runs,
		options: { ...options, packages: ["/programs/using.wasm"] },
	};
}

/** In the page: the ends of these runs. */
async function ends(of: ReturnType<typeof using>) {
	const { runs, options } = of;
	const sandbox = await porthole.Sandbox.create(options);
	const told = [];
	for (const { args, options } of runs) {
		const process = await sandbox.command("using", [...args], options).spawn();
		const out = collect(process.stdout);
		const { code, reason, limit, success } = await process.status;
		told.push({ code, reason, limit, success, out: await out, usage: await process.usage() });
	}
	const left = sandbox.processes.length;
	await sandbox.close();
	return { told, left };
}

test("fuel ends a program at the same unit each time, and what it used is exact", {
	tag: "@waits",
}, async ({ page }) => {
	const rounds = (count: number, options: Options): Run => ({
		args: ["rounds", `${count}`],
		options,
	});
	const counted = { limits: { fuel: 1e9 } };
	const { told } = await page.evaluate(
		ends,
		using([
			rounds(3000, counted),
			rounds(3000, counted),
			rounds(30000, counted),
			rounds(1e9, { limits: { fuel: 10_000 } }),
			rounds(1e9, { limits: { fuel: 10_000 } }),
		]),
	);
	const [first, again, ten, short, shortAgain] = told;
	expect(first).toMatchObject({ code: 0, success: true });
	expect(first?.usage.fuel).toBeGreaterThan(1000);
	expect(again?.usage.fuel).toBe(first?.usage.fuel);
	expect(ten?.usage.fuel).toBeGreaterThan(10 * (first?.usage.fuel ?? 0));
	expect(short).toMatchObject({
		code: 152,
		success: false,
		reason: "limit",
		limit: "fuel",
		out: "",
	});
	expect(short?.usage.fuel).toBe(10_000);
	expect(shortAgain?.usage.fuel).toBe(10_000);
});

test("just enough fuel is enough, and one unit less is not", { tag: "@waits" }, async ({
	page,
}) => {
	const { told } = await page.evaluate(
		ends,
		using([{ args: ["rounds", "3000"], options: { limits: { fuel: 1e9 } } }]),
	);
	const fuel = told[0]?.usage.fuel ?? 0;
	const close = await page.evaluate(
		ends,
		using([
			{ args: ["rounds", "3000"], options: { limits: { fuel: fuel + 1 } } },
			{ args: ["rounds", "3000"], options: { limits: { fuel } } },
		]),
	);
	expect(close.told.map(({ code }) => code)).toEqual([0, 152]);
});

test("time counts processor time, and waiting is none", { tag: "@waits" }, async ({ page }) => {
	const seen = await page.evaluate(async () => {
		const sandbox = await porthole.Sandbox.create({
			packages: ["/programs/spinning.wasm", "/programs/sleeping.wasm"],
		});
		const spun = await sandbox.command("spinning", [], { limits: { time: 50 } }).spawn();
		const { code, limit } = await spun.status;
		const { time } = await spun.usage();
		const before = performance.now();
		const waits = await sandbox.command("spinning", ["sleep"], { limits: { time: 50 } }).spawn();
		await lines(waits.stdout)();
		await new Promise((resolve) => setTimeout(resolve, 200));
		const waited = await waits.usage();
		const elapsed = performance.now() - before;
		waits.kill();
		const { reason } = await waits.status;
		await sandbox.close();
		return { code, limit, enough: time >= 50, waited: waited.time < elapsed - 150, reason };
	});
	expect(seen).toEqual({ code: 152, limit: "time", enough: true, waited: true, reason: "kill" });
});

test("memory.grow fails beyond the limit, and a trap for want of memory names it", {
	tag: "@waits",
}, async ({ page }) => {
	const limits = { memory: 8 * 1024 * 1024 };
	const { told } = await page.evaluate(
		ends,
		using([
			{ args: ["memory"], options: { limits } },
			{ args: ["memory"], options: { limits, interruptible: false } },
			{ args: ["rounds", "10"], options: { limits } },
		]),
	);
	const ended = { code: 137, success: false, reason: "limit", limit: "memory" };
	expect(told[0]).toMatchObject(ended);
	expect(told[0]?.usage.memory).toBeLessThanOrEqual(limits.memory);
	expect(told[1]).toMatchObject(ended);
	expect(told[2]).toMatchObject({ code: 0 });
});

test("a limit of memory for all programs names the trap as well, and not one that has another reason", {
	tag: "@waits",
}, async ({ page }) => {
	const options = { limits: { memory: 8 * 1024 * 1024 } };
	const { told } = await page.evaluate(ends, using([{ args: ["memory"] }], options));
	expect(told[0]).toMatchObject({ code: 137, reason: "limit", limit: "memory" });
	const seen = await page.evaluate(async () => {
		const sandbox = await porthole.Sandbox.create({ packages: ["/programs/trapping.wasm"] });
		const limits = { memory: 65_536 * 4 };
		const { code, reason, trap } = await sandbox.command("trapping", [], { limits }).output();
		await sandbox.close();
		return { code, reason, trapped: trap !== undefined };
	});
	expect(seen).toEqual({ code: 134, reason: undefined, trapped: true });
});

test("files in memory and output are bounded, to the byte", { tag: "@waits" }, async ({ page }) => {
	const seen = await page.evaluate(
		ends,
		using([
			{ args: ["files", "64"], options: { limits: { files: 256 * 1024 } } },
			{ args: ["files", "1024"], options: { limits: { files: 256 * 1024 } } },
			{ args: ["files", "1024"], options: { limits: { files: 256 * 1024 }, interruptible: false } },
			{ args: ["print", "1000"], options: { limits: { output: 1005 } } },
			{ args: ["print", "1000"], options: { limits: { output: 1004 } } },
			{ args: ["print", "1000"], options: { limits: { output: 0 } } },
		]),
	);
	const [fits, tooMuch, unmetered, printed, cut, silent] = seen.told;
	expect(fits).toMatchObject({ code: 0, out: "done\n" });
	for (const run of [tooMuch, unmetered]) {
		expect(run).toMatchObject({ code: 137, reason: "limit", limit: "files", out: "" });
	}
	expect(printed).toMatchObject({ code: 0, out: `${".".repeat(1000)}done\n` });
	expect(cut).toMatchObject({ code: 137, limit: "output" });
	expect(cut?.out).toHaveLength(1004);
	expect(silent).toMatchObject({ code: 137, limit: "output", out: "" });
	expect(seen.left).toBe(0);
});

test("limits of a sandbox are for the sum of its programs", { tag: "@waits" }, async ({ page }) => {
	const { told } = await page.evaluate(
		ends,
		using([{ args: ["print", "600"] }, { args: ["print", "600"] }, { args: ["print", "600"] }], {
			limits: { output: 1300 },
		}),
	);
	expect(told.map(({ code, limit }) => [code, limit])).toEqual([
		[0, undefined],
		[0, undefined],
		[137, "output"],
	]);
	const fuel = await page.evaluate(
		ends,
		using([{ args: ["rounds", "3000"] }, { args: ["rounds", "1000000000"] }], {
			limits: { fuel: 100_000 },
		}),
	);
	expect(fuel.told.map(({ code, limit }) => [code, limit])).toEqual([
		[0, undefined],
		[152, "fuel"],
	]);
	expect((fuel.told[0]?.usage.fuel ?? 0) + (fuel.told[1]?.usage.fuel ?? 0)).toBe(100_000);
});

test("usage tells of a program that runs, and in the end what it used in all", {
	tag: "@waits",
}, async ({ page }) => {
	const seen = await page.evaluate(async () => {
		const sandbox = await porthole.Sandbox.create({ packages: ["/programs/spinning.wasm"] });
		const process = await sandbox.command("spinning").spawn();
		await lines(process.stdout)();
		const first = await process.usage();
		await until(async () => (await process.usage()).fuel > first.fuel);
		const running = await process.usage();
		process.kill();
		await process.status;
		const over = await process.usage();
		await sandbox.close();
		return { running, grew: over.fuel >= running.fuel && over.time >= running.time, over };
	});
	expect(seen.grew).toBe(true);
	expect(seen.running.memory).toBeGreaterThan(65_536);
	expect(seen.running.files).toBeGreaterThan(3);
	expect(seen.over.written).toBe("spinning\n".length);
});

test("limits that cannot hold are refused before the start", { tag: "@waits" }, async ({
	page,
}) => {
	const seen = await page.evaluate(async () => {
		const sandbox = await porthole.Sandbox.create({ packages: ["/programs/spinning.wasm"] });
		const run = (options: object) => caught(sandbox.command("spinning", [], options).output());
		const module = await WebAssembly.compile(tiny());
		const told = [
			await run({ limits: { fuel: 1 }, interruptible: false }),
			await run({ limits: { time: 1 }, interruptible: false }),
			await caught(
				sandbox
					.command("mine", [], { limits: { time: 1 }, mappedCommands: { mine: module } })
					.output(),
			),
			await caught(
				sandbox
					.command("mine", [], { limits: { memory: 1 }, mappedCommands: { mine: module } })
					.output(),
			),
			await thrown(() => sandbox.command("spinning", [], { limits: { fuel: -1 } })),
			await thrown(() => sandbox.command("spinning", [], { limits: { fule: 1 } } as object)),
			await thrown(() => sandbox.command("spinning", [], { interruptible: 1 } as object)),
		];
		await sandbox.close();
		return told.map(({ code, message }) => `${code}: ${message}`);
	});
	expect(seen[0]).toContain("not-supported: limits.fuel needs a program that is interruptible");
	expect(seen[1]).toContain("not-supported: limits.time");
	expect(seen[2]).toContain("not-supported: limits.time");
	expect(seen[3]).toContain("not-supported: limits.memory cannot hold for mine");
	expect(seen[4]).toBe("invalid-option: fuel is not 0 or more");
	expect(seen[5]).toContain("fuel");
	expect(seen[6]).toBe('invalid-option: interruptible is not true, false or "auto"');
});

/**
 * Programs that sleep: how well they keep time, that sleeping costs nothing, and how many of them one
 * sandbox holds.
 */
import type * as Porthole from "../src/index.ts";
import { inFirefox } from "./firefox.ts";
import { expect, needPrograms, test } from "./library.ts";

needPrograms();

const SLEEPING = { packages: ["/programs/sleeping.wasm"] };

for (const how of ["relative", "absolute", "mixed"]) {
	test(`a sleep ends when it should, and not by looking at the clock: ${how}`, async ({ page }) => {
		const numbers = await page.evaluate(
			async ({ options, how }) => {
				const sandbox = await porthole.Sandbox.create(options);
				const process = await sandbox.command("sleeping", [how, "50", "21"]).spawn();
				// Its input stays open, and empty.
				const printed = await collect(process.stdout);
				return printed.trim().split("\n").map(Number);
			},
			{ options: SLEEPING, how },
		);
		const late = numbers.slice(0, 50).sort((a, b) => a - b);
		const busy = numbers[50] ?? Number.NaN;
		expect(numbers).toHaveLength(51);
		expect(late[0]).toBeGreaterThanOrEqual(0);
		// On a quiet machine it is 2 ms at most; a busy one gets some more.
		expect(late[25]).toBeLessThan(10_000);
		// A loop around the clock would have taken a second.
		expect(busy).toBeLessThan(300_000);
	});
}

for (const count of [100, 500]) {
	test(`${count} processes sleep side by side, and all end well`, async ({ page }) => {
		test.skip(
			count > 100 && !inFirefox,
			"Chromium sets aside 8 GB of addresses for each memory, and has room for 124 of them",
		);
		test.setTimeout(180_000);
		const result = await page.evaluate(
			async ({ options, count }) => {
				const sandbox = await porthole.Sandbox.create(options);
				const start = performance.now();
				// Long enough for the last to begin before the first wakes, also on a busy machine.
				const length = String(1000 + count * 50);
				const started = await Promise.all(
					Array.from({ length: count }, () =>
						sandbox.command("sleeping", ["once", length]).spawn(),
					),
				);
				const spawned = performance.now() - start;
				const most = sandbox.processes.length;
				const outputs = await Promise.all(started.map(({ stdout }) => collect(stdout)));
				const statuses = await Promise.all(started.map(({ status }) => status));
				return {
					spawned,
					took: performance.now() - start,
					most,
					awake: outputs.filter((printed) => printed === "awake\n").length,
					well: statuses.filter(({ success }) => success).length,
					left: sandbox.processes.length,
				};
			},
			{ options: SLEEPING, count },
		);
		test.info().annotations.push({
			type: "measured",
			description: `started in ${Math.round(result.spawned)} ms, over in ${Math.round(result.took)} ms`,
		});
		expect(result).toMatchObject({ most: count, awake: count, well: count, left: 0 });
		// One after the other they would take hours.
		expect(result.took).toBeLessThan(120_000);
	});
}

test("where the browser has no room for another, it is refused, and the others go on", async ({
	page,
}) => {
	test.setTimeout(180_000);
	const result = await page.evaluate(async (options) => {
		const sandbox = await porthole.Sandbox.create(options);
		const command = sandbox.command("sleeping", ["once", "600000"]);
		const started: Porthole.Process[] = [];
		const fill = async () => {
			// Firefox has room for a thousand.
			for (let i = 0; i < 1100; i++) started.push(await command.spawn());
		};
		const error = await caught(fill());
		const most = started.length;
		for (const process of started) process.kill();
		const endings = await Promise.all(started.map(({ status }) => status));
		const again = () => sandbox.command("sleeping", ["once", "1"]).output();
		let last = await again().catch(() => null);
		// Firefox gives memory back when it collects.
		for (let i = 0; i < 100 && last === null; i++) {
			await new Promise((resolve) => setTimeout(resolve, 200));
			last = await again().catch(() => null);
		}
		const code = last?.code;
		return { error, most, signals: endings.filter(({ signal }) => signal).length, code };
	}, SLEEPING);
	expect(result.error).toMatchObject({ porthole: true, code: "out-of-memory" });
	expect(result.error.message).toContain("about a hundred");
	expect(result.most).toBeGreaterThanOrEqual(100);
	expect(result).toMatchObject({ signals: result.most, code: 0 });
});

test("what a process had is free again: many run one after the other", async ({ page }) => {
	const ended = await page.evaluate(async (options) => {
		const sandbox = await porthole.Sandbox.create(options);
		let well = 0;
		for (let i = 0; i < 300; i++) {
			const { success } = await sandbox.command("sleeping", ["once", "0"]).output();
			if (success) well += 1;
		}
		return well;
	}, SLEEPING);
	expect(ended).toBe(300);
});

test("sleepers are killed one by one, and the others sleep on", async ({ page }) => {
	const result = await page.evaluate(async (options) => {
		const sandbox = await porthole.Sandbox.create(options);
		const spawn = () => sandbox.command("sleeping", ["once", "1500"]).spawn();
		const started = await Promise.all(Array.from({ length: 20 }, spawn));
		for (const process of started) if (process.pid % 2 === 0) process.kill();
		const statuses = await Promise.all(started.map(({ status }) => status));
		return statuses.map(({ code, reason }, index) =>
			(started[index]?.pid ?? 0) % 2 === 0 ? `${code} ${reason}` : code,
		);
	}, SLEEPING);
	expect(result.filter((ending) => ending === 0)).toHaveLength(10);
	expect(result.filter((ending) => ending === "143 kill")).toHaveLength(10);
});

test("more processes than a browser bears are refused, and the sandbox goes on", async ({
	page,
}) => {
	const result = await page.evaluate(async () => {
		const sandbox = await porthole.Sandbox.create({ packages: [tiny({ code: 3 })] });
		// Functions of the page are processes too, and cost less than guests.
		const wait = ({ signal }: { signal: AbortSignal }) =>
			new Promise<number>((resolve) => signal.addEventListener("abort", () => resolve(0)));
		const command = sandbox.command("wait", [], { mappedCommands: { wait } });
		for (let i = 0; i < 4000; i++) await command.spawn();
		const error = await caught(sandbox.command("main").output());
		const first = sandbox.processes[0];
		first?.kill();
		await first?.status;
		const { code } = await sandbox.command("main").output();
		await sandbox.close();
		return { error, code };
	});
	expect(result.error).toMatchObject({ porthole: true, code: "too-many-processes" });
	expect(result.error.message).toContain("4000");
	expect(result.code).toBe(3);
});

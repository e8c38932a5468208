/**
 * The bench of waiting, `npm run bench -- waiting`: how late a sleep ends, and how long a key takes to
 * the program and its answer back to the page.
 *
 * Below ours are a worker that sleeps on shared memory or by a timer, and one that answers messages.
 * The contestants take turns within a round; ratios are taken within one, and the median of the
 * rounds counts. What is short of a millisecond is in microseconds, and half of the times are shorter
 * than what is told, or nineteen of twenty.
 */
import { chromium, type Page } from "@playwright/test";
import { browserArguments, requireBrowser } from "../scripts/browser.mjs";
import { median } from "./table.ts";
import type { Waiter, WaitTask } from "./waiting-job.ts";

interface WaitRow {
	readonly name: string;
	readonly task: WaitTask;
	readonly others: readonly Exclude<Waiter, "ours">[];
	/** Microseconds that ours may take at most: at the median, beyond the first of the others. */
	readonly most: number;
}

const ROUNDS = 3;

const sleepRow = (ms: number, count: number): WaitRow => ({
	name: `sleep of ${ms} ms, late by`,
	task: { task: "sleep", ms, count },
	others: ["atomics", "timer"],
	most: 2000,
});

const keyRow = (name: string, timers: number): WaitRow => ({
	name,
	task: { task: "keys", timers, count: 150 },
	others: ["message"],
	most: 1000,
});

const rows: readonly WaitRow[] = [
	sleepRow(1, 200),
	sleepRow(5, 100),
	sleepRow(20, 50),
	sleepRow(100, 15),
	keyRow("a key and its answer", 0),
	keyRow("… while 1,000 timers are underway", 1000),
];

/** Prints a table of microseconds. */
export async function benchWaiting(url: string): Promise<void> {
	const browser = await chromium.launch({
		executablePath: requireBrowser().path,
		args: browserArguments(),
	});
	try {
		const page = await browser.newPage();
		page.on("pageerror", (error) => console.log(`  ${error.message}`));
		await page.goto(`${url}waiting`);
		await page.waitForFunction(() => "waitingBench" in globalThis);
		const lines = [
			"| waiting | ours, half and 95 % | others | beyond the first | target | |",
			"| --- | ---: | --- | ---: | ---: | ---: |",
		];
		for (const row of rows) lines.push(await measure(page, row));
		console.log(`\n${lines.join("\n")}\n`);
	} finally {
		await browser.close();
	}
}

interface Times {
	readonly half: number;
	readonly most: number;
	readonly least: number;
}

async function measure(page: Page, row: WaitRow): Promise<string> {
	const times = new Map<Waiter, Times[]>();
	for (let round = 0; round < ROUNDS; round++) {
		for (const who of ["ours", ...row.others] as const) {
			const found = timesOf(await run(page, who, row.task));
			times.set(who, [...(times.get(who) ?? []), found]);
			console.log(`${row.name} ${round + 1}: ${who.padEnd(7)} ${shown(found)}`);
		}
	}
	const ours = times.get("ours") ?? [];
	const first = times.get(row.others[0] ?? "atomics") ?? [];
	const beyond = median(ours.map(({ half }, round) => half - (first[round]?.half ?? Number.NaN)));
	const early = Math.min(...ours.map(({ least }) => least)) < 0;
	return [
		`| ${row.name}`,
		shown(medianOf(ours)),
		row.others.map((who) => `${who} ${shown(medianOf(times.get(who) ?? []))}`).join("; "),
		`${beyond.toFixed(0)} µs`,
		`≤ ${row.most} µs`,
		`${early ? "early" : beyond <= row.most ? "" : "missed"} |`,
	].join(" | ");
}

function run(page: Page, who: Waiter, task: WaitTask): Promise<number[]> {
	return page.evaluate(([who, task]) => globalThis.waitingBench.run(who, task), [
		who,
		task,
	] as const);
}

function timesOf(list: readonly number[]): Times {
	const sorted = [...list].sort((a, b) => a - b);
	const at = (share: number) => sorted[Math.floor(share * (sorted.length - 1))] ?? Number.NaN;
	return { half: at(0.5), most: at(0.95), least: at(0) };
}

function medianOf(rounds: readonly Times[]): Times {
	return {
		half: median(rounds.map(({ half }) => half)),
		most: median(rounds.map(({ most }) => most)),
		least: median(rounds.map(({ least }) => least)),
	};
}

function shown({ half, most }: Times): string {
	return `${half.toFixed(0)}, ${most.toFixed(0)} µs`;
}

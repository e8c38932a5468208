/**
 * The mounts' bench, `npm run bench -- mounts`: directories that last against what else there is.
 *
 * Contestants take turns within a round, as in the other groups, and each ratio is taken within one.
 * The profile of the browser is a new one on the disk: what is durable must really be written.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { chromium, type Page } from "@playwright/test";
import { browserArguments, requireBrowser } from "../scripts/browser.mjs";
import type { MountContestant, MountJob } from "./mount-job.ts";
import { median } from "./table.ts";

interface MountRow {
	/** What one calls it to have it measured alone. */
	readonly word: string;
	readonly name: string;
	readonly job: MountJob;
	/** The first is who ours is compared with. */
	readonly others: readonly MountContestant[];
	/** What ours may take at most, as a multiple of the first's time. */
	readonly most: number;
	/** A contestant that would take minutes is given less to do, and its time is multiplied. */
	readonly share?: Partial<Record<MountContestant, number>>;
}

const ROUNDS = 3;

const rows: readonly MountRow[] = [
	{
		word: "sequential",
		name: "64 MiB in pieces of 64 KiB, synced (IndexedDB)",
		job: { task: "sequential", store: "IndexedDB", count: 64 },
		others: ["raw", "whole-tree", "zenfs"],
		most: 1 / 0.7,
		share: { zenfs: 1 / 64 },
	},
	{
		word: "files",
		name: "10,000 files of 100 B, synced (IndexedDB)",
		job: { task: "files", store: "IndexedDB", count: 10_000 },
		others: ["raw", "whole-tree", "zenfs"],
		most: 1,
		share: { zenfs: 1 / 100 },
	},
	{
		word: "transactions",
		name: "SQLite, 1,000 transactions (IndexedDB)",
		job: { task: "transactions", store: "IndexedDB", count: 1000 },
		others: ["zenfs", "zenfs-strict", "raw", "whole-tree"],
		most: 1 / 5,
		share: { zenfs: 1 / 10, "zenfs-strict": 1 / 10, "whole-tree": 1 / 10 },
	},
	{
		word: "transactions-opfs",
		name: "SQLite, 1,000 transactions (OPFS)",
		job: { task: "transactions", store: "OPFS", count: 1000 },
		others: ["zenfs"],
		most: 1 / 5,
		share: { zenfs: 1 / 10 },
	},
];

/** The words for its rows. */
export const mountWords: readonly string[] = [...rows.map(({ word }) => word), "warm"];

/** Prints a table of milliseconds and ratios, of all rows or of those with these words. */
export async function benchMounts(url: string, words: readonly string[]): Promise<void> {
	const wanted = (word: string) => words.length === 0 || words.includes(word);
	const profile = mkdtempSync(join(tmpdir(), "porthole-bench-"));
	const context = await chromium.launchPersistentContext(profile, {
		executablePath: requireBrowser().path,
		args: browserArguments(),
	});
	try {
		const page = await context.newPage();
		page.on("pageerror", (error) => console.log(`  ${error.message}`));
		await page.goto(`${url}mounts`);
		await page.waitForFunction(() => "mountBench" in globalThis);
		const lines = [
			"| work | ours | others | ratio | target | |",
			"| --- | ---: | --- | ---: | ---: | ---: |",
		];
		for (const row of rows) if (wanted(row.word)) lines.push(await measure(page, row));
		if (wanted("warm")) lines.push(await measureWarm(page));
		console.log(`\n${lines.join("\n")}\n`);
	} finally {
		await context.close();
		rmSync(profile, { recursive: true, force: true });
	}
}

async function measure(page: Page, row: MountRow): Promise<string> {
	const times = new Map<MountContestant, number[]>();
	for (let round = 0; round < ROUNDS; round++) {
		for (const who of ["ours", ...row.others] as const) {
			const share = row.share?.[who] ?? 1;
			const job = { ...row.job, count: Math.ceil(row.job.count * share) };
			const [ms = Number.NaN] = await run(page, who, job);
			const whole = ms * (row.job.count / job.count);
			times.set(who, [...(times.get(who) ?? []), whole]);
			console.log(
				`${row.name} ${round + 1}: ${who} ${whole.toFixed(0)} ms${share < 1 ? " (extrapolated)" : ""}`,
			);
		}
	}
	const [first = "raw"] = row.others;
	const ours = times.get("ours") ?? [];
	const ratio = median(ours.map((ms, round) => ms / (times.get(first)?.[round] ?? Number.NaN)));
	const shown = row.others.map((who) => `${who} ${median(times.get(who) ?? []).toFixed(0)} ms`);
	return [
		`| ${row.name}`,
		`${median(ours).toFixed(0)} ms`,
		shown.join(", "),
		ratio.toFixed(2),
		`≤ ${row.most.toFixed(2)} × ${first}`,
		`${ratio <= row.most ? "" : "missed"} |`,
	].join(" | ");
}

async function measureWarm(page: Page): Promise<string> {
	const job: MountJob = { task: "warm", store: "IndexedDB", count: 200_000 };
	const rounds: number[][] = [];
	for (let round = 0; round < ROUNDS; round++) rounds.push(await run(page, "ours", job));
	const ratio = median(rounds.map(([mount = Number.NaN, memory = Number.NaN]) => mount / memory));
	const [mount, memory] = [0, 1].map((i) => median(rounds.map((times) => times[i] ?? Number.NaN)));
	return [
		"| warm read of 4 KiB",
		`${mount?.toFixed(0)} ns`,
		`memory ${memory?.toFixed(0)} ns`,
		ratio.toFixed(2),
		"≤ 1.10 × memory",
		`${ratio <= 1.1 ? "" : "missed"} |`,
	].join(" | ");
}

function run(page: Page, who: MountContestant, job: MountJob): Promise<number[]> {
	return page.evaluate(([who, job]) => globalThis.mountBench.run(who, job), [who, job] as const);
}

/**
 * `npm run bench`: ours against the npm peers and against a floor, in a headless Chromium.
 *
 *     npm run bench               all rows: a table of ratios, and .cache/bench/results.json
 *     npm run bench -- naming     one group of rows, or several
 *     npm run bench -- link       packages over 20 Mbit/s and 40 ms, only when it is named
 *     npm run bench -- mounts     directories that last, against the stores themselves and two peers;
 *                                 a row alone by its word, such as `files` (mounts.ts)
 *     npm run bench -- waiting    how late sleeps end, and what a key takes to the program and back
 *     npm run bench -- interrupt  programs that can be stopped while they compute: what that costs, and how
 *                                 soon they are stopped, in Chromium and Firefox; only when it is named
 *     npm run bench -- --check    the garbage of the hot paths in Node; fails where a rule is broken
 *
 * Each run of a program has a worker of its own. The contestants take turns within a round, and the
 * ratio to the floor is taken within it, so that a machine that slows down slows both. Of the rounds
 * the median counts.
 */
import { spawnSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { argv, execPath, exit } from "node:process";
import { fileURLToPath } from "node:url";
import { BenchBrowser, type Memory } from "./browser.ts";
import { benchInterrupt } from "./interrupt.ts";
import type { Contestant, Outcome } from "./job.ts";
import { benchLink } from "./link.ts";
import { benchMounts, mountWords } from "./mounts.ts";
import { compilePrograms, MODULES } from "./programs.ts";
import { type Group, groups } from "./rows.ts";
import { build, serve } from "./server.ts";
import { type Measured, type Samples, tabulate } from "./table.ts";
import { benchWaiting } from "./waiting.ts";

/** In the order of the table. */
const CONTESTANTS: readonly Contestant[] = ["plain", "floor", "ours", "shim", "runno", "wasm-util"];
const USUAL = CONTESTANTS.filter((who) => who !== "plain");
/** Milliseconds after which a run is given up. */
const PATIENCE = 10_000;
/** A contestant that takes this long is not asked twice. */
const SLOW = 3_000;
/** Bytes that a call with a path cannot do without. */
const SOME = 50;
/** So few calls that nothing is collected before it is counted. */
const FEW = 200_000;

const wanted = argv.slice(2).filter((word) => !word.startsWith("-"));
if (argv.includes("--check")) exit(checkGarbage());
const others = ["link", "mounts", "waiting", "interrupt", ...mountWords];
const names = [...groups.map((group) => group.name), ...others];
const unknown = wanted.filter((name) => !names.includes(name));
if (unknown.length > 0) {
	console.error(`bench: no ${unknown}; there are ${names.join(", ")}`);
	exit(1);
}
exit(await main().catch(failed));

async function main(): Promise<number> {
	compilePrograms();
	await build();
	const server = await serve();
	const measured: Measured[] = [];
	try {
		for (const group of groups) {
			if (wanted.length > 0 && !wanted.includes(group.name)) continue;
			const samples = await measure(group, server.url);
			measured.push(...group.rows.map((row) => ({ row, samples: samples.get(row.value) })));
		}
		if (wanted.includes("link")) await benchLink();
		const mountRows = wanted.filter((word) => mountWords.includes(word));
		if (wanted.length === 0 || wanted.includes("mounts")) await benchMounts(server.url, []);
		else if (mountRows.length > 0) await benchMounts(server.url, mountRows);
		if (wanted.length === 0 || wanted.includes("waiting")) await benchWaiting(server.url);
		if (wanted.includes("interrupt")) await benchInterrupt(server.url);
	} finally {
		server.close();
	}
	if (measured.length === 0) return 0;
	const { markdown, rows } = tabulate(measured, USUAL);
	const results = join(MODULES, "results.json");
	writeFileSync(results, `${JSON.stringify(rows, null, "\t")}\n`);
	console.log(`\n${markdown}\n`);
	return 0;
}

/** The samples of a group: row → contestant → one value per round. */
async function measure(group: Group, url: string): Promise<Map<string, Samples>> {
	const samples = new Map<string, Samples>(group.rows.map((row) => [row.value, new Map()]));
	const out = new Set<Contestant>();
	const start = () => BenchBrowser.start(url, group.measure === "garbage");
	let browser = await start();
	try {
		for (let round = 0; round < group.rounds; round++) {
			for (const who of group.contestants ?? USUAL) {
				if (out.has(who)) continue;
				if (group.measure === "memory") {
					await browser.close();
					browser = await start();
				}
				const result = await once(browser, group, who);
				if (typeof result === "string") {
					console.log(`${group.name}: ${who} ${result}`);
					out.add(who);
					await browser.close();
					browser = await start();
					continue;
				}
				if (result.ms > SLOW && who !== "ours" && who !== "floor") out.add(who);
				record(samples, who, round, result.values);
				const line = [...result.values].map(([name, value]) => `${name} ${value.toPrecision(4)}`);
				console.log(`${group.name} ${round + 1}: ${who.padEnd(9)} ${line.join("  ")}`);
			}
		}
	} finally {
		await browser.close();
	}
	return samples;
}

interface Result {
	readonly values: Map<string, number>;
	readonly ms: number;
}

/** One run; a string says why it yielded nothing. */
async function once(
	browser: BenchBrowser,
	group: Group,
	who: Contestant,
): Promise<Result | string> {
	try {
		if (group.measure === "garbage") return await garbage(browser, group);
		const before = group.measure === "memory" ? await browser.memory() : null;
		const outcome = await browser.run(who, group.job, PATIENCE);
		if (outcome.code !== 0) return `exits with ${outcome.code}: ${firstLine(outcome.text)}`;
		const values = valuesOf(group, outcome);
		if (before !== null) values.set("peak", growth(before, await browser.memory()) / 1e6);
		const missing = group.rows.find((row) => !values.has(row.value));
		if (missing) return `does not print ${missing.value}: ${firstLine(outcome.text)}`;
		return { values, ms: outcome.ms };
	} catch (error) {
		return `fails: ${firstLine(error instanceof Error ? error.message : String(error))}`;
	}
}

/** How far the process that grew most went beyond what it held. */
function growth(before: Memory, after: Memory): number {
	return Math.max(...[...after].map(([id, { peak }]) => peak - (before.get(id)?.now ?? 0)));
}

async function garbage(browser: BenchBrowser, { job, rows }: Group): Promise<Result | string> {
	const start = performance.now();
	const control = await browser.garbage(job.program, "path", FEW);
	if (control < SOME) return `sees only ${control} bytes of garbage where there is more`;
	const values = new Map<string, number>();
	for (const { value } of rows) values.set(value, await browser.garbage(job.program, value));
	return { values, ms: performance.now() - start };
}

function firstLine(text: string): string {
	return text.trim().split("\n")[0] ?? "";
}

function valuesOf(group: Group, outcome: Outcome): Map<string, number> {
	if (group.measure === "host") {
		return new Map([
			["ms", outcome.ms],
			["rate", outcome.carried / outcome.ms / 1e6],
		]);
	}
	const lines = outcome.text.trim().split("\n");
	return new Map(
		lines.map((line) => {
			const [name = "", value = ""] = line.split(" ");
			return [name, Number(value)];
		}),
	);
}

function record(
	samples: Map<string, Samples>,
	who: Contestant,
	round: number,
	values: ReadonlyMap<string, number>,
): void {
	for (const [name, into] of samples) {
		const list = into.get(who) ?? [];
		const value = values.get(name);
		if (value !== undefined) list[round] = value;
		into.set(who, list);
	}
}

function checkGarbage(): number {
	const flags = ["--expose-gc", "--min-semi-space-size=256", "--max-semi-space-size=256"];
	const script = fileURLToPath(new URL("garbage.ts", import.meta.url));
	const { status } = spawnSync(execPath, [...flags, "--import", "tsx", script], {
		stdio: "inherit",
	});
	return status ?? 1;
}

function failed(error: unknown): number {
	console.error(`bench: ${error instanceof Error ? error.message : error}`);
	return 1;
}

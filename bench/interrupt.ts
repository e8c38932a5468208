/**
 * The bench of interruption, `npm run bench -- interrupt`: what it costs that a program can be stopped while it
 * computes, and how soon it is, in Chromium and in Firefox.
 *
 * The variants of a program take turns within a round, in one worker; ratios are taken within a round, and the
 * median counts. Times of programs are the processor time of their worker's thread where the system tells it. The
 * first row compares a program with itself: what differs from 1.00 there is noise.
 */
import { loadavg } from "node:os";
import { chromium } from "@playwright/test";
import { launch } from "puppeteer-core";
import { browserArguments, FIREFOX, requireBrowser } from "../scripts/browser.mjs";
import type { Computed, Computing, Starting, Variant } from "./interrupt-job.ts";
import { median } from "./table.ts";
import { workerTime } from "./worker-time.ts";

const ROUNDS = 5;
const WARM = 2;
const STARTS = 5;
const KILLS = 40;

const nbody: Computing = { name: "nbody", program: "/computing.wasm", args: ["nbody", "6000000"] };
const sha256: Computing = {
	name: "sha256",
	program: "/computing.wasm",
	args: ["sha256", "600000"],
};
const sqlite: Computing = {
	name: "SQLite",
	program: "/sqlite.webc",
	args: [
		":memory:",
		"pragma temp_store = memory; create table t(a integer primary key, b text); with recursive n(i) as (select 1 union all select i + 1 from n " +
			"where i < 120000) insert into t select i, hex(i * 7919 % 65536) from n; create index x on t(b); " +
			"select count(*), sum(length(b)) from (select b from t order by b desc, a); select count(*) from t x join t y on x.a = y.a + 1;",
	],
};
const python: Computing = { name: "Python", program: "/python.webc", args: ["-c", "print(1)"] };
/** Python as a bare module, without its library, which says its version and ends. */
const bare: Computing = {
	name: "Python, bare",
	program: "/python-3.11.3.wasm",
	args: ["--version"],
};

const programs: readonly Computing[] = [
	{
		name: "QuickJS",
		program: "/quickjs.webc",
		args: ["/job.js"],
		files: {
			"/job.js":
				"let list = []; for (let i = 0; i < 60000; i++) list.push({ key: (i * 7919) % 65537, text: 'n' + i });" +
				"list.sort((a, b) => a.key - b.key); let sum = 0; for (let i = 0; i < 1e6; i++) sum = (sum * 31 + i) | 0;" +
				"print(sum, list[5].text);",
		},
	},
	sqlite,
	{
		name: "Python",
		program: "/python.webc",
		args: [
			"-c",
			"def fib(n): return n if n < 2 else fib(n - 1) + fib(n - 2)\n" +
				"d = {}\nfor i in range(600000): d[i % 1000] = d.get(i % 1000, 0) + i * 3 % 7\nprint(fib(23), sum(d.values()))",
		],
	},
	{
		name: "PHP",
		program: "/php.webc",
		args: ["/job.php"],
		files: {
			"/job.php":
				"<?php $a = []; for ($i = 0; $i < 300000; $i++) $a[] = ($i * 7919) % 65537; sort($a); $s = 0;" +
				"foreach ($a as $k => $v) $s = ($s * 31 + $v) % 1000003; for ($i = 0; $i < 60000; $i++) $s += strlen(md5((string) $i));" +
				"echo $s, PHP_EOL;",
		},
	},
	nbody,
	sha256,
];

/** What the bench needs of a page, whichever library drives it. */
interface BenchPage {
	evaluate<A, R>(what: (argument: A) => Promise<R>, argument: A): Promise<R>;
}

interface Target {
	readonly name: string;
	/** How much slower programs may be on average. */
	readonly most: number;
	open(url: string): Promise<{ page: BenchPage; close: () => Promise<void> }>;
}

const targets: readonly Target[] = [
	{ name: "Chromium", most: 1.04, open: openChromium },
	{ name: "Firefox", most: 1.06, open: openFirefox },
];

async function openChromium(url: string) {
	const executablePath = requireBrowser().path;
	const browser = await chromium.launch({ executablePath, args: browserArguments() });
	const page = await browser.newPage();
	page.on("pageerror", (error) => console.log(`  ${error.message}`));
	await page.goto(url);
	await page.waitForFunction(() => "interruptBench" in globalThis);
	// Both libraries take functions of one argument, and say so in types of their own.
	return { page: page as unknown as BenchPage, close: () => browser.close() };
}

async function openFirefox(url: string) {
	const executablePath = requireBrowser(FIREFOX).path;
	const browser = await launch({ browser: "firefox", executablePath, headless: true });
	const page = await browser.newPage();
	await page.goto(url);
	await page.waitForFunction(() => "interruptBench" in globalThis);
	return { page: page as unknown as BenchPage, close: () => browser.close() };
}

/** Prints a table for each browser. */
export async function benchInterrupt(url: string): Promise<void> {
	for (const target of targets) {
		const load = loadavg()[0]?.toFixed(1);
		const { page, close } = await target.open(`${url}interrupt`);
		try {
			const lines = await measure(page, target.most);
			const head = `| ${target.name}, load ${load} to ${loadavg()[0]?.toFixed(1)} | found | target | |`;
			console.log(`\n${[head, "| --- | ---: | ---: | ---: |", ...lines].join("\n")}\n`);
		} finally {
			await close();
		}
	}
}

async function measure(page: BenchPage, most: number): Promise<string[]> {
	const lines = [ratioLine("off (the original against itself)", await off(page))];
	const ratios: number[] = [];
	for (const job of programs) {
		const [original = [], metered = []] = await inTurns(page, job, ["original", "metered"]);
		const ratio = ratioOf(metered, original);
		ratios.push(ratio);
		lines.push(ratioLine(`${job.name}, metered over original`, ratio, 1.12));
	}
	const mean = Math.exp(ratios.reduce((sum, ratio) => sum + Math.log(ratio), 0) / ratios.length);
	lines.push(ratioLine("… geometric mean", mean, most));
	for (const job of [nbody, sha256]) {
		const [hinted = [], unhinted = []] = await inTurns(page, job, ["hinted", "unhinted"]);
		lines.push(ratioLine(`${job.name}, without hints over with`, ratioOf(unhinted, hinted)));
	}
	lines.push(
		ratioLine("a call that does not wait, metered over original", await calls(page), 1.05),
	);
	const passes = await page.evaluate((program) => interruptBench.passes(program), python.program);
	lines.push(line("the pass over Python, first", `${passes[0]?.toFixed(0)} ms`));
	lines.push(timeLine("the pass over Python, warm", median(passes.slice(3)), 60));
	const known = await starts(page, python, "bytes");
	lines.push(
		ratioLine("Python, bytes in memory to exit", ratioOf(known.metered, known.original), 1.1),
	);
	const { original, metered } = await starts(page, bare, "address");
	const lost = median(metered) - median(original);
	lines.push(
		line(
			"Python as a module by its address: fetched and rewritten over streamed",
			`${ratioOf(metered, original).toFixed(3)}, ${lost.toFixed(0)} ms more than ${median(original).toFixed(0)}`,
		),
	);
	const { kills, reads } = await page.evaluate(([job, count]) => interruptBench.spin(job, count), [
		nbody,
		KILLS,
	] as const);
	lines.push(timeLine("kill of one of six that spin, 90 %", ninetieth(kills), 15));
	lines.push(timeLine("fs.readTextFile while six spin, 90 %", ninetieth(reads), 15));
	return lines;
}

async function off(page: BenchPage): Promise<number> {
	const [one = [], other = []] = await inTurns(page, nbody, ["original", "original"]);
	return ratioOf(one, other);
}

/** Milliseconds of each round, by variant. */
async function inTurns(
	page: BenchPage,
	job: Computing,
	variants: readonly Variant[],
): Promise<number[][]> {
	const times: number[][] = variants.map(() => []);
	await page.evaluate(([of, all]) => interruptBench.open(of, all), [job, variants] as const);
	for (let round = -WARM; round < ROUNDS; round++) {
		for (const [index, variant] of variants.entries()) {
			const before = workerTime();
			const { ms } = await computed(page, job, variant);
			const after = workerTime();
			const took = before === undefined || after === undefined ? ms : after - before;
			if (round < 0) continue;
			times[index]?.push(took);
			console.log(`${job.name} ${round + 1}: ${variant.padEnd(9)} ${took.toFixed(1)} ms`);
		}
	}
	await page.evaluate(() => interruptBench.close(), null);
	return times;
}

function computed(page: BenchPage, job: Computing, variant: Variant): Promise<Computed> {
	return page.evaluate(([of, how]) => interruptBench.compute(of, how), [job, variant] as const);
}

/** The geometric mean of what the program `calls` finds, metered over original. */
async function calls(page: BenchPage): Promise<number> {
	const job: Computing = { name: "calls", program: "/calls.wasm", args: [] };
	await page.evaluate((of) => interruptBench.open(of, ["original", "metered"]), job);
	const ratios: number[] = [];
	for (let round = 0; round < ROUNDS; round++) {
		const original = valuesOf(await computed(page, job, "original"));
		const metered = valuesOf(await computed(page, job, "metered"));
		const logs = [...original].map(([name, ns]) =>
			Math.log((metered.get(name) ?? Number.NaN) / ns),
		);
		ratios.push(Math.exp(logs.reduce((sum, log) => sum + log, 0) / logs.length));
		console.log(`calls ${round + 1}: ${ratios.at(-1)?.toFixed(3)}`);
	}
	await page.evaluate(() => interruptBench.close(), null);
	return median(ratios);
}

function valuesOf({ text }: Computed): Map<string, number> {
	const rows = text.trim().split("\n");
	return new Map(rows.map((row) => [row.split(" ")[0] ?? "", Number(row.split(" ")[1])]));
}

/** Milliseconds of each round, as it is and interruptible. */
async function starts(
	page: BenchPage,
	job: Computing,
	from: Starting["from"],
): Promise<{ original: number[]; metered: number[] }> {
	const run = (interruptible: boolean) =>
		page.evaluate((starting) => interruptBench.start(starting), {
			job,
			warm: sqlite,
			from,
			interruptible,
		} as const);
	const original: number[] = [];
	const metered: number[] = [];
	for (let round = 1; round <= STARTS; round++) {
		const ms = [await run(false), await run(true)] as const;
		original.push(ms[0]);
		metered.push(ms[1]);
		console.log(`start ${round}, ${from}: ${ms[0].toFixed(0)} ms, metered ${ms[1].toFixed(0)} ms`);
	}
	return { original, metered };
}

/** The median of the ratios within each round. */
function ratioOf(times: readonly number[], others: readonly number[]): number {
	return median(times.map((ms, round) => ms / (others[round] ?? Number.NaN)));
}

function ninetieth(times: readonly number[]): number {
	return [...times].sort((a, b) => a - b)[Math.floor(0.9 * times.length)] ?? Number.NaN;
}

function ratioLine(name: string, ratio: number, most = Number.POSITIVE_INFINITY): string {
	return line(
		name,
		ratio.toFixed(3),
		most === Infinity ? "" : `≤ ${most.toFixed(2)}`,
		ratio <= most,
	);
}

function timeLine(name: string, ms: number, most: number): string {
	return line(name, `${ms.toFixed(1)} ms`, `≤ ${most} ms`, ms <= most);
}

function line(name: string, found: string, target = "", met = true): string {
	return `| ${name} | ${found} | ${target} | ${met ? "" : "missed"} |`;
}

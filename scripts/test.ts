/**
 * `npm test`: the build with its sample packages, then two lanes side by side: the end-to-end tests in
 * Chromium, and those in Firefox (where there is one) with the unit tests after them.
 *
 * A build whose sources have not changed is taken as it is. Each line that a lane prints begins with its
 * name. At the end come the ten slowest tests, and a line that counts the tests of all runners, read from
 * the results they wrote, so that nothing is counted that did not run; where there is no Firefox, its
 * tests are counted as skipped. A runner that fails without a failing test fails the whole as well.
 */
import { spawn, spawnSync } from "node:child_process";
import { existsSync, readFileSync, rmSync } from "node:fs";
import { env, execPath, exit, stdout } from "node:process";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { explainMissing, FIREFOX, findBrowser } from "./browser.mjs";
import { isBuilt } from "./stamp.ts";

interface Count {
	readonly passed: number;
	readonly failed: number;
	readonly skipped: number;
}

const ROOT = fileURLToPath(new URL("..", import.meta.url));
const UNIT = "test-results/unit.json";
const CHROMIUM_E2E = "test-results/e2e-chromium.json";
const FIREFOX_E2E = "test-results/e2e-firefox.json";
const PLAYWRIGHT = "@playwright/test/cli.js";
/** Its servers have ports of their own, two above those of the other lane. */
const IN_FIREFOX = {
	PORTHOLE_E2E_BROWSER: "firefox",
	PORTHOLE_E2E_PORT: String(Number(env.PORTHOLE_E2E_PORT ?? 4173) + 2),
};

for (const file of [UNIT, CHROMIUM_E2E, FIREFOX_E2E]) rmSync(`${ROOT}/${file}`, { force: true });

const built =
	(await node("build", "tsx/dist/cli.mjs", ["scripts/build-samples.ts"])) &&
	(isBuilt() || (await node("build", "tsx/dist/cli.mjs", ["scripts/build.ts"])));
// Both lanes need them. Without a compiler they are not there, and the tests that need them say so.
await node("build", "tsx/dist/cli.mjs", ["e2e/programs/build.ts"]);
const noFirefox = whyNoFirefox();
const [e2e, [firefox, unit]] = await Promise.all([inChromium(), inFirefoxAndUnit()]);
finish();

async function inChromium(): Promise<boolean> {
	return built && node("chromium", PLAYWRIGHT, ["test"]);
}

async function inFirefoxAndUnit(): Promise<[firefox: boolean, unit: boolean]> {
	const firefox =
		noFirefox !== "" || (built && (await node("firefox", PLAYWRIGHT, ["test"], IN_FIREFOX)));
	const unit = await node("unit", "vitest/vitest.mjs", [
		"run",
		"--reporter=default",
		"--reporter=json",
		`--outputFile.json=${UNIT}`,
	]);
	return [firefox, unit];
}

function finish(): never {
	const inFirefox = noFirefox === "" ? countE2e(FIREFOX_E2E) : countSkipped();
	const counts = [countUnit(), countE2e(CHROMIUM_E2E), inFirefox].filter(
		(count) => count !== undefined,
	);
	if (!unit) console.log("vitest: failed");
	if (!built) console.log("build: failed, so the end-to-end tests did not run");
	else if (!e2e) console.log("playwright: failed");
	if (built && !firefox) console.log("playwright in Firefox: failed");
	if (noFirefox !== "") console.log(`The tests in Firefox were skipped.\n${noFirefox}`);
	console.log(`The slowest tests:\n${slowest(10).join("\n")}`);
	const sum = (key: keyof Count): number => counts.reduce((total, count) => total + count[key], 0);
	const [passed, failed, skipped] = [sum("passed"), sum("failed"), sum("skipped")];
	if (passed + failed === 0) {
		console.log("no test ran");
		exit(1);
	}
	console.log(`tests: ${passed} passed, ${failed} failed, ${skipped} skipped`);
	exit(unit && built && e2e && firefox && failed === 0 && counts.length === 3 ? 0 : 1);
}

/** Empty where there is one. */
function whyNoFirefox(): string {
	const { browser, tried } = findBrowser(FIREFOX);
	return browser ? "" : explainMissing(FIREFOX, tried);
}

/** Runs a script of a package; each line of its output gets the name of the lane in front. */
function node(
	lane: string,
	script: string,
	args: readonly string[],
	more: NodeJS.ProcessEnv = {},
): Promise<boolean> {
	const child = spawn(execPath, [`node_modules/${script}`, ...args], {
		cwd: ROOT,
		env: { ...env, ...more },
		stdio: ["ignore", "pipe", "pipe"],
	});
	for (const stream of [child.stdout, child.stderr]) {
		createInterface({ input: stream }).on("line", (line) => stdout.write(`${lane}: ${line}\n`));
	}
	return new Promise((resolve) => child.on("close", (code) => resolve(code === 0)));
}

/** A line for each of the slowest tests, with its seconds. */
function slowest(most: number): string[] {
	const suites = [CHROMIUM_E2E, FIREFOX_E2E].flatMap(
		(file) => readResults<PlaywrightResults>(file)?.suites ?? [],
	);
	const unit = (readResults<VitestResults>(UNIT)?.testResults ?? []).flatMap((file) =>
		file.assertionResults.map(({ fullName, duration }) => [fullName, duration ?? 0] as const),
	);
	return [...suites.flatMap(timesOf), ...unit]
		.sort(([, a], [, b]) => b - a)
		.slice(0, most)
		.map(([name, milliseconds]) => `${(milliseconds / 1000).toFixed(1).padStart(6)} s  ${name}`);
}

function timesOf({ title, suites = [], specs = [] }: Suite): (readonly [string, number])[] {
	const own = specs.flatMap((spec) =>
		spec.tests.map(({ projectName, results }) => {
			const name = `${projectName} › ${title} › ${spec.title}`;
			return [name, Math.max(0, ...results.map(({ duration }) => duration))] as const;
		}),
	);
	return [...own, ...suites.flatMap(timesOf)];
}

interface VitestResults {
	testResults: { assertionResults: { fullName: string; duration?: number }[] }[];
	numPassedTests: number;
	numFailedTests: number;
	numPendingTests: number;
	numTodoTests: number;
}

function countUnit(): Count | undefined {
	const results = readResults<VitestResults>(UNIT);
	return (
		results && {
			passed: results.numPassedTests,
			failed: results.numFailedTests,
			skipped: results.numPendingTests + results.numTodoTests,
		}
	);
}

interface Suite {
	title: string;
	suites?: Suite[];
	specs?: {
		title: string;
		tests: { projectName: string; results: { duration: number }[] }[];
	}[];
}

interface PlaywrightResults {
	suites: Suite[];
	stats: { expected: number; unexpected: number; flaky: number; skipped: number };
}

function countE2e(file: string): Count | undefined {
	const stats = readResults<PlaywrightResults>(file)?.stats;
	return (
		stats && {
			passed: stats.expected,
			failed: stats.unexpected + stats.flaky,
			skipped: stats.skipped,
		}
	);
}

/** The tests that would have run in Firefox. */
function countSkipped(): Count {
	const { stdout } = spawnSync(
		execPath,
		[`node_modules/${PLAYWRIGHT}`, "test", "--list", "--reporter=list"],
		{ cwd: ROOT, env: { ...env, ...IN_FIREFOX }, encoding: "utf8" },
	);
	const skipped = Number(/^Total: (\d+) tests?/m.exec(stdout)?.[1] ?? 0);
	return { passed: 0, failed: 0, skipped };
}

function readResults<T>(file: string): T | undefined {
	const path = `${ROOT}/${file}`;
	// The runner wrote this file in the format it documents.
	return existsSync(path) ? (JSON.parse(readFileSync(path, "utf8")) as T) : undefined;
}

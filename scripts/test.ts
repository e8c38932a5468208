/**
 * `npm test`: unit and conformance tests, then the build with its sample packages, then the
 * end-to-end tests in Chromium, and in Firefox where there is one.
 *
 * The last line counts the tests of all runners, read from the results they wrote, so that nothing
 * is counted that did not run; where there is no Firefox, its tests are counted as skipped. A runner that fails without a failing test fails the whole as well.
 */
import { spawnSync } from "node:child_process";
import { existsSync, readFileSync, rmSync } from "node:fs";
import { env, execPath, exit } from "node:process";
import { fileURLToPath } from "node:url";
import { explainMissing, FIREFOX, findBrowser } from "./browser.mjs";

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
const IN_FIREFOX = { PORTHOLE_E2E_BROWSER: "firefox" };

for (const file of [UNIT, CHROMIUM_E2E, FIREFOX_E2E]) rmSync(`${ROOT}/${file}`, { force: true });

const unit = node("vitest/vitest.mjs", [
	"run",
	"--reporter=default",
	"--reporter=json",
	`--outputFile.json=${UNIT}`,
]);
const built = ["scripts/build-samples.ts", "scripts/build.ts"].every((script) =>
	node("tsx/dist/cli.mjs", [script]),
);
const e2e = built && node(PLAYWRIGHT, ["test"]);
const noFirefox = whyNoFirefox();
const firefox = noFirefox !== "" || (built && node(PLAYWRIGHT, ["test"], IN_FIREFOX));
finish();

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

function node(script: string, args: readonly string[], more: NodeJS.ProcessEnv = {}): boolean {
	const { status } = spawnSync(execPath, [`node_modules/${script}`, ...args], {
		cwd: ROOT,
		env: { ...env, ...more },
		stdio: ["ignore", "inherit", "inherit"],
	});
	return status === 0;
}

interface VitestResults {
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

interface PlaywrightResults {
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

/**
 * `npm test`: unit and conformance tests, then the build
 * with its sample packages, then the end-to-end tests in Chromium.
 *
 * The last line counts the tests of both runners, read from the results they wrote, so that nothing
 * is counted that did not run. A runner that fails without a failing test fails the whole as well.
 */
import { spawnSync } from "node:child_process";
import { existsSync, readFileSync, rmSync } from "node:fs";
import { execPath, exit } from "node:process";
import { fileURLToPath } from "node:url";

interface Count {
	readonly passed: number;
	readonly failed: number;
	readonly skipped: number;
}

const ROOT = fileURLToPath(new URL("..", import.meta.url));
const UNIT = "test-results/unit.json";
const E2E = "test-results/e2e.json";

for (const file of [UNIT, E2E]) rmSync(`${ROOT}/${file}`, { force: true });

const unit = node("vitest/vitest.mjs", [
	"run",
	"--reporter=default",
	"--reporter=json",
	`--outputFile.json=${UNIT}`,
]);
const built = ["scripts/build-samples.ts", "scripts/build.ts"].every((script) =>
	node("tsx/dist/cli.mjs", [script]),
);
const e2e = built && node("@playwright/test/cli.js", ["test"]);
finish();

function finish(): never {
	const counts = [countUnit(), countE2e()].filter((count) => count !== undefined);
	if (!unit) console.log("vitest: failed");
	if (!built) console.log("build: failed, so the end-to-end tests did not run");
	else if (!e2e) console.log("playwright: failed");
	const sum = (key: keyof Count): number => counts.reduce((total, count) => total + count[key], 0);
	const [passed, failed, skipped] = [sum("passed"), sum("failed"), sum("skipped")];
	if (passed + failed === 0) {
		console.log("no test ran");
		exit(1);
	}
	console.log(`tests: ${passed} passed, ${failed} failed, ${skipped} skipped`);
	exit(unit && built && e2e && failed === 0 && counts.length === 2 ? 0 : 1);
}

function node(script: string, args: readonly string[]): boolean {
	const { status } = spawnSync(execPath, [`node_modules/${script}`, ...args], {
		cwd: ROOT,
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

function countE2e(): Count | undefined {
	const stats = readResults<PlaywrightResults>(E2E)?.stats;
	return (
		stats && {
			passed: stats.expected,
			failed: stats.unexpected + stats.flaky,
			skipped: stats.skipped,
		}
	);
}

function readResults<T>(file: string): T | undefined {
	const path = `${ROOT}/${file}`;
	// The runner wrote this file in the format it documents.
	return existsSync(path) ? (JSON.parse(readFileSync(path, "utf8")) as T) : undefined;
}

/**
 * `npm test`: the build with its sample packages, then two lanes side by side: the end-to-end tests in
 * Chromium, and those in Firefox (where there is one) with the unit tests after them.
 *
 * A build whose sources have not changed is taken as it is. Each line that a lane prints begins with its
 * name. At the end come the ten slowest tests; those that passed only when they were run again, which count
 * as passed; those that failed, each with how its error begins; and a line that counts the tests of all
 * runners, read from the results they wrote, so that nothing is counted that did not run; where there is no
 * Firefox, its tests are counted as skipped. A runner that fails without a failing test fails the whole as
 * well.
 */
import { spawn, spawnSync } from "node:child_process";
import { rmSync } from "node:fs";
import { env, execPath, exit, stdout } from "node:process";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { explainMissing, FIREFOX, findBrowser } from "./browser.mjs";
import { readPlaywright, readVitest, type Test } from "./results.ts";
import { isBuilt } from "./stamp.ts";

const ROOT = fileURLToPath(new URL("..", import.meta.url));
const UNIT = "test-results/unit.json";
const CHROMIUM_E2E = "test-results/e2e-chromium.json";
const FIREFOX_E2E = "test-results/e2e-firefox.json";
const PLAYWRIGHT = "@playwright/test/cli.js";
/** Lines that are shown of the error of a test that failed. */
const ERROR_LINES = 6;
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
	const ran = [
		readVitest(`${ROOT}/${UNIT}`),
		readPlaywright(`${ROOT}/${CHROMIUM_E2E}`, "chromium"),
		noFirefox === "" ? readPlaywright(`${ROOT}/${FIREFOX_E2E}`, "firefox") : [],
	];
	const tests = ran.flatMap((lane) => lane ?? []);
	const ended = (...ends: Test["end"][]) => tests.filter(({ end }) => ends.includes(end));
	const [passed, failed, flaky] = [ended("passed", "flaky"), ended("failed"), ended("flaky")];
	const skipped = ended("skipped").length + (noFirefox === "" ? 0 : countFirefox());
	if (!unit) console.log("vitest: failed");
	if (!built) console.log("build: failed, so the end-to-end tests did not run");
	else if (!e2e) console.log("playwright: failed");
	if (built && !firefox) console.log("playwright in Firefox: failed");
	if (noFirefox !== "") console.log(`The tests in Firefox were skipped.\n${noFirefox}`);
	console.log(`The slowest tests:\n${slowest(tests, 10).join("\n")}`);
	tell("Passed only when run again: mend them", flaky);
	tell("Failed", failed);
	if (passed.length + failed.length === 0) {
		console.log("no test ran");
		exit(1);
	}
	console.log(`tests: ${passed.length} passed, ${failed.length} failed, ${skipped} skipped`);
	const whole = unit && built && e2e && firefox && !ran.includes(undefined);
	exit(whole && failed.length === 0 ? 0 : 1);
}

/** Each test's name, and how its error begins: the end of the output is often all that is kept of a run. */
function tell(heading: string, tests: readonly Test[]): void {
	if (tests.length === 0) return;
	console.log(`${heading} (${tests.length}):`);
	for (const { name, error } of tests) {
		console.log(`  ${name}`);
		for (const line of linesOf(error).slice(0, ERROR_LINES)) console.log(`      ${line}`);
	}
}

function linesOf(error: string): string[] {
	return error.split("\n").filter((line) => line.trim() !== "");
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
function slowest(tests: readonly Test[], most: number): string[] {
	return [...tests]
		.sort((a, b) => b.milliseconds - a.milliseconds)
		.slice(0, most)
		.map(({ name, milliseconds }) => `${(milliseconds / 1000).toFixed(1).padStart(6)} s  ${name}`);
}

/** How many tests would have run in Firefox. */
function countFirefox(): number {
	const { stdout } = spawnSync(
		execPath,
		[`node_modules/${PLAYWRIGHT}`, "test", "--list", "--reporter=list"],
		{ cwd: ROOT, env: { ...env, ...IN_FIREFOX }, encoding: "utf8" },
	);
	return Number(/^Total: (\d+) tests?/m.exec(stdout)?.[1] ?? 0);
}

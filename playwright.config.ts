/**
 * End-to-end tests: what was built, in a real browser, on a plain page and on an isolated one.
 *
 * The browser is Chromium, or with `PORTHOLE_E2E_BROWSER=firefox` Firefox: see `e2e/firefox.ts`.
 *
 * Both servers serve the same files and differ in their headers. The browser is the one that
 * `scripts/browser.mjs` finds, never a download. A test that fails once has failed: no retries.
 */
import { env, execPath } from "node:process";
import { defineConfig } from "@playwright/test";
import type { Bridge } from "./e2e/rungs.ts";
import { browserArguments, requireBrowser } from "./scripts/browser.mjs";

const PLAIN_PORT = Number(env.PORTHOLE_E2E_PORT ?? 4173);
const ISOLATED_PORT = PLAIN_PORT + 1;

const inFirefox = env.PORTHOLE_E2E_BROWSER === "firefox";
const browser = inFirefox ? "firefox" : "chromium";

/** On the isolated page guests see finer clocks, streams wait more precisely, and shared memory is there;
 *  all else is tested on the plain page. */
const ISOLATED =
	/(streams|sleepers|blocking|server)\.spec|(clocks|polling) prints|tells its environment|@isolated/;
/** In Firefox: these drive Chromium itself, or the playground by Playwright's locators. */
const CHROMIUM_ONLY =
	/(consumers|contexts|element|faults|leaks|letters|offline|playground|server|crash|tabs|quota|folder|opfs)\.spec\.ts$/;

/** Firefox is not driven by Playwright, and has no use for these. */
const launchOptions = inFirefox
	? {}
	: { executablePath: requireBrowser().path, args: browserArguments() };

const server = (port: number, ...flags: string[]) => ({
	command: [`"${execPath}"`, "--import", "tsx", "e2e/server.ts", port, ...flags].join(" "),
	port,
	reuseExistingServer: false,
});

/** Where it matters how guests wait, a test has the tag `@waits` and runs once more on each of the other
 *  rungs. In Firefox the tests of each rung's own have to do. */
const WAITING = /(imports|programs|commands|files|mounts|load)\.spec\.ts$/;
const RUNGS: readonly Bridge[] = inFirefox ? [] : ["blocking", "letters", "preloaded"];

export default defineConfig<{ bridge: Bridge | undefined }>({
	testDir: "e2e",
	outputDir: `test-results/e2e-${browser}`,
	reporter: [["list"], ["json", { outputFile: `test-results/e2e-${browser}.json` }]],
	retries: 0,
	workers: 1,
	timeout: 60_000,
	forbidOnly: true,
	use: { launchOptions, trace: inFirefox ? "off" : "retain-on-failure" },
	webServer: [server(PLAIN_PORT), server(ISOLATED_PORT, "--isolated")],
	projects: [
		{
			name: browser,
			use: { baseURL: `http://localhost:${PLAIN_PORT}` },
			testIgnore: inFirefox ? CHROMIUM_ONLY : [],
		},
		{
			name: `${browser}-isolated`,
			use: { baseURL: `http://localhost:${ISOLATED_PORT}` },
			grep: ISOLATED,
			testIgnore: inFirefox ? [CHROMIUM_ONLY, /blocking\.spec\.ts$/] : [],
		},
		...RUNGS.map((bridge) => ({
			name: `${browser}-${bridge}`,
			use: {
				baseURL: `http://localhost:${bridge === "blocking" ? ISOLATED_PORT : PLAIN_PORT}`,
				bridge,
			},
			testMatch: WAITING,
			grep: /@waits/,
		})),
	],
});

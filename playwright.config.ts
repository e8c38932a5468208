/**
 * End-to-end tests: what was built, in a real browser, on a plain page and on an isolated one.
 *
 * The browser is Chromium, or with `PORTHOLE_E2E_BROWSER=firefox` Firefox: see `e2e/firefox.ts`; or with
 * `webkit` WebKitGTK, which has a few tests of its own: see `e2e/webkit.ts`.
 *
 * Both servers serve the same files and differ in their headers. The browser is the one that
 * `scripts/browser.mjs` finds, never a download. A test that fails is run once more, on a page of its own;
 * `npm test` lists by name those that pass only then. A random test is not: other dice prove nothing.
 */
import { env, execPath } from "node:process";
import { defineConfig } from "@playwright/test";
import type { Bridge } from "./e2e/bridges.ts";
import { browserArguments, requireBrowser } from "./scripts/browser.mjs";

const PLAIN_PORT = Number(env.PORTHOLE_E2E_PORT ?? 4173);
const ISOLATED_PORT = PLAIN_PORT + 1;

/** Chromium, unless a variable says `firefox` or `webkit`. */
const browser = env.PORTHOLE_E2E_BROWSER ?? "chromium";
const inFirefox = browser === "firefox";
const inChromium = browser === "chromium";
/** WebKitGTK has tests of its own, and no others. */
const WEBKIT = /webkit\.spec\.ts$/;

/** On the isolated page guests see finer clocks, streams wait more precisely, and shared memory is there;
 *  all else is tested on the plain page. */
const ISOLATED =
	/(streams|sleepers|blocking|server|stopped)\.spec|(clocks|polling) prints|tells its environment|@isolated/;
/** In Firefox: these drive Chromium itself, or the playground by Playwright's locators. */
const CHROMIUM_ONLY =
	/(consumers|contexts|element|faults|late|leaks|service-worker|offline|playground|server|crash|tabs|quota|folder|opfs)\.spec\.ts$/;

const NOT_HERE = browser === "webkit" ? [] : WEBKIT;

/** The others are not driven by Playwright, and have no use for these. */
const launchOptions = inChromium
	? { executablePath: requireBrowser().path, args: browserArguments() }
	: {};

const server = (port: number, ...flags: string[]) => ({
	command: [`"${execPath}"`, "--import", "tsx", "e2e/server.ts", port, ...flags].join(" "),
	port,
	reuseExistingServer: false,
});

/** A test for which it matters how guests wait has the tag `@waits`, and runs once more with each of the other
 *  bridges. In Firefox only the tests that each bridge has of its own run. */
const WAITING =
	/(imports|programs|commands|files|mounts|load|turns|limits|hostile|sh|wasix)\.spec\.ts$/;
const OTHER_BRIDGES: readonly Bridge[] = !inChromium
	? []
	: ["blocking", "service-worker", "preloaded"];

export default defineConfig<{ bridge: Bridge | undefined }>({
	testDir: "e2e",
	outputDir: `test-results/e2e-${browser}`,
	reporter: [["list"], ["json", { outputFile: `test-results/e2e-${browser}.json` }]],
	retries: 1,
	workers: inChromium ? 2 : 1,
	timeout: 60_000,
	forbidOnly: true,
	use: { launchOptions, trace: env.PORTHOLE_E2E_TRACE ? "retain-on-failure" : "off" },
	webServer: [server(PLAIN_PORT), server(ISOLATED_PORT, "--isolated")],
	...(browser === "webkit" && { testMatch: WEBKIT }),
	projects: [
		{
			name: browser,
			use: { baseURL: `http://localhost:${PLAIN_PORT}` },
			testIgnore: inFirefox ? [CHROMIUM_ONLY, WEBKIT] : NOT_HERE,
		},
		{
			name: `${browser}-isolated`,
			use: { baseURL: `http://localhost:${ISOLATED_PORT}` },
			grep: ISOLATED,
			testIgnore: inFirefox ? [CHROMIUM_ONLY, WEBKIT, /blocking\.spec\.ts$/] : NOT_HERE,
		},
		...OTHER_BRIDGES.map((bridge) => ({
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

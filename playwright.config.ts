/**
 * End-to-end tests: what was built, in a real Chromium, on a plain page and on an isolated one.
 *
 * Both servers serve the same files and differ in their headers. The browser is the one that
 * `scripts/browser.mjs` finds, never a download. A test that fails once has failed: no retries.
 */
import { env, execPath } from "node:process";
import { defineConfig } from "@playwright/test";
import { browserArguments, requireBrowser } from "./scripts/browser.mjs";

const PLAIN_PORT = Number(env.PORTHOLE_E2E_PORT ?? 4173);
const ISOLATED_PORT = PLAIN_PORT + 1;

const launchOptions = { executablePath: requireBrowser().path, args: browserArguments() };

const server = (port: number, ...flags: string[]) => ({
	command: [`"${execPath}"`, "--import", "tsx", "e2e/server.ts", port, ...flags].join(" "),
	port,
	reuseExistingServer: false,
});

export default defineConfig({
	testDir: "e2e",
	outputDir: "test-results/e2e",
	reporter: [["list"], ["json", { outputFile: "test-results/e2e.json" }]],
	retries: 0,
	workers: 1,
	timeout: 60_000,
	forbidOnly: true,
	use: { launchOptions, trace: "retain-on-failure" },
	webServer: [server(PLAIN_PORT), server(ISOLATED_PORT, "--isolated")],
	projects: [
		{ name: "chromium", use: { baseURL: `http://localhost:${PLAIN_PORT}` } },
		{
			name: "chromium-isolated",
			use: { baseURL: `http://localhost:${ISOLATED_PORT}` },
			// What does not depend on the headers of the page is tested once.
			testIgnore: /(consumers|offline|packages|commands|files|bad-input)\.spec\.ts$/,
		},
	],
});

/**
 * `npm run test:all`: what `npm test` runs, with larger numbers where a test plays at random or moves much,
 * and then a short lane in WebKitGTK, where there is one.
 */
import { spawnSync } from "node:child_process";
import { env, execPath, exit } from "node:process";
import { fileURLToPath } from "node:url";
import { findWebKit } from "./webkit.mjs";

const ROOT = fileURLToPath(new URL("..", import.meta.url));

/** What the tests of crashes, tabs and streams take in place of what is enough for every day. */
const LARGE = {
	PORTHOLE_KILLS: "15",
	PORTHOLE_SECONDS: "6",
	PORTHOLE_TABS: "4",
	PORTHOLE_FLOOD: "1024",
};

const all = node("tsx/dist/cli.mjs", ["scripts/test.ts"], { ...LARGE, ...env });
const { webkit, missing } = findWebKit();
if (webkit === undefined) console.log(`The tests in WebKitGTK were skipped: ${missing}`);
const lane =
	webkit === undefined ||
	node("@playwright/test/cli.js", ["test"], { PORTHOLE_E2E_BROWSER: "webkit" });
if (!lane) console.log("playwright in WebKitGTK: failed");
exit(all && lane ? 0 : 1);

function node(script: string, args: readonly string[], more: NodeJS.ProcessEnv = {}): boolean {
	const { status } = spawnSync(execPath, [`node_modules/${script}`, ...args], {
		cwd: ROOT,
		env: { ...env, ...more },
		stdio: ["ignore", "inherit", "inherit"],
	});
	return status === 0;
}

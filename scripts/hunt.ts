/**
 * `npm run hunt`: the random tests, played with fresh seeds until one fails or you stop them.
 *
 * Each round plays every unit test that takes its seeds from `random.testkit.ts` for ten seconds
 * (`npm run hunt -- 60` for sixty), and then those in Chromium: tabs on one directory, and browsers that
 * are killed while programs write. The browser tests use what `npm run build` made. The first failure
 * ends the hunt, after the seed that repeats it: `SEED=7 npx vitest run src/fs/conformance.test.ts`.
 */
import { spawnSync } from "node:child_process";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { argv, env, execPath, exit } from "node:process";
import { fileURLToPath } from "node:url";

const ROOT = fileURLToPath(new URL("..", import.meta.url));
const SECONDS = Number(argv[2] ?? 10);
if (!(SECONDS > 0)) fail(`"${argv[2]}" is no number of seconds. Usage: npm run hunt -- [SECONDS]`);
if (!existsSync(`${ROOT}/dist/index.js`)) fail('dist/ is missing. Run "npm run build" first.');

const files = testFiles();
for (let round = 1; ; round++) {
	console.log(`hunt: round ${round}, ${SECONDS} s a test`);
	run(["vitest/vitest.mjs", "run", ...files], { HUNT_SECONDS: String(SECONDS) });
	// What fails once has failed.
	const once = ["--project=chromium", "--retries=0"];
	run(["@playwright/test/cli.js", "test", ...once, "tabs.spec", "crash.spec"], {
		PORTHOLE_SECONDS: String(SECONDS),
		PORTHOLE_KILLS: String(SECONDS),
	});
}

/** The unit tests that take their seeds from the test kit. */
function testFiles(): string[] {
	return readdirSync(`${ROOT}/src`, { recursive: true, encoding: "utf8" })
		.map((name) => `src/${name}`)
		.filter((name) => /\.test\.ts$/.test(name))
		.filter((name) =>
			/random\.testkit|conformance\.ts/.test(readFileSync(`${ROOT}/${name}`, "utf8")),
		);
}

function run([script, ...args]: readonly string[], more: NodeJS.ProcessEnv): void {
	const { status } = spawnSync(execPath, [`node_modules/${script}`, ...args], {
		cwd: ROOT,
		env: { ...env, ...more },
		stdio: ["ignore", "inherit", "inherit"],
	});
	if (status !== 0) fail("hunt: a random test failed; its seed is above.");
}

function fail(message: string): never {
	console.error(message);
	exit(1);
}

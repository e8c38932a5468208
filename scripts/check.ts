/**
 * `npm run check`: format, lint, types, import directions, dead code and unit tests.
 *
 * The steps know nothing of each other, so as many run at once as there are cores, dearest first.
 * Each keeps its output to itself until it is done; a step that failed prints it. With `--static`
 * the unit tests stay out, because `npm test` runs them.
 */
import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { availableParallelism } from "node:os";
import { argv, env, execPath, exit } from "node:process";
import { fileURLToPath } from "node:url";

interface Step {
	readonly name: string;
	/** The script of a package in node_modules, and what to say to it. */
	readonly command: readonly string[];
}

const ROOT = fileURLToPath(new URL("..", import.meta.url));

const FOLDERS = ["src", "workers", "e2e", "scripts", "bench"].filter((name) => existsSync(name));

const STEPS: readonly Step[] = [
	{ name: "types (tsc)", command: ["typescript/bin/tsc", "-p", "."] },
	{ name: "unit tests (vitest)", command: ["vitest/vitest.mjs", "run", "--reporter=dot"] },
	{ name: "dead code (knip)", command: ["knip/bin/knip.js", "--no-progress"] },
	{
		name: "import directions (dependency-cruiser)",
		command: ["dependency-cruiser/bin/dependency-cruise.mjs", ...FOLDERS],
	},
	{
		name: "format and lint (biome)",
		command: ["@biomejs/biome/bin/biome", "check", "--error-on-warnings"],
	},
];

interface Outcome {
	readonly step: Step;
	readonly seconds: number;
	readonly failed: boolean;
	readonly output: string;
}

const steps = STEPS.filter(isWanted);
const outcomes = await runAll(steps, availableParallelism());
const failed = outcomes.filter((outcome) => outcome.failed);
if (failed.length > 0) {
	console.log(`check: ${failed.length} of ${outcomes.length} steps failed`);
	exit(1);
}
console.log(`check: ${outcomes.length} steps passed`);

function isWanted({ name }: Step): boolean {
	return !(name.startsWith("unit") && argv.includes("--static"));
}

async function runAll(all: readonly Step[], atOnce: number): Promise<Outcome[]> {
	const waiting = [...all];
	const done: Outcome[] = [];
	const lane = async (): Promise<void> => {
		for (let step = waiting.shift(); step; step = waiting.shift()) {
			const outcome = await run(step);
			report(outcome);
			done.push(outcome);
		}
	};
	await Promise.all(Array.from({ length: atOnce }, lane));
	return done;
}

function run(step: Step): Promise<Outcome> {
	const [script = "", ...args] = step.command;
	const start = performance.now();
	const child = spawn(execPath, [`node_modules/${script}`, ...args], {
		cwd: ROOT,
		env: { ...env, FORCE_COLOR: env.CI ? "0" : "1" },
		stdio: ["ignore", "pipe", "pipe"],
	});
	let output = "";
	const collect = (chunk: Buffer): void => {
		output += chunk.toString();
	};
	child.stdout.on("data", collect);
	child.stderr.on("data", collect);
	return new Promise((resolve) => {
		child.on("close", (code) => {
			const seconds = (performance.now() - start) / 1000;
			resolve({ step, seconds, failed: code !== 0, output });
		});
	});
}

function report({ step, seconds, failed, output }: Outcome): void {
	console.log(`${failed ? "FAILED" : "ok    "} ${step.name} ${seconds.toFixed(1)} s`);
	if (failed) console.log(output);
}

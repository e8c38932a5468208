/**
 * `npm run publishable`: would the package work for those who install it?
 *
 * Packs it as npm would publish it, then asks publint (are the files there that package.json
 * promises?) and attw (does TypeScript find the types under every way of resolving?). The bundles
 * are ESM only, on purpose, and the worker is a file to be started and has no types.
 */
import { spawnSync } from "node:child_process";
import { readFileSync, rmSync } from "node:fs";
import { execPath, exit } from "node:process";
import { fileURLToPath } from "node:url";
import { ENTRIES } from "./entries.ts";
import { pack } from "./pack.ts";

const ROOT = fileURLToPath(new URL("..", import.meta.url));

const exported = Object.keys(JSON.parse(readFileSync(`${ROOT}/package.json`, "utf8")).exports);
const listed = ENTRIES.flatMap((entry) => entry.subpath ?? []);
const unlisted = exported.filter((path) => path !== "./package.json" && !listed.includes(path));
const unexported = listed.filter((path) => !exported.includes(path));
if (unlisted.length + unexported.length > 0) {
	console.error(`package.json and scripts/entries.ts differ: ${[...unlisted, ...unexported]}`);
	exit(1);
}

const untyped = ENTRIES.flatMap((entry) => (entry.typed || !entry.subpath ? [] : entry.subpath));
const tarball = pack("test-results");
const passed = [
	node("publint/src/cli.js", [tarball, "--strict"]),
	node("@arethetypeswrong/cli/dist/index.js", [
		tarball,
		"--profile",
		"esm-only",
		"--format",
		"ascii",
		"--exclude-entrypoints",
		...untyped,
	]),
].every(Boolean);
rmSync(tarball);
exit(passed ? 0 : 1);

function node(script: string, args: readonly string[]): boolean {
	const { status } = spawnSync(execPath, [`node_modules/${script}`, ...args], {
		cwd: ROOT,
		stdio: ["ignore", "inherit", "inherit"],
	});
	return status === 0;
}

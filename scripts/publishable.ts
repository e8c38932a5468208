/**
 * `npm run publishable`: would the package work for those who install it?
 *
 * Packs it as npm would publish it, then asks publint (are the files there that package.json
 * promises?), attw (does TypeScript find the types under every way of resolving?) and the compiler (does
 * a consumer compile, declarations included, with the library ES2022?). The bundles
 * are ESM only, on purpose, and the worker is a file to be started and has no types.
 */
import { spawnSync } from "node:child_process";
import { cpSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
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
	compiles(),
].every(Boolean);
rmSync(tarball);
exit(passed ? 0 : 1);

/** Compiles a consumer of the packed package, together with the package's declarations, for the oldest
 *  library that is promised. */
function compiles(): boolean {
	const folder = "test-results/types";
	const installed = `${ROOT}/${folder}/node_modules/porthole`;
	rmSync(`${ROOT}/${folder}`, { recursive: true, force: true });
	mkdirSync(installed, { recursive: true });
	const unpack = ["-xzf", tarball, "-C", installed, "--strip-components=1"];
	if (spawnSync("tar", unpack, { cwd: ROOT, stdio: "inherit" }).status !== 0) return false;
	cpSync(`${ROOT}/e2e/consumer/types.tsx`, `${ROOT}/${folder}/types.tsx`);
	const compilerOptions = {
		noEmit: true,
		strict: true,
		skipLibCheck: false,
		target: "ES2022",
		lib: ["ES2022", "DOM", "DOM.Iterable"],
		types: [],
		module: "ESNext",
		moduleResolution: "bundler",
		jsx: "preserve",
	};
	const config = { compilerOptions, files: ["types.tsx"] };
	writeFileSync(`${ROOT}/${folder}/tsconfig.json`, JSON.stringify(config));
	const passed = node("typescript/bin/tsc", ["-p", folder]);
	console.log(passed ? "a consumer compiles" : "a consumer does not compile");
	return passed;
}

function node(script: string, args: readonly string[]): boolean {
	const { status } = spawnSync(execPath, [`node_modules/${script}`, ...args], {
		cwd: ROOT,
		stdio: ["ignore", "inherit", "inherit"],
	});
	return status === 0;
}

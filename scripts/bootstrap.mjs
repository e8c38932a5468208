/**
 * Makes a fresh clone ready, so that `npm start` and `npm test` are the only commands to know.
 *
 * npm runs this before either, when nothing is installed yet: only Node's own modules may be used.
 * It installs the locked dependencies when `node_modules` does not match `package-lock.json`, and,
 * with `--browser`, sees to a Chromium. `PORTHOLE_NO_INSTALL=1` forbids every installing step; then
 * it only looks, and says what is missing.
 */
import { spawnSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { delimiter, join } from "node:path";
import process, { env, getuid, platform } from "node:process";
import { fileURLToPath } from "node:url";
import { explainMissing, findBrowser, remember } from "./browser.mjs";

const ROOT = fileURLToPath(new URL("..", import.meta.url));
const MAY_INSTALL = !env.PORTHOLE_NO_INSTALL || env.PORTHOLE_NO_INSTALL === "0";
const NODE_MINIMUM = [20, 19];

checkNode();
installDependencies();
if (process.argv.includes("--browser")) provideBrowser();

function checkNode() {
	const [major = 0, minor = 0] = process.versions.node.split(".").map(Number);
	const [wantedMajor = 0, wantedMinor = 0] = NODE_MINIMUM;
	if (major > wantedMajor || (major === wantedMajor && minor >= wantedMinor)) return;
	fail(`Node ${NODE_MINIMUM.join(".")} or later is needed; this is ${process.versions.node}.`);
}

function installDependencies() {
	const reason = whyStale();
	if (!reason) return;
	if (!MAY_INSTALL) fail(`${reason}, and PORTHOLE_NO_INSTALL forbids "npm ci".`);
	say(`${reason}: installing the locked dependencies with "npm ci"`);
	// Vite and the tests are development dependencies, whatever NODE_ENV says.
	const options = ["--include=dev", "--no-audit", "--no-fund"];
	if (run(npm("ci", ...options))) return;
	// "ci" refuses a lock file that lacks a package of another platform; "install" fills the gap.
	say('"npm ci" failed (see above): trying "npm install", which keeps to the lock file as well');
	if (run(npm("install", "--no-save", ...options))) return;
	fail("The dependencies could not be installed (see above). Check the network.");
}

/** npm keeps a copy of the lock file for what it installed. A package that is optional may rightly
 * be absent from it: it is for another platform.
 * @returns {string | undefined} */
function whyStale() {
	const wanted = readPackages("package-lock.json");
	if (!wanted) fail("package-lock.json cannot be read.");
	const installed = readPackages(join("node_modules", ".package-lock.json"));
	if (!installed) return "node_modules is missing";
	for (const [path, entry] of Object.entries(wanted)) {
		if (path === "" || entry.link) continue;
		const version = installed[path]?.version;
		const mayMiss = entry.optional || entry.devOptional || entry.peer;
		if (version === undefined && mayMiss) continue;
		if (version !== entry.version) return `${path} is not the version of the lock file`;
	}
	return undefined;
}

/** @typedef {{ version?: string, optional?: boolean, devOptional?: boolean, peer?: boolean, link?: boolean }} Locked */

/** @param {string} file
 * @returns {Record<string, Locked> | undefined} */
function readPackages(file) {
	try {
		return JSON.parse(readFileSync(join(ROOT, file), "utf8")).packages;
	} catch {
		return undefined;
	}
}

function provideBrowser() {
	const first = findBrowser();
	if (first.browser) return use(first.browser);
	const tried = [...first.tried];
	if (!MAY_INSTALL) {
		tried.push("PORTHOLE_NO_INSTALL forbids installing one");
		fail(explainMissing(tried));
	}
	for (const [name, install] of installers()) {
		say(`no suitable Chromium yet: ${name}`);
		const worked = install();
		const { browser } = findBrowser();
		if (browser) return use(browser);
		tried.push(`${name}: ${worked ? "ran, but no suitable browser came of it" : "failed"}`);
	}
	fail(explainMissing(tried));
}

/** @param {import("./browser.mjs").Browser} browser */
function use(browser) {
	remember(browser);
	say(`Chromium ${browser.version} at ${browser.path}`);
}

/** Debian's package first, where there is one: it brings its libraries. Ubuntu's is a stub.
 * @returns {[name: string, install: () => boolean][]} */
function installers() {
	/** @type {[name: string, install: () => boolean][]} */
	const list = [];
	if (isDebianRoot()) {
		const options = ["install", "-y", "--no-install-recommends", "chromium"];
		list.push([
			"apt-get install chromium",
			() => run(["apt-get", ["update"]]) && run(["apt-get", options]),
		]);
	}
	const cli = join(ROOT, "node_modules", "@playwright", "test", "cli.js");
	const options = ["install", "chromium", ...(isLinuxRoot() ? ["--with-deps"] : [])];
	list.push(["npx playwright install chromium", () => run([process.execPath, [cli, ...options]])]);
	return list;
}

function isLinuxRoot() {
	return platform === "linux" && getuid?.() === 0;
}

function isDebianRoot() {
	if (!isLinuxRoot()) return false;
	const aptGet = (env.PATH ?? "").split(delimiter).some((at) => existsSync(join(at, "apt-get")));
	try {
		return aptGet && /^ID="?debian"?$/m.test(readFileSync("/etc/os-release", "utf8"));
	} catch {
		return false;
	}
}

/** npm as npm itself was started, or the one in PATH.
 * @param {...string} args
 * @returns {[command: string, args: string[]]} */
function npm(...args) {
	const script = env.npm_execpath;
	return script?.endsWith("npm-cli.js") ? [process.execPath, [script, ...args]] : ["npm", args];
}

/** @param {[command: string, args: string[]]} invocation */
function run([command, args]) {
	const { status } = spawnSync(command, args, {
		cwd: ROOT,
		env: { ...env, DEBIAN_FRONTEND: "noninteractive" },
		shell: platform === "win32" && command === "npm",
		stdio: ["ignore", "inherit", "inherit"],
	});
	return status === 0;
}

/** @param {string} text */
function say(text) {
	console.log(`[bootstrap] ${text}`);
}

/** @param {string} text
 * @returns {never} */
function fail(text) {
	console.error(`[bootstrap] ${text}`);
	process.exit(1);
}

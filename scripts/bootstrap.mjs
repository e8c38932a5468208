/**
 * Makes a fresh clone ready, so that `npm start` and `npm test` are the only commands to know.
 *
 * npm runs this before either, when nothing is installed yet: only Node's own modules may be used.
 * It installs the locked dependencies when `node_modules` does not match `package-lock.json`, and,
 * with `--browser`, sees to a Chromium, and to a Firefox where that is easy: without a Firefox its
 * tests are skipped, which the tests then say. With `--webkit` it sees to a WebKitGTK in the same way. `PORTHOLE_NO_INSTALL=1` forbids every installing step;
 * then it only looks, and says what is missing.
 */
import { spawnSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { delimiter, join } from "node:path";
import process, { env, getuid, platform } from "node:process";
import { fileURLToPath } from "node:url";
import { CHROMIUM, explainMissing, FIREFOX, findBrowser, remember } from "./browser.mjs";
import { findWebKit, WEBKIT_PACKAGES } from "./webkit.mjs";

const ROOT = fileURLToPath(new URL("..", import.meta.url));
const MAY_INSTALL = !env.PORTHOLE_NO_INSTALL || env.PORTHOLE_NO_INSTALL === "0";
const NODE_MINIMUM = [20, 19];

checkNode();
installDependencies();
if (process.argv.includes("--browser")) {
	provideChromium();
	provideFirefox();
}
if (process.argv.includes("--webkit")) provideWebKit();

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

function provideChromium() {
	const tried = provide(CHROMIUM, [
		...debianPackage("chromium"),
		["npx playwright install chromium", installPlaywrights],
	]);
	if (tried) fail(explainMissing(CHROMIUM, tried));
}

function provideFirefox() {
	const tried = provide(FIREFOX, debianPackage("firefox-esr"));
	if (tried) say(`${explainMissing(FIREFOX, tried)}\nThe tests in Firefox will be skipped.`);
}

function provideWebKit() {
	let found = findWebKit();
	for (const [name, install] of MAY_INSTALL ? debianPackage(...WEBKIT_PACKAGES) : []) {
		if (found.webkit) break;
		say(`no WebKitGTK yet: ${name}`);
		install();
		found = findWebKit();
	}
	if (found.webkit) say(`WebKitGTK at ${found.webkit.browser}`);
	else say(`${found.missing}\nThe tests in WebKitGTK will be skipped.`);
}

/** @typedef {[name: string, install: () => boolean]} Installer */

/** Finds a browser, or installs one in the first way that works. Otherwise: what has been tried.
 * @param {import("./browser.mjs").Make} make
 * @param {Installer[]} installers
 * @returns {string[] | undefined} */
function provide(make, installers) {
	let { browser, tried } = findBrowser(make);
	tried = [...tried];
	if (!browser && !MAY_INSTALL) tried.push("PORTHOLE_NO_INSTALL forbids installing one");
	for (const [name, install] of MAY_INSTALL ? installers : []) {
		if (browser) break;
		say(`no suitable ${make.name} yet: ${name}`);
		const worked = install();
		browser = findBrowser(make).browser;
		if (!browser) tried.push(`${name}: ${worked ? "ran, but brought no suitable one" : "failed"}`);
	}
	if (!browser) return tried;
	remember(make, browser);
	say(`${make.name} ${browser.version} at ${browser.path}`);
	return undefined;
}

/** Debian's packages, where there are some: they bring their libraries. Ubuntu's are stubs.
 * @param {...string} names
 * @returns {Installer[]} */
function debianPackage(...names) {
	if (!isDebianRoot()) return [];
	const options = ["install", "-y", "--no-install-recommends", ...names];
	const install = () => run(["apt-get", ["update"]]) && run(["apt-get", options]);
	return [[`apt-get install ${names.join(" ")}`, install]];
}

function installPlaywrights() {
	const cli = join(ROOT, "node_modules", "@playwright", "test", "cli.js");
	const options = ["install", "chromium", ...(isLinuxRoot() ? ["--with-deps"] : [])];
	return run([process.execPath, [cli, ...options]]);
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

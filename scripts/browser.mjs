/**
 * Finds a Chromium, and a Firefox, that can run the tests.
 *
 * A fresh machine may have one under any of a dozen names, or none, or one that is too old to
 * suspend a guest. So every candidate is asked for its version, and one that does not
 * answer well is passed over rather than trusted: a wrong CHROME_PATH falls through to the next
 * place. Nothing here installs anything; `bootstrap.mjs` does. Only Node's own modules are used,
 * because this file runs before the dependencies are there.
 */
import { spawnSync } from "node:child_process";
import { accessSync, constants, existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { delimiter, dirname, join } from "node:path";
import { env, getuid, platform } from "node:process";
import { fileURLToPath } from "node:url";

/**
 * What there is to know of a make of browser: its first version with JSPI, the variables that name
 * one, in the order in which they count, what it is called in a PATH, and where else it may be.
 * @typedef {{
 *   name: "Chromium" | "Firefox",
 *   minimum: number,
 *   variables: string[],
 *   commands: string[],
 *   mac: string[],
 *   windows: string[],
 * }} Make
 * @typedef {{ path: string, version: number }} Browser
 * @typedef {{ browser: Browser | undefined, tried: string[] }} Search
 */

/** @type {Make} */
export const CHROMIUM = {
	name: "Chromium",
	minimum: 137,
	variables: ["PORTHOLE_CHROME", "CHROME_PATH", "CHROME_BIN", "PUPPETEER_EXECUTABLE_PATH"],
	commands: [
		"chromium",
		"google-chrome-stable",
		"google-chrome",
		"chromium-browser",
		"chrome",
		"microsoft-edge-stable",
		"microsoft-edge",
		"brave-browser",
	],
	mac: [
		"/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
		"/Applications/Chromium.app/Contents/MacOS/Chromium",
		"/Applications/Microsoft Edge.app/Contents/MacOS/Microsoft Edge",
	],
	windows: [
		"Google\\Chrome\\Application\\chrome.exe",
		"Chromium\\Application\\chrome.exe",
		"Microsoft\\Edge\\Application\\msedge.exe",
	],
};

/** @type {Make} */
export const FIREFOX = {
	name: "Firefox",
	minimum: 153,
	variables: ["PORTHOLE_FIREFOX", "FIREFOX_BIN"],
	commands: ["firefox-esr", "firefox"],
	mac: ["/Applications/Firefox.app/Contents/MacOS/firefox"],
	windows: ["Mozilla Firefox\\firefox.exe"],
};

/** @param {Make} make */
const memo = (make) =>
	fileURLToPath(new URL(`../.cache/${make.name.toLowerCase()}.json`, import.meta.url));

/** Searches this machine. `tried` says of each place why it was passed over.
 * @param {Make} make
 * @returns {Search} */
export function findBrowser(make) {
	const { minimum } = make;
	/** @type {string[]} */
	const tried = [];
	for (const [path, origin] of candidates(make)) {
		if (!isExecutable(path)) {
			tried.push(`${origin}: ${path} is not there`);
			continue;
		}
		const version = askVersion(path);
		if (version !== undefined && version >= minimum) {
			return { browser: { path, version }, tried };
		}
		const found = version === undefined ? "does not tell its version" : `is version ${version}`;
		tried.push(`${origin}: ${path} ${found}; ${minimum} or later is needed`);
	}
	tried.push(`PATH: none of ${make.commands.join(", ")} will do`);
	return { browser: undefined, tried };
}

/** The browser that tests use: the one found by the last search, unless a variable names another.
 * @param {Make} [make]
 * @returns {Browser} */
export function requireBrowser(make = CHROMIUM) {
	const chosen = make.variables.some((name) => env[name]);
	const remembered = chosen ? undefined : recall(make);
	if (remembered) return remembered;
	const { browser, tried } = findBrowser(make);
	if (!browser) throw new Error(explainMissing(make, tried));
	return browser;
}

/** What a Chromium needs on its command line here: root has no sandbox, containers a small /dev/shm.
 * @returns {string[]} */
export function browserArguments() {
	const quiet = ["--disable-dev-shm-usage", "--no-first-run", "--disable-background-networking"];
	return getuid?.() === 0 ? ["--no-sandbox", ...quiet] : quiet;
}

/** Keeps a finding for the processes that follow.
 * @param {Make} make
 * @param {Browser} browser */
export function remember(make, browser) {
	mkdirSync(dirname(memo(make)), { recursive: true });
	writeFileSync(memo(make), `${JSON.stringify(browser)}\n`);
}

/** @param {Make} make
 * @param {readonly string[]} tried */
export function explainMissing(make, tried) {
	const [variable] = make.variables;
	return [
		`No ${make.name} ${make.minimum} or later was found. Tried:`,
		...tried.map((line) => `  - ${line}`),
		`Install ${make.name}, or name one: ${variable}=/path/to/it npm test`,
	].join("\n");
}

/** @param {Make} make
 * @returns {Browser | undefined} */
function recall(make) {
	try {
		const { path, version } = JSON.parse(readFileSync(memo(make), "utf8"));
		return version >= make.minimum && isExecutable(path) ? { path, version } : undefined;
	} catch {
		return undefined; // Nothing remembered, or nothing readable: search again.
	}
}

/** Every place to look, best first, with a word on where the idea came from.
 * @param {Make} make
 * @returns {Generator<[path: string, origin: string]>} */
function* candidates(make) {
	for (const name of make.variables) {
		const path = env[name];
		if (path) yield [path, name];
	}
	// Playwright's Firefox is not the one that people have, and speaks another language.
	const own = make === CHROMIUM ? playwrightCopy() : undefined;
	if (own) yield [own, "Playwright's own copy"];
	for (const name of make.commands) {
		for (const directory of (env.PATH ?? "").split(delimiter)) {
			const path = join(directory, name);
			if (directory && existsSync(path)) yield [path, "PATH"];
		}
	}
	if (platform === "darwin") {
		for (const path of make.mac) yield [path, "macOS"];
	}
	if (platform === "win32") {
		for (const root of [env.PROGRAMFILES, env["PROGRAMFILES(X86)"], env.LOCALAPPDATA]) {
			for (const place of root ? make.windows : []) yield [join(root ?? "", place), "Windows"];
		}
	}
}

/** Where Playwright would install its Chromium; undefined before the dependencies are there.
 * @returns {string | undefined} */
function playwrightCopy() {
	try {
		return createRequire(import.meta.url)("@playwright/test").chromium.executablePath();
	} catch {
		return undefined;
	}
}

/** @param {string} path */
function isExecutable(path) {
	try {
		accessSync(path, constants.X_OK);
		return true;
	} catch {
		return false;
	}
}

/** The major version. Browsers for Windows open a window when asked, so there the shell reads it.
 * @param {string} path
 * @returns {number | undefined} */
function askVersion(path) {
	const [command, args] =
		platform === "win32"
			? ["powershell", ["-NoProfile", "-Command", "(Get-Item $args[0]).VersionInfo.ProductVersion"]]
			: [path, ["--version"]];
	const all = platform === "win32" ? [...args, path] : args;
	const { stdout } = spawnSync(command, all, { encoding: "utf8", timeout: 20_000 });
	const match = /(\d+)\.\d+/.exec(stdout ?? "");
	return match ? Number(match[1]) : undefined;
}

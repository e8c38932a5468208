/**
 * Finds a Chromium that can run the tests.
 *
 * A fresh machine may have one under any of a dozen names, or none, or one that is too old to
 * suspend a guest (before 137). So every candidate is asked for its version, and one that does not
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

/** The first Chromium with JSPI. */
export const MINIMUM_VERSION = 137;

/** What explicit choices are called, in the order in which they count. */
export const VARIABLES = [
	"PORTHOLE_CHROME",
	"CHROME_PATH",
	"CHROME_BIN",
	"PUPPETEER_EXECUTABLE_PATH",
];

const PATH_NAMES = [
	"chromium",
	"google-chrome-stable",
	"google-chrome",
	"chromium-browser",
	"chrome",
	"microsoft-edge-stable",
	"microsoft-edge",
	"brave-browser",
];

const MAC_PLACES = [
	"/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
	"/Applications/Chromium.app/Contents/MacOS/Chromium",
	"/Applications/Microsoft Edge.app/Contents/MacOS/Microsoft Edge",
];

const WINDOWS_PLACES = [
	"Google\\Chrome\\Application\\chrome.exe",
	"Chromium\\Application\\chrome.exe",
	"Microsoft\\Edge\\Application\\msedge.exe",
];

const MEMO = fileURLToPath(new URL("../.cache/browser.json", import.meta.url));

/**
 * @typedef {{ path: string, version: number }} Browser
 * @typedef {{ browser: Browser | undefined, tried: string[] }} Search
 */

/** Searches this machine. `tried` says of each place why it was passed over.
 * @returns {Search} */
export function findBrowser() {
	/** @type {string[]} */
	const tried = [];
	for (const [path, origin] of candidates()) {
		if (!isExecutable(path)) {
			tried.push(`${origin}: ${path} is not there`);
			continue;
		}
		const version = askVersion(path);
		if (version !== undefined && version >= MINIMUM_VERSION) {
			return { browser: { path, version }, tried };
		}
		const found = version === undefined ? "does not tell its version" : `is version ${version}`;
		tried.push(`${origin}: ${path} ${found}; ${MINIMUM_VERSION} or later is needed`);
	}
	tried.push(`PATH: none of ${PATH_NAMES.join(", ")} will do`);
	return { browser: undefined, tried };
}

/** The browser that tests use: the one found by the last search, unless a variable names another.
 * @returns {Browser} */
export function requireBrowser() {
	const remembered = explicitChoice() ? undefined : recall();
	if (remembered) return remembered;
	const { browser, tried } = findBrowser();
	if (!browser) throw new Error(explainMissing(tried));
	return browser;
}

/** What a browser needs on its command line here: root has no sandbox, containers a small /dev/shm.
 * @returns {string[]} */
export function browserArguments() {
	const quiet = ["--disable-dev-shm-usage", "--no-first-run", "--disable-background-networking"];
	return getuid?.() === 0 ? ["--no-sandbox", ...quiet] : quiet;
}

/** Keeps a finding for the processes that follow.
 * @param {Browser} browser */
export function remember(browser) {
	mkdirSync(dirname(MEMO), { recursive: true });
	writeFileSync(MEMO, `${JSON.stringify(browser)}\n`);
}

/** @param {readonly string[]} tried */
export function explainMissing(tried) {
	return [
		`No Chromium ${MINIMUM_VERSION} or later was found. Tried:`,
		...tried.map((line) => `  - ${line}`),
		"Install Chrome or Chromium, or name one: CHROME_PATH=/path/to/chrome npm test",
	].join("\n");
}

/** @returns {Browser | undefined} */
function recall() {
	try {
		const { path, version } = JSON.parse(readFileSync(MEMO, "utf8"));
		return version >= MINIMUM_VERSION && isExecutable(path) ? { path, version } : undefined;
	} catch {
		return undefined; // Nothing remembered, or nothing readable: search again.
	}
}

function explicitChoice() {
	return VARIABLES.some((name) => env[name]);
}

/** Every place to look, best first, with a word on where the idea came from.
 * @returns {Generator<[path: string, origin: string]>} */
function* candidates() {
	for (const name of VARIABLES) {
		const path = env[name];
		if (path) yield [path, name];
	}
	const own = playwrightCopy();
	if (own) yield [own, "Playwright's own copy"];
	for (const name of PATH_NAMES) {
		for (const directory of (env.PATH ?? "").split(delimiter)) {
			const path = join(directory, name);
			if (directory && existsSync(path)) yield [path, "PATH"];
		}
	}
	if (platform === "darwin") {
		for (const path of MAC_PLACES) yield [path, "macOS"];
	}
	if (platform === "win32") {
		for (const root of [env.PROGRAMFILES, env["PROGRAMFILES(X86)"], env.LOCALAPPDATA]) {
			for (const place of root ? WINDOWS_PLACES : []) yield [join(root ?? "", place), "Windows"];
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

/** The major version. Chrome for Windows opens a window when asked, so there the shell reads it.
 * @param {string} path
 * @returns {number | undefined} */
function askVersion(path) {
	const [command, args] =
		platform === "win32"
			? ["powershell", ["-NoProfile", "-Command", "(Get-Item $args[0]).VersionInfo.ProductVersion"]]
			: [path, ["--version"]];
	const all = platform === "win32" ? [...args, path] : args;
	const { stdout } = spawnSync(command, all, { encoding: "utf8", timeout: 20_000 });
	const match = /(\d+)\.\d+\.\d+/.exec(stdout ?? "");
	return match ? Number(match[1]) : undefined;
}

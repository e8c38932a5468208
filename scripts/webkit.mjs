/**
 * Finds a WebKitGTK that tests can drive: its WebDriver, the small browser that Debian has beside it,
 * and an X server without a screen where this machine shows no windows.
 *
 * Debian's packages are `webkit2gtk-driver` and `xvfb`. Only Node's own modules are used, because
 * `bootstrap.mjs` reads this file before the dependencies are there.
 */
import { existsSync, readdirSync } from "node:fs";
import { delimiter, join } from "node:path";
import { env } from "node:process";

/** Debian's packages that bring all of it. */
export const WEBKIT_PACKAGES = ["webkit2gtk-driver", "xvfb"];

/** @typedef {{ driver: string, browser: string, xvfb: string | undefined }} WebKit */

/** What there is; else why it will not do.
 * @returns {{ webkit: WebKit | undefined, missing: string }} */
export function findWebKit() {
	const driver = inPath("WebKitWebDriver");
	const browser = miniBrowser();
	const shown = env.DISPLAY || env.WAYLAND_DISPLAY;
	const xvfb = shown ? undefined : inPath("Xvfb");
	const missing = [
		...(driver ? [] : ["WebKitWebDriver"]),
		...(browser ? [] : ["MiniBrowser"]),
		...(shown || xvfb ? [] : ["Xvfb"]),
	];
	if (driver === undefined || browser === undefined || missing.length > 0) {
		const packages = WEBKIT_PACKAGES.join(" ");
		const why = `${missing.join(", ")} not found; on Debian: apt-get install ${packages}`;
		return { webkit: undefined, missing: why };
	}
	return { webkit: { driver, browser, xvfb }, missing: "" };
}

/** @param {string} name
 * @returns {string | undefined} */
function inPath(name) {
	const folders = (env.PATH ?? "").split(delimiter).filter((folder) => folder !== "");
	return folders.map((folder) => join(folder, name)).find((path) => existsSync(path));
}

/** It is no command, and lies where the library keeps its own programs.
 * @returns {string | undefined} */
function miniBrowser() {
	const above = ["/usr/libexec", "/usr/lib", ...within("/usr/lib")];
	return above
		.flatMap((folder) => within(folder).filter((path) => path.includes("/webkit2gtk-")))
		.map((folder) => join(folder, "MiniBrowser"))
		.find((path) => existsSync(path));
}

/** @param {string} folder
 * @returns {string[]} */
function within(folder) {
	try {
		const entries = readdirSync(folder, { withFileTypes: true });
		return entries.filter((entry) => entry.isDirectory()).map(({ name }) => join(folder, name));
	} catch {
		return [];
	}
}

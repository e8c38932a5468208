/**
 * The package as others consume it: packed, installed, and bundled in each way we promise.
 *
 * Every test runs the same little program from the packed tarball. What differs, and what can go
 * wrong, is how the page finds the worker once a bundler has moved the code that starts it.
 */
import { spawnSync } from "node:child_process";
import { cpSync, mkdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { execPath, platform } from "node:process";
import { fileURLToPath } from "node:url";
import { expect, type Page, test } from "@playwright/test";
import * as esbuild from "esbuild";
import * as vite from "vite";
import { pack } from "../scripts/pack.ts";

const ROOT = fileURLToPath(new URL("..", import.meta.url));
const CONSUMERS = resolve(ROOT, "test-results/consumers");
const APP = join(CONSUMERS, "app");
const DIST = join(APP, "node_modules/porthole/dist");

test.describe.configure({ mode: "default" });

test.beforeAll(() => {
	rmSync(CONSUMERS, { recursive: true, force: true });
	mkdirSync(APP, { recursive: true });
	cpSync(resolve(ROOT, "e2e/consumer"), APP, { recursive: true });
	writeFileSync(join(APP, "package.json"), '{ "name": "app", "private": true, "type": "module" }');
	const install = [
		"install",
		"--offline",
		"--no-audit",
		"--no-fund",
		pack("test-results/consumers"),
	];
	const { status, stderr } = spawnSync("npm", install, {
		cwd: APP,
		encoding: "utf8",
		shell: platform === "win32",
	});
	if (status !== 0) throw new Error(`npm install failed: ${stderr}`);
});

test("a plain script finds the worker beside the library", async ({ page }) => {
	const folder = variant("plain", "./porthole/index.js");
	cpSync(DIST, join(folder, "porthole"), { recursive: true });
	await expectHello(page, "/consumers/plain/");
});

test("Vite bundles the library and its worker", async ({ page }) => {
	await vite.build({
		root: APP,
		base: "./",
		configFile: false,
		logLevel: "error",
		build: { outDir: join(CONSUMERS, "vite"), target: "es2023" },
	});
	await expectHello(page, "/consumers/vite/");
});

test("Vite serves the library and its worker while developing", async ({ page }) => {
	const server = await vite.createServer({
		root: APP,
		configFile: false,
		logLevel: "error",
		cacheDir: join(CONSUMERS, "vite-cache"),
		server: { port: 0, host: "localhost" },
	});
	await server.listen();
	try {
		await expectHello(page, server.resolvedUrls?.local[0] ?? "");
	} finally {
		await server.close();
	}
});

test("esbuild bundles the library, given the worker as an entry of its own", async ({ page }) => {
	const outdir = variant("esbuild", "porthole");
	await esbuild.build({
		absWorkingDir: APP,
		entryPoints: { main: join(APP, "main.js"), guest: "porthole/guest.js" },
		outdir,
		allowOverwrite: true,
		bundle: true,
		format: "esm",
		target: "es2023",
	});
	await expectHello(page, "/consumers/esbuild/");
});

test("esbuild bundles porthole/inline into a single file", async ({ page }) => {
	const outdir = variant("inline", "porthole/inline");
	cpSync(join(outdir, "main.js"), join(APP, "inline.js"));
	await esbuild.build({
		absWorkingDir: APP,
		entryPoints: { main: join(APP, "inline.js") },
		outdir,
		allowOverwrite: true,
		bundle: true,
		format: "esm",
		target: "es2023",
	});
	rmSync(join(outdir, "hello.js"));
	await expectHello(page, "/consumers/inline/");
});

test("the element, with its screen, in a plain page and bundled by Vite", async ({ page }) => {
	const plain = elementPage("element", "./porthole/element.js");
	cpSync(DIST, join(plain, "porthole"), { recursive: true });
	const source = elementPage("element-source", "porthole/element");
	symlinkSync(join(APP, "node_modules"), join(source, "node_modules"));
	await vite.build({
		root: source,
		base: "./",
		configFile: false,
		logLevel: "error",
		build: { outDir: join(CONSUMERS, "element-vite"), target: "es2023" },
	});
	for (const folder of ["element", "element-vite"]) {
		await page.goto(`/consumers/${folder}/`);
		await expect(page.locator("porthole-terminal .xterm-rows")).toContainText("hello", {
			timeout: 15_000,
		});
	}
});

test("a server may import it: nothing of the DOM is touched", () => {
	const script = `
		for (const name of ["window", "document", "self", "navigator", "Worker", "location"]) {
			Object.defineProperty(globalThis, name, {
				configurable: true,
				get() { throw new Error("import touched " + name); },
			});
		}
		const { Sandbox } = await import("porthole");
		const { readPackage } = await import("porthole/webc");
		const { PortholeTerminal } = await import("porthole/element");
		console.log(typeof Sandbox.create, typeof readPackage, typeof PortholeTerminal);
	`;
	const { stdout, stderr } = spawnSync(execPath, ["--input-type=module", "--eval", script], {
		cwd: APP,
		encoding: "utf8",
		// Without the variables of the test runner, some of which Node remarks upon.
		env: {},
	});
	expect(stderr).toBe("");
	expect(stdout).toBe("function function function\n");
});

/** A copy of the application that imports the library as `specifier`. */
function variant(name: string, specifier: string): string {
	const folder = join(CONSUMERS, name);
	mkdirSync(folder, { recursive: true });
	for (const file of ["index.html", "hello.js"]) cpSync(join(APP, file), join(folder, file));
	const main = readFileSync(join(APP, "main.js"), "utf8");
	writeFileSync(join(folder, "main.js"), main.replace('from "porthole"', `from "${specifier}"`));
	return folder;
}

/** A page that has the element, from `specifier`. */
function elementPage(name: string, specifier: string): string {
	const folder = join(CONSUMERS, name);
	mkdirSync(folder, { recursive: true });
	cpSync(join(APP, "hello.js"), join(folder, "hello.js"));
	cpSync(join(APP, "element.html"), join(folder, "index.html"));
	const script = readFileSync(join(APP, "element.js"), "utf8");
	writeFileSync(join(folder, "element.js"), script.replace("porthole/element", specifier));
	return folder;
}

async function expectHello(page: Page, url: string): Promise<void> {
	await page.goto(url);
	await expect(page).toHaveTitle("0: hello, 0: hello", { timeout: 15_000 });
}

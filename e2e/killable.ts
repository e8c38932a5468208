/**
 * A browser that a test can kill: a process of its own, in a group of its own, with a profile that
 * the next one finds as it was left.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { kill } from "node:process";
import { setTimeout as sleep } from "node:timers/promises";
import { type BrowserContext, chromium, type Page } from "@playwright/test";
import { browserArguments, requireBrowser } from "../scripts/browser.mjs";

/** How long a browser may take to start on a busy machine. */
const PATIENCE = 60_000;

export class Killable {
	readonly profile: string = mkdtempSync(join(tmpdir(), "porthole-"));
	#process: ChildProcess | undefined;
	#context: BrowserContext | undefined;

	/** Starts the browser; it must not run. */
	async start(): Promise<void> {
		// The last one has left the port of its own.
		rmSync(join(this.profile, "DevToolsActivePort"), { force: true });
		this.#process = spawn(
			requireBrowser().path,
			[
				...browserArguments(),
				"--headless=new",
				"--remote-debugging-port=0",
				`--user-data-dir=${this.profile}`,
				"about:blank",
			],
			{ detached: true, stdio: "ignore" },
		);
		const browser = await chromium.connectOverCDP(await this.#address());
		this.#context = browser.contexts()[0];
	}

	/** A new page with the library in it. */
	async open(origin: string): Promise<Page> {
		if (this.#context === undefined) throw new Error("the browser does not run");
		const page = await this.#context.newPage();
		await page.goto(`${origin}/pages/library.html`);
		await page.waitForFunction(() => document.title === "ready");
		return page;
	}

	/** Kills all processes of the browser at once. */
	async kill(): Promise<void> {
		const { pid } = this.#process ?? {};
		if (this.#process === undefined || pid === undefined) return;
		const gone = new Promise((resolve) => this.#process?.once("exit", resolve));
		kill(-pid, "SIGKILL");
		await gone;
		this.#process = undefined;
		await this.#context
			?.browser()
			?.close()
			.catch(() => {});
		this.#context = undefined;
	}

	/** Kills the browser and throws its profile away. */
	async end(): Promise<void> {
		await this.kill();
		rmSync(this.profile, { recursive: true, force: true, maxRetries: 5, retryDelay: 200 });
	}

	/** The browser writes a file that says where it listens. */
	async #address(): Promise<string> {
		for (const end = Date.now() + PATIENCE; Date.now() < end; await sleep(20)) {
			try {
				const file = readFileSync(join(this.profile, "DevToolsActivePort"), "utf8");
				const [port, path] = file.split("\n");
				if (port && path) return `ws://127.0.0.1:${port}${path}`;
			} catch {
				// It is not there yet.
			}
		}
		throw new Error("the browser does not start");
	}
}

/** Kills the process of a page, and no other. */
export async function crash(page: Page): Promise<void> {
	const session = await page.context().newCDPSession(page);
	const crashed = new Promise((resolve) => page.once("crash", resolve));
	// It dies before it answers.
	session.send("Page.crash").catch(() => {});
	await crashed;
	await page.close();
}

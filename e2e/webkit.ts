/**
 * Tests in WebKitGTK, which is related to Safari and is not Safari.
 *
 * It speaks WebDriver, which is a handful of requests over HTTP; so `page` is a thin thing with
 * Playwright's names, as in `firefox.ts`, for the few calls that these tests make. Each test has a
 * session of its own, and with it a browser that keeps nothing.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { createServer } from "node:net";
import { env } from "node:process";
import { test as playwright } from "@playwright/test";
import { findWebKit } from "../scripts/webkit.mjs";

/** An X display that is hardly another's. */
const DISPLAY = ":97";
/** Milliseconds that a script may take, and the driver to start. */
const SCRIPT = 120_000;
const START = 30_000;

/** Without a graphics card. */
const SOFTWARE = {
	WEBKIT_DISABLE_COMPOSITING_MODE: "1",
	WEBKIT_DISABLE_DMABUF_RENDERER: "1",
	LIBGL_ALWAYS_SOFTWARE: "1",
};

/** Calls the function whose text stands for FUNCTION, and answers with what it answers. */
const CALL = `
	const answer = arguments[arguments.length - 1];
	const argument = arguments[0];
	Promise.resolve()
		.then(() => (FUNCTION)(argument))
		.then((value) => answer({ value }), (error) => answer({ error: String(error.stack || error) }));
`;

/** What a test does with a page. What it evaluates runs there, as in Playwright. */
export class WebKitPage {
	readonly #session: string;
	readonly #base: string;

	constructor(session: string, base: string) {
		this.#session = session;
		this.#base = base;
	}

	async goto(address: string): Promise<void> {
		await ask("POST", `${this.#session}/url`, { url: new URL(address, this.#base).href });
	}

	/** Arguments and answers are JSON. */
	async evaluate<R, A>(call: (argument: A) => Promise<R> | R, argument?: A): Promise<R> {
		const script = CALL.replace("FUNCTION", () => String(call));
		const args = argument === undefined ? [] : [argument];
		const answer = await ask("POST", `${this.#session}/execute/async`, { script, args });
		// The script above makes it so.
		const { error, value } = answer as { error?: string; value: R };
		if (error !== undefined) throw new Error(error);
		return value;
	}

	async waitForTitle(title: string): Promise<void> {
		await this.evaluate(
			(wanted) =>
				new Promise<void>((resolve) => {
					const look = () => (document.title === wanted ? resolve() : setTimeout(look, 50));
					look();
				}),
			title,
		);
	}
}

class Driver {
	readonly #processes: readonly ChildProcess[];
	readonly #address: string;
	readonly #browser: string;

	private constructor(processes: readonly ChildProcess[], address: string, browser: string) {
		this.#processes = processes;
		this.#address = address;
		this.#browser = browser;
	}

	static async start(): Promise<Driver> {
		const { webkit, missing } = findWebKit();
		if (webkit === undefined) throw new Error(missing);
		const processes: ChildProcess[] = [];
		const options = { stdio: "ignore", env: { ...env, ...SOFTWARE } } as const;
		if (webkit.xvfb !== undefined) {
			processes.push(spawn(webkit.xvfb, [DISPLAY, "-screen", "0", "1280x960x24"], options));
			Object.assign(options.env, { DISPLAY });
		}
		const port = await freePort();
		processes.push(spawn(webkit.driver, [`--port=${port}`], options));
		const driver = new Driver(processes, `http://127.0.0.1:${port}`, webkit.browser);
		await driver.#ready();
		return driver;
	}

	async open(): Promise<string> {
		const session = await ask("POST", `${this.#address}/session`, {
			capabilities: {
				alwaysMatch: {
					timeouts: { script: SCRIPT },
					"webkitgtk:browserOptions": { binary: this.#browser, args: ["--automation"] },
				},
			},
		});
		return `${this.#address}/session/${(session as { sessionId: string }).sessionId}`;
	}

	stop(): void {
		for (const process of this.#processes) process.kill();
	}

	async #ready(): Promise<void> {
		for (const end = Date.now() + START; ; ) {
			const answer = await ask("GET", `${this.#address}/status`).catch(() => null);
			if (answer !== null) return;
			if (Date.now() > end) throw new Error("WebKitWebDriver does not answer");
			await new Promise((resolve) => setTimeout(resolve, 100));
		}
	}
}

/** A request of WebDriver; answers with its `value`. */
async function ask(method: string, address: string, body?: object): Promise<unknown> {
	const response = await fetch(address, { method, ...(body && { body: JSON.stringify(body) }) });
	const { value } = (await response.json()) as { value: unknown };
	if (!response.ok) throw new Error(`WebDriver: ${JSON.stringify(value)}`);
	return value;
}

function freePort(): Promise<number> {
	return new Promise((resolve) => {
		const server = createServer().listen(0, "127.0.0.1", () => {
			const address = server.address();
			const port = typeof address === "object" && address !== null ? address.port : 0;
			server.close(() => resolve(port));
		});
	});
}

/** `test` in WebKitGTK. */
export const webkitTest = playwright.extend<{ readonly webkit: WebKitPage }, { driver: Driver }>({
	driver: [
		// biome-ignore lint/correctness/noEmptyPattern: Playwright reads the names of fixtures there.
		async ({}, use) => {
			const driver = await Driver.start();
			await use(driver);
			driver.stop();
		},
		{ scope: "worker" },
	],
	webkit: async ({ driver, baseURL }, use) => {
		const session = await driver.open();
		await use(new WebKitPage(session, baseURL ?? ""));
		await ask("DELETE", session);
	},
});

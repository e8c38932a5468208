/**
 * The same tests in Firefox.
 *
 * Playwright drives a Firefox of its own making only. The one that people have speaks WebDriver BiDi,
 * and Puppeteer speaks it too. So in Firefox `page` is a thin thing with Playwright's names over a
 * page of Puppeteer's: the calls that our tests make, and none besides. Whatever else a test asks of
 * it fails by name, and then the call is added here. Files of tests that drive Chromium itself are
 * left out in `playwright.config.ts`, which says why.
 *
 * One browser serves a whole run; each test has a context of its own, so that none sees what another
 * has stored.
 */
import { env } from "node:process";
import { type BrowserContext, test as playwright } from "@playwright/test";
import {
	type Browser,
	type KeyInput,
	launch,
	type Page,
	type BrowserContext as PuppeteerContext,
} from "puppeteer-core";
import { FIREFOX, requireBrowser } from "../scripts/browser.mjs";
import type { OpenContext } from "./shared-page.ts";

/** Whether this run is one in Firefox: `PORTHOLE_E2E_BROWSER=firefox`. */
export const inFirefox = env.PORTHOLE_E2E_BROWSER === "firefox";

/** The keys that are held while another is pressed, as both sides call them. */
const MODIFIERS = new Set(["Control", "Shift", "Alt", "Meta"]);

class FirefoxKeyboard {
	readonly #page: Page;

	constructor(page: Page) {
		this.#page = page;
	}

	type(text: string): Promise<void> {
		return this.#page.keyboard.type(text);
	}

	async insertText(text: string): Promise<void> {
		for (const character of text) await this.#page.keyboard.sendCharacter(character);
	}

	/** One key, or several that are held together: `Control+c`. */
	async press(chord: string): Promise<void> {
		const { keyboard } = this.#page;
		// The names of keys are the same for both; a wrong one is refused by name.
		const keys = chord.split(/(?<=.)\+/) as KeyInput[];
		const held = keys.filter((key) => MODIFIERS.has(key));
		for (const key of held) await keyboard.down(key);
		for (const key of keys) if (!MODIFIERS.has(key)) await keyboard.press(key);
		for (const key of held.reverse()) await keyboard.up(key);
	}
}

type PageEvents = { readonly type: () => string; readonly text: () => string };

class FirefoxPage {
	readonly keyboard: FirefoxKeyboard;
	readonly #page: Page;
	readonly #base: string;

	constructor(page: Page, base: string) {
		this.#page = page;
		this.#base = base;
		this.keyboard = new FirefoxKeyboard(page);
	}

	async goto(address: string): Promise<void> {
		await this.#page.goto(new URL(address, this.#base).href);
	}

	async reload(): Promise<void> {
		await this.#page.reload();
	}

	async close(): Promise<void> {
		await this.#page.close();
	}

	url(): string {
		return this.#page.url();
	}

	/** As in Playwright, a string that is no function is an expression. */
	async evaluate(what: string | ((argument: unknown) => unknown), argument?: unknown) {
		return this.#page.evaluate(what, argument);
	}

	async waitForFunction(
		what: string | ((argument: unknown) => unknown),
		argument?: unknown,
		options: { readonly timeout?: number } = {},
	): Promise<void> {
		await this.#page.waitForFunction(what, { polling: 50, ...options }, argument);
	}

	async addScriptTag({ content }: { readonly content: string }): Promise<void> {
		await this.#page.addScriptTag({ content });
	}

	async click(selector: string): Promise<void> {
		await this.#page.click(selector);
	}

	async focus(selector: string): Promise<void> {
		await this.#page.focus(selector);
	}

	async screenshot({ path }: { readonly path: `${string}.png` }): Promise<void> {
		await this.#page.screenshot({ path });
	}

	async setViewportSize(size: { readonly width: number; readonly height: number }): Promise<void> {
		await this.#page.setViewport(size);
	}

	on(event: "console", listener: (message: PageEvents) => void): void {
		if (event !== "console") throw new Error(`in Firefox a page tells of no "${event}"`);
		this.#page.on("console", listener);
	}
}

class FirefoxContext {
	readonly #context: PuppeteerContext;
	readonly #base: string;

	constructor(context: PuppeteerContext, base: string) {
		this.#context = context;
		this.#base = base;
	}

	async newPage(): Promise<FirefoxPage> {
		const page = new FirefoxPage(await this.#context.newPage(), this.#base);
		return new Proxy(page, { get: (target, name) => memberOf(target, name) });
	}

	async close(): Promise<void> {
		await this.#context.close();
	}
}

/** The page has private fields, so a method is bound to what it belongs to. */
function memberOf(page: FirefoxPage, name: string | symbol): unknown {
	const value: unknown = Reflect.get(page, name);
	if (typeof value === "function") return value.bind(page);
	// Whoever awaits a page asks whether it is a promise.
	if (value !== undefined || typeof name === "symbol" || name === "then") return value;
	throw new Error(`page.${name} is not there in Firefox: see e2e/firefox.ts`);
}

interface OfWorker {
	readonly firefox: Browser;
	readonly openContext: OpenContext;
}

/** `test` in Firefox. */
export const firefoxTest = playwright.extend<object, OfWorker>({
	firefox: [
		// biome-ignore lint/correctness/noEmptyPattern: Playwright reads the names of fixtures there.
		async ({}, use) => {
			const executablePath = requireBrowser(FIREFOX).path;
			const firefox = await launch({ browser: "firefox", executablePath, headless: true });
			await use(firefox);
			await firefox.close();
		},
		{ scope: "worker" },
	],
	openContext: [
		async ({ firefox }, use) =>
			use(async (base) => {
				const context = new FirefoxContext(await firefox.createBrowserContext(), base);
				// It lacks most of what Playwright's has, and its pages say so by name when asked.
				return context as unknown as BrowserContext;
			}),
		{ scope: "worker" },
	],
	context: async ({ openContext, baseURL }, use) => {
		const context = await openContext(baseURL ?? "");
		await use(context);
		await context.close();
	},
	page: async ({ context }, use) => use(await context.newPage()),
});

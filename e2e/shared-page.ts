/**
 * One page for all tests of a file: the library is loaded once, and the browser has each program
 * compiled already when the next test asks for it.
 *
 * After each test the page closes the sandboxes that the test made. A page whose test failed, or whose
 * sandboxes do not close, is thrown away, so that no test can fail because of another.
 */
import type { BrowserContext, Page } from "@playwright/test";
import type { Bridge } from "./bridges.ts";

/** Makes a browser context whose pages resolve addresses against `base`. */
export type OpenContext = (base: string) => Promise<BrowserContext>;

declare global {
	/** Closes what `Sandbox.create` has made since it was last called. */
	function closeSandboxes(): Promise<void>;
}

export class SharedPage {
	readonly #openContext: OpenContext;
	#current:
		| { readonly key: string; readonly context: BrowserContext; readonly page: Page }
		| undefined;

	constructor(openContext: OpenContext) {
		this.#openContext = openContext;
	}

	/** The page of the tests that share `key`; the page of another key is closed. */
	async open(key: string, base: string, bridge: Bridge | undefined): Promise<Page> {
		if (this.#current?.key === key) return this.#current.page;
		await this.close();
		const context = await this.#openContext(base);
		const page = await context.newPage();
		this.#current = { key, context, page };
		await openLibrary(page, bridge);
		return page;
	}

	/** Makes the page as it was; where that fails the page is closed, and the error is the test's. */
	async tidy(): Promise<void> {
		try {
			await this.#current?.page.evaluate(() => closeSandboxes());
		} catch (error) {
			await this.close();
			throw error;
		}
	}

	async close(): Promise<void> {
		const context = this.#current?.context;
		this.#current = undefined;
		await context?.close();
	}
}

/** Loads the page that has the library in it, whose sandboxes ask for `bridge`. */
export async function openLibrary(page: Page, bridge: Bridge | undefined): Promise<void> {
	await page.goto(`/pages/library.html${bridge ? `?bridge=${bridge}` : ""}`);
	await page.waitForFunction(() => document.title === "ready");
}

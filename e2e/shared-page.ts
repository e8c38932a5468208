/**
 * One page for all tests of a file: what it shows is loaded once, as are the packages that it keeps.
 *
 * After each test the page is made as it was: that of the library closes the sandboxes that the test made.
 * A page whose test failed, or which cannot be made as it was, is thrown away, so that no test can fail
 * because of another.
 */
import type { BrowserContext, Page } from "@playwright/test";
import type { Bridge } from "./bridges.ts";

/** Makes a browser context whose pages resolve addresses against `base`. */
export type OpenContext = (base: string) => Promise<BrowserContext>;

export class SharedPage {
	readonly #openContext: OpenContext;
	#current:
		| { readonly key: string; readonly context: BrowserContext; readonly page: Page }
		| undefined;

	constructor(openContext: OpenContext) {
		this.#openContext = openContext;
	}

	/** The page of the tests that share `key`, which was new when `load` was called with it; the page of
	 *  another key is closed. */
	async open(key: string, base: string, load: (page: Page) => Promise<void>): Promise<Page> {
		if (this.#current?.key === key) return this.#current.page;
		await this.close();
		const context = await this.#openContext(base);
		const page = await context.newPage();
		this.#current = { key, context, page };
		await load(page);
		return page;
	}

	/** Makes the page as it was, by `tidy`; where that fails the page is closed, and the error is the test's. */
	async tidy(tidy: (page: Page) => Promise<void>): Promise<void> {
		try {
			if (this.#current !== undefined) await tidy(this.#current.page);
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

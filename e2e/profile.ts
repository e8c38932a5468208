/**
 * A browser with a profile of its own on the disk, for tests of what outlives a page: storage, quota,
 * crashes, and a directory of the user's. Contexts of the shared browser keep nothing.
 */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type BrowserContext, chromium, type Page, test } from "@playwright/test";
import { browserArguments, requireBrowser } from "../scripts/browser.mjs";

export class Profile {
	readonly folder: string = mkdtempSync(join(tmpdir(), "porthole-"));
	readonly origin: string;
	#context: BrowserContext | null = null;

	constructor() {
		this.origin = test.info().project.use.baseURL ?? "";
		// What a user answers who is asked whether this page may change files.
		const guard = { [`${this.origin},*`]: { setting: 1 } };
		const exceptions = { file_system_write_guard: guard };
		mkdirSync(join(this.folder, "Default"));
		const preferences = { profile: { content_settings: { exceptions } } };
		writeFileSync(join(this.folder, "Default/Preferences"), JSON.stringify(preferences));
	}

	/** Starts the browser, or the next page in it, with the library. */
	async visit(): Promise<Page> {
		this.#context ??= await chromium.launchPersistentContext(this.folder, {
			executablePath: requireBrowser().path,
			args: browserArguments(),
		});
		const page = await this.#context.newPage();
		await page.goto(`${this.origin}/pages/library.html`);
		await page.waitForFunction(() => document.title === "ready");
		return page;
	}

	/** The browser ends. */
	async leave(): Promise<void> {
		await this.#context?.close();
		this.#context = null;
	}

	async [Symbol.asyncDispose](): Promise<void> {
		await this.leave();
		rmSync(this.folder, { recursive: true, force: true });
	}
}

/** Drops a directory of the disk onto the page, as a user would, and keeps its handle as `picked`. */
export async function drop(page: Page, folder: string): Promise<void> {
	await page.evaluate(() => {
		document.body.style.height = "500px";
		document.ondragover = (event) => event.preventDefault();
		document.ondrop = async (event) => {
			event.preventDefault();
			const handle = await event.dataTransfer?.items[0]?.getAsFileSystemHandle();
			Object.assign(globalThis, { picked: handle });
		};
	});
	const devtools = await page.context().newCDPSession(page);
	for (const type of ["dragEnter", "dragOver", "drop"] as const) {
		const data = { items: [], files: [folder], dragOperationsMask: 1 };
		await devtools.send("Input.dispatchDragEvent", { type, x: 50, y: 50, data });
	}
	await page.waitForFunction(() => "picked" in globalThis);
}

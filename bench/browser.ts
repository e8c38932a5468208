/**
 * The Chromium of the bench: runs jobs in its page, and knows the memory of its processes.
 */
import { readFileSync } from "node:fs";
import { type Browser, chromium, type Page } from "@playwright/test";
import { browserArguments, requireBrowser } from "../scripts/browser.mjs";
import type { Contestant, Job, Outcome } from "./job.ts";

/** Bytes. */
export interface Memory {
	readonly now: number;
	readonly peak: number;
}

export class BenchBrowser {
	readonly #browser: Browser;
	readonly #page: Page;

	static async start(url: string): Promise<BenchBrowser> {
		const browser = await chromium.launch({
			executablePath: requireBrowser().path,
			args: browserArguments(),
		});
		const page = await browser.newPage();
		page.on("pageerror", (error) => console.log(`  ${error.message}`));
		await page.goto(url);
		await page.waitForFunction(() => "bench" in globalThis);
		return new BenchBrowser(browser, page);
	}

	private constructor(browser: Browser, page: Page) {
		this.#browser = browser;
		this.#page = page;
	}

	async run(who: Contestant, job: Job, patience: number): Promise<Outcome> {
		const outcome = this.#page.evaluate(
			([contestant, task]) => globalThis.bench.run(contestant, task),
			[who, job] as const,
		);
		let timer: NodeJS.Timeout | undefined;
		const late = new Promise<never>((_, reject) => {
			timer = setTimeout(() => reject(new Error(`takes more than ${patience / 1000} s`)), patience);
		});
		// A page that is closed while it runs rejects, and nobody waits for it any more.
		outcome.catch(() => {});
		return Promise.race([outcome, late]).finally(() => clearTimeout(timer));
	}

	/** What the processes that run pages hold: resident memory, as Linux counts it. */
	async memory(): Promise<Memory> {
		const session = await this.#browser.newBrowserCDPSession();
		const { processInfo } = await session.send("SystemInfo.getProcessInfo");
		await session.detach();
		let now = 0;
		let peak = 0;
		for (const { type, id } of processInfo) {
			if (type !== "renderer") continue;
			const status = readFileSync(`/proc/${id}/status`, "utf8");
			now += kilobytes(status, "VmRSS") * 1024;
			peak += kilobytes(status, "VmHWM") * 1024;
		}
		return { now, peak };
	}

	close(): Promise<void> {
		return this.#browser.close();
	}
}

function kilobytes(status: string, field: string): number {
	return Number(new RegExp(`${field}:\\s*(\\d+) kB`).exec(status)?.[1] ?? 0);
}

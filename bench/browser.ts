/**
 * The Chromium of the bench: runs jobs in its page, and knows the memory of its processes.
 */
import { readFileSync } from "node:fs";
import { type Browser, chromium, type Page } from "@playwright/test";
import { browserArguments, requireBrowser } from "../scripts/browser.mjs";
import type { Contestant, Job, Outcome } from "./job.ts";

/** Bytes that a process holds, and the most that it held. */
interface Resident {
	readonly now: number;
	readonly peak: number;
}

/** By process. */
export type Memory = ReadonlyMap<number, Resident>;

/** The nursery is so large that nothing is collected while garbage is counted. */
const NURSERY = "--js-flags=--min-semi-space-size=256 --max-semi-space-size=256";
const WARM_CALLS = 300_000;
const COUNTED_CALLS = 2_000_000;
const COUNTS = 3;

export class BenchBrowser {
	readonly #browser: Browser;
	readonly #page: Page;

	/** `counting` is for `garbage`. */
	static async start(url: string, counting = false): Promise<BenchBrowser> {
		const browser = await chromium.launch({
			executablePath: requireBrowser().path,
			args: [...browserArguments(), ...(counting ? [NURSERY] : [])],
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
		const renderers = processInfo.filter(({ type }) => type === "renderer");
		return new Map(
			renderers.map(({ id }) => {
				const status = readFileSync(`/proc/${id}/status`, "utf8");
				return [id, { now: bytes(status, "VmRSS"), peak: bytes(status, "VmHWM") }];
			}),
		);
	}

	/**
	 * Bytes by which our worker's heap grows per call. A process costs something to start, so what a
	 * run of no calls leaves behind is taken off.
	 */
	async garbage(program: string, call: string, calls = COUNTED_CALLS): Promise<number> {
		const ask = await this.#watchWorker();
		const heap = async () => (await ask("Runtime.getHeapUsage")).usedSize ?? Number.NaN;
		await this.#page.evaluate((url) => globalThis.bench.open(url), program);
		const growth = async (times: number) => {
			await ask("HeapProfiler.collectGarbage");
			const before = await heap();
			const args = [call, String(times)];
			await this.#page.evaluate((words) => globalThis.bench.again(words), args);
			return (await heap()) - before;
		};
		await growth(WARM_CALLS);
		await growth(WARM_CALLS);
		const start = await growth(0);
		// The least of several: on a busy machine the optimised code comes late, and what runs until
		// then boxes its numbers.
		let all = Number.POSITIVE_INFINITY;
		for (let i = 0; i < COUNTS; i++) all = Math.min(all, await growth(calls));
		await this.#page.evaluate(() => globalThis.bench.close());
		return Math.max(0, all - start) / calls;
	}

	/** Sends commands of the debugger to the next worker. */
	async #watchWorker(): Promise<(method: string) => Promise<{ usedSize?: number }>> {
		const session = await this.#page.context().newCDPSession(this.#page);
		let worker = "";
		let last = 0;
		const answers = new Map<number, (result: { usedSize?: number }) => void>();
		session.on("Target.attachedToTarget", ({ sessionId }) => {
			worker = sessionId;
		});
		session.on("Target.receivedMessageFromTarget", ({ message }) => {
			const { id, result } = JSON.parse(message) as { id: number; result: { usedSize?: number } };
			answers.get(id)?.(result);
		});
		await session.send("Target.setAutoAttach", {
			autoAttach: true,
			waitForDebuggerOnStart: false,
			flatten: false,
		});
		return (method) =>
			new Promise((resolve, reject) => {
				last += 1;
				answers.set(last, resolve);
				const message = JSON.stringify({ id: last, method });
				session.send("Target.sendMessageToTarget", { sessionId: worker, message }).catch(reject);
			});
	}

	close(): Promise<void> {
		return this.#browser.close();
	}
}

function bytes(status: string, field: string): number {
	return Number(new RegExp(`${field}:\\s*(\\d+) kB`).exec(status)?.[1] ?? 0) * 1024;
}

/**
 * Directories that last, and a browser that is killed at random moments.
 *
 * A random workload is made up here, as a list of steps, and run in the page; the page tells when a
 * sync has been answered. Then the browser is killed, or the process of the page. What the next page
 * finds must be what some prefix of the steps leaves, one that contains all that was synced: every
 * synced byte is there, nothing is half renamed, no file holds what it never held.
 *
 * A store that does not keep the order of changes (`ordered: false`) is held to less: what was synced
 * and has not been touched since is there, to the byte, and a file that has only been moved is whole
 * at one of its names.
 *
 * PORTHOLE_KILLS says how often, one in five times the whole browser.
 */
import { env } from "node:process";
import { setTimeout as sleep } from "node:timers/promises";
import { expect, test } from "@playwright/test";
import type * as Porthole from "../src/index.ts";
import { crash, Killable } from "./killable.ts";
import { Model, teach, work } from "./workload.ts";

const KILLS = Number(env.PORTHOLE_KILLS ?? 100);
/** Steps that a page is given; more than it can do before it is killed. */
const STEPS = 1500;

interface Kind {
	readonly name: string;
	/** In the page. */
	readonly open: () => Porthole.Directory;
	readonly ordered: boolean;
}

const kinds: readonly Kind[] = [
	{ name: "IndexedDB", open: () => new porthole.IndexedDBDirectory("crash"), ordered: true },
	{ name: "OPFS", open: () => new porthole.OPFSDirectory("crash"), ordered: false },
];

let browser: Killable;

test.beforeEach(() => {
	browser = new Killable();
});

test.afterEach(() => browser.end());

for (const { name, open, ordered } of kinds) {
	test(`${name}: what was synced is there, and nothing is half done, however often the browser is killed`, async ({
		baseURL,
	}) => {
		test.setTimeout(60_000 + KILLS * 10_000);
		const seed = Math.floor(Math.random() * 2 ** 31);
		const model = new Model(seed);
		await browser.start();
		let done = 0;
		for (let round = 0; round < KILLS; round++) {
			const page = await browser.open(baseURL ?? "");
			await teach(page, open, model);
			const found = await page.evaluate(() => treeOf(openStore(), ""));
			expect(model.explain(found, ordered), `seed ${seed}, round ${round}`).toBeNull();
			done += model.reached;
			await work(page, model.plan(found, STEPS));
			await sleep(Math.random() * 400);
			expect(model.failure, `seed ${seed}, round ${round}`).toBeNull();
			if (round % 5 > 0) await crash(page);
			else {
				await browser.kill();
				await browser.start();
			}
		}
		// Most rounds get somewhere before they are killed.
		expect(done).toBeGreaterThan(KILLS);
	});
}

/**
 * Directories that last, and a browser that is killed at random moments.
 *
 * A random workload is made up here, as a list of steps, and run in the page; the page tells when a
 * sync has been answered. Then the browser is killed, or the process of the page. What the next page
 * finds must be the state after some prefix of the steps, one that contains all that was synced: so
 * every synced byte is there, nothing is half renamed, and nothing else is damaged.
 *
 * A store that does not keep the order of changes (`ordered: false`) is held to less: what was synced
 * and has not been touched since is there, to the byte, and a file that has only been moved is whole
 * at one of its names.
 *
 * PORTHOLE_KILLS says how often, one in five times the whole browser.
 */
import { env } from "node:process";
import { setTimeout as sleep } from "node:timers/promises";
import { expect, type Page, test } from "@playwright/test";
import type * as Porthole from "../src/index.ts";
import { crash, Killable } from "./killable.ts";
import { Model, type Step, type Tree } from "./workload.ts";

declare global {
	function acknowledge(step: number): Promise<void>;
	function giveUp(why: string): Promise<void>;
	function openStore(): Porthole.Directory;
	function treeOf(directory: Porthole.Store): Promise<Tree>;
}

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

for (const kind of kinds) {
	test(`${kind.name}: what was synced is there, and nothing is half done, however often the browser is killed`, async ({
		baseURL,
	}) => {
		test.setTimeout(60_000 + KILLS * 10_000);
		const seed = Math.floor(Math.random() * 2 ** 31);
		const model = new Model(seed);
		await browser.start();
		let done = 0;
		for (let round = 0; round < KILLS; round++) {
			const page = await open(baseURL ?? "", kind);
			const found = await page.evaluate(() => treeOf(openStore() as Porthole.Store));
			const wrong = round === 0 ? null : model.explain(found, kind.ordered);
			expect(wrong, `seed ${seed}, round ${round}`).toBeNull();
			done += model.reached;
			const steps = model.plan(found, STEPS);
			await page.exposeFunction("acknowledge", (step: number) => model.acknowledge(step));
			await page.exposeFunction("giveUp", (why: string) => {
				model.failure = why;
			});
			await work(page, steps);
			await sleep(Math.random() * 400);
			expect(model.failure, `seed ${seed}, round ${round}`).toBeNull();
			if (round % 5 > 0) await crash(page);
			else {
				await browser.kill();
				await browser.start();
			}
		}
		// The workload is one: most rounds get somewhere before they are killed.
		expect(done).toBeGreaterThan(KILLS);
	});
}

async function open(origin: string, { open }: Kind): Promise<Page> {
	const page = await browser.open(origin);
	await page.evaluate(`globalThis.openStore = ${open}`);
	await page.evaluate(() => {
		globalThis.treeOf = async (store) => {
			const found: Record<string, string | null> = {};
			const look = async (directory: string): Promise<void> => {
				for (const { name, type, size } of await store.list(directory || "/")) {
					const path = `${directory}/${name}`;
					found[path] = null;
					if (type === "directory") await look(path);
					else found[path] = new TextDecoder().decode(await store.read(path, 0, size + 1));
				}
			};
			await look("");
			return found;
		};
	});
	return page;
}

/** Starts the workload and comes back once the sandbox is there. */
async function work(page: Page, steps: readonly Step[]): Promise<void> {
	await page.evaluate(async (steps) => {
		const sandbox = await porthole.Sandbox.create({ mounts: { "/d": openStore() } });
		const run = async (): Promise<void> => {
			for (const [index, step] of steps.entries()) {
				const { fs } = sandbox;
				const path = `/d${step.path}`;
				if (step.call === "write") await fs.writeFile(path, step.text.repeat(step.times));
				else if (step.call === "append") await fs.appendFile(path, step.text.repeat(step.times));
				else if (step.call === "mkdir") await fs.mkdir(path);
				else if (step.call === "rm") await fs.rm(path);
				else if (step.call === "rename") await fs.rename(path, `/d${step.to}`);
				else {
					await sandbox.sync();
					await acknowledge(index);
				}
			}
		};
		run().catch((error) => giveUp(String(error)));
	}, steps);
}

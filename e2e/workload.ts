/**
 * A random workload on a directory, and what may be found after it was cut short.
 *
 * The steps are made up in advance and the model knows the state after each. A sync is a step too: the
 * page goes on behind it only when the test knows that it was answered. So what the page had done when
 * it was killed lies between the last sync that is known and the next one.
 */

import type { Page } from "@playwright/test";
import type * as Porthole from "../src/index.ts";

/** Everything in a directory: path → contents, null for a directory. */
export type Tree = Readonly<Record<string, string | null>>;
type Files = Map<string, string | null>;

export type Step =
	| { readonly call: "sync"; readonly path: "" }
	| { readonly call: "mkdir"; readonly path: string }
	| { readonly call: "rm"; readonly path: string }
	| { readonly call: "rename"; readonly path: string; readonly to: string }
	| {
			readonly call: "write" | "append";
			readonly path: string;
			/** Written so many times. */
			readonly text: string;
			readonly times: number;
	  };

declare global {
	/** The directory that all pages of a test have. */
	function openStore(): Porthole.Store;
	function treeOf(store: Porthole.Store, within: string): Promise<Tree>;
	/** A step has been made; a page goes on after a sync when this has been answered. */
	function acknowledge(step: number): Promise<void>;
	function giveUp(why: string): Promise<void>;
}

/** Teaches a page which directory it has, and how to look at it; tells the model what it does. */
export async function teach(page: Page, open: () => Porthole.Directory, model: Model) {
	await page.exposeFunction("acknowledge", (step: number) => model.acknowledge(step));
	await page.exposeFunction("giveUp", (why: string) => {
		model.failure = why;
	});
	await page.evaluate(`globalThis.openStore = ${open}`);
	await page.evaluate(() => {
		globalThis.treeOf = async (store, within) => {
			const found: Record<string, string | null> = {};
			const look = async (directory: string): Promise<void> => {
				for (const { name, type, size } of await store.list(within + directory || "/")) {
					const path = `${directory}/${name}`;
					found[path] = null;
					if (type === "directory") await look(path);
					else found[path] = text(await store.read(within + path, 0, size + 1));
				}
			};
			await look("");
			return found;
		};
	});
}

/** Starts a workload in a directory and comes back once the sandbox is there. */
export async function work(page: Page, steps: readonly Step[], within = ""): Promise<void> {
	await page.evaluate(
		async ({ steps, within }) => {
			const sandbox = await porthole.Sandbox.create({ mounts: { "/d": openStore() } });
			const make = async (step: Step, index: number): Promise<void> => {
				const { fs } = sandbox;
				const path = `/d${within}${step.path}`;
				if (step.call === "sync") {
					await sandbox.sync();
					await acknowledge(index);
				} else if (step.call === "rename") await fs.rename(path, `/d${within}${step.to}`);
				else if (step.call === "mkdir") await fs.mkdir(path);
				else if (step.call === "rm") await fs.rm(path);
				else if (step.call === "write") await fs.writeFile(path, step.text.repeat(step.times));
				else await fs.appendFile(path, step.text.repeat(step.times));
			};
			const run = async (): Promise<void> => {
				for (const [index, step] of steps.entries()) await make(step, index);
			};
			run().catch((error) => giveUp(String(error)));
		},
		{ steps, within },
	);
}

const DIRECTORIES = ["/a", "/b", "/c", "/a/d", "/b/d"];

export class Model {
	/** Steps that are known to have been synced since the last plan. */
	reached = 0;
	/** Why the workload ended by itself. */
	failure: string | null = null;
	#steps: readonly Step[] = [];
	#start: Files = new Map();
	#state: number;

	constructor(seed: number) {
		this.#state = seed >>> 0;
	}

	/** Steps that begin with what has been found. */
	plan(found: Tree, count: number): readonly Step[] {
		this.#start = new Map(Object.entries(found));
		this.reached = 0;
		const steps: Step[] = [];
		const files = new Map(this.#start);
		while (steps.length < count) {
			const step = this.#step(files, steps.length);
			if (step === null) continue;
			run(files, step);
			steps.push(step);
		}
		this.#steps = steps;
		return steps;
	}

	/** A sync, the step of this number, has been answered. */
	acknowledge(step: number): void {
		this.reached = step + 1;
	}

	/** Null when what is found is what may be; otherwise what is wrong with it. */
	explain(found: Tree, ordered: boolean): string | null {
		const files = new Map(this.#start);
		for (const step of this.#steps.slice(0, this.reached)) run(files, step);
		const next = this.#steps.findIndex(({ call }, i) => i >= this.reached && call === "sync");
		const open = this.#steps.slice(this.reached, next < 0 ? undefined : next);
		const wrong = ordered ? noPrefix(files, open, found) : damage(files, open, found);
		if (wrong === null) return null;
		return `${wrong}\nsynced: ${show(files)}\nthen: ${open.map(told).join(", ")}`;
	}

	/** A step that can be made; null where the dice had no luck. */
	#step(files: Files, number: number): Step | null {
		const named = [...files].filter(([, text]) => text !== null).map(([path]) => path);
		const directories = [...files].filter(([, text]) => text === null).map(([path]) => path);
		const some = this.#one(named);
		const within = this.#one(["", ...directories]) ?? "";
		const path = `${within}/${this.#one([..."stuvwxyz"])}`;
		const times = this.#roll(12) === 0 ? 30_000 : 1 + this.#roll(300);
		const text = `${number}.${this.#roll(1000)} `;
		const directory = this.#one(DIRECTORIES) ?? "";
		const moved = this.#one(directories);
		switch (this.#roll(12)) {
			case 0:
			case 1:
				return { call: "sync", path: "" };
			case 2:
			case 3:
				return some === undefined ? null : { call: "rename", path: some, to: path };
			case 4:
				return some === undefined ? null : { call: "rm", path: some };
			case 5:
				return canMake(files, directory) ? { call: "mkdir", path: directory } : null;
			case 6:
				if (moved === undefined || !canMake(files, directory)) return null;
				if (`${directory}/`.startsWith(`${moved}/`)) return null;
				return { call: "rename", path: moved, to: directory };
			case 7:
			case 8:
				return some === undefined ? null : { call: "append", path: some, text, times };
			default:
				return { call: "write", path: this.#roll(2) ? path : (some ?? path), text, times };
		}
	}

	#one<T>(list: readonly T[]): T | undefined {
		return list[this.#roll(list.length)];
	}

	#roll(sides: number): number {
		this.#state = (Math.imul(this.#state, 1664525) + 1013904223) >>> 0;
		return Math.floor((this.#state / 2 ** 32) * sides);
	}
}

function canMake(files: Files, directory: string): boolean {
	const above = directory.slice(0, directory.lastIndexOf("/"));
	return !files.has(directory) && (above === "" || files.get(above) === null);
}

/** Makes a step. */
function run(files: Files, step: Step): void {
	const { call, path } = step;
	if (call === "rename") move(files, path, step.to);
	else if (call === "rm") files.delete(path);
	else if (call === "mkdir") files.set(path, null);
	else if (call !== "sync") {
		const old = call === "append" ? (files.get(path) ?? "") : "";
		files.set(path, old + step.text.repeat(step.times));
	}
}

function move<T>(files: Map<string, T>, path: string, to: string): void {
	for (const [old, value] of [...files]) {
		if (!`${old}/`.startsWith(`${path}/`)) continue;
		files.delete(old);
		files.set(to + old.slice(path.length), value);
	}
}

/** All that a file has held since the last sync; null for a directory. */
type History = string[] | null;

/**
 * What keeps `found` from being what the steps have made of `files` when they were cut short. Names
 * are as they were after a prefix of the steps. A file holds what it held at some time since the sync:
 * bytes that were not synced may come before or after a change of other names.
 */
function noPrefix(files: Files, steps: readonly Step[], found: Tree): string | null {
	const histories = new Map<string, History>();
	for (const [path, text] of files) histories.set(path, text === null ? null : [text]);
	const states = [new Map(histories)];
	for (const step of steps) {
		const { call, path } = step;
		if (call === "rename") move(histories, path, step.to);
		else if (call === "rm") histories.delete(path);
		else if (call === "mkdir") histories.set(path, null);
		else if (call !== "sync") {
			const history = histories.get(path) ?? [];
			const old = call === "append" ? (history.at(-1) ?? "") : "";
			histories.set(path, history);
			history.push(old, old + step.text.repeat(step.times));
		}
		states.push(new Map(histories));
	}
	const paths = Object.keys(found);
	const fits = (state: ReadonlyMap<string, History>) =>
		state.size === paths.length && paths.every((path) => has(state.get(path), found[path]));
	return states.some(fits) ? null : `no prefix leads to ${show(new Map(Object.entries(found)))}`;
}

function has(history: History | undefined, text: string | null | undefined): boolean {
	if (history === undefined || text === undefined) return false;
	return history === null || text === null ? history === text : history.includes(text);
}

/** What of the files that no step may have changed is not there. */
function damage(files: Files, steps: readonly Step[], found: Tree): string | null {
	for (const [path, text] of files) {
		const names = namesOf(path, steps);
		if (names === null || names.some((name) => found[name] === text)) continue;
		return `${path} is at none of ${names}, or not as it was; found ${show(new Map(Object.entries(found)))}`;
	}
	return null;
}

/** Where a file may be that has only been moved; null for one that has been changed. */
function namesOf(path: string, steps: readonly Step[]): string[] | null {
	const names = [path];
	for (const step of steps) {
		if (step.call === "rename") {
			if (names.includes(step.to)) return null;
			for (const name of [...names]) {
				if (`${name}/`.startsWith(`${step.path}/`)) {
					names.push(step.to + name.slice(step.path.length));
				}
			}
		} else if (names.includes(step.path)) return null;
	}
	return names;
}

function show(files: Files): string {
	const all = [...files].sort(([a], [b]) => (a < b ? -1 : 1));
	return all
		.map(([path, text]) => `${path} ${text === null ? "/" : `${text.slice(0, 9)}×${text.length}`}`)
		.join("; ");
}

function told(step: Step): string {
	if (step.call === "rename") return `rename ${step.path} ${step.to}`;
	return "text" in step ? `${step.call} ${step.path} ${step.text}` : `${step.call} ${step.path}`;
}

/**
 * A random workload on a directory, and what may be found after it was cut short.
 *
 * The steps are made up in advance and the model knows the state after each. A sync is a step too: the
 * page goes on behind it only when the test knows that it was answered. So what the page had done when
 * it was killed lies between the last sync that is known and the next one.
 */

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
			for (const _ of run(files, step));
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
		for (const step of this.#steps.slice(0, this.reached)) for (const _ of run(files, step));
		const next = this.#steps.findIndex(({ call }, i) => i >= this.reached && call === "sync");
		const open = this.#steps.slice(this.reached, next < 0 ? undefined : next);
		const synced = new Map(files);
		const wrong = ordered ? noPrefix(files, open, found) : damage(files, open, found);
		return wrong && `${wrong}\nsynced: ${show(synced)}\nthen: ${open.map(told).join(", ")}`;
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

/** Makes a step in the model, and stops wherever a kill could. */
function* run(files: Files, step: Step): Generator<void> {
	const { call, path } = step;
	if (call === "sync") return;
	if (call === "rm") files.delete(path);
	else if (call === "mkdir") files.set(path, null);
	else if (call === "rename") {
		for (const [old, text] of [...files]) {
			if (!`${old}/`.startsWith(`${path}/`)) continue;
			files.delete(old);
			files.set(step.to + old.slice(path.length), text);
		}
	} else {
		const old = call === "append" ? (files.get(path) ?? "") : "";
		files.set(path, old);
		yield;
		files.set(path, old + step.text.repeat(step.times));
	}
	yield;
}

/** What keeps `found` from being the state after a prefix of the steps. */
function noPrefix(files: Files, steps: readonly Step[], found: Tree): string | null {
	const wanted = new Map(Object.entries(found));
	if (isSame(files, wanted)) return null;
	for (const step of steps) {
		for (const _ of run(files, step)) if (isSame(files, wanted)) return null;
	}
	return `no prefix leads to ${show(wanted)}`;
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

function isSame(one: Files, other: Files): boolean {
	if (one.size !== other.size) return false;
	for (const [path, text] of one) if (!other.has(path) || other.get(path) !== text) return false;
	return true;
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

/**
 * What the visitor changes while a package is loaded is still so when it is there.
 */
import { expect, test } from "vitest";
import { MemoryDirectory, type Package, type Process, type Sandbox } from "../index.ts";
import type { SavedMount } from "./saved-mounts.ts";
import { type Plan, type RunListener, Session } from "./session.ts";

const place = (path: string): SavedMount => ({ path, kind: "memory", name: "" });

/** A sandbox that mounts at once, and whose loads and programs end when the test says so. */
class FakeSandbox extends EventTarget {
	readonly at = new Map<string, unknown>();
	readonly environment = { bridge: "suspending" };
	closed = false;
	#loaded: ((found: Package) => void)[] = [];
	#exit: () => void = () => {};

	async mount(path: string, directory: unknown): Promise<void> {
		if (this.closed) throw new Error("closed");
		this.at.set(path, directory);
	}

	async unmount(path: string): Promise<void> {
		if (!this.at.delete(path)) throw new Error(`nothing is mounted at ${path}`);
	}

	load(_: unknown, { signal }: { signal: AbortSignal }): Promise<Package> {
		return new Promise((resolve, reject) => {
			this.#loaded.push(resolve);
			signal.addEventListener("abort", () => reject(signal.reason));
		});
	}

	arrive(): void {
		for (const resolve of this.#loaded) resolve({ name: "found" } as Package);
	}

	command() {
		const empty = () => new Blob([]).stream();
		const status = new Promise((resolve) => {
			this.#exit = () => resolve({ success: true, code: 0 });
		});
		const process = { stdin: new WritableStream(), stdout: empty(), stderr: empty(), status };
		return { spawn: async () => process as unknown as Process };
	}

	exit(): void {
		this.#exit();
	}

	async close(): Promise<void> {
		this.closed = true;
	}
}

async function begin(...paths: string[]) {
	const made: FakeSandbox[] = [];
	const session = await Session.create(paths.map(place), {
		async sandbox() {
			made.push(new FakeSandbox());
			// The session uses no more of it than is here.
			return made.at(-1) as unknown as Sandbox;
		},
		directory: async () => new MemoryDirectory(),
	});
	const load = async () => {
		const loading = session.load("any", () => {});
		await turns();
		return { loading, into: made.at(-1) as FakeSandbox };
	};
	const first = await load();
	first.into.arrive();
	await first.loading;
	return { session, made, load };
}

/** Lets all go on that waits for nothing else. */
const turns = () => new Promise((resolve) => setTimeout(resolve));

const listener: RunListener = {
	started() {},
	screen: () => Promise.reject(new Error("no screen")),
	async output() {},
};
const plan: Plan = {
	command: "any",
	args: [],
	env: {},
	stdin: "given",
	directory: "",
	timeout: undefined,
	terminal: false,
};

test("what is mounted during a load is there afterwards, and what is unmounted is not", async () => {
	const { session, load } = await begin("/kept", "/gone");
	const { loading, into } = await load();
	await session.mount(place("/late"));
	await session.unmount("/gone");
	into.arrive();
	await loading;
	expect(session.sandbox).toBe(into);
	expect([...into.at.keys()].sort()).toEqual(["/kept", "/late"]);
});

test("a path that is mounted anew during a load has the new directory", async () => {
	const { session, made, load } = await begin("/data");
	const { loading, into } = await load();
	const before = into.at.get("/data");
	await session.unmount("/data");
	await session.mount(place("/data"));
	into.arrive();
	await loading;
	expect(into.at.get("/data")).not.toBe(before);
	expect(into.at.get("/data")).toBe(made[0]?.at.get("/data"));
});

test("a mount that has begun when a load ends is not made in a closed sandbox", async () => {
	const { session, load } = await begin();
	const { loading, into } = await load();
	const mounting = session.mount(place("/late"));
	into.arrive();
	await Promise.all([mounting, loading]);
	expect([...into.at.keys()]).toEqual(["/late"]);
});

test("a program that runs goes on when another package is loaded", async () => {
	const { session, made, load } = await begin();
	const ending = session.run(plan, listener);
	const { loading, into } = await load();
	into.arrive();
	await loading;
	await turns();
	expect(made[0]?.closed).toBe(false);
	made[0]?.exit();
	expect((await ending).by).toBe("itself");
	await turns();
	expect(made[0]?.closed).toBe(true);
	expect(into.closed).toBe(false);
});

test("a load that is given up leaves what was there, and the next one its own sandbox", async () => {
	const { session, made, load } = await begin("/data");
	const given = await load();
	expect(session.cancel()).toBe(true);
	await expect(given.loading).rejects.toThrow(/abort/);
	expect(session.cancel()).toBe(false);
	expect(session.sandbox).toBe(made[0]);
	await turns();
	expect(given.into.closed).toBe(true);
	const { loading, into } = await load();
	into.arrive();
	await loading;
	expect(session.sandbox).toBe(into);
});

test("a sandbox that cannot be made leaves no load behind", async () => {
	let makes = 0;
	const session = await Session.create([], {
		async sandbox() {
			if (++makes > 1) throw new Error("no more workers");
			return new FakeSandbox() as unknown as Sandbox;
		},
		directory: async () => new MemoryDirectory(),
	});
	const first = session.load("any", () => {});
	await expect(session.load("any", () => {})).rejects.toThrow("no more workers");
	await expect(first).rejects.toThrow(/abort/);
	expect(session.cancel()).toBe(false);
});

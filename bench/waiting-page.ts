/**
 * The page of the bench of waiting: does one task with one contestant, and answers with microseconds.
 */
import { Sandbox } from "../src/index.ts";
import type { SleepJob, Waiter, WaitTask } from "./waiting-job.ts";

function run(who: Waiter, task: WaitTask): Promise<number[]> {
	if (who !== "ours") return runOther(who, task);
	return task.task === "sleep" ? sleep(task) : type(task);
}

// --- ours ---

async function sleep({ ms, count }: Extract<WaitTask, { task: "sleep" }>): Promise<number[]> {
	return withSandbox(async (sandbox) => {
		const output = sandbox.command("waiting", ["sleep", String(ms), String(count)]).output();
		return (await output).text().trim().split("\n").map(Number);
	});
}

async function type({ timers, count }: Extract<WaitTask, { task: "keys" }>): Promise<number[]> {
	return withSandbox(async (sandbox) => {
		const process = await sandbox.command("waiting", ["echo", String(timers)]).spawn();
		const keys = process.stdin.getWriter();
		const answers = process.stdout.getReader();
		const took = await timed(count, async (i) => {
			void keys.write(Uint8Array.of(i & 127));
			const { value } = await answers.read();
			if (value?.length !== 1 || value[0] !== (i & 127)) throw new Error("another answer");
		});
		await keys.close();
		await process.status;
		return took;
	});
}

async function withSandbox(use: (sandbox: Sandbox) => Promise<number[]>): Promise<number[]> {
	const sandbox = await Sandbox.create({ workerUrl: "/guest.js", packages: ["/waiting.wasm"] });
	try {
		return await use(sandbox);
	} finally {
		await sandbox.close();
	}
}

// --- the others ---

async function runOther(who: Exclude<Waiter, "ours">, task: WaitTask): Promise<number[]> {
	const worker = new Worker("/waiting-worker.js", { type: "module" });
	const ask = <T>(question: number | SleepJob) =>
		new Promise<T>((resolve, reject) => {
			worker.onmessage = ({ data }) => resolve(data);
			worker.onerror = (event) => reject(new Error(event.message));
			worker.postMessage(question);
		});
	try {
		if (task.task === "keys") return await timed(task.count, ask);
		if (who === "message") throw new Error("a message does not sleep");
		return await ask<number[]>({ who, ms: task.ms, count: task.count });
	} finally {
		worker.terminate();
	}
}

/** Microseconds of each, with a pause in between: nobody types without one. */
async function timed(count: number, once: (i: number) => Promise<unknown>): Promise<number[]> {
	const took: number[] = [];
	for (let i = 0; i < count; i++) {
		await new Promise((resolve) => setTimeout(resolve, 5));
		const start = performance.now();
		await once(i);
		took.push(1000 * (performance.now() - start));
	}
	return took;
}

declare global {
	var waitingBench: Readonly<{ run: typeof run }>;
}
globalThis.waitingBench = { run };

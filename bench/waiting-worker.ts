/**
 * A worker that sleeps as well as a browser can, or answers as fast as it can: what is below ours.
 */
import type { SleepJob } from "./waiting-job.ts";

const scope = globalThis as unknown as {
	postMessage(message: number | number[]): void;
	onmessage: (event: MessageEvent<number | SleepJob>) => void;
};

scope.onmessage = async ({ data }) => {
	if (typeof data === "number") {
		scope.postMessage(data);
		return;
	}
	const late: number[] = [];
	for (let i = 0; i < data.count; i++) late.push(1000 * ((await sleep(data)) - data.ms));
	scope.postMessage(late);
};

const word = new Int32Array(new SharedArrayBuffer(4));

/** Milliseconds that it really took. A timer is set by a message, so that it is no nested one. */
async function sleep({ who, ms }: SleepJob): Promise<number> {
	if (who === "timer") {
		await message();
		const start = performance.now();
		await new Promise((resolve) => setTimeout(resolve, ms));
		return performance.now() - start;
	}
	const start = performance.now();
	Atomics.wait(word, 0, 0, ms);
	return performance.now() - start;
}

const { port1, port2 } = new MessageChannel();

function message(): Promise<void> {
	return new Promise((resolve) => {
		port1.onmessage = () => resolve();
		port2.postMessage(0);
	});
}

/** A worker that rewrites the bytes it is sent, several times, and says how long each took. */
import { rewrite } from "../src/rewrite/rewrite.ts";
import type { Passes } from "./interrupt-job.ts";

const ROUNDS = 9;

const scope = globalThis as unknown as {
	postMessage(message: Passes): void;
	onmessage: (event: MessageEvent<Uint8Array>) => void;
};

scope.onmessage = ({ data }) => {
	const took: number[] = [];
	for (let round = 0; round < ROUNDS; round++) {
		const start = performance.now();
		rewrite(data, { meter: "uncounted" });
		took.push(performance.now() - start);
	}
	scope.postMessage(took);
};

/**
 * Calls into the tree from outside a guest: the worker itself may wait, so it does what the adapter
 * does for guests. It runs the call, and while the answer is PENDING waits and runs it again.
 */
import { PENDING } from "../abi/errno.ts";
import type { Bridge } from "./bridge.ts";

export async function awaitCall<T>(bridge: Bridge, call: () => T): Promise<T> {
	for (;;) {
		const answer = call();
		if (answer !== PENDING) return answer;
		await bridge.anyNoted();
	}
}

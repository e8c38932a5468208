/**
 * Calls with arguments that no honest program makes: each answers with a number, throws nothing, and leaves memory
 * beyond what it was given as it was.
 */
import { afterAll, beforeAll, expect, test } from "vitest";
import { EFAULT } from "../abi/errno.ts";
import { dice, seeds, withSeed } from "../abi/random.testkit.ts";
import { WASIX } from "../abi/wasix.ts";
import type { PlainCall } from "../bridge/adapter.ts";
import { wasixCalls } from "./calls.ts";
import { newThread, withoutSuspending } from "./thread.testkit.ts";

/** Calls whose only pointers are read, or that have none, and so may succeed with whatever they are given. */
const WITHOUT_RESULT = new Set([
	"callback_signal",
	"proc_exit2",
	"thread_exit",
	"thread_join",
	"thread_local_destroy",
]);

let restore = () => {};

beforeAll(() => {
	restore = withoutSuspending();
});

afterAll(() => restore());

const words = (params: string) =>
	[...params].reduce((sum, kind) => sum + (kind === "I" ? 2 : 1), 0);

test("pointers beyond the memory are refused, by every call that has one", () => {
	const answers = new Map<string, number>();
	for (const [name, params] of WASIX) {
		const { thread, bridge } = newThread();
		const call = wasixCalls(thread)[name] as PlainCall;
		const answer = call(...Array<number>(words(params)).fill(-8));
		expect(answer, name).toBeTypeOf("number");
		if (params.includes("i") && !WITHOUT_RESULT.has(name)) expect(answer, name).not.toBe(0);
		answers.set(name, answer);
		bridge.close();
	}
	for (const name of ["proc_id", "getcwd", "tty_get", "futex_wake", "fd_pipe", "proc_join"]) {
		expect(answers.get(name), name).toBe(EFAULT);
	}
});

test("random arguments throw nothing", () => {
	for (const seed of seeds(60)) {
		const d = dice(seed);
		const { thread, bridge } = newThread();
		const calls = wasixCalls(thread);
		const names = [...WASIX.keys()].filter((name) => !name.startsWith("proc_exec"));
		const number = () =>
			[0, 1, 3, 8, d(64), d(65536), 65532, 65536, -1, 0x7fffffff, d(2 ** 31)][d(11)] as number;
		try {
			for (let n = 0; n < 100; n++) {
				const name = names[d(names.length)] as string;
				const args = Array.from({ length: words(WASIX.get(name) ?? "") }, number);
				thread.kept = undefined;
				expect((calls[name] as PlainCall)(...args), name).toBeTypeOf("number");
			}
		} catch (error) {
			throw withSeed(seed, error);
		} finally {
			bridge.close();
		}
	}
});

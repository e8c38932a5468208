/**
 * Calls with arguments that no honest program makes: each answers with a number, throws nothing, and leaves memory
 * beyond what it was given as it was.
 */
import { afterAll, beforeAll, expect, test } from "vitest";
import { EFAULT, ENOENT } from "../abi/errno.ts";
import { dice, seeds, withSeed } from "../abi/random.testkit.ts";
import { WASIX } from "../abi/wasix.ts";
import type { PlainCall } from "../bridge/adapter.ts";
import { SuspendingBridge } from "../bridge/suspending.ts";
import { fillRoot } from "../fs/default-tree.ts";
import { Namespace } from "../fs/namespace.ts";
import { Tmp } from "../fs/tmp.ts";
import { worldClock } from "../process/clock.ts";
import { Meter } from "../process/meter.ts";
import { Process } from "../process/process.ts";
import { fillRandom } from "../process/random.ts";
import { wasixCalls } from "./calls.ts";
import { DescriptorTable } from "./descriptors.ts";
import { imageOf } from "./image.ts";
import { ProcessTree } from "./process-tree.ts";

/** A module that imports a memory of one page, and exports `_start`, which does nothing. */
const NOTHING = Uint8Array.of(
	...[0, 0x61, 0x73, 0x6d, 1, 0, 0, 0],
	...[1, 4, 1, 0x60, 0, 0],
	...[2, 9, 1, 1, 0x65, 1, 0x6d, 2, 1, 1, 1],
	...[3, 2, 1, 0],
	...[7, 10, 1, 6, ...new TextEncoder().encode("_start"), 0, 0],
	...[10, 4, 1, 2, 0, 0x0b],
);
/** Calls whose only pointers are read, or that have none, and so may succeed with whatever they are given. */
const WITHOUT_RESULT = new Set([
	"callback_signal",
	"proc_exit2",
	"thread_exit",
	"thread_join",
	"thread_local_destroy",
]);

const jspi = WebAssembly as unknown as { Suspending?: unknown };
const before = jspi.Suspending;

beforeAll(() => {
	// Nothing here waits, so any function will do where a browser has one that suspends.
	jspi.Suspending ??= function suspending(f: unknown) {
		return f;
	};
});

afterAll(() => {
	jspi.Suspending = before;
});

function newThread() {
	const bridge = new SuspendingBridge(async () => undefined);
	const clock = worldClock();
	const tmp = new Tmp({ now: () => 0n });
	fillRoot(tmp, fillRandom);
	const tree = new Namespace(tmp);
	tree.absolute = true;
	const setup = { bridge, clock, fillRandom };
	const process = new Process({ ...setup, args: ["a"], env: [["B", "c"]], tree });
	process.descriptors = new DescriptorTable(new Map());
	const image = imageOf("nothing", NOTHING, new WebAssembly.Module(NOTHING));
	if (image === null) throw new Error("no image");
	const processes = new ProcessTree({
		bridge,
		meter: Meter,
		setup,
		find: async () => ENOENT,
		warn: () => {},
		other: () => undefined,
	});
	return { thread: processes.begin(process, image, "/"), bridge };
}

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

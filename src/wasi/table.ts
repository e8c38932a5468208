/**
 * The functions behind the calls of preview1. Functions take an i64 as two words, low first; the adapter
 * between guest and function splits it. Any of them may answer PENDING, and then the adapter waits and calls it again.
 */
import { ENOSYS } from "../abi/errno.ts";
import { PREVIEW1, WASMEDGE_MARK } from "../abi/preview1.ts";
import type { PlainCall, Signature } from "../bridge/adapter.ts";
import type { CallTable, ImportModule } from "../process/instantiate.ts";
import type { Thread } from "../process/thread.ts";
import { argsCalls } from "./args.ts";
import { clockCalls } from "./clock.ts";
import { fdCalls } from "./fd.ts";
import { pathCalls } from "./path.ts";
import { pollCalls } from "./poll.ts";
import { procCalls } from "./proc.ts";
import { randomCalls } from "./random.ts";
import { sockCalls } from "./sock.ts";

export const signatures: readonly Signature[] = PREVIEW1.trim()
	.split("\n")
	.map((row) => {
		const [name = "", params = ""] = row.trim().split(" ");
		return { name, params, result: name === "proc_exit" ? "none" : "errno" };
	});

export type Calls = Readonly<Record<string, PlainCall>>;

const absent = () => ENOSYS;
/** In the place of those of `rare.ts`, for programs that do not import them. */
export const unwanted: Calls = { fd_fdstat_set_rights: absent, proc_raise: absent };

/** The functions of `wasi_snapshot_preview1` for one thread, by name. */
export function preview1(thread: Thread): Calls {
	return {
		...unwanted,
		...argsCalls(thread),
		...clockCalls(thread),
		...fdCalls(thread),
		...pathCalls(thread),
		...pollCalls(thread),
		...procCalls(thread),
		...randomCalls(thread),
		...sockCalls(thread),
	};
}

/**
 * The import modules of preview1, for `instantiate`. Few programs want snapshot 0, or are built for
 * WasmEdge, and what is different there is loaded late.
 */
export const preview1Modules: ReadonlyMap<string, ImportModule> = new Map<string, ImportModule>([
	["wasi_snapshot_preview1", (thread, wanted) => marked(preview1(thread), thread, wanted)],
	[
		"wasi_unstable",
		async (thread, wanted) => {
			const { snapshot0Calls } = await import("./snapshot0.ts");
			return marked({ ...preview1(thread), ...snapshot0Calls(thread) }, thread, wanted);
		},
	],
]);

/** The table of these calls, with those of WasmEdge where the program was built for it, and what is loaded late. */
async function marked(
	calls: Calls,
	thread: Thread,
	wanted: ReadonlySet<string>,
): Promise<CallTable> {
	const rare =
		Object.keys(unwanted).some((name) => wanted.has(name)) &&
		(await import("./rare.ts")).rareCalls(thread);
	const table = { signatures, calls: { ...calls, ...rare } };
	if (!wanted.has(WASMEDGE_MARK)) return table;
	return (await import("./wasmedge.ts")).wasmEdgeTable(table, thread);
}

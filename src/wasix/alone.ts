/**
 * A WASIX program as one process, where guests cannot be suspended: it has all calls but those that take a second stack.
 * What starts processes or threads answers ENOTSUP, and so do sockets and alarms, which interrupt a program. The first
 * of them tells the page what it takes.
 */
import { ENOTSUP, type Errno } from "../abi/errno.ts";
import type { PlainCall } from "../bridge/adapter.ts";
import type { GuestBridge } from "../bridge/bridge.ts";
import type { ExtraImports, LoneProgram } from "../process/instantiate.ts";
import type { Thread } from "../process/thread.ts";
import { type Begun, begin } from "./begin.ts";
import type { Image } from "./image.ts";
import type { WasixThread } from "./thread.ts";

const REFUSED = [
	...[
		"proc_fork",
		"proc_fork_env",
		"proc_exec3",
		"proc_exec4",
		"proc_spawn",
		"proc_spawn2",
		"proc_spawn3",
	],
	...["thread_spawn_v2", "thread_spawn_old", "thread-spawn", "proc_raise_interval"],
	...["sock_open", "sock_pair", "resolve"],
];
/** They cannot tell of a failure: as a shell does, the process ends. */
const REFUSED_BY_END = ["proc_exec", "proc_exec2"];
const CANNOT_RUN = 126;

const ADVICE =
	"Here a WASIX program is one process with one thread and no sockets: more takes WebAssembly.Suspending " +
	"(JSPI), which Chrome 137, Firefox 153 and Safari 27 have";

/** Links a program in the place of `thread`. Errors: those of linking. */
export function beginAlone(
	bridge: GuestBridge,
	{ image, warn }: LoneProgram,
	thread: Thread,
	entry: string,
	extra: ExtraImports = new Map(),
): Begun {
	// The kernel has made it, by `imageOf`.
	const program = image as Image;
	const { process } = thread;
	const { clock, fillRandom } = process;
	let hasWarned = false;
	const refused = (call: string, answer: () => Errno): [string, PlainCall] => [
		call,
		() => {
			if (!hasWarned) warn(`${program.name} has called \`${call}\`, which is ENOTSUP. ${ADVICE}`);
			hasWarned = true;
			return answer();
		},
	];
	const calls = Object.fromEntries([
		...REFUSED.map((call) => refused(call, () => ENOTSUP)),
		...REFUSED_BY_END.map((call) => refused(call, () => process.end({ code: CANNOT_RUN }))),
	]);
	return begin(
		{
			bridge,
			setup: { bridge, clock, fillRandom },
			calls: () => calls,
			find: async () => ENOTSUP,
			warn,
			other: (module, name) => extra.get(module)?.get(name),
			network: null,
			threads: false,
			changed: () => {},
			listens: () => {},
			waitImport(guest: WasixThread, before, after) {
				// These bridges make a thread wait by keeping it.
				const wait = bridge.waitImport(guest) as unknown as () => number;
				return () => before() || after(wait());
			},
		},
		program,
		thread,
		entry,
	);
}

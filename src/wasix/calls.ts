/**
 * The functions behind the calls of a WASIX program, by name: those of preview1, which mean the same but for a few, and
 * those of `wasix_32v1`. What there is no function for answers ENOSYS.
 */
import { ENOSYS, ENOTSUP } from "../abi/errno.ts";
import { WASIX } from "../abi/wasix.ts";
import type { PlainCall } from "../bridge/adapter.ts";
import { preview1 } from "../wasi/table.ts";
import { checkpointCalls } from "./checkpoint.ts";
import { descriptorCalls } from "./descriptor.ts";
import { eventCalls } from "./event.ts";
import { procCalls } from "./proc.ts";
import { signalCalls } from "./signal.ts";
import { sockCalls } from "./sock.ts";
import type { WasixThread } from "./thread.ts";
import { localCalls, threadCalls } from "./threads.ts";
import { ttyCalls } from "./tty.ts";

const missing: PlainCall = () => ENOSYS;
const unsupported: PlainCall = () => ENOTSUP;

/** For calls that no group has a function for: those for networks beyond a page are known, and refused. */
const unknown: Readonly<Record<string, PlainCall>> = Object.fromEntries(
	[...WASIX.keys()].map((name) => [name, /^port_|multicast/.test(name) ? unsupported : missing]),
);

export function wasixCalls(thread: WasixThread): Readonly<Record<string, PlainCall>> {
	const base = preview1(thread);
	return {
		...unknown,
		...base,
		...checkpointCalls(thread),
		...descriptorCalls(thread, base),
		...eventCalls(thread),
		...localCalls(thread),
		...procCalls(thread),
		...signalCalls(thread),
		...sockCalls(thread, base),
		...threadCalls(thread),
		...ttyCalls(thread),
	};
}

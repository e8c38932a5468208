/**
 * For tests: a thread of a WASIX process whose program does nothing, with one page of memory.
 */
import { ENOENT } from "../abi/errno.ts";
import { SuspendingBridge } from "../bridge/suspending.ts";
import { fillRoot } from "../fs/default-tree.ts";
import { Namespace } from "../fs/namespace.ts";
import { Tmp } from "../fs/tmp.ts";
import { worldClock } from "../process/clock.ts";
import { Process } from "../process/process.ts";
import { fillRandom } from "../process/random.ts";
import { Network } from "../sockets/network.ts";
import { DescriptorTable } from "./descriptors.ts";
import { imageOf } from "./image.ts";
import { ProcessTree } from "./process-tree.ts";
import type { WasixThread } from "./thread.ts";

/** A module that imports a memory of one page, and exports `_start`, which does nothing. */
const NOTHING = Uint8Array.of(
	...[0, 0x61, 0x73, 0x6d, 1, 0, 0, 0],
	...[1, 4, 1, 0x60, 0, 0],
	...[2, 9, 1, 1, 0x65, 1, 0x6d, 2, 1, 1, 1],
	...[3, 2, 1, 0],
	...[7, 10, 1, 6, ...new TextEncoder().encode("_start"), 0, 0],
	...[10, 4, 1, 2, 0, 0x0b],
);
/** What a browser has and Node has not: nothing here waits, so any function will do in its place. */
export function withoutSuspending(): () => void {
	const jspi = WebAssembly as unknown as { Suspending?: unknown };
	const before = jspi.Suspending;
	jspi.Suspending ??= function suspending(f: unknown) {
		return f;
	};
	return () => {
		jspi.Suspending = before;
	};
}

/** A thread, its bridge, and the ports at which it is known to listen. `network` may be one that others are in. */
export function newThread(network?: Network | null): {
	thread: WasixThread;
	bridge: SuspendingBridge;
	listening: number[];
} {
	const listening: number[] = [];
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
		setup,
		find: async () => ENOENT,
		warn: () => {},
		other: () => undefined,
		waitImport: () => () => 1,
		network: network === undefined ? new Network(bridge) : network,
		threads: true,
		changed: () => {},
		listens: (port) => listening.push(port),
	});
	return { thread: processes.begin(process, image, "/"), bridge, listening };
}

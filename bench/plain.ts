/**
 * Ours without the adapter and without a suspendable stack: the same calls as plain imports. What the
 * way through the adapter costs is the difference.
 */
import { RIGHTS_ALL, RIGHTS_DIRECTORY } from "../src/abi/constants.ts";
import { ENDED } from "../src/abi/errno.ts";
import type { PlainCall } from "../src/bridge/adapter.ts";
import { SuspendingBridge } from "../src/bridge/suspending.ts";
import { NullDevice, Output } from "../src/fs/devices.ts";
import { Tree } from "../src/kernel/sandbox-tree.ts";
import { nowNanoseconds, worldClock } from "../src/process/clock.ts";
import { OpenFile } from "../src/process/descriptors.ts";
import { Process } from "../src/process/process.ts";
import { Thread } from "../src/process/thread.ts";
import { preview1, signatures } from "../src/wasi/table.ts";
import type { FloorOptions } from "./floor.ts";

export async function preparePlain(
	module: WebAssembly.Module,
	{ args, print }: FloorOptions,
): Promise<() => number> {
	const bridge = new SuspendingBridge(() => Promise.reject(new Error("there is nobody to ask")));
	const fillRandom = (bytes: Uint8Array) =>
		void crypto.getRandomValues(bytes as Uint8Array<ArrayBuffer>);
	const { namespace } = await new Tree(bridge, nowNanoseconds, fillRandom, () => {}).forProcess([]);
	const thread = new Thread(
		new Process({
			args,
			env: [],
			tree: namespace,
			bridge,
			clock: worldClock(),
			fillRandom,
		}),
	);
	const stdout = new Output((from, at, length) => {
		print(from.subarray(at, at + length));
		return length;
	});
	for (const node of [new NullDevice(), stdout, new NullDevice()]) {
		thread.process.descriptors.add(new OpenFile(node, 0, RIGHTS_ALL, 0));
	}
	thread.process.descriptors.add(
		new OpenFile(namespace.root, 0, RIGHTS_DIRECTORY, RIGHTS_ALL, "/"),
	);
	const calls = preview1(thread);
	const imports: Record<string, WebAssembly.ImportValue> = {};
	for (const { name, params } of signatures) imports[name] = plain(calls[name], params);
	const instance = new WebAssembly.Instance(module, { wasi_snapshot_preview1: imports });
	thread.memory.attach(instance.exports.memory as WebAssembly.Memory);
	return () => {
		try {
			(instance.exports._start as () => void)();
		} catch (error) {
			if (!thread.ended) throw error;
		}
		return thread.process.ending?.code ?? 0;
	};
}

/** A call as a plain import: i64 arguments arrive as BigInts. Nothing here may have to wait. The
 *  shapes that are measured have a function of their own. */
function plain(call: PlainCall | undefined, params: string): WebAssembly.ImportValue {
	if (call === undefined) throw new Error("a row of the table has no call");
	const answer = (result: number): number => {
		if (result === ENDED) throw new Error("the guest has ended");
		return -result;
	};
	switch (params) {
		case "ii":
			return (a: number, b: number) => answer(call(a, b));
		case "iIi":
			return (a: number, b: bigint, c: number) =>
				answer(call(a, Number(BigInt.asIntN(32, b)), Number(b >> 32n), c));
		case "iiii":
			return (a: number, b: number, c: number, d: number) => answer(call(a, b, c, d));
		case "iiiIi":
			return (a: number, b: number, c: number, d: bigint, e: number) =>
				answer(call(a, b, c, Number(BigInt.asIntN(32, d)), Number(d >> 32n), e));
		default:
			return (...args: (number | bigint)[]) =>
				answer(
					call(
						...args.flatMap((arg) =>
							typeof arg === "number" ? arg : [Number(BigInt.asIntN(32, arg)), Number(arg >> 32n)],
						),
					),
				);
	}
}

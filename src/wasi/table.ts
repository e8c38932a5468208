/**
 * The functions behind the calls of preview1. Functions take an i64 as two words, low first; the adapter
 * between guest and function splits it. Any of them may answer PENDING, and then the adapter waits and calls it again.
 */
import { PREVIEW1 } from "../abi/preview1.ts";
import type { PlainCall, Signature } from "../bridge/adapter.ts";
import { argsCalls } from "./args.ts";
import { clockCalls } from "./clock.ts";
import { fdCalls } from "./fd.ts";
import type { Guest } from "./guest.ts";
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

/** The functions of `wasi_snapshot_preview1` for one guest, by name. */
export function preview1(guest: Guest): Calls {
	return {
		...argsCalls(guest),
		...clockCalls(guest),
		...fdCalls(guest),
		...pathCalls(guest),
		...pollCalls(guest),
		...procCalls(guest),
		...randomCalls(guest),
		...sockCalls(guest),
	};
}

type Linker = (guest: Guest) => Calls | Promise<Calls>;

/** An import module of the guest and what it holds. Both share one list of signatures. Few programs are
 *  so old that they want the second, and what is different there is loaded late. */
export const modules: ReadonlyMap<string, Linker> = new Map<string, Linker>([
	["wasi_snapshot_preview1", preview1],
	[
		"wasi_unstable",
		async (guest: Guest) => {
			const { snapshot0Calls } = await import("./snapshot0.ts");
			return { ...preview1(guest), ...snapshot0Calls(guest) };
		},
	],
]);

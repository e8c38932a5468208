/**
 * The processes that a program has started, as the page holds them. Loaded with the first.
 */

import { NOTHING_USED } from "../abi/usage.ts";
import type { ToGuest, Usage, WireChild } from "../protocol/sandbox.ts";
import { signalNumber } from "./options.ts";

/** A process that a program has started, and that still runs. */
export interface ChildProcess {
	/** Its number within its program, whose own is 1: what `getpid` gives it. */
	readonly pid: number;
	/** Its `argv[0]`. */
	readonly command: string;
	/** Sends it a signal, which it may handle; to it alone. Default: `"SIGTERM"`. */
	kill(signal?: string): void;
	/** What it has used so far; nothing but zeros once it is over. */
	usage(): Promise<Usage>;
}

/** What a child needs of the process that it belongs to. */
interface Family {
	readonly pid: number;
	readonly children: readonly ChildProcess[];
	measure(child: number): Promise<Usage | undefined>;
}

/** The children that are told of; those that are known stay the objects that they are. */
export function childrenOf(
	family: Family,
	told: readonly WireChild[],
	send: (message: ToGuest) => void,
): readonly ChildProcess[] {
	return told.map(({ pid, command }) => {
		const known = family.children.find((child) => child.pid === pid && child.command === command);
		return known ?? newChild(family, pid, command, send);
	});
}

function newChild(
	family: Family,
	pid: number,
	command: string,
	send: (message: ToGuest) => void,
): ChildProcess {
	return {
		pid,
		command,
		kill(signal = "SIGTERM") {
			const code = 128 + signalNumber(signal);
			send({ to: family.pid, kind: "kill", signal, code, child: pid });
		},
		async usage() {
			return (await family.measure(pid)) ?? NOTHING_USED;
		},
	};
}

/**
 * What goes on when the program has ended that started it. The page is told how that ended, and of each of its
 * outputs when nothing can write to it any more; limits and kills reach what is left. Programs in a terminal hear of
 * its end by SIGHUP. Loaded with the first program
 * that leaves others behind.
 */
import type { Process } from "../process/process.ts";
import type { FromGuest, WireStatus } from "../protocol/sandbox.ts";
import type { ProcessTree } from "../wasix/process-tree.ts";
import { originalTrap } from "./original-trap.ts";

const SIGHUP = 1;

/** A program that has ended, and what it has started. */
interface Left {
	readonly pid: number;
	readonly process: Process;
	readonly tree: ProcessTree;
	readonly status: WireStatus;
	/** How the program was made, for its trap. */
	readonly began: Parameters<typeof originalTrap>[1];
	readonly post: (message: FromGuest) => void;
	readonly sync: () => Promise<void>;
}

/** Resolves when all of it is over. */
export async function outlive(left: Left): Promise<void> {
	const { pid, process, tree, began, post, sync } = left;
	// The terminal goes with the program that it was opened for.
	if (process.terminal !== null) tree.signalAll(SIGHUP);
	// What a mount refuses is told of by its own event, and tried again in the end.
	await sync().catch(() => {});
	const status = await originalTrap(left.status, began);
	process.flush();
	if (tree.isOver) return;
	post({ from: pid, kind: "exit", status, usage: tree.usage(), goesOn: true });
	// The program cannot end any more: what would end it ends the rest.
	process.stop().watch(() => tree.endAll({ code: 137, signal: "SIGKILL" }));
	if (process.terminal === null) {
		process.outputs.forEach(({ node }, at) => {
			watch(node, at === 0 ? 1 : 2);
		});
	}
	await tree.settled();

	function watch(node: Process["outputs"][number]["node"], fd: 1 | 2): void {
		const end = () => {
			process.flush();
			post({ from: pid, kind: "ended", fd });
		};
		if (node.handles === 0) end();
		else {
			node.closed = () => {
				end();
				return 0;
			};
		}
	}
}

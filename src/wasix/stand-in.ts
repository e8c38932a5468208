/**
 * A child that runs on the stack and the memory of its parent, until it becomes another program or ends: a C library
 * makes vfork of it.
 *
 *     proc_fork_env   the call returns once, as the child
 *       …             the child changes its descriptors and its directory
 *     proc_exec…      the child goes on as another program; the call returns once more, as the parent
 *     proc_exit2      the child is over; the call returns, as the parent
 *
 * The instance that runs is the parent's, and its calls know the parent. So the two exchange what they may change, and
 * exchange it back at the end. Where the parent goes on from is the C library's affair (setjmp).
 *
 * Source: wasix-runner.md 6.3; vfork(2).
 */
import { type Done, ENOTSUP } from "../abi/errno.ts";
import type { Namespace } from "../fs/namespace.ts";
import type { Ending } from "../process/process.ts";
import type { Successor, WasixProcess } from "./process.ts";

/** Begins a child in the place of `owner`, and answers with its number. Errors: EAGAIN; ENOTSUP within another. */
export function standIn(owner: WasixProcess): number {
	if (owner.standIn !== null) return ENOTSUP;
	const child = owner.tree.prepareChild(owner);
	if (typeof child === "number") return child;
	exchange(owner, child);
	owner.standIn = child;
	return child.pid;
}

/** The child goes on as another program, and the parent as itself. Errors: EAGAIN, ENOEXEC; then the child goes on. */
export function promote(owner: WasixProcess, child: WasixProcess, successor: Successor): Done {
	const { ending } = child.process;
	if (ending !== null) {
		retire(owner, child, ending);
		return 0;
	}
	exchange(owner, child);
	const done = owner.tree.startPrepared(child, successor);
	if (done === 0) owner.standIn = null;
	else exchange(owner, child);
	return done;
}

/** The child is over, and the parent goes on as itself. */
export function retire(owner: WasixProcess, child: WasixProcess, ending: Ending): void {
	exchange(owner, child);
	owner.standIn = null;
	child.over(child.process.ending ?? ending);
}

function exchange(one: WasixProcess, other: WasixProcess): void {
	one.descriptors.exchange(other.descriptors);
	[one.cwd, other.cwd] = [other.cwd, one.cwd];
	// The tree of a process in this worker is a namespace.
	const [own, others] = [one.process.tree as Namespace, other.process.tree as Namespace];
	[own.current, others.current] = [others.current, own.current];
}

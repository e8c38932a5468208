/**
 * `setjmp` and `longjmp` of programs that were compiled with asyncify; see `stack.ts`.
 *
 * Source: wasix-runner.md 0.1, 7.3.
 */
import { type Done, EFAULT, ENOSYS, type Errno } from "../abi/errno.ts";
import type { WasixThread } from "./thread.ts";

const RECORD_SIZE = 24;
/** The exit code for a jump to a place that no checkpoint marks. */
const UNKNOWN = 79;

export function checkpointCalls(thread: WasixThread) {
	const { memory, owner } = thread;
	/** What the next return of `stack_checkpoint` gives. */
	let value = { low: 0, high: 0 };

	return {
		stack_checkpoint(record: number, result: number): Done {
			const answer = thread.stack.rewound();
			const [at, to] = [record >>> 0, result >>> 0];
			if (!memory.has(at, RECORD_SIZE) || !memory.has(to, 8)) return EFAULT;
			if (answer !== null) {
				memory.setU32(to, value.low);
				memory.setU32(to + 4, value.high);
				return answer as Done;
			}
			memory.setU64(to, 0);
			return thread.unwind(() => {
				value = { low: 0, high: 0 };
				thread.stack.keep(at);
				return 0;
			});
		},

		stack_restore(record: number, low: number, high: number): Errno {
			const at = record >>> 0;
			const checkpoint = memory.has(at, RECORD_SIZE) ? thread.stack.find(at) : undefined;
			if (checkpoint === undefined) {
				owner.tree.kernel.warn(
					`${owner.image.name} has jumped to a place that no setjmp has marked, or that was left long ago: it ends`,
				);
				return owner.process.end({ code: UNKNOWN });
			}
			const done = thread.unwind(() => {
				thread.stack.restore(checkpoint);
				value = { low, high };
				// A jump out of a handler leaves it.
				thread.handling = 0;
				return 0;
			});
			return done === ENOSYS ? owner.process.end({ code: UNKNOWN }) : done;
		},
	};
}

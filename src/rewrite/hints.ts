/**
 * The section that tells the engine that no check's branch is likely.
 *
 * Nearly all that a check costs in V8 is the call behind its branch: where a call may happen in a loop, no variable of the loop
 * stays in a register. With the hint the engine keeps the registers and saves them beside the call. The
 * hints must be right to the byte: with one wrong offset the engine ignores them all, and says nothing.
 *
 *     functions: index, branches: (offset of the `if` from the body's first byte, 1, 0)
 */
import { lebLength, Writer } from "./writer.ts";

export const HINTS_NAME = "metadata.code.branch_hint";
const UNLIKELY = 0;

export class Hints {
	readonly #rows = new Writer();
	#functions = 0;

	/** A function with so many hints; functions come in order, and so do their hints. */
	begin(index: number, hints: number): void {
		this.#functions++;
		this.#rows.u32(index);
		this.#rows.u32(hints);
	}

	unlikely(offset: number): void {
		this.#rows.u32(offset);
		this.#rows.put(1, UNLIKELY);
	}

	/** Writes the whole section; nothing if there are no hints. */
	write(out: Writer): void {
		if (this.#functions === 0) return;
		const rows = this.#rows.view();
		out.byte(0);
		out.u32(1 + HINTS_NAME.length + lebLength(this.#functions) + rows.length);
		out.name(HINTS_NAME);
		out.u32(this.#functions);
		out.copy(rows);
	}
}

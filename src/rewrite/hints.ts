/**
 * The section that tells the engine that no check's branch is likely.
 *
 * Nearly all that a check costs in V8 is the call behind its branch: where a call may happen in a loop, no variable of the loop
 * stays in a register. With the hint the engine keeps the registers and saves them beside the call. The
 * hints must be right to the byte: with one wrong offset the engine ignores them all, and says nothing.
 *
 *     functions: index, branches: (offset of the `if` from the body's first byte, 1, 0)
 */
import { lebsLength, nameLebs, Writer } from "./writer.ts";

export const HINTS_NAME = "metadata.code.branch_hint";
const UNLIKELY = 0;

export class Hints {
	readonly #rows = new Writer();
	#functions = 0;

	/** A function with so many hints; functions come in order, and so do their hints. */
	begin(index: number, hints: number): void {
		this.#functions++;
		this.#rows.leb(index);
		this.#rows.leb(hints);
	}

	/** The branch at this offset from the function's first byte. */
	unlikely(offset: number): void {
		this.#rows.leb(offset);
		this.#rows.leb(1); // the length of what follows
		this.#rows.leb(UNLIKELY);
	}

	/** Writes the section, if there are hints. */
	write(out: Writer): void {
		if (this.#functions === 0) return;
		const { bytes, length } = this.#rows;
		const head = [...nameLebs(HINTS_NAME), this.#functions];
		out.lebs([0, lebsLength(head) + length, ...head]);
		for (let i = 0; i < length; i++) out.byte(bytes[i] as number);
	}
}

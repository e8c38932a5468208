/**
 * Changes one function's body, with what the walk found in it.
 *
 *     original    size  |groups    | group …         | code … loop type         | …
 *     rewritten   size' |groups + 1| group … one i32 | code … loop type  check  | …
 *
 * The further local is there only if a small loop needs it. A body that would become longer than engines
 * take is left as it is.
 */
import type { Appendix } from "./append.ts";
import { type BodyWalk, COUNTED, HOOKED, LARGE, SMALL } from "./code.ts";
import type { Edits } from "./edits.ts";
import type { Hints } from "./hints.ts";
import { Reader, skipLeb } from "./reader.ts";
import { lebLength } from "./writer.ts";

const MOST_BODY = 7_654_321;
const I32 = 0x7f;

/** Bytes in the pool. */
interface Check {
	readonly from: number;
	readonly length: number;
}

export class BodyEditor {
	/** How many loops got a check. */
	metered = 0;
	/** How many bodies were changed. */
	changed = 0;

	readonly #reader: Reader;
	readonly #edits: Edits;
	readonly #appendix: Appendix;
	readonly #hints: Hints;
	readonly #walk: BodyWalk;
	/** By the local that they count in. */
	readonly #smallChecks = new Map<number, Check>();
	readonly #largeCheck: Check;

	constructor(bytes: Uint8Array, edits: Edits, appendix: Appendix, hints: Hints, walk: BodyWalk) {
		this.#reader = new Reader(bytes, 0, bytes.length);
		this.#edits = edits;
		this.#appendix = appendix;
		this.#hints = hints;
		this.#walk = walk;
		this.#largeCheck = this.#newCheck(() => appendix.largeCheck(edits.pool));
	}

	/** Changes the body that was walked over last. Its size stands at `sizeAt`, itself begins at `start`. */
	change(index: number, sizeAt: number, start: number, size: number): void {
		const { what, found, groups, groupsAt, codeAt, locals } = this.#walk;
		let smalls = 0;
		let larges = 0;
		let hooks = 0;
		let growth = 0;
		for (let i = 0; i < found; i++) {
			if (what[i] === SMALL) smalls++;
			else if (what[i] === LARGE) larges++;
			else if (what[i] !== COUNTED) {
				hooks++;
				growth += this.#hookGrowth(i);
			}
		}
		const checks = smalls + larges;
		if (checks + hooks === 0) return;
		const small = smalls === 0 ? this.#largeCheck : this.#smallCheck(locals);
		const localsGrowth = smalls === 0 ? 0 : lebLength(groups + 1) - (groupsAt - start) + 2;
		growth += localsGrowth + smalls * small.length + larges * this.#largeCheck.length;
		if (size + growth > MOST_BODY) return;

		this.#replaceNumber(sizeAt, start, size + growth);
		if (smalls > 0) {
			this.#replaceNumber(start, groupsAt, groups + 1);
			const from = this.#edits.pool.length;
			this.#edits.pool.put(1, I32);
			this.#edits.add(codeAt, 0, from);
		}
		if (checks > 0) this.#hints.begin(index, checks);
		this.#changeCode(start, localsGrowth, small);
		this.metered += checks;
		this.changed++;
	}

	#changeCode(start: number, localsGrowth: number, small: Check): void {
		const { at, what, found } = this.#walk;
		let moved = localsGrowth - start;
		for (let i = 0; i < found; i++) {
			const place = at[i] as number;
			if (what[i] === COUNTED) continue;
			if ((what[i] as number) >= HOOKED) {
				this.#hook(i);
				moved += this.#hookGrowth(i);
				continue;
			}
			const check = what[i] === SMALL ? small : this.#largeCheck;
			this.#edits.add(place, 0, check.from, check.length);
			moved += check.length;
			this.#hints.unlikely(place + moved - this.#appendix.branchToEnd);
		}
	}

	/** Puts a call in the place of a wait. */
	#hook(i: number): void {
		const { at, what, till } = this.#walk;
		const start = at[i] as number;
		const end = till[i] as number;
		const reader = this.#reader;
		reader.at = skipLeb(reader.bytes, skipLeb(reader.bytes, start + 1)); // opcode, alignment
		const offset = reader.u32();
		const from = this.#edits.pool.length;
		this.#appendix.hookCall((what[i] as number) - HOOKED, offset, this.#edits.pool);
		this.#edits.add(start, end - start, from);
	}

	#hookGrowth(i: number): number {
		const { at, what, till } = this.#walk;
		const length = this.#appendix.hookLength((what[i] as number) - HOOKED);
		return length - ((till[i] as number) - (at[i] as number));
	}

	#replaceNumber(start: number, end: number, value: number): void {
		const from = this.#edits.pool.length;
		this.#edits.pool.u32(value);
		this.#edits.add(start, end - start, from);
	}

	#smallCheck(local: number): Check {
		const known = this.#smallChecks.get(local);
		if (known) return known;
		const check = this.#newCheck(() => this.#appendix.smallCheck(local, this.#edits.pool));
		this.#smallChecks.set(local, check);
		return check;
	}

	#newCheck(write: () => void): Check {
		const from = this.#edits.pool.length;
		write();
		return { from, length: this.#edits.pool.length - from };
	}
}

/**
 * Changes one function's body, with what the walk found in it.
 *
 *     original    size  |groups    | group …         | code … loop type         | …
 *     rewritten   size' |groups + 1| group … one i32 | code … loop type  check  | …
 *
 * The further local is there only if a small loop needs it. A body that might become longer than engines
 * take is left as it is.
 */
import type { Appendix } from "./append.ts";
import { AT, type BodyWalk, COUNTED, FIELDS, HOOKED, MORE, SMALL, TILL, WHAT } from "./code.ts";
import type { Edits } from "./edits.ts";
import { Hints } from "./hints.ts";
import { lebsLength } from "./writer.ts";

const MOST_BODY = 7_654_321;
/** No check and no call is longer. */
const LONGEST_CHANGE = 30;
const I32 = 0x7f;

/** Bytes in the pool. */
interface Check {
	readonly from: number;
	readonly length: number;
}

export class BodyEditor {
	readonly hints = new Hints();
	/** How many loops got a check. */
	metered = 0;
	/** Whether any body was changed. */
	changed = false;

	readonly #edits: Edits;
	readonly #appendix: Appendix;
	readonly #walk: BodyWalk;
	/** By the local that they count in. */
	readonly #smallChecks = new Map<number, Check>();
	readonly #largeCheck: Check;

	constructor(edits: Edits, appendix: Appendix, walk: BodyWalk) {
		this.#edits = edits;
		this.#appendix = appendix;
		this.#walk = walk;
		this.#largeCheck = this.#newCheck(appendix.largeCheck);
	}

	/** Changes the body that was walked over last: its size stands at `sizeAt`, and it is `[start, end)`. */
	change(index: number, sizeAt: number, start: number, end: number): void {
		const { found, end: foundEnd, checks, smalls, replaced } = this.#walk;
		const { groups, groupsAt, codeAt } = this.#walk;
		const changes = checks + replaced;
		if (changes === 0 || end - start + changes * LONGEST_CHANGE > MOST_BODY) return;

		const edits = this.#edits;
		const size = edits.reserve(sizeAt, start - sizeAt);
		const { growth } = edits;
		if (smalls > 0) {
			edits.add(start, groupsAt - start, edits.pool.lebs([groups + 1]));
			edits.add(codeAt, 0, edits.pool.lebs([1, I32]));
		}
		if (checks > 0) this.hints.begin(index, checks);
		for (let i = 0; i < foundEnd; i += FIELDS) {
			if ((found[i + WHAT] as number) >= HOOKED) this.#hook(i);
			else if (found[i + WHAT] !== COUNTED) this.#check(i, growth + start);
		}
		edits.fill(size, edits.pool.lebs([end - start + edits.growth - growth]));
		this.metered += checks;
		this.changed = true;
	}

	/** `base`: where the body starts, with what all edits before it have added. */
	#check(i: number, base: number): void {
		const { found, locals } = this.#walk;
		const place = found[i + AT] as number;
		const { from, length } =
			found[i + WHAT] === SMALL ? this.#smallCheck(locals) : this.#largeCheck;
		this.#edits.add(place, 0, from, length);
		this.hints.unlikely(place + this.#edits.growth - base - this.#appendix.branchToEnd);
	}

	/** Puts a call in the place of an instruction. */
	#hook(i: number): void {
		const { found } = this.#walk;
		const start = found[i + AT] as number;
		const hook = (found[i + WHAT] as number) - HOOKED;
		const { pool } = this.#edits;
		const from = pool.length;
		this.#appendix.writeCall(hook, found[i + MORE] as number, pool);
		this.#edits.add(start, (found[i + TILL] as number) - start, from);
	}

	#smallCheck(local: number): Check {
		const known = this.#smallChecks.get(local);
		if (known) return known;
		const check = this.#newCheck(this.#appendix.smallCheck(local));
		this.#smallChecks.set(local, check);
		return check;
	}

	#newCheck(values: readonly number[]): Check {
		return { from: this.#edits.pool.lebs(values), length: lebsLength(values) };
	}
}

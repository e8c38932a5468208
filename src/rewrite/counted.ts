/**
 * Which loops end by themselves, and so need no check.
 *
 * `for (i = 0; i < n; i++) sum += a[i];` compiles to something like
 *
 *     loop
 *       ...                                 no calls, no loops, no exceptions
 *       local.get i  i32.const 1  i32.add  local.tee i       the step
 *       local.get n  i32.lt_u  br_if 0                       the test
 *     end
 *
 * A loop is counted if a test that every round passes compares a local that steps with what stands still:
 *
 * - A *step* adds a constant to a local, or takes it away. It is the only one that sets the local in the loop, and
 *   every round does it: it lies in no inner block, and before it nothing goes back to the header.
 * - What *stands still* is a constant, or a local that the loop does not set. `eqz`, and a condition that is the
 *   local itself, compare with zero.
 * - A *test* is a `br_if` that every round passes: the only way back, or a way out that lies in no inner block and
 *   before any way back.
 *
 * Such a loop ends within 2^32 rounds, far sooner where it walks over memory. It is a heuristic for what
 * compilers emit: a step that jumps over its bound for ever, or a module made to deceive, is not seen through.
 */
import { skipLeb } from "./reader.ts";

const BR_IF = 0x0d;
const LOCAL_GET = 0x20;
const LOCAL_TEE = 0x22;
const I32_CONST = 0x41;
const EQZ = 0x45;
const EQ = 0x46;
const GE_U = 0x4f;
const ADD = 0x6a;
const SUB = 0x6b;

/** What is compared, where it is no local. */
const CONSTANT = -1;
const OTHER = -2;

const MOST_SETS = 64;
const MOST_TESTS = 8;

/** How many of the latest instructions are kept; the patterns reach six back. */
const RECENT = 8;

export class CountedLoop {
	/** Where the latest instructions begin: instruction `n` at `n & 7`. The walk fills it. */
	readonly recent = new Int32Array(RECENT);
	/** The locals that the loop sets, each time, and whether that was a step. */
	readonly #sets = new Int32Array(MOST_SETS);
	readonly #steps = new Uint8Array(MOST_SETS);
	#setCount = 0;
	/** Of each test: the two sides, and whether it is a way back. */
	readonly #left = new Int32Array(MOST_TESTS);
	readonly #right = new Int32Array(MOST_TESTS);
	readonly #isBack = new Uint8Array(MOST_TESTS);
	#testCount = 0;
	#waysBack = 0;
	#spoilt = false;
	#bytes: Uint8Array = new Uint8Array(0);

	/** A loop begins; an outer one is watched no longer. */
	enter(bytes: Uint8Array): void {
		this.#bytes = bytes;
		this.#setCount = 0;
		this.#testCount = 0;
		this.#waysBack = 0;
		this.#spoilt = false;
	}

	/** Instruction `n` sets a local; `own` says that it lies in no inner block. */
	set(n: number, local: number, own: boolean): void {
		if (this.#setCount === MOST_SETS) {
			this.#spoilt = true;
			return;
		}
		this.#sets[this.#setCount] = local;
		const isStep = own && this.#waysBack === 0 && this.#isStep(n, local);
		this.#steps[this.#setCount++] = isStep ? 1 : 0;
	}

	/** Instruction `n` branches: back to the header (0), out of the loop (below 0), or forwards in it. */
	branch(n: number, direction: number, own: boolean): void {
		const back = direction === 0;
		const passed = back || (direction < 0 && own && this.#waysBack === 0);
		if (passed && this.#opcode(n) === BR_IF) this.#noteTest(n, back);
		if (back) this.#waysBack++;
	}

	/** Whether the loop that ends here is counted. */
	ends(): boolean {
		if (this.#spoilt) return false;
		for (let i = 0; i < this.#testCount; i++) {
			if (this.#isBack[i] === 1 && this.#waysBack !== 1) continue;
			const left = this.#left[i] as number;
			const right = this.#right[i] as number;
			if (this.#stepsTo(left, right) || this.#stepsTo(right, left)) return true;
		}
		return false;
	}

	#stepsTo(moving: number, bound: number): boolean {
		if (moving < 0) return false;
		let steps = 0;
		for (let i = 0; i < this.#setCount; i++) {
			const local = this.#sets[i];
			if (local === bound) return false;
			if (local !== moving) continue;
			if (this.#steps[i] === 0) return false;
			steps++;
		}
		return steps === 1;
	}

	#isStep(n: number, local: number): boolean {
		const operation = this.#opcode(n - 1);
		return (
			(operation === ADD || operation === SUB) &&
			this.#opcode(n - 2) === I32_CONST &&
			this.#immediate(n - 2) !== 0 &&
			this.#opcode(n - 3) === LOCAL_GET &&
			this.#immediate(n - 3) === local
		);
	}

	#noteTest(n: number, back: boolean): void {
		const condition = this.#opcode(n - 1);
		let left = OTHER;
		let right = CONSTANT;
		if (condition === LOCAL_TEE) {
			left = this.#immediate(n - 1);
		} else if (condition === EQZ) {
			left = this.#operand(n - 2);
		} else if (condition >= EQ && condition <= GE_U) {
			right = this.#operand(n - 2);
			// A tee stores what three instructions before it have made.
			left = this.#operand(this.#opcode(n - 2) === LOCAL_TEE ? n - 6 : n - 3);
		}
		if (left === OTHER || right === OTHER || this.#testCount === MOST_TESTS) return;
		this.#left[this.#testCount] = left;
		this.#right[this.#testCount] = right;
		this.#isBack[this.#testCount++] = back ? 1 : 0;
	}

	/** The local that instruction `n` pushes, or `CONSTANT`. */
	#operand(n: number): number {
		const opcode = this.#opcode(n);
		if (opcode === LOCAL_GET || opcode === LOCAL_TEE) return this.#immediate(n);
		return opcode === I32_CONST ? CONSTANT : OTHER;
	}

	#opcode(n: number): number {
		return this.#bytes[this.recent[n & (RECENT - 1)] as number] as number;
	}

	#immediate(n: number): number {
		const start = (this.recent[n & (RECENT - 1)] as number) + 1;
		const end = skipLeb(this.#bytes, start);
		let value = 0;
		for (let p = end - 1; p >= start; p--)
			value = (value << 7) | ((this.#bytes[p] as number) & 0x7f);
		return value;
	}
}

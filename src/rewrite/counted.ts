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
import { numbers } from "./writer.ts";

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
/** A test is three numbers; eight tests are kept. */
const TEST = 3;
const MOST_TESTS = 24;

/** How many of the latest instructions are kept; the patterns reach six back. */
const RECENT = 8;

export class CountedLoop {
	/** Where the latest instructions begin: instruction `n` at `n & 7`. The walk fills it. */
	readonly recent = numbers(RECENT);
	/** What the loop sets: `2 * local`, and 1 more for a step. */
	readonly #sets = numbers(MOST_SETS);
	#setsEnd = 0;
	/** Of each test its two sides, and 1 if it is a way back. */
	readonly #tests = numbers(MOST_TESTS);
	#testsEnd = 0;
	#waysBack = 0;
	readonly #bytes: Uint8Array;

	constructor(bytes: Uint8Array) {
		this.#bytes = bytes;
	}

	/** A loop begins; an outer one is watched no longer. */
	enter(): void {
		this.#setsEnd = 0;
		this.#testsEnd = 0;
		this.#waysBack = 0;
	}

	/** Instruction `n` sets a local; `own` says that it lies in no inner block. */
	set(n: number, local: number, own: boolean): void {
		const isStep = own && this.#waysBack === 0 && this.#isStep(n, local);
		// Beyond the array's end nothing is kept: `ends` sees that.
		this.#sets[this.#setsEnd++] = 2 * local + (isStep ? 1 : 0);
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
		const tests = this.#tests;
		for (let i = 0; i < this.#testsEnd; i += TEST) {
			const left = tests[i] as number;
			const right = tests[i + 1] as number;
			if (tests[i + 2] === 1 && this.#waysBack > 1) continue;
			if (this.#reaches(left, right) || this.#reaches(right, left)) return true;
		}
		return false;
	}

	/** Whether one side of a test steps, and the other stands still. */
	#reaches(moving: number, still: number): boolean {
		if (moving < 0 || this.#setsEnd > MOST_SETS) return false;
		let steps = 0;
		for (let i = 0; i < this.#setsEnd; i++) {
			const set = this.#sets[i] as number;
			const local = set >> 1;
			if (local === still || set === 2 * moving) return false;
			if (local === moving) steps++;
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
		if (left === OTHER || right === OTHER || this.#testsEnd === MOST_TESTS) return;
		this.#tests[this.#testsEnd] = left;
		this.#tests[this.#testsEnd + 1] = right;
		this.#tests[this.#testsEnd + 2] = back ? 1 : 0;
		this.#testsEnd += TEST;
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

	/** The LEB after the opcode; of a negative one only that it is not 0. */
	#immediate(n: number): number {
		let at = this.recent[n & (RECENT - 1)] as number;
		let value = 0;
		for (let shift = 0, byte = 0x80; byte >= 0x80; shift += 7) {
			byte = this.#bytes[++at] as number;
			value |= (byte & 0x7f) << shift;
		}
		return value;
	}
}

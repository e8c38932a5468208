/**
 * What the pass appends to a module, and the few instructions that lead there.
 *
 * Nothing is imported: imports come first in each index space, so one more would move all that follow, and each
 * call would have to be changed. What is appended comes last, and no index moves.
 *
 *     types      those of the functions
 *     functions  slow            if (--fuel < 0) fuel = table[0]()
 *                porthole:fuel   sets the fuel
 *                porthole:left   answers what is left of it
 *                hooks           notify, wait32 and wait64 through slots 1 to 3 of the table
 *                grow            of each memory: memory.grow, and notes in a global what was refused
 *                porthole:refused
 *                get, set        of each mutable global
 *     table      porthole:breathe, which the host fills after the instantiation
 *     globals    fuel, refused
 *
 * A loop's check, at its header, runs on entry and in each round. It leaves the stack as it is.
 *
 *     small loop:  t += 1; if ((t & 63) == 0) call slow      t: one more local, for all loops of a function
 *     large loop:  if (--fuel < 0) call slow
 *
 * So a unit of fuel is 64 short rounds or one long one. A grant of `f` lasts for `f` units, and the next unit asks: the sum
 * of all `f + 1` that were used up, and of what the last one has used, depends on the module and its input only.
 *
 * A local costs a register and no access to memory; an interpreter's dispatch loop has no register to
 * spare, and there the global is cheaper. `slow` is longer than the 500 bytes up to which V8 inlines: inlined,
 * the call in it costs the loop its registers. The global is not exported, for Firefox reaches an exported mutable
 * global through a pointer.
 *
 * A start function runs before the table is filled, where nothing can suspend it. The fuel that there is at first is more than any
 * needs; one that spins uses it up, asks an empty table, and so traps. It may
 * notify (the one that initialises the memory of threads does): then nothing can be waiting, and the hook answers 0.
 * A wait at that time traps.
 *
 * All is written as lists of LEBs; see `writer.ts`.
 */
import type { RewriteOptions } from "./options.ts";
import { lebsLength, nameLebs, type Writer } from "./writer.ts";

const I32 = 0x7f;
const I64 = 0x7e;
/** Types of numbers are this and the three above. */
export const F64 = 0x7c;
const FUNCTION_FORM = 0x60;
const FUNCREF = 0x70;
const MUTABLE = 1;
/** For a start function: seconds of work. */
const FIRST_FUEL = 1 << 24;
/** More than V8 inlines. */
const PADDING = 600;
/** A small loop counts its rounds in these bits of a local. */
const ROUNDS = 63;

const NOP = 0x01;
const IF = [0x04, 0x40];
const END = 0x0b;
const RETURN = 0x0f;
const CALL = 0x10;
const CALL_INDIRECT = 0x11;
const LOCAL_GET = 0x20;
const LOCAL_TEE = 0x22;
const MEMORY_SIZE = 0x3f;
const MEMORY_GROW = 0x40;
const GLOBAL_GET = 0x23;
const GLOBAL_SET = 0x24;
const TABLE_GET = 0x25;
const CONST = 0x41;
const CONST_64 = 0x42;
const MINUS_1 = 0x7f;
const EQZ = 0x45;
const EQ = 0x46;
const EQ_64 = 0x51;
const LT_S = 0x48;
const ADD = 0x6a;
const SUB = 0x6b;
const AND = 0x71;
const ADD_64 = 0x7c;
/** As LEBs these have a second byte, which is a `nop`. */
const EXTEND = 0xad;
const REF_IS_NULL = 0xd1;

/** Types that are appended: `2 * n` is a getter and `2 * n + 1` a setter of the type `I32 - n`, then these. */
const SLOW_TYPE = 8;
const HOOK_TYPES = 9;
/** What notify, wait32 and wait64 take from the stack, and the offset of the access. */
const HOOKS: readonly (readonly number[])[] = [
	[I32, I32, I32],
	[I32, I32, I64, I32],
	[I32, I64, I64, I32],
];
/** `T -> T`, of i32 and of i64. */
const GROW_TYPES = HOOK_TYPES + 3;

/** What the names of all exports begin with. */
export const PREFIX = "porthole:";
/** Kinds of exports. */
const FUNCTION = 0;
const TABLE = 1;
const MEMORY = 2;

/** The sections in which something is appended. */
export const TYPES = 1;
export const FUNCTIONS = 3;
export const TABLES = 4;
export const GLOBALS = 6;
export const EXPORTS = 7;
export const CODE = 10;

/** What the original has. */
export class Counts {
	/** How many parameters each type has. */
	readonly parameters: number[] = [];
	functions = 0;
	tables = 0;
	/** Of each memory whether its addresses have 64 bits. */
	readonly wide: boolean[] = [];
	globals = 0;
	/** Index and type of each global that is mutable. */
	readonly mutable: (readonly [number, number])[] = [];
}

export class Appendix {
	/** By section: what is appended to it. */
	readonly items: Readonly<Record<number, number[][]>>;
	readonly largeCheck: readonly number[];
	/** How many bytes before the end of a check its branch lies. */
	readonly branchToEnd: number;

	readonly #counts: Counts;
	readonly #callSlow: readonly number[];
	readonly #firstHook: number;
	#firstGrow = 0;

	constructor(counts: Counts, options: RewriteOptions) {
		const { meter, hookWaits } = options;
		this.#counts = counts;
		this.items = {
			[TYPES]: typeItems(),
			[FUNCTIONS]: [],
			[TABLES]: [],
			[GLOBALS]: [],
			[EXPORTS]: [],
			[CODE]: [],
		};
		const { functions, globals: fuel } = counts;
		this.#callSlow = [...IF, CALL, functions, END];
		this.branchToEnd = lebsLength(this.#callSlow);
		const decrement = [GLOBAL_GET, fuel, CONST, 1, SUB, GLOBAL_SET, fuel];
		const isShort = [...decrement, GLOBAL_GET, fuel, CONST, 0, LT_S];
		this.largeCheck = [...isShort, ...this.#callSlow];
		this.#firstHook = functions + (meter ? 3 : 0);
		if (meter) this.#addMeter(isShort);
		if (hookWaits) HOOKS.forEach(this.#addHook, this);
		if (meter || hookWaits) this.#addTable(hookWaits ? 1 + HOOKS.length : 1);
		if (options.noteRefusals) this.#addGrows();
		if (options.exportHidden) this.#addHidden();
	}

	smallCheck(local: number): number[] {
		const count = [LOCAL_GET, local, CONST, 1, ADD, LOCAL_TEE, local];
		return [...count, CONST, ROUNDS, AND, EQZ, ...this.#callSlow];
	}

	/** Writes what takes the place of a wait at an offset, or of the growth of a memory. */
	writeCall(hook: number, more: number, out: Writer): void {
		const isWait = hook < HOOKS.length;
		if (isWait) {
			out.leb(CONST);
			out.signed(more);
		}
		out.lebs([CALL, isWait ? this.#firstHook + hook : this.#firstGrow + more]);
	}

	#addMeter(isShort: readonly number[]): void {
		const fuel = this.#counts.globals;
		this.#add(GLOBALS, [I32, MUTABLE, CONST, FIRST_FUEL, END]);
		const ask = [CONST, 0, ...this.#callTable(0), GLOBAL_SET, fuel];
		const padding = new Array<number>(PADDING).fill(NOP);
		this.#addFunction(SLOW_TYPE, [...isShort, ...IF, ...ask, END, RETURN, ...padding]);
		this.#addSetter("fuel", fuel, I32);
		this.#addGetter("left", fuel, I32);
	}

	#addHook(taken: readonly number[], hook: number): void {
		const slot = [CONST, hook + 1];
		const isEmpty = [...slot, TABLE_GET, this.#counts.tables, REF_IS_NULL];
		const answer = hook === 0 ? [...isEmpty, ...IF, CONST, 0, RETURN, END] : [];
		const gets = taken.flatMap((_, local) => [LOCAL_GET, local]);
		const type = HOOK_TYPES + hook;
		this.#addFunction(type, [...answer, ...gets, ...slot, ...this.#callTable(type)]);
	}

	#addTable(slots: number): void {
		this.#add(TABLES, [FUNCREF, 1, slots, slots]);
		this.#export("breathe", TABLE, this.#counts.tables);
	}

	#addGrows(): void {
		const { functions, globals, wide } = this.#counts;
		const refused = globals + this.#add(GLOBALS, [I64, MUTABLE, CONST_64, 0, END]);
		this.#firstGrow = functions + (this.items[CODE] as number[][]).length;
		wide.forEach((isWide, memory) => {
			const extend = isWide ? [] : [EXTEND];
			const size = [MEMORY_SIZE, memory, ...extend];
			const isRefused = isWide ? [CONST_64, MINUS_1, EQ_64] : [CONST, MINUS_1, EQ];
			const note = [...size, LOCAL_GET, 0, ...extend, ADD_64, GLOBAL_SET, refused];
			const grow = [LOCAL_GET, 0, MEMORY_GROW, memory, LOCAL_TEE, 1];
			const code = [...grow, ...isRefused, ...IF, ...note, END, LOCAL_GET, 1];
			const local = [1, 1, isWide ? I64 : I32];
			this.#addFunction(GROW_TYPES + (isWide ? 1 : 0), code, "", local);
		});
		this.#addGetter("refused", refused, I64);
	}

	#addHidden(): void {
		const { mutable, wide, tables } = this.#counts;
		for (const [global, type] of mutable) {
			this.#addGetter(`get:${global}`, global, type);
			this.#addSetter(`set:${global}`, global, type);
		}
		for (let i = 0; i < wide.length; i++) this.#export(`memory:${i}`, MEMORY, i);
		for (let i = 0; i < tables; i++) this.#export(`table:${i}`, TABLE, i);
	}

	#addGetter(name: string, global: number, type: number): void {
		this.#addFunction(2 * (I32 - type), [GLOBAL_GET, global], name);
	}

	#addSetter(name: string, global: number, type: number): void {
		this.#addFunction(2 * (I32 - type) + 1, [LOCAL_GET, 0, GLOBAL_SET, global], name);
	}

	#addFunction(type: number, code: readonly number[], name?: string, locals = [0]): void {
		const body = [...locals, ...code, END];
		const index = this.#counts.functions + this.#add(CODE, [lebsLength(body), ...body]);
		this.#add(FUNCTIONS, [this.#counts.parameters.length + type]);
		if (name) this.#export(name, FUNCTION, index);
	}

	#export(name: string, kind: number, index: number): void {
		this.#add(EXPORTS, [...nameLebs(PREFIX + name), kind, index]);
	}

	/** Answers how many there were before. */
	#add(section: number, item: number[]): number {
		return (this.items[section] as number[][]).push(item) - 1;
	}

	/** Calls the function of the table at the index on the stack. */
	#callTable(type: number): number[] {
		return [CALL_INDIRECT, this.#counts.parameters.length + type, this.#counts.tables];
	}
}

function typeItems(): number[][] {
	const items: number[][] = [];
	for (let type = I32; type >= F64; type--) {
		items.push([FUNCTION_FORM, 0, 1, type], [FUNCTION_FORM, 1, type, 0]);
	}
	items.push([FUNCTION_FORM, 0, 0]);
	for (const taken of HOOKS) items.push([FUNCTION_FORM, taken.length, ...taken, 1, I32]);
	for (const type of [I32, I64]) items.push([FUNCTION_FORM, 1, type, 1, type]);
	return items;
}

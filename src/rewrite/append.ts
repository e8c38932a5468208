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
 *                get, set        of each mutable global
 *     table      porthole:breathe, which the host fills after the instantiation
 *     global     fuel
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
 * Fuel starts at the most there is, so a start function, which runs before the table is filled, does not ask. It may
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
const MOST_FUEL = 0x7fffffff;
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
const GLOBAL_GET = 0x23;
const GLOBAL_SET = 0x24;
const TABLE_GET = 0x25;
const CONST = 0x41;
const EQZ = 0x45;
const LT_S = 0x48;
const ADD = 0x6a;
const SUB = 0x6b;
const AND = 0x71;
/** As a LEB it has a second byte, which is a `nop`. */
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
	memories = 0;
	globals = 0;
	/** Index and type of each global that is mutable. */
	readonly mutable: (readonly [number, number])[] = [];
	/** Whether the first memory's addresses have 64 bits. */
	isWide = false;
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

	constructor(counts: Counts, { meter, hookWaits, exportHidden }: RewriteOptions) {
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
		if (exportHidden) this.#addHidden();
	}

	smallCheck(local: number): number[] {
		const count = [LOCAL_GET, local, CONST, 1, ADD, LOCAL_TEE, local];
		return [...count, CONST, ROUNDS, AND, EQZ, ...this.#callSlow];
	}

	/** Writes what takes the place of a wait. */
	writeHookCall(hook: number, offset: number, out: Writer): void {
		out.leb(CONST);
		out.signed(offset);
		out.lebs([CALL, this.#firstHook + hook]);
	}

	#addMeter(isShort: readonly number[]): void {
		const fuel = this.#counts.globals;
		this.#add(GLOBALS, [I32, MUTABLE, CONST, MOST_FUEL, END]);
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

	#addHidden(): void {
		const { mutable, memories, tables } = this.#counts;
		for (const [global, type] of mutable) {
			this.#addGetter(`get:${global}`, global, type);
			this.#addSetter(`set:${global}`, global, type);
		}
		for (let i = 0; i < memories; i++) this.#export(`memory:${i}`, MEMORY, i);
		for (let i = 0; i < tables; i++) this.#export(`table:${i}`, TABLE, i);
	}

	#addGetter(name: string, global: number, type: number): void {
		this.#addFunction(2 * (I32 - type), [GLOBAL_GET, global], name);
	}

	#addSetter(name: string, global: number, type: number): void {
		this.#addFunction(2 * (I32 - type) + 1, [LOCAL_GET, 0, GLOBAL_SET, global], name);
	}

	/** A function without locals. */
	#addFunction(type: number, code: readonly number[], name?: string): void {
		const body = [0, ...code, END];
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
	return items;
}

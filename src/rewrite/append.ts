/**
 * What the pass appends to a module, and the few instructions that lead there.
 *
 * Nothing is imported: imports come first in each index space, so one more would move all that follow, and each
 * call would have to be changed. What is appended comes last, and no index moves.
 *
 *     types     () -> t and (t) -> () for each kind of number, () -> (), and those of the hooks
 *     functions slow            if (--fuel < 0) fuel = table[0]()
 *               porthole:fuel   sets the fuel
 *               porthole:left   answers what is left of it
 *               hooks           notify, wait32, wait64 through slots 1 to 3 of the table
 *               get and set     of each mutable global
 *     table     porthole:breathe: what the host fills in after the instantiation
 *     global    fuel
 *
 * A loop's check, at its header, runs on entry and in each round. It leaves the stack as it is.
 *
 *     small loop:  t += 1; if ((t & 63) == 0) call slow      t: one more local, for all loops of a function
 *     large loop:  if (--fuel < 0) call slow
 *
 * So a unit of fuel is 64 short rounds or one long one. When the host is asked, one unit more has been used
 * than it granted: the sum of all `grant + 1`, less what `porthole:left` says at the end, is what was used. It
 * depends on the module and its input only.
 *
 * A local costs a register and no access to memory; an interpreter's dispatch loop has no register to
 * spare, and there the global is cheaper. `slow` is longer than the 500 bytes up to which V8 inlines: inlined,
 * its own call costs the loop its registers. The global is not exported, for Firefox reaches exported mutable
 * globals through a pointer.
 *
 * Fuel starts at the most there is, so a start function, which runs before the table is filled, does not ask. A hook may
 * be called by a start function, for the one that initialises the memory of threads notifies: then nobody can be
 * waiting, and it answers 0. A wait at that time traps.
 */
import { lebLength, type Writer } from "./writer.ts";

const I32 = 0x7f;
const I64 = 0x7e;
const F64 = 0x7c;
const FUNCTION_FORM = 0x60;
const FUNCREF = 0x70;
const EMPTY = 0x40;
const END = 0x0b;
const CALL = 0x10;
const MUTABLE = 1;
const MOST_FUEL = 0x7fffffff;
/** More than V8 inlines. */
const PADDING = 600;
/** A small loop counts its rounds in the low bits of a local. */
const ROUNDS = 63;

/** Where the appended types begin that are no getter's or setter's. */
const SLOW_TYPE = 8;
const HOOK_TYPES = 9;
/** What the guest puts on the stack for notify, wait32 and wait64; the access's offset follows it. */
const HOOKS: readonly (readonly number[])[] = [
	[I32, I32],
	[I32, I32, I64],
	[I32, I64, I64],
];

const EXPORT = { function: 0, table: 1, memory: 2 };

/** The sections in which something is appended. */
export const TYPES = 1;
export const FUNCTIONS = 3;
export const TABLES = 4;
export const GLOBALS = 6;
export const EXPORTS = 7;
export const CODE = 10;

/** How many of each the original has, and which of its globals are mutable: `[index, type, …]`. */
export interface Counts {
	readonly types: number;
	readonly functions: number;
	readonly tables: number;
	readonly memories: number;
	readonly globals: number;
	readonly mutable: readonly number[];
}

export interface Parts {
	readonly meter: boolean;
	readonly hooks: boolean;
	readonly hidden: boolean;
}

export class Appendix {
	readonly #counts: Counts;
	readonly #parts: Parts;
	readonly #slow: number;
	readonly #firstHook: number;
	readonly #firstGetter: number;

	constructor(counts: Counts, parts: Parts) {
		this.#counts = counts;
		this.#parts = parts;
		this.#slow = counts.functions;
		this.#firstHook = this.#slow + (parts.meter ? 3 : 0);
		this.#firstGetter = this.#firstHook + (parts.hooks ? HOOKS.length : 0);
	}

	/** Writes what is appended to a section, and answers how many things that is. */
	write(section: number, out: Writer): number {
		switch (section) {
			case TYPES:
				return this.#types(out);
			case FUNCTIONS:
				return this.#functions(out);
			case TABLES:
				return this.#table(out);
			case GLOBALS:
				return this.#fuel(out);
			case EXPORTS:
				return this.#exports(out);
			case CODE:
				return this.#code(out);
			default:
				return 0;
		}
	}

	/** Writes the check of a small loop. */
	smallCheck(local: number, out: Writer): void {
		out.put(0x20);
		out.u32(local);
		out.put(0x41, 1, 0x6a, 0x22); // i32.const 1, i32.add, local.tee
		out.u32(local);
		out.put(0x41);
		out.s32(ROUNDS);
		out.put(0x71, 0x45); // i32.and, i32.eqz
		this.#callSlow(out);
	}

	/** Writes the check of a large loop. */
	largeCheck(out: Writer): void {
		this.#decrementFuel(out);
		this.#callSlow(out);
	}

	/** How many bytes before a check's end its branch lies. */
	get branchToEnd(): number {
		return 4 + lebLength(this.#slow);
	}

	/** Writes what takes the place of a wait: the offset, in as many bytes for each, and the call. */
	hookCall(hook: number, offset: number, out: Writer): void {
		out.put(0x41);
		out.padded(offset);
		out.put(CALL);
		out.u32(this.#firstHook + hook);
	}

	hookLength(hook: number): number {
		return 7 + lebLength(this.#firstHook + hook);
	}

	#types(out: Writer): number {
		for (let type = I32; type >= F64; type--) {
			out.put(FUNCTION_FORM, 0, 1, type, FUNCTION_FORM, 1, type, 0);
		}
		out.put(FUNCTION_FORM, 0, 0);
		for (const taken of HOOKS) out.put(FUNCTION_FORM, taken.length + 1, ...taken, I32, 1, I32);
		return HOOK_TYPES + HOOKS.length;
	}

	#functions(out: Writer): number {
		const { meter, hooks, hidden } = this.#parts;
		const types: number[] = [];
		if (meter) types.push(SLOW_TYPE, setter(I32), getter(I32));
		if (hooks) types.push(...HOOKS.map((_, hook) => HOOK_TYPES + hook));
		if (hidden) this.#eachMutable((_, type) => types.push(getter(type), setter(type)));
		for (const type of types) out.u32(this.#counts.types + type);
		return types.length;
	}

	#code(out: Writer): number {
		const { meter, hooks, hidden } = this.#parts;
		const { globals } = this.#counts;
		let count = 0;
		if (meter) {
			this.#slowBody(out);
			setterBody(globals, out);
			getterBody(globals, out);
			count += 3;
		}
		if (hooks) {
			for (const [hook, taken] of HOOKS.entries()) this.#hookBody(taken.length, hook, out);
			count += HOOKS.length;
		}
		if (hidden) {
			this.#eachMutable((global) => {
				getterBody(global, out);
				setterBody(global, out);
				count += 2;
			});
		}
		return count;
	}

	#table(out: Writer): number {
		const { meter, hooks } = this.#parts;
		if (!meter && !hooks) return 0;
		const slots = hooks ? 1 + HOOKS.length : 1;
		out.put(FUNCREF, 1, slots, slots);
		return 1;
	}

	#fuel(out: Writer): number {
		if (!this.#parts.meter) return 0;
		out.put(I32, MUTABLE, 0x41);
		out.s32(MOST_FUEL);
		out.put(END);
		return 1;
	}

	#exports(out: Writer): number {
		const { meter, hooks, hidden } = this.#parts;
		const { tables, memories } = this.#counts;
		let count = 0;
		const add = (name: string, kind: number, index: number) => {
			out.name(`porthole:${name}`);
			out.put(kind);
			out.u32(index);
			count++;
		};
		if (meter || hooks) add("breathe", EXPORT.table, tables);
		if (meter) {
			add("fuel", EXPORT.function, this.#slow + 1);
			add("left", EXPORT.function, this.#slow + 2);
		}
		if (!hidden) return count;
		let next = this.#firstGetter;
		this.#eachMutable((global) => {
			add(`get:${global}`, EXPORT.function, next++);
			add(`set:${global}`, EXPORT.function, next++);
		});
		for (let i = 0; i < memories; i++) add(`memory:${i}`, EXPORT.memory, i);
		for (let i = 0; i < tables; i++) add(`table:${i}`, EXPORT.table, i);
		return count;
	}

	#eachMutable(see: (global: number, type: number) => void): void {
		const { mutable } = this.#counts;
		for (let i = 0; i < mutable.length; i += 2) see(mutable[i] as number, mutable[i + 1] as number);
	}

	#slowBody(out: Writer): void {
		body(out, () => {
			this.#decrementFuel(out);
			out.put(0x04, EMPTY, 0x41, 0); // if, i32.const 0
			this.#callTable(0, out);
			out.put(0x24);
			out.u32(this.#counts.globals);
			out.put(END, 0x0f); // return
			for (let i = 0; i < PADDING; i++) out.byte(0x01);
		});
	}

	#hookBody(taken: number, hook: number, out: Writer): void {
		body(out, () => {
			const slot = hook + 1;
			if (hook === 0) {
				out.put(0x41, slot, 0x25); // i32.const, table.get
				out.u32(this.#counts.tables);
				out.put(0xd1, 0x04, EMPTY, 0x41, 0, 0x0f, END); // ref.is_null, if, i32.const 0, return
			}
			for (let i = 0; i <= taken; i++) out.put(0x20, i);
			out.put(0x41, slot);
			this.#callTable(HOOK_TYPES + hook, out);
		});
	}

	/** Calls the table's function at the index on the stack. */
	#callTable(type: number, out: Writer): void {
		out.put(0x11);
		out.u32(this.#counts.types + type);
		out.u32(this.#counts.tables);
	}

	/** Leaves on the stack whether there is none left. */
	#decrementFuel(out: Writer): void {
		const fuel = this.#counts.globals;
		out.put(0x23);
		out.u32(fuel);
		out.put(0x41, 1, 0x6b, 0x24); // i32.const 1, i32.sub, global.set
		out.u32(fuel);
		out.put(0x23);
		out.u32(fuel);
		out.put(0x41, 0, 0x48); // i32.const 0, i32.lt_s
	}

	#callSlow(out: Writer): void {
		out.put(0x04, EMPTY, CALL);
		out.u32(this.#slow);
		out.put(END);
	}
}

const getter = (type: number) => 2 * (I32 - type);
const setter = (type: number) => getter(type) + 1;

function getterBody(global: number, out: Writer): void {
	body(out, () => {
		out.put(0x23);
		out.u32(global);
	});
}

function setterBody(global: number, out: Writer): void {
	body(out, () => {
		out.put(0x20, 0, 0x24);
		out.u32(global);
	});
}

/** A body without locals, after its size. */
function body(out: Writer, write: () => void): void {
	const start = out.length;
	out.padded(0);
	const code = out.length;
	out.put(0);
	write();
	out.put(END);
	out.padAt(start, out.length - code);
}

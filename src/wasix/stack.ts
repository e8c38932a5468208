/**
 * The stack of a thread that was compiled with asyncify: how it is taken away and put back.
 *
 * Asyncify makes each function of a program able to leave at a call and to come back to it. A call that is to return
 * twice (`proc_fork`, `stack_checkpoint`), or that goes back to where another was made (`stack_restore`), does this:
 *
 *     call ── unwind() ──> the functions return one after the other, and write down where they were
 *     entry returns ─────> settle(): what the call wanted is done: copy the memory, keep or exchange the record
 *     entry is called ───> the functions go back down to the same import, which asks `rewound()` and returns
 *
 * The record lies at the low end of the thread's stack, which grows down towards it:
 *
 *     lower      lower + 8                          stack pointer            upper
 *     | at, end  | record ──────>        ( free )      <────── the stack      |
 *
 * A checkpoint is the record, the globals, and the bytes of the stack above its pointer. What of the stack lives at
 * a `stack_restore` must not be touched, for functions have changed it since; so bytes are put back only where the
 * checkpoint's pointer is lower than the present one, up to the present one: those functions had returned.
 */
import { type Done, ENOSYS, type Errno } from "../abi/errno.ts";
import type { Memory } from "../abi/memory.ts";
import { UNWINDING } from "./adapter.ts";

const HEAD = 8;
/** So much of the stack at least must be free for a record. */
const LEAST_ROOM = 256;
/** Bytes that the checkpoints of a thread may hold together; the deepest go first. */
const MOST_BYTES = 8 << 20;
const MOST_CHECKPOINTS = 256;
/** In a program's record of a checkpoint: where its number is. */
const NUMBER_AT = 8;
const MAGIC = 0x70686c65;

export interface Checkpoint {
	readonly number: number;
	/** The address of the program's record. */
	readonly record: number;
	readonly pointer: number;
	readonly unwound: Uint8Array;
	readonly above: Uint8Array;
	readonly globals: readonly (number | bigint)[];
}

/** A mutable global of an instance, by the functions that the pass has appended. */
interface Hidden {
	readonly get: () => number | bigint;
	readonly set: (value: number | bigint) => void;
}

/** What asyncify exports. */
interface Asyncify {
	readonly asyncify_start_unwind: (at: number) => void;
	readonly asyncify_stop_unwind: () => void;
	readonly asyncify_start_rewind: (at: number) => void;
	readonly asyncify_stop_rewind: () => void;
}

let lastNumber = 0;

export class Stack {
	readonly #memory: Memory;
	readonly #asyncify: Asyncify | null;
	readonly #pointer: WebAssembly.Global | null;
	readonly #globals: readonly Hidden[];
	readonly #lower: number;
	readonly #upper: number;
	readonly #checkpoints: Checkpoint[] = [];
	/** What the call wants that took the stack away, once the entry has returned. */
	#settle: (() => Done) | null = null;
	/** The answer of the call that is gone back to; null while nothing is rewound. */
	#answer: number | null = null;

	/** `bounds` of the stack; those of the main one are worked out from what the program exports. */
	constructor(instance: WebAssembly.Instance, memory: Memory, bounds?: readonly [number, number]) {
		this.#memory = memory;
		const { exports } = instance;
		this.#asyncify = asyncifyOf(exports);
		const pointer = exports.__stack_pointer;
		this.#pointer = pointer instanceof WebAssembly.Global ? pointer : null;
		this.#globals = hiddenGlobals(exports);
		[this.#lower, this.#upper] = bounds ?? mainStack(exports, this.#pointer);
	}

	/** Whether the stack can be taken away at all. */
	get canUnwind(): boolean {
		return this.#asyncify !== null && this.#pointer !== null;
	}

	/** Whether the entry has returned because the stack was taken away. */
	get isUnwound(): boolean {
		return this.#settle !== null;
	}

	/** Whether the functions are on their way back to the call that took the stack away. */
	get isRewinding(): boolean {
		return this.#answer !== null;
	}

	/** Takes the stack away; then `settle` is called, whose answer the call returns with when it is gone back to. Errors:
	 *  ENOSYS for a program that was not compiled for it, or whose stack is full. */
	unwind(settle: () => Done): Errno {
		const pointer = this.#stackPointer;
		const { memory, end } = { memory: this.#memory, end: pointer & ~7 };
		if (this.#asyncify === null || this.#pointer === null) return ENOSYS;
		if (end - this.#lower < HEAD + LEAST_ROOM || !memory.has(this.#lower, pointer - this.#lower)) {
			return ENOSYS;
		}
		memory.setU32(this.#lower, this.#lower + HEAD);
		memory.setU32(this.#lower + 4, end);
		this.#settle = settle;
		this.#asyncify.asyncify_start_unwind(this.#lower);
		return UNWINDING;
	}

	/** The entry has returned: does what was wanted and makes ready to go back. */
	settle(): void {
		const settle = this.#settle;
		this.#asyncify?.asyncify_stop_unwind();
		this.#settle = null;
		if (settle !== null) this.goBack(settle());
	}

	/** Makes ready to go back to the call, which then returns `answer`. */
	goBack(answer: number): void {
		this.#answer = answer;
		this.#asyncify?.asyncify_start_rewind(this.#lower);
	}

	/** For a call that may have been gone back to: its answer, or null where it is made for the first time. */
	rewound(): number | null {
		const answer = this.#answer;
		if (answer === null) return null;
		this.#answer = null;
		this.#asyncify?.asyncify_stop_rewind();
		return answer;
	}

	/** The values of all mutable globals. */
	globals(): (number | bigint)[] {
		return this.#globals.map(({ get }) => get());
	}

	setGlobals(values: readonly (number | bigint)[]): void {
		this.#globals.forEach(({ set }, index) => {
			const value = values[index];
			if (value !== undefined) set(value);
		});
	}

	/** Keeps where the thread is, after it was unwound, as the checkpoint of `record`. */
	keep(record: number): void {
		const { u8 } = this.#memory;
		const pointer = this.#stackPointer;
		this.#forget(record);
		lastNumber += 1;
		this.#memory.setU32(record + NUMBER_AT, lastNumber);
		this.#memory.setU32(record + NUMBER_AT + 4, MAGIC);
		this.#checkpoints.push({
			number: lastNumber,
			record,
			pointer,
			unwound: u8.slice(this.#lower, this.#memory.u32(this.#lower)),
			above: u8.slice(pointer, this.#upper),
			globals: this.globals(),
		});
		this.#shed();
	}

	/** The checkpoint that the program's record names. */
	find(record: number): Checkpoint | undefined {
		if (this.#memory.u32(record + NUMBER_AT + 4) !== MAGIC) return undefined;
		const number = this.#memory.u32(record + NUMBER_AT);
		return this.#checkpoints.find((one) => one.number === number);
	}

	/** Puts a checkpoint in the place of where the thread is. */
	restore({ pointer, unwound, above, globals }: Checkpoint): void {
		const { u8 } = this.#memory;
		const present = this.#stackPointer;
		u8.set(unwound, this.#lower);
		if (present > pointer) u8.set(above.subarray(0, present - pointer), pointer);
		this.setGlobals(globals);
	}

	/** Takes over the checkpoints of the thread that this one is a copy of. */
	inherit(from: Stack): void {
		this.#checkpoints.push(...from.#checkpoints);
	}

	get #stackPointer(): number {
		return (this.#pointer?.value ?? 0) >>> 0;
	}

	#forget(record: number): void {
		const at = this.#checkpoints.findIndex((one) => one.record === record);
		if (at >= 0) this.#checkpoints.splice(at, 1);
	}

	/** Drops the deepest checkpoints where there are too many. */
	#shed(): void {
		const sizeOf = ({ unwound, above }: Checkpoint) => unwound.length + above.length;
		let size = this.#checkpoints.reduce((sum, one) => sum + sizeOf(one), 0);
		while (this.#checkpoints.length > MOST_CHECKPOINTS || size > MOST_BYTES) {
			const pointers = this.#checkpoints.slice(0, -1).map(({ pointer }) => pointer);
			const [gone] = this.#checkpoints.splice(pointers.indexOf(Math.min(...pointers)), 1);
			if (gone === undefined) return;
			size -= sizeOf(gone);
		}
	}
}

function asyncifyOf(exports: WebAssembly.Exports): Asyncify | null {
	const names = ["start_unwind", "stop_unwind", "start_rewind", "stop_rewind"];
	const all = names.every((name) => typeof exports[`asyncify_${name}`] === "function");
	// A module may export functions of other types by these names: then a call of theirs throws or does nothing, and it
	// harms itself only.
	return all ? (exports as unknown as Asyncify) : null;
}

function hiddenGlobals(exports: WebAssembly.Exports): Hidden[] {
	const hidden: Hidden[] = [];
	for (const [name, get] of Object.entries(exports)) {
		const index = /^porthole:get:(\d+)$/.exec(name)?.[1];
		const set = index && exports[`porthole:set:${index}`];
		if (typeof get === "function" && typeof set === "function") {
			hidden.push({ get: get as Hidden["get"], set: set as Hidden["set"] });
		}
	}
	return hidden;
}

/** The bounds of the main stack (wasix-runner.md 6.5). */
function mainStack(
	exports: WebAssembly.Exports,
	pointer: WebAssembly.Global | null,
): [number, number] {
	const numberOf = (name: string) => {
		const value = exports[name];
		return value instanceof WebAssembly.Global ? Number(value.value) >>> 0 : undefined;
	};
	const upper = numberOf("__stack_high") ?? (pointer ? Number(pointer.value) >>> 0 : 1 << 20);
	const lower = numberOf("__stack_low") ?? numberOf("__data_end") ?? 0;
	return [lower >= upper ? 0 : (lower + 15) & ~15, upper];
}

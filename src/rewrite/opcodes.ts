/**
 * What follows each opcode, as tables of bytes: all that a walk over code must know.
 *
 * A kind names the immediates, and sets apart the instructions that the walk looks at more closely. What
 * is in no table is `UNKNOWN`; an instruction that comes into use later is refused rather than misread.
 */

export const UNKNOWN = 0;
/** No immediates. */
export const NONE = 1;
/** One LEB that nothing depends on. */
export const LEB = 2;
export const LEB_LEB = 3;
/** Four, eight, sixteen bytes, or one. */
export const FOUR = 4;
export const EIGHT = 5;
export const SIXTEEN = 6;
export const LANE = 7;
/** Alignment, sometimes a memory, an offset; with `LANE` after it. */
export const MEMORY = 8;
export const MEMORY_LANE = 9;
/** A type, then nested instructions up to `END` or `DELEGATE`. */
export const BLOCK = 10;
export const LOOP = 11;
export const TRY_TABLE = 12;
export const END = 13;
export const DELEGATE = 14;
/** One label. */
export const BRANCH = 15;
export const BRANCH_TABLE = 16;
/** A function that is called, or referred to. */
export const CALL = 17;
export const FUNCTION = 18;
/** A type, and a table. */
export const CALL_INDIRECT = 19;
/** A type. */
export const CALL_REF = 20;
/** A local that is set. */
export const SET = 21;
export const GLOBAL = 22;
export const TABLE = 23;
export const TABLE_TABLE = 24;
export const LEB_TABLE = 25;
/** A list of types. */
export const SELECT = 26;
/** A memory.atomic.wait or notify. */
export const WAIT = 27;
/** The instruction is in another table, by the LEB that follows. */
export const PREFIX_FC = 28;
export const PREFIX_FD = 29;
export const PREFIX_FE = 30;

/** The tables hold `[kind, first, last, first, last, …]`. */
function table(size: number, rows: readonly (readonly number[])[]): Uint8Array {
	const kinds = new Uint8Array(size);
	for (const [kind = UNKNOWN, ...ranges] of rows) {
		for (let i = 0; i < ranges.length; i += 2) {
			kinds.fill(kind, ranges[i], (ranges[i + 1] as number) + 1);
		}
	}
	return kinds;
}

export const PLAIN = table(0x100, [
	// unreachable, nop; else; throw_ref; return; catch_all, drop, select; numbers; is_null, as_non_null
	[NONE, 0x00, 0x01, 0x05, 0x05, 0x0a, 0x0a, 0x0f, 0x0f, 0x19, 0x1b],
	[NONE, 0x45, 0xc4, 0xd1, 0xd1, 0xd4, 0xd4],
	// catch, throw, rethrow; local.get; memory.size, grow, i32.const, i64.const; ref.null
	[LEB, 0x07, 0x09, 0x20, 0x20, 0x3f, 0x42, 0xd0, 0xd0],
	[BLOCK, 0x02, 0x02, 0x04, 0x04, 0x06, 0x06], // block, if, try
	[LOOP, 0x03, 0x03],
	[END, 0x0b, 0x0b],
	[BRANCH, 0x0c, 0x0d, 0xd5, 0xd6], // br, br_if, br_on_null, br_on_non_null
	[BRANCH_TABLE, 0x0e, 0x0e],
	[CALL, 0x10, 0x10, 0x12, 0x12],
	[CALL_INDIRECT, 0x11, 0x11, 0x13, 0x13],
	[CALL_REF, 0x14, 0x15],
	[DELEGATE, 0x18, 0x18],
	[SELECT, 0x1c, 0x1c],
	[TRY_TABLE, 0x1f, 0x1f],
	[SET, 0x21, 0x22],
	[GLOBAL, 0x23, 0x24],
	[TABLE, 0x25, 0x26],
	[MEMORY, 0x28, 0x3e],
	[FOUR, 0x43, 0x43],
	[EIGHT, 0x44, 0x44],
	[FUNCTION, 0xd2, 0xd2],
	[PREFIX_FC, 0xfc, 0xfc],
	[PREFIX_FD, 0xfd, 0xfd],
	[PREFIX_FE, 0xfe, 0xfe],
]);

/** Saturating conversions, bulk memory, tables, wide arithmetic. */
const FC = table(0x17, [
	[NONE, 0x00, 0x07, 0x13, 0x16],
	[LEB, 0x09, 0x09, 0x0b, 0x0b, 0x0d, 0x0d],
	[LEB_LEB, 0x08, 0x08, 0x0a, 0x0a],
	[LEB_TABLE, 0x0c, 0x0c], // table.init
	[TABLE_TABLE, 0x0e, 0x0e], // table.copy
	[TABLE, 0x0f, 0x11],
]);

/** SIMD, and relaxed SIMD from 0x100 on. */
const FD = table(0x114, [
	[NONE, 0x0e, 0x14, 0x23, 0x53, 0x5e, 0x113],
	// Numbers that the proposal left free.
	[UNKNOWN, 0x9a, 0x9a, 0xa2, 0xa2, 0xa5, 0xa6, 0xaf, 0xb0, 0xb2, 0xb4, 0xbb, 0xbb, 0xc2, 0xc2],
	[UNKNOWN, 0xc5, 0xc6, 0xcf, 0xd0, 0xd2, 0xd4, 0xe2, 0xe2, 0xee, 0xee],
	[MEMORY, 0x00, 0x0b, 0x5c, 0x5d],
	[MEMORY_LANE, 0x54, 0x5b],
	[SIXTEEN, 0x0c, 0x0d],
	[LANE, 0x15, 0x22],
]);

/** Threads. */
const FE = table(0x4f, [
	[WAIT, 0x00, 0x02],
	[LANE, 0x03, 0x03], // atomic.fence
	[MEMORY, 0x10, 0x4e],
]);

/** By the prefix. */
export const PREFIXED: readonly Uint8Array[] = [FC, FD, FE];

/** Types of values: `ONE` is a byte, `TWO` a byte that a heap type follows. Those of GC are not known. */
export const ONE = 1;
export const TWO = 2;
export const VALUE_TYPES = table(0x100, [
	[ONE, 0x7b, 0x7f, 0x6f, 0x70, 0x69, 0x69, 0x74, 0x74],
	[TWO, 0x63, 0x64],
]);

/**
 * What follows each opcode, as maps with a letter for each: sixteen opcodes a line, all that a walk over code must know.
 *
 * A letter names the immediates, and sets apart the instructions that the walk looks at more closely. An
 * instruction without a letter is refused: one that comes into use later would be misread otherwise.
 *
 *     .  nothing             4 8 V l  so many bytes; V is sixteen, l one (a lane)
 *     1  a LEB, 2  two       m M      access to memory: alignment, perhaps a memory, offset; M a lane, too
 *     B  block, L  loop      b T      one label, a list of labels and one more
 *     Y  try_table           v g t    a local that is set, a global, a table
 *     E  end, D  delegate    p n      two tables, a LEB and a table
 *     c  call                f        a function that is referred to
 *     i  type and table      s        a list of types
 *     r  type                w G      wait or notify: as m; memory.grow
 *     x y z  the instruction is on the map of that prefix, by the LEB that follows
 *
 * The numbers below are the letters' codes, as literals: a compiler makes a jump table of a `switch` over them.
 */
export const NONE = 0x2e;
export const FOUR = 0x34;
export const EIGHT = 0x38;
export const SIXTEEN = 0x56;
export const LANE = 0x6c;
export const LEB = 0x31;
export const LEB_LEB = 0x32;
export const MEMORY = 0x6d;
export const MEMORY_LANE = 0x4d;
export const BLOCK = 0x42;
export const LOOP = 0x4c;
export const TRY_TABLE = 0x59;
export const END = 0x45;
export const DELEGATE = 0x44;
export const BRANCH = 0x62;
export const BRANCH_TABLE = 0x54;
export const SET = 0x76;
export const GLOBAL = 0x67;
export const TABLE = 0x74;
export const TABLE_TABLE = 0x70;
export const LEB_TABLE = 0x6e;
export const CALL = 0x63;
export const FUNCTION = 0x66;
export const CALL_INDIRECT = 0x69;
export const CALL_REF = 0x72;
export const SELECT = 0x73;
export const WAIT = 0x77;
export const GROW = 0x47;
export const PREFIX_FC = 0x78;

const PLAIN_MAP = `
	..BLB.B111.EbbT.
	cicirr--D...s--Y
	1vvggtt-mmmmmmmm
	mmmmmmmmmmmmmmm1
	G1148...........
	................
	................
	................
	................
	................
	................
	................
	.....-----------
	1.f-.bb---------
	----------------
	------------xyz-`;

/** Saturating conversions, bulk memory, tables, wide arithmetic. */
const FC_MAP = `
	........2121n1pt
	tt-....`;

/** SIMD, with the numbers that it left free, and relaxed SIMD from 0x100 on. */
const FD_MAP = `
	mmmmmmmmmmmmVV..
	.....lllllllllll
	lll.............
	................
	................
	....MMMMMMMMmm..
	................
	................
	................
	..........-.....
	..-..--........-
	-.---......-....
	..-..--........-
	-.---...........
	..-...........-.
	................
	................
	....`;

/** Threads. */
const FE_MAP = `
	wwwl------------
	mmmmmmmmmmmmmmmm
	mmmmmmmmmmmmmmmm
	mmmmmmmmmmmmmmmm
	mmmmmmmmmmmmmmm`;

function readMap(map: string): Uint8Array {
	return Uint8Array.from(map.replace(/\s/g, ""), (letter) => letter.charCodeAt(0));
}

export const PLAIN = readMap(PLAIN_MAP);
/** By the prefix. */
export const PREFIXED: readonly Uint8Array[] = [FC_MAP, FD_MAP, FE_MAP].map(readMap);

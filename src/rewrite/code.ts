/**
 * The walk over one function's body: finds its loops and its waits.
 *
 * An instruction is a byte and what follows it (`opcodes.ts`), so the walk need not know types. It keeps a stack
 * of open blocks, each with the number of its loop or -1, and arrays that live as long as the module's walk: the hot loop
 * makes no garbage, and its time is linear in the bytes. Each label of a table and each group of locals takes a byte
 * at least, so a false count is refused before it costs anything.
 *
 * Reading beyond the array's end yields `undefined`, for which no comparison holds and no table has a kind;
 * reading beyond the body's end is noticed after the instruction. So the hot loop checks neither.
 *
 * What the pass appends must stay out of the guest's reach. A body that names a function, a global, a table or a
 * local that the original has not is invalid there, but in the result it would be valid, and could fill up its own
 * fuel: it is refused here.
 */
import { CountedLoop } from "./counted.ts";
import {
	BLOCK,
	BRANCH,
	BRANCH_TABLE,
	CALL,
	CALL_INDIRECT,
	CALL_REF,
	DELEGATE,
	EIGHT,
	END,
	FOUR,
	FUNCTION,
	GLOBAL,
	LANE,
	LEB,
	LEB_LEB,
	LEB_TABLE,
	LOOP,
	MEMORY,
	MEMORY_LANE,
	NONE,
	ONE,
	PLAIN,
	PREFIX_FC,
	PREFIXED,
	SELECT,
	SET,
	SIXTEEN,
	TABLE,
	TABLE_TABLE,
	TRY_TABLE,
	TWO,
	UNKNOWN,
	VALUE_TYPES,
	WAIT,
} from "./opcodes.ts";
import { Reader, skipLeb } from "./reader.ts";

/** What is found in a body. The first three are loops: their checks go where the type of their block ends. */
export const COUNTED = 0;
/** Its check counts in a local. */
export const SMALL = 1;
/** Its check counts in the global: see `append.ts`. */
export const LARGE = 2;
/** And from here on memory.atomic.notify, wait32, wait64. */
export const HOOKED = 3;

/** From how many bytes on a loop that calls is a large one, such as the dispatch loop of an interpreter. */
const LARGE_FROM = 1024;
/** How many locals an engine takes, parameters among them. */
const MOST_LOCALS = 50_000;

const EMPTY_TYPE = 0x40;
/** In the alignment of an access to memory: a memory's index follows. */
const HAS_MEMORY = 0x40;
const NO_LOOP = -1;

/** How many of each the original module has. */
export interface Known {
	readonly functions: number;
	readonly tables: number;
	readonly globals: number;
	readonly types: number;
	/** Whether the first memory has addresses of 64 bits. */
	readonly isWide: boolean;
}

export interface Wanted {
	readonly meter: "uncounted" | "all" | undefined;
	readonly waits: boolean;
}

export class BodyWalk {
	/** What was found in the last body: where it is and what; of a wait also where it ends. */
	at = new Int32Array(256);
	what = new Int32Array(256);
	till = new Int32Array(256);
	found = 0;
	loops = 0;
	/** Of the last body: how many groups of locals it has, where that number and where the groups end. */
	groups = 0;
	groupsAt = 0;
	codeAt = 0;
	/** How many locals it has, parameters among them: the index of a further one. */
	locals = 0;

	readonly #reader: Reader;
	readonly #known: Known;
	readonly #wanted: Wanted;
	readonly #counted = new CountedLoop();
	/** Of each open block: the number of its loop in `at`, or NO_LOOP. */
	#open = new Int32Array(256);
	/** The index that was read last. */
	#index = 0;

	constructor(bytes: Uint8Array, known: Known, wanted: Wanted) {
		this.#reader = new Reader(bytes, 0, 0);
		this.#known = known;
		this.#wanted = wanted;
	}

	/** Walks over the body in `[start, end)` of a function with so many parameters. */
	walk(start: number, end: number, parameters: number): void {
		const reader = this.#reader;
		reader.at = start;
		reader.end = end;
		this.found = 0;
		this.loops = 0;
		this.groups = reader.count(2);
		this.groupsAt = reader.at;
		this.locals = parameters;
		for (let i = 0; i < this.groups; i++) {
			this.locals += reader.u32();
			readType(reader);
		}
		this.codeAt = reader.at;
		this.#walkCode();
	}

	/** Whether there is room for another local. */
	hasRoom(): boolean {
		return this.locals < MOST_LOCALS;
	}

	#walkCode(): void {
		const { bytes, end } = this.#reader;
		const { functions, tables, globals, types } = this.#known;
		const { meter, waits } = this.#wanted;
		const { locals } = this;
		const counted = this.#counted;
		const recent = counted.recent;
		let open = this.#open;
		let p = this.codeAt;
		let depth = 0;
		let calls = 0;
		/** Instructions are numbered, for `counted`. */
		let n = 0;
		/** The innermost loop and its depth, as long as it may be a counted one. */
		let watched = NO_LOOP;
		let level = 0;
		let ended = false;
		for (; p < end; n++) {
			const start = p;
			recent[n & 7] = p;
			let sort = PLAIN[bytes[p++] as number] as number;
			let prefixed = 0;
			if (sort >= PREFIX_FC) {
				p = this.#readIndex(p);
				prefixed = this.#index;
				sort = PREFIXED[sort - PREFIX_FC]?.[prefixed] ?? UNKNOWN;
			}
			switch (sort) {
				case NONE:
					break;
				case LEB:
					p = skipLeb(bytes, p);
					break;
				case SET:
					p = this.#readIndex(p, locals, "local");
					if (watched !== NO_LOOP) counted.set(n, this.#index, depth - 1 === level);
					break;
				case MEMORY:
					p = skipAccess(bytes, p);
					break;
				case BRANCH:
					p = this.#readIndex(p);
					if (watched !== NO_LOOP) {
						const target = depth - 1 - this.#index;
						counted.branch(n, target - level, depth - 1 === level);
					}
					break;
				case CALL:
					p = this.#readIndex(p, functions, "function");
					calls++;
					watched = NO_LOOP;
					break;
				case GLOBAL:
					p = this.#readIndex(p, globals, "global");
					break;
				case BLOCK:
				case LOOP:
				case TRY_TABLE: {
					p = bytes[p] === EMPTY_TYPE ? p + 1 : this.#readBlockType(p, types);
					if (sort === TRY_TABLE) {
						p = this.#readCatches(p);
						watched = NO_LOOP;
					}
					if (depth === open.length) open = this.#open = grown(open);
					open[depth++] = NO_LOOP;
					if (sort !== LOOP || meter === undefined) break;
					level = depth - 1;
					open[level] = this.#note(p, SMALL, calls);
					this.loops++;
					if (meter === "all") break;
					watched = this.found - 1;
					counted.enter(bytes);
					break;
				}
				case END: {
					if (depth === 0) {
						if (p !== end) this.#refuse(p, "a body that goes on after its end");
						ended = true;
						break;
					}
					const loop = open[--depth] as number;
					if (loop === NO_LOOP) break;
					const isLarge =
						calls > (this.till[loop] as number) && p - (this.at[loop] as number) >= LARGE_FROM;
					if (isLarge || !this.hasRoom()) this.what[loop] = LARGE;
					if (loop === watched && counted.ends()) this.what[loop] = COUNTED;
					watched = NO_LOOP;
					break;
				}
				case CALL_INDIRECT:
					p = this.#readIndex(p, types, "type");
					p = this.#readIndex(p, tables, "table");
					calls++;
					watched = NO_LOOP;
					break;
				case CALL_REF:
					p = this.#readIndex(p, types, "type");
					calls++;
					watched = NO_LOOP;
					break;
				case BRANCH_TABLE:
					p = this.#readLabels(p);
					watched = NO_LOOP;
					break;
				case DELEGATE:
					p = skipLeb(bytes, p);
					if (depth-- === 0) this.#refuse(start, "a delegate outside of any block");
					break;
				case WAIT:
					p = skipAccess(bytes, p);
					if (waits) this.#noteWait(start, p, prefixed);
					break;
				case FOUR:
					p += 4;
					break;
				case EIGHT:
					p += 8;
					break;
				case SIXTEEN:
					p += 16;
					break;
				case LANE:
					p += 1;
					break;
				case MEMORY_LANE:
					p = skipAccess(bytes, p) + 1;
					break;
				case LEB_LEB:
					p = skipLeb(bytes, skipLeb(bytes, p));
					break;
				case FUNCTION:
					p = this.#readIndex(p, functions, "function");
					break;
				case TABLE:
					p = this.#readIndex(p, tables, "table");
					break;
				case LEB_TABLE:
					p = this.#readIndex(skipLeb(bytes, p), tables, "table");
					break;
				case TABLE_TABLE:
					p = this.#readIndex(p, tables, "table");
					p = this.#readIndex(p, tables, "table");
					break;
				case SELECT:
					p = this.#readSelect(p);
					break;
				default:
					this.#refuse(start, opcodeName(bytes, start, prefixed));
			}
		}
		if (!ended || p !== end) this.#refuse(p, "a body that does not end where it says");
	}

	/** Reads an index that must be under `limit`, and answers with the position after it. */
	#readIndex(at: number, limit = 0x100000000, what = ""): number {
		const reader = this.#reader;
		let index = reader.bytes[at] as number;
		let p = at + 1;
		if (index >= 0x80) {
			reader.at = at;
			index = reader.u32();
			p = reader.at;
		}
		if (index >= limit) this.#refuse(at, `a ${what} that does not exist`);
		this.#index = index;
		return p;
	}

	#readBlockType(at: number, types: number): number {
		const first = this.#reader.bytes[at] as number;
		if (first < 0x40 || first >= 0x80) return this.#readIndex(at, types, "type");
		return this.#read(at, readType);
	}

	#readCatches(at: number): number {
		return this.#read(at, (reader) => {
			for (let catches = reader.count(2); catches > 0; catches--) {
				const form = reader.byte();
				if (form > 3) reader.refuse(`a catch of form ${form}`);
				if (form < 2) reader.u32(); // the tag
				reader.u32();
			}
		});
	}

	#readLabels(at: number): number {
		return this.#read(at, (reader) => {
			for (let labels = reader.count() + 1; labels > 0; labels--) reader.u32();
		});
	}

	#readSelect(at: number): number {
		return this.#read(at, (reader) => {
			for (let types = reader.count(); types > 0; types--) readType(reader);
		});
	}

	#read(at: number, read: (reader: Reader) => void): number {
		const reader = this.#reader;
		reader.at = at;
		read(reader);
		return reader.at;
	}

	/** A hook takes addresses of 32 bits in the first memory, and only those. */
	#noteWait(start: number, end: number, number: number): void {
		const access = this.#reader.bytes[skipLeb(this.#reader.bytes, start + 1)] as number;
		if (this.#known.isWide || (access & HAS_MEMORY) !== 0) {
			this.#refuse(start, "a wait in a memory of 64 bits or in a further memory");
		}
		this.#note(start, HOOKED + number, end);
	}

	#note(at: number, what: number, till: number): number {
		const found = this.found++;
		if (found === this.at.length) {
			this.at = grown(this.at);
			this.what = grown(this.what);
			this.till = grown(this.till);
		}
		this.at[found] = at;
		this.what[found] = what;
		this.till[found] = till;
		return found;
	}

	#refuse(at: number, what: string): never {
		this.#reader.at = at;
		return this.#reader.refuse(what);
	}
}

/** The type of a value; answers with its first byte. */
export function readType(reader: Reader): number {
	const type = reader.byte();
	const length = VALUE_TYPES[type];
	if (length === TWO) reader.u32();
	else if (length !== ONE) reader.refuse(`type 0x${type.toString(16)}`);
	return type;
}

/** Alignment, perhaps a memory, an offset. */
function skipAccess(bytes: Uint8Array, at: number): number {
	const p = skipLeb(bytes, at);
	const offset = ((bytes[at] as number) & HAS_MEMORY) === 0 ? p : skipLeb(bytes, p);
	return skipLeb(bytes, offset);
}

function opcodeName(bytes: Uint8Array, at: number, prefixed: number): string {
	const opcode = bytes[at] as number;
	return `opcode 0x${opcode.toString(16)}${opcode < 0xfc ? "" : ` ${prefixed}`}`;
}

function grown(array: Int32Array<ArrayBuffer>): Int32Array<ArrayBuffer> {
	const larger = new Int32Array(array.length * 2);
	larger.set(array);
	return larger;
}

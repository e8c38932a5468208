/**
 * The walk over one function's body: finds its loops and its waits.
 *
 * An instruction is a byte and what follows it (`opcodes.ts`), so the walk need not know types. It keeps a stack
 * of open blocks, each with the number of its loop or -1, in arrays that live as long as the module's walk: the hot
 * loop makes no garbage, and its time is linear in the bytes. Each label of a table and each group of locals takes a byte
 * at least, so a false count is refused before it costs anything.
 *
 * What the pass appends must stay out of the guest's reach. A body that names a function, a global, a table or a
 * local that the original has not is invalid there, but in the result it would be valid, and could fill up its own
 * fuel: it is refused here.
 */
import type { Counts } from "./append.ts";
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
	GROW,
	LANE,
	LEB,
	LEB_LEB,
	LEB_TABLE,
	LOOP,
	MEMORY,
	MEMORY_LANE,
	NONE,
	PLAIN,
	PREFIX_FC,
	PREFIXED,
	SELECT,
	SET,
	SIXTEEN,
	TABLE,
	TABLE_TABLE,
	TRY_TABLE,
	WAIT,
} from "./opcodes.ts";
import type { RewriteOptions } from "./options.ts";
import { HAS_MEMORY, type Reader } from "./reader.ts";
import { grown, numbers } from "./writer.ts";

/** What is found in a body. The first three are loops: their checks go where the type of their block ends. */
export const COUNTED = 0;
/** Its check counts in a local. */
export const SMALL = 1;
/** Its check counts in the global: see `append.ts`. */
const LARGE = 2;
/** And from here on memory.atomic.notify, wait32, wait64, memory.grow. */
export const HOOKED = 3;
const GROWN = HOOKED + 3;

/** From how many bytes on a loop that calls is a large one, such as the dispatch loop of an interpreter. */
const LARGE_FROM = 1024;
/** How many locals an engine takes, parameters among them. */
const MOST_LOCALS = 50_000;

const EMPTY_TYPE = 0x40;
const NO_LOOP = -1;

/** The fields of what is found: where it is, what it is, of a wait the offset of the access, of a growth its memory (of a loop
 *  how many calls come before it), and where it ends. */
export const AT = 0;
export const WHAT = 1;
export const MORE = 2;
export const TILL = 3;
export const FIELDS = 4;

export class BodyWalk {
	/** What was found in the last body, in its order. */
	found = numbers(FIELDS * 256);
	/** Where `found` ends. */
	end = 0;
	/** How many checks belong in it, how many of them for small loops, and how many instructions become calls. */
	checks = 0;
	smalls = 0;
	replaced = 0;
	/** How many loops were found in all bodies. */
	loops = 0;
	/** Of the last body: how many groups of locals it has, where that number and where the groups end. */
	groups = 0;
	groupsAt = 0;
	codeAt = 0;
	/** How many locals it has, parameters among them: the index of a further one. */
	locals = 0;

	readonly #reader: Reader;
	readonly #counts: Counts;
	readonly #options: RewriteOptions;
	readonly #counted: CountedLoop;
	/** Of each open block: the number of its loop in `at`, or NO_LOOP. */
	#open = numbers(256);

	constructor(reader: Reader, counts: Counts, options: RewriteOptions) {
		this.#reader = reader;
		this.#counts = counts;
		this.#options = options;
		this.#counted = new CountedLoop(reader.bytes);
	}

	/** Walks over the body from where the reader is to its end, of a function with so many parameters. */
	body(parameters: number): void {
		const reader = this.#reader;
		this.groups = reader.count(2);
		this.groupsAt = reader.at;
		this.locals = parameters;
		for (let i = 0; i < this.groups; i++) {
			this.locals += reader.u32();
			reader.type();
		}
		this.codeAt = reader.at;
		this.expression();
		if (reader.at !== reader.end) reader.refuse();
	}

	/** Walks over instructions up to the `end` that closes them. */
	expression(): void {
		const reader = this.#reader;
		const { bytes, end } = reader;
		const { parameters, functions, tables, globals, wide } = this.#counts;
		const { meter, hookWaits, noteRefusals } = this.#options;
		const { locals } = this;
		const counted = this.#counted;
		const recent = counted.recent;
		let depth = 0;
		let calls = 0;
		/** The innermost loop and its depth, as long as it may be a counted one. */
		let watched = NO_LOOP;
		let level = 0;
		this.end = 0;
		this.checks = this.smalls = this.replaced = 0;
		/** Instructions are numbered, for `counted`. */
		for (let n = 0; reader.at < end; n++) {
			const start = reader.at;
			recent[n & 7] = start;
			const opcode = bytes[reader.at++] as number;
			let sort = PLAIN[opcode] as number;
			let number = opcode;
			if (sort >= PREFIX_FC) {
				number = reader.u32();
				sort = PREFIXED[sort - PREFIX_FC]?.[number] as number;
			}
			switch (sort) {
				case NONE:
					break;
				case LEB:
					reader.leb();
					break;
				case SET: {
					const local = reader.below(locals);
					if (watched !== NO_LOOP) counted.set(n, local, depth - 1 === level);
					break;
				}
				case MEMORY:
					reader.access();
					break;
				case BRANCH: {
					const target = depth - 1 - reader.u32();
					if (watched !== NO_LOOP) counted.branch(n, target - level, depth - 1 === level);
					break;
				}
				case GLOBAL:
					reader.below(globals);
					break;
				case CALL:
					reader.below(functions);
					calls++;
					watched = NO_LOOP;
					break;
				case BLOCK:
				case TRY_TABLE:
				case LOOP:
					this.#blockType(parameters.length);
					if (sort === TRY_TABLE) {
						this.#catches();
						watched = NO_LOOP;
					}
					if (depth === this.#open.length) this.#open = grown(this.#open);
					this.#open[depth++] = NO_LOOP;
					if (sort !== LOOP || !meter) break;
					level = depth - 1;
					this.#open[level] = this.end;
					this.loops++;
					if (meter === "uncounted") {
						watched = this.end;
						counted.enter();
					}
					this.#note(reader.at, SMALL, calls);
					break;
				case END: {
					if (depth === 0) return;
					const loop = this.#open[--depth] as number;
					if (loop === NO_LOOP) break;
					const hasCalls = calls > (this.found[loop + MORE] as number);
					const isLong = reader.at - (this.found[loop + AT] as number) >= LARGE_FROM;
					let what = (hasCalls && isLong) || locals >= MOST_LOCALS ? LARGE : SMALL;
					if (loop === watched && counted.ends()) what = COUNTED;
					this.found[loop + WHAT] = what;
					if (what !== COUNTED) this.checks++;
					if (what === SMALL) this.smalls++;
					watched = NO_LOOP;
					break;
				}
				case CALL_INDIRECT:
				case CALL_REF:
					reader.below(parameters.length);
					if (sort === CALL_INDIRECT) reader.below(tables);
					calls++;
					watched = NO_LOOP;
					break;
				case BRANCH_TABLE:
					for (let labels = reader.count() + 1; labels > 0; labels--) reader.leb();
					watched = NO_LOOP;
					break;
				case DELEGATE:
					reader.leb();
					if (depth-- === 0) reader.refuse();
					break;
				case WAIT:
					if (hookWaits) this.#readWait(start, number);
					else reader.access();
					break;
				case GROW: {
					const memory = reader.below(wide.length);
					if (noteRefusals) this.#replace(start, GROWN, memory);
					break;
				}
				case LANE:
					reader.skip(1);
					break;
				case FOUR:
					reader.skip(4);
					break;
				case EIGHT:
					reader.skip(8);
					break;
				case SIXTEEN:
					reader.skip(16);
					break;
				case MEMORY_LANE:
					reader.access();
					reader.skip(1);
					break;
				case LEB_LEB:
					reader.leb();
					reader.leb();
					break;
				case FUNCTION:
					reader.below(functions);
					break;
				case TABLE:
				case TABLE_TABLE:
				case LEB_TABLE:
					if (sort === LEB_TABLE) reader.leb();
					if (sort === TABLE_TABLE) reader.below(tables);
					reader.below(tables);
					break;
				case SELECT:
					for (let types = reader.count(); types > 0; types--) reader.type();
					break;
				default:
					reader.at = start;
					reader.refuse(`opcode ${opcode} ${number}`);
			}
		}
		reader.refuse();
	}

	#blockType(types: number): void {
		const reader = this.#reader;
		const first = reader.bytes[reader.at] as number;
		if (first === EMPTY_TYPE) reader.at++;
		else if (first > EMPTY_TYPE && first < 0x80) reader.type();
		else reader.below(types);
	}

	#catches(): void {
		const reader = this.#reader;
		for (let catches = reader.count(2); catches > 0; catches--) {
			if (reader.below(4) < 2) reader.leb(); // the tag
			reader.leb();
		}
	}

	/** The hooks take addresses of 32 bits in the first memory, and only those. */
	#readWait(start: number, number: number): void {
		const reader = this.#reader;
		if (this.#counts.wide[0]) reader.refuse("a wait at 64 bits");
		reader.below(HAS_MEMORY);
		this.#replace(start, HOOKED + number, reader.u32());
	}

	/** A call takes the place of the instruction that began at `start` and ends here. */
	#replace(start: number, what: number, more: number): void {
		this.replaced++;
		this.#note(start, what, more);
	}

	#note(at: number, what: number, more: number): void {
		if (this.end === this.found.length) this.found = grown(this.found);
		this.found[this.end + AT] = at;
		this.found[this.end + WHAT] = what;
		this.found[this.end + MORE] = more;
		this.found[this.end + TILL] = this.#reader.at;
		this.end += FIELDS;
	}
}

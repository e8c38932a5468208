/**
 * The walk over a module's sections: counts what there is, notes what is to change, and appends.
 *
 * A section is a number, a size, and mostly a count of things and the things. Sections come in a fixed order, custom
 * ones (0) anywhere between them. For each section in which something may change, two edits are reserved: its
 * head, with size and count, and its tail, where things are appended. A section that is missing and may get something
 * has both at the place where it belongs. They are filled at the very end, when all is known.
 *
 *     original     3 |size count| type type type |
 *     rewritten    3 |size count| type type type | type type
 *                    ^ head                      ^ tail
 */
import {
	Appendix,
	CODE,
	type Counts,
	EXPORTS,
	FUNCTIONS,
	GLOBALS,
	TABLES,
	TYPES,
} from "./append.ts";
import { BodyEditor } from "./body.ts";
import { BodyWalk, type Known, readType } from "./code.ts";
import { Edits } from "./edits.ts";
import { HINTS_NAME, Hints } from "./hints.ts";
import { MARKER_NAME, writeMarker } from "./marker.ts";
import type { RewriteOptions } from "./options.ts";
import { Reader } from "./reader.ts";
import { lebLength } from "./writer.ts";

const CUSTOM = 0;
const IMPORTS = 2;
const MEMORIES = 5;
const START = 8;
const ELEMENTS = 9;
const DATA = 11;
const DATA_COUNT = 12;
const TAGS = 13;
const ORDER = [
	...[TYPES, IMPORTS, FUNCTIONS, TABLES, MEMORIES, TAGS, GLOBALS],
	...[EXPORTS, START, ELEMENTS, DATA_COUNT, CODE, DATA],
];
const APPENDED = [TYPES, FUNCTIONS, TABLES, GLOBALS, EXPORTS, CODE];
const CHANGING = [...APPENDED, IMPORTS, MEMORIES];

/** The first eight bytes: `\0asm`, version 1. */
const HEADER = [0, 0x61, 0x73, 0x6d, 1, 0, 0, 0];
const PREFIX = "porthole:";
const FUNCTION_FORM = 0x60;
/** Of imports and exports, in this order. */
const [FUNCTION, TABLE, MEMORY, GLOBAL, TAG] = [0, 1, 2, 3, 4];
/** Flags of limits. */
const HAS_MAXIMUM = 1;
const SHARED = 2;
const WIDE = 4;
const KNOWN_LIMITS = HAS_MAXIMUM | SHARED | WIDE;
/** Types of globals that JavaScript can read and write: f64, f32, i64, i32. */
const FIRST_NUMBER = 0x7c;

/** What engines take at most; a valid module must not be pushed over it. */
const MOST_THINGS = 1_000_000;
const MOST_TABLES = 100_000;
const MOST_BYTES = 2 ** 30;

/** A section that may change: its edits, and how many things and bytes of things it has without what is appended. */
interface Changing {
	readonly id: number;
	readonly isMissing: boolean;
	readonly head: number;
	readonly tail: number;
	readonly count: number;
	readonly bytes: number;
}

export class SectionWalk {
	readonly edits = new Edits();
	loops = 0;
	metered = 0;
	changed = false;

	readonly #options: RewriteOptions;
	readonly #reader: Reader;
	readonly #changing: Changing[] = [];
	readonly #hints = new Hints();
	#hintsEdit = -1;
	/** The place in ORDER after the last section. */
	#place = 0;

	/** How many parameters each type has, and the type of each function that is not imported. */
	readonly #parameters: number[] = [];
	readonly #types: number[] = [];
	#functions = 0;
	#tables = 0;
	#memories = 0;
	#globals = 0;
	/** The index and the type of each mutable global, in turns. */
	readonly #mutable: number[] = [];
	#isWide = false;
	#hasCode = false;

	constructor(bytes: Uint8Array, options: RewriteOptions) {
		this.#reader = new Reader(bytes, 0, bytes.length);
		this.#options = options;
	}

	/** Errors: UnknownModule. */
	walk(): void {
		const reader = this.#reader;
		const { length } = reader.bytes;
		if (length > MOST_BYTES) reader.refuse("more than a gigabyte");
		if (HEADER.some((byte) => reader.byte() !== byte)) reader.refuse("something that is no module");
		while (reader.at < length) {
			const idAt = reader.at;
			const id = reader.byte();
			const sizeAt = reader.at;
			const end = reader.count() + reader.at;
			reader.end = end;
			if (id === CUSTOM) this.#custom(idAt);
			else this.#known(id, idAt, sizeAt);
			if (reader.at !== end) reader.refuse(`a section ${id} that does not end where it says`);
			reader.end = length;
		}
		this.#placeMissing(ORDER.length, length);
		if (this.#types.length > 0 && !this.#hasCode) reader.refuse("functions without bodies");
		if (this.#options.exportHidden) this.#checkHidden();
		if (this.changed) this.#finish();
	}

	#custom(idAt: number): void {
		const reader = this.#reader;
		const name = reader.name();
		if (name === MARKER_NAME) reader.refuse("a module that was rewritten before");
		reader.at = reader.end;
		// Offsets into the code, which no longer hold.
		const isStale = name === HINTS_NAME || name === "sourceMappingURL";
		if (isStale && this.#changesCode()) this.edits.reserve(idAt, reader.end - idAt);
	}

	#changesCode(): boolean {
		return this.#options.meter !== undefined || this.#options.hookWaits === true;
	}

	#known(id: number, idAt: number, sizeAt: number): void {
		const reader = this.#reader;
		const place = ORDER.indexOf(id);
		if (place < 0) reader.refuse(`section ${id}`);
		if (place < this.#place) reader.refuse(`section ${id} out of order`);
		this.#placeMissing(place, idAt);
		this.#place = place + 1;
		if (!CHANGING.includes(id)) {
			this.#unchanging(id);
			return;
		}
		if (id === CODE) {
			this.#hasCode = true;
			this.#hintsEdit = this.edits.reserve(idAt, 0);
		}
		const count = reader.count();
		const start = reader.at;
		const head = this.edits.reserve(sizeAt, start - sizeAt);
		const growth = this.edits.growth;
		this.#things(id, count);
		const bytes = reader.at - start + this.edits.growth - growth;
		const tail = this.edits.reserve(reader.at, 0);
		this.#changing.push({ id, isMissing: false, head, tail, count, bytes });
	}

	/** Reserves the edits of sections that are missing before a place in ORDER. */
	#placeMissing(place: number, at: number): void {
		for (const id of ORDER.slice(this.#place, place)) {
			if (!APPENDED.includes(id)) continue;
			const head = this.edits.reserve(at, 0);
			const tail = this.edits.reserve(at, 0);
			this.#changing.push({ id, isMissing: true, head, tail, count: 0, bytes: 0 });
		}
	}

	#unchanging(id: number): void {
		const reader = this.#reader;
		if (id === START) this.#functionIndex();
		else if (id === ELEMENTS) {
			for (let left = reader.count(); left > 0; left--) this.#element();
		} else reader.at = reader.end; // nothing in them names what is appended
	}

	#things(id: number, count: number): void {
		if (id === CODE) {
			this.#code(count);
			return;
		}
		for (let left = count; left > 0; left--) {
			if (id === TYPES) this.#type();
			else if (id === IMPORTS) this.#import();
			else if (id === FUNCTIONS) {
				this.#types.push(this.#typeIndex());
				this.#functions++;
			} else if (id === TABLES) this.#table();
			else if (id === MEMORIES) this.#memory();
			else if (id === GLOBALS) {
				this.#global();
				this.#expression();
			} else this.#export();
		}
	}

	#type(): void {
		const reader = this.#reader;
		const form = reader.byte();
		if (form !== FUNCTION_FORM) reader.refuse(`a type of form 0x${form.toString(16)}`);
		const parameters = reader.count();
		this.#parameters.push(parameters);
		for (let left = parameters; left > 0; left--) readType(reader);
		for (let left = reader.count(); left > 0; left--) readType(reader);
	}

	#import(): void {
		const reader = this.#reader;
		reader.name();
		reader.name();
		const kind = reader.byte();
		if (kind === FUNCTION) {
			this.#typeIndex();
			this.#functions++;
		} else if (kind === TABLE) {
			readType(reader);
			this.#limits();
			this.#tables++;
		} else if (kind === MEMORY) this.#memory();
		else if (kind === GLOBAL) this.#global();
		else if (kind === TAG) {
			reader.byte();
			this.#typeIndex();
		} else reader.refuse(`an import of kind ${kind}`);
	}

	#table(): void {
		const reader = this.#reader;
		this.#tables++;
		if (reader.bytes[reader.at] !== 0x40) {
			readType(reader);
			this.#limits();
			return;
		}
		reader.skip(1);
		if (reader.byte() !== 0) reader.refuse("an unknown form of table");
		readType(reader);
		this.#limits();
		this.#expression();
	}

	/** Limits as they are; those of a table. Answers with their flags. */
	#limits(): number {
		const reader = this.#reader;
		const flags = reader.byte();
		if ((flags & ~KNOWN_LIMITS) !== 0) reader.refuse(`limits with flags ${flags}`);
		reader.u64();
		if ((flags & HAS_MAXIMUM) !== 0) reader.u64();
		return flags;
	}

	#memory(): void {
		const { bytes, at } = this.#reader;
		const flags = this.#limits();
		if (this.#memories++ === 0) this.#isWide = (flags & WIDE) !== 0;
		const { unshare, maximumPages = Number.POSITIVE_INFINITY } = this.#options;
		const reader = new Reader(bytes, at + 1, this.#reader.at);
		const minimum = reader.u64();
		const minimumEnd = reader.at;
		const maximum = (flags & HAS_MAXIMUM) === 0 ? Number.POSITIVE_INFINITY : reader.u64();
		const isLowered = maximum > Math.max(minimum, maximumPages);
		const kept = unshare ? flags & ~SHARED : flags;
		if (kept === flags && !isLowered) return;
		const { pool } = this.edits;
		const from = pool.length;
		pool.byte(isLowered ? kept | HAS_MAXIMUM : kept);
		pool.copy(bytes, at + 1, minimumEnd);
		if (!isLowered) pool.copy(bytes, minimumEnd, reader.at);
		else if (minimum > maximumPages) pool.copy(bytes, at + 1, minimumEnd);
		else pool.u32(maximumPages);
		this.edits.add(at, reader.at - at, from);
		this.changed = true;
	}

	/** The type of a global. */
	#global(): void {
		const reader = this.#reader;
		const type = readType(reader);
		const isMutable = reader.byte();
		if (isMutable > 1) reader.refuse("an unknown form of global");
		if (isMutable === 1) this.#mutable.push(this.#globals, type);
		this.#globals++;
	}

	/** A constant expression. */
	#expression(): void {
		const reader = this.#reader;
		for (;;) {
			const opcode = reader.byte();
			switch (opcode) {
				case 0x0b: // end
					return;
				case 0x23: // global.get
				case 0xd0: // ref.null
					reader.u32();
					break;
				case 0x41: // i32.const, i64.const
				case 0x42:
					reader.u64();
					break;
				case 0x43:
					reader.skip(4);
					break;
				case 0x44:
					reader.skip(8);
					break;
				case 0x6a: // add, sub, mul
				case 0x6b:
				case 0x6c:
				case 0x7c:
				case 0x7d:
				case 0x7e:
					break;
				case 0xd2: // ref.func
					this.#functionIndex();
					break;
				case 0xfd:
					if (reader.u32() !== 0x0c) reader.refuse("an unknown constant");
					reader.skip(16);
					break;
				default:
					reader.refuse(`opcode 0x${opcode.toString(16)} in a constant`);
			}
		}
	}

	#export(): void {
		const reader = this.#reader;
		const name = reader.name();
		if (name.startsWith(PREFIX)) reader.refuse(`an export called ${name}`);
		const kind = reader.byte();
		if (kind > TAG) reader.refuse(`an export of kind ${kind}`);
		const limits = [this.#functions, this.#tables, this.#memories, this.#globals];
		if (reader.u32() >= (limits[kind] ?? Number.POSITIVE_INFINITY)) {
			reader.refuse("an export of something that does not exist");
		}
	}

	#element(): void {
		const reader = this.#reader;
		const form = reader.u32();
		if (form > 7) reader.refuse(`elements of form ${form}`);
		const isActive = (form & 1) === 0;
		const hasIndex = (form & 2) !== 0;
		const hasExpressions = (form & 4) !== 0;
		if (isActive) {
			const table = hasIndex ? reader.u32() : 0;
			if (table >= this.#tables) reader.refuse("elements of a table that does not exist");
			this.#expression();
		}
		if (!isActive || hasIndex) {
			if (hasExpressions) readType(reader);
			else reader.skip(1);
		}
		for (let left = reader.count(); left > 0; left--) {
			if (hasExpressions) this.#expression();
			else this.#functionIndex();
		}
	}

	#typeIndex(): number {
		const index = this.#reader.u32();
		if (index >= this.#parameters.length) this.#reader.refuse("a type that does not exist");
		return index;
	}

	#functionIndex(): void {
		if (this.#reader.u32() >= this.#functions) {
			this.#reader.refuse("a function that does not exist");
		}
	}

	#code(count: number): void {
		const reader = this.#reader;
		if (count !== this.#types.length) reader.refuse("another number of bodies than of functions");
		if (!this.#changesCode()) {
			reader.at = reader.end;
			return;
		}
		const { meter, hookWaits = false } = this.#options;
		const counts = this.#counts();
		const walk = new BodyWalk(reader.bytes, counts, { meter, waits: hookWaits });
		const appendix = this.#appendix();
		const editor = new BodyEditor(reader.bytes, this.edits, appendix, this.#hints, walk);
		const imported = this.#functions - count;
		for (let i = 0; i < count; i++) {
			const sizeAt = reader.at;
			const size = reader.count();
			const start = reader.at;
			reader.skip(size);
			walk.walk(start, start + size, this.#parameters[this.#types[i] as number] as number);
			if (walk.found > 0) editor.change(imported + i, sizeAt, start, size);
			this.loops += walk.loops;
		}
		this.metered = editor.metered;
		if (editor.changed > 0) this.changed = true;
	}

	#counts(): Counts & Known {
		return {
			types: this.#parameters.length,
			functions: this.#functions,
			tables: this.#tables,
			memories: this.#memories,
			globals: this.#globals,
			mutable: this.#mutable,
			isWide: this.#isWide,
		};
	}

	#appendix(): Appendix {
		const { meter, hookWaits = false, exportHidden = false } = this.#options;
		const parts = { meter: meter !== undefined, hooks: hookWaits, hidden: exportHidden };
		return new Appendix(this.#counts(), parts);
	}

	/** A global that is left out of a snapshot would be wrong after it, and nothing would say so. */
	#checkHidden(): void {
		const mutable = this.#mutable;
		for (let i = 1; i < mutable.length; i += 2) {
			if ((mutable[i] as number) < FIRST_NUMBER) {
				this.#reader.refuse(`a mutable global (${mutable[i - 1]}) that is no number`);
			}
		}
		if (mutable.length + this.#memories + this.#tables > 0) this.changed = true;
	}

	/** Fills the edits that were reserved. */
	#finish(): void {
		const { edits } = this;
		const { pool } = edits;
		const appendix = this.#appendix();
		for (const section of this.#changing) {
			const from = pool.length;
			const appended = appendix.write(section.id, pool);
			const length = pool.length - from;
			const count = section.count + appended;
			if (count === 0 && section.isMissing) continue;
			const most = section.id === TABLES ? MOST_TABLES : MOST_THINGS;
			if (appended > 0 && count > most) this.#reader.refuse("more things than engines take");
			edits.fill(section.tail, from, length);
			const head = pool.length;
			if (section.isMissing) pool.byte(section.id);
			pool.u32(lebLength(count) + section.bytes + length);
			pool.u32(count);
			edits.fill(section.head, head);
		}
		const hints = pool.length;
		this.#hints.write(pool);
		if (this.#hintsEdit >= 0) edits.fill(this.#hintsEdit, hints);
		const marker = pool.length;
		writeMarker(this.#options, pool);
		edits.add(this.#reader.bytes.length, 0, marker);
		if (this.#reader.bytes.length + edits.growth > MOST_BYTES) {
			this.#reader.refuse("a result of more than a gigabyte");
		}
	}
}

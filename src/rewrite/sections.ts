/**
 * The walk over a module's sections: counts what there is, notes what is to change, and appends.
 *
 * A section is a number, a size, and mostly a count of things and the things. Sections come in a fixed order, custom
 * ones (0) anywhere between them. For each section in which something may change, two edits are reserved: its
 * head, which is all but the things, and its tail, where things are appended. A section that is missing and may get
 * something has both at the place where it belongs. They are filled at the very end, when all is known.
 *
 *     original     |3 size count| type type type |
 *     rewritten    |3 size count| type type type | type type
 *                  ^ head                        ^ tail
 */
import {
	Appendix,
	CODE,
	Counts,
	EXPORTS,
	F64,
	FUNCTIONS,
	GLOBALS,
	PREFIX,
	TABLES,
	TYPES,
} from "./append.ts";
import { BodyEditor } from "./body.ts";
import { BodyWalk } from "./code.ts";
import { Edits } from "./edits.ts";
import { HINTS_NAME } from "./hints.ts";
import { MARKER_NAME, markerLebs } from "./marker.ts";
import type { RewriteOptions } from "./options.ts";
import { Reader } from "./reader.ts";
import { lebsLength } from "./writer.ts";

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

/** The first eight bytes: `\0asm`, version 1. */
const HEADER = [0, 0x61, 0x73, 0x6d, 1, 0, 0, 0];
const FUNCTION_FORM = 0x60;
/** A table that begins with a value other than null. */
const FILLED_TABLE = 0x40;
/** Flags of limits. */
const HAS_MAXIMUM = 1;
const SHARED = 2;
const WIDE = 4;

/** What engines take at most: a valid module must not be pushed over it. */
const MOST_THINGS = 1_000_000;
const MOST_TABLES = 100_000;
const MOST_BYTES = 2 ** 30;
const TOO_LARGE = "too much";
/** More mutable globals than any compiler makes; each gets two functions. */
const MOST_MUTABLE = 10_000;
/** More memories than a page's modules may have; each gets a function. */
const MOST_MEMORIES = 100;

/** A section that may change: its edits, and how many things and bytes of things it has without what is appended. */
interface Changing {
	readonly id: number;
	readonly head: number;
	readonly tail: number;
	readonly count: number;
	readonly bytes: number;
}

export class SectionWalk {
	readonly edits = new Edits();
	readonly body: BodyWalk;
	/** What changes the bodies, if any option does. */
	editor: BodyEditor | undefined;
	changed = false;

	readonly #reader: Reader;
	readonly #options: RewriteOptions;
	readonly #counts = new Counts();
	/** The type of each function that is not imported. */
	readonly #types: number[] = [];
	#hintsEdit = -1;
	readonly #changing: Changing[] = [];
	/** The place in ORDER after the last section. */
	#place = 0;

	/** Errors: UnknownModule. */
	constructor(bytes: Uint8Array, options: RewriteOptions) {
		this.#reader = new Reader(bytes);
		this.#options = options;
		this.body = new BodyWalk(this.#reader, this.#counts, options);
		this.#walk(bytes.length);
		if (options.exportHidden) this.#checkHidden();
		if (this.changed) this.#finish();
	}

	#walk(length: number): void {
		const reader = this.#reader;
		if (length > MOST_BYTES) reader.refuse(TOO_LARGE);
		if (HEADER.some((byte) => reader.byte() !== byte)) reader.refuse();
		while (reader.at < length) {
			const start = reader.at;
			const id = reader.byte();
			const size = reader.count();
			const end = reader.at + size;
			reader.end = end;
			if (id === CUSTOM) this.#custom(start);
			else this.#section(id, start);
			if (reader.at !== end) reader.refuse();
			reader.end = length;
		}
		this.#reserveMissing(ORDER.length, length);
		if (this.#types.length > 0 && this.#hintsEdit < 0) reader.refuse();
	}

	#custom(start: number): void {
		const reader = this.#reader;
		const name = reader.name();
		if (name === MARKER_NAME && this.#changesMore()) reader.refuse(name);
		reader.at = reader.end;
		// They hold offsets into the code.
		const isStale = name === HINTS_NAME || name === "sourceMappingURL";
		if (isStale && this.#changesCode()) this.edits.reserve(start, reader.end - start);
	}

	/** More than a memory's maximum, which may be lowered in a module that was rewritten before. */
	#changesMore(): boolean {
		const { unshare, exportHidden } = this.#options;
		return !!(this.#changesCode() || unshare || exportHidden);
	}

	#changesCode(): boolean {
		const { meter, hookWaits, noteRefusals } = this.#options;
		return !!(meter || hookWaits || noteRefusals);
	}

	#section(id: number, start: number): void {
		const reader = this.#reader;
		const place = ORDER.indexOf(id);
		if (place < this.#place) reader.refuse(`section ${id}`); // unknown, again, or out of order
		this.#reserveMissing(place, start);
		this.#place = place + 1;
		if (id > CODE)
			reader.at = reader.end; // nothing in these names what is appended
		else if (id === START) reader.below(this.#counts.functions);
		else if (id === ELEMENTS) this.#each(id, reader.count());
		else this.#change(id, start);
	}

	#change(id: number, start: number): void {
		const { edits } = this;
		const reader = this.#reader;
		if (id === CODE) this.#hintsEdit = edits.reserve(start, 0);
		const count = reader.count();
		const from = reader.at;
		const head = edits.reserve(start, from - start);
		const { growth } = edits;
		if (id === CODE) this.#code(count);
		else this.#each(id, count);
		const bytes = reader.at - from + edits.growth - growth;
		const tail = edits.reserve(reader.at, 0);
		this.#changing.push({ id, head, tail, count, bytes });
	}

	/** Reserves the edits of the sections that are missing before a place in ORDER. */
	#reserveMissing(place: number, at: number): void {
		for (const id of ORDER.slice(this.#place, place)) {
			const head = this.edits.reserve(at, 0);
			const tail = this.edits.reserve(at, 0);
			this.#changing.push({ id, head, tail, count: 0, bytes: 0 });
		}
	}

	#each(id: number, count: number): void {
		for (let left = count; left > 0; left--) this.#thing(id);
	}

	#thing(id: number): void {
		if (id === TYPES) this.#type();
		else if (id === IMPORTS) this.#import();
		else if (id === FUNCTIONS) this.#types.push(this.#function());
		else if (id === TABLES) this.#table();
		else if (id === MEMORIES) this.#memory();
		else if (id === EXPORTS) this.#export();
		else if (id === ELEMENTS) this.#element();
		else {
			this.#global();
			this.body.expression();
		}
	}

	#type(): void {
		const reader = this.#reader;
		if (reader.byte() !== FUNCTION_FORM) reader.refuse("a type of GC");
		const parameters = reader.count();
		this.#counts.parameters.push(parameters);
		for (let left = parameters; left > 0; left--) reader.type();
		for (let left = reader.count(); left > 0; left--) reader.type();
	}

	#import(): void {
		const reader = this.#reader;
		reader.name();
		reader.name();
		const kind = reader.below(5);
		if (kind === 0) this.#function();
		else if (kind === 1) this.#plainTable();
		else if (kind === 2) this.#memory();
		else if (kind === 3) this.#global();
		else {
			reader.below(1); // a tag: what it is for, and its type
			reader.u32();
		}
	}

	/** Its type. */
	#function(): number {
		this.#counts.functions++;
		return this.#reader.below(this.#counts.parameters.length);
	}

	#table(): void {
		const reader = this.#reader;
		const isFilled = reader.bytes[reader.at] === FILLED_TABLE;
		if (isFilled) reader.skip(2);
		this.#plainTable();
		if (isFilled) this.body.expression();
	}

	#plainTable(): void {
		const reader = this.#reader;
		this.#counts.tables++;
		reader.type();
		const flags = reader.below(8);
		reader.below(2 ** 64);
		if ((flags & HAS_MAXIMUM) !== 0) reader.below(2 ** 64);
	}

	#memory(): void {
		const reader = this.#reader;
		const { at } = reader;
		const flags = reader.below(8);
		const minimum = reader.below(2 ** 64);
		const hasMaximum = (flags & HAS_MAXIMUM) !== 0;
		const maximum = hasMaximum ? reader.below(2 ** 64) : Number.POSITIVE_INFINITY;
		const count = this.#counts.wide.push((flags & WIDE) !== 0);
		if (count > MOST_MEMORIES) reader.refuse(TOO_LARGE);

		const { unshare, maximumPages = maximum } = this.#options;
		const lowered = Math.min(maximum, Math.max(minimum, maximumPages));
		const kept = unshare ? flags & ~SHARED : flags;
		if (kept === flags && lowered === maximum) return;
		const limits = lowered === Number.POSITIVE_INFINITY ? [] : [lowered];
		const values = [kept | limits.length, minimum, ...limits];
		this.edits.add(at, reader.at - at, this.edits.pool.lebs(values));
		this.changed = true;
	}

	/** The type of a global. */
	#global(): void {
		const reader = this.#reader;
		const { mutable } = this.#counts;
		const type = reader.type();
		if (reader.below(2) === 1) mutable.push([this.#counts.globals, type]);
		this.#counts.globals++;
	}

	#export(): void {
		const reader = this.#reader;
		const { functions, tables, wide, globals } = this.#counts;
		const name = reader.name();
		if (name.startsWith(PREFIX) && this.#changesMore()) reader.refuse(name);
		const limits = [functions, tables, wide.length, globals, MOST_THINGS];
		reader.below(limits[reader.below(limits.length)] as number);
	}

	#element(): void {
		const reader = this.#reader;
		const form = reader.below(8);
		const isActive = (form & 1) === 0;
		const hasIndex = (form & 2) !== 0;
		const hasExpressions = (form & 4) !== 0;
		if (isActive) {
			const table = hasIndex ? reader.u32() : 0;
			if (table >= this.#counts.tables) reader.refuse();
			this.body.expression();
		}
		if (!isActive || hasIndex) {
			if (hasExpressions) reader.type();
			else reader.below(1);
		}
		for (let left = reader.count(); left > 0; left--) {
			if (hasExpressions) this.body.expression();
			else reader.below(this.#counts.functions);
		}
	}

	#code(count: number): void {
		const reader = this.#reader;
		const { end } = reader;
		if (count !== this.#types.length) reader.refuse();
		if (!this.#changesCode()) {
			reader.at = end;
			return;
		}
		const body = this.body;
		const appendix = new Appendix(this.#counts, this.#options);
		const editor = new BodyEditor(this.edits, appendix, body);
		const imported = this.#counts.functions - count;
		for (let i = 0; i < count; i++) {
			const sizeAt = reader.at;
			const size = reader.count();
			const start = reader.at;
			reader.end = start + size;
			body.body(this.#counts.parameters[this.#types[i] as number] as number);
			editor.change(imported + i, sizeAt, start, reader.at);
			reader.end = end;
		}
		this.editor = editor;
		if (editor.changed) this.changed = true;
	}

	/** A global that a snapshot leaves out would be wrong after it, and nothing would say so. */
	#checkHidden(): void {
		const { mutable, wide, tables } = this.#counts;
		if (mutable.length > MOST_MUTABLE || mutable.some(([, type]) => type < F64)) {
			this.#reader.refuse("a mutable global");
		}
		if (mutable.length + wide.length + tables > 0) this.changed = true;
	}

	/** Fills the edits that were reserved. */
	#finish(): void {
		const { edits } = this;
		const { pool } = edits;
		const reader = this.#reader;
		const appendix = new Appendix(this.#counts, this.#options);
		for (const { id, head, tail, count, bytes } of this.#changing) {
			const items = appendix.items[id] ?? [];
			const from = pool.length;
			for (const item of items) pool.lebs(item);
			const appended = pool.length - from;
			edits.fill(tail, from);
			const total = count + items.length;
			if (total === 0) continue;
			const most = id === TABLES ? MOST_TABLES : MOST_THINGS;
			if (items.length > 0 && total > most) reader.refuse(TOO_LARGE);
			const size = lebsLength([total]) + bytes + appended;
			edits.fill(head, pool.lebs([id, size, total]));
		}
		const hints = pool.length;
		this.editor?.hints.write(pool);
		if (this.editor) edits.fill(this.#hintsEdit, hints);
		edits.add(reader.bytes.length, 0, pool.lebs(markerLebs(this.#options)));
		if (reader.bytes.length + edits.growth > MOST_BYTES) reader.refuse(TOO_LARGE);
	}
}

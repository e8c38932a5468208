/**
 * The line that is being typed: its characters, and what the screen must be sent to show a change.
 *
 * Bytes come one at a time and become characters, so that erasing takes away all of what the eye
 * takes for one: every byte of it, and the marks above it. A byte that is no UTF-8 is kept as it is,
 * in the guise of a lone surrogate.
 */
import { advance, type Cell, retreat } from "./cursor.ts";

const encoder = new TextEncoder();
const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
const strayByte = /[\udc80-\udcff]/u;
const STRAY = 0xdc00;

/** The bytes of a text; stray ones as they were. */
export function encode(text: string): Uint8Array {
	if (!strayByte.test(text)) return encoder.encode(text);
	return Uint8Array.from(
		[...text].flatMap((character) =>
			strayByte.test(character) ? character.charCodeAt(0) - STRAY : [...encoder.encode(character)],
		),
	);
}

/** Bytes to characters, as they come. */
export class Decoder {
	#bytes: number[] = [];
	#needed = 0;

	/** What `byte` completes: nothing, a character, or stray bytes and perhaps a character. */
	push(byte: number): string {
		const continues = (byte & 0xc0) === 0x80;
		const stray = continues && this.#needed > 0 ? "" : this.rest();
		this.#bytes.push(byte);
		if (!continues) this.#needed = byte < 0x80 ? 1 : byte < 0xe0 ? 2 : byte < 0xf0 ? 3 : 4;
		if (this.#bytes.length < this.#needed) return stray;
		const bytes = Uint8Array.from(this.#bytes);
		try {
			const character = decoder.decode(bytes);
			this.#bytes = [];
			this.#needed = 0;
			return stray + character;
		} catch {
			return stray + this.rest();
		}
	}

	/** The bytes of a character that has not been completed. */
	rest(): string {
		const bytes = this.#bytes;
		this.#bytes = [];
		this.#needed = 0;
		return String.fromCharCode(...bytes.map((byte) => byte + STRAY));
	}
}

/** Control characters as a terminal shows them: `^C`. A tab is a tab. */
export function visible(text: string): string {
	return text.replace(/\p{Cc}/gu, (control) => {
		const code = control.charCodeAt(0);
		return control === "\t" || code > 127 ? control : `^${String.fromCharCode(code ^ 64)}`;
	});
}

/** A line is full at so many UTF-16 units. */
const MOST = 4096;
/** How far back the start of a character is looked for. */
const CLUSTER = 64;
const inWord = /[\p{L}\p{M}\p{N}_\ud800-\udfff]/u;

let segmenter: Intl.Segmenter | null = null;

export class LineEditor {
	#text = "";
	#start: Cell = { row: 0, column: 0 };
	/** Where the cursor is; null when something else was printed since. */
	#cursor: Cell | null = null;
	columns: number;

	constructor(columns: number) {
		this.columns = columns;
	}

	get text(): string {
		return this.#text;
	}

	/** Empties the line; where the next begins is not known yet. */
	clear(): void {
		this.#text = "";
		this.#cursor = null;
	}

	/** The line is empty and begins in this column. */
	begin(column: number): void {
		const below = this.#text === "" && column === this.columns && this.#isBelow();
		this.#text = "";
		this.#start = { row: 0, column };
		this.#cursor = below ? { row: 1, column: 0 } : this.#start;
	}

	/** The cursor is no longer where the line ends. */
	lose(): void {
		this.#cursor = null;
	}

	get lost(): boolean {
		return this.#cursor === null;
	}

	/** Screens wrap their text anew: the line then begins in this column, and the cursor is at its end. */
	resize(columns: number, start: number): void {
		this.columns = columns;
		if (this.#cursor === null) return;
		this.#start = { row: 0, column: start };
		this.#cursor = this.#end();
	}

	/** Each of these answers what the screen must be sent. */
	insert(text: string): string {
		if (this.#text.length + text.length > MOST) return "\x07";
		// On a full row a tab does nothing.
		const shown = this.#isBelow() ? visible(text).replace(/^\t+/, "") : visible(text);
		this.#text += text;
		if (this.#cursor !== null) this.#cursor = advance(this.#cursor, shown, this.columns);
		return shown;
	}

	erase(): string {
		segmenter ??= new Intl.Segmenter();
		const last = [...segmenter.segment(this.#text.slice(-CLUSTER))].at(-1);
		return this.#cut(this.#text.length - (last?.segment.length ?? 0));
	}

	/** Erases what is no letter or digit, and the word before it. */
	eraseWord(): string {
		const text = this.#text;
		let at = text.length;
		while (at > 0 && !inWord.test(text.charAt(at - 1))) at -= 1;
		while (at > 0 && inWord.test(text.charAt(at - 1))) at -= 1;
		return this.#cut(at);
	}

	kill(): string {
		return this.#cut(0);
	}

	/** What goes before the line feed that ends the line. */
	finish(): string {
		return this.#isBelow() ? "\x1b[A" : "";
	}

	/**
	 * Whether the line fills its last row, and the cursor is at the start of the next. Erasing leads
	 * there: for what is typed next the two places are one, but not for a tab or a line feed.
	 */
	#isBelow(): boolean {
		const { row, column } = this.#end();
		return column === this.columns && this.#cursor?.row === row + 1;
	}

	#end(): Cell {
		return advance(this.#start, visible(this.#text), this.columns);
	}

	#cut(length: number): string {
		const removed = this.#text.slice(length);
		this.#text = this.#text.slice(0, length);
		if (this.#cursor === null) {
			const zero = { row: 0, column: 0 };
			const all = Number.POSITIVE_INFINITY;
			return retreat(advance(zero, visible(removed), all), zero, all);
		}
		const from = this.#cursor;
		let to = this.#end();
		if (to.row === from.row && to.column === from.column) return "";
		// A full row has its end also at the start of the next one.
		if (to.column === this.columns && to.row < from.row) to = { row: to.row + 1, column: 0 };
		this.#cursor = to;
		return retreat(from, to, this.columns);
	}
}

/**
 * Where the cursor is on a screen that somebody else draws.
 *
 * To erase what was typed one must know how far it reaches: a letter takes one column, an East Asian
 * one two, a combining mark none, a tab goes to the next stop, and at the right edge all goes on in
 * the next row. The screen tells nobody, so its moves are computed again here.
 *
 * A column equal to the number of columns means that the row is full and the next character wraps:
 * terminals wrap late.
 */

/** A place on the screen; the row counts from where the text began. */
export interface Cell {
	readonly row: number;
	readonly column: number;
}

const TAB = 8;

const wide =
	/[\u1100-\u115f\u2329\u232a\u2e80-\u303e\u3041-\u4dbf\u4e00-\ua4cf\ua960-\ua97f\uac00-\ud7a3\uf900-\ufaff\ufe10-\ufe19\ufe30-\ufe6f\uff01-\uff60\uffe0-\uffe6\u{16fe0}-\u{18cff}\u{1b000}-\u{1b2ff}\u{1f200}-\u{1f2ff}\u{20000}-\u{3fffd}\p{Emoji_Presentation}]/u;
const narrow = /[\u{1f1e6}-\u{1f1ff}]/u;
const empty = /[\p{Mn}\p{Me}\p{Cf}\p{Cc}\u1160-\u11ff]/u;

/** How many columns a character takes: 0, 1 or 2. */
export function widthOf(character: string): number {
	if (character >= " " && character < "\x7f") return 1;
	if (empty.test(character)) return character === "\xad" ? 1 : 0;
	return wide.test(character) && !narrow.test(character) ? 2 : 1;
}

/** An escape sequence, of which the count and the last letter of a CSI are kept; or a character. */
const piece =
	// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what it looks for
	/\x1b\[([0-?]*)[ -/]*([@-~])|\x1b[\]PX^_][^\x07\x1b]*(?:\x07|\x1b\\)?|\x1b[ -/]*[0-~]?|./gsu;

/** Where the cursor is after `text` was printed at `from`. Of the escape sequences those count that
 *  move along the row; the others are taken for colours. */
export function advance(from: Cell, text: string, columns: number): Cell {
	let { row, column } = from;
	for (const [found, count = "", move] of text.matchAll(piece)) {
		const steps = Number.parseInt(count, 10) || 1;
		const width = widthOf(found);
		if (found === "\n") row += 1;
		else if (found === "\r") column = 0;
		else if (found === "\b") column = Math.max(0, Math.min(column, columns - 1) - 1);
		else if (found === "\t") {
			if (column < columns) column = Math.min(column - (column % TAB) + TAB, columns - 1);
		} else if (move === "C") column = Math.min(column + steps, columns - 1);
		else if (move === "D") column = Math.max(0, Math.min(column, columns - 1) - steps);
		else if (move === "G") column = Math.min(steps, columns) - 1;
		else if (found[0] === "\x1b") continue;
		else if (column + width > columns) {
			row += 1;
			column = width;
		} else column += width;
	}
	return { row, column };
}

/** What erases the screen from `to` on and takes the cursor there, from further on at `from`. */
export function retreat(from: Cell, to: Cell, columns: number): string {
	if (to.row === from.row && from.column < columns) {
		const n = from.column - to.column;
		return "\b".repeat(n) + " ".repeat(n) + "\b".repeat(n);
	}
	const rows = from.row - to.row;
	const there = `${rows > 0 ? `\x1b[${rows}A` : ""}\x1b[${to.column + 1}G`;
	if (to.column > 0) return `${there}\x1b[J`;
	// A row that is erased from its start would no longer be wrapped together with the one above.
	return `${there}\x1b[${columns}X${rows > 0 ? "\x1b[B\x1b[J\x1b[A" : ""}`;
}

/**
 * The cursor of xterm.js through a change of size.
 *
 * xterm.js wraps its rows anew for the new width, but leaves the cursor in its column, which then is
 * somewhere else in the text. So it is put back behind the character that it was behind: before the
 * change the characters of its line up to it are counted, from the first of the rows that are wrapped
 * together; afterwards as many are passed over. A marker knows where that first row has gone.
 */
import type { IBuffer, IMarker, Terminal } from "@xterm/xterm";

export interface Position {
	/** In the first row of the cursor's line. */
	readonly line: IMarker;
	/** How many characters, or columns without one, are before the cursor. */
	readonly before: number;
}

/** Where the cursor is; null on the alternate screen, which is not wrapped anew. */
export function cursorOf(terminal: Terminal): Position | null {
	const buffer = terminal.buffer.active;
	if (buffer.type !== "normal") return null;
	const last = buffer.baseY + buffer.cursorY;
	let first = last;
	while (first > 0 && buffer.getLine(first)?.isWrapped) first--;
	let before = 0;
	for (let row = first; row < last; row++) before += columnsOf(buffer, row, terminal.cols).length;
	const beside = columnsOf(buffer, last, terminal.cols).filter((x) => x < buffer.cursorX);
	return {
		line: terminal.registerMarker(first - last),
		before: before + beside.length,
	};
}

/** What takes the cursor there. */
export function moveTo(terminal: Terminal, { line, before }: Position): string {
	const buffer = terminal.buffer.active;
	if (line.isDisposed || buffer.type !== "normal") return "";
	let row = line.line;
	let left = before;
	line.dispose();
	const at = (column: number) => `\x1b[${row - buffer.baseY + 1};${column + 1}H`;
	for (;;) {
		const columns = columnsOf(buffer, row, terminal.cols);
		const last = columns.at(-1) ?? 0;
		// As terminals do, it stays at the end of a full row until the next character comes. There
		// it gets by printing the last one once more.
		if (left === columns.length)
			return at(last) + (buffer.getLine(row)?.getCell(last)?.getChars() ?? "");
		if (left < columns.length) return at(columns[left] ?? 0);
		if (!buffer.getLine(row + 1)?.isWrapped) return at(last);
		left -= columns.length;
		row++;
	}
}

/** The columns of a row in which a character begins, or could: not the second one of a wide
 *  character, nor the last one where a wide character did not fit. */
function columnsOf(buffer: IBuffer, row: number, columns: number): number[] {
	const line = buffer.getLine(row);
	const found: number[] = [];
	for (let x = 0; x < columns; x++) if (line?.getCell(x)?.getWidth() !== 0) found.push(x);
	const next = buffer.getLine(row + 1);
	const empty = found.at(-1) === columns - 1 && line?.getCell(columns - 1)?.getChars() === "";
	if (empty && next?.isWrapped && next.getCell(0)?.getWidth() === 2) found.pop();
	return found;
}

/**
 * xterm.js itself, without a page to draw on: text that is printed and then wrapped anew looks as if it
 * had been printed at the last width, and the cursor is where it would be then.
 */
import { Unicode11Addon } from "@xterm/addon-unicode11";
import { Terminal } from "@xterm/xterm";
import fc from "fast-check";
import { expect, test } from "vitest";
import { cursorOf, moveTo } from "./cursor.ts";

const ROWS = 6;

function make(columns: number): Terminal {
	const terminal = new Terminal({
		allowProposedApi: true,
		reflowCursorLine: true,
		cols: columns,
		rows: ROWS,
	});
	terminal.loadAddon(new Unicode11Addon());
	terminal.unicode.activeVersion = "11";
	return terminal;
}

const print = (terminal: Terminal, text: string) =>
	new Promise<void>((done) => terminal.write(text, done));

async function resize(terminal: Terminal, columns: number): Promise<void> {
	const cursor = cursorOf(terminal);
	terminal.resize(columns, ROWS);
	if (cursor) await print(terminal, moveTo(terminal, cursor));
}

/** All rows, a `~` before those that go on with the one above; and the cursor. */
function shown({ buffer: { active } }: Terminal): string[] {
	const rows = Array.from({ length: active.length }, (_, y) => {
		const line = active.getLine(y);
		return `${line?.isWrapped ? "~" : " "}${line?.translateToString(true) ?? ""}`;
	});
	while (rows.at(-1) === " ") rows.pop();
	return [...rows, `${active.cursorX} ${active.baseY + active.cursorY}`];
}

test("the cursor stays behind its character, whatever the widths", async () => {
	const character = fc.constantFrom("a", "b", " ", "日", "本", "é", "e\u0301", "😀");
	const line = fc.array(character, { maxLength: 70 }).map((all) => `> ${all.join("")}`);
	const width = fc.integer({ min: 12, max: 80 });
	await fc.assert(
		fc.asyncProperty(
			fc.array(line, { minLength: 1, maxLength: 4 }),
			fc.array(width, { minLength: 2, maxLength: 5 }),
			async (lines, widths) => {
				const text = lines.join("\r\n");
				const terminal = make(widths[0] as number);
				await print(terminal, text);
				for (const columns of widths.slice(1)) await resize(terminal, columns);
				const fresh = make(widths.at(-1) as number);
				await print(fresh, text);
				expect(shown(terminal)).toEqual(shown(fresh));
				for (const one of [terminal, fresh]) one.dispose();
			},
		),
	);
});

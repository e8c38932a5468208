/**
 * The notation: a session is a text. What stands in it is typed, `⏎` for Enter, `⌫` for Backspace,
 * `^C` for a control character; `[…]` is printed by the program; `?` is a read of the program. What
 * the program reads is compared, `…` where it has to wait and `∅` for the end of file, and what is
 * on the screen, with `/` between rows and `▏` for the cursor. `{9}` makes the terminal 9 columns wide.
 */
import fc from "fast-check";
import { expect, test } from "vitest";
import { PENDING } from "../abi/errno.ts";
import { DelayedBridge } from "../storefs/delayed-store.testkit.ts";
import { widthOf } from "./cursor.ts";
import { encode } from "./line-editor.ts";
import { Terminal } from "./terminal.ts";

/** A screen as plain as can be: cells of text, no scrolling. A wide character has "" beside it. */
class Glass {
	#columns: number;
	#rows: string[][] = [[]];
	/** Rows that go on with the line of the row above. */
	#wrapped = new Set<number>();
	/** There has been a tab at the end of a full row, which moves nothing. */
	idleTab = false;
	#row = 0;
	#column = 0;

	constructor(columns: number) {
		this.#columns = columns;
	}

	print(text: string): void {
		// biome-ignore lint/suspicious/noControlCharactersInRegex: it is a terminal
		for (const [found, csi, count] of text.matchAll(/\x1b\[((\d*)[A-Z])|\x1b\[\d*m|./gsu)) {
			if (csi !== undefined) this.#control(csi.at(-1) as string, Number(count || 1));
			else if (!found.startsWith("\x1b")) this.#put(found);
		}
	}

	/** Wraps all lines anew; the cursor stays behind the character that it was behind. */
	resize(columns: number): void {
		const [rows, wrapped, row, column] = [this.#rows, this.#wrapped, this.#row, this.#column];
		this.#columns = columns;
		this.#rows = [[]];
		this.#wrapped = new Set();
		this.#row = -1;
		let cursor: [number, number] = [0, 0];
		for (const [y, cells] of rows.entries()) {
			if (!wrapped.has(y)) {
				this.#row += 1;
				this.#column = 0;
			}
			const end = y === row ? Math.max(column, cells.length) : cells.length;
			for (let x = 0; x <= end; x++) {
				if (y === row && x === column) cursor = [this.#row, this.#column];
				const cell = x < end ? (cells[x] ?? " ") : "";
				if (cell !== "") this.#glyph(cell, widthOf([...cell][0] as string));
			}
			this.#cells;
		}
		[this.#row, this.#column] = cursor;
	}

	get text(): string {
		const rows = this.#rows.map((_, row) => this.#line(row).replace(/ +$/, ""));
		const cursor = this.#line(this.#row, this.#column);
		rows[this.#row] = `${cursor}▏${rows[this.#row]?.slice(cursor.length) ?? ""}`;
		while (rows.at(-1) === "") rows.pop();
		return rows.join("/");
	}

	/** The text without the cursor: for comparing what two ways of getting there show. */
	get shown(): string {
		const rows = this.#rows.map((_, row) => this.#line(row).replace(/ +$/, ""));
		// Where a line was erased and wrapped anew, blanks of it may have a row of their own.
		return rows
			.filter((text, row) => text !== "" || !this.#wrapped.has(row))
			.join("/")
			.replace(/[ /]+$/, "");
	}

	#line(row: number, end?: number): string {
		const cells = this.#rows[row] ?? [];
		const length = end ?? cells.length;
		return Array.from({ length }, (_, i) => cells[i] ?? " ").join("");
	}

	#control(final: string, count: number): void {
		if (final === "A") this.#row = Math.max(0, this.#row - count);
		else if (final === "B") this.#row += count;
		else if (final === "G") this.#column = Math.min(count, this.#columns) - 1;
		else if (final === "X") this.#cells.splice(this.#column, count);
		else if (final === "J") {
			// A row that is erased from its start belongs to no line any more.
			const kept = this.#column > 0 ? this.#row : this.#row - 1;
			for (let row = this.#rows.length; row > kept; row--) this.#wrapped.delete(row);
			this.#rows.length = this.#row + 1;
			this.#cells.length = Math.min(this.#cells.length, this.#column);
		} else throw new Error(`a sequence that this screen does not know: ${final}`);
	}

	get #cells(): string[] {
		this.#rows[this.#row] ??= [];
		return this.#rows[this.#row] as string[];
	}

	#put(character: string): void {
		const edge = this.#columns - 1;
		if (character === "\n") this.#row += 1;
		else if (character === "\r") this.#column = 0;
		else if (character === "\b") this.#column = Math.max(0, Math.min(this.#column, edge) - 1);
		else if (character === "\t") {
			if (this.#column > edge) this.idleTab = true;
			else this.#column = Math.min((this.#column & ~7) + 8, edge);
		} else if (character >= " ") this.#glyph(character, widthOf(character));
		this.#cells;
	}

	#glyph(character: string, width: number): void {
		if (width === 0) {
			let at = this.#column - 1;
			while (at > 0 && this.#cells[at] === "") at -= 1;
			if (at >= 0) this.#cells[at] += character;
			return;
		}
		if (this.#column + width > this.#columns) {
			this.#cells.length = Math.min(this.#cells.length, this.#column);
			this.#row += 1;
			this.#column = 0;
			this.#wrapped.add(this.#row);
		}
		this.#cells[this.#column] = character;
		if (width === 2) this.#cells[this.#column + 1] = "";
		this.#column += width;
	}
}

interface Options {
	columns?: number;
	declines?: string[];
	configure?: Parameters<Terminal["configure"]>[0];
}

class Session {
	readonly glass: Glass;
	readonly terminal: Terminal;
	readonly reads: string[] = [];
	readonly signals: string[] = [];
	readonly bytes: number[] = [];

	constructor({ columns = 20, declines = [], configure = {} }: Options = {}) {
		this.glass = new Glass(columns);
		const decoder = new TextDecoder();
		const screen = {
			room: () => 1000,
			show: (bytes: Uint8Array) => this.glass.print(decoder.decode(bytes, { stream: true })),
		};
		const signal = (name: string, editing: boolean) => {
			this.signals.push(editing ? `${name}*` : name);
			return !declines.includes(name);
		};
		const onSignals = (send: boolean) => {
			this.signals.push(send ? "on" : "off");
		};
		const wiring = { bridge: new DelayedBridge(), screen, signal, onSignals };
		this.terminal = new Terminal(wiring, { columns, rows: 24 });
		this.terminal.configure(configure);
	}

	play(script: string): this {
		for (const [found, printed, columns] of script.matchAll(/\[([^\]]*)\]|\{(\d+)\}|\^.|./gsu)) {
			if (printed !== undefined) this.print(printed);
			else if (columns !== undefined) this.resize(Number(columns));
			else if (found === "?") this.read();
			else this.terminal.feed(encode(key(found)));
		}
		return this;
	}

	resize(columns: number): void {
		this.glass.resize(columns);
		this.terminal.resize({ columns, rows: 24 });
	}

	print(text: string): void {
		const bytes = encode(text);
		expect(this.terminal.write(bytes, 0, bytes.length, 0)).toBe(bytes.length);
	}

	read(length = 100): void {
		const bytes = new Uint8Array(length);
		const count = this.terminal.read(bytes, 0, length, 0);
		if (count > 0) this.bytes.push(...bytes.subarray(0, count));
		const text = new TextDecoder().decode(bytes.subarray(0, Math.max(0, count)));
		this.reads.push(count === PENDING ? "…" : count === 0 ? "∅" : text);
	}
}

function key(found: string): string {
	if (found === "⏎") return "\r";
	if (found === "⌫" || found === "^?") return "\x7f";
	if (found[0] === "^" && found.length > 1) return String.fromCharCode(found.charCodeAt(1) & 31);
	return found;
}

const table: [what: string, script: string, reads: string[], screen: string][] = [
	["a line is read once it is entered", "?ab?⏎?", ["…", "…", "ab\n"], "ab/▏"],
	["one line at a time", "one⏎two⏎???", ["one\n", "two\n", "…"], "one/two/▏"],
	["erase", "abc⌫⌫d⏎?", ["ad\n"], "ad/▏"],
	["erase with the other key", "abc^Hd⏎?", ["abd\n"], "abd/▏"],
	["erase stops at the prompt", "[> ]a⌫⌫⌫b⏎?", ["b\n"], "> b/▏"],
	["erase a wide character", "日本⌫x⏎?", ["日x\n"], "日x/▏"],
	["erase a character of several bytes", "é⌫e⏎?", ["e\n"], "e/▏"],
	["erase a letter with its marks", "ae\u0301\u0323⌫x⏎?", ["ax\n"], "ax/▏"],
	["erase a family", "a👨‍👩‍👧⌫x⏎?", ["ax\n"], "ax/▏"],
	["erase a tab", "[> ]ab\tc⌫⌫x⏎?", ["abx\n"], "> abx/▏"],
	["erase a control character", "a^A⌫b⏎?", ["ab\n"], "ab/▏"],
	["control characters are seen", "a^A⏎?", ["a\x01\n"], "a^A/▏"],
	["erase a word", "one two.^Wx⏎?", ["one x\n"], "one x/▏"],
	["erase two words", "one tw-o^W^W^W⏎?", ["\n"], "/▏"],
	["kill", "[> ]some text^Ux⏎?", ["x\n"], "> x/▏"],
	["erase over the edge", "[> ]abcdefghijklmnopqrst⌫⌫⌫⌫x", [], "> abcdefghijklmnopx▏"],
	["erase the last of a full row", "[> ]abcdefghijklmnopqr⌫x", [], "> abcdefghijklmnopqx▏"],
	["erase to the edge", "[> ]abcdefghijklmnopqrs⌫x", [], "> abcdefghijklmnopqr/x▏"],
	["wide at the edge", "[> ]abcdefghijklmnopq日⌫r", [], "> abcdefghijklmnopqr▏"],
	["kill over rows", "[> ]abcdefghijklmnopqrstuvwxyzabcdefghijklmnopq^Ux", [], "> x▏"],
	[
		"the prompt has colours",
		"[\x1b[1m> \x1b[m]abcdefghijklmnopqrs⌫⌫x",
		[],
		"> abcdefghijklmnopqx▏",
	],
	["narrower: erase over the new edge", "[> ]abcdefghij{8}⌫⌫⌫⌫⌫x", [], "> abcdex▏"],
	["narrower: erase to the new edge", "[> ]abcdefghij{8}⌫⌫⌫x", [], "> abcdef/gx▏"],
	["narrower than the prompt", "[prompt> ]abc{6}⌫x^Uy", [], "prompt/> y▏"],
	["narrower: exactly a full row", "[> ]abcdef{8}⌫⌫x", [], "> abcdx▏"],
	["narrower: wide characters", "[> ]日本語日本{7}⌫⌫⌫⌫x", [], "> 日x▏"],
	["narrower: a wide one goes to the next row", "[> ]ab日本{7}⌫⌫x", [], "> abx▏"],
	[
		"wider: the line is one again",
		"[> ]abcdefghijklmnopqrstuv{40}⌫⌫x",
		[],
		"> abcdefghijklmnopqrstx▏",
	],
	["wider: wide characters", "[> ]{7}日本語日本{9}⌫x^W日本", [], "> 日本▏"],
	["wider: the prompt is one row again", "{6}[prompt> ]a{20}bc⌫⌫⌫x", [], "prompt> x▏"],
	["to and fro", "[> ]abcdefgh{5}{7}{30}⌫{4}⌫⌫⌫⌫⌫x", [], "> ab/x▏"],
	["end of file", "?^D??", ["…", "∅", "…"], "▏"],
	["end of file in a line hands it over", "ab^D?cd⏎?", ["ab", "cd\n"], "abcd/▏"],
	["the rest of a handed-over line cannot be erased", "ab^Dc⌫⌫x⏎??", ["ab", "x\n"], "abx/▏"],
	["reprint", "[> ]ab^Rc⏎?", ["abc\n"], "> ab^R/> abc/▏"],
	["literal next", "a^V^Cb^V⏎⏎?", ["a\x03b\r\n"], "a^Cb^M/▏"],
	["output in the midst of a line", "[> ]ab[note]c⌫⌫x⏎?", ["ax\n"], "> abnotx/▏"],
	["newlines return", "[one\ntwo]", [], "one/two▏"],
	["a read of nothing", "⏎?", ["\n"], "/▏"],
];

test.each(table)("%s: %s", (_, script, reads, screen) => {
	const session = new Session().play(script);
	expect(session.reads).toEqual(reads);
	expect(session.glass.text).toBe(screen);
	expect(session.signals.filter((name) => name !== "SIGWINCH")).toEqual([]);
});

test("signals: typed lines are lost, and the program is told", () => {
	const session = new Session().play("type-ahead⏎ab^C?^\\cd^Z?");
	expect(session.signals).toEqual(["SIGINT", "SIGQUIT", "SIGTSTP*"]);
	expect(session.reads).toEqual(["…", "…"]);
	expect(session.glass.text).toBe("type-ahead/ab^C^\\cd^Z▏");
});

test("a declined signal leaves the prompt and an empty line", () => {
	const session = new Session({ declines: ["SIGINT", "SIGTSTP"] }).play("[> ]?ab^Cc^Z^Cd⏎?");
	expect(session.signals).toEqual(["SIGINT*", "SIGTSTP*", "SIGINT"]);
	expect(session.reads).toEqual(["…", "d\n"]);
	expect(session.glass.text).toBe("> ab^C/> c^Z/> ^C/> d/▏");
});

test("a line is being edited only where the program waits for it", () => {
	const session = new Session().play("ab^C");
	expect(session.signals).toEqual(["SIGINT"]);
});

test("raw: bytes at once, unseen, and no key has a meaning", () => {
	const raw = { echo: false, icanon: false, isig: false, icrnl: false, onlcr: false };
	const session = new Session({ configure: raw }).play("?a^C?⌫⏎?[x\ny]");
	expect(session.reads).toEqual(["…", "a\x03", "\x7f\r"]);
	expect(session.signals).toEqual(["off"]);
	expect(session.glass.text).toBe("x/ y▏");
});

test("whoever asks is told whether keys send signals, when that changes", () => {
	const session = new Session();
	session.terminal.configure({ isig: true });
	session.terminal.configure({ isig: false, echo: false });
	session.terminal.configure({ isig: true });
	expect(session.signals).toEqual(["off", "on"]);
});

test("signals and echo without lines", () => {
	const session = new Session({ configure: { icanon: false } }).play("é?^Cb^D⏎?");
	expect(session.reads).toEqual(["é", "b\x04\n"]);
	expect(session.signals).toEqual(["SIGINT"]);
	expect(session.glass.text).toBe("é^Cb^D/▏");
});

test("a line that is being typed becomes raw with the terminal", () => {
	const session = new Session().play("?ab");
	session.terminal.configure({ icanon: false });
	session.play("?c?");
	expect(session.reads).toEqual(["…", "ab", "c"]);
});

test("unseen lines can be edited too", () => {
	const session = new Session({ configure: { echo: false } }).play("[Password: ]abc⌫d⏎?");
	expect(session.reads).toEqual(["abd\n"]);
	expect(session.glass.text).toBe("Password: ▏");
});

test("a short read leaves the rest of the line, and never goes on to the next", () => {
	const session = new Session().play("abc⏎d⏎");
	session.read(2);
	expect(session.terminal.readable()).toBe(2);
	session.read();
	session.read();
	expect(session.reads).toEqual(["ab", "c\n", "d\n"]);
});

test("at the end what was typed is read, then the end for ever", () => {
	const session = new Session().play("ab⏎cd");
	session.terminal.end();
	session.terminal.feed(encode("x\n"));
	session.play("????");
	expect(session.reads).toEqual(["ab\n", "cd", "∅", "∅"]);
	expect(session.terminal.readable()).toBe(0);
});

test("a reader that waits is woken, by lines and by the end", () => {
	const bridge = new DelayedBridge();
	const screen = { room: () => PENDING, show: () => {} };
	const terminal = new Terminal({ bridge, screen, signal: () => true }, { columns: 9, rows: 9 });
	expect(terminal.readable()).toBe(PENDING);
	const [first] = bridge.notes;
	terminal.feed(encode("a"));
	expect(first?.done).toBe(false);
	terminal.feed(encode("\r"));
	expect(first?.done).toBe(true);
	expect(terminal.readable()).toBe(2);
	expect(terminal.write(encode("x"), 0, 1, 0)).toBe(PENDING);
	expect(terminal.writable()).toBe(PENDING);
});

test("a new size is a signal, and the state of a tty", () => {
	const session = new Session();
	session.terminal.resize({ columns: 20, rows: 24 });
	session.terminal.resize({ columns: 30, rows: 10 });
	expect(session.signals).toEqual(["SIGWINCH"]);
	const state = session.terminal.tty;
	expect(state).toMatchObject({ columns: 30, rows: 10, echo: true, lineBuffered: true });
	session.terminal.tty = { ...state, echo: false, lineBuffered: false };
	expect(session.terminal.settings).toMatchObject({ echo: false, icanon: false, isig: true });
});

test("bytes that are no text arrive as they were typed", () => {
	const session = new Session();
	const bytes = [0xff, 0x61, 0xe6, 0x97, 0x62, 0xf0, 0x80, 0x80, 0x80, 0xe6, 0x97, 0xa5, 0xc3, 10];
	session.terminal.feed(Uint8Array.from(bytes));
	session.play("?");
	expect(session.bytes).toEqual(bytes);
});

test.each([
	["a prompt and a new line", ">>>>>>>>>>>>", "a^U⏎a", ">>>>>>>>>>>>/a"],
	["typed text and a new line", "> ", "aaaaaaaaaaa⌫⏎b", "> aaaaaaaaaa/b"],
	["a tab does nothing", ">>>>>>>>>>>>", "a^W^Ia⏎b", ">>>>>>>>>>>>/a/b"],
	["a tab and its erasing do nothing", ">>>>>>>>>>>>", "a^W^I⌫⏎b", ">>>>>>>>>>>>/b"],
])("erased back to a full row: %s", (_, prompt, keys, shown) => {
	const session = new Session({ columns: 12 });
	session.print(prompt);
	session.play(keys);
	expect(session.glass.shown).toBe(shown);
});

test("random keys: lines as a plain model edits them, and a screen as if typed without mistakes", () => {
	const keys = [
		"a",
		"b",
		" ",
		"日",
		"é",
		"e\u0301",
		"\t",
		"^A",
		"⏎",
		"⌫",
		"⌫",
		"⌫",
		"^W",
		"^U",
		"^R",
	];
	// A tab that is there already keeps its width when the screen is wrapped anew.
	const sizes = ["{9}", "{13}", "{16}", "{24}"];
	const resized = [...keys.filter((name) => name !== "\t"), ...sizes];
	fc.assert(
		fc.property(
			fc
				.constantFrom(keys, resized)
				.chain((from) => fc.array(fc.constantFrom(...from), { maxLength: 60 })),
			fc.integer({ min: 9, max: 24 }),
			fc.constantFrom("", "> ", ">>>>>>>>>>>>"),
			(typed, columns, prompt) => {
				const session = new Session({ columns });
				session.print(prompt);
				const last = typed.findLast((name) => name.startsWith("{"))?.slice(1, -1);
				const plain = new Glass(Number(last ?? columns));
				plain.print(prompt);
				let line: string[] = [];
				const lines: string[] = [];
				const show = () => plain.print(line.map((c) => (c === "\x01" ? "^A" : c)).join(""));
				let start = prompt;
				for (const name of typed) {
					session.play(name);
					if (name === "⌫") line.pop();
					else if (name === "^U") line = [];
					else if (name === "^W") {
						const space = (c: string | undefined) => c === " " || c === "\t" || c === "\x01";
						while (line.length > 0 && space(line.at(-1))) line.pop();
						while (line.length > 0 && !space(line.at(-1))) line.pop();
					} else if (name === "^R") {
						show();
						plain.print(`^R\r\n${start}`);
					} else if (name === "⏎") {
						lines.push(`${line.join("")}\n`);
						show();
						plain.print("\r\n");
						line = [];
						start = "";
					} else if (!name.startsWith("{")) line.push(key(name));
				}
				show();
				// After erasing, the end of a full row is the start of the next, where a tab does move.
				fc.pre(!plain.idleTab);
				expect(session.glass.shown).toBe(plain.shown);
				const reads = lines.map(() => "");
				for (const i of reads.keys()) {
					session.read(1000);
					reads[i] = session.reads[i] as string;
				}
				expect(reads).toEqual(lines);
			},
		),
	);
});

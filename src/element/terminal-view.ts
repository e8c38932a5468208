/**
 * A screen and a keyboard for a process that has a terminal. xterm.js draws; lines are edited, and
 * keys become signals, in the process's own terminal.
 *
 * Some keys belong to the page rather than to the program: Ctrl-C copies while something is
 * selected, Ctrl-V pastes. A program takes Tab, so a visitor without a mouse leaves by Shift-Tab, or
 * forwards by Escape (which the program gets too) and then Tab; a screen reader reads that out with
 * the name of the field. Where no program runs, Tab alone leaves.
 */
import { FitAddon } from "@xterm/addon-fit";
import { Unicode11Addon } from "@xterm/addon-unicode11";
import { type ITheme, Terminal } from "@xterm/xterm";
import style from "@xterm/xterm/css/xterm.css?inline";
import type { Process } from "../index.ts";
import { cursorOf, moveTo } from "./cursor.ts";
import { addSheet, rootOf, withSheets } from "./sheets.ts";

const LEAVE = "Press Escape, then Tab, to leave the terminal.";
const MODIFIERS: ReadonlySet<string> = new Set(["Shift", "Control", "Alt", "Meta"]);
/** Rows above the screen that are kept. */
const SCROLLBACK = 5000;
/** A screen of more rows or columns is no screen that a page has room for. */
const MOST_ROWS = 400;
const MOST_COLUMNS = 1000;

export class TerminalView {
	readonly #host: HTMLElement;
	readonly #fit = new FitAddon();
	readonly #terminal: Terminal;
	readonly #undo = new AbortController();
	readonly #observer = new ResizeObserver(() => this.#resize());
	/** Done when the screen has its size: what is shown next is for that one. */
	#sized: Promise<void> = Promise.resolve();
	#process: Process | null = null;
	#keys: WritableStreamDefaultWriter<Uint8Array> | null = null;
	/** The last key was Escape: a Tab leaves. */
	#leaving = false;

	/** Fills `host`, takes font and colours from its style, and follows its size. */
	constructor(host: HTMLElement) {
		this.#host = host;
		const terminal = new Terminal({
			allowProposedApi: true,
			fontFamily: getComputedStyle(host).fontFamily,
			fontSize: Number.parseFloat(getComputedStyle(host).fontSize) || 13,
			minimumContrastRatio: 4.5,
			// The process's terminal counts on it, and that the cursor goes along: see `cursor.ts`.
			reflowCursorLine: true,
			screenReaderMode: true,
			scrollback: SCROLLBACK,
			theme: themeOf(host),
		});
		this.#terminal = terminal;
		terminal.loadAddon(this.#fit);
		terminal.loadAddon(new Unicode11Addon());
		terminal.unicode.activeVersion = "11";
		terminal.attachCustomKeyEventHandler((event) => this.#isForProgram(event));
		terminal.onData((text) => this.#type(new TextEncoder().encode(text)));
		terminal.onBinary((text) => this.#type(Uint8Array.from(text, (c) => c.charCodeAt(0))));
		terminal.onResize(({ cols, rows }) => this.#process?.resize(cols, rows));
		// Where the host is: in the page, or in a shadow tree.
		const root = rootOf(host);
		addSheet(root, style);
		withSheets(root, () => terminal.open(host));
		allowColours(terminal);
		this.#describe();
		this.#watchInsertions();
		this.#fitNow();
		this.#observer.observe(host);
		matchMedia("(prefers-color-scheme: dark)").addEventListener(
			"change",
			() => {
				terminal.options.theme = themeOf(host);
			},
			{ signal: this.#undo.signal },
		);
	}

	/** How large a program's terminal has to be to fit. */
	get size(): { columns: number; rows: number } {
		return { columns: this.#terminal.cols, rows: this.#terminal.rows };
	}

	/** Takes over the streams of a process, and types `typed`; done when it has ended and all its
	 *  output is shown. */
	async attach(process: Process, typed = ""): Promise<void> {
		this.#process = process;
		this.#keys = process.stdin.getWriter();
		this.#terminal.options.disableStdin = false;
		// The size may have changed while the process was started.
		process.resize(this.#terminal.cols, this.#terminal.rows);
		if (typed !== "") this.#type(new TextEncoder().encode(typed));
		try {
			await Promise.all([this.#show(process.stdout), this.#show(process.stderr)]);
		} finally {
			this.#terminal.options.disableStdin = true;
			this.#process = null;
			this.#keys = null;
		}
	}

	/** Lines of the page's own, beneath what the program printed. */
	note(text: string): void {
		const fresh = this.#terminal.buffer.active.cursorX === 0 ? "" : "\r\n";
		const lines = text.replaceAll(/\p{Cc}/gu, (c) => (c === "\n" ? "\r\n" : " "));
		this.#terminal.write(`${fresh}\x1b[2m${lines}\x1b[m\r\n`);
	}

	clear(): void {
		this.#terminal.reset();
	}

	focus(): void {
		this.#terminal.focus();
	}

	close(): void {
		this.#undo.abort();
		this.#observer.disconnect();
		this.#terminal.dispose();
	}

	#show(stream: ReadableStream<Uint8Array>): Promise<void> {
		const screen = new WritableStream<Uint8Array>({
			// The program waits while the screen is behind.
			write: (chunk) => this.#sized.then(() => this.#print(chunk)),
		});
		return stream.pipeTo(screen);
	}

	#type(keys: Uint8Array): void {
		this.#keys?.write(keys).catch(() => {});
	}

	/** Done when it is on the screen. */
	#print(output: string | Uint8Array): Promise<void> {
		return new Promise((drawn) => this.#terminal.write(output, drawn));
	}

	/** Takes the size of the host when all that was printed for the old one is on the screen. */
	#resize(): void {
		this.#sized = this.#sized
			.then(() => this.#print(""))
			.then(() => {
				if (this.#fits()) return;
				const cursor = cursorOf(this.#terminal);
				this.#fitNow();
				if (cursor) return this.#print(moveTo(this.#terminal, cursor));
			});
	}

	#fitNow(): void {
		if (this.#fits()) return;
		const { cols, rows } = this.#wanted();
		if (cols === MOST_COLUMNS || rows === MOST_ROWS) this.#terminal.resize(cols, rows);
		else this.#fit.fit();
	}

	#fits(): boolean {
		// A hidden element has no size, and xterm.js would take that for one column.
		if (this.#host.clientWidth === 0 || this.#host.clientHeight === 0) return true;
		const { cols, rows } = this.#wanted();
		return cols === this.#terminal.cols && rows === this.#terminal.rows;
	}

	/** How many columns and rows fit. They are bounded, because a host whose height is that of its
	 *  content would grow with each row that it gets. */
	#wanted(): { cols: number; rows: number } {
		const { cols, rows } = this.#fit.proposeDimensions() ?? this.#terminal;
		if (!(cols > 0 && rows > 0)) return this.#terminal;
		return { cols: Math.min(cols, MOST_COLUMNS), rows: Math.min(rows, MOST_ROWS) };
	}

	/** Says to a screen reader how to leave. */
	#describe(): void {
		const hint = document.createElement("span");
		hint.id = `porthole-leave-${crypto.randomUUID()}`;
		hint.hidden = true;
		hint.textContent = LEAVE;
		this.#host.append(hint);
		this.#terminal.textarea?.setAttribute("aria-describedby", hint.id);
		this.#undo.signal.addEventListener("abort", () => hint.remove());
	}

	/** Text that comes from no key, as from an emoji picker: for screen readers xterm.js leaves what
	 *  is in its text field alone, and would overlook it. */
	#watchInsertions(): void {
		const { signal } = this.#undo;
		let pressed = false;
		const field = this.#terminal.textarea;
		field?.addEventListener("keydown", () => (pressed = true), { signal, capture: true });
		field?.addEventListener("keyup", () => (pressed = false), { signal, capture: true });
		field?.addEventListener(
			"input",
			(event) => {
				if (!(event instanceof InputEvent) || event.inputType !== "insertText" || pressed) return;
				this.#terminal.input(event.data ?? "");
			},
			{ signal },
		);
	}

	#isForProgram(event: KeyboardEvent): boolean {
		if (event.type === "keydown" && !MODIFIERS.has(event.key)) {
			const leaves = event.key === "Tab" && (this.#leaving || this.#process === null);
			this.#leaving = event.key === "Escape";
			if (leaves) return false;
		}
		if (event.key === "Tab" && event.shiftKey) return false;
		const shortcut = (event.ctrlKey || event.metaKey) && !event.altKey;
		if (!shortcut) return true;
		if (event.key === "v" || event.key === "V") return false;
		return !(event.key === "c" && this.#terminal.hasSelection());
	}
}

/** What of xterm.js makes the cells: not of its interface, and so taken as it may be. */
interface Inside {
	readonly _core?: {
		readonly _renderService?: {
			readonly _renderer?: {
				readonly value?: {
					readonly _rowFactory?: { _addStyle?: (element: HTMLElement, style: string) => void };
				};
			};
		};
	};
}

/** Colours beyond the palette are `style` attributes, which a page may forbid, but not this. */
function allowColours(terminal: Terminal): void {
	const factory = (terminal as unknown as Inside)._core?._renderService?._renderer?.value
		?._rowFactory;
	if (factory?._addStyle === undefined) return;
	factory._addStyle = (element, style) => {
		element.style.cssText += style;
	};
}

function themeOf(host: HTMLElement): ITheme {
	const { color, backgroundColor } = getComputedStyle(host);
	return { foreground: color, background: backgroundColor, cursor: color };
}

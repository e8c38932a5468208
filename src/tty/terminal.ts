/**
 * A terminal: a device with a line discipline between somebody's fingers and a program.
 *
 *     keys ──▶ feed ──▶ signals, editing, echo ──▶ lines ──▶ read
 *                              │ echo
 *     screen ◀─────────────────┴───────── ONLCR ◀───────── write
 *
 * In canonical mode a line can be edited until it is entered, and a read gets one line at most;
 * otherwise each byte can be read at once. All of it happens when a key arrives, not when the
 * program reads, so one can type ahead and interrupt a program that does not read.
 *
 * What a program printed since its last newline is remembered: it is the prompt, tells in which
 * column the typed line begins, and is shown again when the line has to be.
 *
 * The name of a signal goes to a callback, which says whether it did anything to the program. A
 * program without handlers can only be ended. So the callback also hears whether somebody is typing
 * a line which the program waits for: then an interrupt may be declined, and it drops the line, as
 * in a shell. A declined signal leaves a fresh line with the same prompt.
 */
import type { Bridge, OpenTicket } from "../bridge/bridge.ts";
import { copyBytes } from "../fs/bytes.ts";
import { Device } from "../fs/devices.ts";
import { advance } from "./cursor.ts";
import { Decoder, encode, LineEditor, visible } from "./line-editor.ts";
import { type Action, actionsOf, defaults, NEWLINE, type Settings, signals } from "./termios.ts";

/** What `tty_get` and `tty_set` speak of. Width and height in pixels are not known: 0. */
export interface TtyState {
	readonly columns: number;
	readonly rows: number;
	readonly width: number;
	readonly height: number;
	readonly echo: boolean;
	readonly lineBuffered: boolean;
	readonly lineFeeds: boolean;
}

export interface Size {
	readonly columns: number;
	readonly rows: number;
}

/** Where the terminal shows things. */
export interface Screen {
	/** How many bytes it would take; PENDING where that must be waited for, or EPIPE. */
	room(): number;
	/** Takes all of them; they are copied. */
	show(bytes: Uint8Array): void;
}

export interface Wiring {
	readonly bridge: Bridge;
	readonly screen: Screen;
	/** Delivers a signal; false when it did nothing. `editing`: a line that the program waits for is
	 *  being typed. */
	readonly signal: (name: string, editing: boolean) => boolean;
	/** Bytes have been read, or a reader begins to wait. */
	readonly onRead?: () => void;
	/** Whether keys send signals from now on; they do at first. */
	readonly onSignals?: (send: boolean) => void;
}

const RETURN = 13;
/** Bytes that are written in one go. */
const PIECE = 32768;
/** Bytes of a prompt that are remembered. */
const PROMPT = 1024;

const nothing = new Uint8Array(0);

export class Terminal extends Device {
	readonly #bridge: Bridge;
	readonly #screen: Screen;
	readonly #signal: Wiring["signal"];
	readonly #onRead: Wiring["onRead"];
	readonly #onSignals: Wiring["onSignals"];
	readonly #line: LineEditor;
	readonly #decoder = new Decoder();
	readonly #scratch = new Uint8Array(2 * PIECE);
	#settings = defaults;
	#actions = actionsOf(defaults);
	#window: Size;
	/** What can be read, in portions; an empty one is an end of file. */
	#ready: Uint8Array[] = [];
	#held = 0;
	/** Raw bytes on their way there. */
	#raw: number[] = [];
	#prompt = nothing;
	/** Output that is gathered until all keys have been looked at. */
	#echoed = "";
	/** The next key has no meaning but itself. */
	#literal = false;
	#ended = false;
	#arrived: OpenTicket<void> | null = null;

	constructor(wiring: Wiring, size: Size) {
		super();
		this.#bridge = wiring.bridge;
		this.#screen = wiring.screen;
		this.#signal = wiring.signal;
		this.#onRead = wiring.onRead;
		this.#onSignals = wiring.onSignals;
		this.#window = checked(size);
		this.#line = new LineEditor(this.#window.columns);
	}

	// --- the side of the program ---

	override read(into: Uint8Array, at: number, length: number, _position: number): number {
		if (length === 0) return 0;
		let done = 0;
		do {
			const first = this.#ready[0];
			if (first === undefined) return this.#wait();
			const count = Math.min(length - done, first.length);
			copyBytes(first, 0, into, at + done, count);
			done += count;
			this.#held -= count;
			if (count === first.length) this.#ready.shift();
			else this.#ready[0] = first.subarray(count);
		} while (!this.#settings.icanon && done > 0 && done < length && this.#ready[0]?.length);
		this.#onRead?.();
		return done;
	}

	override readable(): number {
		const first = this.#ready[0];
		if (first === undefined) return this.#wait();
		return this.#settings.icanon ? first.length : this.held;
	}

	override write(from: Uint8Array, at: number, length: number, _position: number): number {
		const room = this.#screen.room();
		if (room < 0) return room;
		const end = at + Math.min(length, room);
		for (let start = at; start < end; start += PIECE) {
			this.#print(from, start, Math.min(end, start + PIECE));
		}
		return end - at;
	}

	override writable(): number {
		return this.#screen.room();
	}

	get settings(): Settings {
		return this.#settings;
	}

	/** A line that is being typed when lines end to be edited can be read as it is. */
	configure(settings: Partial<Settings>): void {
		const before = this.#settings;
		this.#settings = { ...before, ...settings };
		this.#actions = actionsOf(this.#settings);
		if (before.icanon && !this.#settings.icanon && this.#line.text !== "") this.#enter("");
		if (before.echo !== this.#settings.echo) this.#line.lose();
		if (before.isig !== this.#settings.isig) this.#onSignals?.(this.#settings.isig);
		this.#settle();
	}

	get window(): Size {
		return this.#window;
	}

	get tty(): TtyState {
		const { echo, icanon, onlcr } = this.#settings;
		return { ...this.#window, width: 0, height: 0, echo, lineBuffered: icanon, lineFeeds: onlcr };
	}

	set tty(state: TtyState) {
		this.configure({ echo: state.echo, icanon: state.lineBuffered, onlcr: state.lineFeeds });
		this.resize(state);
	}

	// --- the side of the person ---

	/** Bytes that can be read. */
	get held(): number {
		return this.#held;
	}

	/** Keys have been typed. */
	feed(bytes: Uint8Array): void {
		if (this.#ended) return;
		for (const byte of bytes) this.#key(byte);
		this.#settle();
	}

	/** Nobody will type any more: what has been typed can be read, and after it comes the end. */
	end(): void {
		if (this.#ended) return;
		if (this.#line.text !== "") this.#enter("");
		this.#ended = true;
		this.#settle();
		this.#wake();
	}

	resize(size: Size): void {
		const { columns, rows } = this.#window;
		this.#window = checked(size);
		if (columns === this.#window.columns && rows === this.#window.rows) return;
		this.#line.resize(this.#window.columns, this.#column());
		this.#signal("SIGWINCH", false);
	}

	#key(byte: number): void {
		const key = byte === RETURN && this.#settings.icrnl && !this.#literal ? NEWLINE : byte;
		const action = this.#literal ? undefined : this.#actions.get(key);
		this.#literal = false;
		if (action === undefined) this.#type(key);
		else if (signals.has(action)) this.#interrupt(signals.get(action) as string, key);
		else this.#edit(action);
	}

	#type(key: number): void {
		if (!this.#settings.icanon) {
			this.#raw.push(key);
			if (key === NEWLINE) this.#newline();
			else this.#say(visible(this.#decoder.push(key)));
			return;
		}
		this.#insert(this.#decoder.push(key));
	}

	#insert(text: string): void {
		if (text === "") return;
		if (this.#line.text === "" && this.#line.lost) this.#line.begin(this.#column());
		this.#echo(this.#line.insert(text));
	}

	#edit(action: Action): void {
		this.#insert(this.#decoder.rest());
		const line = this.#line;
		switch (action) {
			case "enter":
				this.#echo(line.finish());
				this.#enter("\n");
				this.#newline();
				break;
			case "endOfFile":
				this.#enter("");
				break;
			case "erase":
			case "erase2":
				this.#echo(line.erase());
				break;
			case "eraseWord":
				this.#echo(line.eraseWord());
				break;
			case "kill":
				this.#echo(line.kill());
				break;
			case "reprint":
				this.#reprint();
				break;
			case "literalNext":
				this.#literal = true;
		}
	}

	/** Hands the line to whoever reads. */
	#enter(end: string): void {
		const { text } = this.#line;
		this.#put(encode(text + end));
		if (this.#settings.echo) this.#remember(encode(visible(text)));
		this.#line.clear();
	}

	#interrupt(name: string, key: number): void {
		const editing = this.#arrived !== null && this.#line.text !== "";
		this.#decoder.rest();
		this.#line.clear();
		this.#ready = [];
		this.#held = 0;
		this.#raw = [];
		const prompt = this.#prompt;
		this.#say(visible(String.fromCharCode(key)));
		this.#show();
		if (this.#signal(name, editing)) return;
		this.#newline();
		this.#show();
		this.#screen.show(prompt);
		this.#prompt = prompt;
	}

	/** Shows prompt and line again, in a row of their own. */
	#reprint(): void {
		const { text } = this.#line;
		this.#echo("^R\r\n");
		this.#show();
		this.#screen.show(this.#prompt);
		this.#line.lose();
		this.#line.begin(this.#column());
		this.#echo(this.#line.insert(text));
	}

	#settle(): void {
		if (this.#raw.length > 0) this.#put(Uint8Array.from(this.#raw));
		this.#raw = [];
		this.#show();
		if (this.#ready.length > 0) this.#wake();
	}

	#put(portion: Uint8Array): void {
		this.#ready.push(portion);
		this.#held += portion.length;
	}

	#wake(): void {
		const ticket = this.#arrived;
		this.#arrived = null;
		ticket?.answer();
	}

	/** 0 at the end. */
	#wait(): number {
		if (this.#ended) return 0;
		this.#arrived ??= this.#bridge.ticket<void>();
		this.#onRead?.();
		return this.#bridge.pending(this.#arrived);
	}

	// --- the screen ---

	#print(from: Uint8Array, start: number, end: number): void {
		const { onlcr } = this.#settings;
		const into = this.#scratch;
		let n = 0;
		for (let i = start; i < end; i++) {
			const byte = from[i] as number;
			if (byte === NEWLINE && onlcr) into[n++] = RETURN;
			into[n++] = byte;
		}
		const printed = into.subarray(0, n);
		this.#remember(printed);
		this.#line.lose();
		this.#screen.show(printed);
	}

	/** What has been printed since the start of a row, or the end of it. */
	#remember(printed: Uint8Array): void {
		const from = Math.max(printed.lastIndexOf(NEWLINE), printed.lastIndexOf(RETURN)) + 1;
		const kept = from > 0 ? nothing : this.#prompt;
		if (from === printed.length) this.#prompt = kept;
		else {
			const added = printed.subarray(Math.max(from, printed.length - PROMPT));
			this.#prompt = Uint8Array.of(...kept, ...added).slice(-PROMPT);
		}
	}

	#column(): number {
		const prompt = new TextDecoder().decode(this.#prompt);
		return advance({ row: 0, column: 0 }, prompt, this.#window.columns).column;
	}

	#echo(text: string): void {
		if (this.#settings.echo) this.#echoed += text;
	}

	#newline(): void {
		this.#echo(this.#settings.onlcr ? "\r\n" : "\n");
		if (this.#settings.echo) this.#prompt = nothing;
	}

	/** Echoes what belongs to no line. */
	#say(text: string): void {
		if (this.#settings.echo) this.#remember(encode(text));
		this.#echo(text);
	}

	#show(): void {
		if (this.#echoed !== "") this.#screen.show(encode(this.#echoed));
		this.#echoed = "";
	}
}

function checked({ columns, rows }: Size): Size {
	return {
		columns: Math.max(1, Math.trunc(columns) || 0),
		rows: Math.max(1, Math.trunc(rows) || 0),
	};
}

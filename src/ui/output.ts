/**
 * The output of programs, as it comes.
 *
 * A program may print faster than a page can show. So text is gathered and shown at most twenty
 * times a second, and less often when showing takes long; only the last `LIMIT` characters stay,
 * beneath a line that says how much was cut, and what would be cut at once is never shown. A program
 * that is still faster waits. The view follows the end unless the reader has scrolled up.
 */
import { find, make } from "../element/dom.ts";
import { count } from "./formats.ts";

/** stdin is what the visitor typed, and note what the page says. */
export type Kind = "stdout" | "stderr" | "stdin" | "note";

const LIMIT = 200_000;
/** Characters of one block, and of one without an end of line; what is cut is cut in blocks. */
const BLOCK = 4_000;
const LONGEST = 16_000;
/** Characters that may wait to be shown before the program waits. */
const AHEAD = 1_000_000;
/** Milliseconds between two flushes, at least; and how much longer than a flush at least. */
const PAUSE = 50;
const SHARE = 3;

export class Output {
	readonly #log = find("log", HTMLElement);
	readonly #latest = find("latest", HTMLButtonElement);
	readonly #empty = find("empty", HTMLElement);
	readonly #cutNote = make("p", { class: "cut" });
	#waiting: { kind: Kind; text: string }[] = [];
	#waitingLength = 0;
	#blocks: Block[] = [];
	#shown = 0;
	#cut = 0;
	#atLineStart = true;
	/** Milliseconds that the last flush took, with its layout. */
	#cost = 0;
	#follow = true;
	#timer: ReturnType<typeof setTimeout> | null = null;
	#room: Promise<void> = Promise.resolve();
	#makeRoom: () => void = () => {};

	constructor() {
		this.#log.addEventListener("scroll", () => this.#scrolled());
		this.#latest.addEventListener("click", () => {
			this.#toEnd();
			this.#log.focus();
		});
	}

	/** Adds text; the promise is done when there is room for more. */
	write(kind: Kind, text: string): Promise<void> {
		if (text === "") return this.#room;
		this.#empty.hidden = true;
		this.#waiting.push({ kind, text });
		this.#waitingLength += text.length;
		if (this.#timer === null) {
			this.#room = new Promise((resolve) => {
				this.#makeRoom = resolve;
			});
			this.#timer = setTimeout(() => this.flush(), Math.max(PAUSE, SHARE * this.#cost));
		}
		if (this.#waitingLength < AHEAD) return Promise.resolve();
		// Timers of a hidden page run once a second: show at once instead.
		if (document.hidden) this.flush();
		return this.#room;
	}

	/** Whether nothing is shown, nor about to be. */
	get empty(): boolean {
		return this.#shown === 0 && this.#waitingLength === 0;
	}

	/** A line of the page's own. */
	note(text: string): void {
		this.flush();
		this.write("note", `${this.#atLineStart ? "" : "\n"}${text}\n`);
		this.flush();
	}

	clear(): void {
		this.#waiting = [];
		this.#waitingLength = 0;
		this.flush();
		this.#log.replaceChildren();
		this.#blocks = [];
		this.#shown = 0;
		this.#atLineStart = true;
		this.#cut = 0;
		this.#follow = true;
		this.#latest.hidden = true;
	}

	/** Shows what waits. */
	flush(): void {
		if (this.#timer !== null) clearTimeout(this.#timer);
		this.#timer = null;
		const waiting = this.#waiting;
		let tooMuch = this.#waitingLength - LIMIT;
		this.#waiting = [];
		this.#waitingLength = 0;
		const start = performance.now();
		for (const { kind, text } of waiting) {
			const skipped = Math.min(text.length, Math.max(0, tooMuch));
			tooMuch -= skipped;
			this.#cut += skipped;
			this.#show(kind, text.slice(skipped));
		}
		if (waiting.length > 0) {
			this.#trim();
			if (this.#follow) this.#toEnd();
			else this.#latest.hidden = false;
		}
		this.#cost = performance.now() - start;
		this.#makeRoom();
	}

	#show(kind: Kind, text: string): void {
		if (text === "") return;
		let rest = text;
		this.#shown += rest.length;
		this.#atLineStart = rest.endsWith("\n");
		while (rest !== "") {
			let block = this.#blocks.at(-1);
			if (block === undefined || block.full) {
				block = new Block();
				this.#log.append(block.element);
				this.#blocks.push(block);
			}
			rest = block.take(kind, rest);
		}
	}

	#trim(): void {
		while (this.#shown > LIMIT) {
			const first = this.#blocks.shift();
			if (first === undefined) break;
			first.element.remove();
			this.#shown -= first.length;
			this.#cut += first.length;
		}
		if (this.#cut === 0) return;
		this.#cutNote.textContent = `${count(this.#cut, "earlier character")} cut; the last ${count(LIMIT, "character")} are kept`;
		if (!this.#cutNote.isConnected) this.#log.prepend(this.#cutNote);
	}

	#toEnd(): void {
		this.#log.scrollTop = this.#log.scrollHeight;
		this.#follow = true;
		this.#latest.hidden = true;
	}

	#scrolled(): void {
		const { scrollTop, clientHeight, scrollHeight } = this.#log;
		this.#follow = scrollTop + clientHeight >= scrollHeight - 8;
		if (this.#follow) this.#latest.hidden = true;
	}
}

/**
 * Some lines of output. A browser lays out a paragraph as a whole, so a long log in one paragraph
 * would be laid out again for each new line; in blocks only the last one is.
 */
class Block {
	readonly element = make("div");
	length = 0;
	full = false;

	/** Takes what belongs here of a text, and returns the rest. */
	take(kind: Kind, text: string): string {
		const end = this.#end(text);
		const part = text.slice(0, end);
		const last = this.element.lastElementChild;
		const node = last?.className === kind ? last.firstChild : null;
		if (node instanceof Text) node.appendData(part);
		else this.element.append(make("span", { class: kind }, part));
		this.length += end;
		this.full = this.length >= LONGEST || (this.length >= BLOCK && part.endsWith("\n"));
		return text.slice(end);
	}

	/** A block ends with a line, and within one only if that is very long; never within a pair of
	 *  surrogates. */
	#end(text: string): number {
		const line = text.indexOf("\n", Math.max(0, BLOCK - this.length - 1)) + 1;
		const most = LONGEST - this.length;
		if (line > 0 && line <= most) return line;
		if (text.length <= most) return text.length;
		const unit = text.charCodeAt(most - 1);
		return most > 1 && unit >= 0xd800 && unit < 0xdc00 ? most - 1 : most;
	}
}

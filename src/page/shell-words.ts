/**
 * Where in a line of a shell's a value can stand as a word of its own: not within quotes, backquotes, comments and
 * here-documents. There the quotes around a value would be text, and the shell would run what the value says.
 */

/** What is open, innermost last: quotes, backquotes, a parenthesis, arithmetic. */
type Open = '"' | "`" | "(" | "((";

/** The parts of a line, with a value between each two and the next: what the first value stands in that cannot be a
 *  word of its own; null where each can. */
export function badPlace(parts: readonly string[]): string | null {
	const scan = new Scan();
	for (const part of parts.slice(0, -1)) {
		const place = scan.over(part);
		if (place !== null) return place;
	}
	return null;
}

class Scan {
	readonly #open: Open[] = [];
	/** What ends the here-documents whose lines are still to come. */
	#documents: string[] = [];

	/** Where it ends. */
	over(part: string): string | null {
		for (let at = 0; at < part.length; ) {
			const step = this.#step(part, at);
			if (typeof step === "string") return step;
			at = step;
		}
		if (this.#open.at(-1) === '"') return "double quotes";
		return this.#open.includes("`") ? "backquotes" : null;
	}

	/** Behind the next token; or the place that reaches beyond the end of the part. */
	#step(part: string, at: number): number | string {
		const character = part[at] as string;
		const top = this.#open.at(-1);
		const isPlain = top !== '"';
		if (character === "\\") return at + 2;
		if (part.startsWith("$((", at)) return this.#push("((", at + 3);
		if (part.startsWith("$(", at)) return this.#push("(", at + 2);
		if (character === top && (top === '"' || top === "`")) return this.#pop(at);
		if (character === '"' || character === "`") return this.#push(character, at + 1);
		if (!isPlain) return at + 1;
		if (character === "'") return behind(part, "'", at + 1) ?? "quotes";
		if (character === "(") return this.#push("(", at + 1);
		if (top === "((" && part.startsWith("))", at)) return this.#pop(at + 1);
		if (character === ")" && top === "(") return this.#pop(at);
		if (character === "#" && /^$|[\s;&|()]/.test(part.charAt(at - 1))) {
			return part.indexOf("\n", at) < 0 ? "a comment" : part.indexOf("\n", at);
		}
		if (character === "\n") return this.#skipDocuments(part, at + 1);
		if (part.startsWith("<<<", at)) return at + 3;
		if (part.startsWith("<<", at) && top !== "((") return this.#document(part, at + 2);
		return at + 1;
	}

	#push(open: Open, next: number): number {
		this.#open.push(open);
		return next;
	}

	#pop(at: number): number {
		this.#open.pop();
		return at + 1;
	}

	/** A here-document is announced. */
	#document(part: string, at: number): number | string {
		const [all = "", end = ""] = /^-?[ \t]*([^\s;&|<>()]+)/.exec(part.slice(at)) ?? [];
		if (end === "") return "the end of a here-document";
		this.#documents.push(end.replace(/["'\\]/g, ""));
		return at + all.length;
	}

	/** Behind the here-documents that begin here. */
	#skipDocuments(part: string, begin: number): number | string {
		let at = begin;
		for (const end of this.#documents) {
			for (;;) {
				const next = part.indexOf("\n", at);
				if (next < 0) return "a here-document";
				const line = part.slice(at, next);
				at = next + 1;
				if (line.replace(/^\t+/, "") === end) break;
			}
		}
		this.#documents = [];
		return at;
	}
}

/** Behind the next of `character`. */
function behind(part: string, character: string, from: number): number | undefined {
	const at = part.indexOf(character, from);
	return at < 0 ? undefined : at + 1;
}

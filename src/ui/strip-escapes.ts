/**
 * Text without the escape sequences of terminals: the page has no colours for programs that send
 * them unasked. A sequence may be cut between two pieces of output, so an unfinished one is kept for
 * the next piece, up to a length that no real one has.
 */

const LONGEST = 256;

// ESC [ parameters letter; ESC ] text BEL or ESC \; and the short ones of two or three characters.
const sequence =
	// biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are its subject
	/\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)|[ -/]+[0-~]|[0-Z\\^-~])/g;
// biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are its subject
const unfinished = /\x1b(?:\[[0-?]*[ -/]*|\][^\x07\x1b]*\x1b?|[ -/]*)$/;

export class PlainText {
	#kept = "";

	/** The plain part of the next piece. */
	take(piece: string): string {
		const text = this.#kept + piece;
		this.#kept = "";
		if (!text.includes("\x1b")) return text;
		const plain = text.replace(sequence, "");
		const tail = unfinished.exec(plain);
		if (tail === null || tail[0].length > LONGEST) return plain;
		this.#kept = tail[0];
		return plain.slice(0, tail.index);
	}
}

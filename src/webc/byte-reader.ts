/**
 * A position in a piece of the container: reads numbers, names and pieces, and never reads past the end.
 *
 *     file    ………|u64|name…|u64|………
 *                 ^base      ^base + at
 *
 * It knows where its piece lies in the file, so that every refusal can say so.
 */
import { WebcError, type WebcErrorCode } from "./error.ts";

/** Fatal, and a byte order mark is a character like any other: names must survive a round trip. */
const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** The text, or undefined where the bytes are not UTF-8. */
export function decodeText(bytes: Uint8Array): string | undefined {
	try {
		return utf8.decode(bytes);
	} catch {
		return undefined;
	}
}

export class ByteReader {
	readonly bytes: Uint8Array;
	/** Where `bytes[0]` lies in the file. */
	readonly base: number;
	readonly section: string;
	at = 0;

	constructor(bytes: Uint8Array, base: number, section: string) {
		this.bytes = bytes;
		this.base = base;
		this.section = section;
	}

	get left(): number {
		return this.bytes.length - this.at;
	}

	/** An error about the byte `at`, which is the current one unless told otherwise. */
	error(code: WebcErrorCode, what: string, at: number = this.at): WebcError {
		return new WebcError(code, what, { offset: this.base + at, section: this.section });
	}

	/** The next `length` bytes, as a view. */
	take(length: number): Uint8Array {
		if (length > this.left) {
			throw this.error("truncated", `${length} bytes should follow, but ${this.left} are left`);
		}
		this.at += length;
		return this.bytes.subarray(this.at - length, this.at);
	}

	/** Another reader of the next `length` bytes. */
	piece(length: number): ByteReader {
		const base = this.base + this.at;
		return new ByteReader(this.take(length), base, this.section);
	}

	u8(): number {
		return this.little(1);
	}

	u64(): number {
		const start = this.at;
		const low = this.little(4);
		const high = this.little(4);
		if (high >= 0x200000) throw this.error("overflow", "A number is above 2^53", start);
		return high * 0x100000000 + low;
	}

	/** A u64, where a too large one does no harm. */
	u64Clamped(most: number): number {
		const low = this.little(4);
		return Math.min(most, this.little(4) * 0x100000000 + low);
	}

	text(length: number): string {
		const start = this.at;
		const text = decodeText(this.take(length));
		if (text === undefined) throw this.error("bad-name", "A name is not UTF-8", start);
		return text;
	}

	/** A name of one path component. */
	component(length: number, most: number): string {
		const start = this.at;
		if (length > most) {
			throw this.error("too-large", `A name has ${length} bytes, and ${most} are allowed`);
		}
		const name = this.text(length);
		const fault = nameFault(name);
		if (fault) throw this.error("bad-name", `${JSON.stringify(name)} ${fault}`, start);
		return name;
	}

	/** Refuses bytes that nothing accounts for. */
	end(what: string): void {
		if (this.left > 0) throw this.error("bad-length", `${this.left} stray bytes follow ${what}`);
	}

	/** A number of so many bytes. */
	little(size: number): number {
		const bytes = this.take(size);
		let value = 0;
		for (let i = size - 1; i >= 0; i--) value = value * 256 + (bytes[i] ?? 0);
		return value;
	}
}

/** Why `name` cannot be a name in a directory; `""` where it can. */
export function nameFault(name: string): string {
	if (name === "") return "is an empty name";
	if (name === "." || name === "..") return "is not a name but a way through the tree";
	if (name.includes("/")) return "holds a slash and would leave its directory";
	return name.includes("\0") ? "holds a NUL" : "";
}

/**
 * The names that an overlay keeps for itself in its upper. All begin with `.wh.`, and no guest sees or
 * makes such a name.
 *
 *     .wh.NAME            nothing of what lies below shows at NAME: a whiteout
 *     .wh..opaque.NAME    the directory NAME of the upper hides what lies below it
 *     .wh..copy.…         a copy that is under way; the rest is random. A page that closes meanwhile leaves it
 *                         behind, and a later one removes it
 *     .wh..long.HASH      one of the first two, for a NAME with which it would be too long, or be read
 *                         as another of these
 *
 * A mark is looked for by the name it stands for and never read back, so a hash can stand for a name.
 */
import { MAX_NAME, utf8Length } from "./walk.ts";

const RESERVED = ".wh.";
const OPAQUE = ".opaque.";
const COPY = ".copy.";
const LONG = ".long.";

export function reserved(name: string): boolean {
	return name.startsWith(RESERVED);
}

/** The name of the mark that hides `name`. */
export function whiteout(name: string): string {
	const ambiguous = [OPAQUE, COPY, LONG].some((kind) => name.startsWith(kind));
	return mark("", name, ambiguous);
}

/** The name of the mark that makes the directory `name` hide what lies below it. */
export function opaque(name: string): string {
	return mark(OPAQUE, name, false);
}

/** A name for a copy that is under way, which no other copy has. */
export function copyName(): string {
	return RESERVED + COPY + Math.random().toString(36).slice(2);
}

export function isCopy(name: string): boolean {
	return name.startsWith(RESERVED + COPY);
}

function mark(kind: string, name: string, ambiguous: boolean): string {
	const plain = RESERVED + kind + name;
	const long = plain.length > MAX_NAME / 3 && utf8Length(plain, 0, plain.length) > MAX_NAME;
	return long || ambiguous ? RESERVED + LONG + kind.length + hash(name) : plain;
}

/** 64 bits of FNV-1a, as two halves that begin and go on differently. */
function hash(text: string): string {
	let one = 0x811c9dc5;
	let two = 0x9dc5811c;
	for (let i = 0; i < text.length; i++) {
		const code = text.charCodeAt(i);
		one = Math.imul(one ^ code, 0x01000193);
		two = Math.imul(two ^ code ^ (one >>> 16), 0x85ebca6b);
	}
	return (one >>> 0).toString(36) + (two >>> 0).toString(36).padStart(7, "0");
}

/**
 * What a program reads of its package, in the order in which it reads it: recorded once, it lets the
 * next start ask for the bytes before the program does.
 *
 *     { "format": 1, "size": 24677611, "spans": [[20582400, 131072], [24510464, 167147]] }
 *
 * A profile is a hint. A wrong one costs time and nothing else, so it need not be signed; but it may
 * come from anywhere, so its size and its numbers are checked.
 */
import { WebcError } from "./error.ts";

export interface AccessProfile {
	readonly format: 1;
	/** Bytes of the package that it is of. */
	readonly size: number;
	/** What is read, in order; bytes of the container. */
	readonly spans: readonly (readonly [start: number, length: number])[];
	/** Where atoms can be had by themselves, and so compressed: their SHA-256 in hex, and an address,
	 *  which is relative to that of the profile. */
	readonly atoms?: Readonly<Record<string, string>>;
}

const MOST_SPANS = 10_000;
const MOST_ATOMS = 100;
const LONGEST_ADDRESS = 2048;

/** Checks what should be a profile. Throws a WebcError: `"bad-profile"`. */
export function readProfile(value: unknown): AccessProfile {
	if (!isObject(value) || value.format !== 1) throw bad("It is not one of format 1");
	const { size, spans, atoms = {} } = value;
	if (!isNatural(size)) throw bad("`size` is not a number of bytes");
	if (!Array.isArray(spans) || spans.length > MOST_SPANS) {
		throw bad(`\`spans\` is not a list of at most ${MOST_SPANS}`);
	}
	return { format: 1, size, spans: spans.map((span) => readSpan(span, size)), atoms: own(atoms) };
}

function readSpan(span: unknown, size: number): [number, number] {
	const [start, length]: unknown[] = Array.isArray(span) && span.length === 2 ? span : [];
	if (isNatural(start) && isNatural(length) && length > 0 && start <= size - length) {
		return [start, length];
	}
	throw bad("A span is not a start and a length inside the package");
}

function own(atoms: unknown): Record<string, string> {
	const entries = isObject(atoms) ? Object.entries(atoms) : [];
	const right = entries.every(
		([sha256, url]) =>
			/^[0-9a-f]{64}$/.test(sha256) && typeof url === "string" && url.length <= LONGEST_ADDRESS,
	);
	if (!isObject(atoms) || !right || entries.length > MOST_ATOMS) {
		throw bad("`atoms` does not give addresses by SHA-256");
	}
	// A digest is no name of a property that objects have.
	return Object.fromEntries(entries) as Record<string, string>;
}

function isObject(value: unknown): value is Record<string, unknown> {
	return typeof value === "object" && value !== null && !Array.isArray(value);
}

function isNatural(value: unknown): value is number {
	return Number.isSafeInteger(value) && (value as number) >= 0;
}

function bad(what: string): WebcError {
	return new WebcError("bad-profile", what, { section: "the access profile" });
}

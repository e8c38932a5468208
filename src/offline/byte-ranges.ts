/**
 * Arithmetic of byte ranges: what of a wanted range is stored, and what has to be fetched.
 *
 *     blocks    | 0 | 1 | 2 | 3 | 4 | 5 |        128 KiB each, counted from the start of the file
 *     parts     [  a  ]     [c][    d   ]        what is stored; parts may overlap and end anywhere
 *     wanted      [-------------]
 *     pieces      [  a ][gap ][c][ d]
 *
 * What is fetched is widened to whole blocks, so that neighbouring requests do not leave slivers.
 */

/** Bytes of a file: the first, and the one behind the last. */
export interface ByteRange {
	readonly start: number;
	readonly end: number;
}

/** A piece of an answer: the bytes, and the part that holds them; null where none does. */
export interface Piece<P extends ByteRange> extends ByteRange {
	readonly part: P | null;
}

export const BLOCK = 128 * 1024;

/** Cuts `wanted` into pieces, each of one part. Of several parts the shortest is taken, because a
 *  part is read and checked whole. */
export function piecesOf<P extends ByteRange>(parts: Iterable<P>, wanted: ByteRange): Piece<P>[] {
	const near = [...parts].filter((part) => part.start < wanted.end && part.end > wanted.start);
	near.sort((a, b) => length(a) - length(b));
	const pieces: Piece<P>[] = [];
	for (let at = wanted.start; at < wanted.end; ) {
		const part = near.find(({ start, end }) => start <= at && at < end) ?? null;
		const end = Math.min(wanted.end, part?.end ?? nextStart(near, at, wanted.end));
		pieces.push({ start: at, end, part });
		at = end;
	}
	return pieces;
}

/** The ranges of `wanted` that no part holds. */
export function gaps(parts: Iterable<ByteRange>, wanted: ByteRange): ByteRange[] {
	return piecesOf(parts, wanted)
		.filter(({ part }) => part === null)
		.map(({ start, end }) => ({ start, end }));
}

/** The range of whole blocks around the given one, in a file of `size` bytes. */
export function toBlocks({ start, end }: ByteRange, size: number): ByteRange {
	return {
		start: Math.floor(start / BLOCK) * BLOCK,
		end: Math.min(size, Math.ceil(end / BLOCK) * BLOCK),
	};
}

export function length({ start, end }: ByteRange): number {
	return end - start;
}

export function within(inner: ByteRange, outer: ByteRange): boolean {
	return outer.start <= inner.start && inner.end <= outer.end;
}

function nextStart(parts: readonly ByteRange[], at: number, end: number): number {
	let next = end;
	for (const { start } of parts) if (start > at && start < next) next = start;
	return next;
}

/** What a Range header asks for of a file that is not known yet: `end` or `start` may be missing. */
export interface RangeRequest {
	readonly start: number | null;
	readonly end: number | null;
}

/** One range, as RFC 9110 writes it. Null where there is none; `"other"` for what is not ours. */
export function parseRange(header: string | null): RangeRequest | null | "other" {
	if (header === null) return null;
	const match = /^\s*bytes\s*=\s*(\d{0,15})-(\d{0,15})\s*$/.exec(header);
	if (match === null || (match[1] === "" && match[2] === "")) return "other";
	const start = match[1] === "" ? null : Number(match[1]);
	const last = match[2] === "" ? null : Number(match[2]);
	if (start !== null && last !== null && last < start) return "other";
	return { start, end: last === null ? null : start === null ? last : last + 1 };
}

/** The range that is asked for, of a file of `size` bytes; null if it has no such bytes. */
export function resolveRange(asked: RangeRequest | null, size: number): ByteRange | null {
	if (asked === null) return { start: 0, end: size };
	// `bytes=-500` means the last 500.
	const start = asked.start ?? Math.max(0, size - (asked.end ?? 0));
	const end = asked.start === null ? size : Math.min(asked.end ?? size, size);
	return start < end ? { start, end } : null;
}

/** What `Content-Range` says; null where it is missing, hidden, or says nothing of the size. */
export function parseContentRange(
	header: string | null,
): (ByteRange & { readonly size: number }) | null {
	const match = /^bytes (\d{1,15})-(\d{1,15})\/(\d{1,15})$/.exec(header ?? "");
	if (match === null) return null;
	const [start, end, size] = [Number(match[1]), Number(match[2]) + 1, Number(match[3])];
	return start < end && end <= size ? { start, end, size } : null;
}

export function contentRange({ start, end }: ByteRange, size: number): string {
	return `bytes ${start}-${end - 1}/${size}`;
}

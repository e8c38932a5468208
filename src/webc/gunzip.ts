/**
 * Gzip, as the common tools read it: of several members one after the other, and with zeros behind.
 *
 *     | member | member | 0 0 0 0 |
 *     start     ^ the next header
 *
 * The browser's own decoder takes exactly one member, and does not say where that ends. So a member is
 * decoded up to the next place that looks like a header. Where the decoder finds it cut short, the place
 * was none, and it is decoded up to the one after that; what has been handed on by then is the beginning
 * of the same bytes, and is left out. Four bytes have to fit by chance, so that happens next to never, and
 * an archive that is made of such places is refused.
 */
import { WebcError } from "./error.ts";

/** Places that look like headers and are none. */
const MOST_MISTAKES = 16;
/** Bytes of a header whose values are known, as far as `looksLikeHeader` needs them. */
const HEADER = 10;
/** The shortest member: a header, an empty block, and the sum and length of nothing. */
const SHORTEST = 20;
/** Bytes at the end of a member that may well be zeros: its sum and its length. */
const TRAILER = 8;
const PIECE = 1 << 20;

/** What an archive of gzip unpacks to. Errors: `"bad-archive"`. */
export function gunzip(archive: Blob): ReadableStream<Uint8Array<ArrayBuffer>> {
	const pieces = unpacked(archive);
	return new ReadableStream({
		async pull(controller) {
			const { done, value } = await pieces.next();
			if (done) controller.close();
			else controller.enqueue(value);
		},
		cancel: () => pieces.return().then(() => {}),
	});
}

async function* unpacked(archive: Blob): AsyncGenerator<Uint8Array<ArrayBuffer>, void, void> {
	const end = await withoutZeros(archive);
	let mistakes = 0;
	for (let start = 0; start < end; ) {
		let handedOn = 0;
		let next = start;
		for (const ends = endsOf(archive, start, end); ; ) {
			const { done, value } = await ends.next();
			if (done) throw damaged(start);
			next = value;
			try {
				let at = 0;
				for await (const piece of decoded(archive.slice(start, next))) {
					const known = Math.min(piece.length, Math.max(0, handedOn - at));
					at += piece.length;
					handedOn = Math.max(handedOn, at);
					if (known < piece.length) yield piece.subarray(known);
				}
				break;
			} catch (cause) {
				mistakes += 1;
				if (mistakes === MOST_MISTAKES) throw damaged(start, cause);
			}
		}
		start = next;
	}
}

/** Where the member that begins at `start` may end. */
async function* endsOf(archive: Blob, start: number, end: number): AsyncGenerator<number> {
	let from = start + SHORTEST;
	for (let at = await headerAfter(archive, from, end); at !== null; ) {
		yield at;
		from = at + 1;
		at = await headerAfter(archive, from, end);
	}
	// Without zeros behind it, it ends with the archive.
	if (archive.size - end <= TRAILER) yield archive.size;
	const most = Math.min(end + TRAILER + 1, archive.size);
	for (let at = end; at <= most; at++) yield at;
}

/** The first place from `from` on that looks like the header of a member. */
async function headerAfter(archive: Blob, from: number, end: number): Promise<number | null> {
	for (let at = from; at < end; at += PIECE) {
		const bytes = await bytesOf(archive.slice(at, at + PIECE + HEADER));
		for (let found = bytes.indexOf(0x1f); found >= 0; found = bytes.indexOf(0x1f, found + 1)) {
			if (found >= PIECE) break;
			if (looksLikeHeader(bytes, found)) return at + found;
		}
	}
	return null;
}

function looksLikeHeader(bytes: Uint8Array, at: number): boolean {
	const [, second, method, flags = 0xff] = bytes.subarray(at, at + HEADER);
	return second === 0x8b && method === 8 && (flags & 0xe0) === 0;
}

/** Where the zeros at the end of an archive begin. */
async function withoutZeros(archive: Blob): Promise<number> {
	for (let end = archive.size; end > 0; end -= PIECE) {
		const start = Math.max(0, end - PIECE);
		const bytes = await bytesOf(archive.slice(start, end));
		const last = bytes.findLastIndex((byte) => byte !== 0);
		if (last >= 0) return start + last + 1;
	}
	return 0;
}

async function* decoded(member: Blob): AsyncGenerator<Uint8Array<ArrayBuffer>, void, void> {
	const reader = member.stream().pipeThrough(new DecompressionStream("gzip")).getReader();
	try {
		for (let next = await reader.read(); !next.done; next = await reader.read()) {
			yield next.value;
		}
	} finally {
		reader.cancel().catch(() => {});
	}
}

async function bytesOf(blob: Blob): Promise<Uint8Array> {
	return new Uint8Array(await blob.arrayBuffer());
}

function damaged(offset: number, cause?: unknown): WebcError {
	const what = "The archive is no whole gzip";
	return new WebcError("bad-archive", what, { offset }, cause);
}

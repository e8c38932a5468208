/**
 * Moving bytes. In every browser a short copy is fastest as a loop and a longer one as a call to
 * `set`; the view which that needs is made here, in the innermost place, and dies here.
 */

/** Up to here a loop is faster than a view and a call. */
const LOOP = 16;

export function copyBytes(
	from: Uint8Array,
	start: number,
	into: Uint8Array,
	at: number,
	length: number,
): void {
	if (length <= LOOP) {
		// The caller has checked both ranges, so every index is there.
		for (let i = 0; i < length; i++) into[at + i] = from[start + i] as number;
	} else {
		into.set(from.subarray(start, start + length), at);
	}
}

export function zeroBytes(into: Uint8Array, at: number, length: number): void {
	if (length <= LOOP) for (let i = 0; i < length; i++) into[at + i] = 0;
	else into.fill(0, at, at + length);
}

/**
 * xxHash32: a number that tells whether bytes are those that were written.
 *
 * It guards against accidents, not against people. Four lanes of 32-bit words make it many times as
 * fast as a store is, which a checksum that goes byte by byte is not.
 */

const P1 = 0x9e3779b1 | 0;
const P2 = 0x85ebca77 | 0;
const P3 = 0xc2b2ae3d | 0;
const P4 = 0x27d4eb2f | 0;
const P5 = 0x165667b1 | 0;

/** The checksum of bytes, as an unsigned number. The seed says where they belong, so that they are
 *  not taken for good elsewhere. */
export function checksum(bytes: Uint8Array, seed: number): number {
	// A view of words begins at a multiple of four.
	const aligned = bytes.byteOffset % 4 === 0 ? bytes : bytes.slice();
	const { length } = aligned;
	const words = new Int32Array(aligned.buffer, aligned.byteOffset, length >> 2);
	const lanes = length < 16 ? 0 : (length >> 4) << 2;
	let sum = (lanes === 0 ? seed + P5 : bulk(words, lanes, seed)) + length;
	for (let i = lanes; i < words.length; i++) {
		sum = Math.imul(rotated(sum + Math.imul(words[i] as number, P3), 17), P4);
	}
	for (let i = length & ~3; i < length; i++) {
		sum = Math.imul(rotated(sum + Math.imul(aligned[i] as number, P5), 11), P1);
	}
	sum = Math.imul(sum ^ (sum >>> 15), P2);
	sum = Math.imul(sum ^ (sum >>> 13), P3);
	return (sum ^ (sum >>> 16)) >>> 0;
}

/** What `count` words, a multiple of four, come to. */
function bulk(words: Int32Array, count: number, seed: number): number {
	let a = (seed + P1 + P2) | 0;
	let b = (seed + P2) | 0;
	let c = seed | 0;
	let d = (seed - P1) | 0;
	for (let i = 0; i < count; i += 4) {
		a = mixed(a, words[i] as number);
		b = mixed(b, words[i + 1] as number);
		c = mixed(c, words[i + 2] as number);
		d = mixed(d, words[i + 3] as number);
	}
	return rotated(a, 1) + rotated(b, 7) + rotated(c, 12) + rotated(d, 18);
}

function mixed(lane: number, word: number): number {
	return Math.imul(rotated(lane + Math.imul(word, P2), 13), P1);
}

function rotated(value: number, by: number): number {
	return (value << by) | (value >>> (32 - by));
}

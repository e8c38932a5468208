/**
 * SHA-256 on the spot. The browser's own answers with a promise, and a guest that cannot wait needs
 * to know at once whether the file it reads is the one that its package promises.
 */

const ROUNDS = 64;
const BLOCK = 64;

/** The fractional parts of the roots of the first primes, as the standard defines its constants. */
function roots(count: number, root: number): Uint32Array {
	const words: number[] = [];
	for (let n = 2; words.length < count; n++) {
		let prime = true;
		for (let d = 2; d * d <= n; d++) if (n % d === 0) prime = false;
		if (prime) words.push((n ** (1 / root) % 1) * 0x100000000);
	}
	return Uint32Array.from(words);
}

const INITIAL = roots(8, 2);
const K = roots(ROUNDS, 3);

const rotate = (x: number, by: number) => (x >>> by) | (x << (32 - by));

/** The message, a bit, zeros, and the length in bits: whole blocks. */
function padded(bytes: Uint8Array): DataView {
	const length = Math.ceil((bytes.length + 9) / BLOCK) * BLOCK;
	const all = new Uint8Array(length);
	all.set(bytes);
	all[bytes.length] = 0x80;
	const view = new DataView(all.buffer);
	view.setUint32(length - 8, Math.floor(bytes.length / 0x20000000));
	view.setUint32(length - 4, (bytes.length * 8) >>> 0);
	return view;
}

export function sha256Now(bytes: Uint8Array): Uint8Array {
	const message = padded(bytes);
	const state = INITIAL.slice();
	const w = new Int32Array(ROUNDS);
	for (let at = 0; at < message.byteLength; at += BLOCK) {
		for (let i = 0; i < 16; i++) w[i] = message.getInt32(at + 4 * i);
		compress(state, w);
	}
	const digest = new DataView(new ArrayBuffer(32));
	state.forEach((word, i) => {
		digest.setUint32(4 * i, word);
	});
	return new Uint8Array(digest.buffer);
}

/** Takes one block, the first 16 words of `w`, into the state. */
function compress(state: Uint32Array, w: Int32Array): void {
	for (let i = 16; i < ROUNDS; i++) {
		const x = w[i - 15] as number;
		const y = w[i - 2] as number;
		const s0 = rotate(x, 7) ^ rotate(x, 18) ^ (x >>> 3);
		const s1 = rotate(y, 17) ^ rotate(y, 19) ^ (y >>> 10);
		w[i] = (w[i - 16] as number) + s0 + (w[i - 7] as number) + s1;
	}
	let [a, b, c, d, e, f, g, h] = state as unknown as Octet;
	for (let i = 0; i < ROUNDS; i++) {
		const s1 = rotate(e, 6) ^ rotate(e, 11) ^ rotate(e, 25);
		const t1 = (h + s1 + ((e & f) ^ (~e & g)) + (K[i] as number) + (w[i] as number)) | 0;
		const s0 = rotate(a, 2) ^ rotate(a, 13) ^ rotate(a, 22);
		const t2 = (s0 + ((a & b) ^ (a & c) ^ (b & c))) | 0;
		h = g;
		g = f;
		f = e;
		e = (d + t1) | 0;
		d = c;
		c = b;
		b = a;
		a = (t1 + t2) | 0;
	}
	[a, b, c, d, e, f, g, h].forEach((word, i) => {
		state[i] = (state[i] as number) + word;
	});
}

type Octet = [number, number, number, number, number, number, number, number];

/**
 * Byte strings: joined, compared, ordered.
 */
export function concat(parts: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
	const whole = new Uint8Array(parts.reduce((length, part) => length + part.length, 0));
	let at = 0;
	for (const part of parts) {
		whole.set(part, at);
		at += part.length;
	}
	return whole;
}

export function equal(a: Uint8Array, b: Uint8Array): boolean {
	return a.length === b.length && a.every((byte, i) => byte === b[i]);
}

const encoder = new TextEncoder();

export function utf8(text: string): Uint8Array {
	return encoder.encode(text);
}

/** The order of the raw UTF-8 bytes. `<` on strings compares UTF-16 units, which differs. */
export function byName(a: string, b: string): number {
	const x = utf8(a);
	const y = utf8(b);
	const common = Math.min(x.length, y.length);
	for (let i = 0; i < common; i++) {
		const difference = (x[i] ?? 0) - (y[i] ?? 0);
		if (difference !== 0) return difference;
	}
	return x.length - y.length;
}

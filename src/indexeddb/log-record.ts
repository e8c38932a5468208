/**
 * A record of the log: the changes of one transaction, one after another.
 *
 *     a change:  0 sum  4 kind  5 of what  6 length of name  8 number  16 from, segment
 *                24 to, part  32 length of value  36 name, value
 *
 * The checksum covers the head and the name; the value has a checksum of its own. So a damaged value is
 * reported for the path that it belongs to, like any other damaged record. A change whose head is damaged
 * ends the record: neither this change nor a later one of the record is made, and the caller is told that
 * the record is not whole.
 */
import type { Key, Op } from "./memtable.ts";
import { checksum } from "./xxhash32.ts";

const HEAD = 36;
const OPS: readonly Op["kind"][] = ["put", "delete", "clear", "stored", "last"];
const KEYS: readonly Key[0][] = ["entry", "node", "data", "block"];
const encoder = new TextEncoder();
const decoder = new TextDecoder("utf-8", { ignoreBOM: true });

/** `seed` is the number of the record. */
export function encodeLog(ops: readonly Op[], seed: number): Uint8Array {
	const names = ops.map((op) => encoder.encode(nameOf(op)));
	const lengths = ops.map((op, i) => padded(HEAD + (names[i]?.length ?? 0)) + sizeOf(op));
	const bytes = new Uint8Array(lengths.reduce((sum, length) => sum + padded(length), 0));
	const view = new DataView(bytes.buffer);
	let at = 0;
	for (const [i, op] of ops.entries()) {
		const name = names[i] as Uint8Array;
		const [id, from, to] = numbersOf(op);
		view.setUint8(at + 4, OPS.indexOf(op.kind) + 1);
		view.setUint8(at + 5, "key" in op ? KEYS.indexOf(op.key[0]) + 1 : 0);
		view.setUint16(at + 6, name.length, true);
		view.setFloat64(at + 8, id, true);
		view.setFloat64(at + 16, from, true);
		view.setFloat64(at + 24, to, true);
		view.setUint32(at + 32, sizeOf(op), true);
		bytes.set(name, at + HEAD);
		view.setUint32(at, sumOf(bytes, at, name.length, seed), true);
		if (op.kind === "put") bytes.set(op.value, at + padded(HEAD + name.length));
		at += padded(lengths[i] as number);
	}
	return bytes;
}

/** The changes, as far as they make sense; `whole` tells whether all do. */
export function decodeLog(bytes: Uint8Array, seed: number): { ops: Op[]; whole: boolean } {
	const ops: Op[] = [];
	const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
	for (let at = 0; at < bytes.length; ) {
		if (bytes.length - at < HEAD) return { ops, whole: false };
		const nameLength = view.getUint16(at + 6, true);
		const value = at + padded(HEAD + nameLength);
		const end = value + view.getUint32(at + 32, true);
		const fits = value <= bytes.length && end <= bytes.length;
		if (!fits || view.getUint32(at, true) !== sumOf(bytes, at, nameLength, seed)) {
			return { ops, whole: false };
		}
		const name = bytes.subarray(at + HEAD, at + HEAD + nameLength);
		const op = opOf(view, at, name, bytes.subarray(value, end));
		if (op === null) return { ops, whole: false };
		ops.push(op);
		at = padded(end);
	}
	return { ops, whole: true };
}

function opOf(view: DataView, at: number, name: Uint8Array, value: Uint8Array): Op | null {
	const kind = OPS[view.getUint8(at + 4) - 1];
	const of = KEYS[view.getUint8(at + 5) - 1];
	const id = view.getFloat64(at + 8, true);
	const [from, to] = [view.getFloat64(at + 16, true), view.getFloat64(at + 24, true)];
	if (kind === "clear") return { kind, id, from, to };
	if (kind === "stored" || kind === "last") return { kind, id };
	if (kind === undefined || of === undefined) return null;
	const key = keyOf(of, id, name, from, to);
	return kind === "put" ? { kind, key, value } : { kind, key };
}

function keyOf(of: Key[0], id: number, name: Uint8Array, segment: number, part: number): Key {
	if (of === "entry") return ["entry", id, decoder.decode(name)];
	return of === "data" ? ["data", id, segment, part] : [of, id];
}

function nameOf(op: Op): string {
	return "key" in op && op.key[0] === "entry" ? op.key[2] : "";
}

function numbersOf(op: Op): readonly [id: number, from: number, to: number] {
	if (op.kind === "clear") return [op.id, op.from, op.to];
	if (!("key" in op)) return [op.id, 0, 0];
	return op.key[0] === "data" ? [op.key[1], op.key[2], op.key[3]] : [op.key[1], 0, 0];
}

function sizeOf(op: Op): number {
	return op.kind === "put" ? op.value.length : 0;
}

function sumOf(bytes: Uint8Array, at: number, nameLength: number, seed: number): number {
	return checksum(bytes.subarray(at + 4, at + HEAD + nameLength), seed);
}

/** Values begin at a multiple of four, where a checksum is fastest. */
function padded(length: number): number {
	return (length + 3) & ~3;
}

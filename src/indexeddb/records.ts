/**
 * The records of a database of files, and how they are read without trusting them.
 *
 *     "format"                        → 3
 *     "last"                          → the highest number that a node has
 *     ["log", version]                → the last changes, not yet in the records below (log.ts)
 *     ["spare", number]               → nothing: space in reserve (reserve.ts)
 *     ["entry", directory, name]      → a node, or a reference to one that has several names
 *     ["node", id]                    → a node with several names; 0 is the root
 *     ["data", id, segment, 0]        → bytes: all of a segment …
 *     ["data", id, segment, piece+1]  → … and a piece that has been written since
 *
 * Names lead to nodes, whose numbers lead to bytes. So a renamed directory is one record that moves,
 * however much lies in it. A small file lies in its node and is one record.
 *
 *     a node:  0 type  1 flags  4 links  8 id  16 size  24 accessed  32 modified  40 content  -4 sum
 *
 * Each record of bytes ends with a checksum, whose seed is the key of the record: a record that the disk has
 * damaged, or returned for another key, is recognised, and its file alone is EIO. Format 2 had no log.
 * In format 1 (records-v1.ts) nodes were objects and blocks had no checksum; an object under a name is a
 * reference of format 1.
 */
import type { Listing } from "../store/store.ts";
import { isCount, isRecord, type OldNode, parseOldNode, parseOldReference } from "./records-v1.ts";
import { checksum } from "./xxhash32.ts";

export type Type = Listing["type"];

export interface Node extends OldNode {
	/** All of a small file. */
	content: Uint8Array;
	/** Its bytes are still in the blocks of format 1. */
	old: boolean;
}

/** The record of a name whose node has several names. */
export interface Reference {
	readonly id: number;
	readonly type: Type;
}

/** A record that makes no sense. */
export class Damaged extends Error {}

export const FORMAT = 3;
/** Bytes that are stored as one record. Chromium keeps a large value in a file of its own, which is fast by the
 *  byte and slow by the file; half a MiB writes as fast as more, and a program that reads a little of it does
 *  not wait for more. */
export const SEGMENT = 1 << 19;
/** Bytes that a small change of a segment stores; a page of most databases. */
export const PIECE = 4096;
/** The largest file whose bytes are stored in its node. */
export const INLINE = 4096;
export const NOTHING: Uint8Array = new Uint8Array(0);

const HEAD = 40;
const SUM = 4;
const TYPES: readonly Type[] = ["file", "directory", "symlink"];
const REFERENCE = 1;
const OLD = 2;
const encoder = new TextEncoder();

export function newNode(id: number, type: Type, target: string, time: bigint): Node {
	const times = { accessed: time, modified: time };
	return { id, type, size: 0, links: 1, ...times, target, content: NOTHING, old: false };
}

/** Whether the bytes of a file are all in its node. */
export function isInline(node: Node): boolean {
	return node.content.length === node.size;
}

// --- where things are ---

/** The checksum seed of the record of a name. */
export function seedOf(directory: number, name: string): number {
	return checksum(encoder.encode(name), directory | 0);
}

export function seedOfData(id: number, segment: number, part: number): number {
	return (Math.imul(id, 0x9e3779b1) ^ Math.imul(segment + 1, 0x85ebca77)) + part;
}

/** All keys that begin so: an array sorts after every string and number. */
export function under(...start: (string | number)[]): IDBKeyRange {
	return IDBKeyRange.bound(start, [...start, []]);
}

/** Segment and part of the key of bytes. */
export function partOf(key: IDBValidKey): readonly [segment: number, part: number] {
	const [, , segment, part]: unknown[] = Array.isArray(key) ? key : [];
	const most = SEGMENT / PIECE;
	if (!isCount(segment) || !isCount(part) || part > most) throw new Damaged("a key is damaged");
	return [segment, part];
}

// --- what they hold ---

/** A copy with space for the checksum behind it: `seal` does not copy it again. */
export function withSpaceForSum(bytes: Uint8Array): Uint8Array {
	const sealed = new Uint8Array(bytes.length + SUM);
	sealed.set(bytes);
	return sealed.subarray(0, bytes.length);
}

/** Bytes with their checksum, as they are stored. */
export function seal(bytes: Uint8Array, seed: number): Uint8Array {
	const hasSpace = bytes.byteOffset === 0 && bytes.buffer.byteLength === bytes.length + SUM;
	const sealed = new Uint8Array((hasSpace ? bytes : withSpaceForSum(bytes)).buffer);
	const sum = checksum(bytes, seed);
	new DataView(sealed.buffer).setUint32(bytes.length, sum, true);
	return sealed;
}

/** The bytes of a sealed record. Errors: Damaged. */
export function unseal(value: unknown, seed: number, most: number): Uint8Array {
	if (!(value instanceof Uint8Array) || value.length < SUM || value.length > most + SUM) {
		throw new Damaged("a record in it is damaged");
	}
	const bytes = value.subarray(0, -SUM);
	const view = new DataView(value.buffer, value.byteOffset, value.length);
	if (view.getUint32(bytes.length, true) !== checksum(bytes, seed)) {
		throw new Damaged("a record in it does not match its checksum");
	}
	return bytes;
}

export function encodeNode(node: Node, seed: number): Uint8Array {
	const content = node.type === "symlink" ? encoder.encode(node.target) : node.content;
	const bytes = new Uint8Array(HEAD + content.length);
	const view = new DataView(bytes.buffer);
	view.setUint8(0, TYPES.indexOf(node.type) + 1);
	view.setUint8(1, node.old ? OLD : 0);
	view.setUint32(4, node.links, true);
	view.setFloat64(8, node.id, true);
	view.setFloat64(16, node.size, true);
	view.setBigUint64(24, node.accessed, true);
	view.setBigUint64(32, node.modified, true);
	bytes.set(content, HEAD);
	return seal(bytes, seed);
}

export function encodeReference({ id, type }: Reference, seed: number): Uint8Array {
	const bytes = new Uint8Array(16);
	const view = new DataView(bytes.buffer);
	view.setUint8(0, TYPES.indexOf(type) + 1);
	view.setUint8(1, REFERENCE);
	view.setFloat64(8, id, true);
	return seal(bytes, seed);
}

/** The node or reference that is stored under a name. Errors: Damaged. */
export function decodeEntry(value: unknown, seed: number): Node | Reference {
	if (!(value instanceof Uint8Array)) return required(parseOldReference(value));
	const bytes = unseal(value, seed, HEAD + SEGMENT);
	const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
	if (bytes.length < 16) throw new Damaged("a name in it leads nowhere");
	const type = required(TYPES[view.getUint8(0) - 1]);
	const flags = view.getUint8(1);
	const id = view.getFloat64(8, true);
	if (!isCount(id)) throw new Damaged("a node in it has no number");
	if (flags & REFERENCE) return { id, type };
	const [links, size] = [view.getUint32(4, true), view.getFloat64(16, true)];
	if (bytes.length < HEAD || !isCount(size)) throw new Damaged(`a ${type} in it is damaged`);
	const times = { accessed: view.getBigUint64(24, true), modified: view.getBigUint64(32, true) };
	const content = bytes.subarray(HEAD);
	const target = type === "symlink" ? new TextDecoder().decode(content) : "";
	const own = type === "file" ? content : NOTHING;
	return { id, type, size, links, ...times, target, content: own, old: (flags & OLD) !== 0 };
}

/** A node that has a record of its own. */
export function decodeNode(value: unknown, { id, type }: Reference): Node {
	if (isRecord(value) && !(value instanceof Uint8Array)) {
		const node = required(parseOldNode(value, id, type));
		return { ...node, content: NOTHING, old: type === "file" && node.size > 0 };
	}
	const node = decodeEntry(value, id);
	if (!("size" in node) || node.id !== id) throw new Damaged(`a ${type} in it is missing`);
	return node;
}

export function isNode(entry: Node | Reference): entry is Node {
	return "size" in entry;
}

function required<T>(value: T | undefined): T {
	if (value === undefined) throw new Damaged("a name in it leads nowhere");
	return value;
}

/**
 * Format 1 of the database, which is still read, because users have files in it.
 *
 *     ["entry", directory, name] → { id, type }
 *     ["node", id]               → { size, links, accessed, modified, target }
 *     ["block", id, index]       → Uint8Array, 32 KiB of a file; blocks that are all hole are not there
 *
 * A node is written in the format of today when it changes, and its bytes when they do.
 */
import type { Listing, Times } from "../store/store.ts";

export interface OldNode extends Times {
	readonly id: number;
	readonly type: Listing["type"];
	/** Bytes of a file. */
	size: number;
	/** How many names it has. */
	links: number;
	/** Of a symlink. */
	readonly target: string;
}

export const OLD_BLOCK = 32768;

export function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
	return typeof value === "object" && value !== null;
}

export function isCount(value: unknown): value is number {
	return Number.isSafeInteger(value) && (value as number) >= 0;
}

/** Undefined for a value of another kind. */
export function parseOldReference(
	value: unknown,
): { id: number; type: Listing["type"] } | undefined {
	if (!isRecord(value) || !isCount(value.id)) return undefined;
	const { id, type } = value;
	if (type !== "file" && type !== "directory" && type !== "symlink") return undefined;
	return { id, type };
}

/** Undefined for a value of another kind. */
export function parseOldNode(
	value: Readonly<Record<string, unknown>>,
	id: number,
	type: Listing["type"],
): OldNode | undefined {
	const { size, links, accessed, modified, target } = value;
	const fine =
		isCount(size) &&
		isCount(links) &&
		typeof accessed === "bigint" &&
		typeof modified === "bigint" &&
		typeof target === "string";
	return fine ? { id, type, size, links, accessed, modified, target } : undefined;
}

/** Block and index of one that is stored; undefined for what is none. */
export function parseOldBlock(
	key: IDBValidKey,
	value: unknown,
): readonly [index: number, block: Uint8Array] | undefined {
	const index: unknown = Array.isArray(key) ? key[2] : undefined;
	const fine = isCount(index) && value instanceof Uint8Array && value.length <= OLD_BLOCK;
	return fine ? [index, value] : undefined;
}

/**
 * What was built of Maps, in the form in which CBOR is read.
 */
import type { Table } from "./cbor.ts";

/** A Map and all Maps in it as tables. */
export function plainMap(map: ReadonlyMap<unknown, unknown>): Table {
	const result: Record<string, unknown> = Object.create(null);
	for (const [key, value] of map) result[String(key)] = plain(value);
	return result;
}

function plain(value: unknown): unknown {
	if (value instanceof Map) return plainMap(value);
	return Array.isArray(value) ? value.map(plain) : value;
}

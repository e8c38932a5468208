/**
 * CBOR, written: in the order given, in shortest forms and definite lengths, as all known packers
 * write it.
 */
import { encode } from "cborg";

export function encodeMap(map: unknown): Uint8Array {
	// cborg would sort keys by length otherwise.
	return encode(map, { mapSorter: () => 0 });
}

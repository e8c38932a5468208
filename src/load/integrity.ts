/**
 * `integrity`, as in Subresource Integrity: the whole package against a digest that the page knows.
 * Loaded late, by those who ask for it.
 */
import { PortholeError } from "../abi/error.ts";

const algorithms = new Map([
	["sha256", "SHA-256"],
	["sha384", "SHA-384"],
	["sha512", "SHA-512"],
]);

/** As Subresource Integrity: of several hashes of the strongest kind one must match. */
export async function checkIntegrity(bytes: Uint8Array, integrity: string): Promise<void> {
	const hashes = integrity.trim().split(/\s+/).map(parseHash);
	const strongest = hashes
		.map((hash) => hash.kind)
		.sort()
		.at(-1);
	const wanted = hashes.filter((hash) => hash.kind === strongest);
	const name = algorithms.get(strongest ?? "");
	if (name === undefined) throw badIntegrity(integrity);
	if (globalThis.crypto?.subtle === undefined) {
		throw new PortholeError(
			"not-supported",
			"`integrity` needs a secure context: serve the page by https or from localhost",
		);
	}
	const digest = await crypto.subtle.digest(name, bytes as Uint8Array<ArrayBuffer>);
	const found = btoa(String.fromCharCode(...new Uint8Array(digest)));
	if (wanted.some((hash) => hash.value === found)) return;
	throw new PortholeError(
		"integrity",
		`the package is not the one expected: its hash is ${strongest}-${found}, not ${integrity}`,
	);
}

function parseHash(text: string): { kind: string; value: string } {
	const [, kind, value] = /^(sha(?:256|384|512))-([A-Za-z0-9+/]+={0,2})(?:\?.*)?$/.exec(text) ?? [];
	if (kind === undefined || value === undefined) throw badIntegrity(text);
	return { kind, value };
}

function badIntegrity(text: string): PortholeError {
	return new PortholeError(
		"invalid-option",
		`integrity is "sha256-<base64>" (or sha384-, sha512-), not ${JSON.stringify(text)}`,
	);
}

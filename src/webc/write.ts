/**
 * Writes a container: the inverse of `read.ts`.
 *
 * All sizes are known before the first byte is written, so the file is allocated once and filled in
 * place. What has the same contents becomes the same bytes as from the reference packager.
 */

import type { PackageDefinition } from "./definition.ts";
import { sha256 } from "./digest.ts";
import { encodeMap } from "./encode.ts";
import { checkOptions } from "./options.ts";
import { writeV1 } from "./write-v1.ts";
import { writeV3 } from "./write-v3.ts";
import { inOrder, sortTree, type WriterInput } from "./writer.ts";

const wasmKind = "https://webc.org/kind/wasm";

/** Where the keys of a manifest stand, as the reference writes them. */
const manifestOrder = ["use", "package", "atoms", "commands", "bindings", "entrypoint"];

const parts: Readonly<Record<keyof PackageDefinition, unknown>> = {
	format: 0,
	manifest: 0,
	atoms: 0,
	volumes: 0,
	checksum: 0,
};

/** Rejects with a WebcError: "bad-definition" where the package cannot be written in its format,
 *  "invalid-option" for a part that no definition has. */
export async function writePackage(definition: PackageDefinition): Promise<Uint8Array> {
	await checkOptions("writePackage", definition, parts);
	const format = definition.format ?? 3;
	const atoms = definition.atoms ?? new Map<string, Uint8Array>();
	const sorted: WriterInput = {
		manifest: await manifestBytes(definition.manifest, atoms),
		atoms: sortTree(atoms),
		volumes: inOrder(definition.volumes ?? new Map()).map(([name, tree]) => ({
			name,
			root: sortTree(tree),
		})),
		checksum: definition.checksum ?? true,
	};
	return format === 1 ? writeV1(sorted) : writeV3(sorted, format);
}

async function manifestBytes(
	manifest: unknown,
	atoms: ReadonlyMap<string, Uint8Array>,
): Promise<Uint8Array> {
	if (manifest instanceof Uint8Array) return manifest;
	const map = asMap(manifest);
	const described = asMap(map.get("atoms"));
	const unknown = inOrder(atoms).filter(([name]) => !described.has(name));
	if (unknown.length === 0) return encodeMap(map);
	for (const [name, bytes] of unknown) described.set(name, await describeAtom(bytes));
	map.set("atoms", described);
	const place = (key: unknown) => manifestOrder.indexOf(String(key)) >>> 0; // -1 goes last.
	return encodeMap(new Map([...map].sort(([a], [b]) => place(a) - place(b))));
}

/** What a manifest says of an atom. What other readers do not know is below `annotations`, which they leave alone. */
export async function describeAtom(
	bytes: Uint8Array,
	kind = wasmKind,
	interruptible = false,
): Promise<ReadonlyMap<string, unknown>> {
	const digest = btoa(String.fromCharCode(...(await sha256(bytes))));
	const described = new Map<string, unknown>([
		["kind", kind],
		["signature", `sha256:${digest}`],
	]);
	if (!interruptible) return described;
	return described.set("annotations", new Map([["porthole", new Map([["interruptible", true]])]]));
}

function asMap(value: unknown): Map<unknown, unknown> {
	return new Map(value instanceof Map ? value : Object.entries(value ?? {}));
}

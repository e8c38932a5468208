/**
 * A package for tests of reading in parts: a program and two files, each of several blocks, of bytes
 * that are different everywhere.
 */
import type * as Webc from "../src/webc/index.ts";

/** Bytes of the container. */
export interface Range {
	readonly start: number;
	readonly end: number;
}

export interface Sample {
	readonly file: Uint8Array;
	/** Where the program `seven` lies, and `/data/late.bin`. */
	readonly atom: Range;
	readonly late: Range;
}

/** Bytes that do not repeat: a piece of them in another place is noticed. */
export function noise(length: number): Uint8Array {
	const bytes = new Uint8Array(length);
	let state = 12345;
	for (let at = 0; at < length; at++) {
		state = (Math.imul(state, 1103515245) + 12345) >>> 0;
		bytes[at] = state >>> 16;
	}
	return bytes;
}

/** A module that ends with 7, and has a custom section of more than a megabyte. */
function program(): Uint8Array {
	const name = (text: string) => [text.length, ...Buffer.from(text)];
	const start = [
		...[0, 0x61, 0x73, 0x6d, 1, 0, 0, 0],
		...[1, 8, 2, 0x60, 1, 0x7f, 0, 0x60, 0, 0],
		...[2, 36, 1, ...name("wasi_snapshot_preview1"), ...name("proc_exit"), 0, 0],
		...[3, 2, 1, 1],
		...[5, 3, 1, 0, 1],
		...[7, 19, 2, ...name("memory"), 2, 0, ...name("_start"), 0, 1],
		...[10, 8, 1, 6, 0, 0x41, 7, 0x10, 0, 0x0b],
	];
	const padding = noise(1_200_000);
	const size = padding.length + 4;
	const leb = [(size & 127) | 128, ((size >> 7) & 127) | 128, size >> 14];
	return Buffer.concat([Buffer.from(start), Buffer.from([0, ...leb, ...name("pad")]), padding]);
}

export async function samplePackage(): Promise<Sample> {
	const built = new URL("../dist/webc.js", import.meta.url).href;
	const { readPackage, writePackage } = (await import(built)) as typeof Webc;
	const file = await writePackage({
		manifest: {
			package: {
				wapm: { name: "tests/faults", version: "1.0.0" },
				fs: [{ from: null, volume_name: "files", host_path: null, mount_path: "/data" }],
			},
			commands: new Map([["seven", { runner: "https://webc.org/runner/wasi", annotations: {} }]]),
			entrypoint: "seven",
		},
		atoms: new Map([["seven", program()]]),
		volumes: new Map([
			[
				"files",
				new Map([
					["early.bin", noise(300_000)],
					["late.bin", noise(700_000)],
				]),
			],
		]),
	});
	const { atoms, volumes } = await readPackage(file);
	const range = (found: unknown): Range => {
		const { start, length } = found as Webc.Span;
		return { start, end: start + length };
	};
	return {
		file,
		atom: range(atoms.get("seven")),
		late: range(volumes[0]?.tree.get("late.bin")),
	};
}

/**
 * Random and damaged containers, which may be refused in one way only: by a WebcError, soon.
 *
 * Memory is watched too: a length that is believed before it is checked shows as an allocation. A
 * failure prints the seed that repeats it.
 */
import { decodeFirst } from "cborg";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { runs } from "../abi/random.testkit.ts";
import { decodeMap } from "./cbor.ts";
import type { DirectoryDefinition, FileDefinition, PackageDefinition } from "./definition.ts";
import { encodeMap } from "./encode.ts";
import { bytesSource, readDefinition, readPackage, WebcError, writePackage } from "./index.ts";
import { plainMap } from "./plain-map.ts";

// --- arbitraries ---

const name = fc
	.oneof(
		fc.constantFrom(
			"a",
			"b",
			"__proto__",
			"constructor",
			"z.txt",
			"é",
			"\u{1f600}",
			"\ufffd",
			"\ufeff",
		),
		fc.string({ unit: "grapheme", minLength: 1, maxLength: 12 }),
	)
	.filter((text) => !/[/\0]/.test(text) && text !== "." && text !== ".." && text.isWellFormed());

const content = fc.uint8Array({ maxLength: 40 });
const modified = fc.integer({ min: 0, max: 2 ** 40 });

type Node = DirectoryDefinition | FileDefinition | string;

function directory(depth: number, links: boolean): fc.Arbitrary<DirectoryDefinition> {
	const file: fc.Arbitrary<Node> = fc.record({ bytes: content, modified });
	const leaves = links ? [file, name] : [file];
	const node = depth > 0 ? fc.oneof(...leaves, directory(depth - 1, links)) : fc.oneof(...leaves);
	return fc
		.array(fc.tuple(name, node), { maxLength: 4 })
		.map((entries) => new Map(entries) as DirectoryDefinition);
}

const definition: fc.Arbitrary<PackageDefinition> = fc
	.constantFrom(1 as const, 2 as const, 3 as const)
	.chain((format) =>
		fc.record({
			format: fc.constant(format),
			manifest: fc.record({ package: fc.record({ wapm: fc.record({ name }) }) }),
			atoms: fc.array(fc.tuple(name, content), { maxLength: 3 }).map((atoms) => new Map(atoms)),
			volumes: fc
				.array(fc.tuple(name, directory(3, format === 3)), { maxLength: 3 })
				.map((volumes) => new Map(volumes)),
			checksum: fc.boolean(),
		}),
	);

/** What is done to a container: bytes overwritten, taken out, put in, or the end cut off. */
const damage = fc.array(
	fc.oneof(
		fc.record({ at: fc.nat(), byte: fc.nat(255) }),
		fc.record({ at: fc.nat(), take: fc.nat(40) }),
		fc.record({ at: fc.nat(), put: fc.uint8Array({ minLength: 1, maxLength: 12 }) }),
		fc.record({ at: fc.nat(), u64: fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }) }),
		fc.record({ at: fc.nat(), move: fc.nat(), length: fc.nat(60) }),
	),
	{ minLength: 1, maxLength: 4 },
);

type Damage = (typeof damage extends fc.Arbitrary<infer T> ? T : never)[number];

function damaged(bytes: Uint8Array, one: Damage): Uint8Array {
	const at = one.at % (bytes.length + 1);
	const out = Buffer.from(bytes);
	if ("byte" in one) {
		if (at < out.length) out[at] = one.byte;
		return new Uint8Array(out);
	}
	if ("u64" in one) {
		if (at + 8 <= out.length) out.writeBigUInt64LE(one.u64, at);
		return new Uint8Array(out);
	}
	if ("move" in one) {
		out.copy(out, at, one.move % (bytes.length + 1), (one.move % (bytes.length + 1)) + one.length);
		return new Uint8Array(out);
	}
	const [gone, put] = "take" in one ? [one.take, Buffer.of()] : [0, one.put];
	return new Uint8Array(Buffer.concat([out.subarray(0, at), put, out.subarray(at + gone)]));
}

// --- properties ---

/** Reads, lazily and whole, and allows one kind of failure. */
async function survives(bytes: Uint8Array): Promise<void> {
	const { read } = bytesSource(bytes);
	const attempts = [
		() => readPackage(bytes),
		() => readPackage(bytes, { verify: false }),
		() => readPackage({ size: bytes.length, read }),
	];
	for (const attempt of attempts) {
		try {
			await attempt();
		} catch (error) {
			if (!(error instanceof WebcError)) throw error;
		}
	}
}

const twoSeconds = { interruptAfterTimeLimit: 2000, ...runs(200) };

test("what is written is read, and written again to the same bytes", async () => {
	const property = fc.asyncProperty(definition, async (given) => {
		const bytes = await writePackage(given);
		const again = await readDefinition(await readPackage(bytes));
		expect(Buffer.compare(await writePackage(again), bytes)).toBe(0);
		expect(plain(again.volumes)).toEqual(plain(given.volumes, given.format));
		expect(again.atoms).toEqual(sortedMap(given.atoms));
	});
	await fc.assert(property, twoSeconds);
});

/** A tree without what its format does not keep. */
function plain(tree: unknown, format: number | undefined = 3): unknown {
	if (typeof tree === "string" || tree === undefined) return tree;
	if (!(tree instanceof Map)) {
		const { bytes, modified } = tree as FileDefinition;
		return { bytes: [...bytes], modified: format === 3 && modified ? modified : 0 };
	}
	return Object.fromEntries([...tree].map(([key, value]) => [`/${key}`, plain(value, format)]));
}

function sortedMap<T>(map: ReadonlyMap<string, T> | undefined): Map<string, T> {
	return new Map(
		[...(map ?? [])].sort(([a], [b]) => Buffer.compare(Buffer.from(a), Buffer.from(b))),
	);
}

test("damaged containers are read or refused", async () => {
	const property = fc.asyncProperty(definition, damage, async (given, damages) => {
		await survives(damages.reduce(damaged, await writePackage(given)));
	});
	await fc.assert(property, twoSeconds);
});

test("damage anywhere in the first kilobytes is noticed or harmless", async () => {
	const whole = await writePackage({
		manifest: { package: { wapm: { name: "n/a" } } },
		atoms: new Map([["a", new Uint8Array(100)]]),
		volumes: new Map([["/v", new Map([["d", new Map([["f", new Uint8Array(10)]])]])]]),
	});
	for (let at = 0; at < whole.length; at++) {
		for (const flip of [1, 0xff]) {
			const bytes = whole.slice();
			bytes[at] = (bytes[at] ?? 0) ^ flip;
			await survives(bytes);
		}
	}
});

test("random bytes behind a magic number are refused", async () => {
	const magic = fc.constantFrom(
		"\0webc001",
		"\0webc002",
		"\0webc003",
		"\0asm",
		"\x1f\x8b\x08\0",
		"",
	);
	const bytes = fc.uint8Array({ maxLength: 3000, size: "max" });
	const property = fc.asyncProperty(magic, bytes, async (start, rest) => {
		await survives(new Uint8Array(Buffer.concat([Buffer.from(start, "latin1"), rest])));
	});
	await fc.assert(property, twoSeconds);
});

test("no length is believed before it is checked", async () => {
	const huge = Buffer.alloc(8);
	huge.writeBigUInt64LE(2n ** 40n);
	const whole = Buffer.from(
		await writePackage({
			format: 1,
			manifest: {},
			volumes: new Map([["atom", new Map([["f", new Uint8Array(10)]])]]),
		}),
	);
	const before = process.memoryUsage().arrayBuffers;
	let most = 0;
	for (let at = 0; at < whole.length; at++) {
		const bytes = new Uint8Array(whole);
		bytes.set(huge.subarray(0, Math.min(8, whole.length - at)), at);
		await survives(bytes);
		most = Math.max(most, process.memoryUsage().arrayBuffers - before);
	}
	expect(most).toBeLessThan(64 * 1024 * 1024);
});

describe("CBOR", () => {
	// Objects move keys that look like indices to the front.
	const key = fc.string({ maxLength: 9 }).filter((text) => !/^\d+$/.test(text));
	const value = fc.letrec((tie) => ({
		value: fc.oneof(
			{ maxDepth: 4 },
			fc.string({ unit: "binary" }).filter((text) => text.isWellFormed()),
			fc.integer(),
			fc.bigInt({ min: -(2n ** 63n), max: 2n ** 64n - 1n }),
			fc.double({ noNaN: true }),
			fc.boolean(),
			fc.constant(null),
			fc.uint8Array({ maxLength: 30 }),
			fc.array(tie("value"), { maxLength: 4 }),
			tie("map"),
		),
		map: fc.array(fc.tuple(key, tie("value")), { maxLength: 5 }).map((entries) => new Map(entries)),
	}));

	test("what is encoded is decoded, to the last byte and in order", () => {
		const property = fc.property(value.map, (map) => {
			const bytes = encodeMap(map);
			const [table, length] = decodeMap(new Uint8Array([...bytes, 0, 1]), 64, {});
			expect(length).toBe(bytes.length);
			expect(encodeMap(table)).toEqual(bytes);
		});
		fc.assert(property, twoSeconds);
	});

	/** A map from random bytes: mostly broken, sometimes in ways that only one of two notices. */
	const random = fc
		.array(
			fc.oneof(
				fc.uint8Array({ minLength: 1, maxLength: 3 }),
				fc.constantFrom(...["a161610", "9f", "bf", "ff", "f97e00", "fb", "1b", "6161"].map(hex)),
				value.map.map(encodeMap),
			),
			{ maxLength: 6 },
		)
		.map(
			(parts) =>
				new Uint8Array(Buffer.concat([Buffer.of(0xbf, 0x61, 0x78), ...parts, Buffer.of(0xff)])),
		);

	test("what two decoders accept is the same to both, and the rest is refused", () => {
		let agreed = 0;
		const property = fc.property(random, (bytes) => {
			const theirs = attempt(() =>
				decodeFirst(bytes, { useMaps: true, rejectDuplicateMapKeys: true }),
			);
			const ours = attempt(() => decodeMap(bytes, 64, {}));
			if (!ours || !theirs) return;
			agreed += 1;
			expect(ours).toEqual([plainMap(theirs[0]), bytes.length - theirs[1].length]);
		});
		fc.assert(property, { ...twoSeconds, ...runs(3000) });
		expect(agreed).toBeGreaterThan(100);
	});
});

const hex = (digits: string) => new Uint8Array(Buffer.from(digits, "hex"));

/** Undefined where it refuses in its own way. */
function attempt<T>(decode: () => T): T | undefined {
	try {
		return decode();
	} catch (error) {
		if (error instanceof WebcError || /^CBOR decode error/.test(String((error as Error).message))) {
			return undefined;
		}
		throw error;
	}
}

/**
 * Gzip of one member and of several, with zeros behind, and damaged. Browsers refuse what follows the
 * first member and Node does not, so the decoder is one here that refuses it.
 */
import { deflateRawSync, gzipSync, inflateRawSync } from "node:zlib";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { dice, seeds, withSeed } from "../abi/random.testkit.ts";
import { gunzip } from "./gunzip.ts";

const HEADER = 10;
const TRAILER = 8;

/** `DecompressionStream` of a browser, for headers without a name. Notes how many members it decodes. */
class Strict {
	static decoded = 0;
	readonly readable: ReadableStream<Uint8Array>;
	readonly writable: WritableStream<Uint8Array>;

	constructor() {
		Strict.decoded += 1;
		const chunks: Uint8Array[] = [];
		const { readable, writable } = new TransformStream<Uint8Array, Uint8Array>({
			transform: (chunk) => void chunks.push(chunk),
			flush: (controller) => {
				const bytes = Buffer.concat(chunks);
				// What is there is handed on before the end is found missing.
				const sync = { info: true, finishFlush: 2 } as const;
				const { buffer, engine } = inflateRawSync(bytes.subarray(HEADER), sync) as unknown as {
					buffer: Buffer;
					engine: { bytesWritten: number };
				};
				controller.enqueue(new Uint8Array(buffer));
				const end = HEADER + engine.bytesWritten + TRAILER;
				if (bytes.length !== end) throw new TypeError(bytes.length < end ? "truncated" : "junk");
				const right = gzipSync(buffer).subarray(-TRAILER);
				if (!right.equals(bytes.subarray(end - TRAILER))) throw new TypeError("wrong sum");
			},
		});
		this.readable = readable;
		this.writable = writable;
	}
}

beforeEach(() => {
	Strict.decoded = 0;
	vi.stubGlobal("DecompressionStream", Strict);
});
afterEach(() => void vi.unstubAllGlobals());

async function unpack(...parts: Uint8Array[]): Promise<Buffer> {
	const stream = gunzip(new Blob(parts as BlobPart[]));
	return Buffer.from(await new Response(stream).arrayBuffer());
}

const noise = (d: (sides: number) => number, length: number) =>
	Buffer.from(Array.from({ length }, () => (d(3) === 0 ? d(256) : 0)));

test("one member is decoded once", async () => {
	const content = Buffer.from("content".repeat(1000));
	expect(await unpack(gzipSync(content))).toEqual(content);
	expect(Strict.decoded).toBe(1);
});

test("several members are decoded once each", async () => {
	const contents = Array.from({ length: 20 }, (_, n) => Buffer.from(`${n} `.repeat(n * 100)));
	expect(await unpack(...contents.map((content) => gzipSync(content)))).toEqual(
		Buffer.concat(contents),
	);
	expect(Strict.decoded).toBeLessThan(30);
});

test.each([0, 1, 8, 9, 512, 3_000_000])("%d zeros behind do not count", async (zeros) => {
	for (const content of [Buffer.from("content"), Buffer.alloc(0), Buffer.alloc(100_000)]) {
		expect(await unpack(gzipSync(content), new Uint8Array(zeros))).toEqual(content);
	}
});

test("what looks like a header in the midst is none", async () => {
	const content = Buffer.from(gzipSync("inner"));
	// Stored, and not compressed, so that it stands there as it is.
	const outer = gzipSync(Buffer.concat([content, content]), { level: 0 });
	expect(await unpack(outer, gzipSync("next"))).toEqual(
		Buffer.concat([content, content, Buffer.from("next")]),
	);
});

test("what is damaged, cut short or followed by something else is refused", async () => {
	const whole = gzipSync("content".repeat(1000));
	const wrong = Buffer.from(whole);
	wrong[wrong.length - 6] = (wrong.at(-6) ?? 0) ^ 1;
	const cases = [
		[whole.subarray(0, -1)],
		[whole.subarray(0, 30)],
		[wrong],
		[whole, Buffer.from("something else")],
		[whole, whole.subarray(0, -20)],
		// Many places that look like headers.
		[gzipSync(Buffer.alloc(4000, Buffer.from([0x1f, 0x8b, 8, 0])), { level: 0 }).subarray(0, -9)],
	];
	for (const parts of cases) {
		await expect(unpack(...parts)).rejects.toMatchObject({ code: "bad-archive" });
	}
	expect(Strict.decoded).toBeLessThan(100);
});

test("at random: members of any length, with any number of zeros behind", async () => {
	for (const seed of seeds(50)) {
		const d = dice(seed);
		try {
			const contents = Array.from({ length: 1 + d(4) }, () => noise(d, d(5000)));
			const members = contents.map((content) => gzipSync(content, { level: d(10) }));
			const zeros = new Uint8Array(d(2) * d(2000));
			expect(await unpack(...members, zeros)).toEqual(Buffer.concat(contents));
		} catch (error) {
			throw withSeed(seed, error);
		}
	}
});

test("the decoder of this file refuses as browsers do", () => {
	expect(deflateRawSync("x").length + HEADER + TRAILER).toBe(gzipSync("x").length);
});

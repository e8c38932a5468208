/**
 * Sources of bytes: what they give, what they refuse, and how often they are asked.
 */
import { expect, test, vi } from "vitest";
import {
	type ByteSource,
	blobSource,
	bytesSource,
	openPackage,
	readPackage,
	type Span,
	verifySpan,
	writePackage,
} from "./index.ts";

const digits = new TextEncoder().encode("0123456789");

const sample = (size = 10) =>
	writePackage({
		manifest: { package: { wapm: { name: "n/a" }, fs: [{ volume_name: "/v", mount_path: "/" }] } },
		volumes: new Map([["/v", new Map([["f", new Uint8Array(size).fill(7)]])]]),
	});

test.each([
	["bytes", bytesSource(digits)],
	["an ArrayBuffer", bytesSource(digits.slice().buffer)],
	["a Buffer", bytesSource(Buffer.from(digits))],
	["a Blob", blobSource(new Blob([digits]))],
])("%s are read exactly, or not at all", async (_, source) => {
	expect(source.size).toBe(10);
	expect([...(await source.read(2, 3))]).toEqual([0x32, 0x33, 0x34]);
	expect((await source.read(10, 0)).length).toBe(0);
	for (const [offset, length] of [
		[8, 3],
		[11, 0],
		[-1, 2],
		[0, -1],
		[2 ** 53, 2 ** 53],
	] as const) {
		await expect(source.read(offset, length)).rejects.toMatchObject({ code: "truncated" });
	}
});

test("bytes in memory are never copied", async () => {
	const bytes = await sample();
	const found = await readPackage(bytes);
	const span = found.volumes[0]?.tree.get("f") as Span;
	expect((await found.source.read(span.start, span.length)).buffer).toBe(bytes.buffer);
	expect(found.manifestBytes?.buffer).toBe(bytes.buffer);
});

test("shared memory is", async () => {
	const bytes = await sample();
	const shared = new Uint8Array(new SharedArrayBuffer(bytes.length));
	shared.set(bytes);
	const found = await readPackage(shared);
	shared.fill(0);
	const span = found.volumes[0]?.tree.get("f") as Span;
	expect((await verifySpan(found.source, span))[0]).toBe(7);
});

test("verifying a checksum of version 1 does not touch the bytes", async () => {
	const bytes = Buffer.from(await writePackage({ format: 1, manifest: {}, checksum: true }));
	const before = Buffer.from(bytes);
	await readPackage(bytes);
	expect(Buffer.compare(bytes, before)).toBe(0);
});

test("a source that gives less than it promised is refused", async () => {
	const bytes = await sample();
	const source: ByteSource = {
		size: bytes.length,
		read: async (offset, length) => bytes.slice(offset, offset + length - 1),
	};
	await expect(readPackage(source)).rejects.toMatchObject({ code: "truncated" });
});

test("what a source throws comes through", async () => {
	const lost = new Error("the network is gone");
	const source: ByteSource = { size: 5000, read: () => Promise.reject(lost) };
	await expect(readPackage(source)).rejects.toBe(lost);
});

test("contents are not read before they are wanted, and verified then", async () => {
	const bytes = await sample(1_000_000);
	const read: [number, number][] = [];
	const source: ByteSource = {
		size: bytes.length,
		read: async (offset, length) => {
			read.push([offset, length]);
			return bytes.slice(offset, offset + length);
		},
	};
	const found = await readPackage(source);
	expect(read.reduce((sum, [, length]) => sum + length, 0)).toBeLessThan(10_000);
	const span = found.volumes[0]?.tree.get("f") as Span;
	expect((await verifySpan(source, span)).length).toBe(1_000_000);
	bytes[span.start + 5] = 0;
	await expect(verifySpan(source, span, "/f")).rejects.toMatchObject({
		code: "checksum",
		section: "/f",
		offset: span.start,
	});
	// And all of it at once, where that is asked for.
	await expect(readPackage(source, { verify: true })).rejects.toMatchObject({ code: "checksum" });
});

test("openPackage digests no content twice, and still finds every damage", async () => {
	const bytes = await sample(1_000_000);
	const digest = vi.spyOn(crypto.subtle, "digest");
	try {
		const { pkg, verified } = await openPackage(bytes);
		await verified;
		const digested = digest.mock.calls.reduce((sum, [, data]) => sum + data.byteLength, 0);
		expect(digested).toBeGreaterThan(1_000_000);
		expect(digested).toBeLessThan(1_010_000);
		const span = pkg.volumes[0]?.tree.get("f") as Span;
		for (const at of [span.start, span.start + span.length - 1]) {
			const damaged = bytes.slice();
			damaged[at] = (damaged[at] ?? 0) ^ 1;
			const opened = await openPackage(damaged);
			await expect(opened.verified).rejects.toMatchObject({ code: "checksum" });
		}
	} finally {
		digest.mockRestore();
	}
});

test("damage is told of the section, though the digest of the file in it is known before", async () => {
	const bytes = await sample();
	const found = await readPackage(bytes);
	const span = found.volumes[0]?.tree.get("f") as Span;
	const damaged = bytes.slice();
	damaged[span.start] = 0;
	const memory = bytesSource(damaged);
	const slowInSections: ByteSource = {
		size: memory.size,
		read: async (offset, length) => {
			if (length !== span.length) await new Promise((done) => setTimeout(done, 10));
			return memory.read(offset, length);
		},
	};
	await expect(readPackage(slowInSections, { verify: true })).rejects.toThrow(
		/The section's checksum does not match/,
	);
});

test("without Web Crypto nothing is verified, and who insists is told why", async () => {
	const bytes = await sample();
	const crypto = Object.getOwnPropertyDescriptor(globalThis, "crypto");
	Object.defineProperty(globalThis, "crypto", { value: undefined, configurable: true });
	try {
		expect((await readPackage(bytes)).volumes).toHaveLength(1);
		await expect(readPackage(bytes, { verify: true })).rejects.toMatchObject({ code: "no-crypto" });
	} finally {
		if (crypto) Object.defineProperty(globalThis, "crypto", crypto);
	}
});

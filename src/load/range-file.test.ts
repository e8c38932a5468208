/**
 * A file behind a URL, read in parts by a guest: the bytes are right, memory stays bounded, and what
 * falls silent is asked again. The network is a function here.
 */
import v8 from "node:v8";
import vm from "node:vm";
import { afterEach, expect, test, vi } from "vitest";
import { EIO, PENDING } from "../abi/errno.ts";
import { SuspendingBridge } from "../bridge/suspending.ts";
import { BLOCK, partOf, request } from "../http/http-range.ts";
import { chunksOf } from "../http/response-body.ts";
import type { Package } from "../webc/index.ts";
import { RangeFile } from "./range-file.ts";

const MIB = 1024 * 1024;
const never = new AbortController().signal;
const TIMEOUT = 60_000;

afterEach(() => {
	vi.unstubAllGlobals();
	vi.useRealTimers();
});

/** Every byte of the file tells where it is: the remainder of its place by a prime. */
const PRIME = 251;
const pattern = Uint8Array.from({ length: PRIME * 4200 + BLOCK }, (_, at) => at % PRIME);

/** A server with a file of `size` bytes; notes the ranges that it is asked for. */
function serve(size: number, asked: string[] = []): void {
	vi.stubGlobal("fetch", async (_: string, { headers }: { headers: { Range: string } }) => {
		const [, first, last] = /^bytes=(\d+)-(\d+)$/.exec(headers.Range) ?? [];
		const [start, end] = [Number(first), Math.min(size, Number(last) + 1)];
		asked.push(`${start}-${end}`);
		const at = start % PRIME;
		const body = pattern.slice(at, at + end - start);
		return new Response(body, {
			status: 206,
			headers: { ETag: '"1"', "Content-Range": `bytes ${start}-${end - 1}/${size}` },
		});
	});
}

async function open(bridge: SuspendingBridge): Promise<RangeFile> {
	const url = "https://example.org/package.webc";
	const response = await request(url, `bytes=0-${BLOCK - 1}`, never, TIMEOUT);
	const part = partOf(response);
	if (part === null) throw new Error("the server of this test answers in parts");
	return RangeFile.open(url, bridge, response, part, TIMEOUT, never);
}

const newBridge = () => new SuspendingBridge(() => Promise.reject(new Error("there is nobody")));

/** Reads as a guest does: again, after what was missing has come. */
async function read(
	file: RangeFile,
	bridge: SuspendingBridge,
	position: number,
	length: number,
): Promise<Uint8Array> {
	const into = new Uint8Array(length);
	for (let done = 0; done < length; ) {
		const count = file.contents.read(into, done, length - done, position + done);
		if (count === PENDING) await bridge.anyNoted();
		else if (count <= 0) throw new Error(`the read failed with ${count}`);
		else done += count;
	}
	return into;
}

test("500 MB read at random: every byte is right, and no more than the cache is kept", {
	timeout: 60_000,
}, async () => {
	v8.setFlagsFromString("--expose-gc");
	const collect = vm.runInNewContext("gc") as () => void;
	const size = 500 * MIB;
	serve(size);
	const bridge = newBridge();
	const file = await open(bridge);
	collect();
	const before = process.memoryUsage().arrayBuffers;
	for (let i = 0; i < 2000; i++) {
		const position = Math.floor(Math.random() * (size - 100));
		const bytes = await read(file, bridge, position, 100);
		const right = [position % PRIME, (position + 99) % PRIME];
		expect([bytes[0], bytes[99]], `at ${position}`).toEqual(right);
	}
	const grown = () => {
		collect();
		return process.memoryUsage().arrayBuffers - before;
	};
	// What was read is some 190 MiB, and 64 are kept. Node lets go of bodies when it has time.
	await expect.poll(grown, { timeout: 10_000 }).toBeLessThan(100 * MIB);
	// It was in use all the time, says this reference.
	expect(file.size).toBe(size);
});

test("whoever reads straight on is ahead of the requests, and what is near is one of them", async () => {
	const asked: string[] = [];
	serve(4 * MIB, asked);
	const bridge = newBridge();
	const file = await open(bridge);
	const bytes = await read(file, bridge, 0, 2 * MIB);
	expect(bytes.every((byte, at) => byte === at % PRIME)).toBe(true);
	expect(asked.length).toBeLessThan(6);
	asked.length = 0;
	const again = await file.read(0, 2 * MIB);
	expect(Buffer.compare(again, bytes)).toBe(0);
	expect(asked).toEqual([]);
});

test("two who want one block ask once", async () => {
	const asked: string[] = [];
	serve(4 * MIB, asked);
	const bridge = newBridge();
	const file = await open(bridge);
	asked.length = 0;
	await Promise.all([file.read(3 * MIB, 10), file.read(3 * MIB + 5, 10), file.prefetch(24, 24)]);
	expect(asked).toHaveLength(1);
});

test("a block that is used stays, and one that is not goes", async () => {
	const asked: string[] = [];
	serve(200 * MIB, asked);
	const bridge = newBridge();
	const file = await open(bridge);
	for (let block = 1; block < 700; block++) {
		await read(file, bridge, block * BLOCK, 1);
		await read(file, bridge, 0, 1);
	}
	asked.length = 0;
	await read(file, bridge, 0, 1);
	expect(asked).toEqual([]);
	await read(file, bridge, BLOCK, 1);
	expect(asked).toHaveLength(1);
});

test("a request that nobody answers is given up after a minute", async () => {
	vi.useFakeTimers();
	vi.stubGlobal(
		"fetch",
		(_: string, { signal }: { signal: AbortSignal }) =>
			new Promise((_, reject) => {
				signal.addEventListener("abort", () => reject(signal.reason));
			}),
	);
	const refused = expect(
		request("https://example.org/x", "", never, TIMEOUT),
	).rejects.toMatchObject({ code: "timeout", message: expect.stringContaining("example.org/x") });
	await vi.advanceTimersByTimeAsync(59_000);
	expect(vi.getTimerCount()).toBe(1);
	await vi.advanceTimersByTimeAsync(2_000);
	await refused;
	expect(vi.getTimerCount()).toBe(0);
});

test("a body that falls silent ends after a minute, and one that trickles does not", async () => {
	vi.useFakeTimers();
	let left = 5;
	const cancelled = vi.fn();
	const body = new ReadableStream<Uint8Array>({
		pull(controller) {
			if (left-- === 0) return new Promise(() => {});
			return new Promise((resolve) => {
				setTimeout(() => resolve(controller.enqueue(new Uint8Array(1))), 50_000);
			});
		},
		cancel: cancelled,
	});
	let got = 0;
	const reading = (async () => {
		for await (const chunk of chunksOf(body, never, TIMEOUT, "x")) got += chunk.length;
	})();
	const refused = expect(reading).rejects.toMatchObject({ code: "timeout" });
	await vi.advanceTimersByTimeAsync(5 * 50_000);
	expect(got).toBe(5);
	await vi.advanceTimersByTimeAsync(61_000);
	await refused;
	expect(cancelled).toHaveBeenCalled();
});

test("a policy that forbids a request on the spot is told to the page", async () => {
	serve(4 * BLOCK);
	const bridge = Object.assign(newBridge(), { urgent: true });
	const file = await open(bridge);
	vi.stubGlobal(
		"XMLHttpRequest",
		class {
			open(): void {}
			setRequestHeader(): void {}
			send(): void {
				throw new TypeError("forbidden");
			}
		},
	);
	const hearers = new Set<(event: object) => void>();
	vi.stubGlobal("addEventListener", (_: string, hear: (event: object) => void) =>
		hearers.add(hear),
	);
	vi.stubGlobal("removeEventListener", (_: string, hear: (event: object) => void) => {
		hearers.delete(hear);
	});
	vi.stubGlobal("fetch", async (blockedURI: string) => {
		const effectiveDirective = "connect-src";
		for (const hear of hearers) hear({ disposition: "enforce", blockedURI, effectiveDirective });
		throw new TypeError("Failed to fetch");
	});
	// No file of it lies where the guest reads.
	const nothing: Pick<Package, "volumes" | "atoms"> = { volumes: [], atoms: new Map() };
	const told = new Promise<string>((resolve) => {
		file.warnAbout(nothing as Package, resolve);
	});
	expect(file.contents.read(new Uint8Array(1), 0, 1, 2 * BLOCK)).toBe(EIO);
	expect(await told).toMatch(
		/Content-Security-Policy \(connect-src\) forbids .*add https:\/\/example\.org/,
	);
});

/**
 * Packages that the page reads itself: a Response or a Request.
 */
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { PortholeError } from "../abi/error.ts";
import { hurry } from "../abi/fast-timers.testkit.ts";
import type { Progress } from "./options.ts";
import { ask, fromResponse } from "./response.ts";

beforeEach(hurry);
afterEach(() => void vi.unstubAllGlobals());

const body = new Uint8Array(200_000).fill(7);

/** A body in chunks; what comes after them is up to `end`. */
function stream(chunks: readonly unknown[], end: "close" | "hang" | "break" = "close") {
	let at = 0;
	return new ReadableStream({
		pull(controller) {
			if (at < chunks.length) controller.enqueue(chunks[at++]);
			else if (end === "close") controller.close();
			else if (end === "break") controller.error(new TypeError("network error"));
			else return new Promise(() => {});
		},
	});
}

async function read(response: Response, options = {}) {
	const told: Progress[] = [];
	const onProgress = (progress: Progress) => told.push(progress);
	const found = await fromResponse(response, { ...options, onProgress }).catch((error) => error);
	return { found, told };
}

test.each([
	["200000", [200_000, 200_000]],
	["400000", [400_000, 400_000]],
	["100", [undefined, undefined]],
	["-5", [undefined, undefined]],
	["many", [undefined, undefined]],
])("a Content-Length of %s is a hint", async (length, totals) => {
	const chunks = [body.subarray(0, 150_000), body.subarray(150_000)];
	const { found, told } = await read(
		new Response(stream(chunks), { headers: { "Content-Length": length } }),
	);
	expect(found).toMatchObject({ kind: "blob", reported: true });
	expect(found.blob.size).toBe(body.length);
	expect(told.map(({ total }) => total)).toEqual(totals);
	expect(told.map(({ loaded }) => loaded)).toEqual([150_000, 200_000]);
});

test.each([
	[
		"too large, as its headers say",
		"too-large",
		new Response(body, { headers: { "Content-Length": "200000" } }),
	],
	["too large", "too-large", new Response(stream([body, body]))],
	["silent", "timeout", new Response(stream([body.subarray(0, 10)], "hang"))],
	["broken off", "network-error", new Response(stream([body.subarray(0, 10)], "break"))],
	["of text", "invalid-option", new Response(stream(["text"]))],
	["an error", "http-error", new Response("no", { status: 500 })],
])("one that is %s is refused: %s", async (_, code, response) => {
	const { found } = await read(response, { maxBytes: 150_000 });
	expect(found).toBeInstanceOf(PortholeError);
	expect(found).toMatchObject({ code });
});

test("a signal ends the reading, at once, with its reason", async () => {
	const abort = new AbortController();
	const reading = read(new Response(stream([body], "hang")), { signal: abort.signal });
	abort.abort(new Error("enough"));
	expect((await reading).found).toMatchObject({ message: "enough" });
});

test("a Request: by its own signal, by that of the load, and without an answer", async () => {
	vi.stubGlobal(
		"fetch",
		(_: Request, { signal }: RequestInit) =>
			new Promise((_, reject) => {
				if (signal?.aborted) reject(signal.reason);
				signal?.addEventListener("abort", () => reject(signal.reason));
			}),
	);
	const url = "https://example.org/x.webc";
	const own = new Request(url, { signal: AbortSignal.abort(new Error("mine")) });
	await expect(ask(own, {})).rejects.toMatchObject({
		code: "aborted",
		cause: { message: "mine" },
	});
	const signal = AbortSignal.abort(new Error("theirs"));
	await expect(ask(new Request(url), { signal })).rejects.toThrow("theirs");
	await expect(ask(new Request(url), { timeout: 1000 })).rejects.toMatchObject({
		code: "timeout",
		message: expect.stringContaining(url),
	});
});

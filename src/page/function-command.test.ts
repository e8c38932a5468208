import { expect, test } from "vitest";
import { type Body, startFunction } from "./function-command.ts";
import type { OutputMode } from "./process-handle.ts";

const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
const turn = () => new Promise((resolve) => setTimeout(resolve, 0));

function start(body: Body, mode: OutputMode = "stream", terminal = false) {
	const size = terminal ? { columns: 80, rows: 24 } : undefined;
	return startFunction(7, [mode, mode], body, [], [[]], size);
}

/** A chunk that no type allows. */
const strange = (chunk: unknown) => chunk as Uint8Array;

for (const terminal of [false, true]) {
	const where = terminal ? "on a terminal" : "in a pipe";

	test(`a function ${where} waits for the reader of its output`, async () => {
		let written = 0;
		const process = await start(
			async ({ stdout }) => {
				const writer = stdout.getWriter();
				for (let i = 0; i < 64; i++) {
					await writer.write(new Uint8Array(65536));
					written += 65536;
				}
				return 0;
			},
			"stream",
			terminal,
		);
		for (let i = 0; i < 20; i++) await turn();
		// The stream that nobody reads takes a quarter of a megabyte, and the window is as large.
		expect(written).toBeLessThan(1 << 20);
		let bytes = 0;
		for await (const chunk of process.stdout) bytes += chunk.length;
		expect(bytes).toBe(64 * 65536);
		expect(await process.status).toMatchObject({ code: 0 });
	});

	test(`a function ${where} hears that the reader has gone`, async () => {
		const process = await start(
			async ({ stdout }) => {
				const writer = stdout.getWriter();
				try {
					for (;;) await writer.write(new Uint8Array(65536));
				} catch (error) {
					return (error as { code?: string }).code === "EPIPE" ? 5 : 6;
				}
			},
			"stream",
			terminal,
		);
		const reader = process.stdout.getReader();
		await reader.read();
		await reader.cancel();
		expect(await process.status).toMatchObject({ code: 5 });
	});

	test(`a function ${where} writes text, buffers and views, and nothing else`, async () => {
		const codes: unknown[] = [];
		const process = await start(
			async ({ stdout }) => {
				const writer = stdout.getWriter();
				await writer.write(strange("tëxt "));
				const bytes = new TextEncoder().encode("[buffer] [view]");
				await writer.write(strange(bytes.buffer.slice(0, 9)));
				await writer.write(strange(new DataView(bytes.buffer, 9)));
				bytes.fill(0);
				await writer.write(strange({ length: 3 })).catch(({ code }) => codes.push(code));
				return 0;
			},
			"collect",
			terminal,
		);
		await process.status;
		expect(text(process.collected.stdout.bytes())).toBe("tëxt [buffer] [view]");
		expect(codes).toEqual(["invalid-option"]);
	});
}

test("what a function has written and not waited for is printed all the same", async () => {
	const process = await start(({ stdout }) => {
		const writer = stdout.getWriter();
		for (let i = 0; i < 8; i++) void writer.write(new Uint8Array(100_000).fill(48 + i));
		return 0;
	});
	// The process ends although nobody has read yet.
	await process.status;
	let all = "";
	for await (const chunk of process.stdout) all += text(chunk.subarray(0, 1)) + chunk.length;
	expect(all).toBe(Array.from({ length: 8 }, (_, i) => `${i}100000`).join(""));
});

test("a function that is killed while it waits for its reader can end", async () => {
	let over = "";
	const process = await start(async ({ stdout }) => {
		const writer = stdout.getWriter();
		try {
			for (;;) await writer.write(new Uint8Array(65536));
		} catch (error) {
			over = (error as { code: string }).code;
			return 0;
		}
	});
	await turn();
	process.kill("SIGKILL");
	expect(await process.status).toMatchObject({ code: 137, signal: "SIGKILL" });
	await turn();
	expect(over).toBe("EPIPE");
});

test("input that a function has cancelled keeps no writer waiting", async () => {
	const process = await start(async ({ stdin, signal }) => {
		await stdin.cancel();
		return new Promise((resolve) => signal.addEventListener("abort", () => resolve(0)));
	});
	const writer = process.stdin.getWriter();
	for (let i = 0; i < 4; i++) await writer.write(new Uint8Array(65536));
	process.kill();
	expect(await process.status).toMatchObject({ code: 143 });
});

test("input that fails is an error for the function", async () => {
	const process = await start(async ({ stdin }) => {
		const reader = stdin.getReader();
		await reader.read();
		return reader.read().then(
			() => 0,
			({ code }) => (code === "EIO" ? 5 : 6),
		);
	});
	const writer = process.stdin.getWriter();
	await writer.write(new Uint8Array(1));
	await writer.abort(new Error("the line is dead"));
	expect(await process.status).toMatchObject({ code: 5 });
});

test("a function may throw anything, and ends with 1", async () => {
	for (const odd of [null, undefined, Symbol("x"), Object.create(null), new Error("mine")]) {
		const process = await start(() => {
			throw odd;
		}, "collect");
		expect(await process.status).toMatchObject({ code: 1 });
		expect(text(process.collected.stderr.bytes())).toMatch(/\n$/);
	}
});

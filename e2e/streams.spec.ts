/**
 * Standard streams under load and when they break: nothing is lost, nothing piles up, and each end
 * hears of what happens to the other.
 */
import { readFileSync } from "node:fs";
import { env } from "node:process";
import type { Page } from "@playwright/test";
import { inFirefox } from "./firefox.ts";
import { expect, needPrograms, test } from "./library.ts";

needPrograms();

const HASHING = { packages: ["/programs/hashing.wasm"] };
const FLOODING = { packages: ["/programs/flooding.wasm"] };
const MIB = 1 << 20;
/** Where memory is not measured, less will do. `npm run test:all` has a gigabyte. */
const FLOOD = Number(env.PORTHOLE_FLOOD ?? (inFirefox ? 64 : 256)) * MIB;

/** The hash of `hashing`, of so many pieces: each a square of numbers, and its own in front. */
function hashOf(pieces: number, piece: number): string {
	let hash = 2166136261;
	for (let n = 0; n < pieces; n++) {
		for (let i = 0; i < piece; i++) {
			hash = Math.imul(hash ^ (i === 0 ? n & 255 : ((i * i) >>> 8) & 255), 16777619);
		}
	}
	return (hash >>> 0).toString(16).padStart(8, "0");
}

test("100 MB of input arrive byte for byte, and a source is not asked for more than is read", async ({
	page,
}) => {
	test.setTimeout(120_000);
	const pieces = 400;
	const piece = MIB / 4;
	const result = await page.evaluate(
		async ({ options, pieces, piece }) => {
			const square = Uint8Array.from({ length: piece }, (_, i) => (i * i) >>> 8);
			let given = 0;
			const source = new ReadableStream<Uint8Array>(
				{
					pull(controller) {
						const bytes = square.slice();
						bytes[0] = given++;
						controller.enqueue(bytes);
						if (given === pieces) controller.close();
					},
				},
				{ highWaterMark: 0 },
			);
			const sandbox = await porthole.Sandbox.create(options);
			const process = await sandbox.command("hashing", ["1000"], { stdin: source }).spawn();
			const line = lines(process.stdout);
			await line();
			await new Promise((resolve) => setTimeout(resolve, 300));
			const early = given;
			const answer = await line();
			return { early, answer, code: (await process.status).code };
		},
		{ options: HASHING, pieces, piece },
	);
	expect(result.answer).toBe(`${pieces * piece} ${hashOf(pieces, piece)}\n`);
	expect(result.code).toBe(0);
	// What is on its way while nobody reads.
	expect(result.early).toBeLessThan(8);
});

test("a source that fails is an I/O error for the guest, once, and a warning for the page", async ({
	page,
}) => {
	const result = await page.evaluate(async (options) => {
		const sandbox = await porthole.Sandbox.create(options);
		const warnings: string[] = [];
		sandbox.addEventListener("warning", ({ detail }) => warnings.push(detail.message));
		let pulls = 0;
		const stdin = new ReadableStream<Uint8Array>({
			pull(controller) {
				pulls += 1;
				if (pulls === 1) controller.enqueue(new TextEncoder().encode("half"));
				else controller.error(new Error("the line is dead"));
			},
		});
		const { code, stdout } = await sandbox.command("hashing", [], { stdin }).output();
		const aborted = await sandbox.command("hashing").spawn();
		const line = lines(aborted.stdout);
		await line();
		await aborted.stdin.abort(new Error("not any more"));
		return { code, printed: text(stdout), warnings, aborted: [await line(), await line()] };
	}, HASHING);
	// A stream that fails drops what it has not handed on: the guest may have read half of it or none.
	expect(result.printed).toMatch(/^waiting\nerror 29\n[04] [0-9a-f]{8}\n$/);
	expect(result.code).toBe(0);
	expect(result.warnings).toEqual([expect.stringContaining("the line is dead")]);
	expect(result.aborted).toEqual(["error 29\n", "0 811c9dc5\n"]);
});

test("input of other kinds than Uint8Array is taken or refused, and no program waits for it", async ({
	page,
}) => {
	const result = await page.evaluate(async (options) => {
		const sandbox = await porthole.Sandbox.create(options);
		const warnings: string[] = [];
		sandbox.addEventListener("warning", ({ detail }) => warnings.push(detail.message));
		const of = (...chunks: unknown[]) =>
			new ReadableStream({
				start(controller) {
					for (const chunk of chunks) controller.enqueue(chunk);
					controller.close();
				},
			});
		const run = async (stdin: ReadableStream) =>
			(await sandbox.command("hashing", [], { stdin }).output()).text();
		const text = () => new Response("abc").body?.pipeThrough(new TextDecoderStream());
		const taken = [
			await run(of(Uint8Array.of(97, 98, 99))),
			await run(of("a", "bc")),
			await run(text() as ReadableStream),
			await run(of(Uint8Array.of(97, 98, 99).buffer)),
			await run(of(new DataView(Uint8Array.of(96, 97, 98, 99).buffer, 1))),
		];
		const number = await run(of(7));
		const locked = of("x");
		locked.getReader();
		const used = new Response("x");
		await used.text();
		const refused = [await caught(run(locked)), await caught(run(used.body as ReadableStream))];
		const process = await sandbox.command("hashing").spawn();
		// Types forbid what pages do.
		const writer = process.stdin.getWriter() as WritableStreamDefaultWriter<unknown>;
		await writer.write("abc");
		const strange = await caught(writer.write({ length: 3 }));
		return {
			taken,
			number,
			refused,
			strange,
			printed: await collect(process.stdout),
			warnings,
			left: sandbox.processes.length,
		};
	}, HASHING);
	expect(new Set(result.taken)).toEqual(new Set(["waiting\n3 1a47e90b\n"]));
	expect(result.number).toMatch(/^waiting\nerror 29\n/);
	expect(result.warnings).toEqual([
		expect.stringContaining("stdin takes strings, buffers and views"),
	]);
	for (const error of [...result.refused, result.strange]) {
		expect(error).toMatchObject({ porthole: true, code: "invalid-option" });
	}
	expect(result.printed).toBe("waiting\nerror 29\n3 1a47e90b\n");
	expect(result.left).toBe(0);
});

test("output to a stream that is locked is refused, and nothing is lost", async ({ page }) => {
	const result = await page.evaluate(async (options) => {
		const sandbox = await porthole.Sandbox.create(options);
		const errors = [];
		for (const name of ["stdout", "stderr"]) {
			const stream = new WritableStream<Uint8Array>();
			stream.getWriter();
			const command = sandbox.command("flooding", ["1"], { [name]: stream });
			errors.push(await caught(command.output()), await caught(command.spawn()));
		}
		const kept = keeper();
		const process = await sandbox.command("flooding", ["1"], { stdout: kept.stream }).spawn();
		// While a program prints to it the page cannot come between.
		const locked = kept.stream.locked;
		await process.status;
		return { errors, locked, free: !kept.stream.locked, length: kept.text.length };
	}, FLOODING);
	for (const error of result.errors) {
		expect(error).toMatchObject({ porthole: true, code: "invalid-option" });
		expect(error.message).toContain("locked");
	}
	expect(result).toMatchObject({ locked: true, free: true, length: MIB });
});

test("a sandbox closes although a stream of the page's never takes what it is given", async ({
	page,
}) => {
	const result = await page.evaluate(async (options) => {
		const sandbox = await porthole.Sandbox.create(options);
		const stdout = new WritableStream<Uint8Array>({ write: () => new Promise(() => {}) });
		const process = await sandbox.command("flooding", ["64"], { stdout }).spawn();
		await new Promise((resolve) => setTimeout(resolve, 100));
		await sandbox.close();
		return process.status;
	}, FLOODING);
	expect(result).toMatchObject({ code: 137, signal: "SIGKILL" });
});

test("while nobody reads, a flood stands still; then all of it comes", async ({ page }) => {
	const result = await page.evaluate(
		async ({ options, size }) => {
			const sandbox = await porthole.Sandbox.create(options);
			const process = await sandbox.command("flooding", [String(size >> 20)]).spawn();
			let over = false;
			void process.status.then(() => {
				over = true;
			});
			await new Promise((resolve) => setTimeout(resolve, 1500));
			const stood = !over;
			let bytes = 0;
			for await (const chunk of process.stdout) bytes += chunk.length;
			return { stood, bytes, code: (await process.status).code };
		},
		{ options: FLOODING, size: 16 * MIB },
	);
	expect(result).toEqual({ stood: true, bytes: 16 * MIB, code: 0 });
});

test("a slow stream of the page's gets everything, and is never given two chunks at once", async ({
	page,
}) => {
	const result = await page.evaluate(
		async ({ options, size }) => {
			const sandbox = await porthole.Sandbox.create(options);
			const seen = { bytes: 0, wrong: 0, together: 0, most: 0 };
			let next = 0;
			let tail = "";
			const stdout = new WritableStream<Uint8Array>({
				async write(chunk) {
					seen.most = Math.max(seen.most, ++seen.together);
					await new Promise((resolve) => setTimeout(resolve, 2));
					seen.bytes += chunk.length;
					const parts = (tail + text(chunk)).split("\n");
					tail = parts.pop() ?? "";
					for (const part of parts) if (Number(part.slice(0, 8)) !== next++) seen.wrong += 1;
					seen.together -= 1;
				},
			});
			const { code } = await sandbox.command("flooding", [String(size >> 20)], { stdout }).output();
			return { ...seen, code };
		},
		{ options: FLOODING, size: 8 * MIB },
	);
	expect(result).toEqual({ bytes: 8 * MIB, wrong: 0, together: 0, most: 1, code: 0 });
});

test("a stream of the page's that fails in the middle is a broken pipe", async ({ page }) => {
	const result = await page.evaluate(async (options) => {
		const sandbox = await porthole.Sandbox.create(options);
		let taken = 0;
		const stdout = new WritableStream<Uint8Array>({
			write(chunk) {
				taken += chunk.length;
				if (taken > 1 << 20) throw new Error("enough");
			},
		});
		const { code, signal } = await sandbox.command("flooding", ["64"], { stdout }).output();
		return { code, signal, left: sandbox.processes.length };
	}, FLOODING);
	// The program sees its write fail, and says so by its code.
	expect(result).toEqual({ code: 1, signal: undefined, left: 0 });
});

/** What the processes of pages hold, in bytes, and the most that they have held: as Linux counts it. */
async function resident(page: Page): Promise<{ now: number; most: number }> {
	const session = await page.context().browser()?.newBrowserCDPSession();
	if (session === undefined) throw new Error("this browser has no such session");
	const { processInfo } = await session.send("SystemInfo.getProcessInfo");
	await session.detach();
	const pages = processInfo.filter(({ type }) => type === "renderer");
	const statuses = pages.map(({ id }) => readFileSync(`/proc/${id}/status`, "utf8"));
	const most = (field: string) => {
		const kilobytes = new RegExp(`${field}:\\s*(\\d+) kB`);
		return Math.max(...statuses.map((status) => Number(kilobytes.exec(status)?.[1]) * 1024));
	};
	return { now: most("VmRSS"), most: most("VmHWM") };
}

for (const bridge of ["suspending", "blocking"] as const) {
	test(`a flood into a slow reader: not a byte is lost, and memory does not grow (${bridge})`, async ({
		page,
	}) => {
		const isolated = await page.evaluate(() => crossOriginIsolated);
		test.skip(isolated !== (bridge === "blocking"), "each bridge has its page");
		test.skip(
			inFirefox && bridge === "blocking",
			"in Firefox `new Worker` in a worker now and then never returns, about once in fifty",
		);
		test.setTimeout(240_000);
		const before = inFirefox ? null : await resident(page);
		const result = await page.evaluate(
			async ({ packages, bridge, size }) => {
				const sandbox = await porthole.Sandbox.create({ packages, bridge });
				const args = [String(size >> 20), "65536"];
				const process = await sandbox.command("flooding", args).spawn();
				const seen = { bytes: 0, wrong: 0 };
				const line = new Uint8Array(64);
				let filled = 0;
				let number = 0;
				const check = () => {
					let said = 0;
					for (let i = 0; i < 8; i++) said = said * 10 + (line[i] as number) - 48;
					if (said !== number++ || line[8] !== 46 || line[63] !== 10) seen.wrong += 1;
				};
				const start = performance.now();
				for await (const chunk of process.stdout) {
					// The guest is always ahead, and has to wait for a pause of the reader's to be over.
					const before = seen.bytes >> 24;
					seen.bytes += chunk.length;
					if (seen.bytes >> 24 > before) await new Promise((resolve) => setTimeout(resolve, 40));
					for (let at = 0; at < chunk.length; ) {
						const count = Math.min(64 - filled, chunk.length - at);
						line.set(chunk.subarray(at, at + count), filled);
						at += count;
						filled = (filled + count) & 63;
						if (filled === 0) check();
					}
				}
				const { code } = await process.status;
				const took = performance.now() - start;
				await sandbox.close();
				return { ...seen, code, took };
			},
			{ ...FLOODING, bridge, size: FLOOD },
		);
		const { took, ...rest } = result;
		expect(rest).toEqual({ bytes: FLOOD, wrong: 0, code: 0 });
		const grown = before === null ? 0 : (await resident(page)).most - before.now;
		test.info().annotations.push({
			type: "measured",
			description: `${(took / 1000).toFixed(1)} s, memory grew by ${(grown / MIB).toFixed(0)} MiB`,
		});
		expect(grown).toBeLessThan(Math.min(256 * MIB, 0.75 * FLOOD));
	});
}

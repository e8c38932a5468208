/**
 * Programs that do not want to be stopped, made by hand: where they can be, they are, and nothing else is lost.
 */
import { inFirefox } from "./firefox.ts";
import { expect, test } from "./library.ts";

const END = 0x0b;
const EMPTY = 0x40;
const I32 = 0x7f;
/** A loop without end. */
const SPIN = [0x03, EMPTY, 0x0c, 0, END];

const sized = (bytes: readonly number[]) => [...leb(bytes.length), ...bytes];
const section = (id: number, ...items: readonly (readonly number[])[]) => [
	id,
	...sized([...leb(items.length), ...items.flat()]),
];

function leb(value: number): number[] {
	return value < 128 ? [value] : [(value & 127) | 128, ...leb(value >>> 7)];
}

/** A module whose `_start` has this body. With `starts` its start function has it, and `_start` has none. */
function program(code: readonly number[], pages = 0, starts = false): number[] {
	const bodies = [code, []].map((of) => sized([1, 1, I32, ...of, END]));
	const name = [...new TextEncoder().encode("_start")];
	return [
		...[0, 0x61, 0x73, 0x6d, 1, 0, 0, 0],
		...section(1, [0x60, 0, 0]),
		...section(3, [0], [0]),
		...(pages > 0 ? section(5, [0, ...leb(pages)]) : []),
		...section(7, [...sized(name), 0, starts ? 1 : 0]),
		...(starts ? [8, 1, 0] : []),
		...section(10, ...bodies),
	];
}

/** In the page: kills a program that has run for a while, and tells how it ended and whether files in memory are still there. */
async function killed(modules: readonly number[][]) {
	const sandbox = await porthole.Sandbox.create();
	await sandbox.fs.writeFile("/tmp/notes", "kept");
	const ends = [];
	for (const bytes of modules) {
		const mine = Uint8Array.from(bytes);
		const process = await sandbox.command("mine", [], { mappedCommands: { mine } }).spawn();
		await new Promise((resolve) => setTimeout(resolve, 50));
		process.kill();
		const { code, lost } = await process.status;
		ends.push({ code, lost });
	}
	const notes = await sandbox.fs.readTextFile("/tmp/notes");
	await sandbox.close();
	return { ends, notes };
}

const ENDED = { code: 143, lost: undefined };

test("a program that catches everything is ended all the same", { tag: "@waits" }, async ({
	page,
}) => {
	// loop { try { loop {} } catch_all {} }, by the older proposal for exceptions and by the newer.
	const older = [0x03, EMPTY, 0x06, EMPTY, ...SPIN, 0x19, END, 0x0c, 0, END];
	const newer = [0x03, EMPTY, 0x02, EMPTY, 0x1f, EMPTY, 1, 2, 0, ...SPIN, END, END, 0x0c, 0, END];
	const seen = await page.evaluate(killed, [program(older), program(newer)]);
	expect(seen).toEqual({ ends: [ENDED, ENDED], notes: "kept" });
});

test("one that copies hundreds of megabytes at once is ended after the copy", {
	tag: "@waits",
}, async ({ page }) => {
	const size = 128 * 1024 * 1024;
	const pages = (2 * size) / 65_536;
	const copy = [0x41, ...signed(size), 0x41, 0, 0x41, ...signed(size), 0xfc, 10, 0, 0];
	const seen = await page.evaluate(killed, [program([...copy, ...SPIN], pages)]);
	expect(seen).toEqual({ ends: [ENDED], notes: "kept" });
});

/** A positive number as the operand of `i32.const`. */
function signed(value: number): number[] {
	return value < 64 ? [value] : [(value & 127) | 128, ...signed(value >>> 7)];
}

test("one whose start function spins is refused, and the next one runs", { tag: "@waits" }, async ({
	page,
}) => {
	const seen = await page.evaluate(
		async ([spins, does]) => {
			const sandbox = await porthole.Sandbox.create();
			await sandbox.fs.writeFile("/tmp/notes", "kept");
			const run = (bytes: readonly number[] = []) =>
				sandbox.command("mine", [], { mappedCommands: { mine: Uint8Array.from(bytes) } }).output();
			const { code, message } = await caught(run(spins));
			const next = await run(does);
			const notes = await sandbox.fs.readTextFile("/tmp/notes");
			await sandbox.close();
			return { code, message, next: next.code, notes };
		},
		[program(SPIN, 0, true), program([])],
	);
	expect(seen).toMatchObject({ code: "invalid-module", next: 0, notes: "kept" });
	expect(seen.message).toContain("start function");
});

test("the page is answered while two hundred spin, and all are ended", { tag: "@waits" }, async ({
	page,
}) => {
	const seen = await page.evaluate(async (bytes) => {
		const sandbox = await porthole.Sandbox.create();
		await sandbox.fs.writeFile("/tmp/notes", "kept");
		const mine = Uint8Array.from(bytes);
		const spawn = () => sandbox.command("mine", [], { mappedCommands: { mine } }).spawn();
		const all = await Promise.all(Array.from({ length: 200 }, spawn));
		const notes = await sandbox.fs.readTextFile("/tmp/notes");
		const running = sandbox.processes.length;
		for (const process of all) process.kill();
		const ends = await Promise.all(all.map(({ status }) => status));
		const left = await sandbox.fs.readTextFile("/tmp/notes");
		await sandbox.close();
		const odd = ends.filter(({ code, lost }) => code !== 143 || lost);
		return { notes, running, odd, left };
	}, program(SPIN));
	expect(seen).toEqual({ notes: "kept", running: 200, odd: [], left: "kept" });
});

test("on a page that was hidden and frozen a program goes on, and is ended", {
	tag: "@waits",
}, async ({ page }) => {
	test.skip(inFirefox, "only Chromium can be told to freeze a page");
	await page.evaluate(async (bytes) => {
		const sandbox = await porthole.Sandbox.create();
		const mine = Uint8Array.from(bytes);
		const process = await sandbox.command("mine", [], { mappedCommands: { mine } }).spawn();
		const frozen = { sandbox, process };
		Object.assign(globalThis, { frozen });
	}, program(SPIN));
	const session = await page.context().newCDPSession(page);
	await session.send("Page.setWebLifecycleState", { state: "frozen" });
	await new Promise((resolve) => setTimeout(resolve, 200));
	await session.send("Page.setWebLifecycleState", { state: "active" });
	const seen = await page.evaluate(async () => {
		const { frozen } = globalThis as unknown as {
			frozen: {
				sandbox: Awaited<ReturnType<typeof porthole.Sandbox.create>>;
				process: { kill(): void; status: Promise<{ code: number; lost?: true }> };
			};
		};
		await frozen.sandbox.fs.writeFile("/tmp/notes", "kept");
		frozen.process.kill();
		const { code, lost } = await frozen.process.status;
		await frozen.sandbox.close();
		return { code, lost };
	});
	expect(seen).toEqual(ENDED);
});

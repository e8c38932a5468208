/**
 * Access profiles: what a program has read is recorded, and a start that is given the record fetches
 * it before the program asks; a program that has an address of its own comes from there, compressed.
 */
import { createHash } from "node:crypto";
import { gzipSync } from "node:zlib";
import type { AccessProfile, Sandbox } from "../src/index.ts";
import { BadServer } from "./bad-server.ts";
import { expect, test } from "./library.ts";
import { type Sample, samplePackage } from "./sample-package.ts";

let sample: Sample;
let server: BadServer;

test.beforeAll(async () => {
	sample = await samplePackage();
});

test.beforeEach(async () => {
	server = await BadServer.start(sample.file);
});

test.afterEach(async () => {
	await server.stop();
});

/** A profile of all of `/data/late.bin`. */
function ofLate(more: Partial<AccessProfile> = {}): AccessProfile {
	const { start, end } = sample.late;
	return { format: 1, size: sample.file.length, spans: [[start, end - start]], ...more };
}

const askedIn = (start: number, end: number) =>
	server.asked.filter((one) => one.start < end && one.end > start).length;

test("what was read is recorded, in its order", async ({ page }) => {
	const { before, after } = await page.evaluate(async (url) => {
		const sandbox = await porthole.Sandbox.create();
		const loaded = await sandbox.load(url);
		const before = await loaded.profile();
		await sandbox.fs.readFile("/data/late.bin");
		const after = await loaded.profile();
		await sandbox.close();
		return { before, after };
	}, server.url);
	const holds = ({ spans }: AccessProfile) =>
		spans.some(
			([start, length]) => start <= sample.late.start && start + length >= sample.late.end,
		);
	expect(after).toMatchObject({ format: 1, size: sample.file.length });
	expect(holds(before)).toBe(false);
	expect(holds(after)).toBe(true);
	// The index comes first.
	expect(after.spans[0]?.[0]).toBe(0);
	for (const [start, length] of after.spans) {
		expect(start + length).toBeLessThanOrEqual(sample.file.length);
	}
});

test("a package that was read at once has none", async ({ page }) => {
	const error = await page.evaluate(async () => {
		const sandbox = await porthole.Sandbox.create();
		const loaded = await sandbox.load(tiny());
		return caught(loaded.profile());
	});
	expect(error).toMatchObject({ porthole: true, code: "not-supported" });
});

for (const kind of ["object", "address"] as const) {
	test(`a profile as an ${kind}: what it names is there before it is asked for`, async ({
		page,
	}) => {
		const { start, end } = sample.late;
		await page.evaluate(
			async ({ url, profile, kind }) => {
				const address = URL.createObjectURL(new Blob([JSON.stringify(profile)]));
				const sandbox = await porthole.Sandbox.create();
				await sandbox.load(url, { profile: kind === "object" ? profile : address });
				Object.assign(globalThis, { sandbox });
			},
			{ url: server.url, profile: ofLate(), kind },
		);
		await expect.poll(() => askedIn(start, end)).toBeGreaterThan(0);
		await new Promise((resolve) => setTimeout(resolve, 500));
		const asked = server.asked.length;
		const length = await page.evaluate(async () => {
			const { fs } = Reflect.get(globalThis, "sandbox") as Sandbox;
			return (await fs.readFile("/data/late.bin")).length;
		});
		expect(length).toBe(end - start);
		expect(server.asked).toHaveLength(asked);
	});
}

test("a profile that is of no use is a warning, and the program runs", async ({ page }) => {
	const bad = [
		{ format: 2 },
		ofLate({ size: 5, spans: [] }),
		ofLate({ spans: [[sample.file.length, 1]] }),
		"/no/such.json",
		"/pages/blank.html",
	];
	const results = await page.evaluate(
		async ({ url, bad }) => {
			const results = [];
			for (const profile of bad) {
				const sandbox = await porthole.Sandbox.create();
				const warnings: string[] = [];
				sandbox.addEventListener("warning", ({ detail }) => warnings.push(detail.message));
				const loaded = await sandbox.load(url, { profile: profile as string });
				const { code } = await sandbox.command(loaded).output();
				await sandbox.close();
				results.push({ code, warnings });
			}
			return results;
		},
		{ url: server.url, bad },
	);
	for (const { code, warnings } of results) {
		expect(code).toBe(7);
		expect(warnings).toEqual([expect.stringMatching(/^the access profile is not used: /)]);
	}
	expect(results[1]?.warnings[0]).toContain("record it again");
	expect(results[3]?.warnings[0]).toContain("404");
});

test("what is no profile at all is refused by name", async ({ page }) => {
	const error = await page.evaluate(async (url) => {
		const sandbox = await porthole.Sandbox.create();
		return caught(sandbox.load(url, { profile: 5 as unknown as string }));
	}, server.url);
	expect(error).toMatchObject({ porthole: true, code: "invalid-option" });
	expect(error.message).toContain("profile");
});

test.describe("a program with an address of its own", () => {
	let beside: BadServer;

	test.beforeEach(async () => {
		beside = await BadServer.start(gzipSync(program()));
		const headers = { "Content-Type": "application/wasm", "Content-Encoding": "gzip" };
		beside.fault = () => ({ headers });
	});

	test.afterEach(async () => {
		await beside.stop();
	});

	const program = () => sample.file.subarray(sample.atom.start, sample.atom.end);

	const run = (page: import("@playwright/test").Page) => {
		const sha256 = createHash("sha256").update(program()).digest("hex");
		return page.evaluate(
			async ({ url, profile }) => {
				const sandbox = await porthole.Sandbox.create();
				const warnings: string[] = [];
				sandbox.addEventListener("warning", ({ detail }) => warnings.push(detail.message));
				const loaded = await sandbox.load(url, { profile });
				const { code } = await sandbox.command(loaded).output();
				await sandbox.close();
				return { code, warnings };
			},
			{ url: server.url, profile: ofLate({ atoms: { [sha256]: beside.url } }) },
		);
	};

	test("comes from there, compressed", async ({ page }) => {
		expect(await run(page)).toEqual({ code: 7, warnings: [] });
		expect(beside.asked).toHaveLength(1);
		const { start, end } = sample.atom;
		expect(server.asked.some((one) => one.start === start && one.end === end)).toBe(false);
	});

	test("is read from its package where that is another program, or nothing", async ({ page }) => {
		const headers = { "Content-Type": "application/wasm" };
		for (const wrong of [
			{ body: sample.file.subarray(0, program().length), headers },
			{ body: program().subarray(0, 1000), headers },
			{ status: 404, body: "" },
			{ cutAfter: 1000, headers: { ...headers, "Content-Encoding": "gzip" } },
		]) {
			beside.fault = () => wrong;
			const { code, warnings } = await run(page);
			expect(code).toBe(7);
			expect(warnings).toEqual([
				expect.stringContaining("the atom seven is read from its package"),
			]);
		}
	});
});

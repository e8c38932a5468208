/**
 * Prompts, as somebody uses them: in the playground, by typing, with what a line editor can do and
 * with the keys that stop things. What is compared is what stands on the screen.
 */
import type { Page } from "@playwright/test";
import { inFirefox } from "./firefox.ts";
import { expect, onSharedPage } from "./library.ts";

/** Rows of the terminal that are not empty, without their ends. */
function screen(page: Page): Promise<string[]> {
	return page.evaluate(() =>
		[...document.querySelectorAll("#terminal .xterm-rows > div")]
			.map((row) => (row.textContent ?? "").replaceAll("\xa0", " ").trimEnd())
			.filter((row) => row !== ""),
	);
}

/** Waits until the last row is `row`, or ends with it: then the program has printed what it wanted
 *  to, or what was typed is shown. */
async function lastRow(page: Page, row: string, whole = true): Promise<void> {
	await page.waitForFunction(
		({ row, whole }) => {
			const rows = [...document.querySelectorAll("#terminal .xterm-rows > div")]
				.map((found) => (found.textContent ?? "").replaceAll("\xa0", " ").trimEnd())
				.filter((found) => found !== "");
			return whole ? rows.at(-1) === row : rows.at(-1)?.endsWith(row);
		},
		{ row, whole },
		{ timeout: 60_000 },
	);
}

async function status(page: Page, pattern: string): Promise<void> {
	await page.waitForFunction(
		(wanted) => new RegExp(wanted).test(document.querySelector("#status")?.textContent ?? ""),
		pattern,
		{ timeout: 60_000 },
	);
}

/** Clicks the button whose text begins so, once it is there. */
async function click(page: Page, name: string): Promise<void> {
	await page.waitForFunction((wanted) => {
		const all = [...document.querySelectorAll("button")];
		const button = all.find((one) => one.textContent?.trim().startsWith(wanted) && !one.disabled);
		button?.click();
		return button !== undefined;
	}, name);
}

const test = onSharedPage(open, stop);

async function open(page: Page): Promise<void> {
	await page.goto("/");
}

/** Ends what runs, and makes the screen empty and as wide as it was. */
async function stop(page: Page): Promise<void> {
	await page.evaluate(() => document.querySelector<HTMLElement>("#stop")?.click());
	await page.waitForFunction(
		() => !/is running|Stopping/.test(document.querySelector("#status")?.textContent ?? ""),
		undefined,
		{ timeout: 60_000 },
	);
	await click(page, "Clear");
	await page.setViewportSize({ width: 1280, height: 720 });
}

/** Opens a sample's prompt, and waits for it; the sample is loaded unless it is already. */
async function prompt(page: Page, sample: string, first: string): Promise<void> {
	const loading = () =>
		page.evaluate(() => document.querySelector("#loading-text")?.textContent ?? "");
	if (!(await loading()).startsWith(`${sample} `)) await click(page, sample);
	await page.waitForFunction(
		(sample) => {
			const text = document.querySelector("#loading-text")?.textContent ?? "";
			return text.includes(sample) && text.includes("is ready");
		},
		sample,
		{ timeout: 60_000 },
	);
	await click(page, "A prompt");
	await click(page, "Run");
	await lastRow(page, first);
	await page.focus("#terminal textarea");
}

async function press(page: Page, key: string, times = 1): Promise<void> {
	for (let i = 0; i < times; i++) await page.keyboard.press(key);
}

/** Types, and waits until the end of it is shown. */
async function type(page: Page, text: string): Promise<void> {
	// Only what is on a keyboard can be typed key by key.
	if (/^[ -~]*$/.test(text)) await page.keyboard.type(text);
	else await page.keyboard.insertText(text);
	await lastRow(page, text.slice(-4).trim(), false);
}

async function enter(page: Page, line: string): Promise<void> {
	await type(page, line);
	await page.keyboard.press("Enter");
}

/** Makes the page so wide, and waits until the terminal has got as many columns. */
async function resize(page: Page, width: number): Promise<void> {
	const columns = () =>
		page.evaluate(
			() => document.querySelector<HTMLElement>("#terminal .xterm-screen")?.style.width,
		);
	const before = await columns();
	await page.setViewportSize({ width, height: 700 });
	await expect.poll(columns, { timeout: 15_000 }).not.toBe(before);
}

// A prompt takes a while to come up where a machine is busy.
test.describe.configure({ timeout: 180_000 });

test.describe("Python's prompt", () => {
	test("lines are edited: erase, erase a word, kill, and drop with Ctrl-C", async ({ page }) => {
		await prompt(page, "python", ">>>");
		await type(page, "prinx");
		await press(page, "Backspace");
		await enter(page, "t(6 * 7)");
		await lastRow(page, ">>>");
		await type(page, "1 + 2 + wrong");
		await press(page, "Control+w");
		await enter(page, "3");
		await lastRow(page, ">>>");
		await type(page, "all of this is wrong");
		await press(page, "Control+u");
		await enter(page, "'right'");
		await lastRow(page, ">>>");
		await type(page, "half a li");
		await press(page, "Control+c");
		await lastRow(page, ">>>");
		await enter(page, "7 * 8");
		await lastRow(page, ">>>");
		expect((await screen(page)).slice(-10)).toEqual([
			">>> print(6 * 7)",
			"42",
			">>> 1 + 2 + 3",
			"6",
			">>> 'right'",
			"'right'",
			">>> half a li^C",
			">>> 7 * 8",
			"56",
			">>>",
		]);
	});

	test("wide characters: typed, read and erased as what they are", async ({ page }) => {
		await prompt(page, "python", ">>>");
		await enter(page, "len('日本語ü😀')");
		await lastRow(page, ">>>");
		await type(page, "'日本語");
		await press(page, "Backspace", 2);
		await enter(page, "é'");
		await lastRow(page, ">>>");
		expect((await screen(page)).slice(-5)).toEqual([
			">>> len('日本語ü😀')",
			"5",
			">>> '日é'",
			"'日é'",
			">>>",
		]);
	});

	test("10 kB are pasted, and each line is read", async ({ page }) => {
		test.skip(inFirefox, "in Firefox a paste event that a page makes carries no data");
		await prompt(page, "python", ">>>");
		const line = `total = total + len('${"x".repeat(70)}')`;
		const pasted = ["total = 0", ...Array.from({ length: 100 }, () => line), "total", ""];
		await page.evaluate((text) => {
			const data = new DataTransfer();
			data.setData("text/plain", text);
			const event = new ClipboardEvent("paste", { clipboardData: data, bubbles: true });
			document.querySelector("#terminal textarea")?.dispatchEvent(event);
		}, pasted.join("\n"));
		// What is typed ahead is shown before the prompts, as on any terminal.
		await page.waitForFunction(
			() => {
				const rows = [...document.querySelectorAll("#terminal .xterm-rows > div")];
				return /7000\s*>>>\s*$/.test(rows.map((row) => row.textContent).join("\n"));
			},
			undefined,
			{ timeout: 60_000 },
		);
	});

	test("Ctrl-C ends an endless loop within a second, Ctrl-D the prompt; both start again", async ({
		page,
	}) => {
		await prompt(page, "python", ">>>");
		await enter(page, "while True: pass");
		await lastRow(page, "...");
		await press(page, "Enter");
		// Python now runs: whatever is typed is echoed by the terminal only.
		await new Promise((resolve) => setTimeout(resolve, 300));
		const start = Date.now();
		await press(page, "Control+c");
		await status(page, "^Stopped|^Interrupted|130");
		const took = Date.now() - start;
		await click(page, "Run");
		await lastRow(page, ">>>");
		await page.focus("#terminal textarea");
		await enter(page, "'again'");
		await lastRow(page, ">>>");
		await press(page, "Control+d");
		await status(page, "^Exited with code 0");
		// It should take less than a second; a busy machine gets some more.
		expect(took).toBeLessThan(5000);
		await click(page, "Run");
		await lastRow(page, ">>>");
	});

	for (const [what, text, cut, narrow, answer] of [
		["narrower", `len('${"y".repeat(60)}zz`, 2, [420], "60"],
		["narrower and wide again", `len('${"y".repeat(60)}zz`, 2, [420, 1280], "60"],
		["ever narrower", `len('${"y".repeat(100)}zzz`, 3, [740, 600, 420], "100"],
		["narrower, with wide characters", `len('${"日本語".repeat(12)}終終`, 2, [420], "36"],
		[
			"to and fro, with wide characters",
			`len('x${"日本語".repeat(20)}終`,
			1,
			[500, 430, 1100],
			"61",
		],
	] as const) {
		test(`a line that is typed while the size changes: ${what}`, async ({ page }) => {
			await prompt(page, "python", ">>>");
			await type(page, text);
			for (const width of narrow) await resize(page, width);
			await press(page, "Backspace", cut);
			await enter(page, "')");
			await lastRow(page, ">>>");
			const rows = await screen(page);
			expect(rows.slice(-2)).toEqual([answer, ">>>"]);
			expect(rows.join("")).toContain(`${text.slice(0, -cut)}')${answer}>>>`);
			expect(rows.join("")).not.toMatch(/[z終]/);
		});
	}
});

test("SQLite's shell: statements over several lines, a mistake, and Ctrl-D", async ({ page }) => {
	await prompt(page, "sqlite", "sqlite>");
	await enter(page, "create table t(n); insert into t values (20), (22);");
	await lastRow(page, "sqlite>");
	await enter(page, "select sum(n)");
	await lastRow(page, "   ...>");
	await enter(page, "from t;");
	await lastRow(page, "sqlite>");
	await enter(page, "selct 1;");
	await lastRow(page, "sqlite>");
	const rows = await screen(page);
	expect(rows).toContain("42");
	expect(rows.join("\n")).toContain("syntax error");
	await press(page, "Control+d");
	await status(page, "^Exited");
});

test("QuickJS's prompt: values, a function over several lines, mistakes, Ctrl-C and Ctrl-D", async ({
	page,
}) => {
	await prompt(page, "quickjs", ">");
	await enter(page, "const word = 'quick' + 'js'; word.length");
	await lastRow(page, ">");
	await enter(page, "function twice(n) {");
	await lastRow(page, "...");
	await enter(page, "return [word, 2 * n] }");
	await lastRow(page, ">");
	await enter(page, "twicf");
	await lastRow(page, ">");
	await type(page, "half a li");
	await press(page, "Control+c");
	await lastRow(page, ">");
	await type(page, "twicf");
	await press(page, "Backspace");
	await enter(page, "e(21)");
	await lastRow(page, ">");
	expect((await screen(page)).slice(-6)).toEqual([
		"> twicf",
		"ReferenceError: 'twicf' is not defined",
		"> half a li^C",
		"> twice(21)",
		'["quickjs", 42]',
		">",
	]);
	await press(page, "Control+d");
	await status(page, "^Exited with code 0");
});

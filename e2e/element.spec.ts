/**
 * `<porthole-terminal>` in a page: what it shows, what it can be told, and that nothing is left of it
 * when it is taken out.
 */
import { expect, type Page, test } from "@playwright/test";
import type {} from "./library.ts";

const screen = (page: Page) => page.locator("porthole-terminal .xterm-rows");
const state = (page: Page) => page.locator("porthole-terminal").getByRole("status");

/** A page with an element that has these attributes; what it tells is in `told`. */
async function open(page: Page, attributes: Record<string, string>): Promise<void> {
	await page.goto("/pages/element.html");
	await page.evaluate(async (given) => {
		await customElements.whenDefined("porthole-terminal");
		const element = document.createElement("porthole-terminal");
		for (const [name, value] of Object.entries(given)) element.setAttribute(name, value);
		const told: string[] = [];
		Object.assign(globalThis, { told });
		for (const type of ["start", "exit", "failure"]) {
			element.addEventListener(type, (event) => {
				const detail: unknown = event instanceof CustomEvent ? event.detail : null;
				const { code } = Object(detail) as { code?: unknown };
				told.push(type === "start" ? type : `${type} ${code}`);
			});
		}
		document.querySelector("main")?.append(element);
	}, attributes);
}

/** As a page does it: by the element's own method. */
const focus = (page: Page) =>
	page.evaluate(() => document.querySelector("porthole-terminal")?.focus());

const told = (page: Page) =>
	page.evaluate(() => (globalThis as unknown as { told: string[] }).told);

const set = (page: Page, attributes: Record<string, string>) =>
	page.locator("porthole-terminal").evaluate((element, given) => {
		for (const [name, value] of Object.entries(given)) element.setAttribute(name, value);
	}, attributes);

const PYTHON = { src: "/packages/python.webc", command: "python" };
const SQLITE = { src: "/packages/sqlite.webc", command: "sqlite" };

test("a prompt: typing, the end, and again by its button with the focus in it", async ({
	page,
}) => {
	await open(page, { ...PYTHON, label: "Python" });
	await expect(state(page)).toHaveText("Loading python.webc…");
	await expect(screen(page)).toContainText(">>>", { timeout: 30_000 });
	await expect(page.getByRole("group", { name: "Python" })).toBeVisible();
	// It takes no focus by itself.
	await expect(page.locator("porthole-terminal")).not.toBeFocused();
	await focus(page);
	await page.keyboard.type("6 * 7\n");
	await expect(screen(page)).toContainText("42");
	await page.keyboard.press("Shift+Tab");
	await expect(page.getByRole("button", { name: "Before" })).toBeFocused();
	await focus(page);
	await page.keyboard.press("Control+d");
	await expect(state(page)).toHaveText("The program has ended with code 0.");
	expect(await told(page)).toEqual(["start", "exit 0"]);
	await page.getByRole("button", { name: "Start again" }).click();
	await expect(screen(page)).toContainText(">>>", { timeout: 30_000 });
	await expect(screen(page)).not.toContainText("42");
	await page.keyboard.type("6 * 8\n");
	await expect(screen(page)).toContainText("48");
});

test("changed attributes start again, once; a move in the page changes nothing", async ({
	page,
}) => {
	await open(page, { ...PYTHON, args: `-c "print('fir' + 'st'); input()"` });
	await expect(screen(page)).toContainText("first", { timeout: 30_000 });
	await page.evaluate(() => {
		const element = document.querySelector("porthole-terminal");
		if (element) document.body.append(element);
	});
	await focus(page);
	expect(await told(page)).toEqual(["start"]);
	await set(page, {
		src: "/packages/sqlite.webc",
		command: "sqlite",
		args: `:memory: "select 6 * 7"`,
	});
	await expect(screen(page)).toContainText("42", { timeout: 30_000 });
	await expect(state(page)).toHaveText("The program has ended with code 0.");
	await expect(screen(page)).not.toContainText("first");
	expect(await told(page)).toEqual(["start", "start", "exit 0"]);
	// The sandbox ends with the program.
	await expect.poll(() => page.workers().length).toBe(0);
});

test("an element that is taken out ends its program, and whatever it was doing", async ({
	page,
}) => {
	await open(page, { ...PYTHON, args: `-c "while True: pass"` });
	await expect.poll(() => told(page), { timeout: 30_000 }).toEqual(["start"]);
	await page.locator("porthole-terminal").evaluate((element) => element.remove());
	await expect.poll(() => page.workers().length, { timeout: 10_000 }).toBe(0);
	// Also while the package is still loading.
	await open(page, PYTHON);
	await page.locator("porthole-terminal").evaluate((element) => element.remove());
	await expect.poll(() => page.workers().length, { timeout: 10_000 }).toBe(0);
	expect(await told(page)).toEqual([]);
});

test("a failure is told, with what to do next; the corrected element runs", async ({ page }) => {
	await open(page, { src: "https://:no address/" });
	const alert = page.locator("porthole-terminal").getByRole("alert");
	await expect(alert).toContainText("could not be started", { timeout: 30_000 });
	await set(page, { src: "/packages/nothing.webc" });
	await expect(alert).toContainText("404", { timeout: 30_000 });
	await expect(alert).toContainText("Check the address in `src`");
	await set(page, { src: "/packages/sqlite.webc", command: "nosuch" });
	await expect(alert).toContainText("Name one of the package's commands", { timeout: 30_000 });
	await set(page, { command: "sqlite", args: "'open" });
	await expect(alert).toContainText("the quote ' is not closed");
	await set(page, { args: "-version" });
	await expect(screen(page)).toContainText("3.26", { timeout: 30_000 });
	await expect(alert).toHaveText("");
	expect(await told(page)).toEqual([
		expect.stringMatching(/^failure/),
		"failure http-error",
		"failure missing-command",
		"failure invalid-option",
		"start",
		"exit 0",
	]);
});

test("its style is its own, follows the colours of the page, and its size is the terminal's", async ({
	page,
}) => {
	await page.emulateMedia({ colorScheme: "light" });
	await open(page, SQLITE);
	await expect(screen(page)).toContainText("sqlite>", { timeout: 30_000 });
	const ground = () =>
		page
			.locator("porthole-terminal")
			.evaluate((element) => getComputedStyle(element).backgroundColor);
	const light = await ground();
	await page.emulateMedia({ colorScheme: "dark" });
	expect(await ground()).not.toBe(light);
	const keys = page.locator("porthole-terminal textarea");
	expect(await keys.evaluate((element) => getComputedStyle(element).opacity)).toBe("0");
	expect(await page.locator("head style").count()).toBe(0);
	const rows = page.locator("porthole-terminal .xterm-rows > div");
	const before = await rows.count();
	await page.locator("porthole-terminal").evaluate((element) => {
		element.style.height = "12rem";
	});
	await expect.poll(() => rows.count()).toBeLessThan(before);
	await focus(page);
	await page.keyboard.type("select 6 * 7;\n");
	await expect(screen(page)).toContainText("42");
});

test("its properties are its attributes; Escape, then Tab, leaves it while a program runs", async ({
	page,
}) => {
	await page.goto("/pages/library.html");
	await page.waitForFunction(() => document.title === "ready");
	await page.evaluate(async () => {
		const element = document.createElement("porthole-terminal");
		const program = "print('rea' + 'dy'); print('got', repr(input()))";
		// Before the element is known, as a framework may do.
		Object.assign(element, { src: "/packages/python.webc", command: "python" });
		const after = document.createElement("button");
		after.textContent = "After";
		document.body.append(element, after);
		await import("/dist/element.js" as string);
		Object.assign(element, { args: `-u -c "${program}"`, label: "Keys" });
	});
	const element = page.locator("porthole-terminal");
	await expect(element).toHaveAttribute("src", "/packages/python.webc");
	await expect(page.getByRole("group", { name: "Keys" })).toBeVisible({ timeout: 30_000 });
	expect(await element.evaluate((now) => Reflect.get(now, "command"))).toBe("python");
	const keys = element.locator("textarea");
	await expect(keys).toHaveAccessibleDescription(/Escape, then Tab/, { timeout: 30_000 });
	await expect(screen(page)).toContainText("ready", { timeout: 30_000 });
	await focus(page);
	await page.keyboard.press("Tab");
	await expect(keys).toBeFocused();
	await page.keyboard.press("Escape");
	await page.keyboard.press("Tab");
	await expect(page.getByRole("button", { name: "After" })).toBeFocused();
	await focus(page);
	await page.keyboard.type("on\n");
	await expect(screen(page)).toContainText("got '\\t\\x1bon'", { timeout: 30_000 });
});

test("its sandbox is made with what the page gives, also before the element is known", async ({
	page,
}) => {
	await page.goto("/pages/library.html");
	await page.waitForFunction(() => document.title === "ready");
	await page.evaluate(async () => {
		const give = (words: string) => {
			const directory = new porthole.MemoryDirectory({ a: `select '${words}';` });
			return { mounts: { "/data": directory } };
		};
		const element = document.createElement("porthole-terminal");
		Object.assign(element, { options: give("given early") });
		element.setAttribute("src", "/packages/sqlite.webc");
		element.setAttribute("args", `:memory: ".read /data/a"`);
		document.body.append(element);
		await import("/dist/element.js" as string);
		Object.assign(globalThis, {
			giveLate: () => Object.assign(element, { options: give("given late") }),
		});
	});
	await expect(screen(page)).toContainText("given early", { timeout: 30_000 });
	await page.evaluate(() => (globalThis as unknown as { giveLate(): void }).giveLate());
	await expect(screen(page)).toContainText("given late", { timeout: 30_000 });
});

test("an attribute that is nearly right is told the right one; a signal of `options` ends the start", async ({
	page,
}) => {
	await open(page, { src: "/packages/python.webc", arg: "-V", class: "wide", "data-src": "x" });
	await expect(page.locator("porthole-terminal").getByRole("alert")).toHaveText(
		"The program could not be started: arg is no attribute; did you mean args? Correct the attributes of the element.",
	);
	expect(await told(page)).toEqual(["failure invalid-option"]);
	await page.locator("porthole-terminal").evaluate((element) => {
		element.removeAttribute("arg");
		Object.assign(element, {
			options: { signal: AbortSignal.abort(new Error("the page's reason")) },
		});
	});
	await expect(page.locator("porthole-terminal").getByRole("alert")).toContainText(
		"the page's reason",
	);
	await page.locator("porthole-terminal").evaluate((element) => {
		Object.assign(element, { options: { package: [] } });
	});
	await expect(page.locator("porthole-terminal").getByRole("alert")).toContainText(
		"package is no option of Sandbox.create; did you mean packages?",
	);
});

/**
 * Where a page may use the library: under content policies, in frames without an origin, in workers;
 * and what it is told where it may not.
 */
import { spawnSync } from "node:child_process";
import { execPath } from "node:process";
import { fileURLToPath } from "node:url";
import { expect, type Frame, type Page, test } from "@playwright/test";
import type * as Porthole from "../src/index.ts";

type Library = typeof Porthole;

// Most tests begin with a browser that has compiled nothing.
test.setTimeout(180_000);

/** What the page and its workers say of policies. */
async function hearViolations(page: Page): Promise<() => Promise<string[]>> {
	const logged: string[] = [];
	page.on("console", (message) => {
		if (/Content Security|Trusted/i.test(message.text())) logged.push(message.text());
	});
	await page.addInitScript(() => {
		const violations: string[] = [];
		Object.assign(globalThis, { violations });
		addEventListener("securitypolicyviolation", (event) => {
			violations.push(`${event.effectiveDirective} ${event.blockedURI} ${event.sample}`);
		});
	});
	return async () => {
		const told = await page.evaluate(
			() => (globalThis as unknown as { violations: string[] }).violations,
		);
		return [...told, ...logged];
	};
}

/** Opens an empty page below `place`; see `server.ts`. */
const open = (page: Page, place: string) => page.goto(`/${place}/pages/blank.html`);

interface Wish {
	/** The file of `dist/`. */
	readonly library?: string;
	readonly options?: {
		readonly bridge?: "auto" | "blocking" | "preloaded";
		readonly workerUrl?: string;
		readonly packages?: readonly string[];
	};
	readonly stores?: readonly ("IndexedDBDirectory" | "OPFSDirectory")[];
}

/** Makes a sandbox and runs a program in it; answers with what it printed, or with the error. */
function runIn(where: Page | Frame, wish: Wish = {}): Promise<string> {
	return where.evaluate(async ({ library = "index.js", options, stores = [] }) => {
		const base = new URL("..", document.baseURI).href;
		try {
			const porthole: Library = await import(`${base}dist/${library}`);
			const mounts = stores.map((kind) => [`/${kind}`, new porthole[kind](`contexts-${kind}`)]);
			const sandbox = await porthole.Sandbox.create({
				packages: [`${base}packages/sqlite.webc`],
				mounts: Object.fromEntries(mounts),
				...options,
			});
			for (const kind of stores) await sandbox.fs.writeFile(`/${kind}/a`, "b");
			const { text } = await sandbox.command("sqlite", [":memory:", "select 6 * 7"]).output();
			await sandbox.close();
			return text().trim();
		} catch (error) {
			const { name, code, message } = error as Porthole.PortholeError;
			return `${name} ${code}: ${message}`;
		}
	}, wish);
}

test.describe("under a policy that allows next to nothing", () => {
	for (const [place, wish] of [
		["strict", { stores: ["IndexedDBDirectory", "OPFSDirectory"] }],
		["strict", { options: { bridge: "preloaded" } }],
		["strict", { options: { workerUrl: "../dist/guest.js" } }],
		["strict-isolated", { options: { bridge: "blocking" } }],
		["strict-inline", { library: "inline.js" }],
	] satisfies [string, Wish][]) {
		test(`the library runs a program: ${place} ${JSON.stringify(wish)}`, async ({ page }) => {
			const violations = await hearViolations(page);
			await open(page, place);
			expect(await runIn(page, wish)).toBe("42");
			expect(await violations()).toEqual([]);
		});
	}

	test("the element has its style, its colours and its height", async ({ page }) => {
		const violations = await hearViolations(page);
		await page.goto("/strict/pages/blank.html");
		await page.evaluate(async () => {
			await import(new URL("../dist/element.js", document.baseURI).href);
			const element = document.createElement("porthole-terminal");
			element.setAttribute("src", "../packages/python.webc");
			element.setAttribute("args", `-c "print('\\x1b[38;2;255;0;0mred'); input()"`);
			document.body.append(element);
		});
		const element = page.locator("porthole-terminal");
		const red = element.locator(".xterm-rows span", { hasText: "red" });
		await expect(red).toBeVisible({ timeout: 60_000 });
		expect(await red.evaluate((span) => span.style.color)).not.toBe("");
		const height = () => element.evaluate((terminal) => terminal.getBoundingClientRect().height);
		expect(await height()).toBe(24 * 16);
		const keys = element.locator("textarea");
		expect(await keys.evaluate((textarea) => getComputedStyle(textarea).opacity)).toBe("0");
		// A height that is that of its content does not grow with the rows that it gets.
		await element.evaluate((terminal) => {
			terminal.style.height = "auto";
		});
		const rows = element.locator(".xterm-rows > div");
		await expect.poll(() => rows.count(), { timeout: 30_000 }).toBeLessThan(12);
		expect(await height()).toBeLessThan(200);
		expect(await violations()).toEqual([]);
	});

	test("the playground runs a program in its terminal", async ({ page }) => {
		const violations = await hearViolations(page);
		await page.goto("/strict/");
		await page.getByRole("button", { name: /^python/ }).click();
		await expect(page.locator("#loading-text")).toContainText("is ready", { timeout: 60_000 });
		await page.getByLabel("Arguments").fill(`-c "print('\\x1b[38;2;255;0;0m' + 'r' + 'ed')"`);
		await page.getByLabel("In a terminal").check();
		await page.getByRole("button", { name: /^Run/ }).click();
		const red = page.locator("#terminal .xterm-rows span", { hasText: "red" });
		await expect(red).toBeVisible({ timeout: 60_000 });
		for (const tab of ["Files", "Mounts", "Package", "Browser"]) {
			await page.getByRole("tab", { name: tab }).click();
		}
		await page.evaluate(() => navigator.serviceWorker.ready.then(() => {}));
		expect(await violations()).toEqual([]);
	});
});

test.describe("Trusted Types", () => {
	test("a page that names its policies allows that of the library", async ({ page }) => {
		const violations = await hearViolations(page);
		await open(page, "named-policy");
		expect(await runIn(page)).toBe("42");
		expect(await runIn(page, { options: { bridge: "preloaded" } })).toBe("42");
		expect(await violations()).toEqual([]);
	});

	test("where it does not, an error says so; an address that the page trusts is taken", async ({
		page,
	}) => {
		await open(page, "other-policy");
		expect(await runIn(page)).toMatch(/^PortholeError content-policy: .*trusted-types porthole/);
		const printed = await page.evaluate(async () => {
			const base = new URL("..", document.baseURI).href;
			const { trustedTypes } = globalThis as unknown as {
				trustedTypes: {
					createPolicy(
						name: string,
						rules: object,
					): { createScriptURL(text: string): Porthole.TrustedAddress };
				};
			};
			const rules = { createScriptURL: (text: string) => text };
			const workerUrl = trustedTypes
				.createPolicy("mine", rules)
				.createScriptURL(`${base}dist/guest.js`);
			const { Sandbox }: Library = await import(`${base}dist/index.js`);
			const sandbox = await Sandbox.create({
				workerUrl,
				packages: [`${base}packages/sqlite.webc`],
			});
			const { text } = await sandbox.command("sqlite", [":memory:", "select 6 * 7"]).output();
			await sandbox.close();
			return text().trim();
		});
		expect(printed).toBe("42");
	});
});

test.describe("what keeps a worker from starting is told apart", () => {
	test("a policy", async ({ page }) => {
		await open(page, "no-worker");
		expect(await runIn(page)).toMatch(/^PortholeError content-policy: .*worker-src/);
		expect(await runIn(page, { library: "inline.js" })).toMatch(/^PortholeError content-policy: /);
	});

	test("a policy for requests", async ({ page }) => {
		await open(page, "no-connect");
		const packages = ["https://elsewhere.example/a.webc"];
		const refused =
			/^PortholeError content-policy: .*connect-src.*https:\/\/elsewhere\.example to its connect-src/;
		expect(await runIn(page, { options: { packages } })).toMatch(refused);
		const request = page.evaluate(async () => {
			const porthole: Library = await import(new URL("../dist/index.js", document.baseURI).href);
			const sandbox = await porthole.Sandbox.create();
			const { code } = await sandbox
				.load(new Request("https://elsewhere.example/b.webc"))
				.catch((error) => error);
			return code;
		});
		expect(await request).toBe("content-policy");
		const listing = page.evaluate(async () => {
			const porthole: Library = await import(new URL("../dist/index.js", document.baseURI).href);
			const directory = new porthole.HTTPDirectory("https://elsewhere.example/", {
				index: "all.json",
			});
			const { code, message } = await directory.list("/").catch((error) => error);
			return `${code}: ${message}`;
		});
		expect(await listing).toMatch(
			/^content-policy: .*https:\/\/elsewhere\.example to its connect-src/,
		);
	});

	test("a policy for WebAssembly", async ({ page }) => {
		await open(page, "no-wasm");
		expect(await runIn(page)).toMatch(/^PortholeError content-policy: .*'wasm-unsafe-eval'/);
	});

	test("a script that is missing, one that is none, and no network", async ({ page, context }) => {
		await open(page, "strict");
		const missing = { options: { workerUrl: "../dist/nothing.js", packages: [] } };
		expect(await runIn(page, missing)).toMatch(/^PortholeError worker-failed: .*answered 404/);
		const page404 = { options: { workerUrl: "../pages/blank.html", packages: [] } };
		expect(await runIn(page, page404)).toMatch(/^PortholeError worker-failed: .*text\/html/);
		const none = { options: { workerUrl: "no address://", packages: [] } };
		expect(await runIn(page, none)).toMatch(/^PortholeError worker-failed/);
		await context.setOffline(true);
		const options = { workerUrl: "../dist/guest.js?fresh", packages: [] };
		expect(await runIn(page, { options })).toMatch(/^PortholeError network-error: .*no network/);
		expect(await runIn(page)).toMatch(/^PortholeError network-error: /);
		await context.setOffline(false);
		expect(await runIn(page)).toBe("42");
	});
});

test.describe("a frame without an origin", () => {
	const inFrame = async (page: Page): Promise<Frame> => {
		await page.goto("/open/pages/frame.html");
		const frame = page.frames()[1];
		if (frame === undefined) throw new Error("the page has no frame");
		await frame.waitForLoadState();
		return frame;
	};

	for (const library of ["inline.js", "index.js"]) {
		for (const bridge of ["auto", "preloaded"] as const) {
			test(`runs a program: ${library}, ${bridge}`, async ({ page }) => {
				const frame = await inFrame(page);
				expect(await runIn(frame, { library, options: { bridge } })).toBe("42");
			});
		}
	}

	test("is refused its storage with errors of ours, and nothing else fails", async ({ page }) => {
		const faults: string[] = [];
		page.on("pageerror", (error) => faults.push(error.message));
		const frame = await inFrame(page);
		const codes = await frame.evaluate(async () => {
			const base = new URL("..", document.baseURI).href;
			const unhandled: string[] = [];
			addEventListener("unhandledrejection", ({ reason }) => unhandled.push(String(reason)));
			const porthole: Library = await import(`${base}dist/index.js`);
			const code = async (call: () => Promise<unknown>) => {
				try {
					return String(await call());
				} catch (error) {
					const { name, code } = error as Porthole.PortholeError;
					return `${name} ${code}`;
				}
			};
			const database = new porthole.IndexedDBDirectory("x");
			const files = new porthole.OPFSDirectory("x");
			const sandbox = await porthole.Sandbox.create();
			const found = {
				list: await code(() => database.list("/")),
				kept: await code(() => database.persisted()),
				files: await code(() => files.list("/")),
				inPlace: await code(() => files.isInPlace()),
				restore: await code(() => porthole.FileSystemAccessDirectory.restore("x")),
				forget: await code(() => porthole.FileSystemAccessDirectory.forget("x")),
				mount: await code(async () => {
					await sandbox.mount("/d", new porthole.IndexedDBDirectory("y"));
					await sandbox.fs.readdir("/d");
				}),
				opfs: sandbox.environment.features.opfs,
				serviceWorker: sandbox.environment.features.serviceWorker,
			};
			await sandbox.close();
			await new Promise((resolve) => setTimeout(resolve, 100));
			return { ...found, unhandled };
		});
		expect(codes).toEqual({
			list: "PortholeError EACCES",
			kept: "false",
			files: "PortholeError EACCES",
			inPlace: "PortholeError EACCES",
			restore: "PortholeError EACCES",
			forget: "PortholeError EACCES",
			mount: "PortholeError EACCES",
			opfs: false,
			serviceWorker: false,
			unhandled: [],
		});
		expect(faults).toEqual([]);
	});
});

test("a worker of the page's uses the library, with addresses relative to its own", async ({
	page,
}) => {
	await page.goto("/pages/blank.html");
	const said = await page.evaluate(
		() =>
			new Promise((resolve) => {
				const worker = new Worker("/pages/worker-user.js", { type: "module" });
				worker.onmessage = ({ data }) => resolve(data);
				worker.onerror = ({ message }) => resolve(message);
				worker.postMessage("go");
			}),
	);
	expect(said).toEqual(["42\n", "words.js"]);
});

test("in Node everything that takes a browser is refused with an error of ours", () => {
	const script = `
		const porthole = await import("./dist/index.js");
		const code = (call) => Promise.resolve().then(call).then(String, ({ name, code }) => name + " " + code);
		console.log(JSON.stringify([
			await code(() => porthole.Sandbox.create()),
			await code(() => porthole.Sandbox.create({ workerUrl: "./guest.js", bridge: "preloaded" })),
			await code(() => new porthole.IndexedDBDirectory("x").list("/")),
			await code(() => new porthole.OPFSDirectory("x").list("/")),
			await code(() => new porthole.HTTPDirectory("relative").list("/")),
			await code(() => porthole.FileSystemAccessDirectory.restore("x")),
			await code(() => porthole.FileSystemAccessDirectory.pick()),
			await code(() => new porthole.MemoryDirectory({ a: "b" }).list("/")),
		]));
	`;
	const { stdout, stderr } = spawnSync(execPath, ["--input-type=module", "--eval", script], {
		cwd: fileURLToPath(new URL("..", import.meta.url)),
		encoding: "utf8",
		env: {},
		timeout: 60_000,
	});
	expect(stderr).toBe("");
	expect(JSON.parse(stdout)).toEqual([
		"PortholeError not-supported",
		"PortholeError not-supported",
		"PortholeError not-supported",
		"PortholeError not-supported",
		"PortholeError EINVAL",
		"PortholeError not-supported",
		"PortholeError not-supported",
		"[object Object]",
	]);
});

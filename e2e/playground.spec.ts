/**
 * The playground, as a visitor uses it: by what it shows and what can be clicked, typed and dropped.
 */
import { readFileSync } from "node:fs";
import { expect, type Page, test } from "@playwright/test";
import { Killable } from "./killable.ts";
import { onSharedPage } from "./library.ts";

/** A module that prints what is in its memory: `(func (export "_start") (fd_write 1 iovec 1 n))`. */
const printer = (text: string): Buffer => {
	const bytes = [...Buffer.from(text)];
	const name = (word: string) => [word.length, ...Buffer.from(word)];
	const section = (id: number, body: number[]) => [id, body.length, ...body];
	const memory = [8, 0, 0, 0, bytes.length, 0, 0, 0, ...bytes];
	return Buffer.from([
		...[0, 0x61, 0x73, 0x6d, 1, 0, 0, 0],
		...section(1, [2, 0x60, 4, 0x7f, 0x7f, 0x7f, 0x7f, 1, 0x7f, 0x60, 0, 0]),
		...section(2, [1, ...name("wasi_snapshot_preview1"), ...name("fd_write"), 0, 0]),
		...section(3, [1, 1]),
		...section(5, [1, 0, 1]),
		...section(7, [2, ...name("_start"), 0, 1, ...name("memory"), 2, 0]),
		...section(10, [1, 14, 0, 0x41, 1, 0x41, 0, 0x41, 1, 0x41, 0x80, 1, 0x10, 0, 0x1a, 0x0b]),
		...section(11, [1, 0, 0x41, 0, 0x0b, memory.length, ...memory]),
	]);
};

const log = (page: Page) => page.getByRole("log");
const loading = (page: Page) => page.locator("#loading-text");
const status = (page: Page) => page.locator("#status");
const run = (page: Page) => page.getByRole("button", { name: /^Run/ });

async function open(page: Page, sample: string, origin = ""): Promise<void> {
	await page.goto(`${origin}/`);
	await page.getByRole("button", { name: new RegExp(`^${sample}`) }).click();
	await expect(loading(page)).toContainText("is ready", { timeout: 30_000 });
}

/** For tests that are not about a start: Python is loaded once for all of them. */
const withPython = onSharedPage(
	(page) => open(page, "python"),
	async (page) => {
		await page.getByRole("tab", { name: "Output" }).click();
		await page.getByRole("button", { name: "Clear" }).click();
	},
);

async function runPython(page: Page, program: string): Promise<void> {
	await page.getByLabel("Arguments").fill(`-u -c "${program}"`);
	await run(page).click();
}

/** Drops a file somewhere on the page. */
async function drop(page: Page, name: string, content: Buffer): Promise<void> {
	const transfer = await page.evaluateHandle(
		([fileName, bytes]) => {
			const data = new DataTransfer();
			data.items.add(new File([new Uint8Array(bytes)], fileName));
			return data;
		},
		[name, [...content]] as const,
	);
	for (const type of ["dragenter", "dragover", "drop"]) {
		await page.dispatchEvent("main", type, { dataTransfer: transfer });
	}
}

test("a sample is loaded and prints", { tag: "@isolated" }, async ({ page }) => {
	const faults: string[] = [];
	page.on("pageerror", (error) => faults.push(error.message));
	await open(page, "python");
	await expect(page.getByLabel("Command")).toHaveValue("python");
	await run(page).click();
	await expect(log(page)).toHaveText(/^Hello from Python 3\.11/, { timeout: 30_000 });
	await expect(status(page)).toHaveText("Exited with code 0");
	await expect(page.locator("#clock")).toHaveText(/^[\d.]+ m?s$/);
	expect(faults).toEqual([]);
});

withPython(
	"output appears as it is written, errors apart, and the exit code at the end",
	async ({ page }) => {
		const program = [
			"import sys, time",
			"print('first')",
			"wake = time.monotonic() + 1.5",
			"while time.monotonic() < wake: pass",
			"print('second', file=sys.stderr)",
			"sys.exit(3)",
		];
		await runPython(page, program.join("\n"));
		await expect(log(page)).toHaveText("first\n", { timeout: 30_000 });
		await expect(status(page)).toHaveText("python is running");
		await expect(status(page)).toHaveText("Exited with code 3");
		await expect(page.locator("#log .stderr")).toHaveText("second\n");
	},
);

withPython("a line is sent to a running program, and its input can be ended", async ({ page }) => {
	await runPython(page, "import sys\nfor line in sys.stdin: print('got', line.strip())");
	const input = page.getByLabel("A line of input to the program");
	await expect(input).toBeEditable({ timeout: 30_000 });
	await input.fill("one two");
	await input.press("Enter");
	await expect(log(page)).toContainText("got one two");
	await input.fill("three");
	await page.getByRole("button", { name: "End input" }).click();
	await expect(log(page)).toContainText("got three");
	await expect(status(page)).toHaveText("Exited with code 0");
});

withPython(
	"an endless loop is stopped by the keyboard, and the next run works",
	async ({ page }) => {
		await runPython(page, "print('in')\nwhile True: pass");
		await expect(log(page)).toContainText("in", { timeout: 30_000 });
		await page.keyboard.press("Escape");
		await expect(status(page)).toHaveText(/^Stopped by you/);
		await expect(page.getByRole("tab", { name: "Mounts", exact: true })).toBeVisible();
		await page.getByLabel("Arguments").fill("-c 'print(6 * 7)'");
		await page.keyboard.press("Control+Enter");
		await expect(log(page)).toHaveText("42\n", { timeout: 30_000 });
		await expect(status(page)).toHaveText("Exited with code 0");
	},
);

withPython("a time limit ends a program", async ({ page }) => {
	await page.getByText("Environment, input, directory, time limit").click();
	await page.getByLabel("Time limit").fill("1");
	await runPython(page, "input()");
	await expect(status(page)).toHaveText(/^Stopped by the time limit/, { timeout: 30_000 });
	await page.getByLabel("Time limit").fill("");
});

withPython("much output is cut, and the page says so", async ({ page }) => {
	await runPython(page, "for n in range(100000): print('line', n)");
	await expect(status(page)).toHaveText("Exited with code 0", { timeout: 30_000 });
	await expect(log(page)).toContainText("line 99999");
	await expect(log(page)).toContainText(/[\d,]+ earlier characters cut/);
	expect(await log(page).evaluate((element) => element.textContent?.length)).toBeLessThan(210_000);
	const fromEnd = (element: HTMLElement) =>
		element.scrollHeight - element.scrollTop - element.clientHeight;
	expect(await log(page).evaluate(fromEnd)).toBeLessThan(10);
});

test("an address without a package says what to do, and the page goes on", async ({ page }) => {
	await page.goto("/");
	await page.getByLabel("Address of a package").fill("packages/missing.webc");
	await page.getByRole("button", { name: "Load" }).click();
	const problem = page.getByRole("alert");
	await expect(problem).toContainText("The server has no package there");
	await expect(problem).toContainText("404");
	await expect(problem).toContainText("Check the address");
	await problem.getByRole("button", { name: "Dismiss" }).click();
	await expect(problem).toBeHidden();
	await page.getByRole("button", { name: /^sqlite/ }).click();
	await run(page).click();
	await expect(log(page)).toContainText("42", { timeout: 30_000 });
});

test("what is no package is refused, and the package before stays", async ({ page }) => {
	await open(page, "sqlite");
	await drop(page, "letter.webc", Buffer.from("Dear reader"));
	await expect(page.getByRole("alert")).toContainText("not a package that Porthole can read");
	await expect(loading(page)).toContainText("sqlite is still loaded");
	await run(page).click();
	await expect(log(page)).toContainText("42", { timeout: 30_000 });
	await expect(page.getByRole("alert")).toBeHidden();
});

test("a module that is dropped runs", async ({ page }) => {
	await page.goto("/");
	await expect(page.getByRole("button", { name: /^sqlite/ })).toBeVisible();
	await drop(page, "printer.wasm", printer("dropped!\n"));
	await expect(loading(page)).toContainText("printer is ready");
	await expect(page.getByLabel("Command")).toHaveValue("printer");
	await run(page).click();
	await expect(log(page)).toHaveText("dropped!\n");
	await expect(status(page)).toHaveText("Exited with code 0");
});

test("missing imports are listed", async ({ page }) => {
	await page.goto("/");
	await expect(page.getByRole("button", { name: /^sqlite/ })).toBeVisible();
	const stranger = printer("").toString("latin1").replace("fd_write", "fd_fling");
	await drop(page, "stranger.wasm", Buffer.from(stranger, "latin1"));
	await expect(loading(page)).toContainText("is ready");
	await run(page).click();
	const names = page.getByRole("alert").locator(".names li");
	await expect(names).toHaveText(["wasi_snapshot_preview1.fd_fling (function)"]);
	await expect(status(page)).toHaveText("Not started");
});

test("a link restores package and form, and runs nothing by itself", async ({ page, context }) => {
	await open(page, "python");
	await page.getByLabel("Arguments").fill(`-c "import os; print(os.environ['WHO'] + ' & %')"`);
	await page.getByText("Environment, input, directory, time limit").click();
	await page.getByLabel("Environment", { exact: false }).first().fill("WHO=friend");
	// The form is put into the address a moment later.
	await expect.poll(() => page.url()).toContain("friend");
	const link = page.url();
	const other = await context.newPage();
	await other.goto(link);
	await expect(loading(other)).toContainText(/python [\d.]+ is ready/, { timeout: 30_000 });
	await expect(status(other)).toHaveText("Nothing has run yet");
	await run(other).click();
	await expect(log(other)).toHaveText("friend & %\n", { timeout: 30_000 });
});

test("files are put in, seen, written by programs and kept by the next package", async ({
	page,
}) => {
	await open(page, "python");
	await page.getByRole("tab", { name: "Files" }).click();
	await page.getByLabel("Files to upload").setInputFiles({
		name: "greet.py",
		mimeType: "text/x-python",
		buffer: Buffer.from("open('/files/out.txt', 'w').write('from a file')"),
	});
	await page.getByRole("button", { name: "greet.py" }).click();
	await expect(page.getByLabel("greet.py")).toContainText("from a file");
	await page.getByLabel("Arguments").fill("/files/greet.py");
	await run(page).click();
	await expect(status(page)).toHaveText("Exited with code 0", { timeout: 30_000 });
	await page.getByRole("button", { name: /^sqlite/ }).click();
	await expect(loading(page)).toContainText(/sqlite [\d.]+ is ready/);
	await page.getByRole("tab", { name: "Files" }).click();
	await page.getByRole("button", { name: "out.txt" }).click();
	await expect(page.getByLabel("out.txt")).toHaveText("from a file");
	const download = page.waitForEvent("download");
	await page.getByRole("button", { name: "Download" }).click();
	expect((await download).suggestedFilename()).toBe("out.txt");
});

withPython(
	"the package and the browser are described",
	{ tag: "@isolated" },
	async ({ page }, { project }) => {
		await page.getByRole("tab", { name: "Package" }).click();
		await expect(page.getByRole("tabpanel")).toContainText("WEBC version");
		await expect(page.getByRole("tabpanel")).toContainText("/usr/local/lib");
		await page.keyboard.press("ArrowRight");
		const isolated = project.name === "chromium-isolated" ? "yes" : "no";
		await expect(page.getByRole("tabpanel")).toContainText(`Cross-origin isolated${isolated}`);
		await expect(page.getByRole("tabpanel")).toContainText("suspending");
	},
);

test("a C program is compiled, linked and run in the page", async ({ page }) => {
	await open(page, "clang");
	for (const step of ["1. Compile", "2. Link"]) {
		await page.getByRole("button", { name: step }).click();
		await run(page).click();
		await expect(log(page)).toHaveText(/nothing was printed/, { timeout: 30_000 });
		await expect(status(page)).toHaveText("Exited with code 0");
		await page.getByRole("button", { name: "Clear" }).click();
	}
	await page.getByRole("tab", { name: "Files" }).click();
	await page.getByRole("button", { name: "hello.wasm" }).click();
	await page.getByRole("button", { name: "Load as package" }).click();
	await expect(loading(page)).toContainText("hello is ready");
	await run(page).click();
	await expect(log(page)).toHaveText("Hello from C\n");
});

test("a trap is shown with the names of the guest's functions", async ({ page, request }) => {
	const found = await request.head("/programs/trapping.wasm");
	test.skip(!found.ok(), "the C programs of e2e/programs are not built");
	await page.goto("/");
	await page.getByLabel("Address of a package").fill("/programs/trapping.wasm");
	await page.getByRole("button", { name: "Load" }).click();
	await expect(loading(page)).toContainText("trapping is ready");
	await run(page).click();
	await expect(status(page)).toHaveText("Trapped: unreachable (code 134)");
	await expect(log(page)).toHaveText(/before\n.*at innermost .*at middle .*at outermost /s);
});

/** Mounts a directory through the form. */
async function mount(page: Page, kind: string, path: string, name = ""): Promise<void> {
	await page.getByRole("tab", { name: /^Mounts/ }).click();
	await page.getByLabel("Kind").selectOption({ label: kind });
	await page.getByLabel("Path", { exact: true }).fill(path);
	const field = page.locator("#mount-name");
	if (await field.isVisible()) await field.fill(name);
	await page.locator("#mount-submit").click();
}

const row = (page: Page, path: string) => page.locator(`#mounts-list [data-path="${path}"]`);

test("a Python program's notes and a SQLite database are there after a reload", async ({
	page,
}) => {
	await open(page, "python");
	await page.getByRole("button", { name: "Notes that last" }).click();
	await run(page).click();
	await expect(log(page)).toHaveText("one more\n", { timeout: 30_000 });
	await open(page, "sqlite");
	await page.getByRole("button", { name: "A database that lasts" }).click();
	await run(page).click();
	await expect(log(page)).toContainText("1 visits", { timeout: 30_000 });
	await page.reload();
	await expect(loading(page)).toContainText(/sqlite [\d.]+ is ready/, { timeout: 30_000 });
	await run(page).click();
	await expect(log(page)).toContainText("2 visits", { timeout: 30_000 });
	await open(page, "python");
	await page.getByRole("button", { name: "Notes that last" }).click();
	await run(page).click();
	await expect(log(page)).toHaveText("one more\none more\n", { timeout: 30_000 });
	await page.getByRole("tab", { name: /^Mounts/ }).click();
	await expect(row(page, "/files")).toContainText("Everything is saved");
});

test("notes and a database are there after the whole browser was killed", async ({ baseURL }, {
	project,
}) => {
	test.skip(project.name.endsWith("isolated"), "what is stored does not depend on the headers");
	test.setTimeout(180_000);
	const browser = new Killable();
	try {
		for (const visit of [1, 2]) {
			await browser.start();
			const page = await browser.open(`${baseURL}`);
			await open(page, "python", baseURL);
			await page.getByRole("button", { name: "Notes that last" }).click();
			await run(page).click();
			await expect(log(page)).toHaveText("one more\n".repeat(visit), { timeout: 30_000 });
			await expect(status(page)).toHaveText("Exited with code 0");
			await page.getByRole("button", { name: /^sqlite/ }).click();
			await expect(loading(page)).toContainText(/sqlite [\d.]+ is ready/, { timeout: 30_000 });
			await page.getByRole("button", { name: "A database that lasts" }).click();
			await run(page).click();
			await expect(log(page)).toContainText(`${visit} visits`, { timeout: 30_000 });
			await expect(status(page)).toHaveText("Exited with code 0");
			await browser.kill();
		}
	} finally {
		await browser.end();
	}
});

test("directories of several kinds are mounted, and are there at the next visit", async ({
	page,
}) => {
	await open(page, "python");
	await mount(page, "Private file system (OPFS)", "/work", "playground-test");
	await expect(row(page, "/work")).toContainText("OPFS");
	await mount(page, "IndexedDB", "/more", "playground-more");
	await expect(row(page, "/more")).toContainText("IndexedDB: playground-more");
	await mount(page, "Memory", "/scratch");
	await expect(row(page, "/scratch")).toContainText("In memory only");
	const write = ["/work", "/more", "/scratch"].map((at) => `open('${at}/f', 'w').write('${at}')`);
	await runPython(page, write.join("\n"));
	await expect(status(page)).toHaveText("Exited with code 0", { timeout: 30_000 });
	// The next package sees them, and so does the next visit, but for what was only in memory.
	await page.getByRole("button", { name: /^sqlite/ }).click();
	await expect(loading(page)).toContainText(/sqlite [\d.]+ is ready/, { timeout: 30_000 });
	await page.getByRole("tab", { name: /^Mounts/ }).click();
	await page.getByRole("button", { name: "Show the files of /scratch" }).click();
	await expect(page.locator("#files-list")).toHaveText("f");
	await open(page, "python");
	await runPython(
		page,
		"import os\nfor d in ('work', 'more', 'scratch'): print(d, os.listdir('/' + d))",
	);
	await expect(log(page)).toHaveText("work ['f']\nmore ['f']\nscratch []\n", { timeout: 30_000 });
	await page.getByRole("tab", { name: /^Mounts/ }).click();
	await page.getByRole("button", { name: "Unmount /work" }).click();
	await expect(row(page, "/work")).toHaveCount(0);
	await page.reload();
	await expect(loading(page)).toContainText(/python [\d.]+ is ready/, { timeout: 30_000 });
	await page.getByRole("tab", { name: /^Mounts/ }).click();
	await expect(page.locator("#mounts-list li code")).toHaveText(["/files", "/more", "/scratch"]);
});

test("a directory that cannot be mounted says why, at the field", async ({ page }) => {
	await open(page, "sqlite");
	await mount(page, "Web server (read only)", "/web", "/nowhere/");
	await expect(page.locator("#mount-hint")).toContainText("404");
	await expect(row(page, "/web")).toHaveCount(0);
	await mount(page, "Memory", "/files");
	await expect(page.locator("#mount-hint")).toContainText("mounted at /files already");
	await expect(page.getByLabel("Path", { exact: true })).toBeFocused();
	await expect(page.getByLabel("Path", { exact: true })).toHaveAttribute("aria-invalid", "true");
	await mount(page, "IndexedDB", "/x");
	await expect(page.locator("#mount-name")).toBeFocused();
});

test("a web server's directory is mounted by its index, read only", async ({ page }) => {
	await page.route("**/served/*", (route) => {
		const list = route.request().url().endsWith("list.txt");
		return route.fulfill({ body: list ? "hello.txt\n" : "Hello, mount" });
	});
	await open(page, "python");
	await mount(page, "Web server (read only)", "/web", "/served/list.txt");
	await expect(row(page, "/web")).toContainText("Read only");
	await runPython(page, "print(open('/web/hello.txt').read())\nopen('/web/new', 'w')");
	await expect(log(page)).toContainText("Hello, mount", { timeout: 30_000 });
	await expect(log(page)).toContainText("Read-only file system");
});

test("a directory goes out as an archive and comes in again", async ({ page }) => {
	await open(page, "python");
	await runPython(
		page,
		"import os; os.makedirs('/files/a/b')\nopen('/files/a/b/c.txt', 'w').write('deep')",
	);
	await expect(status(page)).toHaveText("Exited with code 0", { timeout: 30_000 });
	await page.getByRole("tab", { name: "Files" }).click();
	for (const format of ["zip", "tar.gz", "tar"]) {
		await page.getByLabel("Format of the archive").selectOption(format);
		const download = page.waitForEvent("download");
		await page.getByRole("button", { name: "Export" }).click();
		const saved = await download;
		expect(saved.suggestedFilename()).toBe(`files.${format}`);
		const path = test.info().outputPath(`files.${format}`);
		await saved.saveAs(path);
		await page.getByRole("button", { name: "a/", exact: true }).click();
		await expect(page.locator("#files-list")).toContainText("b/");
		await page.getByLabel("Archive to import").setInputFiles(path);
		await expect(page.locator("#files-status")).toContainText(`files.${format} is unpacked`);
		await page.getByRole("navigation").getByRole("button", { name: "files" }).click();
	}
	await page.getByLabel("Archive to import").setInputFiles({
		name: "letter.zip",
		mimeType: "application/zip",
		buffer: Buffer.from("Dear reader"),
	});
	await expect(page.locator("#files-status")).toContainText("cannot be unpacked");
});

test("the page tells that a worker was replaced", async ({ page }) => {
	await page.addInitScript(() => {
		const Plain = Worker;
		globalThis.Worker = class extends Plain {
			constructor(...given: ConstructorParameters<typeof Plain>) {
				super(...given);
				addEventListener("fail-worker", () =>
					this.postMessage({ to: 1, kind: "stdin", chunk: null }),
				);
			}
		};
	});
	await open(page, "python");
	await runPython(page, "print('in')\nwhile True: pass");
	await expect(log(page)).toContainText("in", { timeout: 30_000 });
	// A message that makes no sense: the worker throws where nobody catches.
	await page.evaluate(() => dispatchEvent(new Event("fail-worker")));
	await page.getByRole("tab", { name: "Mounts 1 new" }).click();
	await expect(page.locator("#notices")).toContainText("ended together with its worker");
	await expect(page.getByRole("tab", { name: "Mounts", exact: true })).toBeVisible();
	await page.getByRole("button", { name: "Clear" }).click();
	await expect(page.locator("#notices li")).toHaveCount(0);
});

test("a folder of the visitor's is remembered, and allowed again by one click", async ({
	page,
}) => {
	// What nobody can click in a test is replaced: the picker gives a directory of the page's own, and
	// at the second visit the browser wants to be asked.
	await page.addInitScript(() => {
		Object.assign(window, {
			showDirectoryPicker: async () =>
				(await navigator.storage.getDirectory()).getDirectoryHandle("My folder", { create: true }),
		});
		let state: PermissionState = sessionStorage.getItem("visited") === null ? "granted" : "prompt";
		sessionStorage.setItem("visited", "yes");
		const answer = async () => state;
		Object.assign(FileSystemHandle.prototype, {
			queryPermission: answer,
			requestPermission: () => {
				state = "granted";
				return answer();
			},
		});
	});
	await open(page, "python");
	await mount(page, "Folder of this computer", "/mine");
	await expect(row(page, "/mine")).toContainText("My folder");
	await runPython(page, "open('/mine/from-guest.txt', 'w').write('kept')");
	await expect(status(page)).toHaveText("Exited with code 0", { timeout: 30_000 });
	await page.reload();
	await expect(loading(page)).toContainText(/python [\d.]+ is ready/, { timeout: 30_000 });
	await page.getByRole("tab", { name: /^Mounts/ }).click();
	await expect(row(page, "/mine")).toContainText("wants your permission again");
	await page.getByRole("button", { name: "Allow this page to use the folder My folder" }).click();
	await expect(row(page, "/mine")).toContainText("Everything is saved");
	await page.getByRole("button", { name: "Show the files of /mine" }).click();
	await page.getByRole("button", { name: "from-guest.txt" }).click();
	await expect(page.getByLabel("from-guest.txt")).toHaveText("kept");
});

test("what could not be saved is told, and saved when it can be", async ({ page }) => {
	await open(page, "python");
	// The disk is full until it is said to be free.
	await page.evaluate(() => {
		const put = IDBObjectStore.prototype.put;
		const full: typeof put = () => {
			throw new DOMException("the disk is full", "QuotaExceededError");
		};
		IDBObjectStore.prototype.put = full;
		addEventListener("free", () => {
			IDBObjectStore.prototype.put = put;
		});
	});
	await runPython(page, "open('/files/late.txt', 'w').write('in time')");
	await expect(status(page)).toHaveText(/^Exited/, { timeout: 30_000 });
	await page.getByRole("tab", { name: /^Mounts \d new/ }).click();
	await expect(row(page, "/files")).toContainText("There is no space left");
	await expect(page.locator("#notices .bad").first()).toContainText("ENOSPC");
	await page.evaluate(() => dispatchEvent(new Event("free")));
	await page.getByRole("button", { name: "Save /files again" }).click();
	await expect(row(page, "/files")).toContainText("Everything is saved");
	await page.reload();
	await expect(loading(page)).toContainText(/python [\d.]+ is ready/, { timeout: 30_000 });
	await page.getByRole("tab", { name: "Files" }).click();
	await page.getByRole("button", { name: "late.txt" }).click();
	await expect(page.getByLabel("late.txt")).toHaveText("in time");
});

test("what was read of a package is saved as a profile, with which another page loads it", async ({
	page,
}) => {
	await open(page, "python");
	await run(page).click();
	await expect(status(page)).toHaveText("Exited with code 0", { timeout: 30_000 });
	await page.getByRole("tab", { name: "Package" }).click();
	const saving = page.waitForEvent("download");
	await page.getByRole("button", { name: "Save access profile" }).click();
	const saved = await saving;
	expect(saved.suggestedFilename()).toBe("python.profile.json");
	const path = test.info().outputPath("python.profile.json");
	await saved.saveAs(path);
	const profile = JSON.parse(readFileSync(path, "utf8"));
	expect(profile.format).toBe(1);
	expect(profile.spans.length).toBeGreaterThan(1);
	await expect(page.getByRole("tabpanel")).toContainText("python.profile.json is saved");
	const how = page.getByLabel("How to load with the profile");
	await expect(how).toContainText(
		/sandbox\.load\("packages\/python\.webc".*profile: "packages\/python\.profile\.json"/s,
	);
	// What the page says to write does work, and the profile is taken for what it is.
	await page.route("**/python.profile.json", (route) => route.fulfill({ path }));
	await page.goto("/pages/library.html");
	await page.waitForFunction(() => document.title === "ready");
	const { text, warnings } = await page.evaluate(async () => {
		const sandbox = await porthole.Sandbox.create();
		const warnings: string[] = [];
		sandbox.addEventListener("warning", ({ detail }) => warnings.push(detail.message));
		const asked = fetch("/packages/python.profile.json").then((answer) => answer.ok);
		await sandbox.load("/packages/python.webc", { profile: "/packages/python.profile.json" });
		const { text } = await sandbox.command("python", ["-c", "print(6 * 7)"]).output();
		return { text: `${text()}${await asked}`, warnings };
	});
	expect({ text, warnings }).toEqual({ text: "42\ntrue", warnings: [] });
});

test("a package that was read at once has no profile, and the page says which have", async ({
	page,
}) => {
	await page.goto("/");
	await expect(page.getByRole("button", { name: /^sqlite/ })).toBeVisible();
	await drop(page, "printer.wasm", printer("dropped!\n"));
	await expect(loading(page)).toContainText("printer is ready");
	await page.getByRole("tab", { name: "Package" }).click();
	await page.getByRole("button", { name: "Save access profile" }).click();
	await expect(page.getByRole("tabpanel")).toContainText("read at once");
	await expect(page.getByRole("tabpanel")).toContainText("Give the address of a package instead");
});

test("tabs work before the first sandbox does, and a load does not move the files", async ({
	page,
}) => {
	let answer = () => {};
	const held = new Promise<void>((resolve) => {
		answer = resolve;
	});
	// The worker is late.
	await page.route(/assets\/guest-[^/]*\.js$/, async (route) => {
		await held;
		await route.continue();
	});
	await page.goto("/");
	await page.getByRole("tab", { name: "Browser" }).click();
	await expect(page.getByRole("tabpanel")).toContainText("The sandbox is starting");
	await page.getByRole("tab", { name: "Files" }).click();
	await expect(page.locator("#files-status")).toContainText("The sandbox is starting");
	answer();
	await expect(page.locator("#files-list")).toContainText("Nothing here yet", { timeout: 30_000 });
	await page.getByRole("button", { name: /^python/ }).click();
	await expect(loading(page)).toContainText(/python [\d.]+ is ready/, { timeout: 30_000 });
	const path = page.getByRole("navigation", { name: "Directory" });
	await path.getByRole("button", { name: "/" }).click();
	for (const name of ["usr/", "local/", "lib/"]) {
		await page.locator("#files-list").getByRole("button", { name, exact: true }).click();
	}
	await page.locator("[data-sample=python]").click();
	await expect(loading(page)).toContainText(/python [\d.]+ is ready/, { timeout: 30_000 });
	await expect(page.locator("#files-list")).toContainText("python3");
	// The directory is one of the package, and goes with it: what is nearest is shown.
	await page.getByRole("button", { name: /^sqlite/ }).click();
	await expect(loading(page)).toContainText(/sqlite [\d.]+ is ready/, { timeout: 30_000 });
	await expect(path).not.toContainText("lib");
	await expect(path).toContainText("local");
});

test.describe("in a browser that cannot suspend programs", { tag: "@isolated" }, () => {
	test.use({ serviceWorkers: "block" });

	test.beforeEach(async ({ page }) => {
		await page.addInitScript(() => Reflect.deleteProperty(WebAssembly, "Suspending"));
	});

	/** On an isolated page programs sleep; elsewhere nothing waits. */
	const bridgeOf = (project: string) => (project.endsWith("isolated") ? "blocking" : "preloaded");

	test("programs print, are stopped, and leave files that last", async ({ page }, { project }) => {
		await open(page, "python");
		await page.getByRole("tab", { name: "Browser" }).click();
		await expect(page.getByRole("tabpanel")).toContainText(`Bridge${bridgeOf(project.name)}`);
		await page.getByRole("tab", { name: "Output" }).click();
		await runPython(page, "print('in')\nwhile True: pass");
		await expect(status(page)).toHaveText("python is running", { timeout: 30_000 });
		await page.keyboard.press("Escape");
		await expect(status(page)).toHaveText(/^Stopped by you/, { timeout: 30_000 });
		for (const lines of ["one more\n", "one more\none more\n"]) {
			await page.getByRole("button", { name: "Notes that last" }).click();
			await run(page).click();
			await expect(log(page)).toHaveText(lines, { timeout: 30_000 });
			await expect(status(page)).toHaveText("Exited with code 0");
			await page.reload();
			await expect(loading(page)).toContainText(/python [\d.]+ is ready/, { timeout: 30_000 });
		}
		await page.getByRole("tab", { name: "Files" }).click();
		await page.getByRole("button", { name: "notes.txt" }).click();
		await expect(page.getByLabel("notes.txt")).toHaveText("one more\none more\n");
	});

	test("a program that asks is answered, or the page says how it can be", async ({ page }, {
		project,
	}) => {
		await open(page, "python");
		await page.getByRole("button", { name: "Ask" }).click();
		await run(page).click();
		await expect(log(page)).toContainText("Who are you?", { timeout: 30_000 });
		const input = page.getByLabel("A line of input to the program");
		if (bridgeOf(project.name) === "blocking") {
			await input.fill("Ada");
			await input.press("Enter");
		} else {
			await expect(log(page)).toContainText("fill in “Standard input”");
			await expect(status(page)).toHaveText("Exited with code 1");
			await expect(input).not.toBeEditable();
			await page.locator("#stdin").fill("Ada");
			await run(page).click();
		}
		await expect(log(page)).toContainText("Hello, Ada", { timeout: 30_000 });
	});

	test("a prompt works, or is refused with what to do instead", async ({ page }, { project }) => {
		await open(page, "python");
		await page.getByRole("button", { name: "A prompt" }).click();
		await run(page).click();
		if (bridgeOf(project.name) === "blocking") {
			const screen = page.locator("#terminal .xterm-rows");
			await expect(screen).toContainText(">>>", { timeout: 30_000 });
			await page.keyboard.type("6 * 7\n");
			await expect(screen).toContainText("42");
			await page.keyboard.press("Control+d");
			await expect(status(page)).toHaveText("Exited with code 0", { timeout: 30_000 });
			return;
		}
		await expect(status(page)).toHaveText("Not started");
		await expect(page.getByRole("alert")).toContainText("This does not work here");
		await expect(page.getByRole("alert")).toContainText("fill in “Standard input”");
		await expect(page.locator("#terminal-note")).toContainText("cannot wait for keys");
		await page.getByLabel("In a terminal").uncheck();
		await page.locator("#stdin").fill("print(6 * 7)\n");
		await run(page).click();
		await expect(log(page)).toHaveText("42\n", { timeout: 30_000 });
	});
});

test("where nothing can wait at the first visit, the service worker lets programs wait at the next", async ({
	page,
}, { project }) => {
	test.skip(project.name.endsWith("isolated"), "programs wait there without it");
	await page.addInitScript(() => Reflect.deleteProperty(WebAssembly, "Suspending"));
	await page.goto("/");
	await page.waitForFunction(() => navigator.serviceWorker.controller !== null);
	await open(page, "sqlite");
	await page.getByRole("tab", { name: "Browser" }).click();
	await expect(page.getByRole("tabpanel")).toContainText("Bridgeblocking");
	await page.getByRole("button", { name: "A prompt" }).click();
	await run(page).click();
	const screen = page.locator("#terminal .xterm-rows");
	await expect(screen).toContainText("sqlite>", { timeout: 30_000 });
	await page.keyboard.type("select 6 * 7;\n");
	await expect(screen).toContainText("42", { timeout: 30_000 });
	await page.keyboard.press("Control+d");
	await expect(status(page)).toHaveText("Exited with code 0", { timeout: 30_000 });
});

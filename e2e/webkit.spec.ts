/**
 * The library in WebKitGTK, where guests cannot be suspended: over a service worker, or with what they
 * need there before they start.
 */
import { expect } from "@playwright/test";
import type {} from "./library.ts";
import { webkitTest as test, type WebKitPage } from "./webkit.ts";

// Each test starts a browser, which compiles Python anew and without a tier for speed.
test.setTimeout(240_000);

async function open(page: WebKitPage, bridge = ""): Promise<void> {
	await page.goto(`/pages/library.html${bridge && `?bridge=${bridge}`}`);
	await page.waitForTitle("ready");
}

test("the environment is told as it is @isolated", async ({ webkit }, { project }) => {
	await open(webkit);
	const found = await webkit.evaluate(async () => {
		const sandbox = await porthole.Sandbox.create();
		const { bridge, why, features, crossOriginIsolated } = sandbox.environment;
		await sandbox.close();
		return { bridge, why, features, crossOriginIsolated, named: "SharedArrayBuffer" in globalThis };
	});
	const isolated = project.name.endsWith("isolated");
	expect(found.crossOriginIsolated).toBe(isolated);
	expect(found.features.jspi).toBe(false);
	expect(found.features.sharedMemory).toBe(isolated && found.named);
	expect(found.bridge).toBe(found.features.sharedMemory ? "blocking" : "preloaded");
	if (isolated && !found.named) expect(found.why).toContain("no SharedArrayBuffer");
});

test("Python runs with what is given ahead", async ({ webkit }) => {
	await open(webkit);
	const { out, err, code } = await webkit.evaluate(async () => {
		const sandbox = await porthole.Sandbox.create({ packages: ["/packages/python.webc"] });
		const ran = await py(sandbox, "print(6 * 7, input())", { stdin: "given\n" });
		await sandbox.close();
		return ran;
	});
	expect([out, err, code]).toEqual(["42 given\n", "", 0]);
});

for (const isolated of [false, true]) {
	const tag = isolated ? " @isolated" : "";
	test(`a conversation over the service worker${tag}`, async ({ webkit }) => {
		await open(webkit, "service-worker");
		const heard = await webkit.evaluate(async () => {
			const sandbox = await porthole.Sandbox.create({ packages: ["/packages/python.webc"] });
			const program = "import sys\nfor line in sys.stdin: print('got', line.strip(), flush=True)";
			const process = await sandbox.command("python", ["-c", program]).spawn();
			const writer = process.stdin.getWriter();
			const next = lines(process.stdout);
			const heard: string[] = [];
			for (const word of ["one", "two", "three"]) {
				await writer.write(new TextEncoder().encode(`${word}\n`));
				heard.push(await next());
			}
			await writer.close();
			const { code } = await process.status;
			await sandbox.close();
			return [...heard, code];
		});
		expect(heard).toEqual(["got one\n", "got two\n", "got three\n", 0]);
	});
}

test("files of the page and of programs, and a mount that the next sandbox finds", async ({
	webkit,
}) => {
	await open(webkit, "service-worker");
	const read = await webkit.evaluate(async () => {
		const create = () =>
			porthole.Sandbox.create({
				packages: ["/packages/python.webc"],
				mounts: { "/kept": new porthole.IndexedDBDirectory("webkit") },
			});
		const first = await create();
		await first.fs.writeFile("/note", "from the page");
		await py(first, "open('/kept/copy', 'w').write(open('/note').read() + ', by Python')");
		await first.close();
		const second = await create();
		const names = (await second.fs.readdir("/kept")).map(({ name }) => name);
		const text = await second.fs.readTextFile("/kept/copy");
		await second.close();
		return [...names, text];
	});
	expect(read).toEqual(["copy", "from the page, by Python"]);
});

/**
 * Programs that wait on a page without isolation and, as far as they know, without JSPI: a service worker
 * with `porthole/service-worker` carries what they ask. Each test has a server and a browser context
 * of its own, because that is what a service worker belongs to.
 */
import { existsSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { expect, type Page, test } from "@playwright/test";
import { OfflineServer } from "./offline-server.ts";
import { buildPrograms } from "./programs/build.ts";

const PYTHON = fileURLToPath(new URL("../public/packages/python.webc", import.meta.url));
const PROGRAMS = fileURLToPath(new URL("../.cache/programs/", import.meta.url));
const { missing } = buildPrograms();

test.skip(!existsSync(PYTHON), "the sample packages are not there; `npm run samples` builds them");
test.skip(missing !== null, missing ?? "");
test.describe.configure({ timeout: 120_000 });

let server: OfflineServer;

test.beforeEach(async ({ page }) => {
	server = await OfflineServer.start();
	server.hosted.set("/python.webc", { bytes: readFileSync(PYTHON) });
	for (const name of ["spinning", "echoing", "visitor", "sleeping"]) {
		server.hosted.set(`/${name}.wasm`, { bytes: readFileSync(`${PROGRAMS}${name}.wasm`) });
	}
	await page.goto(server.origin);
	await page.waitForFunction(() => document.title === "ready");
});

test.afterEach(() => server.stop());

const controlled = (page: Page) => page.evaluate(() => started);

test("without a service worker the blocking bridge is refused, with advice", async ({ page }) => {
	const code = await page.evaluate(async () => {
		try {
			await porthole.Sandbox.create({ bridge: "blocking" });
			return "";
		} catch (error) {
			return (error as { code: string }).code;
		}
	});
	expect(code).toBe("not-supported");
});

test("python runs, reads its input when it is typed, and writes into a mount", async ({ page }) => {
	await controlled(page);
	const result = await page.evaluate(async () => {
		const data = new porthole.MemoryDirectory({ "in.txt": "from the page" });
		const sandbox = await porthole.Sandbox.create({
			packages: ["/python.webc"],
			mounts: { "/data": data },
			bridge: "blocking",
		});
		const script =
			"name = input()\nopen('/data/out.txt', 'w').write(name + ', ' + open('/data/in.txt').read())\n" +
			"print('hello', name)";
		const process = await sandbox.command("python", ["-c", script]).spawn();
		const keys = process.stdin.getWriter();
		await new Promise((resolve) => setTimeout(resolve, 500));
		await keys.write(new TextEncoder().encode("typed\n"));
		const out = await new Response(process.stdout).text();
		const { code } = await process.status;
		const { bridge, why, crossOriginIsolated: isolated } = sandbox.environment;
		const written = await sandbox.fs.readTextFile("/data/out.txt");
		await sandbox.close();
		return { out, code, bridge, why, isolated, written };
	});
	expect(result).toMatchObject({
		out: "hello typed\n",
		code: 0,
		bridge: "blocking",
		isolated: false,
		written: "typed, from the page",
	});
	expect(result.why).toContain("service worker");
});

test("guests sleep, call the page and are killed, each alone", async ({ page }) => {
	await controlled(page);
	const result = await page.evaluate(async () => {
		const sandbox = await porthole.Sandbox.create({
			packages: ["/spinning.wasm", "/echoing.wasm", "/visitor.wasm", "/sleeping.wasm"],
			bridge: "blocking",
		});
		const slept = (await sandbox.command("sleeping", ["once", "200"]).output()).text();
		const answer = async (n: number) => {
			await new Promise((resolve) => setTimeout(resolve, 50));
			return n * 7;
		};
		const options = { imports: { elsewhere: { answer } } };
		const visited = (await sandbox.command("visitor", [], options).output()).text();
		const waiting = await sandbox.command("echoing").spawn();
		const codes: number[] = [];
		for (const how of ["sleep", "calls", ""]) {
			const process = await sandbox.command("spinning", [how]).spawn();
			await process.stdout.getReader().read();
			process.kill();
			codes.push((await process.status).code);
		}
		const keys = waiting.stdin.getWriter();
		await keys.write(new TextEncoder().encode("still here\n"));
		await keys.close();
		const echo = await new Response(waiting.stdout).text();
		await sandbox.close();
		return { slept, visited, codes, echo };
	});
	expect(result).toMatchObject({ slept: "awake\n", visited: "42\n", codes: [143, 143, 143] });
	expect(result.echo).toContain("still here");
});

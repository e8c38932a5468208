/**
 * The ground that the other tests stand on: what kind of page a project gives, and a server that
 * answers ranges as real ones do. A test of isolation on a page that is not isolated proves nothing.
 */
import { expect, test } from "@playwright/test";

test("only the isolated project isolates its pages", async ({ page }, { project }) => {
	await page.goto("/pages/blank.html");
	const isolated = await page.evaluate(() => crossOriginIsolated);
	expect(isolated).toBe(project.name === "chromium-isolated");
});

test("the browser can suspend a guest", async ({ page }) => {
	await page.goto("/pages/blank.html");
	expect(await page.evaluate(() => "Suspending" in WebAssembly)).toBe(true);
});

test("a range is answered with that range", async ({ request }) => {
	const whole = await (await request.get("/pages/blank.html")).body();
	const response = await request.get("/pages/blank.html", { headers: { Range: "bytes=2-8" } });
	expect(response.status()).toBe(206);
	expect(response.headers()["content-range"]).toBe(`bytes 2-8/${whole.length}`);
	expect(await response.body()).toEqual(whole.subarray(2, 9));
	const tail = await request.get("/pages/blank.html", { headers: { Range: "bytes=-5" } });
	expect(await tail.body()).toEqual(whole.subarray(-5));
});

test("a range beyond the end is refused, and a missing file is not found", async ({ request }) => {
	const beyond = await request.get("/pages/blank.html", { headers: { Range: "bytes=99999-" } });
	expect(beyond.status()).toBe(416);
	expect((await request.get("/pages/missing.html")).status()).toBe(404);
	expect((await request.get("/pages/..%2f..%2fpackage.json")).status()).toBe(404);
});

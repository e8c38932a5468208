/**
 * Guests in workers of their own, which sleep on shared memory: what is different there. That programs,
 * files and mounts are as they are elsewhere, the other tests show on this rung too.
 */
import { expect, test } from "./library.ts";

test.beforeEach(async ({ page }) => {
	const isolated = await page.evaluate(() => crossOriginIsolated);
	test.skip(!isolated, "there is shared memory on isolated pages only");
});

test("python runs a script in a worker of its own", async ({ page }) => {
	const ran = await page.evaluate(async () => {
		const sandbox = await porthole.Sandbox.create({
			packages: ["/packages/python.webc"],
			bridge: "blocking",
		});
		const { bridge, why } = sandbox.environment;
		const first = await py(sandbox, "print(6 * 7); open('/tmp/x', 'w').write('kept')");
		const kept = await sandbox.fs.readTextFile("/tmp/x");
		await sandbox.close();
		return { bridge, why, first, kept };
	});
	expect(ran.first).toEqual({ code: 0, out: "42\n", err: "" });
	expect(ran.kept).toBe("kept");
	expect(ran.bridge).toBe("blocking");
});

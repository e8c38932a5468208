/**
 * What happens between a program and its mounts behind its back: refusals, what is on its way, others
 * that change the same directory, and a store that never answers.
 */
import { expect, test } from "./library.ts";

test("a refused change is an event and fails the next sync; it is kept, and made when it can be", async ({
	page,
}) => {
	const result = await page.evaluate(async () => {
		const directory = new porthole.MemoryDirectory();
		let full = true;
		const real = directory.apply.bind(directory);
		directory.apply = async (changes) =>
			full ? changes.map(({ call }) => (call === "write" ? "ENOSPC" : null)) : real(changes);
		const sandbox = await porthole.Sandbox.create({ mounts: { "/d": directory } });
		const told: unknown[] = [];
		const pending: number[] = [];
		sandbox.addEventListener("mounterror", ({ detail: { path, error } }) => {
			told.push([path, error instanceof porthole.PortholeError, error.code]);
		});
		sandbox.addEventListener("mountpending", ({ detail }) => pending.push(detail.bytes));
		full = false;
		await sandbox.fs.writeFile("/d/there", "x");
		await sandbox.sync();
		full = true;
		await sandbox.fs.writeFile("/d/there", "kept");
		const first = await caught(sandbox.sync());
		const waitFor = async (done: () => boolean) => {
			while (!done()) await new Promise((resolve) => setTimeout(resolve, 20));
		};
		await waitFor(() => sandbox.mounts[0]?.pending === 4);
		const held = sandbox.mounts;
		const seen = await sandbox.fs.readTextFile("/d/there");
		full = false;
		await sandbox.sync();
		const stored = text(await directory.read("/there", 0, 10));
		await waitFor(() => sandbox.mounts[0]?.pending === 0);
		await sandbox.close();
		return { told, first, held, seen, stored, last: pending.at(-1) };
	});
	expect(result.told).toEqual([["/d/there", true, "ENOSPC"]]);
	expect(result.first).toMatchObject({ porthole: true, code: "ENOSPC" });
	expect(result.first.message).toContain("/d");
	expect(result.held).toEqual([{ path: "/d", readOnly: false, pending: 4 }]);
	expect(result).toMatchObject({ seen: "kept", stored: "kept", last: 0 });
});

test("two sandboxes with one directory see what the other has changed", async ({ page }) => {
	const result = await page.evaluate(async () => {
		const directory = new porthole.MemoryDirectory({ "f.txt": "old" });
		const one = await porthole.Sandbox.create({ mounts: { "/one": directory } });
		const two = await porthole.Sandbox.create({ mounts: { "/two": directory } });
		const before = await two.fs.readTextFile("/two/f.txt");
		await one.fs.writeFile("/one/f.txt", "new, and longer");
		await one.fs.writeFile("/one/g.txt", "made");
		await one.sync();
		const until = async (wanted: string) => {
			for (;;) {
				const now = await two.fs.readTextFile("/two/f.txt");
				if (now === wanted && (await two.fs.exists("/two/g.txt"))) return now;
				await new Promise((resolve) => setTimeout(resolve, 20));
			}
		};
		const after = await until("new, and longer");
		await one.fs.rm("/one/f.txt");
		await one.sync();
		while (await two.fs.exists("/two/f.txt")) {
			await new Promise((resolve) => setTimeout(resolve, 20));
		}
		await Promise.all([one.close(), two.close()]);
		return { before, after };
	});
	expect(result).toEqual({ before: "old", after: "new, and longer" });
});

test("a store that never answers does not keep a sandbox from being closed", async ({ page }) => {
	test.setTimeout(60_000);
	const result = await page.evaluate(async () => {
		const directory = new porthole.MemoryDirectory();
		const sandbox = await porthole.Sandbox.create({ mounts: { "/d": directory } });
		await sandbox.fs.readdir("/d");
		directory.apply = () => new Promise(() => {});
		await sandbox.fs.writeFile("/d/f", "lost");
		const unmounted = await caught(sandbox.unmount("/d"));
		const closed = await caught(sandbox.close());
		return { unmounted, closed };
	});
	for (const error of [result.unmounted, result.closed]) {
		expect(error).toMatchObject({ porthole: true, code: "ETIMEDOUT" });
		expect(error.message).toContain("/d");
	}
});

/**
 * Programs that are stopped while they compute, and what they had been promised: a file that was closed is
 * whole, whatever it is mounted from, and so is what the page has written. The program here never gives the
 * thread back to anything that could still send it.
 */
import type * as Porthole from "../src/index.ts";
import { expect, needPrograms, fresh as test } from "./library.ts";

needPrograms();

const kinds: Readonly<Record<string, () => Promise<Porthole.Directory>>> = {
	IndexedDB: async () => new porthole.IndexedDBDirectory("stopped"),
	OPFS: async () => new porthole.OPFSDirectory("stopped"),
	memory: async () => new porthole.MemoryDirectory(),
	"a picked folder": async () => {
		const top = await navigator.storage.getDirectory();
		const folder = await top.getDirectoryHandle("picked", { create: true });
		return new porthole.FileSystemAccessDirectory(folder);
	},
	"a store without apply": async () => {
		const inner = new porthole.MemoryDirectory();
		const methods = ["list", "read", "write", "resize", "make", "remove", "rename"] as const;
		const bound = methods.map((name) => [
			name,
			async (...args: unknown[]) => {
				// As slow as a server.
				await new Promise((resolve) => setTimeout(resolve, 1));
				return Reflect.apply(inner[name], inner, args);
			},
		]);
		return Object.fromEntries(bound) as Porthole.Directory;
	},
};

const cases = Object.entries(kinds).flatMap(([name, open]) => [
	{ name, open, interruptible: false },
	// One that gives way is stopped without its worker; the promise is the same.
	...(name === "IndexedDB" || name === "OPFS"
		? [{ name: `${name}, interruptible`, open, interruptible: true }]
		: []),
]);

for (const { name, open, interruptible } of cases) {
	test(`${name}: what a program had closed is whole when it is stopped while it computes`, async ({
		page,
	}) => {
		const result = await page.evaluate(`(async () => {
			const directory = await (${open})();
			const sandbox = await porthole.Sandbox.create({
				packages: ["/programs/saving.wasm"],
				mounts: { "/m": directory },
				interruptible: ${interruptible},
				// Where the thread is the guest's own, and where it is all there is.
				bridge: crossOriginIsolated ? "blocking" : "suspending",
			});
			const { fs } = sandbox;
			for (const { name } of await fs.readdir("/m")) await fs.rm("/m/" + name, { recursive: true });
			await fs.writeFile("/m/log.txt", "line 0\\n");
			await fs.writeFile("/m/final.txt", "the old one");
			await sandbox.sync();
			const process = await sandbox.command("saving").spawn();
			await lines(process.stdout)();
			process.kill();
			const { code } = await process.status;
			const read = (path) => fs.readTextFile("/m/" + path).catch((error) => error.code);
			// A worker that was replaced has nothing left to send; one that lives on sends the rest.
			const left = sandbox.mounts[0].pending;
			const livesOn = crossOriginIsolated || ${interruptible};
			if (livesOn) await sandbox.sync();
			const many = await fs.readdir("/m/many");
			const contents = await Promise.all(many.map(({ name }) => read("many/" + name)));
			const seen = {
				code,
				out: await read("out.txt"),
				log: await read("log.txt"),
				draft: await read("draft"),
				final: await read("final.txt"),
				twice: await read("twice.txt"),
				many: many.every(({ name }, i) => contents[i] === "/m/many/" + name) ? many.length : contents,
				left: livesOn ? sandbox.mounts[0].pending : left,
			};
			await sandbox.close();
			return seen;
		})()`);
		expect(result).toEqual({
			code: 143,
			out: "result",
			log: "line 0\nline 1\n",
			draft: "ENOENT",
			final: "the new one",
			twice: "closed once",
			many: 49,
			left: 0,
		});
	});
}

test("what the page has written is there when a program that computes is stopped", async ({
	page,
}) => {
	const result = await page.evaluate(async () => {
		const sandbox = await porthole.Sandbox.create({
			packages: ["/programs/spinning.wasm"],
			mounts: { "/m": new porthole.IndexedDBDirectory("stopped-page") },
			interruptible: false,
		});
		const { fs } = sandbox;
		await fs.mkdir("/m/d/e", { recursive: true });
		await fs.writeFile("/m/main.py", "print(1)\n");
		await fs.rename("/m/main.py", "/m/d/e/main.py");
		// It starts in the very turn in which that was answered.
		const process = await sandbox.command("spinning").spawn();
		await lines(process.stdout)();
		process.kill();
		await process.status;
		const found = await fs.readTextFile("/m/d/e/main.py").catch((error) => error.code);
		await sandbox.close();
		return found;
	});
	expect(result).toBe("print(1)\n");
});

test("what a program has not closed is told while it computes", async ({ page }) => {
	const result = await page.evaluate(async () => {
		const sandbox = await porthole.Sandbox.create({
			packages: ["/programs/saving.wasm"],
			mounts: { "/m": new porthole.MemoryDirectory() },
			bridge: "suspending",
			interruptible: false,
		});
		const told: number[] = [];
		sandbox.addEventListener("mountpending", ({ detail }) => told.push(detail.bytes));
		const process = await sandbox.command("saving").spawn();
		await lines(process.stdout)();
		const pending = sandbox.mounts[0]?.pending ?? 0;
		process.kill();
		await process.status;
		const after = sandbox.mounts[0]?.pending;
		await sandbox.close();
		return { pending, after, last: told.at(-1) };
	});
	expect(result.pending).toBeGreaterThan(0);
	expect(result).toMatchObject({ after: 0, last: 0 });
});

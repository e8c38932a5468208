/**
 * Programs that compute without making calls: they take turns, they can be stopped, and the page is
 * answered meanwhile. On any page, in one worker.
 */
import { spawnSync } from "node:child_process";
import { copyFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { execPath } from "node:process";
import { fileURLToPath } from "node:url";
import { expect, needPrograms, test } from "./library.ts";
import { MODULES } from "./programs/build.ts";

needPrograms();

test("two endless programs and a Python prompt share a sandbox, and nothing is lost when they are stopped", {
	tag: "@waits",
}, async ({ page }) => {
	const seen = await page.evaluate(async () => {
		const sandbox = await porthole.Sandbox.create({
			packages: ["/packages/python.webc", "/programs/spinning.wasm"],
		});
		let replaced = 0;
		sandbox.addEventListener("workerreplaced", () => {
			replaced += 1;
		});
		await sandbox.fs.writeFile("/tmp/notes", "in memory only");
		const terminal = { columns: 80, rows: 24 };
		const python = await sandbox.command("python", ["-i", "-q"], { terminal }).spawn();
		const shown = keeper();
		python.stdout.pipeTo(shown.stream).catch(() => {});
		await until(() => shown.text.includes(">>> "));
		const spinners = [];
		for (const _ of [1, 2]) {
			const spinner = await sandbox.command("spinning", [], { terminal }).spawn();
			await lines(spinner.stdout)();
			spinners.push(spinner);
		}
		const keys = python.stdin.getWriter();
		const type = (keys_: string) => keys.write(new TextEncoder().encode(keys_));
		await type("print(6 * 7)\n");
		await until(() => shown.text.includes("42"));
		// The first is stopped by a key, and the other goes on.
		await spinners[0]?.stdin.getWriter().write(Uint8Array.of(3));
		const first = await spinners[0]?.status;
		await type("print(7 * 8)\n");
		await until(() => shown.text.includes("56"));
		spinners[1]?.kill();
		const second = await spinners[1]?.status;
		// A loop at the prompt ends with its program, and the sandbox goes on.
		await type("while True: pass\n\n");
		await new Promise((resolve) => setTimeout(resolve, 300));
		await type("\x03");
		const third = await python.status;
		const notes = await sandbox.fs.readTextFile("/tmp/notes");
		const { interruptible } = sandbox.environment;
		await sandbox.close();
		return { first, second, third, notes, replaced, interruptible };
	});
	expect(seen).toEqual({
		first: { success: false, code: 130, signal: "SIGINT", reason: "terminal" },
		second: { success: false, code: 143, signal: "SIGTERM", reason: "kill" },
		third: { success: false, code: 130, signal: "SIGINT", reason: "terminal" },
		notes: "in memory only",
		replaced: 0,
		interruptible: true,
	});
});

test("the page is answered while ten programs compute, and what they closed reaches its directory", {
	tag: "@waits",
}, async ({ page }) => {
	const seen = await page.evaluate(async () => {
		const sandbox = await porthole.Sandbox.create({
			packages: ["/programs/spinning.wasm", "/programs/saving.wasm"],
			mounts: { "/m": new porthole.MemoryDirectory() },
		});
		const spinners = [];
		for (let i = 0; i < 9; i++) {
			const spinner = await sandbox.command("spinning").spawn();
			await lines(spinner.stdout)();
			spinners.push(spinner);
		}
		const saving = await sandbox.command("saving").spawn();
		await lines(saving.stdout)();
		await sandbox.sync();
		await sandbox.fs.writeFile("/m/page.txt", "from the page");
		await sandbox.sync();
		const { pending } = sandbox.mounts[0] as { pending: number };
		const extra = new porthole.MemoryDirectory({ "/x.txt": "mounted meanwhile" });
		await sandbox.mount("/extra", extra);
		const mounted = await sandbox.fs.readTextFile("/extra/x.txt");
		const out = await sandbox.fs.readTextFile("/m/out.txt");
		for (const spinner of spinners) spinner.kill();
		const codes = await Promise.all(spinners.map(async ({ status }) => (await status).code));
		saving.kill("SIGKILL");
		const { code, lost } = await saving.status;
		await sandbox.close();
		return { pending, mounted, out, codes, code, lost };
	});
	expect(seen).toEqual({
		pending: 0,
		mounted: "mounted meanwhile",
		out: "result",
		codes: Array(9).fill(143),
		code: 137,
		lost: undefined,
	});
});

test("a timeout and a signal of the page's end a program that computes, and it alone", {
	tag: "@waits",
}, async ({ page }) => {
	const seen = await page.evaluate(async () => {
		const sandbox = await porthole.Sandbox.create({ packages: ["/programs/spinning.wasm"] });
		await sandbox.fs.writeFile("/tmp/notes", "kept");
		const late = await sandbox.command("spinning", [], { timeout: 500 }).output();
		const aborted = await sandbox
			.command("spinning", [], { signal: AbortSignal.timeout(500) })
			.output();
		const notes = await sandbox.fs.readTextFile("/tmp/notes");
		await sandbox.close();
		return {
			late: { reason: late.reason, lost: late.lost, out: late.text() },
			aborted: { reason: aborted.reason, lost: aborted.lost },
			notes,
		};
	});
	expect(seen).toEqual({
		late: { reason: "timeout", lost: undefined, out: "spinning\n" },
		aborted: { reason: "abort", lost: undefined },
		notes: "kept",
	});
});

test("a program that is not interruptible is ended with its worker, and the next time it is", {
	tag: "@waits",
}, async ({ page }) => {
	const seen = await page.evaluate(async () => {
		const sandbox = await porthole.Sandbox.create({
			packages: ["/programs/spinning.wasm"],
			interruptible: false,
			bridge: crossOriginIsolated ? "blocking" : "suspending",
		});
		const { interruptible } = sandbox.environment;
		const run = async (options: { readonly interruptible?: boolean }) => {
			const process = await sandbox.command("spinning", [], options).spawn();
			await lines(process.stdout)();
			process.kill();
			const { code, lost } = await process.status;
			return { code, lost };
		};
		const without = await run({});
		const with_ = await run({ interruptible: true });
		await sandbox.close();
		return { interruptible, without, with_, isolated: crossOriginIsolated };
	});
	const lost = seen.isolated ? undefined : true;
	expect(seen).toMatchObject({
		interruptible: false,
		without: { code: 143, lost },
		with_: { code: 143, lost: undefined },
	});
});

/** What `porthole pack --interruptible` makes of some programs, in base64. */
function packedInterruptible(...programs: readonly string[]): string {
	const folder = mkdtempSync(join(tmpdir(), "porthole-"));
	try {
		const toml: string[] = [];
		for (const name of programs) {
			copyFileSync(join(MODULES, `${name}.wasm`), join(folder, `${name}.wasm`));
			toml.push(`[[module]]\nname = "${name}"\nsource = "${name}.wasm"`);
			toml.push(`[[command]]\nname = "${name}"\nmodule = "${name}"\nrunner = "wasi"`);
		}
		writeFileSync(join(folder, "wasmer.toml"), toml.join("\n"));
		const output = join(folder, "packed.webc");
		const cli = fileURLToPath(new URL("../dist/cli.js", import.meta.url));
		const args = [cli, "pack", folder, "--interruptible", "-o", output];
		// Node warns on standard error where both of these are set, as the test runner does.
		const { FORCE_COLOR: _, NO_COLOR: __, ...env } = process.env;
		const { status, stdout, stderr } = spawnSync(execPath, args, { encoding: "utf8", env });
		expect([status, stderr]).toEqual([0, ""]);
		for (const name of programs) expect(stdout).toContain(`${name} is interruptible`);
		return readFileSync(output).toString("base64");
	} finally {
		rmSync(folder, { recursive: true });
	}
}

test("a program that was packed interruptible is run as it is, stopped without its worker, and held to its limits", async ({
	page,
}) => {
	const seen = await page.evaluate(
		async (base64) => {
			const bytes = Uint8Array.from(atob(base64), (byte) => byte.charCodeAt(0));
			// So that no module is rewritten here.
			const sandbox = await porthole.Sandbox.create({ interruptible: false });
			await sandbox.load(bytes);
			await sandbox.fs.writeFile("/tmp/notes", "kept");
			const process = await sandbox.command("spinning").spawn();
			await lines(process.stdout)();
			process.kill();
			const { code, lost } = await process.status;
			const notes = await sandbox.fs.readTextFile("/tmp/notes");
			const run = async (name: string, limits: object, ...args: string[]) => {
				const output = await sandbox.command(name, args, { limits }).output();
				return { code: output.code, limit: output.limit };
			};
			const time = await run("spinning", { time: 20 });
			const fuel = await run("spinning", { fuel: 100 });
			const memory = await run("using", { memory: 8 * 1024 * 1024 }, "memory");
			await sandbox.close();
			return { code, lost, notes, time, fuel, memory };
		},
		packedInterruptible("spinning", "using"),
	);
	expect(seen).toEqual({
		code: 143,
		lost: undefined,
		notes: "kept",
		time: { code: 152, limit: "time" },
		fuel: { code: 152, limit: "fuel" },
		memory: { code: 137, limit: "memory" },
	});
});

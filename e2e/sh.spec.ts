/** `sandbox.sh`, a shell's line as a tagged template, and `trace`, a line for each system call. */
import { existsSync } from "node:fs";
import { expect, needPrograms, test } from "./library.ts";

const COREUTILS = "/fixtures/legacy/coreutils-1.0.11.tar.gz";
const DASH = "/fixtures/webc/dash-1.0.18.webc";

function needShell(): void {
	test.skip(
		!existsSync(new URL("../../shared/fixtures/wasix", import.meta.url)),
		"the programs of others are not here (../shared/fixtures)",
	);
}

test("sh runs a shell's line, in which values are words and nothing else", async ({ page }) => {
	needShell();
	const seen = await page.evaluate(
		async (packages) => {
			const sandbox = await porthole.Sandbox.create({ packages });
			await sandbox.fs.mkdir("/tmp/my $(dir); 'x'", { recursive: true });
			const dir = "/tmp/my $(dir); 'x'";
			await sandbox.fs.writeFile(`${dir}/a b`, "one\n");
			await sandbox.fs.writeFile(`${dir}/c`, "two\n");
			const listed = await sandbox.sh`ls ${dir} | wc -l`;
			const read = await sandbox.sh`cat ${[`${dir}/a b`, `${dir}/c`]}; exit ${3}`;
			const raw = await sandbox.sh`echo 'a\\nb' "$((6 * 7))" ${""} ${true}`;
			const failed = await sandbox.sh`nosuch ${"x"}`;
			const refused: unknown[] = [];
			for (const value of [undefined, {}, "a\0b", [null]]) {
				await sandbox.sh`echo ${value as string}`.catch((error) => refused.push(error.code));
			}
			await sandbox.sh`echo "${"$(ls)"}"`.catch((error) => refused.push(error.code));
			return {
				listed: listed.text().trim(),
				read: [read.text(), read.code, read.success],
				raw: raw.text(),
				failed: failed.code,
				refused,
			};
		},
		[COREUTILS, DASH],
	);
	expect(seen).toEqual({
		listed: "2",
		read: ["one\ntwo\n", 3, false],
		// dash's own echo turns the two backslashes that are left into one, and then into a line's end.
		raw: "a\\nb 42  true\n",
		failed: 127,
		refused: Array(5).fill("invalid-option"),
	});
});

test("without a shell sh says what to load; a program of that name that is no shell is passed over", async ({
	page,
}) => {
	needShell();
	const seen = await page.evaluate(
		async ([coreutils, dash]) => {
			const sandbox = await porthole.Sandbox.create({ packages: [coreutils as string] });
			const error = await sandbox.sh`echo one`.catch((error) => error);
			await sandbox.load(dash as string);
			const { stdout } = await sandbox.sh`echo one`;
			return [error.code, error.message, new TextDecoder().decode(stdout)];
		},
		[COREUTILS, DASH],
	);
	expect(seen).toEqual([
		"missing-command",
		expect.stringMatching(/dash, bash, sh.*load one/),
		"one\n",
	]);
});

test("trace tells each call of a program, with its arguments and its answer", {
	tag: "@waits",
}, async ({ page }) => {
	needPrograms();
	const lines = await page.evaluate(async () => {
		const sandbox = await porthole.Sandbox.create({ packages: ["/programs/echoing.wasm"] });
		const lines: string[] = [];
		const trace = (line: string) => lines.push(line);
		await sandbox.command("echoing", [], { stdin: "hello\n", trace }).output();
		await sandbox.close();
		return lines;
	});
	expect(lines).toContain('1 fd_read(fd=0, data="hello\\n", read=6) = 0');
	expect(lines).toContain('1 fd_write(fd=1, data="1: hello\\n", written=9) = 0');
	expect(lines.filter((line) => line.includes('"1 lines\\n"'))).toHaveLength(1);
	for (const line of lines) expect(line).toMatch(/^1 \w+\(.*\)( = (0|E\w+))?$/);
});

test("trace tells the calls of all processes that a shell starts", async ({ page }) => {
	needShell();
	const lines = await page.evaluate(
		async (packages) => {
			const sandbox = await porthole.Sandbox.create({ packages });
			const lines: string[] = [];
			const trace = (line: string) => lines.push(line);
			await sandbox.command("dash", ["-c", "echo hi | cat; exit 7"], { trace }).output();
			return lines;
		},
		[DASH, COREUTILS],
	);
	expect(lines.at(-1)).toBe("1 proc_exit(code=7)");
	const pids = new Set(lines.map((line) => line.split(" ", 1)[0]));
	expect([...pids].sort()).toEqual(["1", "2", "3"]);
	expect(lines).toContainEqual(expect.stringMatching(/^1 proc_fork\(copy=1, pid=2\) = 0$/));
	expect(lines).toContainEqual(expect.stringMatching(/^3 proc_exec\(name=".*cat"/));
	// It wrote what it read, through its own number for the pipe.
	expect(lines).toContainEqual(
		expect.stringMatching(/^3 fd_read\(fd=0, data="hi\\n", read=3\) = 0$/),
	);
});

test("children are the processes that a program has started, each with its own kill and usage", async ({
	page,
}) => {
	needShell();
	const seen = await page.evaluate(
		async (packages) => {
			const sandbox = await porthole.Sandbox.create({ packages });
			const script =
				"sleep 100 & sleep 200 & wait; echo waited; (while :; do :; done) & wait; echo end";
			const shell = await sandbox.command("dash", ["-c", script]).spawn();
			const next = lines(shell.stdout);
			const before = shell.children.length;
			await until(() => shell.children.filter(({ command }) => command === "sleep").length === 2);
			const [first, second] = shell.children;
			const usage = await first?.usage();
			first?.kill();
			await until(() => shell.children.length === 1);
			const kept = shell.children[0] === second;
			const gone = await first?.usage();
			const caught = (() => {
				try {
					second?.kill("SIGNOT");
				} catch (error) {
					return (error as { code: string }).code;
				}
			})();
			second?.kill("SIGTERM");
			const waited = await next();
			// The list may be a moment old.
			await until(() => shell.children[0]?.command === "dash");
			const [busy] = shell.children;
			await new Promise((resolve) => setTimeout(resolve, 100));
			const time = (await busy?.usage())?.time ?? 0;
			busy?.kill("SIGKILL");
			const end = await next();
			const { code } = await shell.status;
			return {
				before,
				command: busy?.command,
				memory: (usage?.memory ?? 0) > 0,
				gone: gone?.memory,
				kept,
				caught,
				waited: waited.trim(),
				isBusy: time > 0,
				end: end.trim(),
				code,
				after: shell.children.length,
			};
		},
		[DASH, COREUTILS],
	);
	expect(seen).toEqual({
		before: 0,
		command: "dash",
		memory: true,
		gone: 0,
		kept: true,
		caught: "invalid-option",
		waited: "waited",
		isBusy: true,
		end: "end",
		code: 0,
		after: 0,
	});
});

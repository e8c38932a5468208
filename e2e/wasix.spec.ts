/**
 * WASIX programs on a page without isolation headers: processes, signals, threads, and a shell with its utilities.
 *
 * The programs are by others and lie outside of the repository; what they print is what they print on Wasmer, and what a
 * script prints is what dash prints on Linux.
 */
import { existsSync } from "node:fs";
import type * as Porthole from "../src/index.ts";
import { expect, needPrograms, test } from "./library.ts";

test.skip(
	!existsSync(new URL("../../shared/fixtures/wasix", import.meta.url)),
	"the programs of others are not here (../shared/fixtures)",
);

const COREUTILS = "/fixtures/legacy/coreutils-1.0.11.tar.gz";
const DASH = "/fixtures/webc/dash-1.0.18.webc";

interface Job {
	readonly packages: readonly string[];
	readonly command: string;
	readonly args?: readonly string[];
	/** Sent when the program has printed its first line. */
	readonly signal?: string;
}

/** In the page: runs a program to its end. */
async function output({ packages, command, args = [], signal }: Job) {
	const sandbox = await porthole.Sandbox.create({ packages });
	const process = await sandbox.command(command, [...args]).spawn();
	const err = collect(process.stderr);
	let out = "";
	const decoder = new TextDecoder();
	for await (const chunk of process.stdout as unknown as AsyncIterable<Uint8Array>) {
		out += decoder.decode(chunk, { stream: true });
		if (signal !== undefined && out.includes("\n")) process.kill(signal);
	}
	const { code, trap } = await process.status;
	return { out, err: await err, code, trap: trap?.message };
}

const example = (name: string): Job => ({
	packages: [`/fixtures/wasix/${name}.wasm`, COREUTILS],
	command: name,
});

const COROUTINES = [
	"(A1)",
	"(B1)",
	"(A2) r=10001",
	"(B2) r=20001",
	"(A3) r=10002",
	"(B3) r=20002",
	"(A4) r=10003",
];

const CONDVAR = [
	"condvar1 thread spawn",
	"condvar1 thread started",
	"condvar1 thread sleep(1sec) start",
	"condvar loop",
	"condvar wait",
	"condvar1 thread sleep(1sec) end",
	"condvar1 thread set condition",
	"condvar1 thread notify",
	"condvar woken",
	"condvar parent done",
	"condvar1 thread exit",
	"all done",
];

const NINE = [1, 2, 3, 4, 5, 6, 7, 8, 9];

/** Lines in the order in which they come, and those that may come in any order. */
const programs: readonly (readonly [name: string, lines: readonly string[], code: number])[] = [
	["example-sleep", [], 0],
	["example-longjmp", COROUTINES, 0],
	[
		"example-stack",
		[
			"before long jump",
			"after long jump [val=10]",
			"before long jump",
			"after long jump [val=20]",
		],
		0,
	],
	["example-vfork", ["Parent waiting on Child(2)", "Child(2) exited with 10"], 0],
	[
		"example-pipe",
		["this text should be printed by the child", "this text should be printed by the parent"],
		0,
	],
	["example-condvar", CONDVAR, 0],
	["worker-terminating-normally", ["In child thread", "In main thread"], 0],
	["exit-1-from-worker", [], 1],
	[
		"example-execve",
		[
			"Main program started",
			"execve: echo hi-from-child",
			"hi-from-child",
			"Child(2) exited with 0",
			"execve: echo hi-from-parent",
			"hi-from-parent",
		],
		0,
	],
	["example-spawn", ["hi", "Child pid: 2", "Child status 0"], 0],
];

/** Of these, the programs that start no other process and no thread: they run on every bridge. */
const ALONE = new Set(["example-sleep", "example-longjmp", "example-stack"]);

const unordered: readonly (readonly [name: string, lines: readonly string[]])[] = [
	["example-fork", ["Child has x = 2", "Parent has x = 0", "Child(2) exited with 0"]],
	["example-fork-longjmp", ["Child has x = 2", "Parent has x = 0", "Child(2) exited with 5"]],
	[
		"example-multi-threading",
		[
			...NINE.flatMap((n) => [`thread ${n} started`, `thread ${n} finished`]),
			"waiting for threads",
			"all done",
		],
	],
	[
		"threaded-memory",
		[
			...NINE.flatMap((n) => [
				`thread ${n} started`,
				`thread ${n} finished`,
				`incrementing counter (val=${n - 1})`,
			]),
			"waiting for threads",
			"all done",
		],
	],
];

test.describe("programs", () => {
	for (const [name, lines, code] of programs) {
		const tag = ALONE.has(name) ? "@waits" : [];
		test(`${name} does what it does on Wasmer`, { tag }, async ({ page }) => {
			const ran = await page.evaluate(output, example(name));
			expect(ran).toMatchObject({ out: lines.map((line) => `${line}\n`).join(""), code });
		});
	}

	for (const [name, lines] of unordered) {
		test(`${name} does what it does on Wasmer, in some order`, async ({ page }) => {
			const ran = await page.evaluate(output, example(name));
			expect(ran.code).toBe(0);
			expect(ran.out.trimEnd().split("\n").sort()).toEqual([...lines].sort());
		});
	}

	test("thread-locals are each thread's own", async ({ page }) => {
		const { out, code } = await page.evaluate(output, example("example-thread-local"));
		expect(code).toBe(0);
		const steps = [...out.matchAll(/^VAR1 in thread step (\d): (.*)$/gm)];
		expect(steps.length).toBeGreaterThan(0);
		for (const [, step, value] of steps) {
			expect(value).toBe(Number(step) < 3 ? "FirstEnum" : "SecondEnum(4)");
		}
	});

	test("example-epoll hands a counter to and fro, and ends as it does on Wasmer", async ({
		page,
	}) => {
		const { out, code } = await page.evaluate(output, example("example-epoll"));
		const [first, ...others] = out.trimEnd().split("\n");
		const said = others.map((line) => line.replace(/ at \d+s \d+us$/, ""));
		// Of the two threads of a round either may print first.
		const rounds = [0, 2, 4, 6, 8].map((at) => said.slice(at, at + 2).sort());
		const round = [
			"success read from efd, read 8 bytes(4)",
			"success write to efd, write 8 bytes(4)",
		];
		expect([first, rounds, code]).toEqual(["EFD_NONBLOCK:4", Array(5).fill(round), 8]);
		// The child goes on when the program has ended, and waits for a sixth in vain.
		expect(said.slice(10)).toEqual(["poll wait timed out."]);
	});

	test("example-tokio runs its tasks to the end", async ({ page }) => {
		const { out, err, code } = await page.evaluate(output, example("example-tokio"));
		expect([code, out]).toEqual([0, "step-B1\nstep-B2\nstep-B3\nstep-B4\n"]);
		expect(err.trimEnd().split("\n").at(-1)).toBe("all done");
	});

	test("bash shows its output, and the trap of its own in the end can be read", async ({
		page,
	}) => {
		const bash = { packages: ["/fixtures/webc/bash-1.0.16.webc", COREUTILS], command: "bash" };
		const ran = await page.evaluate(output, { ...bash, args: ["-c", "echo hello | cat"] });
		expect(ran).toMatchObject({ out: "hello\n", code: 134 });
		expect(ran.trap).toContain("signature mismatch");
	});

	test("a handler catches the signal that the page sends", async ({ page }) => {
		const ran = await page.evaluate(output, { ...example("example-signal"), signal: "SIGINT" });
		expect(ran).toMatchObject({ out: "received SIGHUP\nreceived SIGINT\n", code: 0 });
	});
});

const scripts: readonly (readonly [script: string, out: string, code?: number])[] = [
	["for i in 1 2 3; do echo $i; done | head -n 1", "1\n"],
	['x=$(echo in); echo "<$x>"; (cd /tmp; pwd); pwd', "<in>\n/tmp\n/\n"],
	["seq 1 100000 | tr 0-9 a-j | uniq | cat | cksum", "2675384515 588895\n"],
	["head -c 100000000 /dev/zero | cat | cat | cat | wc -c", "100000000\n"],
	["yes | head -n 2", "y\ny\n"],
	["sleep 1 & echo a; wait; echo b; exit 3", "a\nb\n", 3],
	["trap 'echo bye' EXIT; trap 'echo usr' USR1; kill -USR1 $$; echo on", "usr\non\nbye\n"],
	["exec 3>/tmp/o; echo three >&3; exec 3>&-; cat /tmp/o; ls /tmp", "three\no\n"],
	["set -e; false; echo no", "", 1],
	["nosuch; echo $?", "127\n"],
	["(exit 7); echo $?", "7\n"],
	["cat <<EOF\nhere $((1+2))\nEOF", "here 3\n"],
	["cd /; echo /b*", "/bin\n"],
	["echo a > /tmp/x; echo b >> /tmp/x; cat /tmp/x", "a\nb\n"],
	["nosuch 2>&1 | wc -l", "1\n"],
	['{ echo a b; echo c; } | while read x y; do echo "[$x][$y]"; done', "[a][b]\n[c][]\n"],
	["f() { echo f $1; }; f z", "f z\n"],
	["i=0; while [ $i -lt 300 ]; do /bin/true; i=$((i+1)); done; echo done $i", "done 300\n"],
	["{ echo '#!/bin/dash'; echo 'echo script $1'; } > /tmp/s; /tmp/s one", "script one\n"],
];

test.describe("dash with coreutils", () => {
	for (const [script, out, code = 0] of scripts) {
		test(script.replaceAll("\n", " ⏎ "), async ({ page }) => {
			const ran = await page.evaluate(output, {
				packages: [DASH, COREUTILS],
				command: "dash",
				args: ["-c", script],
			});
			expect(ran).toMatchObject({ out, code });
		});
	}
});

test("a program of preview1 takes its place in a pipeline, and a library is found", async ({
	page,
}) => {
	const ran = await page.evaluate(output, {
		packages: [DASH, COREUTILS, "/packages/python.webc"],
		command: "dash",
		args: ["-c", "echo 'print(6*7)' | python - | cat; python -c 'print(5)' > /tmp/o; cat /tmp/o"],
	});
	expect(ran).toMatchObject({ out: "42\n5\n", code: 0 });
});

test("an interactive shell edits, ends children with Ctrl-C, and goes on", async ({ page }) => {
	const { screen, code } = await page.evaluate(
		async (packages) => {
			const sandbox = await porthole.Sandbox.create({ packages });
			const terminal = { columns: 80, rows: 24 };
			const process = await sandbox.command("dash", ["-i"], { terminal }).spawn();
			const talk = conversation(process);
			await until(() => talk.screen.endsWith("# "));
			await talk.type("echo one\r", "one\r\n# ");
			await talk.type("cat\r", "cat\r\n");
			await talk.type("two\r", "two\r\ntwo\r\n");
			await talk.type("\x04", "# ");
			await talk.type("sleep 100\r", "sleep 100\r\n");
			await until(() => sandbox.processes.length === 1);
			await new Promise((resolve) => setTimeout(resolve, 300));
			await talk.type("\x03", "# ");
			await talk.type("echo $?\r", "130\r\n# ");
			await talk.type("pa\x7f\x7fecho three\r", "three\r\n# ");
			await talk.press("exit 4\r");
			const ended = await talk.end();
			await sandbox.close();
			return ended;
		},
		[DASH, COREUTILS],
	);
	// As on Linux: the shell ends the line and prompts once.
	expect(screen).toContain("^C\r\n# echo $?");
	expect(code).toBe(4);
});

test("a child runs in the place of its parent until it becomes another program or ends", async ({
	page,
}) => {
	needPrograms();
	const ran = await page.evaluate(output, {
		packages: ["/programs/standing.wasm"],
		command: "standing",
	});
	expect(ran.out.trimEnd().split("\n")).toEqual([
		"fork: 0, as child: 1, exec: 0, as parent: 1",
		"join: 0, child 2, status 1, code 0",
		"said: from the child",
		// ENOTSUP, ENOENT; what the child did to its directory and its output is the child's.
		"nested: 58, exec: 44, as child: 1, then: 1 in /",
		"join: 0, child 3, status 1, code 7",
		"spawn: 0, ends: 010",
		"said: piped",
		"join: 0, child 4, status 1, code 0",
		"spawn: 28",
	]);
	expect(ran).toMatchObject({ err: "", code: 0 });
});

test("where the page allows no threads a program gets none, and is told so", async ({ page }) => {
	const seen = await page.evaluate(async (packages) => {
		const ends: unknown[] = [];
		const run = async (sandbox: Porthole.Sandbox, options: Porthole.CommandOptions = {}) => {
			const lines: string[] = [];
			const trace = (line: string) => lines.push(line);
			const { code } = await sandbox
				.command("exit-1-from-worker", [], { trace, ...options })
				.output();
			const spawned = lines.filter((line) => /thread.spawn/.test(line));
			ends.push([code, spawned.map((line) => line.split(" = ")[1])]);
			await sandbox.close();
		};
		await run(await porthole.Sandbox.create({ packages }));
		await run(await porthole.Sandbox.create({ packages, threads: "none" }));
		await run(await porthole.Sandbox.create({ packages }), { capabilities: { threads: false } });
		const wrong = await porthole.Sandbox.create({ threads: "many" as "none" }).catch(
			(error) => error,
		);
		return { ends, wrong: [wrong.code, wrong.message] };
	}, example("exit-1-from-worker").packages);
	expect(seen.ends[0]).toEqual([1, [expect.stringMatching(/^\d/)]]);
	for (const [code, answers] of seen.ends.slice(1) as [number, string[]][]) {
		expect(code).not.toBe(0);
		expect(answers).toEqual(["-1"]);
	}
	expect(seen.wrong).toEqual(["invalid-option", expect.stringContaining("cooperative")]);
});

test("limits and usage are those of all processes that a program has started", async ({ page }) => {
	const seen = await page.evaluate(
		async (packages) => {
			const sandbox = await porthole.Sandbox.create({ packages });
			const run = async (script: string, limits: Porthole.CommandOptions["limits"] = {}) => {
				const process = await sandbox.command("dash", ["-c", script], { limits }).spawn();
				const out = collect(process.stdout);
				const { code, limit } = await process.status;
				return { code, limit, out: await out, usage: await process.usage() };
			};
			const endless = "while :; do :; done";
			return {
				time: await run(`(${endless}) & (${endless}) & wait`, { time: 300 }),
				fuel: await run(`(${endless}) | cat`, { fuel: 200_000 }),
				output: await run("yes | cat", { output: 1000 }),
				plain: await run("head -c 100000 /dev/zero | cat > /tmp/zeros"),
			};
		},
		[DASH, COREUTILS],
	);
	expect(seen.time).toMatchObject({ code: 152, limit: "time" });
	expect(seen.time.usage.time).toBeGreaterThanOrEqual(300);
	expect(seen.fuel).toMatchObject({ code: 152, limit: "fuel" });
	expect(seen.output).toMatchObject({ code: 137, limit: "output" });
	expect(seen.output.out).toHaveLength(1000);
	expect(seen.plain).toMatchObject({ code: 0, limit: undefined });
	expect(seen.plain.usage.written).toBeGreaterThanOrEqual(200_000);
	expect(seen.plain.usage.fuel).toBeGreaterThan(0);
});

test("a fork bomb and a pipe that nobody reads end with their program, and the page goes on", async ({
	page,
}) => {
	const seen = await page.evaluate(
		async (packages) => {
			const sandbox = await porthole.Sandbox.create({ packages });
			const bomb = await sandbox
				.command("dash", ["-c", "f() { f & f; }; f"], { stderr: "null" })
				.spawn();
			await new Promise((resolve) => setTimeout(resolve, 1500));
			await sandbox.fs.writeFile("/tmp/answered", "yes");
			bomb.kill("SIGKILL");
			const { code } = await bomb.status;
			const next = await sandbox.command("dash", ["-c", "cat /tmp/answered"]).output();
			const stuck = await sandbox.command("dash", ["-c", "yes | sleep 100"]).spawn();
			await new Promise((resolve) => setTimeout(resolve, 300));
			stuck.kill("SIGKILL");
			return { code, out: next.text(), stuck: (await stuck.status).code };
		},
		[DASH, COREUTILS],
	);
	// A shell ends with 2 when it cannot fork any more, which may be before the signal comes.
	expect([2, 137]).toContain(seen.code);
	expect(seen).toMatchObject({ out: "yes", stuck: 137 });
});

test.describe("one process, on every bridge", { tag: "@waits" }, () => {
	test("coreutils work on files and links, and by relative paths", async ({ page }) => {
		const lines = await page.evaluate(
			async (packages) => {
				const files = { "/data/a.txt": "one\ntwo\n", "/data/b.txt": "three\n" };
				const sandbox = await porthole.Sandbox.create({ packages, files });
				const run = async (command: string, args: string[], stdin = "") => {
					const options = { stdin, currentDir: "/data" };
					const { code, stdout, stderr } = await sandbox.command(command, args, options).output();
					return `${command} ${code} ${text(stdout)}${text(stderr)}`;
				};
				const sleeper = sandbox.command("sleep", ["100"], { timeout: 200 });
				const { code, signal, reason } = await sleeper.output();
				return [
					`sleep ${code} ${signal} ${reason}`,
					await run("cat", ["a.txt", "../data/b.txt"]),
					await run("wc", ["-c"], "12345"),
					await run("mkdir", ["-p", "/tmp/deep/down"]),
					await run("ln", ["-s", "../../data/b.txt", "/tmp/deep/link"]),
					await run("cat", ["/tmp/deep/link"]),
					await run("ls", ["/tmp/deep"]),
					await run("sleep", ["0.05"]),
					await run("rm", ["-r", "/tmp/deep"]),
					await run("cat", ["/tmp/deep/link"]),
				];
			},
			[COREUTILS],
		);
		expect(lines).toEqual([
			"sleep 143 SIGTERM timeout",
			"cat 0 one\ntwo\nthree\n",
			"wc 0 5\n",
			"mkdir 0 ",
			"ln 0 ",
			"cat 0 three\n",
			"ls 0 down\nlink\n",
			"sleep 0 ",
			"rm 0 ",
			expect.stringMatching(/^cat 1 cat: .*No such file or directory/),
		]);
	});

	test("a shell changes its directory, sends itself signals and redirects", async ({ page }) => {
		const script =
			"cd /tmp; pwd; cd ..; cd ./tmp/../home; pwd; exec 3>here; echo three >&3; exec 3>&-; read x < here; echo $x; " +
			"trap 'echo usr' USR1; kill -USR1 $$; cd /nowhere; echo $?; trap 'echo bye' EXIT; exit 3";
		const dash = { packages: [DASH], command: "dash", args: ["-c", script] };
		const ran = await page.evaluate(output, dash);
		expect(ran).toMatchObject({ out: "/tmp\n/home\nthree\nusr\n2\nbye\n", code: 3 });
	});

	test("what takes two processes or threads is ENOTSUP, and the page hears what it takes", async ({
		page,
		bridge,
	}) => {
		test.skip(bridge === undefined, "here they are there");
		const seen = await page.evaluate(
			async (packages) => {
				const sandbox = await porthole.Sandbox.create({ packages });
				const warnings: string[] = [];
				sandbox.addEventListener("warning", ({ detail }) => warnings.push(detail.message));
				const { runnable, missing } = await sandbox.load("/fixtures/wasix/example-fork.wasm");
				const run = async (command: string, args: string[] = []) => {
					const { code, stdout, stderr } = await sandbox.command(command, args).output();
					return { code, out: text(stdout), err: text(stderr), warnings: warnings.splice(0) };
				};
				return {
					...{ runnable, missing, why: sandbox.environment.why },
					shell: await run("dash", ["-c", "echo a; /bin/true; /bin/true; echo b"]),
					pipe: await run("example-pipe"),
					thread: await run("example-thread-local"),
					exec: await run("dash", ["-c", "exec /bin/true"]),
				};
			},
			[DASH, "/fixtures/wasix/example-pipe.wasm", "/fixtures/wasix/example-thread-local.wasm"],
		);
		expect(seen).toMatchObject({ runnable: true, missing: [] });
		expect(seen.why).toContain("JSPI");
		expect(seen.shell).toMatchObject({ code: 2, out: "a\n", err: "dash: 1: Cannot fork\n" });
		expect(seen.thread).toMatchObject({ code: 134, err: expect.stringContaining("spawn thread") });
		expect(seen.exec).toMatchObject({ code: 126, out: "" });
		for (const [{ warnings }, call] of [
			[seen.shell, "proc_fork"],
			[seen.pipe, "proc_fork"],
			[seen.thread, "thread_spawn_old"],
			[seen.exec, "proc_exec"],
		] as const) {
			expect(warnings).toEqual([expect.stringMatching(new RegExp(`\`${call}\\d?\`.*JSPI`))]);
		}
	});

	test("a shell on a terminal edits lines, reads its size, and ends with Ctrl-C", async ({
		page,
		bridge,
	}) => {
		test.skip(bridge === undefined || bridge === "preloaded", "no terminal, or one of a tree");
		const { screen, code } = await page.evaluate(
			async (packages) => {
				const sandbox = await porthole.Sandbox.create({ packages });
				const terminal = { columns: 80, rows: 24 };
				const process = await sandbox.command("dash", ["-i"], { terminal }).spawn();
				const talk = conversation(process);
				await until(() => talk.screen.endsWith("# "));
				await talk.type("ecko\x7f\x7fho one\r", "one\r\n# ");
				await talk.type("cd /tmp; pwd\r", "/tmp\r\n# ");
				await talk.press("\x03");
				return await talk.end();
			},
			[DASH],
		);
		expect(screen).toContain("one");
		expect(code).toBe(130);
	});
});

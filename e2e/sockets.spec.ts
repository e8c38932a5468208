/**
 * Sockets of WASIX programs: servers that answer the page and programs beside them, without leaving the sandbox.
 */
import { existsSync } from "node:fs";
import type * as Porthole from "../src/index.ts";
import { expect, test } from "./library.ts";

const NETWORKING = "/programs/networking.wasm";

test.describe("servers of others", () => {
	test.skip(
		!existsSync(new URL("../../shared/fixtures/wasix", import.meta.url)),
		"the programs of others are not here (../shared/fixtures)",
	);

	test("example-http-ok answers the page and a program beside it, more than once", async ({
		page,
	}) => {
		const seen = await page.evaluate(
			async (packages) => {
				const sandbox = await porthole.Sandbox.create({ packages });
				const heard = new Promise<{ port: number; pid: number }>((resolve) => {
					sandbox.addEventListener("listen", ({ detail }) => resolve(detail), { once: true });
				});
				const server = await sandbox.command("example-http-ok").spawn();
				const { port, pid } = await heard;
				const get = async () => {
					const { readable, writable } = await sandbox.connect(port);
					const writer = writable.getWriter();
					await writer.write(new TextEncoder().encode("GET / HTTP/1.1\r\nHost: here\r\n\r\n"));
					return collect(readable);
				};
				const first = await get();
				const second = await get();
				const client = await sandbox
					.command("networking", ["ask", String(port), "GET / HTTP/1.1\r\n\r\n"])
					.output();
				const isOwn = pid === server.pid;
				server.kill("SIGKILL");
				const { code } = await server.status;
				return { port, isOwn, first, second, client: client.text(), code };
			},
			["/fixtures/wasix/example-http-ok.wasm", NETWORKING],
		);
		expect(seen).toMatchObject({ port: 80, isOwn: true, code: 137 });
		expect(seen.first).toMatch(/^HTTP\/1\.1 200 OK/);
		expect(seen.second).toBe(seen.first);
		expect(seen.client).toMatch(/^HTTP\/1\.1 200 OK/);
	});

	test("a shell starts a server and asks it, and the page asks the same one", async ({ page }) => {
		const seen = await page.evaluate(
			async (packages) => {
				const sandbox = await porthole.Sandbox.create({ packages });
				const script =
					"networking serve 5000 > /dev/null & until networking ask 5000 hello > /tmp/o; do :; done; cat /tmp/o; read x; kill $!";
				const shell = await sandbox.command("dash", ["-c", script]).spawn();
				const first = await lines(shell.stdout)();
				const { readable, writable } = await sandbox.connect(5000);
				const answer = collect(readable);
				await writable.getWriter().close();
				const keys = shell.stdin.getWriter();
				await keys.write("\n" as unknown as Uint8Array);
				const { code } = await shell.status;
				const after = await caught(sandbox.connect(5000));
				return { first, answer: await answer, code, after: after.code };
			},
			["/fixtures/webc/dash-1.0.18.webc", "/fixtures/legacy/coreutils-1.0.11.tar.gz", NETWORKING],
		);
		expect(seen).toEqual({ first: "HELLO\n", answer: "", code: 0, after: "ECONNREFUSED" });
	});

	test("example-tcp-listener hears of the page and of a program beside it", async ({ page }) => {
		const seen = await page.evaluate(
			async (packages) => {
				const sandbox = await porthole.Sandbox.create({ packages });
				const heard = new Promise<number>((resolve) => {
					sandbox.addEventListener("listen", ({ detail }) => resolve(detail.port), { once: true });
				});
				const server = await sandbox.command("example-tcp-listener").spawn();
				const next = lines(server.stdout);
				const port = await heard;
				const first = await next();
				const { readable } = await sandbox.connect(port);
				const ended = await collect(readable);
				const second = await next();
				await sandbox.command("networking", ["ask", String(port), ""]).output();
				const third = await next();
				server.kill("SIGKILL");
				await server.status;
				return { port, first, ended, second, third };
			},
			["/fixtures/wasix/example-tcp-listener.wasm", NETWORKING],
		);
		expect(seen).toMatchObject({ port: 7878, first: "Listening on 127.0.0.1:7878\n", ended: "" });
		expect(seen.second).toBe(seen.third);
		expect(seen.second).not.toBe("");
	});
});

test("what a program can do with sockets alone", async ({ page }) => {
	const out = await page.evaluate(
		async (packages) => {
			const sandbox = await porthole.Sandbox.create({ packages });
			return (await sandbox.command("networking", ["alone"]).output()).text();
		},
		[NETWORKING],
	);
	expect(out.trimEnd().split("\n")).toEqual([
		"datagram hello from 127.0.0.1",
		"pair over",
		"end 0",
		"taken 3",
		"far 40",
		"localhost 2: 127.0.0.1",
		"elsewhere 40",
	]);
});

test("connections of the page: many, half-closed, killed, refused", async ({ page }) => {
	const seen = await page.evaluate(
		async (packages) => {
			const sandbox = await porthole.Sandbox.create({ packages });
			const refused = [await caught(sandbox.connect(5000)), await caught(sandbox.connect(70_000))];
			const server = await sandbox.command("networking", ["serve", "5000"]).spawn();
			await lines(server.stdout)();
			const echo = async (text: string) => {
				const { readable, writable } = await sandbox.connect(5000);
				const answer = collect(readable);
				const writer = writable.getWriter();
				await writer.write(text as unknown as Uint8Array);
				await writer.close();
				return answer;
			};
			const answers = await Promise.all(["one", "two", "three", "four"].map(echo));
			const large = await echo("x".repeat(1_000_000));
			const { readable, writable } = await sandbox.connect(5000);
			const reader = readable.getReader();
			const writer = writable.getWriter();
			await writer.write("still there" as unknown as Uint8Array);
			const alive = text((await reader.read()).value as Uint8Array);
			server.kill("SIGKILL");
			await server.status;
			const end = await reader.read();
			const broken = await caught(writer.closed);
			const again = await caught(sandbox.connect(5000));
			return {
				refused: refused.map(({ code, porthole: is }) => [code, is]),
				answers,
				large: [large.length, /^X+$/.test(large)],
				alive,
				end: end.done,
				broken: broken.code,
				again: again.code,
			};
		},
		[NETWORKING],
	);
	expect(seen).toEqual({
		refused: [
			["ECONNREFUSED", true],
			["invalid-option", true],
		],
		answers: ["ONE", "TWO", "THREE", "FOUR"],
		large: [1_000_000, true],
		alive: "STILL THERE",
		end: true,
		broken: "EPIPE",
		again: "ECONNREFUSED",
	});
});

test("a page that reads nothing makes the program wait, and one that cancels ends it", async ({
	page,
}) => {
	const seen = await page.evaluate(
		async (packages) => {
			const sandbox = await porthole.Sandbox.create({ packages });
			const heard = new Promise((resolve) => {
				sandbox.addEventListener("listen", resolve, { once: true });
			});
			const program = await sandbox.command("networking", ["flood", "5001"]).spawn();
			await heard;
			const { readable } = await sandbox.connect(5001);
			const next = lines(program.stdout);
			let sent = 0;
			const said: string[] = [];
			const reading = (async () => {
				for (let line = await next(); line !== ""; line = await next()) {
					said.push(line);
					sent = Number(line) || sent;
				}
			})();
			await until(() => sent > 0);
			await new Promise((resolve) => setTimeout(resolve, 500));
			const before = sent;
			await readable.cancel();
			await reading;
			return { before, last: said.at(-1), code: (await program.status).code };
		},
		[NETWORKING],
	);
	expect(seen.before).toBeLessThan(2 ** 20);
	expect(seen).toMatchObject({ last: "ended: 64\n", code: 0 });
});

test("connections that a program never takes wait, and are refused when it ends", async ({
	page,
}) => {
	const seen = await page.evaluate(
		async (packages) => {
			const sandbox = await porthole.Sandbox.create({ packages });
			const server = await sandbox.command("networking", ["serve", "5000"]).spawn();
			await lines(server.stdout)();
			const codes: string[] = [];
			const all = Array.from({ length: 100 }, () =>
				sandbox.connect(5000).then(
					() => codes.push("open"),
					({ code }) => codes.push(code),
				),
			);
			// Eight are taken, and four are in the line.
			await until(() => codes.length === 12);
			server.kill("SIGKILL");
			const { code } = await server.status;
			await Promise.all(all);
			return { open: codes.filter((one) => one === "open").length, last: codes.at(-1), code };
		},
		[NETWORKING],
	);
	expect(seen).toEqual({ open: 12, last: "ECONNREFUSED", code: 137 });
});

test("a provider of the page connects and resolves what lies beyond", async ({ page }) => {
	const seen = await page.evaluate(
		async (packages) => {
			const asked: unknown[] = [];
			const network: Porthole.NetworkProvider = {
				async resolve(name) {
					asked.push(name);
					return name === "far.test" ? ["192.0.2.7", "::5"] : ["nonsense"];
				},
				async connect(to) {
					asked.push(to);
					if (to.port === 1) throw Object.assign(new Error("no"), { code: "ETIMEDOUT" });
					const { readable, writable } = new TransformStream<Uint8Array, Uint8Array>({
						transform: (chunk, controller) =>
							controller.enqueue(new TextEncoder().encode(`<${text(chunk)}>`)),
					});
					return { readable, writable };
				},
			};
			const none = {} as Porthole.NetworkProvider;
			const strange = await caught(porthole.Sandbox.create({ network: none }));
			const sandbox = await porthole.Sandbox.create({ packages, network });
			const run = async (...args: string[]) =>
				(await sandbox.command("networking", ["reach", ...args]).output()).text();
			const out = [
				await run("far.test", "80"),
				await run("far.test", "1"),
				await run("bad.test", "80"),
			];
			return { out, asked, strange: strange.code };
		},
		[NETWORKING],
	);
	const at = (port: number) => ({ host: "192.0.2.7", port });
	expect(seen).toEqual({
		out: ["<hello>\n", "connect: 73\n", "resolve: 29\n"],
		asked: ["far.test", at(80), "far.test", at(1), "bad.test"],
		strange: "invalid-option",
	});
});

test("a sandbox without the network has no sockets", async ({ page }) => {
	const seen = await page.evaluate(
		async (packages) => {
			const network = false as const;
			const all = await porthole.Sandbox.create({ packages, capabilities: { network } });
			const some = await porthole.Sandbox.create({ packages });
			const run = (sandbox: Porthole.Sandbox, options: Porthole.CommandOptions = {}) =>
				sandbox.command("networking", ["alone"], options).output();
			const of = [
				await run(all),
				await run(some, { capabilities: { network } }),
				await run(some),
			] as const;
			return of.map((output) => output.text().split("\n")[0]);
		},
		[NETWORKING],
	);
	expect(seen).toEqual(["open: 2", "open: 2", "datagram hello from 127.0.0.1"]);
});

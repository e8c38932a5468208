/**
 * Sandboxes and what is loaded into them: every kind of source, integrity, progress, cancelling,
 * what a Package says of itself, and what two sandboxes share, which is nothing.
 */
import { readFileSync, statSync } from "node:fs";
import { expect, test } from "./library.ts";

const SQLITE = new URL("../public/packages/sqlite.webc", import.meta.url);

test.describe("sources", () => {
	test("a string, a URL, a Request and a Response", async ({ page }) => {
		const result = await page.evaluate(async () => {
			const address = "/packages/sqlite.webc";
			const sources = [
				address,
				new URL(address, location.href),
				new Request(address),
				await fetch(address),
			];
			const runs: string[] = [];
			for (const source of sources) {
				const sandbox = await porthole.Sandbox.create();
				const loaded = await sandbox.load(source);
				const stdin = "select 6 * 7;";
				const { stdout } = await sandbox.command(loaded, ["-batch"], { stdin }).output();
				runs.push(text(stdout));
				await sandbox.close();
			}
			return runs;
		});
		expect(result).toEqual(["42\n", "42\n", "42\n", "42\n"]);
	});

	test("a Blob, an ArrayBuffer, a Uint8Array, and a part of a larger buffer", async ({ page }) => {
		const result = await page.evaluate(async () => {
			const bytes = await packed({
				atoms: { seven: tiny({ code: 7 }) },
				commands: { seven: {} },
				entrypoint: "seven",
			});
			const larger = new Uint8Array(bytes.length + 20);
			larger.set(bytes, 10);
			const sources = [
				new Blob([bytes]),
				new File([bytes], "seven.webc"),
				bytes.slice().buffer,
				bytes,
				larger.subarray(10, -10),
			];
			const codes: number[] = [];
			for (const source of sources) {
				const sandbox = await porthole.Sandbox.create({ packages: [source] });
				codes.push((await sandbox.command("seven").output()).code);
				await sandbox.close();
			}
			// What was given is still the page's.
			return { codes, left: bytes.length > 0 && bytes.buffer.byteLength > 0 };
		});
		expect(result).toEqual({ codes: [7, 7, 7, 7, 7], left: true });
	});

	test("a Package of another sandbox, and of a closed one", async ({ page }) => {
		const result = await page.evaluate(async () => {
			const first = await porthole.Sandbox.create();
			const second = await porthole.Sandbox.create();
			const loaded = await first.load(tiny({ code: 5 }));
			const again = await first.load(loaded);
			const foreign = await caught(second.command(loaded).output());
			await first.close();
			const there = await second.load(loaded);
			const { code } = await second.command(there).output();
			return { same: again === loaded, other: there !== loaded, foreign, code };
		});
		expect(result).toMatchObject({ same: true, other: true, code: 5 });
		expect(result.foreign).toMatchObject({ porthole: true, code: "missing-command" });
	});

	test("a bare module's command is named after its file, or main, or as told", async ({ page }) => {
		const result = await page.evaluate(async () => {
			const sandbox = await porthole.Sandbox.create();
			const bytes = tiny();
			const packages = [
				await sandbox.load(new File([bytes], "greeting.wasm")),
				await sandbox.load(bytes),
				await sandbox.load(bytes, { name: "chosen" }),
				await sandbox.load(URL.createObjectURL(new Blob([bytes])), { name: "linked" }),
			];
			return packages.map(({ format, entrypoint, commands, volumes }) => ({
				format,
				entrypoint,
				commands,
				volumes,
			}));
		});
		const bare = (name: string) => ({
			format: "wasm",
			entrypoint: name,
			commands: [name],
			volumes: [],
		});
		expect(result).toEqual([bare("greeting"), bare("main"), bare("chosen"), bare("linked")]);
	});

	test("anything else is refused by name", async ({ page }) => {
		const result = await page.evaluate(async () => {
			const sandbox = await porthole.Sandbox.create();
			const load = (source: unknown) => caught(sandbox.load(source as string));
			return [
				await load(42),
				await load(null),
				await load(undefined),
				await load({}),
				await load("http://["),
			];
		});
		for (const error of result) {
			expect(error).toMatchObject({ porthole: true, code: "invalid-option" });
		}
		expect(result[4]?.message).toContain("http://[");
	});

	test("a Response that was read before is refused with advice", async ({ page }) => {
		const error = await page.evaluate(async () => {
			const sandbox = await porthole.Sandbox.create();
			const response = new Response(tiny());
			await response.arrayBuffer();
			return caught(sandbox.load(response));
		});
		expect(error).toMatchObject({ porthole: true, code: "invalid-option" });
		expect(error.message).toContain("read");
	});
});

test.describe("what a Package says", () => {
	for (const format of [1, 2, 3] as const) {
		test(`of format ${format}`, async ({ page }) => {
			const result = await page.evaluate(async (format) => {
				const sandbox = await porthole.Sandbox.create();
				const bytes = await packed({
					name: "tests/sample",
					format,
					atoms: { one: tiny({ code: 1 }), two: tiny({ code: 2 }) },
					commands: { first: { atom: { name: "one" } }, second: { atom: { name: "two" } } },
					files: { "docs/readme.txt": "read me" },
					entrypoint: "second",
				});
				const loaded = await sandbox.load(bytes);
				const frozen = Object.isFrozen(loaded);
				const entry = (await sandbox.command(loaded).output()).code;
				const first = (await sandbox.command("first").output()).code;
				const content = await sandbox.fs.readTextFile("/docs/readme.txt");
				const names = Object.keys(loaded.manifest as object).sort();
				return { ...loaded, manifest: names, frozen, entry, first, content };
			}, format);
			expect(result).toMatchObject({
				name: "tests/sample",
				version: "1.0.0",
				format,
				entrypoint: "second",
				commands: ["first", "second"],
				volumes: [{ name: "files", mountPath: "/" }],
				frozen: true,
				entry: 2,
				first: 1,
				content: "read me",
			});
			expect(result.manifest).toEqual(expect.arrayContaining(["atoms", "commands", "package"]));
		});
	}

	test("of two packages, the first loaded is the stronger; commands are files, too", async ({
		page,
	}) => {
		const result = await page.evaluate(async () => {
			const of = (code: number) =>
				packed({
					name: `tests/n${code}`,
					atoms: { same: tiny({ code }) },
					commands: { same: {}, [`only${code}`]: { atom: { name: "same" } } },
					files: { "who.txt": String(code), [`own${code}.txt`]: "own" },
				});
			const sandbox = await porthole.Sandbox.create({ packages: [await of(1), await of(2)] });
			return {
				same: (await sandbox.command("same").output()).code,
				other: (await sandbox.command("only2").output()).code,
				who: await sandbox.fs.readTextFile("/who.txt"),
				own: await sandbox.fs.exists("/own2.txt"),
				bin: (await sandbox.fs.readdir("/bin")).map(({ name }) => name).sort(),
			};
		});
		expect(result).toMatchObject({ same: 1, other: 2, who: "1", own: true });
		expect(result.bin).toEqual(expect.arrayContaining(["only1", "only2", "same"]));
	});
});

test.describe("integrity", () => {
	test("right, wrong and malformed", async ({ page }) => {
		const result = await page.evaluate(async () => {
			const bytes = tiny({ code: 3 });
			const hash = async (name: string) => {
				const digest = await crypto.subtle.digest(name, bytes);
				const base64 = btoa(String.fromCharCode(...new Uint8Array(digest)));
				return `${name.toLowerCase().replace("-", "")}-${base64}`;
			};
			const sandbox = await porthole.Sandbox.create();
			const [sha256, sha384] = [await hash("SHA-256"), await hash("SHA-384")];
			const wrong = `sha256-${btoa("x".repeat(32))}`;
			const right = [sha256, sha384, `${wrong} ${sha256}`, `${wrong} ${sha384}`];
			const names: string[] = [];
			for (const integrity of right) {
				names.push((await sandbox.load(bytes, { integrity })).entrypoint ?? "");
			}
			const refused = [];
			for (const integrity of [wrong, `${sha256} sha384-${btoa("x".repeat(48))}`]) {
				refused.push(await caught(sandbox.load(bytes, { integrity })));
			}
			const malformed = [];
			for (const integrity of ["", "sha256", "md5-AAAA", "sha256-!!"]) {
				malformed.push(await caught(sandbox.load(bytes, { integrity })));
			}
			return { names, refused, malformed, sha256 };
		});
		expect(result.names).toEqual(["main", "main", "main", "main"]);
		for (const error of result.refused) {
			expect(error).toMatchObject({ porthole: true, code: "integrity" });
		}
		expect(result.refused[0]?.message).toContain(result.sha256);
		for (const error of result.malformed) {
			expect(error).toMatchObject({ porthole: true, code: "invalid-option" });
			expect(error.message).toContain("sha256-");
		}
	});

	test("of a URL that could be read in parts, the whole is checked", async ({ page }) => {
		const bytes = readFileSync(SQLITE);
		const digest = await crypto.subtle.digest("SHA-256", bytes);
		const integrity = `sha256-${Buffer.from(digest).toString("base64")}`;
		const result = await page.evaluate(async (integrity) => {
			const sandbox = await porthole.Sandbox.create();
			const wrong = `sha256-${btoa("x".repeat(32))}`;
			const refused = await caught(sandbox.load("/packages/sqlite.webc", { integrity: wrong }));
			const left = await caught(sandbox.command("sqlite").output());
			const loaded = await sandbox.load("/packages/sqlite.webc", { integrity });
			return { refused, left, name: loaded.name };
		}, integrity);
		expect(result.refused.code).toBe("integrity");
		expect(result.left.code).toBe("missing-command");
		expect(result.name).toMatch(/sqlite$/);
	});
});

test.describe("progress and cancelling", () => {
	const orders = { connecting: 0, reading: 1, compiling: 2, ready: 3 };
	for (const kind of ["url", "request", "response", "blob", "bytes"] as const) {
		test(`a ${kind} tells true byte counts, phase after phase`, async ({ page }) => {
			const seen = await page.evaluate(async (kind) => {
				const sandbox = await porthole.Sandbox.create();
				const address = "/packages/sqlite.webc";
				const sources = {
					url: async () => address,
					request: async () => new Request(address),
					response: () => fetch(address),
					blob: async () => (await fetch(address)).blob(),
					bytes: async () => new Uint8Array(await (await fetch(address)).arrayBuffer()),
				};
				const seen: {
					phase: "connecting" | "reading" | "compiling" | "ready";
					loaded: number;
					total: number | undefined;
				}[] = [];
				await sandbox.load(await sources[kind](), {
					lazy: false,
					onProgress: (progress) => seen.push(progress),
				});
				return seen;
			}, kind);
			const { size } = statSync(SQLITE);
			const phases = seen.map(({ phase }) => orders[phase]);
			expect(phases).toEqual([...phases].sort());
			expect(new Set(phases)).toEqual(
				new Set(kind === "url" || kind === "request" ? [0, 1, 2, 3] : [1, 2, 3]),
			);
			const counts = seen.map(({ loaded }) => loaded);
			expect(counts).toEqual([...counts].sort((a, b) => a - b));
			expect(seen.at(-1)).toEqual({ phase: "ready", loaded: size, total: size });
			const totals = new Set(seen.map(({ total }) => total ?? size));
			expect([...totals]).toEqual([size]);
		});
	}

	test("a URL is read in parts: less than the whole before the package is there", async ({
		page,
	}) => {
		const result = await page.evaluate(async () => {
			const sandbox = await porthole.Sandbox.create();
			let read = 0;
			const loaded = await sandbox.load("/packages/clang.webc", {
				onProgress: ({ loaded }) => {
					read = loaded;
				},
			});
			const header = (await sandbox.fs.readdir("/")).length;
			return { read, name: loaded.name, header: header > 0 };
		});
		expect(result).toMatchObject({ name: expect.stringMatching(/clang$/), header: true });
		expect(result.read).toBeLessThan(statSync(new URL("clang.webc", SQLITE)).size);
	});

	test("a signal that is aborted before, and one that is aborted while bytes arrive", async ({
		page,
	}) => {
		const result = await page.evaluate(async () => {
			const sandbox = await porthole.Sandbox.create();
			const before = await caught(
				sandbox.load("/packages/sqlite.webc", { signal: AbortSignal.abort(new Error("no need")) }),
			);
			const during = async (source: string | Response | Request) => {
				const abort = new AbortController();
				return caught(
					sandbox.load(source, {
						lazy: false,
						signal: abort.signal,
						onProgress: ({ phase }) => {
							if (phase === "reading") abort.abort(new Error("changed my mind"));
						},
					}),
				);
			};
			const endless = () =>
				new Response(
					new ReadableStream({
						start: (controller) => controller.enqueue(new Uint8Array(10)),
						pull: () => new Promise(() => {}),
					}),
				);
			const errors = [
				await during("/packages/clang.webc"),
				await during(new Request("/packages/clang.webc")),
				await during(endless()),
			];
			const { code } = await sandbox.command(await sandbox.load(tiny({ code: 4 }))).output();
			return { before, errors, code, left: await caught(sandbox.command("clang").output()) };
		});
		expect(result.before).toMatchObject({ name: "Error", message: "no need" });
		for (const error of result.errors) expect(error.message).toBe("changed my mind");
		expect(result.code).toBe(4);
		expect(result.left.code).toBe("missing-command");
	});

	test("the options of a sandbox have both, for all its packages", async ({ page }) => {
		const result = await page.evaluate(async () => {
			const packages = [tiny(), "/packages/sqlite.webc"];
			const phases: string[] = [];
			const onProgress = ({ phase }: { phase: string }) => phases.push(phase);
			const sandbox = await porthole.Sandbox.create({ packages, onProgress });
			await sandbox.close();
			const already = await caught(
				porthole.Sandbox.create({ packages, signal: AbortSignal.abort(new Error("never")) }),
			);
			const abort = new AbortController();
			const during = await caught(
				porthole.Sandbox.create({
					packages,
					signal: abort.signal,
					onProgress: () => abort.abort(new Error("stop")),
				}),
			);
			return { ready: phases.filter((phase) => phase === "ready").length, already, during };
		});
		expect(result.ready).toBe(2);
		expect(result.already.message).toBe("never");
		expect(result.during).toMatchObject({ message: "stop" });
	});
});

test.describe("a sandbox", { tag: "@waits" }, () => {
	test("tells its environment, and why", async ({ page }, { project }) => {
		const environment = await page.evaluate(async () => {
			const sandbox = await porthole.Sandbox.create();
			return sandbox.environment;
		});
		expect(environment).toMatchObject({
			bridge: "suspending",
			crossOriginIsolated: project.name.endsWith("-isolated"),
			features: { jspi: true, sharedMemory: project.name.endsWith("-isolated") },
		});
		expect(environment.why).toContain("JSPI");
		expect(environment.clockResolution).toBeGreaterThan(0);
	});

	test("shares nothing with another", async ({ page }) => {
		const result = await page.evaluate(async () => {
			const options = { packages: [tiny({ code: 1 })], files: { "/same.txt": "first" } };
			const first = await porthole.Sandbox.create(options);
			const second = await porthole.Sandbox.create({ files: { "/same.txt": "second" } });
			await first.fs.writeFile("/only.txt", "first");
			await first.fs.writeFile("/tmp/only.txt", "first");
			const missing = await caught(second.command("main").output());
			const seen = {
				first: await first.fs.readTextFile("/same.txt"),
				second: await second.fs.readTextFile("/same.txt"),
				only: await second.fs.exists("/only.txt"),
				tmp: await second.fs.exists("/tmp/only.txt"),
			};
			await first.close();
			return { missing, ...seen, after: await second.fs.readTextFile("/same.txt") };
		});
		expect(result).toMatchObject({
			first: "first",
			second: "second",
			only: false,
			tmp: false,
			after: "second",
		});
		expect(result.missing.code).toBe("missing-command");
	});

	test("that is closed refuses everything, and closing again is nothing", async ({ page }) => {
		const result = await page.evaluate(async () => {
			const sandbox = await porthole.Sandbox.create({ packages: [tiny()] });
			const command = sandbox.command("main");
			await sandbox.close();
			await sandbox.close();
			const other = await porthole.Sandbox.create();
			await other[Symbol.asyncDispose]();
			return [
				await caught(command.output()),
				await caught(command.spawn()),
				await caught(sandbox.load(tiny())),
				await caught(sandbox.fs.readFile("/x")),
				await caught(sandbox.mount("/x", new porthole.MemoryDirectory())),
				await caught(sandbox.sync()),
				await caught(other.fs.readdir("/")),
			];
		});
		for (const error of result) expect(error).toMatchObject({ porthole: true, code: "closed" });
	});

	test("that is closed twice at once ends once, and both wait for it", async ({ page }) => {
		const result = await page.evaluate(async () => {
			let written = "";
			const memory = new porthole.MemoryDirectory();
			const directory = {
				list: (path: string) => memory.list(path),
				read: (path: string, at: number, length: number) => memory.read(path, at, length),
				resize: (path: string, size: number) => memory.resize(path, size),
				make: (path: string, type: "file" | "directory") => memory.make(path, type),
				remove: (path: string) => memory.remove(path),
				rename: (from: string, to: string) => memory.rename(from, to),
				async write(path: string, at: number, bytes: Uint8Array) {
					await new Promise((resolve) => setTimeout(resolve, 200));
					await memory.write(path, at, bytes);
					written = path;
				},
			};
			const sandbox = await porthole.Sandbox.create({ mounts: { "/home": directory } });
			await sandbox.fs.writeFile("/home/note.txt", "kept");
			const seen: string[] = [];
			const closing = () => sandbox.close().then(() => seen.push(written));
			await Promise.all([closing(), closing()]);
			return seen;
		});
		expect(result).toHaveLength(2);
		for (const written of result) expect(written).toContain("note.txt");
	});

	test("takes the worker from where it is told, and says so where there is none", async ({
		page,
	}) => {
		const result = await page.evaluate(async () => {
			const sandbox = await porthole.Sandbox.create({
				workerUrl: "/dist/guest.js",
				packages: [tiny({ code: 6 })],
			});
			const { code } = await sandbox.command("main").output();
			const url = new URL("/dist/guest.js", location.href);
			const second = await porthole.Sandbox.create({ workerUrl: url });
			await second.close();
			return {
				code,
				missing: await caught(porthole.Sandbox.create({ workerUrl: "/dist/nothing.js" })),
			};
		});
		expect(result.code).toBe(6);
		expect(result.missing).toMatchObject({ porthole: true, code: "worker-failed" });
		expect(result.missing.message).toContain("workerUrl");
	});

	test("refuses options that make no sense, by name", async ({ page }) => {
		const result = await page.evaluate(async () => {
			const refused: Record<string, Caught> = {};
			const create = async (name: string, options: unknown) => {
				refused[name] = await caught(porthole.Sandbox.create(options as object));
			};
			await create("bridge", { bridge: "telepathic" });
			await create("env", { env: { "A=B": "c" } });
			await create("hostEnv", { hostEnv: { A: 1 } });
			await create("files", { files: { "relative.txt": "" } });
			await create("mounts", { mounts: { "/x": {} } });
			await create("capabilities", { capabilities: { network: true } });
			await create("packages", { packages: "/packages/sqlite.webc" });
			await create("signal", { signal: "soon" });
			await create("onProgress", { onProgress: "loudly" });
			return refused;
			type Caught = Awaited<ReturnType<typeof caught>>;
		});
		for (const [name, error] of Object.entries(result)) {
			expect(error, name).toMatchObject({ porthole: true, code: "invalid-option" });
			expect(error.message, name).toContain(name === "capabilities" ? "network" : name);
		}
	});

	test("refuses the bridges that it cannot have, and says what is missing", async ({ page }) => {
		const errors = await page.evaluate(async () => {
			const refused = [];
			if (!crossOriginIsolated) {
				refused.push(await caught(porthole.Sandbox.create({ bridge: "blocking" })));
			}
			Reflect.deleteProperty(WebAssembly, "Suspending");
			refused.push(await caught(porthole.Sandbox.create({ bridge: "suspending" })));
			return refused;
		});
		for (const error of errors) expect(error).toMatchObject({ code: "not-supported" });
		expect(errors.at(-1)?.message).toContain("Chrome 137");
		if (errors.length > 1) expect(errors[0]?.message).toContain("Cross-Origin-Opener-Policy");
	});
});

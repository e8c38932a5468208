/**
 * Parts of the library that are loaded late, on a network that fails and comes back: each call that needs one
 * rejects with an error that names it, and the next call works.
 */
import { expect, fresh as test } from "./library.ts";

test("a part that cannot be fetched is named, and the next call tries again", async ({ page }) => {
	const gone = /\/dist\/(index|guest)-(?!kernel|wire)[a-z0-9-]+\.js$/;
	await page.evaluate(async () => {
		const sandbox = await porthole.Sandbox.create();
		const module = new WebAssembly.Module(tiny({ code: 3 }));
		const calls = {
			"file-calls": () => sandbox.fs.writeFile("/a", "b"),
			"lend-store": () => sandbox.mount("/m", new porthole.MemoryDirectory()),
			"attach-streams": () =>
				sandbox
					.command("it", [], { stdin: "text", mappedCommands: { it: module } })
					.output()
					.then(({ code }) => code),
			"host-env": () =>
				sandbox
					.command("it", [], { forwardHostEnv: true, mappedCommands: { it: module } })
					.output()
					.then(({ code }) => code),
			"local-source": () => sandbox.load(tiny(), { name: "tiny" }).then(({ name }) => name),
		};
		Object.assign(globalThis, { calls });
	});
	const outcomes = () =>
		page.evaluate(async () => {
			const { calls } = globalThis as unknown as { calls: Record<string, () => Promise<unknown>> };
			const found: string[] = [];
			for (const [part, call] of Object.entries(calls)) {
				const error = await call().then(
					() => null,
					({ name, code, message }) => `${name} ${code} ${message.includes(`-${part}`)}`,
				);
				found.push(error ?? "done");
			}
			return found;
		});
	await page.route(gone, (route) => route.abort());
	expect(await outcomes()).toEqual(Array(5).fill("PortholeError network-error true"));
	await page.unroute(gone);
	expect(await outcomes()).toEqual(Array(5).fill("done"));
});

test("so are those of the other entries", async ({ page }) => {
	await page.route(/(inline-lend-store|element-terminal-view)\.js$/, (route) => route.abort());
	const outcomes = await page.evaluate(async () => {
		const base = new URL("/dist/", location.href);
		const inline: typeof porthole = await import(new URL("inline.js", base).href);
		const sandbox = await inline.Sandbox.create();
		const directory = new inline.MemoryDirectory();
		const call = await sandbox.mount("/m", directory).catch((error) => error);
		await import(new URL("element.js", base).href);
		const element = document.createElement("porthole-terminal");
		const failed = new Promise((resolve) => element.addEventListener("failure", resolve));
		element.setAttribute("src", "/packages/sqlite.webc");
		document.body.append(element);
		const { detail } = (await failed) as CustomEvent;
		return [
			call instanceof inline.PortholeError && `${call.code} ${call.message}`,
			detail instanceof porthole.PortholeError && `${detail.code} ${detail.message}`,
		];
	});
	expect(outcomes).toEqual([
		expect.stringMatching(/^network-error .*\/inline-lend-store/),
		expect.stringMatching(/^network-error .*\/element-terminal-view/),
	]);
});

/**
 * `sandbox.fs` in bulk: directories as archives, and watching, on mounts and while programs run.
 */
import { expect, test } from "./library.ts";

const PYTHON = { packages: ["/packages/python.webc"] };

for (const format of ["tar", "tar.gz", "zip"] as const) {
	test(`${format}: a directory goes out and comes in again, and Python reads the archive`, async ({
		page,
	}) => {
		const result = await page.evaluate(
			async ([options, kind]) => {
				const mount = () => new porthole.MemoryDirectory({ "sub/b.txt": "second", "empty/": "" });
				const sandbox = await porthole.Sandbox.create({ ...options, mounts: { "/d": mount() } });
				const { fs } = sandbox;
				await fs.writeFile("/d/a.txt", "first");
				await fs.symlink("sub/b.txt", "/d/link");
				await fs.utimes("/d/a.txt", 1000_000, 1000_000);
				const blob = await new Response(await fs.exportArchive("/d", { format: kind })).blob();
				const other = new porthole.MemoryDirectory();
				await sandbox.mount("/to", other);
				const done = await fs.importArchive(blob, "/to/deep");
				await fs.writeFile("/tmp/archive", new Uint8Array(await blob.arrayBuffer()));
				const listing =
					kind === "zip"
						? "import zipfile; print(sorted(zipfile.ZipFile('/tmp/archive').namelist()))"
						: "import tarfile; print(sorted(tarfile.open('/tmp/archive', 'r:').getnames()))";
				await sandbox.sync();
				return {
					done,
					a: await fs.readTextFile("/to/deep/a.txt"),
					time: (await fs.stat("/to/deep/a.txt")).mtimeMs,
					link: await fs.readlink("/to/deep/link"),
					empty: await fs.readdir("/to/deep/empty"),
					kept: text(await other.read("/deep/sub/b.txt", 0, 99)),
					// This Python has no zlib.
					names: kind === "tar.gz" ? null : (await py(sandbox, listing)).out,
				};
			},
			[PYTHON, format] as const,
		);
		const names = {
			tar: "['a.txt', 'empty', 'link', 'sub', 'sub/b.txt']\n",
			zip: "['a.txt', 'empty/', 'link', 'sub/', 'sub/b.txt']\n",
			"tar.gz": null,
		};
		expect(result).toEqual({
			done: { entries: 5, bytes: 11, skipped: 0 },
			a: "first",
			time: 1000_000,
			link: "sub/b.txt",
			empty: [],
			kept: "second",
			names: names[format],
		});
	});
}

test("an archive is made as fast as it is read, and holds what a program writes meanwhile", async ({
	page,
}) => {
	const result = await page.evaluate(async (options) => {
		const sandbox = await porthole.Sandbox.create({
			...options,
			mounts: { "/d": new porthole.MemoryDirectory() },
		});
		const { fs } = sandbox;
		const noise = new Uint8Array(1 << 20);
		for (let at = 0; at < noise.length; at += 1 << 16) {
			crypto.getRandomValues(noise.subarray(at, at + (1 << 16)));
		}
		for (let n = 0; n < 64; n++) await fs.writeFile(`/d/noise${String(n).padStart(2, "0")}`, noise);
		const reader = (await fs.exportArchive("/d", { format: "tar.gz" })).getReader();
		let seen = (await reader.read()).value?.length ?? 0;
		// Nobody reads on, so the last file is far from being read and may still change.
		await fs.writeFile("/d/noise63", "short");
		for (let next = await reader.read(); !next.done; next = await reader.read()) {
			seen += next.value.length;
		}
		return seen;
	}, PYTHON);
	expect(result).toBeGreaterThan(63 << 20);
	expect(result).toBeLessThan(64 << 20);
});

test("what means harm stays inside, and the entry is named", async ({ page }) => {
	const result = await page.evaluate(async () => {
		const { fs } = await porthole.Sandbox.create({ files: { "/outside/f": "kept" } });
		await fs.mkdir("/evil");
		await fs.mkdir("/evil/s");
		await fs.writeFile("/evil/s/f", "evil");
		const archive = await new Response(await fs.exportArchive("/evil")).blob();
		await fs.mkdir("/to");
		await fs.symlink("/outside", "/to/s");
		const through = await caught(fs.importArchive(archive, "/to"));
		const large = await caught(fs.importArchive(archive, "/other", { maxBytes: 3 }));
		const none = await caught(fs.exportArchive("/nothing"));
		return { through, large, none, kept: await fs.readTextFile("/outside/f") };
	});
	expect(result.through).toMatchObject({ porthole: true, code: "ENOTDIR" });
	expect(result.through.message).toContain('"s/"');
	expect(result.large).toMatchObject({ porthole: true, code: "too-large" });
	expect(result.large.message).toContain('"s/f"');
	expect(result.none.code).toBe("ENOENT");
	expect(result.kept).toBe("kept");
});

test("watch sees what a running program does in a mount, in directories below too", async ({
	page,
}) => {
	const result = await page.evaluate(async (options) => {
		const sandbox = await porthole.Sandbox.create({
			...options,
			mounts: { "/d": new porthole.MemoryDirectory({ "sub/old.txt": "old" }) },
		});
		const stop = new AbortController();
		const changes: string[] = [];
		const has = (wanted: string) => until(() => changes.includes(wanted));
		const code = `
import os, sys
for line in sys.stdin:
    exec(line)
    print('done', flush=True)
`;
		const process = await sandbox.command("python", ["-c", code]).spawn();
		const said = lines(process.stdout);
		const keys = process.stdin.getWriter();
		const tell = async (line: string) => {
			await keys.write(new TextEncoder().encode(`${line}\n`));
			await said();
		};
		await tell("pass");
		const watching = (async () => {
			for await (const { type, path } of sandbox.fs.watch("/d", {
				recursive: true,
				signal: stop.signal,
			})) {
				changes.push(`${type} ${path}`);
			}
		})();
		await new Promise((resolve) => setTimeout(resolve, 300));
		await tell("open('/d/sub/new.txt', 'w').write('x')");
		await has("create /d/sub/new.txt");
		await tell("open('/d/sub/old.txt', 'a').write('er')");
		await has("modify /d/sub/old.txt");
		// The page sees it while the program runs, and the other way round.
		const seen = await sandbox.fs.readTextFile("/d/sub/old.txt");
		await tell("os.makedirs('/d/x/y')");
		await has("create /d/x/y");
		await tell("os.remove('/d/sub/new.txt')");
		await has("remove /d/sub/new.txt");
		await sandbox.fs.writeFile("/d/x/y/z", "from the page");
		await has("create /d/x/y/z");
		await tell("print(open('/d/x/y/z').read())");
		stop.abort();
		await watching;
		await keys.close();
		const { code: exit } = await process.status;
		return { seen, exit, wrong: changes.filter((change) => change.endsWith(" /d/sub")) };
	}, PYTHON);
	expect(result).toEqual({ seen: "older", exit: 0, wrong: [] });
});
